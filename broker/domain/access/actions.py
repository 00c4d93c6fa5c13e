"""Everything that a caller can ask for, and what of it only reads."""

from enum import StrEnum
from typing import Final

from broker.protocol.nodes import Kind


class Action(StrEnum):
    """What a route, or a step of a use case, asks for: `<what>.<verb>`."""

    ACCOUNT_CREATE = "account.create"
    ACCOUNT_LIST = "account.list"
    ACCOUNT_VIEW = "account.view"
    ACCOUNT_ADMINISTER = "account.administer"
    TOKEN_MANAGE = "token.manage"  # noqa: S105
    PRIVILEGES_VIEW = "privileges.view"
    PRIVILEGES_GRANT = "privileges.grant"
    QUOTA_VIEW = "quota.view"
    QUOTA_SET = "quota.set"
    QUOTA_PREVIEW = "quota.preview"
    QUOTA_MIX_VIEW = "quota.mix_view"
    QUOTA_MIX_SET = "quota.mix_set"
    DONATION_VIEW = "donation.view"
    DONATION_SET = "donation.set"
    CONTRIBUTION_ADD = "contribution.add"
    GROUP_VIEW = "group.view"
    GROUP_ADMINISTER = "group.administer"
    PREEMPTION_VIEW = "preemption.view"
    PREEMPTION_SET = "preemption.set"
    TEAM_VIEW = "team.view"
    TEAM_EDIT = "team.edit"

    SHARE = "share"  # change who holds what on a node
    AUDIT = "audit"  # see who holds what on a node
    AUDIT_LIST = "audit.list"
    MOVE = "move"
    TRASH_LIST = "trash.list"
    PURGE = "purge"  # remove for good what lies in the trash

    # Of a route that takes nodes of any kind; asked is what KINDS says of the node's own kind.
    NODE_VIEW = "node.view"
    NODE_EDIT = "node.edit"
    NODE_DELETE = "node.delete"

    PROJECT_CREATE = "project.create"
    PROJECT_VIEW = "project.view"
    PROJECT_EDIT = "project.edit"
    PROJECT_DELETE = "project.delete"
    PROJECT_RUN = "project.run"
    BIND_DATA = "bind.data"
    BIND_ENV = "bind.env"
    FOLDER_CREATE = "folder.create"
    FOLDER_VIEW = "folder.view"
    FOLDER_EDIT = "folder.edit"
    FOLDER_DELETE = "folder.delete"
    FILE_UPLOAD = "file.upload"
    FILE_VIEW = "file.view"
    FILE_DOWNLOAD = "file.download"
    FILE_EDIT = "file.edit"
    FILE_DELETE = "file.delete"
    TABLE_LIST = "table.list"
    TABLE_CREATE = "table.create"
    TABLE_VIEW = "table.view"
    TABLE_EDIT = "table.edit"
    TABLE_DELETE = "table.delete"

    APP_LIST = "app.list"
    APP_CREATE = "app.create"  # asked of the node that the app will lie in
    APP_VIEW = "app.view"
    APP_EDIT = "app.edit"
    APP_DELETE = "app.delete"
    APP_DEPRECATE = "app.deprecate"
    APP_RUN_PUBLISHED = "app.run_published"
    APP_VIEW_DRAFT = "app.view_draft"
    APP_VERSION_HISTORY = "app.version_history"
    APP_EDIT_HISTORY = "app.edit_history"
    VERSION_CREATE = "version.create"
    VERSION_PUBLISH = "version.publish"
    VERSION_DEPRECATE = "version.deprecate"

    BATCH_SUBMIT = "batch.submit"  # may anybody submit at all; what exactly: see `submission`
    BATCH_LIST = "batch.list"
    BATCH_VIEW = "batch.view"
    BATCH_OUTPUT = "batch.output"
    BATCH_TERMINATE = "batch.terminate"
    BATCH_RERUN = "batch.rerun"
    BATCH_UNSHARE = "batch.unshare"
    BATCH_BREAK_GLASS = "batch.break_glass"  # read what is strictly personal, for a while
    BLOB_UPLOAD = "blob.upload"

    DATA_LIST = "data.list"
    DATA_VIEW = "data.view"
    DATA_READ = "data.read"
    DATA_WRITE = "data.write"
    DATA_IMPORT = "data.import"
    DATA_DELETE = "data.delete"
    DATA_EDIT = "data.edit"
    POOL_LIST = "pool.list"
    POOL_VIEW = "pool.view"
    POOL_ENROLL = "pool.enroll"  # let hosts join a pool that is not open
    POOL_EDIT = "pool.edit"
    IMAGE_LIST = "image.list"
    IMAGE_VIEW = "image.view"
    IMAGE_COPY = "image.copy"
    IMAGE_EDIT = "image.edit"

    SHARES_VIEW = "shares.view"
    EVENTS_VIEW = "events.view"
    HOST_LIST = "host.list"
    HOST_VIEW = "host.view"
    HOST_ADMINISTER = "host.administer"
    HOST_ENROLL_TOKEN = "host.enroll_token"  # noqa: S105
    LEASE_WORK = "lease.work"


A = Action
READS: Final = frozenset(
    {
        A.ACCOUNT_LIST,
        A.ACCOUNT_VIEW,
        A.PRIVILEGES_VIEW,
        A.QUOTA_VIEW,
        A.QUOTA_PREVIEW,
        A.QUOTA_MIX_VIEW,
        A.DONATION_VIEW,
        A.GROUP_VIEW,
        A.PREEMPTION_VIEW,
        A.TEAM_VIEW,
        A.AUDIT,
        A.AUDIT_LIST,
        A.TRASH_LIST,
        A.NODE_VIEW,
        A.PROJECT_VIEW,
        A.FOLDER_VIEW,
        A.FILE_VIEW,
        A.FILE_DOWNLOAD,
        A.TABLE_LIST,
        A.TABLE_VIEW,
        A.APP_LIST,
        A.APP_VIEW,
        A.APP_VIEW_DRAFT,
        A.APP_VERSION_HISTORY,
        A.APP_EDIT_HISTORY,
        A.BATCH_LIST,
        A.BATCH_VIEW,
        A.BATCH_OUTPUT,
        A.DATA_LIST,
        A.DATA_VIEW,
        A.POOL_LIST,
        A.POOL_VIEW,
        A.IMAGE_LIST,
        A.IMAGE_VIEW,
        A.IMAGE_COPY,
        A.SHARES_VIEW,
        A.EVENTS_VIEW,
        A.HOST_LIST,
        A.HOST_VIEW,
    }
)

# Who may not do this to a thing of this kind does not learn that it exists: 404, not 403.
VIEW_OF: Final[dict[Kind, Action | None]] = {
    Kind.DEPLOYMENT: None,
    Kind.APP: A.APP_VIEW,
    Kind.PROJECT: A.PROJECT_VIEW,
    Kind.WORKSPACE: A.PROJECT_VIEW,
    Kind.FOLDER: A.FOLDER_VIEW,
    Kind.TABLE: A.TABLE_VIEW,
    Kind.FILE: A.FILE_VIEW,
    Kind.DATA_ROOT: A.DATA_VIEW,
    Kind.POOL: A.POOL_VIEW,
    Kind.IMAGE: A.IMAGE_VIEW,
    Kind.BATCH: A.BATCH_VIEW,
    Kind.ACCOUNT: A.ACCOUNT_VIEW,
    Kind.TEAM: A.TEAM_VIEW,
    Kind.HOST: A.HOST_VIEW,
    Kind.LEASE: None,
}

# What is asked of a node of a kind where a route takes nodes of any; what is missing cannot be.
KINDS: Final[dict[Action, dict[Kind, Action]]] = {
    A.NODE_VIEW: {kind: view for kind, view in VIEW_OF.items() if view is not None}
    | {Kind.DEPLOYMENT: A.AUDIT},
    A.NODE_EDIT: {
        Kind.PROJECT: A.PROJECT_EDIT,
        Kind.WORKSPACE: A.PROJECT_EDIT,
        Kind.FOLDER: A.FOLDER_EDIT,
        Kind.TABLE: A.TABLE_EDIT,
        Kind.FILE: A.FILE_EDIT,
    },
    A.NODE_DELETE: {
        Kind.PROJECT: A.PROJECT_DELETE,
        Kind.APP: A.APP_DELETE,
        Kind.FOLDER: A.FOLDER_DELETE,
        Kind.TABLE: A.TABLE_DELETE,
        Kind.FILE: A.FILE_DELETE,
    },
}


def own(action: Action) -> str:
    """The right to an action on what one has made oneself."""
    return _OWN[action]


_OWN: Final = {action: f"{action}:own" for action in Action}

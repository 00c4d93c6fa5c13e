"""The tree of things that are shared: kinds of nodes, the roles on them, and who can hold one."""

from enum import StrEnum

from broker.protocol.ids import NodeId, PrincipalId

NODE_DEPTH_MAX = 32  # levels below the deployment

DEPLOYMENT = NodeId(1)
EVERYONE = PrincipalId(-1)
REGISTERED = PrincipalId(-2)


class Kind(StrEnum):
    """What can be asked about. All but the last four are nodes of the tree."""

    DEPLOYMENT = "deployment"
    APP = "app"
    PROJECT = "project"
    WORKSPACE = "workspace"
    FOLDER = "folder"
    TABLE = "table"
    FILE = "file"
    DATA_ROOT = "data_root"
    POOL = "pool"
    IMAGE = "image"
    BATCH = "batch"
    ACCOUNT = "account"
    TEAM = "team"
    HOST = "host"
    LEASE = "lease"


class Role(StrEnum):
    """What an entry of an access list gives. `broker.domain.access.roles` says what it contains."""

    MEMBER = "member"
    READER = "reader"
    DOWNLOADER = "downloader"
    EXECUTOR = "executor"
    EDITOR = "editor"
    WRITER = "writer"
    OWNER = "owner"
    SUBMITTER = "submitter"
    APP_ADMIN = "app_admin"
    SUBMIT_ALL = "submit_all"
    MANAGER = "manager"
    HOST = "host"


class Mode(StrEnum):
    """How a project may use a data root that is bound to it."""

    READ = "read"
    WRITE = "write"


class Isolation(StrEnum):
    """What others see of the batches of an app."""

    PERSONAL = "personal"
    SHARED = "shared"
    READ_SHARED = "read_shared"
    STRICT_PERSONAL = "strict_personal"

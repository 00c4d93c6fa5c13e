"""The tree of things that are shared: kinds of nodes, the roles on them, and who can hold one."""

from enum import StrEnum
from typing import NamedTuple

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


# Where batches, apps and tables lie.
PLACES = frozenset({Kind.PROJECT, Kind.WORKSPACE, Kind.FOLDER})


class Spot(NamedTuple):
    """How a node is named: by its id, or by its name in a place.

    Args:
        id: None where the other fields name it.
        project: handle of the project that it lies in.
        place_id: of the project, workspace or folder that it lies in; likewise its kind. Without
            place and project it lies directly below the deployment.
    """

    id: NodeId | None = None
    name: str | None = None
    project: str | None = None
    place_id: NodeId | None = None
    place_kind: Kind | None = None


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
    """What others see of the batches of an app; `broker.domain.isolation` orders them."""

    PERSONAL = "personal"  # the people of the place where it lies
    SHARED = "shared"  # and those who see the app: batch and outputs
    READ_SHARED = "read_shared"  # and those who see the app: the batch alone
    STRICT_PERSONAL = "strict_personal"  # the people of its place, and no admin of any kind

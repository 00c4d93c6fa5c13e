"""The tree of things that are shared: kinds of nodes, the roles on them, and who can hold one."""

from datetime import datetime
from enum import StrEnum
from typing import Final

from broker.protocol.base import Digest, Label, Message, View
from broker.protocol.ids import AccountRef, NodeId, PrincipalId, number_of, show

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


# -- on the wire ------------------------------------------------------------------------------

Reference = str
"""A node by id ("folder_18"), a project by its handle, or another unique handle behind its kind
("app:ising")."""


def prefix_of(kind: Kind) -> str:
    """What stands before the number in the public ids of a kind."""
    return "root" if kind is Kind.DATA_ROOT else kind.value


def show_node(kind: Kind, number: int) -> str:
    """The public id of a node: its kind, and its number (of a batch, the batch's own)."""
    return show(prefix_of(kind), number)


PREFIXES: Final = {
    prefix_of(kind): kind
    for kind in Kind
    if kind not in (Kind.ACCOUNT, Kind.TEAM, Kind.HOST, Kind.LEASE)
}


def parse_node(text: str) -> tuple[Kind, int] | None:
    """Kind and number of a public id; None for something else."""
    prefix, _, _ = text.rpartition("_")
    kind, number = PREFIXES.get(prefix), number_of(text)
    return None if kind is None or number is None else (kind, number)


class Node(View):
    """Something that lies in the tree."""

    id: str
    """Its kind and number, e.g. `folder_18`."""
    kind: Kind
    """What it is."""
    name: str
    """Unique among what lies beside it and is of its kind; of a batch its name for people."""
    parent: str | None
    """What it lies in; null for the deployment."""
    project: str | None
    """The project or workspace that it lies in, or is; null outside of any."""
    benefactor_id: str
    """The node whose access list governs it: itself, or one above it."""
    created_by: AccountRef | None
    """Who made it; null for what the deployment brings along."""
    created_by_name: str | None
    """Handle of that account."""
    created_at: datetime
    trashed_at: datetime | None = None
    """When it was put into the trash; null while it was not."""
    size_bytes: int | None = None
    """Bytes of a file; null for everything else."""
    sha256: Digest | None = None
    """Digest of a file's content; null for everything else."""


class NodeChange(Message):
    """Changes of a node."""

    name: Label
    """Its new name."""


class MoveRequest(Message):
    """Where a node goes."""

    parent: Reference
    """Project, workspace or folder that it will lie in: id, or handle of a project."""


class FolderRequest(Message):
    """A new folder."""

    parent: Reference
    """Project, workspace or folder that it will lie in: id, or handle of a project."""
    name: Label
    """Unique among the folders beside it."""

"""Whether what the shell of a host may read agrees with what the broker allows (C7).

The broker knows the uid and gid of a data root, and those that are set for accounts and their
teams. That the files on the disk really have them, only the disk knows.
"""

from collections.abc import Collection

from broker.domain.unix_accounts import UnixIds
from broker.protocol.data_roots import Difference


def difference(root: UnixIds, ids: Collection[UnixIds], *, may_read: bool) -> Difference | None:
    """How they differ about one account; None when they agree.

    Args:
        root: under which ids the files are used.
        ids: what is set for the account and for its teams.
        may_read: whether an access list lets the account's jobs read the root.
    """
    in_shell = any(each.uid == root.uid or each.gid == root.gid for each in ids)
    if in_shell == may_read:
        return None
    if in_shell:
        return Difference.NO_ROLE
    return Difference.OTHER_GROUP if ids else Difference.NOT_MAPPED

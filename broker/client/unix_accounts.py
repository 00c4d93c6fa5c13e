"""Execution accounts of accounts and teams."""

from broker.client.transport import Ref, Transport, ref
from broker.protocol.unix_accounts import UnixAccount, UnixIdentity, UnixRequest


def _path(account: Ref | None, team: Ref | None) -> str:
    if (account is None) == (team is None):
        raise ValueError("name an account or a team")
    if team is not None:
        return f"/v1/teams/{ref('team', team)}/unix"
    assert account is not None
    return f"/v1/accounts/{ref('account', account)}/unix"


async def get_unix(
    http: Transport, *, account: Ref | None = None, team: Ref | None = None
) -> UnixAccount:
    """As which uid and gid the jobs of an account, or of a team's members, run on hosts."""
    return await http.call("GET", _path(account, team), UnixAccount)


async def set_unix(
    http: Transport, request: UnixRequest, *, account: Ref | None = None, team: Ref | None = None
) -> UnixIdentity:
    """Set the uid and gid of an account's jobs, or of those of a team's members; for admins."""
    body = request.model_dump_json().encode()  # whole: a PUT replaces
    return await http.call("PUT", _path(account, team), UnixIdentity, body=body)


async def remove_unix(
    http: Transport, *, account: Ref | None = None, team: Ref | None = None
) -> None:
    """Take the uid and gid of an account or team away; for admins."""
    await http.act("DELETE", _path(account, team))

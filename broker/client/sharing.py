"""Access lists, and the questions about them: who can, why, and what is shared on its own."""

from collections.abc import AsyncGenerator, Sequence

from broker.client.nodes import node_path
from broker.client.pages import listing
from broker.client.transport import Transport, ref
from broker.protocol.base import Page
from broker.protocol.nodes import Node, Role
from broker.protocol.sharing import (
    AccessList,
    AccessListRequest,
    Entry,
    GrantRequest,
    OverrideRequest,
)
from broker.protocol.who_can import AccessExplanation, Holder


def _entry(node: str, principal: str) -> str:
    return node_path(node, f"/acl/{ref('principal', principal)}")


async def get_access_list(http: Transport, node: str) -> AccessList:
    """The access list that governs a node, and whose list it is."""
    return await http.call("GET", node_path(node, "/acl"), AccessList)


async def set_access_list(http: Transport, node: str, entries: Sequence[Entry]) -> AccessList:
    """Replace the whole access list of a node that has its own."""
    request = AccessListRequest(entries=list(entries))
    return await http.call("PUT", node_path(node, "/acl"), AccessList, body=request)


async def share_node(http: Transport, node: str, principal: str, *roles: Role) -> AccessList:
    """Give an account, a team ("team:physics"), `registered` or `everyone` roles on a node with a
    list of its own, in the place of those that it has."""
    request = GrantRequest(roles=list(roles))
    return await http.call("PUT", _entry(node, principal), AccessList, body=request)


async def unshare_node(http: Transport, node: str, principal: str) -> None:
    """Take all roles of an account, team or group on a node away."""
    await http.act("DELETE", _entry(node, principal))


async def override_node(
    http: Transport,
    node: str,
    *,
    entries: Sequence[Entry] | None = None,
    private: bool = False,
) -> AccessList:
    """Give something that inherits an access list of its own.

    Args:
        entries: the list; null copies the inherited one.
        private: leave `everyone` and `registered` out of the copy.
    """
    given = None if entries is None else list(entries)
    request = OverrideRequest(entries=given, private=private)
    return await http.call("POST", node_path(node, ":override"), AccessList, body=request)


async def restore_node(http: Transport, node: str) -> AccessList:
    """Take the access list of its own away from something: it inherits again."""
    return await http.call("POST", node_path(node, ":restore"), AccessList)


async def who_can(
    http: Transport, action: str, node: str, *, limit: int | None = None
) -> AsyncGenerator[Holder, None]:
    """Everybody who may do something to a node, and why; groups first."""
    query = {"action": action, "node": node}
    async for item in listing(http, "/v1/who-can", Page[Holder], limit=limit, query=query):
        yield item


async def explain_access(
    http: Transport, action: str, node: str, *, account: str | None = None
) -> AccessExplanation:
    """Why the caller, or for those who audit the node another account, may or may not do it."""
    query = {"action": action, "node": node, "account": account}
    return await http.call("GET", "/v1/explain-access", AccessExplanation, query=query)


async def audit_benefactors(
    http: Transport,
    *,
    kind: str | None = None,
    project: str | None = None,
    limit: int | None = None,
) -> AsyncGenerator[Node, None]:
    """What an access list other than its project's governs, newest first."""
    query = {"kind": kind, "project": project}
    path = "/v1/audit/benefactors"
    async for item in listing(http, path, Page[Node], limit=limit, query=query):
        yield item

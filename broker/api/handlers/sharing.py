"""Access lists: shown, replaced, given to a node and taken away."""

from aiohttp import web

from broker.api.call import NO_CONTENT, Call, answer, tagged
from broker.api.route import Route
from broker.domain.access import Action
from broker.protocol.sharing import AccessList, AccessListRequest, GrantRequest, OverrideRequest
from broker.services.projects import sharing
from broker.storage.database import Connection


async def show(call: Call) -> web.Response:
    async with call.services.database.connection() as connection:
        shown = await sharing.show(connection, call.actor, call.path("node"))
    return answer(shown, headers={"ETag": sharing.etag(shown)})


async def replace(call: Call) -> web.Response:
    body, node, if_match = await call.body(AccessListRequest), call.path("node"), call.if_match
    response = await call.mutate(
        lambda c: sharing.replace(c, call.actor, node, body, if_match=if_match)
    )
    return tagged(response, AccessList, sharing.etag)


async def grant(call: Call) -> web.Response:
    body, node, who = await call.body(GrantRequest), call.path("node"), call.path("principal")
    if_match = call.if_match
    response = await call.mutate(
        lambda c: sharing.grant(c, call.actor, node, who, body, if_match=if_match)
    )
    return tagged(response, AccessList, sharing.etag)


async def revoke(call: Call) -> web.Response:
    node, who, if_match = call.path("node"), call.path("principal"), call.if_match

    async def use_case(connection: Connection) -> None:
        await sharing.grant(connection, call.actor, node, who, None, if_match=if_match)

    return await call.mutate(use_case)


async def override(call: Call) -> web.Response:
    body, node = await call.body(OverrideRequest), call.path("node")
    response = await call.mutate(lambda c: sharing.override(c, call.actor, node, body))
    return tagged(response, AccessList, sharing.etag)


async def restore(call: Call) -> web.Response:
    node = call.path("node")
    response = await call.mutate(lambda c: sharing.restore(c, call.actor, node))
    return tagged(response, AccessList, sharing.etag)


A = Action
NODE = "/v1/nodes/{node}"
ENTRY = f"{NODE}/acl/{{principal}}"
ROUTES = [
    Route(
        "GET",
        f"{NODE}/acl",
        show,
        A.AUDIT,
        "Shows the access list that governs a node, and whose list it is.",
        answer=AccessList,
        etag=True,
    ),
    Route(
        "PUT",
        f"{NODE}/acl",
        replace,
        A.SHARE,
        "Replaces the access list of a node that has its own.",
        body=AccessListRequest,
        answer=AccessList,
        etag=True,
    ),
    Route(
        "PUT",
        ENTRY,
        grant,
        A.SHARE,
        "Replaces the roles of one account, team or group on a node that has a list of its own.",
        body=GrantRequest,
        answer=AccessList,
        etag=True,
    ),
    Route(
        "DELETE",
        ENTRY,
        revoke,
        A.SHARE,
        "Takes all roles of one account, team or group on a node away.",
        status=NO_CONTENT,
    ),
    Route(
        "POST",
        f"{NODE}:override",
        override,
        A.SHARE,
        "Gives something that inherits an access list of its own: a copy, or the given entries.",
        body=OverrideRequest,
        answer=AccessList,
        etag=True,
    ),
    Route(
        "POST",
        f"{NODE}:restore",
        restore,
        A.SHARE,
        "Takes the access list of its own away from something: it inherits again.",
        answer=AccessList,
        etag=True,
    ),
]

"""Access lists: shown, replaced, given to a node and taken away."""

from aiohttp import web

from broker.api.call import NO_CONTENT, Call
from broker.api.plain import Plain, acting, changing, showing, writing
from broker.api.route import Route
from broker.domain.access import Action
from broker.protocol.sharing import AccessList, AccessListRequest, GrantRequest, OverrideRequest
from broker.services.projects import sharing
from broker.storage.database import Connection


async def revoke(call: Call) -> web.Response:
    node, who, if_match = call.path("node"), call.path("principal"), call.if_match

    async def use_case(connection: Connection) -> None:
        await sharing.grant(connection, call.actor, node, who, None, if_match=if_match)

    return await call.mutate(use_case)


A = Action
NODE = "/v1/nodes/{node}"
ENTRY = f"{NODE}/acl/{{principal}}"
plain = Plain(__name__)
ROUTES = [
    plain.route(
        "GET",
        f"{NODE}/acl",
        showing(sharing.show, AccessList, sharing.etag),
        A.AUDIT,
        "Shows the access list that governs a node, and whose list it is.",
    ),
    plain.route(
        "PUT",
        f"{NODE}/acl",
        changing(sharing.replace, AccessListRequest, AccessList, sharing.etag),
        A.SHARE,
        "Replaces the access list of a node that has its own.",
    ),
    plain.route(
        "PUT",
        ENTRY,
        changing(sharing.grant, GrantRequest, AccessList, sharing.etag),
        A.SHARE,
        "Replaces the roles of one account, team or group on a node that has a list of its own.",
    ),
    Route(
        "DELETE",
        ENTRY,
        revoke,
        A.SHARE,
        "Takes all roles of one account, team or group on a node away.",
        status=NO_CONTENT,
        conditional=True,
    ),
    plain.route(
        "POST",
        f"{NODE}:override",
        writing(sharing.override, OverrideRequest, AccessList, sharing.etag),
        A.SHARE,
        "Gives something that inherits an access list of its own: a copy, or the given entries.",
    ),
    plain.route(
        "POST",
        f"{NODE}:restore",
        acting(sharing.restore, AccessList, sharing.etag),
        A.SHARE,
        "Takes the access list of its own away from something: it inherits again.",
    ),
]

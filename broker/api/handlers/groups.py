"""Groups of accounts: the tree, and who belongs where."""

from aiohttp import web

from broker.api.call import CREATED, Call, PageQuery, answer, answer_page, page_bounds, tagged
from broker.api.plain import Plain, acting, deleting, paging
from broker.api.route import Route
from broker.domain.access import Action
from broker.protocol.base import Page
from broker.protocol.groups import Group, GroupChange, GroupRequest, Membership
from broker.services.quotas import groups


async def create(call: Call) -> web.Response:
    body, silent = await call.body(GroupRequest), call.silent_seconds
    response = await call.mutate(
        lambda c: groups.create(c, call.actor, body, silent_seconds=silent), CREATED
    )
    return tagged(response, Group, groups.etag)


async def page(call: Call) -> web.Response:
    before, limit = page_bounds(call.query(PageQuery))
    silent = call.silent_seconds
    async with call.services.database.connection() as connection:
        found = await groups.page(
            connection, call.actor, before=before, rows_max=limit, silent_seconds=silent
        )
    return answer_page(found, limit)


async def show(call: Call) -> web.Response:
    reference, silent = call.path("group"), call.silent_seconds
    async with call.services.database.connection() as connection:
        group = await groups.view(connection, call.actor, reference, silent_seconds=silent)
    return answer(group, headers={"ETag": groups.etag(group)})


async def change(call: Call) -> web.Response:
    body, silent = await call.body(GroupChange), call.silent_seconds
    response = await call.mutate(
        lambda c: groups.change(
            c,
            call.actor,
            call.path("group"),
            body,
            if_match=call.if_match,
            silent_seconds=silent,
        )
    )
    return tagged(response, Group, groups.etag)


A = Action
ALL, ONE = "/v1/groups", "/v1/groups/{group}"
MEMBER = f"{ONE}/accounts/{{account}}"
plain = Plain(__name__)
ROUTES = [
    Route(
        "POST",
        ALL,
        create,
        A.GROUP_ADMINISTER,
        "Creates a group of accounts.",
        body=GroupRequest,
        answer=Group,
        status=CREATED,
        etag=True,
    ),
    Route(
        "GET",
        ALL,
        page,
        A.GROUP_VIEW,
        "Lists groups, newest first.",
        query=PageQuery,
        answer=Page[Group],
    ),
    Route("GET", ONE, show, A.GROUP_VIEW, "Shows a group.", answer=Group, etag=True),
    Route(
        "PATCH",
        ONE,
        change,
        A.GROUP_ADMINISTER,
        "Changes a group, or moves it with all below it.",
        body=GroupChange,
        answer=Group,
        etag=True,
        conditional=True,
    ),
    plain.route(
        "DELETE",
        ONE,
        deleting(groups.delete),
        A.GROUP_ADMINISTER,
        "Deletes a group that has neither groups nor accounts.",
    ),
    plain.route(
        "GET",
        f"{ONE}/accounts",
        paging(groups.members, Page[Membership], "account"),
        A.GROUP_VIEW,
        "Lists the accounts that belong to a group directly, newest first.",
    ),
    plain.route(
        "PUT",
        MEMBER,
        acting(groups.join, Membership),
        A.GROUP_ADMINISTER,
        "Makes an account a member of a group; it leaves the one where it was.",
    ),
    plain.route(
        "DELETE",
        MEMBER,
        deleting(groups.leave),
        A.GROUP_ADMINISTER,
        "Takes an account out of a group.",
    ),
]

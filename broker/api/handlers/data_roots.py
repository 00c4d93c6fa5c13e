"""Data roots, and what is bound to projects."""

from aiohttp import web

from broker.api.call import (
    CREATED,
    NO_CONTENT,
    Call,
    PageQuery,
    answer,
    answer_page,
    page_bounds,
    tagged,
)
from broker.api.route import Route
from broker.domain.access import Action
from broker.protocol.base import Page
from broker.protocol.bindings import Binding, BindingRequest, ImportSwitch
from broker.protocol.data_roots import DataRoot, DataRootChange, DataRootRequest, ShellReport
from broker.services.data import bindings, data_roots, shell_access


async def create(call: Call) -> web.Response:
    body = await call.body(DataRootRequest)
    response = await call.mutate(lambda c: data_roots.create(c, call.actor, body), CREATED)
    return tagged(response, DataRoot, data_roots.etag)


async def page(call: Call) -> web.Response:
    before, limit = page_bounds(call.query(PageQuery))
    async with call.services.database.connection() as connection:
        found = await data_roots.page(connection, call.actor, before=before, rows_max=limit)
    return answer_page(found, limit)


async def show(call: Call) -> web.Response:
    async with call.services.database.connection() as connection:
        root = await data_roots.view(connection, call.actor, call.path("root"))
    return answer(root, headers={"ETag": data_roots.etag(root)})


async def change(call: Call) -> web.Response:
    body, root, tags = await call.body(DataRootChange), call.path("root"), call.if_match
    response = await call.mutate(
        lambda c: data_roots.change(c, call.actor, root, body, if_match=tags)
    )
    return tagged(response, DataRoot, data_roots.etag)


async def delete(call: Call) -> web.Response:
    return await call.mutate(lambda c: data_roots.delete(c, call.actor, call.path("root")))


async def check(call: Call) -> web.Response:
    async with call.services.database.connection() as connection:
        return answer(await shell_access.check(connection, call.actor, call.path("root")))


# -- bindings -------------------------------------------------------------------------------


async def bound(call: Call) -> web.Response:
    return answer(Page(items=bindings.page(call.actor, call.path("project"))))


async def show_binding(call: Call) -> web.Response:
    return answer(bindings.view(call.actor, call.path("project"), call.path("node")))


async def bind(call: Call) -> web.Response:
    body = await call.body(BindingRequest)
    project, node = call.path("project"), call.path("node")
    return await call.mutate(lambda c: bindings.put(c, call.actor, project, node, body))


async def unbind(call: Call) -> web.Response:
    project, node = call.path("project"), call.path("node")
    return await call.mutate(lambda c: bindings.remove(c, call.actor, project, node))


# -- imports on and off ---------------------------------------------------------------------


async def switch_project(call: Call) -> web.Response:
    body, project = await call.body(ImportSwitch), call.path("project")
    return await call.mutate(lambda c: bindings.switch_project(c, call.actor, project, body))


async def switch_account(call: Call) -> web.Response:
    body, account = await call.body(ImportSwitch), call.path("account")
    return await call.mutate(lambda c: bindings.switch_account(c, call.actor, account, body))


A = Action
ALL, ONE = "/v1/data-roots", "/v1/data-roots/{root}"
BOUND = "/v1/projects/{project}/bindings"
BINDING = f"{BOUND}/{{node}}"
ROUTES = [
    Route(
        "POST",
        ALL,
        create,
        A.DATA_EDIT,
        "Registers a directory on the hosts as a data root.",
        body=DataRootRequest,
        answer=DataRoot,
        status=CREATED,
        etag=True,
    ),
    Route(
        "GET",
        ALL,
        page,
        A.DATA_LIST,
        "Lists the data roots that the caller may view, newest first.",
        query=PageQuery,
        answer=Page[DataRoot],
    ),
    Route("GET", ONE, show, A.DATA_VIEW, "Shows a data root.", answer=DataRoot, etag=True),
    Route(
        "PATCH",
        ONE,
        change,
        A.DATA_EDIT,
        "Changes a data root.",
        body=DataRootChange,
        answer=DataRoot,
        etag=True,
    ),
    Route(
        "DELETE",
        ONE,
        delete,
        A.DATA_EDIT,
        "Forgets a data root to which nothing refers; its files stay.",
        status=NO_CONTENT,
    ),
    Route(
        "GET",
        f"{ONE}/shell",
        check,
        A.AUDIT,
        "Says about whom the shell of the hosts and the broker differ.",
        answer=ShellReport,
    ),
    Route(
        "GET",
        BOUND,
        bound,
        A.PROJECT_VIEW,
        "Lists the data roots and pools that are bound to a project and the caller may view.",
        answer=Page[Binding],
    ),
    Route(
        "GET",
        BINDING,
        show_binding,
        A.PROJECT_VIEW,
        "Shows how a project may use a data root or pool.",
        answer=Binding,
    ),
    Route(
        "PUT",
        BINDING,
        bind,
        A.BIND_DATA,
        "Binds a data root or a pool to a project, or changes the mode.",
        body=BindingRequest,
        answer=Binding,
    ),
    Route(
        "DELETE",
        BINDING,
        unbind,
        A.BIND_DATA,
        "Takes a data root or a pool from a project.",
        status=NO_CONTENT,
    ),
    Route(
        "PUT",
        "/v1/projects/{project}/import",
        switch_project,
        A.BIND_DATA,
        "Switches imports into a project on or off; off, only a facility admin imports.",
        body=ImportSwitch,
        answer=ImportSwitch,
    ),
    Route(
        "PUT",
        "/v1/accounts/{account}/import",
        switch_account,
        A.ACCOUNT_ADMINISTER,
        "Switches imports by an account on or off.",
        body=ImportSwitch,
        answer=ImportSwitch,
    ),
]

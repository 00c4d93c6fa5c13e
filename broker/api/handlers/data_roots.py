"""Data roots, and what is bound to projects."""

from aiohttp import web

from broker.api.call import Call, answer
from broker.api.plain import Plain, changing, creating, deleting, paging, showing, writing
from broker.api.route import Route
from broker.domain.access import Action
from broker.protocol.base import Page
from broker.protocol.bindings import Binding, BindingRequest, ImportSwitch
from broker.protocol.data_roots import DataRoot, DataRootChange, DataRootRequest, ShellReport
from broker.services.data import bindings, data_roots, shell_access


async def bound(call: Call) -> web.Response:
    return answer(Page(items=bindings.page(call.actor, call.path("project"))))


async def show_binding(call: Call) -> web.Response:
    return answer(bindings.view(call.actor, call.path("project"), call.path("node")))


A = Action
ALL, ONE = "/v1/data-roots", "/v1/data-roots/{root}"
BOUND = "/v1/projects/{project}/bindings"
BINDING = f"{BOUND}/{{node}}"
plain = Plain(__name__)
ROUTES = [
    plain.route(
        "POST",
        ALL,
        creating(data_roots.create, DataRootRequest, DataRoot, data_roots.etag),
        A.DATA_EDIT,
        "Registers a directory on the hosts as a data root.",
    ),
    plain.route(
        "GET",
        ALL,
        paging(data_roots.page, Page[DataRoot]),
        A.DATA_LIST,
        "Lists the data roots that the caller may view, newest first.",
    ),
    plain.route(
        "GET",
        ONE,
        showing(data_roots.view, DataRoot, data_roots.etag),
        A.DATA_VIEW,
        "Shows a data root.",
    ),
    plain.route(
        "PATCH",
        ONE,
        changing(data_roots.change, DataRootChange, DataRoot, data_roots.etag),
        A.DATA_EDIT,
        "Changes a data root.",
    ),
    plain.route(
        "DELETE",
        ONE,
        deleting(data_roots.delete),
        A.DATA_EDIT,
        "Forgets a data root to which nothing refers; its files stay.",
    ),
    plain.route(
        "GET",
        f"{ONE}/shell",
        showing(shell_access.check, ShellReport),
        A.AUDIT,
        "Says about whom the shell of the hosts and the broker differ.",
        name="check",
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
    plain.route(
        "PUT",
        BINDING,
        writing(bindings.put, BindingRequest, Binding),
        A.BIND_DATA,
        "Binds a data root or a pool to a project, or changes the mode.",
        name="bind",
    ),
    plain.route(
        "DELETE",
        BINDING,
        deleting(bindings.remove),
        A.BIND_DATA,
        "Takes a data root or a pool from a project.",
        name="unbind",
    ),
    plain.route(
        "PUT",
        "/v1/projects/{project}/import",
        writing(bindings.switch_project, ImportSwitch, ImportSwitch),
        A.BIND_DATA,
        "Switches imports into a project on or off; off, only a facility admin imports.",
    ),
    plain.route(
        "PUT",
        "/v1/accounts/{account}/import",
        writing(bindings.switch_account, ImportSwitch, ImportSwitch),
        A.ACCOUNT_ADMINISTER,
        "Switches imports by an account on or off.",
    ),
]

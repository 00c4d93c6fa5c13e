"""Data roots, what is bound to projects, and imports."""

from collections.abc import AsyncGenerator, Sequence

from broker.client.pages import listing
from broker.client.transport import Ref, Transport, name_of, ref
from broker.protocol.base import Page
from broker.protocol.bindings import Binding, BindingRequest, ImportSwitch
from broker.protocol.data_roots import DataRoot, DataRootChange, DataRootRequest, ShellReport
from broker.protocol.imports import Imported, ImportedFile, ImportRequest
from broker.protocol.nodes import Mode


def _root(root: Ref) -> str:
    return f"/v1/data-roots/{ref('root', root)}"


def _project(project: Ref, rest: str) -> str:
    return f"/v1/projects/{ref('project', project)}{rest}"


def _binding(project: Ref, node: str) -> str:
    return _project(project, f"/bindings/{ref('root', node)}")


async def create_data_root(http: Transport, request: DataRootRequest) -> DataRoot:
    """Register a directory on the hosts; raises NameTaken when the handle is in use."""
    return await http.call("POST", "/v1/data-roots", DataRoot, body=request)


async def list_data_roots(
    http: Transport, *, limit: int | None = None
) -> AsyncGenerator[DataRoot, None]:
    """The data roots that the caller may view, newest first."""
    async for item in listing(http, "/v1/data-roots", Page[DataRoot], limit=limit):
        yield item


async def get_data_root(http: Transport, root: Ref) -> DataRoot:
    """One data root, by handle or id."""
    return await http.call("GET", _root(root), DataRoot)


async def change_data_root(http: Transport, root: Ref, request: DataRootChange) -> DataRoot:
    """Change the fields of a data root that `request` sets, and keep the others."""
    return await http.call("PATCH", _root(root), DataRoot, body=request)


async def delete_data_root(http: Transport, root: Ref) -> None:
    """Forget a data root to which nothing refers; its files stay."""
    await http.act("DELETE", _root(root))


async def check_data_root(http: Transport, root: Ref) -> ShellReport:
    """About whom the shell of the hosts and the broker differ."""
    return await http.call("GET", f"{_root(root)}/shell", ShellReport)


async def list_bindings(http: Transport, project: Ref) -> AsyncGenerator[Binding, None]:
    """The data roots and pools that are bound to a project and the caller may view."""
    found = await http.call("GET", _project(project, "/bindings"), Page[Binding])
    for item in found.items:
        yield item


async def bind(http: Transport, project: Ref, node: str, mode: Mode | str = Mode.READ) -> Binding:
    """Bind a data root or pool to a project, or change how the project may use it.

    Args:
        http: the transport.
        project: handle or id.
        node: handle or id of the data root or pool.
        mode: of a data root: "read" or "write".
    """
    body = BindingRequest(mode=Mode(mode))
    return await http.call("PUT", _binding(project, node), Binding, body=body)


async def unbind(http: Transport, project: Ref, node: str) -> None:
    """Take a data root or pool from a project."""
    await http.act("DELETE", _binding(project, node))


async def import_data(
    http: Transport, project: Ref, root: Ref, paths: Sequence[str], *, folder: str | None = None
) -> Imported:
    """Register places below a data root as files of a project; all of them or none."""
    body = ImportRequest(root=name_of("root", root), paths=list(paths), folder=folder)
    return await http.call("POST", _project(project, "/imports"), Imported, body=body)


async def list_imports(
    http: Transport, project: Ref, *, limit: int | None = None
) -> AsyncGenerator[ImportedFile, None]:
    """The imported files of a project that the caller may view, newest first."""
    path = _project(project, "/imports")
    async for item in listing(http, path, Page[ImportedFile], limit=limit):
        yield item


async def forget_import(http: Transport, project: Ref, file: Ref) -> None:
    """Take an imported file from a project; the data itself stays."""
    await http.act("DELETE", _project(project, f"/imports/{ref('file', file)}"))


async def switch_project_import(http: Transport, project: Ref, *, enabled: bool) -> ImportSwitch:
    """Switch imports into a project on or off; off, only a facility admin imports."""
    body = ImportSwitch(import_enabled=enabled)
    return await http.call("PUT", _project(project, "/import"), ImportSwitch, body=body)


async def switch_account_import(http: Transport, account: Ref, *, enabled: bool) -> ImportSwitch:
    """Switch imports by an account on or off."""
    path = f"/v1/accounts/{ref('account', account)}/import"
    body = ImportSwitch(import_enabled=enabled)
    return await http.call("PUT", path, ImportSwitch, body=body)

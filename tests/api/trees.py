"""Projects, folders and access lists as tests make them: through HTTP."""

from typing import Any

from tests.support.http import Http


async def project(http: Http, name: str, **more: Any) -> dict[str, Any]:
    """A new project of the caller."""
    made: dict[str, Any] = (await http.post("/v1/projects", {"name": name, **more})).expect(201)
    return made


async def folder(http: Http, parent: str, name: str) -> dict[str, Any]:
    """A new folder."""
    body = {"parent": parent, "name": name}
    made: dict[str, Any] = (await http.post("/v1/folders", body)).expect(201)
    return made


async def share(http: Http, node: str, principal: str, *roles: str) -> None:
    """What somebody holds on a node from now on; nothing without roles."""
    path = f"/v1/nodes/{node}/acl/{principal}"
    if roles:
        (await http.put(path, {"roles": roles})).expect(200)
    else:
        (await http.delete(path)).expect(204)


async def entries(http: Http, node: str) -> dict[str, list[str]]:
    """The access list that governs a node: roles by name."""
    acl = (await http.get(f"/v1/nodes/{node}/acl")).expect(200)
    return {entry["name"]: entry["roles"] for entry in acl["entries"]}


async def names(http: Http, path: str) -> list[str]:
    """The names of a list's entries."""
    return [item["name"] for item in (await http.get(path)).expect(200)["items"]]

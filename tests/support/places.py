"""Projects and folders with access lists, made in the storage room: for tests of other doors."""

from broker.domain.access import mask
from broker.protocol.ids import NodeId, PrincipalId
from broker.protocol.nodes import DEPLOYMENT, Kind, Role
from broker.storage import nodes
from broker.storage import trash as trashes
from tests.support.http import Http
from tests.support.running import Running

Entries = list[tuple[Http | PrincipalId, Role]]


async def account_of(http: Http) -> PrincipalId:
    """The principal that a caller is."""
    me = (await http.get("/v1/me")).expect(200)
    return PrincipalId(int(me["account"]["id"].removeprefix("account_")))


async def share(broker: Running, node: NodeId, entries: Entries) -> None:
    """Replaces an access list as if another broker had done it."""
    held = {
        (await account_of(who) if isinstance(who, Http) else who): mask([role])
        for who, role in entries
    }
    async with broker.services.database.transaction() as connection:
        await nodes.replace_acl(connection, node, held)
    await broker.services.access.catch_up()


async def project(broker: Running, name: str, entries: Entries) -> NodeId:
    """A project with an access list."""
    async with broker.services.database.transaction() as connection:
        node = await nodes.create(connection, Kind.PROJECT, DEPLOYMENT, name, None)
        assert node is not None
        await connection.execute("INSERT INTO project (id) VALUES ($1)", node)
    await share(broker, node, entries)
    return node


async def folder(broker: Running, place: NodeId, name: str, entries: Entries) -> NodeId:
    """A folder; with entries, one with an access list of its own."""
    async with broker.services.database.transaction() as connection:
        node = await nodes.create(connection, Kind.FOLDER, place, name, None)
        assert node is not None
        if entries:
            await nodes.restamp(connection, node, node)
    await share(broker, node, entries)
    return node


async def trash(broker: Running, node: NodeId) -> None:
    """Puts a node without contents into the trash."""
    async with broker.services.database.transaction() as connection:
        await trashes.put(connection, node)
    await broker.services.access.catch_up()

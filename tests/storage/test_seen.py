"""Which transactions a count of running jobs saw: what the leader tells old news by."""

import pytest

from broker.storage import leases
from broker.storage.database import Connection, Database
from broker.storage.leases import Seen, seen_of

XACT = "SELECT pg_current_xact_id()::text::bigint"


async def seen_now(connection: Connection) -> Seen:
    _, seen = await leases.active_by_lane(connection)
    return seen


async def test_a_count_saw_what_was_committed_and_nothing_that_was_open(database: Database) -> None:
    async with database.connection() as counting, database.connection() as other:
        before = await seen_now(counting)
        committed = int(await other.fetchval(XACT))
        assert not before.saw(committed)
        assert (await seen_now(counting)).saw(committed)

        writing = other.transaction()
        await writing.start()
        still_open = int(await other.fetchval(XACT))
        later = int(await counting.fetchval(XACT))
        during = await seen_now(counting)
        assert later > still_open
        assert (during.saw(later), during.saw(still_open)) == (True, False)
        await writing.commit()
        assert (await seen_now(counting)).saw(still_open)


@pytest.mark.parametrize(
    ("text", "seen"),
    [("10:10:", Seen(10)), ("10:20:12,15", Seen(20, frozenset({12, 15})))],
)
def test_a_snapshot_is_read_as_postgresql_writes_it(text: str, seen: Seen) -> None:
    assert seen_of(text) == seen

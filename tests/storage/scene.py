"""What the tests of lease statements begin with: an account, an app, hosts, queued jobs."""

from broker.domain.credit import COBBLESTONES_PER_GFLOPS_SECOND
from broker.protocol.ids import AccountId, AppId, BatchId, HostId, JobId, LaneId, NodeId
from broker.protocol.leases import Report, Usage
from broker.protocol.nodes import Isolation
from broker.protocol.states import Outcome
from broker.services.hosts.settling import RULES, settlement
from broker.storage import admission, batches, leases
from broker.storage.batches import NewBatch
from broker.storage.database import Connection, Database
from broker.storage.leases import Settled

HALF_LIFE_SECONDS = 604_800.0
HOST, OTHER_HOST = HostId(1), HostId(2)
TERM = 1
WORKSPACE = NodeId(3)  # of the first account; the node before it is the default pool
PEOPLE = """
    INSERT INTO account (name) VALUES ('ann');
    INSERT INTO user_submit (account_id) SELECT id FROM account;
    INSERT INTO account_usage (account_id) SELECT id FROM account;
    INSERT INTO node (id, kind, parent_id, name) VALUES (4, 'app', 1, 'sleep');
    INSERT INTO app (id) VALUES (4);
    INSERT INTO app_version (app_id, number, state, spec, created_by, published_at)
    VALUES (4, 1, 'published', '{"command": ["true"]}', 1, now());
    INSERT INTO lane (account_id, version_id, pool, resources, limits, slots, attempts_max)
    VALUES (1, 1, 'default', '{}', '{}', 1, 5);
    INSERT INTO host (account_id, name, pool, facts, gflops)
    VALUES (1, 'h', 'default', '{}', 1), (1, 'other', 'default', '{}', 1);
    INSERT INTO host_credit (host_id) SELECT id FROM host;
    UPDATE leader SET term = 1;
"""


async def submit(database: Database, jobs: int) -> int:
    """A batch; the id of its first job."""
    async with database.connection() as connection:
        first = await batches.reserve_job_ids(connection, jobs)
        async with connection.transaction():
            assert await admission.count(connection, {AccountId(1): jobs})
            rows = [(first + k, first, 1, 0, None, "{}", None, None) for k in range(jobs)]
            await batches.copy_jobs(connection, rows)
            batch = NewBatch(
                BatchId(first),
                AccountId(1),
                LaneId(1),
                AppId(4),
                WORKSPACE,
                isolation=Isolation.PERSONAL,
                priority=0,
                name="",
                jobs=jobs,
            )
            await batches.insert(connection, [batch])
    return first


def report(
    job: int, epoch: int, outcome: Outcome = Outcome.SUCCEEDED, wall_seconds: float = 0.001
) -> Report:
    """What a host says at the end of an attempt."""
    usage = Usage(wall_seconds=wall_seconds)
    return Report(job=JobId(job), epoch=epoch, outcome=outcome, usage=usage)


async def settle(connection: Connection, *reports: Report, host: HostId = HOST) -> list[Settled]:
    """Closes leases as a broker does."""
    return await leases.settle(
        connection,
        sorted((settlement(host, each) for each in reports), key=lambda s: s.job_id),
        RULES,
        half_life_seconds=HALF_LIFE_SECONDS,
        cobblestones_per_gflops_second=COBBLESTONES_PER_GFLOPS_SECOND,
    )

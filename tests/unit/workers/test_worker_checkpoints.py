"""What the agent keeps for a job's next attempt, and when it goes."""

import pytest

from broker.protocol.ids import JobId
from broker.protocol.leases import CheckpointRequest, CheckpointResponse, Gang, Report
from broker.protocol.states import Outcome
from workers.checkpoints import COMES_BACK, Checkpoints
from workers.environment import PORT_FIRST, PORTS, gang_environment
from workers.state_directory import StateDirectory

from test_worker_parts import LEASE  # isort: skip


class Broker:
    """Says of some jobs that they have ended."""

    def __init__(self, ended: set[int]) -> None:
        self.ended = ended
        self.asked: list[int] = []

    async def checkpoints(self, request: CheckpointRequest) -> CheckpointResponse:
        self.asked += request.jobs
        return CheckpointResponse(ended=[job for job in request.jobs if job in self.ended])


def keep(state: StateDirectory, job: int, size: int = 10) -> None:
    path = state.checkpoint(JobId(job)) / "deep"
    path.mkdir(parents=True)
    (path / "step").write_bytes(b"x" * size)


async def test_checkpoints_of_ended_jobs_go_and_held_ones_are_not_asked_for(
    state: StateDirectory,
) -> None:
    for job in (1, 2, 3):
        keep(state, job)
    broker = Broker({1, 3})
    await Checkpoints(broker, state, lambda: {JobId(3)}, 100).review()  # type: ignore[arg-type]
    assert broker.asked == [1, 2]
    assert state.checkpoint_jobs() == [2, 3]


def test_a_checkpoint_that_is_too_large_goes(state: StateDirectory) -> None:
    keep(state, 1, 100)
    keep(state, 2, 101)
    checkpoints = Checkpoints(None, state, set, 100)  # type: ignore[arg-type]
    checkpoints.trim(JobId(1))
    checkpoints.trim(JobId(2))
    assert state.checkpoint_jobs() == [1]


@pytest.mark.parametrize("outcome", Outcome)
def test_a_checkpoint_stays_exactly_while_the_job_may_come_back(
    state: StateDirectory, outcome: Outcome
) -> None:
    keep(state, 1)
    checkpoints = Checkpoints(None, state, set, 100)  # type: ignore[arg-type]
    checkpoints.ended(Report(job=JobId(1), epoch=1, outcome=outcome))
    assert bool(state.checkpoint_jobs()) == (outcome in COMES_BACK)


def test_a_member_of_a_gang_finds_its_peers() -> None:
    gang = Gang(rank=1, size=2, peers=["a", "b"])
    found = gang_environment(gang, LEASE)
    assert (found["FAIRLEAD_RANK"], found["FAIRLEAD_SIZE"]) == ("1", "2")
    assert (found["FAIRLEAD_PEERS"], found["MASTER_ADDR"]) == ("a,b", "a")
    assert PORT_FIRST <= int(found["MASTER_PORT"]) < PORT_FIRST + PORTS
    again = LEASE.model_copy(update={"epoch": LEASE.epoch + 1})
    assert gang_environment(gang, again)["MASTER_PORT"] != found["MASTER_PORT"]

"""The yardstick: entitlements, lag, slices of one's own, and the figures made of them."""

import numpy as np
import pytest

from broker.scheduling import divide
from broker.scheduling.simulation import Fleet, Quotas, Trace
from broker.scheduling.simulation.alone import alone
from broker.scheduling.simulation.clock import Attempts, replay
from broker.scheduling.simulation.policies import POLICIES
from broker.scheduling.simulation.report import jain, name_of, report
from broker.scheduling.simulation.scene import Scene
from broker.scheduling.simulation.timeline import timeline
from tests.oracles.examples import of_kind

HOUR = 3600.0


def scene(jobs, slots=4, quotas=None, accounts=(("a", ""), ("b", "")), host_slots=8):
    """jobs: (account, gpus, submitted, duration)."""
    account, gpus, submit, duration = zip(*jobs, strict=True)
    trace = Trace(account, gpus, np.array(submit, float), np.array(duration, float), accounts)
    return Scene.of(trace, Fleet(slots, host_slots), 86_400.0, quotas or Quotas())


def attempts(*rows):
    """(job, start, end) or (job, start, end, False) for one that was stopped."""
    job = np.array([row[0] for row in rows], np.int32)
    start = np.array([row[1] for row in rows], float)
    end = np.array([row[2] for row in rows], float)
    return Attempts(job, start, end, np.array([len(row) == 3 for row in rows], bool), 0)


def test_a_hand_made_hour():
    """Two equal groups, four GPUs. a holds all of them for an hour while b waits for two, then b
    gets its two; the last submission, at the end of the second hour, closes the account."""
    jobs = [(0, 4, 0, 2 * HOUR), (1, 2, 0, HOUR), (0, 1, 2 * HOUR, HOUR)]
    made = timeline(
        scene(jobs),
        attempts((0, 0.0, HOUR, False), (1, HOUR, 2 * HOUR), (0, 2 * HOUR, 4 * HOUR)),
    )
    # Hour 1: entitled 2 and 2, held 4 and 0. Hour 2: entitled 2 and 2, held 0 and 2.
    assert made.entitled / HOUR == pytest.approx([4, 4])
    assert made.received / HOUR == pytest.approx([4, 2])
    assert made.lag_peak / HOUR == pytest.approx([2, 2])
    assert made.short_slot_seconds / HOUR == pytest.approx(2 + 2)


def test_integrals_are_those_of_a_plain_sum(monkeypatch):
    monkeypatch.setattr("broker.scheduling.simulation.timeline.CHUNK", 7)
    random = np.random.default_rng(4)
    accounts = tuple((group, str(user)) for group in "ghi" for user in range(3))
    jobs = [
        (int(random.integers(9)), int(random.integers(1, 9)), when, int(random.integers(1, 200)))
        for when in np.sort(random.integers(0, 500, 120)).tolist()
    ]
    quotas = Quotas({"g": 1.0, "h": 2.0, "i": 0.0}, {("g", "1"): 5.0})
    question = scene(jobs, 16, quotas, accounts)
    state = question.state()
    ran = replay(question, state, POLICIES["fifo"](question, state))
    made = timeline(question, ran)
    trace, tree = question.trace, question.tree
    entitled, received, short = np.zeros(9), np.zeros(9), 0.0
    for now in range(int(question.start_seconds), int(question.end_seconds)):
        demand, held = np.zeros(12), np.zeros(9)
        started = {int(job) for job in ran.job[ran.start_seconds <= now]}
        ended = {int(job) for job in ran.job[ran.end_seconds <= now]}
        for job in range(trace.jobs):
            if trace.submit_seconds[job] <= now and job not in ended:
                demand[3 + trace.account[job]] += trace.gpus[job]
                held[trace.account[job]] += trace.gpus[job] * (job in started)
        due = divide(16.0, tree.weight, demand, parent=tree.parent)[3:]
        entitled += due
        received += held
        short += float(np.maximum(due - held, 0.0).sum())
    assert made.entitled == pytest.approx(entitled)
    assert made.received == pytest.approx(received)
    assert made.short_slot_seconds == pytest.approx(short)
    assert made.entitled_until[-1] == pytest.approx(entitled)
    assert made.received_until[-1] == pytest.approx(received)
    assert (np.diff(made.received_until, axis=0) >= 0).all()


@of_kind("fairness_error")
def test_published_fairness_error(case):
    """Entitled to `fair`, held `allocated` slots: the error is the sum of what is missing."""
    given = case["input"]
    slots, held = given["capacity"], given["allocated"][0]
    entitled = int(given["fair"][0] * slots)
    jobs = [(0, 1, 0.0, 10.0)] * max(held, entitled) + [(1, 1, 0.0, 10.0)] * slots
    jobs.append((0, 1, 10.0, 0.0))
    rows = [(row, 0.0, 10.0) for row in range(held)]
    if held > entitled:  # more than its part only where nobody else wants it
        jobs = jobs[:held] + jobs[-1:]
    made = timeline(scene(jobs, slots), attempts(*rows))
    own = max(0.0, float(made.entitled[0] - made.received[0])) / (slots * 10.0)
    assert own == pytest.approx(case["expected"])


def test_on_its_own_slice_a_wide_job_takes_longer_and_jobs_queue():
    """b owns two of four GPUs: 4 GPUs for 10 s take it 20 s, and the next job waits for that."""
    jobs = [(0, 1, 0, 10), (1, 4, 0, 10), (1, 1, 5, 10), (0, 1, 40, 1)]
    made = alone(scene(jobs))
    assert made.seconds.tolist() == pytest.approx([10, 20, 25, 1])
    assert made.backlogged_seconds.tolist() == pytest.approx([0, 20])


def test_on_its_own_slice_small_jobs_run_side_by_side():
    jobs = [(1, 1, 0, 10), (1, 1, 0, 30), (1, 1, 0, 10), (0, 1, 50, 1)]
    made = alone(scene(jobs))
    assert made.seconds.tolist() == pytest.approx([10, 30, 20, 1])
    assert made.backlogged_seconds.tolist() == pytest.approx([0, 10])


def test_figures_of_a_small_replay():
    jobs = [(0, 4, 0, HOUR), (1, 8, 0, HOUR), (0, 4, HOUR, HOUR), (1, 8, 2 * HOUR, HOUR)]
    question = scene(jobs, 8)
    ran = attempts(
        (0, 0, HOUR), (1, HOUR, 2 * HOUR), (2, 2 * HOUR, 3 * HOUR), (3, 3 * HOUR, 4 * HOUR)
    )
    made = report("by hand", question, ran, alone(question))
    figures = made.metrics
    assert made.days == pytest.approx(2 / 24)
    assert figures.utilisation == pytest.approx((4 + 8) / 16)
    # Hour 1: entitled 4 and 4, held 4 and 0. Hour 2: the same, held 0 and 8.
    assert figures.fairness_error == pytest.approx((4 + 4) / 16)
    assert figures.worst_lag_gpu_hours == pytest.approx(4)
    assert figures.worst_lag_account == "a"
    assert figures.gang_wait_p95_hours == pytest.approx(1.0)
    # On a slice of 4 a's jobs take an hour each, b's two hours each.
    assert figures.rho_max == pytest.approx((1 + 2) / 2)
    assert figures.rho_p50 == pytest.approx(((1 + 2) / 2 + (2 + 2) / 4) / 2)
    assert made.course.held.mean(axis=0) == pytest.approx([2, 4])


def test_hours_of_attempts_that_were_stopped_are_counted():
    question = scene([(0, 2, 0, HOUR), (0, 2, HOUR, HOUR)], 4)
    ran = attempts((0, 0, HOUR / 2, False), (0, HOUR, 2 * HOUR), (1, HOUR, 2 * HOUR))
    assert report("", question, ran, alone(question)).metrics.preempted_gpu_hours == 1.0


def test_jain_is_1_for_equals_and_1_over_n_for_a_monopoly():
    assert jain(np.full(5, 0.3)) == pytest.approx(1.0)
    assert jain(np.array([2.0, 0, 0, 0])) == pytest.approx(0.25)
    assert jain(np.zeros(0)) == 1.0


def test_accounts_are_named_by_group_and_user():
    assert [name_of(account) for account in (("g", "u"), ("g", ""), ("", "u"))] == ["g/u", "g", "u"]

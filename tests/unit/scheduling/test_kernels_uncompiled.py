"""The kernels are plain Python: uncompiled they must give the same answers, without warnings."""

import os
import subprocess
import sys

import numpy as np

from broker.scheduling import Groups, Running, carried, charges, divide, plan, reclaims
from tests.oracles.busy import everywhere, shared
from tests.oracles.fleets import fleet

TREE = {"groups": Groups([0], [-1], [1.0]), "group": [-1, 0, 0]}
NUMBERS = """
from broker.scheduling import warm
from tests.unit.scheduling.test_kernels_uncompiled import numbers
import numba
assert numba.config.DISABLE_JIT
warm()
print(numbers())
"""


def small_fleet(seed):
    """Lanes of all kinds in a tree: with gangs, reservations, history, lag, bounds."""
    pick = np.random.default_rng(seed).integers
    lanes = [
        {
            "account": pick(4),
            "pending": pick(9),
            "running": pick(2),
            "slots": 1 + pick(3),
            "cpus": pick(5),
            "memory_mib": 100 * pick(2),
            "classes": 1 + pick(3),
            "last_served": float(pick(2)),
            "members": 1 + (n == 9),
            "skipped": 100 * (n % 4 == 0),
            "limit_seconds": float(1 + pick(90)),
        }
        for n in range(12)
    ]
    hosts = [{"klass": n % 2, "slots_free": n, "cpus_free": 9} for n in range(7)]
    options = {
        "usage_gpu_seconds": [0, 1e7, 0, 1e5],
        "entitled_gpu_seconds": [1e6, 2e6, 0, 1e4],
        "lag_slots": [0.5, 0, -0.25, 1],
        "group": [-1, 0, 0, -1],
        "minimum": [0, 0, 1, 0],
        "groups": Groups([0], [-1], [1.0], maximum=[9.0]),
        "running": Running(
            range(6), pick(12, size=6), pick(7, size=6), np.ones(6), np.arange(6) * 10.0
        ),
    }
    return fleet([0, 1, 2, 2], lanes, hosts, **options)


def numbers():
    """What small but mixed fleets get, and other kernels by themselves, as text."""
    columns = []
    for seed in range(8):
        made = plan(small_fleet(seed), 1.0)
        columns += [getattr(made, n) for n in made.__dataclass_fields__ if n != "planned_at"]
    waits = [(1, 1, 2), (2, 4, 1), (2, 1, 1)]
    for members in (1, 2):
        busy = shared([1, 2, 2], [[1] * 9 + [4], [1], []], waits, [8, 8], members, **TREE)
        columns.append(reclaims(busy, plan(busy, 1.0), everywhere(busy), 1.0))
        assert columns[-1].size > 0
    parent = [-1, 0, 0, -1]
    columns.append(divide(9, [1, 2, 0, 4], [9, 9, 9, 1], minimum=[0, 0, 1, 0], parent=parent))
    owed, held = np.array([3.0, 1, 2, 4]), np.array([2.0, 2, 0, 5])
    columns.append(carried(np.zeros(4), owed, held, np.array(parent), 7.0, 2.0))
    account = np.array([0, 1, 1, 0], np.int32)
    charged = charges(
        account, np.arange(4), held, owed, owed, accounts=2, now=5.0, half_life_seconds=9.0
    )
    columns += [np.asarray(value) for value in charged]
    return repr([column.tolist() for column in columns])


def test_uncompiled_kernels_agree_with_compiled_ones():
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", NUMBERS],
        env=os.environ | {"NUMBA_DISABLE_JIT": "1"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == numbers()

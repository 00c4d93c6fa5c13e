"""The kernels are plain Python: uncompiled they must give the same answers, without warnings."""

import os
import subprocess
import sys

from broker.scheduling import Groups, divide, plan
from tests.oracles.fleets import fleet

NUMBERS = """
import numpy as np
from broker.scheduling import divide, plan, warm
from tests.unit.scheduling.test_kernels_uncompiled import numbers
import numba
assert numba.config.DISABLE_JIT
warm()
print(numbers())
"""


def numbers():
    """What a small but mixed fleet gets, as text."""
    lanes = [
        {
            "account": n % 4,
            "pending": n,
            "running": n % 2,
            "slots": 1 + n % 3,
            "cpus": n % 5,
            "memory_mib": 100 * (n % 2),
            "classes": 1 + n % 3,
            "last_served": float(n % 2),
            "members": 1 + (n == 9),
        }
        for n in range(12)
    ]
    hosts = [{"klass": n % 2, "slots_free": n, "cpus_free": 9} for n in range(7)]
    options = {
        "usage_gpu_seconds": [0, 1e7, 0, 1e5],
        "lag_slots": [0.5, 0, -0.25, 1],
        "group": [-1, 0, 0, -1],
        "minimum": [0, 0, 1, 0],
        "groups": Groups([0], [-1], [1.0], maximum=[9.0]),
    }
    made = plan(fleet([0, 1, 2, 2], lanes, hosts, **options), 1.0)
    share = divide(9, [1, 2, 0, 4], [9, 9, 9, 1], minimum=[0, 0, 1, 0], parent=[-1, 0, 0, -1])
    columns = [getattr(made, name) for name in made.__dataclass_fields__ if name != "planned_at"]
    return repr([column.tolist() for column in [*columns, share]])


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

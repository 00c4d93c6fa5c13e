"""A cycle of a broker that runs compiles nothing: all that waits for the first start."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]
# In a process of its own: in this one other tests may have had everything compiled.
LATE = """
import importlib, pkgutil
from dataclasses import replace
import numpy as np
import broker.scheduling as room
from broker.scheduling import Running, first_come, plan, warm
from loadtests.bench_plan import fleet, with_freed

def compiled():
    found = {}
    for info in pkgutil.walk_packages(room.__path__, "broker.scheduling."):
        if ".simulation" not in info.name:
            for name, kernel in vars(importlib.import_module(info.name)).items():
                if hasattr(kernel, "signatures") and kernel.py_func.__module__ == info.name:
                    found[f"{info.name}.{name}"] = len(kernel.signatures)
    return found

warm()
before = compiled()
for groups in (0, 5):
    full = fleet(200, 50, 40, 3_000, groups=groups)
    plan(full, 0.0)
    freed = with_freed(full, 20)
    lanes = replace(freed.lanes, skipped=np.full(200, 200, np.int32))
    host = np.arange(40, dtype=np.int32)
    running = Running(host, 0 * host, host, np.ones(40), np.full(40, 9.0))
    plan(replace(freed, lanes=lanes, running=running), 0.0)
    bounds = {"maximum": np.full(50, 4.0), "minimum": np.ones(50), "lag_slots": np.ones(50)}
    plan(replace(full, accounts=replace(full.accounts, **bounds)), 0.0)
    plan(replace(full, accounts=replace(full.accounts, id=np.arange(50)[::-1])), 0.0)
    first_come(full, 0.0)
print(*sorted(name for name, number in compiled().items() if number > before.get(name, 0)))
"""


def test_nothing_is_compiled_after_warming() -> None:
    done = subprocess.run(
        [sys.executable, "-c", LATE], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == []

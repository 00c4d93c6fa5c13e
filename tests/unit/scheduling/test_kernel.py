"""Machine code is kept only as long as all of its sources stay as they were."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import broker
from broker.scheduling.kernel import kernel, lean_kernel

CALLER = """
from broker.scheduling.callee import FACTOR, add
from broker.scheduling.kernel import kernel

@kernel
def act(number):
    return FACTOR * add(number)
"""
CALLEE = """
from broker.scheduling.kernel import lean_kernel

FACTOR = 1

@lean_kernel
def add(number):
    return number + 1
"""
ACT = "from broker.scheduling.caller import act; print(act(1), sum(act.stats.cache_hits.values()))"


@pytest.fixture
def room(tmp_path):
    """Two kernels in a room of their own, behind the real door; `act` calls `add`."""
    room = tmp_path / "broker" / "scheduling"
    room.mkdir(parents=True)
    for package in (room.parent, room):
        (package / "__init__.py").touch()
    shutil.copy(Path(broker.__file__).parent / "scheduling" / "kernel.py", room)
    (room / "caller.py").write_text(CALLER)
    (room / "callee.py").write_text(CALLEE)
    return room


def acted(room):
    """What `act(1)` gives in a process of its own, and whether its code was kept from before."""
    plain = {name: value for name, value in os.environ.items() if not name.startswith("NUMBA_")}
    done = subprocess.run(
        # No bytecode of Python's own: it cannot tell two files of one size and second apart.
        [sys.executable, "-B", "-c", ACT],
        cwd=room.parents[1],
        env=plain,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    answer, kept = done.stdout.split()
    return int(answer), kept == "1"


@pytest.mark.parametrize(
    ("before", "after", "answer"),
    [("number + 1", "number + 5", 6), ("FACTOR = 1", "FACTOR = 7", 14)],
    ids=["a kernel that it calls", "a constant that it imports"],
)
def test_code_is_compiled_anew_when_another_file_changes(room, before, after, answer):
    assert acted(room) == (2, False)
    assert acted(room) == (2, True)
    (room / "callee.py").write_text(CALLEE.replace(before, after))
    assert acted(room) == (answer, False)


def test_lean_kernels_are_called_by_kernels_alone():
    @lean_kernel
    def more(number):
        return number + 1

    @kernel
    def act(number):
        return more(number)

    for _ in range(2):  # before it is compiled, and after
        with pytest.raises(TypeError, match="by other kernels alone"):
            more(1)
        assert act(1) == 2

"""What the command loads, and how fast it answers."""

import os
import resource
import subprocess
import sys

SERVER_SIDE = ["asyncpg", "redis", "numpy", "numba", "prometheus_client", "pynvml"]
SLOW = ["aiohttp", "pydantic", "rich.table", "uvloop", "matplotlib"]


def loaded_by(code: str) -> set[str]:
    script = f"import sys\n{code}\nprint(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return set(run.stdout.split())


def test_the_command_line_starts_without_the_server_side_and_without_the_sdk() -> None:
    assert not loaded_by("import broker.cli.app") & {*SERVER_SIDE, *SLOW}


def test_the_sdk_needs_nothing_of_the_server_side() -> None:
    modules = loaded_by("import broker.client")
    assert not modules & set(SERVER_SIDE)
    rooms = {name for name in modules if name.startswith("broker.")}
    assert {name.split(".")[1] for name in rooms} == {"client", "protocol", "errors"}


def test_help_answers_at_once() -> None:
    def seconds() -> float:
        """Of processor time: the clock on the wall also measures what else the machine does."""
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, "-m", "broker", "--help"], capture_output=True, check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    assert min(seconds() for _ in range(5)) < 0.5


def test_completion_is_offered() -> None:
    run = subprocess.run(
        [sys.executable, "-m", "broker", "--show-completion", "bash"],
        # Typer's own switch: do not look for a shell above us, where none may be.
        env=os.environ | {"_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "complete" in run.stdout

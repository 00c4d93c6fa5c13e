"""Become a server: drop privileges, tie our life to the parent's, then exec.

    python -I -S launch.py PARENT_PID DEATH_SIGNAL UID GID PROGRAM [ARGUMENT...]

Run as a script, never imported: a `preexec_fn` would run Python between fork and exec, where a lock
held by another thread of the parent (numba, uvloop) can hang the child for ever. The interpreter
still runs as root here, so the server's account needs no access to Python. UID -1 keeps the user.
"""

import os
import sys
from collections.abc import Callable

PR_SET_PDEATHSIG = 1


def prepare_death_signal(death_signal: int) -> Callable[[], object]:
    """What asks Linux to send `death_signal` when the thread that spawned us is gone.

    Loaded while we still are who started us: the server's account may not be able to read Python.
    """
    if sys.platform != "linux":
        return _no_death_signal
    try:
        import ctypes

        prctl = ctypes.CDLL(None).prctl
    except (ImportError, OSError, AttributeError):  # no ctypes, or a libc without prctl
        return _no_death_signal
    return lambda: prctl(PR_SET_PDEATHSIG, death_signal, 0, 0, 0)


def _no_death_signal() -> None:
    """As good as it gets: the next start finds and stops what was left behind."""


def main(arguments: list[str]) -> None:
    parent_pid, death_signal, uid, gid = (int(text) for text in arguments[:4])
    program = arguments[4]
    die_with_parent = prepare_death_signal(death_signal)
    if uid >= 0:
        os.setgroups([gid])
        os.setgid(gid)
        os.setuid(uid)
    # After setuid, not before: the kernel clears the death signal when credentials change.
    die_with_parent()
    if os.getppid() != parent_pid:
        sys.exit("the parent died before its server started")
    os.execv(program, arguments[4:])  # noqa: S606 - a fixed program and list, no shell wanted


if __name__ == "__main__":
    main(sys.argv[1:])

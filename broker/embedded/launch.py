"""Become a server: drop privileges, tie our life to the parent's, then exec.

    python -I -S launch.py PARENT_PID DEATH_SIGNAL UID GID PROGRAM [ARGUMENT...]

Run as a script, never imported: a `preexec_fn` would run Python between fork and exec, where a lock
held by another thread of the parent (numba, uvloop) can hang the child for ever. The interpreter
still runs as root here, so the server's account needs no access to Python. UID -1 keeps the user.
"""

import os
import sys

PR_SET_PDEATHSIG = 1


def die_with_parent(death_signal: int) -> None:
    """Ask Linux to send `death_signal` when the thread that spawned us is gone."""
    if sys.platform != "linux":
        return  # the next start finds and stops what was left behind
    try:
        import ctypes

        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, death_signal, 0, 0, 0)
    except (ImportError, OSError, AttributeError):
        return  # a Python without ctypes or a libc without prctl: as on the other systems


def main(arguments: list[str]) -> None:
    parent_pid, death_signal, uid, gid = (int(text) for text in arguments[:4])
    program = arguments[4]
    os.umask(0o077)
    if uid >= 0:
        os.setgroups([gid])
        os.setgid(gid)
        os.setuid(uid)
    # After setuid, not before: the kernel clears the death signal when credentials change.
    die_with_parent(death_signal)
    if os.getppid() != parent_pid:
        sys.exit("the parent died before its server started")
    os.execv(program, arguments[4:])  # noqa: S606 - no shell is wanted: the list comes from processes.spawn


if __name__ == "__main__":
    main(sys.argv[1:])

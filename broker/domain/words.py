"""Numbers and times in words for people."""

import signal


def duration(seconds: float) -> str:
    """A time: "0.4 s", "40 s", "12 min", "3.5 h", "2.1 days"."""
    if seconds < 9.95:
        return f"{max(0.0, seconds):.2g} s"
    if seconds < 99.5:
        return f"{seconds:.0f} s"
    if seconds < 99.5 * 60:
        return f"{seconds / 60:.0f} min"
    if seconds < 48 * 3_600:
        return f"{seconds / 3_600:.3g} h"
    return f"{seconds / 86_400:,.1f} days"


def amount(value: float) -> str:
    """A number: three digits, or all of a great one."""
    return f"{value:,.0f}" if abs(value) >= 1_000 else f"{value:.3g}"


def count(number: int, noun: str) -> str:
    """So many things: "1 job", "1,200 jobs"."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def slots(number: float) -> str:
    """So many slots, which parts of GPUs make fractions: "1 slot", "0.125 slots"."""
    whole = round(number)
    return count(whole, "slot") if number == whole else f"{number:,.4g} slots"


def part(eighths: int) -> str:
    """A part of a GPU: "1/8 of a GPU"."""
    return f"{eighths}/8 of a GPU"


def times(number: int) -> str:
    """How often something happened, at the head of a sentence."""
    return "Once" if number <= 1 else "Twice" if number == 2 else f"{number} times"


def exit_words(exit_code: int | None) -> str:
    """An exit code: "exit code 3", "signal 9 (SIGKILL)"."""
    if exit_code is None:
        return "an error before it ran"
    if exit_code >= 0:
        return f"exit code {exit_code}"
    try:
        return f"signal {-exit_code} ({signal.Signals(-exit_code).name})"
    except ValueError:
        return f"signal {-exit_code}"

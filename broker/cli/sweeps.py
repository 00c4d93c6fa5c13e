"""Parameter sweeps: from `-p` and `--sweep` to the parameters of each job. Pure.

    -p steps=1000                  one value for every job
    --sweep temperature=1:3:5      five values evenly from 1 to 3: 1, 1.5, 2, 2.5, 3
    --sweep lattice=square,cubic   the values listed
    --sweep ... --sweep ...        every combination; the last one varies fastest

A value is read as JSON where it is a JSON number, boolean or string, and as plain text otherwise:
`1` is a number, `"1"` and `one` are text.
"""

import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from itertools import product
from typing import Final

from broker.errors import InvalidInput

Scalar = bool | int | float | str
JOBS_MAX: Final = 1_000_000
NUMBER: Final = r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,3})?"
RANGE: Final = re.compile(rf"({NUMBER}):({NUMBER}):(\d+)")


def value_of(text: str) -> Scalar:
    """A typed value: JSON where it is a finite JSON scalar, the text itself otherwise."""
    try:
        value = json.loads(text)
    except ValueError:
        return text
    if isinstance(value, float) and not math.isfinite(value):  # json reads NaN and Infinity
        return text
    return value if isinstance(value, bool | int | float | str) else text


def assignment(text: str, option: str) -> tuple[str, str]:
    """The two sides of `key=value`; raises InvalidInput."""
    key, equals, value = text.partition("=")
    if not equals or not key:
        raise InvalidInput(f"{option} {text}: expected key=value")
    return key, value


def parameters_of(texts: Sequence[str], option: str = "-p") -> dict[str, Scalar]:
    """The parameters given by `-p key=value` options; raises InvalidInput on a repeated key."""
    parameters: dict[str, Scalar] = {}
    for text in texts:
        key, value = assignment(text, option)
        if key in parameters:
            raise InvalidInput(f"{option} {text}: {key} is given twice")
        parameters[key] = value_of(value)
    return parameters


def values_of(text: str) -> list[Scalar]:
    """The values of one sweep: `a:b:n` evenly spaced with both ends, or `v1,v2,v3`.

    Raises:
        InvalidInput: an empty list, or an `a:b:n` with too few or too many values.
    """
    match = RANGE.fullmatch(text)
    if match is None:
        values = [value_of(part) for part in text.split(",")]
        if text == "" or "" in values:
            raise InvalidInput(f"{text!r}: expected a:b:n or v1,v2,v3")
        return values
    low, high, count = Fraction(match[1]), Fraction(match[2]), int(match[3])
    if not 1 <= count <= JOBS_MAX or (count == 1 and low != high):
        raise InvalidInput(f"{text}: n values from a to b need 2 <= n <= {JOBS_MAX}")
    step = (high - low) / (count - 1) if count > 1 else Fraction(0)
    whole = match[1].lstrip("+-").isdigit() and match[2].lstrip("+-").isdigit()
    if whole and step.denominator == 1:
        return [int(low + n * step) for n in range(count)]
    # Exact until here, so that 0:1:11 gives 0.3 and not 0.30000000000000004.
    return [float(low + n * step) for n in range(count)]


class Sweep:
    """Every combination of the swept values, each with the fixed parameters.

    Args:
        fixed: parameters that all jobs share.
        sweeps: `key=values` texts.

    Raises:
        InvalidInput: a malformed sweep, a key given twice, or more than a million jobs.
    """

    def __init__(self, fixed: Mapping[str, Scalar], sweeps: Sequence[str]) -> None:
        self.fixed = dict(fixed)
        self.axes: dict[str, list[Scalar]] = {}
        for text in sweeps:
            key, values = assignment(text, "--sweep")
            if key in self.axes or key in fixed:
                raise InvalidInput(f"--sweep {text}: {key} is given twice")
            self.axes[key] = values_of(values)
        if len(self) > JOBS_MAX:
            raise InvalidInput(f"the sweeps make {len(self)} jobs; the most is {JOBS_MAX}")

    def __len__(self) -> int:
        return math.prod(len(values) for values in self.axes.values())

    def __iter__(self) -> Iterator[dict[str, Scalar]]:
        for values in product(*self.axes.values()):
            yield {**self.fixed, **dict(zip(self.axes, values, strict=True))}

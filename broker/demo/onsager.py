"""The exact solution of the 2-D Ising model, and how far Monte Carlo results lie from it.

Onsager, Phys. Rev. 65, 117 (1944) for the energy; Yang, Phys. Rev. 85, 808 (1952) for the
magnetisation. Pure functions; temperatures in units of J/k_B, energies in units of J, J = 1.
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from broker.demo.ising import Result

CRITICAL_TEMPERATURE = 2.0 / math.log(1.0 + math.sqrt(2.0))  # 2.269...
COMPARED_BELOW = 2.2
"""The spontaneous magnetisation is compared up to here. Nearer to the critical temperature the
correlation length approaches the size of the lattice; above it the exact value is 0, while the mean
of |m| on a finite lattice never is. The energy has no such trouble and is compared everywhere."""
RUNS_THAT_TELL = 8


def magnetisation(temperature: float) -> float:
    """Spontaneous magnetisation per site of the infinite lattice, 0 to 1."""
    if temperature >= CRITICAL_TEMPERATURE:
        return 0.0
    # sinh^-4(x) = (2 / (e^x - e^-x))^4, written so that nothing overflows as T -> 0.
    x = 2.0 / temperature
    inverse_sinh = 2.0 * math.exp(-x) / -math.expm1(-2.0 * x)
    return float((1.0 - inverse_sinh**4) ** 0.125)


def energy(temperature: float) -> float:
    """Internal energy per site of the infinite lattice, -2 to 0.

    u = -coth(2K) (1 + t / agm(1, |t|)) with K = 1/T, t = 2 tanh(2K)^2 - 1; the complete elliptic
    integral of Onsager's formula is written as an arithmetic-geometric mean.
    """
    tanh = math.tanh(2.0 / temperature)
    t = 2.0 * tanh**2 - 1.0
    return -(1.0 + (t / _agm(1.0, abs(t)) if t else 0.0)) / tanh


def _agm(a: float, b: float) -> float:
    """Arithmetic-geometric mean of two positive numbers; it converges quadratically."""
    while abs(a - b) > 1e-15 * a:
        a, b = (a + b) / 2.0, math.sqrt(a * b)
    return a


@dataclass(frozen=True, slots=True)
class Point:
    """All runs at one temperature together; errors are one standard error."""

    temperature: float
    runs: int
    magnetisation: float
    magnetisation_error: float
    energy: float
    energy_error: float

    @property
    def compared(self) -> bool:
        """Whether its magnetisation can be held against the infinite lattice."""
        return self.temperature <= COMPARED_BELOW


def merged(results: Iterable[Result]) -> list[Point]:
    """One point for each temperature, coldest first: the mean of independent runs."""
    runs: dict[float, list[Result]] = defaultdict(list)
    for result in results:
        runs[result.temperature].append(result)
    return [_point(temperature, runs[temperature]) for temperature in sorted(runs)]


def _point(temperature: float, runs: Sequence[Result]) -> Point:
    return Point(
        temperature,
        len(runs),
        *_mean([r.magnetisation for r in runs], [r.magnetisation_error for r in runs]),
        *_mean([r.energy for r in runs], [r.energy_error for r in runs]),
    )


def _mean(values: Sequence[float], errors: Sequence[float]) -> tuple[float, float]:
    """Mean of independent runs and its standard error.

    Many runs tell the error by how they scatter, also where a run is too short for its own
    estimate: near the critical temperature it remembers for longer than the blocks are.
    """
    count = len(values)
    mean = sum(values) / count
    if count >= RUNS_THAT_TELL:
        squares = sum((value - mean) ** 2 for value in values)
        return mean, math.sqrt(squares / (count - 1) / count)
    return mean, math.sqrt(sum(error**2 for error in errors)) / count


def magnetisation_deviation_max(points: Iterable[Point]) -> float | None:
    """Largest |m - exact| where it can be compared; None without such a point."""
    return max(
        (abs(p.magnetisation - magnetisation(p.temperature)) for p in points if p.compared),
        default=None,
    )


def energy_deviation_max(points: Iterable[Point]) -> float | None:
    """Largest |u - exact| in units of J; None without a point."""
    return max((abs(p.energy - energy(p.temperature)) for p in points), default=None)

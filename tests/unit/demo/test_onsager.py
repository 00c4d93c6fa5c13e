"""The exact solution, against known values and against itself."""

import math

import pytest

from broker.demo import onsager
from broker.demo.ising import Result


def result(temperature: float, m: float, u: float, error: float = 0.01) -> Result:
    return Result(temperature, 64, 1, 100, m, error, u, error)


def test_the_critical_temperature() -> None:
    assert pytest.approx(2.269185314213022) == onsager.CRITICAL_TEMPERATURE
    assert math.sinh(2 / onsager.CRITICAL_TEMPERATURE) == pytest.approx(1.0)


@pytest.mark.parametrize("temperature", [0.5, 1.0, 1.5, 2.0, 2.2, 2.26])
def test_magnetisation_is_yangs_formula(temperature: float) -> None:
    formula = (1 - math.sinh(2 / temperature) ** -4) ** (1 / 8)
    assert onsager.magnetisation(temperature) == pytest.approx(formula)


def test_magnetisation_at_the_ends() -> None:
    assert onsager.magnetisation(1e-3) == 1.0  # sinh would overflow
    assert onsager.magnetisation(onsager.CRITICAL_TEMPERATURE) == 0.0
    assert onsager.magnetisation(5.0) == 0.0


def test_energy_at_the_ends() -> None:
    assert onsager.energy(1e-3) == -2.0
    assert onsager.energy(onsager.CRITICAL_TEMPERATURE) == pytest.approx(-math.sqrt(2), abs=1e-6)
    assert onsager.energy(1e4) == pytest.approx(-2 / 1e4, rel=1e-3)  # u -> -2 tanh(1/T)


@pytest.mark.parametrize("temperature", [1.0, 2.0, 2.4, 5.0])
def test_energy_is_the_derivative_of_onsagers_free_energy(temperature: float) -> None:
    step = 1e-4
    low, high = (log_partition(1 / temperature + sign * step) for sign in (-1, 1))
    assert onsager.energy(temperature) == pytest.approx(-(high - low) / (2 * step), abs=1e-6)


def log_partition(inverse: float, points: int = 4_000) -> float:
    """ln Z per site by Onsager's single integral, by the midpoint rule (periodic: converges fast).

    ln(2 cosh 2K) + 1/pi * int_0^(pi/2) ln((1 + sqrt(1 - k^2 sin^2 x)) / 2) dx
    """
    k = 2 * math.sinh(2 * inverse) / math.cosh(2 * inverse) ** 2
    total = 0.0
    for point in range(points):
        x = (point + 0.5) * math.pi / 2 / points
        total += math.log((1 + math.sqrt(1 - (k * math.sin(x)) ** 2)) / 2)
    return math.log(2 * math.cosh(2 * inverse)) + total / points / 2


def test_runs_at_one_temperature_become_one_point() -> None:
    points = onsager.merged([result(2.0, 0.9, -1.7), result(1.5, 1, -2), result(2.0, 0.92, -1.8)])
    assert [p.temperature for p in points] == [1.5, 2.0]
    assert points[1].runs == 2
    assert points[1].magnetisation == pytest.approx(0.91)
    assert points[1].magnetisation_error == pytest.approx(0.01 / math.sqrt(2))


def test_many_runs_tell_the_error_by_how_they_scatter() -> None:
    values = [0.9, 0.92] * 8
    (point,) = onsager.merged([result(2.0, m, -1.7, error=1e-6) for m in values])
    assert point.magnetisation_error == pytest.approx(0.01 / math.sqrt(15))


def test_only_the_ordered_side_is_held_against_the_exact_magnetisation() -> None:
    cold, hot = result(2.0, onsager.magnetisation(2.0) + 0.01, -1.7), result(2.6, 0.5, -1.0)
    points = onsager.merged([cold, hot])
    assert onsager.magnetisation_deviation_max(points) == pytest.approx(0.01)
    assert onsager.magnetisation_deviation_max(onsager.merged([hot])) is None


def test_the_energy_is_compared_everywhere() -> None:
    points = onsager.merged([result(2.6, 0.1, onsager.energy(2.6) - 0.03)])
    assert onsager.energy_deviation_max(points) == pytest.approx(0.03)
    assert onsager.energy_deviation_max([]) is None

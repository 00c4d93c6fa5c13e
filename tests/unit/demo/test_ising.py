"""The payload: limits that can be checked by hand, and one run of the script as a job runs it."""

import itertools
import json
import math
from pathlib import Path

import numpy as np
import pytest

from broker.demo import ising, onsager

LATTICE = '{"coupling": 1.0, "boundary": "periodic"}'


def as_square(lattice: ising.Lattice) -> np.ndarray:
    square = np.empty((lattice.size, lattice.size), np.int64)
    for row, column in itertools.product(range(lattice.size), repeat=2):
        half = lattice.even if (row + column) % 2 == 0 else lattice.odd
        square[row, column] = half[row, column // 2]
    return square


@pytest.mark.parametrize("size", [4, 6, 10])
def test_a_sweep_reports_the_bonds_of_the_lattice_that_it_leaves(size: int) -> None:
    random = np.random.default_rng(size)
    lattice = ising.Lattice(size, random)
    bonds = lattice.sweep(random, ising.flip_chances(2.5, 1.0))
    square = as_square(lattice)
    assert bonds == np.sum(square * (np.roll(square, 1, 0) + np.roll(square, 1, 1)))
    assert lattice.magnetisation() == square.mean()


def test_a_two_by_two_lattice_takes_its_states_as_often_as_boltzmann_says() -> None:
    # Each pair of neighbours is joined twice there; 16 states can be summed by hand.
    temperature, weights, energies = 4.0, 0.0, 0.0
    for a, b, c, d in itertools.product((-1, 1), repeat=4):
        energy = -2.0 * (a * b + b * c + c * d + d * a)
        weights += math.exp(-energy / temperature)
        energies += energy * math.exp(-energy / temperature)
    result = ising.simulate(temperature, 2, 40_000, 100, seed=1)
    assert abs(result.energy - energies / weights / 4) < 5 * result.energy_error
    assert result.energy_error < 0.02


def test_a_cold_lattice_stays_ordered() -> None:
    result = ising.simulate(0.3, 16, 50, 0, seed=1)
    assert (result.magnetisation, result.energy) == (1.0, -2.0)


def test_a_hot_lattice_has_no_order() -> None:
    result = ising.simulate(1e6, 64, 200, 10, seed=1)
    # The mean of |m| of N free spins is sqrt(2 / (pi N)).
    assert result.magnetisation == pytest.approx(math.sqrt(2 / math.pi) / 64, rel=0.2)
    assert abs(result.energy) < 0.01


@pytest.mark.parametrize("ordered", [True, False])
def test_the_start_is_forgotten(ordered: bool) -> None:
    result = ising.simulate(3.0, 32, 2_000, 200, seed=3, ordered=ordered)
    assert abs(result.energy - onsager.energy(3.0)) < max(5 * result.energy_error, 0.005)


def test_equal_seeds_give_equal_results() -> None:
    assert ising.simulate(2.0, 8, 50, 5, 7) == ising.simulate(2.0, 8, 50, 5, 7)


def test_blocking_finds_the_error_of_independent_samples() -> None:
    series = np.random.default_rng(0).normal(size=2**14)
    assert ising.blocking_error(series) == pytest.approx(1 / math.sqrt(2**14), rel=0.6)


def test_blocking_finds_the_error_of_correlated_samples() -> None:
    # An AR(1) process with memory a has the error of independent samples times
    # sqrt((1 + a) / (1 - a)), for a standard deviation of 1.
    memory, random = 0.9, np.random.default_rng(1)
    noise = random.normal(scale=math.sqrt(1 - memory**2), size=2**15)
    series = np.empty(noise.size)
    value = 0.0
    for step, kick in enumerate(noise):
        value = memory * value + kick
        series[step] = value
    expected = math.sqrt((1 + memory) / (1 - memory) / series.size)
    assert ising.blocking_error(series) == pytest.approx(expected, rel=0.5)


def test_one_sample_has_no_known_error() -> None:
    assert ising.blocking_error(np.ones(1)) == math.inf


def test_the_script_reads_its_input_and_writes_its_output(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("lattice.json").write_text(LATTICE)
    chain = ["--sweeps", "20", "--warm-up-sweeps", "5", "--seed", "4", "--start", "random"]
    ising.main(["--temperature", "1.5", "--size", "16", *chain])
    written = ising.Result(**json.loads(Path("result.json").read_text()))
    assert written == ising.simulate(1.5, 16, 20, 5, 4, ordered=False)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"size": 7}, "even"),
        ({"temperature": 0.0}, "above 0"),
    ],
)
def test_what_cannot_be_computed_is_refused(wrong: dict[str, float], said: str) -> None:
    arguments = {"temperature": 2.0, "size": 8, "sweeps": 1, "warm_up_sweeps": 0, "seed": 1}
    with pytest.raises(ValueError, match=said):
        ising.simulate(**{**arguments, **wrong})  # type: ignore[arg-type]


def test_another_boundary_is_refused(tmp_path: Path) -> None:
    lattice = tmp_path / "lattice.json"
    lattice.write_text('{"coupling": 1.0, "boundary": "open"}')
    with pytest.raises(ValueError, match="periodic"):
        ising.read_lattice(lattice)

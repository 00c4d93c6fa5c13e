"""One job of the demo: the 2-D Ising model on a periodic square lattice by heat-bath Monte Carlo.

This file is the app: it travels to the host as text and runs there as a script, so it imports
nothing but the standard library and NumPy.

    python ising.py --temperature 2.1 --size 64 --sweeps 4000 --warm-up-sweeps 500 --seed 1

It reads `lattice.json` ({"coupling": J, "boundary": "periodic"}) and writes `result.json`.
Temperatures are in units of J/k_B, energies in units of J, when J is 1.

The lattice is kept as its two sublattices of a checkerboard. No two sites of one sublattice are
neighbours, so all of them are updated at once, each drawn afresh from its distribution given its
neighbours: Gibbs sampling, which leaves the Boltzmann distribution as it is and reaches every state
(Geman and Geman, IEEE PAMI 6, 721 (1984)). The Metropolis rule would not do: updated in order, a
hot lattice flips all its spins in every sweep and never forgets how it began.
"""

import argparse
import json
import math
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

Spins = npt.NDArray[np.int8]
Series = npt.NDArray[np.float64]

NEIGHBOURS = 4
BLOCKS_MIN = 16  # a standard error from fewer blocks is itself too uncertain


@dataclass(frozen=True)
class Result:
    """What a job writes. Magnetisation and energy are per site, errors are one standard error."""

    temperature: float
    size: int
    seed: int
    samples: int
    magnetisation: float
    magnetisation_error: float
    energy: float
    energy_error: float


class Lattice:
    """Spins +-1 on a square lattice with periodic boundaries, as two sublattices.

    even, odd: int8[size, size / 2]. Row r of `even` holds the sites whose column has the parity of
    r, row r of `odd` the others.

    Args:
        size: sites along one side; even.
        random: None starts with all spins up, else each spin is drawn.
    """

    def __init__(self, size: int, random: np.random.Generator | None = None) -> None:
        if size < 2 or size % 2:
            raise ValueError(f"the size must be even and at least 2, not {size}")
        self.size = size
        shape = (size, size // 2)
        self.even: Spins = np.ones(shape, np.int8)
        self.odd: Spins = np.ones(shape, np.int8)
        if random is not None:
            for half in (self.even, self.odd):
                half[random.random(shape) < 0.5] = -1

    def sweep(self, random: np.random.Generator, chances: npt.NDArray[np.float32]) -> int:
        """Draws every spin once; returns the sum of s_i s_j over all bonds afterwards.

        chances: float32[9], the probability of a flip at s_i * (sum of neighbours) + 4.
        """
        _flip(self.even, _neighbours(self.odd, 0), random, chances)
        around = _neighbours(self.even, 1)
        _flip(self.odd, around, random, chances)
        around *= self.odd  # each bond joins an odd site to an even one
        return int(around.sum(dtype=np.int64))

    def magnetisation(self) -> float:
        """Mean spin, -1 to 1."""
        up = int(self.even.sum(dtype=np.int64)) + int(self.odd.sum(dtype=np.int64))
        return up / self.size**2


def _neighbours(other: Spins, parity: int) -> Spins:
    """Sum of the four neighbours of each site of one sublattice, all of which lie on `other`.

    The neighbours above and below have the same index, one of those beside it as well; the second
    stands to the left in rows of this `parity` (0: of the even sublattice) and else to the right.
    """
    around = other.copy()
    around[1:] += other[:-1]
    around[0] += other[-1]
    around[:-1] += other[1:]
    around[-1] += other[0]
    left, right = slice(parity, None, 2), slice(1 - parity, None, 2)
    around[left, 1:] += other[left, :-1]
    around[left, 0] += other[left, -1]
    around[right, :-1] += other[right, 1:]
    around[right, -1] += other[right, 0]
    return around


def _flip(
    spins: Spins,
    around: Spins,
    random: np.random.Generator,
    chances: npt.NDArray[np.float32],
) -> None:
    """Flips each spin with its probability, in place."""
    chance = chances.take(spins * around + NEIGHBOURS)
    flipped = random.random(spins.shape, dtype=np.float32) < chance
    np.negative(spins, out=spins, where=flipped)


def flip_chances(temperature: float, coupling: float) -> npt.NDArray[np.float32]:
    """Heat bath: 1 / (1 + exp(dE / T)) with dE = 2 J s_i (sum of neighbours); float32[9]."""
    if not temperature > 0:
        raise ValueError(f"the temperature must be above 0, not {temperature}")
    field = np.arange(-NEIGHBOURS, NEIGHBOURS + 1)
    half = coupling * field / temperature  # dE / 2T; tanh does not overflow where exp would
    return np.asarray(0.5 * (1.0 - np.tanh(half)), np.float32)


def simulate(
    temperature: float,
    size: int,
    sweeps: int,
    warm_up_sweeps: int,
    seed: int,
    *,
    coupling: float = 1.0,
    ordered: bool = True,
) -> Result:
    """Runs one Markov chain and takes a sample of |m| and of the energy after each sweep."""
    random = np.random.default_rng(seed)
    lattice = Lattice(size, None if ordered else random)
    chances = flip_chances(temperature, coupling)
    for _ in range(warm_up_sweeps):
        lattice.sweep(random, chances)
    magnetisation, energy = np.empty(sweeps), np.empty(sweeps)
    for sample in range(sweeps):
        bonds = lattice.sweep(random, chances)
        energy[sample] = -coupling * bonds / size**2
        magnetisation[sample] = abs(lattice.magnetisation())
    return Result(
        temperature=temperature,
        size=size,
        seed=seed,
        samples=sweeps,
        magnetisation=float(magnetisation.mean()),
        magnetisation_error=blocking_error(magnetisation),
        energy=float(energy.mean()),
        energy_error=blocking_error(energy),
    )


def blocking_error(series: Series) -> float:
    """Standard error of the mean of correlated samples, by blocking.

    Neighbouring samples are averaged in pairs again and again; the naive error grows until blocks
    are longer than the correlation time. The largest one found is taken, which errs on the safe
    side. Source: Flyvbjerg and Petersen, J. Chem. Phys. 91, 461 (1989).
    """
    if series.size < 2:
        return math.inf
    error = 0.0
    blocks = series
    while True:
        error = max(error, float(blocks.std(ddof=1)) / math.sqrt(blocks.size))
        half = blocks.size // 2
        if half < BLOCKS_MIN:
            return error
        blocks = 0.5 * (blocks[0 : 2 * half : 2] + blocks[1 : 2 * half : 2])


def read_lattice(path: Path) -> float:
    """The coupling J that a lattice file describes.

    Raises:
        ValueError: it describes a lattice that this program cannot compute.
    """
    lattice = json.loads(path.read_text(encoding="utf-8"))
    if lattice.get("boundary") != "periodic":
        raise ValueError(f"{path.name}: only periodic boundaries, not {lattice.get('boundary')!r}")
    return float(lattice["coupling"])


def main(arguments: list[str] | None = None) -> None:
    """The script."""
    parser = argparse.ArgumentParser(description="2-D Ising model by heat-bath Monte Carlo")
    parser.add_argument("--temperature", type=float, required=True)
    parser.add_argument("--size", type=int, required=True)
    parser.add_argument("--sweeps", type=int, required=True)
    parser.add_argument("--warm-up-sweeps", type=int, required=True)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--start", choices=("ordered", "random"), default="ordered")
    given = parser.parse_args(arguments)
    result = simulate(
        given.temperature,
        given.size,
        given.sweeps,
        given.warm_up_sweeps,
        given.seed,
        coupling=read_lattice(Path("lattice.json")),
        ordered=given.start == "ordered",
    )
    Path("result.json").write_text(json.dumps(asdict(result)) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

"""Which running jobs may be taken back at all: each pool's own rules, and what its rate leaves."""

from dataclasses import dataclass

import numpy as np

from broker.scheduling.columns import (
    FLOAT,
    INT32,
    INT64,
    Columns,
    Floats,
    Int32s,
    Int64s,
    Rule,
    Rules,
)

POOL_OF_HOST: Rules = (Rule("pool", INT32, -1.0, why="names no pool row"),)
RULES_OF_POOL: Rules = (Rule("minimum_run_seconds", FLOAT, 0.0), Rule("jobs_max", INT64, 0.0))


@dataclass(frozen=True, slots=True)
class Reclaim(Columns):
    """By host row [h] the pool, by pool [p] its rules.

    pool: int32[h], row of the pool; -1 for a host whose jobs are left alone: its pool allows no
        preemption, or it takes no new jobs now.
    minimum_run_seconds: float64[p], how long a job runs at least before it may be taken back.
    jobs_max: int64[p], how many may be taken back now.

    Raises InvalidColumnError (a ValueError) that names the argument and the index.
    """

    pool: Int32s
    minimum_run_seconds: Floats
    jobs_max: Int64s

    def __post_init__(self) -> None:
        self._check(POOL_OF_HOST)
        self._check(RULES_OF_POOL)
        self.refuse_outside("pool", -1, self.jobs_max.size - 1, "names no pool row")

    def open(self) -> bool:
        """Whether any job may be taken back now."""
        allowed = np.append(self.jobs_max > 0, False)  # the last one stands for no pool
        return bool(allowed[self.pool].any())

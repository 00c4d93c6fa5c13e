"""Whom to serve next: Fairlead's own `plan`, and four other systems' rules to compare it with.

A policy sees the same cluster, the same jobs and the same moments as every other. What it does with
jobs over several hosts, and what it remembers, is its own.
"""

from collections.abc import Callable, Mapping
from typing import Final

from broker.scheduling.simulation.policies.boinc import Boinc
from broker.scheduling.simulation.policies.fairlead import Fairlead
from broker.scheduling.simulation.policies.fifo import Fifo
from broker.scheduling.simulation.policies.htcondor import HtCondor
from broker.scheduling.simulation.policies.slurm import SlurmFairTree
from broker.scheduling.simulation.scene import Policy, Scene
from broker.scheduling.simulation.state import State

POLICIES: Final[Mapping[str, Callable[[Scene, State], Policy]]] = {
    "fairlead": Fairlead,
    "fifo": Fifo,
    "slurm-fairtree": SlurmFairTree,
    "htcondor": HtCondor,
    "boinc": Boinc,
}

"""The data roots that a submission names, and how it wants to use them."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import orjson

from broker.domain import data_paths
from broker.domain.access import World
from broker.domain.access.compound import RootUse
from broker.domain.access.world import DataRoot
from broker.domain.data_paths import PathInvalid
from broker.errors import FieldError, InvalidInput
from broker.protocol.data import DataUse
from broker.protocol.ids import NodeId, show
from broker.protocol.limits import DATA_ROOTS_PER_BATCH_MAX
from broker.protocol.nodes import Kind, Mode
from broker.services.requests.actor import Actor
from broker.services.requests.references import find_node

GONE = DataRoot(uid=0, gid=0, public=False, import_enabled=False)


@dataclass(slots=True)
class WantedRoots:
    """Distinct pairs of data root and mode, each with the place where it was named first.

    Args:
        outputs_text: the data of a job that names no input data, as JSON; None for none.
        new: some were named since `asked` was called.
    """

    actor: Actor
    outputs_text: str | None = None
    new: bool = False
    _outputs: list[DataUse] = field(default_factory=list)
    _found: dict[str, NodeId] = field(default_factory=dict)  # by the name that the client gave
    _wanted: dict[tuple[NodeId, Mode], tuple[str, str]] = field(default_factory=dict)

    def write(self, place: str | None, pointer: str) -> None:
        """The directory that the outputs of all jobs go to.

        Raises:
            InvalidInput: no such path. Whether there is such a root, the policy says later.
        """
        if place is None:
            return
        try:
            self._outputs = [self._use(None, place, Mode.WRITE, pointer)]
        except PathInvalid as error:
            raise InvalidInput.of(pointer, str(error)) from None
        self.outputs_text = _text(self._outputs)

    def read(self, inputs: Mapping[str, str], pointer: str) -> tuple[str | None, list[FieldError]]:
        """The data of one job as JSON, and what is wrong with it.

        Args:
            inputs: place of each input file.
            pointer: where the inputs stand.
        """
        uses, problems = list(self._outputs), []
        for name, place in inputs.items():
            at = f"{pointer}/{name}/data"
            try:
                uses.append(self._use(name, place, Mode.READ, at))
            except PathInvalid as error:
                problems.append(FieldError(at, str(error)))
            except InvalidInput as error:
                problems += error.errors
        return _text(uses), problems

    def again(self, root: NodeId, mode: Mode) -> None:
        """A root that the jobs of an earlier batch name."""
        reference = show("root", root)
        self._wanted[root, mode] = (reference, f"/data/{reference}")
        self.new = True

    def uses(self) -> list[tuple[NodeId, Mode]]:
        """What is to be stored with the batch."""
        return list(self._wanted)

    def asked(self, world: World, project: NodeId | None) -> list[RootUse]:
        """What the policy is asked for; from here on none of them is new."""
        self.new = False
        return [
            root_use(world, project, root, mode, pointer)
            for (root, mode), (_, pointer) in self._wanted.items()
        ]

    def named(self) -> dict[str, tuple[str, str]]:
        """By pointer: the kind of what is named there, and its name."""
        return {pointer: ("data root", name) for name, pointer in self._wanted.values()}

    def _use(self, name: str | None, place: str, mode: Mode, pointer: str) -> DataUse:
        reference, path = data_paths.parse(place)
        root = self._found.get(reference)
        if root is None:
            root = self._find(reference, pointer)
        if (root, mode) not in self._wanted:
            self._wanted[root, mode] = (reference, pointer)
            self.new = True
        return DataUse(input=name, root=root, path=path, mode=mode)

    def _find(self, reference: str, pointer: str) -> NodeId:
        root = find_node(self.actor.world, Kind.DATA_ROOT, reference, pointer)
        if root is None:  # the policy answers for it, as for one that is not to be seen
            root = NodeId(-1 - len(self._found))
        if len(self._found) >= DATA_ROOTS_PER_BATCH_MAX:
            detail = f"at most {DATA_ROOTS_PER_BATCH_MAX} data roots in one batch"
            raise InvalidInput.of(pointer, detail)
        self._found[reference] = root
        return root


def root_use(
    world: World, project: NodeId | None, root: NodeId, mode: Mode, pointer: str = "/data"
) -> RootUse:
    """A data root as the policy of submissions is asked about it."""
    facts = world.roots.get(root, GONE)
    return RootUse(
        root,
        world.node(root),
        wanted=mode,
        bound=None if project is None else world.bound(project, root),
        uid=facts.uid,
        gid=facts.gid,
        public=facts.public,
        pointer=pointer,
    )


def _text(uses: list[DataUse]) -> str | None:
    return orjson.dumps([use.model_dump() for use in uses]).decode() if uses else None

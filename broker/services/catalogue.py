"""What can be run: apps and versions, compiled and remembered for the hot path."""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from pydantic import TypeAdapter

from broker.domain.parameters import job_adapter
from broker.errors import Conflict, NotFound
from broker.protocol.apps import VersionSpec
from broker.protocol.ids import AppId, VersionId
from broker.protocol.nodes import Isolation
from broker.protocol.states import AppState, VersionState
from broker.services.references import absent, resolve
from broker.storage import catalogue
from broker.storage.database import Connection, Database

REMEMBER_SECONDS = 1.0
REMEMBERED_MAX = 10_000
NUMBER_MAX = 2**31 - 1  # of a version, in PostgreSQL


@dataclass(frozen=True, slots=True)
class Runnable:
    """A version that takes jobs, with its compiled validator."""

    app_id: AppId
    app_name: str
    app_state: AppState
    version_id: VersionId
    number: int
    version_state: VersionState
    spec: VersionSpec
    jobs: TypeAdapter[list[Any]]
    strict_personal: bool  # its batches are for their submitter alone (H10)


@dataclass(slots=True)
class Catalogue:
    """Looks up apps and versions; remembers the compiled ones by id, for they never change."""

    database: Database
    clock: Callable[[], float] = time.monotonic
    _found: dict[tuple[str, int | None], tuple[float, Runnable]] = field(default_factory=dict)
    _compiled: dict[VersionId, tuple[VersionSpec, TypeAdapter[list[Any]]]] = field(
        default_factory=dict
    )
    _spec_texts: dict[VersionId, str] = field(default_factory=dict)

    def forget(self) -> None:
        """Call after any change of an app or a version's state."""
        self._found = {}

    async def runnable(self, app: str, number: int | None) -> Runnable:
        """A version that exists, whatever its state.

        Raises:
            NotFound: no such app or version.
        """
        remembered = self._found
        known = remembered.get((app, number))
        if known and known[0] > self.clock():
            return known[1]
        until = self.clock() + REMEMBER_SECONDS
        async with self.database.connection() as connection:
            found = await self._look_up(connection, app, number)
        if len(remembered) >= REMEMBERED_MAX:
            remembered.clear()
        # Into the book that was open when we looked: after `forget` nobody reads that one.
        remembered[app, number] = (until, found)
        return found

    async def spec_texts(self, versions: Iterable[VersionId]) -> dict[VersionId, str]:
        """The specs of versions as JSON text, for leases."""
        wanted = set(versions)
        missing = [version for version in wanted if version not in self._spec_texts]
        if missing:
            if len(self._spec_texts) >= REMEMBERED_MAX:
                self._spec_texts.clear()
            async with self.database.connection() as connection:
                self._spec_texts.update(await catalogue.specs(connection, missing))
        return {version: self._spec_texts[version] for version in wanted}

    async def _look_up(self, connection: Connection, app: str, number: int | None) -> Runnable:
        name, app_number = resolve("app", app, "/app")
        app_id = None if app_number is None else AppId(app_number)
        row = await catalogue.app(connection, name, app_id)
        if row is None:
            raise absent("app", app)
        version = None
        if number is None or number <= NUMBER_MAX:
            version = await catalogue.version(connection, row["id"], number)
        if version is None and number is None:
            raise Conflict(f"the app {row['name']} has no published version yet")
        if version is None:
            raise NotFound(f"the app {row['name']} has no version {number}", ids=(app,))
        spec, jobs = self._compile(VersionId(version["id"]), version["spec"])
        return Runnable(
            AppId(row["id"]),
            row["name"],
            AppState(row["state"]),
            VersionId(version["id"]),
            version["number"],
            VersionState(version["state"]),
            spec,
            jobs,
            strict_personal=row["isolation"] == Isolation.STRICT_PERSONAL,
        )

    def _compile(self, version: VersionId, text: str) -> tuple[VersionSpec, TypeAdapter[list[Any]]]:
        if version not in self._compiled:
            if len(self._compiled) >= REMEMBERED_MAX:
                self._compiled.clear()
            spec = VersionSpec.model_validate_json(text)
            self._compiled[version] = (spec, job_adapter(spec))
        return self._compiled[version]


def require_submittable(found: Runnable) -> None:
    """Goes on only when the version takes new jobs. Ask after authorising: it speaks of drafts.

    Raises:
        Conflict: the app or the version is deprecated, or the version is a draft.
    """
    if found.app_state != AppState.ACTIVE:
        raise Conflict(f"the app {found.app_name} is deprecated and takes no new jobs")
    if found.version_state != VersionState.PUBLISHED:
        raise Conflict(
            f"version {found.number} of {found.app_name} is {found.version_state}; "
            "only published versions take new jobs"
        )

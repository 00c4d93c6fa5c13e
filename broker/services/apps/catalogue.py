"""What can be run: apps and versions, compiled and remembered for the hot path."""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from pydantic import TypeAdapter

from broker.domain.parameters import job_adapter
from broker.errors import Conflict, NotFound
from broker.protocol.apps import VersionSpec
from broker.protocol.ids import AppId, VersionId, show
from broker.protocol.nodes import Isolation
from broker.protocol.states import AppState, VersionState
from broker.storage import catalogue
from broker.storage.database import Connection, Database

REMEMBER_SECONDS = 1.0
REMEMBERED_MAX = 10_000
NUMBER_MAX = 2**31 - 1  # of a version, in PostgreSQL


@dataclass(frozen=True, slots=True)
class RunnableApp:
    """An app that exists, whatever its state."""

    id: AppId
    handle: str
    state: AppState
    isolation: Isolation  # what others see of its batches from now on


@dataclass(frozen=True, slots=True)
class Runnable:
    """A version that exists, whatever its state, with its compiled validator."""

    app: RunnableApp
    version_id: VersionId
    number: int
    state: VersionState
    spec: VersionSpec
    spec_text: str  # as PostgreSQL keeps it
    jobs: TypeAdapter[list[Any]]


@dataclass(slots=True)
class Catalogue:
    """Looks up apps and versions; remembers the compiled ones by id and spec."""

    database: Database
    clock: Callable[[], float] = time.monotonic
    _apps: dict[AppId, tuple[float, RunnableApp]] = field(default_factory=dict)
    _found: dict[tuple[AppId, int | None], tuple[float, Runnable]] = field(default_factory=dict)
    _compiled: dict[VersionId, tuple[str, VersionSpec, TypeAdapter[list[Any]]]] = field(
        default_factory=dict
    )
    _spec_texts: dict[VersionId, str] = field(default_factory=dict)

    def forget(self) -> None:
        """Call after any change of an app or a version."""
        self._apps = {}
        self._found = {}

    async def app(self, app: AppId) -> RunnableApp:
        """An app that exists; ask before whether the caller may run it."""
        remembered = self._apps
        known = remembered.get(app)
        if known and known[0] > self.clock():
            return known[1]
        until = self.clock() + REMEMBER_SECONDS
        async with self.database.connection() as connection:
            found = await _app(connection, app)
        if len(remembered) >= REMEMBERED_MAX:
            remembered.clear()
        # Into the book that was open when we looked: after `forget` nobody reads that one.
        remembered[app] = (until, found)
        return found

    async def version(self, app: RunnableApp, number: int | None) -> Runnable:
        """A version of an app; ask before whether the caller may run the app.

        Args:
            number: None for the newest published one.

        Raises:
            NotFound: there is no such version.
            Conflict: none is published.
        """
        remembered = self._found
        known = remembered.get((app.id, number))
        if known and known[0] > self.clock() and known[1].app is app:
            return known[1]
        until = self.clock() + REMEMBER_SECONDS
        async with self.database.connection() as connection:
            found = await self._version(connection, app, number)
        if len(remembered) >= REMEMBERED_MAX:
            remembered.clear()
        remembered[app.id, number] = (until, found)
        return found

    async def spec_texts(self, versions: Iterable[VersionId]) -> dict[VersionId, str]:
        """The specs of versions as JSON text, for leases: what was run keeps its spec."""
        wanted = set(versions)
        missing = [version for version in wanted if version not in self._spec_texts]
        if missing:
            if len(self._spec_texts) >= REMEMBERED_MAX:
                self._spec_texts.clear()
            async with self.database.connection() as connection:
                self._spec_texts.update(await catalogue.specs(connection, missing))
        return {version: self._spec_texts[version] for version in wanted}

    async def _version(
        self, connection: Connection, app: RunnableApp, number: int | None
    ) -> Runnable:
        row = None
        if number is None or number <= NUMBER_MAX:
            row = await catalogue.version(connection, app.id, number)
        if row is None and number is None:
            raise Conflict(f"the app {app.handle} has no published version yet")
        if row is None:
            raise no_version(app, number or 0)
        version, text = VersionId(row["id"]), row["spec"]
        spec, jobs = self._compile(version, text)
        state = VersionState(row["state"])
        return Runnable(app, version, row["number"], state, spec, text, jobs)

    def _compile(self, version: VersionId, text: str) -> tuple[VersionSpec, TypeAdapter[list[Any]]]:
        known = self._compiled.get(version)
        if known is None or known[0] != text:  # a draft's spec may have been edited
            if len(self._compiled) >= REMEMBERED_MAX:
                self._compiled.clear()
            spec = VersionSpec.model_validate_json(text)
            known = self._compiled[version] = (text, spec, job_adapter(spec))
        return known[1:]


async def _app(connection: Connection, app: AppId) -> RunnableApp:
    row = await catalogue.app(connection, app)
    assert row is not None, "the node of an app has one"
    return RunnableApp(app, row["handle"], AppState(row["state"]), Isolation(row["isolation"]))


def no_version(app: RunnableApp, number: int) -> NotFound:
    """The error for a version that is not there, or not the caller's to see."""
    return NotFound(f"the app {app.handle} has no version {number}", ids=(show("app", app.id),))


def require_submittable(found: Runnable, sees_drafts: Callable[[], bool]) -> None:
    """Goes on only when the version takes new jobs. Ask after authorising.

    Args:
        sees_drafts: whether the caller edits the app, and so may try a draft that it names.

    Raises:
        Conflict: the app or the version is deprecated.
        NotFound: a draft that the caller may not know of.
    """
    if found.app.state is not AppState.ACTIVE:
        raise Conflict(f"the app {found.app.handle} is deprecated and takes no new jobs")
    if found.state is VersionState.DRAFT and not sees_drafts():
        raise no_version(found.app, found.number)
    if found.state is VersionState.DEPRECATED:
        raise Conflict(
            f"version {found.number} of {found.app.handle} is deprecated and takes no new jobs"
        )


async def keep_draft(connection: Connection, found: Runnable) -> None:
    """In the transaction that stores jobs: a draft keeps the spec for which they were checked.

    Raises:
        Conflict: it was edited meanwhile.
    """
    if found.state is not VersionState.DRAFT:
        return
    if not await catalogue.run_draft(connection, found.version_id, found.spec_text):
        raise Conflict(f"draft {found.number} of {found.app.handle} was just changed; ask again")

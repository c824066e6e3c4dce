"""The workbench of one clause: fresh stores, a clock that obeys, and nothing left behind."""

import functools
import shutil
import tempfile
import uuid
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self

from smok_core.databases import Databases
from smok_core.engine.base import Blobs, Engine, Limits, Series, Table
from smok_core.hookspecs import BackendInfo, Capability
from smok_testing import opening
from smok_testing.subject import Subject

#: The device whose data the clauses keep, unless they need two.
DEVICE = "d1"


class FakeClock:
    """A clock that stands still until it is told otherwise; it may go backwards."""

    def __init__(self, now: float = 1_700_000_000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


class Harness:
    """Opens stores for one clause, and closes and removes them after it."""

    def __init__(self, subject: Subject) -> None:
        self.subject, self.clock = subject, FakeClock()
        self._stack = ExitStack()
        self._root = Path(tempfile.mkdtemp(prefix="smok-kit-"))
        self._stack.callback(shutil.rmtree, self._root, ignore_errors=True)
        self.place = self.new_place()
        self._engine: Engine | None = None
        self._roles: Databases | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def new_place(self) -> Path:
        """Return an empty place that nothing else has used."""
        place = self._root / f"k{uuid.uuid4().hex[:12]}"
        place.mkdir()
        if self.subject.discard:
            self._stack.callback(self.subject.discard, place)
        return place

    def new_file(self) -> Path:
        """Return the path of a file that is not there, on this machine."""
        return self._root / uuid.uuid4().hex

    def disturb(self) -> None:
        """Let the store at `place` lie otherwise than it was written, if the author can do that."""
        if self.subject.disturb:
            self.subject.disturb(self.place)

    @functools.cached_property
    def info(self) -> BackendInfo:
        """Return what the backend tells about itself."""
        return opening.find_backend(self.subject).info

    def has(self, capability: Capability) -> bool:
        """Tell whether the backend declares a capability."""
        return capability in self.info.capabilities

    # --- roles -------------------------------------------------------------------------------

    @property
    def roles(self) -> Databases:
        """Return the nine roles at `place`, opened on the first use."""
        if self._roles is None:
            self._roles = self.open_roles()
        return self._roles

    def open_roles(
        self, place: Path | None = None, *, device: str = DEVICE, **settings: Any
    ) -> Databases:
        """Open the nine roles once more; they are closed when the clause is over."""
        config = opening.config_at(self.subject, place or self.place, device, settings)
        roles = opening.open_roles(config, self.clock)
        self._stack.callback(roles.close)
        return roles

    def reopen_roles(self, **settings: Any) -> Databases:
        """Close the roles at `place` and open them again."""
        self.roles.close()
        self._roles = self.open_roles(**settings)
        return self._roles

    def fresh_roles(self, **settings: Any) -> Databases:
        """Close the roles and open them at a new place."""
        if self._roles is not None:
            self._roles.close()
        self.place = self.new_place()
        self._roles = self.open_roles(**settings)
        return self._roles

    # --- primitives --------------------------------------------------------------------------

    @property
    def engine(self) -> Engine:
        """Return the engine at `place`, opened on the first use."""
        if self._engine is None:
            self._engine = self.open_engine()
        return self._engine

    def open_engine(
        self, place: Path | None = None, *, device: str = DEVICE, **settings: Any
    ) -> Engine:
        """Open another engine; it is closed when the clause is over."""
        config = opening.config_at(self.subject, place or self.place, device, settings)
        engine = opening.open_engine(config, self.clock)
        self._stack.callback(engine.close)
        return engine

    def reopen_engine(self) -> Engine:
        """Close the engine at `place` and open the store again."""
        self.engine.close()
        self._engine = self.open_engine()
        return self._engine

    def fresh_engine(self) -> Engine:
        """Close the engine and open one at a new place."""
        if self._engine is not None:
            self._engine.close()
        self.place, self._engine = self.new_place(), None
        return self.engine

    def table(self, name: str = "kit.rows") -> Table:
        """Return a table of `engine`."""
        return self.engine.table(name)

    def series(self, name: str = "kit.points", limits: Limits = Limits()) -> Series:  # noqa: B008
        """Return a series of `engine`."""
        return self.engine.series(name, limits)

    def blobs(self, name: str = "kit.blobs") -> Blobs:
        """Return the blobs of `engine`."""
        return self.engine.blobs(name)

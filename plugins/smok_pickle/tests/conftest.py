"""Fixtures: stores on a temporary file, all closed at the end."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

ROOT = Path(__file__).resolve().parents[3]
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

from smok_pickle.options import PickleOptions  # noqa: E402
from smok_pickle.plugin import smok_open_engine  # noqa: E402

from smok_core.hookspecs import StoreContext  # noqa: E402
from smok_core.settings import StoreSettings  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from smok_core.engine.base import Engine


def open_store(
    path: Path, device: str = "pump", durability: str = "crash", **options: Any
) -> Engine:
    """Open a store as the core does."""
    context = StoreContext(
        store="local",
        device=device,
        options=PickleOptions(path=str(path), **options),
        settings=StoreSettings(durability=durability),  # type: ignore[arg-type]
    )
    return smok_open_engine(context)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Give the path of a store that is not there yet."""
    return tmp_path / "var" / "smok.db"


@pytest.fixture
def opened(path: Path) -> Iterator[Callable[..., Engine]]:
    """Give a function that opens the store, closed when the test ends."""
    engines: list[Engine] = []

    def make(**given: Any) -> Engine:
        engines.append(open_store(given.pop("path", path), **given))
        return engines[-1]

    yield make
    for engine in engines:
        engine.close()

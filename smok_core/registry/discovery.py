"""Find the installed plugins without importing any: entry points are read as text.

There are three kinds: backends, commands of ``smok``, and tables of the config.

``importlib.metadata`` would do the same for a hundred times the cost; it stays the fallback where
distributions are not plain directories (zip files, frozen applications, foreign finders).
"""

from __future__ import annotations

import functools
import os
import re
import sys
from typing import TYPE_CHECKING, Any, Final

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["BACKENDS", "COMMANDS", "TABLES", "Candidate", "discover", "forget"]

#: Entry-point groups are the core's name, the kind, and the plugin API's major version:
#: ``smok_core.backends.v1``, ``smok_core.commands.v1``, ``smok_core.tables.v1``.
_GROUP: Final = re.compile(r"smok_core\.(?P<kind>[a-z]+)\.v(?P<api>.*)")
_MARK: Final = b"smok_core."
BACKENDS: Final = "backends"
COMMANDS: Final = "commands"
TABLES: Final = "tables"


class Candidate(msgspec.Struct, frozen=True, order=True):
    """A plugin that some installed distribution offers."""

    name: str
    value: str  #: ``module`` or ``module:object``
    distribution: str  #: normalized name, as pip writes it
    version: str
    api: str  #: major version of the plugin API, as the group's suffix has it
    location: str  #: the entry of sys.path it was found under
    kind: str = BACKENDS

    @property
    def package(self) -> str:
        """Name the distribution with its version."""
        return f"{self.distribution} {self.version}".strip()


def discover(path: Iterable[str] | None = None, kind: str = BACKENDS) -> tuple[Candidate, ...]:
    """Give every plugin of a kind on ``path`` (default: ``sys.path``), sorted by name.

    Of two copies of one distribution the first on the path counts, as it does for the import
    system. The answer is remembered for as long as the path stays the same; see `forget`.
    """
    found = _discover(tuple(sys.path if path is None else path))
    return tuple(candidate for candidate in found if candidate.kind == kind)


def forget() -> None:
    """Forget what was discovered: something was installed since."""
    _discover.cache_clear()


@functools.cache
def _discover(path: tuple[str, ...]) -> tuple[Candidate, ...]:
    seen: set[str] = set()
    found: list[Candidate] = []
    for entry in path:
        for name, version, text in _distributions(entry or "."):
            if name not in seen:
                seen.add(name)
                found += _candidates(text, name, version, entry)
    if getattr(sys, "frozen", False) or _foreign_finders():
        found += _from_importlib(None, seen)
    return tuple(sorted(found))


def _distributions(entry: str) -> Iterator[tuple[str, str, str]]:
    """Give name, version and entry points of each distribution in one entry of the path."""
    try:
        with os.scandir(entry) as listing:
            names = [item.name for item in listing if item.name.endswith(_SUFFIXES)]
    except NotADirectoryError:
        yield from _in_archive(entry)
    except OSError:
        return
    else:
        for name in sorted(names):
            yield (*_split(name), _read(entry, name))


_SUFFIXES: Final = (".dist-info", ".egg-info", ".egg")


def _split(directory: str) -> tuple[str, str]:
    stem = directory.rsplit(".", 1)[0]
    name, _, version = stem.partition("-")
    return _normalize(name), version.partition("-")[0]


def _normalize(name: str) -> str:
    """Bring a distribution's name into the form of PEP 503."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _read(entry: str, directory: str) -> str:
    inner = "EGG-INFO" if directory.endswith(".egg") else ""
    try:
        with open(os.path.join(entry, directory, inner, "entry_points.txt"), "rb") as file:
            data = file.read()
    except OSError:
        return ""
    return data.decode("utf-8", "replace") if _MARK in data else ""


def _in_archive(entry: str) -> Iterator[tuple[str, str, str]]:
    return iter(_triples([entry]))


def _from_importlib(path: list[str] | None, seen: set[str]) -> list[Candidate]:
    found: list[Candidate] = []
    for name, version, text in _triples(path):
        if name not in seen:
            seen.add(name)
            found += _candidates(text, name, version, "")
    return found


def _triples(path: list[str] | None) -> list[tuple[str, str, str]]:
    import importlib.metadata  # noqa: PLC0415 - costs more than the whole scan, rarely needed

    where: dict[str, Any] = {} if path is None else {"path": path}
    return [
        (_normalize(dist.name or ""), dist.version or "", dist.read_text("entry_points.txt") or "")
        for dist in importlib.metadata.distributions(**where)
    ]


def _foreign_finders() -> bool:
    """Tell whether something else than the usual import system offers distributions."""
    return any(
        hasattr(finder, "find_distributions") and getattr(finder, "__name__", "") != "PathFinder"
        for finder in sys.meta_path
    )


def _candidates(text: str, name: str, version: str, entry: str) -> Iterator[Candidate]:
    group: re.Match[str] | None = None
    for line in map(str.strip, text.splitlines()):
        if line.startswith("["):
            group = _GROUP.fullmatch(line.strip("[]").strip())
        elif group and "=" in line and not line.startswith(("#", ";")):
            key, _, value = line.partition("=")
            target = value.partition("[")[0].strip()
            yield Candidate(key.strip(), target, name, version, group["api"], entry, group["kind"])

"""Find the installed plugins without importing any: entry points are read as text.

There are three kinds: backends, commands of ``smok``, and tables of the config.

``importlib.metadata`` would do the same for a hundred times the cost; it stays the fallback where
distributions are not plain directories (zip files, frozen applications, foreign finders).
"""

import functools
import os
import re
import sys
from collections.abc import Iterable, Iterator
from typing import Any, Final, NamedTuple

import msgspec

#: Entry-point groups are the core's name, the kind, and the plugin API's major version:
#: ``smok_core.backends.v1``, ``smok_core.commands.v1``, ``smok_core.tables.v1``.
_GROUP: Final = re.compile(r"smok_core\.(?P<kind>[a-z]+)(\.v)?(?P<api>.*)")
_MARK: Final = b"smok_core."
_METADATA: Final = {"dist-info": "METADATA", "egg-info": "PKG-INFO", "egg": "PKG-INFO"}
_FILE: Final = "entry_points.txt"
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
    kind: str = BACKENDS

    @property
    def package(self) -> str:
        """Name the distribution with its version."""
        return f"{self.distribution} {self.version}".strip()


def discover(path: Iterable[str] | None = None, kind: str = BACKENDS) -> tuple[Candidate, ...]:
    """Return every plugin of a kind on ``path`` (default: ``sys.path``), sorted by name.

    Of two copies of one distribution the first on the path counts, as it does for the import
    system. What pip ignores is ignored: leftovers of broken installations (``~mok_redis…``, no
    metadata, an older version beside a newer one), and the egg-info of sources in the working
    directory when the distribution is installed. The answer is remembered; see `forget`.
    """
    found = _discover(tuple(sys.path if path is None else path))
    return tuple(candidate for candidate in found if candidate.kind == kind)


def forget() -> None:
    """Forget what was discovered: something was installed since."""
    _discover.cache_clear()


class _Installed(NamedTuple):
    name: str
    version: str
    text: str  #: its entry points
    egg: bool = False


@functools.cache
def _discover(path: tuple[str, ...]) -> tuple[Candidate, ...]:
    listed = [item for entry in path for item in _distributions(entry)]
    if getattr(sys, "frozen", False) or _foreign_finders():
        listed += _by_importlib()
    first: dict[str, _Installed] = {}
    for item in sorted(listed, key=lambda item: item.egg):  # stable: else in the path's order
        first.setdefault(item.name, item)
    return tuple(sorted(found for item in first.values() for found in _candidates(item)))


def _distributions(entry: str) -> list[_Installed]:
    """Return each distribution in one entry of the path, newer versions first."""
    try:
        with os.scandir(entry or ".") as listing:
            names = [item.name for item in listing if item.name.rpartition(".")[2] in _METADATA]
    except NotADirectoryError:
        return _by_importlib(path=[entry])
    except OSError:
        return []
    found = [item for name in names if name[0].isalnum() and (item := _read(entry, name))]
    numbers = re.compile(r"\d+").findall
    return sorted(found, key=lambda item: [*map(int, numbers(item.version))], reverse=True)


def _normalize(name: str) -> str:
    """Bring a distribution's name into the form of PEP 503."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _read(entry: str, directory: str) -> _Installed | None:
    """Read a directory of metadata; None if it has none."""
    stem, _, suffix = directory.rpartition(".")
    name, _, version = stem.partition("-")
    folder = os.path.join(entry, directory, "EGG-INFO" if suffix == "egg" else "")
    try:
        if not os.stat(os.path.join(folder, _METADATA[suffix])).st_size:
            return None
    except OSError:
        return None
    version = version.partition("-")[0]
    return _Installed(_normalize(name), version, _text(folder), egg=suffix != "dist-info")


def _text(folder: str) -> str:
    try:
        with open(os.path.join(folder, _FILE), "rb") as file:
            data = file.read()
    except OSError:
        return ""
    return data.decode("utf-8", "replace") if _MARK in data else ""


def _by_importlib(**where: Any) -> list[_Installed]:
    import importlib.metadata  # noqa: PLC0415 - costs more than the whole scan, rarely needed

    return [
        _Installed(_normalize(d.name or ""), d.version or "", d.read_text(_FILE) or "")
        for d in importlib.metadata.distributions(**where)
    ]


def _foreign_finders() -> bool:
    """Tell whether something else than the usual import system offers distributions."""
    return any(
        hasattr(finder, "find_distributions") and getattr(finder, "__name__", "") != "PathFinder"
        for finder in sys.meta_path
    )


def _candidates(item: _Installed) -> Iterator[Candidate]:
    group: re.Match[str] | None = None
    for line in map(str.strip, item.text.splitlines()):
        if line.startswith("["):
            group = _GROUP.fullmatch(line.strip("[]").strip())
        elif group and "=" in line and not line.startswith(("#", ";")):
            key, _, value = line.partition("=")
            target, api, kind = value.partition("[")[0].strip(), group["api"], group["kind"]
            yield Candidate(key.strip(), target, item.name, item.version, api, kind)

"""Importing the files of smok 0.21.0: each is read once, nothing in it is ever run.

What is stored already stays as it is, so importing twice changes nothing; a file that was
imported whole is remembered by its digest, because what it held may have been uploaded and
forgotten since. The originals are only ever opened for reading.
"""

from __future__ import annotations

import hashlib
import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

from smok_client.legacy.import_history import ImportHistory
from smok_client.legacy.kinds import INDEX, BaobDirectory, Kind, kind_of_role, recognise
from smok_client.legacy.limits import Limits
from smok_client.legacy.machine import decode
from smok_client.legacy.plain import PlainReader
from smok_client.legacy.refusal import EntryRefused, Fault, LegacyRefused, Refusal
from smok_client.legacy.report import Report
from smok_core.errors import InvalidKey, InvalidType, InvalidValue, NotFound
from smok_core.roles import ROLES, NullEventDatabase

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterator

    from smok_client.legacy.nodes import Node
    from smok_core.databases import Databases
    from smok_core.roles import Database

    #: Called with the entries handled so far and all there are.
    Progress = Callable[[int, int], None]


logger = logging.getLogger(__name__)


def import_legacy(
    role: str,
    path: str | os.PathLike[str],
    databases: Databases,
    *,
    dry_run: bool = False,
    progress: Progress | None = None,
    limits: Limits = Limits(),  # noqa: B008 - frozen
) -> Report:
    """Import one file that smok 0.21.0 wrote; the device that wrote it must be stopped.

    Args:
        role: One of the nine roles. ``events`` takes the file of events and the file of caches;
            ``baobs`` takes the directory.
        path: The file; it is not changed.
        databases: Where the entries go.
        dry_run: Check and count everything, store nothing.
        progress: Called with the entries handled so far and all there are.
        limits: What the file may ask for.

    Returns:
        What was done; a file that cannot be read as a whole is reported as its ``fault``.

    Raises:
        NotFound: There is no such role.
        StoreError: The target could not store; importing again goes on where this ended.
    """
    if role not in ROLES:
        raise NotFound("roles", role)
    return _Import(Path(path), databases, limits, dry_run=dry_run).run(role, progress)


def import_directory(
    directory: str | os.PathLike[str],
    databases: Databases,
    *,
    dry_run: bool = False,
    progress: Callable[[str, int, int], None] | None = None,
    limits: Limits = Limits(),  # noqa: B008 - frozen
) -> list[Report]:
    """Import every file of an installation, each recognised by its content.

    Takes the regular files of the directory and those subdirectories that hold a BAOB index; a
    report says of each other one that it was left out.

    Args:
        directory: Where the old files are; nothing in it is changed.
        databases: Where the entries go.
        dry_run: Check and count everything, store nothing.
        progress: Called with the file's path, the entries handled so far and all there are.
        limits: What each file may ask for.
    """
    reports = []
    for path in _files(Path(directory)):
        if path.is_dir() and not (path / INDEX).is_file():
            reports.append(_left_out(path, dry_run=dry_run))
            continue
        tick = _named(progress, str(path)) if progress else None
        reports.append(_Import(path, databases, limits, dry_run=dry_run).run(None, tick))
    return reports


def _named(progress: Callable[[str, int, int], None], name: str) -> Progress:
    return lambda done, total: progress(name, done, total)


def _files(directory: Path) -> Iterator[Path]:
    for path in sorted(directory.iterdir()):
        if path.is_symlink():
            continue
        if path.is_file() or path.is_dir():
            yield path


def _left_out(path: Path, *, dry_run: bool) -> Report:
    detail = f"a directory without BAOBs (no {INDEX}) is left out; import it by itself"
    return Report(path=str(path), dry_run=dry_run, left_out=detail)


class _Import:
    """The import of one file."""

    def __init__(self, path: Path, databases: Databases, limits: Limits, *, dry_run: bool) -> None:
        self._path, self._databases, self._limits = path, databases, limits
        self._report = Report(path=str(path), dry_run=dry_run)

    def run(self, role: str | None, progress: Progress | None) -> Report:
        """Do it; ``role`` is None if it shall be told from the content."""
        self._report.role = role
        try:
            self._run(role, progress)
        except LegacyRefused as refused:
            self._report.fault, self._report.detail = refused.fault, str(refused)
        return self._report

    def _run(self, role: str | None, progress: Progress | None) -> None:
        data = self._read()
        digest, size = self._digest(data), len(data)
        root = decode(data, self._limits)
        del data  # the nodes stand for it from here on
        chosen = kind_of_role(role, root) if role else recognise(root, self._path.name)
        database = self._databases[chosen.role]
        self._begin(chosen, database)
        history = ImportHistory(database)
        if history.has(digest):
            self._report.done_before = True
            return
        self._take(chosen(database, PlainReader(self._limits, size)), root, progress)
        if self._report.ok and not self._report.dry_run:
            history.add(digest)

    def _begin(self, chosen: type[Kind[Any]], database: Database) -> None:
        self._report.role, self._report.kind = chosen.role, chosen.title
        if isinstance(database, NullEventDatabase):
            raise LegacyRefused(Fault.WRONG_SHAPE, "the config keeps no events (events = 'null')")

    def _take(self, kind: Kind[Any], root: Node, progress: Progress | None) -> None:
        if isinstance(kind, BaobDirectory):
            if self._file.name != INDEX:
                detail = f"the directory with the BAOBs and their {INDEX} expected"
                raise LegacyRefused(Fault.WRONG_SHAPE, detail)
            kind.directory = self._file.parent
        entries = kind.entries(root)
        self._report.found = len(entries)
        for done, entry in enumerate(entries, 1):
            self._entry(kind, entry)
            if progress and (done % 100 == 0 or done == len(entries)):
                progress(done, len(entries))
        if not self._report.dry_run:
            kind.finish()

    def _entry(self, kind: Kind[Any], entry: Any) -> None:
        try:
            value = kind.convert(entry)
            if kind.has(value):
                self._report.unchanged += 1
                return
            if not self._report.dry_run:
                kind.put(value)
        except EntryRefused as error:
            self._refuse(kind.label(entry), error.reason, error.class_name, error.offset)
        except (InvalidKey, InvalidType, InvalidValue) as error:
            self._refuse(kind.label(entry), str(error), None, None)
        else:
            self._report.imported += 1

    def _refuse(self, label: str, reason: str, name: str | None, offset: int | None) -> None:
        refusal = Refusal(label, reason, name, offset)
        logger.warning("%s: refused: %s", self._path, refusal)
        self._report.refused.append(refusal)

    @property
    def _file(self) -> Path:
        return self._path / INDEX if self._path.is_dir() else self._path

    def _read(self) -> bytes:
        try:
            with self._file.open("rb") as stream:
                # One byte more than is allowed, so that the limit is noticed without reading on.
                return stream.read(self._limits.max_bytes + 1)
        except OSError as error:
            raise LegacyRefused(Fault.MISSING, f"it cannot be read ({error.strerror})") from None

    def _digest(self, data: bytes) -> str:
        digest = hashlib.sha256(data)
        if self._path.is_dir():
            for path in sorted(self._path.iterdir()):
                digest.update(f"{path.name}\0{path.lstat().st_size}\0".encode("utf-8", "replace"))
        return digest.hexdigest()

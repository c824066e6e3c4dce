"""Wrong engines that processes share: each does in two steps what has to be one.

`SharedFileEngine` is right: every call locks the file, reads it, and writes it before it unlocks.
"""

from __future__ import annotations

import fcntl
import time
from typing import Any

from plugins.smok_testing.tests.mutants import files
from plugins.smok_testing.tests.mutants.files import FileEngine, FilePlugin, _Gate, _Table, wrong
from smok_core.engine.base import When
from smok_core.engine.memory import MemoryBlobs
from smok_core.hookspecs import Capability

_BETWEEN = 0.0003  # seconds: two steps on a server are a round trip apart


class _SharedGate(_Gate):
    """Also a lock between processes; entering it reads what others have written."""

    def __enter__(self):
        super().__enter__()
        if self._depth == 1:
            self._file = self._engine.file.with_suffix(".shared").open("w")
            fcntl.flock(self._file, fcntl.LOCK_EX)
            self._engine.reload()

    def __exit__(self, *error):
        outermost, file = self._depth == 1, self._file
        try:
            super().__exit__(*error)
        finally:
            if outermost:
                file.close()


class SharedFileEngine(FileEngine):
    """One file, read and written under a lock in each call."""

    shared, gate_kind = True, _SharedGate

    def reload(self):
        for kind, parts in self.load().items():
            for name, part in parts.items():
                part._engine_lock = self._engine_lock
                mine = vars(self)[kind].setdefault(name, part)
                vars(mine).update(vars(part), **_own(mine))


def _own(part: Any) -> dict[str, Any]:
    """Give what belongs to the handle, not to the store."""
    return {name: vars(part)[name] for name in ("limits",) if name in vars(part)}


RIGHT_SHARED_PLUGIN = FilePlugin(SharedFileEngine, Capability.MULTI_PROCESS)
files.RIGHT_SHARED_PLUGIN = RIGHT_SHARED_PLUGIN
RIGHT_SHARED = files._subject("RIGHT_SHARED_PLUGIN")


def _shared(caught_by: str) -> Any:
    return wrong(caught_by, Capability.MULTI_PROCESS)


class _ComparesFirst(_Table):
    def put(self, key, value, *, expected_seq=None, **more):
        row = self.get(key)
        if expected_seq is not None and (row is None or row.seq != expected_seq):
            return False
        time.sleep(_BETWEEN)
        return super().put(key, value, **more)


@_shared("table-TA2.no_increment_of_processes_is_lost")
class ComparesThenSets(SharedFileEngine):
    """Compare and set is a SELECT, then an UPSERT."""

    table_kind = _ComparesFirst


class _LooksFirst(_Table):
    def put(self, key, value, *, when=When.ALWAYS, **more):
        row = self.get(key)
        if when is self.split and row and (when is When.ABSENT or row.stamp >= more["stamp"]):
            return False
        time.sleep(_BETWEEN)
        return super().put(key, value, when=When.ALWAYS if when is self.split else when, **more)


class _LooksIfAbsent(_LooksFirst):
    split = When.ABSENT


class _LooksIfNewer(_LooksFirst):
    split = When.NEWER


@_shared("table-TA2.one_process_puts_what_was_absent")
class AbsentByReading(SharedFileEngine):
    """Reads whether there is a row, then writes it."""

    table_kind = _LooksIfAbsent


@_shared("table-TA2.one_process_puts_what_is_newer")
class NewerByReading(SharedFileEngine):
    """Reads the stamp, then writes the row."""

    table_kind = _LooksIfNewer


class _VersionFirst(MemoryBlobs):
    def put(self, key, data, version):
        stored = self.version(key)
        if stored is not None and stored >= version:
            return stored
        time.sleep(_BETWEEN)
        with self._engine_lock:
            self._blobs[key] = (data, version)
        return None


@_shared("blobs-BL2.one_process_puts_a_version")
class VersionByReading(SharedFileEngine):
    """Reads the version, then writes the blob."""

    blobs_kind = _VersionFirst


class _SeqFirst(_Table):
    def put(self, key, value, **more):
        with self._engine_lock:
            seq = self._seq
        time.sleep(_BETWEEN)
        with self._engine_lock:
            self._seq = seq
            return super().put(key, value, **more)


@_shared("table-TA8.a_change_during_an_acknowledgement_is_handed_over")
class SeqsWithoutALock(SharedFileEngine):
    """Takes the next seq by reading the last one, and locks no row meanwhile."""

    table_kind = _SeqFirst

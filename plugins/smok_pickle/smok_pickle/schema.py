"""The tables of a store, their version, and the steps from older versions to this one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import sqlite3

__all__ = ["APPLICATION_ID", "SEQ_BITS", "TABLES", "VERSION", "create", "migrate"]

APPLICATION_ID: Final = 0x534D4F4B  #: "SMOK", in the header of every file of ours
VERSION: Final = 2

#: A sequence number is section << SEQ_BITS | counter. So the rows of one section lie together,
#: and the number is the row's own key without another index.
SEQ_BITS: Final = 44

#: The tables of every version.
TABLES: Final = ("sections", "names", "rows", "blobs", "tail", "chunks", "done")

#: sections: one per (device, kind, name); its row also holds the counts, so nobody counts rows.
#:   last: highest seq given so far. settled: every seq up to it is settled. epoch: changes with
#:   everything but the plainest append to ``tail``. done: settled seqs above ``settled``.
#: tail: points in the order they came. chunks: the same points, later, packed by name and time.
#: sum: checksum over the row; NULL in rows that version 1 wrote and nobody changed since.
#: recoveries: what a recovery found, by the name of the file that was put aside.
_CREATE: Final = """
CREATE TABLE sections(id INTEGER PRIMARY KEY, device TEXT NOT NULL, kind TEXT NOT NULL,
  name TEXT NOT NULL, epoch INTEGER NOT NULL DEFAULT 0, last INTEGER NOT NULL DEFAULT 0,
  settled INTEGER NOT NULL DEFAULT 0, rows INTEGER NOT NULL DEFAULT 0,
  pending INTEGER NOT NULL DEFAULT 0, dropped INTEGER NOT NULL DEFAULT 0);
CREATE UNIQUE INDEX sections_by_name ON sections(device, kind, name);
CREATE TABLE names(id INTEGER PRIMARY KEY, section INTEGER NOT NULL, name TEXT NOT NULL);
CREATE UNIQUE INDEX names_by_name ON names(section, name);
CREATE TABLE rows(id INTEGER PRIMARY KEY, section INTEGER NOT NULL, key TEXT NOT NULL,
  seq INTEGER NOT NULL, stamp REAL NOT NULL, pending INTEGER NOT NULL, tag TEXT,
  value BLOB NOT NULL, sum INTEGER);
CREATE UNIQUE INDEX rows_by_key ON rows(section, key);
CREATE INDEX rows_pending ON rows(section, seq) WHERE pending = 1;
CREATE TABLE blobs(id INTEGER PRIMARY KEY, section INTEGER NOT NULL, key TEXT NOT NULL,
  version INTEGER NOT NULL, data BLOB NOT NULL, sum INTEGER);
CREATE UNIQUE INDEX blobs_by_key ON blobs(section, key, version);
CREATE TABLE tail(seq INTEGER PRIMARY KEY, name INTEGER NOT NULL, ts INTEGER NOT NULL,
  value BLOB NOT NULL);
CREATE TABLE chunks(last_seq INTEGER PRIMARY KEY, first_seq INTEGER NOT NULL,
  name INTEGER NOT NULL, ts_min INTEGER NOT NULL, ts_max INTEGER NOT NULL,
  points INTEGER NOT NULL, data BLOB NOT NULL);
CREATE UNIQUE INDEX chunks_by_time ON chunks(name, ts_min);
CREATE TABLE done(seq INTEGER PRIMARY KEY);
CREATE TABLE recoveries(aside TEXT PRIMARY KEY, report TEXT NOT NULL);
"""

#: Version n -> the statements that make version n + 1 of it.
_STEPS: Final[dict[int, str]] = {
    1: "CREATE TABLE recoveries(aside TEXT PRIMARY KEY, report TEXT NOT NULL);"
    " ALTER TABLE rows ADD COLUMN sum INTEGER; ALTER TABLE blobs ADD COLUMN sum INTEGER"
}


def create(raw: sqlite3.Connection) -> None:
    """Make the tables of this version, all or none."""
    raw.executescript(
        f"BEGIN IMMEDIATE; {_CREATE} PRAGMA application_id = {APPLICATION_ID};"
        f"PRAGMA user_version = {VERSION}; COMMIT"
    )


def migrate(raw: sqlite3.Connection, steps: dict[int, str] | None = None) -> None:
    """Bring an older store up; each step is one transaction, so a cut resumes where it was."""
    known = _STEPS if steps is None else steps
    version = int(raw.execute("PRAGMA user_version").fetchone()[0])
    while version in known:
        script = f"BEGIN IMMEDIATE; {known[version]}; PRAGMA user_version = {version + 1}; COMMIT"
        raw.executescript(script)
        version += 1

"""The tables of a store and their version; what older ones need is in `smok_pickle.migration`."""

import contextlib
import re
import sqlite3
from typing import Final

APPLICATION_ID: Final = 0x534D4F4B  #: "SMOK", in the header of every file of ours
VERSION: Final = 4

#: A sequence number is section << SEQ_BITS | counter. So the rows of one section lie together,
#: and the number is the row's own key without another index.
SEQ_BITS: Final = 44


def span(section: int | None) -> tuple[int, int]:
    """Return the lowest and the highest seq of a section; an empty span if there is none."""
    return (0, -1) if section is None else (section << SEQ_BITS, (section + 1 << SEQ_BITS) - 1)


#: The tables of every version.
TABLES: Final = ("sections", "names", "rows", "blobs", "tail", "done")

#: tail: the write log, see `smok_pickle.write_log`. segments: see `smok_pickle.segments`.
SERIES: Final = """
CREATE TABLE tail(seq INTEGER PRIMARY KEY, last INTEGER NOT NULL, names BLOB NOT NULL,
  ts_min INTEGER NOT NULL, ts_max INTEGER NOT NULL, points INTEGER NOT NULL, data BLOB NOT NULL,
  sum INTEGER NOT NULL);
CREATE TABLE segments(id INTEGER PRIMARY KEY, name INTEGER NOT NULL, last INTEGER NOT NULL,
  ts_min INTEGER NOT NULL, ts_max INTEGER NOT NULL, data BLOB NOT NULL, points INTEGER NOT NULL,
  sum INTEGER NOT NULL);
CREATE UNIQUE INDEX segments_by_time ON segments(name, ts_min);
"""

#: sections: one per (device, kind, name); its row also holds the counts, so nobody counts rows.
#:   last: highest seq given when the counts were written. settled: every seq up to it is
#:   acknowledged. epoch: changes with rows that are in ``tail`` already, not with those added.
#: done: acknowledged seqs above ``settled``.
#: sum: checksum over the row, in sections and names over the id and what it stands for. A row that
#:   has none is damaged: the migration to version 4 gave one to each that version 1 wrote.
#: recoveries: what a recovery found, by the name of the file that was put aside. Under the empty
#:   name stands the lineage: a random word that the file has in common with its copies only; under
#:   a blank a word that is another one each time the log is copied into the file.
_CREATE: Final = """
CREATE TABLE sections(id INTEGER PRIMARY KEY, device TEXT NOT NULL, kind TEXT NOT NULL,
  name TEXT NOT NULL, epoch INTEGER NOT NULL DEFAULT 0, last INTEGER NOT NULL DEFAULT 0,
  settled INTEGER NOT NULL DEFAULT 0, rows INTEGER NOT NULL DEFAULT 0,
  pending INTEGER NOT NULL DEFAULT 0, dropped INTEGER NOT NULL DEFAULT 0, sum INTEGER);
CREATE UNIQUE INDEX sections_by_name ON sections(device, kind, name);
CREATE TABLE names(id INTEGER PRIMARY KEY, section INTEGER NOT NULL, name TEXT NOT NULL,
  sum INTEGER);
CREATE UNIQUE INDEX names_by_name ON names(section, name);
CREATE TABLE rows(id INTEGER PRIMARY KEY, section INTEGER NOT NULL, key TEXT NOT NULL,
  seq INTEGER NOT NULL, stamp REAL NOT NULL, pending INTEGER NOT NULL, tag TEXT,
  value BLOB NOT NULL, sum INTEGER);
CREATE UNIQUE INDEX rows_by_key ON rows(section, key);
CREATE INDEX rows_pending ON rows(section, seq) WHERE pending = 1;
CREATE TABLE blobs(id INTEGER PRIMARY KEY, section INTEGER NOT NULL, key TEXT NOT NULL,
  version INTEGER NOT NULL, data BLOB NOT NULL, sum INTEGER);
CREATE UNIQUE INDEX blobs_by_key ON blobs(section, key, version);
CREATE TABLE done(seq INTEGER PRIMARY KEY);
CREATE TABLE recoveries(aside TEXT PRIMARY KEY, report TEXT NOT NULL);
"""


def create(raw: sqlite3.Connection) -> None:
    """Make the tables of this version, all or none."""
    raw.executescript(
        f"BEGIN IMMEDIATE; {_CREATE} {SERIES} PRAGMA application_id = {APPLICATION_ID};"
        f"PRAGMA user_version = {VERSION}; COMMIT"
    )


def lineage_of(raw: sqlite3.Connection) -> str | None:
    """Return the word that a file has in common with its copies only; None: it has none yet."""
    try:
        found = raw.execute("SELECT report FROM recoveries WHERE aside = ''").fetchone()
    except sqlite3.Error:
        return None
    return found[0] if found and re.fullmatch("[0-9a-f]{32}", str(found[0])) else None


def ensure_lineage(raw: sqlite3.Connection) -> None:
    """Give a file a lineage that has none; on a full disk it stays without."""
    if lineage_of(raw) is None:
        with contextlib.suppress(sqlite3.Error):
            raw.execute("INSERT INTO recoveries VALUES('', lower(hex(randomblob(16))))")


def mark_state(raw: sqlite3.Connection) -> None:
    """Have the file differ from every earlier state of it in a page that is always compared."""
    raw.execute(
        "INSERT INTO recoveries VALUES(' ', hex(randomblob(8)))"
        " ON CONFLICT(aside) DO UPDATE SET report = excluded.report"
    )


def version_of(raw: sqlite3.Connection) -> int:
    """Return the version of the tables of a file."""
    return int(raw.execute("PRAGMA user_version").fetchone()[0])

"""``smok ingest``: CSV or JSON lines, from a file or a pipe, into pathpoints."""

from __future__ import annotations

import contextlib
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import click

from smok_cli.app import Session, pass_session
from smok_cli.screen import iso_time, json_option, print_json
from smok_cli.terminal import say
from smok_core.errors import SmokError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from smok_cli.readings.loading import Loader, Rejects
    from smok_cli.readings.records import ValueReader
    from smok_core.databases import Databases

__all__ = ["command"]

_KINDS = {".csv": "csv", ".tsv": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl"}


@click.command("ingest")
@click.argument("file", type=click.Path(path_type=Path, allow_dash=True))
@click.option("--format", "kind", type=click.Choice(["csv", "jsonl"]), help="Else by extension.")
@click.option("--time", metavar="COL", help="Column of times.  [default: timestamp, time, ts, ...]")
@click.option("--value", metavar="COL", help="Column of values.  [default: value]")
@click.option("--pathpoint", metavar="NAME", help="Name of the pathpoint.  [default: FILE's stem]")
@click.option("--pathpoint-column", metavar="COL", help="Column that names the pathpoint.")
@click.option("--wide", is_flag=True, help="Every column beside the time is a pathpoint.")
@click.option("--delimiter", metavar="CHAR", help="Of CSV.  [default: what the header has]")
@click.option("--timezone", default="UTC", show_default=True, help="Zone of times without one.")
@click.option("--time-unit", type=click.Choice(["s", "ms", "us"]), help="Of numeric times.")
@click.option("--time-format", metavar="PATTERN", help='Such as "%d.%m.%Y %H:%M"; else ISO 8601.')
@click.option("--as-text", is_flag=True, help="Keep values as texts, byte for byte (CSV).")
@click.option("--rejects", type=click.Path(path_type=Path), help="File for rows not taken.")
@json_option
@pass_session
def command(session: Session, /, file: Path, **options: Any) -> int:
    """Read FILE (- is stdin) into pathpoints.

    Running it again stores nothing twice: after an interruption, run it again.

    Every reading is kept, in order, also when a clock without a zone was set back and an hour of
    times comes twice: --timezone explains it in autumn; else the readings from there on are kept
    an hour later than written, and exported as they were written.
    """
    from smok_cli.readings.loading import Rejects
    from smok_cli.readings.records import ValueReader

    if options["wide"] and (options["pathpoint"] or options["value"]):
        raise click.UsageError("--wide takes every column; leave out --pathpoint and --value.")
    if len(options["delimiter"] or ",") != 1:
        raise click.UsageError("--delimiter is one character; a tab is recognised without it.")
    values = ValueReader(as_text=options["as_text"])
    rejects = Rejects(options["rejects"] or _default_rejects(file))
    started = time.monotonic()
    with _opened(file) as binary, contextlib.closing(rejects):
        loader = _load(session, file, binary, (values, rejects), options)
    report = _report(file, loader, values, rejects, time.monotonic() - started)
    if options["as_json"]:
        print_json(report)
    else:
        _show(report)
    return 1 if rejects.count and not loader.stored else 0


def _load(
    session: Session,
    file: Path,
    binary: BinaryIO,
    tools: tuple[ValueReader, Rejects],
    options: dict[str, Any],
) -> Loader:
    from smok_cli.progress import shown
    from smok_cli.readings.loading import Loader
    from smok_cli.readings.sources import Layout, open_source
    from smok_cli.readings.times import TimeReader, zone_named
    from smok_core.databases import open_databases

    values, rejects = tools
    names = ("time", "value", "pathpoint_column", "pathpoint", "wide", "delimiter")
    layout = Layout(fallback=_stem(file), **{name: options[name] for name in names})
    times, zone = (
        TimeReader(options["time_unit"], options["time_format"]),
        zone_named(options["timezone"]),
    )
    kind = options["kind"] or _KINDS.get(file.suffix.lower())
    with (
        open_databases(session.config) as databases,
        open_source(binary, kind, layout, values) as records,
        shown(binary) as progress,
    ):
        _refuse_memory(databases)
        loader = Loader(
            databases, times, zone, rejects, one_clock=options["wide"], progress=progress
        )
        with _explained(loader):
            loader.load(records)
        databases.flush()
    return loader


@contextlib.contextmanager
def _explained(loader: Loader) -> Iterator[None]:
    """Say how far it came when a store refuses to go on; repeating is harmless."""
    try:
        yield
    except SmokError:
        text = f"{loader.stored} readings were stored before this; run it again to go on."
        say(text, err=True)
        raise


def _stem(file: Path) -> str | None:
    return None if str(file) == "-" else file.stem


def _refuse_memory(databases: Databases) -> None:
    """Readings in memory would be gone when the command ends, and nobody would have been told."""
    config = databases.config
    if config.stores[config.roles["pathpoints"].store].backend == "memory":
        raise click.UsageError(
            f"pathpoints are kept in memory (nothing in {config.path} says otherwise), so nothing "
            "would be there afterwards. Add a store and give it the role: [stores.local] backend = "
            '"pickle", path = "var/smok.db"; [roles] default = "local"'
        )


def _default_rejects(file: Path) -> Path:
    return Path(f"{_stem(file) or 'stdin'}.rejects.csv")


@contextlib.contextmanager
def _opened(file: Path) -> Iterator[BinaryIO]:
    if str(file) == "-":
        yield sys.stdin.buffer
        return
    with file.open("rb") as binary:
        yield binary


def _report(
    file: Path, loader: Loader, values: ValueReader, rejects: Rejects, seconds: float
) -> dict[str, Any]:
    return {
        "file": str(file),
        "stored": loader.stored,
        "pathpoints": sorted(loader.pathpoints),
        "rejected": rejects.count,
        "rejects_file": str(rejects.path) if rejects.count else None,
        "repeated": loader.repeated,
        "moved": loader.moved,
        "clock_steps": [step._asdict() for step in loader.steps],
        "clock_remembered": loader.remembers,
        "rewritten": values.rewritten,
        "rewritten_example": values.example,
        "first": iso_time(None if loader.first is None else loader.first / 1e6),
        "last": iso_time(None if loader.last is None else loader.last / 1e6),
        "seconds": round(seconds, 3),
        "per_second": round(loader.stored / seconds) if seconds else None,
    }


def _show(report: dict[str, Any]) -> None:
    names = report["pathpoints"]
    told = names[0] if len(names) == 1 else f"{len(names)} pathpoints"
    rate = f"{report['seconds']} s, {report['per_second']} a second"
    say(f"{report['stored']} readings into {told} ({rate})", err=True)
    if report["first"]:
        say(f"  from {report['first']} to {report['last']}", err=True)
    for line in _remarks(report):
        say(f"  {line}", fg="yellow", err=True)


def _remarks(report: dict[str, Any]) -> Iterator[str]:
    if report["rejected"]:
        yield f"{report['rejected']} rows were not taken; why: {report['rejects_file']}"
    if report["repeated"]:
        yield f"{report['repeated']} came twice with the same value and are stored once"
    if report["moved"]:
        yield f"{report['moved']} had the time of another one and are kept 1 us later"
    for step in report["clock_steps"]:
        yield f"line {step['line']} ({step['time']}): {_told(step, report['clock_remembered'])}"
    if report["rewritten"]:
        text, written = report["rewritten_example"]
        yield f"{report['rewritten']} numbers are exported in another form ({text} as {written});"
        yield "--as-text keeps them as they are"


def _told(step: dict[str, Any], remembered: bool) -> str:
    """Say what a clock that was set back means for the readings after it."""
    hours = step["hours_behind"]
    if not hours:
        return "the clock was set forward again; times are kept as written from here on"
    kept = f"the clock was set; from here on times are kept {hours} h later than written, in order"
    return f"{kept}; export writes them as they were" if remembered else kept

"""``smok ingest``: CSV or JSON lines, from a file or a pipe, into pathpoints."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final

import click

from smok_cli.app import Session, pass_session
from smok_cli.screen import iso_time, json_option, print_json
from smok_cli.terminal import say, visible
from smok_core.errors import SmokError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from smok_cli.readings.loading import Loader
    from smok_cli.readings.records import ValueReader
    from smok_cli.readings.rejects import Rejects
    from smok_core.databases import Databases


#: Exit status when a row was rejected.
_REJECTED: Final = 8
#: Pathpoints with texts among their numbers that are named.
_MOST_TOLD: Final = 5

_KINDS = {".csv": "csv", ".tsv": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl"}


@click.command("ingest")
@click.argument("file", type=click.Path(path_type=Path, allow_dash=True))
@click.option("--format", "kind", type=click.Choice(["csv", "jsonl"]), help="Else by extension.")
@click.option("--encoding", metavar="NAME", help="Such as cp1252.  [default: UTF-8, or its mark's]")
@click.option("--time", metavar="COL", help="Column of times, or Date+Time.  [default: by name]")
@click.option("--value", metavar="COL", help="Column of values.  [default: value]")
@click.option("--pathpoint", metavar="NAME", help="Name of the pathpoint.  [default: FILE's stem]")
@click.option("--pathpoint-column", metavar="COL", help="Column that names the pathpoint.")
@click.option("--wide", is_flag=True, help="Every column beside the time is a pathpoint.")
@click.option("--columns", metavar="NAME,...", help="Names of the columns: there is no header.")
@click.option("--delimiter", metavar="CHAR", help="Of CSV.  [default: what the header has]")
@click.option("--decimal", type=click.Choice([",", "."]), help="Mark; the other one groups digits.")
@click.option("--missing", metavar="WORD,...", help="Texts that mean that there is no value.")
@click.option("--timezone", default="UTC", show_default=True, help="Zone of times without one.")
@click.option(
    "--epoch",
    "--time-unit",
    type=click.Choice(["s", "ms", "us", "ns"]),
    help="Unit of numeric times, whatever they are.  [default: the one that gives 1990 to now]",
)
@click.option("--time-format", metavar="PATTERN", help='Such as "%d.%m.%Y %H:%M"; else ISO 8601.')
@click.option("--as-text", is_flag=True, help="Keep values as texts, byte for byte.")
@click.option(
    "--rejects",
    type=click.Path(path_type=Path),
    help="File for rows not taken; one that is there is kept.",
)
@json_option
@pass_session
def command(session: Session, /, file: Path, **options: Any) -> int:
    """Read FILE (- is stdin; .gz is unpacked) into pathpoints.

    Each row is stored as it is meant, or it is written to the file of rejected rows with its line
    and the reason; then the exit status is 8. What had to be guessed is told with the option that
    decides it. Running it again stores nothing twice: after an interruption, run it again.

    Every reading is kept, in order, also when a clock without a zone was set back and an hour of
    times comes twice: --timezone explains it in autumn; else the readings from there on are kept
    an hour later than written, and exported as they were written.
    """
    from smok_cli.readings.records import ValueReader
    from smok_cli.readings.rejects import Rejects

    _check_options(options)
    values = ValueReader(
        as_text=options["as_text"],
        decimal=options["decimal"],
        missing=() if options["missing"] is None else options["missing"].split(","),
    )
    rejects = Rejects(_apart(options["rejects"] or _default_rejects(file), file))
    started = time.monotonic()
    with _opened(file) as binary, contextlib.closing(rejects):
        loader, guesses = _load(session, file, binary, (values, rejects), options)
    report = _report(file, loader, values, rejects, time.monotonic() - started)
    report["guesses"] = guesses
    if options["as_json"]:
        print_json(report)
    else:
        _show(report)
    return _REJECTED if rejects.count else 0


def _check_options(options: dict[str, Any]) -> None:
    if options["wide"] and (options["pathpoint"] or options["value"]):
        raise click.UsageError("--wide takes every column; leave out --pathpoint and --value.")
    if len(options["delimiter"] or ",") != 1 or options["delimiter"] in ('"', "\n", "\r", "\0"):
        raise click.UsageError(
            "--delimiter is one character, and no quote; a tab is recognised without it."
        )


def _load(
    session: Session,
    file: Path,
    binary: BinaryIO,
    tools: tuple[ValueReader, Rejects],
    options: dict[str, Any],
) -> tuple[Loader, list[str]]:
    from smok_cli.progress import shown
    from smok_cli.readings.columns import Layout
    from smok_cli.readings.loading import Loader
    from smok_cli.readings.sources import open_source
    from smok_cli.readings.times import TimeReader, zone_named
    from smok_core.databases import open_databases

    values, rejects = tools
    layout = Layout(
        fallback=_stem(file),
        **{name: options[name] for name in Layout._fields if name != "fallback"},
    )
    times = TimeReader(options["epoch"], options["time_format"], options["decimal"])
    zone = zone_named(options["timezone"])
    with (
        open_databases(session.config) as databases,
        open_source(
            binary, _kind(file, options), layout, values, times, options["encoding"]
        ) as source,
    ):
        _refuse_memory(databases)
        loader = Loader(databases, times, zone, rejects, one_clock=options["wide"])
        # What is said stands below the bar, not within it.
        with _explained(loader), shown(binary) as progress:
            loader.load(source.records(), progress)
        databases.flush()
    if times.form is not None:
        source.guesses.append(f"times as {_form_told(times.form)}")
    return loader, source.guesses


def _form_told(form: str) -> str:
    return (
        f"{form} since the epoch (--epoch {form})"
        if "%" not in form
        else f"dates (--time-format {form})"
    )


def _kind(file: Path, options: dict[str, Any]) -> str | None:
    return options["kind"] or _KINDS.get(_unpacked(file).suffix.lower())


def _unpacked(file: Path) -> Path:
    """Return the name without the ending of a packed file."""
    return file.with_suffix("") if file.suffix.lower() == ".gz" else file


@contextlib.contextmanager
def _explained(loader: Loader) -> Iterator[None]:
    """Say how far it came when a store refuses to go on; repeating is harmless."""
    try:
        yield
    except (SmokError, OSError, KeyboardInterrupt):
        text = f"{loader.stored} readings were stored before this; run it again to go on."
        say(text, err=True)
        raise


def _stem(file: Path) -> str | None:
    """Return the name of the pathpoint: UTF-8 whatever the locale, as the data are."""
    if str(file) == "-":
        return None
    stem = _unpacked(file).stem
    try:
        return os.fsencode(stem).decode("utf-8")
    except UnicodeDecodeError:
        return stem


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
    stem = "stdin" if str(file) == "-" else _unpacked(file).stem
    return Path(f"{stem}.rejects.csv")


def _apart(rejects: Path, file: Path) -> Path:
    """Refuse to write the rows that are not taken over the file that is read."""
    if file.exists() and rejects.exists() and rejects.samefile(file):
        raise click.UsageError(f"--rejects: {rejects} is the file that is read. Give another name.")
    return rejects


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
        "rows": loader.rows,
        "stored": loader.stored,
        "new": loader.new,
        "already_kept": loader.kept,
        "without_value": loader.without,
        "comments": loader.comments,
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
        "texts_among_numbers": loader.texts.found(),
        "seconds": round(seconds, 3),
        "per_second": round(loader.stored / seconds) if seconds else None,
    }


def _show(report: dict[str, Any]) -> None:
    names = report["pathpoints"]
    told = names[0] if len(names) == 1 else f"{len(names)} pathpoints"
    rate = f"{report['seconds']} s, {report['per_second']} a second"
    counts = f"{report['new']} new, {report['already_kept']} already kept"
    say(f"{report['stored']} readings into {visible(told)} ({rate}): {counts}", err=True)
    if report["first"]:
        say(f"  from {report['first']} to {report['last']}", err=True)
    for line in _remarks(report):
        say(f"  {line}", fg="yellow", err=True)


def _remarks(report: dict[str, Any]) -> Iterator[str]:
    if report["guesses"]:
        yield f"read {', '.join(report['guesses'])}"
    if report["without_value"]:
        yield f"{report['without_value']} rows say that there is no value"
    if report["comments"]:
        yield f"{report['comments']} lines are comments"
    for found in report["texts_among_numbers"][:_MOST_TOLD]:
        yield (
            f"{visible(found['pathpoint'])}: {found['numbers']} numbers and {found['texts']} texts "
            f"(line {found['line']}: {found['example']!r}); --missing leaves such texts out"
        )
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

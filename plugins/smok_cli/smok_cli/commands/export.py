"""``smok export``: pathpoints as CSV or JSON lines, other roles as JSON lines; a stream."""

from __future__ import annotations

import contextlib
import re
import sys
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, cast

import click

from smok_cli.app import Session, pass_session
from smok_cli.completing import pathpoints, roles
from smok_cli.reading import config_to_read, read_only_option
from smok_cli.terminal import json_lines, say, visible_lines
from smok_cli.whole_files import written_whole

if TYPE_CHECKING:
    from collections.abc import Iterator

    from smok_cli.readings.times import TimeWriter
    from smok_core.databases import Databases


_COLUMNS = ("pathpoint", "timestamp", "value", "value_type", "error_code")
#: What may end a line, or looks like damage: such a row has all of its cells in quotes, which every
#: csv module writes and `smok ingest` takes as it is.
_ODD = re.compile("[\r\n\0]")


@click.command("export")
@click.option(
    "--role", default="pathpoints", show_default=True, help="What to export.", shell_complete=roles
)
@click.option(
    "--pathpoint",
    "names",
    multiple=True,
    metavar="NAME",
    help="Only this; repeatable.",
    shell_complete=pathpoints,
)
@click.option("--from", "start", metavar="TIME", help="Not before: ISO 8601 or epoch seconds.")
@click.option("--to", "stop", metavar="TIME", help="Not after.")
@click.option("--format", "kind", type=click.Choice(["csv", "jsonl"]), help="[default: csv]")
@click.option(
    "--columns",
    default="pathpoint,timestamp,value,value_type",
    show_default=True,
    help="Of CSV, in order; there is error_code, too.",
)
@click.option("--no-header", is_flag=True, help="CSV without its first line.")
@click.option(
    "--time-format",
    default="iso",
    show_default=True,
    help='iso, s, ms, us, ns or like "%Y-%m-%d %H:%M"',
)
@click.option("--timezone", default="UTC", show_default=True, help="Of times and of --from, --to.")
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), help="New file.  [default: stdout]"
)
@read_only_option
@click.option("--force", is_flag=True, help="Overwrite the file of --output.")
@pass_session
def command(session: Session, /, role: str, output: Path | None, **options: Any) -> None:
    """Write what is stored, pathpoints in the order of time. Memory does not grow with the data.

    `smok ingest` of an export gives the same readings again: the column value_type tells texts from
    numbers (int, float, bool, text), and a failed reading (error) from its reason, which is its
    value then. The text is UTF-8; on a terminal, control characters are shown escaped.
    """
    from smok_cli.readings.times import TimeWriter, zone_named
    from smok_cli.roles import check_role
    from smok_core.databases import open_databases

    check_role(role)
    columns = _checked_columns(options["columns"])
    zone = zone_named(options["timezone"])
    writer = TimeWriter(options["time_format"], zone)
    span = [_instant(options[end], zone) for end in ("start", "stop")]
    jsonl = options["kind"] == "jsonl" or role != "pathpoints"
    if role != "pathpoints" and options["kind"] == "csv":
        raise click.UsageError(f"{role} are exported as JSON lines. Leave out --format csv.")
    config = config_to_read(session.config, read_only=options["read_only"])
    with (
        open_databases(config, looking=True) as databases,
        _target(output, force=options["force"], jsonl=jsonl) as out,
    ):
        if role != "pathpoints":
            _export_role(databases, role, out)
            return
        rows = _points(databases, _names(databases, options["names"]), span, writer)
        if jsonl:
            _write_json(rows, out)
        else:
            _write_csv(rows, out, columns, header=not options["no_header"])
    if writer.beyond:
        told = "are beyond the calendar and written as @ and the seconds since the epoch"
        say(f"{writer.beyond} times {told}.", err=True)


def _checked_columns(text: str) -> list[int]:
    places = []
    for name in text.split(","):
        if name.strip() not in _COLUMNS:
            known = ", ".join(_COLUMNS)
            raise click.UsageError(f"there is no column {name.strip()!r}. Columns: {known}.")
        places.append(_COLUMNS.index(name.strip()))
    return places


def _instant(text: str | None, zone: Any) -> int | None:
    """Read an end of the span: microseconds since the epoch."""
    from smok_cli.readings.records import BadRow
    from smok_cli.readings.times import TimeReader, to_utc

    if text is None:
        return None
    try:
        moment, local = TimeReader("s").read(text)
    except BadRow as error:
        raise click.UsageError(f"{error}. Write it like 2026-01-31T12:00:00Z.") from None
    return to_utc(moment, zone) if local else moment


@contextlib.contextmanager
def _target(output: Path | None, *, force: bool, jsonl: bool) -> Iterator[IO[str]]:
    if output is None:
        # The data are the same whatever the locale is; only on a terminal they are made harmless.
        cast("Any", sys.stdout).reconfigure(encoding="utf-8")
        yield cast("IO[str]", _Escaping(jsonl=jsonl)) if sys.stdout.isatty() else sys.stdout
        sys.stdout.flush()
        return
    try:
        with written_whole(output, replace=force) as file:
            yield file
    except FileExistsError:
        raise click.UsageError(
            f"{output} is there already. Name another file, or say --force."
        ) from None


class _Escaping:
    """Stdout of a terminal."""

    def __init__(self, *, jsonl: bool) -> None:
        self._escape = json_lines if jsonl else visible_lines

    def write(self, text: str) -> int:
        """Write a text so that the terminal obeys none of it."""
        return sys.stdout.write(self._escape(text))


def _names(databases: Databases, wanted: tuple[str, ...]) -> list[str]:
    present = sorted(databases.pathpoints.get_pathpoints())
    missing = [name for name in wanted if name not in present]
    if missing:
        import difflib

        near = difflib.get_close_matches(missing[0], present, n=1)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        raise click.UsageError(f"no pathpoint is called {missing[0]!r}.{hint}")
    return list(wanted) or present


def _points(
    databases: Databases, names: list[str], span: list[int | None], writer: TimeWriter
) -> Iterator[tuple[str, str, Any]]:
    """Stream pathpoint, written time and value."""
    from smok_cli.readings.offsets import Offsets

    offsets = Offsets(databases)
    start, stop = (None if end is None else end / 1000 for end in span)
    for name in names:
        spans = offsets.of(name)
        for timestamp, value in databases.pathpoints.get_archive_data(name, start, stop):
            utc = round(timestamp * 1000)
            behind = next((s.behind for s in spans if s.first <= utc <= s.last), 0)
            yield name, writer.write(utc, behind), value


def _write_csv(
    rows: Iterator[tuple[str, str, Any]], out: IO[str], places: list[int], *, header: bool
) -> None:
    import csv

    from smok_cli.readings.records import value_text, value_type

    plain = csv.writer(out, lineterminator="\n")
    quoted = csv.writer(out, lineterminator="\n", quoting=csv.QUOTE_ALL)
    if header:
        plain.writerow([_COLUMNS[at] for at in places])
    typed = _COLUMNS.index("value_type") in places
    failed = 0
    for name, time, value in rows:
        code = _code(value)
        failed += code is not None
        text = (code or "") if typed and code is not None else value_text(value)
        cells = (name, time, text, value_type(value), code or "")
        odd = _ODD.search(name) or (type(value) is str and _ODD.search(value))
        (quoted if odd else plain).writerow([cells[at] for at in places])
    if failed and not typed and _COLUMNS.index("error_code") not in places:
        told = "add the column error_code or use --format jsonl to see why"
        say(f"{failed} failed readings have an empty value; {told}.", err=True)


def _code(value: Any) -> str | None:
    """Return the reason of a failed reading, which may be empty; None for any other value."""
    from smok_core.model import OperationFailedError

    if not isinstance(value, OperationFailedError):
        return None
    return value.reason.value if value.reason else ""


def _write_json(rows: Iterator[tuple[str, str, Any]], out: IO[str]) -> None:
    import json

    for name, time, value in rows:
        line: dict[str, Any] = {"pathpoint": name, "timestamp": time}
        code = _code(value)
        line |= {"value": value} if code is None else {"error_code": code or None}
        out.write(json.dumps(line, ensure_ascii=False) + "\n")


def _export_role(databases: Databases, role: str, out: IO[str]) -> None:
    import json

    from smok_cli.contents import contents

    for item in contents(databases, role):
        out.write(json.dumps(item, ensure_ascii=False, default=str) + "\n")

"""The screen of ``smok status``: the verdict first, then only what has something to tell."""

from __future__ import annotations

import textwrap
import time
from itertools import groupby
from typing import TYPE_CHECKING, Any, Final

from rich.text import Text

from smok_cli.screen import human_age, human_ago, human_count, human_size
from smok_cli.state.model import waited_seconds
from smok_cli.state.verdict import LOST_KINDS
from smok_cli.terminal import visible

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from smok_cli.state.losses import Finding
    from smok_cli.state.model import RoleStatus
    from smok_cli.state.report import StatusReport


_COLOURS: Final = {"good": "bold green", "fair": "bold yellow", "bad": "bold red"}
_YEAR: Final = 365 * 86400
_MOST_LINES: Final = 6  #: of one text
_MORE: Final = "more: smok status --verbose"


def overview(report: StatusReport, height: int, width: int = 80) -> list[Text]:
    """Return the lines, at most ``height``; each is to be cut at the width of the screen.

    What is wrong is told in several lines if it needs them: its end says what to do.
    """
    lines = [*_lines(report, width)]
    if len(lines) <= height:
        return lines
    kept = max(1, height - 1)
    return [*lines[:kept], Text(f"{len(lines) - kept} lines {_MORE}", style="dim")]


def _lines(report: StatusReport, width: int) -> Iterator[Text]:
    head = Text(report.verdict.head, style=_COLOURS[report.verdict.level])
    yield head.append(f"  {visible(report.verdict.why)}", style="default not bold")
    yield from _roles([row for row in report.roles if _has_something_to_tell(row)])
    yield from _outlook(report)
    yield from _findings(report, width)
    if report.verdict.word != "LINK DOWN":
        yield from _troubles(report.cloud)
    yield from _stores(report)


# --- roles ---------------------------------------------------------------------------------------


def _has_something_to_tell(row: RoleStatus) -> bool:
    counts = (row.pending, row.definitions_pending, row.dead_letters, row.dropped, row.refused)
    return not row.available or any(counts)


def _roles(rows: Sequence[RoleStatus]) -> Iterator[Text]:
    if not rows:
        return
    yield Text()
    heads = ("role", "store", "pending", "waited", "oldest record", "dead", "dropped")
    yield from _aligned([heads, *map(_cells, rows)], right=(2, 3, 4, 5, 6))


def _cells(row: RoleStatus) -> tuple[str, ...]:
    if not row.available:
        return (row.role, visible(row.store), "not known", "", "", "", "")
    pending = (row.pending or 0) + (row.definitions_pending or 0)
    oldest = row.oldest_pending_seconds
    return (
        row.role,
        visible(row.store),
        human_count(pending),
        human_age(row.pending_seconds),
        "" if oldest is None else f"{human_age(oldest)} old" if oldest >= 0 else human_age(oldest),
        human_count(row.dead_letters or 0),
        human_count((row.dropped or 0) + (row.refused or 0)),
    )


def _aligned(rows: Sequence[Sequence[str]], right: Sequence[int]) -> Iterator[Text]:
    columns = range(len(rows[0]))
    widths = [max(Text(row[at]).cell_len for row in rows) for at in columns]
    for number, row in enumerate(rows):
        cells = [_padded(row[at], widths[at], right=at in right) for at in columns]
        yield Text("  ".join(cells).rstrip(), style="bold" if number == 0 else "")


def _padded(text: str, width: int, *, right: bool) -> str:
    spaces = " " * (width - Text(text).cell_len)
    return spaces + text if right else text + spaces


# --- what comes of it, and what to do ------------------------------------------------------------


def _outlook(report: StatusReport) -> Iterator[Text]:
    soon = [ahead for ahead in report.outlook if ahead.seconds < _YEAR]
    if not report.pending or not soon:
        return
    told = ", ".join(f"{ahead.what} full in {human_age(ahead.seconds)}" for ahead in soon[:2])
    yield Text(f"at the present rate: {visible(told)}", style="yellow")


def _findings(report: StatusReport, width: int) -> Iterator[Text]:
    news = [found for found in report.losses if found.is_news]
    yield from _away(report, news, width)
    yield from _in_memory([found.role or "" for found in news if found.kind == "in-memory"])
    told = [found for found in news if not _is_told_together(found)]
    for command, same in groupby(told, key=lambda found: found.command):
        for found in same:
            yield from _wrapped(found.text, "yellow" if found.kind == "warning" else "red", width)
        if command:
            yield _command("look", command)
    if any(found.kind in LOST_KINDS for found in news):
        yield _command("when you have seen it", "smok status --acknowledge")


def _is_told_together(found: Finding) -> bool:
    return found.kind == "in-memory" or (
        found.kind in ("unknown", "damaged") and found.role is not None
    )


def _wrapped(text: str, style: str, width: int) -> Iterator[Text]:
    """Return a text in as many lines as it needs, up to a bound; those after the first stand in."""
    lines = textwrap.wrap(visible(text), width, subsequent_indent="  ", max_lines=_MOST_LINES)
    return (Text(line, style=style) for line in lines)


def _in_memory(roles: Sequence[str]) -> Iterator[Text]:
    if roles:
        yield Text(f"in memory only: {', '.join(roles)}", style="red")
        yield _command("look", f"smok why {roles[0]}")


def _away(report: StatusReport, news: Sequence[Finding], width: int) -> Iterator[Text]:
    """Tell once of each store that it is away or damaged, whatever number of roles it keeps."""
    for kind, what in (("unknown", "away"), ("damaged", "damaged")):
        roles = {found.role for found in news if found.kind == kind and found.role}
        rows = [row for row in report.roles if row.role in roles]
        if rows:
            names = ", ".join(row.role for row in rows)
            yield from _wrapped(f"not known, the store is {what}: {names}", "red", width)
        for error in dict.fromkeys(row.error for row in rows if row.error):
            yield from _wrapped(f"  {error}", "red", width)


def _command(why: str, command: str) -> Text:
    return Text(f"  {why}: {visible(command)}")


def _troubles(jobs: Iterable[dict[str, Any]]) -> Iterator[Text]:
    for job in jobs:
        if job["failures"]:
            since = job.get("failing_since")
            lasted = 0.0 if since is None else time.time() - since
            age = f" for {human_age(lasted)}" if lasted > 0 else ""
            detail = job.get("last_detail") or job["last_error"]
            yield Text(visible(f"{job['job']}: fails{age}: {detail}"), style="yellow")


# --- what is there -------------------------------------------------------------------------------


def _stores(report: StatusReport) -> Iterator[Text]:
    yield Text()
    for store in report.stores:
        records = sum(row.rows or 0 for row in report.roles if row.store == store.store)
        told = [f"{human_count(records)} records"]
        told += [f"{human_size(store.size_bytes)} used"] * (store.size_bytes is not None)
        told += [f"{human_size(store.free_bytes)} free"] * (store.free_bytes is not None)
        yield Text(visible(f"{store.store}: {', '.join(told)}; {store.location}"))
    if report.pending and not report.cloud:
        yield _command("nothing was uploaded from here yet; with a [cloud] table", "smok run")
    last = max((job["last_success"] or 0.0 for job in report.cloud), default=0.0)
    answer = f"the cloud answered {human_ago(last)}" if last else ""
    answer = answer.replace("in the future", "before the clock was set back")
    yield Text(visible(f"{report.device}{': ' * bool(answer)}{answer}"), style="dim")


# --- for programs --------------------------------------------------------------------------------


def tsv_rows(report: StatusReport) -> Iterator[tuple[object, ...]]:
    """Yield a row for the verdict, each role and each finding: what, name, store, counts, text."""
    verdict = report.verdict
    yield "verdict", verdict.word, "", report.pending, report.longest_wait, verdict.why
    for row in report.roles:
        waited = waited_seconds(row)
        yield "role", row.role, row.store, row.pending, waited, row.error
    for found in report.losses:
        yield "loss", found.kind, found.store, found.count, "", found.text

"""``smok status``: one verdict, what waits for upload, and whether anything was lost."""

from __future__ import annotations

import shutil
import time
from typing import TYPE_CHECKING, Any, Final

import click

from smok_cli.app import Session, pass_session
from smok_cli.reading import config_to_read, read_only_option
from smok_cli.screen import (
    console,
    human_age,
    human_count,
    human_size,
    json_option,
    print_json,
    print_table,
    print_tsv,
    speaks_tsv,
)
from smok_cli.terminal import say

if TYPE_CHECKING:
    from smok_cli.state.report import StatusReport


_WATCH_SECONDS: Final = 2.0
#: Of the TSV that a pipe gets.
_COLUMNS: Final = ("what", "name", "store", "records", "seconds", "text")


@click.command("status")
@click.option("--verbose", "-v", is_flag=True, help="Everything: all roles, jobs, whole texts.")
@click.option("--watch", is_flag=True, help="Look every 2 s until Ctrl-C; needs a terminal.")
@click.option(
    "--acknowledge", is_flag=True, help="You have seen what is LOST: it is no news any more."
)
@click.option("--exit-code", is_flag=True, help="For monitoring: 0 well, 1 pending, 2 lost.")
@click.option(
    "--most-pending",
    metavar="N",
    type=click.IntRange(min=0),
    default=10_000,
    show_default=True,
    help="With --exit-code: more pending records are 1.",
)
@click.option(
    "--longest-wait",
    metavar="DURATION",
    default="1h",
    show_default=True,
    help="With --exit-code: a record that waits longer is 1.",
)
@read_only_option
@json_option
@pass_session
def command(
    session: Session,
    *,
    verbose: bool,
    watch: bool,
    acknowledge: bool,
    exit_code: bool,
    most_pending: int,
    longest_wait: str,
    read_only: bool,
    as_json: bool,
) -> int:
    """Tell in one line how the device is, and below it what has something to tell.

    OK, WAITING for upload, LINK DOWN, NOT REACHED (a store could not be looked at), LOST with a
    count, DAMAGED, or NOT KEPT (a role is in memory only). Into a pipe it prints
    TSV, or fits COLUMNS where that is set.

    With --exit-code the status is 0 for OK and for a backlog within the bounds, 1 for one beyond
    them and for NOT REACHED, 2 for LOST, DAMAGED and NOT KEPT.
    """
    bound = _seconds(longest_wait)
    if read_only and acknowledge:
        raise click.UsageError("--acknowledge writes. Leave out --read-only.")
    if acknowledge:
        _acknowledge(session)
    if watch:
        return _watch(session, read_only=read_only)
    report = _look(session, read_only=read_only)
    _print(report, verbose=verbose, as_json=as_json)
    return _exit_status(report, most_pending, bound) if exit_code else 0


def _look(session: Session, *, read_only: bool) -> StatusReport:
    from smok_cli.state.report import gather
    from smok_core.databases import open_databases

    config = config_to_read(session.config, read_only=read_only)
    with open_databases(config, looking=True) as databases:
        return gather(databases)


def _print(report: StatusReport, *, verbose: bool, as_json: bool) -> None:
    if as_json:
        import msgspec

        print_json(msgspec.to_builtins(report))
    elif speaks_tsv():
        from smok_cli.state.screen import tsv_rows

        print_tsv(_COLUMNS, tsv_rows(report))
    elif verbose:
        _print_all(report)
    else:
        _print_overview(report)


def _print_overview(report: StatusReport) -> None:
    screen = console()
    for line in _overview(report):
        # A command is to be copied whole; other texts are cut, and --verbose has them.
        whole = line.plain.startswith("  ") and ": smok " in line.plain
        screen.print(line, no_wrap=not whole, overflow="fold" if whole else "ellipsis")


def _overview(report: StatusReport) -> list[Any]:
    from smok_cli.state.screen import overview

    # The prompt takes a line.
    return overview(report, shutil.get_terminal_size((80, 24)).lines - 1, console().width)


# --- the ways to look ----------------------------------------------------------------------------


def _acknowledge(session: Session) -> None:
    from smok_cli.state.seen import acknowledge_losses
    from smok_core.databases import open_databases

    with open_databases(session.config) as databases:
        count = acknowledge_losses(databases)
    say(f"acknowledged: {human_count(count)} lost or set aside; what comes now is news", err=True)


def _watch(session: Session, *, read_only: bool) -> int:
    from rich.console import Group
    from rich.live import Live

    screen = console()
    if not screen.is_terminal:
        raise click.UsageError("--watch needs a terminal; a program reads --json.")
    try:
        with Live(console=screen, screen=True, auto_refresh=False) as live:
            while True:
                lines = _overview(_look(session, read_only=read_only))
                for line in lines:
                    line.truncate(screen.width, overflow="ellipsis")
                live.update(Group(*lines), refresh=True)
                time.sleep(_WATCH_SECONDS)
    except KeyboardInterrupt:
        return 0


def _exit_status(report: StatusReport, most_pending: int, longest_wait: float) -> int:
    if report.verdict.level == "bad":
        return 2
    if report.verdict.word == "NOT REACHED":
        return 1
    beyond = report.pending > most_pending or report.longest_wait > longest_wait
    return 1 if report.pending and beyond else 0


def _seconds(text: str) -> float:
    from smok_core.settings import Duration

    try:
        return Duration(text).seconds
    except ValueError as error:
        raise click.UsageError(f"--longest-wait: {error}") from error


# --- everything ----------------------------------------------------------------------------------


def _print_all(report: StatusReport) -> None:
    say(f"{report.verdict.head}  {report.verdict.why}", bold=True)
    heads = ("role", "store", "rows", "pending", "oldest", "dead letters", "dropped")
    rows = [
        (
            row.role,
            row.store,
            row.rows,
            row.pending,
            human_age(row.oldest_pending_seconds),
            row.dead_letters,
            row.dropped,
        )
        for row in report.roles
    ]
    print_table("", heads, rows, right="rows,pending,oldest,dead letters,dropped")
    _print_stores(report)
    _print_jobs(report)
    for row in report.roles:
        if row.definitions_pending:
            say(f"{row.role}: {row.definitions_pending} definitions pending")
    for ahead in report.outlook[:2]:
        say(f"{ahead.what} full in {human_age(ahead.seconds)} at the present rate")
    for found in report.losses:
        told = f" ({found.acknowledged} acknowledged)" * bool(found.acknowledged)
        say(f"{found}{told}", fg="red" if found.is_news else None)


def _print_stores(report: StatusReport) -> None:
    for store in report.stores:
        size, free = human_size(store.size_bytes), human_size(store.free_bytes)
        told = [f"{size} used"] * bool(size) + [f"{free} free"] * bool(free)
        say(f"{store.store}: {', '.join([store.location, *told])}")
        for note in store.notes:
            say(f"  {note}")


def _print_jobs(report: StatusReport) -> None:
    heads = ("cloud job", "sent", "acknowledged", "refused", "last answer")
    jobs = [job for job in report.cloud if job["last_success"] or job["failures"]]
    rows = [
        (job["job"], job["sent"], job["acknowledged"], job["refused"], _ago(job["last_success"]))
        for job in jobs
    ]
    if rows:
        print_table("", heads, rows, right="sent,acknowledged,refused,last answer")
    for job in jobs:
        if job["failures"]:
            say(f"{job['job']}: {job['last_error']}", fg="yellow")


def _ago(moment: float | None) -> str:
    return "never" if moment is None else human_age(time.time() - moment)

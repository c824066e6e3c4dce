"""``smok conformance``: prove that an installed backend keeps what the contract promises."""

from __future__ import annotations

import importlib
import json
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click
import msgspec
from smok_cli.screen import print_table
from smok_cli.terminal import say

if TYPE_CHECKING:
    from smok_testing import Clause, Outcome, Report, Subject


#: Exit status when the backend does not conform.
_NOT_CONFORMING: Final = 1
_STATUSES: Final = ("passed", "failed", "skipped", "not applicable", "excluded", "warned")


@click.command("conformance")
@click.argument("backend", required=False)
@click.option(
    "--option",
    "options",
    multiple=True,
    metavar="KEY=VALUE",
    help="An option of the store, as in [stores.NAME]; {place} is a directory of the kit's.",
)
@click.option(
    "--json", "target", metavar="PATH", help="Write the whole report as JSON (-: to stdout)."
)
@click.option("--verbose", is_flag=True, help="A line for every clause, not only per role.")
@click.option("--fail-fast", is_flag=True, help="End at the first clause that fails.")
@click.option("--only", metavar="TEXT", default="", help="Only clauses whose name holds TEXT.")
@click.option(
    "--level",
    "levels",
    multiple=True,
    type=click.Choice(["core", "durable", "concurrent", "extended"]),
    help="Only clauses of this level; may be repeated.",
)
@click.option(
    "--subject",
    "source",
    metavar="MODULE:NAME",
    help="Take options and abilities from a smok_testing.Subject, or a function that makes it.",
)
@click.option(
    "-n", "processes", type=click.IntRange(1), default=1, help="Processes that run clauses."
)
def command(
    backend: str | None,
    options: tuple[str, ...],
    target: str | None,
    verbose: bool,
    fail_fast: bool,
    only: str,
    levels: tuple[str, ...],
    source: str | None,
    processes: int,
) -> int:
    """Run the conformance kit on BACKEND. Exit status 1 if it does not conform.

    The store is made in a temporary directory. A backend that needs a server needs the options
    that lead to one nobody else uses. The verdict is never "conforms" if a core clause did not run.
    """
    from smok_testing import run_conformance

    subject = _subject(backend, options, source)
    _check_options(subject)
    progress = None if target == "-" else _tick
    report = run_conformance(
        subject, _chosen(only, levels), progress, fail_fast=fail_fast, processes=processes
    )
    if target == "-":
        click.echo(report.to_json())
        return 0 if report.passed else _NOT_CONFORMING
    say("", err=True)
    if target is not None:
        Path(target).write_bytes(report.to_json())
    _show(report, verbose=verbose)
    return 0 if report.passed else _NOT_CONFORMING


def _chosen(only: str, levels: tuple[str, ...]) -> list[Clause]:
    from smok_testing import all_clauses

    wanted = (clause for clause in all_clauses() if not levels or clause.level in levels)
    return [clause for clause in wanted if only in str(clause)]


def _subject(backend: str | None, options: tuple[str, ...], source: str | None) -> Subject:
    """Return what is tested: a backend with options, or what an author's module says."""
    from smok_testing import Subject

    if backend and not source:
        return Subject(backend=backend, options=dict(map(_pair, options)))
    if backend or options or not source:
        raise click.UsageError(
            "give BACKEND and where its stores go: smok conformance pickle --option "
            '"path={place}/store" (smok backends lists all); or --subject MODULE:NAME alone'
        )
    subject = _imported(source)
    subject = subject() if callable(subject) else subject
    if not isinstance(subject, Subject):
        raise click.UsageError(f"{source} gives {type(subject).__name__}, not smok_testing.Subject")
    return subject


def _imported(source: str) -> Any:
    module, colon, name = source.partition(":")
    if not colon:
        raise click.UsageError(
            f"--subject {source!r} is not MODULE:NAME, such as tests.kit:subject"
        )
    sys.path.insert(0, "")  # tests of a plugin are not installed: they lie where it is worked on
    try:
        return getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise click.UsageError(f"--subject {source}: {error}") from error


def _check_options(subject: Subject) -> None:
    """Refuse options that fit no store, or that put all stores of the kit into one place."""
    from smok_core.hookspecs import Capability
    from smok_testing import opening

    with tempfile.TemporaryDirectory() as place:
        opening.config_at(subject, Path(place), "d1", {})
    info = opening.find_backend(subject).info
    persistent = Capability.PERSISTENT in info.capabilities
    if persistent and subject.options_at(Path("a")) == subject.options_at(Path("b")):
        raise click.UsageError(
            f"every clause needs a store of its own, and {subject.backend} keeps data. Put "
            "{place} (a directory) or {name} (a word) into an option: "
            f"{_own_store(info.options)}"
        )


def _own_store(options: type[msgspec.Struct]) -> str:
    """Return the option that makes a store of its own, as far as its name tells."""
    names = {field.name for field in msgspec.structs.fields(options)}
    known = {
        "path": '"path={place}/store"',
        "prefix": "prefix={name}",
        "database": "database={name}",
    }
    return f"--option {next((known[name] for name in known if name in names), known['path'])}"


def _pair(text: str) -> tuple[str, Any]:
    """Read ``port=6379`` as a number and everything that is no JSON as a text."""
    key, equals, value = text.partition("=")
    if not key or not equals:
        raise click.UsageError(f"--option {text!r} is not KEY=VALUE. Write: --option path=store.db")
    try:
        return key, json.loads(value)
    except ValueError:
        return key, value


def _tick(outcome: Outcome) -> None:
    say("." if outcome.status.value != "failed" else "F", nl=False, err=True)


def _show(report: Report, *, verbose: bool) -> None:
    say(f"{report.backend} ({report.distribution}), kit {report.kit}")
    if verbose:
        rows = [(o.subject, o.ref, o.status.value, f"{o.seconds:.2f}") for o in report.outcomes]
        print_table("", ("subject", "clause", "status", "seconds"), rows, right="seconds")
    print_table("", ("subject", *_STATUSES), _per_subject(report), right=",".join(_STATUSES))
    _show_capabilities(report)
    for objection in report.objections:
        say(objection, fg="red")
    for outcome in report.outcomes:
        if outcome.status.value == "failed":
            say(f"\n{outcome}")
    _show_verdict(report)


def _per_subject(report: Report) -> list[tuple[object, ...]]:
    counts: dict[str, Counter[str]] = {}
    for outcome in report.outcomes:
        counts.setdefault(outcome.subject, Counter())[outcome.status.value] += 1
    return [
        (subject, *(found[status] or "" for status in _STATUSES))
        for subject, found in sorted(counts.items())
    ]


def _show_capabilities(report: Report) -> None:
    say(f"declared: {', '.join(report.declared) or 'nothing'}")
    say(f"proved:   {', '.join(report.proved) or 'nothing'}")
    for remark in report.remarks:
        say(f"remark: {remark}", fg="yellow")


def _show_verdict(report: Report) -> None:
    colour = ("yellow" if report.unproved else "green") if report.passed else "red"
    say(report.verdict, fg=colour)
    say(f"{report.executed} of {len(report.outcomes)} clauses were run")

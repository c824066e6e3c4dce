"""The kit itself: verdicts that cannot lie, a complete catalogue, imports when needed."""

import json
import pydoc
import re
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner
from smok_testing import (
    Level,
    Report,
    Status,
    Subject,
    all_clauses,
    conformance,
    run_clause,
    run_conformance,
)
from smok_testing.catalogue import page
from smok_testing.clause import PRIMITIVES, Clause, clauses_of
from smok_testing.commands.conformance import command
from smok_testing.contract import CONTRACT, ELSEWHERE, PRIMITIVE_RULES

from plugins.smok_testing.tests.mutants import ALL, RIGHT
from plugins.smok_testing.tests.mutants.base import ShelfEngine
from plugins.smok_testing.tests.mutants.files import RIGHT_FILE, FilePlugin
from smok_core.engine.memory import MemoryEngine
from smok_core.hookspecs import BackendInfo, Capability, hookimpl
from smok_core.roles import ON_ENGINE, ROLES
from smok_core.roles.metadata import MetadataDatabase

ROOT = Path(__file__).resolve().parents[3]
CLAUSES = {str(clause): clause for clause in all_clauses()}
MEMORY = Subject(backend="memory")
WRONG = next(mutant for mutant in ALL if mutant.name == "NewerAcceptsEqual")
STRICT = CLAUSES["table-TA2.put_if_newer_is_strict"]


def test_nothing_run_is_no_pass() -> None:
    """A run without a single clause is a failed verdict."""
    report = run_conformance(MEMORY, [])
    assert not report.passed
    assert "no clause was run" in report.objections


def test_fail_fast_ends_at_the_first_failure() -> None:
    """Basic clauses come first, and nothing runs behind the one that fails."""
    hard = next(clause for clause in all_clauses() if clause.level is Level.CONCURRENT)
    report = run_conformance(WRONG.subject, [hard, STRICT], fail_fast=True)
    assert [outcome.ref for outcome in report.outcomes] == [STRICT.ref]
    assert not report.passed


def test_processes_find_what_one_finds() -> None:
    """Clauses side by side: the same outcomes in the same order, of a subject with functions."""
    some = [clause for clause in all_clauses() if clause.subject == "table"][:12]
    subject = Subject(backend="memory", options=lambda _place: {})
    alone, together = (run_conformance(subject, some, processes=n) for n in (1, 2))
    assert [(o.ref, o.status) for o in together.outcomes] == [
        (o.ref, o.status) for o in alone.outcomes
    ]
    assert together.executed == len(some)


def test_fail_fast_with_processes() -> None:
    """The first failure in the order of the clauses ends the run of all processes."""
    report = run_conformance(WRONG.subject, [STRICT] * 8, fail_fast=True, processes=2)
    assert [outcome.ref for outcome in report.outcomes] == [STRICT.ref]


def kit_subject() -> Subject:
    """Make what ``--subject`` names below."""
    return WRONG.subject


def test_the_command_takes_a_subject_a_level_and_processes() -> None:
    """A plugin without an entry point is tested with all its abilities, one level of it."""
    source = f"{__name__}:kit_subject"
    words = ["--subject", source, "--level", "core", "--only", "table-TA2", "-n", "2"]
    done = CliRunner().invoke(command, [*words, "--json", "-"], standalone_mode=False)
    report = json.loads(done.stdout)
    assert done.return_value == 1
    assert {outcome["level"] for outcome in report["outcomes"]} == {"core"}
    assert STRICT.ref in [o["ref"] for o in report["outcomes"] if o["status"] == "failed"]


@pytest.mark.parametrize(
    "words",
    [[], ["memory", "--subject", "a:b"], ["--subject", "a"], ["--subject", "json:dumps2"],
     ["--subject", "no_such_module:x"], ["--subject", "json:codecs"]],
)  # fmt: skip
def test_a_subject_that_is_none_is_wrong_usage(words: list[str]) -> None:
    """Neither a traceback nor a run of something else."""
    assert CliRunner().invoke(command, words).exit_code == 2


def test_help_of_a_subject() -> None:
    """The annotations can be resolved, so ``help`` shows every ability."""
    assert "drop_reply" in pydoc.render_doc(Subject)


def test_a_selection_is_no_pass() -> None:
    """Clauses that hold prove nothing about those that were not run."""
    report = run_conformance(MEMORY, [STRICT])
    assert report.of(Status.PASSED)
    assert not report.passed


def test_an_excluded_core_clause_is_no_pass() -> None:
    """An author may say that a core clause does not hold; the backend does not conform then."""
    subject = _with(WRONG.subject, exclusions={STRICT.ref: "the server rounds"})
    report = run_conformance(subject, [STRICT])
    assert [outcome.status for outcome in report.outcomes] == [Status.EXCLUDED]
    assert "the server rounds" in " ".join(report.objections)


def test_an_exclusion_that_holds_is_a_failure() -> None:
    """A clause that is excluded and holds makes the exclusion wrong."""
    outcome = run_clause(_with(RIGHT, exclusions={STRICT.ref: "once"}), STRICT)
    assert outcome.status is Status.FAILED
    assert "remove the exclusion" in outcome.detail


def test_newer_clauses_only_warn_a_pinned_backend() -> None:
    """A backend that pins a version is warned by clauses that are newer, and fails older ones."""
    newer = type(STRICT)(
        **{f: getattr(STRICT, f) for f in STRICT.__struct_fields__} | {"since": "9"}
    )
    pinned = _with(WRONG.subject, clauses_version="0.1")
    assert run_clause(pinned, newer).status is Status.WARNED
    assert run_clause(pinned, STRICT).status is Status.FAILED


def test_a_failure_names_its_clause_and_promise() -> None:
    """Whoever reads a failure learns the clause, the promise and what came instead."""
    text = str(run_clause(WRONG.subject, STRICT))
    assert STRICT.ref in text
    assert STRICT.promise in text
    assert "expected" in text


def test_undeclared_capabilities_are_reported() -> None:
    """A backend that keeps data and does not say so is told."""
    hidden = _with(RIGHT, plugin=_Modest(RIGHT.plugin))
    chosen = [clause for clause in all_clauses() if clause.needs is Capability.PERSISTENT]
    report = run_conformance(hidden, [clause for clause in chosen if not clause.ability])
    assert report.undeclared == ("persistent",)
    assert any("is not declared" in remark for remark in report.remarks)


def test_unproved_capabilities_are_reported() -> None:
    """A capability that no clause could check is named."""
    report = run_conformance(RIGHT, [STRICT])
    assert report.unproved == ("persistent",)


@pytest.fixture(scope="module")
def memory_report() -> Report:
    """The whole kit on the built-in backend, without pytest."""
    return conformance("memory")


def test_the_verdict_names_what_was_not_proved(memory_report: Report) -> None:
    """A backend that declares more than was shown does not plainly conform."""
    report = msgspec.structs.replace(memory_report, declared=("needs-network",))
    assert report.passed
    assert report.verdict.startswith("memory conforms, but declares and did not prove: needs-netw")
    assert report.to_dict()["verdict"] == report.verdict


def test_a_power_cut_that_does_nothing_proves_nothing() -> None:
    """The clause ends with the reason, not with "passed", and the capability stays unproved."""
    subject = _with(RIGHT_FILE, power_cut=lambda _: None)
    clause = CLAUSES["general-G3.what_returned_survives_a_power_cut"]
    report = run_conformance(subject, [clause])
    assert report.outcomes[0].status is Status.SKIPPED
    assert "power_cut(place) changed no file" in report.outcomes[0].detail
    assert "survives-power-loss" in report.unproved


def test_a_backend_of_one_role_is_judged_by_that_role() -> None:
    """What a backend does not supply is not applicable, what it supplies is checked."""
    subject = Subject(backend="single", plugin=_OneRole())
    chosen = [CLAUSES["metadata-ME3.an_empty_text_is_a_value"], STRICT]
    chosen.append(CLAUSES["baobs-BA3.a_version_that_does_not_grow_is_refused"])
    found = {outcome.ref: outcome.status for outcome in run_conformance(subject, chosen).outcomes}
    statuses = [found[clause.ref] for clause in chosen]
    assert statuses == [Status.PASSED, Status.NOT_APPLICABLE, Status.NOT_APPLICABLE]


@pytest.mark.parametrize("role", ["events", "sensors", "baobs"])
def test_a_persistent_backend_of_one_role_conforms(role: str) -> None:
    """The other eight roles are in memory, and nothing is asked of them."""
    subject = Subject(
        backend="single", plugin=_one_persistent_role(role), options={"place": "{place}"}
    )
    report = run_conformance(subject)
    assert report.passed, report.objections
    assert report.proved == ("persistent",)


def test_the_report_is_json() -> None:
    """The report can be kept and read by programs."""
    found = json.loads(run_conformance(MEMORY, [STRICT]).to_json())
    assert found["backend"] == "memory"
    assert found["executed"] == 1
    assert found["outcomes"][0]["ref"] == STRICT.ref


def test_memory_conforms(memory_report: Report) -> None:
    """The built-in backend passes the whole kit without pytest, and says why it skips."""
    report = memory_report
    assert report.passed, report.objections
    assert all(outcome.detail for outcome in report.of(Status.SKIPPED))


def test_every_rule_of_the_contract_is_proved_or_explained() -> None:
    """Each id has a clause, or the catalogue says where else it is proved; never both."""
    proved = {id_ for clause in all_clauses() for id_ in clause.ids}
    assert proved | set(ELSEWHERE) == {*CONTRACT, *PRIMITIVE_RULES}
    assert not proved & set(ELSEWHERE)


def test_the_catalogue_is_the_page() -> None:
    """docs/reference/clauses.md is what the code says."""
    assert (ROOT / "docs/reference/clauses.md").read_text() == page()


def test_common_mistakes_are_caught() -> None:
    """Each clause that the page names exists, and a mutant shows that it catches something."""
    text = (ROOT / "docs/guide/common-mistakes.md").read_text(encoding="utf-8")
    named = re.findall(r"^\|[^|]+\| `([^`]+)` \|$", text, re.MULTILINE)
    assert len(named) == text.count("\n| ") - text.count("| mistake |")
    assert set(named) <= {mutant.caught_by for mutant in ALL} & set(CLAUSES)


def test_every_subject_has_core_clauses() -> None:
    """All nine roles and the four primitives are covered, and nothing else is a subject."""
    core = {clause.subject for clause in all_clauses() if clause.level is Level.CORE}
    assert core == {*ROLES, *PRIMITIVES, "general"}


def test_every_check_has_a_mutant() -> None:
    """Every check catches a mutant made for it; what catches none proves nothing."""
    caught = {check_name(CLAUSES[mutant.caught_by]) for mutant in ALL}
    assert {check_name(clause) for clause in all_clauses()} == caught


def check_name(clause: Clause) -> str:
    """Give the name of the function behind a clause; several queues may share one."""
    return getattr(clause.check, "__wrapped__", clause.check).__name__


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: clauses_of("table")("G1")(lambda _: None), "docstring"),
        (lambda: clauses_of("table")("X9")(test_the_report_is_json), "contract"),
        (
            lambda: clauses_of("table")("G1", needs=Capability.PERSISTENT)(test_memory_conforms),
            "core",
        ),
    ],
)
def test_malformed_clauses_are_refused(build, message: str) -> None:
    """A clause without a promise, of an unknown id, or core with a condition cannot be made."""
    with pytest.raises(ValueError, match=message):
        build()


def test_importing_the_kit_is_cheap() -> None:
    """Neither pytest nor hypothesis nor a clause is imported before it is needed."""
    code = (
        "import sys, smok_testing as t; t.Subject, t.Report; "
        "print(sorted({'pytest', 'hypothesis', 'smok_testing.clauses'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True,
                          cwd=ROOT)  # fmt: skip
    assert done.stdout.strip() == "[]"


def _with(subject: Subject, **fields) -> Subject:
    return Subject(**{name: getattr(subject, name) for name in subject.__struct_fields__} | fields)


class _Modest:
    """A plugin that declares nothing."""

    def __init__(self, plugin) -> None:
        self._plugin = plugin

    @hookimpl
    def smok_backend(self) -> BackendInfo:
        info = self._plugin.smok_backend()
        return BackendInfo(summary=info.summary, options=info.options)

    @hookimpl
    def smok_open_engine(self, context) -> MemoryEngine:
        return self._plugin.smok_open_engine(context)


def _one_persistent_role(role: str):
    def open_role(self, context):
        engine = ShelfEngine(context)
        kind = type("Native", (ON_ENGINE[role],), {"close": lambda self: self.engine.close()})
        return kind(context, engine)

    hooks = {
        "smok_backend": FilePlugin.smok_backend,
        f"smok_open_{role}": hookimpl(open_role),
        "_capabilities": {Capability.PERSISTENT},
    }
    return type("Single", (), hooks)()


class _OneRole:
    """A plugin that keeps metadata alone, without an engine."""

    @hookimpl
    def smok_backend(self) -> BackendInfo:
        return BackendInfo(summary="metadata only")

    @hookimpl
    def smok_open_metadata(self, context) -> MetadataDatabase:
        return MetadataDatabase(context, MemoryEngine("single"))

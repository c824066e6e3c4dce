"""Macros: what was executed here never comes back."""

import math
from typing import Any

from smok_core.errors import SmokError
from smok_core.hookspecs import Capability
from smok_core.model import Macro
from smok_core.roles import BaseMacroDatabase
from smok_testing.checks import raises, same
from smok_testing.clause import Level, clauses_of
from smok_testing.harness import Harness
from smok_testing.samples import described

clause = clauses_of("macros")
PERSISTENT: dict[str, Any] = {"level": Level.DURABLE, "needs": Capability.PERSISTENT}


def macro(name: str, *times: float, **commands: Any) -> Macro:
    """Return a macro with these occurrences."""
    return Macro(macro_id=name, commands=commands, occurrences_not_done=list(times))


def due(macros: BaseMacroDatabase) -> dict[str, list[float]]:
    """Return what is still to be executed."""
    return {one.macro_id: one.occurrences_not_done for one in macros.get_macros()}


def done(macros: BaseMacroDatabase) -> list[tuple[str, float]]:
    """Return what the cloud has not been told of."""
    return list(macros.get_done_macros())


@clause("MA1")
def macros_are_kept_as_they_were_given(harness: Harness) -> None:
    """Commands keep their types, occurrences come ascending, a new list replaces the old."""
    macros = harness.roles.macros
    same(macros.get_macros(), [], "macros at first")
    first = macro("a", 3, 1, 2.5, W1=1, W2=1.0, W3=True, W4="x")
    macros.set_macros([first, macro("b", 5)])
    found = {one.macro_id: one for one in macros.get_macros()}
    same(found["a"].occurrences_not_done, [1, 2.5, 3], "occurrences")
    same(described(found["a"].commands), described(first.commands), "commands")
    macros.set_macros([macro("c", 1)])
    same(due(macros), {"c": [1]}, "macros after a new list")
    macros.set_macros([])
    same(due(macros), {}, "macros after an empty list")


@clause("MA1", "G2")
def macros_are_copied(harness: Harness) -> None:
    """Changing a macro that was given or got changes nothing stored."""
    macros = harness.roles.macros
    given = macro("a", 1, 2, W=1)
    macros.set_macros([given])
    given.occurrences_not_done.clear()
    given.commands["X"] = 1
    macros.get_macros()[0].occurrences_not_done.clear()
    same(macros.get_macros(), [macro("a", 1, 2, W=1)], "macros")


@clause("MA2")
def an_executed_occurrence_is_taken_out_and_pending(harness: Harness) -> None:
    """It leaves its macro and waits to be reported; a macro with nothing left is not listed."""
    macros = harness.roles.macros
    macros.set_macros([macro("a", 1, 2), macro("b", 1)])
    macros.notify_macro_executed("a", 1)
    macros.notify_macro_executed("b", 1)
    same(due(macros), {"a": [2]}, "what is left")
    same(done(macros), [("a", 1), ("b", 1)], "what is to be reported")


@clause("MA2")
def an_occurrence_is_pending_once(harness: Harness) -> None:
    """The same macro and time twice, also as 5 and 5.0, is one report."""
    macros = harness.roles.macros
    macros.set_macros([macro("a", 5, 6)])
    for ts in (5, 5, 5.0, 6.5):
        macros.notify_macro_executed("a", ts)
    same(sorted(done(macros)), [("a", 5), ("a", 6.5)], "what is to be reported")
    same(due(macros), {"a": [6]}, "what is left")


@clause("MA1")
def what_ran_here_does_not_come_back(harness: Harness) -> None:
    """A list from the cloud that does not know of an execution yet does not bring it back."""
    macros = harness.roles.macros
    offer = [macro("a", 1, 2), macro("b", 1)]
    macros.set_macros(offer)
    macros.notify_macro_executed("a", 1)
    macros.notify_macro_executed("b", 1)
    macros.set_macros(offer)
    same((due(macros), len(done(macros))), ({"a": [2]}, 2), "left and to be reported")


@clause("MA1")
def a_late_list_does_not_bring_back_what_was_reported(harness: Harness) -> None:
    """A list that the cloud made before it was told must not make a macro run twice."""
    macros = harness.roles.macros
    macros.set_macros([macro("a", 1, 2)])
    macros.notify_macro_executed("a", 1)
    batch = macros.get_macros_to_sync()
    assert batch
    batch.acknowledge()
    macros.set_macros([macro("a", 1, 2)])
    same((due(macros), done(macros)), ({"a": [2]}, []), "left and to be reported")


@clause("MA2")
def reports_are_acknowledged_one_by_one(harness: Harness) -> None:
    """`notify_macro_synced` acknowledges just this report; unknown ones are ignored."""
    macros = harness.roles.macros
    for name, ts in (("a", 1), ("a", 2), ("b", 1), ("a:1", 1)):
        macros.notify_macro_executed(name, ts)
    for name, told in (("a", 1.0), ("a", 1), ("x", 1), ("b", 2)):
        macros.notify_macro_synced(name, told)
    same(done(macros), [("a", 2), ("b", 1), ("a:1", 1)], "what is to be reported")


@clause("MA2")
def executing_an_unknown_macro_is_reported(harness: Harness) -> None:
    """The cloud may have taken a macro back while it ran: the report is kept all the same."""
    macros = harness.roles.macros
    macros.notify_macro_executed("x", 1.5)
    same((done(macros), due(macros)), ([("x", 1.5)], {}), "to be reported, and left")
    batch = macros.get_macros_to_sync()
    assert batch
    same(batch.to_json(), [{"macro_id": "x", "timestamp": 1.5}], "to_json")


@clause("MA1", "G4", "G6")
def other_things_are_no_macros(harness: Harness) -> None:
    """One wrong macro among good ones, and the old list stays."""
    macros = harness.roles.macros
    macros.set_macros([macro("old", 1)])
    wrong: tuple[Any, ...] = (
        None, "a", macro(""), macro("a\0"), macro("a", math.nan), macro("a", "1"),  # type: ignore[arg-type]
        macro("a", W=None), macro("a", W=math.inf), Macro(macro_id="a", commands={"": 1}), macro(7),  # type: ignore[arg-type]
    )  # fmt: skip
    for thing in wrong:
        with raises(SmokError, what=f"set_macros with {thing!r}"):
            macros.set_macros([macro("new", 1), thing])
    same(due(macros), {"old": [1]}, "macros")


@clause("MA2", "G6", "G7")
def other_times_are_refused(harness: Harness) -> None:
    """What is no time is refused with an error of ours, and nothing is pending."""
    macros = harness.roles.macros
    for wrong in (None, "1", True, math.nan, math.inf, 10**400):
        for call in (macros.notify_macro_executed, macros.notify_macro_synced):
            with raises(SmokError, what=f"{call.__name__} at {wrong!r:.40}"):
                call("a", wrong)  # type: ignore[arg-type]
    same(done(macros), [], "what is to be reported")


@clause("MA1", "MA2", **PERSISTENT)
def executions_survive_a_restart(harness: Harness) -> None:
    """After a restart nothing runs twice and everything is still reported."""
    macros = harness.roles.macros
    macros.set_macros([macro("a", 1, 2, W=True)])
    macros.notify_macro_executed("a", 1)
    macros = harness.reopen_roles().macros
    same((due(macros), done(macros)), ({"a": [2]}, [("a", 1)]), "left and to be reported")
    macros.set_macros([macro("a", 1, 2)])
    same(due(macros), {"a": [2]}, "what is left after the cloud's next list")
    macros.notify_macro_synced("a", 1)
    macros = harness.reopen_roles().macros
    macros.set_macros([macro("a", 1, 2)])
    same((due(macros), done(macros)), ({"a": [2]}, []), "left and to be reported at the end")

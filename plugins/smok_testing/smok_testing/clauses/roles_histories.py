"""Roles: random histories of calls, answers, restarts and clocks, compared with plain dicts."""

from functools import partial

from smok_testing.clause import clauses_of
from smok_testing.clauses.outbox import of_each_queue
from smok_testing.harness import Harness
from smok_testing.queues import Queue


@of_each_queue("Q1", "Q2", "Q3", "Q4", "G8")
def any_history_of_a_queue_is_that_of_a_list(harness: Harness, queue: Queue) -> None:
    """Batches, answers, second answers, changes, clocks and restarts in any order lose nothing."""
    from smok_testing.machines import queues, running  # noqa: PLC0415 - need hypothesis

    machine = partial(queues.QueueMachine, queue=queue)
    running.run_machine(harness, machine, examples=12, steps=50)


@clauses_of("pathpoints")("PP2", "PP3", "PP4", "Q2")
def any_history_of_values_is_that_of_a_dict(harness: Harness) -> None:
    """Late, repeated and corrected values in any order, with uploads and restarts in between."""
    from smok_testing.machines import pathpoints, running  # noqa: PLC0415

    running.run_machine(harness, pathpoints.PathpointsMachine, examples=15, steps=40)


@clauses_of("events")("EV1", "EV2", "EV4", "Q4")
def any_history_of_events_is_that_of_a_dict(harness: Harness) -> None:
    """Adding, closing, uploading in part and clearing in any order, restarts in between."""
    from smok_testing.machines import events, running  # noqa: PLC0415

    running.run_machine(harness, events.EventsMachine, examples=15, steps=40)


@clauses_of("metadata")("ME1", "ME2", "ME3", "ME4", "G8")
def any_history_of_metadata_is_that_of_a_dict(harness: Harness) -> None:
    """Local writes, the cloud's writes, deletions and uploads in any order, at any clock."""
    from smok_testing.machines import metadata, running  # noqa: PLC0415

    running.run_machine(harness, metadata.MetadataMachine, examples=15, steps=40)


@clauses_of("macros")("MA1", "MA2")
def any_history_of_macros_is_that_of_sets(harness: Harness) -> None:
    """Lists, executions, reports and restarts in any order: nothing runs or is told twice."""
    from smok_testing.machines import macros, running  # noqa: PLC0415

    running.run_machine(harness, macros.MacrosMachine, examples=15, steps=40)

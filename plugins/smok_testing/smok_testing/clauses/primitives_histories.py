"""Primitives: random histories of calls, compared with plain dicts after every step."""

from smok_testing.clause import clauses_of
from smok_testing.harness import Harness

in_table, in_series, in_blobs = map(clauses_of, ("table", "series", "blobs"))


@in_table("TA1", "TA2", "TA8", "Q2", "Q4")
def any_history_of_a_table_is_that_of_a_dict(harness: Harness) -> None:
    """Written, acknowledged and reopened in whatever order, a table acts like a dict."""
    from smok_testing.machines import running, table  # noqa: PLC0415 - need hypothesis

    running.run_machine(harness, table.TableMachine, examples=30, steps=40)


@in_series("SR1", "SR2", "SR4", "SR6", "SR9", "PP4", "Q2", "Q5")
def any_history_of_a_series_is_that_of_a_dict(harness: Harness) -> None:
    """Whatever is appended, acknowledged, trimmed and reopened, a series acts like its dicts."""
    from smok_testing.machines import running, series  # noqa: PLC0415 - need hypothesis

    running.run_machine(harness, series.SeriesMachine, examples=30, steps=40)


@in_blobs("BL1", "BL2", "BA2", "BA3")
def any_history_of_blobs_is_that_of_a_dict(harness: Harness) -> None:
    """Whatever is put, deleted and reopened in whatever order, blobs act like a dict."""
    from smok_testing.machines import blobs, running  # noqa: PLC0415 - need hypothesis

    running.run_machine(harness, blobs.BlobsMachine, examples=15, steps=30)

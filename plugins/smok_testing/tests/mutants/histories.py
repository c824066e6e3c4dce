"""One wrong engine under random histories, and roles that swallow what they should refuse."""

from contextlib import suppress
from typing import Any

from plugins.smok_testing.tests.mutants.base import ShelfEngine, add, role
from smok_core.engine.memory import MemoryBlobs, MemorySeries, MemoryTable
from smok_core.roles import ON_ENGINE


class _Table(MemoryTable):
    def acknowledge(self, acks):
        known = [ack._replace(seq=row.seq) for ack in acks if (row := self.get(ack.key))]
        return super().acknowledge(known)


class _Series(MemorySeries):
    def acknowledge(self, seqs):
        last = max(seqs, default=0)
        return super().acknowledge(
            [point.seq for point in self.pending(10**9) if point.seq <= last]
        )


class _Blobs(MemoryBlobs):
    def put(self, key, data, version):
        self._blobs.pop(key, None)
        return super().put(key, data, version)


class AcknowledgesTooMuch(ShelfEngine):
    """Acknowledges whatever a row is by now, points up to a seq; a blob takes any version."""

    table_kind, series_kind, blobs_kind = _Table, _Series, _Blobs


for _number, _caught_by in enumerate(
    (
        "table-TA1.any_history_of_a_table_is_that_of_a_dict",
        "series-SR1.any_history_of_a_series_is_that_of_a_dict",
        "blobs-BL1.any_history_of_blobs_is_that_of_a_dict",
        "events-EV1.any_history_of_events_is_that_of_a_dict",
        "metadata-Q1.any_history_of_a_queue_is_that_of_a_list_changes",
        "metadata-ME1.any_history_of_metadata_is_that_of_a_dict",
        "events-EV2.an_event_closed_during_its_upload_goes_again",
        "metadata-ME4.a_deletion_during_the_upload_goes_again",
    )
):
    add(
        f"AcknowledgesTooMuch{_number}", AcknowledgesTooMuch.__doc__ or "", _caught_by,
        AcknowledgesTooMuch,
    )  # fmt: skip

#: Clauses about what is refused: the role, and the method that takes it and does nothing.
SWALLOWED = {
    "EV1.other_things_are_no_events": ("events", "add_event"),
    "EV3.caches_refuse_other_things": ("events", "set_cache"),
    "PR1.other_things_are_no_predicates": ("predicates", "set_new_predicates"),
    "SW1.other_things_are_no_records": ("sensor_writes", "add_sw"),
    "SE1.other_things_are_no_sensors": ("sensors", "on_sensors_sync"),
    "ME1.other_values_and_times_are_refused": ("metadata", "put_plain"),
}


def _swallows(name: str, method: str) -> Any:
    base = ON_ENGINE[name]

    def call(self: Any, *given: Any, **named: Any) -> Any:
        with suppress(TypeError, ValueError):
            return getattr(base, method)(self, *given, **named)

    kind = type(f"Swallows_{name}_{method}", (base,), {method: call})
    kind.__doc__ = f"{method} takes anything, and drops what it cannot store."
    return kind


for _ref, (_role, _method) in SWALLOWED.items():
    role(_role, _ref)(_swallows(_role, _method))

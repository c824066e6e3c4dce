"""Hold what the recorder was promised against what the cloud has: nothing may be missing."""

import json
from collections import Counter
from pathlib import Path
from typing import Any, Final, NamedTuple

from smok_testing.cloud.state import State

#: Kind of journal line -> what it is called, and the synchronizer's job for it.
KINDS: Final = {
    "point": ("pathpoint values", "pathpoints"),
    "event": ("events", "events"),
    "closed": ("ends of events", "events"),
    "write": ("sensor writes", "sensor_writes"),
}


class Tally(NamedTuple):
    """One kind of record: how many were promised, arrived, are missing, arrived twice."""

    kind: str
    promised: int
    arrived: int
    lost: int
    unnoted: int  #: stored in the instant of the kill, after the last line of the journal
    repeated: int


def promised(journal: Path) -> dict[str, Counter[str]]:
    """Read the journal: kind -> records, each as one text."""
    found: dict[str, Counter[str]] = {kind: Counter() for kind in KINDS}
    for line in journal.read_text(encoding="utf-8").splitlines():
        kind, *rest = json.loads(line)
        found[kind][json.dumps(rest)] += 1
    return found


def received(cloud: State) -> dict[str, Counter[str]]:
    """Return what arrived at the cloud in the same form; one that arrived twice counts twice."""
    events = cloud.event_arrivals
    ended = [event["message"] for event in events if event.get("ended_on")]
    return {
        "point": Counter(json.dumps([p["path"], p["timestamp"], _value(p)]) for p in cloud.points),
        "event": Counter(json.dumps([message]) for message in {e["message"] for e in events}),
        "closed": Counter(json.dumps([message]) for message in ended),
        "write": Counter(
            json.dumps([w["timestamp"], w["who"], w["value"]]) for w in cloud.sensor_writes
        ),
    }


def _value(point: dict[str, Any]) -> Any:
    return {"error_code": point["error_code"]} if "error_code" in point else point["value"]


def compare(journal: dict[str, Counter[str]], cloud: dict[str, Counter[str]]) -> list[Tally]:
    """Count, per kind, what is missing and what there is too much."""
    return [
        Tally(
            kind=kind,
            promised=len(journal[kind]),
            arrived=len(cloud[kind]),
            lost=len(journal[kind].keys() - cloud[kind].keys()),
            unnoted=len(cloud[kind].keys() - journal[kind].keys()),
            repeated=cloud[kind].total() - len(cloud[kind]),
        )
        for kind in KINDS
    ]


def in_order(cloud: State) -> bool:
    """Tell whether every pathpoint's values arrived in the order of time."""
    return all(
        values == sorted(values, key=lambda pair: pair[0]) for values in cloud.values.values()
    )

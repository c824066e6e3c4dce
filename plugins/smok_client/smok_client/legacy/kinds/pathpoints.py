"""Pathpoints: the queue and the last values, as releases before 0.21.0 could still write them."""

import math
from typing import Any, Final, NamedTuple

from smok_client.legacy.fields import attributes, blame, expect, member, number
from smok_client.legacy.kinds.base import Kind
from smok_client.legacy.names import FAILED, NOT_READ, REASON
from smok_client.legacy.nodes import Map, Node, Obj, shown
from smok_client.legacy.plain import REASONS, PlainReader
from smok_client.legacy.refusal import EntryRefused, Fault, LegacyRefused
from smok_core.engine.codec import MsgpackCodec
from smok_core.model import OperationFailedError, OperationFailedReason, ValueOrExcept
from smok_core.roles.base import OnEngine
from smok_core.roles.checks import check_key
from smok_core.roles.pathpoints import BasePathpointDatabase
from smok_core.roles.values import Values

_PAGE: Final = 1000


class _Entry(NamedTuple):
    path: Node
    content: Node  #: {"timestamp": ms, "value" or "error_code": ...} or (timestamp, value)


class _Point(NamedTuple):
    path: str
    timestamp: int | float
    value: ValueOrExcept | None  #: None: never read
    waits: bool  #: a last value that is not in the queue has been uploaded

    @property
    def place(self) -> tuple[str, int]:
        """Name and microseconds: what makes it one point."""
        return self.path, round(self.timestamp * 1000)


class PathpointFile(Kind[_Point]):
    """``({path: [point that waits, ...]}, {path: (timestamp, last value)})``."""

    role = "pathpoints"
    title = "pathpoints"
    hints = ("path", "pp")
    database: BasePathpointDatabase

    def __init__(self, database: Any, plain: PlainReader) -> None:
        super().__init__(database, plain)
        # What the role itself checks with, so that a dry run refuses what an import refuses.
        self._values = Values(self.role, "legacy file", MsgpackCodec())
        self._page: dict[tuple[str, int], _Point] = {}
        #: What comes from this file, by its place.
        self._seen: dict[tuple[str, int], _Point] = {}
        self._uploaded = set[tuple[str, int]]()

    @classmethod
    def fits(cls, root: Node) -> bool:
        return type(root) is tuple and len(root) == 2 and all(type(part) is Map for part in root)

    def entries(self, root: Node) -> list[_Entry]:
        if not self.fits(root):
            raise LegacyRefused(Fault.WRONG_SHAPE, "a dict of queues and one of values expected")
        queues, last = root
        found: list[_Entry] = []
        for path, points in queues.pairs():
            found += [_Entry(path, p) for p in (points if type(points) is list else [points])]
        # The queue first: a last value that is in it still waits.
        return found + [_Entry(path, pair) for path, pair in last.pairs()]

    def label(self, entry: _Entry) -> str:
        return f"value of {shown(entry.path)}"

    def convert(self, entry: _Entry) -> _Point:
        point = self._point(entry)
        self._values.microseconds(point.path, point.timestamp)
        if point.value is not None:
            self._values.dump(point.path, point.value)
        return point

    def _point(self, entry: _Entry) -> _Point:
        path = check_key(self.role, entry.path)
        if type(entry.content) is tuple and len(entry.content) == 2:
            timestamp, value = entry.content
            stamp = number(timestamp, "timestamp")
            return _Point(path, stamp, _value(value, stamp), waits=False)
        pairs = list(expect(entry.content, Map, "a point").pairs())
        fields = {expect(name, str, "a name"): value for name, value in pairs}
        if set(fields) not in ({"timestamp", "value"}, {"timestamp", "error_code"}):
            raise EntryRefused("it is not a timestamp with a value or error_code")
        stamp = number(fields["timestamp"], "timestamp")
        if "value" in fields:
            return _Point(path, stamp, _value(fields["value"], stamp), waits=True)
        reason = REASONS[0].get(expect(fields["error_code"], str, "error_code"))
        if reason is None:
            raise EntryRefused("its error_code is unknown")
        return _Point(path, stamp, OperationFailedError(reason, stamp), waits=True)

    def has(self, value: _Point) -> bool:
        if value.value is None:
            return True
        before = self._seen.get(value.place)
        if before is None:
            stored = self.database.get_archive_data(value.path, value.timestamp, value.timestamp)
            known = any(True for _ in stored)
        else:
            # Of two values at one time the later is the current one, as it was for the client.
            known = repr(before.value) == repr(value.value)
        if not known:
            waits = value.waits or (before is not None and before.waits)
            self._seen[value.place] = value._replace(waits=waits)
        return known

    def put(self, value: _Point) -> None:
        self._page[value.place] = value
        if not self._seen[value.place].waits:
            self._uploaded.add(value.place)
        if len(self._page) >= _PAGE:
            self._flush()

    def finish(self) -> None:
        self._flush()
        self.database.flush()
        self._acknowledge()

    def _flush(self) -> None:
        page, self._page = self._page, {}
        values = [(p.path, p.timestamp, p.value) for p in page.values() if p.value is not None]
        self.database.on_new_data_many(values)

    def _acknowledge(self) -> None:
        """End the wait of what has been uploaded; a crash before it costs one more upload."""
        if not isinstance(self.database, OnEngine) or not self._uploaded:
            return
        series = self.database.engine.series(self.role, self.database.context.settings.limits)
        after = 0
        while points := series.pending(_PAGE, after):
            after = points[-1].seq
            series.acknowledge([p.seq for p in points if (p.name, p.ts) in self._uploaded])


def _value(node: Node, stamp: float) -> ValueOrExcept | None:
    if type(node) is float and not math.isfinite(node):
        # As in the bridge: no server takes it.
        return OperationFailedError(OperationFailedReason.INVALID, stamp)
    if type(node) in (int, float, str, bool):
        return node  # type: ignore[no-any-return]
    name = node.name.text if isinstance(node, Obj) else None
    if name == NOT_READ:
        return None
    if name != FAILED:
        raise blame("its value is no int, float, str, bool or failure", node)
    found = attributes(node, FAILED, ("reason", "timestamp"))
    reason = member(found["reason"], REASON, *REASONS)
    return OperationFailedError(reason, number(found["timestamp"], "timestamp"))

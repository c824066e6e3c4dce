"""Events and the caches of predicates: two files, both of the role ``events``."""

from typing import Any, Final, NamedTuple

from smok_client.legacy.fields import as_map, attributes, blame, expect, member, shape, text, whole
from smok_client.legacy.kinds.base import Kind, LateAck, table_of
from smok_client.legacy.names import COLOR, EVENT
from smok_client.legacy.nodes import Bag, Map, Node, Obj, shown
from smok_client.legacy.plain import ATTRIBUTES, PlainReader
from smok_client.legacy.refusal import EntryRefused, Fault, LegacyRefused
from smok_core.engine.codec import check_plain
from smok_core.model import Color, Event
from smok_core.roles.checks import check_fields, check_key
from smok_core.roles.events import BaseEventDatabase

_NESTED: Final = frozenset({list, tuple, Bag, Map})
_COLORS: Final = dict(enumerate(Color)), dict(Color.__members__)


class _Converted(NamedTuple):
    event: Event
    waits: bool


def _two_lists(root: Node) -> bool:
    return type(root) is tuple and len(root) == 2 and all(type(part) is list for part in root)


class EventFile(Kind[_Converted]):
    """``([event, ...], [event to upload, ...])``, as the event database's data file holds it."""

    role = "events"
    title = "events"
    hints = ("event", "evt", "alarm")
    database: BaseEventDatabase

    def __init__(self, database: Any, plain: PlainReader) -> None:
        super().__init__(database, plain)
        self._table = table_of(database, "events")
        self._late_acks = LateAck(self._table)
        self._pending: set[int] = set()
        self._stored = {event.provisional_uuid for event in database.get_all_events()}

    @classmethod
    def fits(cls, root: Node) -> bool:
        return _two_lists(root) and all(
            type(item) is Obj and item.name.text == EVENT for part in root for item in part
        )

    def entries(self, root: Node) -> list[Node]:
        if not _two_lists(root):
            raise LegacyRefused(Fault.WRONG_SHAPE, "two lists of events expected")
        kept, pending = root
        # The client queues an open event when it is opened and again when it is closed.
        loose = {id(node): node for node in pending}
        self._pending = set(loose)
        for node in kept:
            loose.pop(id(node), None)
        return [*kept, *loose.values()]

    def label(self, entry: Node) -> str:
        """Name it by what its owner knows it by; the place in the file helps nobody."""
        if type(entry) is not Obj or entry.keys is None:
            return "event"
        found = dict(zip(entry.keys, entry.values, strict=True))
        uuid = found.get("provisional_uuid") or found.get("uuid")
        return f"event {shown(uuid)}, {shown(found.get('message'))}"

    def convert(self, entry: Node) -> _Converted:
        found = attributes(entry, EVENT, ATTRIBUTES[EVENT])
        checked = check_fields(self.role, "an event", self._event(found, entry), Event)
        check_key(self.role, checked.provisional_uuid)
        return _Converted(checked, id(entry) in self._pending)

    def _event(self, found: dict[str, Node], node: Node) -> Event:
        uuid, ended_on, handled_by = (found[k] for k in ("uuid", "ended_on", "handled_by"))
        born = found["provisional_uuid"] or uuid
        if not born:
            raise blame("it has no uuid at all", node)
        return Event(
            uuid=None if uuid is None else check_key(self.role, uuid),
            # One that the client read from the cloud has only the cloud's uuid.
            provisional_uuid=expect(born, str, "provisional_uuid"),
            started_on=whole(found["started_on"], "started_on"),
            ended_on=None if ended_on is None else whole(ended_on, "ended_on"),
            color=member(found["color"], COLOR, *_COLORS),
            is_point=expect(found["is_point"], bool, "is_point"),
            token=text(found["token"], "token"),
            group=text(found["group"], "group"),
            message=text(found["message"], "message"),
            handled_by=None if handled_by is None else text(handled_by, "handled_by"),
            metadata=self._metadata(found["metadata"]),
        )

    def _metadata(self, node: Node) -> dict[str, str]:
        """Return the texts; what is none becomes one, as in the bridge."""
        if node is None:
            return {}
        pairs = as_map(node, "metadata").pairs()
        return {text(key, "a key of metadata"): self._text(value) for key, value in pairs}

    def _text(self, node: Node) -> str:
        return str(self.plain.read(node)) if type(node) in _NESTED else text(node, "a value")

    def has(self, value: _Converted) -> bool:
        return value.event.provisional_uuid in self._stored

    def put(self, value: _Converted) -> None:
        self.database.add_event(value.event)
        self._stored.add(value.event.provisional_uuid)
        if not value.waits:
            self._late_acks.add(value.event.provisional_uuid)

    def finish(self) -> None:
        self._late_acks.flush()


class _State(NamedTuple):
    predicate_id: str
    state: Any


class CacheFile(Kind[_State]):
    """``{predicate_id: state}``, as the event database's cache file holds it."""

    role = "events"
    title = "caches of predicates"
    hints = ("cache", "state", "internal")
    database: BaseEventDatabase

    @classmethod
    def fits(cls, root: Node) -> bool:
        return type(root) is Map and all(type(key) is str for key, _ in root.pairs())

    def entries(self, root: Node) -> list[tuple[Node, Node]]:
        return list(shape(root, Map, "a dict of states by predicate").pairs())

    def label(self, entry: tuple[Node, Node]) -> str:
        return f"cache of predicate {shown(entry[0])}"

    def convert(self, entry: tuple[Node, Node]) -> _State:
        key = check_key(self.role, entry[0])
        state = self.plain.read(entry[1])
        try:
            check_plain(state, self.role, f"the cache of {key}")
        except RecursionError:
            raise EntryRefused("it nests too deeply") from None
        return _State(key, state)

    def has(self, value: _State) -> bool:
        # What a predicate has stored since is newer than the file.
        try:
            self.database.get_cache(value.predicate_id)
        except KeyError:
            return False
        return True

    def put(self, value: _State) -> None:
        self.database.set_cache(value.predicate_id, value.state)

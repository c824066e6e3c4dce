"""Pickles of plain data: every value comes back, and no pickle does anything."""

import contextlib
import pickle
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, strategies as st
from smok_pickle.codec import PickleCodec

from smok_core.errors import CorruptData

CODEC = PickleCodec()
WARSAW = ZoneInfo("Europe/Warsaw")
ZONES = st.none() | st.sampled_from([UTC, timezone(timedelta(hours=5, minutes=30)), WARSAW])
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
    | st.binary()
    | st.datetimes(timezones=ZONES)
)
KEYS = st.recursive(SCALARS, lambda inner: st.tuples(inner, inner), max_leaves=3)
PLAIN = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.tuples(inner, inner)
        | st.sets(KEYS, max_size=3)
        | st.dictionaries(KEYS, inner, max_size=3)
    ),
    max_leaves=20,
)


def same(one: Any, other: Any) -> bool:
    """Compare values and their types; True is not 1 here."""
    if type(one) is not type(other):
        return False
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, dict):
        return one == other and all(map(same, one.items(), other.items()))
    if isinstance(one, datetime):
        return (one.isoformat(), one.fold, str(one.tzinfo)) == (
            other.isoformat(), other.fold, str(other.tzinfo),
        )  # fmt: skip
    return bool(one == other)


@given(PLAIN)
def test_plain_data_comes_back(value: Any) -> None:
    """Exactly the same value, with exactly the same types."""
    assert same(CODEC.loads(CODEC.dumps(value)), value)


@given(st.lists(SCALARS))
def test_many_are_like_one_by_one(values: list[Any]) -> None:
    """`dumps_many` gives what `dumps` gives."""
    assert CODEC.dumps_many(values) == list(map(CODEC.dumps, values))


@pytest.mark.parametrize("value", [("d", ("x", 0, None)), ("t", ()), ["d", ("t",)], ("d",)])
def test_tuples_that_look_like_tags(value: Any) -> None:
    """A value cannot pretend to be a tagged one."""
    assert CODEC.loads(CODEC.dumps(value)) == value
    moment = datetime(2026, 1, 1)  # noqa: DTZ001 - a datetime without zone is plain data
    assert CODEC.loads(CODEC.dumps([value, moment])) == [value, moment]


class Evil:
    """Its pickle runs a command."""

    def __reduce__(self) -> Any:
        import os

        return os.system, ("exit 1",)


HOSTILE = {
    "reduce 4": pickle.dumps(Evil(), 4),
    "reduce 0": pickle.dumps(Evil(), 0),
    "tagged": b"T" + pickle.dumps(Evil(), 4),
    "a datetime's class": pickle.dumps(datetime(2026, 1, 1), 4),  # noqa: DTZ001
    "posix.system": b"cposix\nsystem\n(S'true'\ntR.",
    "builtins": b"\x80\x04\x8c\x08builtins\x8c\x04eval\x93.",
    "instance": b"(iposix\nsystem\n.",
    "persistent id": b"\x80\x04\x8c\x01aQ.",
    "extension": b"\x82\x01.",
    "build": b"\x80\x04}}b.",
    "large memo": b"\x80\x04Nr\xff\xff\xff\xff.",
    "huge text": b"\x80\x04\x8d\xff\xff\xff\xff\xff\xff\xff\x7f.",
    "huge bytes": b"\x80\x04\x8e\xff\xff\xff\xff\xff\x00\x00\x00.",
    "huge int": b"\x80\x04\x8b\xff\xff\xff\x7f.",
    "empty": b"",
    "one byte": b"\x80",
    "zeros": bytes(100),
    "torn": pickle.dumps([1, 2, "x" * 50], 4)[:-3],
    "two": pickle.dumps(1, 4) * 2,
    "bad tag": b"T" + pickle.dumps(("x", 1), 4),
    "bad date": b"T" + pickle.dumps(("d", ("never", 0, None)), 4),
    "bad zone": b"T" + pickle.dumps(("d", ("2026-01-01", 0, "../../etc/passwd")), 4),
    "unhashable": b"\x80\x04\x8f(]\x90.",
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_hostile_bytes_are_corrupt_data(kind: str) -> None:
    """Nothing is imported, called or built; the error is always the same."""
    with pytest.raises(CorruptData):
        CODEC.loads(HOSTILE[kind])


@given(st.binary(max_size=60), st.booleans())
def test_any_bytes_give_data_or_corrupt_data(data: bytes, plain: bool) -> None:
    """There is no third way."""
    with contextlib.suppress(CorruptData):
        CODEC.loads((b"\x80\x04" if plain else b"") + data)


@given(PLAIN, st.data())
def test_flipped_bytes_give_data_or_corrupt_data(value: Any, data: Any) -> None:
    """A damaged record is data or CorruptData, never another error."""
    content = bytearray(CODEC.dumps(value))
    content[data.draw(st.integers(0, len(content) - 1))] ^= data.draw(st.integers(1, 255))
    with contextlib.suppress(CorruptData):
        CODEC.loads(bytes(content))

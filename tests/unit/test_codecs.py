"""Both codecs: what is accepted comes back, and what was planted costs no more than a bound."""

import subprocess
import sys
from collections import Counter, OrderedDict, defaultdict, deque
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given, strategies as st
from smok_cli.transfer.digests import canonical
from smok_pickle.codec import PickleCodec

from smok_core.engine import allowance
from smok_core.engine.codec import Codec, MsgpackCodec, check_plain
from smok_core.engine.plain import check_storable
from smok_core.errors import CorruptData, InvalidType, InvalidValue

CODECS = {"pickle": PickleCodec(), "msgpack": MsgpackCodec()}
both = pytest.mark.parametrize("codec", CODECS.values(), ids=CODECS)
ZONES = st.none() | st.sampled_from([UTC, timezone(timedelta(hours=-3)), ZoneInfo("Asia/Tokyo")])
LEAVES = (
    st.none() | st.booleans() | st.integers() | st.integers(-(2**200), 2**200)
    | st.floats(allow_nan=False) | st.complex_numbers(allow_nan=False) | st.text() | st.binary()
    | st.datetimes(timezones=ZONES) | st.dates() | st.times(timezones=ZONES) | st.timedeltas()
    | st.decimals(allow_nan=False)
)  # fmt: skip
KEYS = st.recursive(
    LEAVES, lambda inner: st.tuples(inner, inner) | st.frozensets(inner, max_size=3), max_leaves=4
)


def _containers(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    dicts = st.dictionaries(KEYS, inner, max_size=3)
    lists = st.lists(inner, max_size=4)
    return (
        lists | dicts | st.tuples(inner, inner) | st.sets(KEYS, max_size=3)
        | st.binary(max_size=9).map(bytearray)
        | st.builds(deque, lists, st.none() | st.integers(4, 9))
        | dicts.map(Counter) | dicts.map(OrderedDict)
        | st.builds(defaultdict, st.sampled_from([None, int, list, set]), dicts)
    )  # fmt: skip


STORABLE = st.recursive(LEAVES, _containers, max_leaves=20)


def look(value: Any) -> Any:
    """Describe a value with the type of all that is in it, order where it has one."""
    kind = type(value).__name__
    if isinstance(value, dict):
        pairs = [(look(key), look(item)) for key, item in value.items()]
        return kind, getattr(value, "default_factory", None), pairs
    if isinstance(value, set | frozenset):
        return kind, sorted(repr(look(item)) for item in value)
    if isinstance(value, list | tuple | deque):
        return kind, getattr(value, "maxlen", None), list(map(look, value))
    return kind, repr(value)


@both
@given(value=STORABLE)
def test_what_is_accepted_comes_back(codec: Codec, value: Any) -> None:
    """With exactly its types, factories, bounds, zones and order."""
    check_storable(value, "events", "k")
    assert look(codec.loads(codec.dumps(value))) == look(value)


@given(value=STORABLE)
def test_both_codecs_stand_for_the_same_content(value: Any) -> None:
    """A copy between backends has the same digest."""
    one, other = (codec.loads(codec.dumps(value)) for codec in CODECS.values())
    assert canonical(one) == canonical(other)


@both
@given(value=STORABLE, data=st.data())
def test_every_mutation_is_corrupt_or_storable(codec: Codec, value: Any, data: Any) -> None:
    """Bytes flipped, removed and repeated: `CorruptData`, or something the writer would take."""
    content = bytearray(codec.dumps(value))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(content)))
        kind = data.draw(st.sampled_from(["flip", "cut", "repeat", "put"]))
        if kind == "flip" and at < len(content):
            content[at] ^= data.draw(st.integers(1, 255))
        elif kind == "cut":
            del content[at : at + data.draw(st.integers(1, 4))]
        elif kind == "repeat":
            content[at:at] = content[max(0, at - data.draw(st.integers(1, 8))) : at]
        else:
            content[at:at] = data.draw(st.binary(max_size=4))
    try:
        found = codec.loads(bytes(content))
    except CorruptData:
        return
    assert len(repr(look(found))) < 1_000_000


def nested(depth: int) -> Any:
    """Give lists in lists."""
    value: Any = 1
    for _ in range(depth):
        value = [value]
    return value


def doubled(levels: int) -> Any:
    """Give a value that mentions itself twice at each level, and its like."""
    value: Any = ()
    for _ in range(levels):
        value = (value, value)
    return value


def _alike(count: int) -> list[int]:
    """Give integers with one hash."""
    return [number * (2**61 - 1) for number in range(1, count + 1)]


AT_THE_LIMIT = {
    "as deep as may be": nested(allowance.MAX_DEPTH),
    "as many as may be": [0] * (allowance.MAX_PARTS - 6),
    "as long an integer as may be": 2**allowance.MAX_INT_BITS - 1,
    "as many alike as may be": set(_alike(allowance.MAX_ALIKE)),
    "tuples as deep as may be": (doubled(9), {doubled(8): [nested(50)]}),
    "dicts of dates": {date.fromordinal(day + 1): (day, (day,)) for day in range(9000)},
    "decimals": {Decimal(number) / 7 for number in range(5000)},
}


@both
@pytest.mark.parametrize("what", AT_THE_LIMIT)
def test_up_to_the_limits_all_comes_back(codec: Codec, what: str) -> None:
    """The reader takes what the writer takes, however the format spells it."""
    value = AT_THE_LIMIT[what]
    assert codec.loads(codec.dumps(value)) == value


BEYOND = {
    "too deep": lambda: nested(allowance.MAX_DEPTH + 1),
    "too many": lambda: [0] * (allowance.MAX_PARTS + 1),
    "too long an integer": lambda: 2**allowance.MAX_INT_BITS,
    "too many bytes": lambda: [b"x" * 2**20] * 65,
    "one mentioned too often": lambda: doubled(60),
    "one that holds itself": lambda: (found := [], found.append(found))[0],
    "too many keys alike": lambda: dict.fromkeys(_alike(allowance.MAX_ALIKE + 1)),
    "a lone surrogate": lambda: {"a": ["\ud800"]},
}


@both
@pytest.mark.parametrize("what", BEYOND)
def test_what_would_not_be_readable_is_refused_at_writing(codec: Codec, what: str) -> None:
    """In bounded time, with the reason; by the role's check as well as by the codec."""
    value = BEYOND[what]()
    with pytest.raises(InvalidValue, match="the value"):
        codec.dumps(value)
    with pytest.raises(InvalidValue, match=r"events: 'k'"):
        check_plain(value, "events", "k")


class _List(list[int]):
    """Somebody's own class."""


@both
@pytest.mark.parametrize(
    ("value", "name"),
    [
        ([_List()], "_List"), (defaultdict(lambda: 0), "function"), (object(), "object"),
        (Decimal("1" * 5000), "Decimal"), (msgspec.UNSET, "UnsetType"),
    ],
    ids=["subclass", "factory", "object", "digits", "unset"],
)  # fmt: skip
def test_what_no_codec_knows_is_refused_by_its_class(codec: Codec, value: Any, name: str) -> None:
    """Nothing is written that would name a class in the store."""
    with pytest.raises(InvalidType, match=name):
        codec.dumps(value)


def test_roles_still_take_plain_data_only() -> None:
    """What codecs can store beyond plain data is for the roles that say so."""
    for value in (deque(), 1j, float("nan"), [float("inf")], date(2026, 1, 1), time(1)):
        with pytest.raises((InvalidType, InvalidValue)):
            check_plain(value, "predicates", "k")
        check_storable(value, "events", "k")


# --- planted values ------------------------------------------------------------------------------


def _pickle(body: bytes) -> bytes:
    return b"\x80\x04" + body + b"."


def _mention(at: int) -> bytes:
    return b"h" + bytes([at])


def _pickle_doubling(levels: int, make: bytes = b"\x86\x94") -> bytes:
    return b"N\x94" + b"".join(_mention(at) * 2 + make for at in range(levels))


_COLLIDING = b"".join(
    b"\x8a\x0a" + number.to_bytes(10, "little", signed=True) for number in _alike(60_000)
)
_TUPLES = b")" + b"\x85" * 500_000
PLANTED_PICKLES = {
    "deep tuples as a key": _pickle(b"}" + _TUPLES + b"Ns"),
    "deep tuples in a set": _pickle(b"\x8f(" + _TUPLES + b"\x90"),
    "deep tuples": _pickle(_TUPLES),
    "deep tagged tuples": b"T" + _pickle(_TUPLES),
    "deep tags": b"T" + _pickle(b"\x8c\x01t" * 70_000 + b")" + b"\x86\x85" * 70_000),
    "deep lists": _pickle(b"](" * 500_000 + b"N" + b"e" * 500_000),
    "deep dicts": _pickle(b"}N" * 100_000 + b"N" + b"s" * 100_000),
    "doubled tuples": _pickle(_pickle_doubling(100)),
    "doubled tuples as a key": _pickle(b"}" + _pickle_doubling(45) + _mention(45) + b"Ns"),
    "doubled tuples in a list with a key": _pickle(
        b"](" + _pickle_doubling(45) + b"}" + _mention(45) + b"Nse"
    ),
    "doubled tuples in one list": _pickle(b"](" + _pickle_doubling(45) + b"e"),
    "doubled lists": _pickle(
        b"](]\x94" + b"".join(b"](" + _mention(at) * 2 + b"e\x94" for at in range(60)) + b"e"
    ),
    "doubled tagged tuples": b"T" + _pickle(
        b"](\x8c\x01t\x94)\x94h\x00h\x01\x86\x94"
        + b"".join(b"h\x00" + _mention(at) * 2 + b"\x86\x86\x94" for at in range(2, 60)) + b"e"
    ),
    "a list in itself": _pickle(b"]\x94h\x00a"),
    "a dict in itself": _pickle(b"}\x94Nh\x00s"),
    "a large text many times": _pickle(
        b"](X" + (2**20).to_bytes(4, "little") + b"x" * 2**20 + b"\x94" + b"h\x00" * 200_000 + b"e"
    ),
    "members of one hash": _pickle(b"\x8f(" + _COLLIDING + b"\x90"),
    "members of one hash, one by one": _pickle(
        b"}" + b"".join(
            _COLLIDING[at : at + 12] + b"Ns" for at in range(0, len(_COLLIDING), 12)
        )
    ),
    "tagged members of one hash": b"T" + _pickle(
        b"\x8c\x09frozenset(" + _COLLIDING + b"t\x86"
    ),
    "a bytearray of a number": b"T" + _pickle(b"\x8c\x09bytearrayJ\xff\xff\xff\x7f\x85\x86"),
    "an unknown factory": b"T" + _pickle(b"\x8c\x0bdefaultdict\x8c\x06system]\x86\x86"),
    "a decimal of many digits": b"T" + _pickle(
        b"\x8c\x07decimalX" + (10**6).to_bytes(4, "little") + b"9" * 10**6 + b"\x85\x86"
    ),
    "huge bytes announced": _pickle(b"\x8e" + (2**62).to_bytes(8, "little")),
    "a negative length": _pickle(b"\x8b\xff\xff\xff\xff"),
    "a mention of nothing": _pickle(b"j\xff\xff\xff\x7f"),
    "a torn frame": b"\x80\x04\x95" + b"\xff" * 7 + b"\x7fN.",
    "a long integer": _pickle(b"\x8b" + (10**6).to_bytes(4, "little") + b"\x01" * 10**6),
    "many marks": _pickle(b"(" * 20_000_000),
    "many empty lists": _pickle(b"](" + b"]" * 20_000_000 + b"e"),
    "many values left": _pickle(b"N" * 20_000_000),
    "many kept": _pickle(b"N" + b"\x94" * 20_000_000),
    "a zone that is a path": b"T" + _pickle(b"\x8c\x01d\x8c\x0a2026-01-01K\x00\x8c\x03/..\x87\x86"),
}  # fmt: skip


def _ext(code: int, content: bytes) -> bytes:
    return b"\xc9" + len(content).to_bytes(4, "big") + bytes([code]) + content


def _nested_ext(levels: int) -> bytes:
    data = b"\x90"
    for _ in range(levels):
        data = _ext(1, b"\x91" + data)
    return data


def _array(items: bytes, count: int) -> bytes:
    return b"\xdd" + count.to_bytes(4, "big") + items


_LONG_INTS = b"".join(b"\xcf" + (number * (2**61 - 1)).to_bytes(8, "big") for number in range(1, 8))
_TEXT_INTS = b"".join(
    _ext(4, b"\xd9" + bytes([len(digits)]) + digits)
    for digits in (str(number).encode() for number in _alike(30_000))
)
_NO_ZONE = b"\x93\xaa2026-01-01\x00\xa7No/Zone"
PLANTED_MSGPACK = {
    "deep arrays": b"\x91" * 500_000 + b"\xc0",
    "deep maps": b"\x81\xa0" * 500_000 + b"\xc0",
    "deep extensions": _nested_ext(5000),
    "few deep arrays": b"\x91" * 300 + b"\xc0",
    "a huge array announced": b"\xdd\xff\xff\xff\xff",
    "a huge map announced": b"\xdf\xff\xff\xff\xff",
    "a huge array of arrays announced": b"\xdd\x00\xff\xff\xff" * 60,
    "many empty arrays": _array(b"\x90" * 20_000_000, 20_000_000),
    "many empty maps": _array(b"\x80" * 20_000_000, 20_000_000),
    "members of one hash": _ext(2, _array(_TEXT_INTS, 30_000)),
    "keys of one hash": _ext(
        5, _array(b"".join(b"\x92" + _ext(4, b"\xb9" + b"%025d" % (n * (2**61 - 1))) + b"\xc0"
                           for n in range(30_000)), 30_000)
    ),
    "a map with numbers as keys": b"\xdf\x00\x00\x01\x00" + (_LONG_INTS[:9] + b"\xc0") * 256,
    "many digits": _ext(4, b"\xdb" + (10**6).to_bytes(4, "big") + b"9" * 10**6),
    "a bytearray of a number": _ext(11, b"\x91\xce\xff\xff\xff\xff"),
    "a zone that nobody has": _ext(3, _NO_ZONE),
    "a zone that is a path": _ext(3, b"\x93\xaa2026-01-01\x00\xa4/etc"),
    "a float as an integer": _ext(4, b"\xcb\x7f\xf0" + bytes(6)),
    "an unknown extension": _ext(99, b"\x90"),
    "an unhashable member": _ext(2, b"\x91\x90"),
    "an unknown factory": _ext(8, b"\x92\xa6system\x90"),
    "no first byte": b"",
    "an unused first byte": b"\xc1",
}  # fmt: skip
PLANTED = [("pickle", what, data) for what, data in PLANTED_PICKLES.items()] + [
    ("msgpack", what, data) for what, data in PLANTED_MSGPACK.items()
]

#: Reads what comes in, within 768 MiB of addresses and 20 s of work, and says what became of it.
_READER = """
import resource, signal, sys, time
from smok_pickle.codec import PickleCodec
from smok_core.engine.codec import MsgpackCodec
from smok_core.errors import CorruptData
codec = {"pickle": PickleCodec, "msgpack": MsgpackCodec}[sys.argv[1]]()
data = sys.stdin.buffer.read()
resource.setrlimit(resource.RLIMIT_AS, (768 << 20, 768 << 20))
signal.setitimer(signal.ITIMER_VIRTUAL, 20)
try:
    print("a", type(codec.loads(data)).__name__)
except CorruptData as error:
    print("corrupt:", repr(error.__cause__)[:100])
"""


@pytest.mark.parametrize(
    ("codec", "data"),
    [(codec, data) for codec, _, data in PLANTED],
    ids=[f"{codec}-{what}" for codec, what, _ in PLANTED],
)
def test_a_planted_value_is_refused_in_bounded_time_and_memory(codec: str, data: bytes) -> None:
    """Not by a signal, not by an exhausted memory: by `CorruptData`."""
    done = subprocess.run(
        [sys.executable, "-c", _READER, codec], input=data, capture_output=True, check=False
    )
    assert done.returncode == 0, (done.returncode, done.stderr[-500:])
    assert done.stdout.startswith(b"corrupt:"), done.stdout


@both
def test_a_short_stack_is_not_the_datas_fault(codec: Codec) -> None:
    """A caller deep in its own recursion must not have good data called damaged."""
    data = codec.dumps([nested(40), (nested(40), datetime(2026, 1, 1, tzinfo=UTC))])

    def deeper() -> Any:
        try:
            return deeper()
        except RecursionError:
            return codec.loads(data)

    try:
        assert deeper() == codec.loads(data)
    except RecursionError:
        return


#: Also texts and bytes that are as long as a float, and begin or end as one.
_NEARLY = st.sampled_from(["x" * 8, b"x" * 7, "\u00cb" * 4, 2**40, 1e300, -0.0, float("inf")])


@both
@given(values=st.lists(st.floats(allow_nan=False), max_size=20) | st.lists(LEAVES | _NEARLY))
def test_many_are_what_each_is(codec: Codec, values: list[Any]) -> None:
    """What is encoded and decoded together, for speed, is no other than one by one."""
    encoded = codec.dumps_many(values)
    assert encoded == list(map(codec.dumps, values))
    assert list(map(look, codec.loads_many(encoded))) == list(map(look, values))


@both
def test_one_that_is_damaged_among_many_is_told(codec: Codec) -> None:
    """A float that lost a byte to its neighbour is as long together as two whole ones."""
    whole = codec.dumps_many([1.5] * 40)
    for torn in ([whole[0][:-1], whole[0] + b"."], [b"\xc1" + whole[0][1:]]):
        with pytest.raises(CorruptData):
            codec.loads_many([*whole, *torn])

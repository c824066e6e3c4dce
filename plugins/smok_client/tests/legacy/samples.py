"""The files that the real smok 0.21.0 wrote, and small pickles made by hand."""

from collections.abc import Iterator
from pathlib import Path

DATA = Path(__file__).parent / "data"
#: One directory per way of writing: by Python release, or by pickle protocol.
INSTALLATIONS = sorted(p.name for p in DATA.iterdir() if not p.name.endswith("-odd"))


def files() -> Iterator[Path]:
    """Stream every pickle, those of the BAOB indexes included."""
    for path in sorted(DATA.rglob("*.pkl")):
        if path.stat().st_size:
            yield path


def short(text: str) -> bytes:
    """Give the opcode that pushes a short text."""
    data = text.encode()
    return b"\x8c" + bytes([len(data)]) + data


def name(module: str, attribute: str) -> bytes:
    """Give the opcodes that push a name, as protocol 4 does."""
    return short(module) + short(attribute) + b"\x93"


def pickled(body: bytes, protocol: int = 4) -> bytes:
    """Give a whole pickle around some opcodes."""
    return b"\x80" + bytes([protocol]) + body + b"."


def cache(body: bytes) -> bytes:
    """Give the file of a predicate cache whose only state is made by some opcodes."""
    return pickled(b"}" + short("p1") + body + b"s")


SYSTEM = name("posix", "system") + short("touch /tmp/smok-core-was-here") + b"\x85R"
EVENT = name("smok.predicate.event", "Event")


def bomb(levels: int) -> bytes:
    """Give opcodes for one list of few bytes that stands for 2 ** levels values, by the memo."""
    body = b"](]\x94"
    for level in range(levels):
        get = b"j" + level.to_bytes(4, "little")
        body += b"]\x94(" + get + get + b"e"
    return body + b"e"


#: What -> a file of which nothing may come into the databases, because of this one thing.
HOSTILE: dict[str, bytes] = {
    "a call of posix.system": cache(SYSTEM),
    "a call of posix.system as the whole file": pickled(SYSTEM),
    "a call by GLOBAL": cache(b"cposix\nsystem\n" + short("id") + b"\x85R"),
    "a call of builtins.eval": cache(name("builtins", "eval") + short("1+1") + b"\x85R"),
    "getattr on a module": cache(
        name("builtins", "getattr") + name("posix", "x") + short("system") + b"\x86R"
    ),
    "getattr on a known class": cache(
        name("builtins", "getattr") + EVENT + short("from_pickle") + b"\x86R"
    ),
    "a dotted name": cache(name("smok.predicate.event", "Event.from_pickle") + b"C\x01x\x85R"),
    "a dotted name that ends like a known one": cache(
        name("smok.predicate", "event.Event") + b")\x81"
    ),
    "the globals of a known class": cache(
        name("smok.predicate.event", "Event.__init__.__globals__")
    ),
    "a known module's own import": cache(name("smok.macro.macro", "pickle.loads")),
    "a class as a value": cache(EVENT),
    "BUILD on a known class": cache(EVENT + b"}" + short("is_closed") + b"Nsb"),
    "BUILD on a foreign class": cache(name("os", "environ") + b"}" + short("PATH") + b"Nsb"),
    "BUILD on a dict": cache(b"}}" + short("a") + b"Nsb"),
    "BUILD twice": cache(EVENT + b")\x81}b}b"),
    "a known object with foreign attributes": cache(
        EVENT + b")\x81}" + short("__class__") + b"Nsb"
    ),
    "NEWOBJ on a text": cache(short("x") + b")\x81"),
    "NEWOBJ_EX": cache(EVENT + b")}\x92"),
    "REDUCE on a text": cache(short("x") + b")R"),
    "REDUCE with a list": cache(EVENT + b"]R"),
    "a name that is no text": cache(b"NN\x93"),
    "a persistent id": cache(b"Pabc\n"),
    "a persistent id from the stack": cache(short("x") + b"Q"),
    "an extension code of one byte": cache(b"\x82\x01"),
    "an extension code of two bytes": cache(b"\x83\x01\x00"),
    "an extension code of four bytes": cache(b"\x84\x01\x00\x00\x00"),
    "INST": cache(b"(iposix\nsystem\n"),
    "OBJ": cache(b"(" + name("posix", "system") + short("id") + b"o"),
    "DUP": cache(b"]2a"),
    "a DUP bomb": cache(b"]" + b"2a" * 40),
    "POP": cache(b"NN0"),
    "POP_MARK": cache(b"N(N1"),
    "an out-of-band buffer": cache(b"\x97"),
    "a read-only buffer": cache(b"C\x01x\x98"),
    "protocol 0": b"(lp0\nI1\na.",
    "a protocol 0 text": cache(b"Vabc\n"),
    "a protocol 0 string": cache(b"S'\\x41'\n"),
    "a protocol 0 integer": cache(b"I" + b"9" * 5000 + b"\n"),
    "a protocol 0 float": cache(b"Fnan\n"),
    "a protocol 0 memo": cache(b"Np0\ng0\n"),
    "protocol 9": pickled(b"}", 9),
    "a second PROTO": pickled(b"}\x80\x04"),
    "a byte array of 2**40 bytes": cache(b"\x96" + (2**40).to_bytes(8, "little") + b"x"),
    "bytes of 2**62 bytes": cache(b"\x8e" + (2**62).to_bytes(8, "little") + b"x"),
    "a text of 2**63 bytes": cache(b"\x8d" + (2**63).to_bytes(8, "little") + b"x"),
    "a frame beyond the file": pickled(b"\x95" + (2**40).to_bytes(8, "little") + b"}"),
    "an integer of 2**20 bits": cache(b"\x8b" + (2**17).to_bytes(4, "little") + b"\x7f" * 2**17),
    "an integer of negative length": cache(b"\x8b\xff\xff\xff\xff"),
    "a memo index out of order": cache(b"Nr\xff\xff\xff\xff"),
    "a memo entry that is not there": cache(b"h\x07"),
    "a memo bomb": cache(bomb(40)),
    "a list that holds itself": cache(b"]\x94h\x00a"),
    "a dict that holds itself": cache(b"}\x94" + short("a") + b"h\x00s"),
    "lists a million deep": cache(b"]" * 10**6 + b"a" * (10**6 - 1)),
    "tuples a million deep": cache(b"N" + b"\x85" * 10**6),
    "bytes after STOP": cache(b"N") + b"\x80\x04N.",
    "two values": pickled(b"}N"),
    "no value": pickled(b""),
    "an open mark": pickled(b"(}"),
    "an empty stack": pickled(b"a"),
    "a mark that is not there": pickled(b"t"),
    "half a pair": cache(b"}(Nu"),
    "items for a text": cache(short("x") + b"(Ne"),
    "items for a known object": cache(EVENT + b")\x81(Ne"),
    "an unknown opcode": cache(b"\xff"),
    "a text that is no UTF-8": cache(b"\x8c\x01\xff"),
    "an endless name": cache(b"c" + b"a" * 2000 + b"\nb\n"),
    "a name that does not end": cache(b"cposix\nsystem"),
    "a lone surrogate": cache(b"\x8c\x03\xed\xa0\x80"),
    "a decimal that is none": cache(name("decimal", "Decimal") + short("x") + b"\x85R"),
    "a fraction by zero": cache(name("fractions", "Fraction") + b"K\x01K\x00\x86R"),
    "a deque of a negative length": cache(
        name("collections", "deque") + b")J\xff\xff\xff\xff\x86R"
    ),
    "a count of nothing countable": cache(name("collections", "Counter") + b"K\x01\x85R"),
    "a date of no bytes": cache(name("datetime", "date") + b"C\x00\x85R"),
    "a factory of a user's": cache(
        name("collections", "defaultdict") + name("posix", "system") + b"\x85R"
    ),
    "a frozenset of lists": cache(b"(]\x91"),
    "a number of numpy's with too few bytes": cache(
        name("numpy.core.multiarray", "scalar")
        + name("numpy", "dtype")
        + short("f8")
        + b"\x85R("
        + b"K\x03"
        + short("<")
        + b"tb"
        + b"C\x04\x00\x00\x00\x00\x86R"
    ),
    "a datetime that does not exist": cache(
        name("datetime", "datetime") + b"C\x0a" + b"\xff" * 10 + b"\x85R"
    ),
    "a datetime of another kind": cache(name("datetime", "datetime") + b"K\x01\x85R"),
    "a datetime with a zone of a user's class": cache(
        name("datetime", "datetime") + b"C\x0a" + b"\x07\xe5" + b"\x01" * 8 + SYSTEM + b"\x86R"
    ),
    "a set that holds a dict": cache(b"\x8f(}\x90"),
    "a dict whose key is a list": cache(b"}]Ns"),
}

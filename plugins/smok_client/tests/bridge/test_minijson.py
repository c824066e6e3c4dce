"""Our MiniJSON against the package that the published client uses, in its own environment."""

import math
import subprocess
from pathlib import Path

from hypothesis import given, settings, strategies as st
from smok_cloud.minijson import dumps
from smok_testing.cloud.minijson import loads

_PEER = """
import minijson, sys
class Exact(minijson.MiniJSONEncoder):
    def should_double_be_used(self, number):
        import struct
        try:
            return struct.unpack(">f", struct.pack(">f", number))[0] != number
        except OverflowError:
            return True
for line in sys.stdin:
    value = eval(line)
    found = [Exact().encode(value), minijson.loads(bytes.fromhex(next(sys.stdin)))]
    print(found[0].hex(), flush=True)
    print(repr(found[1]), flush=True)
"""
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=260)
# What the package cannot read itself is left out: names whose UTF-8 form is longer than 255 bytes.
NAMES = TEXTS.filter(lambda name: len(name.encode()) < 256)
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXTS,
    lambda inner: st.lists(inner, max_size=20) | st.dictionaries(NAMES, inner, max_size=20),
    max_leaves=15,
)


class Peer:
    """The package, in a process."""

    def __init__(self, python: Path) -> None:
        self._process = subprocess.Popen(
            [python, "-c", _PEER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def __call__(self, value: object, ours: bytes) -> tuple[bytes, str]:
        """Give its bytes for the value, and the ``repr`` of what it reads in ours."""
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(f"{value!a}\n{ours.hex()}\n")
        self._process.stdin.flush()
        theirs = bytes.fromhex(self._process.stdout.readline())
        return theirs, self._process.stdout.readline().rstrip("\n")

    def close(self) -> None:
        """End it."""
        self._process.communicate()


def test_both_write_the_same_and_read_each_other(client: Path) -> None:
    """Byte for byte, floats in the shortest form that is exact."""
    peer = Peer(client)

    @settings(deadline=None, max_examples=200)
    @given(VALUES)
    def check(value: object) -> None:
        ours = dumps(value)
        theirs, read = peer(value, ours)
        assert ours == theirs
        assert read == repr(value)
        assert repr(loads(theirs)) == repr(value)

    try:
        check()
        for size in (15, 16, 127, 128, 255, 256, 65_535, 65_536):
            for value in ("x" * size, [1] * size, {f"{n}": n for n in range(size)}):
                ours = dumps(value)
                assert peer(value, ours) == (ours, repr(value))
        big = [10.0**n for n in range(-320, 308)] + [math.pi, -0.0]
        assert peer(big, dumps(big)) == (dumps(big), repr(big))
    finally:
        peer.close()

"""Columns of numbers and values as bytes: what a row of the write log and a segment are made of."""

import itertools
import math
import operator
import struct
import sys
from array import array
from collections.abc import Iterable, Sequence

#: The length of every value, or of each.
Widths = int | list[int]
#: The least step between two timestamps, a unit, and what each step has more, in units.
Steps = tuple[int, int, list[int]]


def packed(code: str, values: Iterable[int]) -> bytes:
    """Return whole numbers as bytes, little end first; ``code`` is that of `array`."""
    found = tuple(values)
    return struct.pack(f"<{len(found)}{code}", *found)


def ints(code: str, data: bytes) -> "array[int]":
    """Return the numbers that `packed` wrote; raises ValueError if a part of one is missing."""
    found = array(code)
    found.frombytes(data)
    if sys.byteorder == "big":
        found.byteswap()
    return found


def join(values: Sequence[bytes]) -> tuple[Widths, bytes]:
    """Return values as one piece, with what `split` needs to take it apart."""
    widths = list(map(len, values))
    same = widths.count(widths[0]) == len(widths)
    return (widths[0] if same else widths), b"".join(values)


def split(widths: Widths, data: bytes, count: int) -> list[bytes]:
    """Return the ``count`` values that `join` made one piece of.

    Raises:
        ValueError: The piece has another length.
    """
    each = [widths] * count if isinstance(widths, int) else widths
    ends = list(itertools.accumulate(each, initial=0))
    if len(each) != count or ends[-1] != len(data):
        raise ValueError("the values have another length than is said")
    return [data[start:end] for start, end in itertools.pairwise(ends)]


def steps_of(stamps: Sequence[int]) -> Steps:
    """Return the steps between timestamps that ascend; regular ones take no room at all."""
    steps = list(map(operator.sub, stamps[1:], stamps))
    least = min(steps, default=0)
    more = [step - least for step in steps]
    unit = math.gcd(*more)
    return least, unit, [step // unit for step in more] if unit else []


def stamps_of(first: int, steps: Steps, count: int) -> Sequence[int]:
    """Return the ``count`` timestamps that `steps_of` was made of."""
    least, unit, more = steps
    if not unit:
        return range(first, first + max(least, 1) * count, max(least, 1))
    found = list(itertools.accumulate([least + step * unit for step in more], initial=first))
    if len(found) != count:
        raise ValueError("there is another number of timestamps than is said")
    return found

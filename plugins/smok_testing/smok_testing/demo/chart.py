"""Small charts of readings for a terminal."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Final

_BARS: Final = "▁▂▃▄▅▆▇█"
_ASCII_BARS: Final = "_.-~=+*#"


def sparkline(values: Sequence[float], width: int, *, unicode: bool = True) -> str:
    """Draw values in at most ``width`` characters, each the mean of its share of them."""
    if not values:
        return ""
    bars = _BARS if unicode else _ASCII_BARS
    columns = min(width, len(values))
    edges = [at * len(values) // columns for at in range(columns + 1)]
    shares = [values[start:stop] for start, stop in pairwise(edges)]
    means = [sum(share) / len(share) for share in shares]
    low, span = min(means), max(means) - min(means)
    # Means of equal values may differ in the last bit; that is no curve.
    flat = span <= 1e-9 * max(map(abs, means))
    scale = 0 if flat else (len(bars) - 1) / span
    return "".join(bars[round((mean - low) * scale)] for mean in means)


def short_number(number: float) -> str:
    """Return ``12.5``, ``340``, ``1.2 M``."""
    for unit, size in (("G", 1e9), ("M", 1e6), ("k", 1e4)):
        if abs(number) >= size:
            return f"{number / (1e3 if unit == 'k' else size):.1f} {unit}"
    return f"{number:.4g}"

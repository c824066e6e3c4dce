"""Line charts as SVG that needs nothing around it: colours are the page's, words are texts."""

import math
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from itertools import pairwise
from statistics import median
from typing import Final

from markupsafe import Markup

from smok_cloud.report.readings import Failure

Point = tuple[float, float]

#: The picture's size, and its margins; texts stay readable when a phone shows it at 0.85.
_WIDTH, _HEIGHT, _LEFT, _RIGHT, _TOP, _BOTTOM = 420.0, 190.0, 50.0, 10.0, 12.0, 26.0
_DAY: Final = 86_400.0


def line_chart(
    points: Sequence[Point],
    start: float,
    stop: float,
    *,
    failures: Sequence[Failure] = (),
    label: Callable[[float], str] | None = None,
    zero: bool = False,
    steps: bool = False,
    gap: float | None = None,
) -> Markup:
    """Draw numbers over a span of time.

    Args:
        points: Time (seconds since the epoch) and number, in the order of time.
        start: The left end.
        stop: The right end.
        failures: Marked by crosses at the bottom, each with its reason.
        label: How a number is written at the axis.
        zero: Whether the axis begins at 0, and the area below the line is filled.
        steps: Whether a number holds until the next one, as on and off do.
        gap: Seconds without a number after which the line ends; default: by the usual distance.
    """
    label = label or number
    ticks = _ticks([value for _, value in points], zero=zero)
    scale = _Scale(start, stop, ticks[0], ticks[-1])
    parts = [_grid(scale, ticks, label), _times(scale)]
    runs = _runs(points, gap or _gap(points, stop - start))
    parts += [_line(scale, _stepped(run) if steps else run, filled=zero) for run in runs]
    parts += [_cross(scale, failure) for failure in failures]
    return Markup('<svg viewBox="0 0 {} {}" aria-hidden="true">{}</svg>').format(
        f"{_WIDTH:g}", f"{_HEIGHT:g}", Markup("").join(parts)
    )


class _Scale:
    """From times and numbers to places in the picture."""

    def __init__(self, start: float, stop: float, low: float, high: float) -> None:
        self.start, self.stop = start, max(stop, start + 1e-6)
        self.low, self.high = low, high

    def x(self, at: float) -> float:
        part = (at - self.start) / (self.stop - self.start)
        return _LEFT + part * (_WIDTH - _LEFT - _RIGHT)

    def y(self, value: float) -> float:
        part = (value - self.low) / (self.high - self.low)
        return _HEIGHT - _BOTTOM - part * (_HEIGHT - _TOP - _BOTTOM)


def _ticks(values: Sequence[float], *, zero: bool) -> list[float]:
    """Return round numbers that hold all values between them, three to six of them."""
    low, high = (min(values), max(values)) if values else (0.0, 1.0)
    low = min(low, 0.0) if zero else low
    if high - low <= 1e-9 * max(abs(high), abs(low)):
        low, high = low - (not zero) * (abs(low) * 0.01 or 1.0), high + (abs(high) * 0.01 or 1.0)
    raw = (high - low) / 3
    size = 10 ** math.floor(math.log10(raw))
    step = size * next(factor for factor in (1, 2, 5, 10) if size * factor >= raw)
    first, last = math.floor(low / step), math.ceil(high / step)
    return [step * count for count in range(first, last + 1)]


def _grid(scale: _Scale, ticks: list[float], label: Callable[[float], str]) -> Markup:
    row = Markup(
        '<line class="grid" x1="{}" x2="{}" y1="{y:.1f}" y2="{y:.1f}"/>'
        '<text class="y" x="{}" y="{text:.1f}">{}</text>'
    )
    return Markup("").join(
        row.format(_LEFT, _WIDTH - _RIGHT, _LEFT - 6, label(tick), y=y, text=y + 4)
        for tick in ticks
        for y in (scale.y(tick),)
    )


def _times(scale: _Scale) -> Markup:
    span = scale.stop - scale.start
    form = "%H:%M:%S" if span < 600 else "%H:%M" if span <= 1.5 * _DAY else "%b %d"
    places = [scale.start + span * part / 4 for part in range(5)]
    anchors = ("start", "middle", "middle", "middle", "end")
    return Markup("").join(
        Markup('<text x="{:.1f}" y="{}" text-anchor="{}">{}</text>').format(
            scale.x(at), _HEIGHT - 7, anchor, datetime.fromtimestamp(at, UTC).strftime(form)
        )
        for at, anchor in zip(places, anchors, strict=True)
    )


def _gap(points: Sequence[Point], span: float) -> float:
    """Return what is too long between two readings: many times the usual, wide enough to see."""
    gaps = [after[0] - before[0] for before, after in pairwise(points)]
    return max(8 * median(gaps), span / 60) if gaps else span


def _runs(points: Sequence[Point], gap: float) -> list[list[Point]]:
    """Part the points where readings are missing: a line across a gap would be made up."""
    runs: list[list[Point]] = []
    last = -math.inf
    for point in points:
        if point[0] - last > gap:
            runs.append([])
        runs[-1].append(point)
        last = point[0]
    return runs


def _stepped(run: list[Point]) -> list[Point]:
    held = [(after[0], before[1]) for before, after in pairwise(run)]
    return sorted([*run, *held], key=lambda point: point[0])


def _line(scale: _Scale, run: list[Point], *, filled: bool) -> Markup:
    places = [(scale.x(at), scale.y(value)) for at, value in run]
    if len(places) == 1:
        return Markup('<circle class="dot" cx="{:.1f}" cy="{:.1f}" r="2.5"/>').format(*places[0])
    path = "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in places)
    line = Markup('<path class="line" d="{}"/>').format(path)
    if not filled:
        return line
    floor = scale.y(scale.low)
    below = f"{path}L{places[-1][0]:.1f} {floor:.1f}L{places[0][0]:.1f} {floor:.1f}Z"
    return Markup('<path class="area" d="{}"/>').format(below) + line


def _cross(scale: _Scale, failure: Failure) -> Markup:
    moment = datetime.fromtimestamp(failure.at, UTC).strftime("%Y-%m-%d %H:%M:%S")
    x, y = scale.x(failure.at), _HEIGHT - _BOTTOM - 6
    return Markup(
        '<path class="failed" d="M{:.1f} {:.1f}l7 7m0-7l-7 7"><title>{} UTC: {}</title></path>'
    ).format(x - 3.5, y - 3.5, moment, failure.reason)


def number(value: float) -> str:
    """Write a number for an axis: ``12.5``, ``8 k``, ``1.2 M``."""
    for unit, size in (("G", 1e9), ("M", 1e6), ("k", 1e4)):
        if abs(value) >= size:
            return f"{value / (1e3 if unit == 'k' else size):g} {unit}"
    return f"{0.0 if abs(value) < 1e-12 else value:.6g}"

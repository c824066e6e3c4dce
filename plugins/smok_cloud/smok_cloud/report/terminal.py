"""A chart of one pathpoint for a terminal, through plotext."""

from datetime import UTC, datetime

import plotext

from smok_cloud.report.readings import Curve

_DAY = 86_400.0


def draw(curve: Curve, width: int, height: int, *, color: bool) -> str:
    """Return the chart as text of ``width`` columns and ``height`` lines.

    Failed readings are marked ``x`` at the bottom. Without ``color`` it is plain text.
    """
    plotext.clear_figure()
    plotext.plotsize(width, height)
    plotext.theme("clear" if not color else "pro")
    if not color:
        plotext.clear_color()
    _axes(curve)
    if curve.points:
        plotext.plot(*zip(*curve.points, strict=True), marker="braille")
    if curve.failures:
        times = [failure.at for failure in curve.failures]
        plotext.scatter(
            times, [curve.low] * len(times), marker="x", color="red+" if color else None
        )
    text: str = plotext.build()
    return text if color else str(plotext.uncolorize(text))


def _axes(curve: Curve) -> None:
    ticks = [curve.start + (curve.stop - curve.start) * part / 4 for part in range(5)]
    plotext.xlim(curve.start, curve.stop)
    plotext.xticks(ticks, [_clock(at, curve.stop - curve.start) for at in ticks])


def _clock(at: float, span: float) -> str:
    form = "%H:%M:%S" if span < 600 else "%H:%M" if span <= _DAY else "%m-%d %H:%M"
    return datetime.fromtimestamp(at, UTC).strftime(form)

"""A chart of one pathpoint as a PNG, through matplotlib, which ``smok-cloud[png]`` brings."""

import importlib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from smok_cloud.errors import ExtraMissing
from smok_cloud.report.readings import Curve


def save_png(curve: Curve, path: Path) -> None:
    """Draw and write the file; failed readings are red marks at the bottom.

    Raises:
        ExtraMissing: matplotlib is not installed.
        OSError: The file cannot be written.
    """
    figure = _figure()
    axes: Any = figure.add_subplot()
    axes.plot(*_columns(curve.points), linewidth=1)
    if curve.failures:
        marks = [(failure.at, curve.low) for failure in curve.failures]
        axes.plot(*_columns(marks), "rx", label=f"{curve.failed} failed readings")
        axes.legend()
    axes.set(title=curve.name, xlim=(_moment(curve.start), _moment(curve.stop)), xlabel="UTC")
    axes.grid(alpha=0.3)
    figure.savefig(path, format="png", dpi=120)


def _figure() -> Any:
    # The class itself, not pyplot: no window system is asked for, and nothing is kept.
    try:
        module = importlib.import_module("matplotlib.figure")
    except ModuleNotFoundError as error:
        raise ExtraMissing("a picture", "smok-cloud[png]") from error
    return module.Figure(figsize=(10, 4), layout="constrained")


def _columns(points: list[tuple[float, float]]) -> tuple[list[datetime], list[float]]:
    return [_moment(at) for at, _ in points], [value for _, value in points]


def _moment(at: float) -> datetime:
    return datetime.fromtimestamp(at, UTC)

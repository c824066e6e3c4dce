"""The report page: facts into one HTML document that needs no network and runs no script."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from jinja2 import Environment, PackageLoader, StrictUndefined
from smok_cli.screen import human_age, iso_time

from smok_cloud.report.charts import line_chart
from smok_core import __version__
from smok_core.model import OperationFailedError

if TYPE_CHECKING:
    from markupsafe import Markup

    from smok_cloud.history import Moment
    from smok_cloud.report.facts import Facts
    from smok_cloud.report.readings import Curve


_SUMS: Final = ("pending", "dead", "dropped")
_ENDS: Final = 2  #: what a line has
_LONG: Final = 10_000
_SILENCE: Final = 3 * 3600.0  #: seconds without an upload process; the history has hours


def render(facts: Facts) -> str:
    """Return the page; every text of a device or a cloud is escaped."""
    environment = Environment(
        loader=PackageLoader("smok_cloud.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"moment": _moment}
    page = environment.get_template("report.html.j2")
    return page.render(
        facts=facts,
        version=__version__,
        tiles=_tiles(facts),
        unknown=[row["role"] for row in facts.roles if "error" in row],
        past=_past(facts.history),
        charts=[(curve, _chart(curve), _newest(curve)) for curve in facts.curves],
    )


def _tiles(facts: Facts) -> list[tuple[str, str, bool]]:
    """Return the numbers at the top: what, how much, and whether it is alarming."""
    oldest = min((row["oldest"] for row in facts.roles if row.get("oldest")), default=None)
    sums = {what: sum(row.get(what) or 0 for row in facts.roles) for what in _SUMS}
    free = next((store["free"] for store in facts.stores if store["free"]), "")
    # Nobody knows what waits in a store that cannot be read.
    partly = any("error" in row for row in facts.roles)
    told = {what: f"{count:,}{' or more' * partly}" for what, count in sums.items()}
    nothing = "not known" if partly else "none"
    return [
        ("pending", told["pending"], False),
        ("oldest pending", human_age(facts.at - oldest) if oldest else nothing, False),
        ("dead letters", told["dead"], sums["dead"] > 0),
        ("dropped", told["dropped"], sums["dropped"] > 0),
        ("disk free", free or "unknown", False),
    ]


def _past(history: list[Moment]) -> list[dict[str, Any]]:
    """Draw what the history tells; [] if it is too short to be drawn."""
    if len(history) < _ENDS:
        return []
    start, stop = history[0].at, history[-1].at
    ages = [(m.at, max(0.0, m.at - m.oldest) / 3600 if m.oldest else 0.0) for m in history]
    drawn = (
        ("Records pending", [(m.at, float(m.pending)) for m in history]),
        ("Age of the oldest pending record, hours", ages),
        ("Size of the stores, MB", [(m.at, m.size_bytes / 1e6) for m in history]),
    )
    return [
        {
            "title": title,
            "svg": line_chart(points, start, stop, zero=True, gap=_SILENCE),
            "rows": _some(points),
        }
        for title, points in drawn
    ]


def _some(points: list[tuple[float, float]]) -> list[tuple[str, str]]:
    """Return about two dozen of the numbers, the newest among them, for the table below a chart."""
    chosen = points[:: -max(len(points) // 24, 1)]
    return [
        (_moment(at), f"{value:,.4g}" if value < _LONG else f"{value:,.0f}") for at, value in chosen
    ]


def _chart(curve: Curve) -> Markup | None:
    if not curve.points and not curve.failures:
        return None
    label = _on_off if curve.switch else None
    return line_chart(
        curve.points,
        curve.start,
        curve.stop,
        failures=curve.failures,
        label=label,
        steps=curve.switch,
    )


def _on_off(value: float) -> str:
    return {0.0: "off", 1.0: "on"}.get(round(value, 9), "")


def _newest(curve: Curve) -> str:
    """Say what the newest reading of the span is."""
    if curve.newest is None:
        return f"No reading in this span; the newest is of {_moment(curve.before)}."
    at, value = curve.newest
    if isinstance(value, OperationFailedError):
        told = f"failed ({value.reason.value if value.reason else 'never read'})"
    else:
        told = f"{value:.6g}" if isinstance(value, float) else str(value)[:80]
    return f"Newest: {told} at {_moment(at)}."


def _moment(seconds: float | None) -> str:
    """Write an instant; the page says once that all are UTC."""
    return (iso_time(seconds) or "").replace("T", " ").removesuffix("+00:00")

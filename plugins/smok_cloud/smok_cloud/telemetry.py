"""The numbers of `smok_cloud.metrics` through OpenTelemetry; needs ``smok-cloud[otel]``."""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING, Final

from opentelemetry.metrics import CallbackOptions, Observation, get_meter_provider

from smok_cloud.metrics import METRICS, Kind, Metric, Sample, measure
from smok_core import __version__
from smok_core.errors import SmokError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from opentelemetry.metrics import MeterProvider

    from smok_core.databases import Databases


logger = logging.getLogger(__name__)

#: One look serves all instruments of a collection, which come within moments.
_LOOK_SECONDS: Final = 1.0


def observe(databases: Databases, provider: MeterProvider | None = None) -> None:
    """Offer every number as an instrument; they are asked when the provider's reader collects.

    Args:
        databases: Of which; they must stay open as long as the provider collects. Closed ones
            give no numbers.
        provider: Default: the global one.
    """
    meter = (provider or get_meter_provider()).get_meter("smok", __version__)
    look = _Look(databases)
    for metric in METRICS.values():
        make = (
            meter.create_observable_counter
            if metric.kind is Kind.COUNTER
            else meter.create_observable_gauge
        )
        make(metric.name, [_callback(look, metric)], _unit(metric), metric.help)


def _unit(metric: Metric) -> str:
    last = metric.name.rpartition("_")[2]
    return {"seconds": "s", "bytes": "By", "records": "{record}"}.get(last, "1")


def _callback(look: _Look, metric: Metric) -> Callable[[CallbackOptions], Iterable[Observation]]:
    def give(_: CallbackOptions) -> Iterable[Observation]:
        mine = [sample for sample in look() if sample.name == metric.name]
        labels = metric.labels
        return [Observation(s.value, dict(zip(labels, s.labels, strict=True))) for s in mine]

    return give


class _Look:
    """Measures at most once a second; any thread may ask."""

    def __init__(self, databases: Databases) -> None:
        self._databases, self._lock = databases, threading.Lock()
        self._at, self._samples = float("-inf"), list[Sample]()

    def __call__(self) -> list[Sample]:
        with self._lock:
            if time.monotonic() - self._at >= _LOOK_SECONDS:
                self._samples, self._at = self._measured(), time.monotonic()
            return self._samples

    def _measured(self) -> list[Sample]:
        try:
            return list(measure(self._databases))
        except SmokError as error:
            logger.warning("nothing could be measured: %s", error)
            return []

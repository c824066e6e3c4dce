"""The numbers of `smok_cloud.metrics` as Prometheus and others of OpenMetrics read them."""

import logging
from collections.abc import Iterable, Iterator
from typing import Final, Self

from prometheus_client import CollectorRegistry
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    InfoMetricFamily,
    Metric as Family,
)
from prometheus_client.openmetrics.exposition import generate_latest
from prometheus_client.registry import Collector

from smok_cloud.metrics import METRICS, Kind, Metric, Sample, measure
from smok_core.databases import Databases, open_databases
from smok_core.errors import SmokError

logger = logging.getLogger(__name__)

_UP: Final = "1 if the device could be looked at, 0 if its configuration cannot be used."


def openmetrics(databases: Databases) -> str:
    """Return the numbers as OpenMetrics text."""
    text: bytes = generate_latest(registry(Fixed.of(databases)))  # type: ignore[no-untyped-call]
    return text.decode()


def registry(collector: Collector) -> CollectorRegistry:
    """Return a registry of this collector alone: nothing about this process is mixed in."""
    made = CollectorRegistry(auto_describe=False)
    made.register(collector)
    return made


class Fixed(Collector):
    """Gives the numbers that it was made with."""

    def __init__(self, samples: list[Sample]) -> None:
        self._samples = samples

    @classmethod
    def of(cls, databases: Databases) -> Self:
        """Measure now."""
        return cls(list(measure(databases)))

    def collect(self) -> Iterable[Family]:
        yield GaugeMetricFamily("smok_up", _UP, value=1)
        yield from _families(self._samples)


class Looker(Collector):
    """Looks at the device anew each time it is asked; any thread may ask.

    It opens the stores only to look, so it serves beside the device's own program, and a store
    that comes back is seen at once.
    """

    def __init__(self, config: str | None) -> None:
        self._config = config

    def collect(self) -> Iterable[Family]:
        try:
            with open_databases(self._config, looking=True) as databases:
                samples = list(measure(databases))
        except SmokError as error:
            logger.warning("the device could not be looked at: %s", error)
            yield GaugeMetricFamily("smok_up", _UP, value=0)
        else:
            yield from Fixed(samples).collect()


def _families(samples: list[Sample]) -> Iterator[Family]:
    for metric in METRICS.values():
        family = _family(metric)
        for sample in samples:
            if sample.name == metric.name:
                _add(family, metric, sample)
        if family.samples:
            yield family


def _family(metric: Metric) -> Family:
    if metric.kind is Kind.INFO:
        return InfoMetricFamily(metric.name, metric.help)
    make = CounterMetricFamily if metric.kind is Kind.COUNTER else GaugeMetricFamily
    last = metric.name.rpartition("_")[2]
    unit = last if last in ("seconds", "bytes") else ""
    return make(metric.name, metric.help, labels=metric.labels, unit=unit)


def _add(family: Family, metric: Metric, sample: Sample) -> None:
    if isinstance(family, InfoMetricFamily):
        family.add_metric([], dict(zip(metric.labels, sample.labels, strict=True)))
    elif isinstance(family, CounterMetricFamily | GaugeMetricFamily):
        family.add_metric(sample.labels, sample.value)

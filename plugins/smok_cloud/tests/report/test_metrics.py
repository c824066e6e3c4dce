"""``smok metrics``: printed, in a file, over HTTP, through OpenTelemetry."""

import signal
import subprocess
import sys
import urllib.request

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics
from prometheus_client.parser import text_string_to_metric_families as prometheus
from smok_cloud.metrics import METRICS
from smok_cloud.telemetry import observe

import smok_core


def samples(text, parse):
    """Give the samples by name and labels."""
    found = [sample for family in parse(text) for sample in family.samples]
    return {(s.name, *sorted(s.labels.values())): s.value for s in found}


def test_openmetrics_is_printed(smok, device, now):
    """A strict parser takes it; the numbers are those of the device."""
    found = samples(smok("metrics").out, openmetrics)
    assert found["smok_up",] == 1
    assert found["smok_pending_records", "local", "pathpoints"] == 2882
    assert found["smok_dead_letters", "local", "sensor_writes"] == 1
    assert found["smok_dropped_records_total", "local", "pathpoints"] == 0
    assert found["smok_device_info", smok_core.__version__, "pump-17"] == 1
    oldest = found["smok_oldest_pending_timestamp_seconds", "local", "pathpoints"]
    assert oldest == pytest.approx(now - 86_399)
    assert found["smok_store_size_bytes", "local"] > 0


def test_every_metric_has_a_name_that_monitoring_takes(smok, device):
    """Units stand in the names, help ends with a full stop, and every name is printed once."""
    for name, metric in METRICS.items():
        assert name.startswith("smok_")
        assert not name.endswith("_total")
        assert metric.help.endswith(".")
    names = [family.name for family in openmetrics(smok("metrics").out)]
    assert len(names) == len(set(names))
    assert set(names) - {"smok_up"} <= set(METRICS)


def test_a_textfile_is_what_node_exporter_takes(smok, device):
    """The older format, without the types that it does not know; written whole."""
    assert smok("metrics", "--textfile", "smok.prom").status == 0
    text = (device / "smok.prom").read_text()
    assert samples(text, prometheus)["smok_dead_letters", "local", "sensor_writes"] == 1
    types = {line.split()[3] for line in text.splitlines() if line.startswith("# TYPE")}
    assert types <= {"counter", "gauge"}
    assert [path.name for path in device.glob("*prom*")] == ["smok.prom"]


def test_a_store_that_is_away_is_zero_not_missing(smok, place):
    """The role is told to be down; its counts are absent, not 0."""
    text = '[stores.away]\nbackend = "redis"\nurl = "redis://127.0.0.1:1"\n'
    (place / "smok.toml").write_text(f'device = "d"\n{text}[roles]\nevents = "away"\n')
    found = samples(smok("metrics").out, openmetrics)
    assert found["smok_role_up", "away", "events"] == 0
    assert ("smok_pending_records", "away", "events") not in found
    assert found["smok_role_in_memory", "memory", "metadata"] == 1


@pytest.mark.parametrize("address", ["9464", "localhost", "127.0.0.1:99999", ":80"])
def test_a_bad_address_is_told(smok, address):
    """It says how to write one."""
    result = smok("metrics", "--listen", address)
    assert result.status == 2
    assert "Write it like 127.0.0.1:9464." in result.err


def test_it_is_served_until_sigterm(smok, device):
    """Each request looks anew; a broken configuration is told as smok_up 0; SIGTERM ends it."""
    words = [sys.executable, "-m", "smok_cli", "metrics", "--listen", "127.0.0.1:0"]
    with subprocess.Popen(words, stderr=subprocess.PIPE, text=True) as process:
        try:
            url = process.stderr.readline().strip()
            assert get(url)["smok_pending_records", "local", "metadata"] == 0
            with smok_core.open_databases("smok.toml") as databases:
                databases.metadata.put_plain("a", "b")
            assert get(url)["smok_pending_records", "local", "metadata"] == 1
            port = url.rpartition(":")[2].partition("/")[0]
            taken = smok("metrics", "--listen", f"127.0.0.1:{port}")
            assert (taken.status, "SMOK-F05" in taken.err) == (1, True)
            (device / "smok.toml").write_text("nonsense")
            assert get(url) == {("smok_up",): 0}
        finally:
            process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0


def get(url):
    """Ask as Prometheus does."""
    request = urllib.request.Request(url, headers={"Accept": "application/openmetrics-text"})
    with urllib.request.urlopen(request, timeout=20) as answer:
        return samples(answer.read().decode(), openmetrics)


def test_opentelemetry_collects_the_same_numbers(device):
    """Every metric is an instrument; its observations carry the labels as attributes."""
    reader = InMemoryMetricReader()
    provider = MeterProvider([reader])
    with smok_core.open_databases("smok.toml") as databases:
        observe(databases, provider)
        collected = reader.get_metrics_data().resource_metrics[0].scope_metrics[0].metrics
    provider.shutdown()
    found = {metric.name: metric for metric in collected}
    (point,) = (
        point
        for point in found["smok_pending_records"].data.data_points
        if point.attributes["role"] == "pathpoints"
    )
    assert (point.value, point.attributes["store"]) == (2882, "local")
    assert found["smok_dropped_records"].data.is_monotonic
    assert found["smok_store_size_bytes"].unit == "By"

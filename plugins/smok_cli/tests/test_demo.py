"""``smok demo``: the whole job, and that its proof would notice a loss."""

import json
from collections import Counter

import pytest
from smok_testing.cloud.state import State
from smok_testing.demo import proof
from smok_testing.demo.chart import short_number, sparkline
from smok_testing.demo.machine import Machine

from smok_core.model import OperationFailedError


@pytest.mark.usefixtures("config")
def test_the_whole_story(smok_process, place):
    """Record, SIGKILL, restart, upload over mutual TLS: lost 0, and the database stays in --dir."""
    pytest.importorskip("cryptography", reason="the cloud extra is not installed")
    result = smok_process("demo", "--seconds", "1", "--dir", "story")
    assert result.status == 0, result.out + result.err
    assert "\nlost 0\n" in result.out
    assert "Connection refused" in result.out
    assert "cpu.busy_percent" in result.out
    story = place / "story"
    promised = proof.promised(story / "journal.jsonl")
    assert all(promised.values())
    status = smok_process("--config", story / "smok.toml", "status", "--json")
    rows = {row["role"]: row for row in json.loads(status.out)["roles"]}
    assert rows["pathpoints"]["rows"] >= promised["point"].total()
    assert [row["role"] for row in rows.values() if row["pending"]] == []
    jobs = {job["job"]: job for job in json.loads(status.out)["cloud"]}
    assert jobs["pathpoints up"]["acknowledged"] == rows["pathpoints"]["rows"]
    assert jobs["pathpoints up"]["failures"] == 0
    shown = smok_process("--config", story / "smok.toml", "status")
    assert shown.out.startswith("OK  nothing pending, nothing lost\n")


def test_a_directory_in_use_is_refused(smok, place):
    """--dir does not mix its files with others."""
    place.joinpath("x").write_text("")
    assert smok("demo", "--dir", ".").status == 2


@pytest.fixture
def journal(tmp_path):
    """A journal with one record of each kind."""
    lines = [["point", "p", 1, 2.5], ["event", "up"], ["closed", "up"], ["write", 1, "me", "7"]]
    path = tmp_path / "journal.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


@pytest.fixture
def cloud():
    """A cloud that has what the journal says."""
    state = State()
    state.points.append({"path": "p", "timestamp": 1, "value": 2.5})
    state.event_arrivals.append({"message": "up", "ended_on": 9})
    state.sensor_writes.append({"timestamp": 1, "who": "me", "value": "7"})
    return state


def test_all_arrived(journal, cloud):
    """When everything arrived, nothing is lost."""
    tallies = proof.compare(proof.promised(journal), proof.received(cloud))
    assert [(t.promised, t.arrived, t.lost, t.unnoted) for t in tallies] == [(1, 1, 0, 0)] * 4


@pytest.mark.parametrize(
    ("spoil", "kind"),
    [
        (lambda cloud: cloud.points.clear(), "point"),
        (lambda cloud: cloud.points[0].update(value=2.6), "point"),
        (lambda cloud: cloud.points[0].update(timestamp=2), "point"),
        (lambda cloud: cloud.event_arrivals.clear(), "event"),
        (lambda cloud: cloud.event_arrivals[0].pop("ended_on"), "closed"),
        (lambda cloud: cloud.sensor_writes.clear(), "write"),
    ],
)
def test_a_loss_is_noticed(journal, cloud, spoil, kind):
    """A record that is missing or changed counts as lost."""
    spoil(cloud)
    tallies = proof.compare(proof.promised(journal), proof.received(cloud))
    assert kind in [tally.kind for tally in tallies if tally.lost == 1]


def test_repeats_and_extras_are_counted(journal, cloud):
    """What arrived twice or was never noted is told, and is no loss."""
    cloud.points.append(dict(cloud.points[0]))
    cloud.points.append({"path": "p", "timestamp": 2, "error_code": "timeout"})
    tally = proof.compare(proof.promised(journal), proof.received(cloud))[0]
    assert (tally.lost, tally.repeated, tally.unnoted) == (0, 1, 1)


def test_order_is_checked(cloud):
    """Values of one pathpoint that arrive out of order are noticed."""
    cloud.points.append({"path": "p", "timestamp": 2, "value": 1})
    assert proof.in_order(cloud)
    cloud.points.append({"path": "p", "timestamp": 0, "value": 1})
    assert not proof.in_order(cloud)


def test_readings_of_a_machine(tmp_path):
    """Values come from /proc; partitions are not counted beside their disk."""
    files = {
        "loadavg": "0.52 0.40 0.30 3/412 12345\n",
        "stat": "cpu  100 0 100 700 100 0 0 0 0 0\n",
        "meminfo": "MemTotal: 2000 kB\nMemAvailable:    1000 kB\n",
        "diskstats": "8 0 sda 1 0 10 0 1 0 20 0\n8 1 sda1 1 0 10 0 1 0 20 0\n"
        "259 0 nvme0n1 1 0 1 0 1 0 2 0\n259 1 nvme0n1p1 1 0 1 0 1 0 2 0\n",
        "net/dev": "Inter\n face\n  lo: 7 0 0 0 0 0 0 0 9 0\neth0: 1 0 0 0 0 0 0 0 2 0\n",
    }
    tmp_path.joinpath("net").mkdir()
    for name, text in files.items():
        tmp_path.joinpath(name).write_text(text)
    assert Machine(tmp_path).read(0) == {
        "load.1min": 0.52,
        "cpu.busy_percent": 20.0,
        "memory.available_bytes": 1_024_000,
        "disk.read_bytes": 11 * 512,
        "disk.written_bytes": 22 * 512,
        "network.received_bytes": 8,
        "network.sent_bytes": 11,
        "processes.running": 3,
    }


def test_what_cannot_be_read_is_a_failed_reading(tmp_path):
    """On a machine without /proc every reading is a failure with the given time."""
    values = Machine(tmp_path).read(17)
    assert len(values) == 8
    assert all(isinstance(v, OperationFailedError) and v.timestamp == 17 for v in values.values())


def test_sparkline():
    """The least value is the lowest bar, the greatest the highest; many values share a column."""
    assert sparkline([0, 7, 3.5], 10) == "▁█▅"
    assert sparkline([0, 7], 10, unicode=False) == "_#"
    assert sparkline([5, 5], 10) == "▁▁"
    assert sparkline([], 10) == ""
    assert set(sparkline([7.1] * 101, 34)) == {"▁"}
    assert Counter(sparkline([0] * 50 + [1] * 50, 10)) == {"▁": 5, "█": 5}


@pytest.mark.parametrize(
    ("number", "text"), [(12.5, "12.5"), (340, "340"), (12_000, "12.0 k"), (3.2e9, "3.2 G")]
)
def test_short_numbers(number, text):
    """Numbers are shown short."""
    assert short_number(number) == text

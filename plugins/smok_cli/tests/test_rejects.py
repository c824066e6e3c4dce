"""Rows that were not taken, and that nobody has looked at yet, are never overwritten."""

import errno
import json
import multiprocessing
import os
from pathlib import Path

import pytest
from smok_cli.readings.records import Rejected
from smok_cli.readings.rejects import Rejects


@pytest.fixture
def take(smok, config):
    """Ingest a file with these times, and give what became of it."""

    def run(name, *times, words=()):
        Path(name).parent.mkdir(exist_ok=True)
        rows = "".join(f"{time},1\n" for time in times)
        Path(name).write_text(f"time,value\n{rows}", encoding="utf-8")
        result = smok("ingest", name, "--json", *words)
        assert result.status == (8 if json.loads(result.out)["rejected"] else 0), result.err
        return json.loads(result.out)["rejects_file"]

    return run


def rejected(name):
    """The rows that a file of rejects holds."""
    lines = Path(name).read_text(encoding="utf-8").splitlines()
    return [line.split(",")[2] for line in lines[1:]]


def written(path, *texts):
    """Write rejected rows as one run does; give where they are."""
    rejects = Rejects(path)
    for text in texts:
        rejects.add(Rejected(2, "why", text))
    rejects.close()
    return rejects.path


def test_two_files_of_one_name_keep_their_rejects(take):
    """The same name in two folders, and the same stem with two endings."""
    found = [take("a/log.csv", "one"), take("b/log.csv", "two"), take("log.tsv", "three")]
    assert found == ["log.rejects.csv", "log.rejects-2.csv", "log.rejects-3.csv"]
    kept = [Path(name).read_text(encoding="utf-8") for name in found]
    assert ["one" in kept[0], "two" in kept[1], "three" in kept[2]] == [True] * 3


def test_repeating_makes_no_more_files(take):
    """Also of a file that grew meanwhile, in whatever order, and after one that was killed."""
    names = ("log.rejects.csv", "log.rejects-2.csv")
    for _ in range(2):
        assert (take("a/log.csv", "one"), take("b/log.csv", "two")) == names
    assert take("a/log.csv", "one", "three") == names[0]
    whole = Path(names[1]).read_bytes()
    Path(names[1]).write_bytes(whole[:-5])
    assert take("b/log.csv", "two") == names[1]
    assert Path(names[1]).read_bytes() == whole
    for number in (3, 4):  # runs that were killed before they wrote a row
        Path(f"log.rejects-{number}.csv").touch()
    assert take("a/log.csv", "one", "three", "four") == names[0]
    assert sorted(Path().glob("*rejects*")) == sorted(map(Path, names))


def test_a_named_file_is_not_overwritten_either(take):
    Path("bad.csv").write_text("mine", encoding="utf-8")
    assert take("log.csv", "one", words=("--rejects", "bad.csv")) == "bad-2.csv"
    assert Path("bad.csv").read_text(encoding="utf-8") == "mine"


def test_a_file_without_rejects_leaves_what_is_there(take):
    take("log.csv", "one")
    assert take("log.csv", "2024-01-01T00:00:00Z") is None
    assert Path("log.rejects.csv").exists()


def _hold(path, begun, done):
    rejects = Rejects(path)
    rejects.add(Rejected(2, "why", "a"))
    rejects._file.flush()
    begun.set()
    done.wait()
    rejects.add(Rejected(3, "why", "b"))
    rejects.close()


def test_a_file_that_another_process_writes_is_not_replaced(tmp_path):
    """What it writes after that would be in no file at all."""
    spawn = multiprocessing.get_context("spawn")
    begun, done = spawn.Event(), spawn.Event()
    other = spawn.Process(target=_hold, args=(tmp_path / "r.csv", begun, done))
    other.start()
    assert begun.wait(60)
    assert written(tmp_path / "r.csv", "a") == tmp_path / "r-2.csv"
    done.set()
    other.join()
    assert rejected(tmp_path / "r.csv") == ["a", "b"]


def test_a_pipe_is_written_to_as_it_is(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    reader = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    assert written(tmp_path / "pipe", "a") == tmp_path / "pipe"
    assert b"2,why,a" in os.read(reader, 1000)
    os.close(reader)


def test_a_link_that_took_the_name_is_left_alone(tmp_path):
    """One that came after the look at it, too: nothing is written through it."""
    rejects = Rejects(tmp_path / "r.csv")
    (tmp_path / "r.csv").symlink_to(tmp_path / "elsewhere.csv")
    rejects.add(Rejected(2, "why", "a"))
    rejects.close()
    assert rejects.path == tmp_path / "r-2.csv"
    assert not (tmp_path / "elsewhere.csv").exists()


def test_a_place_that_takes_no_file_is_told_with_the_way_out(smok, config):
    Path("log.csv").write_text("time,value\none,1\n", encoding="utf-8")
    result = smok("ingest", "log.csv", "--rejects", "nowhere/bad.csv")
    assert result.status == 1
    assert "nowhere/bad.csv" in result.err
    assert "Name another file: --rejects FILE." in result.err


def test_a_file_system_without_locks_will_do(tmp_path, monkeypatch):
    """Then no file takes the place of another: nobody can tell who writes to it."""

    def no_locks(*_):
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr("fcntl.flock", no_locks)
    assert written(tmp_path / "r.csv", "a") == tmp_path / "r.csv"
    assert written(tmp_path / "r.csv", "a") == tmp_path / "r-2.csv"

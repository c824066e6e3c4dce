"""What the operating system refuses has a code of its own, a place, and a way out."""

import errno
import subprocess
import sys

import pytest
from smok_cli.os_errors import from_os_error

from .conftest import child_environment


@pytest.mark.parametrize(
    ("number", "code", "remedy"),
    [
        (errno.ENOENT, "SMOK-F02", "Check the path"),
        (errno.EACCES, "SMOK-F03", "Run it as the user"),
        (errno.EROFS, "SMOK-F03", "Run it as the user"),
        (errno.ENOSPC, "SMOK-F04", "Free some space"),
        (errno.EADDRINUSE, "SMOK-F05", "Give another port"),
        (errno.EISDIR, "SMOK-F01", "Check the path"),
        (errno.EIO, "SMOK-F01", "Check the path"),
    ],
)
def test_each_failure_has_a_code(number, code, remedy):
    """And names the file."""
    error = from_os_error(OSError(number, "said so", "some/file"))
    assert error.code == code
    assert str(error).startswith("some/file: said so. ")
    assert remedy in str(error)


def test_a_directory_for_a_file_is_told(smok, config, place):
    """From the command: one line with code, place and way out."""
    (place / "out").mkdir()
    result = smok("export", "--output", "out")
    assert result.status == 1
    assert result.err.startswith("error [SMOK-F01]: out: Is a directory.")


def test_a_full_disk_is_told(smok, config):
    """A device that takes nothing: the line says so, and that the stores are not affected."""
    import smok_core

    with smok_core.open_databases(config) as databases:
        databases.pathpoints.on_new_data_many([("p", n, n) for n in range(5000)])
    result = smok("export", "--output", "/dev/full")
    assert result.status == 1
    assert "error [SMOK-F04]: " in result.err
    assert "what is stored is not affected" in result.err


def run_limited(kib, words):
    """Run the script in a process whose files may have so many KiB."""
    limited = f"ulimit -f {kib}; exec {sys.executable} -m smok_cli {words}"
    return subprocess.run(
        ["bash", "-c", limited],
        capture_output=True, text=True, check=False, env=child_environment(),
    )  # fmt: skip


@pytest.mark.parametrize("before", [None, "what was there"])
def test_a_disk_that_fills_leaves_no_half_file(config, place, before):
    """An export that ends early: nothing, or the old file, stands under the name."""
    import smok_core

    with smok_core.open_databases(config) as databases:
        databases.pathpoints.on_new_data_many([("p", n, n) for n in range(5000)])
    if before:
        (place / "out.csv").write_text(before, encoding="utf-8")
    done = run_limited(40, "export -o out.csv --force")
    assert done.returncode == 1
    assert done.stderr.startswith("error [SMOK-F04]: out.csv: "), done.stderr
    assert [path.read_text() for path in place.glob("*out.csv*")] == ([before] if before else [])


def test_rejected_rows_that_find_no_room_are_told(config, place):
    """The file is named, and how far it came."""
    rows = "".join(f"x{n},{n}\n" for n in range(20_000))
    (place / "in.csv").write_text(f"time,value\n2024-01-01T00:00:00Z,1\n{rows}", encoding="utf-8")
    done = run_limited(400, "ingest in.csv")
    assert done.returncode == 1
    assert "readings were stored before this" in done.stderr
    assert "error [SMOK-F04]: in.rejects.csv: " in done.stderr

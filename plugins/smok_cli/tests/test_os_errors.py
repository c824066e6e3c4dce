"""What the operating system refuses has a code of its own, a place, and a way out."""

from __future__ import annotations

import errno

import pytest
from smok_cli.os_errors import from_os_error


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

r"""What people read: no text of others reaches a terminal raw.

Names, values, file names, configurations and answers of a cloud may hold control characters, which
would move the cursor, rename the window or forge a line. Here they are shown escaped, as Python
writes them (``\x1b``). Files and JSON keep the data exactly.
"""

import json
import logging
import os
import re
import sys
from datetime import UTC, datetime
from typing import Any, Final

import click

#: Control characters, separators of lines, and what turns or hides text; no surrogate is printable.
_UNSAFE: Final = (
    "\x00-\x1f\x7f-\x9f\xad\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff"
)
_IN_A_LINE: Final = re.compile(f"[{_UNSAFE}]")
_IN_LINES: Final = re.compile(f"(?!\n)[{_UNSAFE}]")


def visible(text: object) -> str:
    """Return a text in one line with everything escaped that a terminal would obey."""
    return _IN_A_LINE.sub(_escaped, str(text))


def visible_lines(text: object) -> str:
    """Like `visible`, for a text of several lines: line feeds stay."""
    return _IN_LINES.sub(_escaped, str(text))


def json_lines(text: str) -> str:
    """Escape the same characters in JSON as JSON does: the data stay exactly the same."""
    return _IN_LINES.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def say(text: object = "", *, err: bool = False, nl: bool = True, **style: Any) -> None:
    """Print a text for people, escaped; ``style`` is that of `click.style`."""
    click.secho(visible_lines(text), err=err, nl=nl, **style)


def _escaped(found: re.Match[str]) -> str:
    return found[0].encode("unicode_escape").decode()


class SafeFormatter(logging.Formatter):
    """Writes log lines, tracebacks included, with `visible_lines`."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        return visible_lines(super().format(record))


def _utc(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


class _JsonFormatter(logging.Formatter):
    """Writes a record as one line of JSON."""

    def format(self, record: logging.LogRecord) -> str:
        told = {"time": _utc(record.created), "level": record.levelname}
        told |= {"logger": record.name, "message": record.getMessage()}
        if record.exc_info:
            told["traceback"] = self.formatException(record.exc_info)
        return json.dumps(told)


def log_to_stderr(level: int, form: str = "text") -> None:
    """Write log records of this level and above: time, level and message, safe for a terminal.

    Args:
        level: Of `logging`.
        form: ``text``, or ``json`` for an object with time, level, logger and message a line.
    """
    logging.basicConfig(level=level)
    text = SafeFormatter("%(asctime)s %(levelname)s %(message)s", "%Y-%m-%dT%H:%M:%S%z")
    for handler in logging.getLogger().handlers:
        handler.setFormatter(_JsonFormatter() if form == "json" else text)


def guard_streams() -> None:
    """Make any text printable on stdout and stderr, and log lines safe that nobody formats."""
    _open_closed_streams()
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    if logging.lastResort is not None:
        logging.lastResort.setFormatter(SafeFormatter())


def _open_closed_streams() -> None:
    """Put nothing where a stream was closed (``smok ... >&-``), as some starters of programs do.

    The next file that is opened would get its number, and what is printed would go into it.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: PTH123, SIM115

"""Find the line on which each key of a TOML file stands; ``tomllib`` reads values without lines.

It runs only on text that ``tomllib`` has accepted, so it has to recognise keys, not to judge them.
"""

import re
import tomllib
from typing import Final

Key = tuple[str, ...]

_KEY: Final = r"""(?P<key>(?:[\w.\-\s]|"(?:[^"\\]|\\.)*"|'[^']*')+?)\s*"""
_HEADER: Final = re.compile(rf"\s*\[\[?{_KEY}\]")
_PAIR: Final = re.compile(rf"{_KEY}=")


def find_lines(text: str) -> dict[Key, int]:
    """Return ``{("stores", "local", "path"): 4, ...}``, lines counted from 1."""
    lines: dict[Key, int] = {}
    table: Key = ()
    open_value = ""
    for number, line in enumerate(text.replace("\r\n", "\n").split("\n"), 1):
        if open_value:
            open_value = _still_open(open_value + "\n" + line)
        elif header := _HEADER.match(line):
            table = _split(header["key"])
            _remember(lines, table, number)
        elif pair := _PAIR.match(line):
            _remember(lines, table + _split(pair["key"]), number)
            open_value = _still_open(line)
    return lines


def _remember(lines: dict[Key, int], key: Key, number: int) -> None:
    for length in range(1, len(key) + 1):
        lines.setdefault(key[:length], number)


def _split(key: str) -> Key:
    """Take a dotted key apart, quotes respected: ``a."b.c"`` is ``("a", "b.c")``."""
    node = tomllib.loads(f"{key} = 0")
    parts: list[str] = []
    while isinstance(node, dict):
        name, node = next(iter(node.items()))
        parts.append(name)
    return tuple(parts)


def _still_open(value: str) -> str:
    """Return the text while it is not a whole ``key = value`` yet (an array or a long text)."""
    try:
        tomllib.loads(value)
    except tomllib.TOMLDecodeError:
        return value
    return ""

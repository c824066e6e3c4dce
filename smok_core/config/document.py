"""The raw configuration: a tree of values from a file or dict with the environment laid over it."""

import stat
import tomllib
from pathlib import Path
from typing import Any, Final, Self

import msgspec

from smok_core.config.lines import Key, find_lines
from smok_core.errors import ConfigError, ConfigProblem

DEFAULT_FILE: Final = "smok.toml"
FILE_VARIABLE: Final = "SMOK_CONFIG"
OVERRIDE_PREFIX: Final = "SMOK__"
_MAX_FILE_BYTES: Final = 1024 * 1024


class Written(str):
    """What a variable or a file gave: the field it is for says whether it is more than a text."""

    __slots__ = ()

    @property
    def value(self) -> Any:
        """Return the number, list, … that TOML reads; the text itself where it reads none."""
        try:
            tree = tomllib.loads(f"value = {self}")
        except (tomllib.TOMLDecodeError, RecursionError):
            return str(self)
        return tree["value"] if len(tree) == 1 else str(self)


class Document:
    """The raw tree of values, and where each came from; later layers win and are remembered."""

    def __init__(self, path: Path | None, tree: dict[str, Any], label: str) -> None:
        self.path, self.tree, self._label = path, tree, label
        self.base_dir = path.parent.absolute() if path else Path.cwd()
        self._lines: dict[Key, int] = {}
        self._overrides: dict[Key, str] = {}
        self.history: dict[Key, list[str]] = {}

    @classmethod
    def read(cls, source: Any, environ: dict[str, str]) -> Self:
        """Read the file or take the dict, then lay the environment over it."""
        if isinstance(source, dict):
            tree = _copy_tree(msgspec.convert(source, dict[str, Any]))
            document = cls(None, tree, "the given dict")
        else:
            document = cls._from_file(Path(source or environ.get(FILE_VARIABLE) or DEFAULT_FILE))
        for name in sorted(environ):
            if name.startswith(OVERRIDE_PREFIX):
                document.override(name, environ[name])
        return document

    @classmethod
    def _from_file(cls, path: Path) -> Self:
        try:
            if path.stat().st_size > _MAX_FILE_BYTES:
                raise _unusable(path, f"it is larger than {_MAX_FILE_BYTES} bytes. Shorten it.")
            # Editors add a mark; newlines stay: tomllib counts lines by its own rule.
            text = path.read_bytes().decode("utf-8-sig")
            document = cls(path, tomllib.loads(text), str(path))
        except FileNotFoundError:
            raise _unusable(path, "there is no such file. `smok init` writes one.") from None
        except (tomllib.TOMLDecodeError, RecursionError) as error:
            reason = str(error) or "it is nested too deeply"
            raise _unusable(path, f"not TOML: {reason}. Correct the syntax.") from None
        except (OSError, ValueError) as error:  # no text, or a NUL in the file's name
            reason = getattr(error, "strerror", None) or str(error)
            raise _unusable(path, f"{reason}. Make it a readable text file, UTF-8.") from None
        document._lines = find_lines(text)
        return document

    def override(self, name: str, text: str) -> None:
        """Lay ``SMOK__ROLES__EVENTS=plant`` over the tree; keys there match in any case."""
        *tables, last = name.removeprefix(OVERRIDE_PREFIX).split("__")
        node, label = self.tree, f"environment variable {name}"
        key: Key = ()
        for part in tables:
            key = (*key, _spelling(part, node))
            if not isinstance(node.get(key[-1]), dict):
                node[key[-1]], self._overrides[key] = {}, label
            node = node[key[-1]]
        key = (*key, _spelling(last, node))
        if key[-1] in node:
            self.history.setdefault(key, []).append(f"{node[key[-1]]!r} at {self.where(key)}")
        value = Written(text).value
        node[key[-1]] = value if isinstance(value, str | dict) else Written(text)
        self._overrides[key] = label

    def where(self, key: Key) -> str:
        """Tell where a key was set: ``smok.toml:12``, or the nearest table that has a line."""
        for length in range(len(key), 0, -1):
            part = key[:length]
            if part in self._overrides:
                return self._overrides[part]
            if part in self._lines:
                return f"{self._label}:{self._lines[part]}"
        return f"{self._label}:1" if self.path else f"{self._label}, {'.'.join(key)}"

    def blame(self, key: Key) -> str:
        """Tell where a mistake in a table can come from: its place, and what overrides it."""
        inside = [self._overrides[k] for k in self._overrides if k[:-1][: len(key)] == key]
        return ", ".join([self.where(key), *inside])


def exposed(path: Path, others: int, risk: str, way_out: str) -> str | None:
    """Warn if others than the owner have one of these rights to a file."""
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
    except (OSError, ValueError):
        return None
    return f"{path} {risk} (mode {mode:04o}): {way_out} {path}" if mode & others else None


def _unusable(path: Path, text: str) -> ConfigError:
    return ConfigError(path, [ConfigProblem(str(path), text)])


def _spelling(part: str, node: dict[str, Any]) -> str:
    """Return the key of the table that is meant; shells and Windows write names in upper case."""
    lower = part.lower()
    return next((key for key in (part, *node) if key in node and key.lower() == lower), lower)


def _copy_tree(tree: Any) -> Any:
    return {k: _copy_tree(v) for k, v in tree.items()} if isinstance(tree, dict) else tree

"""Turn raw values into checked settings: every field for itself, so all errors are found."""

from __future__ import annotations

import typing
from typing import TYPE_CHECKING, Any, Final

import msgspec

from smok_core.config.document import Document
from smok_core.config.exposure import readable_secret
from smok_core.config.lines import Key
from smok_core.errors import ConfigProblem
from smok_core.settings import Secret, decode_setting

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Fields", "nearest"]

_MAX_SECRET_BYTES: Final = 64 * 1024


class Fields:
    """Makes settings of a document's values and notes what is wrong with them.

    Args:
        document: Knows where each value was set.
        environ: Where ``{ env = "NAME" }`` points.
        base_dir: What ``{ file = "PATH" }`` is relative to.
    """

    def __init__(self, document: Document, environ: dict[str, str], base_dir: Path) -> None:
        self._document, self._environ, self._base_dir = document, environ, base_dir
        self.problems: list[ConfigProblem] = []
        self.warnings: list[str | None] = []  #: what is no error, and still should be mended

    def convert(
        self, values: dict[str, Any], kind: type[Any], key: Key, others: tuple[str, ...] = ()
    ) -> Any:
        """Make a settings Struct; every field is checked for itself, so all errors are found."""
        known = {field.name: field for field in msgspec.structs.fields(kind)}
        self.check_names(values, (*known, *others), key)
        before = len(self.problems)
        fields = {
            name: self._field(known[name].type, value, (*key, name))
            for name, value in values.items()
            if name in known
        }
        for field in known.values():
            if field.required and field.name not in fields:
                self.problem(key, f"{field.name} is missing. Add: {field.name} = ...")
        # Fields that only fit together wrongly are found by the Struct as a whole.
        return self._checked(fields, kind, key) if len(self.problems) == before else None

    def _field(self, kind: Any, value: Any, key: Key) -> Any:
        resolved = self._resolve(value, key)
        if isinstance(resolved, Secret) and Secret not in _parts(kind):
            resolved = resolved.reveal()
        return self._checked(resolved, kind, key)

    def _checked(self, value: Any, kind: Any, key: Key) -> Any:
        try:
            return msgspec.convert(value, kind, dec_hook=decode_setting)
        except (msgspec.ValidationError, ValueError) as error:
            self.problem(key, f"{key[-1]}: {str(error).rstrip('.')}. Correct the value.")
            return None

    def _resolve(self, value: Any, key: Key) -> Any:
        """Replace ``{ env = "NAME" }`` and ``{ file = "PATH" }`` by what they point to."""
        if not isinstance(value, dict) or len(value) != 1:
            return value
        source, name = next(iter(value.items()))
        if source not in ("env", "file") or not isinstance(name, str):
            return value
        found = self._environ.get(name) if source == "env" else self._secret_file(name, key)
        if found is None and source == "env":
            self.problem(key, f"the environment variable {name} is not set. Set it.")
        return Secret(found or "")

    def _secret_file(self, name: str, key: Key) -> str | None:
        path = self._base_dir / name
        self.warnings.append(readable_secret(path))
        try:
            small = path.is_file() and path.stat().st_size <= _MAX_SECRET_BYTES
            text = path.read_text() if small else None
            reason = f"it is no plain file of at most {_MAX_SECRET_BYTES} bytes"
        except (OSError, UnicodeDecodeError) as error:
            text, reason = None, getattr(error, "strerror", None) or "it is not text"
        if text is None:
            self.problem(key, f"the file {path} cannot be read: {reason}. Make it readable.")
        return text and text.removesuffix("\n")

    def check_names(self, table: dict[str, Any], known: tuple[str, ...], key: Key) -> None:
        """Note each key that is not known, with the nearest one that is."""
        for name in table:
            if name not in known:
                place = f" in [{'.'.join(key)}]" if key else ""
                self.problem(
                    (*key, name),
                    f"unknown key {name!r}{place}.{nearest(name, known)} "
                    f"Known: {', '.join(sorted(known))}.",
                )

    def problem(self, key: Key, message: str) -> None:
        """Note what is wrong; what several roles find in a shared default is noted once."""
        problem = ConfigProblem(self._document.where(key), message)
        if str(problem) not in map(str, self.problems):
            self.problems.append(problem)


def nearest(name: str, known: Any) -> str:
    """Give " Did you mean ...?" for the nearest known name; nothing where none is near."""
    import difflib  # noqa: PLC0415 - needed only to explain a mistake

    near = difflib.get_close_matches(name, list(known), n=1)
    return f" Did you mean {near[0]!r}?" if near else ""


def _parts(kind: Any) -> set[Any]:
    """Give a type and all types it is made of: ``Annotated[Secret | None, ...]`` has Secret."""
    return {kind}.union(*(_parts(part) for part in typing.get_args(kind)))

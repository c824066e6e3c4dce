"""Turn raw values into checked settings: every field for itself, so all errors are found."""

import enum
import os
import re
import types
import typing
from typing import Any, Final

import msgspec

from smok_core.config.document import Document, Written, exposed
from smok_core.config.lines import Key
from smok_core.engine.forks import Layer, fork_safe_lock
from smok_core.errors import ConfigProblem, nearest
from smok_core.settings import PATH, Secret, decode_setting

#: The options of a backend are a class of its own, seen for the first time; see `prepared`.
_one_thread: Final = fork_safe_lock(Layer.CALLER)
_MAX_SECRET_BYTES: Final = 64 * 1024
_VARIABLE: Final = re.compile(r"\$(\$|\w+|\{\w+\})")
_HALF: Final = re.compile("[\ud800-\udfff]")  # what stands for bytes of a variable beside UTF-8


class Fields:
    """Makes settings of a document's values and notes what is wrong with them."""

    def __init__(self, document: Document, environ: dict[str, str]) -> None:
        self.document, self._environ = document, environ
        self.problems: list[ConfigProblem] = []
        self.warnings: list[str | None] = []  #: what is no error, and still should be mended

    def convert(
        self, values: dict[str, Any], kind: type[Any], key: Key, others: tuple[str, ...] = ()
    ) -> Any:
        """Make a settings Struct, or None; all that is wrong is noted."""
        known = {field.name: field for field in msgspec.structs.fields(kind)}
        self.check_names(values, (*known, *others), key)
        fields = {}
        for name in [name for name in values if name in known]:
            before = len(self.problems)
            made = self.setting(values[name], known[name].type, (*key, name))
            if len(self.problems) == before:
                fields[name] = made
        required = {field.name for field in known.values() if field.required}
        for name in sorted(required.difference(values)):
            self.problem(key, f"{name} is missing. Add: {name} = ...")
        # The Struct as a whole finds what does not fit together, of what is right so far.
        return self._checked(fields, kind, key) if required <= fields.keys() else None

    def setting(self, value: Any, kind: Any, key: Key) -> Any:
        """Return one value as its type has it; None if it is wrong, which is noted once."""
        before, parts = len(self.problems), _parts(kind)
        value = self._resolve(value, key)
        if isinstance(value, Written):
            value = str(value) if str in parts or Secret in parts else value.value
        if isinstance(value, str) and any(getattr(part, "extra", 0) == PATH for part in parts):
            value = self._expanded(value, key)
        elif isinstance(value, str) and _HALF.search(value):
            self.problem(key, f"{key[-1]} holds half a character. Write it as UTF-8.")
        return self._checked(value, kind, key) if len(self.problems) == before else None

    def _checked(self, value: Any, kind: Any, key: Key) -> Any:
        try:
            with _one_thread:
                return msgspec.convert(value, kind, dec_hook=decode_setting)
        except (msgspec.ValidationError, ValueError) as error:
            self.problem(key, f"{key[-1]}: {_reason(str(error), kind)}. Correct the value.")
            return None

    def _expanded(self, path: str, key: Key) -> str:
        """Put in home directories and variables as a shell does; ``$$`` is a dollar sign."""
        path = os.path.expanduser(path)  # noqa: PTH111 - Path takes "./~x" for a home
        if path.startswith("~"):
            self.problem(key, f"{path}: nobody's home is called so. Write the path in full.")
        return _VARIABLE.sub(lambda found: self._variable(found[1].strip("{}"), key), path)

    def _variable(self, name: str, key: Key) -> str:
        value = "$" if name == "$" else self._environ.get(name)
        if value is None:
            self.problem(key, f"the environment variable {name} is not set. Set it.")
        return value or ""

    def _resolve(self, value: Any, key: Key) -> Any:
        """Replace ``{ env = "NAME" }`` and ``{ file = "PATH" }`` by what they point to."""
        if not isinstance(value, dict) or len(value) != 1:
            return value
        source, name = next(iter(value.items()))
        if source not in ("env", "file") or not isinstance(name, str):
            return value
        return Written((self._variable if source == "env" else self._secret_file)(name, key))

    def _secret_file(self, name: str, key: Key) -> str:
        path = self.document.base_dir / self._expanded(name, key)
        risk = "holds a secret, and others can read it"
        self.warnings.append(exposed(path, 0o066, risk, "chmod 600"))
        try:
            small = path.is_file() and path.stat().st_size <= _MAX_SECRET_BYTES
            text = path.read_text(encoding="utf-8-sig") if small else None
            reason = f"it is no plain file of at most {_MAX_SECRET_BYTES} bytes"
        except (OSError, ValueError) as error:
            text, reason = None, getattr(error, "strerror", None) or "it is not text"
        if text is None:
            self.problem(key, f"the file {path} cannot be read: {reason}. Make it readable.")
        return (text or "").removesuffix("\n")

    def table(self, name: str) -> dict[str, Any]:
        """Return a table of the document; what stands in its place is noted, and gone."""
        table = self.document.tree.get(name, {})
        if isinstance(table, dict):
            return table
        self.document.tree[name] = {}
        self.problem((name,), f"{name} is a table. Write: [{name}]")
        return {}

    def check_names(self, table: dict[str, Any], known: tuple[str, ...], key: Key) -> None:
        """Note each key that is not known, with the nearest one that is."""
        for name in table:
            if name not in known:
                place = f" in [{'.'.join(key)}]" if key else ""
                wrong = f"unknown key {name!r}{place}.{nearest(name, known)}"
                self.problem((*key, name), f"{wrong} Known: {', '.join(sorted(known))}.")

    def problem(self, key: Key, message: str) -> None:
        """Note what is wrong; what several roles find in a shared default is noted once."""
        problem = ConfigProblem(self.document.blame(key), message)
        if problem not in self.problems:
            self.problems.append(problem)


def _parts(kind: Any) -> list[Any]:
    """Take unions and annotations apart: ``Annotated[Secret | None, ...]`` has Secret."""
    if typing.get_origin(kind) not in (typing.Annotated, typing.Union, types.UnionType):
        return [kind]
    return [part for argument in typing.get_args(kind) for part in _parts(argument)]


def _choices(kind: Any) -> list[str]:
    """Return the words that a type allows."""
    if isinstance(kind, enum.EnumType):
        return [str(member.value) for member in typing.cast("type[enum.Enum]", kind)]
    if typing.get_origin(kind) is typing.Literal:
        return list(map(str, typing.get_args(kind)))
    return [word for part in typing.get_args(kind) for word in _choices(part)]


def _reason(text: str, kind: Any) -> str:
    """Say what is wrong in words for people: choices are listed, a pattern is described."""
    if " matching regex" in text:
        help = [getattr(part, "description", None) for part in _parts(kind)]  # noqa: A001
        return f"it does not fit: {next(filter(None, help), '')}".rstrip(".")
    if "enum value" in text:
        words = _choices(kind)
        return f"{text}.{nearest(text.split(chr(39))[1], words)} Known: {', '.join(words)}"
    return text.rstrip(".")

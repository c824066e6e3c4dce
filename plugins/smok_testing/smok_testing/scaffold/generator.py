"""Write the distribution of a new backend from the templates."""

import re
from collections.abc import Iterator
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Final, Self

import msgspec

from smok_core.errors import InvalidValue

_GOOD: Final = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_LONGEST: Final = 20
_SUFFIX: Final = ".tmpl"
#: Names that mean something already: built-in backends, this project's, and words of its own.
_TAKEN: Final = frozenset({"memory", "null", "core", "pickle", "redis", "mongo", "default"})


class PluginNames(msgspec.Struct, frozen=True):
    """What a backend is called in a config, on the package index, in Python, as a class."""

    backend: str

    @property
    def distribution(self) -> str:
        """The name on the package index."""
        return f"smok-{self.backend}"

    @property
    def package(self) -> str:
        """The import name."""
        return self.distribution.replace("-", "_")

    @property
    def class_prefix(self) -> str:
        """The first part of the classes' names."""
        return "".join(part.capitalize() for part in self.backend.split("-"))

    @classmethod
    def checked(cls, backend: str) -> Self:
        """Return the names of a backend.

        Raises:
            InvalidValue: It cannot be called so; the message has a name that would do.
        """
        if backend in _TAKEN:
            reason, remedy = "is taken", "Choose a name that says where the data goes."
        elif not _GOOD.fullmatch(backend) or len(backend) > _LONGEST:
            reason, remedy = "is no name of a backend", _suggest(backend)
        elif backend.startswith("smok-"):
            reason = "would become smok-smok-..."
            remedy = f"Leave the prefix out: {backend.removeprefix('smok-') or 'acme'!r}."
        else:
            return cls(backend)
        raise InvalidValue("new-plugin", backend, reason, remedy)

    def fill(self, text: str) -> str:
        """Put these names in the place of acme's."""
        for old, new in (
            ("smok_acme", self.package),
            ("smok-acme", self.distribution),
            ("Acme", self.class_prefix),
            ("acme", self.backend),
        ):
            text = text.replace(old, new)
        return text


def _suggest(backend: str) -> str:
    rule = "Use lower-case letters, digits and single hyphens, a letter first, at most 20"
    words = re.findall(r"[a-z0-9]+", re.sub(r"(?<=[a-z])(?=[A-Z])", "-", backend).lower())
    near = "-".join(words).removeprefix("smok-").lstrip("0123456789-")[:_LONGEST].rstrip("-")
    usable = near and near not in _TAKEN and _GOOD.fullmatch(near)
    return f"{rule}; for example {near!r}." if usable else f"{rule}; for example 'acme'."


def write_plugin(backend: str, directory: Path, *, sql: bool = False) -> list[Path]:
    """Write the distribution ``smok-<backend>`` into a new directory under ``directory``.

    Args:
        backend: What users write in their config.
        directory: Where the new directory is made.
        sql: On an SQLite file, with schema and transactions, instead of on dicts.

    Returns:
        The files that were written.

    Raises:
        InvalidValue: A backend cannot be called so, or the directory is there already.
    """
    names = PluginNames.checked(backend)
    root = directory / names.distribution
    try:
        root.mkdir(parents=True)
    except FileExistsError:
        remedy = "Choose another name, give another --directory, or move it away."
        raise InvalidValue("new-plugin", str(root), "is there and was left alone", remedy) from None
    found = _templates(names, sql=sql)
    return [_write(names, template, root / where) for where, template in found.items()]


def _templates(names: PluginNames, *, sql: bool) -> dict[str, Traversable]:
    """Return the templates by their paths; of two for one file the one on SQL."""
    folders = ["templates", *(["templates_sql"] if sql else [])]
    walks = (_walk(names, resources.files(__package__) / folder, "") for folder in folders)
    return {where: template for walk in walks for template, where in walk}


def _walk(
    names: PluginNames, folder: Traversable, prefix: str
) -> Iterator[tuple[Traversable, str]]:
    for item in sorted(folder.iterdir(), key=lambda found: found.name):
        # A leading dot would hide the template from the tools that build our wheel.
        name = names.fill(re.sub(r"^dot_", ".", item.name)).removesuffix(_SUFFIX)
        if item.is_dir():
            yield from _walk(names, item, f"{prefix}{name}/")
        elif item.name.endswith(_SUFFIX):
            yield item, prefix + name


def _write(names: PluginNames, template: Traversable, path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(names.fill(template.read_text("utf-8")), encoding="utf-8")
    return path

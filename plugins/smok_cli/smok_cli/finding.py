"""The commands that the installed distributions offer, found and listed without importing any."""

import ast
import importlib.util
from pathlib import Path
from typing import Final

import click

from smok_core.errors import PluginContract
from smok_core.hookspecs import API_MAJOR
from smok_core.registry.discovery import COMMANDS, Candidate, discover
from smok_core.registry.loader import choose, import_plugin

#: Commands of this project, with what to install for one.
KNOWN: Final = {
    "run": "smok-core[cloud]",
    "certs": "smok-core[cloud]",
    "report": "smok-core[report]",
    "plot": "smok-core[report]",
    "metrics": "smok-core[report]",
    "import-legacy": "smok-core[client]",
    "conformance": "smok-core[testing]",
    "new-plugin": "smok-core[testing]",
    "sandbox": "smok-core[testing]",
    "demo": "smok-core[testing]",
}
_KIND: Final = "command"


def candidates() -> list[Candidate]:
    """Return what is installed for this version of the plugin interface."""
    return [found for found in discover(kind=COMMANDS) if found.api == str(API_MAJOR)]


def command_names() -> list[str]:
    """Name every command once, without importing any."""
    return sorted({candidate.name for candidate in candidates()})


def load_command(name: str) -> click.Command | None:
    """Import a command; None if nobody offers it.

    Raises:
        PluginError: It is there and cannot be had: broken, offered twice, or no click command.
    """
    candidate = choose(name, discover(kind=COMMANDS), _KIND)
    if candidate is None:
        return None
    command = import_plugin(candidate, _KIND)
    if not isinstance(command, click.Command):
        detail = (
            f"{candidate.value} is no click.Command (it is of the type {type(command).__name__})"
        )
        raise PluginContract(candidate.name, candidate.package, detail, _KIND)
    return command


def summary(name: str) -> str:
    """Return the line that ``smok --help`` shows: the docstring's first, from the module's source.

    The text is read, the module is not imported. So a command that cannot be imported is listed
    like any other; where there is no source (a frozen application) there is no line.
    """
    rivals = [candidate for candidate in candidates() if candidate.name == name]
    if len(rivals) > 1:
        return f"offered by {' and '.join(found.package for found in rivals)}: uninstall one."
    source = _source(rivals[0].value.partition(":")[0])
    if source is None:
        return f"cannot be loaded: {rivals[0].package} has no module {rivals[0].value!r}."
    return _first_line(source, f"``smok {name}``: ")


def _source(module: str) -> Path | None:
    """Find a module's file. Only the top package is looked up, which imports nothing."""
    top, *below = module.split(".")
    try:
        spec = importlib.util.find_spec(top)
    except (ImportError, ValueError):
        return None
    if spec is None:
        return None
    if not below:
        return Path(spec.origin) if spec.origin else None
    for folder in spec.submodule_search_locations or ():
        stem = Path(folder, *below)
        for path in (stem.with_name(f"{stem.name}.py"), stem / "__init__.py"):
            if path.is_file():
                return path
    return None


def _first_line(path: Path, prefix: str) -> str:
    try:
        text = ast.get_docstring(ast.parse(path.read_bytes())) or ""
    except (OSError, SyntaxError, ValueError) as error:
        return f"cannot be loaded: {type(error).__name__} in {path.name}."
    line = text.partition("\n")[0].removeprefix(prefix)
    return f"{line[:1].upper()}{line[1:]}"

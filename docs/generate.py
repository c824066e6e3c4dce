"""Write the pages of the reference that have a source in the code.

``python docs/generate.py`` writes them, ``--check`` only tells (exit status 1) which are stale.
"""

# ruff: noqa: INP001 - a script beside the pages that it writes
from __future__ import annotations

import enum
import importlib
import inspect
import re
import sys
import types
import typing
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click
import msgspec
from smok_cli.finding import command_names, load_command, summary
from smok_cli.state.losses import Finding
from smok_cli.state.model import RoleStatus, StoreStatus
from smok_cli.state.outlook import Outlook
from smok_cli.state.report import VERSION, StatusReport
from smok_cli.state.verdict import Verdict
from smok_cli.template import _toml as toml_value
from smok_cloud.metrics import METRICS, Metric
from smok_cloud.options import CloudSettings
from smok_cloud.statistics import JobStatistics
from smok_testing import Subject

from smok_core import errors
from smok_core.engine import base
from smok_core.hookspecs import BackendInfo, Capability, SmokHooks
from smok_core.roles import ROLES
from smok_core.settings import StoreSettings

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

ROOT: Final = Path(__file__).resolve().parent.parent
REFERENCE: Final = ROOT / "docs" / "reference"
_MARK: Final = "<!-- Written by docs/generate.py from the code: change it there. -->"


def pages() -> dict[str, str]:
    """Return every generated page by its path under ``docs/reference``."""
    found = {f"roles/{role}.md": role_page(role) for role in ROLES}
    found |= {"config.md": config_page(), "cli.md": cli_page()}
    found |= {"errors.md": errors_page(), "hooks.md": hooks_page(), "engine.md": engine_page()}
    return found | {"metrics.md": metrics_page(), "status.md": status_page()}


# --- roles ---------------------------------------------------------------------------------------


def role_page(role: str) -> str:
    """Return the page of a role: its abstract classes, method by method."""
    module = importlib.import_module(f"smok_core.roles.{role}")
    classes = [cls for cls in _classes(module) if cls.__name__.startswith(("Base", "Null"))]
    head = f"# Role `{role}`\n\n{_clean(module.__doc__ or '')}\n\n"
    use = f"Config key `{role}`, hook `smok_open_{role}`, attribute `databases.{role}`.\n"
    return _page(head + use + "".join(map(_class_section, classes)))


def _classes(module: Any) -> list[type]:
    members = (cls for _, cls in inspect.getmembers(module, inspect.isclass))
    own = [cls for cls in members if cls.__module__ == module.__name__]
    return sorted(own, key=lambda cls: inspect.getsourcelines(cls)[1])


def _class_section(cls: type) -> str:
    methods = "".join(_method(name, member) for name, member in _methods(cls))
    return f"\n## `{cls.__name__}`\n\n{_clean(cls.__doc__ or '')}\n{methods}"


def _methods(cls: type) -> Iterator[tuple[str, Any]]:
    for name, member in vars(cls).items():
        if not name.startswith("_") and isinstance(member, types.FunctionType | property):
            yield name, member


def _method(name: str, member: Any) -> str:
    text = inspect.getdoc(member)
    if isinstance(member, property):
        return f"\n### `{name}`: a property\n\n{_clean(text or '')}\n"
    told = f"\n\n{_clean(text)}\n" if text else "\n"
    return f"\n### `{name}{_signature(member)}`{told}"


def _signature(member: Any) -> str:
    text = str(inspect.signature(member)).replace("'", "").replace("self, ", "")
    return text.replace("(self)", "()")


# --- config --------------------------------------------------------------------------------------

_SHAPES: Final = """\
# Configuration

`smok.toml`, or what `$SMOK_CONFIG` or `--config` names; `open_databases` takes a path or a dict.
`smok init` writes one with comments, `smok check` tries it, `smok why` explains it.

| table or key | |
|---|---|
| `device` | the device's id; else it is taken from the certificate of `[cloud]` |
| `[stores.NAME]` | a store: `backend`, its options, and the settings below |
| `[roles]` | `default` and the nine roles: a store's name, or `{ store = NAME, require = [...] }` |
| `[cloud]` | where the SMOK cloud is; needs `smok-core[cloud]` |

A role without a store is kept in memory. The stores `memory` and `null` (for `events`: keep
nothing) are always there. Unknown keys are errors that name the nearest known one; all errors come
in one pass, each with its file and line.

Any text can stand elsewhere: `{ env = "NAME" }` or `{ file = "PATH" }`; one trailing newline of a
file is left out. The environment overrides the file: `SMOK__ROLES__EVENTS=plant`,
`SMOK__STORES__PLANT__URL=redis://host`.
"""


def config_page() -> str:
    """Return the page of the config's keys."""
    roles = ", ".join(f"`{role}`" for role in ("default", *ROLES))
    capabilities = "".join(f"| `{c.value}` | {_comment_of(Capability, c)} |\n" for c in Capability)
    return _page(
        _SHAPES
        + "\n## `[stores.NAME]`: settings of every store\n\n"
        + "`backend` names the backend (`smok backends` shows the installed ones). Further keys\n"
        + "are the backend's own options; its README and `smok init` show them.\n\n"
        + _options(StoreSettings)
        + f"\n## `[roles]`\n\nKeys: {roles}.\n\n"
        + "`require` lists capabilities that the store must offer:\n\n"
        + f"| capability | |\n|---|---|\n{capabilities}"
        + "\n## `[cloud]`\n\n"
        + _options(CloudSettings)
    )


def _options(kind: type[msgspec.Struct]) -> str:
    rows = "".join(_option(field) for field in msgspec.structs.fields(kind))
    return f"| key | default | |\n|---|---|---|\n{rows}"


def _option(field: Any) -> str:
    default = "" if field.default is None else f"`{toml_value(field.default, field.type)}`"
    return f"| `{field.name}` | {default} | {_help(field.type)}{_choices(field.type)} |\n"


def _help(kind: Any) -> str:
    found = [m for m in getattr(kind, "__metadata__", ()) if isinstance(m, msgspec.Meta)]
    return next((meta.description for meta in found if meta.description), "")


def _choices(kind: Any) -> str:
    inner = typing.get_args(kind)[0] if typing.get_args(kind) else kind
    if isinstance(inner, type) and issubclass(inner, enum.Enum):
        return " One of: " + ", ".join(f"`{item.value}`" for item in inner) + "."
    return ""


def _comment_of(kind: type[enum.Enum], member: enum.Enum) -> str:
    """Return the ``#:`` comment of an enum's member, from its source."""
    source = inspect.getsource(kind)
    found = re.search(rf"{member.name} = .*?#: (.*?)\n", source, re.DOTALL)
    assert found, member
    return found[1]


# --- command line --------------------------------------------------------------------------------


def cli_page() -> str:
    """Return the page of the commands: what ``--help`` tells."""
    text = """\
# Command line

Needs `smok-core[cli]`. Programs read `--json`, where a command has it.

Exit status: 0 good, 1 anything else, 2 wrong usage or configuration, 3 a store failed, 4 a plugin
failed or an extra is missing, 5 something was not delivered, 6 the device's certificates cannot be
used, 7 another process does this work already, 130 interrupted by Ctrl-C. `smok run`, `sandbox` and
`metrics --listen` are meant to be ended so, or by SIGTERM: they end with 0.
"""
    return _page(text + "".join(map(_command, command_names())))


def _command(name: str) -> str:
    command = load_command(name)
    assert command is not None, name
    context = click.Context(command, info_name=f"smok {name}", terminal_width=92)
    return f"\n## `smok {name}`\n\n{summary(name)}\n\n```text\n{command.get_help(context)}\n```\n"


# --- errors --------------------------------------------------------------------------------------


def errors_page() -> str:
    """Return the page of the error codes."""
    rows = "".join(map(_error, _errors()))
    text = """\
# Errors

Every error is a `smok_core.SmokError` with a `code` that stays the same for ever, and a message
that ends with the way out. Those that stand for a built-in one inherit from it too, so
`except KeyError` works. `exit` is what the `smok` command ends with.

Of the stores' errors (S) only `BackendUnavailable` is temporary: try the call again.

All errors of the core can be imported from `smok_core`:

```python
import smok_core

with smok_core.open_databases("smok.toml") as databases:
    try:
        databases.pathpoints.on_new_data("W1", 1_700_000_001_000, 21.7)
    except (
        smok_core.StorageFull,
        smok_core.BackendUnavailable,
    ) as error:  # QueueFull is a StorageFull
        print(error.code, error)  # nothing stored is lost; keep the reading and try again later
    try:
        print(databases.pathpoints.get_current_value("W1"))
    except smok_core.NotReadedError:
        print("not read yet")
```

"""
    return _page(f"{text}| code | class | also a | exit | |\n|---|---|---|---|---|\n{rows}")


def _with_codes() -> Iterator[str]:
    """Name the modules that define codes: of the core and of the plugins that have their own."""
    for package in (ROOT / "smok_core", *sorted(ROOT.glob("plugins/*/smok_*"))):
        for path in sorted(package.rglob("*.py")):
            if 'code = "SMOK-' in path.read_text(encoding="utf-8"):
                yield ".".join(path.relative_to(package.parent).with_suffix("").parts)


def _errors() -> list[type[errors.SmokError]]:
    """Return every class that has a code of its own, whichever distribution it is in."""
    for name in _with_codes():
        importlib.import_module(name)
    found: list[type[errors.SmokError]] = [errors.SmokError]
    for cls in found:
        found += [sub for sub in cls.__subclasses__() if sub.__module__.startswith("smok_")]
    named = {cls for cls in found if "code" in vars(cls)}
    return sorted(named, key=lambda cls: (cls.code, cls.__name__))


def _error(cls: type[errors.SmokError]) -> str:
    builtin = [b.__name__ for b in cls.__mro__ if b.__module__ == "builtins"]
    also = ", ".join(
        f"`{name}`" for name in builtin if name in ("KeyError", "ValueError", "TypeError")
    )
    told = _one_line(cls.__doc__ or "")
    remedy = f" *{cls.remedy}*" if "remedy" in vars(cls) else ""
    return f"| {cls.code} | `{cls.__name__}` | {also} | {cls.exit_status} | {told}{remedy} |\n"


# --- hooks ---------------------------------------------------------------------------------------


def hooks_page() -> str:
    """Return the page of the plugin interface."""
    hooks = "".join(_method(name, member) for name, member in _methods(SmokHooks))
    module = importlib.import_module("smok_core.hookspecs")
    context = importlib.import_module("smok_core.settings").StoreContext
    return _page(
        f"# Hooks\n\n{_clean(module.__doc__ or '')}\n{hooks}\n"
        f"## `BackendInfo`\n\n{_clean(BackendInfo.__doc__ or '')}\n\n{_fields(BackendInfo)}\n"
        f"## `StoreContext`\n\n{_clean(context.__doc__ or '')}\n\n{_fields(context)}"
    )


def _fields(kind: type[msgspec.Struct]) -> str:
    return "".join(f"- `{_field(kind, name)}`\n" for name in kind.__struct_fields__)


def _field(kind: type[msgspec.Struct], name: str) -> str:
    """Return a field as its source has it, without default and comment."""
    found = re.search(rf"^    ({name}: [^#=\n]*)", inspect.getsource(kind), re.MULTILINE)
    assert found, name
    return found[1].strip()


# --- what the author of a backend writes ---------------------------------------------------------

_ENGINE: Final = """\
# Engine and its primitives

What the author of a backend implements, and what is said about a backend to the kit. In pictures:
[the primitives](../guide/primitives.md); which clause checks what: [clauses](clauses.md).
"""


def engine_page() -> str:
    """Return the page of the primitives, the values they take and give, and the kit's `Subject`."""
    primitives = (base.Engine, base.Table, base.Series, base.Blobs)
    values = (base.Row, base.Ack, base.PendingPoint, base.Limits, base.Health)
    values += (base.TableStats, base.SeriesStats)
    sections = [*map(_class_section, primitives), *map(_value_section, values)]
    sections += [*map(_enum_section, (base.When, base.OnFull, base.Durability))]
    return _page(_ENGINE + _clean_module(base) + "".join(sections) + _value_section(Subject))


def _clean_module(module: Any) -> str:
    return f"\n{_clean(module.__doc__ or '')}\n"


def _value_section(cls: type) -> str:
    names = getattr(cls, "__struct_fields__", None) or getattr(cls, "_fields", ())
    fields = "".join(f"- {_told_field(cls, name)}\n" for name in names)
    told = _clean(cls.__doc__ or "")
    return f"\n## `{cls.__name__}`\n\n{told}\n\n{fields}"


def _told_field(cls: type, name: str) -> str:
    """Return a field with its ``#:`` comment, which stands above it or beside it."""
    source = inspect.getsource(cls)
    found = re.search(
        rf"((?:^    #: .*\n(?:^    #: .*\n)*)?)^    ({name}: .*)$", source, re.MULTILINE
    )
    assert found, (cls, name)
    field, _, beside = found[2].partition("  #")
    above = " ".join(line.strip()[3:] for line in found[1].splitlines())
    told = _clean(" ".join([above, beside.removeprefix(":").strip()]))
    return f"`{field.strip()}`: {told}" if told else f"`{field.strip()}`"


def _enum_section(kind: type[enum.Enum]) -> str:
    members = "".join(f"- `{_told_member(kind, item)}\n" for item in kind)
    return f"\n## `{kind.__name__}`\n\n{_clean(kind.__doc__ or '')}\n\n{members}"


def _told_member(kind: type[enum.Enum], item: enum.Enum) -> str:
    found = re.search(
        rf"^    {item.name} = .*?(?:#:? (.*))?$", inspect.getsource(kind), re.MULTILINE
    )
    return f"{item.name}`: {_clean(found[1])}" if found and found[1] else f"{item.name}`"


# --- metrics -------------------------------------------------------------------------------------


def metrics_page() -> str:
    """Return the page of the numbers for monitoring."""
    rows = "".join(map(_metric, METRICS.values()))
    text = """\
# Metrics

`smok metrics` prints them as OpenMetrics, `--textfile` writes them for node-exporter, `--listen`
serves them to Prometheus (needs `smok-core[report]`); `smok_cloud.Service.observe()` offers the
same to OpenTelemetry (needs `smok-cloud[otel]`), with the labels as attributes. How to set it up:
[monitor](../howto/monitor.md).

`smok_up` is 1, or 0 while the configuration cannot be used (only with `--listen`). A count that is
not known, because its store is away, is absent: `smok_role_up` tells. Counters of the cloud begin
again with the process that uploads. `role` is one of the nine roles, `store` a store's name, `job`
a role and its direction such as `events up`.

"""
    return _page(f"{text}| name | type | labels | |\n|---|---|---|---|\n{rows}")


def _metric(metric: Metric) -> str:
    name = metric.name + {"counter": "_total", "info": "_info"}.get(metric.kind, "")
    labels = ", ".join(f"`{label}`" for label in metric.labels)
    return f"| `{name}` | {metric.kind} | {labels} | {metric.help} |\n"


# --- texts ---------------------------------------------------------------------------------------


# --- the form of `smok status --json` ------------------------------------------------------------

_STATUS: Final = """\
# `smok status --json`

One object, as of version {version} of its form. `version` grows when a key changes its meaning or
goes; new keys may come without. Piped output without `--json` is TSV (`what`, `name`, `store`,
`records`, `seconds`, `text`): one row for the verdict, one for each role, one for each finding;
with `COLUMNS` set it is the screen for people, in that width.

| verdict | what is so | `--exit-code` |
|---|---|---|
| `OK` | nothing waits, nothing is lost | 0 |
| `WAITING` | records wait for upload | 0, or 1 beyond `--most-pending` or `--longest-wait` |
| `LINK DOWN` | the cloud is not reached | as `WAITING` |
| `NOT REACHED` | a store could not be looked at: what waits there is not known | 1 |
| `NOT KEPT` | a role is in memory only | 2 |
| `LOST` | records were dropped, refused or set aside, and nobody has acknowledged it | 2 |
| `DAMAGED` | a store warns, or what it holds cannot be read | 2 |

`smok status --acknowledge` says that a person has seen what is lost: it stays listed with its count
in `acknowledged`, and only what comes later is news. The outlook is an estimate: what has come
since the first pending record, divided by that time.
"""


def status_page() -> str:
    """Return the page of the status report: its form, key by key."""
    head = _STATUS.format(version=VERSION)
    kinds = {"The report": StatusReport, "`verdict`": Verdict, "Each of `roles`": RoleStatus}
    kinds |= {"Each of `stores`": StoreStatus, "Each of `outlook`": Outlook}
    kinds |= {"Each of `losses`": Finding, "Each of `cloud`": JobStatistics}
    parts = (f"\n## {name}\n\n{_keys(kind)}" for name, kind in kinds.items())
    return _page(head + "".join(parts))


def _keys(kind: type[msgspec.Struct]) -> str:
    rows = "".join(f"| `{f.name}` | {_meaning(kind, f)} |\n" for f in msgspec.structs.fields(kind))
    return f"| key | what it is |\n|---|---|\n{rows}"


def _meaning(kind: type[msgspec.Struct], field: Any) -> str:
    return _help(field.type) or _comment_beside(kind, field.name)


def _comment_beside(kind: type[msgspec.Struct], name: str) -> str:
    found = re.search(rf"^    {name}: .*?#: (.*)$", inspect.getsource(kind), re.MULTILINE)
    return _clean(found[1]) if found else ""


def _page(text: str) -> str:
    head, _, rest = text.partition("\n")
    return f"{head}\n\n{_MARK}\n{rest.rstrip()}\n"


def _clean(text: str) -> str:
    """Turn a docstring into Markdown: sections in bold, quoting as Markdown quotes."""
    lines = inspect.cleandoc(text).replace("``", "`").splitlines()
    return "\n".join(_line(line) for line in lines).strip()


def _line(line: str) -> str:
    if line.rstrip() in ("Args:", "Returns:", "Raises:", "Yields:", "Example:"):
        return f"**{line.strip()}**\n"
    return f"- {line.strip()}" if re.match(r"    \w[\w, ]*: ", line) else line.strip()


def _one_line(text: str) -> str:
    return " ".join(inspect.cleandoc(text).split("\n\n")[0].split()).replace("``", "`")


def main(words: Iterable[str]) -> int:
    """Write the pages, or tell which are stale."""
    check = "--check" in words
    stale = [name for name, text in pages().items() if _stale(REFERENCE / name, text)]
    for name in stale:
        print(f"{'stale' if check else 'wrote'}: docs/reference/{name}")  # noqa: T201 - a command
        if not check:
            path = REFERENCE / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(pages()[name], encoding="utf-8")
    return 1 if check and stale else 0


def _stale(path: Path, text: str) -> bool:
    return not path.exists() or path.read_text(encoding="utf-8") != text


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

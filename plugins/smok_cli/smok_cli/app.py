"""The command group: global options, commands loaded when they are called, errors made readable."""

from __future__ import annotations

import importlib
import os
import signal
import traceback
from pathlib import Path
from typing import Any, Final

import click

from smok_core import __version__
from smok_core.errors import ExtraMissing, SmokError

__all__ = ["Session", "pass_session", "run"]

#: Every command, the module that has it, and the line `smok --help` shows without importing it.
COMMANDS: Final[dict[str, tuple[str, str]]] = {
    "init": ("init", "Write a commented smok.toml to start from."),
    "backends": ("backends", "Show the installed backends; imports none of them."),
    "check": ("check", "Open every configured store and tell how it is."),
    "why": ("why", "Tell which store keeps a role, and which line says so."),
    "ingest": ("ingest", "Read CSV or JSON lines into pathpoints."),
    "status": ("status", "Count what is stored, what waits for upload, what was lost."),
    "export": ("export", "Write pathpoints or another role as CSV or JSON lines."),
    "dead-letters": ("dead_letters", "List records that were set aside; queue them again."),
    "demo": ("demo", "Show the whole job on this machine in half a minute."),
    "run": ("run", "Synchronize with the SMOK cloud."),
    "certs": ("certs", "Show the device's certificates and when they end."),
    "sandbox": ("sandbox", "Serve a SMOK cloud on this machine to try things out."),
    "copy": ("copy", "Copy roles from one store to another, queues included."),
    "verify": ("verify", "Compare what two stores hold."),
    "import-legacy": ("import_legacy", "Bring along what smok 0.21.0 has stored."),
    "conformance": ("conformance", "Prove that a backend keeps what it promises."),
    "new-plugin": ("new_plugin", "Write the distribution of a new backend."),
}
_INTERRUPTED: Final = 128 + signal.SIGINT


class Session:
    """What the global options say; commands get it as their first argument."""

    def __init__(self, config: str | None) -> None:
        self.config = config

    @property
    def config_path(self) -> Path:
        """The configuration file that counts."""
        return Path(self.config or os.environ.get("SMOK_CONFIG") or "smok.toml")


pass_session = click.make_pass_decorator(Session)


class _LazyGroup(click.Group):
    """Imports a command's module when the command is called or its help is shown."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"smok_cli.{COMMANDS[cmd_name][0]}")
        command: click.Command = module.command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])


@click.group(cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--config",
    metavar="PATH",
    help="The configuration.  [default: $SMOK_CONFIG, or smok.toml in the working directory]",
)
@click.option("--traceback", "show_traceback", is_flag=True, help="Show where an error comes from.")
@click.version_option(__version__, prog_name="smok")
@click.pass_context
def group(ctx: click.Context, config: str | None, show_traceback: bool) -> None:
    """Storage for SMOK devices: nine roles, any backend, nothing lost."""
    ctx.obj = Session(config)
    ctx.meta["smok.traceback"] = show_traceback


def run(arguments: list[str]) -> int:
    """Run one command line; every way it can end gives an exit status and a readable line."""
    try:
        result: Any = group.main(arguments, prog_name="smok", standalone_mode=False)
    except Exception as error:  # noqa: BLE001 - whatever it is, it becomes a readable line
        return _failed(error, show_traceback="--traceback" in arguments)
    return result if isinstance(result, int) else 0


def _failed(error: Exception, *, show_traceback: bool) -> int:
    if isinstance(error, click.Abort):
        return _interrupted()
    if show_traceback:
        traceback.print_exception(error)
    if isinstance(error, click.ClickException):
        error.show()
        return error.exit_code
    code, message, status = _describe(error)
    click.echo(f"error [{code}]: {message}", err=True)
    return status


def _describe(error: Exception) -> tuple[str, str, int]:
    if isinstance(error, ModuleNotFoundError) and (error.name or "").partition(".")[0] == "rich":
        error = ExtraMissing("the smok command", "rich", "cli")
    if isinstance(error, SmokError):
        return error.code, str(error), error.exit_status
    if isinstance(error, OSError):
        place = f"{error.filename}: " if error.filename else ""
        return "SMOK-000", f"{place}{error.strerror or error}. Check the path and its rights.", 1
    kind = type(error).__name__
    return "SMOK-000", f"{kind}: {error}. This is a bug: report what --traceback shows.", 1


def _interrupted() -> int:
    click.echo("interrupted; what was stored so far stays stored.", err=True)
    return _INTERRUPTED

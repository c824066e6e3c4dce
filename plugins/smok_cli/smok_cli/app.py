"""The command group: global options, commands loaded when they are called, errors made readable."""

import io
import os
import signal
import traceback
from pathlib import Path
from typing import Any, Final

import click

from smok_cli.finding import KNOWN, command_names, load_command, summary
from smok_cli.os_errors import from_os_error
from smok_cli.terminal import guard_streams, say
from smok_core import __version__
from smok_core.errors import PluginError, SmokError, nearest

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


class CommandNotInstalled(PluginError):
    """A command of ``smok`` was called whose distribution is not installed."""

    code = "SMOK-P10"

    def __init__(self, name: str, package: str) -> None:
        self.name, self.package = name, package
        super().__init__(
            f"the command {name!r} belongs to a package that is not installed. "
            f'Install it: pip install "{package}"'
        )


def _config_behind() -> click.Option:
    def take(ctx: click.Context, _: click.Parameter, value: str | None) -> None:
        if value is not None:
            ctx.find_root().obj.config = value

    return click.Option(["--config"], hidden=True, expose_value=False, callback=take)


class _FoundCommands(click.Group):
    """Finds commands by their entry points, and imports one when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return command_names()

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        command = load_command(cmd_name)
        if command is not None and all("--config" not in each.opts for each in command.params):
            command.params.append(_config_behind())  # people write it there, too
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args[0] in KNOWN and args[0] not in command_names():
            raise CommandNotInstalled(args[0], KNOWN[args[0]])
        if not args[0].startswith("-") and self.get_command(ctx, args[0]) is None:
            hint = nearest(args[0], command_names())
            raise click.UsageError(f"there is no command {args[0]!r}.{hint}", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, summary(name)) for name in self.list_commands(ctx)])


@click.group(cls=_FoundCommands, context_settings={"help_option_names": ["-h", "--help"]})
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
    guard_streams()
    try:
        result: Any = group.main(arguments, prog_name="smok", standalone_mode=False)
    except Exception as error:  # noqa: BLE001 - whatever it is, it becomes a readable line
        return _failed(error, show_traceback="--traceback" in arguments)
    return result if isinstance(result, int) else 0


def _failed(error: Exception, *, show_traceback: bool) -> int:
    if isinstance(error, click.Abort):
        return _interrupted()
    if show_traceback:
        say("".join(traceback.format_exception(error)), err=True)
    if isinstance(error, click.ClickException):
        error.show(shown := io.StringIO())
        say(shown.getvalue(), err=True, nl=False)
        return error.exit_code
    code, message, status = _describe(error)
    say(f"error [{code}]: {message}", err=True)
    return status


def _describe(error: Exception) -> tuple[str, str, int]:
    if isinstance(error, OSError):
        error = from_os_error(error)
    if isinstance(error, SmokError):
        return error.code, str(error), error.exit_status
    kind = type(error).__name__
    return "SMOK-000", f"{kind}: {error}. This is a bug: report what --traceback shows.", 1


def _interrupted() -> int:
    say("interrupted; what was stored so far stays stored.", err=True)
    return _INTERRUPTED

"""``smok metrics``: the device's numbers for monitoring, printed, in a file, or served."""

from pathlib import Path

import click
from smok_cli.app import Session, pass_session
from smok_cli.signals import stop_on_signals

from smok_cloud.report import extra


@click.command("metrics")
@click.option(
    "--listen", metavar="ADDRESS:PORT", help="Serve them over HTTP until SIGTERM or Ctrl-C."
)
@click.option(
    "--textfile",
    type=click.Path(path_type=Path),
    help="Write this file at once and whole, for node-exporter's textfile collector.",
)
@pass_session
@extra("smok metrics")
def command(session: Session, listen: str | None, textfile: Path | None) -> None:
    """Print OpenMetrics text about roles, stores and uploads.

    Names, units and labels are in the reference. Nothing is changed by looking.
    """
    if listen and textfile:
        raise click.UsageError("--listen and --textfile exclude each other: give one.")
    if listen:
        _serve(session.config, *_address(listen))
    else:
        _once(session.config, textfile)


def _once(config: str | None, textfile: Path | None) -> None:
    from prometheus_client import write_to_textfile

    from smok_cloud.report.exposition import Fixed, openmetrics, registry
    from smok_core.databases import open_databases

    with open_databases(config, looking=True) as databases:
        if textfile is None:
            click.echo(openmetrics(databases), nl=False)
        else:
            write_to_textfile(str(textfile), registry(Fixed.of(databases)))


def _address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    if not host or not port.isdecimal() or int(port) > 65_535:
        raise click.UsageError(f"{text!r} is no address. Write it like 127.0.0.1:9464.")
    return host.strip("[]"), int(port)


def _serve(config: str | None, host: str, port: int) -> None:
    from prometheus_client import start_http_server

    from smok_cloud.report.exposition import Looker, registry
    from smok_core.config import load_config

    load_config(config)  # what is wrong with it is told here, not at each request
    server, thread = start_http_server(port, host, registry(Looker(config)))
    shown = f"[{host}]" if ":" in host else host
    click.echo(f"http://{shown}:{server.server_port}/metrics", err=True)
    stop_on_signals().wait()
    server.shutdown()
    server.server_close()
    thread.join(2.0)

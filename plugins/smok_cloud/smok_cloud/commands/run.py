"""``smok run``: keep all roles in step with the cloud, in the foreground or once."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING, Final, Literal

import click
from smok_cli.app import Session, pass_session
from smok_cli.screen import console
from smok_cli.signals import stop_on_signals
from smok_cli.terminal import log_to_stderr, say

from smok_cloud.progress import Progress

if TYPE_CHECKING:
    from smok_cloud.service import Service


#: Exit status of --once when something could not be delivered; that of CloudError.
_INCOMPLETE: Final = 5
_REFRESH_SECONDS: Final = 0.5
_STOP_SECONDS: Final = 2.0


@click.command("run")
@click.option("--once", is_flag=True, help="Do everything once and end; for cron.")
@click.option("--plain", is_flag=True, help="Log lines instead of the live screen.")
@click.option("--quiet", is_flag=True, help="Only what goes wrong; for cron.")
@click.option(
    "--log-format",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="Form of log lines.",
)
@pass_session
def command(
    session: Session, *, once: bool, plain: bool, quiet: bool, log_format: Literal["text", "json"]
) -> int:
    """Synchronize with the SMOK cloud until SIGTERM or Ctrl-C, which end it within 5 seconds.

    Log lines tell time and level; once a minute one tells how the upload goes, and the last one
    the total.

    With --once the exit status is 0 when everything was delivered, 5 when something failed, was
    refused or still waits.
    It is 7 when another process synchronizes the same device and store: only one may at a time.
    """
    from smok_cloud.service import Service
    from smok_core.databases import open_databases

    live = not (plain or once or quiet or log_format == "json") and console(stderr=True).is_terminal
    level = logging.ERROR if live else logging.WARNING if quiet else logging.INFO
    log_to_stderr(level, log_format)
    with open_databases(session.config) as databases:
        service = Service(databases)
        stop = stop_on_signals()
        status = _once(service, stop) if once else _until(service, stop, live=live)
    if live:
        say(f"stopped: {Progress(service.synchronizer).look()}", err=True)
    else:
        # From here, not the service: a program that stops one knows its total.
        logging.getLogger("smok_cloud").info("total: %s", Progress(service.synchronizer).look())
    return status


def _until(service: Service, stop: threading.Event, *, live: bool) -> int:
    from smok_cloud.commands.live import show

    with service:
        if live:
            show(service, stop)
        else:
            stop.wait()
    return 0


def _once(service: Service, stop: threading.Event) -> int:
    worker: dict[str, bool] = {}
    service.leases.acquire(stop)
    # In a thread of its own: a signal must be heard while a request hangs.
    thread = threading.Thread(
        target=lambda: worker.update(well=service.synchronizer.run_once(stop)), daemon=True
    )
    thread.start()
    while thread.is_alive() and not stop.is_set():
        thread.join(_REFRESH_SECONDS)
    # Ends a request that is under way when a signal came; what it carried is not acknowledged.
    service.api.close()
    thread.join(_STOP_SECONDS)
    service.leases.release()
    delivered = worker.get("well") and not service.synchronizer.undelivered
    return 0 if delivered else _INCOMPLETE

"""``smok run``: keep all roles in step with the cloud, in the foreground or once."""

from __future__ import annotations

import logging
import signal
import threading
import time
from typing import TYPE_CHECKING, Any

import click
from smok_cli.app import Session, pass_session
from smok_cli.screen import console, human_age
from smok_cli.terminal import log_to_stderr, say, visible

if TYPE_CHECKING:
    from collections.abc import Callable

    from smok_cloud.service import Service
    from smok_cloud.synchronizer import Synchronizer

__all__ = ["command"]

#: Exit status of --once when something could not be delivered; that of CloudError.
_INCOMPLETE = 5
_REFRESH_SECONDS = 0.5
_STOP_SECONDS = 2.0


@click.command("run")
@click.option("--once", is_flag=True, help="Do everything once and end; for cron.")
@click.option("--plain", is_flag=True, help="Log lines instead of the live table.")
@pass_session
def command(session: Session, once: bool, plain: bool) -> int:
    """Synchronize with the SMOK cloud until SIGTERM or Ctrl-C, which end it within 5 seconds.

    With --once the exit status is 0 when everything was delivered, 5 when something failed, was
    refused or still waits.
    It is 7 when another process synchronizes the same device and store: only one may at a time.
    """
    from smok_cloud.service import Service
    from smok_core.databases import open_databases

    live = not plain and not once and console(stderr=True).is_terminal
    log_to_stderr(logging.ERROR if live else logging.INFO)
    with open_databases(session.config) as databases:
        service = Service(databases)
        stop = _stop_on_signals()
        if once:
            return _once(service, stop)
        with service:
            _watch(service.synchronizer, stop, live=live)
    say("stopped; what was not acknowledged stays pending.", err=True)
    return 0


def _stop_on_signals() -> threading.Event:
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    return stop


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
    console().print(_table(service.synchronizer))
    delivered = worker.get("well") and not service.synchronizer.undelivered
    return 0 if delivered else _INCOMPLETE


def _watch(synchronizer: Synchronizer, stop: threading.Event, *, live: bool) -> None:
    if not live:
        stop.wait()
        return
    from rich.live import Live

    with Live(console=console(stderr=True), refresh_per_second=4) as screen:
        _refresh(screen.update, synchronizer, stop)


def _refresh(
    update: Callable[[Any], None], synchronizer: Synchronizer, stop: threading.Event
) -> None:
    while not stop.wait(_REFRESH_SECONDS):
        update(_table(synchronizer))


def _table(synchronizer: Synchronizer) -> Any:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for name in ("job", "sent", "acknowledged", "refused", "pending", "last success", "trouble"):
        table.add_column(name, justify="left" if name in ("job", "trouble") else "right")
    for name, counts in synchronizer.statistics.items():
        since = None if counts.last_success is None else time.time() - counts.last_success
        trouble = counts.last_error if counts.failures else ""
        numbers = (counts.sent, counts.acknowledged, counts.refused, counts.pending)
        table.add_row(name, *map(str, numbers), human_age(since), Text(visible(trouble)))
    if synchronizer.link_is_down:
        table.caption = "no link: one job at a time tries it"
    return table

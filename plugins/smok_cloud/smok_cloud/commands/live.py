"""The live screen of ``smok run``: the link, the request that is out, the rate, the busy jobs."""

from __future__ import annotations

import shutil
import time
from typing import TYPE_CHECKING, Final

import msgspec
from rich.text import Text
from smok_cli.screen import console, human_age, human_ago, human_count
from smok_cli.state.verdict import link_down, since_text
from smok_cli.terminal import visible

from smok_cloud.progress import Progress

if TYPE_CHECKING:
    import threading
    from collections.abc import Iterator

    from smok_cloud.jobs import Job
    from smok_cloud.progress import Snapshot
    from smok_cloud.service import Service


_REFRESH_SECONDS: Final = 0.5
#: A request that is answered sooner is not worth a line that comes and goes.
_WORTH_TELLING: Final = 1.0


def show(service: Service, stop: threading.Event) -> None:
    """Show how it goes until it is told to stop."""
    from rich.console import Group
    from rich.live import Live

    screen, progress = console(stderr=True), Progress(service.synchronizer)
    with Live(console=screen, auto_refresh=False, transient=True) as live:
        while not stop.wait(_REFRESH_SECONDS):
            shown = [*lines(service, progress.look())][: shutil.get_terminal_size().lines - 1]
            for line in shown:
                line.truncate(screen.width, overflow="ellipsis")
            live.update(Group(*shown), refresh=True)


def lines(service: Service, snapshot: Snapshot) -> Iterator[Text]:
    """Yield the lines of the screen; each is to be cut at its width."""
    yield from _link(service, snapshot)
    yield _pace(snapshot)
    yield from _request_out(service)
    busy = [job for job in service.synchronizer.jobs if _is_busy(job)]
    if busy:
        yield Text()
        yield Text(_row("job", "pending", "uploaded", "refused", "answered"), style="bold")
        yield from (_counts(job) for job in busy)
    yield from _troubles(service)


def _link(service: Service, snapshot: Snapshot) -> Iterator[Text]:
    jobs = service.synchronizer.jobs
    down = link_down({"job": j.name, **msgspec.structs.asdict(j.statistics)} for j in jobs)
    if down is not None:
        told = f"LINK DOWN {since_text(down)}; {human_count(snapshot.pending)} pending"
        yield Text(told, style="bold yellow")
        yield Text(f"  {visible(down.detail)}", style="yellow")
    elif any(job.statistics.last_success for job in jobs):
        yield Text("the cloud answers", style="green")
    else:
        yield Text("no answer of the cloud yet")


def _pace(snapshot: Snapshot) -> Text:
    told = f"{human_count(snapshot.pending)} pending, {snapshot.rate:.0f} a second"
    if snapshot.pending and snapshot.seconds_left is not None:
        told += f", about {human_age(snapshot.seconds_left)} left"
    return Text(told)


def _request_out(service: Service) -> Iterator[Text]:
    out = service.api.request_out
    if out is not None and (age := time.monotonic() - out[1]) >= _WORTH_TELLING:
        yield Text(visible(f"out for {human_age(age)}: {out[0]}"))


def _is_busy(job: Job) -> bool:
    counts = job.statistics
    return bool(counts.pending or counts.refused or (job.goes_up and counts.acknowledged))


def _counts(job: Job) -> Text:
    counts = job.statistics
    numbers = (counts.pending, counts.acknowledged, counts.refused)
    return Text(_row(job.name, *map(human_count, numbers), human_ago(counts.last_success)))


def _row(name: str, *cells: str) -> str:
    return f"{name:<26}" + "".join(f"{cell:>13}" for cell in cells)


def _troubles(service: Service) -> Iterator[Text]:
    """Tell what fails for another reason than that there is no link."""
    for job in service.synchronizer.jobs:
        if job.statistics.failures and not job.statistics.no_link:
            detail = job.statistics.last_detail or job.statistics.last_error
            yield Text(visible(f"{job.name}: {detail}"), style="yellow")

"""The demonstration, step by step, and what it prints."""

import contextlib
import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import click
from smok_cli.screen import console, print_table
from smok_cli.template import config_text
from smok_cli.terminal import say

from smok_core.databases import open_databases
from smok_core.registry import Registry
from smok_testing.cloud.app import SandboxCloud
from smok_testing.demo import proof, uplink
from smok_testing.demo.chart import short_number, sparkline

_START_SECONDS: Final = 20.0
_CHART_WIDTH: Final = 56
#: What the other columns of the chart need.
_NAMES_WIDTH: Final = 46


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep the synchronizer's warnings off the screen: this failure is part of the story."""
    logger = logging.getLogger("smok_cloud")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(level)


class Story:
    """Runs in an empty directory; keeps there its configuration, database and journal."""

    def __init__(self, place: Path, seconds: float) -> None:
        self._place, self._half = place, seconds / 2
        self._config, self._journal = place / "smok.toml", place / "journal.jsonl"
        self._offline = f"https://127.0.0.1:{uplink.free_port()}"

    def run(self) -> bool:
        """Play all steps; tell whether everything that was promised arrived."""
        started = time.monotonic()
        credentials = self._prepare()
        self._say("1", f"recording this machine into {self._place / 'var' / 'smok.db'}, no link")
        self._record("first run", signal.SIGKILL)
        self._say("2", "SIGKILL. The recorder is dead; started again on the same file")
        self._record("second run", signal.SIGTERM)
        self._try_without_link()
        with uplink.served(credentials.pki) as (cloud, url):
            self._say("4", f"a sandbox cloud comes up on {url} (mutual TLS) and takes everything")
            outcome = uplink.upload(self._config, url)
        kept = self._judge(cloud, outcome)
        self._draw()
        say(f"took {time.monotonic() - started:.1f} s")
        return kept

    def _prepare(self) -> uplink.Credentials:
        backend = Registry().load("pickle", "smok demo")
        credentials = uplink.issue(self._place / "certificates", self._offline)
        text = config_text(uplink.DEVICE, backend) + credentials.table
        self._config.write_text(text, encoding="utf-8")
        return credentials

    def _say(self, step: str, text: str) -> None:
        say(f"{step}. {text}", bold=True)

    # --- recording -------------------------------------------------------------------------------

    def _record(self, name: str, end: signal.Signals) -> None:
        """Let a recorder run for a while in a process of its own, then end it."""
        before = self._promises()
        words = [str(self._config), str(self._journal), name]
        environment = {k: v for k, v in os.environ.items() if not k.startswith("SMOK_")}
        child = subprocess.Popen(  # noqa: S603 - ourselves
            [sys.executable, "-m", "smok_testing.demo.recorder", *words], env=environment
        )
        try:
            self._wait_for_more_than(before, child)
            time.sleep(self._half)
        finally:
            child.send_signal(end)
            child.wait()
        say(f"   {self._promises() - before} records promised ({name})")

    def _wait_for_more_than(self, before: int, child: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + _START_SECONDS
        while self._promises() <= before:
            if child.poll() is not None or time.monotonic() > deadline:
                raise click.ClickException("the recorder did not start. See its message above.")
            time.sleep(0.02)

    def _promises(self) -> int:
        if not self._journal.exists():
            return 0
        return self._journal.read_bytes().count(b"\n")

    # --- uploading -------------------------------------------------------------------------------

    def _try_without_link(self) -> None:
        self._say("3", "an upload while there is no link")
        with _quiet():
            outcome = uplink.upload(self._config, self._offline)
        say(f"   {outcome.error or 'it should have failed'}")
        with open_databases(self._config) as databases:
            pending = sum(database.stats().pending for _, database in databases)
        say(f"   {pending} records wait")

    def _judge(self, cloud: SandboxCloud, outcome: uplink.Outcome) -> bool:
        tallies = proof.compare(proof.promised(self._journal), proof.received(cloud))
        self._say("5", "what the recorder was promised, against what the cloud has")
        columns = ("", "recorded", "sent", "acknowledged", "in the cloud", "lost")
        rows = [self._row(tally, outcome) for tally in tallies]
        print_table("", columns, rows, right=",".join(columns[1:]))
        lost = sum(tally.lost for tally in tallies)
        ordered = proof.in_order(cloud)
        self._remark(tallies, outcome, ordered=ordered)
        say(f"lost {lost}", bold=True, fg="red" if lost else "green")
        return lost == 0 and outcome.complete and ordered

    def _row(self, tally: proof.Tally, outcome: uplink.Outcome) -> list[object]:
        title, job = proof.KINDS[tally.kind]
        if tally.kind == "closed":
            # An end travels with its event and is not sent for itself.
            return [title, tally.promised, "", "", tally.arrived, tally.lost]
        sent, acknowledged = outcome.sent.get(job, 0), outcome.acknowledged.get(job, 0)
        return [title, tally.promised, sent, acknowledged, tally.arrived, tally.lost]

    def _remark(
        self, tallies: list[proof.Tally], outcome: uplink.Outcome, *, ordered: bool
    ) -> None:
        unnoted = sum(tally.unnoted for tally in tallies)
        repeated = sum(tally.repeated for tally in tallies)
        if unnoted:
            say(f"{unnoted} were stored when the kill came, before they could be noted")
        if repeated:
            say(f"{repeated} arrived more than once")
        if not ordered:
            say("some pathpoints did not arrive in the order of time", fg="red")
        if not outcome.complete:
            say(f"the upload is not complete: {outcome.error}", fg="red")

    # --- drawing ---------------------------------------------------------------------------------

    def _draw(self) -> None:
        """Draw the archive, which stays on the device after the upload."""
        screen = console()
        unicode = "utf" in (screen.encoding or "").lower()
        width = max(8, min(_CHART_WIDTH, screen.width - _NAMES_WIDTH))
        rows = []
        with open_databases(self._config) as databases:
            for name in sorted(databases.pathpoints.get_pathpoints()):
                stored = databases.pathpoints.get_archive_data(name)
                values = [float(v) for _, v in stored if isinstance(v, int | float)]
                if values:
                    line = sparkline(values, width, unicode=unicode)
                    ends = (short_number(min(values)), short_number(max(values)))
                    rows.append((name, *ends, line))
        print_table("", ("reading", "least", "most", "over time"), rows, right="least,most")

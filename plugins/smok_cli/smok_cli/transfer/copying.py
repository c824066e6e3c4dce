"""Copying roles from one store to another, upload queues included, and verifying the result.

It works on the primitives, so any backend can be source or target. Memory is bounded by a page
of points or the largest blob; how far it is is noted in the target, where it goes on after a kill.
"""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from smok_cli.transfer.digests import digest_both
from smok_cli.transfer.errors import CopyDiffers, TargetNotEmpty
from smok_cli.transfer.journal import Journal
from smok_cli.transfer.parts import COUNTERS, PARTS
from smok_cli.transfer.recode import Recoder
from smok_cli.transfer.report import CopyReport, RoleCopy
from smok_cli.transfer.series import SeriesCopy
from smok_cli.transfer.tables import TableCopy
from smok_cli.transfer.verifying import checked_roles
from smok_core.engine.base import Limits
from smok_core.roles.dead_letters import DeadLetters

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from smok_core.engine.base import Engine

    #: Called with the role, the records handled so far and all there are.
    Progress = Callable[[str, int, int], None]


T = TypeVar("T")


def copy(
    source: Engine,
    target: Engine,
    roles: Iterable[str] | None = None,
    progress: Progress | None = None,
    *,
    merge: bool = False,
) -> CopyReport:
    """Copy roles; what waited still waits in its order, what was acknowledged does not come back.

    Nothing else may use the two stores meanwhile. A copy that was broken off goes on when it is
    called again.

    Args:
        source: The store to read, opened; it is not changed.
        target: The store to write, opened.
        roles: Which roles; None: all nine.
        progress: Called with the role, the records handled so far and all there are; each record
            counts when it is copied and when it is verified.
        merge: Copy into a target that holds data of these roles; of one key or point in both the
            source's value stays. Without it such a target is refused.

    Raises:
        TargetNotEmpty, CopyUnfinished: Nothing was copied.
        CopyDiffers: All was copied, and the digests of source and target are not the same.
        StoreError: A store failed; calling again goes on from there.
    """
    wanted = checked_roles(roles)
    journal = Journal(target, source.health().location)
    full = [] if merge else [role for role in wanted if _is_full(target, role, journal)]
    if full:
        raise TargetNotEmpty(full)
    journal.begin(wanted)
    copies = [_RoleCopy(source, target, role, journal, progress) for role in wanted]
    reports = {one.role: one.run(verify=not merge) for one in copies}
    target.flush()
    different = [role for role, report in reports.items() if report.verified is False]
    if different:
        raise CopyDiffers(different)
    journal.end()
    return CopyReport(roles=reports)


def _is_full(target: Engine, role: str, journal: Journal) -> bool:
    """Tell whether the target has something of a role that this copy has not brought."""
    return role not in journal.begun and _size(target, role) > 0


class _RoleCopy:
    """The copy of one role."""

    def __init__(
        self,
        source: Engine,
        target: Engine,
        role: str,
        journal: Journal,
        progress: Progress | None,
    ) -> None:
        self.role, self._parts = role, PARTS[role]
        self._source, self._target, self._journal = source, target, journal
        self._progress, self._done = progress, 0
        self._report = RoleCopy(role=role, resumed=_size(target, role) > 0)
        self._total = 2 * _size(source, role)

    def run(self, *, verify: bool) -> RoleCopy:
        """Do it, or go on with it."""
        if not self._journal.is_done(self.role):
            self._tables()
            self._series(merge=not verify)
            self._blobs()
            self._count_dropped()
        if verify:
            self._verify()
        if self._report.verified is not False:
            self._journal.done(self.role)
        return self._report

    def _tick(self, count: int) -> None:
        self._done = min(self._done + count, self._total)
        if self._progress:
            self._progress(self.role, self._done, self._total)

    def _tables(self) -> None:
        for name in self._parts.tables:
            self._with_journal(TableCopy)(
                name, self._source.table(name), self._target.table(name)
            ).run(self._tick)

    def _series(self, *, merge: bool) -> None:
        for name in self._parts.series:
            # Its queue is full for a moment with what is not going to wait: no bound on it.
            target = self._target.series(name, Limits())
            source = self._source.series(name)
            self._with_journal(SeriesCopy)(name, source, target, merge=merge).run(self._tick)

    def _with_journal(self, kind: Callable[..., T]) -> Callable[..., T]:
        return partial(
            kind,
            recoder=Recoder(self._source.codec, self._target.codec),
            dead=DeadLetters(self.role, self._target, time.time),
            journal=self._journal,
            report=self._report,
        )

    def _blobs(self) -> None:
        for name in self._parts.blobs:
            source, target = self._source.blobs(name), self._target.blobs(name)
            there = target.versions()
            for key, version in sorted(source.versions().items()):
                found = source.get(key) if there.get(key, -1) < version else None
                if found is not None:
                    target.put(key, *found)
                    self._report.blobs += 1
                self._tick(1)

    def _count_dropped(self) -> None:
        """Take along how many records were given up in the store's lifetime."""
        key, load = f"{self.role}.dropped", self._source.codec.loads
        row = self._source.table(COUNTERS).get(key)
        total = load(row.value) if row else 0
        total += sum(self._source.table(name).stats().dropped for name in self._parts.tables)
        total += sum(self._source.series(name).stats().dropped for name in self._parts.series)
        if total:
            self._target.table(COUNTERS).put(key, self._target.codec.dumps(total))

    def _verify(self) -> None:
        there, here = digest_both(self._source, self._target, self.role, self._tick)
        self._report.verified = there == here


def _size(engine: Engine, role: str) -> int:
    parts = PARTS[role]
    return (
        sum(engine.table(name).stats().rows for name in parts.tables)
        + sum(engine.series(name).stats().points for name in parts.series)
        + sum(len(engine.blobs(name).versions()) for name in parts.blobs)
    )

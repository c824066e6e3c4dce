"""The verdict: one word about a device, how bad it is, and why; the worst that is known counts."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final, Literal

import msgspec

from smok_cli.screen import human_age, human_count

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from smok_cli.state.losses import Finding


Word = Literal["OK", "WAITING", "LINK DOWN", "LOST", "DAMAGED", "NOT KEPT", "NOT REACHED"]

#: Kinds of findings that are records which did not get where they should, in words.
LOST_KINDS: Final = {"dropped": "dropped", "dead-letters": "set aside", "refused": "refused"}


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """One word about a device, and why."""

    word: Word  #: one of those above
    level: Literal["good", "fair", "bad"]  #: how bad it is
    why: str  #: in one line
    count: int | None = None  #: LOST: records lost that nobody has acknowledged

    @property
    def head(self) -> str:
        """The word, with the count if it has one: ``LOST 5``."""
        return self.word if self.count is None else f"{self.word} {human_count(self.count)}"


class LinkDown(msgspec.Struct, frozen=True):
    """Since when no job has reached the cloud (seconds since the epoch), and what was met."""

    since: float
    detail: str


def pass_verdict(
    findings: Sequence[Finding], jobs: Iterable[dict[str, Any]], pending: int
) -> Verdict:
    """Judge.

    Args:
        findings: What `smok_cli.state.losses.find_losses` found.
        jobs: What the owners of the config's tables told of their jobs.
        pending: Records that wait for upload.
    """
    news = [found for found in findings if found.is_news]
    return (
        _damaged(news)
        or _lost(news)
        or _not_kept(news)
        or _not_reached(news)
        or _pending(findings, jobs, pending)
    )


def _damaged(news: list[Finding]) -> Verdict | None:
    why = _first_of(news, "warning", "damaged")
    return Verdict(word="DAMAGED", level="bad", why=why) if why else None


def _not_reached(news: list[Finding]) -> Verdict | None:
    """A server that is away has damaged nothing; but nobody knows what waits there."""
    why = _first_of(news, "unknown")
    return Verdict(word="NOT REACHED", level="fair", why=why) if why else None


def _first_of(news: list[Finding], *kinds: str) -> str | None:
    texts = [found.text for found in news if found.kind in kinds]
    more = f" (and {len(texts) - 1} more)" * (len(texts) > 1)
    return texts[0].removeprefix("warning: ") + more if texts else None


def _lost(news: list[Finding]) -> Verdict | None:
    lost = [found for found in news if found.kind in LOST_KINDS]
    if not lost:
        return None
    counts = {kind: sum(found.news for found in lost if found.kind == kind) for kind in LOST_KINDS}
    told = ", ".join(f"{human_count(counts[k])} {LOST_KINDS[k]}" for k in LOST_KINDS if counts[k])
    roles = ", ".join(dict.fromkeys(found.role or found.store for found in lost))
    count, why = sum(counts.values()), f"{told} in {roles}"
    return Verdict(word="LOST", level="bad", count=count, why=why)


def _not_kept(news: list[Finding]) -> Verdict | None:
    roles = [found.role or found.store for found in news if found.kind == "in-memory"]
    if not roles:
        return None
    which = "all roles" if len(roles) == 9 else ", ".join(roles)
    why = f"in memory only, gone when the program ends: {which}"
    return Verdict(word="NOT KEPT", level="bad", why=why)


def _pending(findings: Sequence[Finding], jobs: Iterable[dict[str, Any]], pending: int) -> Verdict:
    rest = _what_is_lost(findings)
    waits = f"{human_count(pending)} pending" if pending else "nothing pending"
    if (down := link_down(jobs)) is not None:
        # What a screen cuts off is the reason, not how much waits.
        why = f"{waits}, {rest}; {since_text(down)}: {down.detail}"
        return Verdict(word="LINK DOWN", level="fair", why=why)
    if any(found.kind in ("elsewhere", "other-device") for found in findings):
        return Verdict(word="WAITING", level="fair", why="records wait where no upload looks")
    if pending:
        return Verdict(word="WAITING", level="fair", why=f"{waits}, {rest}")
    return Verdict(word="OK", level="good", why=f"{waits}, {rest}")


def _what_is_lost(findings: Sequence[Finding]) -> str:
    """Say "nothing lost" only where nothing is known to be; what was acknowledged is known."""
    lost = sum(found.acknowledged for found in findings)
    if lost:
        return f"{human_count(lost)} lost before and acknowledged"
    return "see below" if findings else "nothing lost"


def link_down(jobs: Iterable[dict[str, Any]]) -> LinkDown | None:
    """Tell since when the link is down; None if the cloud was met last, or never asked."""
    told = list(jobs)
    silent = [job for job in told if job.get("no_link") and job["failures"]]
    answered = max((job["last_success"] or 0.0 for job in told), default=0.0)
    if not silent or max(job["last_error_at"] or 0.0 for job in silent) < answered:
        return None
    latest = max(silent, key=lambda job: job["last_error_at"] or 0.0)
    began = min(job.get("failing_since") or job["last_error_at"] or 0.0 for job in silent)
    detail = str(latest.get("last_detail") or latest["last_error"])
    return LinkDown(max(began, answered), detail)


def since_text(down: LinkDown) -> str:
    """Return ``since 12:03 (4 h 2 min)``."""
    return f"since {clock_time(down.since)} ({human_age(time.time() - down.since)})"


def clock_time(moment: float) -> str:
    """Return ``12:03`` for today, else the date as well; local, as the device's clock shows."""
    try:
        local = time.localtime(moment)
    except (OverflowError, ValueError, OSError):
        return f"{moment:.0f} s since the epoch"
    today = local[:3] == time.localtime()[:3]
    return time.strftime("%H:%M" if today else "%Y-%m-%d %H:%M", local)

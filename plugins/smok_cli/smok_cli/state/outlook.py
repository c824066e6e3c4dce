"""How long there is room at the rate at which records have been coming since they wait."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from smok_cli.state.model import RoleStatus, StoreStatus


#: A wait shorter than this says too little about a rate.
_SHORTEST_WAIT: Final = 60.0


class Outlook(msgspec.Struct, frozen=True, kw_only=True):
    """When something is full, if records go on coming as they did since the first one waits."""

    what: str  #: ``queue of pathpoints``, ``disk of local``
    seconds: float  #: from now


def look_ahead(
    roles: Iterable[RoleStatus], stores: Iterable[StoreStatus], limits: dict[str, int | None]
) -> Iterator[Outlook]:
    """Estimate for each queue with a limit and each store on a disk; the soonest is not sorted.

    Args:
        roles: How many wait, and since when.
        stores: How much room there is.
        limits: ``max_pending`` by store.
    """
    told = [role for role in roles if role.available and _rate(role)]
    for role in told:
        limit = limits.get(role.store)
        if limit is not None:
            room = max(0, limit - (role.pending or 0))
            yield Outlook(what=f"queue of {role.role}", seconds=round(room / _rate(role)))
    for store in stores:
        yield from _disk(store, [role for role in told if role.store == store.store])


def _disk(store: StoreStatus, roles: list[RoleStatus]) -> Iterator[Outlook]:
    records = sum(role.rows or 0 for role in roles)
    if not records or not store.size_bytes or store.free_bytes is None:
        return
    growth = sum(map(_rate, roles)) * store.size_bytes / records
    yield Outlook(what=f"disk of {store.store}", seconds=round(store.free_bytes / growth))


def _rate(role: RoleStatus) -> float:
    """Return records a second since the first one waits; by the data's own time if need be."""
    waited = role.pending_seconds
    waited = role.oldest_pending_seconds if waited is None else waited
    if waited is None or waited < _SHORTEST_WAIT:
        return 0.0
    return (role.pending or 0) / waited

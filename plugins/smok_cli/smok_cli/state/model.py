"""A role and a store as ``smok status`` shows them."""

from typing import Annotated

import msgspec


def told(text: str) -> msgspec.Meta:
    """Describe a field, for the page about the JSON."""
    return msgspec.Meta(description=text)


class RoleStatus(msgspec.Struct, frozen=True, kw_only=True):
    """One of the nine roles; of one whose store is away every count is null."""

    role: Annotated[str, told("The role.")]
    store: Annotated[str, told("The store that keeps it.")]
    available: Annotated[bool, told("Whether its store could be looked at.")] = True
    error: Annotated[str | None, told("Why not.")] = None
    rows: Annotated[int | None, told("Records stored.")] = None
    pending: Annotated[int | None, told("Records that wait for upload.")] = None
    pending_since: Annotated[
        str | None, told("Since when records wait, as the uploader saw it; null: not known.")
    ] = None
    pending_seconds: Annotated[float | None, told("The same as an age.")] = None
    oldest_pending: Annotated[
        str | None, told("The own time of the record at the head of the queue.")
    ] = None
    oldest_pending_seconds: Annotated[float | None, told("The same as an age.")] = None
    definitions_pending: Annotated[
        int | None, told("Pathpoint definitions that wait for upload.")
    ] = None
    dead_letters: Annotated[int | None, told("Records set aside.")] = None
    dropped: Annotated[int | None, told("Records dropped because of max_pending.")] = None
    refused: Annotated[int | None, told("Writes refused without anybody to tell.")] = None


class StoreStatus(msgspec.Struct, frozen=True, kw_only=True):
    """One store that keeps a role."""

    store: Annotated[str, told("Its name.")]
    location: Annotated[str, told("Where it is, without secrets.")]
    size_bytes: Annotated[int | None, told("What it takes; null: not known.")]
    free_bytes: Annotated[int | None, told("What is free where it is; null: not known.")]
    notes: Annotated[list[str], told("What the backend tells about itself.")]
    warnings: Annotated[list[str], told("What somebody should look at.")]


def waited_seconds(row: RoleStatus) -> float | None:
    """Return how long a role's records wait; by their own time where nobody watched."""
    return row.oldest_pending_seconds if row.pending_seconds is None else row.pending_seconds

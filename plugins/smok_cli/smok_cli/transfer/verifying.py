"""Comparing two stores role by role, on whatever backends they are."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Final

from smok_cli.transfer.digests import digest_role, row_content, series_digest
from smok_cli.transfer.parts import PARTS
from smok_cli.transfer.report import RoleVerdict, VerifyReport
from smok_core.errors import NotFound

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from smok_core.engine.base import Engine


_EXAMPLES: Final = 5


def verify(
    a: Engine,
    b: Engine,
    roles: Iterable[str] | None = None,
    progress: Callable[[str, int], None] | None = None,
) -> VerifyReport:
    """Compare what two stores hold; both should be at rest meanwhile.

    Args:
        a: One store, opened.
        b: The other one.
        roles: Which roles; None: all nine.
        progress: Called with the role and how many more records have been read.
    """
    return VerifyReport(
        roles={role: _verdict(a, b, role, progress) for role in checked_roles(roles)}
    )


def checked_roles(roles: Iterable[str] | None) -> list[str]:
    """Return the roles in the order of the list of parts.

    Raises:
        NotFound: One of them is none.
    """
    asked = list(PARTS) if roles is None else list(roles)
    for role in asked:
        if role not in PARTS:
            raise NotFound("roles", role)
    return [role for role in PARTS if role in asked]


def _verdict(
    a: Engine, b: Engine, role: str, progress: Callable[[str, int], None] | None
) -> RoleVerdict:
    def tick(count: int) -> None:
        if progress:
            progress(role, count)

    first, second = digest_role(a, role, tick), digest_role(b, role, tick)
    if first.digest == second.digest:
        return RoleVerdict(a=first, b=second)
    return RoleVerdict(a=first, b=second, differences=tuple(_differences(a, b, role)))


def _differences(a: Engine, b: Engine, role: str) -> Iterator[str]:
    parts = PARTS[role]
    found = [
        *(_rows(a, b, name) for name in parts.tables),
        *(_lines(a, b, name) for name in parts.series),
        *(_blobs(a, b, name) for name in parts.blobs),
    ]
    named = [example for examples in found for example in islice(examples, _EXAMPLES)]
    return iter(named or ["the same records wait in another order"])


def _rows(a: Engine, b: Engine, name: str) -> Iterator[str]:
    for row in a.table(name).rows():
        other = b.table(name).get(row.key)
        if other is None:
            yield f"{name}: only the first has {row.key!r}"
        elif row_content(a, name, row) != row_content(b, name, other):
            yield f"{name}: {row.key!r} differs"
    for row in b.table(name).rows():
        if a.table(name).get(row.key) is None:
            yield f"{name}: only the second has {row.key!r}"


def _lines(a: Engine, b: Engine, name: str) -> Iterator[str]:
    for line in sorted({*a.series(name).names(), *b.series(name).names()}):
        counts = [series_digest(engine, name, line) for engine in (a, b)]
        if counts[0] != counts[1]:
            yield f"{name}: {line!r} differs ({counts[0][0]} and {counts[1][0]} values)"


def _blobs(a: Engine, b: Engine, name: str) -> Iterator[str]:
    for key in sorted({*a.blobs(name).versions(), *b.blobs(name).versions()}):
        if a.blobs(name).get(key) != b.blobs(name).get(key):
            versions = [engine.blobs(name).version(key) for engine in (a, b)]
            yield f"{name}: {key!r} differs (versions {versions[0]} and {versions[1]})"

"""The clauses as a page: ``python -m smok_testing.catalogue > docs/reference/clauses.md``."""

import sys
from collections.abc import Iterable

from smok_testing import KIT_VERSION
from smok_testing.clause import Clause
from smok_testing.clauses import all_clauses
from smok_testing.contract import CONTRACT, ELSEWHERE, PRIMITIVE_RULES

_HEAD = """\
# Clauses of the conformance kit

This page is made from the code (`python -m smok_testing.catalogue`); a test keeps it true.
It is version {version} of the kit, with {count} clauses.

A clause is one function in `smok_testing/clauses/` and proves one promise or several. Its
level is `core` (every backend, always), `durable` (over restarts and kills), `concurrent`
(threads and processes) or `extended` (sizes, costs, staged faults). Clauses that need a
capability are checked where a backend declares it; clauses that need an ability are checked where
the author's `Subject` has it.
"""


def page() -> str:
    """Return the page."""
    clauses = all_clauses()
    parts = [
        _HEAD.format(version=KIT_VERSION, count=len(clauses)),
        "## What the roles promise\n",
        _table(CONTRACT, clauses),
        "## What the primitives promise\n",
        "The wording of law: [Engine and its primitives](engine.md).\n",
        _table(PRIMITIVE_RULES, clauses),
        "## All clauses\n",
        *_sections(clauses),
    ]
    return "\n".join(parts)


def _table(rules: dict[str, str], clauses: Iterable[Clause]) -> str:
    found = list(clauses)
    lines = ["| Id | Promise | Proved by |", "|---|---|---|"]
    lines += [f"| {id_} | {text} | {_proof(id_, found)} |" for id_, text in rules.items()]
    return "\n".join(lines) + "\n"


def _proof(id_: str, clauses: list[Clause]) -> str:
    own = [clause for clause in clauses if clause.id == id_]
    also = [clause for clause in clauses if id_ in clause.proves]
    if not own and not also:
        return ELSEWHERE[id_]
    first = (own or also)[0]
    return f"{len(own) + len(also)} clauses, such as `{first}`"


def _sections(clauses: Iterable[Clause]) -> Iterable[str]:
    subjects: dict[str, list[Clause]] = {}
    for clause in clauses:
        subjects.setdefault(clause.subject, []).append(clause)
    for subject in sorted(subjects):
        yield f"### {subject}\n"
        yield "| Clause | Promise | Proves | Level | Needs | Since |\n|---|---|---|---|---|---|"
        yield "\n".join(map(_row, sorted(subjects[subject], key=str))) + "\n"


def _row(clause: Clause) -> str:
    needs = ", ".join(filter(None, (clause.needs, clause.ability)))
    proves = ", ".join(clause.ids)
    cells = (f"`{clause.ref}`", clause.promise, proves, clause.level, needs, clause.since)
    return f"| {' | '.join(text.replace('|', chr(92) + '|') for text in cells)} |"


if __name__ == "__main__":
    sys.stdout.write(page())

"""Keys of every role: all texts are ordinary, everything else is refused by name."""

from collections.abc import Callable
from functools import partial, wraps
from typing import Any

from smok_core.hookspecs import Capability
from smok_testing.checks import refuses, same
from smok_testing.clause import Level, clauses_of
from smok_testing.harness import Harness
from smok_testing.keyed import KEYED, Keyed, keyed_of
from smok_testing.opening import kept
from smok_testing.samples import DIFFICULT_KEYS, NEIGHBOURS

ALL_KEYS = tuple(dict.fromkeys((*DIFFICULT_KEYS, *NEIGHBOURS)))

#: Keys that are fields of an object, of which a wrong type may be a wrong value.
IN_OBJECTS = ("events", "sensors", "macros")

WRONG_KEYS: tuple[tuple[Any, type[Exception]], ...] = (
    ("", ValueError), ("a\0b", ValueError), ("\0", ValueError), ("\ud800", ValueError),
    ("a\udfff", ValueError), ("k" * 513, ValueError), ("é" * 257, ValueError),
    (None, TypeError), (b"a", TypeError), (7, TypeError), (("a",), TypeError),
    ({"$ne": 1}, TypeError),
)  # fmt: skip


def of_each_keyed_role(*ids: str, **more: Any) -> Callable[[Any], Any]:
    """Register a check once for each kind of key, under its role."""

    def register(check: Any) -> Any:
        for keyed in KEYED:
            clauses_of(keyed.role)(*ids, **more)(_for(keyed, check))
        return check

    return register


def _for(keyed: Keyed, check: Any) -> Callable[[Harness], None]:
    @wraps(check)
    def run(harness: Harness) -> None:
        check(harness, keyed)

    run.__name__ = f"{check.__name__}_of_{keyed.name}"
    return run


def ordinary(keyed: Keyed) -> list[str]:
    """Return every difficult key that is a key to this role, each once."""
    found = {keyed.canonical(key): key for key in ALL_KEYS}
    return [key for canonical, key in found.items() if canonical]


def check_all(harness: Harness, keyed: Keyed, keys: list[str]) -> None:
    """Fail unless every key has its own number."""
    for number, key in enumerate(keys):
        same(keyed.get(harness.roles, key), number, f"what is stored under {key!r:.60}")
    if listed := keyed.keys(harness.roles):
        same(sorted(listed), sorted(map(keyed.canonical, keys)), "the keys that are listed")


@of_each_keyed_role("G5")
def every_text_is_an_ordinary_key(harness: Harness, keyed: Keyed) -> None:
    """Paths, operators, patterns and all of Unicode are keys, compared byte for byte."""
    keys = ordinary(keyed)
    for number, key in enumerate(keys):
        keyed.put(harness.roles, key, number)
    check_all(harness, keyed, keys)


@of_each_keyed_role("G5", "G4", "G7")
def other_keys_are_refused(harness: Harness, keyed: Keyed) -> None:
    """An empty, too long or impossible key is refused by the role's name, and stores nothing."""
    for wrong, kind in WRONG_KEYS:
        wanted = Exception if keyed.name in IN_OBJECTS and kind is TypeError else kind
        what = f"the key {wrong!r:.40}"
        refuses(partial(keyed.put, harness.roles, wrong, 1), wanted, keyed.role, what=what)
    same(keyed.keys(harness.roles), [], "the keys that are listed")


@of_each_keyed_role("G5", level=Level.DURABLE, needs=Capability.PERSISTENT)
def every_key_survives_a_restart(harness: Harness, keyed: Keyed) -> None:
    """After a restart each difficult key still has just what was stored under it."""
    keys = ordinary(keyed)
    for number, key in enumerate(keys):
        keyed.put(harness.roles, key, number)
    harness.reopen_roles()
    check_all(harness, keyed, keys)


@clauses_of("general")("G5")
def no_key_reaches_another_role(harness: Harness) -> None:
    """One key stored in every role is ten different things, and removing one leaves the rest."""
    for key in ("a", "pathpoints", "a:b", "metadata.pkl", "counters"):
        for number, keyed in enumerate(keyed_of(harness.roles), start=1):
            keyed.put(harness.roles, key, number)
        if "metadata" in kept(harness.roles):
            number = int(harness.roles.metadata.get_plain(key))
            harness.roles.metadata.delete_plain(key)
            harness.roles.metadata.put_plain(key, f"{number}")
        for number, keyed in enumerate(keyed_of(harness.roles), start=1):
            same(keyed.get(harness.roles, key), number, f"{key!r} in {keyed.role} ({keyed.name})")
        harness.fresh_roles()

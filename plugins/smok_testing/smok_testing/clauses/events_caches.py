"""Events: what predicates remember between two evaluations."""

import math
from functools import partial

from smok_core.model import Color, Event
from smok_testing.checks import refuses, same
from smok_testing.clause import clauses_of
from smok_testing.clauses.events import PERSISTENT, all_of, event
from smok_testing.harness import Harness
from smok_testing.samples import PLAIN, described

clause = clauses_of("events")


@clause("EV3")
def caches_keep_plain_data_exactly(harness: Harness) -> None:
    """Whatever a predicate remembers comes back with its very types, and is its own copy."""
    events = harness.roles.events
    for at, value in enumerate((*PLAIN, list(PLAIN))):
        events.set_cache(f"p{at}", value)
        same(described(events.get_cache(f"p{at}")), described(value), f"the cache of {value!r}")
    mutable = {"list": [1]}
    events.set_cache("p", mutable)
    mutable["list"].append(2)
    events.get_cache("p")["list"].append(3)
    same(events.get_cache("p"), {"list": [1]}, "the cache after its source and copy changed")


@clause("EV3", "G6")
def caches_refuse_other_things(harness: Harness) -> None:
    """Anything but plain data is a TypeError that names its class, and changes nothing."""
    events = harness.roles.events
    events.set_cache("p", "old")
    for thing in (object(), Event(started_on=1), [1, {"a": (Color.RED,)}], {1j: 1}, frozenset()):
        call = partial(events.set_cache, "p", thing)
        refuses(call, TypeError, "events", "p", what=repr(thing))
    refuses(lambda: events.set_cache("p", Event(started_on=1)), TypeError, "Event", what="an Event")
    for number in (math.nan, [math.inf], {"a": -math.inf}):
        call = partial(events.set_cache, "p", number)
        refuses(call, ValueError, "events", what=repr(number))
    same(events.get_cache("p"), "old", "the cache")


@clause("EV3")
def caches_go_with_their_predicate(harness: Harness) -> None:
    """Without a cache there is a KeyError; a deleted predicate loses its cache, not its events."""
    events = harness.roles.events
    refuses(lambda: events.get_cache("p"), KeyError, "events", "p", what="get_cache")
    events.on_predicate_deleted("p")
    events.set_cache("p", None)
    events.set_cache("q", 1)
    same(events.get_cache("p"), None, "a cache that is None")
    events.add_event(event("a", message="p"))
    events.on_predicate_deleted("p")
    refuses(lambda: events.get_cache("p"), KeyError, "events", "p", what="get_cache")
    same((events.get_cache("q"), len(all_of(events))), (1, 1), "another cache, and events")


@clause("EV3", **PERSISTENT)
def caches_survive_a_restart(harness: Harness) -> None:
    """What a predicate remembers is exactly the same after a restart."""
    harness.roles.events.set_cache("p", list(PLAIN))
    found = harness.reopen_roles().events.get_cache("p")
    same(described(found), described(list(PLAIN)), "the cache")

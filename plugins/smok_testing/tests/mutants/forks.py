"""Wrong engines and roles over a fork: they share, hang, lose, or write twice."""

import os
import threading
import time
from pathlib import Path

from plugins.smok_testing.tests.mutants.base import ShelfEngine, add, engine, role
from smok_core.engine.buffered import BufferedSeries
from smok_core.engine.memory import MemorySeries
from smok_core.errors import StoreClosed
from smok_core.roles.pathpoints import PathpointDatabase


def of_series(caught_by):
    """Enter wrong series that a clause of all roles catches."""

    def enter(wrong):
        kind = type("E", (ShelfEngine,), {"series_kind": wrong})
        add(wrong.__name__, wrong.__doc__, caught_by, kind)
        return wrong

    return enter


class _Forked(ShelfEngine):
    """Knows which process opened it, and in which generation a process is."""

    def __init__(self, context):
        super().__init__(context)
        self.born = os.getpid()


@engine("general-G15.parent_and_child_both_go_on")
class UselessInChildren(_Forked):
    """Refuses to work in another process than the one that opened it."""

    def series(self, name, limits):
        found, born = super().series(name, limits), self.born
        append = found.append

        def only_at_home(points):
            if os.getpid() != born:
                raise StoreClosed("kit", "another process has it")
            append(points)

        found.append = only_at_home
        return found

    def pick_up(self):
        for found in self._series.values():
            vars(found).pop("append", None)
        return super().pick_up()


@engine("general-G15.a_child_may_fork_again")
class OneForkOnly(_Forked):
    """Starts anew in a child, but not in a child of that."""

    def table(self, name):
        found, born, parent = super().table(name), self.born, os.getpid
        put = type(found).put

        class Table(type(found)):
            def put(self, *args, **more):
                if parent() != born and os.getppid() != born:
                    raise StoreClosed("kit", "the grandparent has it")
                return put(self, *args, **more)

        found.__class__ = Table
        return found

    def close(self):
        self._tables.clear()
        super().close()


@engine("general-G15.closing_in_the_child_is_for_the_child")
class ClosesForAll(_Forked):
    """Closing in a child ends the session that the parent uses, too."""

    @property
    def _mark(self):
        return Path(self.context.options.place) / "closed"

    def close(self):
        if os.getpid() != self.born:
            self._mark.touch()
        super().close()

    def table(self, name):
        if self._mark.exists():
            raise StoreClosed("kit", "somebody closed it")
        return super().table(name)

    def series(self, name, limits):
        found, mark = super().series(name, limits), self._mark

        class Marked(MemorySeries):
            def append(self, points):
                if mark.exists():
                    raise StoreClosed("kit", "somebody closed it")
                MemorySeries.append(self, points)

        if type(found) is MemorySeries:
            found.__class__ = Marked
        return found

    def pick_up(self):
        self._series.clear()
        return super().pick_up()


_busy = threading.Lock()


@of_series("general-G15.a_fork_beside_writers_hangs_nobody")
class LockStaysLocked(MemorySeries):
    """Its lock is held nearly always, and by nobody in the child."""

    def append(self, points):
        with _busy:
            super().append(points)
            time.sleep(0.003)


@of_series("engine-G15.open_iterators_outlive_a_fork")
class RangeOfOneProcess(MemorySeries):
    """A range that is read on in a child ends early."""

    def range(self, name, start, stop):
        born = os.getpid()
        for point in super().range(name, start, stop):
            if os.getpid() != born:
                return
            yield point


class _Buffered(PathpointDatabase):
    """A role with a buffer of its own kind."""

    buffer = BufferedSeries

    def _open_series(self, engine):
        settings = self.context.settings
        return self.buffer(engine.series(self.role, settings.limits), settings.flush_ms)


class _Copied(BufferedSeries):
    def after_fork_in_child(self):
        pending, size = self._pending, self._size
        super().after_fork_in_child()
        self._pending, self._size = pending, size


class _Threadless(BufferedSeries):
    def after_fork_in_child(self):
        super().after_fork_in_child()
        self._has_thread = lambda: True


@role("pathpoints", "engine-G15.what_was_buffered_at_the_fork_is_the_parents")
class BufferIsCopied(_Buffered):
    """The child writes what its parent buffered, a second time."""

    buffer = _Copied


@role("pathpoints", "engine-G15.a_buffered_child_writes_by_itself")
class NoThreadInTheChild(_Buffered):
    """The thread that writes is the parent's; nothing writes in the child."""

    buffer = _Threadless

"""Brings the log to the medium at most a second after a commit (durability "crash", "buffered").

SQLite itself syncs the log of these durabilities only when it copies it into the file, which a slow
writer reaches after minutes. So one thread of the process syncs every log that has grown, half a
second after its first commit that was not synced yet: at a power cut what is older than that, and
than the time a sync takes, is there.

The log is synced through a descriptor of its own, and without the connection's lock. That is safe:
SQLite's locks lie on the file and its index, never on the log, so closing a descriptor of the log
drops none of them.
"""

import atexit
import logging
import os
import threading
import time
from pathlib import Path
from typing import Final

from smok_core.engine.forks import Layer, join
from smok_core.errors import StoreError
from smok_pickle.failures import translate
from smok_pickle.files import sibling

logger = logging.getLogger(__name__)

#: From the first commit that is not synced to the sync; the rest of the second is the disk's.
_DELAY: Final = 0.5
#: The thread ends when nothing was written for so long.
_IDLE: Final = 10.0

#: The logs that will be synced, in that order, each with the monotonic time for it. Who has made a
#: commit may look without a lock: a log that is still here will be synced after that commit.
due: Final = dict["LogSync", float]()


class LogSync:
    """The log of one store's file; usable from any thread.

    Args:
        path: The store's file.
    """

    def __init__(self, path: Path) -> None:
        self._path, self._log = path, sibling(path, "-wal")
        self._known: tuple[int, int] | None = None
        self._failure: StoreError | None = None

    @property
    def failure(self) -> StoreError | None:
        """Return why a sync in the background failed; None after `flush` has raised it."""
        return self._failure

    def committed(self) -> None:
        """Have the log synced soon; to be called after a commit if the log is not due."""
        _syncer.add(self)

    def flush(self) -> None:
        """Sync the log now.

        Raises:
            StoreError: That failed, or did in the background since the last call.
        """
        _syncer.remove(self)
        failure, self._failure = self._failure, None
        if failure is not None:
            raise failure
        try:
            self._sync()
        except OSError as error:
            raise translate(error, self._path) from error

    def close(self) -> None:
        """Sync what is not synced yet; a failure is in the program's log."""
        if _syncer.remove(self):
            self.sync_quietly()

    def sync_quietly(self) -> bool:
        """Sync the log; a failure is kept for `flush`, because what it concerns may be lost."""
        try:
            self._sync()
        except OSError as error:
            if self._failure is None:
                logger.warning("the log could not be synced: %s", error)
            self._failure = translate(error, self._path)
            return False
        return True

    def _sync(self) -> None:
        try:
            handle = os.open(self._log, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return  # it was copied into the file, which SQLite syncs
        try:
            os.fdatasync(handle)
            self._sync_entry(os.fstat(handle))
        finally:
            os.close(handle)

    def _sync_entry(self, log: os.stat_result) -> None:
        """Sync the directory of a log that was not there before: a lost entry loses all of it."""
        found = log.st_dev, log.st_ino
        if found == self._known:
            return
        handle = os.open(self._log.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
        self._known = found


class _Syncer:
    """The one thread of a process, and the logs that wait for it."""

    def __init__(self) -> None:
        self._begin()
        join(self, Layer.ENGINE)

    def _begin(self) -> None:
        self._lock = threading.Lock()
        # An interrupt in `Condition.__enter__`, which is Python, would keep the lock for ever.
        self._changed = threading.Condition(self._lock)
        due.clear()
        self._thread: threading.Thread | None = None

    def add(self, log: LogSync) -> None:
        with self._lock:
            due.setdefault(log, time.monotonic() + _DELAY)
            running = self._thread is not None or self._start()
            self._changed.notify()
        if not running:
            self.remove(log)
            log.sync_quietly()

    def remove(self, log: LogSync) -> bool:
        """Take a log away; tells whether it was due."""
        with self._lock:
            return due.pop(log, None) is not None

    def finish(self) -> None:
        """Sync all that is due, at the end of the process."""
        for log in list(due):
            log.close()

    def _start(self) -> bool:
        thread = threading.Thread(target=self._run, name="smok-log-sync", daemon=True)
        try:
            thread.start()
        except RuntimeError:  # the interpreter is ending, or there are too many threads
            return False
        self._thread = thread
        return True

    def _run(self) -> None:
        while (log := self._next()) is not None:
            if not log.sync_quietly():
                self.add(log)  # the next attempt may find a free descriptor, or the disk again

    def _next(self) -> LogSync | None:
        """Wait for a log to be due and take it; None: there was none for long, the thread ends."""
        with self._lock:
            while self._changed.wait_for(lambda: due, _IDLE):
                log, moment = next(iter(due.items()))
                if (left := moment - time.monotonic()) <= 0:
                    del due[log]
                    return log
                self._changed.wait(left)
            self._thread = None
            return None

    # --- forks: the thread and what waits for it are the parent's --------------------------------

    def before_fork(self) -> None:
        """Nothing is held over a fork: the child begins with nothing of the parent's."""

    def after_fork_in_parent(self) -> None:
        """The thread goes on."""

    def after_fork_in_child(self) -> None:
        self._begin()


_syncer: Final = _Syncer()
atexit.register(_syncer.finish)

"""Forked children: they do one piece of work, tell what went wrong, and never hang the kit."""

import os
import select
import signal
import time
import warnings
from collections.abc import Callable
from typing import NoReturn

from smok_testing.checks import expect

#: After so long a child that has little to do is taken for hung.
HANG_SECONDS: float = 60.0


class Child:
    """A forked copy of this process that does ``work`` and ends without running anything else."""

    def __init__(self, work: Callable[[], object]) -> None:
        self._reader, writer = os.pipe()
        self._pid = _fork()
        if self._pid == 0:
            os.close(self._reader)
            _work_and_exit(work, writer)
        os.close(writer)

    def join(self) -> None:
        """Wait for its end; fail if it hung, died or raised."""
        told = self._read()
        _, status = os.waitpid(self._pid, 0)
        expect(not told, f"a forked child failed: {told}")
        expect(status == 0, f"a forked child ended with status {status}")

    def _read(self) -> str:
        deadline, told = time.monotonic() + HANG_SECONDS, b""
        with open(self._reader, "rb", buffering=0) as pipe:  # noqa: PTH123 - a descriptor
            while select.select([pipe], [], [], max(deadline - time.monotonic(), 0))[0]:
                data = pipe.read(65_536)
                if not data:
                    return told.decode()
                told += data
        os.kill(self._pid, signal.SIGKILL)
        return f"it hung for {HANG_SECONDS:.0f} s"


def _fork() -> int:
    with warnings.catch_warnings():
        # From Python 3.12 on a fork beside threads warns; that it works is what is checked.
        warnings.simplefilter("ignore", DeprecationWarning)
        return os.fork()


def _work_and_exit(work: Callable[[], object], pipe: int) -> NoReturn:
    status = 1
    try:
        work()
        status = 0
    except BaseException as error:  # noqa: BLE001 - told to the parent, which judges it
        os.write(pipe, f"{type(error).__name__}: {error}".encode())
    finally:
        os._exit(status)

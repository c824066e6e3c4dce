"""How many bytes a second a client spends: a link may be paid by the byte, or shared."""

import threading
import time


class Pace:
    """Spreads bytes over time, as an average; any thread may call.

    Args:
        bytes_per_second: None is without a limit.
    """

    def __init__(self, bytes_per_second: float | None) -> None:
        self._rate, self._free = bytes_per_second, 0.0
        self._closed = threading.Event()

    def spend(self, size: int) -> None:
        """Note that so many bytes were sent or received."""
        if self._rate is not None:
            self._free = max(self._free, time.monotonic()) + size / self._rate

    def wait(self) -> bool:
        """Wait until what was spent is within the limit; tell whether nobody interrupted."""
        seconds = self._free - time.monotonic()
        return seconds <= 0 or not self._closed.wait(seconds)

    def interrupt(self) -> None:
        """End the waits under way; those that begin later are waited for."""
        closed, self._closed = self._closed, threading.Event()
        closed.set()

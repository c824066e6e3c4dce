"""The end that a signal asks for."""

import signal
import threading
from queue import SimpleQueue


def stop_on_signals() -> threading.Event:
    """Return an event that SIGTERM and Ctrl-C set from now on; to be called in the main thread.

    A thread sets it. The handler runs in the main thread, wherever that is: inside the event it
    holds the event's lock, and would wait for itself for ever. `SimpleQueue.put` is what Python
    offers for that (https://docs.python.org/3/library/queue.html#queue.SimpleQueue.put).
    """
    stop, told = threading.Event(), SimpleQueue[int]()

    def listen() -> None:
        told.get()
        stop.set()

    threading.Thread(target=listen, name="smok-signals", daemon=True).start()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda number, _: told.put(number))
    return stop

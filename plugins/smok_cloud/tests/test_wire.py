"""What the other end of a socket can do: nothing, nonsense, too slowly, without end."""

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

import pytest
from smok_cloud.api import ApiClient
from smok_cloud.errors import NoLink, NotTheApi
from smok_cloud.transport import Limits

from plugins.smok_cloud.tests.conftest import PATIENT, QUICK

INTERIM = (
    b"103 Early Hints\r\nLink: </x>; rel=preload\r\n\r\nHTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 "
)
LATEST = QUICK.total + 2.0  # seconds; the machine may be busy


def test_no_server_at_all() -> None:
    """A refused connection is a missing link and says so."""
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    with (
        ApiClient(f"http://127.0.0.1:{port}", limits=QUICK) as client,
        pytest.raises(NoLink, match="refused"),
    ):
        client.get_device()


def test_an_unknown_host() -> None:
    """A host name that cannot be resolved is a missing link and says so."""
    with (
        ApiClient("http://no-such-host.invalid", insecure=True, limits=QUICK) as client,
        pytest.raises(NoLink, match="cannot be resolved"),
    ):
        client.get_device()


def test_a_server_that_takes_no_connection() -> None:
    """A full queue of connections ends at the connect limit."""
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        port = full.getsockname()[1]
        pending = [socket.socket() for _ in range(8)]
        for each in pending:
            each.setblocking(False)
            each.connect_ex(("127.0.0.1", port))
        started = time.monotonic()
        limits = Limits(connect=0.3, read=0.3, total=0.6)
        with (
            ApiClient(f"http://127.0.0.1:{port}", limits=limits) as client,
            pytest.raises(NoLink, match=r"no connection within 0\.3 s"),
        ):
            client.get_device()
        assert time.monotonic() - started < LATEST
        for each in pending:
            each.close()


@contextlib.contextmanager
def _in_thread(work: Callable[[], None]) -> Iterator[None]:
    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        thread.join()


@pytest.mark.parametrize(
    "nonsense",
    [
        b"hello\r\n\r\n",
        b"\x16\x03\x01",
        b"HTTP/1.1 two hundred\r\n\r\n",
        b"x" * 100_000,
        b"HTTP/2 200\r\nContent-Length: 2\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-2\r\n{}\r\n0\r\n\r\n",
    ],
    ids=["text", "tls", "status", "long-line", "version", "chunk"],
)
def test_what_speaks_no_http_is_not_the_api(nonsense: bytes) -> None:
    """Bytes that are no HTTP answer are told from a missing link."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(5)
        port = listener.getsockname()[1]
        client = ApiClient(f"http://127.0.0.1:{port}", limits=QUICK)

        def answer() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(nonsense)

        with _in_thread(answer), client, pytest.raises(NotTheApi, match="not HTTP"):
            client.get_device()


@pytest.mark.parametrize(
    ("head", "is_taken"),
    [
        (b"200 OK\r\nContent-Length: 2\r\nContent-Length: 2", True),
        (b"200 OK\r\nContent-Length: 2\r\nContent-Length: 3", False),
        (b"206 Partial Content\r\nContent-Length: 2", False),
        (b"207 Multi-Status\r\nContent-Length: 2", False),
        (b"202 Accepted\r\nContent-Length: 2", True),
        (INTERIM + INTERIM + b"200 OK\r\nContent-Length: 2", True),
        (INTERIM + b"207 Multi-Status\r\nContent-Length: 2", False),
        (b"101 Switching Protocols\r\nUpgrade: h2c\r\nContent-Length: 2", False),
    ],
    ids=["repeated", "contradicting", "part", "each", "accepted", "later", "later-part", "switch"],
)
def test_what_takes_a_batch(head: bytes, is_taken: bool) -> None:
    """A length that is said twice is one; a success for a part of what was sent is none.

    An answer that says that another will come is none itself.
    """
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(5)
        client = ApiClient(f"http://127.0.0.1:{listener.getsockname()[1]}", limits=QUICK)

        def answer() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(b"HTTP/1.1 " + head + b"\r\n\r\n{}")

        with _in_thread(answer), client, contextlib.ExitStack() as stack:
            if not is_taken:
                stack.enter_context(pytest.raises(NotTheApi))
            client.post_macro_done("m", 5)


@pytest.mark.parametrize("flood", [b"", b"HTTP/1.1 102 Processing\r\n\r\n" * 1000])
def test_an_answer_that_only_says_that_one_will_come(flood: bytes) -> None:
    """One that never comes is a missing link, also when the server says so without end."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(5)
        client = ApiClient(f"http://127.0.0.1:{listener.getsockname()[1]}", limits=QUICK)

        def answer() -> None:
            connection, _ = listener.accept()
            with connection, contextlib.suppress(OSError):
                connection.settimeout(2)  # the kernel may be slow to say that the client is gone
                connection.recv(65536)
                connection.sendall(b"HTTP/1.1 103 Early Hints\r\n\r\n")
                while flood:
                    connection.sendall(flood)

        with _in_thread(answer), client, pytest.raises(NoLink):
            client.post_macro_done("m", 5)


def test_a_slow_link_has_time_for_a_large_body() -> None:
    """A body that keeps moving may take longer than the connect limit; the total limit counts."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(5)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        size = 12 * 1024 * 1024

        def read_slowly() -> None:
            connection, _ = listener.accept()
            with connection:
                received = 0
                while received < size and (piece := connection.recv(65536)):
                    received += len(piece)
                    time.sleep(0.005)
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")

        limits = Limits(connect=0.3, read=5.0, total=20.0)
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        started = time.monotonic()
        with _in_thread(read_slowly), ApiClient(url, baob_limits=limits) as client:
            client.put_baob("k", bytes(size), 1)
        assert time.monotonic() - started > 2 * limits.connect


CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n[]\r\n"


@pytest.mark.parametrize("end", [b"0\r\n\r\n", b""], ids=["whole", "cut"])
def test_chunked_answers_are_read_to_their_end(end: bytes) -> None:
    """A chunked answer counts only with its last chunk."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(5)

        def answer() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(CHUNKED + end)

        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        with _in_thread(answer), ApiClient(url, limits=PATIENT) as client:
            if end:
                assert client.get_sensors() == []
            else:
                with pytest.raises(NoLink):
                    client.get_sensors()


def test_an_endless_answer_is_not_read_on() -> None:
    """An answer without a length that never ends is refused at the size limit, not at the time."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(5)

        def pour() -> None:
            connection, _ = listener.accept()
            with connection, contextlib.suppress(ConnectionError):
                connection.recv(65536)
                connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
                while True:
                    connection.sendall(bytes(65536))

        limits = Limits(read=2.0, total=20.0, answer_bytes=1024 * 1024)
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        started = time.monotonic()
        with (
            _in_thread(pour),
            ApiClient(url, limits=limits) as client,
            pytest.raises(NotTheApi, match="larger than"),
        ):
            client.get_sensors()
        assert time.monotonic() - started < limits.total / 2


def test_a_server_that_does_not_read_ends_in_time() -> None:
    """An upload into a server that has stopped reading is given up at the limit."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(5)
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        started = time.monotonic()
        with ApiClient(url, baob_limits=QUICK) as client, pytest.raises(NoLink):
            client.put_baob("k", bytes(32 * 1024 * 1024), 1)
        assert time.monotonic() - started < LATEST


class _OneByteShort(BaseHTTPRequestHandler):
    """Announces one byte less than it sends, and keeps the connection open."""

    protocol_version = "HTTP/1.1"
    callers: ClassVar[list[Any]] = []

    def do_GET(self) -> None:
        """Answer an empty list with the wrong length."""
        self.callers.append(self.client_address)
        self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n[]")

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


def test_a_connection_with_bytes_left_over_is_not_used_again() -> None:
    """What follows nonsense on its connection would be taken for the next answer."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _OneByteShort) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        with ApiClient(f"http://127.0.0.1:{server.server_port}") as client:
            for _ in range(2):
                with pytest.raises(NotTheApi):
                    client.get_sensors()
        server.shutdown()
    assert len(set(_OneByteShort.callers)) == 2

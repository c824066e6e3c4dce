"""The fault proxy: each way to misbehave, seen by a client of a server that counts."""

import socket
import socketserver
import threading

import pytest
from smok_testing.proxy import Mode, Proxy


class Counting(socketserver.StreamRequestHandler):
    """Answers each line with how many lines were understood."""

    def handle(self) -> None:
        for line in self.rfile:
            if line.endswith(b"\n"):
                self.server.lines.append(line)
                self.wfile.write(b"%d\n" % len(self.server.lines))


@pytest.fixture
def server():
    """A server with threads, on a free port."""
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Counting) as running:
        running.lines = []
        running.daemon_threads = True
        thread = threading.Thread(target=running.serve_forever, args=(0.01,))
        thread.start()
        yield running
        running.shutdown()
        thread.join()


@pytest.fixture
def proxy(server):
    """A proxy in front of it."""
    with Proxy(server.server_address[1]) as running:
        yield running


def ask(proxy: Proxy, text: bytes = b"x\n") -> bytes:
    """Send one line by a connection of its own; what comes back, nothing if it was cut."""
    with socket.create_connection(("127.0.0.1", proxy.port), timeout=0.3) as client:
        try:
            client.sendall(text)
            return client.recv(100)
        except ConnectionError:
            return b""


def test_it_passes(proxy, server) -> None:
    """As if it were not there."""
    assert [ask(proxy), ask(proxy)] == [b"1\n", b"2\n"]
    assert proxy.lost == 0


def test_it_refuses(proxy, server) -> None:
    """New and open connections are cut, and nothing arrives; afterwards all is well."""
    with socket.create_connection(("127.0.0.1", proxy.port), timeout=5) as client:
        client.sendall(b"x\n")
        assert client.recv(100) == b"1\n"
        with proxy.doing(Mode.REFUSE):
            assert client.recv(100) == b""
            assert ask(proxy) == b""
    assert ask(proxy) == b"2\n"


def test_it_is_silent(proxy, server) -> None:
    """The connection stands and says nothing; it is cut at the end of the silence."""
    with socket.create_connection(("127.0.0.1", proxy.port), timeout=5) as client:
        client.sendall(b"x\n")
        assert client.recv(100) == b"1\n"
        with proxy.doing(Mode.SILENT), pytest.raises(TimeoutError):
            ask(proxy)
        assert client.recv(100) == b""
    assert len(server.lines) == 1


def test_it_loses_an_answer_once(proxy, server) -> None:
    """The request is carried out both times, and answered the second time."""
    with proxy.doing(Mode.LOSE_ONCE):
        assert [ask(proxy), ask(proxy)] == [b"", b"2\n"]
    assert proxy.lost == 1


def test_it_loses_all_answers(proxy, server) -> None:
    """All requests are carried out, and none is answered."""
    with proxy.doing(Mode.LOSE_ALL):
        assert [ask(proxy), ask(proxy), ask(proxy)] == [b"", b"", b""]
    assert (proxy.lost, len(server.lines)) == (3, 3)


def test_it_halves_a_request(proxy, server) -> None:
    """What arrives is no whole request; the second time it is."""
    with proxy.doing(Mode.HALVE):
        assert [ask(proxy), ask(proxy)] == [b"", b"1\n"]
    assert (proxy.lost, len(server.lines)) == (1, 1)

"""A url that speaks of another server than the one that answers: the answer is named."""

import http.server
import socketserver
import ssl
import threading
from contextlib import contextmanager
from pathlib import Path

import pytest
from redis.exceptions import InvalidResponse
from smok_redis.address import parse_url
from smok_redis.errors import WrongServer
from smok_redis.links import open_link
from smok_redis.options import RedisOptions
from smok_redis.wire import pipe, send

from smok_core.errors import BackendUnavailable
from smok_core.settings import Secret
from tests.servers.redis_groups import watched
from tests.servers.redis_servers import free_port, require
from tests.servers.redis_tls import make_certificates


class _Page(http.server.BaseHTTPRequestHandler):
    def log_message(self, *_):
        """Say nothing."""


class _Greeting(socketserver.StreamRequestHandler):
    def handle(self):
        """Greet as an SSH server does."""
        self.wfile.write(b"SSH-2.0-OpenSSH_9.6\r\n")
        self.rfile.readline()


class _Mute(socketserver.StreamRequestHandler):
    def handle(self):
        """Read and answer nothing, as a server with TLS does in a handshake that fails."""
        self.rfile.readline()


class _Tcp(socketserver.ThreadingTCPServer):
    daemon_threads = True
    context: ssl.SSLContext | None = None

    def finish_request(self, request, client_address):
        if self.context is None:
            return super().finish_request(request, client_address)
        with self.context.wrap_socket(request, server_side=True) as secured:
            return super().finish_request(secured, client_address)

    def handle_error(self, *_):
        """A handshake that fails is what is wanted."""


@contextmanager
def listening(handler, context=None):
    """Give the port of a server of something else."""
    with _Tcp(("127.0.0.1", 0), handler) as server:
        server.context = context
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
        thread.join()


@pytest.fixture
def wrong(opened):
    """Open a url that does not fit, and give the error's text."""

    def text(url, **options):
        with pytest.raises(WrongServer) as caught:
            opened(url, timeout=0.5, **options)
        assert caught.value.code == "SMOK-S14"
        assert "temporary" not in str(caught.value)
        return str(caught.value)

    return text


def test_a_server_of_data_is_no_sentinel_and_has_no_tls(own_server, wrong):
    """Each mistake is named with the word to write."""
    at = f"127.0.0.1:{own_server.port}"
    text = wrong(f"redis+sentinel://{at}/plant")
    assert "a server of data answers, no sentinel. Give the port of the sentinels" in text
    text = wrong(f"rediss://{at}")
    assert f"a server without TLS answers at {at}. Write redis://" in text
    assert "no database of that number" in wrong(f"redis://{at}/99")


def test_a_sentinel_is_no_server_of_data(tmp_path, wrong):
    """What a sentinel says of itself is believed."""
    require("valkey")
    with watched("valkey", tmp_path) as group:
        text = wrong(f"redis://127.0.0.1:{group.sentinels[0].port}")
    assert "a sentinel answers, no server of data. Write redis+sentinel://" in text


def test_one_of_a_cluster_is_named(shared_cluster, opened):
    """A plain url reaches one of three: its word for it is passed on."""
    told = []
    for node in shared_cluster:
        try:
            opened(f"redis://127.0.0.1:{node.port}", "pump-17", timeout=0.5)
        except BackendUnavailable as error:
            told.append(str(error))
    assert len(told) == 2
    assert all("belongs to a cluster" in text and "redis+cluster://" in text for text in told)


@pytest.mark.parametrize("scheme", ["redis://{}", "rediss://{}", "redis+sentinel://{}/plant"])
def test_a_web_server_is_named(wrong, scheme):
    """A mistyped port, or a proxy."""
    with listening(_Page) as port:
        assert f"a web server answers at 127.0.0.1:{port}" in wrong(
            scheme.format(f"127.0.0.1:{port}")
        )


def test_something_else_is_told(wrong):
    """What it is, is not guessed."""
    with listening(_Greeting) as port:
        assert "something else than Redis answers" in wrong(f"redis://127.0.0.1:{port}")


def test_a_server_with_tls_is_named(wrong, tmp_path):
    """Plain redis:// at a port of TLS ended in 'closed by the server'."""
    make_certificates(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "server.pem", tmp_path / "server.key")
    with listening(_Mute, context) as port:
        text = wrong(f"redis://127.0.0.1:{port}")
    assert f"a server with TLS answers at 127.0.0.1:{port}. Write rediss://" in text


def test_nobody_there_stays_what_it_is(opened):
    """A refused connection is still temporary."""
    with pytest.raises(BackendUnavailable, match="refused") as caught:
        opened(f"redis://127.0.0.1:{free_port()}", timeout=0.5)
    assert type(caught.value) is BackendUnavailable


#: Each is a whole answer of the protocol, and none that a server gives to what is asked.
STRANGE = (
    b"+OK\r\n", b":1\r\n", b"$-1\r\n", b"*0\r\n", b"*-1\r\n", b"*2\r\n:1\r\n:2\r\n",
    b"*1\r\n*0\r\n",
    b"*1\r\n-ERR in\r\n", b"$13\r\nmaxmemory:1kb\r\n", b"*1\r\n*3\r\n:0\r\n:16383\r\n*0\r\n",
    b"*2\r\n$9\r\n127.0.0.1\r\n$1\r\nx\r\n", b"*2\r\n$2\r\n\xff\xfe\r\n$1\r\n1\r\n",
    b"*2\r\n$70\r\n" + 70 * b"a" + b"\r\n$4\r\n6379\r\n",
)  # fmt: skip


class _Strange(socketserver.StreamRequestHandler):
    """Gives one answer to every command; without one it counts those of the connection."""

    answer = None

    def handle(self):
        number = 0
        while words := int(self.rfile.readline()[1:] or 0):
            for _ in range(words):
                self.rfile.read(int(self.rfile.readline()[1:]) + 2)
            number += 1
            self.wfile.write(self.answer or b":%d\r\n" % number)


@pytest.mark.parametrize("topology", ["", "+sentinel", "+cluster"])
def test_answers_of_another_shape_are_no_fault_of_the_plugin(opened, topology):
    """In a failover, or behind a proxy: it is the server that cannot be had."""
    tail = "/plant" if topology == "+sentinel" else ""
    for answer in STRANGE:
        handler = type("H", (_Strange,), {"answer": answer})
        with listening(handler) as port, pytest.raises(BackendUnavailable):
            opened(f"redis{topology}://127.0.0.1:{port}{tail}", timeout=0.2)


def test_a_connection_that_was_read_by_half_is_not_used_again():
    """Answers behind one that the driver cannot read are not taken for those to later commands."""
    with listening(_Strange) as port:
        url = f"redis://127.0.0.1:{port}"
        link = open_link(parse_url(url), RedisOptions(url=Secret(url)), Path(), "key")
        with pytest.raises(InvalidResponse):
            pipe(link.primary(), [("INFO",), ("GET", "a"), ("GET", "b")])
        assert send(link.primary(), ("GET", "c")) == 1
        link.close()

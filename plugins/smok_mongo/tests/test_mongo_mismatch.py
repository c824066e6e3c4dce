"""A URL that speaks of another server than the one that answers: the answer is named."""

import http.server
import socket
import socketserver
import ssl
import threading
from contextlib import contextmanager

import pytest
from smok_mongo.address import parse_address
from smok_mongo.errors import WrongServer

from smok_core.errors import BackendUnavailable
from tests.servers.redis_servers import Server, free_port, require
from tests.servers.redis_tls import make_certificates


class _Page(http.server.BaseHTTPRequestHandler):
    def log_message(self, *_):
        """Say nothing."""


class _Greeting(socketserver.StreamRequestHandler):
    def handle(self):
        """Greet as an SSH server does."""
        self.wfile.write(b"SSH-2.0-OpenSSH_9.6\r\n")
        self.rfile.readline()


class _Nonsense(socketserver.StreamRequestHandler):
    def handle(self):
        """Answer any message with noise of the right length."""
        while head := self.rfile.read(4):
            self.rfile.read(int.from_bytes(head, "little") - 4)
            self.wfile.write(b"\x40\0\0\0" + b"\x07" * 60)


class _Tcp(socketserver.ThreadingTCPServer):
    daemon_threads = True
    context: ssl.SSLContext | None = None
    behind = 0

    def finish_request(self, request, client_address):
        if self.context is None:
            super().finish_request(request, client_address)
            return
        with (
            self.context.wrap_socket(request, server_side=True) as secured,
            socket.create_connection(("127.0.0.1", self.behind)) as server,
        ):
            threading.Thread(target=_carry, args=(server, secured), daemon=True).start()
            _carry(secured, server)

    def handle_error(self, *_):
        """A handshake that fails is what is wanted."""


def _carry(source, target):
    """Carry bytes one way until one side ends."""
    try:
        while data := source.recv(65536):
            target.sendall(data)
    except OSError:
        return


@contextmanager
def listening(handler, context=None, behind=0):
    """Give the port of a server of something else, or of one with TLS in front of ``behind``."""
    with _Tcp(("127.0.0.1", 0), handler) as server:
        server.context, server.behind = context, behind
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join()


@contextmanager
def with_tls(folder, behind, names=("localhost", "127.0.0.1")):
    """Give the port of TLS in front of a server; ca.pem in ``folder`` is its CA."""
    make_certificates(folder, names=names)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server.pem", folder / "server.key")
    with listening(_Page, context, behind) as port:
        yield port


QUICK = {"server_selection_ms": 500, "connect_ms": 500, "socket_ms": 500}


@pytest.fixture
def wrong(opened):
    """Open a URL that does not fit, and give the error's text."""

    def text(url, **options):
        with pytest.raises(WrongServer) as caught:
            opened(url, **QUICK, **options)
        assert caught.value.code == "SMOK-S16"
        assert "temporary" not in str(caught.value)
        assert "s3cret" not in str(caught.value)
        return str(caught.value)

    return text


def test_a_redis_server_is_named(wrong, tmp_path):
    """The port of the other store."""
    require("valkey")
    with Server("valkey", tmp_path) as server:
        at = f"127.0.0.1:{server.port}"
        assert f"a Redis server answers at {at}. Correct" in wrong(f"mongodb://u:s3cret@{at}/")


@pytest.mark.parametrize("query", ["", "?tls=true"])
def test_a_web_server_is_named(wrong, query):
    """A mistyped port, or a proxy."""
    with listening(_Page) as port:
        text = wrong(f"mongodb://127.0.0.1:{port}/{query}")
        assert f"a web server answers at 127.0.0.1:{port}" in text


def test_something_else_is_told(wrong):
    """What it is, is not guessed."""
    with listening(_Greeting) as port:
        assert "something else than MongoDB answers" in wrong(f"mongodb://127.0.0.1:{port}/")


def test_a_server_with_tls_is_named(server, wrong, tmp_path):
    """Plain at a port of TLS."""
    with with_tls(tmp_path, server.port) as port:
        text = wrong(f"mongodb://127.0.0.1:{port}/")
    assert f"a server with TLS answers at 127.0.0.1:{port}. Write tls=true" in text


def test_a_server_without_tls_is_named(server, wrong):
    """TLS at a plain port."""
    text = wrong(f"mongodb://127.0.0.1:{server.port}/?tls=true")
    assert f"a server without TLS answers at 127.0.0.1:{server.port}. Drop tls" in text


def test_a_certificate_that_does_not_fit_is_told_from_one_that_is_not_trusted(
    server, wrong, opened, tmp_path
):
    """The CA is missing; the name is another; with both right the store opens."""
    with with_tls(tmp_path, server.port) as port:
        text = wrong(f"mongodb://127.0.0.1:{port}/?tls=true")
        assert "whose certificate is not trusted answers" in text
        assert "tls_ca_file" in text
        url = f"mongodb://127.0.0.1:{port}/"
        opened(url, tls_ca_file="ca.pem", base_dir=tmp_path).table("t").put("k", b"1")
    with with_tls(tmp_path, server.port, names=("elsewhere",)) as port:
        url = f"mongodb://127.0.0.1:{port}/"
        text = wrong(url, tls_ca_file="ca.pem", base_dir=tmp_path)
        assert "a certificate of another name" in text


def test_nobody_there_stays_what_it_is(opened):
    """A refused connection is still temporary."""
    with pytest.raises(BackendUnavailable) as caught:
        opened(f"mongodb://127.0.0.1:{free_port()}/", **QUICK, retry_ms=0)
    assert type(caught.value) is BackendUnavailable


def test_an_answer_that_makes_no_sense_is_no_fault_of_the_caller(opened):
    """What comes back is not BSON: the server is to blame, and trying again is right."""
    with listening(_Nonsense) as port, pytest.raises(BackendUnavailable):
        opened(f"mongodb://127.0.0.1:{port}/", **QUICK, retry_ms=0)


@pytest.mark.parametrize(
    "host",
    ["a..b", ".a", "a" * 64, "b." + "a" * 64, "h:0", "h:65536", "h,h:99999", "[::1]:99999", ""],
)
def test_a_host_that_nobody_can_have_is_a_mistake_of_the_url(host):
    """It is refused where it stands, not by whoever looks the name up."""
    with pytest.raises(ValueError, match="no valid host"):
        parse_address(f"mongodb://{host}/x")


def test_every_form_of_a_host_is_one():
    """Names, addresses and socket files, with ports and several of them."""
    for hosts in (
        "localhost",
        "a.b.",
        "a_b-c.d:1,10.0.0.1:65535",
        "[::1]:27017",
        "%2Ftmp%2Fm.sock",
    ):
        assert parse_address(f"mongodb://{hosts}/x").hosts == hosts

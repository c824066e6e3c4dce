"""An HTTP server that answers as it is told and remembers what it got."""

import contextlib
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Receiver(ThreadingHTTPServer):
    """Answers with the next of ``answers`` (then 200)."""

    def __init__(self, *answers: int, port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.answers, self.bodies, self.headers = list(answers), [], []
        self.arrived = threading.Condition()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/hook"

    def wait_for(self, count: int) -> list[dict]:
        """Give the first ``count`` bodies that were answered with 200."""
        with self.arrived:
            assert self.arrived.wait_for(lambda: len(self.bodies) >= count, 20), self.bodies
            return self.bodies[:count]


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        server = self.server
        with server.arrived:
            answer = server.answers.pop(0) if server.answers else 200
            server.headers.append(dict(self.headers))
            if answer == 200:
                server.bodies.append(json.loads(body))
        self.send_response(answer)
        if answer == 302:
            self.send_header("Location", "/elsewhere")
        self.end_headers()
        with server.arrived:
            server.arrived.notify_all()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextlib.contextmanager
def serving(*answers: int, port: int = 0):
    """Serve in a thread while the block runs."""
    server = Receiver(*answers, port=port)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()

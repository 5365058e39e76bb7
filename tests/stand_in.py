"""Stand-ins for what lies beyond the machine: a mail server and a text-message gateway, local."""

import json
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from email import message_from_string
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class MailServer(socketserver.ThreadingTCPServer):
    """Keeps every mail that was handed over whole. `answers` replaces what it says to a verb."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Talk)
        self.mails: list[Message] = []
        self.answers: dict[str, str] = {}

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self.server_address[1]}"


class _Talk(socketserver.StreamRequestHandler):
    server: MailServer

    def handle(self) -> None:
        try:
            self._say(self.server.answers.get("greeting", "220 stand-in"))
            while line := self.rfile.readline().decode():
                verb = line[:4].strip().upper()
                if verb == "DATA" and verb not in self.server.answers:
                    self._say("354 go on")
                    self._take()
                else:
                    self._say(self.server.answers.get(verb, "250 ok"))
        except OSError:
            pass  # the other side was killed

    def _take(self) -> None:
        lines = []
        while line := self.rfile.readline().decode():
            if line == ".\r\n":
                text = "".join(one.removeprefix(".") for one in lines)
                self.server.mails.append(message_from_string(text))
                self._say(self.server.answers.get(".", "250 taken"))
                return
            lines.append(line)

    def _say(self, words: str) -> None:
        if words == "hang up":
            raise OSError(words)
        self.wfile.write(words.encode() + b"\r\n")


@contextmanager
def mail_server() -> Iterator[MailServer]:
    """A mail server on this machine, until the end of the block."""
    with MailServer() as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield server
        server.shutdown()


@contextmanager
def sms_gateway(
    status: int = 200, points_to: str = "", says: bytes = b""
) -> Iterator[tuple[str, list[tuple[dict[str, str], Any]]]]:
    """(its address, what was posted: headers and JSON), until the end of the block.

    `points_to`: the address of a redirect. `says`: these bytes instead of an answer.
    """
    taken: list[tuple[dict[str, str], Any]] = []

    class Gateway(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = int(self.headers["Content-Length"])
            body = self.rfile.read(length)
            if len(body) < length:
                return  # the other side was killed
            taken.append((dict(self.headers), json.loads(body)))
            if says:
                self.wfile.write(says)
                return
            self.send_response(status)
            if points_to:
                self.send_header("Location", points_to)
            self.end_headers()

        def do_GET(self) -> None:
            taken.append((dict(self.headers), None))
            self.send_response(200)
            self.end_headers()

        def handle(self) -> None:
            with suppress(OSError):  # the other side was killed
                super().handle()

        def log_message(self, *args: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Gateway) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}/", taken
        server.shutdown()

"""A stand-in for Stripe Checkout on this machine, which speaks the documented protocol: sessions
with an Idempotency-Key, errors, a payment page, and the signed message that money came."""

import http.client
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from enthesis.exchange.stripe import sign

KEY = "sk_test_stand_in"
SECRET = "whsec_stand_in"  # noqa: S105 (of tests only)
NEEDED = ("mode", "success_url", "line_items[0][quantity]")
PAGE = """<!doctype html><html lang="en"><title>Stand-in</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<h1>Stand-in for the payment page</h1><p>{what}: {amount} {currency}</p>
<form method="post"><button name="do" value="pay">Pay</button>
<button name="do" value="cancel">Cancel</button></form>"""


class CardServer(ThreadingHTTPServer):
    """`fail` is the status of the next answer that begins a session, or "hang up". `tell` is where
    the message goes once the button of the page is pressed."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answer)
        self.sessions: dict[str, dict[str, Any]] = {}
        self.calls: list[dict[str, str]] = []
        self.kept: dict[str, tuple[str, int, bytes]] = {}
        self.fail: int | str = 0
        self.tell = ""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def begin(self, key: str, text: str) -> tuple[int, bytes]:
        """As documented: what was executed is kept by its key, a failure too; the same key with
        other parameters is an error; too many requests and wrong parameters are not kept."""
        if key in self.kept:
            before, status, answer = self.kept[key]
            if before != text:
                return 400, _error("idempotency_error")
            return status, answer
        fields = dict(parse_qsl(text))
        self.calls.append(fields)
        fail, self.fail = self.fail, 0
        if fail == 429:
            return 429, _error("invalid_request_error", code="rate_limit")
        if missing := [name for name in NEEDED if name not in fields]:
            return 400, _error("invalid_request_error", param=missing[0])
        status, answer = 200, b""
        if fail in (402, 500):
            kind = "card_error" if fail == 402 else "api_error"
            status, answer = int(fail), _error(kind, message=f"Key {KEY} and Marta")
        else:
            answer = json.dumps(self._session(fields)).encode()
        self.kept[key] = (text, status, answer)
        if fail == "hang up":
            raise OSError(fail)
        return status, answer

    def _session(self, fields: dict[str, str]) -> dict[str, Any]:
        id = f"cs_test_{len(self.sessions):058d}"
        price = "line_items[0][price_data]"
        self.sessions[id] = {
            "id": id,
            "object": "checkout.session",
            "amount_total": int(fields[f"{price}[unit_amount]"]),
            "currency": fields[f"{price}[currency]"],
            "livemode": True,
            "metadata": {"enthesis": fields["metadata[enthesis]"]},
            "payment_status": "unpaid",
            "status": "open",
            "what": fields[f"{price}[product_data][name]"],
            "success_url": fields["success_url"],
            "cancel_url": fields["cancel_url"],
            "url": f"{self.url}/c/pay/{id}",
        }
        return self.sessions[id]

    def message(
        self, id: str, kind: str = "checkout.session.completed", **changed: Any
    ) -> tuple[bytes, str]:
        """The body and the Stripe-Signature of a message about a session."""
        told = self.sessions[id] | {"payment_status": "paid", "status": "complete"} | changed
        event = {"id": "evt_1", "object": "event", "type": kind, "data": {"object": told}}
        body = json.dumps(event).encode()
        at = int(time.time())
        return body, f"t={at},v1={sign(SECRET, at, body)},v0=old"

    def say_paid(self, id: str, **changed: Any) -> int:
        """Deliver the message, and what came back."""
        body, signature = self.message(id, **changed)
        where = urlsplit(self.tell)
        line = http.client.HTTPConnection(where.hostname or "", where.port, timeout=10)
        line.request("POST", where.path, body, {"Stripe-Signature": signature})
        return line.getresponse().status


def _error(kind: str, **more: str) -> bytes:
    return json.dumps({"error": {"type": kind, **more}}).encode()


class _Answer(BaseHTTPRequestHandler):
    server: CardServer

    def do_POST(self) -> None:
        text = self.rfile.read(int(self.headers["Content-Length"])).decode()
        if self.path.startswith("/c/pay/"):
            self._pressed(self.path.rpartition("/")[2], dict(parse_qsl(text))["do"])
        elif self.path != "/v1/checkout/sessions":
            self._say(404, _error("invalid_request_error"))
        elif self.headers["Authorization"] != f"Bearer {KEY}":
            self._say(401, _error("invalid_request_error", message=f"Invalid API Key: {KEY}"))
        else:
            self._say(*self.server.begin(self.headers["Idempotency-Key"], text))

    def _pressed(self, id: str, what: str) -> None:
        session = self.server.sessions[id]
        if what == "pay":
            session |= {"payment_status": "paid", "status": "complete"}
            self.server.say_paid(id)
        self.send_response(303)
        self.send_header("Location", session["success_url" if what == "pay" else "cancel_url"])
        self.end_headers()

    def do_GET(self) -> None:
        session = self.server.sessions[self.path.rpartition("/")[2]]
        told = {"amount": session["amount_total"], **session}
        self._say(200, PAGE.format(**told).encode(), "text/html")

    def _say(self, status: int, body: bytes, kind: str = "application/json") -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def handle(self) -> None:
        with suppress(OSError):
            super().handle()

    def log_message(self, *args: Any) -> None:
        pass


@contextmanager
def card_server() -> Iterator[CardServer]:
    """A payment provider on this machine, until the end of the block."""
    with CardServer() as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield server
        server.shutdown()

"""A browser of the load driver: cookies, and forms filled in at random.

Written on asyncio's sockets alone: with httpx the driver took as much of the processor as the
server. It speaks as the server in front would: HTTPS was ended there, and says where the visitor
is. Each request has a connection of its own, as the server answers one on each.
"""

import asyncio
import html
import random
import re
import socket
import time
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urlencode, urlsplit

HOST = "clinic.example"
TAG = re.compile(rb"<(input|textarea|select|option)\b([^>]*)>")
ATTRIBUTE = re.compile(rb'([\w-]+)(?:="([^"]*)")?')
TOKEN = re.compile(rb'name="csrfmiddlewaretoken" value="(\w+)"')
LENGTH = re.compile(rb"\r\nContent-Length: (\d+)\r\n(?:.*\r\n)*?\r\n")
ASKED = b'name="screen"'
"""In the form of a patient's questions; the page after the last has a form too, of the language."""
Fields = list[tuple[str, str]]


@dataclass(slots=True)
class Answer:
    """What came back, and how long it took from the first byte sent to the last one read."""

    status: int
    location: str
    body: bytes
    seconds: float


class Browser:
    """One visitor. Each has an address of its own, as the limits by address see it."""

    def __init__(self, port: int, number: int) -> None:
        self.port, self.cookies = port, dict[str, str]()
        self.address = f"198.51.{number // 250 % 250}.{1 + number % 250}"

    async def get(self, path: str) -> Answer:
        """Read a page."""
        return await self._ask("GET", path)

    async def post(self, path: str, fields: Iterable[tuple[str, str]]) -> Answer:
        """Send a form."""
        return await self._ask("POST", path, urlencode(list(fields)).encode())

    async def sign_in(self, name: str, password: str) -> None:
        """As staff do: the page, then its form."""
        page = await self.get("/sign-in/")
        fields = [("username", name), ("password", password), ("next", "/"), token_of(page)]
        answer = await self.post("/sign-in/", fields)
        if answer.status != 302:
            raise RuntimeError(f"{name} could not sign in: {answer.status}")

    async def _ask(self, method: str, path: str, body: bytes = b"") -> Answer:
        lines = [
            f"{method} {path} HTTP/1.1",
            f"Host: {HOST}",
            "Connection: close",
            "X-Forwarded-Proto: https",
            f"X-Forwarded-For: {self.address}",
            f"Origin: https://{HOST}",
            "Accept-Language: en",
        ]
        if self.cookies:
            lines.append("Cookie: " + "; ".join(f"{k}={v}" for k, v in self.cookies.items()))
        if method == "POST":
            lines.append("Content-Type: application/x-www-form-urlencoded")
            lines.append(f"Content-Length: {len(body)}")
        sent = "\r\n".join([*lines, "", ""]).encode() + body
        began = time.perf_counter()
        answer = self._read(await _exchange(self.port, sent))
        answer.seconds = time.perf_counter() - began
        return answer

    def _read(self, received: bytes) -> Answer:
        head, end, body = received.partition(b"\r\n\r\n")
        if not end:
            raise ConnectionError("no answer")
        first, *lines = head.decode("latin-1").split("\r\n")
        location, length = "", len(body)
        for line in lines:
            name, _, value = line.partition(": ")
            name = name.lower()
            if name == "location":
                location = value
            elif name == "content-length":
                length = int(value)
            elif name == "set-cookie":
                key, _, rest = value.partition("=")
                self.cookies[key] = rest.partition(";")[0]
            elif name == "transfer-encoding":
                body = _unchunked(body)
                length = len(body)
        if len(body) != length:
            raise ConnectionError(f"{len(body)} bytes of {length}")
        return Answer(int(first.split(" ", 2)[1]), location, body, 0)


async def _exchange(port: int, sent: bytes) -> bytes:
    """What comes back, until the answer is whole or the server closes; then it is closed here."""
    loop, received, whole = asyncio.get_running_loop(), b"", None
    with socket.socket() as connection:
        connection.setblocking(False)
        await loop.sock_connect(connection, ("127.0.0.1", port))
        await loop.sock_sendall(connection, sent)
        while whole is None or len(received) < whole:
            if not (part := await loop.sock_recv(connection, 2**18)):
                break
            received += part
            if whole is None and (length := LENGTH.search(received)):
                whole = length.end() + int(length[1])
    return received


def _unchunked(body: bytes) -> bytes:
    parts = []
    while True:
        size, _, body = body.partition(b"\r\n")
        if not (length := int(size, 16)):
            return b"".join(parts)
        parts.append(body[:length])
        body = body[length + 2 :]


def token_of(page: Answer) -> tuple[str, str]:
    """The hidden field against forged forms; RuntimeError for a page without one."""
    found = TOKEN.search(page.body)
    if found is None:
        raise RuntimeError(f"a page without a form: {page.status} {page.body[:300]!r}")
    return "csrfmiddlewaretoken", found[1].decode()


def filled(page: Answer, rng: random.Random) -> Fields:
    """A patient's form as a patient without a warning sign would fill it in."""
    fields, choices = Fields(), dict[str, list[str]]()
    for kind, inside in TAG.findall(page.body):
        given = {k.decode(): html.unescape(v.decode()) for k, v in ATTRIBUTE.findall(inside)}
        name, value = given.get("name", ""), given.get("value", "")
        if kind != b"input" or not name:
            continue
        if given.get("type") == "hidden":
            fields.append((name, value))
        elif given.get("type") in ("radio", "checkbox"):
            choices.setdefault(name, []).append(value)
        else:
            fields.append((name, "walk to the shop"))
    for name, values in choices.items():
        fields.append((name, "none" if "none" in values else rng.choice(values)))
    return fields


def path_of(location: str) -> str:
    """The path and query of a redirect."""
    parts = urlsplit(location)
    return parts.path + (f"?{parts.query}" if parts.query else "")

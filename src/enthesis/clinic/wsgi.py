"""Where a web server takes hold."""

import os
from collections.abc import Callable, Iterable
from typing import Any, Protocol

from django.core.wsgi import get_wsgi_application

from enthesis.clinic.secret import data_directory, keep_key

Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


class Body(Protocol):
    """What a web server gives to read of a request."""

    def read(self, size: int, /) -> bytes: ...

    def readline(self, size: int, /) -> bytes: ...


class WholeBody:
    """A request's body of `length` bytes, which must come whole.

    Of a connection that ended in the midst of a form, Django would take what had come for all of
    it, and a page would save half a note. Raises ConnectionAbortedError where less came.
    """

    def __init__(self, body: Body, length: int) -> None:
        self.body = body
        self.left = length

    def read(self, size: int = -1) -> bytes:
        """So many bytes, fewer only at the end; all that is left when `size` is negative."""
        wanted = self._most(size)
        return self._taken(data := self.body.read(wanted), len(data) == wanted)

    def readline(self, size: int = -1) -> bytes:
        """Up to the end of the line, or so many bytes."""
        wanted = self._most(size)
        data = self.body.readline(wanted)
        return self._taken(data, len(data) == wanted or data.endswith(b"\n"))

    def _most(self, size: int) -> int:
        return min(size, self.left) if size >= 0 else self.left

    def _taken(self, data: bytes, is_whole: bool) -> bytes:
        self.left -= len(data)
        if not is_whole:
            raise ConnectionAbortedError(f"the request ended {self.left} bytes too early")
        return data


def whole(application: Application) -> Application:
    """The same application, to which a body that was cut off cannot be read."""

    def respond(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        length = environ.get("CONTENT_LENGTH") or "0"
        if length.isdecimal():
            environ["wsgi.input"] = WholeBody(environ["wsgi.input"], int(length))
        return application(environ, start)

    return respond


os.environ.setdefault("DJANGO_SETTINGS_MODULE", "enthesis.clinic.settings")
keep_key(data_directory())
application = whole(get_wsgi_application())

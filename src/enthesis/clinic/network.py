"""The only place that reaches beyond this machine: a mail server and a text-message gateway.

Both take `handing`, called at the last moment before the message may have arrived. Whatever fails
before it can safely be tried again; what breaks off after it is `Unclear`.
"""

import json
import smtplib
import ssl
import urllib.error
import urllib.request
from collections.abc import Callable
from email.message import EmailMessage
from urllib.parse import unquote, urlsplit

from django.conf import settings

TIMEOUT_SECONDS = 30


class Later(Exception):  # noqa: N818 (an answer, not a fault)
    """Not taken for now; try again."""


class Refused(Exception):  # noqa: N818 (likewise)
    """Never to be taken: the address or the message is wrong."""


class Unclear(Exception):  # noqa: N818 (likewise)
    """Broke off after it was handed over: nobody knows whether it was taken."""


def send_mail(mail: EmailMessage, handing: Callable[[], None]) -> str:
    """Hand one mail to the clinic's mail server; what it said. Raises Later, Refused, Unclear."""
    try:
        server = _connected()
    except (OSError, smtplib.SMTPException) as error:
        raise Later(f"The mail server: {error}") from error
    try:
        return _talk(server, mail, handing)
    finally:
        # Not quit(): what we broke off must end here, and the rest has been said.
        server.close()


def _connected() -> smtplib.SMTP:
    """A server that lets us in; if it does not, that is no fault of a message."""
    where, secure = urlsplit(settings.SMTP), ssl.create_default_context()
    host, port = where.hostname or "", where.port or (465 if where.scheme == "smtps" else 25)
    server = smtplib.SMTP(timeout=TIMEOUT_SECONDS)
    if where.scheme == "smtps":
        server = smtplib.SMTP_SSL(timeout=TIMEOUT_SECONDS, context=secure)
    server._host = host  # type: ignore[attr-defined]  # the name that its certificate must carry
    try:
        server.connect(host, port)
        if where.scheme == "smtp+tls":
            server.starttls(context=secure)
        server.ehlo_or_helo_if_needed()
        if where.username:
            server.login(unquote(where.username), unquote(where.password or ""))
    except (OSError, smtplib.SMTPException):
        server.close()
        raise
    return server


def _talk(server: smtplib.SMTP, mail: EmailMessage, handing: Callable[[], None]) -> str:
    """As smtplib's `sendmail`, but stopping before the text, which is what arrives."""
    try:
        _check(server.mail(str(mail["From"])))
        _check(server.rcpt(str(mail["To"])))
        server.putcmd("data")
        _check(server.getreply(), wanted=354)
    except UnicodeError as error:
        raise Refused(f"This address cannot be written to: {error}") from error
    except (OSError, smtplib.SMTPException) as error:
        raise Later(str(error)) from error
    handing()
    try:
        text = mail.as_bytes().replace(b"\r\n", b"\n").replace(b"\n.", b"\n..")
        server.send(text.replace(b"\n", b"\r\n") + b"\r\n.\r\n")
        answer = server.getreply()
    except (OSError, smtplib.SMTPException) as error:
        raise Unclear(str(error)) from error
    return _check(answer)


def _check(answer: tuple[int, bytes], wanted: int = 250) -> str:
    code, said = answer
    words = f"{code} {said.decode(errors='replace')}"
    if code == wanted or (wanted == 250 and code == 251):
        return words
    raise Refused(words) if 500 <= code <= 599 else Later(words)


def send_sms(to: str, text: str, key: str, handing: Callable[[], None]) -> str:
    """Post one text message to the gateway; what it said. Raises Later, Refused, Unclear.

    The key goes along as Idempotency-Key: a gateway that knows it takes a repeat only once.
    """
    body = settings.SMS_BODY
    for name, value in {"to": to, "text": text, "key": key}.items():
        body = body.replace("{" + name + "}", json.dumps(value)[1:-1])
    headers = {"Content-Type": "application/json", "Idempotency-Key": key}
    if settings.SMS_AUTHORIZATION:
        headers["Authorization"] = settings.SMS_AUTHORIZATION
    request = urllib.request.Request(settings.SMS, body.encode(), headers)  # noqa: S310 (the clinic's own address)
    handing()
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as response:  # noqa: S310
            return str(response.status)
    except urllib.error.HTTPError as error:
        words = f"{error.code} {error.reason}"
        # Signing in wrongly, or too often, is the gateway's trouble with us, not with the number.
        wrong = error.code in (400, 404, 410, 422)
        raise (Refused if wrong else Later)(words) from error
    except OSError as error:
        raise Unclear(str(error)) from error

"""The only place that reaches beyond this machine: a mail server and a text-message gateway.

Both take `handing`, called at the last moment before the message may have arrived. Whatever fails
before it can safely be tried again; what breaks off after it is `Unclear`.
"""

import http.client
import json
import smtplib
import ssl
from collections.abc import Callable
from email.message import EmailMessage
from urllib.parse import unquote, urlsplit, urlunsplit

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
    line, path = _gateway()
    try:
        line.connect()
    except OSError as error:
        line.close()
        raise Later(f"The text-message gateway: {error}") from error
    try:
        handing()
        line.request("POST", path, body.encode(), headers)
        answer = line.getresponse()
    except (OSError, http.client.HTTPException) as error:
        raise Unclear(f"The text-message gateway: {error}") from error
    finally:
        line.close()
    return _judged(answer.status, f"{answer.status} {answer.reason}")


def _gateway() -> tuple[http.client.HTTPConnection, str]:
    """The line to the gateway, not yet open, and the path. It follows no redirect: another host
    must not get the clinic's Authorization, nor its answer count as the gateway's."""
    try:
        where = urlsplit(settings.SMS)
        kinds = {"http": http.client.HTTPConnection, "https": http.client.HTTPSConnection}
        line = kinds[where.scheme](where.hostname or "", where.port, timeout=TIMEOUT_SECONDS)
    except (KeyError, ValueError, http.client.InvalidURL) as error:
        raise Later("ENTHESIS_SMS is no address that begins with https:// or http://.") from error
    return line, urlunsplit(("", "", where.path or "/", where.query, ""))


def _judged(status: int, words: str) -> str:
    if 200 <= status <= 299:
        return words
    if 300 <= status <= 399:
        raise Later(f"{words}: it points elsewhere, which is not followed; see ENTHESIS_SMS.")
    # Signing in wrongly, or too often, is the gateway's trouble with us, not with the number.
    raise (Refused if status in (400, 404, 410, 422) else Later)(words)

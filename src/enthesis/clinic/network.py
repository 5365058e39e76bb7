"""The only place that reaches beyond this machine: a mail server, a text-message gateway and a card
gateway.

The first two take `handing`, called at the last moment before the message may have arrived.
Whatever fails before it can safely be tried again; what breaks off after it is `Unclear`.
"""

import http.client
import json
import re
import smtplib
import ssl
from collections.abc import Callable, Iterable, Mapping
from email.message import EmailMessage
from urllib.parse import unquote, urlencode, urlsplit, urlunsplit

from django.conf import settings

TIMEOUT_SECONDS = 30
CARD_TIMEOUT_SECONDS = 10  # a patient is waiting
MOST_BYTES = 1_000_000
SCHEMES = ("smtp", "smtps", "smtp+tls")
THIS_MACHINE = ("localhost", "127.0.0.1", "::1")
REFUSES_US = "refuses us"
# Sign in first, a server in disorder, a command it does not know, its policy (RFC 3463, 3.4 to
# 3.8): said after the patient's address, but of us.
ABOUT_US = re.compile(r"530|535|5\d\d 5\.[357]\.")


class Later(Exception):  # noqa: N818 (an answer, not a fault)
    """Not taken for now; try again."""


class RefusesUs(Later):
    """Not taken because of how we are set up, so that staff must mend it, not the message."""


class Refused(Exception):  # noqa: N818 (likewise)
    """Never to be taken: the address or the message is wrong."""


class Unclear(Exception):  # noqa: N818 (likewise)
    """Broke off after it was handed over: nobody knows whether it was taken."""


def is_about_us(detail: str) -> bool:
    """Whether the words of a `Later` are those of a `RefusesUs`, which staff can mend."""
    return REFUSES_US in detail or "ENTHESIS_SM" in detail


def smtp_problem() -> str:
    """What is wrong with ENTHESIS_SMTP, in one sentence without its password; empty: nothing."""
    try:
        where = urlsplit(settings.SMTP)
        host, _ = where.hostname, where.port
    except ValueError:
        return "ENTHESIS_SMTP cannot be read as an address; check its host and port."
    if where.scheme not in SCHEMES or not host:
        return f"ENTHESIS_SMTP must name a server after one of {', '.join(SCHEMES)}://."
    if where.username and where.scheme == "smtp" and host not in THIS_MACHINE:
        return "ENTHESIS_SMTP signs in without TLS; begin it with smtp+tls:// or smtps://."
    return ""


def send_mail(mail: EmailMessage, handing: Callable[[], None]) -> str:
    """Hand one mail to the clinic's mail server; what it said. Raises Later, Refused, Unclear."""
    if problem := smtp_problem():
        raise RefusesUs(problem)
    server = _server()
    try:
        _sign_in(server)
        return _talk(server, mail, handing)
    finally:
        # Not quit(): what we broke off must end here, and the rest has been said.
        server.close()


def _server() -> smtplib.SMTP:
    where = urlsplit(settings.SMTP)
    server = smtplib.SMTP(timeout=TIMEOUT_SECONDS)
    if where.scheme == "smtps":
        secure = ssl.create_default_context()
        server = smtplib.SMTP_SSL(timeout=TIMEOUT_SECONDS, context=secure)
    server._host = where.hostname  # type: ignore[attr-defined]  # its certificate must carry it
    return server


def _sign_in(server: smtplib.SMTP) -> None:
    """Until the server lets us in; if it does not, that is no fault of a message."""
    where = urlsplit(settings.SMTP)
    port = where.port or (465 if where.scheme == "smtps" else 25)
    try:
        _check(server.connect(where.hostname or "", port), wanted=220)
        if where.scheme == "smtp+tls":
            server.starttls(context=ssl.create_default_context())
        server.ehlo_or_helo_if_needed()
        if where.username:
            server.login(unquote(where.username), unquote(where.password or ""))
    except smtplib.SMTPResponseException as error:
        _check((error.smtp_code, _bytes(error.smtp_error)))
    except smtplib.SMTPNotSupportedError as error:
        raise RefusesUs(f"The mail server {REFUSES_US}: {error}") from error
    except (OSError, smtplib.SMTPException) as error:
        raise Later(f"The mail server: {error}") from error


def _bytes(said: bytes | str) -> bytes:
    return said.encode() if isinstance(said, str) else said


def _talk(server: smtplib.SMTP, mail: EmailMessage, handing: Callable[[], None]) -> str:
    """As smtplib's `sendmail`, but stopping before the text, which is what arrives."""
    try:
        _check(server.mail(str(mail["From"])))
        _check(server.rcpt(str(mail["To"])), of_patient=True)
        server.putcmd("data")
        _check(server.getreply(), wanted=354)
    except UnicodeError as error:
        raise Refused(f"This address cannot be written to: {error}") from error
    except (OSError, smtplib.SMTPException) as error:
        raise Later(f"The mail server: {error}") from error
    handing()
    try:
        text = mail.as_bytes().replace(b"\r\n", b"\n").replace(b"\n.", b"\n..")
        server.send(text.replace(b"\n", b"\r\n") + b"\r\n.\r\n")
        answer = server.getreply()
    except (OSError, smtplib.SMTPException) as error:
        raise Unclear(f"The mail server: {error}") from error
    return _check(answer, of_patient=True)


def _check(answer: tuple[int, bytes], wanted: int = 250, of_patient: bool = False) -> str:
    """What it said, if it said yes. Only a no to the patient's address or mail is for good."""
    code, said = answer
    words = f"{code} {said.decode(errors='replace')}"
    if code == wanted or (wanted == 250 and code == 251):
        return words
    if not 500 <= code <= 599:
        raise Later(words)
    if of_patient and not ABOUT_US.match(words):
        raise Refused(words)
    raise RefusesUs(f"The mail server {REFUSES_US}: {words}")


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
    line, path = _line(settings.SMS, "ENTHESIS_SMS")
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


def post_form(
    address: str, fields: Iterable[tuple[str, str]], headers: Mapping[str, str]
) -> tuple[int, bytes]:
    """Post a form to the card gateway: status and answer. Raises Later where there was none; asked
    again the same, by its key, it is the same payment page."""
    line, path = _line(address, "ENTHESIS_CARD_ADDRESS", CARD_TIMEOUT_SECONDS)
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    try:
        line.request("POST", path, urlencode(list(fields)).encode(), {**kind, **headers})
        answer = line.getresponse()
        return answer.status, answer.read(MOST_BYTES)
    except (OSError, ValueError, http.client.HTTPException) as error:
        # Only its kind: the words of some quote a header, and the key is in one.
        raise Later(type(error).__name__) from None
    finally:
        line.close()


def _line(
    address: str, setting: str, seconds: int = TIMEOUT_SECONDS
) -> tuple[http.client.HTTPConnection, str]:
    """The line to a gateway, not yet open, and the path. It follows no redirect: another host
    must not get the clinic's Authorization, nor its answer count as the gateway's."""
    try:
        where = urlsplit(address)
        kinds = {"http": http.client.HTTPConnection, "https": http.client.HTTPSConnection}
        line = kinds[where.scheme](where.hostname or "", where.port, timeout=seconds)
    except (KeyError, ValueError, http.client.InvalidURL) as error:
        raise RefusesUs(f"{setting} is no address that begins with https:// or http://.") from error
    return line, urlunsplit(("", "", where.path or "/", where.query, ""))


def _judged(status: int, words: str) -> str:
    if 200 <= status <= 299:
        return words
    if status in (400, 422):
        raise Refused(words)
    if status in (500, 502, 504):
        # Who says so may stand before the gateway, which may have taken it all the same.
        raise Unclear(f"The text-message gateway: {words}")
    if status in (408, 425, 429) or status >= 500:
        raise Later(f"The text-message gateway: {words}")
    # Signing in wrongly, a wrong address: the gateway's trouble with us, not with the number.
    raise RefusesUs(f"The text-message gateway {REFUSES_US}: {words}; see ENTHESIS_SMS.")

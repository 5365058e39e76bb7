"""What a mail server or a gateway says, and what it means for one message."""

import socket
from email.message import EmailMessage
from typing import Any

import pytest

from enthesis.clinic import network
from tests.stand_in import mail_server, sms_gateway


def closed_port() -> int:
    """A port of this machine at which nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def sms(handed: list[str]) -> str:
    return network.send_sms("+15550100", "How are you?", "<1@x>", lambda: handed.append("!"))


def test_a_gateway_that_points_elsewhere_is_not_followed_and_nothing_counts_as_taken(
    settings: Any,
) -> None:
    settings.SMS_AUTHORIZATION = "Bearer abc"
    with sms_gateway() as (other, seen), sms_gateway(302, points_to=other) as (address, posted):
        settings.SMS = address
        with pytest.raises(network.Later, match=r"302 .*ENTHESIS_SMS"):
            sms([])
    assert len(posted) == 1 and not seen, "the other never saw the Authorization"


@pytest.mark.parametrize("where", [
    "http://127.0.0.1:PORT/", "https://no-such-host.invalid/", "ftp://x/", "http://x:y/",
])  # fmt: skip
def test_a_gateway_that_cannot_be_reached_was_handed_nothing(settings: Any, where: str) -> None:
    settings.SMS = where.replace("PORT", str(closed_port()))
    handed: list[str] = []
    with pytest.raises(network.Later):
        sms(handed)
    assert not handed


@pytest.mark.parametrize("says", [b"garbage\r\n\r\n", b"HTTP/1.1 abc\r\n\r\n"])
def test_an_answer_that_cannot_be_read_is_unclear(settings: Any, says: bytes) -> None:
    handed: list[str] = []
    with sms_gateway(says=says) as (settings.SMS, _), pytest.raises(network.Unclear):
        sms(handed)
    assert handed


def mail() -> str:
    letter = EmailMessage()
    letter["From"], letter["To"] = "care@harbour.example", "marta@example.org"
    letter.set_content("How are you?")
    return network.send_mail(letter, lambda: None)


ANSWERS = [
    ("greeting", "554 not from there", network.RefusesUs),
    ("greeting", "421 busy", network.Later),
    ("EHLO", "550 unknown", network.RefusesUs),
    ("AUTH", "535 5.7.8 wrong password", network.RefusesUs),
    ("MAIL", "530 5.7.0 Authentication required", network.RefusesUs),
    ("MAIL", "550 5.1.8 this sender is not yours", network.RefusesUs),
    ("RCPT", "550 5.7.1 relaying denied", network.RefusesUs),
    ("RCPT", "550 5.1.1 no such mailbox", network.Refused),
    ("RCPT", "550 no such mailbox", network.Refused),
    ("RCPT", "451 try later", network.Later),
    ("DATA", "554 5.5.1 no", network.RefusesUs),
    (".", "552 5.2.2 mailbox full", network.Refused),
    (".", "554 5.7.1 looks like spam", network.RefusesUs),
]


@pytest.mark.parametrize(
    ("verb", "says", "means"), ANSWERS, ids=[f"{a[0]} {a[1]}" for a in ANSWERS]
)
def test_only_a_no_to_the_patients_address_or_mail_is_for_good(
    settings: Any, verb: str, says: str, means: type[Exception]
) -> None:
    with mail_server() as server:
        settings.SMTP = server.url.replace("//", "//us:pw@")
        server.answers = {"EHLO": "250-here\r\n250 AUTH PLAIN", "AUTH": "235 ok", verb: says}
        if verb == "EHLO":
            server.answers["HELO"] = says
        with pytest.raises(network.Later if means is not network.Refused else means) as raised:
            mail()
    assert raised.type is means and says[:3] in str(raised.value)


def test_a_server_without_the_tls_that_is_set_refuses_us(settings: Any) -> None:
    with mail_server() as server:
        settings.SMTP = server.url.replace("smtp:", "smtp+tls:")
        with pytest.raises(network.RefusesUs, match="STARTTLS"):
            mail()


@pytest.mark.parametrize(("address", "problem"), [
    ("smtp+starttls://user:secret@127.0.0.1:25", "smtp, smtps, smtp+tls"),
    ("mail.example", "smtp, smtps, smtp+tls"),
    ("smtps://", "smtp, smtps, smtp+tls"),
    ("smtp://mail.example:port", "host and port"),
    ("smtp://user:secret@mail.example", "without TLS"),
    ("smtp://user:secret@localhost", ""),
    ("smtp://relay.example", ""),
    ("smtp+tls://user:secret@mail.example:587", ""),
])  # fmt: skip
def test_a_password_goes_only_over_tls_and_a_wrong_setting_is_named(
    settings: Any, address: str, problem: str
) -> None:
    settings.SMTP = address
    said = network.smtp_problem()
    assert (problem in said and "ENTHESIS_SMTP" in said) if problem else not said
    assert "secret" not in said
    if problem:
        with pytest.raises(network.Later, match="ENTHESIS_SMTP"):
            mail()

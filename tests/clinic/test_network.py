"""What a mail server or a gateway says, and what it means for one message."""

import socket
from typing import Any

import pytest

from enthesis.clinic import network
from tests.stand_in import sms_gateway


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
        with pytest.raises(network.Later, match="302 .*ENTHESIS_SMS"):
            sms([])
    assert len(posted) == 1 and not seen, "the other never saw the Authorization"


@pytest.mark.parametrize("where", [
    f"http://127.0.0.1:{closed_port()}/", "https://no-such-host.invalid/", "ftp://x/", "http://x:y/",
])  # fmt: skip
def test_a_gateway_that_cannot_be_reached_was_handed_nothing(settings: Any, where: str) -> None:
    settings.SMS = where
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

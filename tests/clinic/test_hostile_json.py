"""Whatever JSON comes to an address that takes JSON: 4xx and nothing written, never a fault."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from enthesis.clinic import models
from enthesis.exchange.stripe import sign
from tests.card_stand_in import KEY, SECRET
from tests.clinic.fhir import EVERY, program

SUITE = Path(__file__).parents[3] / "shared/real/json-suite/test_parsing"
HOSTILE = {
    "a hundred thousand lists": b"[" * 100_000,
    "a hundred thousand tables": b'{"a":' * 100_000,
    "closed again": b"[" * 100_000 + b"]" * 100_000,
    "NaN": b'{"resourceType": "Bundle", "name": NaN}',
    "a field twice": b'{"resourceType": "Bundle", "resourceType": "Patient", "name": 1, "name": 2}',
    "half a character": b'{"resourceType": "\\ud800", "name": "\\ud800", "next": "\\udfff"}',
    "NUL": b'{"resourceType": "Bundle\\u0000", "name": "\\u0000"}',
    "10^400": b'{"resourceType": "Bundle", "name": 1' + b"0" * 400 + b"}",
    "2^63": b'{"resourceType": 9223372036854775808, "name": 9223372036854775808}',
    "2^63 within": b'{"resourceType": "QuestionnaireResponse", "item": 9223372036854775808}',
    "a number of a billion digits": b'{"resourceType": "Bundle", "name": 1e999999999}',
    "nothing": b" ",
}
FHIR = ("", "QuestionnaireResponse", "QuestionnaireResponse/$validate", "Questionnaire/$validate")
Send = Callable[[bytes], Any]


def signed(body: bytes) -> Any:
    """As the card gateway sends it."""
    at = int(time.time())
    headers = {"Stripe-Signature": f"t={at},v1={sign(SECRET, at, body)}"}
    return Client().post("/card/message/", body, "application/json", headers=headers)


@pytest.fixture
def addresses(
    clinic: models.Clinic,
    clinician: models.User,
    client_for: Callable[[models.User], Client],
    settings: Any,
) -> dict[str, Send]:
    """Every address that takes JSON, with all that it asks for beside."""
    settings.CARD, settings.CARD_KEY, settings.CARD_SECRETS = "stripe", KEY, [SECRET]
    asking, own = program(clinic), client_for(clinician)

    def fhir(path: str) -> Send:
        return lambda body: asking.post(f"/fhir/{path}", body, "application/fhir+json")

    def passkey(client: Client, name: str) -> Send:
        return lambda body: client.post(reverse(name), body, "application/json")

    return {
        **{f"fhir/{path}": fhir(path) for path in FHIR},
        "sign in with a passkey": passkey(Client(), "passkey_sign_in"),
        "add a passkey": passkey(own, "add_passkey"),
        "a message of the card gateway": signed,
    }


@pytest.mark.alike
def test_no_hostile_text_is_taken_at_any_address_nor_is_one_a_fault(
    addresses: dict[str, Send],
) -> None:
    texts = dict(HOSTILE)
    if SUITE.exists():
        files = sorted(SUITE.glob("*.json"))
        texts |= {path.name: path.read_bytes() or b" " for path in files[::EVERY]}
    expected = ("use_token", "fail_sign_in")
    before = models.AuditEvent.objects.exclude(action__in=expected).count()
    for where, send in addresses.items():
        # What the gateway signed and is no payment is well, or it would be sent again; to judge is
        # to say with 200 what is wrong.
        is_answered = where.startswith("a message") or where.endswith("$validate")
        for name, body in texts.items():
            response = send(body)
            if is_answered and _is_table(body):
                assert response.status_code in (200, 400, 422), (where, name)
            else:
                assert 400 <= response.status_code < 500, (where, name)
    assert models.AuditEvent.objects.exclude(action__in=expected).count() == before
    assert not models.SecondFactor.objects.exists() and not models.LedgerEntry.objects.exists()


def _is_table(body: bytes) -> bool:
    try:
        return isinstance(json.loads(body), dict)
    except (ValueError, RecursionError):
        return False

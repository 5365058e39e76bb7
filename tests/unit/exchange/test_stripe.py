"""What is said to Stripe and what it says: fields, smallest units, signatures, events."""

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import pytest

from enthesis.exchange.cards import ForgedError, UnreadableError, Wanted
from enthesis.exchange.stripe import Stripe, check_signature, from_smallest, sign, smallest
from enthesis.units import MINOR_DIGITS, Money

NOW = 1_795_000_000
STRIPE = Stripe("sk_test_1", ("whsec_new", "whsec_old"))
BODY = b'{"id": "evt_1"}'


def wanted(**changed: Any) -> Wanted:
    given = {
        "amount": Money(Decimal("280.50"), "USD"), "what": "Harbour Clinic, 3", "reference": "r:s",
        "attempt": "1", "paid_address": "https://c.example/paid/", "language": "es",
        "back_address": "https://c.example/back/",
    }  # fmt: skip
    return Wanted(**(given | changed))


def test_a_session_is_asked_for_in_the_smallest_unit_and_by_card_alone() -> None:
    call = STRIPE.begin(wanted())
    fields = dict(call.fields)
    assert call.path == "/v1/checkout/sessions"
    assert call.headers["Authorization"] == "Bearer sk_test_1"
    assert fields["line_items[0][price_data][unit_amount]"] == "28050"
    assert fields["line_items[0][price_data][currency]"] == "usd"
    assert (fields["mode"], fields["payment_method_types[0]"]) == ("payment", "card")
    assert (fields["metadata[enthesis]"], fields["locale"]) == ("r:s", "es")
    assert "sk_test_1" not in repr(STRIPE) and "whsec" not in repr(STRIPE)


def test_the_key_is_the_same_for_the_same_and_another_for_anything_else() -> None:
    def key(**changed: Any) -> str:
        return STRIPE.begin(wanted(**changed)).headers["Idempotency-Key"]

    others = [key(attempt="2"), key(amount=Money(Decimal(280), "USD")), key(language="en")]
    assert key() == key() and len({key(), *others}) == 4 and len(key()) <= 255


@pytest.mark.parametrize("currency", sorted(MINOR_DIGITS))
def test_an_amount_comes_back_from_its_smallest_unit(currency: str) -> None:
    money = Money(Decimal("1234.56"), currency)
    assert smallest(money) == (1235 if currency == "JPY" else 123456)
    assert from_smallest(smallest(money), currency.lower()) == money
    assert from_smallest(100, "xau") is None


V1 = sign("whsec_old", NOW, BODY)
WRONG = sign("another", NOW, BODY)


def test_the_signature_is_that_of_the_algorithm_and_no_other() -> None:
    # By `printf '%s' '1795000000.{"id": "evt_1"}' | openssl dgst -sha256 -hmac whsec_old`.
    assert V1 == "0c5b37cbe40a5c178727867cbc72670fd53d7cf160d64abb311c2f9e4c9146c8"


@pytest.mark.parametrize(("header", "said"), [
    (f"t={NOW},v1={V1}", ""),
    (f"t={NOW},v1={WRONG},v1={V1},v0=1", ""),
    (f"t={NOW}, v1={V1}", ""),
    ("", "no signature"),
    (f"v1={V1}", "no signature"),
    (f"t=٣,v1={V1}", "no signature"),
    (f"t={NOW}", "No signature fits"),
    (f"t={NOW},v1={WRONG}", "No signature fits"),
    (f"t={NOW},v0={V1}", "No signature fits"),
    (f"t={NOW + 1},v1={V1}", "No signature fits"),
    (f"t={NOW},v1=é", "No signature fits"),
    (f"t={NOW},v1=", "No signature fits"),
])  # fmt: skip
def test_a_message_counts_only_if_one_signature_fits_one_secret(header: str, said: str) -> None:
    if said:
        with pytest.raises(ForgedError, match=said):
            check_signature(header, BODY, STRIPE.secrets, NOW)
    else:
        check_signature(header, BODY, STRIPE.secrets, NOW)


def test_a_signature_holds_for_five_minutes_and_for_this_body_and_no_empty_secret() -> None:
    for later in (300, -300):
        check_signature(f"t={NOW},v1={V1}", BODY, STRIPE.secrets, NOW + later)
    for later in (301, -301):
        with pytest.raises(ForgedError, match="too long ago"):
            check_signature(f"t={NOW},v1={V1}", BODY, STRIPE.secrets, NOW + later)
    with pytest.raises(ForgedError, match="fits"):
        check_signature(f"t={NOW},v1={V1}", BODY + b" ", STRIPE.secrets, NOW)
    with pytest.raises(ForgedError, match="fits"):
        check_signature(f"t={NOW},v1={sign('', NOW, BODY)}", BODY, ("",), NOW)


SESSION = {
    "id": "cs_1", "amount_total": 28050, "currency": "usd", "payment_status": "paid",
    "livemode": True, "metadata": {"enthesis": "r:s"},
}  # fmt: skip


def heard(event: Any) -> Any:
    body = event if isinstance(event, bytes) else json.dumps(event).encode()
    headers = {"Stripe-Signature": f"t={NOW},v1={sign('whsec_new', NOW, body)}"}
    return STRIPE.paid(headers, body, NOW)


def event(kind: str = "checkout.session.completed", **changed: Any) -> Mapping[str, Any]:
    return {"type": kind, "data": {"object": SESSION | changed}}


def test_a_paid_session_says_what_was_paid_for_what() -> None:
    for kind in ("checkout.session.completed", "checkout.session.async_payment_succeeded"):
        paid = heard(event(kind))
        assert (paid.payment, paid.reference, paid.is_live) == ("cs_1", "r:s", True)
        assert (
            paid.amount == Money(Decimal("280.50"), "USD") and paid.words == "28050 usd (smallest)"
        )
    assert heard(event(livemode=False)).is_live is False
    strange = heard(event(currency="pln"))
    assert strange.amount is None and strange.words == "28050 pln (smallest)"


@pytest.mark.parametrize("told", [
    event("checkout.session.expired"),
    event("checkout.session.async_payment_failed"),
    event("charge.refunded"),
    event(payment_status="unpaid"),
    event(payment_status="no_payment_required"),
    event(metadata={}),
    event(metadata=None),
    {"type": "ping"},
], ids=range(8))  # fmt: skip
def test_nothing_came_by_any_other_message(told: Any) -> None:
    assert heard(told) is None


@pytest.mark.parametrize("told", [
    b"no json", b"[" * 100_000, [], {"type": "checkout.session.completed"},
    event(amount_total="28050"), event(amount_total=True), event(id=None), event(currency=None),
    event(amount_total=10**4000), event(amount_total=0), event(id="c" * 256),
], ids=range(11))  # fmt: skip
def test_a_signed_message_of_another_form_is_an_error_and_no_payment(told: Any) -> None:
    with pytest.raises(UnreadableError):
        heard(told)


def test_of_a_refusal_only_its_kind_is_kept() -> None:
    told = b'{"error": {"type": "card_error", "code": "c", "message": "sk_test_1 of Marta"}}'
    assert STRIPE.refusal(told) == "card_error, c"
    assert STRIPE.refusal(b"<html>") == STRIPE.refusal(b'{"error": 1}') == ""
    with pytest.raises(UnreadableError, match="no url"):
        STRIPE.begun(b'{"id": "cs_1"}')

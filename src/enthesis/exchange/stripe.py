"""Stripe Checkout: a hosted page for one payment, and the signed message that it was paid.

Read in November 2026:
* https://docs.stripe.com/api/checkout/sessions/create (fields), .../object (`payment_status`)
* https://www.rubydoc.info/gems/stripe/Stripe/Webhook/Signature (Stripe's own library: `v1` is the
  HMAC-SHA256 of `t.payload`)
* https://docs.stripe.com/checkout/fulfillment (which events say that money came)
* https://docs.stripe.com/api/idempotent_requests (a key is good for at least 24 hours)
* https://docs.stripe.com/currencies (the smallest unit; zero-decimal currencies)
* https://docs.stripe.com/api/errors (`{"error": {"type": ..., "code": ...}}`)
"""

import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from enthesis.exchange.cards import Call, ForgedError, Paid, UnreadableError, Wanted
from enthesis.exchange.strict_json import JsonError, read_json
from enthesis.units import MINOR_DIGITS, Money

TOLERANCE_SECONDS = 300
"""How old a signed message may be: the tolerance of Stripe's own libraries."""

# The first also comes for a payment that is only promised, with `payment_status` "unpaid"; the
# second then says that it came.
PAYING = ("checkout.session.completed", "checkout.session.async_payment_succeeded")
OURS = "enthesis"
ID_MOST = 255
MOST = 10**10
"""No amount in the smallest unit is as large: the books hold ten digits."""


@dataclass(frozen=True, slots=True)
class Stripe:
    """`secrets` are the signing secrets of the webhook endpoint: two while one replaces another."""

    key: str = field(repr=False)
    secrets: tuple[str, ...] = field(repr=False)
    address: str = "https://api.stripe.com"
    pages: str = "https://checkout.stripe.com"
    name: str = "Stripe"

    def begin(self, wanted: Wanted) -> Call:
        """A Checkout Session for one amount, payable by card alone."""
        price = "line_items[0][price_data]"
        fields = (
            ("mode", "payment"),
            # Cards alone: no method whose money comes days later.
            ("payment_method_types[0]", "card"),
            ("line_items[0][quantity]", "1"),
            (f"{price}[currency]", wanted.amount.currency.lower()),
            (f"{price}[unit_amount]", str(smallest(wanted.amount))),
            (f"{price}[product_data][name]", wanted.what),
            (f"metadata[{OURS}]", wanted.reference),
            ("success_url", wanted.paid_address),
            ("cancel_url", wanted.back_address),
            ("locale", wanted.language),
        )
        # Of all that is sent: Stripe refuses a key that comes again with other fields.
        told = json.dumps([wanted.attempt, fields]).encode()
        headers = {
            "Authorization": f"Bearer {self.key}",
            "Idempotency-Key": hashlib.sha256(told).hexdigest(),
        }
        return Call("/v1/checkout/sessions", headers, fields)

    def begun(self, answer: bytes) -> str:
        """The `url` of the session."""
        url = _object(answer).get("url")
        if not isinstance(url, str) or not url:
            raise UnreadableError("The session has no url.")
        return url

    def refusal(self, answer: bytes) -> str:
        """Type, code and field. Its `message` is left out: it may quote a part of the key."""
        try:
            error = _object(answer).get("error")
        except UnreadableError:
            return ""
        told = error if isinstance(error, dict) else {}
        return ", ".join(str(told[name]) for name in ("type", "code", "param") if told.get(name))

    def paid(self, headers: Mapping[str, str], body: bytes, now: int) -> Paid | None:
        """A payment, if the event is one that says so and the session was begun by Enthesis."""
        check_signature(headers.get("Stripe-Signature", ""), body, self.secrets, now)
        event = _object(body)
        session = _in(_in(event, "data"), "object") if event.get("type") in PAYING else {}
        metadata = session.get("metadata")
        if not isinstance(metadata, dict) or OURS not in metadata:
            return None
        if session.get("payment_status") != "paid":
            return None
        id, count, currency = (session.get(n) for n in ("id", "amount_total", "currency"))
        if not (isinstance(id, str) and type(count) is int and isinstance(currency, str)):
            raise UnreadableError("A paid session lacks its id, amount_total or currency.")
        if not 0 < count < MOST or len(id) > ID_MOST or len(currency) != 3:
            raise UnreadableError("A paid session has an impossible id, amount_total or currency.")
        amount = from_smallest(count, currency)
        words = f"{count} {currency} (smallest)"
        return Paid(id, str(metadata[OURS]), amount, words, session.get("livemode") is True)


def check_signature(header: str, body: bytes, secrets: tuple[str, ...], now: int) -> None:
    """Raises ForgedError unless one of the `v1` is the HMAC-SHA256 of "t.body" by one secret, and
    `t` is at most TOLERANCE_SECONDS from now."""
    parts = [part.strip().partition("=") for part in header.split(",")]
    at = next((value for name, _, value in parts if name == "t"), "")
    if not (at.isascii() and at.isdigit() and len(at) < 16):
        raise ForgedError("It carries no signature.")
    given = [value.encode() for name, _, value in parts if name == "v1"]
    right = [sign(secret, int(at), body).encode() for secret in secrets if secret]
    if not any(hmac.compare_digest(one, two) for one in given for two in right):
        raise ForgedError("No signature fits.")
    if abs(now - int(at)) > TOLERANCE_SECONDS:
        raise ForgedError("It was signed too long ago, or a clock is wrong.")


def sign(secret: str, at: int, body: bytes) -> str:
    """The `v1` of a body at a moment (seconds since 1970), in hex."""
    return hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()


def smallest(money: Money) -> int:
    """An amount in the smallest unit of its currency: 280 dollars are 28000, 500 yen are 500.

    Stripe's own exceptions to ISO 4217 (ISK, UGX, HUF and TWD payouts, three decimals) are none of
    the currencies that Enthesis knows.
    """
    return int(money.amount.scaleb(MINOR_DIGITS[money.currency]))


def from_smallest(count: int, currency: str) -> Money | None:
    """The amount, or None for a currency that Enthesis does not know."""
    code = currency.upper()
    digits = MINOR_DIGITS.get(code)
    return None if digits is None else Money(Decimal(count).scaleb(-digits), code)


def _object(text: bytes) -> dict[str, Any]:
    try:
        found = read_json(text)
    except JsonError as error:
        raise UnreadableError("It is not JSON.") from error
    if not isinstance(found, dict):
        raise UnreadableError("It is no JSON object.")
    return found


def _in(found: dict[str, Any], name: str) -> dict[str, Any]:
    inner = found.get(name)
    if not isinstance(inner, dict):
        raise UnreadableError(f"The event has no {name}.")
    return inner

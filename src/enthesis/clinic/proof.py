"""The proof that a question comes from an opened page: signed, for one use and a limited time.

It asks nothing of a human: no puzzle, no script, no cookie, nobody else's service. It also stands
in for the usual token against forged forms, which would need a cookie.
"""

import secrets
from datetime import datetime
from enum import Enum
from ipaddress import IPv6Address, IPv6Network, ip_address

from django.core.signing import BadSignature, SignatureExpired, TimestampSigner
from django.utils.crypto import salted_hmac

from enthesis.clinic.models import Clinic
from enthesis.knowledge.enquiries import EnquiryRules

SIGNER = TimestampSigner(salt="enthesis.enquiry")
# Whoever has one address of the newer kind has this many at least, as a rule.
ONE_HOME = 64


class Proof(Enum):
    """What a proof is worth."""

    GOOD = "good"
    TOO_FAST = "too fast"
    NONE = "none"


def new_proof(clinic: Clinic) -> str:
    """A proof for the page of a clinic that is opened now."""
    return SIGNER.sign(f"{clinic.pk}.{secrets.token_urlsafe(12)}")


def judge(proof: str, clinic: Clinic, rules: EnquiryRules) -> Proof:
    """Good, sent sooner than a human can, or none: forged, of another clinic, or too old."""
    try:
        told = SIGNER.unsign(proof, max_age=60 * rules.proof_minutes)
    except BadSignature:
        return Proof.NONE
    if told.partition(".")[0] != str(clinic.pk):
        return Proof.NONE
    try:
        SIGNER.unsign(proof, max_age=rules.human_seconds)
    except SignatureExpired:
        return Proof.GOOD
    return Proof.TOO_FAST


def used(proof: str) -> str:
    """By which a used proof is found again."""
    return salted_hmac("enthesis.enquiry.used", proof, algorithm="sha256").hexdigest()


def sender_mark(clinic: Clinic, address: str, now: datetime) -> str:
    """A mark of the network address that asks, which is not kept itself: with the installation's
    key, and another one in the next hour and at another clinic."""
    told = f"{clinic.pk} {now:%Y-%m-%dT%H}Z {home(address)}"
    return salted_hmac("enthesis.enquiry.from", told, algorithm="sha256").hexdigest()


def home(address: str) -> str:
    """The network that one home has, of an address in it; "" where it is none."""
    try:
        found = ip_address(address)
    except ValueError:
        return ""
    if not isinstance(found, IPv6Address):
        return str(found)
    # A socket for both kinds writes one of the older kind so: they are not one home, all of them.
    if found.ipv4_mapped:
        return str(found.ipv4_mapped)
    return str(IPv6Network((int(found), ONE_HOME), strict=False))

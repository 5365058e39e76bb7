"""Passkeys (WebAuthn level 2, by python-fido2): what the browser is asked, and what it answered.

A passkey lies in the user's phone, computer or security key, which asks for a finger, face or PIN
before it signs: it is both factors, and needs no user name. It belongs to the host that it was
made for, so no other site can ask for it. The challenge is kept in the session, and good once.
"""

import struct
from typing import Any, NamedTuple, cast

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from django.utils.crypto import salted_hmac
from fido2.server import Fido2Server
from fido2.webauthn import (
    AttestedCredentialData,
    AuthenticationResponse,
    PublicKeyCredentialRpEntity,
    PublicKeyCredentialUserEntity,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from enthesis.clinic.actions.second_factor import fingerprint
from enthesis.clinic.models import SecondFactor, User
from enthesis.exchange.strict_json import JsonError, read_json

MUST = UserVerificationRequirement.REQUIRED
_UNREADABLE = (
    *(ValueError, TypeError, KeyError, IndexError, AttributeError, OverflowError, struct.error),
    *(NotImplementedError, RecursionError, InvalidSignature, UnsupportedAlgorithm, AssertionError),
)
"""What fido2 raises for an answer that is none."""


class PasskeyError(ValueError):
    """An answer that does not prove a passkey."""


class Site(NamedTuple):
    """Which host asks (without the port), and from which origin (scheme, host and port)."""

    host: str
    origin: str


class Added(NamedTuple):
    """A new passkey: its id, what is kept to check it, and how often it has signed."""

    id: bytes
    credential: bytes
    counter: int


def _server(site: Site) -> Fido2Server:
    # Exactly our origin: fido2 by itself would take any host below ours.
    entity = PublicKeyCredentialRpEntity(id=site.host, name="Enthesis")
    return Fido2Server(entity, verify_origin=lambda origin: origin == site.origin)


def _of(user: User) -> list[AttestedCredentialData]:
    rows = user.factors_now().filter(kind=SecondFactor.Kind.PASSKEY)
    return [AttestedCredentialData(bytes(row.secret)) for row in rows]


def begin_adding(user: User, site: Site) -> tuple[dict[str, Any], Any]:
    """What the browser is asked to make, and the state to keep until it answers."""
    # Nothing of the person, and another one in each installation.
    handle = salted_hmac("enthesis passkey user", str(user.pk), algorithm="sha256").digest()
    entity = PublicKeyCredentialUserEntity(id=handle, name=user.username, display_name=str(user))
    options, state = _server(site).register_begin(
        entity,
        _of(user),
        resident_key_requirement=ResidentKeyRequirement.REQUIRED,
        user_verification=MUST,
    )
    return dict(options), state


def added(site: Site, state: Any, answer: Any) -> Added:
    """The passkey that the browser made. Raises PasskeyError."""
    try:
        made = _server(site).register_complete(state, answer)
    except _UNREADABLE as error:
        raise PasskeyError(str(error)) from error
    credential = cast(AttestedCredentialData, made.credential_data)
    return Added(credential.credential_id, bytes(credential), made.counter)


def begin_signing_in(site: Site) -> tuple[dict[str, Any], Any]:
    """What the browser is asked to sign with any passkey of this site, and the state to keep."""
    options, state = _server(site).authenticate_begin(user_verification=MUST)
    return dict(options), state


def signed_in(site: Site, state: Any, answer: Any) -> tuple[SecondFactor, int]:
    """Whose passkey signed, and how often it has. Raises PasskeyError."""
    try:
        told = AuthenticationResponse.from_dict(answer)
        row = (
            SecondFactor.objects.select_related("user__clinic")
            .filter(credential=fingerprint(told.raw_id), removed_at=None, user__is_active=True)
            .first()
        )
        if row is None:
            raise PasskeyError("Unknown passkey.")
        kept = AttestedCredentialData(bytes(row.secret))
        _server(site).authenticate_complete(state, [kept], told)
        return row, told.response.authenticator_data.counter
    except _UNREADABLE as error:
        raise PasskeyError(str(error)) from error


def answer_in(body: bytes) -> dict[str, Any]:
    """What a page sent. Raises PasskeyError where it is no JSON object."""
    try:
        # Strictly: half a character would only be refused by the database, as a fault of ours.
        told = read_json(body)
    except JsonError as error:
        raise PasskeyError("no JSON") from error
    if not isinstance(told, dict):
        raise PasskeyError("no JSON object")
    return told

"""The second thing that staff sign in with: a passkey, a code from an app, or a recovery code.

A password alone opens nothing (settings.SECOND_FACTOR). Every code is good once, whichever worker
it reaches: what was used is written down in the row before it counts.
"""

import hashlib
import secrets
import time
from datetime import timedelta

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor import InvalidToken
from cryptography.hazmat.primitives.twofactor.totp import TOTP
from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from enthesis.clinic import audit
from enthesis.clinic.actions import Refused, save
from enthesis.clinic.models import AuditEvent, SecondFactor, User
from enthesis.clinic.permissions import ADMIN, get_for

STEP_SECONDS = 30
DIGITS = 6
# RFC 6238 allows one step either way for clocks that differ and for typing.
STEPS_OFF = (0, -1, 1)
SEED_BYTES = 20
RECOVERY_CODES = 10
FAILURES_ALLOWED = 5
FAILURES_WITHIN = timedelta(minutes=15)
TOO_OFTEN = "Too many wrong codes. Wait 15 minutes, or ask the clinic's administrator."
WRONG = "That code is wrong, or was used already. Wait for the next one and type that."


def factors(user: User) -> list[SecondFactor]:
    """The passkeys and apps that a user can sign in with now."""
    return list(
        SecondFactor.objects.filter(user=user, removed_at=None).exclude(
            kind=SecondFactor.Kind.RECOVERY
        )
    )


def recovery_codes_left(user: User) -> int:
    """How many recovery codes are still good."""
    return _recovery(user).count()


def new_seed() -> bytes:
    """For an app: shared with it once, as a picture."""
    return secrets.token_bytes(SEED_BYTES)


def totp(seed: bytes) -> TOTP:
    """The codes of an app (RFC 6238: SHA-1, six digits, 30 seconds: what all apps know)."""
    # SHA-1 is what RFC 6238 and every app use; HMAC with it is not broken.
    return TOTP(seed, DIGITS, SHA1(), STEP_SECONDS, enforce_key_length=True)  # noqa: S303


def _step_of(seed: bytes, code: str, now: float) -> int | None:
    """Which step of 30 seconds the code belongs to; None for a wrong one."""
    for off in STEPS_OFF:
        try:
            totp(seed).verify(code.encode(), int(now) + off * STEP_SECONDS)
        except (InvalidToken, ValueError):
            continue
        return int(now) // STEP_SECONDS + off
    return None


@transaction.atomic
def add_app(user: User, seed: bytes, code: str, name: str) -> SecondFactor:
    """An app that has shown that it knows the seed; the code that showed it is used up."""
    step = _step_of(seed, _digits(code), time.time())
    if step is None:
        raise Refused(WRONG, "code")
    row = SecondFactor(
        user=user, kind=SecondFactor.Kind.APP, name=name, secret=seal(seed, user), counter=step
    )
    return _added(user, row)


@transaction.atomic
def add_passkey(user: User, credential_id: bytes, credential: bytes, name: str) -> SecondFactor:
    """A passkey that has signed our challenge. Refused where it is somebody's already."""
    row = SecondFactor(
        user=user,
        kind=SecondFactor.Kind.PASSKEY,
        name=name,
        secret=credential,
        credential=hashlib.sha256(credential_id).hexdigest(),
    )
    return _added(user, row)


def _added(user: User, row: SecondFactor) -> SecondFactor:
    save(row)
    audit.record(user, f"add_{row.kind}", row, detail={"name": row.name})
    return row


@transaction.atomic
def use_app_code(user: User, code: str) -> bool:
    """Whether it is the code of one of the user's apps, and was not used before."""
    for row in SecondFactor.objects.filter(user=user, kind=SecondFactor.Kind.APP, removed_at=None):
        step = _step_of(unseal(bytes(row.secret), user), _digits(code), time.time())
        # The row itself says whether this step is still to be used: two workers cannot both win.
        if step is not None and SecondFactor.objects.filter(pk=row.pk, counter__lt=step).update(
            counter=step, used_at=timezone.now()
        ):
            audit.record(user, "use_app_code", row)
            return True
    return False


@transaction.atomic
def use_passkey(row: SecondFactor, counter: int) -> None:
    """A passkey has signed our challenge. Refused where its counter stands still: a copy."""
    fresh = SecondFactor.objects.filter(pk=row.pk, removed_at=None)
    if counter:
        fresh = fresh.filter(counter__lt=counter)
    if not fresh.update(counter=counter, used_at=timezone.now()):
        raise Refused("This passkey seems to be a copy. Sign in another way and remove it.")
    audit.record(row.user, "use_passkey", row)


@transaction.atomic
def make_recovery_codes(user: User) -> list[str]:
    """Ten new ones, shown this once; the ones before are no longer good."""
    _recovery(user).update(removed_at=timezone.now())
    codes = ["-".join((secrets.token_hex(3), secrets.token_hex(3))) for _ in range(RECOVERY_CODES)]
    for code in codes:
        save(SecondFactor(user=user, kind=SecondFactor.Kind.RECOVERY, secret=_hashed(user, code)))
    audit.record(user, "make_recovery_codes", user)
    return codes


@transaction.atomic
def use_recovery_code(user: User, code: str) -> bool:
    """Whether it is one of the user's that was not used before."""
    typed = "-".join(code.strip().lower().split())
    now = timezone.now()
    used = _recovery(user).filter(secret=_hashed(user, typed)).update(removed_at=now, used_at=now)
    if used:
        audit.record(user, "use_recovery_code", user, detail={"left": recovery_codes_left(user)})
    return bool(used)


def is_throttled(user: User) -> bool:
    """Too many wrong codes lately, whoever typed them: six digits must not be tried through."""
    wrong = AuditEvent.objects.filter(
        at__gt=timezone.now() - FAILURES_WITHIN, action="fail_second_factor", user=user
    )
    return wrong.count() >= FAILURES_ALLOWED


@transaction.atomic
def fail_second_factor(user: User, address: str) -> AuditEvent:
    """Keep a wrong code."""
    return audit.record(user, "fail_second_factor", user, detail={"address": address})


@transaction.atomic
def remove_factor(user: User, id: int) -> None:
    """One's own; the last one stays while one is asked for."""
    # Held, so that of two who remove two at once one is left.
    User.objects.select_for_update().get(pk=user.pk)
    rows = factors(user)
    row = next((one for one in rows if one.pk == id), None)
    if row is None:
        raise Refused("It was removed already.")
    if settings.SECOND_FACTOR and len(rows) == 1:
        raise Refused("This is the only one. Add another first, then remove this one.")
    row.removed_at = timezone.now()
    save(row)
    audit.record(user, f"remove_{row.kind}", row, detail={"name": row.name})


@transaction.atomic
def reset_factors(user: User, id: int) -> User:
    """An administrator takes all of a colleague's away who lost them: the next sign-in, with the
    password, sets up new ones. Refused for oneself, who would go on without."""
    row = get_for(user, User, id, lock=True)
    if user.role not in ADMIN or row.pk == user.pk:
        raise Refused("Another administrator must do that for you.")
    SecondFactor.objects.filter(user=row, removed_at=None).update(removed_at=timezone.now())
    audit.record(user, "reset_factors", row)
    return row


def _recovery(user: User) -> "QuerySet[SecondFactor]":
    return SecondFactor.objects.filter(user=user, kind=SecondFactor.Kind.RECOVERY, removed_at=None)


def _digits(code: str) -> str:
    return "".join(code.split())


def _hashed(user: User, code: str) -> bytes:
    """48 random bits: no slow hash is needed, and one user's is no other's."""
    return hashlib.sha256(f"{user.pk}:{code}".encode()).digest()


def _key() -> bytes:
    return hashlib.sha256(b"enthesis second factor " + settings.SECRET_KEY.encode()).digest()


def seal(seed: bytes, user: User) -> bytes:
    """A seed as it is kept: sealed with the installation's key, for this user."""
    nonce = secrets.token_bytes(12)
    return nonce + AESGCM(_key()).encrypt(nonce, seed, str(user.pk).encode())


def unseal(kept: bytes, user: User) -> bytes:
    """The seed again."""
    return AESGCM(_key()).decrypt(kept[:12], kept[12:], str(user.pk).encode())

"""The second thing that staff sign in with: a passkey, a code from an app, or a recovery code.

A password alone opens nothing (settings.SECOND_FACTOR). Every code is good once, whichever worker
it reaches: what was used is written down in the row before it counts. Whatever counts or changes
a user's factors holds the user's row meanwhile, so that two at once go one by one.
"""

import base64
import hashlib
import secrets
import time
from datetime import timedelta

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor import InvalidToken
from cryptography.hazmat.primitives.twofactor.totp import TOTP
from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.http import Http404
from django.utils import timezone

from enthesis.clinic import audit
from enthesis.clinic.actions import Refused, save
from enthesis.clinic.actions.sign_in import set_password
from enthesis.clinic.models import AuditEvent, SecondFactor, User
from enthesis.clinic.permissions import get_for, may

STEP_SECONDS = 30
DIGITS = 6
# RFC 6238 allows one step either way for clocks that differ and for typing.
STEPS_OFF = (0, -1, 1)
SEED_BYTES = 20
RECOVERY_CODES = 10
# 120 random bits: then a plain hash is enough to keep (OWASP ASVS 5.0, 6.5.2: 112).
RECOVERY_BYTES = 15
FAILURES_ALLOWED = 5
FAILURES_WITHIN = timedelta(minutes=15)
TOO_OFTEN = "Too many wrong codes. Wait 15 minutes, or ask the clinic's administrator."
WRONG = "That code is wrong, or was used already. Wait for the next one and type that."
SET_UP_MEANWHILE = "A second step was set up elsewhere meanwhile. Sign in again."


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
def add_app(user: User, seed: bytes, code: str, name: str, first: bool = False) -> SecondFactor:
    """An app that has shown that it knows the seed; the code that showed it is used up.

    `first`: by a session that knows only the password. Refused where there is a factor already.
    """
    _hold(user, first)
    step = _step_of(seed, _digits(code), time.time())
    if step is None:
        raise Refused(WRONG, "code")
    row = SecondFactor(
        user=user, kind=SecondFactor.Kind.APP, name=name, secret=seal(seed, user), counter=step
    )
    return _added(user, row)


@transaction.atomic
def add_passkey(
    user: User,
    credential_id: bytes,
    credential: bytes,
    counter: int,
    name: str,
    first: bool = False,
) -> SecondFactor:
    """A passkey that has signed our challenge. Refused where it is somebody's already; `first` as
    in `add_app`."""
    _hold(user, first)
    row = SecondFactor(
        user=user,
        kind=SecondFactor.Kind.PASSKEY,
        name=name,
        secret=credential,
        counter=counter,
        credential=fingerprint(credential_id),
    )
    return _added(user, row)


def fingerprint(credential_id: bytes) -> str:
    """By which a passkey is found."""
    return hashlib.sha256(credential_id).hexdigest()


def _hold(user: User, first: bool = False) -> None:
    User.objects.select_for_update().get(pk=user.pk)
    if first and user.factors_now().exists():
        raise Refused(SET_UP_MEANWHILE)


def _added(user: User, row: SecondFactor) -> SecondFactor:
    save(row)
    audit.record(user, f"add_{row.kind}", row, detail={"name": row.name})
    return row


@transaction.atomic
def check_code(user: User, code: str, address: str) -> bool:
    """Whether it is a code of the user's app or a recovery code, not used before: now it is.

    A wrong one is kept. Refused after too many, whoever typed them: six digits must not be tried
    through. The user is held, so that many at once cannot try more often than one by one.
    """
    _hold(user)
    wrong = AuditEvent.objects.filter(
        at__gt=timezone.now() - FAILURES_WITHIN, action="fail_second_factor", user=user
    )
    if wrong.count() >= FAILURES_ALLOWED:
        raise Refused(TOO_OFTEN, "code")
    if _use_app_code(user, _digits(code)) or _use_recovery_code(user, code):
        return True
    audit.record(user, "fail_second_factor", user, detail={"address": address})
    return False


def _use_app_code(user: User, code: str) -> bool:
    for row in SecondFactor.objects.filter(user=user, kind=SecondFactor.Kind.APP, removed_at=None):
        seed = unseal(bytes(row.secret), user)
        step = _step_of(seed, code, time.time()) if seed else None
        # The row itself says whether this step is still to be used: two workers cannot both win.
        if step is not None and SecondFactor.objects.filter(pk=row.pk, counter__lt=step).update(
            counter=step, used_at=timezone.now()
        ):
            audit.record(user, "use_app_code", row)
            return True
    return False


@transaction.atomic
def use_passkey(row: SecondFactor, counter: int) -> None:
    """A passkey has signed our challenge. Refused where it counts and its count did not grow: then
    there is a copy of it (WebAuthn 6.1.1)."""
    fresh = SecondFactor.objects.filter(pk=row.pk, removed_at=None)
    fresh = fresh.filter(counter__lt=counter) if counter else fresh.filter(counter=0)
    if not fresh.update(counter=counter, used_at=timezone.now()):
        raise Refused("This passkey seems to be a copy. Sign in another way and remove it.")
    audit.record(row.user, "use_passkey", row)


@transaction.atomic
def make_recovery_codes(user: User) -> list[str]:
    """Ten new ones, shown this once; the ones before are no longer good."""
    _hold(user)
    _recovery(user).update(removed_at=timezone.now())
    codes = [_new_code() for _ in range(RECOVERY_CODES)]
    for code in codes:
        save(SecondFactor(user=user, kind=SecondFactor.Kind.RECOVERY, secret=_hashed(user, code)))
    audit.record(user, "make_recovery_codes", user)
    return codes


def _use_recovery_code(user: User, code: str) -> bool:
    now = timezone.now()
    used = _recovery(user).filter(secret=_hashed(user, code)).update(removed_at=now, used_at=now)
    if used:
        audit.record(user, "use_recovery_code", user, detail={"left": recovery_codes_left(user)})
    return bool(used)


@transaction.atomic
def remove_factor(user: User, id: int) -> SecondFactor:
    """One's own; the last one stays while one is asked for. Http404 for what is not one's own."""
    _hold(user)
    row = SecondFactor.objects.filter(user=user, pk=id).first()
    if row is None:
        raise Http404(f"SecondFactor {id}")
    rows = user.factors_now()
    if row not in rows:
        raise Refused("It was removed already.")
    if user.needs_factor and len(rows) == 1:
        raise Refused("This is the only one. Add another first, then remove this one.")
    row.removed_at = timezone.now()
    save(row)
    audit.record(user, f"remove_{row.kind}", row, detail={"name": row.name})
    return row


@transaction.atomic
def reset_factors(user: User, id: int) -> User:
    """An administrator takes all of a colleague's away who lost them, and ends their sessions: the
    next sign-in, with the password, sets up new ones. Refused for oneself."""
    row = get_for(user, User, id, lock=True)
    if not may(user, "reset_user_factors") or row.pk == user.pk:
        raise Refused("Another administrator must do that for you.")
    _forget_factors(row)
    audit.record(user, "reset_factors", row)
    return row


@transaction.atomic
def let_in_again(username: str, password: str, actor: str) -> User:
    """Somebody who lost password and second step begins anew with a first password. Nobody is
    signed in: `actor` says for the audit where this came from."""
    row = User.objects.select_for_update().filter(username=username).first()
    if row is None or not row.is_active:
        raise Refused(f"Nobody who may sign in is called {username}.")
    set_password(row, password)
    row.must_change_password = True
    save(row)
    _forget_factors(row)
    AuditEvent.objects.create(
        clinic=row.clinic, actor=actor, action="let_in_again", record="user", record_id=row.pk
    )
    return row


def _forget_factors(row: User) -> None:
    """No passkey, app or code signs this user in any more, and no session of theirs goes on."""
    now = timezone.now()
    SecondFactor.objects.filter(user=row, removed_at=None).update(removed_at=now)
    User.objects.filter(pk=row.pk).update(signed_out_at=now)


def _recovery(user: User) -> "QuerySet[SecondFactor]":
    return SecondFactor.objects.filter(user=user, kind=SecondFactor.Kind.RECOVERY, removed_at=None)


def _digits(code: str) -> str:
    return "".join(code.split())


def _new_code() -> str:
    """Six groups of four letters and digits, of which none looks like another."""
    letters = base64.b32encode(secrets.token_bytes(RECOVERY_BYTES)).decode().lower()
    return "-".join(letters[at : at + 4] for at in range(0, len(letters), 4))


def _hashed(user: User, code: str) -> bytes:
    """As it is kept, of what was typed in any spelling: one user's code is no other's."""
    typed = "".join(one for one in code.lower() if one.isalnum()).translate({48: "o", 49: "l"})
    return hashlib.sha256(f"{user.pk}:{typed}".encode()).digest()


def _key() -> bytes:
    return hashlib.sha256(b"enthesis second factor " + settings.SECRET_KEY.encode()).digest()


def seal(seed: bytes, user: User) -> bytes:
    """A seed as it is kept: sealed with the installation's key, for this user."""
    nonce = secrets.token_bytes(12)
    return nonce + AESGCM(_key()).encrypt(nonce, seed, str(user.pk).encode())


def unseal(kept: bytes, user: User) -> bytes | None:
    """The seed again; None where the installation's key is another now: the app is set up anew."""
    try:
        return AESGCM(_key()).decrypt(kept[:12], kept[12:], str(user.pk).encode())
    except (InvalidTag, ValueError):
        return None

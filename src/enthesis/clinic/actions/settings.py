"""What a clinic sets for itself, and who works there."""

from dataclasses import dataclass
from datetime import time
from decimal import Decimal
from zoneinfo import available_timezones

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone

from enthesis.clinic import audit, store
from enthesis.clinic.actions import EditConflict, Refused, hold_clinic, open_for_edit, save
from enthesis.clinic.models import AuditEvent, Clinic, User
from enthesis.clinic.permissions import may_grant, roles_of
from enthesis.journey.superbill import npi_problem
from enthesis.units import MINOR_DIGITS, Money, money_words


@dataclass(frozen=True)
class ClinicSettings:
    """`finish_relief_percent` and `estimate_line` None, `stop_choice` empty: the default of the
    knowledge files. Prices have days from which they hold: see actions/prices.py."""

    name: str
    phone: str
    emergency_text: str
    time_zone: str
    finish_relief_percent: Decimal | None
    stop_choice: str = ""
    emergency_text_es: str = ""
    reminders_on: bool = False
    sender_email: str = ""
    quiet_from: time | None = None
    quiet_to: time | None = None
    alert_email: str = ""
    pain_pill_choice: str = ""
    takes_questions: bool = False
    address: str = ""
    tax_id: str = ""
    npi: str = ""
    estimate_line: Decimal | None = None
    emergency_minutes: int | None = None


@dataclass(frozen=True)
class Newcomer:
    """Somebody who is to sign in."""

    username: str
    display_name: str
    role: str
    password: str


@transaction.atomic
def begin_clinic(
    name: str,
    phone: str,
    time_zone: str,
    currency: str,
    price_per_session: Decimal | None,
    first: Newcomer,
    actor: str,
) -> Clinic:
    """A real clinic with its first user, an administrator. Nobody is signed in yet: `actor` says
    for the audit where this came from.

    Refused beside an invented clinic, whose passwords everybody knows, and for a name in use.
    """
    if Clinic.objects.filter(invented=True).exists():
        raise Refused(
            "This database holds the invented clinic, and real records never stand beside it. "
            "Set ENTHESIS_DATA to a new directory, or DATABASE_URL to an empty database."
        )
    if Clinic.objects.filter(name__iexact=name.strip()).exists():
        raise Refused(f"There is a clinic called {name.strip()} already.", "name")
    clinic = Clinic(
        name=name.strip(),
        phone=phone,
        time_zone=time_zone,
        currency=currency,
        price_per_session=price_per_session,
    )
    _check_time_zone(time_zone)
    _check_price(clinic)
    save(clinic)
    admin = _new_user(clinic, first)
    for action, row in (("begin_clinic", clinic), ("add_user", admin)):
        AuditEvent.objects.create(
            clinic=clinic,
            actor=actor,
            action=action,
            record=row._meta.model_name or "",
            record_id=row.pk,
        )
    return clinic


def _check_time_zone(time_zone: str) -> None:
    if time_zone not in available_timezones():
        raise Refused("Choose a time zone from the list, such as America/New_York.", "time_zone")


def _check_price(clinic: Clinic) -> None:
    """A price in a currency that is known; the default price serves its own currency only."""
    if clinic.currency not in MINOR_DIGITS:
        known = ", ".join(sorted(MINOR_DIGITS))
        raise Refused(f"Choose a currency that Enthesis knows: {known}.", "currency")
    price = clinic.price_per_session
    if price is None:
        usual = store.known_for(clinic, store.today(clinic)).tariff["session"].usual
        if usual.currency != clinic.currency:
            raise Refused(
                f"The default price is {money_words(usual)}; a clinic that charges in "
                f"{clinic.currency} sets its own price of one session.",
                "price_per_session",
            )
    elif price < 0:
        raise Refused("A price cannot be below zero.", "price_per_session")
    elif Money(price, clinic.currency).amount != price:
        raise Refused(f"{clinic.currency} has no amount as small as {price}.", "price_per_session")


@transaction.atomic
def change_settings(user: User, chosen: ClinicSettings, expected_version: int | None) -> Clinic:
    """Change the clinic's own settings; agreed plans keep what was agreed."""
    clinic = hold_clinic(user)
    if expected_version is not None and clinic.version != expected_version:
        raise EditConflict(clinic)
    _check_time_zone(chosen.time_zone)
    percent = chosen.finish_relief_percent
    if percent is not None and not 0 < percent <= 100:
        raise Refused(
            "The finish level is a share: above 0 and at most 100 percent.", "finish_relief_percent"
        )
    known = store.known_for(clinic, store.today(clinic))
    if chosen.stop_choice and chosen.stop_choice not in known.stop_choices:
        raise Refused("Choose one of the stop rules shown.", "stop_choice")
    if chosen.pain_pill_choice and chosen.pain_pill_choice not in known.pain_pill_choices:
        raise Refused("Choose one of the sentences shown.", "pain_pill_choice")
    if (chosen.reminders_on or chosen.alert_email) and not chosen.sender_email:
        raise Refused("Give the address that messages come from.", "sender_email")
    if chosen.npi and (problem := npi_problem(chosen.npi)):
        raise Refused(problem, "npi")
    minutes, most = chosen.emergency_minutes, known.emergency_rules.minutes_most
    if minutes is not None and not 0 < minutes <= most:
        raise Refused(f"Write from 1 to {most} minutes.", "emergency_minutes")
    line = chosen.estimate_line
    if line is not None and (line <= 0 or Money(line, clinic.currency).amount != line):
        raise Refused(f"Write an amount above zero that {clinic.currency} has.", "estimate_line")
    before = {name: getattr(clinic, name) for name in vars(chosen)}
    for name, value in vars(chosen).items():
        setattr(clinic, name, value)
    save(clinic)
    changed = {
        name: [str(before[name]), str(value)]
        for name, value in vars(chosen).items()
        if value != before[name]
    }
    audit.record(user, "change_settings", clinic, detail=changed)
    return clinic


@transaction.atomic
def add_user(user: User, username: str, display_name: str, role: str, password: str) -> User:
    """Somebody new, who chooses a password of their own at the first sign-in. Refuses weak
    passwords, names that are taken, and roles that the user may not give."""
    _refuse_grant(user, role)
    new = _new_user(hold_clinic(user), Newcomer(username, display_name, role, password))
    new.must_change_password = True
    save(new)
    audit.record(user, "add_user", new, detail={"role": role})
    return new


def _new_user(clinic: Clinic, newcomer: Newcomer) -> User:
    new = User(
        clinic=clinic,
        username=newcomer.username,
        display_name=newcomer.display_name,
        role=newcomer.role,
    )
    try:
        validate_password(newcomer.password, new)
    except ValidationError as error:
        raise Refused(" ".join(error.messages), "password") from error
    new.set_password(newcomer.password)
    return save(new)


def _refuse_grant(user: User, role: str) -> None:
    if role not in may_grant(user):
        raise Refused("You cannot give that role.", "role")


@transaction.atomic
def change_user(user: User, user_id: int, role: str, is_active: bool, version: int | None) -> User:
    """Another role, or no more access at once: whatever was open with the old one has ended, and a
    new sign-in begins with the new one. A clinic always keeps one administrator, and nobody gives a
    role to themselves: what somebody may not see another must let them. EditConflict if somebody
    else changed it in the meantime."""
    hold_clinic(user)
    changed = open_for_edit(user, User, user_id, version)
    if role != changed.role:
        _refuse_grant(user, role)
    before = {"role": changed.role, "is_active": changed.is_active}
    changed.role, changed.is_active = role, is_active
    if before != {"role": role, "is_active": is_active}:
        changed.signed_out_at = timezone.now()
    save(changed)
    administrators = User.objects.filter(
        clinic=user.clinic_id, role__in=roles_of("change_user"), is_active=True
    )
    if not administrators.exists():
        raise Refused("This is the last administrator. Make somebody else one first.", "role")
    if changed.pk == user.pk and role != before["role"]:
        raise Refused("Another administrator must give you another role.", "role")
    after = {"role": role, "is_active": is_active}
    audit.record(user, "change_user", changed, detail={"from": before, "to": after})
    return changed

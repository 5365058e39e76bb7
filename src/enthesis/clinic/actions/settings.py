"""What a clinic sets for itself, and who works there."""

from dataclasses import dataclass
from decimal import Decimal
from zoneinfo import available_timezones

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import transaction

from enthesis.clinic import audit
from enthesis.clinic.actions import EditConflict, Refused, hold_clinic, save
from enthesis.clinic.models import Clinic, Role, User
from enthesis.clinic.permissions import get_for


@dataclass(frozen=True)
class ClinicSettings:
    """`price_per_session` and `finish_relief_percent` None: the default of the knowledge files."""

    name: str
    phone: str
    emergency_text: str
    time_zone: str
    price_per_session: Decimal | None
    finish_relief_percent: Decimal | None


@transaction.atomic
def change_settings(user: User, chosen: ClinicSettings, expected_version: int | None) -> Clinic:
    """Change the clinic's own settings; agreed plans keep what was agreed."""
    clinic = hold_clinic(user)
    if expected_version is not None and clinic.version != expected_version:
        raise EditConflict(clinic)
    if chosen.time_zone not in available_timezones():
        raise Refused("Choose a time zone from the list, such as America/New_York.", "time_zone")
    percent = chosen.finish_relief_percent
    if percent is not None and not 0 < percent <= 100:
        raise Refused(
            "The finish level is a share: above 0 and at most 100 percent.", "finish_relief_percent"
        )
    if chosen.price_per_session is not None and chosen.price_per_session < 0:
        raise Refused("A price cannot be below zero.", "price_per_session")
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
    """Somebody new who signs in. Refuses weak passwords and names that are taken."""
    new = User(clinic=user.clinic, username=username, display_name=display_name, role=role)
    try:
        validate_password(password, new)
    except ValidationError as error:
        raise Refused(" ".join(error.messages), "password") from error
    new.set_password(password)
    save(new)
    audit.record(user, "add_user", new, detail={"role": role})
    return new


@transaction.atomic
def change_user(user: User, user_id: int, role: str, is_active: bool) -> User:
    """Another role, or no more access at once. A clinic always keeps one administrator."""
    hold_clinic(user)
    changed = get_for(user, User, user_id, lock=True)
    before = {"role": changed.role, "is_active": changed.is_active}
    changed.role, changed.is_active = role, is_active
    save(changed)
    administrators = User.objects.filter(
        clinic=user.clinic_id, role=Role.ADMINISTRATOR, is_active=True
    )
    if not administrators.exists():
        raise Refused("This is the last administrator. Make somebody else one first.", "role")
    after = {"role": role, "is_active": is_active}
    audit.record(user, "change_user", changed, detail={"from": before, "to": after})
    return changed

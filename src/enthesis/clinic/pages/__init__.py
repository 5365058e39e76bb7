"""What the pages of all stages share: how an action's refusal reaches the form."""

from collections.abc import Callable
from datetime import date
from typing import Any, TypeVar, cast

from django import forms
from django.core.exceptions import NON_FIELD_ERRORS
from django.db.models import Model
from django.http import QueryDict

from enthesis.clinic import consents
from enthesis.clinic.actions import Refused
from enthesis.clinic.models import Clinic, Patient

T = TypeVar("T")
MOST = 2**31 - 1


def attempt(form: forms.BaseForm, action: Callable[..., T], *args: Any, **kwargs: Any) -> T | None:
    """Run an action for a valid form; what it refuses stands at the field, and None comes back."""
    try:
        return action(*args, **kwargs)
    except Refused as refused:
        field = refused.field if refused.field in form.fields else NON_FIELD_ERRORS
        form.add_error(field, refused.message)
        return None


def clinic_at(clinic_id: int) -> Clinic | None:
    """The clinic that a public address names; a number too large for the database names none."""
    return Clinic.objects.filter(pk=min(clinic_id, MOST)).first()


def made_from(form: forms.BaseForm, theirs: Model, **values: Any) -> list[tuple[str, str, str]]:
    """After an EditConflict: where `values`, which stand there now, differ from what was typed, for
    parts/conflict.html. The form keeps what was typed and is sent again as of their version."""
    version = str(theirs.version)  # type: ignore[attr-defined]
    data = cast(QueryDict, form.data).copy()
    data[form.add_prefix("version")] = version
    form.data = data
    return _differences(form, values)


def _differences(form: forms.BaseForm, theirs: dict[str, Any]) -> list[tuple[str, str, str]]:
    """(label, what stands there now, what was typed) for the fields where the two differ."""
    return [
        (str(form[name].label), _words(value), _words(form.cleaned_data.get(name)))
        for name, value in theirs.items()
        if name in form.fields
        and not form.fields[name].widget.is_hidden
        and _words(value) != _words(form.cleaned_data.get(name))
    ]


def _words(value: Any) -> str:
    if value in (None, ""):
        return "nothing"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, date):
        return f"{value.day} {value:%b %Y}"
    return str(value)


def age_years(born_on: date, today: date) -> int:
    """Whole years lived."""
    return today.year - born_on.year - ((today.month, today.day) < (born_on.month, born_on.day))


def patient_banner(patient: Patient, today: date) -> dict[str, Any]:
    """The `patient` of parts/patient_banner.html: identity and safety tags, never blank."""
    weight = patient.weights.last()
    return {
        "id": patient.pk,
        "family": patient.family,
        "given": patient.given,
        "born_on": patient.born_on,
        "age": age_years(patient.born_on, today) if patient.born_on else None,
        "number": patient.number,
        "weight_text": (
            f"{weight.kg.normalize():f}\u00a0kg, {_words(weight.measured_on)}" if weight else None
        ),
        "tags": list(_safety_tags(patient)),
    }


def recorded_allergies(patient: Patient) -> str:
    """What the record says of allergies: their names, or what is known without one."""
    asked_on = patient.allergies_asked_on
    none = f"no known allergies, asked {_words(asked_on)}" if asked_on else "allergies not recorded"
    return patient.allergies or none


def _safety_tags(patient: Patient) -> list[dict[str, str]]:
    text = recorded_allergies(patient)
    if patient.allergies:
        tags = [{"tone": "alarm", "icon": "alarm", "text": f"Allergy: {text}"}]
    elif patient.allergies_asked_on:
        tags = [{"tone": "halt", "icon": "met", "text": text[0].upper() + text[1:]}]
    else:
        tags = [{"tone": "care", "icon": "care", "text": text[0].upper() + text[1:]}]
    if consents.withdrawn_by(patient):
        tags.append({"tone": "alarm", "icon": "alarm", "text": "Consent withdrawn"})
    if patient.anticoagulant:
        text = f"Anticoagulant: {patient.anticoagulant}"
        tags.append({"tone": "care", "icon": "drop", "text": text})
    return tags

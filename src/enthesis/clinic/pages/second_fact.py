"""The patient's birth date, asked once in a browser before a link shows a name or a diagnosis."""

from datetime import MAXYEAR, date
from typing import Any

from django import forms
from django.conf import settings
from django.core.signing import BadSignature
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.dates import MONTHS
from django.utils.translation import get_language, gettext

from enthesis.clinic import errors
from enthesis.clinic.actions import second_fact as actions
from enthesis.clinic.models import Patient

COOKIE = f"{settings.COOKIE_PREFIX}born"
"""Whose birth date this browser has told; it ends with the browser, and after a day's work."""
EARLIEST = 1875


class BornForm(forms.Form):
    """Month, day and year one by one: a calendar to leaf through is no way back to 1950."""

    month = forms.TypedChoiceField(coerce=int)
    day = forms.IntegerField(
        min_value=1,
        max_value=31,
        widget=forms.TextInput({"inputmode": "numeric", "maxlength": "2"}),
    )
    year = forms.IntegerField(
        min_value=EARLIEST,
        max_value=MAXYEAR,
        widget=forms.TextInput({"inputmode": "numeric", "maxlength": "4"}),
    )

    def __init__(self, data: Any = None) -> None:
        super().__init__(data, label_suffix="")
        labels = {"month": gettext("Month"), "day": gettext("Day"), "year": gettext("Year")}
        wrong = {
            "month": gettext("Choose the month."),
            "day": gettext("Write the day as a number, such as 7."),
            "year": gettext("Write the year with four digits, such as 1950."),
        }
        for name, field in self.fields.items():
            field.label = labels[name]
            field.error_messages = dict.fromkeys(
                ("required", "invalid", "invalid_choice", "min_value", "max_value"), wrong[name]
            )
            field.widget.attrs["autocomplete"] = f"bday-{name}"
        self.fields["month"].choices = [("", "–"), *MONTHS.items()]  # type: ignore[attr-defined]
        if get_language() == Patient.Language.SPANISH:
            self.order_fields(["day", "month", "year"])

    def clean(self) -> dict[str, Any]:
        """The whole date as `born_on`."""
        data = super().clean() or {}
        if not self.errors:
            try:
                data["born_on"] = date(data["year"], data["month"], data["day"])
            except ValueError:
                self.add_error("day", gettext("There is no such day in that month."))
        return data


def ask_first(
    request: HttpRequest, link: actions.Link, around: dict[str, Any]
) -> HttpResponse | None:
    """The page that asks, in the language spoken now; None where this browser has told it before.

    `around`: the head of the link's pages (the clinic's name, its phone, the other languages).
    """
    patient = actions.course_of(link).patient
    if is_known(request, patient):
        return None
    if patient.born_on is None:
        # Taken off the record since the link was made: nothing is left that could be asked.
        return errors.gone(request)
    form = BornForm(request.POST if "year" in request.POST else None)
    if form.is_bound and form.is_valid():
        if actions.tell_birth_date(link, form.cleaned_data["born_on"]):
            response: HttpResponse = redirect(request.path)
            response.set_signed_cookie(
                COOKIE, str(patient.pk), httponly=True, samesite="Lax", secure=settings.HTTPS
            )
            return response
        left = actions.tries_left(patient)
        if left <= 0:
            return render(request, "clinic/answer/locked.html", around, status=403)
        once = gettext("That is not the date that the clinic has. You can try once more.")
        more = gettext("That is not the date that the clinic has. You can try %(left)s more times.")
        form.add_error(None, once if left == 1 else more % {"left": left})
    context = around | {"form": form}
    status = 422 if form.errors else 200
    return render(request, "clinic/answer/second_fact.html", context, status=status)


def is_known(request: HttpRequest, patient: Patient) -> bool:
    """Whether this browser has told the patient's birth date."""
    try:
        told = request.get_signed_cookie(COOKIE, default="", max_age=settings.SESSION_COOKIE_AGE)
    except BadSignature:
        return False
    return told == str(patient.pk)

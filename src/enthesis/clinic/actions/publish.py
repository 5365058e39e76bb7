"""Putting the clinic's results before the public, and taking them away again."""

from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.utils import timezone

from enthesis.clinic import audit
from enthesis.clinic.actions import Refused, hold_clinic, save
from enthesis.clinic.models import Clinic, PublishedResults, User

if TYPE_CHECKING:
    from enthesis.outcomes.report import Report, Section


def published(clinic: Clinic) -> PublishedResults | None:
    """What the clinic shows to the public; None while it shows nothing."""
    last = PublishedResults.objects.filter(clinic=clinic).last()
    return last if last is not None and last.withdrawn_at is None else None


@transaction.atomic
def publish_results(user: User, report: "Report") -> PublishedResults:
    """Show a report to everybody, in place of what was shown before; it is kept as it is.

    The same cut of the same day is published once. Refused for a report whose small cells are not
    hidden: somebody might be recognised.
    """
    if report.suppressed_below is None:
        raise Refused("Only a report whose small cells are hidden can be published.")
    clinic = hold_clinic(user)
    shown = published(clinic)
    if shown and (shown.day, shown.cut) == (report.day, report.origin.cut):
        return shown  # sent twice
    row = PublishedResults(
        clinic=clinic, day=report.day, cut=report.origin.cut, content=content_of(report), by=user
    )
    save(row)
    detail = {"day": report.day.isoformat(), "cut": report.origin.cut}
    audit.record(user, "publish_results", row, detail=detail)
    return row


@transaction.atomic
def withdraw_results(user: User) -> PublishedResults:
    """Show nothing any more. Refused while nothing is shown."""
    shown = published(hold_clinic(user))
    if shown is None:
        raise Refused("Nothing is published.")
    shown.withdrawn_at, shown.withdrawn_by = timezone.now(), user
    save(shown)
    audit.record(user, "withdraw_results", shown, detail={"cut": shown.cut})
    return shown


def content_of(report: "Report") -> dict[str, Any]:
    """The report as plain values with its pictures: all that the public page shows."""
    plain: dict[str, Any] = report.as_json()
    for told, section in zip(plain["sections"], report.sections, strict=True):
        told |= _pictures(section)
    return plain


def _pictures(section: "Section") -> dict[str, str]:
    figure = section.figure
    return {"wide": figure.wide, "narrow": figure.narrow} if figure else {}

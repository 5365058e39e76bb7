"""Scores of questionnaires that may not be shipped, typed in by the clinic."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from django.db import transaction

from enthesis.clinic import audit, store
from enthesis.clinic.actions import Refused, save
from enthesis.clinic.models import Course, TypedScore, User
from enthesis.clinic.permissions import get_for


@dataclass(frozen=True)
class NewScore:
    """One result: `lowest` and `highest` are the ends of the instrument's scale, `better` which of
    them is good."""

    on: date
    instrument: str
    score: Decimal
    lowest: Decimal
    highest: Decimal
    better: str


@transaction.atomic
def add_typed_score(user: User, course_id: int, new: NewScore) -> TypedScore:
    """Keep a score with its scale. It is shown and never judged by, so no validity is claimed.

    One instrument has one scale within a course: else two scores could not be compared.
    """
    course = get_for(user, Course, course_id, lock=True)
    if not course.opened_on <= new.on <= store.today(course.patient.clinic):
        raise Refused("The day must lie between the start of the course and today.", "on")
    if new.lowest >= new.highest:
        raise Refused("The highest possible score must be above the lowest.", "highest")
    if not new.lowest <= new.score <= new.highest:
        raise Refused(
            f"The score must lie on its scale, from {new.lowest} to {new.highest}.", "score"
        )
    name = " ".join(new.instrument.split())
    before = course.typed_scores.filter(instrument__iexact=name).first()
    if before:
        name = before.instrument
        scale = (before.lowest, before.highest, before.better)
        if scale != (new.lowest, new.highest, new.better):
            raise Refused(
                f"Earlier scores of {name} in this course run from {before.lowest:f} to "
                f"{before.highest:f}, {before.get_better_display().lower()}. Use the same scale, "
                "or another name.",
                "instrument",
            )
    row = save(
        TypedScore(
            course=course,
            on=new.on,
            instrument=name,
            score=new.score,
            lowest=new.lowest,
            highest=new.highest,
            better=new.better,
            by=user,
        )
    )
    audit.record(user, "add_typed_score", row)
    return row

"""Handing out the summary of the decision aid."""

from django.db import transaction

from enthesis.clinic import audit, choices, store
from enthesis.clinic.actions import Refused, save
from enthesis.clinic.models import AidGiven, Course, User
from enthesis.clinic.permissions import get_for


@transaction.atomic
def give_aid(user: User, course_id: int, language: str, how: str) -> AidGiven:
    """Write down that the patient was given the summary as it stands today, and in which way."""
    course = get_for(user, Course, course_id, lock=True)
    if course.closed_on:
        raise Refused("This course is closed.")
    clinic = course.patient.clinic
    told = choices.aid_for(clinic, course.condition, store.today(clinic), language)
    if told is None:
        raise Refused("There is no decision aid for the condition of this course.")
    row = save(
        AidGiven(
            course=course,
            condition=course.condition,
            versions=dict(told.versions),
            language=language,
            how=how,
            by=user,
        )
    )
    audit.record(user, "give_aid", row, detail={"version": told.version, "how": how})
    return row

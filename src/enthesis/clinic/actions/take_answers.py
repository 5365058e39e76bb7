"""Answers that another program sends for a patient of the clinic."""

import hashlib
from collections.abc import Mapping
from datetime import date

from django.db import transaction

from enthesis.clinic import audit
from enthesis.clinic.actions import Refused, save
from enthesis.clinic.actions.answer import alert_of, answers_of, keep_answers
from enthesis.clinic.models import Assessment, Clinic, Course
from enthesis.records import Answer, as_written


class AnsweredOtherwiseError(Exception):
    """The same set was sent before with something else in it; `there` stays as it is."""

    def __init__(self, there: Assessment) -> None:
        super().__init__(f"Assessment {there.pk} has other answers.")
        self.there = there


def request_key(clinic: Clinic, name: str) -> str:
    """By which a set of answers is known again: `name` is what the program calls it."""
    told = f"{clinic.pk}|{name}".encode("utf-8", "surrogatepass")
    return "fhir-" + hashlib.sha256(told).hexdigest()[:34]


@transaction.atomic
def take_answers(
    clinic: Clinic,
    course_id: int,
    occasion: str,
    on: date,
    answers: Mapping[str, Answer],
    questionnaire: str,
    *,
    program: str,
    key: str,
) -> tuple[Assessment, bool]:
    """A program's answers as a set that is whole, and whether they are new: the same set sent
    again adds nothing. Raises Refused, or AnsweredOtherwiseError where it is not the same.

    `program` stands in the audit trail; `key` is a `request_key`.
    """
    courses = Course.objects.select_for_update(of=("self",))
    course = courses.filter(pk=course_id, patient__clinic=clinic).first()
    if course is None:
        raise Refused("There is no such course in this clinic.", "course")
    row = Assessment(course=course, source="program", request_key=key)
    there = Assessment.objects.filter(request_key=key).first()
    if there:
        if (there.course_id, there.occasion, there.on, there.questionnaire) != (
            *(course_id, occasion, on, questionnaire),
        ) or not _same(answers_of(there), answers):
            raise AnsweredOtherwiseError(there)
        return there, False
    kept = keep_answers(row, occasion, on, written(answers), questionnaire)
    assessment = save(row)
    audit.record(None, "take_answers", assessment, detail={"occasion": occasion}, by=program)
    alert_of(assessment, kept)
    return assessment, True


def written(answers: Mapping[str, Answer]) -> dict[str, str | list[str]]:
    """Answers as a form would send them."""
    return {
        name: list(answer) if isinstance(answer, tuple) else "".join(as_written(answer))
        for name, answer in answers.items()
    }


def _same(kept: Mapping[str, Answer], sent: Mapping[str, Answer]) -> bool:
    """By what was kept: what was sent besides was not asked then."""
    return all(
        sorted(as_written(answer)) == sorted(text.strip() for text in as_written(sent.get(name)))
        for name, answer in kept.items()
    )

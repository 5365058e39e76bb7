"""What a clinician types into the evaluation of an ordinary low back: suitable, nothing special."""

import hashlib
from datetime import date
from decimal import Decimal
from typing import Any

from django.test import Client

from enthesis.clinic import consents, models, store
from enthesis.clinic.actions.plan import agree_plan, save_plan
from enthesis.clinic.pages.plan import proposal
from enthesis.clinic.store import known_for
from enthesis.shape import plain as plain_form

NO = [
    "bleeding_disorder",
    "diabetes",
    "immune_suppressed",
    "pregnant",
    "blood_thinner",
    "nsaid",
    "oral_steroid",
    "opioids",
    "saddle_numbness",
    "bladder",
    "leg_deficit",
    "fever_or_weight_loss",
    "spinal_infection_risk",
    "night_pain",
    "major_weakness",
]
NONE = ["recent_at_site", "infection", "illness", "allergies", "trauma", "imaging"]


def typed(**changed: Any) -> dict[str, Any]:
    """The fields of the form; `changed` by question, None leaves a question open."""
    answers: dict[str, Any] = {name: "no" for name in NO} | {name: "none" for name in NONE}
    answers |= {"pain_months": "14", "tried": ["exercise", "manual"], "cancer": "never"} | changed
    return {f"q-{name}": value for name, value in answers.items() if value is not None}


def evaluate(client: Client, course: models.Course, **changed: Any) -> models.Evaluation:
    """Evaluate through the page, as a clinician does; the row that was appended."""
    last = course.evaluations.last()
    data = typed(**changed) | ({"q-last": last.pk} if last else {})
    response = client.post(f"/courses/{course.pk}/evaluate/", data)
    assert response.status_code == 302, response.content.decode()
    row = course.evaluations.last()
    assert row is not None
    return row


def plan(
    client: Client,
    course: models.Course,
    by: models.User,
    today: date,
    *,
    weigh: bool = True,
    consented: bool = True,
) -> models.Plan:
    """Evaluated, planned by the first protocol, agreed and consented to today; weighed a month
    before."""
    evaluate(client, course)
    known = known_for(course.patient.clinic, today)
    protocol = known.conditions[course.condition].protocols[0]
    row = save_plan(by, course.pk, proposal(protocol, course, known), today, None)
    if weigh:
        models.Weight.objects.create(
            patient=course.patient, kg=Decimal(68), measured_on=date(2026, 10, 20), by=by
        )
    agreed = agree_plan(by, course.pk, "Marta Lindqvist", today, today, (row.pk, row.version))
    if consented:
        consent(course)
    return agreed


def consent(course: models.Course) -> models.Consent:
    """Signed: the row as the action leaves it, but for the paper, which takes a second to print."""
    told = consents.text_for(course, store.today(course.patient.clinic), "en")
    assert told is not None
    return models.Consent.objects.create(
        course=course,
        fact="signed",
        plan=consents.agreed_plan(course),
        name="Marta Lindqvist",
        content=plain_form(told),
        pdf=b"%PDF",
        pdf_sha256=hashlib.sha256(b"%PDF").hexdigest(),
    )

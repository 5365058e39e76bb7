"""Adverse events: reported, judged by another person than the one who injected, and followed."""

from datetime import date

from django.db import transaction

from enthesis.clinic import audit, store
from enthesis.clinic.actions import Refused, open_for_edit, save
from enthesis.clinic.models import (
    AdverseEvent,
    AdverseEventEntry,
    Assessment,
    Clinic,
    Course,
    Session,
    User,
)
from enthesis.clinic.permissions import get_for, roles_of
from enthesis.journey import adverse
from enthesis.journey.adverse import Added, AdverseError, Report


@transaction.atomic
def report_event(
    user: User,
    course_id: int,
    report: Report,
    request_key: str,
    session_id: int | None = None,
    assessment_id: int | None = None,
) -> AdverseEvent:
    """Keep an adverse event; the same form sent twice is one. From one warning answer
    (`assessment_id`) comes one event."""
    course = get_for(user, Course, course_id, lock=True)
    if existing := AdverseEvent.objects.filter(request_key=request_key).first():
        if existing.course_id != course.pk:
            raise Refused("This form was already used for another course. Open it anew.")
        return existing
    session = get_for(user, Session, session_id) if session_id else None
    if session and (session.course_id != course.pk or session.signed_at is None):
        raise Refused("Choose a signed session of this course.", "session")
    answer = get_for(user, Assessment, assessment_id) if assessment_id else None
    if answer and (answer.course_id != course.pk or AdverseEvent.objects.filter(assessment=answer)):
        raise Refused("From this answer an event was opened already; add to that one.")
    today = store.today(course.patient.clinic)
    known = store.known_for(course.patient.clinic, today)
    try:
        adverse.check(report, session.on if session else course.opened_on, today, known)
    except AdverseError as error:
        raise Refused(error.message, error.field) from error
    event = save(
        AdverseEvent(
            course=course,
            session=session,
            assessment=answer,
            kind=report.kind,
            onset_on=report.onset_on,
            grade=report.grade,
            serious=adverse.standing(report, (), known).serious,
            outcome=report.outcome,
            what_happened=report.what_happened,
            what_was_done=report.what_was_done,
            request_key=request_key,
            by=user,
        )
    )
    audit.record(user, "report_event", event)
    return event


@transaction.atomic
def judge_event(
    user: User, event_id: int, relatedness: str, reason: str, expected_version: int | None
) -> AdverseEventEntry:
    """A judgement whether the session brought it about, by somebody who did not inject."""
    event = open_for_edit(user, AdverseEvent, event_id, expected_version)
    clinic = event.course.patient.clinic
    known = store.known_for(clinic, store.today(clinic))
    if user.pk not in judges_of(event):
        raise Refused("Whoever injected does not judge it: ask another clinician to.")
    if relatedness not in known.adverse_relations:
        raise Refused("Choose one of the judgements.", "relatedness")
    return _add(user, event, "judge_event", AdverseEventEntry(relatedness=relatedness, text=reason))


@transaction.atomic
def follow_event(
    user: User,
    event_id: int,
    outcome: str,
    grade: int | None,
    text: str,
    expected_version: int | None,
) -> AdverseEventEntry:
    """How it went on; the first report stays as it was."""
    event = open_for_edit(user, AdverseEvent, event_id, expected_version)
    clinic = event.course.patient.clinic
    known = store.known_for(clinic, store.today(clinic))
    now = adverse.standing(report_of(event), added_to(event), known)
    try:
        adverse.check_state(grade or now.grade, outcome or now.outcome, known)
    except AdverseError as error:
        raise Refused(error.message, error.field) from error
    entry = AdverseEventEntry(outcome=outcome, grade=grade, text=text)
    return _add(user, event, "follow_event", entry)


def _add(
    user: User, event: AdverseEvent, action: str, entry: AdverseEventEntry
) -> AdverseEventEntry:
    entry.event, entry.by = event, user
    save(entry)
    save(event)
    audit.record(user, action, entry)
    return entry


def report_of(event: AdverseEvent) -> Report:
    """The event as it was first reported."""
    return Report(
        kind=event.kind,
        onset_on=event.onset_on,
        grade=event.grade,
        serious=event.serious,
        outcome=event.outcome,
        what_happened=event.what_happened,
        what_was_done=event.what_was_done,
    )


def added_to(event: AdverseEvent) -> list[Added]:
    """What was added to an event, oldest first. A judgement by somebody of whom it turned out
    later that they had injected is none."""
    injected = injectors_of(event)
    return [
        Added("" if one.by_id in injected else one.relatedness, one.outcome, one.grade)
        for one in event.entries.all()
    ]


def judges_of(event: AdverseEvent) -> frozenset[int]:
    """The clinicians who may judge an event; none where all of them injected."""
    return adverse.judges(clinicians_of(event.course.patient.clinic), injectors_of(event))


def clinicians_of(clinic: Clinic) -> list[int]:
    """Those who may judge at all, if they did not inject."""
    people = User.objects.filter(clinic=clinic, is_active=True, role__in=roles_of("told_of_harm"))
    return list(people.values_list("pk", flat=True))


def injectors_of(event: AdverseEvent) -> frozenset[int]:
    """Who signed the session or injected in it; where none is named, in every session until then.
    A session whose signer is not known is taken for the course's own clinician's."""
    sessions = [event.session] if event.session else _until(event.course, event.onset_on)
    found = {session.signed_by_id or event.course.clinician_id for session in sessions}
    found |= {session.injected_by_id for session in sessions}
    for session in sessions:
        found |= {site.injected_by_id for site in session.sites.all()}
    return frozenset(pk for pk in found if pk is not None)


def _until(course: Course, day: date) -> list[Session]:
    return [one for one in course.sessions.all() if one.signed_at and one.on <= day]

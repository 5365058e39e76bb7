"""One screen before the visit, for the clinician; one page after it, for the patient."""

from datetime import date
from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from enthesis import records
from enthesis.clinic import store
from enthesis.clinic.models import Course, Patient
from enthesis.clinic.pages import patient_banner
from enthesis.clinic.pages.calendar import calendar_address
from enthesis.clinic.pages.course import facts_line, judged_card, title_of
from enthesis.clinic.permissions import CLINICAL, StaffRequest, get_for, page
from enthesis.clinic.timeline import timeline
from enthesis.journey import follow, relief, visit
from enthesis.journey.course import series_sessions
from enthesis.journey.judge import judge, open_warnings
from enthesis.knowledge.kinds import Knowledge
from enthesis.knowledge.translate import in_language


@require_safe
def summary(request: StaffRequest, course_id: int) -> HttpResponse:
    """Who, what, the last answers, what is new since the last visit, the verdict, what to ask."""
    row = get_for(request.user, Course, course_id)
    today = store.today(request.clinic)
    known = store.known_for(request.clinic, today)
    record = store.course_record(row)
    verdict = judge(record, known, today)
    last = visit.last_visit_on(record, today)
    given, plan = len(series_sessions(record)), record.plan
    context = {
        **_head(row, known, today),
        "facts": facts_line(row, record, known),
        "given": given,
        "planned": plan.sessions_planned if plan else None,
        "most": plan.sessions_max if plan else None,
        "last_visit": last,
        "rows": visit.sign_rows(record, known, today),
        "latest": max((a.on for a in record.assessments), default=None),
        "reliefs": relief.both_reliefs(record, known),
        "warnings": open_warnings(record, known),
        "news": [e for e in timeline(row, known, True) if last and e.on > last],
        "ask": visit.what_to_ask(record, known, verdict, _of_patient(row.patient)),
        "due": next(iter(follow.due(record, known, today)), None),
        **judged_card(verdict, known, record),
    }
    return render(request, "clinic/visit/summary.html", context)


@require_safe
def after(request: StaffRequest, course_id: int) -> HttpResponse:
    """What to tell the patient, in plain words and their language (`?in=` for another): to print,
    or to show on a telephone."""
    row = get_for(request.user, Course, course_id)
    today = store.today(request.clinic)
    asked, languages = request.GET.get("in"), Patient.Language
    language = asked if asked in languages.values else row.patient.language
    known = in_language(store.known_for(request.clinic, today), language)
    record = store.course_record(row)
    context = {
        **_head(row, known, today),
        "told": visit.after_visit(
            record,
            known,
            judge(record, known, today),
            _booked_on(row, record),
            _of_patient(row.patient),
            language,
        ),
        "language": language,
        "others": [(code, name) for code, name in languages.choices if code != language],
        "call": visit.when_to_call(known),
        "phone": request.clinic.phone,
        "calendar": calendar_address(request, row),
        "questions": visit.coming_questions(record, known),
    }
    return render(request, "clinic/visit/after.html", context)


def _booked_on(row: Course, record: records.Course) -> date | None:
    """The next visit booked: an hour of today that has passed is this visit only once a session
    of today is on record, and until then still the one to name."""
    now = timezone.localtime()
    if all(session.on != now.date() for session in record.sessions):
        now = now.replace(hour=0, minute=0, second=0, microsecond=0)
    booked = row.appointments.filter(state="booked", starts_at__gte=now).first()
    return timezone.localtime(booked.starts_at).date() if booked else None


def _head(row: Course, known: Knowledge, today: date) -> dict[str, Any]:
    return {
        "row": row,
        "patient": patient_banner(row.patient, today),
        "title": title_of(row, known),
    }


def _of_patient(patient: Patient) -> frozenset[str]:
    return frozenset({"anticoagulant"} if patient.anticoagulant else ())


urlpatterns = [
    page("courses/<int:course_id>/summary/", summary, "visit_summary", CLINICAL),
    page("courses/<int:course_id>/after/", after, "after_visit", CLINICAL),
]

"""One screen before the visit, for the clinician; one page after it, for the patient, on
paper or by personal link."""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from enthesis import records
from enthesis.clinic import store
from enthesis.clinic.actions import Refused
from enthesis.clinic.actions.answer import make_sheet_link
from enthesis.clinic.models import Clinic, Course, Patient
from enthesis.clinic.pages import patient_banner
from enthesis.clinic.pages.ask import personal_address, sheet_letter
from enthesis.clinic.pages.calendar import calendar_address
from enthesis.clinic.pages.course import facts_line, judged_card, title_of
from enthesis.clinic.permissions import StaffRequest, get_for, page
from enthesis.clinic.timeline import timeline
from enthesis.journey import aftercare, follow, relief, visit
from enthesis.journey.course import series_sessions
from enthesis.journey.judge import judge, open_warnings
from enthesis.knowledge.kinds import Knowledge


@require_safe
def summary(request: StaffRequest, course_id: int) -> HttpResponse:
    """Who, what, the last answers, what is new since the last visit, the verdict, what to ask."""
    row = get_for(request.user, Course, course_id)
    today = store.today(request.clinic)
    known = store.known_for(request.clinic, today)
    record = store.whole_course(row)
    verdict = judge(record, known, today)
    last = visit.last_visit_on(record, today)
    given, plan = len(series_sessions(record)), record.plan
    context = {
        **_head(row, known, request.clinic),
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


@require_http_methods(["GET", "HEAD", "POST"])
def after(request: StaffRequest, course_id: int) -> HttpResponse:
    """What to tell the patient, in plain words and their language (`?in=` for another): to print,
    to show on a telephone, or to send as a personal link, which is made on POST."""
    row = get_for(request.user, Course, course_id)
    asked, languages = request.GET.get("in"), Patient.Language
    language = asked if asked in languages.values else row.patient.language
    letter, refused = None, ""
    if request.method == "POST":
        try:
            _, token = make_sheet_link(request.user, row.pk)
            letter = sheet_letter(row, personal_address(request, token))
        except Refused as error:
            refused = error.message
    context = {
        **_head(row, store.known_for(request.clinic, store.today(request.clinic)), request.clinic),
        **leaflet(row, language),
        "others": [(code, name) for code, name in languages.choices if code != language],
        "calendar": calendar_address(row),
        "letter": letter,
        "refused": refused,
    }
    return render(request, "clinic/visit/after.html", context, status=422 if refused else 200)


def leaflet(row: Course, language: str) -> dict[str, Any]:
    """What parts of clinic/visit/leaflet.html say, in a language: here, and by personal link."""
    clinic = row.patient.clinic
    today = store.today(clinic)
    known = store.known_for(clinic, today, language)
    record = store.course_record(row)
    verdict, booked_at = judge(record, known, today), _booked_at(row, record)
    treated = "treated" in visit.situations(record, known, verdict, booked_at)
    last = record.sessions[-1] if treated else None
    return {
        "told": visit.after_visit(
            record, known, verdict, booked_at, _of_patient(row.patient), language
        ),
        "sheet": aftercare.sheet(last, known, _after(row, record), clinic.pain_pill_choice),
        "language": language,
        "phone": clinic.phone,
        "questions": visit.coming_questions(record, known),
    }


def _after(row: Course, record: records.Course) -> frozenset[str]:
    """What the patient's record and the evaluation know for the sheet."""
    answers = record.evaluation.answers if record.evaluation else {}
    diabetes = {"diabetes"} if answers.get("diabetes") is True else set()
    return _of_patient(row.patient) | diabetes


def _booked_at(row: Course, record: records.Course) -> datetime | None:
    """The next visit booked, by the clock of the clinic: nobody signs in to read it by link, so no
    zone is in force then. An hour of today that has passed is this visit only once a session of
    today is on record, and until then still the one to name."""
    zone = ZoneInfo(row.patient.clinic.time_zone)
    now = timezone.now().astimezone(zone)
    if all(session.on != now.date() for session in record.sessions):
        now = now.replace(hour=0, minute=0, second=0, microsecond=0)
    booked = row.appointments.filter(state="booked", starts_at__gte=now).first()
    return booked.starts_at.astimezone(zone) if booked else None


def _head(row: Course, known: Knowledge, clinic: Clinic) -> dict[str, Any]:
    return {
        "row": row,
        "patient": patient_banner(row.patient, store.today(clinic)),
        "title": title_of(row, known),
    }


def _of_patient(patient: Patient) -> frozenset[str]:
    return frozenset({"anticoagulant"} if patient.anticoagulant else ())


urlpatterns = [
    page("courses/<int:course_id>/summary/", summary, "visit_summary"),
    page("courses/<int:course_id>/after/", after, "after_visit"),
]

"""One QuestionnaireResponse of another program, for a course that is here: judged, then kept.

Every finding of the validator goes back with its place. What is asked of whom depends on the
course and on what the answers are for, which no Questionnaire says: a required question that is
not asked here may be missing, and an answer to it is left out with a warning.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Any
from urllib.parse import parse_qsl
from zoneinfo import ZoneInfo

from django.http import HttpRequest, HttpResponse

from enthesis import records
from enthesis.clinic import store
from enthesis.clinic.actions import Refused
from enthesis.clinic.actions.answer import likely_occasion, questions_of, typed_answers
from enthesis.clinic.actions.take_answers import (
    AnsweredOtherwiseError,
    request_key,
    take_answers,
    written,
)
from enthesis.clinic.api.asking import Asker
from enthesis.clinic.api.matching import span_of
from enthesis.clinic.api.outcome import ApiError, answer, issue, outcome, refusal
from enthesis.clinic.api.sources import Resource
from enthesis.clinic.models import Assessment, Course
from enthesis.exchange.fhir.answers_valid import response_findings
from enthesis.exchange.fhir.extension import extended
from enthesis.exchange.fhir.finding import Finding
from enthesis.exchange.fhir.questionnaire import (
    EVALUATION,
    asked_by,
    questionnaire_of,
    questionnaires,
    url_of_questionnaire,
)
from enthesis.exchange.fhir.questionnaire_valid import questionnaire_findings
from enthesis.exchange.fhir.resource import course_of
from enthesis.exchange.fhir.response import answers_from
from enthesis.journey import follow
from enthesis.knowledge.kinds import Knowledge
from enthesis.records import Answer
from enthesis.shape import ShapeError

KIND = "QuestionnaireResponse"
MOST_ISSUES = 100
_PATIENT = re.compile(r"Patient/patient-([0-9]{1,18})", re.ASCII)
_COURSE = re.compile(r"course-([0-9]{1,18})", re.ASCII)
Issues = list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Sent:
    """A response as it was understood, whether or not it can be kept."""

    course: Course
    occasion: str
    on: date
    questionnaire: str
    answers: Mapping[str, Answer]


def take(
    request: HttpRequest, asker: Asker, resource: Resource, base: str, pretty: bool
) -> HttpResponse:
    """201 and where it is now, 200 where the same was sent before. Raises ApiError."""
    _expect(resource, KIND)
    name = _name_of(resource)
    there = Assessment.objects.filter(request_key=request_key(asker.clinic, name)).first()
    if condition := request.headers.get("If-None-Exist", ""):
        _same_identifier(condition, name)
        if there:
            return _kept(there, False, [], base, pretty)
    sent, issues = _examined(asker, resource, base, there)
    if sent is None or (there is None and _is_wrong(issues)):
        raise refusal(422, issues[:MOST_ISSUES])
    try:
        row, is_new = take_answers(
            asker.clinic, sent.course.pk, sent.occasion, sent.on, sent.answers, sent.questionnaire,
            program=str(asker.token), key=request_key(asker.clinic, name),
        )  # fmt: skip
    except AnsweredOtherwiseError as error:
        told = f"it is here already as {KIND}/assessment-{error.there.pk}, with something else in "
        raise ApiError(409, f"{told}it; answers are never changed: give it another identifier",
                       where=f"{KIND}.identifier") from None  # fmt: skip
    except Refused as error:
        raise ApiError(422, error.message, where=_place(resource, error.field)) from None
    return _kept(row, is_new, issues if is_new else [], base, pretty)


def validate(asker: Asker, kind: str, resource: Resource, base: str) -> Resource:
    """What is wrong with a resource, or with that in a Parameters; nothing is written."""
    if resource["resourceType"] == "Parameters":
        parts = resource.get("parameter")
        found = [one.get("resource") for one in parts if isinstance(one, dict)
                 and one.get("name") == "resource"] if isinstance(parts, list) else []  # fmt: skip
        if len(found) != 1 or not isinstance(found[0], dict):
            raise ApiError(400, "a Parameters has one parameter “resource” with the resource",
                           "structure", "Parameters.parameter")  # fmt: skip
        resource = found[0]
    _expect(resource, kind)
    if kind == KIND:
        _, issues = _examined(asker, resource, base, None)
    else:
        issues = [_told(one) for one in questionnaire_findings(resource)]
    good = issue("informational", "nothing is wrong with it", severity="information")
    return outcome(issues[:MOST_ISSUES] or [good])


def _expect(resource: Resource, kind: str) -> None:
    if resource.get("resourceType") != kind:
        found = str(resource.get("resourceType"))[:60]
        raise ApiError(422, f"a {kind} is taken here, not a {found}", "structure")


def _kept(row: Assessment, is_new: bool, issues: Issues, base: str, pretty: bool) -> HttpResponse:
    name = f"{KIND}/assessment-{row.pk}"
    told = f"{'kept' if is_new else 'it is here already'} as {name}"
    body = outcome([issue("informational", told, severity="information"), *issues[:MOST_ISSUES]])
    return answer(body, 201 if is_new else 200, pretty, Location=base + name)


# --- by which it is known again


def _name_of(resource: Resource) -> str:
    """Its identifier; where it has none, the whole of it: the same sent again is the same."""
    identifier = resource.get("identifier")
    if isinstance(identifier, dict) and isinstance(value := identifier.get("value"), str) and value:
        return f"{identifier.get('system', '')}|{value}"
    text = json.dumps(resource, sort_keys=True, default=str)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _same_identifier(condition: str, name: str) -> None:
    pairs = parse_qsl(condition.rpartition("?")[2])
    if pairs not in ([("identifier", name)], [("identifier", name.removeprefix("|"))]):
        raise ApiError(
            422,
            "If-None-Exist must be identifier=SYSTEM|VALUE with the identifier of the response "
            "itself, %-escaped",
            "not-supported",
            f"{KIND}.identifier",
        )


# --- what is sent, and what is wrong with it


def _examined(
    asker: Asker, resource: Resource, base: str, there: Assessment | None
) -> tuple[Sent | None, Issues]:
    """What is sent, None where it cannot be understood, and all that is wrong with it. `there`: as
    it was understood when it was sent before."""
    clinic = asker.clinic
    today = store.today(clinic)
    known = store.known_for(clinic, today)
    issues: Issues = []
    questionnaire = _questionnaire(resource, known, issues)
    course = _course(asker, resource, base, there, issues)
    on, occasion = _when(resource, ZoneInfo(clinic.time_zone), course, there, today, issues)
    if resource.get("status") != "completed":
        issues.append(issue("business-rule", "only what is completed is taken, once and for all: "
                            "nothing is changed later", f"{KIND}.status"))  # fmt: skip
    if not questionnaire or course is None or on is None or not occasion:
        published = questionnaires(known)
        return None, issues + [_told(one) for one in response_findings(resource, published)]
    of_course = store.course_record(course)
    asked = _as_asked(of_course, occasion, known, questionnaire)
    findings = response_findings(resource, [asked])
    try:
        answers = answers_from(resource, asked_by(known, questionnaire))
    except ShapeError as error:
        place = f"{KIND}.{error.path}".rstrip(".")
        told = [_told(one) for one in findings]
        return None, [*issues, *told, issue("structure", error.problem, place)]
    # After a danger sign nobody is asked any more.
    is_danger = bool(follow.dangers(answers, known))
    issues += [
        _told(replace(one, severity="warning") if is_danger and one.code == "required" else one)
        for one in findings
    ]
    sent = Sent(course, occasion, on, questionnaire, answers)
    if not _is_wrong(issues):
        issues += _left(sent, of_course, known, resource)
    return sent, issues


def _questionnaire(resource: Resource, known: Knowledge, issues: Issues) -> str:
    where = f"{KIND}.questionnaire"
    url, _, version = str(resource.get("questionnaire", "")).partition("|")
    id = url.removeprefix(url_of_questionnaire(""))
    able = {str(one["url"]): one for one in questionnaires(known)}
    able.pop(url_of_questionnaire(EVALUATION), None)
    if url not in able:
        told = f"“{url[:100]}” is not answered here; it must be one of {', '.join(able)}"
        issues.append(issue("not-found", told, where))
        return ""
    if version not in ("", able[url].get("version")):
        told = f"version {version[:40]} is not in force; it is {able[url].get('version')}"
        issues.append(issue("not-found", told, where))
        return ""
    return id


def _course(
    asker: Asker, resource: Resource, base: str, there: Assessment | None, issues: Issues
) -> Course | None:
    """The course it names; without a name, the only one of the patient that is open."""
    where, subject = f"{KIND}.subject", resource.get("subject")
    target = str(subject.get("reference", "")) if isinstance(subject, dict) else ""
    patient = _PATIENT.fullmatch(target.removeprefix(base))
    if not patient:
        told = "says for no patient of this clinic; give a reference such as Patient/patient-12"
        issues.append(issue("required", told, where))
        return None
    rows = Course.objects.filter(patient__clinic=asker.clinic, patient=int(patient[1]))
    try:
        named = course_of(resource)
    except ShapeError as error:
        issues.append(issue("structure", error.problem, f"{KIND}.{error.path}"))
        return None
    if named is None:
        found = [there.course] if there else list(rows.filter(closed_on=None)[:2])
        told = "the patient has not one course that is open; say which in the extension course"
    else:
        key = _COURSE.fullmatch(named)
        found = list(rows.filter(pk=int(key[1]))) if key else []
        told = "there is no such course of this patient in this clinic; search for the Condition"
    if len(found) != 1 or found[0].patient_id != int(patient[1]):
        place = where if named is None else f"{KIND}.extension"
        issues.append(issue("not-found", told, place))
        return None
    return found[0]


def _when(
    resource: Resource,
    zone: ZoneInfo,
    course: Course | None,
    there: Assessment | None,
    today: date,
    issues: Issues,
) -> tuple[date | None, str]:
    """The day of the answers, and what they are for; without a word, what was due, or likely."""
    authored = resource.get("authored")
    span = span_of(authored, zone) if isinstance(authored, str) and len(authored) > 9 else None
    on = span[0].astimezone(zone).date() if span else None
    occasion = ""
    try:
        ours = extended(resource, records.Assessment)
        occasion, on = str(ours.get("occasion", "")), ours.get("on", on)
    except ShapeError as error:
        issues.append(issue("value", error.problem, f"{KIND}.{error.path}"))
        return None, ""
    where = f"{KIND}.authored"
    if on is None:
        issues.append(issue("required", "say when it was answered, at least the day", where))
    elif course and not course.opened_on <= on <= today:
        told = f"{on} does not lie between the start of the course, {course.opened_on}, and today"
        issues.append(issue("business-rule", told, where))
        return None, occasion
    if not occasion and there:
        occasion = there.occasion
    elif not occasion and course:
        known = store.known_for(course.patient.clinic, today)
        due = follow.due(store.course_record(course), known, today)
        occasion = (due[0].occasion if due else likely_occasion(course)).value
    return on, occasion


def _as_asked(
    course: records.Course, occasion: str, known: Knowledge, questionnaire: str
) -> Resource:
    """The Questionnaire as this patient is asked: what is not asked is not required, and what a
    lasting answer opened is open."""
    questions = asked_by(known, questionnaire)
    freely = {
        id: replace(one, questions=tuple(replace(q, only_if={}) for q in one.questions))
        for id, one in known.questionnaires.items()
    }
    able = replace(known, questionnaires=freely)
    asked = {q.id for q in questions_of(course, occasion, {}, able, questionnaire)}
    earlier = follow.lasting_answers(course, known)
    of = known.questionnaires.get(questionnaire) or next(
        one for one in known.questionnaires.values() if questions[0] in one.questions
    )
    fitted = tuple(
        replace(
            q,
            required=q.required and q.id in asked,
            only_if={
                id: wanted
                for id, wanted in q.only_if.items()
                if not follow.is_said(earlier.get(id), wanted)
            },
        )
        for q in questions
    )
    return questionnaire_of(replace(of, id=questionnaire, questions=fitted), known)


def _left(sent: Sent, course: records.Course, known: Knowledge, resource: Resource) -> Issues:
    """What our own questions have against an answer, and what will not be kept of it."""
    given = {name: one for name, one in sent.answers.items() if one not in (None, "", ())}
    raw = written(given)
    try:
        kept = typed_answers(course, sent.occasion, raw, known, sent.questionnaire)
    except Refused as error:
        return [issue("value", error.message, _place(resource, error.field))]
    if not any(answer is not None for answer in kept.values()):
        return [issue("required", "it answers nothing that is asked here", f"{KIND}.item")]
    told = f"is not asked here ({sent.occasion}); this answer is left out"
    return [
        issue("business-rule", f"“{name}” {told}", _place(resource, name), severity="warning")
        for name in given
        if name not in kept
    ]


def _place(resource: Resource, link: str | None) -> str:
    """Where the item of a question stands."""
    waiting = [(KIND, resource)]
    while waiting:
        where, holder = waiting.pop()
        if link and holder.get("linkId") == link:
            return where
        items = holder.get("item")
        waiting += [
            (f"{where}.item[{i}]", one)
            for i, one in enumerate(items if isinstance(items, list) else ())
            if isinstance(one, dict)
        ]
    return KIND


def _told(one: Finding) -> dict[str, Any]:
    return issue(one.code, one.text, one.expression, severity=one.severity)


def _is_wrong(issues: Issues) -> bool:
    return any(one["severity"] == "error" for one in issues)

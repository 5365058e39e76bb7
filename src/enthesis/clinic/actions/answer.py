"""A patient's personal link, and the answers that come by it, by telephone or on paper."""

import hashlib
import secrets
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext

from enthesis import records
from enthesis.clinic import audit, store
from enthesis.clinic.actions import Refused, save
from enthesis.clinic.actions.alert import queue_alert
from enthesis.clinic.models import AnswerLink, Assessment, CallAttempt, ContactChoice, Course, User
from enthesis.clinic.permissions import get_for
from enthesis.clinic.prepared import Prepared
from enthesis.clinic.questions import words_of
from enthesis.journey import follow
from enthesis.journey.before import ASKED_BEFORE
from enthesis.knowledge.kinds import Knowledge, Question
from enthesis.records import Occasion
from enthesis.shape import plain, read

TOKEN_BYTES = 32
QUESTIONNAIRE = "six_signs"
# Named as a questionnaire, a link opens the aftercare sheet and asks nothing.
SHEET = "aftercare"
STATEMENT = "statement"
TO_READ = (SHEET, STATEMENT)
"""Links at which nothing is asked."""
ANSWERS_AWAITED = "Reached; the answers are not there yet"
_LINK = Prepared(
    lambda: AnswerLink.objects.select_related("course__patient__clinic", "assessment").filter(
        token_hash="", revoked_at=None
    )
)
_HELD = Prepared(
    lambda: AnswerLink.objects.select_for_update().only("language", "revoked_at").filter(pk=0)
)
_ASSESSMENT = Prepared(lambda: Assessment.objects.filter(link_id=0))
OCCASIONS = frozenset(occasion.value for occasion in Occasion)


@transaction.atomic
def make_link(user: User, course_id: int, occasion: str, due_on: date) -> tuple[AnswerLink, str]:
    """A link to one questionnaire of one course, with its secret, which nobody can read again.

    An older link for the same occasion that was not answered stops working.
    """
    course = get_for(user, Course, course_id, lock=True)
    if course.closed_on:
        raise Refused("This course is closed; nobody is asked about it any more.")
    if occasion not in OCCASIONS:
        raise Refused("Choose what the questions are for.", "occasion")
    asking = course.links.exclude(questionnaire__in=TO_READ)
    for older in asking.filter(occasion=occasion, revoked_at=None, assessment__completed_at=None):
        _revoke(user, older)
    return _link(user, course, QUESTIONNAIRE, occasion, due_on)


@transaction.atomic
def make_sheet_link(user: User, course_id: int) -> tuple[AnswerLink, str]:
    """A link to the aftercare sheet, with its secret; an older one stops working."""
    course = get_for(user, Course, course_id, lock=True)
    if course.closed_on:
        raise Refused("This course is closed: print the sheet instead.")
    return _link_to_read(user, course, SHEET)


@transaction.atomic
def make_statement_link(user: User, course_id: int) -> tuple[AnswerLink, str]:
    """A link to the statement of a course, open or closed; an older one stops working."""
    course = get_for(user, Course, course_id, lock=True)
    refuse_unborn(course)
    return _link_to_read(user, course, STATEMENT)


def refuse_unborn(course: Course) -> None:
    """Refused where no birth date is on record: a link that shows a name asks for it first."""
    if course.patient.born_on is None:
        raise Refused(
            "Enter the patient’s birth date first: the link asks for it before it shows anything."
        )


def _link_to_read(user: User, course: Course, what: str) -> tuple[AnswerLink, str]:
    for older in course.links.filter(questionnaire=what, revoked_at=None):
        _revoke(user, older)
    today = store.today(course.patient.clinic)
    return _link(user, course, what, Occasion.AFTER_SESSION, today)


def _link(
    user: User, course: Course, questionnaire: str, occasion: str, due_on: date
) -> tuple[AnswerLink, str]:
    token = secrets.token_urlsafe(TOKEN_BYTES)
    now = timezone.now()
    link = save(
        AnswerLink(
            course=course,
            questionnaire=questionnaire,
            occasion=occasion,
            token_hash=hashed(token),
            due_on=due_on,
            expires_at=now + timedelta(days=settings.ANSWER_LINK_DAYS),
            made_by=user,
            made_at=now,
        )
    )
    audit.record(user, "make_link", link, detail={"occasion": occasion, "what": questionnaire})
    return link, token


@transaction.atomic
def revoke_link(user: User, link_id: int) -> AnswerLink:
    """Nobody can open the link from now on; what was answered stays."""
    link = get_for(user, AnswerLink, link_id, lock=True)
    return link if link.revoked_at else _revoke(user, link)


def _revoke(user: User, link: AnswerLink) -> AnswerLink:
    link.revoked_at = timezone.now()
    save(link)
    audit.record(user, "revoke_link", link)
    return link


def find_link(token: str, now: datetime) -> AnswerLink | None:
    """The link of a secret, unless it is wrong, expired or revoked (all alike to the caller)."""
    link = _LINK.first(hashed(token))
    return link if link and link.expires_at > now else None


def hashed(token: str) -> str:
    """How the secret of a link is kept."""
    # A secret of 32 random bytes cannot be guessed, so it needs no slow hash.
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def answers_of(assessment: Assessment | None) -> dict[str, records.Answer]:
    """Stored answers as the core knows them."""
    stored = assessment.answers if assessment else {}
    return dict(read(dict[str, records.Answer], stored, "answers"))


def questions_of(
    course: records.Course,
    occasion: str,
    answers: Mapping[str, records.Answer],
    known: Knowledge,
    questionnaire: str = QUESTIONNAIRE,
) -> tuple[Question, ...]:
    """The questions to be asked, in order, naming the patient's own activities."""
    earlier = follow.lasting_answers(course, known)
    condition = known.conditions.get(course.condition)
    safety = questionnaire == follow.SAFETY
    visible = follow.visible_questions(
        known.questionnaires[QUESTIONNAIRE if safety else questionnaire],
        Occasion(occasion),
        answers,
        known,
        earlier,
        condition.region if condition else "",
    )
    if safety:
        visible = tuple(question for question in visible if question.group == follow.SAFETY)
    elif course.sessions:
        # Afterwards nobody remembers what was expected and known.
        late = {id for id in ASKED_BEFORE if id not in answers}
        visible = tuple(question for question in visible if question.id not in late)
    return visible


def every_question(
    course: records.Course, occasion: str, known: Knowledge, questionnaire: str = QUESTIONNAIRE
) -> tuple[Question, ...]:
    """All questions that may come up, for a page on which they stand at once."""
    earlier = follow.lasting_answers(course, known)
    named = {
        q.id: "the one named above"
        for q in known.questionnaires[QUESTIONNAIRE].questions
        if q.kind == "text" and (not q.occasions or occasion in q.occasions)
        if not (q.once and q.id in earlier)
    }
    return questions_of(course, occasion, named, known, questionnaire)


def asked_questions(row: Assessment, known: Knowledge) -> tuple[Question, ...]:
    """The questions of a set of answers; none where its questionnaire is not ours."""
    if row.questionnaire not in (*known.questionnaires, follow.SAFETY):
        return ()
    course = store.course_record(row.course)
    return questions_of(course, row.occasion, answers_of(row), known, row.questionnaire)


@transaction.atomic
def save_answers(
    link: AnswerLink,
    course: records.Course,
    known: Knowledge,
    screen: Sequence[Question],
    raw: Mapping[str, str | list[str]],
    language: str = "",
) -> Assessment:
    """Keep the answers of one screen; with the last, or one that means danger, the set is whole.

    `course` as `store.course_for_questions` gives it and `screen` as it was asked, read just
    before: only the link and its answers so far are read anew while others wait, and what these
    do not ask any more is not kept. The `language` that the patient chose is kept
    with the link: it resumes in it.

    After a danger sign the rest is not asked: the patient is told to call, and the clinic must
    see the answer even if the patient puts the telephone away. A whole set never changes again,
    so the same answers sent twice are one response.
    """
    held = _HELD.first(link.pk)
    if held is None or held.revoked_at:
        raise Refused(gettext("This link does not work any more"))
    today = store.today(link.course.patient.clinic)
    # A statement of its own: joined to the one that waits, it would show what was before.
    assessment = _ASSESSMENT.first(link.pk) or Assessment(
        link=link, on=today, occasion=link.occasion, questionnaire=link.questionnaire
    )
    if assessment.completed_at:
        return assessment
    assessment.course = link.course
    if language and language != held.language:
        link.language = language
        save(link)
    answers = answers_of(assessment)
    for question in screen:
        answers[question.id] = _checked(question, raw[question.id])
    is_danger = _store(assessment, course, answers, today, known)
    save(assessment, look_for_others=False)
    audit.record(None, "save_answers", assessment, detail={"questions": sorted(raw)})
    if is_danger:
        queue_alert(assessment)
    return assessment


@transaction.atomic
def choose_language(link_id: int, language: str) -> None:
    """The patient chose the language of a link, perhaps before anything was answered."""
    link = AnswerLink.objects.select_for_update().get(pk=link_id)
    link.language = language
    save(link)
    audit.record(None, "choose_language", link, detail={"language": language})


def _checked(question: Question, raw: str | list[str]) -> records.Answer:
    if "\x00" in raw:
        # PostgreSQL keeps no such text, and nobody types it.
        raise Refused(gettext("Please use only letters, numbers and signs."), question.id)
    try:
        return follow.check_answer(question, raw)
    except follow.AnswerError as error:
        raise Refused(words_of(error), question.id) from error


def _store(
    assessment: Assessment,
    course: records.Course,
    answers: dict[str, records.Answer],
    today: date,
    known: Knowledge,
) -> bool:
    """Keep what is still asked: an answer changed later may hide a question. Whether any of it
    means danger."""
    questions = questions_of(course, assessment.occasion, answers, known, assessment.questionnaire)
    asked = [q.id for q in questions]
    answers = {name: value for name, value in answers.items() if name in asked}
    assessment.answers = plain(answers)
    assessment.on = today
    is_danger = bool(follow.dangers(answers, known))
    if is_danger or all(name in answers for name in asked):
        assessment.completed_at = timezone.now()
    return is_danger


@transaction.atomic
def record_answers(
    user: User,
    course_id: int,
    occasion: str,
    on: date,
    raw: Mapping[str, str | list[str]],
    questionnaire: str = QUESTIONNAIRE,
    call_id: int | None = None,
) -> Assessment:
    """Answers that a patient gave by telephone or on paper; what was not given stays unknown.

    `call_id`: the call in which they were given, which now counts as answered.
    """
    course = get_for(user, Course, course_id, lock=True)
    row = Assessment(course=course, source="staff", entered_by=user)
    answers = keep_answers(row, occasion, on, raw, questionnaire)
    assessment = save(row)
    audit.record(user, "record_answers", assessment, detail={"occasion": occasion})
    alert_of(assessment, answers)
    awaited = course.calls.filter(result=CallAttempt.Result.WILL_ANSWER)
    for call in awaited.filter(pk=call_id) if call_id is not None else ():
        call.result, call.next_try_on = CallAttempt.Result.ANSWERED, None
        if call.outcome == ANSWERS_AWAITED:
            call.outcome = CallAttempt.Result.ANSWERED.label
        save(call)
        audit.record(user, "record_answers", call)
    return assessment


def keep_answers(
    row: Assessment,
    occasion: str,
    on: date,
    raw: Mapping[str, str | list[str]],
    questionnaire: str,
) -> dict[str, records.Answer]:
    """Put the answers of somebody's whole set into a new row, which is not saved; what they are.

    Raises Refused.
    """
    clinic = row.course.patient.clinic
    today = store.today(clinic)
    if occasion not in OCCASIONS:
        raise Refused("Choose what the answers are for.", "occasion")
    if not row.course.opened_on <= on <= today:
        raise Refused("The day must lie between the start of the course and today.", "on")
    known = store.known_for(clinic, today)
    course = store.course_record(row.course)
    answers = typed_answers(course, occasion, raw, known, questionnaire)
    if all(value is None for value in answers.values()):
        raise Refused("Give at least one answer.")
    row.occasion, row.on, row.questionnaire = occasion, on, questionnaire
    row.answers, row.completed_at = plain(answers), timezone.now()
    return answers


def alert_of(assessment: Assessment, answers: Mapping[str, records.Answer]) -> None:
    """Put an alert into the outbox where an answer means danger."""
    clinic = assessment.course.patient.clinic
    if follow.dangers(answers, store.known_for(clinic, store.today(clinic))):
        queue_alert(assessment)


def typed_answers(
    course: records.Course,
    occasion: str,
    raw: Mapping[str, str | list[str]],
    known: Knowledge,
    questionnaire: str,
) -> dict[str, records.Answer]:
    """Each question asked in its turn: an answer may bring or hide the ones after it. What is not
    asked is left out. Raises Refused with the question."""
    answers: dict[str, records.Answer] = {}
    while True:
        asked = questions_of(course, occasion, answers, known, questionnaire)
        question = next((q for q in asked if q.id not in answers), None)
        if question is None:
            return answers
        given = raw.get(question.id)
        answers[question.id] = _checked(question, given) if given else None


def likely_occasion(course: Course) -> Occasion:
    """What answers that are given unasked are for."""
    if course.series_ended_on or course.decisions.exclude(recheck_on=None).exists():
        return Occasion.RECHECK
    given = course.sessions.exclude(signed_at=None).exists()
    return Occasion.AFTER_SESSION if given else Occasion.BASELINE


@transaction.atomic
def mark_read(user: User, assessment_id: int) -> Assessment:
    """A clinician has seen the answers; the first reader is kept."""
    assessment = get_for(user, Assessment, assessment_id, lock=True)
    if assessment.read_at is None:
        assessment.read_by, assessment.read_at = user, timezone.now()
        save(assessment)
        audit.record(user, "mark_read", assessment)
    return assessment


@transaction.atomic
def add_call(
    user: User, course_id: int, outcome: str, result: str = "", next_try_on: date | None = None
) -> CallAttempt:
    """Somebody tried to reach a patient, and what came of it. Without a date the next try is by the
    rules. Reached and answering is only "will answer" until `record_answers` keeps the answers. Who
    asks not to be called is not told to be called again."""
    course = get_for(user, Course, course_id)
    clinic = course.patient.clinic
    today = store.today(clinic)
    if next_try_on and next_try_on <= today:
        raise Refused("The next try must be after today.", "next_try_on")
    if result == CallAttempt.Result.ANSWERED:
        result, outcome = CallAttempt.Result.WILL_ANSWER, outcome or ANSWERS_AWAITED
    if next_try_on is None and result != CallAttempt.Result.NO_CALLS:
        days = store.known_for(clinic, today).reminder_rules.call_again_after_days
        next_try_on = today + timedelta(days=days)
    outcome = outcome or str(dict(CallAttempt.Result.choices).get(result, ""))
    call = save(
        CallAttempt(course=course, outcome=outcome, result=result, next_try_on=next_try_on, by=user)
    )
    audit.record(user, "add_call", call, detail={"result": result})
    if result == CallAttempt.Result.NO_CALLS:
        choice = ContactChoice(patient=course.patient, way=ContactChoice.Way.CALLS, wanted=False)
        choice.by = user
        save(choice)
        audit.record(user, "add_call", choice)
    return call

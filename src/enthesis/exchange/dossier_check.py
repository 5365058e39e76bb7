"""What keeps a dossier that came from elsewhere out of a clinic: each problem by record and field.

The types of a dossier were read already; here is what they cannot say: that what it names is known
here and in it, that nothing happens twice or in the future, and that what has a fingerprint still
fits it. What the columns of tables refuse, `actions/receive.py` adds.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields, is_dataclass
from datetime import date, datetime, timedelta
from functools import cache
from typing import Any, cast

from enthesis import records
from enthesis.exchange.course_json import canonical
from enthesis.exchange.dossier import (
    AdverseEvent,
    ConsentFact,
    CourseFile,
    Document,
    Dossier,
    Entry,
    KeptPlan,
    Person,
    SignedSession,
)
from enthesis.exchange.dossier_books import AGAIN, books
from enthesis.journey.follow import SAFETY, answer_problems
from enthesis.knowledge.kinds import Knowledge
from enthesis.records import Mixture, SiteDose

WHO = ("by", "signed_by", "injected_by", "entered_by", "read_by", "clinician")
"""Fields that hold the key of a practitioner."""
ELSEWHERE = ("import",)
"""Sources of answers to questionnaires that need not be known."""
# A day that has begun in Auckland has not in Honolulu.
ZONES = timedelta(days=1)
Where = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Problem:
    """`record` is its key, `field` what of it does not fit, `what` says why and what to do."""

    patient: str
    record: str
    field: str
    what: str

    def __str__(self) -> str:
        return f"{self.patient}, {self.record}, {self.field}: {self.what}"


def problems(dossier: Dossier, known: Knowledge, today: date) -> Iterator[Problem]:
    """Everything that does not fit, in the order of the dossier."""
    person = dossier.person
    called = f"patient {person.number}"
    for (record, field), what in _problems(dossier, known, today):
        yield Problem(called, record, field, what)


def keyed(value: Any, key: str = "") -> Iterator[tuple[str, Any]]:
    """Every record within, with its own key or that of the record it is a part of."""
    if isinstance(value, tuple):
        for one in value:
            yield from keyed(one, key)
    elif is_dataclass(value):
        key = getattr(value, "key", key) if not isinstance(value, Mixture) else key
        yield key, value
        for name in _names(cast(Any, type(value))):
            yield from keyed(getattr(value, name), key)


@cache
def _names(kind: Any) -> tuple[str, ...]:
    return tuple(field.name for field in fields(kind))


def course_of(person: Person, file: CourseFile) -> records.Course:
    """The course as the judge reads it, without knowing which answers came late."""
    agreed = [one.plan for one in file.plans if one.plan.agreed_on is not None]
    plans = agreed or [one.plan for one in file.plans]
    return records.Course(
        id=file.key,
        condition=file.condition,
        side=file.side,
        born_on=person.born_on,
        opened_on=file.opened_on,
        evaluation=file.evaluations[-1].evaluation if file.evaluations else None,
        plan=plans[-1] if plans else None,
        sessions=tuple(
            records.Session(
                one.number,
                one.on,
                one.mixtures,
                tuple(site.dose for site in one.sites if site.given),
                one.weight_kg,
            )
            for one in file.sessions
        ),
        assessments=tuple(one.assessment for one in file.assessments),
        decisions=tuple(one.decision for one in file.decisions),
        series_ended_on=file.series_ended_on,
        closed_on=file.closed_on,
    )


def _problems(dossier: Dossier, known: Knowledge, today: date) -> Iterator[tuple[Where, str]]:
    there = list(keyed(dossier))
    yield from _twice(dossier)
    yield from _strangers(dossier, there)
    for key, value in there:
        yield from _future(key, value, today)
        yield from _texts(key, value)
        if isinstance(value, SiteDose):
            if value.site not in known.sites:
                yield (key, "site"), f"{value.site!r} is no place that is known here. {UPDATE}"
        elif isinstance(value, Mixture):
            yield from _mixture(key, value, known)
        elif isinstance(value, CourseFile):
            yield from _course(value, dossier.person, known)
        elif isinstance(value, Document):
            yield from _document(value)


UPDATE = "Bring this Enthesis up to the version that the record was made with."


def _twice(dossier: Dossier) -> Iterator[tuple[Where, str]]:
    own = [getattr(value, "key", "") for _, value in keyed(dossier)]
    for key, times in Counter(key for key in own if "-" in str(key)).items():
        if times > 1:
            yield (key, "key"), f"there are {times} records of this key; each needs its own."


def _strangers(dossier: Dossier, there: list[tuple[str, Any]]) -> Iterator[tuple[Where, str]]:
    people = {one.key for one in dossier.practitioners}
    for key, value in there:
        for field in WHO:
            if isinstance(value, records.Decision):
                continue
            who = getattr(value, field, None)
            if who is not None and who not in people:
                yield (key, field), f"{who!r} is nobody among the practitioners. Add them."


def _future(key: str, value: Any, today: date) -> Iterator[tuple[Where, str]]:
    past = ("on", "at", "born_on", "opened_on", "measured_on", "signed_at", "completed_at")
    for field in (*past, "issued_on", "onset_on", "created_at", "closed_on", "read_at"):
        when = getattr(value, field, None)
        day = when.date() if isinstance(when, datetime) else when
        if isinstance(day, date) and day > today + ZONES:
            yield (key, field), f"{day} lies in the future. Correct the day."


def _texts(key: str, value: Any) -> Iterator[tuple[Where, str]]:
    """What no database keeps in a JSON column; columns of text are checked with their rows."""
    for field in _names(cast(Any, type(value))):
        told = getattr(value, field)
        if not isinstance(told, dict | tuple) or not told or is_dataclass(_first(told)):
            continue
        try:
            text = json.dumps(told, ensure_ascii=False, allow_nan=False, default=str)
            text.encode()
        except (ValueError, UnicodeEncodeError, RecursionError):
            yield (key, field), "this holds what is no text or no number. Take it out."
            continue
        if "\\u0000" in text:
            yield (key, field), "this holds a NUL character. Take it out."


def _first(told: Any) -> Any:
    return next(iter(told.values() if isinstance(told, dict) else told))


def _mixture(key: str, mixture: Mixture, known: Knowledge) -> Iterator[tuple[Where, str]]:
    used = [mixture.diluent, *(one.substance for one in mixture.ingredients)]
    for substance in used:
        if substance not in known.substances:
            yield (key, "mixtures"), f"{substance!r} is no substance that is known here. {UPDATE}"


def _course(file: CourseFile, person: Person, known: Knowledge) -> Iterator[tuple[Where, str]]:
    condition = known.conditions.get(file.condition)
    if condition is None:
        yield (file.key, "condition"), f"{file.condition!r} is not known here. {UPDATE}"
    elif file.side not in condition.sides:
        fitting = ", ".join(side.value for side in condition.sides)
        yield (file.key, "side"), f"{condition.name} is recorded as: {fitting}. Correct the side."
    yield from _sessions(file.sessions)
    yield from _answers(file, person, known)
    yield from _within(file)
    yield from books(file)
    yield from _vocabulary(file, known)
    yield from _fingerprints(file)


def _sessions(sessions: Iterable[SignedSession]) -> Iterator[tuple[Where, str]]:
    before: SignedSession | None = None
    for one in sorted(sessions, key=lambda one: one.number):
        if before and before.number == one.number:
            yield (one.key, "number"), "two sessions have this number. Number them 1, 2, 3."
        if before and before.on > one.on:
            yield (one.key, "on"), f"the day is before that of session {before.number}."
        places = Counter((site.dose.site, site.dose.side) for site in one.sites)
        for (site, side), times in places.items():
            if times > 1:
                yield (one.key, "sites"), f"{site}, {side} is there {times} times. Keep one."
        keys = {mixture.key for mixture in one.mixtures}
        for place in one.sites:
            if place.dose.mixture not in keys:
                yield (one.key, "sites"), f"{place.dose.mixture!r} is none of its mixtures."
        before = one


def _answers(file: CourseFile, person: Person, known: Knowledge) -> Iterator[tuple[Where, str]]:
    asks = {*known.questionnaires, SAFETY}
    for one in file.assessments:
        if one.assessment.questionnaire not in asks and one.assessment.source not in ELSEWHERE:
            yield (
                (one.key, "questionnaire"),
                f"{one.assessment.questionnaire!r} is not known here. If it is one of the clinic's "
                "own, copy its file into the clinic's folder questionnaires first.",
            )
    for problem in answer_problems(course_of(person, file), known):
        where, _, what = problem.partition(": ")
        place = int(where.partition("[")[2].partition("]")[0])
        yield (file.assessments[place].key, where.partition(".")[2]), f"{what}."


def _within(file: CourseFile) -> Iterator[tuple[Where, str]]:
    """What points to another record points to one of this course."""
    sessions = {one.key for one in file.sessions}
    answers = {one.key for one in file.assessments}
    plans = {one.key for one in file.plans}
    arranged = {one.key for one in file.arrangements}
    invoices = {one.key for one in file.invoices}
    earlier = set[str]()
    for of, field, to in (
        (file.adverse_events, "session", sessions),
        (file.adverse_events, "assessment", answers),
        (file.consents, "plan", plans),
        (file.documents, "session", sessions),
        (file.invoices, "session", sessions),
        (file.invoices, "arranged", arranged),
        (file.entries, "invoice", invoices),
    ):
        pointing = [(one.key, getattr(one, field)) for one in of]
        for key, other in pointing:
            if other is not None and other not in to:
                yield (key, field), f"{other!r} is no record of this course. Add it."
        if field in ("session", "assessment") and of in (file.invoices, file.adverse_events):
            once = field == "assessment" or of is file.invoices
            for other, times in Counter(other for _, other in pointing if other).items():
                if once and times > 1:
                    yield (str(other), field), "two records point to it, and one may. Keep one."
    for entry in file.entries:
        if entry.about is not None and entry.about not in earlier:
            yield (entry.key, "about"), f"{entry.about!r} is no earlier entry of this course."
        earlier.add(entry.key)


def _vocabulary(file: CourseFile, known: Knowledge) -> Iterator[tuple[Where, str]]:
    for plan in file.plans:
        yield from _protocol(plan, known)
    for event in file.adverse_events:
        yield from _event(event, known)


def _protocol(kept: KeptPlan, known: Knowledge) -> Iterator[tuple[Where, str]]:
    of = kept.plan.protocol, kept.plan.protocol_version
    if of[0] and of not in known.protocol_versions:
        yield (
            (kept.key, "plan.protocol"),
            f"version {of[1]} of {of[0]!r} is not known here. If it is the clinic's own, receive "
            "it with the clinic's settings; else bring this Enthesis up to date.",
        )


def _event(event: AdverseEvent, known: Knowledge) -> Iterator[tuple[Where, str]]:
    if event.kind not in known.adverse_kinds:
        yield (event.key, "kind"), f"{event.kind!r} is not known here. {UPDATE}"
    for key, outcome in (
        (event.key, event.outcome),
        *((one.key, one.outcome) for one in event.entries if one.outcome),
    ):
        if outcome not in known.adverse_outcomes:
            yield (key, "outcome"), f"{outcome!r} is not known here. {UPDATE}"
    for one in event.entries:
        if one.relatedness and one.relatedness not in known.adverse_relations:
            yield (one.key, "relatedness"), f"{one.relatedness!r} is not known here. {UPDATE}"


def _fingerprints(file: CourseFile) -> Iterator[tuple[Where, str]]:
    for decision in file.decisions:
        # Empty where a record was made without: what is not there was not changed.
        data = canonical(dict(decision.inputs)).encode() if decision.inputs else b""
        if data and hashlib.sha256(data).hexdigest() != decision.inputs_sha256:
            yield (decision.key, "inputs"), f"they were changed since the decision. {AGAIN}"
    for consent in file.consents:
        yield from _paper(consent)


def _paper(consent: ConsentFact) -> Iterator[tuple[Where, str]]:
    if consent.fact != "signed":
        return
    if not consent.pdf:
        yield (consent.key, "pdf"), "the signed paper is missing. Export it with its files."
    elif hashlib.sha256(consent.pdf).hexdigest() != consent.pdf_sha256:
        yield (consent.key, "pdf"), f"the paper was changed since it was signed. {AGAIN}"


def _document(document: Document) -> Iterator[tuple[Where, str]]:
    if document.body is None:
        yield (document.key, "body"), "the file itself is missing. Export it with its files."
    elif hashlib.sha256(document.body).hexdigest() != document.sha256:
        yield (document.key, "body"), f"the file was changed since it was attached. {AGAIN}"


def first_closed(file: CourseFile, closed: date) -> Iterator[tuple[Where, str]]:
    """The first of the books that would fall on a day that is closed here."""
    days: list[tuple[date, str]] = [(one.issued_on, one.key) for one in file.invoices]
    books: tuple[Entry, ...] = file.entries
    days += [(one.on, one.key) for one in books]
    for on, key in sorted(days)[:1]:
        if on <= closed:
            yield (
                (key, "on"),
                f"{on} is closed in this clinic's books, as all days to {closed} are: nothing is "
                "entered there any more. Receive into a clinic that has closed no day since.",
            )

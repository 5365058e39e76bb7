"""The record of a course as one list, newest first: what happened, when, and where to read it.

The front desk sees what concerns it (sessions as dates, bills, calls), never clinical content.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from django.urls import reverse

from enthesis.clinic import store
from enthesis.clinic.harm import harms_in
from enthesis.clinic.ledger import bill_of
from enthesis.clinic.models import (
    Assessment,
    Course,
    Decision,
    Evaluation,
    Invoice,
    Plan,
    Session,
)
from enthesis.clinic.pages.ask import OCCASION_WORDS
from enthesis.journey.evaluate import QUESTIONNAIRE
from enthesis.knowledge.kinds import Knowledge
from enthesis.records import Candidacy, NextStep, Occasion
from enthesis.units import money_words

STEP_WORDS = {
    NextStep.GO_ON: "Go on",
    NextStep.FINISH: "Finish",
    NextStep.STOP: "Stop",
    NextStep.RECHECK: "Recheck",
    NextStep.REFER: "Refer",
}
CANDIDACY_WORDS = {
    Candidacy.SUITABLE: ("Suitable", "good"),
    Candidacy.SUITABLE_WITH_CARE: ("Suitable with care", "care"),
    Candidacy.REFER_FIRST: ("Refer first", "alarm"),
    Candidacy.NOT_SUITABLE: ("Not suitable", "halt"),
}


@dataclass(frozen=True)
class Entry:
    """One thing that happened. `step` is a NextStep for its own tag, else `tag` with `tone`."""

    on: date
    title: str
    url: str
    facts: str
    tag: str = ""
    tone: str = "halt"
    step: str = ""


def timeline(course: Course, known: Knowledge, is_clinical: bool) -> list[Entry]:
    """Everything of a course, newest first; after `store.whole_course` most of it is there."""
    zone = ZoneInfo(course.patient.clinic.time_zone)
    entries = [*_bills(course), *_calls(course, zone), *_consents(course, zone)]
    if is_clinical:
        entries += [
            *_evaluations(course.evaluations.all(), known),
            *_plans(course.plans.all(), known, zone),
            *_sessions(course.sessions.all()),
            *_answers(course.assessments.all(), zone),
            *_decisions(course.decisions.all()),
            *_harms(course, known),
        ]
    else:
        entries += [
            Entry(s.on, f"Session {s.number}", "", f"{day(s.on)}, given")
            for s in course.sessions.all()
            if s.signed_at
        ]
    return sorted(reversed(entries), key=lambda entry: entry.on, reverse=True)


def day(on: date) -> str:
    """22 Nov 2026."""
    return f"{on.day} {on:%b %Y}"


def _evaluations(rows: Iterable[Evaluation], known: Knowledge) -> Iterator[Entry]:
    for row in rows:
        answer = row.result.get("answer")
        words, tone = CANDIDACY_WORDS[Candidacy(answer)] if answer else ("Not complete", "care")
        url = reverse("evaluate", args=[row.course_id])
        by = f", {row.by}" if row.by else ""
        yield Entry(
            row.on, "Evaluation", url, f"{day(row.on)}{by}{_hurts(row, known)}", words, tone
        )


def _hurts(row: Evaluation, known: Knowledge) -> str:
    """The places ticked on the body, in words."""
    drawn = [q for q in known.questionnaires[QUESTIONNAIRE].questions if q.picture]
    ticked = [
        words for q in drawn for code, words in q.options if code in row.answers.get(q.id, ())
    ]
    return f". Hurts: {'; '.join(ticked)}" if ticked else ""


def _plans(rows: Iterable[Plan], known: Knowledge, zone: ZoneInfo) -> Iterator[Entry]:
    for row in rows:
        protocol = known.protocol_of(store.plan_record(row))
        name = protocol.name if protocol else "own plan"
        on = row.agreed_on or row.at.astimezone(zone).date()
        url = reverse("plan", args=[row.course_id])
        tag, tone = ("Agreed", "good") if row.agreed_on else ("Proposed", "halt")
        agreed = f", agreed by {row.agreed_name}" if row.agreed_name else ""
        yield Entry(on, "Plan", url, f"{day(on)}, {name}{agreed}", tag, tone)


def _sessions(rows: Iterable[Session]) -> Iterator[Entry]:
    for row in rows:
        given = [site for site in row.sites.all() if site.given]
        volume = sum(site.volume_ml for site in given)
        lots = ", ".join(str(lot) for lot in row.lots.values() if lot) if row.lots else ""
        facts = [day(row.on)]
        if row.signed_by:
            facts.append(str(row.signed_by))
        if given:
            facts.append(f"{len(given)} site{'s'[: len(given) != 1]}")
            facts.append(f"{volume.normalize():f}\u00a0mL" if volume else "")
        if lots:
            facts.append(f"lot {lots}")
        tag, tone = ("Signed", "good") if row.signed_at else ("Draft, not signed", "care")
        title, url = f"Session {row.number}", reverse("session", args=[row.pk])
        yield Entry(row.on, title, url, ", ".join(f for f in facts if f), tag, tone)


def _answers(rows: Iterable[Assessment], zone: ZoneInfo) -> Iterator[Entry]:
    sources = {"patient": "by personal link", "import": "from an imported sheet"}
    sources["program"] = "from another program"
    for row in rows:
        title = f"Answers: {OCCASION_WORDS[Occasion(row.occasion)].lower()}"
        how = f"typed in by {row.entered_by}" if row.entered_by else sources.get(row.source, "")
        facts = ", ".join(f for f in (_moment(row, zone), how) if f)
        url = reverse("answers", args=[row.pk])
        if row.completed_at is None:
            yield Entry(row.on, title, url, facts, "Begun, not finished", "later")
        elif row.read_by:
            yield Entry(row.on, title, url, facts, f"Read by {row.read_by}", "halt")
        elif row.read_at:
            yield Entry(row.on, title, url, facts)
        else:
            yield Entry(row.on, title, url, facts, "Not read yet", "care")


def _moment(row: Assessment, zone: ZoneInfo) -> str:
    if row.source == "patient" and row.completed_at:
        at: datetime = row.completed_at.astimezone(zone)
        if at.date() == row.on:
            return f"{day(row.on)}, {at:%H:%M}"
    return day(row.on)


def _decisions(rows: Iterable[Decision]) -> Iterator[Entry]:
    for row in rows:
        decided, suggested = NextStep(row.decided), NextStep(row.suggested)
        facts = [day(row.on), str(row.by)]
        if decided != suggested:
            facts.append(f"suggested was {STEP_WORDS[suggested].lower()}: {row.reason}")
        elif row.reason:
            facts.append(row.reason)
        if row.recheck_on:
            facts.append(f"recheck {day(row.recheck_on)}")
        url = reverse("decision", args=[row.pk])
        yield Entry(row.on, "Decision", url, ", ".join(facts), step=row.decided)


def _harms(course: Course, known: Knowledge) -> Iterator[Entry]:
    for harm in harms_in(course, known):
        url = reverse("adverse_event", args=[harm.event.pk])
        facts = f"{day(harm.event.onset_on)}, {harm.grade.lower()}, {harm.outcome.lower()}"
        tone = "halt" if harm.now.relatedness else "care"
        yield Entry(
            harm.event.onset_on, f"Adverse event: {harm.kind}", url, facts, harm.judging, tone
        )


def _bills(course: Course) -> Iterator[Entry]:
    rows: Iterable[Invoice] = course.invoices.all()
    for row in rows:
        bill = bill_of(row, row.issued_on)
        url = reverse("invoice", args=[row.pk])
        facts = f"{day(row.issued_on)}, {money_words(bill.total)}"
        tag, tone = ("Paid", "good")
        if bill.is_open:
            tag, tone = f"{money_words(bill.balance)} open", "care"
        elif bill.too_much.amount:
            tag, tone = f"{money_words(bill.too_much)} to give back", "care"
        yield Entry(row.issued_on, f"Invoice {row.number}", url, facts, tag, tone)


def _consents(course: Course, zone: ZoneInfo) -> Iterator[Entry]:
    for row in course.consents.defer("pdf", "content").select_related("by"):
        on = row.at.astimezone(zone).date()
        who = row.name or (f"written down by {row.by}" if row.by else "by the patient")
        title = f"Consent {row.fact}"
        yield Entry(on, title, reverse("consent", args=[course.pk]), f"{day(on)}, {who}")


def _calls(course: Course, zone: ZoneInfo) -> Iterator[Entry]:
    for row in course.calls.select_related("by"):
        on = row.at.astimezone(zone).date()
        yield Entry(
            on, "Call", reverse("ask", args=[course.pk]), f"{day(on)}, {row.by}: {row.outcome}"
        )

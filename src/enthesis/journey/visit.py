"""Before a visit: what is new and what to ask. After it: what to tell the patient.

The texts are in knowledge/rules/visit.toml; here is only when each is said, and what it names.
"""

from collections.abc import Iterable, Iterator, Mapping, Set
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from types import MappingProxyType

from enthesis.journey import follow
from enthesis.journey.course import (
    Phase,
    last_decision,
    phase,
    series_sessions,
    standing_decision,
)
from enthesis.journey.facts import stop_rule
from enthesis.journey.judge import open_warnings
from enthesis.journey.relief import both_reliefs
from enthesis.journey.screens import cut_off_words, score_words, screened_last
from enthesis.knowledge.kinds import Knowledge, Measure, VisitText
from enthesis.knowledge.translate import MONTHS, placeholders
from enthesis.records import Course, Mark, NextStep, Occasion, Side, Verdict

SITUATIONS: Mapping[str, str] = {
    "always": "at every visit",
    "session": "a session with its places is on record",
    "no_session": "no session has been given",
    "planned": "a plan is agreed and no session of it given",
    "not_planned": "nothing is agreed yet",
    "treated": "the series goes on: the last thing that happened was a session, or a go on",
    "again": "a series was taken up again and no session of it given",
    "first": "only the first session of the series has been given",
    "numbing": "an anaesthetic was in the last session's mixtures",
    "next_session": "another session of the agreed ones is left",
    "last_agreed": "the next session is the last of those agreed",
    "watched": "the series has ended and the course is watched",
    "warning": "a warning sign waits for a decision",
    "unanswered": "no answer since the last session",
    "worse": "a validated measure is worse beyond error than at the start or the last visit",
    "screened": "a screen is at or above its published cut-off",
    "reliefs_differ": "relief asked and worked out disagree",
    "next_ahead": "the interval since the last session is not over",
    "next_past": "the day on which the next session was due lies in the past",
    "asked_ahead": "the day of the next questions is to come",
    "asked_now": "the day of the next questions is past: they are wanted now",
    "safety_ahead": "the day of the safety question is to come",
    "booked": "a visit is booked",
    "not_booked": "no visit is booked",
    "anticoagulant": "a blood thinner is on record",
    **{f"step_{step}": f"the next step was decided or is agreed: {step}" for step in NextStep},
    "step_undecided": "nobody has decided yet upon what is suggested now, unless it is go on",
}
"""The words of `when` in knowledge/rules/visit.toml."""
NOON = 12
BETTER, WORSE = "better, beyond error", "worse, beyond error"


@dataclass(frozen=True, slots=True)
class SignRow:
    """One measure at the start, at the last visit and now; None is not answered or not asked."""

    name: str
    start: Decimal | None
    before: Decimal | None
    now: Decimal | None
    standing: str


def last_visit_on(course: Course, today: date) -> date | None:
    """The day of the last session or decision before today."""
    days = [*(s.on for s in course.sessions), *(d.on for d in course.decisions)]
    return max((on for on in days if on < today), default=None)


def sign_rows(course: Course, known: Knowledge, today: date) -> tuple[SignRow, ...]:
    """The six signs, then change as the patient sees it: what the last answers say."""
    visit = last_visit_on(course, today)
    trends = follow.signs(course, known)
    rows = [_row(trend.measure, trend.readings, visit) for trend in trends]
    change = known.measures.get("change")
    if change is not None:
        row = _row(change, follow.measure_readings(course, change), visit)
        # A rating of change is a change already: "a little better" after "much better" is better.
        told = row.now is None or row.standing.startswith("no answer")
        rows.append(row if told else replace(row, standing=_in_its_words(change, row.now, known)))
    return tuple(rows)


def _row(measure: Measure, found: tuple[follow.Reading, ...], visit: date | None) -> SignRow:
    known = [(r.on, r.value) for r in found if r.value is not None]
    on, now = known[-1] if known else (None, None)
    # An answer on the day of a visit came first, before the needle: it belongs to that visit.
    earlier = [value for day, value in known if visit is not None and day <= visit]
    before = earlier[-1] if earlier else None
    if on is None:
        standing = "not answered"
    elif visit is not None and on <= visit:
        standing = f"no answer since {_day(on)}"
    else:
        standing = _standing(measure, before, now)
    return SignRow(measure.name, follow.baseline(found), before, now, standing)


def _in_its_words(measure: Measure, now: Decimal | None, known: Knowledge) -> str:
    """The answer as the patient ticked it, since when it is meant."""
    questions = (q for asked in known.questionnaires.values() for q in asked.questions)
    labels = next((dict(q.options) for q in questions if q.id in measure.items), {})
    said = labels.get("" if now is None else f"{now.normalize():f}", "")
    return f"{said} {measure.recall}".strip().lower()


def _standing(measure: Measure, before: Decimal | None, now: Decimal | None) -> str:
    """How the last answer stands to the one at the last visit."""
    if before is None or now is None:
        return "first answer"
    gained = follow.to_gain(measure, before) - follow.to_gain(measure, now)
    if not measure.validated or measure.error is None:
        way = "better" if gained > 0 else "worse" if gained < 0 else "the same"
        return f"{way}; {'error not known' if measure.validated else 'not validated'}"
    if abs(gained) < measure.error:
        return "within error"
    return BETTER if gained > 0 else WORSE


def what_to_ask(
    course: Course, known: Knowledge, verdict: Verdict, patient: Set[str] = frozenset()
) -> tuple[str, ...]:
    """What to ask at this visit. `patient`: what only the patient's record knows (SITUATIONS)."""
    now = situations(course, known, verdict, None) | patient
    named = {"worse": "; ".join(_worse(course, known, verdict.judged_on))}
    return texts("ask", now, known, **named, screened=screen_line(course, known))


def texts(part: str, now: Set[str], known: Knowledge, **named: str) -> tuple[str, ...]:
    """The texts of one part that hold now, in the order of the file."""
    return tuple(one.text.format_map(named) for one in _holding(part, now, known))


def _holding(part: str, now: Set[str], known: Knowledge) -> Iterator[VisitText]:
    return (one for one in known.visit_texts if one.part == part and now >= set(one.when))


def after_visit(
    course: Course,
    known: Knowledge,
    verdict: Verdict,
    booked_at: datetime | None,
    patient: Set[str] = frozenset(),
    language: str = "",
) -> Mapping[str, tuple[str, ...]]:
    """What to tell the patient: what was done, what to expect, what comes next. `booked_at`: the
    next visit by the clock of the clinic. `language`: the one that `known` is in, for what is put
    into the texts; English unless there are words."""
    now = situations(course, known, verdict, booked_at) | patient
    said = known.visit_words[language].words if language in known.visit_words else {}
    days = _days(course, known, booked_at)
    named = _named(course, known, said) | {
        **{name: "" if on is None else _day(on, said) for name, on in days.items()},
        "booked_hour": "" if booked_at is None else _hour(booked_at.time(), said),
    }
    told = {part: texts(part, now, known, **named) for part in ("done", "expect")}
    return told | {"next": _by_day(_holding("next", now, known), days, named)}


def _by_day(
    told: Iterable[VisitText], days: Mapping[str, date | None], named: Mapping[str, str]
) -> tuple[str, ...]:
    """What stands at once, then what comes on a day, in the order of the days."""

    def on(one: VisitText) -> date:
        return next((day for name in placeholders(one.text) if (day := days.get(name))), date.min)

    return tuple(one.text.format_map(named) for one in sorted(told, key=on))


def situations(
    course: Course, known: Knowledge, verdict: Verdict, booked_at: datetime | None
) -> frozenset[str]:
    """Which of SITUATIONS hold, but for those that only the patient's record knows."""
    given, plan, stands = series_sessions(course), course.plan, phase(course)
    ended = stands in (Phase.FOLLOWING, Phase.REFERRED, Phase.CLOSED)
    left = plan.sessions_max - len(given) if plan is not None else 0
    both, today = both_reliefs(course, known), verdict.judged_on
    next_on, asked = _next_on(course), follow.next_answers(course, known)
    safety_on = _safety_on(course, known)
    holds = {
        "always": True,
        "session": bool(given and given[-1].sites),
        "no_session": not course.sessions,
        "planned": stands is Phase.PLANNED,
        "not_planned": stands in (Phase.ENQUIRY, Phase.EVALUATED),
        "treated": bool(given) and not ended,
        "again": not given and stands is Phase.TREATING,
        "first": len(given) == 1,
        "numbing": bool(_anaesthetics(course, known)),
        "next_session": not ended and left > 0,
        "last_agreed": not ended and left == 1,
        "watched": stands is Phase.FOLLOWING,
        "warning": bool(open_warnings(course, known)),
        "unanswered": verdict.ask_first,
        "worse": bool(_worse(course, known, today)),
        "screened": bool(screened_last(course, known)),
        "reliefs_differ": both is not None and both.differ,
        "next_ahead": next_on is not None and next_on >= today,
        "next_past": next_on is not None and next_on < today,
        "asked_ahead": asked is not None and asked[1] >= today,
        "asked_now": asked is not None and asked[1] < today,
        "safety_ahead": safety_on is not None and safety_on > today,
        "booked": booked_at is not None,
        "not_booked": booked_at is None,
        f"step_{_step(course, known, verdict)}": True,
    }
    return frozenset(name for name, does in holds.items() if does)


def _step(course: Course, known: Knowledge, verdict: Verdict) -> str:
    """What was decided and still stands. A patient is not told what is only suggested: a decision
    is told until the rules suggest something else, and without one a series goes on as agreed."""
    if open_warnings(course, known):
        return "undecided"
    decision, now = standing_decision(course), phase(course)
    if decision is None and now in (Phase.FOLLOWING, Phase.CLOSED):
        decision = last_decision(course)
    suggested = verdict.next_step
    if decision is None:
        return "go_on" if suggested is NextStep.GO_ON else "undecided"
    # A recheck that has only come due asks for answers, and a closed course waits for nothing.
    holds = now is Phase.CLOSED or decision.decided is suggested or _only_asks(verdict)
    return decision.decided if holds else "undecided"


def _only_asks(verdict: Verdict) -> bool:
    return any(r.rule == "RC2" and r.mark is Mark.MET for r in verdict.reasons)


def _next_on(course: Course) -> date | None:
    """When the next session of a series that has begun is due, by the agreed interval."""
    given, plan = series_sessions(course), course.plan
    if not given or plan is None:
        return None
    return given[-1].on + timedelta(days=plan.interval_days)


def _safety_on(course: Course, known: Knowledge) -> date | None:
    """When the patient is asked about warning signs after the last session."""
    days = timedelta(days=known.reminder_rules.safety_after_days)
    return course.sessions[-1].on + days if course.sessions else None


def _worse(course: Course, known: Knowledge, today: date) -> list[str]:
    """Each validated sign, and the measure that is judged, that is worse beyond its error."""
    visit, found = last_visit_on(course, today), []
    asked = [trend.measure for trend in follow.signs(course, known)]
    for measure in dict.fromkeys((stop_rule(course, known)[1], *asked)):
        answered = [r for r in follow.measure_readings(course, measure) if r.value is not None]
        if not answered or answered[-1].is_baseline:
            continue
        row = _row(measure, tuple(answered), visit)
        for since, then in (("the start", row.start), ("the last visit", row.before)):
            if _standing(measure, then, row.now) == WORSE:
                then_now = f"{score_words(then)} at {since}, {score_words(row.now)} now"
                found.append(f"{measure.name} {then_now}")
                break
    return found


def screen_line(course: Course, known: Knowledge) -> str:
    """The screens whose last answer is at or above the cut-off, as they are named in the text."""
    return "; ".join(cut_off_words(one, on) for one, on in screened_last(course, known))


def _anaesthetics(course: Course, known: Knowledge) -> list[str]:
    given = series_sessions(course)
    used = {site.mixture for site in given[-1].sites} if given else set()
    mixed = [m for m in given[-1].mixtures if m.key in used] if given else []
    ids = {one.substance for mixture in mixed for one in mixture.ingredients}
    drawn = [known.substances[id] for id in ids]
    return sorted(one.name.lower() for one in drawn if one.role == "anaesthetic")


def _days(
    course: Course, known: Knowledge, booked_at: datetime | None
) -> Mapping[str, date | None]:
    """The days to come that texts may name; None where there is none, and no text then holds."""
    asked = follow.next_answers(course, known)
    return {
        "next_on": _next_on(course),
        "safety_on": _safety_on(course, known),
        "ask_on": asked[1] if asked else None,
        "booked_on": booked_at.date() if booked_at else None,
    }


def _named(course: Course, known: Knowledge, said: Mapping[str, str]) -> dict[str, str]:
    """The other facts that texts may name; what is not there no text names that holds."""
    given, named = series_sessions(course), dict[str, str]()
    both = f" {_in('and', said)} "
    if given:
        last = given[-1]
        used = {site.mixture for site in last.sites}
        strengths = sorted({m.dextrose_percent for m in last.mixtures if m.key in used})
        number = len(last.sites)
        named |= {
            "on": _day(last.on, said),
            "places": f"{number} {_in('place' if number == 1 else 'places', said)}",
            "dextrose": both.join(
                f"{s.normalize():f}\u00a0%".replace(".", _in(".", said)) for s in strengths
            ),
        }
    return named | {
        "where": _where(course, known, said),
        "numbing": both.join(_in(name, said) for name in _anaesthetics(course, known)),
        "questions": str(len(coming_questions(course, known))),
    }


def _where(course: Course, known: Knowledge, said: Mapping[str, str]) -> str:
    condition = known.conditions.get(course.condition)
    region = condition.place_words if condition else course.condition
    sides = {Side.BOTH: "both sides", Side.MIDLINE: ""}
    parts = (region, sides.get(course.side, str(course.side)))
    return ", ".join(_in(part, said) for part in parts if part)


def _in(word: str, said: Mapping[str, str]) -> str:
    """A word in the language of the texts around it; itself where there is no other."""
    return said.get(word, word)


def _day(on: date, said: Mapping[str, str] = MappingProxyType({})) -> str:
    month = _in(MONTHS[on.month - 1], said)
    return said.get("date", "{day} {month} {year}").format(day=on.day, month=month, year=on.year)


def _hour(at: time, said: Mapping[str, str]) -> str:
    """By the twelve-hour clock, which is how patients of these languages tell the time."""
    half = _in("am" if at.hour < NOON else "pm", said)
    return f"{at.hour % NOON or NOON}:{at:%M}\u00a0{half}"


def coming_questions(course: Course, known: Knowledge) -> tuple[str, ...]:
    """The questions that come next, in this patient's words; none where none are wanted."""
    wanted = follow.next_answers(course, known)
    occasion = wanted[0] if wanted else Occasion.AFTER_SESSION
    asked = known.questionnaires["six_signs"]
    earlier = follow.lasting_answers(course, known)
    if wanted is None:
        return ()
    condition = known.conditions.get(course.condition)
    region = condition.region if condition else ""
    shown = follow.visible_questions(asked, occasion, {}, known, earlier, region)
    return tuple(question.text for question in shown)

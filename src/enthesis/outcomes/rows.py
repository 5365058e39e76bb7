"""One course as rows of the registry: pure, and by the judge's own functions.

What "reached" means, how relief is counted, which answers are a start and who is lost is asked of
`journey`; here it is only written down, without name, date or free text. `changes_on` says when a
row would come out otherwise although nothing happened, so that a refresh knows whom to look at.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal

from enthesis.journey import before, follow
from enthesis.journey.course import ENDS, Phase, next_recheck_on, phase, standing_decision
from enthesis.journey.evaluate import evaluate
from enthesis.journey.facts import Facts, facts_of
from enthesis.journey.follow import Reading
from enthesis.journey.judge import at_target, first_at_target
from enthesis.journey.windows import by_session, by_time, last_closed
from enthesis.knowledge.kinds import Knowledge
from enthesis.outcomes.schema import TABLES, Row, Value
from enthesis.records import Course, Mixture, NextStep, Occasion, Session
from enthesis.units import MINOR_DIGITS, Money

SCALES: Mapping[str, int] = {
    "pain": 1,
    "activity": 100,
    "painkiller_days": 1,
    "spasm_days": 1,
    "joint_noise": 1,
    "mood": 1,
    "change": 1,
    "peg": 100,
    "headache_score": 100,
    "bpi_interference": 100,
    "rmdq": 1,
    "worry": 1,
}
"""Measures with a column of their own, and what a point of them is multiplied by there."""
UL_IN_ML = 1000
MG_IN_ML_PER_PERCENT = 10
_ORDER = tuple(Occasion)

CourseRows = Mapping[str, Sequence[Row]]
"""The rows of one course by table."""


@dataclass(frozen=True, slots=True)
class Amount:
    """One charge or payment; `session` is the number of the session charged for, if one."""

    on: date
    kind: str
    money: Money
    session: int | None = None


@dataclass(frozen=True, slots=True)
class Adverse:
    """One adverse event as it is known by now. `session` None: no session was named; `relatedness`
    None: judged by nobody who did not inject."""

    onset_on: date
    session: int | None
    kind: str
    grade: int
    serious: bool
    relatedness: str | None
    outcome: str
    from_warning: bool


@dataclass(frozen=True, slots=True)
class Given:
    """How a session was given: None is not recorded."""

    guidance: str | None = None
    complications: int | None = None


@dataclass(frozen=True, slots=True)
class Beside:
    """What the registry keeps of a course that is not in its record. Numbers, no names: `course`
    is the pseudonym; `sex` None is not recorded; `given` is by number of the session."""

    course: int
    clinic: int
    clinician: int | None = None
    sex: str | None = None
    calls: int = 0
    amounts: tuple[Amount, ...] = ()
    adverse: tuple[Adverse, ...] = ()
    given: Mapping[int, Given] = field(default_factory=dict)


def rows_of(course: Course, beside: Beside, known: Knowledge, today: date) -> CourseRows:
    """The rows of a course in every table, as it stands on a day.

    Raises ValueError as `journey.judge` does.
    """
    return _Course(course, beside, known, today).rows()


def day_zero(course: Course, known: Knowledge, today: date) -> date:
    """The day from which the rows of a course count: day 0."""
    return _day_zero(course, facts_of(course, known, today))[1]


def changes_on(course: Course, known: Knowledge, today: date) -> date | None:
    """The next day on which a row changes by itself (a window closes, an answer becomes due, late
    or lost); None while only new facts can change it."""
    days: list[date] = []
    if _began(course):
        zero = _day_zero(course, facts_of(course, known, today))[1]
        days += [zero + timedelta(days=w.to_day + 1) for w in known.windows.values() if w.number]
    wanted = follow.next_answers(course, known)
    if wanted is not None:
        rule, due_on = known.stop_rule, wanted[1]
        waits = (0, rule.answer_overdue_days + 1, rule.lost_after_days + 1)
        days += [due_on + timedelta(days=wait) for wait in waits]
    return min((day for day in days if day > today), default=None)


class _Course:
    """One course being written down: what several tables need, worked out once."""

    def __init__(self, course: Course, beside: Beside, known: Knowledge, today: date) -> None:
        self.course, self.beside, self.known, self.today = course, beside, known, today
        self.facts: Facts = facts_of(course, known, today)
        self.zero, self.zero_on = _day_zero(course, self.facts)
        self.sessions = sorted(course.sessions, key=lambda s: s.on)
        # A closed course is looked at as it was on the day before it was closed.
        self.watched = replace(course, closed_on=None)
        self.as_of = min(today, course.closed_on or today)

    def rows(self) -> CourseRows:
        made: dict[str, list[dict[str, Value]]] = {
            "visits": list(self.visits()),
            "sessions": [self.session(s) for s in self.sessions],
            "events": list(self.events()),
            "adverse": list(self.adverse()),
            "money": list(self.money()),
            "decisions": list(self.decisions()),
        }
        made["courses"] = [self.summary(made["visits"])]
        named: dict[str, Value] = {"course": self.beside.course}
        return {
            name: [tuple(row[c] for c in table.names) for row in (named | r for r in made[name])]
            for name, table in TABLES.items()
        }

    def day(self, on: date) -> int:
        return (on - self.zero_on).days

    # --- the course

    def summary(self, visits: Sequence[Mapping[str, Value]]) -> dict[str, Value]:
        course, facts, plan = self.course, self.facts, self.course.plan
        began = _began(course)
        last = facts.after[-1] if facts.after else None
        reached = first_at_target(facts)
        start = next((v for v in visits if v["window"] == 0), None)
        return {
            "clinic": self.beside.clinic,
            "clinician": self.beside.clinician,
            "condition": course.condition,
            "protocol": plan.protocol if plan else None,
            "solution": _solution(plan.mixtures if plan else (), self.known),
            "age": _age(course.born_on, course.opened_on),
            "sex": self.beside.sex,
            "opened_quarter": f"{course.opened_on.year}Q{(course.opened_on.month + 2) // 3}",
            "zero": self.zero,
            "evaluated": course.evaluation is not None,
            "candidacy": self.candidacy(),
            "planned_here": plan is not None,
            "agreed": plan is not None and plan.agreed_on is not None,
            "began": began,
            "measure": facts.measure.id,
            "finish_relief": _times(facts.rule.finish_relief_percent, 100),
            "planned": plan.sessions_planned if plan else None,
            "most": plan.sessions_max if plan else None,
            "interval": plan.interval_days if plan else None,
            "sessions": len(self.sessions),
            "last_session_day": self.day(self.sessions[-1].on) if self.sessions else None,
            "baseline": start["pain"] if start else None,
            "start": _times(facts.baseline, 100),
            **self.hopes(),
            "last_day": self.day(last.on) if last else None,
            "last_sessions": last.sessions_before if last else None,
            "last_score": _times(facts.latest, 100),
            "last_relief": _times(facts.relief, 100),
            "window_closed": self.window_closed() if began else None,
            "target_sessions": reached.sessions_before if reached else None,
            "target_day": self.day(reached.on) if reached else None,
            **self.ending(),
            "closed": course.closed_on is not None,
            **self.silence(),
            **self.counts(),
        }

    def candidacy(self) -> str | None:
        evaluation, course = self.course.evaluation, self.course
        condition = self.known.conditions.get(course.condition)
        if evaluation is None or condition is None:
            return None
        found = evaluate(evaluation, condition, course.born_on, self.known)
        return found.answer.value if found.answer else None

    def hopes(self) -> dict[str, Value]:
        told = before.expected(self.course)
        relief, choice = follow.number_of(told.get("expect_relief")), told.get("prefer")
        return {"expected": _whole(relief), "preferred": None if choice is None else str(choice)}

    def window_closed(self) -> int:
        return last_closed((self.today - self.zero_on).days, self.known.windows)

    def ending(self) -> dict[str, Value]:
        ended, on = _ended(self.course, self.known, self.today)
        return {"ended": ended, "ended_day": None if on is None else self.day(on)}

    def silence(self) -> dict[str, Value]:
        due = next(iter(follow.due(self.watched, self.known, self.as_of)), None)
        closed = self.course.closed_on is not None
        return {
            "silent": due is not None and (closed or due.late_days > 0),
            "awaited": due.occasion.value if due else None,
            "awaited_day": self.day(due.due_on) if due else None,
            "recheck": self.recheck(due is not None, closed or (due is not None and due.is_lost)),
            "calls": self.beside.calls,
        }

    def recheck(self, is_due: bool, is_lost: bool) -> str | None:
        if phase(self.watched) is not Phase.FOLLOWING:
            return None
        if is_due:
            return "lost" if is_lost else "due"
        left = next_recheck_on(self.watched, self.known)
        return "done" if left is None or self.course.closed_on is not None else "waiting"

    def counts(self) -> dict[str, Value]:
        currency, amounts = self.amounts()
        totals = {"charge": 0, "payment": 0}
        for amount in amounts:
            totals[amount.kind] += _smallest_unit(amount.money)
        decisions = self.course.decisions
        return {
            "warnings": sum(1 for _ in self.events()),
            "decisions": len(decisions),
            "overrides": sum(d.decided is not d.suggested for d in decisions),
            "currency": currency,
            "charged_cents": totals["charge"],
            "paid_cents": totals["payment"],
        }

    # --- what happened, row by row

    def visits(self) -> Iterator[dict[str, Value]]:
        by_key: dict[tuple[date, int], dict[str, Reading]] = {}
        measures = [self.known.measures[m] for m in SCALES if m in self.known.measures]
        if self.facts.measure.id not in SCALES:
            measures.append(self.facts.measure)
        for measure in measures:
            for reading in follow.measure_readings(self.course, measure):
                key = reading.on, _ORDER.index(reading.occasion)
                by_key.setdefault(key, {})[measure.id] = reading
        found = [by_key[key] for key in sorted(by_key)]
        time, session = self._windows(found)
        for place, readings in enumerate(found):
            one = next(iter(readings.values()))
            judged = readings.get(self.facts.measure.id)
            row = {
                "day": self.day(one.on),
                "occasion": one.occasion.value,
                "window": time.get(place),
                "session_window": session.get(place),
                "after_session": one.sessions_before,
                "counts_as_start": one.is_baseline,
                **self._scored(judged),
            }
            for name, scale in SCALES.items():
                value = readings[name].value if name in readings else None
                row[name] = _whole(value) if scale == 1 else _times(value, scale)
            yield row

    def _windows(
        self, found: Sequence[Mapping[str, Reading]]
    ) -> tuple[Mapping[int, int], Mapping[int, int]]:
        """Which rows stand for which windows: those with an answer of the course's measure."""
        judged = [(i, r[self.facts.measure.id]) for i, r in enumerate(found)
                  if self.facts.measure.id in r]  # fmt: skip
        judged = [(i, r) for i, r in judged if r.value is not None]
        places, readings = [i for i, _ in judged], [r for _, r in judged]
        days, starts = [self.day(r.on) for r in readings], [r.is_baseline for r in readings]
        time = by_time(days, starts, self.known.windows)
        session = by_session(
            days,
            [0 if r.occasion is Occasion.BASELINE else r.sessions_before for r in readings],
            [self.day(s.on) for s in self.sessions],
            self.known.session_window.most_days,
        )
        session |= {place: 0 for place, number in time.items() if number == 0}
        return ({places[p]: n for p, n in time.items()}, {places[p]: n for p, n in session.items()})

    def _scored(self, judged: Reading | None) -> dict[str, Value]:
        facts, value = self.facts, judged.value if judged else None
        known: dict[str, Value] = {"score": _times(value, 100)}
        later = judged is not None and not judged.is_baseline
        if value is None or not later:
            return {**known, "gained": None, "relief": None, "at_target": None}
        gained = None if facts.baseline is None else facts.gained(facts.baseline, value)
        relief = _times(facts.relief_at(value), 100)
        unknown = relief is None and not at_target(facts, value)
        return {
            **known,
            "gained": _times(gained, 100),
            "relief": relief,
            "at_target": None if unknown else at_target(facts, value),
        }

    def session(self, session: Session) -> dict[str, Value]:
        strengths = {m.key: m.dextrose_percent for m in session.mixtures}
        volume = sum((s.volume_ml for s in session.sites), Decimal(0))
        mg = sum((s.volume_ml * strengths[s.mixture] for s in session.sites), Decimal(0))
        _, amounts = self.amounts()
        prices = [
            _smallest_unit(a.money)
            for a in amounts
            if a.session == session.number and a.kind == "charge"
        ]
        given = self.beside.given.get(session.number, Given())
        return {
            "number": session.number,
            "day": self.day(session.on),
            "sites": len(session.sites),
            "volume_ul": _times(volume, UL_IN_ML),
            "dextrose_mg": _times(mg, MG_IN_ML_PER_PERCENT),
            "price_cents": sum(prices) if prices else None,
            "guidance": given.guidance,
            "complications": given.complications,
        }

    def events(self) -> Iterator[dict[str, Value]]:
        for assessment in sorted(self.course.assessments, key=lambda a: a.on):
            before = follow.sessions_before(self.course, assessment)
            since = (assessment.on - self.sessions[before - 1].on).days if before else None
            for rule in follow.dangers(assessment.answers, self.known):
                yield {
                    "day": self.day(assessment.on),
                    "number": before,
                    "since_session": since,
                    "kind": rule.id,
                    "grade": 2 if rule.call_first else 1,
                }

    def adverse(self) -> Iterator[dict[str, Value]]:
        given = {s.number: s.on for s in self.sessions}
        for one in sorted(self.beside.adverse, key=lambda a: a.onset_on):
            by_then = [s.number for s in self.sessions if s.on <= one.onset_on]
            number = one.session if one.session in given else by_then[-1] if by_then else 0
            yield {
                "day": self.day(one.onset_on),
                "number": number,
                "since_session": (one.onset_on - given[number]).days if number else None,
                "kind": one.kind,
                "grade": one.grade,
                "serious": one.serious,
                "relatedness": one.relatedness,
                "outcome": one.outcome,
                "from_warning": one.from_warning,
            }

    def amounts(self) -> tuple[str | None, list[Amount]]:
        """The currency of the last charge, and what is in it: currencies are never mixed."""
        charges = [a for a in self.beside.amounts if a.kind == "charge"]
        if not charges:
            return None, []
        currency = max(charges, key=lambda a: a.on).money.currency
        of_it = [a for a in self.beside.amounts if a.money.currency == currency]
        return currency, sorted(of_it, key=lambda a: (a.on, a.kind))

    def money(self) -> Iterator[dict[str, Value]]:
        for amount in self.amounts()[1]:
            cents = _smallest_unit(amount.money)
            yield {"day": self.day(amount.on), "kind": amount.kind, "cents": cents}

    def decisions(self) -> Iterator[dict[str, Value]]:
        facts = self.facts
        for decision in sorted(self.course.decisions, key=lambda d: d.on):
            then = [r for r in facts.after if r.on <= decision.on]
            later = [r for r in facts.after if r.on > decision.on]
            yield {
                "day": self.day(decision.on),
                "sessions": sum(s.on <= decision.on for s in self.sessions),
                "suggested": decision.suggested.value,
                "decided": decision.decided.value,
                "relief": self._relief(then[-1:]),
                "followed_day": self.day(later[0].on) if later else None,
                "followed_relief": self._relief(later[:1]),
                "last_relief": self._relief(later[-1:]),
            }

    def _relief(self, readings: Sequence[Reading]) -> int | None:
        value = readings[0].value if readings else None
        return None if value is None else _times(self.facts.relief_at(value), 100)


def _began(course: Course) -> bool:
    return bool(course.sessions) or course.series_ended_on is not None


def _day_zero(course: Course, facts: Facts) -> tuple[str, date]:
    if course.sessions:
        return "session", min(s.on for s in course.sessions)
    found = follow.measure_readings(course, facts.measure)
    starts = [r.on for r in found if r.is_baseline and r.value is not None]
    return ("baseline", max(starts)) if starts else ("opening", course.opened_on)


def _ended(course: Course, known: Knowledge, today: date) -> tuple[str | None, date | None]:
    """How the series ended and when: by the decision that stands, else by silence."""
    if not _began(course):
        return None, None
    watched = replace(course, closed_on=None)
    now, decision = phase(watched), standing_decision(course)
    if decision is not None and decision.decided in (*ENDS, NextStep.REFER):
        return decision.decided.value, decision.on
    if now is Phase.FOLLOWING:
        # Treatment ended elsewhere, and nobody has decided anything here: it is watched.
        return NextStep.RECHECK.value, course.series_ended_on
    if course.closed_on is not None:
        return "lost", course.closed_on
    for due in follow.due(course, known, today):
        if due.is_lost:
            return "lost", due.due_on + timedelta(days=known.stop_rule.lost_after_days + 1)
    return "ongoing", None


def _solution(mixtures: Sequence[Mixture], known: Knowledge) -> str | None:
    """Every proliferant with its strengths: one with morrhuate is no plain dextrose."""
    strengths: dict[str, set[Decimal]] = {}
    for one in (one for mixture in mixtures for one in mixture.ingredients):
        if known.substances[one.substance].role == "proliferant":
            strengths.setdefault(one.substance, set()).add(one.percent)
    told = (
        f"{name} " + " + ".join(f"{s.normalize():f} %" for s in sorted(found))
        for name, found in strengths.items()
    )
    return ", ".join(told) or None


def _age(born_on: date | None, on: date) -> int | None:
    if born_on is None:
        return None
    return on.year - born_on.year - ((on.month, on.day) < (born_on.month, born_on.day))


def _times(value: Decimal | None, scale: int) -> int | None:
    """In hundredths or the like: halves go up."""
    return None if value is None else int((value * scale).quantize(Decimal(1), ROUND_HALF_UP))


def _whole(value: Decimal | None) -> int | None:
    return int(value) if value is not None and value == value.to_integral_value() else None


def _smallest_unit(money: Money) -> int:
    return int(money.amount.scaleb(MINOR_DIGITS[money.currency]))

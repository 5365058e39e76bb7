"""What the judge looks at in one course, worked out once: the stop rule, the start, the answers."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from enthesis.journey.course import Phase, last_decision, phase, recheck_left, series_sessions
from enthesis.journey.follow import Reading, baseline, measure_readings, relief_percent, to_gain
from enthesis.knowledge.kinds import Knowledge, Measure
from enthesis.records import Course, Decision, StopRule


@dataclass(frozen=True, slots=True)
class Facts:
    """What the rules look at, worked out once. `after` are the answered readings since treatment
    began; `answered`: the last session (or the end of the series) has an answer about it."""

    course: Course
    known: Knowledge
    today: date
    phase: Phase
    rule: StopRule
    measure: Measure
    baseline: Decimal | None
    after: tuple[Reading, ...]
    answered: bool
    given: int
    over: bool
    decision: Decision | None
    recheck_on: date | None

    @property
    def latest(self) -> Decimal | None:
        """The last answered score since treatment began."""
        return self.after[-1].value if self.after else None

    @property
    def relief(self) -> Decimal | None:
        """Relief at the last answer, in percent; None is unknown or undefined."""
        return None if self.latest is None else self.relief_at(self.latest)

    @property
    def fresh(self) -> bool:
        """Whether the last answer is newer than the last decision: else it is decided upon."""
        if not self.after or self.decision is None:
            return bool(self.after)
        last = self.after[-1].on
        late = any(a.came_late and a.on == last for a in self.course.assessments)
        return last > self.decision.on or late

    def relief_at(self, value: Decimal) -> Decimal | None:
        """Relief at a score, in percent."""
        return None if self.baseline is None else relief_percent(self.measure, self.baseline, value)

    def gained(self, start: Decimal, value: Decimal) -> Decimal:
        """How much better a score is than another, in points: negative is worse."""
        return to_gain(self.measure, start) - to_gain(self.measure, value)


def facts_of(course: Course, known: Knowledge, today: date) -> Facts:
    """What the rules look at. Raises ValueError as `judge` does."""
    now = phase(course)
    rule, measure = stop_rule(course, known)
    readings = measure_readings(course, measure)
    later = [r for r in readings if not r.is_baseline]
    series = series_sessions(course)
    full = course.plan is not None and len(series) >= course.plan.sessions_max
    return Facts(
        course=course,
        known=known,
        today=today,
        phase=now,
        rule=rule,
        measure=measure,
        baseline=baseline(readings),
        after=tuple(r for r in later if r.value is not None),
        answered=bool(later) and later[-1].value is not None and about_last(course, later[-1]),
        given=len(series),
        over=now is Phase.FOLLOWING or (now is not Phase.PLANNED and full),
        decision=last_decision(course),
        recheck_on=None if now is Phase.CLOSED else recheck_left(course, known),
    )


def stop_rule(course: Course, known: Knowledge) -> tuple[StopRule, Measure]:
    """The rule that was agreed, or the clinic's defaults, with the measure that it judges.

    Without a plan that is the first leading measure that was answered. Raises ValueError.
    """
    plan = course.plan
    rule = _default_rule(course, known) if plan is None else plan.stop_rule
    measure = known.measures.get(rule.measure)
    if measure is None or not measure.validated:
        problem = "is not validated and may not decide" if measure else "is not known"
        allowed = ", ".join(m.id for m in known.measures.values() if m.role == "leads")
        raise ValueError(
            f"plan.stop_rule.measure: the measure {rule.measure!r} {problem}; take one of {allowed}"
        )
    return rule, measure


def _default_rule(course: Course, known: Knowledge) -> StopRule:
    leading = [m for m in known.measures.values() if m.role == "leads"]
    asked = (m for m in leading if measure_readings(course, m))
    usual, choice = known.stop_rule, known.stop_choices[known.stop_rule.choice]
    return StopRule(
        version=usual.version,
        measure=next(asked, leading[0]).id,
        finish_relief_percent=usual.finish_relief_percent,
        finish_readings=usual.finish_readings,
        stop_below_percent=usual.stop_below_percent,
        stop_after_sessions=choice.stop_after_sessions or usual.stop_after_sessions,
        recheck_months=usual.recheck_months,
        later_steps=choice.later_steps,
    )


def about_last(course: Course, reading: Reading) -> bool:
    """Whether a reading came after all treatment so far."""
    ended = course.series_ended_on
    after_end = ended is None or reading.on >= ended
    return reading.sessions_before == len(course.sessions) and after_end

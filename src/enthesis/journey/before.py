"""Before any needle: what pain does between two starts, and what the patient expects.

The start that the rules use stays the mean of all answers before the first session
(`follow.baseline`). Nothing here decides anything.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from enthesis.journey import follow
from enthesis.journey.course import Phase, phase
from enthesis.journey.facts import stop_rule
from enthesis.journey.follow import Reading
from enthesis.knowledge.kinds import Knowledge, Measure
from enthesis.records import Answer, Course, Occasion

EXPECTED = ("expect_relief", "expect_help", "prefer", "prefer_else")
"""Questions on what is expected and preferred: asked once, before the first session."""
ASKED_BEFORE = (*EXPECTED, "decision_settled", "know_harm", "know_price", "know_fails")
"""These and those on the choice itself: before the first session or never."""
_UNTREATED = (Phase.ENQUIRY, Phase.EVALUATED, Phase.PLANNED)


@dataclass(frozen=True, slots=True)
class Starts:
    """The first and the last start of a course that lie far enough apart, on the judged measure."""

    measure: Measure
    first: Reading
    second: Reading

    @property
    def days(self) -> int:
        """Between the two."""
        return (self.second.on - self.first.on).days

    @property
    def gained(self) -> Decimal:
        """By how many points the second is better; negative is worse."""
        then, now = self.first.value, self.second.value
        if then is None or now is None:
            raise ValueError("a start without an answer is none")
        return follow.to_gain(self.measure, then) - follow.to_gain(self.measure, now)

    @property
    def is_real(self) -> bool | None:
        """Whether the change is beyond the error of the measure; None where that is not known."""
        error = self.measure.error
        return None if error is None else abs(self.gained) >= error


def starts(course: Course, known: Knowledge) -> tuple[Reading, ...]:
    """The answered readings before the first session, of the measure that is judged."""
    measure = stop_rule(course, known)[1]
    found = follow.measure_readings(course, measure)
    return tuple(r for r in found if r.is_baseline and r.value is not None)


def two_starts(course: Course, known: Knowledge) -> Starts | None:
    """The first and the last start where they are far enough apart; None where they are not."""
    found = starts(course, known)
    if not found or (found[-1].on - found[0].on).days < known.second_start.after_days:
        return None
    return Starts(stop_rule(course, known)[1], found[0], found[-1])


def second_start_on(course: Course, known: Knowledge) -> date | None:
    """From which day a second start is offered; None where there is no first, or a second already,
    or treatment began, or the course ended."""
    found = starts(course, known)
    treated = course.sessions or course.series_ended_on is not None
    if treated or not found or phase(course) not in _UNTREATED or two_starts(course, known):
        return None
    return found[0].on + timedelta(days=known.second_start.after_days)


def expected(course: Course) -> Mapping[str, Answer]:
    """What was answered to EXPECTED before the first session, the first answer to each."""
    told: dict[str, Answer] = {}
    for one in sorted(course.assessments, key=lambda a: a.on):
        early = one.occasion is Occasion.BASELINE and not follow.sessions_before(course, one)
        for id in EXPECTED if early else ():
            if one.answers.get(id) is not None:
                told.setdefault(id, one.answers[id])
    return told

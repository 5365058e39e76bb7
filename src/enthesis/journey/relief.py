"""Percent relief asked and worked out, side by side: what the patient says, what the scores say."""

from dataclasses import dataclass
from datetime import date
from decimal import ROUND_FLOOR, Decimal

from enthesis.journey import follow
from enthesis.journey.facts import stop_rule
from enthesis.knowledge.kinds import Knowledge
from enthesis.records import Course

ASKED = "relief"
"""The question by which the patient is asked for it. No measure: it only stands beside one."""


@dataclass(frozen=True, slots=True)
class BothReliefs:
    """The last answers that have both. `computed` may be negative: worse than at the start."""

    on: date
    asked: Decimal
    computed: Decimal
    start: Decimal
    now: Decimal
    differs_from: Decimal
    differ: bool

    @property
    def sentence(self) -> str:
        """Both numbers, and what to do where they disagree."""
        told = (
            f"Relief on {self.on.day} {self.on:%b %Y}: {self.asked.normalize():f}\u00a0% as the "
            f"patient says it, {_whole(self.computed)}\u00a0% by the scores "
            f"({_short(self.start)} to {_short(self.now)})."
        )
        if not self.differ:
            # "The two agree" would be said of 20 and 41 too.
            near = f"Less than {self.differs_from.normalize():f} points apart: not followed up."
            return (
                f"{told} {near}" if self.computed >= 0 else f"{told} Worse is taken as none. {near}"
            )
        return (
            f"{told} They disagree. Only the scores count for the rule; ask which of the two "
            "describes it better, and whether the start is remembered as it was."
        )


def both_reliefs(course: Course, known: Knowledge) -> BothReliefs | None:
    """Both on the last day that has both; None while there is none, or no start."""
    _, measure = stop_rule(course, known)
    found = follow.measure_readings(course, measure)
    start = follow.baseline(found)
    if start is None:
        return None
    scores = {r.on: r.value for r in found if r.value is not None and not r.is_baseline}
    for assessment in sorted(course.assessments, key=lambda a: a.on, reverse=True):
        asked, now = follow.number_of(assessment.answers.get(ASKED)), scores.get(assessment.on)
        if asked is None or now is None:
            continue
        computed = follow.relief_percent(measure, start, now)
        if computed is None:
            return None
        # The patient cannot say less than none, so worse is compared as none.
        apart = abs(asked - max(computed, Decimal(0)))
        limit = known.stop_rule.relief_differs_percent
        return BothReliefs(assessment.on, asked, computed, start, now, limit, apart >= limit)
    return None


def _whole(percent: Decimal) -> str:
    """Rounded down, never up, as everywhere."""
    return f"{percent.quantize(Decimal(1), ROUND_FLOOR):f}".replace("-", "−")


def _short(value: Decimal) -> str:
    return f"{value.quantize(Decimal('0.1')).normalize():f}"

"""Adverse events: what may be recorded, how one stands now, and who may judge it.

A judgement of relatedness by the one who injected counts as none. What is found out later is added
to an event, never written over it: `standing` reads the first report with all that was added.
"""

from collections.abc import Collection, Iterable, Set
from dataclasses import dataclass
from datetime import date

from enthesis.knowledge.kinds import Knowledge


class AdverseError(ValueError):
    """What is wrong with a report, and in which field."""

    def __init__(self, message: str, field: str) -> None:
        super().__init__(message)
        self.message, self.field = message, field


@dataclass(frozen=True, slots=True)
class Report:
    """An adverse event as it is first reported. Kind and outcome are ids of the knowledge."""

    kind: str
    onset_on: date
    grade: int
    serious: bool
    outcome: str
    what_happened: str
    what_was_done: str = ""


@dataclass(frozen=True, slots=True)
class Added:
    """What was added later: a judgement (`relatedness`), or how it went on; empty is as before."""

    relatedness: str = ""
    outcome: str = ""
    grade: int | None = None


@dataclass(frozen=True, slots=True)
class Standing:
    """An event as it is known by now; `worst` is the highest grade it had. `relatedness` is empty
    until another person judged."""

    grade: int
    worst: int
    outcome: str
    serious: bool
    goes_on: bool
    relatedness: str


def check(report: Report, since: date, today: date, known: Knowledge) -> None:
    """Raises AdverseError for a report that cannot be: `since` is the session's day, or that on
    which the course began."""
    if report.kind not in known.adverse_kinds:
        raise AdverseError("Choose what happened from the list.", "kind")
    if not since <= report.onset_on <= today:
        raise AdverseError(
            f"It must have begun from {since.day} {since:%b %Y} on, and not after today.",
            "onset_on",
        )
    check_state(report.grade, report.outcome, known)


def check_state(grade: int, outcome: str, known: Knowledge) -> None:
    """Raises AdverseError where grade and outcome are not in the lists, or not of one another."""
    if grade not in {one.grade for one in known.adverse_grades}:
        raise AdverseError("Choose how bad it was.", "grade")
    if outcome not in known.adverse_outcomes:
        raise AdverseError("Choose how it ended.", "outcome")
    of_grade = {o.grade: o for o in known.adverse_outcomes.values() if o.grade is not None}
    belongs = known.adverse_outcomes[outcome].grade
    if belongs is not None and belongs != grade:
        name = known.adverse_outcomes[outcome].name
        raise AdverseError(f"“{name}” belongs to grade {belongs}; mend one of both.", "grade")
    if grade in of_grade and belongs != grade:
        name = of_grade[grade].name
        raise AdverseError(f"Grade {grade} belongs to “{name}”; mend one of both.", "outcome")


def standing(report: Report, added: Iterable[Added], known: Knowledge) -> Standing:
    """The report with everything that was added, the last word of each kind."""
    grade, outcome, relatedness, worst = report.grade, report.outcome, "", report.grade
    for one in added:
        grade, outcome = one.grade or grade, one.outcome or outcome
        relatedness, worst = one.relatedness or relatedness, max(worst, grade)
    return Standing(
        grade=grade,
        worst=worst,
        outcome=outcome,
        # What was once serious stays so, whatever came of it.
        serious=report.serious or worst >= known.adverse_rules.serious_from_grade,
        goes_on=known.adverse_outcomes[outcome].goes_on,
        relatedness=relatedness,
    )


def judges(clinicians: Collection[int], injected: Set[int]) -> frozenset[int]:
    """Who of the clinicians may judge whether the session brought it about: none who injected."""
    return frozenset(clinicians) - injected


def kind_of(dangers: Collection[str], known: Knowledge) -> str:
    """The kind with which an event from a warning answer begins; empty where none fits."""
    fitting = (k.id for k in known.adverse_kinds.values() if not set(dangers).isdisjoint(k.dangers))
    return next(fitting, "")

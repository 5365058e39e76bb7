"""One report: what the registry says, picture by picture, and what it cannot say.

`report_of` takes an open registry (any engine) and returns plain sections; page.py writes them as
HTML, paper.py as PDF. All counts are those of cohort.py. Every section has its denominator and day,
every report the hash of the cut, the versions and the seed, and the same last section.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date

from enthesis.knowledge import kinds
from enthesis.knowledge.load import knowledge
from enthesis.outcomes import cohort
from enthesis.outcomes.engine import Registry
from enthesis.outcomes.errors import FitError
from enthesis.outcomes.sections.adverse import adverse
from enthesis.outcomes.sections.before import before
from enthesis.outcomes.sections.calibration import calibration
from enthesis.outcomes.sections.change import change, pain
from enthesis.outcomes.sections.cost import cost
from enthesis.outcomes.sections.flow import flow
from enthesis.outcomes.sections.funnels import funnels
from enthesis.outcomes.sections.harms import harms
from enthesis.outcomes.sections.overrides import overrides
from enthesis.outcomes.sections.parts import Asked, Figure, Origin, Section
from enthesis.outcomes.sections.relief import relief
from enthesis.outcomes.sections.silent import silent
from enthesis.outcomes.sections.target import target

__all__ = ["CANNOT", "READ_FIRST", "Figure", "Origin", "Report", "Section", "report_of"]

SECTIONS = (
    flow,
    before,
    relief,
    pain,
    change,
    target,
    cost,
    harms,
    adverse,
    funnels,
    overrides,
    silent,
    calibration,
)
"""In the order of the page; each gives one section or more, or a sentence where it has too few."""
READ_FIRST = (
    "Nobody here was compared with people who were not treated. Pain often falls by itself, and "
    "after an injection of salt water too."
)
"""The short form of what follows: it stands before every figure."""
CANNOT = (
    "Whether the injections did anything. There is no group without them here. Pain that brings "
    "people to a clinic often falls by itself, and after an injection of salt water too.",
    "What those would say who gave no answer. The dotted line counts each of them as not reached; "
    "the truth lies somewhere between the two lines.",
    "Who would have come anyway. People who pay for a course differ from those in trials and from "
    "those who stayed away.",
    "Which clinician or protocol is better. Each treats different people.",
    "How often a rare harm happens. None seen in a few hundred sessions is not none.",
)


@dataclass(frozen=True, slots=True)
class Report:
    """The whole, ready to be written. Cells below `suppressed_below` are hidden, none if None."""

    title: str
    day: date
    origin: Origin
    sections: tuple[Section, ...]
    cannot: tuple[str, ...] = CANNOT
    suppressed_below: int | None = None

    def as_json(self) -> dict[str, object]:
        """The report as plain values, pictures left out."""
        return {
            "title": self.title,
            "day": self.day.isoformat(),
            "cut": self.origin.cut,
            "seed": self.origin.seed,
            "versions": dict(self.origin.versions),
            "suppressed_below": self.suppressed_below,
            "sections": [
                {
                    "id": one.id,
                    "finding": one.finding,
                    "measure": one.measure,
                    "source": one.source,
                    "notes": list(one.notes),
                    "technical": list(one.technical),
                    "head": list(one.table.head) if one.table else [],
                    "rows": [list(row) for row in one.table.rows] if one.table else [],
                }
                for one in self.sections
            ],
            "cannot_tell": list(self.cannot),
        }


def report_of(
    registry: Registry,
    title: str,
    day: date,
    origin: Origin,
    *,
    only: Mapping[str, object] | None = None,
    anyway: kinds.Benchmark | None = None,
    known: kinds.Knowledge | None = None,
    suppress_below: int | None = None,
    clinicians: Mapping[int, str] | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Report:
    """The report of an open registry as of a day.

    `only`: a column of courses → the value that the reported courses have there. `anyway`: the
    published group that stands beside the results, for courses of one condition. `known`: the rules
    in force, those of the day as shipped if None. `suppress_below`: counts from 1 to one less are
    hidden, for what is published. `clinicians`: their names by the registry's numbers. `progress`
    is called with how many parts are made of how many. Raises FitError where nobody, or too few to
    be shown, began.
    """
    chosen = registry.only(only or {})
    began = sum(row["began"] for row in cohort.at_last(chosen).to_pylist())
    if not began:
        raise FitError("Nobody has begun treatment yet: there are no outcomes to report.")
    if suppress_below is not None and began < suppress_below:
        raise FitError(f"Fewer than {suppress_below} courses began: nothing of them is shown.")
    rules = known or knowledge(day)
    asked = Asked(chosen, day, rules, anyway, origin.seed, suppress_below, began, clinicians or {})
    sections: list[Section] = []
    for done, part in enumerate(SECTIONS):
        progress(done, len(SECTIONS))
        sections += part(asked)
    progress(len(SECTIONS), len(SECTIONS))
    return Report(title, day, origin, tuple(sections), suppressed_below=suppress_below)

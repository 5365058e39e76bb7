"""Does the answer of a file hang on one study, on their order, or on the small ones?"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from enthesis.evidence.pool import Interval, Single
from enthesis.evidence.ragged import Studies, StudyError, review
from enthesis.evidence.small_study import egger, trim_and_fill
from enthesis.evidence.stability import cumulative, influence, leave_one_out
from enthesis.evidence.study_file import StudyLine
from enthesis.evidence.tau2 import Model, q_profile

FEW = 3
"""Below this there is no one study to leave out of several, and no line through a funnel."""


@dataclass(frozen=True, slots=True)
class Without:
    """The pool without one study, and what that study does to it (Viechtbauer & Cheung 2010).

    `rstudent` is its distance from the others in standard errors, `cook_d` and `weight` (percent)
    how much it counts, `is_influential` by their rules of thumb.
    """

    study: str
    pooled: Single
    rstudent: float
    cook_d: float
    weight: float
    is_influential: bool


@dataclass(frozen=True, slots=True)
class SoFar:
    """The pool of this study and all before it, in order of year."""

    study: str
    pooled: Single


@dataclass(frozen=True, slots=True)
class SmallStudies:
    """Egger's test, and trim-and-fill: `missing` studies on one `side`, the pool with them.

    Asymmetry has more causes than unpublished studies. `p` NaN, `filled` None: cannot be known.
    """

    egger_p: float
    missing: int | None
    side: str
    filled: Single | None


@dataclass(frozen=True, slots=True)
class Sensitivity:
    """All of it. `tau2_*` is the Q-profile interval of τ²; `by_year` is empty without years."""

    tau2_low: float
    tau2_high: float
    without: tuple[Without, ...]
    by_year: tuple[SoFar, ...]
    small_studies: SmallStudies
    notes: tuple[str, ...]


def sensitivity(lines: Sequence[StudyLine], model: Model, interval: Interval) -> Sensitivity:
    """The same answer from other sets of studies; what so few cannot say is in the notes."""
    studies = review([s.estimate for s in lines], [s.variance for s in lines])
    notes = []
    low, high = (float("nan"), float("nan"))
    if len(lines) > 1:
        low, high = (float(end[0]) for end in q_profile(studies))
    if len(lines) < FEW:
        notes.append(f"{len(lines)} studies: too few to leave one out or to judge small ones")
    by_year, why_not = _by_year(lines, studies, model, interval)
    return Sensitivity(
        tau2_low=low,
        tau2_high=high,
        without=_without(lines, studies, model, interval) if len(lines) >= FEW else (),
        by_year=by_year,
        small_studies=_small(studies, model, interval),
        notes=(*notes, *why_not),
    )


def _without(
    lines: Sequence[StudyLine], studies: Studies, model: Model, interval: Interval
) -> tuple[Without, ...]:
    others = leave_one_out(studies, model, interval)
    of_each = influence(studies, model, interval)
    return tuple(
        Without(
            study=line.study,
            pooled=others.one(i),
            rstudent=float(of_each.rstudent[i]),
            cook_d=float(of_each.cook_d[i]),
            weight=100 * float(of_each.hat[i]),
            is_influential=bool(of_each.is_influential[i]),
        )
        for i, line in enumerate(lines)
    )


def _by_year(
    lines: Sequence[StudyLine], studies: Studies, model: Model, interval: Interval
) -> tuple[tuple[SoFar, ...], list[str]]:
    years = [line.cells.get("year", "") for line in lines]
    if not any(years):
        return (), []
    if not all(year.isdigit() for year in years):
        return (), ["a year is missing or no whole number: nothing cumulative"]
    order = np.argsort([int(year) for year in years], kind="stable")
    grown = cumulative(studies, order, model, interval)
    return tuple(SoFar(lines[at].study, grown.one(i)) for i, at in enumerate(order)), []


def _small(studies: Studies, model: Model, interval: Interval) -> SmallStudies:
    p = float(egger(studies).p[0]) if studies.estimates.size >= FEW else float("nan")
    try:
        found = trim_and_fill(studies, model=model, interval=interval)
    except StudyError:
        return SmallStudies(p, None, "", None)
    side = found.side if found.missing else ""
    return SmallStudies(p, found.missing, side, found.pooled.one())

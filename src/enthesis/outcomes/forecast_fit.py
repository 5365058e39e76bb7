"""The forecast's model out of the registry: the repeated-measures fit, shrunk, and its check.

    scores = scores_of(registry, start, visits)            # (n, m), one row a course
    model = fitted(start_model, scores, weight=20)         # one fit; Sums are added
    checked = cross_checked(start_model, scores, rules)    # each fifth forecast from the others

The starting model enters the fit as `weight` courses' worth of sums, all visits answered, with its
mean and covariance: so estimates are shrunk towards it by the number of the clinic's own courses,
visit by visit, and a visit that nobody has reached yet keeps what the starting model says of it.
With weight 0 the fit is the registry's own. Those who finish or stop early leave no later scores;
that depends on answers that the model has, so that they are missing at random.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from enthesis.journey.forecast_model import AFTER_SERIES, Floats, Model, band, chances, given
from enthesis.knowledge.kinds import (
    ForecastCheck,
    ForecastLevel,
    ForecastRules,
    ForecastStart,
    OwnForecast,
)
from enthesis.outcomes.calibration import bins, brier, recalibration
from enthesis.outcomes.errors import FitError
from enthesis.outcomes.repeated import fit
from enthesis.outcomes.sums import Sums, merge
from enthesis.outcomes.sums_from_columns import sums_from_columns

if TYPE_CHECKING:
    from enthesis.outcomes.engine import Registry

HUNDREDTHS = 100
BINS = 10
SURE = 1e-4
"""No chance is taken as nearer to 0 or 1 than this when its log odds are needed."""


def scores_of(registry: "Registry", start: ForecastStart, visits: Sequence[int]) -> Floats:
    """(n, m) scores in points of the courses that began and whose start is known; NaN: no answer.

    Which answer stands for which visit is the registry's rule; an answer that stands for a session
    stands for no window.
    """
    courses, rows = registry["courses"], registry["visits"]
    chosen = courses.filter(
        courses.began
        & courses.start.notnull()
        & (courses.condition == start.condition)
        & (courses.measure == start.measure)
    ).select(known="course", start="start")
    beside = rows.inner_join(chosen, rows.course == chosen.known)
    beside = beside.filter(beside.score.notnull() & (beside.session_window.fill_null(1) > 0))
    number = beside.session_window.cast("int16").fill_null(
        beside.window.cast("int16") + AFTER_SERIES
    )
    long = beside.select("course", "score", visit=number)
    starts = chosen.select(course="known", score="start", visit=0 * chosen.start)
    every = {name: registry.rows(found) for name, found in (("later", long), ("starts", starts))}
    names = np.sort(every["starts"]["course"].to_numpy())
    scores = np.full((len(names), len(visits)), np.nan)
    place = {visit: at for at, visit in enumerate(visits)}
    for found in every.values():
        course, score, visit = (found[c].to_numpy() for c in ("course", "score", "visit"))
        for at_visit, at in place.items():
            of = visit == at_visit
            scores[np.searchsorted(names, course[of]), at] = score[of] / HUNDREDTHS
    return scores


def sums_of(scores: Floats, visits: Sequence[int]) -> Sums:
    """The sums of a table of scores."""
    course, at = np.nonzero(~np.isnan(scores))
    return sums_from_columns(course, np.asarray(visits)[at], scores[course, at], visits=visits)


def worth(model: Model, courses: int) -> Sums:
    """The sums that so many fully answered courses with this mean and covariance would have."""
    m = len(model.visits)
    return Sums(
        model.visits,
        ("1",),
        np.array([(1 << m) - 1]),
        np.array([courses]),
        np.full((1, 1, 1), float(courses)),
        courses * model.mean[None, None],
        courses * (model.covariance + np.outer(model.mean, model.mean))[None],
    )


def fitted(start: Model, scores: Floats, weight: int) -> Model:
    """The repeated-measures model of these courses and `weight` of the starting model's.

    Raises FitError where the fit has no maximum, which a weight above the visits prevents.
    """
    sums = sums_of(scores, start.visits)
    found = fit(merge([sums, worth(start, weight)]) if weight else sums)
    if not found.is_usable:
        raise FitError(found.note)
    return replace(start, mean=found.mean([1.0]), covariance=found.covariance, courses=len(scores))


@dataclass(frozen=True, slots=True, eq=False)
class Told:
    """Forecasts beside what came, one row each. `bands`: by percent, (low, high). `chances`: by
    percent of relief."""

    course: Floats
    start: Floats
    came: Floats
    bands: dict[int, tuple[Floats, Floats]]
    chances: dict[int, Floats]


def told(model: Model, scores: Floats, rules: ForecastRules) -> Iterator[Told]:
    """Each later answer of each course, forecast from every stand before it since its start."""
    for known_until in range(len(model.visits) - 1):
        seen = ~np.isnan(scores[:, : known_until + 1])
        # A stand is new where the last visit was answered; the start must be there to compare with.
        rows = np.flatnonzero(seen[:, known_until] & seen[:, 0] & (scores[:, 0] > model.low))
        patterns = seen[rows] @ (1 << np.arange(known_until + 1))
        for pattern in np.unique(patterns):
            of = rows[patterns == pattern]
            until = scores[of].copy()
            until[:, known_until + 1 :] = np.nan
            ahead = given(model, until)
            bands = {int(s): band(model, ahead, float(s) / 100) for s in rules.bands}
            likely = {int(v): chances(model, ahead, until[:, 0], float(v)) for v in rules.levels}
            for at in range(known_until + 1, len(model.visits)):
                came = ~np.isnan(scores[of, at])
                if came.any():
                    yield Told(
                        of[came].astype(float),
                        until[came, 0],
                        scores[of[came], at],
                        {s: (low[came, at], high[came, at]) for s, (low, high) in bands.items()},
                        {v: chance[came, at] for v, chance in likely.items()},
                    )


def checked(
    found: Sequence[Told], rules: ForecastRules, id: str, people: str, source: str
) -> ForecastCheck:
    """Bands and chances against what came. Forecasts of one course hang together, so that no
    intervals are given; the number of courses stands beside. Raises FitError without an answer."""
    if not found:
        raise FitError("No course has an answer after its start: nothing can be checked.")
    start, came = (np.concatenate([getattr(t, n) for t in found]) for n in ("start", "came"))
    inside = {}
    for share in map(int, rules.bands):
        low, high = (np.concatenate([t.bands[share][i] for t in found]) for i in (0, 1))
        inside[str(share)] = int(((came >= low - 1e-9) & (came <= high + 1e-9)).sum())
    levels = []
    for level in map(int, rules.levels):
        chance = np.concatenate([t.chances[level] for t in found])
        # All scales of forecasts begin at 0, the best end: relief is a share of the start.
        reached = came <= (1 - level / 100) * start + 1e-9
        levels.append(_level(level, chance, reached))
    return ForecastCheck(
        id=id,
        courses=len(np.unique(np.concatenate([t.course for t in found]))),
        answers=len(came),
        inside=inside,
        levels=tuple(levels),
        people=people,
        source=source,
    )


def cross_checked(
    start: Model, scores: Floats, rules: ForecastRules, people: str, source: str
) -> ForecastCheck:
    """The check of a fit: each of `folds` parts forecast by a fit to the others."""
    part = np.arange(len(scores)) % rules.folds
    found: list[Told] = []
    for fold in range(rules.folds):
        model = fitted(start, scores[part != fold], rules.start_weight)
        held_out = np.where((part == fold)[:, None], scores, np.nan)
        found += told(model, held_out, rules)
    return checked(found, rules, "own", people, source)


def own_forecast(
    start_id: str, start: Model, scores: Floats, rules: ForecastRules, cut: str
) -> OwnForecast | None:
    """The model of the clinic's own courses as it is kept; None until there are enough of them."""
    answered = ~np.isnan(scores)
    if (answered[:, 0] & answered[:, 1:].any(axis=1)).sum() < rules.enough_courses:
        return None
    model = fitted(start, scores, rules.start_weight)
    words = "the clinic's own courses, each part forecast by a fit to the other parts"
    return OwnForecast(
        start=start_id,
        visits=model.visits,
        mean=tuple(map(_exact, model.mean)),
        covariance=tuple(tuple(map(_exact, row)) for row in model.covariance),
        courses=model.courses,
        answered=tuple(int(n) for n in answered.sum(axis=0)),
        cut=cut,
        check=cross_checked(start, scores, rules, words, "Clinic's own: the registry"),
    )


def _level(level: int, chance: Floats, reached: NDArray[np.bool_]) -> ForecastLevel:
    overall = float(reached.mean())
    grouped = bins(chance, reached, BINS)
    try:
        line = recalibration(np.clip(chance, SURE, 1 - SURE), reached)
    except FitError:  # everybody reached it, or nobody: no line can be drawn
        line = None
    return ForecastLevel(
        level=level,
        forecasts=len(chance),
        reached=int(reached.sum()),
        brier=_short(brier(chance, reached).score),
        brier_alike=_short(overall * (1 - overall)),
        slope=_short(line.slope[0]) if line else None,
        in_the_large=_short(line.in_the_large[0]) if line else None,
        bins=tuple(
            (_short(f), _short(o), int(n))
            for f, o, n in zip(
                grouped.forecast,
                np.atleast_1d(grouped.observed.estimate),
                grouped.courses,
                strict=True,
            )
        ),
    )


def _exact(number: float) -> Decimal:
    return Decimal(f"{number:.9g}") + 0


def _short(number: float) -> Decimal:
    return Decimal(f"{number:.4f}").normalize() + 0

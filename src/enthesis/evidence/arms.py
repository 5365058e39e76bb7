"""One study, one vote: several arms, or several outcomes, of a study without counting people twice.

In a pairwise pool, arms that get the same treatment are combined into one, which is exact. (The
alternative of splitting a shared control group keeps the arms apart but treats differences that
share people as independent; a network takes such studies whole, see `network`.) Several outcomes
of the same people are averaged, with their correlation as an argument, since papers hardly ever
print it: show the answer for more than one value.
"""

import numpy as np
from numpy.typing import ArrayLike

from enthesis.evidence.effects import Effects
from enthesis.evidence.ragged import Floats, StudyError


def combine_arms(mean: ArrayLike, sd: ArrayLike, n: ArrayLike) -> tuple[float, float, float]:
    """Mean, SD and number of people of several arms as if they had been one.

    Exact: the SD includes the differences between the arms (Cochrane Handbook 6.5.2.10).
    """
    means, sds, people = _rows(mean, sd, n)
    if (people < 2).any() or (sds < 0).any():
        raise StudyError("each arm needs at least 2 people and an SD of 0 or more")
    total = people.sum()
    middle = float(people @ means / total)
    squares = (people - 1) @ sds**2 + people @ (means - middle) ** 2
    return middle, float(np.sqrt(squares / (total - 1))), float(total)


def combine_event_arms(events: ArrayLike, n: ArrayLike) -> tuple[float, float]:
    """Events and people of several arms together."""
    counts, people = _rows(events, n)
    if (counts < 0).any() or (counts > people).any():
        raise StudyError("events lie between 0 and the number of people")
    return float(counts.sum()), float(people.sum())


def average_outcomes(effects: Effects, correlation: float) -> tuple[float, float]:
    """One estimate and variance from several outcomes of the same people.

    Their plain mean; its variance with every pair of outcomes correlated by `correlation`.
    With 1 nothing is gained by a further outcome, with 0 they would count as different people.
    """
    if not 0 <= correlation <= 1:
        raise StudyError("the correlation between a study's outcomes must lie between 0 and 1")
    errors = np.sqrt(effects.variances)
    together = correlation * errors.sum() ** 2 + (1 - correlation) * (errors @ errors)
    return float(effects.estimates.mean()), float(together / errors.size**2)


def _rows(*columns: ArrayLike) -> tuple[Floats, ...]:
    rows = tuple(np.atleast_1d(np.asarray(column, dtype=np.float64)) for column in columns)
    if len({row.size for row in rows}) != 1 or not all(np.isfinite(row).all() for row in rows):
        raise StudyError("every arm needs all its numbers")
    return rows

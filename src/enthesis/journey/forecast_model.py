"""The model that forecasts: scores at scheduled visits as one normal vector, given the answers.

    ahead = given(model, scores)         # expected score and spread at every visit
    band(model, ahead, 0.8), chances(model, ahead, start, 50)

The visits are the start (0), after session k (k) and the windows after the series (100 + number of
the window). Mean and covariance are those of the registry's repeated-measures model or, until there
are enough courses, of published trials (`starting_model`): so what is forecast is an *answer*, with
the error of answering in it. Conditioning is in closed form. The scale is kept by censoring: what
would fall beyond an end counts as the end. A level counts as reached from half a step away, because
answers come in steps.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtr, ndtri

from enthesis.knowledge.kinds import ForecastStart, Knowledge, OwnForecast

Floats = NDArray[np.float64]
AFTER_SERIES = 100
"""Visits of windows are numbered from here, so that no number of sessions is mistaken for one."""


@dataclass(frozen=True, slots=True, eq=False)
class Model:
    """m visits: their numbers, mean (m,) and covariance (m, m) of the scores; the ends of the scale
    (the low one is the best) and the step between answers. `courses`: how many of the clinic's own
    it rests on; 0 where it is from published trials alone."""

    visits: tuple[int, ...]
    mean: Floats
    covariance: Floats
    low: float
    high: float
    step: float
    courses: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class Ahead:
    """Scores as they would be without ends of the scale, given answers. `mean`: (..., m).
    `sd`: (m,), 0 where the score is known."""

    mean: Floats
    sd: Floats


# --- the closed form


def given(model: Model, scores: ArrayLike) -> Ahead:
    """Condition on scores (m,) or (n, m) with the same gaps (NaN: not answered, or to come)."""
    values = np.asarray(scores, dtype=np.float64)
    seen = ~np.isnan(values if values.ndim == 1 else values[0])
    if not seen.any():
        mean = np.broadcast_to(model.mean, values.shape).copy()
        return Ahead(mean, np.sqrt(np.diagonal(model.covariance)))
    across = model.covariance[seen]
    slopes = np.linalg.solve(across[:, seen], across)
    mean = model.mean + (values[..., seen] - model.mean[seen]) @ slopes
    left = np.diagonal(model.covariance) - np.einsum("ij,ij->j", across, slopes)
    left = np.where(seen, 0.0, np.maximum(left, 0.0))
    mean[..., seen] = values[..., seen]
    return Ahead(mean, np.sqrt(left))


def expected(model: Model, ahead: Ahead) -> Floats:
    """(..., m): the mean score, what lies beyond an end counted as the end."""
    sd = np.maximum(ahead.sd, 1e-9)
    a, b = (model.low - ahead.mean) / sd, (model.high - ahead.mean) / sd
    inside = ahead.mean * (ndtr(b) - ndtr(a)) + sd * (_density(a) - _density(b))
    found = model.low * ndtr(a) + inside + model.high * ndtr(-b)
    # Rounding may leave the scale by a last digit where all lies beyond an end.
    return np.asarray(np.clip(found, model.low, model.high))


def band(model: Model, ahead: Ahead, share: float) -> tuple[Floats, Floats]:
    """(..., m) lowest and highest score: the middle `share` (0 … 1) of what may be answered.

    Where more than a tail lies at the best end, that end is in the band anyway, and what it takes
    in too much is given back at the other, so that the band holds its share and no more.
    """
    sd, tail = np.maximum(ahead.sd, 1e-9), (1 - share) / 2
    at_low = ndtr((model.low - ahead.mean) / sd)
    at_high = ndtr((ahead.mean - model.high) / sd)
    upper, lower = np.clip(at_low, tail, 2 * tail), np.clip(at_high, tail, 2 * tail)
    ends = (ahead.mean + sd * ndtri(lower), ahead.mean - sd * ndtri(upper))
    low, high = (np.clip(end, model.low, model.high) for end in ends)
    return np.asarray(low), np.asarray(high)


def chances(model: Model, ahead: Ahead, start: ArrayLike, level: float) -> Floats:
    """(..., m): the chance that the answer shows relief of `level` percent from `start`."""
    limit = model.low + (1 - level / 100) * (np.asarray(start, dtype=np.float64) - model.low)
    reach = np.floor((limit - model.low) / model.step + 1e-9) * model.step + model.low
    sd = np.maximum(ahead.sd, 1e-9)
    return np.asarray(ndtr((reach[..., None] + model.step / 2 - ahead.mean) / sd))


def _density(z: Floats) -> Floats:
    return np.asarray(np.exp(-z * z / 2) / np.sqrt(2 * np.pi))


# --- where the model is from


def starting_model(start: ForecastStart, known: Knowledge) -> Model:
    """From published trials: scores agree less the further apart, and each answer has its error.

    Two answers w weeks apart share the part without answering error; of that, `stable_share` for
    good and the rest less and less, by a factor e in `fade_weeks`.
    """
    weeks, mean, sd = np.array(
        [(float(v.weeks), float(v.mean), float(v.sd)) for v in start.visits]
    ).T
    stable, fade = float(start.stable_share), float(start.fade_weeks)
    apart = np.abs(weeks[:, None] - weeks)
    lasting = np.sqrt(np.maximum(sd**2 - float(start.answer_sd) ** 2, 0))
    shared = np.outer(lasting, lasting) * (stable + (1 - stable) * np.exp(-apart / fade))
    covariance = shared + np.diag(sd**2 - lasting**2)
    return _model(start, known, visits_of(start, known), mean, covariance, 0)


def own_model(own: OwnForecast, known: Knowledge) -> Model:
    """The clinic's own, as its last refit left it."""
    start = known.forecast_starts[own.start]
    mean = np.array(own.mean, dtype=np.float64)
    covariance = np.array(own.covariance, dtype=np.float64)
    return _model(start, known, own.visits, mean, covariance, own.courses)


def visits_of(start: ForecastStart, known: Knowledge) -> tuple[int, ...]:
    """The numbers of its visits: sessions given, or 100 and the number of a window."""
    return tuple(
        AFTER_SERIES + known.windows[v.window].number if v.session is None else v.session
        for v in start.visits
    )


def _model(
    start: ForecastStart,
    known: Knowledge,
    visits: tuple[int, ...],
    mean: Floats,
    covariance: Floats,
    courses: int,
) -> Model:
    measure = known.measures[start.measure]
    ends = float(measure.minimum), float(measure.maximum)
    return Model(visits, mean, covariance, *ends, float(start.step), courses)

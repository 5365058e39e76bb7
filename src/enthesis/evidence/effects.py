"""Effect sizes of single studies with their sampling variances.

Each function takes arrays (or numbers) of equal shape and gives `Effects`: on the analysis scale,
which is the logarithm for ratios. Arm 1 is the treatment, arm 2 the comparator; a positive
difference means arm 1 is larger. The formulas and their defaults are those of metafor's `escalc`
(Viechtbauer 2010, J Stat Softw 36(3)), so that the numbers can be checked against it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import gammaln

from enthesis.evidence.ragged import Floats, StudyError


class Measure(StrEnum):
    """How two arms are compared; the value is the short name used in files."""

    MD = "MD"
    SMD = "SMD"
    ROM = "ROM"
    OR = "OR"
    RR = "RR"
    RD = "RD"

    @property
    def is_ratio(self) -> bool:
        """Whether the analysis scale is the logarithm."""
        return self in {Measure.ROM, Measure.OR, Measure.RR}

    @property
    def from_events(self) -> bool:
        """Whether it compares counts of events rather than means."""
        return self in {Measure.OR, Measure.RR, Measure.RD}


@dataclass(frozen=True, slots=True)
class Effects:
    """Estimates and sampling variances on the analysis scale, equal shapes."""

    estimates: Floats
    variances: Floats


@dataclass(frozen=True, slots=True)
class Means:
    """Mean, standard deviation and number of people of two arms; arrays of equal shape."""

    mean_1: Floats
    sd_1: Floats
    n_1: Floats
    mean_2: Floats
    sd_2: Floats
    n_2: Floats

    def checked(self) -> "Means":
        """Itself, or StudyError naming the first impossible value."""
        for name in ("mean_1", "mean_2"):
            _refuse(~np.isfinite(getattr(self, name)), f"{name} is not a finite number")
        for name in ("sd_1", "sd_2"):
            sd = getattr(self, name)
            _refuse(~np.isfinite(sd), f"{name} is missing or not a finite number")
            _refuse(sd < 0, f"{name} is negative; a standard deviation is 0 or more")
        for name in ("n_1", "n_2"):
            n = getattr(self, name)
            _refuse(~np.isfinite(n), f"{name} is missing or not a finite number")
            _refuse(n < 2, f"{name} must be at least 2 people to have a standard deviation")
        return self


@dataclass(frozen=True, slots=True)
class Counts:
    """People with the event and people in all, of two arms; arrays of equal shape."""

    events_1: Floats
    n_1: Floats
    events_2: Floats
    n_2: Floats

    def checked(self) -> "Counts":
        """Itself, or StudyError naming the first impossible value."""
        for arm in ("1", "2"):
            events, n = getattr(self, f"events_{arm}"), getattr(self, f"n_{arm}")
            _refuse(~np.isfinite(n), f"n_{arm} is missing or not a finite number")
            _refuse(~np.isfinite(events), f"events_{arm} is missing or not a finite number")
            _refuse(n < 1, f"n_{arm} must be at least 1")
            _refuse(events < 0, f"events_{arm} is negative")
            _refuse(events > n, f"events_{arm} is greater than n_{arm}")
        return self


def means(
    mean_1: ArrayLike,
    sd_1: ArrayLike,
    n_1: ArrayLike,
    mean_2: ArrayLike,
    sd_2: ArrayLike,
    n_2: ArrayLike,
) -> Means:
    """Two arms described by mean, standard deviation and number of people, checked."""
    return Means(*_columns(mean_1, sd_1, n_1, mean_2, sd_2, n_2)).checked()


def counts(events_1: ArrayLike, n_1: ArrayLike, events_2: ArrayLike, n_2: ArrayLike) -> Counts:
    """Two arms described by events among people, checked."""
    return Counts(*_columns(events_1, n_1, events_2, n_2)).checked()


def mean_difference(arms: Means) -> Effects:
    """Raw mean difference; the arms may differ in variance."""
    variances = arms.sd_1**2 / arms.n_1 + arms.sd_2**2 / arms.n_2
    return Effects(arms.mean_1 - arms.mean_2, _positive(variances))


def standardised_mean_difference(arms: Means) -> Effects:
    """Hedges' g: pooled standard deviation, exact small-sample correction.

    Variance 1/n₁ + 1/n₂ + g²/(2(n₁+n₂)) (metafor's `vtype="LS"`).
    """
    pooled_sd = pooled_standard_deviation(arms)
    _refuse(~(pooled_sd > 0), "both standard deviations are 0: the difference has no scale")
    together = arms.n_1 + arms.n_2
    g = hedges_correction(together - 2) * (arms.mean_1 - arms.mean_2) / pooled_sd
    return Effects(g, 1 / arms.n_1 + 1 / arms.n_2 + g**2 / (2 * together))


def ratio_of_means(arms: Means) -> Effects:
    """Log ratio of means (log response ratio); both means must have the same sign."""
    _refuse(
        ~(arms.mean_1 * arms.mean_2 > 0), "a ratio of means needs two means of the same sign, not 0"
    )
    variances = arms.sd_1**2 / (arms.n_1 * arms.mean_1**2) + arms.sd_2**2 / (
        arms.n_2 * arms.mean_2**2
    )
    return Effects(np.log(arms.mean_1 / arms.mean_2), _positive(variances))


def odds_ratio(arms: Counts) -> Effects:
    """Log odds ratio. A study with an empty cell gets ½ added to all four cells."""
    _refuse(_says_nothing(arms), _NO_RATIO)
    a, b, c, d = _filled_cells(arms)
    p_1, p_2 = a / (a + b), c / (c + d)
    estimates = np.log(p_1 / (1 - p_1)) - np.log(p_2 / (1 - p_2))
    return Effects(estimates, 1 / a + 1 / b + 1 / c + 1 / d)


def risk_ratio(arms: Counts) -> Effects:
    """Log risk ratio. A study with an empty cell gets ½ added to all four cells."""
    _refuse(_says_nothing(arms), _NO_RATIO)
    a, b, c, d = _filled_cells(arms)
    n_1, n_2 = a + b, c + d
    return Effects(np.log(a / n_1) - np.log(c / n_2), 1 / a - 1 / n_1 + 1 / c - 1 / n_2)


def risk_difference(arms: Counts) -> Effects:
    """Risk difference. A study with an empty cell gets ½ added to all four cells.

    With no events (or only events) in both arms the difference is still an answer, 0, and stays.
    """
    a, b, c, d = _filled_cells(arms)
    n_1, n_2 = a + b, c + d
    variances = a * b / n_1**3 + c * d / n_2**3
    return Effects(a / n_1 - c / n_2, variances)


def reported(estimates: ArrayLike, standard_errors: ArrayLike) -> Effects:
    """A contrast as the paper reports it, on the analysis scale already."""
    values, errors = _columns(estimates, standard_errors)
    _refuse(~np.isfinite(values), "the estimate is not a finite number")
    _refuse(~np.isfinite(errors), "the standard error is missing or not a finite number")
    _refuse(~(errors > 0), "the standard error must be greater than 0")
    return Effects(values, errors**2)


_OF_MEANS: dict[Measure, Callable[[Means], Effects]] = {
    Measure.MD: mean_difference,
    Measure.SMD: standardised_mean_difference,
    Measure.ROM: ratio_of_means,
}
_OF_COUNTS: dict[Measure, Callable[[Counts], Effects]] = {
    Measure.OR: odds_ratio,
    Measure.RR: risk_ratio,
    Measure.RD: risk_difference,
}


def compare_means(measure: Measure, arms: Means) -> Effects:
    """The effect of `measure` (MD, SMD or ROM) from means."""
    if measure not in _OF_MEANS:
        raise StudyError(f"{measure} needs events, not means; from means use MD, SMD or ROM")
    return _OF_MEANS[measure](arms)


def compare_counts(measure: Measure, arms: Counts) -> Effects:
    """The effect of `measure` (OR, RR or RD) from events."""
    if measure not in _OF_COUNTS:
        raise StudyError(f"{measure} needs means, not events; from events use OR, RR or RD")
    return _OF_COUNTS[measure](arms)


def hedges_correction(df: ArrayLike) -> Floats:
    """Exact small-sample factor J = Γ(m/2) / (√(m/2) Γ((m−1)/2)); 1 − 3/(4m−1) is near it."""
    m = np.asarray(df, dtype=np.float64)
    _refuse(~(m >= 2), "needs at least 4 people in all for the small-sample correction")
    return np.asarray(np.exp(gammaln(m / 2) - 0.5 * np.log(m / 2) - gammaln((m - 1) / 2)))


def pooled_standard_deviation(arms: Means) -> Floats:
    """Standard deviation of both arms together, each about its own mean."""
    squares = (arms.n_1 - 1) * arms.sd_1**2 + (arms.n_2 - 1) * arms.sd_2**2
    return np.asarray(np.sqrt(squares / (arms.n_1 + arms.n_2 - 2)))


_NO_RATIO = (
    "no events in either arm (or events in everybody): the study says nothing about a ratio; "
    "leave it out or use the risk difference"
)


def _says_nothing(arms: Counts) -> NDArray[np.bool_]:
    none = (arms.events_1 == 0) & (arms.events_2 == 0)
    everybody = (arms.events_1 == arms.n_1) & (arms.events_2 == arms.n_2)
    return np.asarray(none | everybody)


def _filled_cells(arms: Counts) -> tuple[Floats, Floats, Floats, Floats]:
    """The 2×2 cells; ½ added to all four of a study that has an empty one (metafor's default)."""
    cells = np.stack(
        [arms.events_1, arms.n_1 - arms.events_1, arms.events_2, arms.n_2 - arms.events_2]
    )
    a, b, c, d = cells + 0.5 * (cells == 0).any(axis=0)
    return a, b, c, d


def _positive(variances: Floats) -> Floats:
    _refuse(~(variances > 0), "both standard deviations are 0: the sampling variance would be 0")
    return variances


def _columns(*values: ArrayLike) -> tuple[Floats, ...]:
    arrays = np.broadcast_arrays(
        *(np.atleast_1d(np.asarray(value, dtype=np.float64)) for value in values)
    )
    return tuple(np.array(array, dtype=np.float64) for array in arrays)


def _refuse(bad: object, problem: str) -> None:
    """Raise StudyError for the first study for which `bad` is true."""
    mask = np.atleast_1d(np.asarray(bad, dtype=bool))
    if mask.any():
        raise StudyError(problem, int(np.argmax(mask)))

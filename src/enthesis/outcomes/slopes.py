"""Each course has its own line: a linear mixed model with random intercept and slope."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Method = Literal["reml", "ml"]


@dataclass(frozen=True, slots=True, eq=False)
class SlopesFit:
    """The fitted model; p coefficients.

    `names`, `coefficients`, `se`, `df`: (p,). `vcov`: (p, p) of the coefficients. `covariance`:
    (2, 2) between courses, of intercept and slope. `residual_variance`: within a course.
    `boundary`: the covariance between courses is singular; `df` is then NaN (undefined).
    """

    names: tuple[str, ...]
    coefficients: Floats
    se: Floats
    vcov: Floats
    df: Floats
    covariance: Floats
    residual_variance: float
    minus2_log_likelihood: float
    boundary: bool
    n_subjects: int
    n_observations: int
    method: Method


def fit_slopes(
    subject: ArrayLike,
    time: ArrayLike,
    outcome: ArrayLike,
    design: ArrayLike,
    names: Sequence[str],
    method: Method = "reml",
) -> SlopesFit:
    """Fit outcome ~ design + (1 + time | subject). One row per observation, design (rows, p)."""
    raise NotImplementedError("Being written: the signature is what others build on.")

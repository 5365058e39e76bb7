"""One set of `reference.json` beside our fit: how far apart, in units that say if it matters."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from enthesis.outcomes.slope_likelihood import Point
from enthesis.outcomes.slope_standard import Standardised, standardised
from enthesis.outcomes.slope_sums import rows_of
from enthesis.outcomes.slopes import SlopesFit, course_lines, fit_slopes

HERE = Path(__file__).parent
METHODS = ("reml", "ml")


def read_reference(path: Path = HERE / "reference.json") -> list[dict[str, Any]]:
    return json.loads(path.read_text(encoding="utf-8"))["cases"]


def numbers(values: object) -> np.ndarray:
    """A list as floats, null as NaN."""
    return np.array(values, dtype=np.float64)


def standard(case: dict[str, Any]) -> Standardised:
    columns = (case[name] for name in ("subject", "time", "outcome", "design", "names"))
    return standardised(rows_of(*columns))


_FITS: dict[tuple[int, str], SlopesFit] = {}


def fitted(case: dict[str, Any], method: str) -> SlopesFit:
    """Our fit, made once per process."""
    key = id(case), method
    if key not in _FITS:
        columns = (case[name] for name in ("subject", "time", "outcome", "design", "names"))
        _FITS[key] = fit_slopes(*columns, method)
    return _FITS[key]


def relative(theta: list[float]) -> np.ndarray:
    """lme4's θ as D₁₁, D₁₂, D₂₂."""
    a, b, c = theta
    return np.array([a * a, a * b, b * b + c * c])


@dataclass(frozen=True)
class Apart:
    """`deviance`; `coefficients` and `deviations` in standard errors; `se`, `sigma` as shares."""

    deviance: float
    coefficients: float
    se: float
    sigma: float


def at_same_variances(case: dict[str, Any], method: str) -> list[Apart]:
    """At each θ of the reference."""
    ours = standard(case)
    rows = []
    for theirs in case["answers"][method]["at"]:
        point = ours.at(relative(theirs["theta"]), restricted=method == "reml")
        coefficients, se, sigma = in_own_units(ours, point)
        far = np.abs(coefficients - numbers(theirs["coefficients"])) / se
        rows.append(
            Apart(
                abs(ours.deviance(point) - theirs["deviance"]),
                float(far.max()),
                float(np.max(np.abs(se / numbers(theirs["se"]) - 1))),
                abs(sigma / theirs["sigma"] - 1),
            )
        )
    return rows


def in_own_units(ours: Standardised, point: Point) -> tuple[np.ndarray, np.ndarray, float]:
    sigma = ours.scale * float(np.sqrt(point.rss / point.free))
    spread = sigma**2 * ours.turn @ point.a_inverse @ ours.turn.T
    coefficients = ours.first_fit + ours.scale * ours.turn @ point.beta
    return coefficients, np.sqrt(np.diagonal(spread)), sigma


def lines_apart(case: dict[str, Any], method: str) -> float:
    """Predicted deviations of the first courses and their spread, at each θ, in residual SDs."""
    far = [0.0]
    for theirs in case["answers"][method]["at"]:
        d, sigma = relative(theirs["theta"]), theirs["sigma"]
        fit = fitted(case, method)
        known = {
            "coefficients": numbers(theirs["coefficients"]),
            "covariance": sigma**2 * np.array([[d[0], d[1]], [d[1], d[2]]]),
            "residual_variance": sigma**2,
        }
        at_theta = SlopesFit(**({name: getattr(fit, name) for name in fit.__slots__} | known))
        columns = (case[name] for name in ("subject", "time", "outcome", "design"))
        lines = course_lines(at_theta, *columns)
        own = lines.deviations[:3] - numbers(theirs["deviations"])
        far.append(float(np.max(np.abs(own)) / sigma))
        spread = lines.covariance[0] - numbers(theirs["spread"])
        far.append(float(np.max(np.abs(spread)) / sigma**2))
    return max(far)

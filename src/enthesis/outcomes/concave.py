"""Newton's method for a concave log-likelihood, and the cases in which it has no maximum.

If some combination of covariates tells the outcomes apart without error, the likelihood rises for
ever along it: the estimate is infinite (Albert & Anderson 1984, Biometrika 71:1). Programs then
print a large number with a larger standard error. Here a linear programme decides (Konis 2007,
thesis, Oxford): it looks for a direction d with h'd ≥ 0 for every h in `never_fall`, the rows along
which a term of the likelihood rises or stays, and h'd > 0 for one.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from enthesis.outcomes.errors import FitError

Floats = NDArray[np.float64]

ENOUGH = 1e-20
"""Rest when the next step would raise the log-likelihood by less."""
SUSPICIOUS = 1e-4
"""Information that has fallen to less than this share of what it was at the start."""
STEPS = 60


@dataclass(frozen=True, slots=True, eq=False)
class Hill:
    """The log-likelihood at one place: `height`, `slope` (p,), `information` (p, p), minus its
    second derivatives."""

    height: float
    slope: Floats
    information: Floats


def summit(
    hill: Callable[[Floats], Hill | None],
    start: Floats,
    never_fall: Callable[[], Floats],
    names: Sequence[str],
) -> tuple[Floats, Hill]:
    """Where the log-likelihood is highest, and what it looks like there.

    `hill` gives None where the likelihood is not defined. Raises FitError naming what is infinite,
    or what depends on each other.
    """
    place, here = start, hill(start)
    if here is None:
        raise FitError("The likelihood cannot be computed at the start.")
    first, known_finite = check_independent(here.information, names), False
    for _ in range(STEPS):
        values, vectors = np.linalg.eigh(here.information / np.outer(first, first))
        if values[0] < SUSPICIOUS and not known_finite:
            _refuse_infinite(never_fall(), names)
            known_finite = True
        step = vectors @ ((vectors.T @ (here.slope / first)) / np.maximum(values, 1e-300)) / first
        if float(here.slope @ step) <= ENOUGH:
            return place, here
        moved = _uphill(hill, place, here, step)
        if moved is None:
            return place, here
        place, here = moved
    _refuse_infinite(never_fall(), names)
    raise FitError("The likelihood's maximum was not found. Scale the covariates to a like size.")


def check_independent(squares: Floats, names: Sequence[str]) -> Floats:
    """The square roots of the diagonal of a (p, p) matrix of squares or information.

    Raises FitError naming the columns that are empty or depend on each other.
    """
    size = np.sqrt(np.maximum(np.diagonal(squares), 0))
    check_varying(size > 0, names)
    values, vectors = np.linalg.eigh(squares / np.outer(size, size))
    if values[0] < 1e-11:
        share = np.abs(vectors[:, 0])
        involved = ", ".join(n for n, s in zip(names, share, strict=True) if s > 1e-4)
        raise FitError(f"These columns of the design depend on each other: {involved}. Drop one.")
    return size


def check_varying(varies: NDArray[np.bool_], names: Sequence[str]) -> None:
    """Raises FitError naming the columns that do not vary where it counts."""
    if not varies.all():
        still = ", ".join(n for n, v in zip(names, varies, strict=True) if not v)
        raise FitError(f"These columns of the design do not vary where it counts: {still}.")


def _uphill(
    hill: Callable[[Floats], Hill | None], place: Floats, here: Hill, step: Floats
) -> tuple[Floats, Hill] | None:
    rise = float(here.slope @ step)
    for share in 0.5 ** np.arange(40):
        there = hill(place + share * step)
        allowed = here.height + 1e-4 * share * rise - 1e-14 * abs(here.height)
        if there is not None and there.height >= allowed:
            return place + share * step, there
    return None


def _refuse_infinite(never_fall: Floats, names: Sequence[str]) -> None:
    # Imported here: a second of start-up for a rare question.
    from scipy.optimize import linprog

    rows = np.unique(never_fall, axis=0)
    scaled = rows / np.maximum(np.abs(rows).max(axis=0), 1e-300)
    answer = linprog(-scaled.sum(axis=0), A_ub=-scaled, b_ub=np.zeros(len(scaled)), bounds=(-1, 1))
    if answer.status != 0 or -answer.fun < 1e-7:
        return
    involved = ", ".join(n for n, d in zip(names, answer.x, strict=True) if abs(d) > 1e-7)
    raise FitError(
        f"The outcomes are told apart without error by {involved}: the best estimate is infinite. "
        "Some group has nobody with, or nobody without, the outcome. Put groups together, or give "
        "the counts instead."
    )

"""The true parameters of an invented registry, and what follows from them exactly.

Pain is multivariate normal before it is rounded, so that the means of latent and of rounded
answers, and the share whose target was reached by a session, are known without simulation.
"""

import tomllib
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from importlib import resources

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from enthesis import shape

Floats = NDArray[np.float64]
Numbers = tuple[Decimal, ...]
WORST = 10


@dataclass(frozen=True, slots=True)
class Windows:
    """`days` from session 1; `sd` and `correlation` of latent pain around an arm's mean."""

    days: tuple[int, ...]
    sd: Numbers
    correlation: tuple[Numbers, ...]

    def __post_init__(self) -> None:
        m = len(self.days)
        if len(self.sd) != m or any(len(row) != m for row in (self.correlation, *self.correlation)):
            raise ValueError(f"sd and correlation must fit the {m} days")
        matrix = np.array(self.correlation, dtype=float)
        if not np.array_equal(matrix, matrix.T) or np.linalg.eigvalsh(matrix)[0] <= 0:
            raise ValueError("correlation must be symmetric and positive definite")

    @property
    def covariance(self) -> Floats:
        """(m, m)."""
        sd = np.array(self.sd, dtype=float)
        return np.asarray(np.array(self.correlation, dtype=float) * np.outer(sd, sd))


@dataclass(frozen=True, slots=True)
class Arm:
    """Courses with one condition and protocol. `reach`, `stop`: share of them at each session."""

    condition: str
    protocol: str
    solution: str
    share: Decimal
    means: Numbers
    interval: int
    reach: Numbers
    stop: Numbers

    def __post_init__(self) -> None:
        if len(self.reach) != len(self.stop) or sum(self.reach) + sum(self.stop) > 1:
            raise ValueError("reach and stop need one share a session, together at most 1")

    @property
    def planned(self) -> int:
        """Sessions in the series."""
        return len(self.reach)

    def reached_by(self, sessions: int) -> float:
        """The true share whose target is reached by so many sessions, stopping competing."""
        return float(sum(self.reach[:sessions]))


@dataclass(frozen=True, slots=True)
class Series:
    """How sessions end. See the file."""

    follows_pain: Decimal
    answer_after_days: int


@dataclass(frozen=True, slots=True)
class Silence:
    """How answers go missing. See the file."""

    leave: Numbers
    per_point: Decimal
    skip: Decimal
    delta: Decimal


@dataclass(frozen=True, slots=True)
class Clinics:
    """How clinics differ. See the file."""

    count: int
    size_log_sd: Decimal
    mix_sd: Decimal
    pain_sd: Decimal
    clinicians: int


@dataclass(frozen=True, slots=True)
class Money:
    """What a session costs, and how much of it is paid. See the file."""

    price_cents: int
    price_log_sd: Decimal
    paid_at_once: Decimal


@dataclass(frozen=True, slots=True)
class Harm:
    """One kind of harm, its grade, and its true rate."""

    kind: str
    grade: int
    per_session: Decimal


@dataclass(frozen=True, slots=True)
class RegistryTruth:
    """All true parameters; `dataclasses.replace` makes another world of them."""

    cut_quarter: str
    follow_days: tuple[int, int]
    share_not_begun: Decimal
    share_baseline_missing: Decimal
    women: Decimal
    age: tuple[Decimal, Decimal]
    windows: Windows
    arm: tuple[Arm, ...]
    series: Series
    silence: Silence
    clinics: Clinics
    money: Money
    harm: tuple[Harm, ...]

    def __post_init__(self) -> None:
        m = len(self.windows.days)
        if sum(arm.share for arm in self.arm) != 1:
            raise ValueError("the shares of the arms must make 1")
        if any(len(arm.means) != m for arm in self.arm) or len(self.silence.leave) != m - 1:
            raise ValueError(f"means need {m} numbers, silence.leave {m - 1}")

    @property
    def means(self) -> Floats:
        """(arms, m): latent pain, before clinics differ."""
        return np.array([arm.means for arm in self.arm], dtype=float)


def rounded_mean(mean: Floats, sd: Floats) -> Floats:
    """The mean of a normal score after rounding to 0 … 10: Σ P(score is at least k), k = 1 … 10."""
    edges = np.arange(1, WORST + 1) - 0.5
    return np.asarray(ndtr((mean[..., None] - edges) / sd[..., None]).sum(axis=-1))


def read_truth(text: str) -> RegistryTruth:
    """The truth of a TOML text; raises shape.ShapeError with the place of a mistake."""
    return shape.read(RegistryTruth, tomllib.loads(text))


@cache
def shipped_registry_truth() -> RegistryTruth:
    """The truth that ships."""
    return read_truth(
        (resources.files(__package__) / "registry_truth.toml").read_text(encoding="utf-8")
    )

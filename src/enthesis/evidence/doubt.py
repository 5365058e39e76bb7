"""What in the numbers themselves lowers certainty: imprecision, inconsistency, small studies.

The three GRADE domains that can be computed. Every threshold is an argument (`DoubtRules`, from a
knowledge file); risk of bias and indirectness are judged by people and join in `grade`.
"""

import math
from dataclasses import dataclass
from enum import StrEnum

from enthesis.evidence.pool import Single


class Domain(StrEnum):
    """Why certainty is lowered."""

    RISK_OF_BIAS = "risk of bias"
    INCONSISTENCY = "inconsistency"
    INDIRECTNESS = "indirectness"
    IMPRECISION = "imprecision"
    SMALL_STUDIES = "small-study effects"


@dataclass(frozen=True, slots=True)
class DoubtRules:
    """The thresholds, all on the analysis scale of the outcome.

    `worthwhile` is the smallest effect that matters to a patient, greater than 0; `people_needed`
    the number below which an estimate is fragile whatever its interval; `substantial_i2` (percent)
    the inconsistency worth explaining; `studies_needed` the number below which asymmetry cannot
    be seen; `asymmetry_p` the p of Egger's test below which it is taken as seen.
    """

    worthwhile: float
    people_needed: int
    substantial_i2: float
    studies_needed: int
    asymmetry_p: float


@dataclass(frozen=True, slots=True)
class Doubt:
    """One domain: by how many levels it lowers certainty (0, 1 or 2), and why."""

    domain: Domain
    levels: int
    reason: str


def imprecision(pooled: Single, people: int, rules: DoubtRules) -> Doubt:
    """One level for each border that the confidence interval crosses, or for too few people."""
    where = f"the 95% interval, {_range(pooled.ci_low, pooled.ci_high)},"
    if math.isnan(pooled.ci_low):
        return Doubt(Domain.IMPRECISION, 2, "the studies give no interval at all")
    crossed = len(_regions(pooled.ci_low, pooled.ci_high, rules.worthwhile)) - 1
    if crossed == 2:
        reason = f"{where} allows a worthwhile benefit as well as a worthwhile harm"
        return Doubt(Domain.IMPRECISION, 2, reason)
    if crossed == 1:
        reason = f"{where} allows an effect that matters as well as one that does not"
        return Doubt(Domain.IMPRECISION, 1, reason)
    if people < rules.people_needed:
        reason = f"{people} people; fewer than {rules.people_needed} are fragile"
        return Doubt(Domain.IMPRECISION, 1, reason)
    return Doubt(Domain.IMPRECISION, 0, f"{where} lies on one side of what matters")


def inconsistency(pooled: Single, rules: DoubtRules) -> Doubt:
    """Levels by what the prediction interval allows that the confidence interval does not."""
    if pooled.k < 2 or math.isnan(pooled.prediction_low):
        return Doubt(Domain.INCONSISTENCY, 0, "with one study it cannot be known")
    if pooled.i2 < rules.substantial_i2:
        return Doubt(Domain.INCONSISTENCY, 0, f"I² {pooled.i2:.0f}%: the studies agree")
    mean = _regions(pooled.ci_low, pooled.ci_high, rules.worthwhile)
    new = _regions(pooled.prediction_low, pooled.prediction_high, rules.worthwhile)
    where = f"I² {pooled.i2:.0f}%, and a new study's true effect, " + _range(
        pooled.prediction_low, pooled.prediction_high
    )
    if len(new) == 3 and len(mean) < 3:
        return Doubt(Domain.INCONSISTENCY, 2, f"{where}, could be a benefit or a harm that matters")
    if new > mean:
        return Doubt(Domain.INCONSISTENCY, 1, f"{where}, may differ from the mean in what matters")
    return Doubt(Domain.INCONSISTENCY, 0, f"{where}, is as uncertain as the mean itself")


def small_studies(egger_p: float, k: int, rules: DoubtRules) -> Doubt:
    """One level when small studies tell another story than large ones."""
    if k < rules.studies_needed or math.isnan(egger_p):
        reason = f"{k} studies; fewer than {rules.studies_needed} cannot show it"
        return Doubt(Domain.SMALL_STUDIES, 0, reason)
    if egger_p < rules.asymmetry_p:
        reason = f"small studies differ from large ones (Egger's test, p = {egger_p:.3f})"
        return Doubt(Domain.SMALL_STUDIES, 1, reason)
    return Doubt(Domain.SMALL_STUDIES, 0, f"no asymmetry seen (Egger's test, p = {egger_p:.2f})")


def _regions(low: float, high: float, worthwhile: float) -> set[int]:
    """What an interval allows: −1 a worthwhile decrease, 0 too small to matter, 1 an increase."""
    regions = set()
    if low < -worthwhile:
        regions.add(-1)
    if low < worthwhile and high > -worthwhile:
        regions.add(0)
    if high > worthwhile:
        regions.add(1)
    return regions


def _range(low: float, high: float) -> str:
    return f"{low:.2f} to {high:.2f}"

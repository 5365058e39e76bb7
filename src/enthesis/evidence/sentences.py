"""The words for an answer, made from its numbers: direction, interval, certainty.

A sentence never claims more than the certainty carries ("may", "probably"), never turns a wide
interval into "no difference", and names what stands beside the counted trials.
"""

from collections.abc import Iterable, Sequence
from decimal import Decimal

from enthesis.evidence.grade import Certainty, Grade
from enthesis.evidence.pool import Single
from enthesis.evidence.trials import Trial
from enthesis.knowledge.paper import CertaintyLimits, Synthesis

MONTHS = {4: "1 month", 9: "2 months", 13: "3 months", 26: "6 months", 39: "9 months"}
YEARS = {52: "1 year", 65: "15 months", 104: "2 years"}
COUNT_WORDS = ("No", "One", "Two", "Three", "Four", "Five", "Six", "Seven", "Eight", "Nine")
# How sure: before "followed by", and with "make".
HEDGES = {
    Certainty.HIGH: ("is", "makes"),
    Certainty.MODERATE: ("is probably", "probably makes"),
    Certainty.LOW: ("may be", "may make"),
    Certainty.VERY_LOW: ("may be", "may make"),
}
GAIN, SMALL, LOSS = 1, 0, -1


def may(
    synthesis: Synthesis, trials: Sequence[Trial], pooled: Single | None, graded: Grade | None
) -> str:
    """The answer in words, as cautious as its certainty; never without those it must stand by."""
    counted = [one for one in trials if one.is_counted]
    if not counted or graded is None:
        return (
            f"Nothing can be said about {synthesis.outcome} compared with "
            f"{synthesis.comparator}: no trial's numbers can be counted."
        )
    if pooled:
        estimates, low, high = [pooled.estimate], pooled.ci_low, pooled.ci_high
    else:
        estimates = [one.estimate for one in counted]
        low, high = min(t.ci_low for t in counted), max(t.ci_high for t in counted)
    allowed = _allowed(low, high, synthesis)
    if allowed == {GAIN, SMALL, LOSS}:
        return (
            f"Whether prolotherapy is followed by {_better(synthesis)} than "
            f"{synthesis.comparator} is not known: the numbers allow a gain, no difference and a "
            "loss that people would notice."
        )
    told = _main(estimates, synthesis, graded.certainty)
    if graded.certainty is Certainty.VERY_LOW:
        told = f"The evidence is very uncertain: {told[:1].lower()}{told[1:]}"
    return (
        f"{told}{_also(estimates, allowed, low < 0 < high, synthesis)}.{_beside(synthesis, trials)}"
    )


def _beside(synthesis: Synthesis, trials: Sequence[Trial]) -> str:
    """Those that are only shown, must not be left out, and allow no difference."""
    names = [
        one.name
        for one in trials
        if one.shown_only and one.paper in synthesis.never_without and one.ci_low < 0 < one.ci_high
    ]
    if not names:
        return ""
    them = "fits" if len(names) == 1 else "fit"
    return f" {' and '.join(names)}, shown but not counted, also {them} with no difference."


def numbers(
    synthesis: Synthesis, trials: Sequence[Trial], pooled: Single | None
) -> tuple[str, ...]:
    """What the sentence rests on: the pool or each counted trial, then those only shown."""
    counted = [one for one in trials if one.is_counted]
    told = [_pool_words(synthesis, counted, pooled)] if pooled else []
    if not pooled:
        told += [_trial_words(one, synthesis) for one in counted]
    told += [
        f"Shown beside, not counted: {_trial_words(one, synthesis)} Reason: {one.shown_only}."
        for one in trials
        if one.shown_only
    ]
    return tuple(told)


def why_not_pooled(counted: int, limits: CertaintyLimits) -> str:
    """Why there is no diamond."""
    if counted == 0:
        return "No trial's numbers can be counted, so nothing is pooled."
    noun = "trial" if counted == 1 else "trials"
    return (
        f"{COUNT_WORDS[counted]} {noun}: too few to pool. A diamond needs "
        f"{limits.trials_to_pool} or more."
    )


def difference(value: float, synthesis: Synthesis) -> str:
    """3.5 points of 100 lower; 24 more of 100 people."""
    if synthesis.measure == "RD":
        return f"{abs(value):.0f} {_way(value, synthesis)} {synthesis.unit}"
    return f"{_size(value, synthesis)} {synthesis.unit} {_way(value, synthesis)}"


def interval(low: float, high: float, synthesis: Synthesis) -> str:
    """13.3 lower to 6.3 higher."""
    low_words, high_words = (
        f"{_size(end, synthesis)} {_way(end, synthesis)}" for end in (low, high)
    )
    return f"{low_words} to {high_words}"


def time(weeks: Decimal) -> str:
    """1 year, 6 months, 16 weeks."""
    known = (MONTHS | YEARS).get(int(weeks)) if weeks == int(weeks) else None
    return known or f"{weeks.normalize():f} weeks"


def ends(synthesis: Synthesis) -> tuple[str, str]:
    """The words at the low and the high end of the axis."""
    against, with_it = "comparison better", "prolotherapy better"
    return (with_it, against) if synthesis.better == "lower" else (against, with_it)


def _main(estimates: Iterable[float], synthesis: Synthesis, certainty: Certainty) -> str:
    is_followed, makes = HEDGES[certainty]
    gains = [-e if synthesis.better == "lower" else e for e in estimates]
    regions = {_region(gain, synthesis) for gain in gains}
    than = f"than {synthesis.comparator}"
    if regions == {SMALL}:
        return (
            f"Prolotherapy {makes} little or no difference that people would notice to "
            f"{synthesis.outcome}, compared with {synthesis.comparator}"
        )
    noticed = "enough for people to notice" if SMALL not in regions else "perhaps enough to notice"
    if min(gains) > 0:
        return f"Prolotherapy {is_followed} followed by {_better(synthesis)} {than}, {noticed}"
    if max(gains) < 0:
        return f"Prolotherapy {is_followed} followed by {_worse(synthesis)} {than}, {noticed}"
    return f"The trials point different ways on {synthesis.outcome}, compared {than[5:]}"


def _also(
    estimates: Iterable[float], allowed: set[int], spans_zero: bool, synthesis: Synthesis
) -> str:
    gains = [-e if synthesis.better == "lower" else e for e in estimates]
    rest = allowed - {_region(gain, synthesis) for gain in gains}
    words = {
        GAIN: "a gain that they would notice",
        SMALL: "no difference" if spans_zero else "a difference too small to notice",
        LOSS: "a loss that they would notice",
    }
    also = [words[region] for region in (GAIN, SMALL, LOSS) if region in rest]
    if not also and spans_zero and SMALL in allowed and len(allowed) > 1:
        also = ["no difference"]
    return f"; the numbers also allow {' and '.join(also)}" if also else ""


def _pool_words(synthesis: Synthesis, counted: Sequence[Trial], pooled: Single) -> str:
    people = sum(one.headcount for one in counted)
    told = (
        f"{len(counted)} trials, {people} people: {difference(pooled.estimate, synthesis)} "
        f"(95 % interval {interval(pooled.ci_low, pooled.ci_high, synthesis)})."
    )
    if pooled.prediction_low == pooled.prediction_low:
        where = interval(pooled.prediction_low, pooled.prediction_high, synthesis)
        told += f" The true difference in a new trial would be expected at {where}."
    return told


def _trial_words(one: Trial, synthesis: Synthesis) -> str:
    people = f", {one.headcount} people" if one.headcount else ""
    return (
        f"{one.name}{people}, after {time(one.weeks)}: {difference(one.estimate, synthesis)} "
        f"with prolotherapy (95 % interval {interval(one.ci_low, one.ci_high, synthesis)})."
    )


def _region(gain: float, synthesis: Synthesis) -> int:
    worthwhile = float(synthesis.worthwhile)
    return GAIN if gain > worthwhile else LOSS if gain < -worthwhile else SMALL


def _allowed(low: float, high: float, synthesis: Synthesis) -> set[int]:
    gains = (-high, -low) if synthesis.better == "lower" else (low, high)
    return set(range(_region(gains[0], synthesis), _region(gains[1], synthesis) + 1))


def _size(value: float, synthesis: Synthesis) -> str:
    places = {"MD": 1, "SMD": 2, "RD": 0}[synthesis.measure]
    return f"{abs(value):.{places}f}"


def _way(value: float, synthesis: Synthesis) -> str:
    if synthesis.measure == "RD":
        return "more" if value >= 0 else "fewer"
    return "higher" if value >= 0 else "lower"


def _better(synthesis: Synthesis) -> str:
    return _compared(synthesis, synthesis.better == "higher")


def _worse(synthesis: Synthesis) -> str:
    return _compared(synthesis, synthesis.better == "lower")


def _compared(synthesis: Synthesis, up: bool) -> str:
    if synthesis.measure == "RD":
        return f"{'more' if up else 'fewer'} people with {synthesis.outcome}"
    return f"{'higher' if up else 'lower'} {synthesis.outcome}"

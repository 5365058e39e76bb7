"""The answer of `enthesis pool` in lines of text: ratios as ratios, each with its interval."""

import math

from enthesis.evidence.moderators import Moderation
from enthesis.evidence.pool import Single
from enthesis.evidence.pool_csv import FileAnswer
from enthesis.evidence.sensitivity import Sensitivity


def more_lines(answer: FileAnswer, is_ratio: bool) -> list[str]:
    """What moderators and other sets of studies say; nothing where nobody asked."""
    lines = _moderation_lines(answer.moderation, is_ratio) if answer.moderation else []
    return lines + (_sensitivity_lines(answer.sensitivity, is_ratio) if answer.sensitivity else [])


def _moderation_lines(found: Moderation, is_ratio: bool) -> list[str]:
    # A slope on the log scale is a ratio of ratios per unit, and is shown as one.
    lines = ["", "Do the studies differ with it? (observed, not randomised)"]
    width = max(len(slope.name) for slope in found.slopes)
    for slope in found.slopes:
        shown = interval_words(slope.estimate, slope.ci_low, slope.ci_high, is_ratio)
        lines.append(f"  {slope.name:<{width}}  {shown}, {p_words(slope.p)}")
    explained = (
        "" if math.isnan(found.r2) else f", {found.r2:.0f}% of the τ² without them explained"
    )
    return [*lines, f"  τ² left {found.tau2:.4g}{explained}"]


def _sensitivity_lines(found: Sensitivity, is_ratio: bool) -> list[str]:
    lines = ["", f"τ², 95% interval: {found.tau2_low:.4g} to {found.tau2_high:.4g}"]
    names = [one.study for one in found.without] + [one.study for one in found.by_year]
    width = max(map(len, names), default=0)
    if found.without:
        lines += ["", "Without one study at a time (weight; ! where it changes a lot):"]
    for one in found.without:
        mark = " !" if one.is_influential else ""
        shown = _single(one.pooled, is_ratio)
        lines.append(f"  {one.study:<{width}}  {shown}  {one.weight:.0f}%{mark}")
    if found.by_year:
        lines += ["", "Study by study over the years:"]
        lines += [
            f"  {one.study:<{width}}  {_single(one.pooled, is_ratio)}" for one in found.by_year
        ]
    small = found.small_studies
    if not math.isnan(small.egger_p):
        lines += ["", f"Small studies: Egger's test {p_words(small.egger_p)}"]
    if small.missing and small.filled:
        filled = _single(small.filled, is_ratio)
        lines.append(f"  trim-and-fill adds {small.missing} on the {small.side}: {filled}")
    elif small.missing == 0:
        lines.append("  trim-and-fill adds none")
    return [*lines, *(f"note: {note}" for note in found.notes)]


def _single(one: Single, is_ratio: bool) -> str:
    if math.isnan(one.ci_low):
        return f"{number_words(one.estimate, is_ratio)} (no interval from one study)"
    return interval_words(one.estimate, one.ci_low, one.ci_high, is_ratio)


def summary_lines(name: str, one: Single, is_ratio: bool) -> list[str]:
    lines = [
        f"{name}: {interval_words(one.estimate, one.ci_low, one.ci_high, is_ratio)}, k {one.k}"
    ]
    if not math.isnan(one.prediction_low):
        low, high = (number_words(x, is_ratio) for x in (one.prediction_low, one.prediction_high))
        lines.append(f"  a new study's true effect, 95% prediction: {low} to {high}")
    if one.k > 1:
        tau2 = "" if math.isnan(one.tau2) else f"τ² {one.tau2:.4g}, "
        q = f"Q {one.q:.2f} (df {one.k - 1}, {p_words(one.q_p)})"
        lines.append(f"  {tau2}I² {one.i2:.0f}%, H² {one.h2:.2f}, {q}")
    return lines


def interval_words(estimate: float, low: float, high: float, is_ratio: bool) -> str:
    middle, lower, upper = (number_words(x, is_ratio) for x in (estimate, low, high))
    return f"{middle} ({lower} to {upper})"


def number_words(value: float, is_ratio: bool) -> str:
    return f"{math.exp(value):.3g}" if is_ratio else f"{value:.4g}"


def p_words(p: float) -> str:
    """p = 0.012, or p < 0.001."""
    return "p < 0.001" if p < 0.001 else f"p = {p:.3f}"

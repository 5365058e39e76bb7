"""The silent: what the model has of them, how bad they must be, and what goes with silence."""

from typing import Any

import ibis
import numpy as np
from numpy.typing import NDArray

from enthesis.charts.curves import Axis, Curve, CurveChart, Table, curves_svg
from enthesis.charts.dot_rows import DotRow, DotRows, dot_rows_svg, dot_rows_table
from enthesis.charts.pen import in_words
from enthesis.outcomes import cohort
from enthesis.outcomes.errors import FitError
from enthesis.outcomes.repeated import fit
from enthesis.outcomes.sections.change import told_windows
from enthesis.outcomes.sections.funnels import MIX, case_mix
from enthesis.outcomes.sections.parts import Asked, Figure, Section
from enthesis.outcomes.silent import DeltaTable, Group, delta_of_fit, reasons_for_silence
from enthesis.outcomes.sums_from_engine import sums_from_engine

DOT, CHOSEN = 'r="5" class="dot"/>', 'r="8" class="dot chosen"/>'
MOST = 5
"""Points by which the silent are made worse at most: half of the scale."""
DELTAS = np.arange(0, MOST + 0.1, 0.5)
Floats = NDArray[np.float64]
Counts = NDArray[np.int64]
FEW = "What so few have, or have not, that somebody might be recognised is left out."
MEASURE = "Mean change in pain if those without an answer were worse by so many points"
CONCLUSION = "less pain than at the start"
"""What fails at the tipping point."""


def silent(asked: Asked) -> tuple[Section, ...]:
    """The tipping point of the change in pain, and the reasons for silence."""
    return (_tipping(asked), _reasons(asked))


def _tipping(asked: Asked) -> Section:
    rows = cohort.at_windows(asked.registry).to_pylist()
    half = [r for r in rows if r["number"] and 2 * r["due"] >= asked.began and r["with_pain"] > 1]
    told = told_windows(asked, [r for r in rows if r["with_pain"] > 1], "with_pain")
    half = [r for r in half if r in told]
    if not half:
        finding = (
            "Too few answered in a window to say how bad those without an answer would have to be"
        )
        return Section("silent", finding, MEASURE, asked.source)
    last = half[-1]
    # A later window is due for few, and an earlier one without a pair of answers cannot be in it.
    windows = [r["number"] for r in rows if r["number"] <= last["number"] and r["with_pain"] > 1]
    group = Group(1, last["due"], min(last["with_pain"], last["due"]))
    worthwhile = asked.known.measures["pain"].worthwhile
    try:
        began = asked.registry["courses"].filter(ibis._.began).select("course")
        visits = asked.registry["visits"].semi_join(began, "course")
        fitted = fit(sums_from_engine(visits, visits=windows, ask=asked.registry.count))
        row = np.zeros(len(windows))
        row[0], row[-1] = -1, 1
        of_zero = delta_of_fit(fitted, row, [group], DELTAS, up_to=float(MOST))
        limit = -float(worthwhile or 0)
        of_worthwhile = delta_of_fit(fitted, row, [group], DELTAS, limit=limit, up_to=float(MOST))
    except FitError as why:
        finding = "Too few answers for the model of those who gave none"
        return Section("silent", finding, MEASURE, asked.source, notes=why.problems)
    week = round(last["sum_day"] / last["answered"] / 7)
    title = (
        f"At week {week}, {group.asked - group.answered} of {group.asked} gave no answer: "
        + _said(of_zero, CONCLUSION)
    )
    notes = (
        "Nobody can see what they would have said who gave no answer. At 0 they are taken to be "
        "like those who had answered as they had before; further right each of them is worse. "
        "The window is the last that was due for at least half of those who began.",
        f"At 0 the change is {_interval(of_zero, 0)}. "
        + _said(of_worthwhile, f"less by at least {in_words(worthwhile or 0)} points") + ".",
    )  # fmt: skip
    table = Table(
        ("Those without an answer are worse by", "Mean change in pain (95 % interval)",
         "Below no change", f"Below −{in_words(worthwhile or 0)}"),
        tuple(
            (f"{in_words(round(float(d), 1))} points", _interval(of_zero, at),
             "yes" if of_zero.holds[at] else "no", "yes" if of_worthwhile.holds[at] else "no")
            for at, d in enumerate(of_zero.delta)
        ),
    )  # fmt: skip
    technical = (
        "Repeated measures with unstructured covariance, by restricted maximum likelihood (REML); "
        "at 0 answers are missing at random. What is added to those without an answer is delta.",
    )
    drawn = _drawn(of_zero, title)
    return Section("silent", title, MEASURE, asked.source, table, drawn, notes, technical)


def marked(figure: Figure, at: int) -> Figure:
    """The picture of the tipping point with one of its points marked: the delta that was chosen."""
    return Figure(_marked(figure.wide, at), _marked(figure.narrow, at))


def _marked(svg: str, at: int) -> str:
    before, *others = svg.split(DOT)
    if at >= len(others):
        raise ValueError(f"The picture has {len(others)} points, none numbered {at}.")
    dots = [DOT] * len(others)
    dots[at] = CHOSEN
    return before + "".join(dot + rest for dot, rest in zip(dots, others, strict=True))


def _said(table: DeltaTable, conclusion: str) -> str:
    """The conclusion, and how bad the silent must be for it to fail."""
    if table.conclusion >= 0:
        return f"“{conclusion}” cannot be said, even with the silent as the model has them"
    worse = table.up_to if table.tipping_point is None else round(table.tipping_point, 1)
    how = "holds even if" if table.tipping_point is None else "no longer holds if"
    return f"“{conclusion}” {how} each of them was worse by {in_words(worse)} points"


def _interval(table: DeltaTable, at: int) -> str:
    low, middle, high = (
        in_words(round(float(ends[at]), 2)) for ends in (table.low, table.estimate, table.high)
    )
    return f"{middle} ({low} to {high})"


def _drawn(table: DeltaTable, title: str) -> Figure:
    """The mean change over delta, with its interval at each, and no change as a line."""
    low = float(np.floor(min(table.low.min(), -1.0)))
    high = float(np.ceil(max(table.high.max(), 1.0)))
    step = max(1.0, float(np.ceil((high - low) / 6)))
    ticks = tuple(float(v) for v in np.arange(low, high + step, step))
    points = tuple(zip(table.delta.tolist(), table.estimate.tolist(), strict=True))
    bars = tuple(zip(table.delta.tolist(), table.low.tolist(), table.high.tolist(), strict=True))
    chart = CurveChart(
        title=title,
        told="; ".join(
            f"{in_words(d)}: {_interval(table, at)}" for at, d in enumerate(table.delta)
        ),
        x=Axis(
            "Points by which those without an answer are worse",
            tuple((v, in_words(v)) for v in range(MOST + 1)),
        ),
        y=Axis("Mean change in pain, points", tuple((v, in_words(v)) for v in ticks)),
        curves=(
            Curve("Mean change", points, "own", "95 % interval", dots=True, bars=bars),
            Curve("No change", ((0, 0), (MOST, 0)), "halted", ""),
        ),
        cls="means",
    )
    return Figure(curves_svg(chart, "wide", "silent"), curves_svg(chart, "narrow", "silent"))


def _reasons(asked: Asked) -> Section:
    """What was known before goes with silence: odds ratios, adjusted for each other."""
    rows = cohort.silence(asked.registry, MIX).to_pylist()
    measure = "Odds of silence, times; 1 is no difference"
    if not rows:
        finding = "No answer was due by now, so that nobody can be silent"
        return Section("reasons", finding, measure, asked.source)
    reference = min(row["condition"] for row in rows)
    sizes, yes = [row["due"] for row in rows], [row["silent"] for row in rows]
    due, gone = sum(sizes), sum(yes)
    counted = f"{gone} of {due} whose answer was due are silent"
    # The flow tells of those who never answered: the rest must not be few either.
    flow = cohort.flow(asked.registry, ("began", "silent")).to_pylist()
    heard = sum(row["answered"] for row in flow if row["began"])
    mute = sum(row["opened"] - row["answered"] for row in flow if row["began"] and row["silent"])
    if asked.is_small(gone, due - gone, asked.began - due, gone - mute, due - heard - mute):
        finding = "Too few, or nearly all, are silent to say what goes with it"
        return Section("reasons", finding, measure, asked.source)
    mix, names = case_mix(rows, yes, sizes)
    place = np.repeat(np.arange(len(rows)), sizes)
    is_gone = np.concatenate([np.arange(n) < hit for n, hit in zip(sizes, yes, strict=True)])
    try:
        found = reasons_for_silence(mix[place], is_gone, names)
    except FitError as why:
        finding = f"{counted}: too few, or all alike, to say what goes with it"
        return Section("reasons", finding, measure, asked.source, notes=why.problems)
    ratio = found.odds_ratio
    drawn = tuple(
        DotRow(_named(asked, name, reference), float(ratio.estimate[at]), float(ratio.low[at]),
               float(ratio.high[at]), f"{gone} of {due}")
        for at, name in enumerate(found.names)
        if not _stands_for_few(asked, at, names, mix, np.array(sizes), np.array(yes))
    )  # fmt: skip
    if not drawn:
        finding = f"{counted}; too few of any kind to say what goes with it"
        return Section("reasons", finding, measure, asked.source)
    apart = [row.name for row in drawn if (row.low or 0) > 1 or (row.high or 0) < 1]
    title = f"{counted}; " + (
        f"it goes with {', '.join(apart)}" if apart else "nothing known before goes with it"
    )
    data = DotRows(title, measure, "Silent of due", drawn, (1.0, "no difference"), True, 2)
    figure = Figure(dot_rows_svg(data, "wide", "reasons"), dot_rows_svg(data, "narrow", "reasons"))
    notes = (
        "Silent: asked, and no answer when the clinic’s patience had run out. It says whether the "
        "silent differ in what is known of them; it cannot say that they do not differ in what is "
        "not.",
        *((FEW,) if len(drawn) < len(found.names) else ()),
    )
    technical = ("Logistic regression, each allowed for the others.",)
    table = dot_rows_table(data, "Known before")
    return Section("reasons", title, measure, asked.source, table, figure, notes, technical)


def _stands_for_few(
    asked: Asked, at: int, names: tuple[str, ...], mix: Floats, due: Counts, silent: Counts
) -> bool:
    """Whether one of the two that an odds ratio compares has few courses, silent or not silent."""
    column = mix[:, at]
    if not np.isin(column, (0, 1)).all():
        return False
    alike = [at]
    if names[at].startswith("condition "):  # compared with the one without a column of its own
        alike = [n for n, name in enumerate(names) if name.startswith("condition ")]
    return any(
        asked.is_small(
            int(due[side].sum()), int(silent[side].sum()), int((due - silent)[side].sum())
        )
        for side in (column == 1, (mix[:, alike] == 0).all(axis=1))
    )


def _condition(asked: Asked, name: str) -> str:
    found = asked.known.conditions.get(name)
    return found.name if found else name


def _named(asked: Asked, name: str, reference: str) -> str:
    first, _, rest = name.partition(" ")
    condition: Any = asked.known.conditions.get(rest) if first == "condition" else None
    if condition:
        return f"{condition.name} (against {_condition(asked, reference)})"
    words = {
        "age, decades": "each ten years of age",
        "pain at the start": "each point of pain at the start",
    }
    return words.get(name, name)

"""How scores went: the mean of pain in each window, and the mean change from the start."""

from typing import Any

import numpy as np

from enthesis.charts.curves import Table
from enthesis.charts.dot_rows import DotRow, DotRows, dot_rows_svg
from enthesis.charts.mean_trend import (
    MeanTrendData,
    WindowMean,
    mean_trend_svg,
    mean_trend_table,
)
from enthesis.charts.pen import in_words
from enthesis.knowledge import kinds
from enthesis.outcomes import cohort
from enthesis.outcomes.cohort import HUNDREDTHS
from enthesis.outcomes.intervals import mean_of_sums
from enthesis.outcomes.sections.parts import HIDDEN, Asked, Figure, Section, between, of_100
from enthesis.outcomes.sections.relief import benchmark_notes, benchmark_source
from enthesis.outcomes.sections.tellable import tellable

DAYS_A_WEEK = 7
FEW = "Windows in which so few answered that somebody might be recognised are left out."


def pain(asked: Asked) -> tuple[Section, ...]:
    """Mean pain in each window with its interval, over the band of what happens anyway."""
    measure = asked.known.measures["pain"]
    wrong_way = measure.higher_is == "worse"
    axis = (
        f"{measure.name}, {in_words(measure.minimum)} to {in_words(measure.maximum)}; "
        f"{'lower' if wrong_way else 'higher'} is better"
    )
    rows = cohort.at_windows(asked.registry).to_pylist()
    shown = told_windows(asked, [row for row in rows if row["with_pain"] > 1], "with_pain")
    if len(shown) < 2:
        finding = "Too few answered in two windows to draw how pain went"
        return (Section("pain", finding, axis, asked.source),)
    windows = tuple(_window(row) for row in shown)
    first, last = windows[0], windows[-1]
    title = (
        f"Mean pain was {in_words(round(first.mean, 1))} at {_at(first)} (of {first.answered}) and "
        f"{in_words(round(last.mean, 1))} at {_at(last)} (of {last.answered} who answered then; "
        f"{asked.began} began)"
    )
    band, label = _band(asked.anyway)
    data = MeanTrendData(
        title, axis, float(measure.minimum), float(measure.maximum), "Here: mean, 95 % interval",
        windows, band, label,
    )  # fmt: skip
    figure = Figure(mean_trend_svg(data, "wide", "pain"), mean_trend_svg(data, "narrow", "pain"))
    notes = (
        "Means of those who answered in each window, not of those who gave no answer (what "
        "they might change stands below); the weeks are the mean day of the answers.",
        *((FEW,) if len(shown) < sum(row["with_pain"] > 1 for row in rows) else ()),
        *benchmark_notes(asked.anyway),
    )
    drawn = f"Mean in each window, with its 95 % interval{_elsewhere(asked)}"
    table = mean_trend_table(data)
    technical = benchmark_source(asked.anyway)
    return (Section("pain", title, drawn, asked.source, table, figure, notes, technical),)


def change(asked: Asked) -> tuple[Section, ...]:
    """The mean change from the start in each window, by measure, and who reached half relief."""
    rows = [
        row
        for row in cohort.at_windows(asked.registry, ("measure",)).to_pylist()
        if row["number"] and row["with_change"] > 1
    ]
    shown = _told_measures(asked, rows)
    what = "Mean change from the start in points; above 0 is better"
    if not shown:
        finding = "Too few answered before and after to say how much changed"
        return (Section("change", finding, what, asked.source),)
    drawn, cells = [], []
    for row in shown:
        mean = mean_of_sums(row["with_change"], row["sum_gained"], row["sum_gained_squared"])
        value, low, high = (float(end) / HUNDREDTHS for end in (mean.estimate, mean.low, mean.high))
        measure = asked.known.measures.get(row["measure"])
        name = f"{measure.name if measure else row['measure']}, {_week(row)}"
        of = f"{row['answered']} of {row['due']}"
        drawn.append(DotRow(name, value, low, high, of, _band_at(asked.anyway, row)))
        cells.append(
            (name, _both(asked, row), f"{in_words(round(value, 2))} "
             f"({between(mean, 1 / HUNDREDTHS, 2)})", of,
             *(_shares(asked, row)))
        )  # fmt: skip
    title = _who_and_how_much(asked, shown[-1], drawn[-1])
    label = ""
    if asked.anyway and any(row.band for row in drawn):
        label = f"{asked.anyway.title}: middle half (benchmark), from its own start"
    data = DotRows(title, what, "Answered", tuple(drawn), (0.0, "no change"), band_label=label)
    figure = Figure(dot_rows_svg(data, "wide", "change"), dot_rows_svg(data, "narrow", "change"))
    head = ("When", "With start and answer", "Mean change, above 0 is better (95 % interval)",
            "Answered of due",
            "At least 50 % relief, of 100 with known relief",
            "Of 100 due, lost as not reached")  # fmt: skip
    notes = ["Due: the window is over, or there is an answer already."]
    notes += [FEW] if len(shown) < len(rows) else []
    notes += [_worthwhile(asked, {row["measure"] for row in shown})]
    notes += benchmark_notes(asked.anyway) if label else ()
    table, told = Table(head, tuple(cells)), tuple(note for note in notes if note)
    what += _elsewhere(asked)
    technical = benchmark_source(asked.anyway) if label else ()
    return (Section("change", title, what, asked.source, table, figure, told, technical),)


def _who_and_how_much(asked: Asked, row: dict[str, Any], drawn: DotRow) -> str:
    """The finding of the last window: by how much, of how many who answered and how many began."""
    measure = asked.known.measures.get(row["measure"])
    better = drawn.value >= 0
    lower = better if measure is None or measure.higher_is == "worse" else not better
    sign = 1 if better else -1
    ends = sorted(sign * (end or 0) for end in (drawn.low, drawn.high))
    low, high = (in_words(round(end, 1)) for end in ends)
    n = _both(asked, row)
    return (
        f"{drawn.name}: {'lower' if lower else 'higher'} by "
        f"{in_words(round(abs(drawn.value), 1))} points than at the start ({low} to {high}), of "
        f"{'those' if n == HIDDEN else n} who answered at {_week(row)} ({asked.began} began)"
    )


def _band_at(anyway: kinds.Benchmark | None, row: dict[str, Any]) -> tuple[float, float] | None:
    """The middle half of the benchmark's change at the week of a row, none beyond its last point.

    Where only its scores were published, the change is from the middle of its start.
    """
    if anyway is None or anyway.measure != row["measure"]:
        return None
    weeks = [float(point.weeks) for point in anyway.points]
    if not weeks[0] <= _weeks(row) <= weeks[-1]:
        return None
    start = 0.0 if anyway.is_change else float(anyway.points[0].middle)
    low, high = (
        start - float(np.interp(_weeks(row), weeks, [float(end) for end in ends]))
        for ends in ([p.high for p in anyway.points], [p.low for p in anyway.points])
    )
    return low, high


def _elsewhere(asked: Asked) -> str:
    """Where what happens anyway stands, for a report of several conditions."""
    if asked.anyway is not None:
        return ""
    rows = cohort.flow(asked.registry, ("condition",)).to_pylist()
    found = (asked.known.conditions.get(row["condition"]) for row in rows)
    if not any(one and one.benchmark in asked.known.benchmarks for one in found):
        return ""
    if asked.below is not None:
        return ". What happens without these injections differs by condition and is not drawn here"
    return (
        ". What happens anyway is drawn with each condition by itself: the buttons above on the "
        "page, --condition ID for the command"
    )


def _both(asked: Asked, row: dict[str, Any]) -> str:
    """How many have a start and an answer, unless that tells how few lack a start."""
    n = row["with_change"]
    return HIDDEN if asked.is_small(n, row["answered"] - n) else str(n)


def _shares(asked: Asked, row: dict[str, Any]) -> tuple[str, str]:
    """Half relief in a window: of those whose relief is known, and of all due."""
    n, of, due = row["reached_50"], row["measurable"], row["due"]
    small = asked.is_small(n, of - n, due - n, row["answered"] - of)
    return (of_100(None if small else n, of), of_100(None if small else n, due))


def told_windows(
    asked: Asked, rows: list[dict[str, Any]], counted: str, began: int | None = None
) -> list[dict[str, Any]]:
    """The windows that stand for enough: who answered, who is missing, and who was due in the one
    before (or began) and not in this."""
    kept, before = [], asked.began if began is None else began
    for row in rows:
        missing = (row["due"] - row[counted], row["lost"], abs(row["answered"] - row[counted]))
        if not asked.is_small(row[counted], *missing, abs(before - row["due"])):
            kept.append(row)
            before = row["due"]
    return kept


def _told_measures(asked: Asked, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Each measure's windows, without those that what is told of all measures would give away."""
    may = tellable(asked, "measure")
    if may is None:
        return rows
    began = {
        r["measure"]: r["began"] for r in cohort.at_last(asked.registry, ["measure"]).to_pylist()
    }
    kept = []
    for (name,) in sorted(may):
        own = [row for row in rows if row["measure"] == name]
        kept += told_windows(asked, own, "with_change", began[name])
    for whole in cohort.at_windows(asked.registry).to_pylist():
        here = [row for row in kept if row["number"] == whole["number"]]
        while here and asked.is_small(
            *(abs(whole[name] - sum(row[name] for row in here)) for name in ("due", "lost")),
            *(
                abs(whole[name] - sum(r["answered"] for r in here))
                for name in ("answered", "with_pain")
            ),
        ):
            least = min(here, key=lambda row: row["due"])
            here.remove(least)
            kept.remove(least)
    return [row for row in rows if row in kept]


def _window(row: dict[str, Any]) -> WindowMean:
    mean = mean_of_sums(row["with_pain"], row["sum_pain"], row["sum_pain_squared"])
    return WindowMean(
        week=_weeks(row),
        label=_week(row),
        mean=float(mean.estimate),
        low=float(mean.low),
        high=float(mean.high),
        answered=row["with_pain"],
        due=row["due"],
    )


def _weeks(row: dict[str, Any]) -> float:
    """When the answers of a window were given, on average: the start is week 0."""
    return round(row["sum_day"] / row["answered"] / DAYS_A_WEEK, 1) if row["number"] else 0.0


def _week(row: dict[str, Any]) -> str:
    return f"week {round(_weeks(row))}" if row["number"] else "start"


def _at(window: WindowMean) -> str:
    return "the start" if window.label == "start" else window.label


def _worthwhile(asked: Asked, measures: set[str]) -> str:
    """What others found to be worth while, for each measure that has such a number."""
    told = [
        f"{m.name}: {in_words(m.worthwhile)} {m.unit}"
        for name in sorted(measures)
        if (m := asked.known.measures.get(name)) and m.worthwhile is not None
    ]
    if not told:
        return ""
    return (
        f"Worth while for one person, as others found: {'; '.join(told)}. Of a mean it says less."
    )


def _band(anyway: kinds.Benchmark | None) -> tuple[tuple[tuple[float, float, float], ...], str]:
    """The published middle half, where it is on the scale itself and not a change."""
    if anyway is None or anyway.is_change or anyway.measure != "pain":
        return (), ""
    points = tuple((float(p.weeks), float(p.low), float(p.high)) for p in anyway.points)
    return points, f"{anyway.title}: middle half (benchmark)"

"""How scores went: the mean of pain in each window, and the mean change from the start."""

from typing import Any

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
from enthesis.outcomes.sections.relief import benchmark_notes
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
        f"Mean pain was {in_words(round(first.mean, 1))} at {_at(first)} and "
        f"{in_words(round(last.mean, 1))} at {_at(last)}"
    )
    band, label = _band(asked.anyway)
    data = MeanTrendData(
        title, axis, float(measure.minimum), float(measure.maximum), "Here: mean, 95 % interval",
        windows, band, label,
    )  # fmt: skip
    figure = Figure(mean_trend_svg(data, "wide", "pain"), mean_trend_svg(data, "narrow", "pain"))
    notes = (
        "Means of those who answered in each window, not of those who gave no answer (see the "
        "silent below); the weeks are the mean day of the answers.",
        *((FEW,) if len(shown) < sum(row["with_pain"] > 1 for row in rows) else ()),
        *benchmark_notes(asked.anyway),
    )
    drawn = "Mean in each window, with its 95 % interval"
    table = mean_trend_table(data)
    return (Section("pain", title, drawn, asked.source, table, figure, notes),)


def change(asked: Asked) -> tuple[Section, ...]:
    """The mean change from the start in each window, by measure, and who reached half relief."""
    rows = [
        row
        for row in cohort.at_windows(asked.registry, ("measure",)).to_pylist()
        if row["number"] and row["with_change"] > 1
    ]
    shown = _told_measures(asked, rows)
    what = "Points gained from the start, mean; above 0 is better"
    if not shown:
        finding = "Too few answered before and after to say how much was gained"
        return (Section("change", finding, what, asked.source),)
    drawn, cells = [], []
    for row in shown:
        mean = mean_of_sums(row["with_change"], row["sum_gained"], row["sum_gained_squared"])
        value, low, high = (float(end) / HUNDREDTHS for end in (mean.estimate, mean.low, mean.high))
        measure = asked.known.measures.get(row["measure"])
        name = f"{measure.name if measure else row['measure']}, {_week(row)}"
        of = f"{row['answered']} of {row['due']}"
        drawn.append(DotRow(name, value, low, high, of))
        cells.append(
            (name, _both(asked, row), f"{in_words(round(value, 2))} "
             f"({between(mean, 1 / HUNDREDTHS, 2)})", of,
             *(_shares(asked, row)))
        )  # fmt: skip
    last = drawn[-1]
    title = (
        f"{last.name}: {in_words(round(last.value, 1))} points gained on average "
        f"({in_words(round(last.low or 0, 1))} to {in_words(round(last.high or 0, 1))})"
    )
    data = DotRows(title, what, "Answered", tuple(drawn), mark=(0.0, "no change"))
    figure = Figure(dot_rows_svg(data, "wide", "change"), dot_rows_svg(data, "narrow", "change"))
    head = ("When", "With start and answer", "Mean gained (95 % interval)", "Answered of due",
            "At least 50 % relief, of 100 with known relief",
            "Of 100 due, lost as not reached")  # fmt: skip
    notes = ["Due: the window is over, or there is an answer already."]
    notes += [FEW] if len(shown) < len(rows) else []
    notes += [_worthwhile(asked, {row["measure"] for row in shown})]
    table = Table(head, tuple(cells))
    return (
        Section("change", title, what, asked.source, table, figure, tuple(n for n in notes if n)),
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

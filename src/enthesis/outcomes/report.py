"""One report: what the registry says, picture by picture, and what it cannot say.

`report_of` takes the registry's tables as pandas frames with the columns of the schema and returns
plain sections; page.py writes them as HTML, paper.py as PDF. Every section has its denominator and
day, every report the hash of the cut, the versions and the seed, and the same last section.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd
from scipy.stats import binomtest

from enthesis.charts.curves import Table
from enthesis.charts.flow import FlowData, Step, flow_svg, flow_table
from enthesis.charts.mean_trend import (
    MeanTrendData,
    WindowMean,
    mean_trend_svg,
    mean_trend_table,
)
from enthesis.charts.pen import day_in_words, in_words
from enthesis.charts.responder_curve import (
    Benchmark,
    ResponderData,
    responder_svg,
    responder_table,
)
from enthesis.charts.survival import Ending, SurvivalData, survival_svg, survival_table
from enthesis.knowledge import kinds
from enthesis.outcomes.end_counts import count_ends
from enthesis.outcomes.errors import FitError
from enthesis.outcomes.frames import means
from enthesis.outcomes.survival import at_days, cumulative_incidence

CANNOT = (
    "Whether the injections did anything. There is no group without them here. Pain that brings "
    "people to a clinic often falls by itself, and after an injection of salt water too.",
    "What those would say who gave no answer. The dotted line counts each of them as not reached; "
    "the truth lies somewhere between the two lines.",
    "Who would have come anyway. People who pay for a course differ from those in trials and from "
    "those who stayed away.",
    "Which clinician or protocol is better. Each treats different people.",
    "How often a rare harm happens. None seen in a few hundred sessions is not none.",
)
NEEDED = {
    "courses": (
        "course",
        "condition",
        "evaluated",
        "candidacy",
        "agreed",
        "began",
        "last_relief",
        "last_day",
        "silent",
        "ended",
        "ended_day",
        "target_day",
        "window_closed",
    ),
    "visits": ("course", "window", "day", "pain"),
    "sessions": ("course", "number"),
    "events": ("course", "number", "grade"),
    "decisions": ("course", "suggested", "decided", "followed_relief"),
}


@dataclass(frozen=True, slots=True)
class Figure:
    """Both widths of one picture."""

    wide: str
    narrow: str


@dataclass(frozen=True, slots=True)
class Section:
    """One question: what was found, on which measure, its picture, its numbers, its source."""

    id: str
    finding: str
    measure: str
    source: str
    table: Table | None = None
    figure: Figure | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Origin:
    """What makes a report the same again: the cut's sha256, the seed and the versions."""

    cut: str
    seed: int
    versions: Mapping[str, str]

    def words(self) -> str:
        """All of it in one line."""
        versions = ", ".join(f"{name} {version}" for name, version in self.versions.items())
        return f"cut {self.cut[:12]} · seed {self.seed} · {versions}"


@dataclass(frozen=True, slots=True)
class Report:
    """The whole, ready to be written."""

    title: str
    day: date
    origin: Origin
    sections: tuple[Section, ...]
    cannot: tuple[str, ...] = CANNOT

    def as_json(self) -> dict[str, object]:
        """The report as plain values, pictures left out."""
        return {
            "title": self.title,
            "day": self.day.isoformat(),
            "cut": self.origin.cut,
            "seed": self.origin.seed,
            "versions": dict(self.origin.versions),
            "sections": [
                {
                    "id": one.id,
                    "finding": one.finding,
                    "measure": one.measure,
                    "source": one.source,
                    "notes": list(one.notes),
                    "head": list(one.table.head) if one.table else [],
                    "rows": [list(row) for row in one.table.rows] if one.table else [],
                }
                for one in self.sections
            ],
            "cannot_tell": list(self.cannot),
        }


Frames = Mapping[str, pd.DataFrame]


def report_of(
    tables: Frames,
    title: str,
    day: date,
    origin: Origin,
    anyway: kinds.Benchmark | None = None,
) -> Report:
    """The report of the tables (names and columns of the registry's schema), as of a day.

    `anyway` is the published group that stands beside the results, for courses of one condition.
    Raises FitError where a table or a column is missing, or nobody began.
    """
    check(tables)
    courses = tables["courses"]
    begun = courses[courses["began"].astype(bool)]
    if begun.empty:
        raise FitError("Nobody has begun treatment yet: there are no outcomes to report.")
    source = f"{len(begun)} courses that began, as of {day_in_words(day)}."
    sections = [
        _flow(courses, day),
        _responders(begun, source, anyway),
        _trend(begun, tables["visits"], source, anyway),
        _time_to_target(begun, source),
        _harms(tables["sessions"], tables["events"], source),
        _overrides(tables["decisions"], source),
    ]
    return Report(title, day, origin, tuple(one for one in sections if one))


def check(tables: Frames) -> None:
    """Every table and column that a report reads is there; else a FitError that names them all."""
    problems = []
    for name, columns in NEEDED.items():
        if name not in tables:
            problems.append(f"There is no table {name}.")
            continue
        missing = [column for column in columns if column not in tables[name].columns]
        if missing:
            problems.append(f"The table {name} has no column {', '.join(missing)}.")
    if problems:
        raise FitError(*problems)


def _flow(courses: pd.DataFrame, day: date) -> Section:
    source = f"{len(courses)} courses opened, as of {day_in_words(day)}."
    began = courses["began"].astype(bool)
    agreed, evaluated = courses["agreed"].astype(bool), courses["evaluated"].astype(bool)
    not_suited = courses["candidacy"].isin(("refer_first", "not_suitable"))
    out = courses[~began]
    reasons = (
        ("agreed, not begun", int((~began & agreed).sum())),
        ("not suitable, or referred first", int((~began & ~agreed & evaluated & not_suited).sum())),
        ("evaluated, no plan agreed", int((~began & ~agreed & evaluated & ~not_suited).sum())),
        ("not evaluated", int((~began & ~agreed & ~evaluated).sum())),
    )
    if sum(n for _, n in reasons) != len(out):
        raise FitError("The table courses contradicts itself: who did not begin does not add up.")
    answered = began & courses["last_relief"].notna()
    silent = began & ~answered & courses["silent"].astype(bool)
    waiting = began & ~answered & ~silent
    data = FlowData(
        f"Of {len(courses)} courses opened, {int(began.sum())} began and "
        f"{int(answered.sum())} gave an answer after that",
        (
            Step("Courses opened", len(courses), reasons),
            Step(
                "Began treatment",
                int(began.sum()),
                (
                    ("silent: no answer though asked", int(silent.sum())),
                    ("not yet answered", int(waiting.sum())),
                ),
            ),
            Step("Answered at least once after the first session", int(answered.sum())),
        ),
    )
    figure = Figure(flow_svg(data, "wide", "flow"), flow_svg(data, "narrow", "flow"))
    return Section("flow", data.title, "Number of courses", source, flow_table(data), figure)


def _responders(begun: pd.DataFrame, source: str, anyway: kinds.Benchmark | None) -> Section | None:
    relief = begun["last_relief"].dropna() / 100
    if relief.empty:
        return None
    half = int((relief >= 50).sum())
    title = f"{half} of {len(relief)} who answered had reached 50 % relief at their last answer"
    data = ResponderData(title, tuple(relief.astype(float)), len(begun), _published(anyway))
    note = (
        f"Of all {len(begun)} who began, lost counted as not reached: {half} "
        f"({_percent(half, len(begun))} of 100, 95 % interval {_exact(half, len(begun))})."
    )
    figure = Figure(responder_svg(data, "wide", "relief"), responder_svg(data, "narrow", "relief"))
    measure = "Share gained of what there was to gain, at the last answer"
    notes = (note, *_benchmark_notes(anyway))
    return Section("relief", title, measure, source, responder_table(data), figure, notes)


def _trend(
    begun: pd.DataFrame, visits: pd.DataFrame, source: str, anyway: kinds.Benchmark | None
) -> Section | None:
    asked = visits[visits["course"].isin(begun["course"]) & visits["window"].notna()]
    asked = asked.assign(pain=asked["pain"].astype(float), window=asked["window"].astype(int))
    table = means(asked, "pain", "window")
    table = table[table["answered"] > 1]
    if len(table) < 2:
        return None
    weeks = asked.dropna(subset=["pain"]).groupby("window")["day"].median() / 7
    closed = begun["window_closed"].astype(float)
    windows = tuple(
        WindowMean(
            week=0.0 if row["window"] == 0 else round(float(weeks[row["window"]]), 1),
            label="start" if row["window"] == 0 else f"window {row['window']}",
            mean=float(row["mean"]),
            low=float(row["low"]),
            high=float(row["high"]),
            answered=int(row["answered"]),
            due=max(int(row["answered"]), _due(closed, int(row["window"]), len(begun))),
        )
        for row in table.to_dict("records")
    )
    first, last = windows[0], windows[-1]
    title = (
        f"Mean pain was {in_words(round(first.mean, 1))} at the {first.label} and "
        f"{in_words(round(last.mean, 1))} about {in_words(round(last.week))} weeks later"
    )
    band, label = _band(anyway)
    measure = "Pain, 0 (none) to 10 (worst); lower is better"
    data = MeanTrendData(title, measure, 0, 10, "Here: mean, 95 % interval", windows, band, label)
    figure = Figure(mean_trend_svg(data, "wide", "pain"), mean_trend_svg(data, "narrow", "pain"))
    notes = (
        "Means of those who answered in each window; the weeks are the median day of the answers.",
        *_benchmark_notes(anyway),
    )
    drawn = "Mean in each window, with its 95 % interval"
    return Section("pain", title, drawn, source, mean_trend_table(data), figure, notes)


def _due(closed: "pd.Series[float]", window: int, begun: int) -> int:
    return begun if window == 0 else int((closed >= window).sum())


def _time_to_target(begun: pd.DataFrame, source: str) -> Section | None:
    reached = begun["target_day"].notna()
    stopped = ~reached & (begun["ended"] == "stop")
    day = begun["target_day"].where(reached, begun["ended_day"]).fillna(begun["last_day"])
    day = day.astype(float).fillna(0.0).clip(lower=0.0)
    end = np.where(reached, 1, np.where(stopped, 2, 0))
    if not day.max():
        return None
    curves = cumulative_incidence(count_ends(day.to_numpy(), end, ("reached", "stopped")))
    weeks = float(np.ceil(day.max() / 7))
    names = ("Reached the agreed target", "Stopped before that")
    shares = np.nan_to_num(curves.share[0])
    endings = [
        Ending(
            name, tuple(zip(curves.days / 7, shares[at], strict=True)), int((end == at + 1).sum())
        )
        for at, name in enumerate(names)
    ]
    at_risk = tuple((w, int((day >= 7 * w).sum())) for w in np.linspace(0, weeks, 5).round(0))
    title = (
        f"{endings[0].count} of {len(begun)} reached their target; "
        f"{endings[1].count} stopped before that"
    )
    data = SurvivalData(title, weeks, len(begun), endings[0], endings[1], at_risk)
    figure = Figure(survival_svg(data, "wide", "target"), survival_svg(data, "narrow", "target"))
    last = at_days(curves.days, shares, [7 * weeks], 0.0)
    measure = "Share of courses by week; stopping competes with reaching the target"
    low, high = curves.low[0, 0, -1], curves.high[0, 0, -1]
    interval = "" if np.isnan(low) else f" (95 % interval {100 * low:.0f} to {100 * high:.0f})"
    share = shares[0, -1] if np.isnan(last[0, 0]) else last[0, 0]
    note = f"By the last week {100 * share:.0f} of 100 had reached it{interval}."
    return Section("target", title, measure, source, survival_table(data), figure, (note,))


def _harms(sessions: pd.DataFrame, events: pd.DataFrame, source: str) -> Section:
    after = events[events["number"] > 0]
    rows = []
    for grade, words in ((2, "told to call the emergency number"), (1, "told to call the clinic")):
        count = int((after["grade"] == grade).sum())
        rows.append((words, str(count), str(len(sessions)), _exact_per_1000(count, len(sessions))))
    title = f"{len(after)} warning signs were answered after {len(sessions)} sessions"
    head = ("Patient was", "Warning signs", "Sessions", "Per 1000 sessions, 95 % interval")
    return Section(
        "harms",
        title,
        "Warning signs that patients answered after a session, whatever their cause",
        source,
        Table(head, tuple(rows)),
        notes=("A sign may have another cause than the session, and may go unanswered.",),
    )


def _overrides(decisions: pd.DataFrame, source: str) -> Section | None:
    if decisions.empty:
        return None
    other = decisions["suggested"] != decisions["decided"]
    rows = []
    for (suggested, decided), some in decisions[other].groupby(["suggested", "decided"]):
        followed = some["followed_relief"].dropna() / 100
        middle = f"{in_words(round(float(followed.median())))} %" if len(followed) else "no answer"
        pair = (_plain(str(suggested)), _plain(str(decided)))
        rows.append((*pair, str(len(some)), str(len(followed)), middle))
    title = f"{int(other.sum())} of {len(decisions)} decisions were not what the rules suggested"
    head = ("Suggested", "Decided", "Times", "Answered after it", "Median relief then")
    return Section(
        "overrides",
        title,
        "Decisions, and the next answer after each",
        source,
        Table(head, tuple(rows)),
        notes=("What followed an override is not what would have followed the rule.",),
    )


def _plain(step: str) -> str:
    return step.replace("_", " ")


def _published(anyway: kinds.Benchmark | None) -> Benchmark | None:
    if anyway is None or not anyway.improved_percent:
        return None
    points = sorted((float(x), float(n)) for x, n in anyway.improved_percent.items())
    people = f"benchmark, {anyway.points[-1].n} people"
    return Benchmark(anyway.title, people, tuple(points))


def _band(anyway: kinds.Benchmark | None) -> tuple[tuple[tuple[float, float, float], ...], str]:
    """The published middle half, where it is on the scale itself and not a change."""
    if anyway is None or anyway.is_change or anyway.measure != "pain":
        return (), ""
    points = tuple((float(p.weeks), float(p.low), float(p.high)) for p in anyway.points)
    return points, f"{anyway.title}: middle half (benchmark)"


def _benchmark_notes(anyway: kinds.Benchmark | None) -> Sequence[str]:
    return () if anyway is None else (f"Benchmark: {anyway.population} {anyway.source}.",)


def _percent(count: int, of: int) -> str:
    return in_words(round(100 * count / of))


def _exact(count: int, of: int) -> str:
    """Clopper–Pearson, of 100."""
    interval = binomtest(count, of).proportion_ci(0.95, "exact")
    return f"{in_words(round(100 * interval.low))} to {in_words(round(100 * interval.high))}"


def _exact_per_1000(count: int, of: int) -> str:
    if not of:
        return "no sessions"
    interval = binomtest(min(count, of), of).proportion_ci(0.95, "exact")
    low, high = (in_words(round(1000 * end, 1)) for end in (interval.low, interval.high))
    return f"{in_words(round(1000 * count / of, 1))} ({low} to {high})"

"""Outcomes in a notebook: tidy pandas frames in, tidy frames and pictures out.

A tidy frame has one row per person (start and end as columns), or per person and visit for a trend.
Missing is NaN; a column of numbers kept as text is refused, not guessed at. Nothing here is called
an effect but the difference between randomised groups of `ancova`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import stdtrit

from enthesis.charts.curves import Table
from enthesis.charts.mean_trend import (
    MeanTrendData,
    WindowMean,
    mean_trend_svg,
    mean_trend_table,
)
from enthesis.charts.responder_curve import (
    Benchmark,
    ResponderData,
    responder_svg,
    responder_table,
)
from enthesis.charts.standalone import standalone
from enthesis.outcomes.errors import FitError

LEVELS = (30, 50, 90)


@dataclass(frozen=True, slots=True)
class Picture:
    """A figure that a notebook shows by itself; `table` has its numbers."""

    svg: str
    table: pd.DataFrame

    def _repr_svg_(self) -> str:
        return self.svg


def means(frame: pd.DataFrame, value: str, by: str, level: float = 0.95) -> pd.DataFrame:
    """Mean, SD (n − 1) and t interval of `value` in each group of `by`, those without it left out.

    Columns: rows, answered, mean, sd, low, high, in units of `value`. Raises FitError.
    """
    _columns(frame, [value], [by])
    known = frame.groupby(by, sort=True)[value]
    table = known.agg(rows="size", answered="count", mean="mean", sd="std")
    half = stdtrit(table["answered"] - 1, (1 + level) / 2) * table["sd"]
    half = half / np.sqrt(table["answered"])
    return table.assign(low=table["mean"] - half, high=table["mean"] + half).reset_index()


def relief(frame: pd.DataFrame, start: str, end: str, best: float = 0.0) -> "pd.Series[float]":
    """The share gained of what there was to gain, in percent; NaN without an answer or anything
    to gain. `best` is the score at which nothing is left to gain."""
    _columns(frame, [start, end], [])
    to_gain = frame[start] - best
    gained = 100 * (frame[start] - frame[end]) / to_gain
    return gained.where(to_gain != 0).rename("relief")


def reached(
    frame: pd.DataFrame, start: str, end: str, by: str, levels: Sequence[int] = LEVELS
) -> pd.DataFrame:
    """How many reached at least each relief: of those who answered, and of all who began.

    Columns: begun, answered, lost; for each level `reached_X`, `of_answered_X`, `of_begun_X`
    (lost counted as not reached), the last two in percent.
    """
    _columns(frame, [start, end], [by])
    share = relief(frame, start, end)
    groups = share.groupby(frame[by], sort=True)
    table = groups.agg(begun="size", answered="count")
    table["lost"] = table["begun"] - table["answered"]
    for level in levels:
        count = (share >= level).groupby(frame[by], sort=True).sum()
        table[f"reached_{level}"] = count
        table[f"of_answered_{level}"] = 100 * count / table["answered"]
        table[f"of_begun_{level}"] = 100 * count / table["begun"]
    return table.reset_index()


@dataclass(frozen=True, slots=True)
class Difference:
    """The adjusted difference between two randomised groups, in units of the outcome."""

    estimate: float
    se: float
    df: int
    low: float
    high: float
    answered: int
    rows: int


def ancova(
    frame: pd.DataFrame,
    outcome: str,
    group: str,
    adjust: Sequence[str],
    level: float = 0.95,
) -> Difference:
    """Analysis of covariance by least squares: outcome on `group` (0 or 1) and numbers to adjust
    for. Rows without an answer are left out and counted. Raises FitError."""
    _columns(frame, [outcome, group, *adjust], [])
    whole = frame[list(dict.fromkeys([outcome, group, *adjust]))].dropna()
    if set(whole[group].unique()) != {0, 1}:
        found = sorted(whole[group].unique().tolist())
        raise FitError(f"{group} must be 0 and 1, both among those who answered; it is {found}.")
    design = np.column_stack([np.ones(len(whole)), whole[[group, *adjust]].to_numpy(float)])
    answer = whole[outcome].to_numpy(float)
    df = len(whole) - design.shape[1]
    if df < 1 or np.linalg.matrix_rank(design) < design.shape[1]:
        raise FitError("Too few rows, or columns to adjust for that say the same: leave some out.")
    coefficients, _, _, _ = np.linalg.lstsq(design, answer, rcond=None)
    rest = answer - design @ coefficients
    covariance = np.linalg.inv(design.T @ design) * (rest @ rest) / df
    se = float(np.sqrt(covariance[1, 1]))
    estimate, half = float(coefficients[1]), float(stdtrit(df, (1 + level) / 2)) * se
    return Difference(estimate, se, df, estimate - half, estimate + half, len(whole), len(frame))


def responder_curve(
    frame: pd.DataFrame, start: str, end: str, title: str, anyway: Benchmark | None = None
) -> Picture:
    """The whole curve of relief; rows of the frame without an end count as begun and lost."""
    known = relief(frame, start, end).dropna()
    data = ResponderData(title, tuple(known.tolist()), len(frame), anyway)
    return _picture(responder_svg(data, "wide", "responder"), responder_table(data))


def trend(
    frame: pd.DataFrame,
    week: str,
    value: str,
    title: str,
    *,
    measure: str,
    low: float,
    high: float,
) -> Picture:
    """The mean of `value` at each `week` with its 95 % interval; one row per person and visit."""
    table = means(frame, value, week)
    windows = tuple(
        WindowMean(
            float(row[week]),
            f"week {row[week]:g}",
            float(row["mean"]),
            float(row["low"]),
            float(row["high"]),
            int(row["answered"]),
            int(row["rows"]),
        )
        for row in table.to_dict("records")
    )
    data = MeanTrendData(title, measure, low, high, "Mean, 95 % interval", windows)
    return _picture(mean_trend_svg(data, "wide", "trend"), mean_trend_table(data))


def _picture(svg: str, table: Table) -> Picture:
    return Picture(standalone(svg), pd.DataFrame(list(table.rows), columns=list(table.head)))


def _columns(frame: pd.DataFrame, numbers: Sequence[str], labels: Sequence[str]) -> None:
    """Refuse a frame without the columns, or with words where numbers belong."""
    missing = [name for name in (*numbers, *labels) if name not in frame.columns]
    if missing:
        raise FitError(f"No column {', '.join(missing)}; there are {', '.join(frame.columns)}.")
    words = [name for name in numbers if not pd.api.types.is_numeric_dtype(frame[name])]
    if words:
        raise FitError(
            f"{', '.join(words)} holds words; read numbers as numbers and missing as NaN "
            "(pandas.read_csv has na_values for that)."
        )
    unnamed = [name for name in labels if frame[name].isna().any()]
    if unnamed:
        raise FitError(f"Some rows have no {', '.join(unnamed)}; name their group or drop them.")

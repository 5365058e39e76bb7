"""Anybody's studies from a CSV file, as effects on the analysis scale.

One row per study, with a column `study` (optionally `year`, and any other) and one of

    events_1 n_1 events_2 n_2
    mean_1 sd_1 n_1 mean_2 sd_2 n_2
    mean_1 se_1 n_1 mean_2 se_2 n_2
    median_1 q1_1 q3_1 n_1 median_2 q1_2 q3_2 n_2
    estimate se        or        estimate ci_low ci_high        or        estimate p

Arm 1 is the treatment. `estimate`, `se` and the limits are on the analysis scale: the logarithm
for ratios. Nothing is guessed: a bad row is refused with its place, value and reason, and what
was done with a row that could not say anything is in the notes.
"""

import csv
import io
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from enthesis.evidence.conversions import (
    mean_sd_from_quartiles,
    sd_from_se,
    se_from_ci,
    se_from_p,
)
from enthesis.evidence.effects import (
    Effects,
    Measure,
    compare_counts,
    compare_means,
    counts,
    means,
    reported,
)
from enthesis.evidence.ragged import StudyError

EVENTS = ("events_1", "n_1", "events_2", "n_2")
MEANS = ("mean_1", "sd_1", "n_1", "mean_2", "sd_2", "n_2")
MEANS_SE = ("mean_1", "se_1", "n_1", "mean_2", "se_2", "n_2")
QUARTILES = ("median_1", "q1_1", "q3_1", "n_1", "median_2", "q1_2", "q3_2", "n_2")
WITH_SE = ("estimate", "se")
WITH_CI = ("estimate", "ci_low", "ci_high")
WITH_P = ("estimate", "p")
SHAPES = (EVENTS, MEANS, MEANS_SE, QUARTILES, WITH_SE, WITH_CI, WITH_P)
OF_ARMS = (EVENTS, MEANS, MEANS_SE, QUARTILES)
OF_MEANS = (MEANS, MEANS_SE, QUARTILES)
LEAST_SIZE, GREATEST_SIZE = 1e-30, 1e30
"""Beyond these the squares and fourth powers on the way would leave the range of a float."""


@dataclass(frozen=True, slots=True)
class BadCell:
    """One reason why the file cannot be pooled. `row` counts the header as row 1."""

    row: int
    study: str
    column: str
    value: str
    reason: str

    def __str__(self) -> str:
        who = f" ({self.study})" if self.study else ""
        return f"row {self.row}{who}, column {self.column}, value {self.value!r}: {self.reason}"


class PoolFileError(ValueError):
    """The file cannot be pooled; `problems` are sentences, one per thing to mend."""

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(self.problems))


@dataclass(frozen=True, slots=True)
class StudyLine:
    """One usable row: its name, group ("" without grouping) and effect on the analysis scale.

    `values` are the numbers it was worked out from, `cells` all that the row says.
    """

    study: str
    group: str
    estimate: float
    variance: float
    values: Mapping[str, float]
    cells: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class StudyFile:
    """The usable studies of a file, how they were compared, and what was done with the others."""

    shape: tuple[str, ...]
    measure: Measure | None
    lines: tuple[StudyLine, ...]
    notes: tuple[str, ...]


def read_studies(
    text: str, asked: Measure | None, group: str | None = None, also: Sequence[str] = ()
) -> StudyFile:
    """The studies in the CSV `text`; without a measure RR from events, MD from means.

    `also` are further columns that must be there. Raises PoolFileError naming everything to mend.
    """
    rows = read_rows(text, [*([group] if group else []), *also])
    shape = _shape(rows[0][1])
    measure = _measure(shape, asked)
    lines, notes = _study_lines(rows, shape, measure, group)
    if shape is QUARTILES:
        notes.append(
            "means and standard deviations were worked out from medians and quartiles (Luo 2018, "
            "Wan 2014), which takes the values for about normal"
        )
    return StudyFile(shape, measure, tuple(lines), tuple(notes))


def read_rows(text: str, also: Sequence[str]) -> list[tuple[int, dict[str, str]]]:
    """(row number, cells by column) of every row that is not empty; `also` are columns needed."""
    reader = csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline=""), strict=True)
    try:
        header = [name.strip() for name in next(reader, [])]
        records = [(reader.line_num, record) for record in reader if any(map(str.strip, record))]
    except csv.Error as error:
        raise PoolFileError([f"row {reader.line_num}: not readable as CSV ({error})"]) from None
    _check_header(header, also)
    wrong = [
        f"row {number}: {len(record)} cells where the header has {len(header)}"
        for number, record in records
        if len(record) != len(header)
    ]
    if wrong or not records:
        raise PoolFileError(wrong or ["the file has a header but no studies"])
    return [(n, dict(zip(header, map(str.strip, record), strict=True))) for n, record in records]


def _check_header(header: list[str], also: Sequence[str]) -> None:
    if not any(header):
        raise PoolFileError(["the file is empty"])
    if len(header) == 1 and ";" in header[0]:
        raise PoolFileError(["the columns are separated by semicolons; save with commas"])
    if len(header) == 1 and "\t" in header[0]:
        raise PoolFileError(["the columns are separated by tabs; save with commas"])
    problems = [
        f"column {name} appears more than once"
        for name in dict.fromkeys(header)
        if header.count(name) > 1
    ]
    if "study" not in header:
        problems.append("column study is missing")
    problems += [
        f"column {name}, which was asked for, is missing" for name in also if name not in header
    ]
    if problems:
        raise PoolFileError(problems)


def _shape(columns: Iterable[str]) -> tuple[str, ...]:
    """Which set of columns the file has; an error when none, or several that describe arms."""
    there = set(columns)
    found = [shape for shape in SHAPES if there.issuperset(shape)]
    arms = [shape for shape in found if shape in OF_ARMS]
    if len(arms) > 1:
        both = " and ".join(" ".join(shape) for shape in arms)
        raise PoolFileError([f"the arms are there twice: {both}; keep one of them"])
    if not found:
        raise PoolFileError([_no_shape(there)])
    return found[0]


def _no_shape(there: set[str]) -> str:
    """What a file without a whole set of columns lacks: of the set it has most of, if of any."""
    nearest = max(SHAPES, key=lambda shape: len(there.intersection(shape)) / len(shape))
    if there.isdisjoint(nearest):
        wanted = "; or ".join(" ".join(shape) for shape in SHAPES)
        return f"the columns do not fit; besides study, give {wanted}"
    missing = " ".join(name for name in nearest if name not in there)
    others = " ".join(sorted(there.difference(nearest, ("study", "year"))))
    beside = f"; not understood: {others}" if others else ""
    return f"the columns do not fit: {missing} missing to complete {' '.join(nearest)}{beside}"


def _measure(shape: tuple[str, ...], asked: Measure | None) -> Measure | None:
    if asked is None:
        return Measure.RR if shape is EVENTS else Measure.MD if shape in OF_MEANS else None
    if shape is EVENTS and not asked.from_events:
        raise PoolFileError([f"{asked} needs means; from events choose OR, RR or RD"])
    if shape in OF_MEANS and asked.from_events:
        raise PoolFileError([f"{asked} needs events; from means choose MD, SMD or ROM"])
    return asked


def _study_lines(
    rows: list[tuple[int, dict[str, str]]],
    shape: tuple[str, ...],
    measure: Measure | None,
    group: str | None,
) -> tuple[list[StudyLine], list[str]]:
    lines: list[StudyLine] = []
    notes: list[str] = []
    bad: list[str] = []
    for number, cells in rows:
        values, wrong = _numbers(number, cells, shape)
        if group and not cells[group]:
            wrong.append(BadCell(number, cells["study"], group, "", "the group is missing"))
        if wrong:
            bad.extend(map(str, wrong))
        elif _says_nothing(shape, measure, values):
            notes.append(
                f"row {number} ({cells['study']}): nobody, or everybody, had the event in both "
                f"arms; that says nothing about {measure}, and the study was left out"
            )
        else:
            try:
                effect = _effect(shape, measure, values)
            except StudyError as error:
                bad.append(_whole_row(number, cells, shape, error.problem))
            else:
                lines.append(_line(cells, group, values, effect))
                notes += _lopsided(number, cells["study"], values)
    if bad:
        raise PoolFileError(bad)
    if not lines:
        raise PoolFileError([*notes, "no study is left to pool"])
    return lines, notes


def _numbers(
    number: int, cells: dict[str, str], shape: tuple[str, ...]
) -> tuple[dict[str, float], list[BadCell]]:
    """The row's numbers, and what is wrong with single cells."""
    values: dict[str, float] = {}
    wrong = []
    for column in shape:
        reason = None
        try:
            values[column] = float(cells[column])
        except ValueError:
            reason = "missing" if not cells[column] else "not a number (decimals take a point)"
        else:
            reason = cell_problem(column, values[column])
        if reason:
            wrong.append(BadCell(number, cells["study"], column, cells[column], reason))
    if not cells["study"]:
        wrong.append(BadCell(number, "", "study", "", "the study has no name"))
    return values, wrong or _row_problems(number, cells, values)


def cell_problem(column: str, value: float) -> str | None:
    """Why a number cannot stand in a column; None where it can."""
    if not math.isfinite(value):
        return "not a finite number"
    if column.startswith("sd_") and value < 0:
        return "a standard deviation cannot be negative"
    if column.startswith("se_") and value < 0:
        return "a standard error cannot be negative"
    if column == "p" and not 0 < value < 1:
        return "a p value lies between 0 and 1; one printed as 'p < 0.05' cannot be used"
    if column.startswith("n_") and value < 1:
        return "an arm needs at least 1 person"
    if column.startswith("events_") and value < 0:
        return "a number of events cannot be negative"
    if column == "se" and value <= 0:
        return "a standard error must be greater than 0"
    if value and not LEAST_SIZE < abs(value) < GREATEST_SIZE:
        return "too near to 0, or too large, to calculate with; use another unit"
    return None


def _row_problems(number: int, cells: dict[str, str], values: dict[str, float]) -> list[BadCell]:
    """What is wrong with a row whose cells are fine one by one."""
    found = []
    for arm in ("1", "2"):
        events, n = f"events_{arm}", f"n_{arm}"
        if events in values and values[events] > values[n]:
            found.append((events, f"more events than people ({n} is {cells[n]})"))
        if f"median_{arm}" in values and not (
            values[f"q1_{arm}"] <= values[f"median_{arm}"] <= values[f"q3_{arm}"]
        ):
            found.append((f"median_{arm}", f"not between q1_{arm} and q3_{arm}"))
        if n in values and events not in values and values[n] < 2:
            found.append((n, "one person has no standard deviation; at least 2 are needed"))
    if "p" in values and values["estimate"] == 0:
        found.append(("estimate", "an estimate of 0 has p = 1 whatever its standard error"))
    if "ci_low" in values and values["ci_low"] >= values["ci_high"]:
        found.append(("ci_low", f"not below ci_high ({cells['ci_high']})"))
    elif "ci_low" in values and not values["ci_low"] <= values["estimate"] <= values["ci_high"]:
        found.append(("estimate", "outside its own interval"))
    return [BadCell(number, cells["study"], at, cells[at], reason) for at, reason in found]


def _says_nothing(
    shape: tuple[str, ...], measure: Measure | None, values: dict[str, float]
) -> bool:
    if shape is not EVENTS or measure is Measure.RD:
        return False
    events, people = values["events_1"] + values["events_2"], values["n_1"] + values["n_2"]
    return events in (0, people)


def _effect(shape: tuple[str, ...], measure: Measure | None, values: dict[str, float]) -> Effects:
    if shape is EVENTS and measure:
        return compare_counts(measure, counts(*(values[name] for name in EVENTS)))
    if shape in OF_MEANS and measure:
        return compare_means(measure, means(*_as_means(shape, values)))
    if shape is WITH_SE:
        return reported(values["estimate"], values["se"])
    if shape is WITH_P:
        return reported(values["estimate"], se_from_p(values["estimate"], values["p"]))
    low, high = values["ci_low"], values["ci_high"]
    if measure and measure.is_ratio and _looks_like_a_ratio(values["estimate"], low, high):
        raise StudyError("looks like a ratio with its limits; give their natural logarithms")
    return reported(values["estimate"], se_from_ci(low, high))


def _as_means(shape: tuple[str, ...], values: dict[str, float]) -> list[float]:
    """Mean, SD and n of both arms, worked out where the file gives something else."""
    if shape is MEANS:
        return [values[name] for name in MEANS]
    found: list[float] = []
    for arm in ("1", "2"):
        n = values[f"n_{arm}"]
        if shape is MEANS_SE:
            mean, sd = values[f"mean_{arm}"], float(sd_from_se(values[f"se_{arm}"], n))
        else:
            q1, middle, q3 = (values[f"{name}_{arm}"] for name in ("q1", "median", "q3"))
            mean, sd = map(float, mean_sd_from_quartiles(q1, middle, q3, n))
        found += [mean, sd, n]
    return found


def _looks_like_a_ratio(estimate: float, low: float, high: float) -> bool:
    """All positive, and the estimate is in the middle of its interval only after logarithms."""
    if low <= 0:
        return False
    plain = abs(estimate - (low + high) / 2) / (high - low)
    logged = abs(math.log(estimate) - math.log(low * high) / 2) / math.log(high / low)
    return plain > 0.05 and logged < plain / 2


def _lopsided(number: int, study: str, values: dict[str, float]) -> list[str]:
    """A note where the interval pooled is not the one in the file: only its width is used."""
    if "ci_low" not in values:
        return []
    low, high = values["ci_low"], values["ci_high"]
    if abs(values["estimate"] - (low + high) / 2) <= 0.05 * (high - low):
        return []
    return [
        f"row {number} ({study}): the estimate is not in the middle of its interval, of which only "
        "the width is used; if this is a ratio, give natural logarithms"
    ]


def _line(
    cells: dict[str, str], group: str | None, values: dict[str, float], effect: Effects
) -> StudyLine:
    name = " ".join(part for part in (cells["study"], cells.get("year", "")) if part)
    return StudyLine(
        study=name,
        group=cells[group] if group else "",
        estimate=effect.estimates.item(),
        variance=effect.variances.item(),
        values=values,
        cells=cells,
    )


def _whole_row(number: int, cells: dict[str, str], shape: tuple[str, ...], problem: str) -> str:
    values = ", ".join(cells[column] for column in shape)
    return str(BadCell(number, cells["study"], " ".join(shape), values, problem))

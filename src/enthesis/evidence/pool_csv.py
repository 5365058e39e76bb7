"""Anybody's studies from a CSV file to a pooled answer.

One row per study, with a column `study` (optionally `year` and any column to group by) and one of

    events_1 n_1 events_2 n_2
    mean_1 sd_1 n_1 mean_2 sd_2 n_2
    estimate se        or        estimate ci_low ci_high

Arm 1 is the treatment. `estimate`, `se` and the limits are on the analysis scale: the logarithm
for ratios. Nothing is guessed: a bad row is refused with its place, value and reason, and what
was done with a row that could not say anything is in the notes.
"""

import csv
import io
import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass

from enthesis.evidence.conversions import se_from_ci
from enthesis.evidence.effects import (
    Effects,
    Measure,
    compare_counts,
    compare_means,
    counts,
    means,
    reported,
)
from enthesis.evidence.pool import Interval, Single, pool
from enthesis.evidence.ragged import StudyError, review
from enthesis.evidence.subgroups import subgroups
from enthesis.evidence.tau2 import Model

EVENTS = ("events_1", "n_1", "events_2", "n_2")
MEANS = ("mean_1", "sd_1", "n_1", "mean_2", "sd_2", "n_2")
WITH_SE = ("estimate", "se")
WITH_CI = ("estimate", "ci_low", "ci_high")
SHAPES = (EVENTS, MEANS, WITH_SE, WITH_CI)
LEAST_SIZE, GREATEST_SIZE = 1e-30, 1e30
"""Beyond these the squares and fourth powers on the way would leave the range of a float."""


@dataclass(frozen=True, slots=True)
class PoolOptions:
    """What to compute. Without a measure: RR from events, MD from means, as given otherwise."""

    measure: Measure | None = None
    model: Model = Model.REML
    interval: Interval = Interval.HK
    group: str | None = None


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
    """One usable row: its name, group ("" without grouping) and effect on the analysis scale."""

    study: str
    group: str
    estimate: float
    variance: float


@dataclass(frozen=True, slots=True)
class Between:
    """Whether the groups differ: Q between their pooled values, each with its own τ²."""

    q: float
    df: int
    p: float


@dataclass(frozen=True, slots=True)
class FileAnswer:
    """What the file says: the studies used, the pooled answer, the groups, and the notes."""

    measure: str
    model: Model
    interval: Interval
    studies: tuple[StudyLine, ...]
    overall: Single
    groups: Mapping[str, Single]
    between: Between | None
    notes: tuple[str, ...]

    def as_json(self) -> dict[str, object]:
        """Plain data for JSON: NaN, which JSON cannot say, becomes null."""
        answer = {
            "measure": self.measure,
            "model": self.model.value,
            "interval": self.interval.value,
            **_plain(self.overall),
            "studies": [
                {"study": s.study, "estimate": s.estimate, "se": math.sqrt(s.variance)}
                for s in self.studies
            ],
            "notes": list(self.notes),
        }
        if self.groups:
            answer["groups"] = {name: _plain(one) for name, one in self.groups.items()}
            answer["between"] = asdict(self.between) if self.between else None
        return answer


def pool_file(text: str, options: PoolOptions) -> FileAnswer:
    """Pool the studies in the CSV `text`. Raises PoolFileError naming everything to mend."""
    rows = _read_rows(text, options.group)
    shape = _shape(rows[0][1])
    measure = _measure(shape, options)
    lines, notes = _study_lines(rows, shape, measure, options.group)
    _refuse_common_with_hk(options)
    overall = _pool_lines(lines, options, "the file")
    groups = _pool_groups(lines, options) if options.group else {}
    return FileAnswer(
        measure=measure.value if measure else "estimate",
        model=options.model,
        interval=options.interval,
        studies=tuple(lines),
        overall=overall,
        groups=groups,
        between=_between(lines, options) if options.group else None,
        notes=tuple(notes + _repeats(lines) + _size_notes(overall, groups, options)),
    )


def _read_rows(text: str, group: str | None) -> list[tuple[int, dict[str, str]]]:
    """(row number, cells by column) of every row that is not empty."""
    reader = csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline=""), strict=True)
    try:
        header = [name.strip() for name in next(reader, [])]
        records = [(reader.line_num, record) for record in reader if any(map(str.strip, record))]
    except csv.Error as error:
        raise PoolFileError([f"row {reader.line_num}: not readable as CSV ({error})"]) from None
    _check_header(header, group)
    wrong = [
        f"row {number}: {len(record)} cells where the header has {len(header)}"
        for number, record in records
        if len(record) != len(header)
    ]
    if wrong or not records:
        raise PoolFileError(wrong or ["the file has a header but no studies"])
    return [(n, dict(zip(header, map(str.strip, record), strict=True))) for n, record in records]


def _check_header(header: list[str], group: str | None) -> None:
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
    if group is not None and group not in header:
        problems.append(f"column {group}, to group by, is missing")
    if problems:
        raise PoolFileError(problems)


def _shape(columns: Iterable[str]) -> tuple[str, ...]:
    """Which of the four sets of columns the file has; an error when none, or events and means."""
    there = set(columns)
    found = [shape for shape in SHAPES if there.issuperset(shape)]
    if EVENTS in found and MEANS in found:
        raise PoolFileError(["the file has events and means; keep one of them"])
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


def _measure(shape: tuple[str, ...], options: PoolOptions) -> Measure | None:
    if options.measure is None:
        return {EVENTS: Measure.RR, MEANS: Measure.MD}.get(shape)
    if shape is EVENTS and not options.measure.from_events:
        raise PoolFileError([f"{options.measure} needs means; from events choose OR, RR or RD"])
    if shape is MEANS and options.measure.from_events:
        raise PoolFileError([f"{options.measure} needs events; from means choose MD, SMD or ROM"])
    return options.measure


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
                lines.append(_line(cells, group, effect))
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
            reason = _cell_problem(column, values[column])
        if reason:
            wrong.append(BadCell(number, cells["study"], column, cells[column], reason))
    if not cells["study"]:
        wrong.append(BadCell(number, "", "study", "", "the study has no name"))
    return values, wrong or _row_problems(number, cells, values)


def _cell_problem(column: str, value: float) -> str | None:
    if not math.isfinite(value):
        return "not a finite number"
    if column.startswith("sd_") and value < 0:
        return "a standard deviation cannot be negative"
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
        if f"sd_{arm}" in values and values[n] < 2:
            found.append((n, "one person has no standard deviation; at least 2 are needed"))
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
    if shape is MEANS and measure:
        return compare_means(measure, means(*(values[name] for name in MEANS)))
    if shape is WITH_SE:
        return reported(values["estimate"], values["se"])
    low, high = values["ci_low"], values["ci_high"]
    if measure and measure.is_ratio and _looks_like_a_ratio(values["estimate"], low, high):
        raise StudyError("looks like a ratio with its limits; give their natural logarithms")
    return reported(values["estimate"], se_from_ci(low, high))


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


def _line(cells: dict[str, str], group: str | None, effect: Effects) -> StudyLine:
    name = " ".join(part for part in (cells["study"], cells.get("year", "")) if part)
    return StudyLine(
        study=name,
        group=cells[group] if group else "",
        estimate=effect.estimates.item(),
        variance=effect.variances.item(),
    )


def _whole_row(number: int, cells: dict[str, str], shape: tuple[str, ...], problem: str) -> str:
    values = ", ".join(cells[column] for column in shape)
    return str(BadCell(number, cells["study"], " ".join(shape), values, problem))


def _refuse_common_with_hk(options: PoolOptions) -> None:
    if options.model is Model.COMMON and options.interval is not Interval.WALD:
        raise PoolFileError(
            ["Hartung–Knapp intervals belong to random-effects models; with common choose wald"]
        )


def _pool_lines(lines: list[StudyLine], options: PoolOptions, where: str) -> Single:
    """One pooled answer; a single study keeps its own normal interval."""
    if len(lines) == 1:
        own = review([lines[0].estimate], [lines[0].variance])
        return pool(own, options.model, Interval.WALD).one()
    together = review([s.estimate for s in lines], [s.variance for s in lines])
    answer = pool(together, options.model, options.interval).one()
    if math.isnan(answer.se):
        raise PoolFileError(
            [
                f"in {where} all {len(lines)} studies have the same estimate: nothing is left to "
                "make a Hartung–Knapp interval from; choose wald or hk-adhoc"
            ]
        )
    return answer


def _pool_groups(lines: list[StudyLine], options: PoolOptions) -> dict[str, Single]:
    """Each group pooled by itself, groups in the order in which they appear."""
    members: dict[str, list[StudyLine]] = {}
    for line in lines:
        members.setdefault(line.group, []).append(line)
    return {name: _pool_lines(part, options, f"group {name}") for name, part in members.items()}


def _between(lines: list[StudyLine], options: PoolOptions) -> Between | None:
    labels = [line.group for line in lines]
    if len(set(labels)) < 2:
        return None
    together = review([s.estimate for s in lines], [s.variance for s in lines])
    found = subgroups(together, labels, options.model, options.interval)
    return Between(found.q, found.df, found.p)


def _repeats(lines: list[StudyLine]) -> list[str]:
    names = [line.study for line in lines]
    return [
        f"{name} has {names.count(name)} rows, pooled as if they were different people; combine "
        "the arms, or keep one outcome, if they are not"
        for name in dict.fromkeys(names)
        if names.count(name) > 1
    ]


def _size_notes(overall: Single, groups: Mapping[str, Single], options: PoolOptions) -> list[str]:
    notes = []
    for where, one in {"": overall, **groups}.items():
        start = f"group {where}: " if where else ""
        if one.k == 1:
            notes.append(f"{start}one study; its own normal interval is shown, nothing was pooled")
        elif one.k == 2 and options.model is not Model.COMMON:
            notes.append(
                f"{start}two studies; how much studies differ can hardly be known from them"
            )
    return notes


def _plain(one: Single) -> dict[str, object]:
    return {
        name: None if isinstance(value, float) and not math.isfinite(value) else value
        for name, value in asdict(one).items()
    }

"""Anybody's studies from a CSV file to a pooled answer. The file itself is read by `study_file`."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum

from enthesis.evidence.effects import Measure, counts
from enthesis.evidence.moderators import Moderation, moderation
from enthesis.evidence.pool import Interval, Single, pool
from enthesis.evidence.ragged import StudyError, review
from enthesis.evidence.sensitivity import Sensitivity, sensitivity
from enthesis.evidence.sparse import SparsePooled, mantel_haenszel, peto
from enthesis.evidence.study_file import EVENTS, PoolFileError, StudyLine, read_studies
from enthesis.evidence.subgroups import subgroups
from enthesis.evidence.tau2 import Model


class Sparse(StrEnum):
    """Pooling the 2×2 tables themselves, for few events; the value is the name used in files."""

    MH = "MH"
    PETO = "Peto"


@dataclass(frozen=True, slots=True)
class PoolOptions:
    """What to compute. Without a measure: RR from events, MD from means, as given otherwise.

    `moderators` are columns for a meta-regression; `with_sensitivity` asks whether the answer
    hangs on one study, on their order, or on small ones.
    """

    measure: Measure | None = None
    model: Model | Sparse = Model.REML
    interval: Interval = Interval.HK
    group: str | None = None
    moderators: tuple[str, ...] = ()
    with_sensitivity: bool = False


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
    model: Model | Sparse
    interval: Interval
    studies: tuple[StudyLine, ...]
    overall: Single
    groups: Mapping[str, Single]
    between: Between | None
    notes: tuple[str, ...]
    moderation: Moderation | None = None
    sensitivity: Sensitivity | None = None

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
        if self.moderation:
            answer["moderators"] = _plain(self.moderation)
        if self.sensitivity:
            answer["sensitivity"] = _plain(self.sensitivity)
        return answer


def pool_file(text: str, options: PoolOptions) -> FileAnswer:
    """Pool the studies in the CSV `text`. Raises PoolFileError naming everything to mend."""
    _refuse_what_does_not_fit(options)
    measure = Measure.OR if options.model is Sparse.PETO else options.measure
    if options.model is Sparse.PETO and options.measure not in (None, Measure.OR):
        raise PoolFileError([f"Peto's method gives odds ratios, not {options.measure}"])
    file = read_studies(text, measure, options.group, options.moderators)
    if isinstance(options.model, Sparse) and file.shape is not EVENTS:
        raise PoolFileError([f"{options.model.value} pools events; the file has none"])
    lines = list(file.lines)
    overall = _pool_lines(lines, options, file.measure, "the file")
    groups = _pool_groups(lines, options, file.measure) if options.group else {}
    return FileAnswer(
        measure=file.measure.value if file.measure else "estimate",
        model=options.model,
        interval=options.interval,
        studies=file.lines,
        overall=overall,
        groups=groups,
        between=_between(lines, options) if options.group else None,
        notes=(*file.notes, *_repeats(lines), *_size_notes(overall, groups, options)),
        moderation=_moderation(lines, options),
        sensitivity=_sensitivity(lines, options),
    )


def _refuse_what_does_not_fit(options: PoolOptions) -> None:
    if not _is_random(options.model) and options.interval is not Interval.WALD:
        raise PoolFileError(
            [
                "Hartung–Knapp intervals belong to random-effects models; with "
                f"{options.model.value} choose wald"
            ]
        )
    if isinstance(options.model, Sparse) and (options.moderators or options.with_sensitivity):
        raise PoolFileError(
            [
                f"{options.model.value} pools tables, not effects: moderators and sensitivity need "
                "another model"
            ]
        )


def _is_random(model: Model | Sparse) -> bool:
    return isinstance(model, Model) and model is not Model.COMMON


def _moderation(lines: list[StudyLine], options: PoolOptions) -> Moderation | None:
    if not options.moderators or isinstance(options.model, Sparse):
        return None
    try:
        return moderation(lines, options.moderators, options.model, options.interval)
    except StudyError as error:
        raise PoolFileError([f"moderators: {error.problem}"]) from error


def _sensitivity(lines: list[StudyLine], options: PoolOptions) -> Sensitivity | None:
    if not options.with_sensitivity or isinstance(options.model, Sparse):
        return None
    return sensitivity(lines, options.model, options.interval)


def _pool_tables(
    lines: list[StudyLine], method: Sparse, measure: Measure | None, where: str
) -> Single:
    """The tables pooled as one; what belongs to random effects cannot be known."""
    tables = counts(*([line.values[name] for line in lines] for name in EVENTS))
    try:
        if method is Sparse.PETO:
            return _as_single(peto(tables))
        return _as_single(mantel_haenszel(tables, measure or Measure.RR))
    except StudyError as error:
        raise PoolFileError([f"in {where}: {error.problem}"]) from error


def _as_single(found: SparsePooled) -> Single:
    df, nan = found.k - 1, float("nan")
    return Single(
        **asdict(found),
        prediction_low=nan,
        prediction_high=nan,
        tau2=nan,
        i2=max(0.0, 100 * (found.q - df) / found.q) if df > 0 and found.q > 0 else nan,
        h2=found.q / df if df > 0 else nan,
    )


def _pool_lines(
    lines: list[StudyLine], options: PoolOptions, measure: Measure | None, where: str
) -> Single:
    """One pooled answer; a single study keeps its own normal interval."""
    if isinstance(options.model, Sparse):
        return _pool_tables(lines, options.model, measure, where)
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


def _pool_groups(
    lines: list[StudyLine], options: PoolOptions, measure: Measure | None
) -> dict[str, Single]:
    """Each group pooled by itself, groups in the order in which they appear."""
    members: dict[str, list[StudyLine]] = {}
    for line in lines:
        members.setdefault(line.group, []).append(line)
    return {
        name: _pool_lines(part, options, measure, f"group {name}") for name, part in members.items()
    }


def _between(lines: list[StudyLine], options: PoolOptions) -> Between | None:
    labels = [line.group for line in lines]
    if len(set(labels)) < 2 or isinstance(options.model, Sparse):
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
        elif one.k == 2 and _is_random(options.model):
            notes.append(
                f"{start}two studies; how much studies differ can hardly be known from them"
            )
    return notes


def _plain(one: object) -> dict[str, object]:
    """A dataclass as plain data; NaN becomes null, also further in."""
    found: dict[str, object] = {
        name: _no_nan(value)
        for name, value in asdict(one).items()  # type: ignore[call-overload]
    }
    return found


def _no_nan(value: object) -> object:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {name: _no_nan(part) for name, part in value.items()}
    return [_no_nan(part) for part in value] if isinstance(value, list | tuple) else value

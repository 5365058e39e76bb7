"""Anybody's studies of several treatments from a CSV file to a network.

One row per arm, with columns `study` and `treatment` and one of

    events n
    mean sd n

or one row per comparison of two treatments, `treatment` minus `comparator` on the analysis scale
(the logarithm for ratios); a study of three arms gives all three of its comparisons:

    comparator estimate se
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import combinations

from enthesis.evidence.effects import Measure
from enthesis.evidence.network import (
    Contrast,
    Decomposition,
    Network,
    NetworkStudy,
    Ranking,
    Split,
    decompose,
    from_arm_events,
    from_arm_means,
    from_arm_smds,
    from_pairs,
    network,
    rank,
    split_evidence,
)
from enthesis.evidence.ragged import StudyError
from enthesis.evidence.study_file import BadCell, PoolFileError, cell_problem, read_rows
from enthesis.evidence.tau2 import Model

EVENTS = ("treatment", "events", "n")
MEANS = ("treatment", "mean", "sd", "n")
PAIRS = ("treatment", "comparator", "estimate", "se")
SHAPES = (EVENTS, MEANS, PAIRS)
SEED = 20261126
"""The ranks are drawn; the same file always gives the same ones."""


@dataclass(frozen=True, slots=True)
class NetworkOptions:
    """What to compute. Without a reference the treatment with most studies; without a measure OR
    from events and MD from means. `smaller_is_better` None: no ranking is made."""

    reference: str | None = None
    measure: Measure | None = None
    model: Model = Model.REML
    smaller_is_better: bool | None = None


@dataclass(frozen=True, slots=True)
class Pair:
    """One comparison in the network: `treatment` minus `comparator`."""

    treatment: str
    comparator: str
    network: Contrast
    studies: int


@dataclass(frozen=True, slots=True)
class NetworkAnswer:
    """The fitted network, every pair of treatments, and whether its parts agree."""

    measure: str
    fitted: Network
    pairs: tuple[Pair, ...]
    agreement: Decomposition
    splits: tuple[Split, ...]
    ranking: Ranking | None
    notes: tuple[str, ...]

    def studies_of(self, *treatments: str) -> int:
        """How many studies have all of these treatments."""
        return sum(set(treatments) <= set(study.treatments) for study in self.fitted.studies)

    def as_json(self) -> dict[str, object]:
        """Plain data for JSON; what cannot be known is null."""
        fitted, ranking = self.fitted, self.ranking
        heterogeneity = {"tau2": fitted.tau2, "i2": fitted.i2, "q": fitted.q, "df": fitted.df}
        return {
            "measure": self.measure,
            "model": fitted.model.value,
            "reference": fitted.treatments[0],
            "treatments": list(fitted.treatments),
            "studies": len(fitted.studies),
            **{name: _known(value) for name, value in heterogeneity.items()},
            "q_p": _known(fitted.q_p),
            "comparisons": [asdict(pair) for pair in self.pairs],
            "agreement": {name: _known(v) for name, v in asdict(self.agreement).items()},
            "direct_and_indirect": [asdict(split) for split in self.splits],
            "ranking": None if ranking is None else _ranking_json(ranking),
            "notes": list(self.notes),
        }


def network_file(text: str, options: NetworkOptions) -> NetworkAnswer:
    """The network of the studies in the CSV `text`. Raises PoolFileError naming what to mend."""
    rows = read_rows(text, ())
    shape = _shape(rows[0][1])
    measure = _measure(shape, options.measure)
    studies = _studies(rows, shape, measure)
    names = [name for study in studies for name in study.treatments]
    reference = options.reference or max(dict.fromkeys(names), key=names.count)
    try:
        fitted = network(studies, reference, options.model)
        splits = split_evidence(fitted)
    except StudyError as error:
        raise PoolFileError([error.problem]) from error
    smaller = options.smaller_is_better
    return NetworkAnswer(
        measure=measure.value if measure else "estimate",
        fitted=fitted,
        pairs=tuple(_pairs(fitted)),
        agreement=decompose(fitted),
        splits=splits,
        ranking=None if smaller is None else rank(fitted, SEED, smaller),
        notes=tuple(_notes(fitted)),
    )


def _shape(columns: Mapping[str, str]) -> tuple[str, ...]:
    found = [shape for shape in SHAPES if set(columns).issuperset(shape)]
    if len(found) != 1:
        wanted = "; or ".join(" ".join(shape) for shape in SHAPES)
        problem = "fit more than one set" if found else "do not fit"
        raise PoolFileError([f"the columns {problem}; besides study, give {wanted}"])
    return found[0]


def _measure(shape: tuple[str, ...], asked: Measure | None) -> Measure | None:
    allowed = {EVENTS: (Measure.OR,), MEANS: (Measure.MD, Measure.SMD), PAIRS: tuple(Measure)}[
        shape
    ]
    if asked is not None and asked not in allowed:
        names = " or ".join(allowed)
        raise PoolFileError([f"{asked} cannot be made from {' '.join(shape)} here; choose {names}"])
    return asked or (None if shape is PAIRS else allowed[0])


Rows = Sequence[tuple[int, Mapping[str, str]]]


def _studies(rows: Rows, shape: tuple[str, ...], measure: Measure | None) -> list[NetworkStudy]:
    numbers, bad = _numbers(rows, shape)
    if bad:
        raise PoolFileError(map(str, bad))
    members: dict[str, list[int]] = {}
    for at, (_, cells) in enumerate(rows):
        members.setdefault(cells["study"], []).append(at)
    make = _MAKERS[measure] if shape is not PAIRS else None
    studies, problems = [], []
    for name, places in members.items():
        try:
            arms = [rows[at][1] for at in places]
            values = [numbers[at] for at in places]
            studies.append(make(name, arms, values) if make else _of_pairs(name, arms, values))
        except StudyError as error:
            where = ", ".join(str(rows[at][0]) for at in places)
            problems.append(f"rows {where}: {error.problem}")
    if problems:
        raise PoolFileError(problems)
    return studies


def _numbers(rows: Rows, shape: tuple[str, ...]) -> tuple[list[dict[str, float]], list[BadCell]]:
    """The numbers of each row, and what is wrong with single cells."""
    found, bad = [], []
    for row, cells in rows:
        values: dict[str, float] = {}
        for column in ("study", *shape):
            if column in ("study", "treatment", "comparator"):
                reason = None if cells[column] else "missing"
            else:
                reason = _read(column, cells[column], values)
            if reason:
                bad.append(BadCell(row, cells["study"], column, cells[column], reason))
        if values.get("events", 0) > values.get("n", math.inf):
            bad.append(BadCell(row, cells["study"], "events", cells["events"], "more than people"))
        found.append(values)
    return found, bad


def _read(column: str, text: str, values: dict[str, float]) -> str | None:
    try:
        values[column] = float(text)
    except ValueError:
        return "missing" if not text else "not a number (decimals take a point)"
    # The arms' columns of a pair of arms have a number at the end; the rules for cells are theirs.
    same = {"events": "events_1", "n": "n_1", "sd": "sd_1", "mean": "mean_1"}.get(column, column)
    return cell_problem(same, values[column])


Cells = Sequence[Mapping[str, str]]
Values = Sequence[Mapping[str, float]]


def _of_events(study: str, cells: Cells, values: Values) -> NetworkStudy:
    return from_arm_events(
        study, _arms(cells), [v["events"] for v in values], [v["n"] for v in values]
    )


def _of_means(study: str, cells: Cells, values: Values) -> NetworkStudy:
    columns = ([v[name] for v in values] for name in ("mean", "sd", "n"))
    return from_arm_means(study, _arms(cells), *columns)


def _of_smds(study: str, cells: Cells, values: Values) -> NetworkStudy:
    columns = ([v[name] for v in values] for name in ("mean", "sd", "n"))
    return from_arm_smds(study, _arms(cells), *columns)


_MAKERS: Mapping[Measure | None, Callable[[str, Cells, Values], NetworkStudy]] = {
    Measure.OR: _of_events,
    Measure.MD: _of_means,
    Measure.SMD: _of_smds,
}


def _arms(cells: Cells) -> list[str]:
    names = [row["treatment"] for row in cells]
    if len(names) < 2:
        raise StudyError("a study needs two arms or more")
    for name in names:
        if names.count(name) > 1:
            raise StudyError(f"{name} has two rows in one study; combine its arms")
    return names


def _of_pairs(study: str, cells: Cells, values: Values) -> NetworkStudy:
    pairs: dict[tuple[str, str], tuple[float, float]] = {}
    for row, numbers in zip(cells, values, strict=True):
        pair = row["treatment"], row["comparator"]
        if pair[0] == pair[1] or pair in pairs or pair[::-1] in pairs:
            raise StudyError(f"{' and '.join(pair)}: one row for each pair of two treatments")
        pairs[pair] = numbers["estimate"], numbers["se"] ** 2
    return from_pairs(study, pairs)


def _pairs(fitted: Network) -> list[Pair]:
    return [
        Pair(
            treatment,
            comparator,
            fitted.compare(treatment, comparator),
            sum({treatment, comparator} <= set(study.treatments) for study in fitted.studies),
        )
        for comparator, treatment in combinations(fitted.treatments, 2)
    ]


def _notes(fitted: Network) -> list[str]:
    notes = []
    if fitted.df == 0:
        notes.append("no comparison was made twice: how studies differ cannot be known")
    alone = [pair for pair in _pairs(fitted) if pair.studies == 1]
    if alone:
        notes.append(f"{len(alone)} of the comparisons rest on one study each, where there is any")
    return notes


def _ranking_json(ranking: Ranking) -> list[dict[str, object]]:
    return [
        {
            "treatment": name,
            "mean_rank": float(ranking.mean_rank[i]),
            "rank_low": float(ranking.rank_low[i]),
            "rank_high": float(ranking.rank_high[i]),
            "rank_probabilities": [float(p) for p in ranking.rank_probabilities[i]],
            "p_score": float(ranking.p_scores[i]),
        }
        for i, name in enumerate(ranking.treatments)
    ]


def _known(value: float) -> float | None:
    return value if math.isfinite(value) else None

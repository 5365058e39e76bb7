"""One trial's numbers for one question: from the rows of its paper to an effect with its error.

Nothing is guessed: a row that is not there, or that carries a doubt without the synthesis saying
so, is a problem in words (`problems`), and a paper without a usable number is told why
(`why_unused`).
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal

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
from enthesis.evidence.ragged import StudyError
from enthesis.knowledge.paper import (
    Paper,
    PaperContrast,
    PaperOutcome,
    Synthesis,
    SynthesisStudy,
)

Z = 1.959963984540054
"""Half a 95 % interval of one trial in standard errors."""
DOMAINS = ("chance", "blinding", "lost", "care")
"""How people were allocated, who was blinded, who was lost, what else they were given."""
HIGH_RISK, LOWER_RISK, PARTLY_READ = (
    "High risk of bias",
    "Low risk of bias, or some concerns",
    "Risk of bias read only in part",
)


class EvidenceError(ValueError):
    """A synthesis that its papers cannot answer: what is missing, and in which paper."""


@dataclass(frozen=True, slots=True)
class Trial:
    """One trial in one synthesis, on the synthesis's scale.

    `people` are those of the arm and of its comparator, None where the paper does not say;
    `in_all` those randomised. `out_of_100` are the two arms' events, (treated, compared).
    """

    paper: str
    name: str
    weeks: Decimal
    estimate: float
    se: float
    people: tuple[int | None, int | None]
    in_all: int | None
    shown_only: str
    bias: Mapping[str, str]
    bias_note: str
    sources: tuple[str, ...]
    out_of_100: tuple[float, float] | None = None

    @property
    def is_counted(self) -> bool:
        """Whether it may enter a pool."""
        return not self.shown_only

    @property
    def ci_low(self) -> float:
        """Lower end of its own 95 % interval."""
        return self.estimate - Z * self.se

    @property
    def ci_high(self) -> float:
        """Upper end of its own 95 % interval."""
        return self.estimate + Z * self.se

    @property
    def of_100(self) -> tuple[int, int] | None:
        """Whole people of 100 with prolotherapy and without. Half a person is rounded up on both
        sides, so that 52.5 and 77 stay 24 apart."""
        if self.out_of_100 is None:
            return None
        treated, compared = self.out_of_100
        return math.floor(treated + 0.5), math.floor(compared + 0.5)

    @property
    def bias_group(self) -> str:
        """Where it stands in the forest plot: high as soon as one domain is."""
        if "high" in self.bias.values():
            return HIGH_RISK
        return LOWER_RISK if set(DOMAINS) <= set(self.bias) else PARTLY_READ

    @property
    def people_in_words(self) -> str:
        """26 v 25, or 76 in all."""
        if None not in self.people:
            return f"{self.people[0]} v {self.people[1]}"
        return f"{self.in_all} in all" if self.in_all else "not read"

    @property
    def headcount(self) -> int:
        """Everybody in the numbers, or else everybody randomised; 0 when neither is read."""
        known = [n for n in self.people if n is not None]
        return sum(known) if len(known) == 2 else self.in_all or 0


def problems(synthesis: Synthesis, papers: Mapping[str, Paper]) -> tuple[str, ...]:
    """Why a synthesis cannot be answered from these papers; empty when it can."""
    listed = {study.paper for study in synthesis.studies}
    missing = [paper for paper in synthesis.never_without if paper not in listed]
    found = [f"{paper} must stand beside the others and is not listed" for paper in missing]
    for study in synthesis.studies:
        found += [f"{study.paper}: {text}" for text in _wrong(study, synthesis, papers)]
    return tuple(f"{synthesis.id}: {text}" for text in found)


def trial(study: SynthesisStudy, synthesis: Synthesis, paper: Paper) -> Trial:
    """The trial with its effect. Raises EvidenceError when the rows are not there or not whole."""
    rows = numbers_of(study, paper)
    try:
        effect, out_of_100 = _effect(rows, Measure(synthesis.measure))
    except StudyError as error:
        raise EvidenceError(f"{synthesis.id}: {paper.id}: {error.problem}") from error
    scale = float(study.times) * (100 if synthesis.measure == "RD" else 1)
    first, second = (row.n if isinstance(row, PaperOutcome) else None for row in (rows * 2)[:2])
    return Trial(
        paper=paper.id,
        name=name_of(paper),
        weeks=study.weeks,
        estimate=scale * float(effect.estimates[0]),
        se=abs(scale) * float(effect.variances[0]) ** 0.5,
        people=(first, second),
        in_all=paper.randomised,
        shown_only=study.shown_only,
        bias=study.bias,
        bias_note=study.bias_note,
        sources=tuple(dict.fromkeys(row.source for row in rows)),
        out_of_100=out_of_100,
    )


def numbers_of(study: SynthesisStudy, paper: Paper) -> tuple[PaperOutcome | PaperContrast, ...]:
    """The rows a study takes: two outcomes (arm, comparator), else one contrast, else nothing."""
    rows = [
        next(
            (row for row in paper.outcomes if _key(row) == (arm, study.instrument, study.weeks)),
            None,
        )
        for arm in (study.arm, study.comparator)
    ]
    if rows[0] and rows[1]:
        return (rows[0], rows[1])
    wanted = (study.arm, study.comparator, study.instrument, study.weeks)
    return tuple(
        row
        for row in paper.contrasts
        if (row.arm, row.comparator, row.instrument, row.weeks) == wanted
    )[:1]


def name_of(paper: Paper) -> str:
    """Yelland 2004; the registry's number or the journal where no author was read."""
    if not paper.first_author.startswith("("):
        words = paper.first_author.split()
        surname = [w for w in words if not (w.isupper() and len(w) <= 3)] or words
        return f"{' '.join(surname)} {paper.year or ''}".strip()
    if paper.id.startswith("nct"):
        return paper.id.split("_")[0].upper()
    where = paper.journal.split("(")[0].strip() or paper.id
    return f"{where} (author not read)"


def is_only_registered(paper: Paper) -> bool:
    """Whether no results have been seen of a trial that a registry names."""
    return paper.source_kind == "registry" and not paper.outcomes and not paper.contrasts


def why_unused(paper: Paper) -> str:
    """Why none of a paper's numbers answers a question, in words."""
    rows = paper.outcomes
    if is_only_registered(paper):
        return "Registered; no results were seen."
    if not rows and not paper.contrasts:
        return "No numbers stand on the pages that could be read."
    if len({row.arm for row in rows if row.weeks}) == 1:
        return "Only one group's numbers could be read."
    doubts = sorted({row.doubt for row in rows if row.doubt})
    if doubts:
        return " ".join(doubts)
    if any(row.n is None for row in rows):
        return "How many people were in each group could not be read."
    if any(row.measure in ("final", "change") and row.sd is None for row in rows):
        return "No standard deviation could be read."
    return "Its numbers answer none of the questions asked here."


def _key(row: PaperOutcome) -> tuple[str, str, Decimal]:
    return row.arm, row.instrument, row.weeks


def _wrong(
    study: SynthesisStudy, synthesis: Synthesis, papers: Mapping[str, Paper]
) -> Iterator[str]:
    paper = papers.get(study.paper)
    if paper is None:
        yield "there is no such paper"
        return
    rows = numbers_of(study, paper)
    if not rows:
        yield f"no {study.instrument!r} of both arms at week {study.weeks}, and no difference"
        return
    doubts = sorted({row.doubt for row in rows if row.doubt})
    if doubts and not study.shown_only:
        yield f"its numbers are doubtful ({' '.join(doubts)}): give the reason in shown_only"
    unknown = sorted(set(study.bias) - set(DOMAINS)) or sorted(
        set(study.bias.values()) - {"low", "some", "high"}
    )
    if unknown:
        yield f"bias: {unknown[0]!r} is no domain of {', '.join(DOMAINS)} and no low, some, high"
    try:
        trial(study, synthesis, paper)
    except EvidenceError as error:
        yield str(error).removeprefix(f"{synthesis.id}: {paper.id}: ")


def _effect(
    rows: tuple[PaperOutcome | PaperContrast, ...], measure: Measure
) -> tuple[Effects, tuple[float, float] | None]:
    if not rows:
        raise StudyError("the paper has no such numbers")
    first, second = rows[0], rows[-1]
    if isinstance(first, PaperContrast) or isinstance(second, PaperContrast):
        return _reported(first, measure), None
    if not measure.from_events:
        arms = means(*_mean_row(first), *_mean_row(second))
        return compare_means(measure, arms), None
    (events_1, n_1), (events_2, n_2) = _event_row(first), _event_row(second)
    effect = compare_counts(measure, counts(events_1, n_1, events_2, n_2))
    return effect, (100 * events_1 / n_1, 100 * events_2 / n_2)


def _reported(row: PaperOutcome | PaperContrast, measure: Measure) -> Effects:
    if not isinstance(row, PaperContrast) or row.measure != measure.value:
        raise StudyError(f"its difference is no {measure.value}")
    if row.se is not None:
        return reported(float(row.estimate), float(row.se))
    if row.ci_low is None or row.ci_high is None:
        raise StudyError("the difference has neither a standard error nor an interval")
    return reported(float(row.estimate), se_from_ci(float(row.ci_low), float(row.ci_high)))


def _mean_row(row: PaperOutcome) -> tuple[float, float, float]:
    if row.mean is None or row.sd is None or row.n is None:
        raise StudyError(f"{row.arm}: mean, standard deviation and number of people are needed")
    return float(row.mean), float(row.sd), float(row.n)


def _event_row(row: PaperOutcome) -> tuple[float, float]:
    """Events and people; a printed proportion stands for events that need not be whole."""
    if row.n is None or (row.events is None and row.mean is None):
        raise StudyError(f"{row.arm}: events and number of people are needed")
    events = row.events if row.events is not None else float(row.mean or 0) * row.n
    return float(events), float(row.n)

"""What the trials of one question say: each trial, the pool or why there is none, and how sure.

(papers, synthesis) → `Answer`. Everything is worked out from the numbers, the sentences included
(`sentences`), so that a corrected number changes all that rests on it.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

from enthesis.evidence import sentences
from enthesis.evidence.doubt import (
    Domain,
    Doubt,
    DoubtRules,
    imprecision,
    inconsistency,
    small_studies,
)
from enthesis.evidence.grade import Grade, grade
from enthesis.evidence.pool import Interval, Single, pool
from enthesis.evidence.ragged import Studies, review
from enthesis.evidence.small_study import egger
from enthesis.evidence.trials import (
    EvidenceError,
    Trial,
    is_only_registered,
    name_of,
    problems,
    trial,
    why_unused,
)
from enthesis.knowledge.paper import CertaintyLimits, EvidenceTopic, Paper, Synthesis


class Share(NamedTuple):
    """So many of so many."""

    part: int
    of: int


NONE_UNREAD = Share(0, 0)


@dataclass(frozen=True, slots=True)
class Answer:
    """One question, answered. `weights` are percent of the pool by paper, empty without one.

    `groups` pools within a group of equal risk of bias that has trials enough. `grade` is None
    where no trial can be counted.
    """

    synthesis: Synthesis
    trials: tuple[Trial, ...]
    pooled: Single | None
    why_not_pooled: str
    weights: Mapping[str, float]
    groups: Mapping[str, Single]
    grade: Grade | None
    sentence: str
    numbers: tuple[str, ...]

    @property
    def counted(self) -> tuple[Trial, ...]:
        """The trials that may be pooled."""
        return tuple(one for one in self.trials if one.is_counted)

    @property
    def people(self) -> int:
        """Everybody in the counted trials."""
        return sum(one.headcount for one in self.counted)


@dataclass(frozen=True, slots=True)
class Unread:
    """A trial that was found and answers no question, with the reason. `reported` is which
    way its authors say it went, which nobody could check: trials must not be hidden by silence."""

    paper: str
    name: str
    people: int | None
    design: str
    reason: str
    source: str
    reported: str = ""


REPORTED_WORDS = {
    "": "",
    "prolotherapy": "its authors report a better result with prolotherapy",
    "comparison": "its authors report a better result with the comparison",
    "no_difference": "its authors report no difference between the groups",
    "mixed": "its authors report different answers by time or measure",
}


@dataclass(frozen=True, slots=True)
class TopicAnswer:
    """Everything about one topic: its questions, the first one leading, and what is unread."""

    topic: EvidenceTopic
    answers: tuple[Answer, ...]
    unread: tuple[Unread, ...]
    trials_found: int

    @property
    def reported(self) -> str:
        """How the unread trials went by their authors' words, counted; empty where none says."""
        said = [one.reported.removeprefix("its authors report ") for one in self.unread]
        counted = [f"{said.count(words)} {words}" for words in dict.fromkeys(filter(None, said))]
        if not counted:
            return ""
        return (
            f"By their authors' words, which could not be checked, of these {len(said)}: "
            f"{'; '.join(counted)}; {said.count('')} cannot be said."
        )

    @property
    def line(self) -> str:
        """The honest sentence of the leading question, with what it rests on."""
        if self.answers:
            return self.answers[0].sentence
        return (
            f"Nothing can be said about {self.topic.name}: no trial's numbers could be both read "
            "and trusted."
        )


def answer_topic(
    topic: EvidenceTopic,
    syntheses: Iterable[Synthesis],
    papers: Mapping[str, Paper],
    limits: CertaintyLimits,
) -> TopicAnswer:
    """All questions of a topic. Raises EvidenceError naming every synthesis that does not hold."""
    asked = [one for one in syntheses if one.topic == topic.id]
    told = [text for synthesis in asked for text in problems(synthesis, papers)]
    if told:
        raise EvidenceError("; ".join(told))
    used = {study.paper for synthesis in asked for study in synthesis.studies}
    found = papers_of(topic, papers)
    finished = [paper for paper in found if not is_only_registered(paper)]
    unread = Share(sum(paper.id not in used for paper in finished), len(finished))
    return TopicAnswer(
        topic=topic,
        answers=tuple(answer(one, papers, limits, unread) for one in asked),
        unread=tuple(_unread(paper) for paper in found if paper.id not in used),
        trials_found=len(found),
    )


def papers_of(topic: EvidenceTopic, papers: Mapping[str, Paper]) -> list[Paper]:
    """Every trial found on a topic: those of its condition, and those it names of others."""
    return [p for p in papers.values() if p.condition_group == topic.id or p.id in topic.papers]


def answer(
    synthesis: Synthesis,
    papers: Mapping[str, Paper],
    limits: CertaintyLimits,
    unread: Share = NONE_UNREAD,
) -> Answer:
    """One question answered (REML, Hartung–Knapp, never narrower than the normal interval: trials
    that happen to agree are no proof of agreement). Raises EvidenceError for missing numbers.

    `unread` are the topic's finished trials none of whose numbers can be shown, of how many.
    """
    trials = tuple(trial(s, synthesis, papers[s.paper]) for s in synthesis.studies)
    counted = [one for one in trials if one.is_counted]
    pooled = _pool(counted, limits)
    graded = _grade(synthesis, counted, pooled, limits, unread)
    return Answer(
        synthesis=synthesis,
        trials=trials,
        pooled=pooled,
        why_not_pooled="" if pooled else sentences.why_not_pooled(len(counted), limits),
        weights=_weights(counted, pooled) if pooled else {},
        groups=_groups(counted, limits),
        grade=graded,
        sentence=sentences.may(synthesis, trials, pooled, graded),
        numbers=sentences.numbers(synthesis, trials, pooled),
    )


def _unread(paper: Paper) -> Unread:
    return Unread(
        paper=paper.id,
        name=name_of(paper),
        people=paper.randomised,
        design=paper.design,
        reason=why_unused(paper),
        source=paper.source,
        reported=REPORTED_WORDS[paper.reported],
    )


def _studies(trials: Iterable[Trial]) -> Studies:
    listed = list(trials)
    return review([one.estimate for one in listed], [one.se**2 for one in listed])


def _pool(trials: list[Trial], limits: CertaintyLimits) -> Single | None:
    if len(trials) < limits.trials_to_pool:
        return None
    return pool(_studies(trials), interval=Interval.HK_ADHOC).one()


def _groups(trials: list[Trial], limits: CertaintyLimits) -> dict[str, Single]:
    """A pool for each group of trials, where there is more than one group."""
    names = dict.fromkeys(one.bias_group for one in trials)
    if len(names) < 2:
        return {}
    found = {name: _pool([t for t in trials if t.bias_group == name], limits) for name in names}
    return {name: one for name, one in found.items() if one}


def _weights(trials: list[Trial], pooled: Single) -> dict[str, float]:
    parts = {one.paper: 1 / (one.se**2 + pooled.tau2) for one in trials}
    return {paper: 100 * part / sum(parts.values()) for paper, part in parts.items()}


def _grade(
    synthesis: Synthesis,
    trials: list[Trial],
    pooled: Single | None,
    limits: CertaintyLimits,
    unread: Share,
) -> Grade | None:
    if not trials:
        return None
    rules = DoubtRules(
        worthwhile=float(synthesis.worthwhile),
        people_needed=limits.people_needed,
        substantial_i2=float(limits.substantial_i2_percent),
        studies_needed=limits.studies_needed,
        asymmetry_p=float(limits.asymmetry_p),
    )
    people = sum(one.headcount for one in trials)
    whole = pooled or _together(trials)
    asymmetry = float(egger(_studies(trials)).p[0]) if len(trials) > 2 else math.nan
    return grade(
        (
            Doubt(Domain.RISK_OF_BIAS, synthesis.risk_of_bias_levels, synthesis.risk_of_bias),
            inconsistency(whole, rules) if pooled else _disagreement(trials),
            Doubt(Domain.INDIRECTNESS, synthesis.indirectness_levels, synthesis.indirectness),
            _imprecision(whole, people, rules, synthesis),
            _missing(small_studies(asymmetry, len(trials), rules), unread, limits),
        )
    )


def _together(trials: list[Trial]) -> Single:
    """Too few trials to pool: the interval is all that any of them allows."""
    one = pool(_studies(trials[:1])).one()
    low, high = min(t.ci_low for t in trials), max(t.ci_high for t in trials)
    return replace(one, ci_low=low, ci_high=high, k=len(trials))


def _imprecision(whole: Single, people: int, rules: DoubtRules, synthesis: Synthesis) -> Doubt:
    """The domain's own levels, its reason told on the scale and in the words of the synthesis."""
    found = imprecision(whole, people, rules)
    if math.isnan(whole.ci_low) or found.reason.startswith(str(people)):
        return found
    allows = found.reason.split("), ")[-1].split(", ")[-1]
    interval = sentences.interval(whole.ci_low, whole.ci_high, synthesis)
    return replace(found, reason=f"the 95 % interval, {interval}, {allows}")


def _missing(found: Doubt, unread: Share, limits: CertaintyLimits) -> Doubt:
    """A level more where most of a topic's trials cannot be read, whatever the funnel shows."""
    if not unread.of or 100 * unread.part <= limits.unread_percent * unread.of:
        return found
    reason = (
        f"no number of {unread.part} of the {unread.of} finished trials found can be shown; "
        "what is printed may differ from what is not"
    )
    return replace(found, levels=found.levels + 1, reason=reason)


def _disagreement(trials: list[Trial]) -> Doubt:
    if len(trials) == 1:
        return Doubt(Domain.INCONSISTENCY, 0, "one trial: whether others agree cannot be known")
    apart = max(t.ci_low for t in trials) > min(t.ci_high for t in trials)
    if apart:
        return Doubt(Domain.INCONSISTENCY, 1, "the trials' intervals do not overlap")
    return Doubt(Domain.INCONSISTENCY, 0, "the trials' intervals overlap; two cannot show more")

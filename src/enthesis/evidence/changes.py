"""What a new or corrected paper moves, before it is accepted.

Each number, sentence, certainty and picture, natural history included.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from enthesis.charts.anyway import anyway_file
from enthesis.charts.forest import forest_file
from enthesis.evidence import sentences
from enthesis.evidence.answer import Answer, TopicAnswer
from enthesis.evidence.anyway import Anyway
from enthesis.evidence.anyway_figure import anyway_chart, anyway_pools, change_words
from enthesis.evidence.figure import forest_data
from enthesis.evidence.pool import Single
from enthesis.knowledge.paper import Synthesis

ANYWAY = "what happens anyway"


@dataclass(frozen=True, slots=True)
class Change:
    """One thing said differently; an empty side was not said at all."""

    where: str
    what: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Told:
    """All that the page of a topic says: the trials' answers, and what happens anyway."""

    topic: TopicAnswer
    anyway: Anyway


def changes(before: Told, after: Told) -> tuple[Change, ...]:
    """Everything a reader of the topic would see change, in the order of the page."""
    old, new = _said(before), _said(after)
    keys = list(dict.fromkeys([*old, *new]))
    return tuple(
        Change(where, what, old.get((where, what), ""), new.get((where, what), ""))
        for where, what in keys
        if old.get((where, what), "") != new.get((where, what), "")
    )


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture drawn differently: two SVG files; an empty side was not drawn at all."""

    where: str
    before: str
    after: str


def pictures(before: Told, after: Told) -> tuple[Picture, ...]:
    """Every picture of the topic that a reader would see change, in the order of the page."""
    old, new = _drawn(before), _drawn(after)
    return tuple(
        Picture(where, old.get(where, ""), new.get(where, ""))
        for where in dict.fromkeys([*old, *new])
        if old.get(where) != new.get(where)
    )


def _drawn(found: Told) -> Mapping[str, str]:
    drawn = {one.synthesis.id: forest_file(forest_data(one)) for one in found.topic.answers}
    if found.anyway.groups:
        drawn[ANYWAY.replace(" ", "-")] = anyway_file(anyway_chart(found.anyway))
    return drawn


def _said(found: Told) -> Mapping[tuple[str, str], str]:
    topic = found.topic
    told = {("the topic", "trials found"): str(topic.trials_found)}
    told |= {("the topic", f"unread: {one.paper}"): one.reason for one in topic.unread}
    for one in topic.answers:
        told |= {(one.synthesis.id, what): text for what, text in _of_answer(one)}
    told[ANYWAY, "sentence"] = found.anyway.line
    told |= {(ANYWAY, f"pool {i}"): text for i, text in enumerate(anyway_pools(found.anyway), 1)}
    for group in found.anyway.groups:
        for point in group.points:
            told[ANYWAY, f"{group.group.short}, week {point.weeks:g}"] = change_words(point)
    return told


def _of_answer(answer: Answer) -> Iterator[tuple[str, str]]:
    synthesis = answer.synthesis
    yield "sentence", answer.sentence
    if answer.grade:
        yield "certainty", answer.grade.certainty.words
        for doubt in answer.grade.doubts:
            yield f"certainty, {doubt.domain}", f"{doubt.levels} levels: {doubt.reason}"
    yield "pool", _pool(answer.pooled, synthesis) if answer.pooled else answer.why_not_pooled
    for name, pooled in answer.groups.items():
        yield f"pool, {name.lower()}", _pool(pooled, synthesis)
    for one in answer.trials:
        interval = sentences.interval(one.ci_low, one.ci_high, synthesis)
        shown = f", shown only: {one.shown_only}" if one.shown_only else ""
        yield one.name, f"{sentences.difference(one.estimate, synthesis)} ({interval}){shown}"


def _pool(pooled: Single, synthesis: Synthesis) -> str:
    told = (
        f"{pooled.k} trials, {sentences.difference(pooled.estimate, synthesis)} "
        f"({sentences.interval(pooled.ci_low, pooled.ci_high, synthesis)})"
    )
    if pooled.prediction_low == pooled.prediction_low:
        low, high = pooled.prediction_low, pooled.prediction_high
        told += f", new trial {sentences.interval(low, high, synthesis)}"
    return f"{told}, τ² {pooled.tau2:.4g}, I² {pooled.i2:.0f} %"

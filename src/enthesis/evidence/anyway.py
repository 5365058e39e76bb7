"""Natural history: what pain does without prolotherapy, by topic, from every group that shows it.

Changes are brought to points of 100, negative is less pain. Groups of the trials in the papers are
read from there, so that a corrected paper corrects this too. A pool needs as many groups as a pool
of trials does; it says how an untreated group fares on average, and its prediction interval how
the next one might.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from enthesis.evidence.conversions import sd_of_change
from enthesis.evidence.pool import Single, pool
from enthesis.evidence.ragged import review
from enthesis.evidence.trials import EvidenceError
from enthesis.knowledge.paper import (
    AnywayRules,
    AnywayWindow,
    EvidenceTopic,
    Paper,
    PaperOutcome,
    UntreatedGroup,
)


@dataclass(frozen=True, slots=True)
class AnywayPoint:
    """Mean change by one time in points of 100, with its standard error (NaN: not known)."""

    weeks: float
    change: float
    se: float
    n: int
    better_30: int | None = None
    better_50: int | None = None
    worse: int | None = None


@dataclass(frozen=True, slots=True)
class AnywayGroup:
    """One untreated group with its points in order of time."""

    group: UntreatedGroup
    points: tuple[AnywayPoint, ...]

    def within(self, window: AnywayWindow) -> AnywayPoint | None:
        """Its answer in a span of weeks: one, the latest, so that nobody counts twice."""
        inside = [p for p in self.points if window.from_weeks <= p.weeks <= window.to_weeks]
        return inside[-1] if inside else None


@dataclass(frozen=True, slots=True)
class AnywayPool:
    """All groups with an answer in a span of weeks. `pooled` None: too few of them."""

    window: AnywayWindow
    points: tuple[AnywayPoint, ...]
    pooled: Single | None

    @property
    def people(self) -> int:
        """Everybody who answered."""
        return sum(point.n for point in self.points)


@dataclass(frozen=True, slots=True)
class Anyway:
    """The natural history of one topic; empty where no group shows it."""

    groups: tuple[AnywayGroup, ...]
    pools: tuple[AnywayPool, ...]

    @property
    def line(self) -> str:
        """One honest sentence: the latest span with most groups."""
        if not self.pools:
            return "What pain does without prolotherapy here could not be read in any group."
        best = max(self.pools, key=lambda one: (len(one.points), one.window.to_weeks))
        when = f"after {best.window.name}"
        if best.pooled:
            p = best.pooled
            return (
                f"Without prolotherapy pain had changed by {_points(p.estimate)} on average {when} "
                f"(95 % interval {signed(p.ci_low)} to {signed(p.ci_high)}; {p.k} groups, "
                f"{best.people} people)."
            )
        changes = [point.change for point in best.points]
        if len(changes) == 1:
            return (
                f"Without prolotherapy pain had changed by {_points(changes[0])} {when} in one "
                f"group of {best.people} people."
            )
        return (
            f"Without prolotherapy pain had changed by {signed(min(changes))} to "
            f"{_points(max(changes))} {when}, in {len(changes)} groups of {best.people} people."
        )


def natural_history(
    topic: EvidenceTopic,
    groups: Iterable[UntreatedGroup],
    papers: Mapping[str, Paper],
    rules: AnywayRules,
    enough: int,
) -> Anyway:
    """What the untreated groups of a topic did; `enough` groups make a pool.

    Raises EvidenceError for a group whose paper or numbers are not there.
    """
    found = tuple(_read(one, papers, rules) for one in groups if topic.id in one.topics)
    pools = []
    for window in rules.windows:
        points = tuple(p for one in found if (p := one.within(window)) is not None)
        if points:
            pools.append(AnywayPool(window, points, _pool(points, enough)))
    return Anyway(found, tuple(pools))


def _pool(points: Sequence[AnywayPoint], enough: int) -> Single | None:
    known = [point for point in points if not math.isnan(point.se)]
    if len(known) < enough:
        return None
    return pool(review([p.change for p in known], [p.se**2 for p in known])).one()


def _read(group: UntreatedGroup, papers: Mapping[str, Paper], rules: AnywayRules) -> AnywayGroup:
    scale = 100 / float(group.scale_max)
    if group.paper:
        return AnywayGroup(group, _of_paper(group, papers, float(rules.correlation), scale))
    points = (
        AnywayPoint(
            weeks=float(p.weeks),
            change=scale * float(p.change),
            se=math.nan if p.change_sd is None else _se(scale * float(p.change_sd), p.n),
            n=p.n,
            better_30=p.better_30,
            better_50=p.better_50,
            worse=p.worse,
        )
        for p in group.points
    )
    return AnywayGroup(group, tuple(points))


def _of_paper(
    group: UntreatedGroup, papers: Mapping[str, Paper], correlation: float, scale: float
) -> tuple[AnywayPoint, ...]:
    paper = papers.get(group.paper)
    rows = (
        []
        if paper is None
        else [
            row
            for row in paper.outcomes
            if (row.arm, row.instrument) == (group.arm, group.instrument) and not row.doubt
        ]
    )
    if not rows:
        raise EvidenceError(
            f"untreated group {group.id}: {group.paper} has no undoubted {group.instrument!r} of "
            f"{group.arm!r}; mend the name or leave the group out"
        )
    start = next((row for row in rows if row.measure == "final" and row.weeks == 0), None)
    scale *= float(group.times)
    later = sorted((row for row in rows if row.weeks > 0), key=lambda row: row.weeks)
    return tuple(_point(row, start, correlation, scale) for row in later if row.mean is not None)


def _point(
    row: PaperOutcome, start: PaperOutcome | None, correlation: float, scale: float
) -> AnywayPoint:
    mean, sd, n = float(row.mean or 0), row.sd, row.n or 0
    if row.measure == "final":
        if start is None or start.mean is None:
            raise EvidenceError(f"{row.arm} {row.instrument}: no score at the start")
        mean -= float(start.mean)
        known = sd is not None and start.sd is not None
        before, after = float(start.sd or 0), float(sd or 0)
        spread = float(sd_of_change(before, after, correlation)) if known else math.nan
    else:
        spread = math.nan if sd is None else float(sd)
    return AnywayPoint(float(row.weeks), scale * mean, _se(abs(scale) * spread, n), n)


def _se(sd: float, n: int) -> float:
    return sd / math.sqrt(n) if n else math.nan


def _points(change: float) -> str:
    return f"{signed(change)} points of 100"


def signed(value: float) -> str:
    """A change in whole points: −14, +3, 0."""
    text = f"{value:+.0f}".replace("-", "−")
    return "0" if text in ("+0", "−0") else text

"""Packets added up: what one registry of all their courses would give the models.

Where nothing was left out, the sums are those of the pooled registry to the last digit, and so the
estimates are the same. What a packet does not tell is not guessed: its clinic is missing from that
one figure, and is named. Nothing here is an effect: the courses were not compared with any others.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from enthesis.outcomes.cox import CoxFit, fit_cox
from enthesis.outcomes.degrees import contrasts
from enthesis.outcomes.end_counts import EndCounts
from enthesis.outcomes.errors import FitError
from enthesis.outcomes.funnel import Funnel, funnel
from enthesis.outcomes.packet import About, Packet, PacketError, same_twice, sums_of
from enthesis.outcomes.packet_tables import SILENT, UNMEASURABLE
from enthesis.outcomes.rank_test import RankTest, log_rank
from enthesis.outcomes.repeated import Fitted, fit
from enthesis.outcomes.slopes import SlopesFit, fit_slopes
from enthesis.outcomes.sums import Floats, Ints, Sums, merge

REACHED, OVER = "reached", "over"


@dataclass(frozen=True, slots=True)
class Share:
    """How many reached a level. `missing`: clinics whose packet does not tell it."""

    table: str
    level: int
    due: int
    answered: int
    reached: int
    clinics: tuple[str, ...]
    missing: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Change:
    """Mean pain at each visit and its change from the first one: m visits each with its interval
    (estimate, se, df, low, high); the first change is nought by definition."""

    visits: tuple[int, ...]
    mean: tuple[tuple[float, ...], ...]
    change: tuple[tuple[float, ...], ...]
    fitted: Fitted


def check_packets(packets: Sequence[Packet]) -> None:
    """Raise PacketError where packets cannot be added up."""
    if not packets:
        raise PacketError("Name at least one packet.")
    if problem := same_twice(packets):
        raise PacketError(problem)


def label(packet: Packet, packets: Sequence[Packet]) -> str:
    """A clinic's name; with the place of its packet where two clinics are called alike."""
    alike = [one.clinic_number for one in packets if one.clinic == packet.clinic]
    at = alike.index(packet.clinic_number) + 1
    return packet.clinic if len(alike) == 1 else f"{packet.clinic} [{at}]"


def conditions_of(packets: Sequence[Packet]) -> tuple[str, ...]:
    """Every condition that some packet tells of."""
    return tuple(sorted({about.condition for one in packets for about in one.conditions}))


def told(packets: Sequence[Packet], condition: str) -> list[tuple[str, Packet, About]]:
    """The clinics that tell of a condition."""
    found = [(one, one.about(condition)) for one in packets]
    return [(label(one, packets), one, about) for one, about in found if about is not None]


# --- pain over the visits


def pooled_sums(packets: Sequence[Packet], condition: str) -> Sums | None:
    """The sums of all clinics that tell them."""
    parts = [sums_of(packet, about) for _, packet, about in told(packets, condition)]
    kept = [part for part in parts if part is not None]
    return merge(kept) if kept else None


def at_visits(sums: Sums, places: Sequence[int]) -> Sums:
    """The same courses at some of the visits; those seen at none of them are left out."""
    at = list(places)
    pattern: Ints = np.zeros(len(sums.patterns), dtype=np.int64)
    for new, old in enumerate(at):
        pattern |= ((sums.patterns >> old) & 1) << new
    some = replace(
        sums,
        visits=tuple(sums.visits[v] for v in at),
        patterns=pattern,
        zy=sums.zy[:, :, at],
        yy=sums.yy[:, at][:, :, at],
    )
    rows = np.flatnonzero(pattern)
    one_by_one = [
        replace(
            some, patterns=some.patterns[[r]], courses=some.courses[[r]],
            zz=some.zz[[r]], zy=some.zy[[r]], yy=some.yy[[r]],
        )
        for r in rows
    ]  # fmt: skip
    if not one_by_one:
        raise FitError("There is no score at any of these visits.")
    return merge(one_by_one)


def fittable(sums: Sums) -> Sums:
    """Without visits that have too few scores, alone or with another visit; the last go first."""
    places = [v for v, n in enumerate(sums.seen_at) if n > 0]
    while len(places) > 1:
        together = sums.together[np.ix_(places, places)]
        if together.min() > 1:
            break
        places.pop(max(range(len(places)), key=lambda v: ((together[v] <= 1).sum(), v)))
    if len(places) < 2:
        raise FitError("Too few scores at two visits of the same courses.")
    return at_visits(sums, places)


def change_over_time(sums: Sums) -> Change:
    """Fit all visits that can be fitted, at the courses' own mean covariates (FitError)."""
    fitted = fit(fittable(sums))
    if not fitted.is_usable:
        raise FitError(fitted.note)
    z = fitted.sums.zz[:, 0].sum(axis=0) / fitted.sums.courses.sum()
    rows = fitted.design.rows(z)
    visits = tuple(int(str(v)) for v in fitted.sums.visits)
    return Change(visits, _intervals(fitted, rows), _intervals(fitted, rows - rows[0]), fitted)


def _intervals(fitted: Fitted, rows: Floats) -> tuple[tuple[float, ...], ...]:
    own = [row for row in rows if row.any()]
    found = contrasts(fitted, np.array(own), degrees="kenward-roger")
    columns = (found.estimate, found.se, found.df, found.ci_low, found.ci_high)
    lines = [tuple(float(n) for n in line) for line in zip(*columns, strict=True)]
    return tuple(lines.pop(0) if row.any() else (0.0, 0.0, np.nan, 0.0, 0.0) for row in rows)


def slopes_of(sums: Sums, times: ArrayLike) -> SlopesFit:
    """A line of its own for each course over the visits' scheduled times, from sums alone.

    Courses of one pattern share their times, so that the likelihood needs no more than their number
    and their sums: any courses with the same sums will do, and are made here. With the days on
    which patients really answered this cannot be done in one round (docs/explanation/packets.md).
    """
    when = np.asarray(times, dtype=np.float64)
    q = len(sums.covariates)
    subject, time, outcome, design = list[int](), list[float](), list[float](), list[Floats]()
    first = 0
    for at, seen in enumerate(sums.seen):
        places = np.flatnonzero(seen)
        zy = sums.zy[at][:, places]
        whole = np.block([[sums.zz[at], zy], [zy.T, sums.yy[at][np.ix_(places, places)]]])
        values, vectors = np.linalg.eigh(whole)
        kept = values > 1e-12 * values[-1]
        made = np.zeros((int(sums.courses[at]), len(whole)))
        made[: kept.sum()] = np.sqrt(values[kept])[:, None] * vectors[:, kept].T
        for row in made:
            subject += [first] * len(places)
            time += when[places].tolist()
            outcome += row[q:].tolist()
            design += [np.concatenate([row[:q], row[:q] * when[v]]) for v in places]
            first += 1
    names = [*sums.covariates, *(f"{name} × time" for name in sums.covariates)]
    return fit_slopes(subject, time, outcome, np.array(design), names)


# --- reaching the target


def end_counts(packets: Sequence[Packet], condition: str) -> EndCounts | None:
    """The counting table in weeks, a cell for each clinic that tells it. Weeks that were put
    together stand at the last of them."""
    total: EndCounts | None = None
    for clinic, _, about in told(packets, condition):
        if not about.to_target:
            continue
        bins = about.to_target
        one = EndCounts(
            np.array([float(b.last) for b in bins]),
            (clinic,),
            (REACHED, OVER),
            np.array([[[b.reached for b in bins], [b.over for b in bins]]], dtype=np.int64),
            np.array([[b.last_seen for b in bins]], dtype=np.int64),
        )
        total = one if total is None else total + one
    return total


def all_together(counts: EndCounts) -> EndCounts:
    """All clinics as one cell."""
    return counts.grouped(dict.fromkeys(counts.cells, "all"))


def ranks(counts: EndCounts) -> RankTest:
    """Whether targets are reached at the same rate in the clinics (log-rank). Raises FitError."""
    return log_rank(counts.only(REACHED))


def rate_ratios(counts: EndCounts) -> CoxFit:
    """Rates of reaching the target beside those of the first clinic (Cox). Raises FitError."""
    design: NDArray[np.float64] = np.eye(len(counts.cells))[:, 1:]
    return fit_cox(counts.only(REACHED), design, [str(cell) for cell in counts.cells[1:]])


# --- shares


def share(packets: Sequence[Packet], condition: str, table: str, level: int) -> Share:
    """How many reached a level of relief, of the clinics whose classes tell it."""
    total, clinics, missing = np.zeros(3, dtype=np.int64), list[str](), list[str]()
    for clinic, _, about in told(packets, condition):
        counts = _counts(about, table, level)
        if counts is None:
            missing.append(clinic)
        else:
            total += counts
            clinics.append(clinic)
    due, answered, reached = total.tolist()
    return Share(table, level, due, answered, reached, tuple(clinics), tuple(missing))


def _counts(about: About, table: str, level: int) -> tuple[int, int, int] | None:
    """Due, answered and reached; None where a class has both sides of a boundary in it."""
    found = about.partition(table)
    if found is None:
        return None
    silent = reached = 0
    for one in found.classes:
        is_silent = {name == SILENT for name in one.labels}
        is_reached = {_reaches(name, level) for name in one.labels}
        if not one.courses:
            continue
        if len(is_silent) > 1 or len(is_reached) > 1 or None in is_reached:
            return None
        silent += one.courses if True in is_silent else 0
        reached += one.courses if True in is_reached else 0
    return found.courses, found.courses - silent, reached


def _reaches(name: str, level: int) -> bool | None:
    """Whether relief of a class is at the level; None where the class lies on both sides of it."""
    if name in (SILENT, UNMEASURABLE):
        return False
    words = name.split()
    numbers = [int(word) for word in words if word.isdigit()]
    if words[0] == "below":
        return False if numbers[0] <= level else None
    low, high = numbers[0], numbers[-1] if "below" in words else 10**6
    return True if low >= level else False if high <= level else None


def clinics_beside(packets: Sequence[Packet], condition: str, level: int) -> Funnel:
    """The clinics' shares at the last answer beside what chance gives; the silent count as not
    reached. Raises FitError for fewer than two clinics that tell it."""
    unit, reached = list[str](), list[bool]()
    for clinic, _, about in told(packets, condition):
        counts = _counts(about, "last", level)
        if counts is not None:
            unit += [clinic] * counts[0]
            reached += [True] * counts[2] + [False] * (counts[0] - counts[2])
    return funnel(unit, np.array(reached, dtype=bool))

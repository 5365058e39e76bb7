"""Harms per session, and an alarm for rare ones.

Two charts of the same sessions. The g-chart shows how many sessions lie between one harm and the
next; a gap so short that chance brings it rarely is marked (Benneyan 2001, Health Care Manag Sci
4:305). The Bernoulli CUSUM adds up, and answers sooner to a rate that has risen a little (Reynolds
& Stoumbos 1999, J Qual Technol 31:87). Its steps are made whole numbers, so that how often it
raises a false alarm is computed exactly. An alarm asks for a look at the cases; it proves no
cause.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from enthesis.outcomes.errors import FitError
from enthesis.outcomes.intervals import Interval, rate

Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class HarmRates:
    """`kinds` with their `grades`: h of each. `events`: (h,). `per_session`: with exact limits."""

    kinds: tuple[str, ...]
    grades: tuple[int, ...]
    events: Ints
    sessions: int
    per_session: Interval


@dataclass(frozen=True, slots=True, eq=False)
class GapChart:
    """`gaps`: (events,), sessions up to and with each harm. `since`: sessions after the last.

    `expected`: mean gap at the in-control rate. `alarm_below`: a gap smaller than this comes by
    chance at most as often as agreed; at 1 no gap can be that small. `alarms`: (events,).
    """

    gaps: Ints
    since: int
    expected: float
    alarm_below: int
    alarms: NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Cusum:
    """A Bernoulli CUSUM in whole steps: a harm adds `up`, another session takes 1, never below 0.

    It raises its alarm at `limit`. `in_control`, `out_of_control`: mean sessions to an alarm when
    the rate is as agreed, and when it is as many times higher as it shall find.
    """

    up: int
    limit: int
    in_control: float
    out_of_control: float

    def path(self, harmed: ArrayLike) -> tuple[Ints, Ints]:
        """(sessions,), (alarms,): where it stands after each session, and at which it alarms.

        After an alarm it starts again at 0.
        """
        harms = np.flatnonzero(np.asarray(harmed, dtype=bool))
        n = np.asarray(harmed).shape[0]
        stands, alarms = np.empty(n, dtype=np.int64), list[int]()
        level, done = 0, 0
        # From harm to harm: between two it only falls, one step a session, down to 0.
        for at in (*harms.tolist(), n):
            stands[done:at] = np.maximum(level - np.arange(1, at - done + 1), 0)
            level = max(level - (at - done), 0)
            if at == n:
                break
            level += self.up
            stands[at] = level
            if level >= self.limit:
                alarms.append(at)
                level = 0
            done = at + 1
        return stands, np.array(alarms, dtype=np.int64)


def harm_rates(
    kind: Sequence[str],
    grade: ArrayLike,
    sessions: int,
    *,
    also: Sequence[tuple[str, int]] = (),
    level: float = 0.95,
) -> HarmRates:
    """Count events by kind and grade. `kind`, `grade`: one of each event. Raises FitError.

    `also`: kinds with their grades that were looked for. None of them in 300 sessions still leaves
    room for one in a hundred, so a harm that did not happen has its line too.
    """
    grades = np.asarray(grade, dtype=np.int64)
    if len(kind) != grades.size:
        raise FitError(f"{len(kind)} kinds for {grades.size} grades: give one of each per event.")
    pairs = list(zip(map(str, kind), grades.tolist(), strict=True))
    found = sorted({*pairs, *also}, key=lambda pair: (-pair[1], pair[0]))
    events = np.array([pairs.count(pair) for pair in found], dtype=np.int64)
    return HarmRates(
        tuple(pair[0] for pair in found),
        tuple(pair[1] for pair in found),
        events,
        sessions,
        rate(events, sessions, level),
    )


def gap_chart(harmed: ArrayLike, in_control: float, false_alarm: float) -> GapChart:
    """The g-chart of sessions in the order of their days.

    `harmed`: (sessions,), whether each was followed by the harm. `in_control`: agreed rate per
    session. `false_alarm`: the most often that a gap may be marked by chance.
    """
    harms = np.asarray(harmed, dtype=bool)
    _check_rate(in_control)
    if harms.ndim != 1 or not 0 < false_alarm < 1:
        raise FitError("Give one yes or no per session, and a chance of false alarm below 1.")
    at = np.flatnonzero(harms)
    gaps = np.diff(np.concatenate([[-1], at]))
    # P(gap ≤ g) = 1 − (1 − p)^g stays at or below the chance agreed up to this g.
    longest = int(np.floor(np.log1p(-false_alarm) / np.log1p(-in_control) + 1e-9))
    since = len(harms) - 1 - int(at[-1]) if at.size else len(harms)
    return GapChart(gaps, since, 1 / in_control, longest + 1, gaps <= longest)


def design_cusum(in_control: float, ratio: float, sessions_to_false_alarm: float) -> Cusum:
    """The CUSUM that looks for odds `ratio` times as high, with at least so many sessions on
    average before a false alarm. Raises FitError for what cannot be."""
    _check_rate(in_control)
    if not ratio > 1 or not sessions_to_false_alarm >= 1:
        raise FitError("The ratio to be found must be above 1, the sessions at least 1.")
    odds = ratio * in_control / (1 - in_control)
    higher = odds / (1 + odds)
    fall = -np.log1p((in_control - higher) / (1 - in_control))
    # Rounding the step to a whole number moves the rate looked for a little, not what is exact.
    up = max(int(np.rint(np.log(higher / in_control) / fall)), 1)
    low, high = 0, up
    while mean_run(up, high, in_control) < sessions_to_false_alarm:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        if mean_run(up, middle, in_control) < sessions_to_false_alarm:
            low = middle
        else:
            high = middle
    return Cusum(up, high, mean_run(up, high, in_control), mean_run(up, high, higher))


def mean_run(up: int, limit: int, chance: float) -> float:
    """Mean sessions until the CUSUM, begun at 0, reaches `limit` at this chance of harm. Exact.

    From each level: how likely it is to alarm before it falls by one, and how long either takes.
    These follow from the levels above by sums of positive terms alone, so that a mean of 10^15
    sessions has all its digits; a linear system, tried first, gave negative ones there.
    """
    if limit < 1 or up < 1 or not 0 < chance < 1:
        raise FitError("The step and the limit must be at least 1, the chance between 0 and 1.")
    stay = np.zeros(limit + 1)  # log of the chance to fall by one level before an alarm
    time = np.zeros(limit + 1)
    alarms, later = 1.0, 0.0
    for level in range(limit - 1, -1, -1):
        alarms, later = 1.0, 0.0
        if level + up < limit:
            # A harm lifts it to level + up; from there it must fall back through all between.
            down = np.cumsum(stay[level + up : level : -1])
            alarms = -np.expm1(down[-1])
            reaches = np.exp(np.concatenate([[0.0], down[:-1]]))
            later = float(reaches @ time[level + up : level : -1])
        if level:
            leaves = (1 - chance) + chance * alarms
            stay[level] = -np.log1p(chance * alarms / (1 - chance))
            time[level] = (1 + chance * later) / leaves
    return float((1 + chance * later) / (chance * alarms))


def _check_rate(in_control: float) -> None:
    if not 0 < in_control < 1:
        raise FitError(f"The agreed rate per session lies between 0 and 1; it is {in_control}.")

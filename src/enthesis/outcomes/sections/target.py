"""How long it took: sessions and weeks to the agreed target, other ends competing with it."""

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from enthesis.charts.survival import Ending, SurvivalData, survival_svg, survival_table
from enthesis.outcomes import cohort
from enthesis.outcomes.end_counts import count_ends
from enthesis.outcomes.sections.parts import (
    LEFT_OUT,
    Asked,
    Figure,
    Section,
    of_100_with_interval,
)
from enthesis.outcomes.survival import Floats, at_days, cumulative_incidence

Clock = Literal["weeks", "sessions"]
Times = NDArray[np.int64]
STEPS: Mapping[str, tuple[int, ...]] = {"weeks": (1, 2, 4, 8, 13, 26), "sessions": (1, 2)}
"""How coarse the clock may become where small counts are hidden."""
ENDS = ("reached", "ended")
AXES = {"weeks": "Weeks from the first session", "sessions": "Sessions given"}


def target(asked: Asked) -> tuple[Section, ...]:
    """The share that reached the target by each week, and by each session."""
    weeks, sessions = _by(asked, "weeks", "target"), _by(asked, "sessions", "target_sessions")
    # Where the second clock can show no picture, it would say the same words again.
    return (weeks,) if weeks.finding == sessions.finding else (weeks, sessions)


def _by(asked: Asked, clock: Clock, uid: str) -> Section:
    rows = cohort.to_target(asked.registry, (), clock).to_pylist()
    time = np.repeat([row["time"] for row in rows], [row["courses"] for row in rows])
    end = np.repeat([_end(row["end"]) for row in rows], [row["courses"] for row in rows])
    measure = f"Share of courses by {clock[:-1]}; any other end competes with reaching the target"
    reached, ended = (int((end == at).sum()) for at in (1, 2))
    step = next((s for s in STEPS[clock] if not _reveals(asked, _later(time, s), end)), None)
    if not time.max():
        finding = f"No answer after the first {clock[:-1]} yet: nothing to say of the target"
        return Section(uid, finding, measure, asked.source)
    curves = cumulative_incidence(count_ends(time, end, ENDS))
    # Coarser steps show fewer points of the same curves; their shares do not change.
    days = np.unique(_later(curves.days.astype(np.int64), step or 1)).astype(np.float64)
    shares = np.nan_to_num(
        at_days(curves.days, curves.share[0], np.minimum(days, curves.days[-1]), 0.0)
    )
    # Later nobody reached it or ended: the curves would only be pushed together.
    last_end = time[end > 0].max() if (end > 0).any() else time.max()
    longest = float(_later(last_end, step or 1))
    names = ("Reached the agreed target", "Ended before that")
    reach, stop = (
        Ending(name, tuple(zip(days.tolist(), shares[at].tolist(), strict=True)), n)
        for at, (name, n) in enumerate(zip(names, (reached, ended), strict=True))
    )
    marks = np.unique(_later(np.linspace(0, longest, 5).round(0), step or 1))
    # In coarser steps those who end on the very day are counted off with their step.
    fine = step in (1, None)
    at_risk = tuple(
        (float(w), int(((time >= w) if fine or w == 0 else (time > w)).sum())) for w in marks
    )
    last = f"{clock[:-1]} {longest:.0f}"
    low, high = curves.low[0, 0, -1], curves.high[0, 0, -1]
    interval = "" if np.isnan(low) else f" (95 % interval {100 * low:.0f} to {100 * high:.0f})"
    notes: tuple[str, ...] = (
        f"By {last}, {100 * shares[0, -1]:.0f} of 100 had reached it{interval}, taking those still "
        "going on or lost as like those followed.",
        f"Of all {asked.began} who began, lost counted as not reached: {reached} "
        f"({of_100_with_interval(reached, asked.began)} of 100).",
    )
    rest = asked.began - reached - ended
    if asked.is_small(reached, ended, rest, ended + rest, reached + rest):
        return Section(uid, "Too few reached the target or ended to be shown", measure,
                       asked.source)  # fmt: skip
    title = f"{reached} of {asked.began} reached their target; {ended} ended before that"
    if step is None:
        return Section(uid, title, measure, asked.source, notes=(notes[1], LEFT_OUT))
    data = SurvivalData(title, longest, asked.began, reach, stop, at_risk, AXES[clock], clock[:-1])
    figure = Figure(survival_svg(data, "wide", uid), survival_svg(data, "narrow", uid))
    if step > 1:
        notes = (*notes, f"Drawn in steps of {step} {clock}, so that none stands for few people.")
    if clock == "sessions":
        title = _by_session(days, shares[0])
    return Section(uid, title, measure, asked.source, survival_table(data), figure, notes)


def _later(time: Any, step: int) -> Any:
    """The same on a coarser clock: the end of the step in which it was."""
    return step * (-(-time // step))


def _reveals(asked: Asked, time: Times, end: Times) -> bool:
    """Whether at some time so few reached it, ended or were last seen as to be recognised."""
    counts = np.unique(4 * time + end, return_counts=True)[1]
    return asked.is_small(*counts.tolist())


def _by_session(sessions: Floats, share: Floats) -> str:
    """The finding of the second clock: a share by a number of sessions that people plan with."""
    at = len(sessions) // 2
    n = int(sessions[at])
    return (
        f"By session {n}, {100 * share[at]:.0f} of 100 had reached their target; "
        f"by session {int(sessions[-1])}, {100 * share[-1]:.0f}"
    )


def _end(word: str | None) -> int:
    return 1 if word == "reached" else 2 if word in cohort.OVER else 0

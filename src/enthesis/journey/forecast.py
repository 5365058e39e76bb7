"""Where one course is heading: the visits to come, given its answers so far.

    found = forecast(course, known, model, today)
    found.points[0].expected, found.points[0].bands[80], found.points[0].chances[50]

Which answer stands for which visit is the registry's rule, so that a model learnt there fits here.
A forecast informs; the signed rule decides.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta

import numpy as np

from enthesis.journey import follow
from enthesis.journey.course import Phase, phase, series_sessions
from enthesis.journey.forecast_model import (
    AFTER_SERIES,
    Model,
    band,
    chances,
    expected,
    given,
)
from enthesis.journey.judge import stop_rule
from enthesis.journey.windows import by_session, by_time
from enthesis.knowledge.kinds import ForecastStart, Knowledge
from enthesis.records import Course, NextStep, Plan
from enthesis.units import Money

SELLS_NOTHING = frozenset({NextStep.STOP, NextStep.FINISH, NextStep.REFER})
"""Suggestions beside which no further session is named, priced or drawn as coming."""


@dataclass(frozen=True, slots=True)
class Point:
    """One visit to come, by its number in the model.

    `session`: after how many, or None for a date. `bands`: lowest and highest score by share in
    percent. `chances`: by relief in percent. `costs`: of the sessions from now on.
    """

    visit: int
    session: int | None
    on: date
    name: str
    expected: float
    bands: dict[int, tuple[float, float]]
    chances: dict[int, float]
    costs: Money | None


@dataclass(frozen=True, slots=True)
class Forecast:
    """What is expected of one course. `from_on`, `from_value`: the last answer. `reached`: which
    levels of relief it shows already."""

    model: Model
    from_on: date
    from_value: float
    reached: tuple[int, ...]
    points: tuple[Point, ...]


def start_for(course: Course, known: Knowledge) -> ForecastStart | None:
    """The starting model for the course's condition and measure."""
    measure = stop_rule(course, known)[1].id
    starts = known.forecast_starts.values()
    return next(
        (s for s in starts if s.condition == course.condition and s.measure == measure), None
    )


def answers(course: Course, known: Knowledge) -> dict[int, float]:
    """Visit → score: which answer stands for which visit, by the rules of the registry."""
    _, measure = stop_rule(course, known)
    found = follow.measure_readings(course, measure)
    scored = [r for r in found if r.value is not None and not r.is_baseline]
    start = follow.baseline(found)
    if start is None:
        return {}
    held = {0: float(start)}
    if not course.sessions:
        return held
    first = min(s.on for s in course.sessions)
    days = [(r.on - first).days for r in scored]
    given_days = sorted((s.on - first).days for s in course.sessions)
    later = [r.sessions_before for r in scored]
    of_session = by_session(days, later, given_days, known.session_window.most_days)
    of_time = by_time(days, [False] * len(days), known.windows)
    for place, number in of_time.items():
        if place not in of_session:
            held[AFTER_SERIES + number] = float(scored[place].value or 0)
    for place, number in of_session.items():
        held[number] = float(scored[place].value or 0)
    return held


def is_wanted(course: Course) -> bool:
    """Whether the first series is planned or running: its end is what a forecast is about."""
    running = phase(course) in (Phase.PLANNED, Phase.TREATING) and course.plan is not None
    return running and len(series_sessions(course)) == len(course.sessions)


def forecast(course: Course, known: Knowledge, model: Model, today: date) -> Forecast | None:
    """The visits to come; None without a start, anything to gain, or a series that runs."""
    plan, held = course.plan, answers(course, known)
    start = held.get(0)
    if plan is None or not is_wanted(course) or start is None or start <= model.low:
        return None
    scores = np.array([held.get(visit, np.nan) for visit in model.visits])
    ahead = given(model, scores)
    rules = known.forecast_rules
    means = expected(model, ahead)
    bands = {int(share): band(model, ahead, float(share) / 100) for share in rules.bands}
    likely = {int(level): chances(model, ahead, start, float(level)) for level in rules.levels}
    points = tuple(
        Point(
            visit=number,
            session=number if number < AFTER_SERIES else None,
            on=on,
            name=name,
            expected=float(means[at]),
            bands={
                share: (float(low[at]), float(high[at])) for share, (low, high) in bands.items()
            },
            chances={level: float(found[at]) for level, found in likely.items()},
            costs=plan.price_per_session * (number - len(course.sessions))
            if number < AFTER_SERIES
            else None,
        )
        for number, on, name in _to_come(course, plan, known, today)
        if number in model.visits and number not in held
        for at in (model.visits.index(number),)
    )
    on, value = _last(course, known)
    reached = tuple(
        int(level)
        for level in rules.levels
        if value - model.low <= (1 - float(level) / 100) * (start - model.low) + 1e-9
    )
    return Forecast(model, on, value, reached, points) if points else None


def beside(found: Forecast, step: NextStep) -> Forecast | None:
    """What may stand beside a suggestion: no further session where none is suggested or nothing is
    left to gain, only where others went by the dates; nothing at all beside *refer*."""
    if step is NextStep.REFER:
        return None
    if step not in SELLS_NOTHING and found.from_value > found.model.low:
        return found
    dates = tuple(point for point in found.points if point.session is None)
    return replace(found, points=dates) if dates else None


def _last(course: Course, known: Knowledge) -> tuple[date, float]:
    """The last answered score; before treatment the mean that all later ones are compared with."""
    _, measure = stop_rule(course, known)
    found = follow.measure_readings(course, measure)
    scored = [r for r in found if r.value is not None]
    start = follow.baseline(found)
    last = scored[-1]
    value = start if last.is_baseline and start is not None else last.value
    return last.on, float(value or 0)


def _to_come(
    course: Course, plan: Plan, known: Knowledge, today: date
) -> Iterator[tuple[int, date, str]]:
    """(visit, day, name) of what lies ahead: sessions up to the agreed most, then the windows."""
    given_on = [s.on for s in course.sessions]
    done, gap, rule = len(given_on), timedelta(days=plan.interval_days), known.stop_rule
    wait = timedelta(days=max(rule.ask_after_days, plan.interval_days - rule.ask_before_days))
    next_on = max(max(given_on) + gap, today) if given_on else today
    for number in range(done + 1, plan.sessions_max + 1):
        yield number, next_on + gap * (number - done - 1) + wait, f"After session {number}"
    first = min(given_on, default=today)
    for window in known.windows.values():
        on = first + timedelta(days=window.target_day)
        if on > today:
            yield AFTER_SERIES + window.number, on, f"At {window.name}"


def one_more(found: Forecast) -> tuple[Point, Point] | None:
    """The next session and the one after: what another adds is the difference between the two.

    Not from the last answer on, which is partly chance: its swing back would count as gain. Time,
    and everything else that happens meanwhile, is in the difference too.
    """
    sessions = [point for point in found.points if point.session is not None]
    return (sessions[0], sessions[1]) if len(sessions) > 1 else None

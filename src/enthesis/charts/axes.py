"""Ticks of a scale and of real dates."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from enthesis.charts.pen import MONTHS

DAY_STEPS = (1, 2, 7, 14)
MONTH_STEPS = (1, 2, 3, 6, 12, 24, 60, 120)


@dataclass(frozen=True, slots=True)
class Tick:
    """A date on the axis and its words."""

    on: date
    label: str


def scale_ticks(low: float, high: float, at_most: int = 6) -> tuple[float, ...]:
    """Round values from low to high, both ends always among them."""
    step = _round_step((high - low) / at_most)
    count = int((high - low) / step + 1e-9)
    ticks = [low + index * step for index in range(count + 1)]
    if high - ticks[-1] > step / 2:
        return (*ticks, high)
    return (*ticks[:-1], high) if len(ticks) > 1 else (low, high)


def ticks_beyond(high: float, at_most: int = 6) -> tuple[float, ...]:
    """Round values from 0 to the first at or above `high`, for an axis that may end anywhere."""
    step = _round_step(high / at_most)
    return tuple(step * n for n in range(math.ceil(high / step - 1e-9) + 1))


def _round_step(at_least: float) -> float:
    power = 1.0
    while power > at_least:
        power /= 10
    while power * 10 <= at_least:
        power *= 10
    return next(power * factor for factor in (1, 2, 5, 10) if power * factor >= at_least * 0.999)


def date_ticks(start: date, end: date, at_most: int) -> tuple[Tick, ...]:
    """Weeks, months or years, whatever fits; at least one tick names its year."""
    days = (end - start).days
    for step in DAY_STEPS:
        if days // step + 1 <= at_most:
            return _with_year([start + timedelta(n) for n in range(0, days + 1, step)], by_day=True)
    for step in MONTH_STEPS:
        firsts = list(_firsts_of_months(start, end, step))
        if len(firsts) <= at_most:
            return _with_year(firsts or [start], by_day=len(firsts) < 2)
    return _with_year([start, end], by_day=True)


def _firsts_of_months(start: date, end: date, step: int) -> Iterator[date]:
    month = start.year * 12 + start.month - 1
    while (first := date(month // 12, month % 12 + 1, 1)) <= end:
        if first >= start and month % step == 0:
            yield first
        month += 1


def _with_year(days: list[date], by_day: bool) -> tuple[Tick, ...]:
    januaries = not by_day and any(day.month == 1 for day in days)
    ticks = []
    for index, day in enumerate(days):
        name = f"{day.day} {MONTHS[day.month - 1]}" if by_day else MONTHS[day.month - 1]
        with_year = day.month == 1 if januaries else index == 0
        ticks.append(Tick(day, f"{name} {day.year}" if with_year else name))
    return tuple(ticks)

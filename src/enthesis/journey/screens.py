"""Screens of mood: a score at or above its published cut-off, at which somebody should ask.

It is no diagnosis and no warning sign: it decides nothing and alarms nobody.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from enthesis.journey.follow import measure_readings, score
from enthesis.knowledge.kinds import Knowledge, Measure
from enthesis.records import Answer, Course


@dataclass(frozen=True, slots=True)
class Screened:
    """One screen at or above the `ask_from` of its measure."""

    measure: Measure
    value: Decimal


def screened(answers: Mapping[str, Answer], known: Knowledge) -> tuple[Screened, ...]:
    """The screens that one set of answers is at or above the cut-off of."""
    found = ((measure, score(measure, answers)) for measure in _screens(known))
    return tuple(Screened(m, value) for m, value in found if value is not None and _asks(m, value))


def screened_last(course: Course, known: Knowledge) -> tuple[tuple[Screened, date], ...]:
    """The screens whose last answer is at or above the cut-off, with the day of that answer."""
    found = []
    for measure in _screens(known):
        read = [r for r in measure_readings(course, measure) if r.value is not None]
        if read and (value := read[-1].value) is not None and _asks(measure, value):
            found.append((Screened(measure, value), read[-1].on))
    return tuple(found)


def words(one: Screened) -> str:
    """Mood (PHQ-2): 4 of 6."""
    return f"{one.measure.name}: {_number(one.value)} of {_number(one.measure.maximum)}"


def cut_off_words(one: Screened, on: date) -> str:
    """Mood (PHQ-2): 4 of 6 on 3 Nov 2026, at or above the cut-off 3."""
    cut = _number(one.measure.ask_from or Decimal(0))
    return f"{words(one)} on {on.day} {on:%b %Y}, at or above the cut-off {cut}"


def _screens(known: Knowledge) -> Iterable[Measure]:
    return (m for m in known.measures.values() if m.ask_from is not None)


def _asks(measure: Measure, value: Decimal) -> bool:
    return measure.ask_from is not None and value >= measure.ask_from


def _number(value: Decimal) -> str:
    return f"{value.quantize(Decimal('0.1')).normalize():f}"

"""How long one forecast takes: python -m benchmarks.forecast. Prints microseconds, claims nothing.

The closed form alone (nine visits, one to seven answered), then bands and chances, then a whole
course as the page asks for it.
"""

import sys
import timeit
from collections.abc import Callable
from datetime import date

import numpy as np
from tests.unit.journey.courses import FIRST, course_of

from enthesis.journey.forecast import forecast
from enthesis.journey.forecast_model import band, chances, expected, given, starting_model
from enthesis.knowledge.load import knowledge

TIMES, REPEATS = 2000, 5


def main() -> None:
    """Time and print."""
    known = knowledge(date(2026, 11, 26))
    model = starting_model(known.forecast_starts["low_back_trials"], known)
    for answered in (1, 3, 7):
        scores = np.where(np.arange(9) < answered, 6.0, np.nan)
        shown(f"given, {answered} answered", lambda scores=scores: given(model, scores))
    ahead = given(model, scores)
    shown("expected", lambda: expected(model, ahead))
    shown("one band", lambda: band(model, ahead, 0.8))
    shown("chances of one level", lambda: chances(model, ahead, 6, 50))
    many = np.full((100_000, 9), np.nan)
    many[:, :3] = 6
    each = timeit.timeit(lambda: given(model, many), number=3) / 3 / len(many)
    told("given, a course of 100,000 alike", each)
    course = course_of([7], [0, 14], [(10, {"pain": 6}), (24, {"pain": 5})])
    today = FIRST.replace(day=31)
    shown("a whole course", lambda: forecast(course, known, model, today))


def shown(name: str, call: Callable[[], object]) -> None:
    """The best of several runs, in microseconds."""
    best = min(timeit.repeat(call, number=TIMES, repeat=REPEATS)) / TIMES
    told(name, best)


def told(name: str, seconds: float) -> None:
    """One line."""
    sys.stdout.write(f"{name:36} {1e6 * seconds:8.2f} µs\n")


if __name__ == "__main__":
    main()

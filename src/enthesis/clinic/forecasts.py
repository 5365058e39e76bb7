"""Which model forecasts a course, and how it was checked: never a forecast without that."""

import json
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from pathlib import Path

from django.conf import settings

from enthesis.journey.forecast import Forecast, beside, forecast, start_for
from enthesis.journey.forecast_model import Model, own_model, starting_model, visits_of
from enthesis.knowledge.kinds import ForecastCheck, ForecastStart, Knowledge, OwnForecast
from enthesis.records import Course, NextStep
from enthesis.shape import ShapeError, read


@dataclass(frozen=True, slots=True)
class InUse:
    """The model in use for one condition and measure. `check` is None where a starting model was
    never checked on real people: then it forecasts nothing."""

    start: ForecastStart
    model: Model
    check: ForecastCheck | None
    own: OwnForecast | None


def own_file() -> Path:
    """Where the last refit left each clinic's own models (see actions/forecast.py)."""
    return Path(settings.DATA) / "forecast.json"


def in_use(known: Knowledge, clinic_id: int) -> tuple[InUse, ...]:
    """One for each starting model: the clinic's own if it has one that still fits."""
    own = {one.start: one for one in _own_models(clinic_id)}
    return tuple(
        _chosen(start, own.get(start.id), known) for start in known.forecast_starts.values()
    )


def forecast_of(
    course: Course, known: Knowledge, today: date, clinic_id: int, step: NextStep
) -> tuple[Forecast, InUse] | None:
    """The course's forecast beside the suggested step, and the model it is from; None where nothing
    honest can be said."""
    start = start_for(course, known)
    if start is None:
        return None
    used = next(one for one in in_use(known, clinic_id) if one.start.id == start.id)
    found = forecast(course, known, used.model, today) if used.check else None
    found = beside(found, step) if found else None
    return (found, used) if found else None


def _chosen(start: ForecastStart, own: OwnForecast | None, known: Knowledge) -> InUse:
    """An own model of too few courses, or of other visits than are scheduled now, is set aside."""
    enough = own is not None and own.courses >= known.forecast_rules.enough_courses
    if own is not None and enough and own.visits == visits_of(start, known):
        return InUse(start, own_model(own, known), own.check, own)
    check = known.forecast_checks.get(start.id)
    return InUse(start, starting_model(start, known), check, None)


def _own_models(clinic_id: int) -> tuple[OwnForecast, ...]:
    file = own_file()
    try:
        return _read(file, file.stat().st_mtime_ns).get(str(clinic_id), ())
    except OSError:
        return ()


@lru_cache(maxsize=2)
def _read(file: Path, written_at: int) -> dict[str, tuple[OwnForecast, ...]]:
    """Read once for each refit. A file of another version is none: the next refit mends it."""
    try:
        told = json.loads(file.read_text(encoding="utf-8"))
        return read(dict[str, tuple[OwnForecast, ...]], told)
    except (ValueError, ShapeError):
        return {}

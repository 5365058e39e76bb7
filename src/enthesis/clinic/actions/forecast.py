"""The registry refreshed, and the forecasts' models fitted anew to it, with their checks.

Each clinic's rest on its own courses alone, de-identified, and hold means and covariances only.
This takes a second to import (Ibis): nothing that a web server imports at its start may import it.
"""

import json
from collections.abc import Callable, Mapping
from pathlib import Path

from enthesis.clinic import store
from enthesis.clinic.actions import registry as action
from enthesis.clinic.actions.registry import Refreshed, clinic_number
from enthesis.clinic.forecasts import own_file
from enthesis.clinic.models import Clinic
from enthesis.journey.forecast_model import starting_model, visits_of
from enthesis.knowledge.kinds import Knowledge, OwnForecast
from enthesis.outcomes.alone import alone
from enthesis.outcomes.engine import Registry, open_registry
from enthesis.outcomes.forecast_fit import own_forecast, scores_of
from enthesis.outcomes.registry import RegistryError, of_one_cut, replacing
from enthesis.shape import plain

Fits = Mapping[str, tuple[OwnForecast, ...]]
"""By a clinic's key: a model for each condition that has enough courses there."""


def refresh(
    folder: Path,
    *,
    whole: bool = False,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> tuple[Refreshed, Fits]:
    """Write the registry's next cut and fit the forecasts to it: a course that was taken out of
    the one is in none of the others. Raises RegistryError as the registry's own refresh."""
    done = action.refresh(folder, whole=whole, progress=progress)
    try:
        with alone(own_file().with_suffix(".lock")):  # so that the last to write has the last cut
            return done, refit(folder)
    except BaseException:
        # Rather none than models of courses that may have been withdrawn.
        own_file().unlink(missing_ok=True)
        raise


def refit(folder: Path) -> Fits:
    """Fit each condition that has enough courses at a clinic; the others go on from trials."""
    return _kept(of_one_cut(folder, lambda cut: _clinics(folder, cut.sha256)))


def _clinics(folder: Path, cut: str) -> Fits:
    try:
        registry = open_registry(str(folder))
    except RegistryError:  # no course yet
        return {}
    try:
        courses = registry.count(registry["courses"].clinic.value_counts(name="n")).to_pylist()
        many = {row["clinic"]: row["n"] for row in courses}
        found: dict[str, tuple[OwnForecast, ...]] = {}
        for clinic in Clinic.objects.order_by("pk"):
            known = store.known_for(clinic, store.today(clinic))
            number = clinic_number(clinic.pk)
            # Counted first: most clinics are small, and each question takes a tenth of a second.
            if many.get(number, 0) >= known.forecast_rules.enough_courses:
                mine = registry.only({"clinic": number})
                found[str(clinic.pk)] = tuple(_fits(mine, known, cut))
    finally:
        registry.close()
    return found


def _fits(mine: Registry, known: Knowledge, cut: str) -> list[OwnForecast]:
    rules = known.forecast_rules
    fits = (
        own_forecast(
            start.id,
            starting_model(start, known),
            scores_of(mine, start, visits_of(start, known)),
            rules,
            cut,
        )
        for start in known.forecast_starts.values()
    )
    return [fit for fit in fits if fit is not None]


def _kept(found: Fits) -> Fits:
    """Written whole under another name first, so that no page ever reads half a model."""
    with replacing(own_file()) as sink:
        sink.write(json.dumps(plain(found), indent=1).encode())
    return found

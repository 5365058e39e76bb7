"""The forecast's model fitted anew after a refresh of the registry, with its check, into one file.

It rests on every course of the installation, de-identified, and holds means and covariances only.
This takes a second to import (Ibis): nothing that a web server imports at its start may import it.
"""

import json
import os
from datetime import date
from pathlib import Path

from django.utils import timezone

from enthesis.clinic.forecasts import own_file
from enthesis.journey.forecast_model import starting_model, visits_of
from enthesis.knowledge.kinds import OwnForecast
from enthesis.knowledge.load import knowledge
from enthesis.outcomes.engine import open_registry
from enthesis.outcomes.forecast_fit import own_forecast, scores_of
from enthesis.outcomes.registry import RegistryError, read_cut
from enthesis.shape import plain


def refit(folder: Path, today: date | None = None) -> tuple[OwnForecast, ...]:
    """Fit each condition that has enough courses; those that have not go on from trials."""
    known = knowledge(today or timezone.localdate())
    cut = read_cut(folder)
    found = []
    try:
        registry = open_registry(str(folder))
    except RegistryError:  # no course yet
        return _kept(())
    try:
        for start in known.forecast_starts.values():
            scores = scores_of(registry, start, visits_of(start, known))
            model, rules = starting_model(start, known), known.forecast_rules
            own = own_forecast(start.id, model, scores, rules, cut.sha256)
            found += [own] if own else []
    finally:
        registry.close()
    return _kept(tuple(found))


def _kept(found: tuple[OwnForecast, ...]) -> tuple[OwnForecast, ...]:
    """Written whole under another name first, so that no page ever reads half a model."""
    file = own_file()
    draft = file.with_suffix(".new")
    file.parent.mkdir(parents=True, exist_ok=True)
    with draft.open("w", encoding="utf-8") as sink:
        os.chmod(draft, 0o600)
        json.dump(plain(found), sink, indent=1)
    os.replace(draft, file)
    return found

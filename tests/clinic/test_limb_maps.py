"""A region that a condition names as its map is drawn on the page of the session."""

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from django.test import Client

from enthesis.charts.anatomy import MAPS
from enthesis.clinic import models, store
from tests.clinic.treated import FIRST_ON, agree_plan, give_session

pytestmark = pytest.mark.alike


@pytest.mark.parametrize("region", ["ankle_foot", "elbow", "hand", "hip", "shoulder"])
def test_the_session_page_shows_every_place_of_a_limb_on_its_map(
    region: str,
    client_for: Callable[[models.User], Client],
    clinician: models.User,
    make_course: Callable[..., models.Course],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    real = store.known_for

    def known_for(clinic: models.Clinic, on: date) -> Any:
        known = real(clinic, on)
        limb = replace(known.conditions["low_back"], region=region, body_map=region)
        return replace(known, conditions={**known.conditions, "low_back": limb})

    course = make_course(side="right")
    agree_plan(course)
    session = give_session(course, 1, FIRST_ON, clinician)
    first = session.sites.get()
    known = real(course.patient.clinic, FIRST_ON)
    places = [s for s in known.sites.values() if s.region == region and s.role == "target"]
    session.sites.all().delete()
    models.SessionSite.objects.bulk_create(
        models.SessionSite(
            **{"session": session, "position": number, "site": place.id, "side": "right"},
            **{"mixture": first.mixture, "volume_ml": first.volume_ml, "given": True},
        )
        for number, place in enumerate(places, 1)
    )
    monkeypatch.setattr(store, "known_for", known_for)
    page = client_for(clinician).get(f"/sessions/{session.pk}/").content.decode()
    pictures = re.findall(r"<svg [^>]*viewBox.*?</svg>", page, re.DOTALL)
    drawn = [picture for picture in pictures if 'class="map limb"' in picture]
    assert len(drawn) == len(MAPS[region])
    assert all("Right" in one.split("</title>")[0] for one in drawn)
    assert "".join(drawn).count('class="point given"') == len(places)

"""The self-check and the pages beside the decision aid: open to everybody, and nothing is kept."""

import re
from collections.abc import Callable

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from docs.decision_aid import BESIDE

from enthesis.clinic import models
from enthesis.journey.decide import choosable
from enthesis.knowledge.load import knowledge
from tests.clinic.test_languages import ENGLISH, text_of
from tests.clinic_fixtures import TODAY

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.usefixtures("on_a_fixed_day"),
    pytest.mark.alike,
]
KNOWN = knowledge(TODAY)
PAGES = ("right-for-me", *(page for _, page in BESIDE))
Page = Callable[..., str]


@pytest.fixture
def tap(clinic: models.Clinic) -> Page:
    """`tap(page, tapped, language="", condition="low_back")`: what is read after tapping, from
    somebody without a cookie, who gets none; nothing is written."""

    def send(
        page: str, tapped: dict[str, object], language: str = "", condition: str = "low_back"
    ) -> str:
        client = Client(enforce_csrf_checks=True)
        with CaptureQueriesContext(
            connection,
        ) as asked:
            response = client.post(f"/choose/{clinic.pk}/{condition}/{page}/{language}", tapped)
        assert response.status_code in (200, 422) and not response.cookies
        assert all(query["sql"].startswith("SELECT") for query in asked)
        return " ".join(text_of(response).split())

    return send


@pytest.mark.parametrize(("language", "said"), [("", "Call 911"), ("es/", "Llamar al 911")])
def test_a_warning_sign_goes_to_the_emergency_number_at_once(
    tap: Page, clinic: models.Clinic, language: str, said: str
) -> None:
    page = tap("right-for-me", {"part": "first", "numb": "yes", "weak": "unknown"}, language)
    title = "Get help now" if not language else "Busque ayuda ahora"
    assert title in page and said in page
    assert page.index(said) < page.index("Are you numb" if not language else "¿Tiene dormida")
    assert clinic.phone not in page  # not to be called in its place
    late = tap("right-for-me", {"part": "then", "numb": "yes", "night": "no"}, language)
    assert title in late


def test_the_rest_is_asked_only_when_nothing_was_urgent_and_goes_to_a_doctor_first(
    tap: Page,
) -> None:
    rest = tap("right-for-me", {"part": "first", "numb": "no", "weak": "unknown"})
    assert "worse when you lie down" in rest and "short of breath, or does" not in rest
    tapped = {"part": "then", "numb": "no", "weak": "unknown", "thinner": "yes", "sugar": "yes"}
    door = tap("right-for-me", tapped)
    assert "See a doctor first" in door and "Do not stop it by yourself" in door
    assert "Call 911 (" not in door
    visit = tap("right-for-me", {"part": "then", "sugar": "yes", "numb": "no"})
    assert "You can ask at the visit" in visit
    # What was left open on the first screen is there too.
    assert "Not known is not no" in visit and "short of breath, or does" in visit


@pytest.mark.parametrize("language", ["", "es/"])
def test_every_number_to_call_can_be_tapped_and_no_page_is_a_dead_end(
    client: Client, clinic: models.Clinic, language: str
) -> None:
    aid = f"/choose/{clinic.pk}/low_back/"
    assert 'href="#next"' in client.get(f"{aid}{language}").content.decode()
    for tapped in ({}, {"part": "then", "thinner": "yes"}, {"part": "then"}):
        response = client.post(f"{aid}right-for-me/{language}", tapped)
        page = response.content.decode()
        assert '<a href="tel:911">' in page
        assert (f'href="{aid}values/{language}"' in page) == bool(tapped)


def test_it_says_of_nobody_that_it_suits_and_names_no_finding(tap: Page) -> None:
    findings = [rule.text for rule in KNOWN.candidacy_rules]
    for tapped in ({}, {"night": "yes"}, {"sugar": "yes"}, {"cancer": "yes"}):
        page = tap("right-for-me", {"part": "then", **tapped})
        assert "suitable" not in page.lower()
        assert not [text for text in findings if text in page]


def test_what_matters_stands_beside_the_choices_and_goes_on_to_the_sheet(
    tap: Page, clinic: models.Clinic
) -> None:
    assert "You gave no number" in tap("values", {"relief": "lots"})
    beside = tap("values", {"cost": "4", "relief": "9"})
    assert beside.index("Less pain soon: 9 of 10") < beside.index("A low price: 4 of 10")
    sheet = tap("sheet", {"relief": "9", "ask": ["stop", "harm"], "cost": "<b>"})
    assert "Less pain soon: 9 of 10" in sheet and "A low price" not in sheet
    assert "When do we stop" in sheet and "What will it cost me in all" not in sheet
    assert "of 100 with salt water" in sheet
    empty = Client().get(f"/choose/{clinic.pk}/low_back/sheet/").content.decode()
    assert "A low price: ____ of 10" in empty and "When do we stop" in empty
    assert "What will it cost me in all" in empty


def test_the_page_answers_each_question_about_what_was_read(tap: Page) -> None:
    page = tap("know", {"harm": "right", "fails": "back"})
    assert page.count("Right.") == 1
    assert "The page says something else: The money is spent. Other ways stay open." in page
    assert page.count("You left it open.") == 2


@pytest.mark.parametrize("language", ["", "es/"])
def test_every_page_stands_for_every_condition_in_both_languages_and_is_linked(
    clinic: models.Clinic, language: str
) -> None:
    client = Client()
    for condition in choosable(KNOWN):
        aid = client.get(f"/choose/{clinic.pk}/{condition.id}/{language}").content.decode()
        for page in PAGES:
            address = f"/choose/{clinic.pk}/{condition.id}/{page}/{language}"
            assert f'href="{address}"' in aid
            response = client.get(address)
            assert response.status_code == 200 and not response.cookies
            assert "not kept" in (text := text_of(response)) or "no se guarda" in text.lower()
            assert not language or not ENGLISH.search(re.sub(r"\s+", " ", text)), address
    assert client.get(f"/choose/{clinic.pk}/headache/right-for-me/").status_code == 404

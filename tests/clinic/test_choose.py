"""The decision aid's pages: every IPDAS item on every page, and who was told another number."""

import re
from collections.abc import Callable
from dataclasses import replace

import pytest
from django.test import Client
from docs.decision_aid import ITEMS, lacking

from enthesis.clinic import choices, consents, models
from enthesis.clinic.actions import Refused
from enthesis.clinic.actions.choose import give_aid
from enthesis.journey.decide import choosable
from enthesis.knowledge.load import knowledge
from tests.clinic import evaluated
from tests.clinic.test_languages import ENGLISH, STYLE
from tests.clinic_fixtures import TODAY

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("on_a_fixed_day")]
CONDITIONS = [one.id for one in choosable(knowledge(TODAY))]


@pytest.mark.alike
@pytest.mark.parametrize("language", ["", "es/"])
def test_all_twelve_items_of_ipdas_hold_on_every_page(
    clinic: models.Clinic, client: Client, language: str
) -> None:
    assert [one.kind for one in ITEMS] == ["qualifying"] * 6 + ["certifying"] * 6
    for condition in CONDITIONS:
        response = client.get(f"/choose/{clinic.pk}/{condition}/{language}")
        page, aid = response.content.decode(), response.context["aid"]
        assert lacking(page, aid) == [] and not response.cookies, condition
        sheet = client.get(response.context["summary"]).content.decode()
        assert all(one.name in sheet for one in aid.options) and aid.version in sheet
        if language:  # sources stay in the language of their titles
            told = STYLE.sub(" ", re.sub(r"<details.*?</details>", "", page, flags=re.DOTALL))
            assert not ENGLISH.search(told.replace("English", "")), condition


@pytest.mark.alike
def test_an_item_that_is_missing_would_be_found(clinic: models.Clinic, client: Client) -> None:
    response = client.get(f"/choose/{clinic.pk}/knee_oa/")
    page, aid = response.content.decode(), response.context["aid"]
    for gone in ("condition", "choice", "sources", "about", "unknown"):
        assert lacking(page.replace(f'id="{gone}"', 'id="x"'), aid), gone
    for row in ("good", "bad", "life", "fails", "sure"):
        assert lacking(page.replace(f'data-row="{row}"', 'data-row="x"', 1), aid), row
    assert lacking(page.replace(aid.options[2].harm, "harmless"), aid)
    assert lacking(page.replace("No maker of drugs paid", "Somebody paid"), aid)


@pytest.mark.alike
def test_anybody_finds_the_conditions_and_their_languages_and_nothing_else_is_there(
    clinic: models.Clinic, client: Client
) -> None:
    index = client.get(f"/choose/{clinic.pk}/").content.decode()
    assert all(f"/choose/{clinic.pk}/{condition}/" in index for condition in CONDITIONS)
    assert f"/choose/{clinic.pk}/es/" in index and "sign-in" not in index
    assert f"/choose/{clinic.pk}/" in client.get("/sign-in/").content.decode()
    assert f"/choose/{clinic.pk}/" in client.get("/evidence/").content.decode()
    for wrong in (f"{clinic.pk}/headache/", f"{clinic.pk}/low_back/xx/", "0/", f"{2**70}/"):
        assert client.get(f"/choose/{wrong}").status_code == 404, wrong


def test_who_was_told_the_old_number_is_listed_by_what_they_were_told(
    make_course: Callable[..., models.Course],
    clinician: models.User,
    client_for: Callable[[models.User], Client],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    staff = client_for(clinician)
    given, signed = make_course(), make_course()
    evaluated.plan(staff, signed, clinician, TODAY, consented=False)
    evaluated.consent(signed)
    url = f"/courses/{given.pk}/choose/"
    assert staff.post(url, {"language": "es", "how": "printed"}).status_code == 302
    assert "On paper, Español" in staff.get(url).content.decode()
    row = given.aids_given.get()
    event = models.AuditEvent.objects.get(action="give_aid")
    assert (event.record_id, event.patient_id) == (row.pk, given.patient_id)
    assert "Everybody was told" in staff.get("/told-before/").content.decode()

    known = knowledge(TODAY)
    first = choices.evidence_on("low_back", known)
    assert first is not None
    question = first.questions[1]
    moved = replace(question, told=(replace(question.told[0], with_it=45), *question.told[1:]))
    corrected = replace(first, questions=(first.questions[0], moved))
    for module in (choices, consents):
        monkeypatch.setattr(module, "evidence_on", lambda condition, known: corrected)
    listed = {one.course.pk: one for one in choices.told_before(clinician.clinic, TODAY)}
    numbers = ("Out of 100 people", "Your choices, side by side", "What trials found")
    assert listed[given.pk].aid_changed == numbers and not listed[given.pk].consent_changed
    assert listed[signed.pk].consent_changed == ("What trials found",)
    page = staff.get("/told-before/").content.decode()
    assert "Summary given 23 Nov 2026, on paper, Español" in page and "Consent signed" in page
    give_aid(clinician, given.pk, "en", "address")
    assert given.pk not in {one.course.pk for one in choices.told_before(clinician.clinic, TODAY)}


def test_a_summary_is_given_only_in_an_open_course_that_has_one(
    make_course: Callable[..., models.Course],
    clinician: models.User,
    client_for: Callable[[models.User], Client],
) -> None:
    course = make_course(condition="headache")
    with pytest.raises(Refused, match="no decision aid"):
        give_aid(clinician, course.pk, "en", "printed")
    assert client_for(clinician).get(f"/courses/{course.pk}/choose/").status_code == 200
    models.Course.objects.update(condition="low_back", closed_on=TODAY)
    with pytest.raises(Refused, match="closed"):
        give_aid(clinician, course.pk, "en", "printed")
    models.Course.objects.update(closed_on=None)
    with pytest.raises(Refused):
        give_aid(clinician, course.pk, "xx", "printed")
    refused = client_for(clinician).post(f"/courses/{course.pk}/choose/", {"language": "xx"})
    assert refused.status_code == 422 and not models.AidGiven.objects.exists()

"""A link that shows a name or a diagnosis asks for the birth date first, five times at most."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from enthesis.clinic import models
from enthesis.clinic.actions import Refused, consent, estimate, second_fact
from enthesis.clinic.actions.answer import make_statement_link
from enthesis.clinic.estimates import Choice
from tests.clinic import evaluated
from tests.clinic.at_once import at_once
from tests.clinic.test_links_sweep import FRESH
from tests.clinic_fixtures import TODAY, patients_phone

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("on_a_fixed_day")]
RIGHT = {"month": "3", "day": "14", "year": "1968"}
WRONG = RIGHT | {"year": "1969"}
SECRETS = ("Lindqvist", "Marta", "1968", "ow back", "lumbar", "rolotherapy", "owe", "Amara", "M54")
ClientFor = Callable[[models.User], Client]


@pytest.fixture
def course(
    make_course: Callable[..., models.Course], clinician: models.User, client_for: ClientFor
) -> models.Course:
    """Agreed, with nothing signed and an estimate made."""
    made = make_course()
    evaluated.plan(client_for(clinician), made, clinician, TODAY, consented=False)
    estimate.make_estimate(clinician, made.pk, Choice(diagnoses=(("M54.50", "Low back pain"),)))
    return made


def links(course: models.Course) -> dict[str, str]:
    """A new address of each kind that asks."""
    user, last = course.clinician, course.estimates.last()
    assert user and last
    return {
        "consent": f"/consent/{consent.make_consent_link(user, course.pk)[1]}/",
        "estimate": f"/estimate/{estimate.make_estimate_link(user, last.pk)[1]}/",
        "statement": f"/a/{make_statement_link(user, course.pk)[1]}/",
    }


def said(response: Any) -> str:
    return response.content.decode().replace("\u00a0", " ")


def test_nothing_of_the_patient_is_shown_before_the_birth_date_and_everything_after_it(
    course: models.Course,
) -> None:
    made = links(course)
    for address in made.values():
        stranger = Client()
        for path in (address, f"{address}es/", f"{address}en/", f"{address}paper/"):
            for method in (stranger.get, stranger.post):
                if path.startswith("/a/") and path.endswith("paper/"):
                    continue
                page = method(path)
                assert page.status_code in (200, 302, 404, 405), (path, page.status_code)
                # By chance the link's own letters, or those of a token, may spell "owe".
                shown = FRESH.sub(r"\1", said(page)).replace(address.split("/")[2], "")
                assert not [one for one in SECRETS if one in shown], path
        assert "¿Cuándo nació usted?" in said(stranger.get(f"{address}es/"))
        phone = patients_phone(address)
        assert [one for one in SECRETS if one in said(phone.get(address))]
        # Once in a browser, for every link of the patient.
        for other in made.values():
            assert [one for one in SECRETS if one in said(phone.get(other))], other


@pytest.mark.parametrize("kind", ["consent", "estimate", "statement"])
def test_the_fifth_wrong_date_ends_the_link_and_today_says_so_until_another_is_made(
    kind: str, course: models.Course, desk: models.User, client_for: ClientFor
) -> None:
    address, phone, today = links(course)[kind], Client(), client_for(desk)
    for left in ("4 more times", "3 more times", "2 more times", "once more"):
        wrong = phone.post(address, WRONG)
        assert wrong.status_code == 422 and left in said(wrong)
    assert "was closed" not in said(today.get("/"))
    last = phone.post(address, WRONG)
    assert last.status_code == 403 and "(555) 0100" in said(last)
    assert phone.post(address, RIGHT).status_code == 404 == phone.get(address).status_code
    assert "A personal link was closed" in said(today.get("/"))
    assert "Lindqvist" in said(today.get("/"))
    links(course)
    assert "was closed" not in said(today.get("/"))


@pytest.mark.alike
def test_a_slip_of_the_fingers_is_no_try_and_a_right_date_lets_all_be_tried_anew(
    course: models.Course,
) -> None:
    address, phone = links(course)["consent"], Client()
    for slip in (
        {"month": "2", "day": "30"},
        {"year": "68"},
        {"day": "x"},
        {"month": ""},
        {"year": "99999"},
        {"day": "\x00"},
    ):
        assert phone.post(address, RIGHT | slip).status_code == 422
    patient = course.patient
    assert second_fact.tries_left(patient) == 5
    for _ in range(4):
        phone.post(address, WRONG)
    assert phone.post(address, RIGHT).status_code == 302
    assert second_fact.tries_left(patient) == 5
    trail = models.AuditEvent.objects.filter(record="consentlink").values_list("actor", "action")
    assert ("somebody with the link", "fail_birth_date") in trail
    assert ("patient", "tell_birth_date") in trail


@pytest.mark.alike
def test_who_has_several_links_of_a_patient_has_no_more_tries(course: models.Course) -> None:
    made, phone = links(course), Client()
    for kind in ("consent", "estimate", "statement", "consent"):
        assert phone.post(made[kind], WRONG).status_code == 422
    assert phone.post(made["estimate"], WRONG).status_code == 403
    # Nor does a right one count any more, until the clinic makes another link.
    assert phone.post(made["consent"], RIGHT).status_code == 403
    assert phone.get(made["consent"]).status_code == 404
    assert patients_phone(links(course)["consent"])


@pytest.mark.alike
def test_what_the_browser_remembers_is_of_one_patient_cannot_be_made_up_and_ends_with_the_day(
    course: models.Course, make_course: Callable[..., models.Course], make_patient: Any
) -> None:
    address = links(course)["statement"]
    assert course.clinician
    other = make_course(make_patient(family="Osei"))
    theirs = f"/a/{make_statement_link(course.clinician, other.pk)[1]}/"
    phone = patients_phone(address)
    assert "When were you born" in said(phone.get(theirs))
    forger = Client()
    forger.cookies["born"] = str(course.patient_id)
    assert "When were you born" in said(forger.get(address))
    with time_machine.travel(timezone.now() + timedelta(hours=13), tick=False):
        assert "When were you born" in said(phone.get(address))


@pytest.mark.alike
def test_without_a_birth_date_on_record_no_such_link_is_made_and_an_older_one_opens_nothing(
    course: models.Course, clinician: models.User, client_for: ClientFor
) -> None:
    older = links(course)
    models.Patient.objects.update(born_on=None)
    office = client_for(clinician)
    for address, asked in (
        (f"/courses/{course.pk}/consent/", {"make": "1"}),
        (f"/courses/{course.pk}/estimate/", {"link": "1"}),
        (f"/courses/{course.pk}/money/link/", {}),
    ):
        page = office.post(address, asked, follow=True)
        assert "birth date first" in said(page), address
    for address in older.values():
        assert Client().get(address).status_code == 404
    with pytest.raises(Refused, match="birth date"):
        make_statement_link(clinician, course.pk)


@pytest.mark.django_db(transaction=True)
def test_of_twenty_who_guess_at_once_no_more_than_five_are_heard(course: models.Course) -> None:
    links(course)
    link = models.ConsentLink.objects.get()
    wrong = TODAY
    at_once([lambda: second_fact.tell_birth_date(link, wrong)] * 20)
    assert models.AuditEvent.objects.filter(action="fail_birth_date").count() == 5

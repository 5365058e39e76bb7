"""Before the visit one screen for the clinician, after it one page for the patient."""

import re
from collections.abc import Callable
from datetime import UTC, date, datetime
from html import unescape

import pytest
import time_machine
from django.test import Client

from enthesis.clinic import models
from enthesis.clinic.actions.answer import make_link, make_sheet_link
from enthesis.clinic.actions.judge import record_decision
from tests.clinic.treated import give_session, say, treated

ClientFor = Callable[[models.User], Client]
pytestmark = [pytest.mark.usefixtures("on_a_fixed_day"), pytest.mark.alike]


@pytest.fixture
def course(
    make_course: Callable[..., models.Course],
    make_patient: Callable[..., models.Patient],
    clinician: models.User,
) -> models.Course:
    patient = make_patient(allergies="Latex", anticoagulant="apixaban")
    return treated(make_course(patient), [7, 6, 5], clinician)


def words_of(client: Client, address: str) -> str:
    response = client.get(address)
    assert response.status_code == 200
    text = re.sub(r"</?a\b[^>]*>", "", response.content.decode().split("<main")[1])
    return unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", text)))


def test_before_the_visit_one_screen_says_who_what_how_and_what_to_ask(
    course: models.Course, clinician: models.User, client_for: ClientFor
) -> None:
    client, address = client_for(clinician), f"/courses/{course.pk}/summary/"
    say(course, date(2026, 11, 20), 2, relief=30)
    banner = client.get(address).content.decode()
    assert "LINDQVIST, Marta" in banner and "Allergy: Latex" in banner
    assert "Anticoagulant: apixaban" in banner
    text = words_of(client, address)
    assert "2 sessions given of" in text and "Last visit 28 Sep 2026" in text
    assert "Pain better, beyond error 7 6 2 better, beyond error" in text
    assert "They disagree" in text and "which describes it better?" in text
    assert "A blood thinner is on record" in text
    assert "New since 28 Sep 2026" in text and "20 Nov 2026" in text
    assert "Suggested next step" in text and "Target not reached" in text
    assert "Record decision" not in text, "deciding has its own page"
    assert address in client.get(f"/courses/{course.pk}/").content.decode()


def test_a_warning_sign_stands_first(
    course: models.Course, clinician: models.User, client_for: ClientFor
) -> None:
    say(course, date(2026, 11, 20), 2, danger=["fever"])
    text = words_of(client_for(clinician), f"/courses/{course.pk}/summary/")
    assert text.index("Warning sign, 20 Nov 2026 Fever") < text.index("Last answers")


def test_after_the_visit_a_patient_reads_in_their_language_and_the_other_is_one_tap_away(
    course: models.Course, clinician: models.User, client_for: ClientFor
) -> None:
    client, address = client_for(clinician), f"/courses/{course.pk}/after/"
    english = words_of(client, address)
    models.Patient.objects.update(language="es")
    page = client.get(address).content.decode()
    assert '<div class="main leaflet" lang="es">' in page
    assert 'mismo día, al <a href="tel:5550100">' in page and '<a href="tel:112">112</a>' in page
    assert 'href="?in=en" lang="en" hreflang="en">English</a>' in page
    leaflet = words_of(client, address).split("Back to the course")[1]
    for said in (
        "El 28 de septiembre de 2026 le pusimos inyecciones en 1 lugar (zona lumbar, lado izq",
        "Llame de inmediato al número de emergencias (Estados Unidos y Canadá: 911",
        "Falta de aire o dolor en el pecho",
        "Llámenos el mismo día, al (555) 0100, si tiene:",
        "Usted toma un anticoagulante",
    ):
        assert said in leaflet, leaflet
    leaflet = leaflet.split("Harbour Clinic")[0]
    assert not re.search(r"\b(the|your|you|call|and|if|pain)\b", leaflet, re.IGNORECASE), leaflet
    assert "Short of breath" in words_of(client, f"{address}?in=en")
    models.Patient.objects.update(language="en")
    assert "Falta de aire" in words_of(client, f"{address}?in=es")
    assert words_of(client, f"{address}?in=xx") == english


def test_after_the_visit_the_patient_goes_home_knowing_what_comes(
    course: models.Course,
    clinician: models.User,
    client_for: ClientFor,
    make_appointment: Callable[..., models.Appointment],
) -> None:
    client, address = client_for(clinician), f"/courses/{course.pk}/after/"
    text = words_of(client, address)
    assert "On 28 Sep 2026 you had injections at 1 place (low back, left)" in text
    assert "It is time for the next session" in text and "is due on" not in text
    assert "sore and stiff" in text and "You take a blood thinner" in text
    assert "Short of breath, or pain in the chest" in text and "(555) 0100" in text
    for inner in ("F1", "rule", "relief 2"):
        assert inner not in text
    make_appointment(course, datetime(2026, 12, 7, 15, tzinfo=UTC))
    text = words_of(client, address)
    assert "Your next visit is on 7 Dec 2026 at 10:00 am." in text and "not booked" not in text
    session = course.sessions.last()
    assert session and address in client.get(f"/sessions/{session.pk}/").content.decode()


def test_a_visit_in_the_evening_is_named_by_the_clock_of_the_clinic_without_a_sign_in(
    course: models.Course,
    clinician: models.User,
    make_appointment: Callable[..., models.Appointment],
) -> None:
    _, token = make_sheet_link(clinician, course.pk)
    make_appointment(course, datetime(2026, 12, 3, 0, 30, tzinfo=UTC))
    said = "Your next visit is on 2 Dec 2026 at 7:30 pm."
    assert said in words_of(Client(), f"/a/{token}/")
    said = "Su próxima visita es el 2 de diciembre de 2026 (7:30 p. m., hora de la clínica)."
    assert said in words_of(Client(), f"/a/{token}/es/")
    with time_machine.travel("2026-12-03 02:00Z", tick=False):  # the evening of that day
        assert "2 Dec 2026 at 7:30 pm" in words_of(Client(), f"/a/{token}/")


def test_what_waits_for_a_decision_is_told_as_undecided_and_today_s_visit_is_named(
    make_course: Callable[..., models.Course],
    clinician: models.User,
    client_for: ClientFor,
    make_appointment: Callable[..., models.Appointment],
) -> None:
    course = treated(make_course(), [7, 7, 7, 7], clinician)
    record_decision(clinician, course.pk, "go_on", "", None)
    with time_machine.travel("2026-11-26 15:00Z", tick=False):
        give_session(course, 4, date(2026, 11, 24), clinician)
        say(course, date(2026, 11, 26), 7)
        make_appointment(course, datetime(2026, 11, 26, 14, tzinfo=UTC))
        client, address = client_for(clinician), f"/courses/{course.pk}/after/"
        assert "Stop" in words_of(client, f"/courses/{course.pk}/")
        text = words_of(client, address)
        assert "What comes next is not decided yet" in text
        assert "Your next visit is on 26 Nov 2026 at 9:00 am." in text
        assert "We go on" not in text and "not booked" not in text
        record_decision(clinician, course.pk, "stop", "", None)
        assert "We stop here, as we agreed" in words_of(client, address)


def test_a_high_score_of_mood_and_a_sign_that_got_worse_stand_under_ask(
    course: models.Course, clinician: models.User, client_for: ClientFor
) -> None:
    say(course, date(2026, 11, 20), 10, phq_interest=3, phq_down=3)
    text = words_of(client_for(clinician), f"/courses/{course.pk}/summary/")
    ask = text.split(" Ask ")[1].split("Last answers")[0]
    assert "Mood (PHQ-2): 6 of 6 on 20 Nov 2026, at or above the cut-off 3" in ask
    assert "Pain 7 at the start, 10 now" in ask


def test_the_sheet_is_for_the_places_injected_and_says_what_the_clinic_says_of_pain_pills(
    course: models.Course, clinician: models.User, client_for: ClientFor
) -> None:
    client, address = client_for(clinician), f"/courses/{course.pk}/after/"
    text = words_of(client, address)
    assert "What to avoid Ask us before you take a pain pill" in text
    assert "New trouble passing urine" in text and "near a lung" not in text
    models.SessionSite.objects.update(site="scapular_border")
    models.Clinic.objects.update(pain_pill_choice="course")
    text = words_of(client, address)
    assert "the needle was near a lung" in text and "until 12 weeks after" in text


def test_the_sheet_goes_to_the_telephone_by_a_personal_link_which_asks_nothing(
    course: models.Course, clinician: models.User, client_for: ClientFor
) -> None:
    client, address = client_for(clinician), f"/courses/{course.pk}/after/"
    _, asking = make_link(clinician, course.pk, "after_session", date(2026, 11, 23))
    made = client.post(address).context["letter"]["address"]
    path = "/a/" + made.split("/a/")[1]
    text = words_of(Client(), path)
    assert "What to expect" in text and "You take a blood thinner" in text
    assert "Call the clinic, (555) 0100" in text and "Lindqvist" not in text
    assert "Qué puede esperar" in words_of(Client(), f"{path}es/")
    Client().post(path, {"danger": ["fever"]})
    assert not course.assessments.filter(link__isnull=False).exists()
    assert Client().get(f"/a/{asking}/").status_code == 200, "the questions can still be answered"
    assert words_of(client, f"/courses/{course.pk}/ask/").count("Aftercare sheet") == 1
    client.post(address)
    assert Client().get(path).status_code == 404, "the newer sheet takes its place"

"""The Today page: who worries, who comes, who is silent, whose recheck is due."""

import html
import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from enthesis.clinic import models, store
from enthesis.clinic.day import day
from enthesis.clinic.models import User
from enthesis.journey.plan import propose
from enthesis.records import Side
from enthesis.shape import plain

TODAY = date(2026, 11, 23)


def noon(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, 17, tzinfo=UTC)


@pytest.fixture(autouse=True)
def monday(time_machine) -> None:
    """Monday 23 Nov 2026, 10:00 in New York."""
    time_machine.move_to("2026-11-23 15:00Z", tick=False)


@pytest.fixture
def treated(make_course, clinic, clinician) -> Callable[..., models.Course]:
    """`treated(answers, days_ago)`: a course with an agreed plan, a baseline and one session."""

    def make(
        answers: dict[str, object] | None = None, days_ago: int = 30, **fields: object
    ) -> models.Course:
        course = make_course(**fields)
        known = store.known_for(clinic, TODAY)
        protocol = known.conditions["low_back"].protocols[0]
        models.Evaluation.objects.create(course=course, on=course.opened_on, answers={}, result={})
        models.Plan.objects.create(
            course=course,
            content=plain(propose(protocol, Side.LEFT, known, None, None)),
            agreed_on=course.opened_on,
        )
        given_on = TODAY - timedelta(days=days_ago)
        models.Session.objects.create(
            course=course, number=1, on=given_on, mixtures=[], signed_by=clinician,
            signed_at=noon(given_on),
        )  # fmt: skip
        _answer(course, given_on - timedelta(days=1), "baseline", {"pain": 7})
        if answers is not None:
            _answer(course, TODAY - timedelta(days=2), "after_session", answers)
        models.Weight.objects.create(patient=course.patient, kg=70, measured_on=given_on)
        return course

    return make


def _answer(course: models.Course, on: date, occasion: str, answers: dict[str, object]) -> None:
    models.Assessment.objects.create(
        course=course, on=on, occasion=occasion, questionnaire="six_signs", answers=answers,
        completed_at=noon(on),
    )  # fmt: skip


def page(client: Client, address: str = "/") -> str:
    return html.unescape(client.get(address).content.decode())


def test_an_empty_day_is_good_news(client_for, clinician: User) -> None:
    text = page(client_for(clinician))
    assert "Today, Monday 23 November 2026" in text
    assert "0 visits · 0 worries · 0 to call · 0 rechecks due. Up to date at 10:00." in text
    assert "Nobody is booked today." in text
    assert "Everybody who was asked has answered." in text


def test_a_danger_sign_still_worries_when_it_was_only_read(
    client_for, clinician: User, treated
) -> None:
    course = treated({"pain": 5, "danger": ["fever"]})
    client = client_for(clinician)
    worry = page(client).partition('id="worry-1"')[2].partition("</section>")[0]
    assert "1 worry" in page(client) and "</strong>: Fever" in worry
    read = course.assessments.latest("on")
    assert re.search(rf'href="/answers/{read.pk}/">Open answers', worry)
    assert f'<strong><a href="/courses/{course.pk}/">' in worry
    assert '<p class="quiet">Answered 21 Nov, 12:00. Not yet read.</p>' in worry
    assert 'class="button filled" href="tel:' in worry and ">Call (555) 0142</a>" in worry
    assert worry.count("filled") == 1
    models.Assessment.objects.filter(course=course).update(read_at=noon(TODAY), read_by=clinician)
    assert "1 worry" in page(client)
    assert f"Read by {clinician}, not yet decided." in page(client)


def test_a_decision_after_the_answer_takes_the_worry_away(clinic, clinician, treated) -> None:
    course = treated({"pain": 5, "danger": ["fever"]})
    assert len(day(clinic, TODAY, clinical=True).worries) == 1
    models.Decision.objects.create(
        course=course, on=TODAY, suggested="refer", decided="refer", verdict={}, inputs={},
        inputs_sha256="0" * 64, by=clinician, at=noon(TODAY),
    )  # fmt: skip
    assert not day(clinic, TODAY, clinical=True).worries


def test_an_answer_without_danger_worries_nobody(clinic, treated) -> None:
    treated({"pain": 5, "danger": ["none"]})
    assert not day(clinic, TODAY, clinical=True).worries


def test_a_high_screen_asks_quietly_until_it_is_read(
    client_for, clinician: User, desk: User, treated
) -> None:
    course = treated({"pain": 5, "danger": ["none"], "phq_interest": 2, "phq_down": 2})
    client, asked = client_for(clinician), "Mood (PHQ-2): 4 of 6"
    text = page(client)
    assert "0 worries" in text and "Ask about mood" in text and asked in text
    assert "Ask about mood" in page(client, f"/courses/{course.pk}/")
    said = course.assessments.last()
    assert said is not None and asked in page(client, f"/answers/{said.pk}/")
    assert "mood" not in page(client_for(desk)).lower()
    client.post(f"/answers/{said.pk}/")
    assert asked not in page(client)
    assert "Ask about mood" in page(client, f"/courses/{course.pk}/")


def test_a_high_screen_beside_a_warning_sign_stands_with_the_worries_alone(
    client_for, clinician: User, treated
) -> None:
    treated({"pain": 5, "danger": ["fever"], "phq_interest": 2, "phq_down": 2})
    text = page(client_for(clinician))
    assert "1 worry" in text and "Mood (PHQ-2): 4 of 6" not in text


def test_the_front_desk_sees_that_not_what(
    client_for, desk: User, clinician: User, treated, make_appointment
) -> None:
    course = treated({"pain": 3, "danger": ["fever"]})
    make_appointment(course, datetime(2026, 11, 23, 20, tzinfo=UTC))
    known = store.known_for(desk.clinic, TODAY)
    words = next(rule.text for rule in known.danger_rules if "fever" in rule.is_in)
    seen, hidden = page(client_for(clinician)), page(client_for(desk))
    assert words in seen and words not in hidden
    assert "Pain 7 to 3" in seen and "Pain" not in hidden
    told = re.sub("</?(strong|a)[^>]*>", "", hidden)
    assert "Lindqvist, Marta gave an answer that a clinician must see" in told


@pytest.mark.parametrize(
    ("prepare", "tag"),
    [
        (lambda c: c.evaluations.all().delete(), "Evaluate"),
        (lambda c: c.plans.update(agreed_on=None), "Agreement missing"),
        (lambda c: c.patient.weights.all().delete(), "Weigh first"),
        (lambda c: c.assessments.filter(occasion="after_session").delete(), "Ask today"),
        (lambda c: c.appointments.update(state="missed"), "Did not come"),
        (lambda c: c.appointments.update(state="done"), "Done"),
        (lambda c: None, "Go on"),
    ],
)
def test_a_visit_says_what_is_missing_or_suggested(
    client_for, clinician: User, treated, make_appointment, prepare, tag: str
) -> None:
    course = treated({"pain": 5, "danger": ["none"]})
    make_appointment(course, datetime(2026, 11, 23, 20, 15, tzinfo=UTC))
    prepare(course)
    text = page(client_for(clinician)).partition("Who comes")[2].partition("</section>")[0]
    assert "15:15" in text and tag in " ".join(text.split())


def test_only_todays_visits_by_the_clinics_clock_are_shown(
    clinic, make_course, make_appointment
) -> None:
    for at in ["2026-11-23 04:59", "2026-11-23 05:00", "2026-11-24 04:59", "2026-11-24 05:00"]:
        make_appointment(make_course(), datetime.fromisoformat(at).replace(tzinfo=UTC))
    shown = [row.at.isoformat()[:16] for row in day(clinic, TODAY, clinical=True).visits]
    assert shown == ["2026-11-23T05:00", "2026-11-24T04:59"]


def test_the_silent_are_listed_with_the_calls_made(client_for, desk: User, treated) -> None:
    course = treated(None, days_ago=60)
    for day_of_month in (18, 20):
        models.CallAttempt.objects.create(
            course=course, outcome="no reply", by=desk, at=noon(date(2026, 11, day_of_month))
        )
    text = page(client_for(desk))
    assert "1 to call" in text and "2 calls; last 20 Nov" in text and "Silent for" in text


def test_a_finished_course_comes_up_when_its_recheck_is_due(clinic, clinician, treated) -> None:
    course = treated({"pain": 0}, days_ago=120, opened_on=date(2026, 7, 1))
    models.Decision.objects.create(
        course=course, on=date(2026, 8, 1), suggested="finish", decided="finish", verdict={},
        inputs={}, inputs_sha256="0" * 64, by=clinician,
    )  # fmt: skip
    models.Assessment.objects.filter(occasion="after_session").update(on=date(2026, 7, 30))
    rows = day(clinic, TODAY, clinical=True).rechecks
    assert [row.course for row in rows] == [course]
    assert not day(clinic, date(2026, 9, 1), clinical=True).rechecks


def test_it_shows_nobody_from_next_door(clinic, other_clinic, treated, make_patient) -> None:
    treated({"danger": ["fever"]}, patient=make_patient(clinic=other_clinic))
    held = day(clinic, TODAY, clinical=True)
    assert held.worries == held.visits == held.rechecks == held.lost == []


def test_the_number_of_queries_does_not_grow_with_the_clinic(
    clinic, treated, make_appointment
) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            day(clinic, TODAY, clinical=True)
        return len(captured)

    hours = iter(range(13, 20))
    make_appointment(treated({"pain": 5}), datetime(2026, 11, 23, next(hours), tzinfo=UTC))
    one = queries()
    for _ in range(3):
        make_appointment(treated({"pain": 5}), datetime(2026, 11, 23, next(hours), tzinfo=UTC))
    assert queries() == one <= 20


@pytest.mark.parametrize(
    ("given", "said"),
    [(1, "Session 2 of 3"), (2, "Session 3 of 3"), (4, "Session 5 of at most 5"),
     (5, "Session 6; at most 5 were agreed")],
)  # fmt: skip
def test_a_session_beyond_the_planned_ones_is_counted_of_the_most(
    clinic, treated, make_appointment, given: int, said: str
) -> None:
    course = treated({"pain": 5})
    for number in range(2, given + 1):
        models.Session.objects.create(
            course=course, number=number, on=TODAY - timedelta(days=20 - number), mixtures=[],
            signed_at=noon(TODAY),
        )  # fmt: skip
    plan = course.plans.get()
    plan.content |= {"sessions_planned": 3, "sessions_max": 5}
    plan.save()
    make_appointment(course, datetime(2026, 11, 23, 20, tzinfo=UTC))
    assert f"{said}." in f"{day(clinic, TODAY, clinical=True).visits[0].line}."
    models.Session.objects.create(
        course=course, number=given + 1, on=TODAY, mixtures=[], signed_at=noon(TODAY)
    )
    told = day(clinic, TODAY, clinical=True).visits[0].line
    assert f"{said}." in f"{told}.", "what was given today is this visit's"


def test_the_lost_leave_the_lists_but_stay_counted_and_their_course_says_since_when(
    client_for, clinic, clinician: User, treated
) -> None:
    lost, late = treated(None, days_ago=400), treated(None, days_ago=60)
    held = day(clinic, TODAY, clinical=True)
    assert [row.course for row in held.lost] == [lost]
    client = client_for(clinician)
    text = page(client)
    assert "1 to call" in text and "1 silent for more than 120 days</a>" in text
    assert 'id="lost"' not in text and f"/courses/{lost.pk}/" not in text
    whole = page(client, "/?all=lost").partition('id="lost"')[2]
    assert f"/courses/{lost.pk}/" in whole and "since 26 Oct 2025" in whole
    assert "The answers due on 26 Oct 2025 never came" in page(client, f"/courses/{lost.pk}/")
    assert "never came" not in page(client, f"/courses/{late.pk}/")


def test_a_recheck_nobody_answered_for_long_leaves_the_list_and_an_answer_brings_it_back(
    clinic, clinician, treated
) -> None:
    course = treated({"pain": 0}, days_ago=500, opened_on=date(2025, 6, 1))
    models.Decision.objects.create(
        course=course, on=date(2025, 8, 1), suggested="finish", decided="finish", verdict={},
        inputs={}, inputs_sha256="0" * 64, by=clinician,
    )  # fmt: skip
    answers = models.Assessment.objects.filter(occasion="after_session")
    answers.update(on=date(2025, 7, 30))
    held = day(clinic, TODAY, clinical=True)
    assert not held.rechecks
    assert [row.course for row in held.lost] == [course]
    answers.update(on=date(2026, 5, 1))
    held = day(clinic, date(2026, 7, 11), clinical=True)
    assert [row.course for row in held.rechecks] == [course] and not held.lost


@pytest.fixture
def full(clinician: User, treated, make_patient, make_appointment) -> None:
    """A clinic in which every list of the page has somebody, and most open courses are on none."""

    def new(answers: dict[str, object] | None, **fields: object) -> models.Course:
        number = models.Patient.objects.count()
        return treated(answers, patient=make_patient(family=f"Name{number:03d}End"), **fields)

    def decided(course: models.Course, step: str, on: date) -> models.Course:
        models.Decision.objects.create(
            course=course, on=on, suggested=step, decided=step, verdict={}, inputs={},
            inputs_sha256="0" * 64, by=clinician, at=noon(TODAY),
        )  # fmt: skip
        return course

    for _ in range(5):
        decided(new({"pain": 5}), "go_on", TODAY - timedelta(days=1))
        new({"pain": 5})
    for _ in range(10):
        course = decided(new(None, days_ago=110), "finish", date(2026, 8, 6))
        _answer(course, date(2026, 8, 6), "after_session", {"pain": 0})
    for _ in range(10):
        new(None, days_ago=60)
    for _ in range(2):
        new(None, days_ago=400)
    new({"danger": ["fever"]})
    decided(new({"danger": ["fever"]}), "refer", TODAY)
    new({"pain": 5, "phq2_interest": 3, "phq2_down": 3})
    make_appointment(new({"pain": 5}), datetime(2026, 11, 23, 16, tzinfo=UTC))
    make_appointment(new({"pain": 5}), datetime(2026, 11, 24, 16, tzinfo=UTC))
    for ended in ("goes_on", "recovered"):
        course = new({"pain": 5})
        event = models.AdverseEvent.objects.create(
            course=course, session=course.sessions.get(), kind="flare", onset_on=TODAY, grade=1,
            serious=False, outcome=ended, what_happened="Sore", request_key=ended, by=clinician,
        )  # fmt: skip
        models.AdverseEventEntry.objects.create(
            event=event, relatedness="caused", text="A cold", by=another(clinician)
        )


def another(clinician: User) -> User:
    """A clinician who injected nothing."""
    return User.objects.get_or_create(
        username="dr_other", clinic=clinician.clinic, role=models.Role.CLINICIAN
    )[0]


@pytest.mark.alike
@pytest.mark.parametrize("role", ["clinician", "front_desk", "administrator"])
@pytest.mark.parametrize("address", ["/", "/?all=rechecks", "/?all=lost", "/calls/"])
def test_the_trail_names_exactly_those_whom_the_page_shows(
    full: None, client_for, clinician: User, role: str, address: str
) -> None:
    """Who was only looked through was not read; who is shown was, before the page went out."""
    models.User.objects.filter(pk=clinician.pk).update(role=role)
    response = client_for(User.objects.get(pk=clinician.pk)).get(address)
    if role == "administrator" and address == "/calls/":
        assert response.status_code == 403 and not models.AccessEvent.objects.exists()
        return
    shown = set(re.findall(r"Name\d+End", response.content.decode()))
    read = models.AccessEvent.objects.values_list("patient__family", flat=True)
    assert sorted(read) == sorted(shown)
    assert 8 < len(shown) < models.Patient.objects.count() - 8


@pytest.mark.alike
@pytest.mark.parametrize("address", ["/", "/calls/"])
def test_the_page_takes_as_many_queries_whatever_number_of_courses_is_open(
    full: None, client_for, clinician: User, treated, address: str
) -> None:
    client = client_for(clinician)

    def queries() -> int:
        client.get(address)  # what is kept in memory is there
        with CaptureQueriesContext(connection) as captured:
            client.get(address)
        return len(captured)

    few = queries()
    for days_ago in range(20, 60):
        treated({"pain": 5}, days_ago=days_ago)
    assert queries() == few <= 52

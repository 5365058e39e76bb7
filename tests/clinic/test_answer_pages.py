"""Personal links: what a patient sees, what is kept, and every way a link can be wrong."""

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest
import time_machine
from django.http import HttpResponse
from django.test import Client
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from enthesis.clinic import models, store
from enthesis.clinic.actions import Refused
from enthesis.clinic.actions import answer as actions
from tests.clinic.treated import agree_plan, say, treated

MakeCourse = Callable[..., models.Course]
ClientFor = Callable[[models.User], Client]
# One answer for each kind of question that comes up, by id.
ANSWERS: dict[str, Any] = {
    "danger": ["none"],
    "activity_1_name": "put on socks",
    "activity_2_name": "",
    "phq_interest": "1",
    "phq_down": "0",
    "gad_nervous": "1",
    "gad_worry": "0",
    "rmdq": ["1", "5"],
    "joint_noise": "2",
    "change": "5",
    "relief": "30",
    "expect_relief": "50",
    "prefer": "unknown",
    "prefer_else": "wait",
    "decision_settled": ["ways", "sure"],
    "know_harm": "1",
    "know_price": "0",
    "know_fails": "unknown",
}
pytestmark = pytest.mark.usefixtures("on_a_fixed_day")


@pytest.fixture
def course(make_course: MakeCourse) -> models.Course:
    course = make_course()
    agree_plan(course)
    return course


def link_to(course: models.Course, by: models.User, occasion: str = "baseline") -> str:
    _, token = actions.make_link(by, course.pk, occasion, date(2026, 11, 23))
    return f"/a/{token}/"


def asked(response: HttpResponse) -> list[str]:
    """The ids of the questions on the screen."""
    form = response.context["form"]  # type: ignore[attr-defined]
    return [question.id for question in form.questions]


def answer_screen(client: Client, address: str, changed: dict[str, Any] | None = None) -> Any:
    """Open the link as it stands, answer its screen, and follow to the next."""
    ids = asked(client.get(address))
    answers = {id: (changed or {}).get(id, ANSWERS.get(id, "4")) for id in ids}
    return client.post(address, answers | {"screen": ids[0]}, follow=True)


def answer_all(client: Client, address: str) -> int:
    """Answer screen by screen to the end; gives how many there were."""
    for number in range(1, 30):
        response = answer_screen(client, address)
        if "were received" in response.content.decode():
            return number
    raise AssertionError("The questions do not end.")


def test_a_patient_answers_screen_by_screen_without_signing_in(
    course: models.Course,
    clinician: models.User,
    django_assert_max_num_queries: Callable[..., Any],
) -> None:
    client, address = Client(), link_to(course, clinician)
    with django_assert_max_num_queries(3):
        client.get(address)
    # Of the twelve two are the savepoint that the test's own transaction makes of the action's.
    with django_assert_max_num_queries(12):
        client.post(address, {"danger": ["none"], "screen": "danger"})
    assert answer_all(client, address) <= 19
    kept = course.assessments.get()
    assert kept.completed_at is not None and kept.source == "patient"
    assert kept.answers["pain"] == 4
    assert kept.answers["activity_1_name"] == "put on socks"
    assert kept.answers["activity_2_name"] is None  # asked and not answered
    assert "activity_3_name" not in kept.answers
    # What was asked once is not asked again at a second start; the same activity is.
    again = link_to(course, clinician)
    assert answer_all(client, again) <= 12
    second = course.assessments.last()
    assert second.answers["activity_1"] == 4
    assert {"expect_relief", "prefer", "activity_1_name"}.isdisjoint(second.answers)
    assert "were received" in client.get(address).content.decode()
    assert models.AuditEvent.objects.filter(action="save_answers", actor="patient").exists()


def test_a_link_that_is_revoked_while_answers_are_on_their_way_takes_none(
    course: models.Course, clinician: models.User
) -> None:
    _, token = actions.make_link(clinician, course.pk, "baseline", date(2026, 11, 23))
    link = actions.find_link(token, timezone.now())
    assert link is not None
    actions.revoke_link(clinician, link.pk)
    known = store.known_for(course.patient.clinic, date(2026, 11, 23))
    asked_of = store.course_for_questions(link.course)
    with pytest.raises(Refused, match="does not work any more"):
        first = known.questionnaires[link.questionnaire].questions[:1]
        actions.save_answers(link, asked_of, known, first, {"danger": ["none"]})
    assert not course.assessments.exists()


@pytest.mark.alike
def test_every_screen_has_one_main_heading_however_many_questions_share_it(
    course: models.Course, clinician: models.User
) -> None:
    client, address = Client(), link_to(course, clinician)
    most = 0
    response = client.get(address)
    while "were received" not in (page := response.content.decode()):
        questions = len(asked(response))
        assert page.count("<h1") == 1 and page.count('<h2 class="h1"') == questions - 1
        most = max(most, questions)
        response = answer_screen(client, address)
    assert most == 3


@pytest.mark.parametrize("activity", ["climb the stairs", "walk {pain} to {0} {"])
def test_the_patients_own_activity_is_named_at_the_next_occasion(
    activity: str, make_course: MakeCourse, clinician: models.User
) -> None:
    course = treated(make_course(), [7, 6], clinician)
    say(course, date(2026, 9, 9), 7, activity_1_name=activity, activity_1=3)
    address, client = link_to(course, clinician, "after_session"), Client()
    seen = ""
    for _ in range(20):
        response = answer_screen(client, address)
        seen += response.content.decode()
        if "were received" in seen:
            break
    assert activity in seen
    assert "Name one thing" not in seen


def test_it_resumes_where_the_patient_stopped_and_goes_back(
    course: models.Course, clinician: models.User
) -> None:
    address = link_to(course, clinician)
    client = Client()
    answer_screen(client, address)
    answer_screen(client, address, {"pain": "7"})
    later = Client()  # another day, another browser
    response = later.get(address)
    assert asked(response) == ["peg_enjoyment"]
    assert "Question 3 of" in response.content.decode()
    back = later.get(address + "?q=pain")
    assert asked(back) == ["pain"] and back.context["form"]["pain"].value() == "7"
    later.post(address, {"screen": "pain", "pain": "8"})
    assert course.assessments.get().answers["pain"] == 8


def test_nobody_can_jump_ahead_of_the_first_open_question(
    course: models.Course, clinician: models.User
) -> None:
    assert asked(Client().get(link_to(course, clinician) + "?q=change")) == ["danger"]


@pytest.mark.parametrize("wrong", ["", "11", "-1", "4.5", "ten", "4' OR 1=1", "\x00", "９"])
def test_an_answer_that_is_none_is_refused_beside_the_question_and_nothing_is_lost(
    wrong: str, course: models.Course, clinician: models.User
) -> None:
    client, address = Client(), link_to(course, clinician)
    answer_screen(client, address)
    response = client.post(address, {"screen": "pain", "pain": wrong})
    if wrong == "９":  # a full-width nine is a nine
        assert response.status_code == 302
        return
    page = response.content.decode()
    assert response.status_code == 422 and "There is a problem" in page
    assert page.count("Please") >= 2  # in the summary and at the question
    assert course.assessments.get().answers == {"danger": ["none"]}


def test_what_was_typed_stays_when_it_is_refused(
    course: models.Course, clinician: models.User
) -> None:
    client, address = Client(), link_to(course, clinician)
    for _ in range(4):
        answer_screen(client, address)
    response = client.post(address, {"screen": "activity_1_name", "activity_1_name": "x" * 201})
    assert response.status_code == 422
    assert "x" * 201 in response.content.decode()


def test_text_that_no_database_keeps_is_refused_in_words(
    course: models.Course, clinician: models.User
) -> None:
    client, address = Client(), link_to(course, clinician)
    for _ in range(4):
        answer_screen(client, address)
    sent = {"screen": "activity_1_name", "activity_1_name": "socks\x00shoes"}
    response = client.post(address, sent)
    assert response.status_code == 422
    assert "only letters, numbers and signs" in response.content.decode()


def test_looking_changes_nothing(course: models.Course, clinician: models.User) -> None:
    address = link_to(course, clinician)
    before = models.AuditEvent.objects.count()
    for method in ("get", "head"):
        assert getattr(Client(), method)(address).status_code == 200
    assert not course.assessments.exists()
    assert models.AuditEvent.objects.count() == before
    assert Client().put(address).status_code == 405


def test_the_same_answers_sent_twice_are_one_response(
    course: models.Course, clinician: models.User
) -> None:
    client, address = Client(), link_to(course, clinician)
    answer_all(client, address)
    kept = course.assessments.get()
    response = client.post(address, {"screen": "pain", "pain": "9"})
    assert response.status_code == 200 and "were received" in response.content.decode()
    again = course.assessments.get()
    assert (again.answers, again.completed_at) == (kept.answers, kept.completed_at)


def test_a_warning_sign_ends_the_questions_with_the_number_to_call(
    course: models.Course, clinician: models.User, client_for: ClientFor
) -> None:
    client, address = Client(), link_to(course, clinician)
    page = answer_screen(client, address, {"danger": ["fever"]}).content.decode()
    assert "Call now" in page and 'href="tel:5550100"' in page
    assert "can mean an infection" in page
    assert course.assessments.get().completed_at is not None
    today = client_for(clinician).get("/").content.decode()
    assert "Worry" in today and "Lindqvist" in today


def test_an_emergency_is_sent_to_the_emergency_number_before_the_clinic(
    course: models.Course, clinician: models.User
) -> None:
    client, address = Client(), link_to(course, clinician)
    page = answer_screen(client, address, {"danger": ["bladder"]}).content.decode()
    assert "Call the emergency number now" in page
    assert page.index('href="tel:911"') < page.index('href="tel:112"') < page.index("tel:5550100")
    assert "or you feel worse" not in page


def test_an_address_that_grew_on_its_way_gets_the_patients_page(
    course: models.Course, clinician: models.User
) -> None:
    for rest in ("x", "x/y/"):
        dead = Client().get(link_to(course, clinician) + rest)
        assert dead.status_code == 404
        assert dead.content == Client().get("/a/wrong/").content


@pytest.mark.alike
def test_the_emergency_line_stands_under_every_question(
    course: models.Course, clinician: models.User
) -> None:
    client, address = Client(), link_to(course, clinician)
    while "were received" not in (page := client.get(address).content.decode()):
        assert "Call (555) 0100" in page
        answer_screen(client, address)


@pytest.mark.alike
def test_no_name_and_no_diagnosis_stand_on_a_patients_page(
    course: models.Course, clinician: models.User
) -> None:
    client, address = Client(), link_to(course, clinician)
    while "were received" not in (page := client.get(address).content.decode()):
        for secret in ("Lindqvist", "Marta", "1968", "acroiliac", "prolotherapy", "Amara"):
            assert secret not in page, secret
        answer_screen(client, address)
    assert "Harbour Clinic" in page and "Marta" not in page


def test_expired_revoked_wrong_and_changed_links_get_the_same_polite_page(
    course: models.Course, clinician: models.User, client_for: ClientFor
) -> None:
    revoked = link_to(course, clinician, "recheck")
    actions.revoke_link(clinician, course.links.get().pk)
    expiring = link_to(course, clinician)
    link = course.links.get(revoked_at=None)
    wrong = [
        Client().get(revoked),
        Client().get("/a/no-such-token/"),
        Client().get(expiring[:-2] + "/"),
    ]
    with time_machine.travel(link.expires_at - timedelta(seconds=1), tick=False):
        assert Client().get(expiring).status_code == 200
    with time_machine.travel(link.expires_at, tick=False):
        wrong += [Client().get(expiring), Client().post(expiring, {"pain": "3"})]
    assert {response.status_code for response in wrong} == {404}
    assert len({response.content for response in wrong}) == 1
    assert "call your clinic and ask for a new one" in wrong[0].content.decode()
    assert not course.assessments.exists()


@pytest.mark.alike
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(place=st.integers(0, 42), letter=st.sampled_from("abcXYZ019-_"))
def test_one_changed_character_anywhere_opens_nothing(
    place: int, letter: str, course: models.Course, clinician: models.User
) -> None:
    _, token = actions.make_link(clinician, course.pk, "baseline", date(2026, 11, 23))
    changed = token[:place] + letter + token[place + 1 :]
    now = timezone.now()
    assert (actions.find_link(changed, now) is None) == (changed != token)


def test_only_a_fingerprint_of_the_link_is_kept_and_a_new_one_replaces_it(
    course: models.Course, clinician: models.User
) -> None:
    first, token = actions.make_link(clinician, course.pk, "baseline", date(2026, 11, 23))
    assert len(token) == 43 and token not in str(vars(first))
    for event in models.AuditEvent.objects.all():
        assert token not in str(event.detail)
    link_to(course, clinician)
    assert Client().get(f"/a/{token}/").status_code == 404


def test_staff_make_a_link_that_is_shown_once_and_withdraw_it(
    course: models.Course, desk: models.User, client_for: ClientFor
) -> None:
    client = client_for(desk)
    page = client.post(f"/courses/{course.pk}/ask/", {"occasion": "baseline"}).content.decode()
    assert "http://testserver/a/" in page and "sms:5550142" in page
    assert "/a/" not in client.get(f"/courses/{course.pk}/ask/").content.decode()
    link = course.links.get()
    client.post(f"/courses/{course.pk}/ask/", {"withdraw": link.pk})
    link.refresh_from_db()
    assert link.revoked_at is not None
    assert "Withdrawn" in client.get(f"/courses/{course.pk}/ask/").content.decode()


def test_answers_older_than_any_rule_can_be_read(
    course: models.Course, clinician: models.User, client_for: ClientFor
) -> None:
    row = say(course, date(2014, 5, 1), 6)
    row.completed_at = timezone.now()  # brought in from an old sheet today
    row.save()
    assert client_for(clinician).get(f"/answers/{row.pk}/").status_code == 200


def test_another_clinics_link_cannot_be_withdrawn(
    course: models.Course, clinician: models.User, stranger: models.User, client_for: ClientFor
) -> None:
    link_to(course, clinician)
    response = client_for(stranger).post(
        f"/courses/{course.pk}/ask/", {"withdraw": course.links.get().pk}
    )
    assert response.status_code == 404
    assert course.links.get().revoked_at is None


def test_answers_by_telephone_are_kept_with_who_typed_them_in(
    course: models.Course, desk: models.User, clinician: models.User, client_for: ClientFor
) -> None:
    response = client_for(desk).post(
        f"/courses/{course.pk}/answers/add/",
        {"occasion": "baseline", "on": "2026-11-22", "danger": "none", "pain": "6"},
    )
    assert response.status_code == 302
    kept = course.assessments.get()
    assert (kept.source, kept.entered_by, kept.on) == ("staff", desk, date(2026, 11, 22))
    assert kept.answers["pain"] == 6 and kept.answers["peg_activity"] is None
    client = client_for(clinician)
    page = client.get(f"/answers/{kept.pk}/").content.decode()
    assert "typed in by Sam Desk" in page and "6 of 10" in page and "no answer" in page
    client.post(f"/answers/{kept.pk}/")
    kept.refresh_from_db()
    assert kept.read_by == clinician


@pytest.mark.alike
@pytest.mark.parametrize(
    ("sent", "said"),
    [
        ({"on": "2026-11-24", "pain": "6"}, "between the start of the course and today"),
        ({"on": "2026-11-22"}, "Give at least one answer"),
        ({"on": "2026-11-22", "pain": "60"}, "number from 0 to 10"),
        ({"on": "", "pain": "6"}, "This field is required"),
    ],
)
def test_wrong_typing_is_said_and_what_was_typed_stays(
    sent: dict[str, str],
    said: str,
    course: models.Course,
    clinician: models.User,
    client_for: ClientFor,
) -> None:
    response = client_for(clinician).post(
        f"/courses/{course.pk}/answers/add/",
        {"occasion": "baseline", "joint_noise": "3"} | sent
        if "pain" in sent
        else {"occasion": "baseline"} | sent,
    )
    page = response.content.decode()
    assert response.status_code == 422 and said in page
    assert not course.assessments.exists()


def test_a_call_to_a_silent_patient_is_kept(
    course: models.Course, desk: models.User, client_for: ClientFor
) -> None:
    client = client_for(desk)
    client.post(f"/courses/{course.pk}/calls/add/", {"outcome": "Will answer tonight"})
    assert course.calls.get().by == desk
    assert "Will answer tonight" in client.get(f"/courses/{course.pk}/ask/").content.decode()
    client.post(f"/courses/{course.pk}/calls/add/", {"outcome": " "})
    assert course.calls.count() == 1


@pytest.mark.parametrize(("down", "is_told"), [("2", True), ("1", False)])
def test_who_answers_low_is_told_kindly_whom_to_call(
    course: models.Course, clinician: models.User, down: str, is_told: bool
) -> None:
    client, address, text = Client(), link_to(course, clinician), ""
    while "were received" not in text:
        text = answer_screen(client, address, {"phq_down": down}).content.decode()
    call = '<a href="tel:5550100">(555)\u00a00100</a>'
    assert (f"call {call}. Or talk with your own doctor" in text) is is_told
    assert ("If you think of harming yourself" in text) is is_told
    assert "PHQ" not in text and "depress" not in text

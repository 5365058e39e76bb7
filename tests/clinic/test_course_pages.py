"""The course on one page: suggestion, decision, record, and what the front desk does not see."""

import json
import re
from collections.abc import Callable
from datetime import date, timedelta

import pytest
import time_machine
from django.test import Client

from enthesis.clinic import models, store
from enthesis.clinic.actions import Refused
from enthesis.clinic.actions import judge as actions
from enthesis.exchange.course_json import fingerprint, read_course
from enthesis.journey.judge import judge
from enthesis.shape import plain
from tests.clinic.treated import FIRST_ON, agree_plan, give_session, say, treated

MakeCourse = Callable[..., models.Course]
ClientFor = Callable[[models.User], Client]
SUITABLE = {"answer": "suitable", "findings": [], "missing": [], "rules_of": "2026-09-01"}
pytestmark = pytest.mark.usefixtures("on_a_fixed_day")


@pytest.fixture
def going_well(make_course: MakeCourse, clinician: models.User) -> models.Course:
    return treated(make_course(), [7, 6, 5, 4], clinician)


def page_of(client: Client, course: models.Course) -> str:
    response = client.get(f"/courses/{course.pk}/")
    assert response.status_code == 200
    return response.content.decode()


def test_it_shows_the_suggestion_with_reasons_trend_signs_and_record(
    going_well: models.Course, clinician: models.User, client_for: ClientFor
) -> None:
    page = page_of(client_for(clinician), going_well)
    assert "Low back and sacroiliac pain, left" in page
    assert "Go on" in page and "Record decision" in page
    open_reasons, folded = page.split('class="reasons"')[1:3]
    assert "/rules/F1/" in open_reasons and "/rules/S1/" in open_reasons
    assert "other rules checked" in open_reasons and "/rules/RC2/" in folded
    assert 'role="img"' in page and "Show the numbers" in page
    assert page.count("chart sign") == 6
    assert "Session 3" in page and "Answers: after a session" in page
    assert "What this cannot tell you" in page


def test_a_falling_line_never_stands_above_refer_or_stop(
    going_well: models.Course, clinician: models.User, client_for: ClientFor
) -> None:
    def headline() -> str:
        page = page_of(client_for(clinician), going_well)
        return page.split('aria-label="The trend"')[1].split("<h2>")[1]

    assert headline().startswith("Pain is down")
    say(going_well, date(2026, 11, 23), 2, danger=["fever"])
    assert headline().startswith("Refer – warning sign: call today. Pain is down")


def test_who_is_to_be_called_today_can_be_called_from_the_course(
    going_well: models.Course, clinician: models.User, client_for: ClientFor
) -> None:
    assert "tel:5550142" not in page_of(client_for(clinician), going_well)
    say(going_well, date(2026, 11, 23), 2, danger=["fever"])
    assert "tel:5550142" in page_of(client_for(clinician), going_well)


@pytest.mark.parametrize(
    ("make_ready", "button"),
    [
        (lambda c, by: None, "Evaluate"),
        (lambda c, by: agree_plan(c), "Ask for answers"),
        (lambda c, by: (agree_plan(c), say(c, date(2026, 9, 10), 7)), "Start session 1"),
        (lambda c, by: treated(c, [7, 6], by), "Start session 2"),
        (lambda c, by: treated(c, [7, 6, None], by), "Ask for answers"),
        (lambda c, by: (treated(c, [7, 6], by), draft(c, 2)), "Go on with session 2"),
    ],
)
def test_the_filled_button_is_the_next_step(
    make_ready: Callable[[models.Course, models.User], object],
    button: str,
    make_course: MakeCourse,
    clinician: models.User,
    client_for: ClientFor,
) -> None:
    course = make_course()
    make_ready(course, clinician)
    page = page_of(client_for(clinician), course)
    header = page.split('class="page-head"')[1].split("columns")[0]
    assert button in header
    assert header.count("filled") == 1
    assert header.count("Ask for answers") == 1


@pytest.mark.parametrize(
    ("pains", "number", "warned"), [([None], 1, "Ask before the first needle"), ([7, 6, None], 3,
    "Ask before session 3: no answer since the last")],
)  # fmt: skip
def test_a_patient_who_has_not_answered_is_asked_first_but_not_sent_away(
    pains: list[int | None],
    number: int,
    warned: str,
    make_course: MakeCourse,
    clinician: models.User,
    client_for: ClientFor,
) -> None:
    course, client = treated(make_course(), pains, clinician), client_for(clinician)
    models.Evaluation.objects.create(
        course=course, on=course.opened_on, answers={}, result=SUITABLE, by=clinician
    )
    header = page_of(client, course).split('class="page-head"')[1].split("columns")[0]
    assert 'class="button filled" href="/courses/' in header
    assert f'<button class="button">Start session {number}</button>' in header
    started = client.post(f"/courses/{course.pk}/sessions/start/", follow=True)
    assert f"Session {number}" in (page := started.content.decode())
    assert f"{warned}." in page and f'href="/courses/{course.pk}/ask/">Ask now' in page


def test_nothing_is_warned_of_where_the_patient_has_answered(
    going_well: models.Course, clinician: models.User, client_for: ClientFor
) -> None:
    row = draft(going_well, 4)
    page = client_for(clinician).get(f"/sessions/{row.pk}/").content.decode()
    assert "Ask now" not in page


def test_the_plan_of_a_running_series_is_changed_from_its_page_with_a_new_agreement(
    going_well: models.Course, clinician: models.User, client_for: ClientFor
) -> None:
    client = client_for(clinician)
    page = page_of(client, going_well)
    assert f'<a href="/courses/{going_well.pk}/plan/">Change the plan</a>' in page
    assert "A changed plan waits" not in page
    agreed = going_well.plans.get()
    models.Plan.objects.create(course=going_well, content=agreed.content)
    assert f'<a href="/courses/{going_well.pk}/plan/agree/">record' in page_of(client, going_well)


def draft(course: models.Course, number: int) -> models.Session:
    return models.Session.objects.create(
        course=course, number=number, on=date(2026, 11, 23), mixtures=[]
    )


def test_the_front_desk_sees_money_and_dates_but_nothing_clinical(
    going_well: models.Course, desk: models.User, client_for: ClientFor
) -> None:
    page = page_of(client_for(desk), going_well)
    assert "Make the invoice for session 3" in page and "Lindqvist" in page
    for clinical in ("Record decision", "Six signs", "trend", "Answers:", "relief", "dextrose"):
        assert clinical not in page, clinical


def test_a_decision_keeps_verdict_inputs_and_hash_and_is_recomputed_to_the_same(
    going_well: models.Course, clinician: models.User, client_for: ClientFor
) -> None:
    course = store.course_record(going_well)
    response = client_for(clinician).post(
        f"/courses/{going_well.pk}/decide/",
        {"decided": "go_on", "reason": "", "seen": fingerprint(course)},
    )
    assert response.status_code == 302
    row = going_well.decisions.get()
    assert (row.suggested, row.decided, row.by) == ("go_on", "go_on", clinician)
    kept = read_course(json.dumps(row.inputs))
    assert fingerprint(kept) == row.inputs_sha256 == fingerprint(course)
    again = judge(kept, store.known_for(clinician.clinic, row.on), row.on)
    assert plain(again) == plain(actions.recompute(row)) == row.verdict
    assert models.AuditEvent.objects.filter(action="record_decision", record_id=row.pk).exists()
    page = client_for(clinician).get(f"/decisions/{row.pk}/").content.decode()
    assert "the same suggestion today, word for word" in page and row.inputs_sha256 in page


def test_deciding_otherwise_needs_a_reason_and_keeps_the_choice(
    going_well: models.Course, clinician: models.User, client_for: ClientFor
) -> None:
    client = client_for(clinician)
    address = f"/courses/{going_well.pk}/decide/"
    response = client.post(address, {"decided": "stop", "reason": " "})
    page = response.content.decode()
    assert response.status_code == 422
    assert page.count("Write the reason, in a few words.") >= 2  # above and at the field
    assert re.search('value="stop"[^>]*checked', page)
    assert not going_well.decisions.exists()
    response = client.post(address, {"decided": "stop", "reason": "Moves abroad"})
    assert response.status_code == 302
    row = going_well.decisions.get()
    assert (row.decided, row.reason) == ("stop", "Moves abroad")
    assert row.recheck_on is not None and row.recheck_on > row.on


def test_a_decision_about_something_that_changed_since_is_refused(
    going_well: models.Course, clinician: models.User
) -> None:
    seen = fingerprint(store.course_record(going_well))
    say(going_well, date(2026, 11, 22), 9)
    going_well = models.Course.objects.get(pk=going_well.pk)
    with pytest.raises(Refused, match="Something new came in"):
        actions.record_decision(clinician, going_well.pk, "go_on", "", seen)


def test_a_double_click_on_record_decision_is_one_decision(
    going_well: models.Course, clinician: models.User
) -> None:
    seen = fingerprint(store.course_record(going_well))
    first = actions.record_decision(clinician, going_well.pk, "go_on", "", seen)
    again = actions.record_decision(clinician, going_well.pk, "go_on", "", seen)
    assert first == again and going_well.decisions.count() == 1


def test_deciding_upon_answers_marks_them_as_read(
    going_well: models.Course, clinician: models.User
) -> None:
    actions.record_decision(clinician, going_well.pk, "go_on", "")
    assert {a.read_by for a in going_well.assessments.all()} == {clinician}


def test_a_finished_course_comes_up_for_recheck_and_is_closed(
    make_course: MakeCourse, clinician: models.User, client_for: ClientFor
) -> None:
    course = treated(make_course(), [8, 4, 0, 0], clinician)
    client = client_for(clinician)
    assert "Finish" in page_of(client, course)
    actions.record_decision(clinician, course.pk, "finish", "")
    recheck_on = course.decisions.get().recheck_on
    assert recheck_on is not None
    with time_machine.travel(f"{recheck_on} 15:00Z", tick=False):
        client = client_for(clinician)
        page = page_of(client, course)
        assert "Recheck" in page and "Ask for answers" in page
        say(course, recheck_on, 0, occasion="recheck")
        response = client.post(f"/courses/{course.pk}/close/", {"version": course.version})
        assert response.status_code == 302
        course.refresh_from_db()
        assert course.closed_on == recheck_on
        assert "Record decision" not in page_of(client, course)


def test_two_people_closing_a_course_see_what_the_first_did(
    going_well: models.Course, clinician: models.User, client_for: ClientFor
) -> None:
    client = client_for(clinician)
    address = f"/courses/{going_well.pk}/close/"
    assert client.post(address, {"version": 1}).status_code == 302
    response = client.post(address, {"version": 1})
    assert response.status_code == 409
    assert "Somebody else changed this course" in response.content.decode()


def test_a_warning_sign_leads_to_refer_even_before_the_first_session(
    make_course: MakeCourse, clinician: models.User, client_for: ClientFor
) -> None:
    course = make_course()
    agree_plan(course)
    say(course, date(2026, 9, 10), 7, danger=["bladder"])
    page = page_of(client_for(clinician), course)
    assert 'class="card verdict next-refer"' in page
    first = page.partition('<ul class="reasons">')[2].partition("</li>")[0]
    assert 'class="met warns"' in first and "Warning sign in the answers" in first
    assert page.count("warns") == 1


def test_the_record_can_be_saved_for_the_command_line(
    going_well: models.Course, clinician: models.User, client_for: ClientFor
) -> None:
    response = client_for(clinician).get(f"/courses/{going_well.pk}/record.json")
    assert response["Content-Type"] == "application/json"
    assert read_course(response.content.decode()).id == str(going_well.pk)


@pytest.mark.alike
def test_every_rule_has_a_page_with_text_source_date_and_reviewer(
    clinician: models.User, client_for: ClientFor
) -> None:
    known = store.known_for(clinician.clinic, date(2026, 11, 23))
    client = client_for(clinician)
    rules = [*known.judge_rules, *known.candidacy_rules, *known.danger_rules]
    assert len(rules) > 20
    for rule in rules:
        response = client.get(f"/rules/{rule.id}/")
        page = response.content.decode()
        assert response.status_code == 200, rule.id
        assert "in force since" in page and "eviewed" in page, rule.id
    assert client.get("/rules/no-such-rule/").status_code == 404


def test_reading_many_sessions_costs_no_more_queries(
    make_course: MakeCourse,
    clinician: models.User,
    client_for: ClientFor,
    django_assert_max_num_queries: Callable[..., object],
) -> None:
    course = treated(make_course(), [7, 6, 5, 5, 4, 4, 3], clinician)
    give_session(course, 7, date(2026, 12, 7), clinician)
    client = client_for(clinician)
    with django_assert_max_num_queries(34):  # type: ignore[attr-defined]
        page_of(client, course)


def test_a_decision_against_the_rules_is_shown_as_such_until_new_answers(
    make_course: MakeCourse, clinician: models.User, client_for: ClientFor
) -> None:
    course = treated(make_course(), [7, 7, 7, 7, 7], clinician)
    actions.record_decision(clinician, course.pk, "go_on", "Started swimming only now", None)
    actions.record_decision(clinician, course.pk, "go_on", "", None)
    client = client_for(clinician)
    for address in (f"/courses/{course.pk}/", f"/courses/{course.pk}/summary/"):
        card = client.get(address).content.decode().split('class="card verdict')[1]
        assert "Decided: go on" in card and "Against the suggestion to stop." in card
        assert "Suggested next step" not in card and "Decided on 23 Nov 2026" in card
        assert "No other rule" not in card and "No response after 4 sessions" in card
        assert "in place of the rules until there is something new" in card
    assert "Reason: Started swimming only now" in page_of(client, course)
    with time_machine.travel("2026-11-25 15:00Z", tick=False):
        say(course, date(2026, 11, 25), 7)
        card = page_of(client_for(clinician), course).split('class="card verdict')[1]
        assert "Suggested next step" in card and "no response after 4 sessions" in card


def test_a_sign_that_got_worse_beyond_error_is_not_named_like_one_that_got_better(
    make_course: Callable[..., models.Course], clinician: models.User, client_for: ClientFor
) -> None:
    course = treated(make_course(), [None])
    say(course, FIRST_ON - timedelta(3), 7, activity_1_name="kneel", activity_1=4)
    give_session(course, 1, FIRST_ON, clinician)
    say(course, FIRST_ON + timedelta(10), 4, activity_1=2)
    page = client_for(clinician).get(f"/courses/{course.pk}/").content.decode()
    assert "Higher is better ↑ · Worse, beyond error" in page
    assert "Lower is better ↓ · Better, beyond error" in page
    assert "· Real change" not in page


def test_the_reason_of_a_decision_is_not_called_optional(
    going_well: models.Course, clinician: models.User, client_for: ClientFor
) -> None:
    page = page_of(client_for(clinician), going_well)
    label = page.split('<label for="id_reason">')[1].split("</label>")[0]
    assert label == "Reason (needed if you decide otherwise)"


def test_a_start_of_two_answers_is_named_as_their_mean(
    make_course: MakeCourse, clinician: models.User, client_for: ClientFor
) -> None:
    course = treated(make_course(), [6, 5, 4], clinician)
    client = client_for(clinician)
    assert "the mean of" not in page_of(client, course)
    say(course, FIRST_ON - timedelta(1), 5, occasion="baseline")
    page = page_of(client, course)
    assert "Start 5.5: the mean of 2 answers before treatment." in page
    assert ">start 5.5</text>" in page

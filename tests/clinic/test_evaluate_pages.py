"""The evaluation page: an answer with every finding, what is missing, and nothing typed is lost."""

import html
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client

from enthesis.clinic.actions import Refused
from enthesis.clinic.actions.evaluate import save_evaluation
from enthesis.clinic.models import Appointment, AuditEvent, Course, User
from tests.clinic.evaluated import evaluate, typed


@pytest.fixture
def client(client_for: Callable[[User], Client], clinician: User) -> Client:
    return client_for(clinician)


def _words(response: Any) -> str:
    return html.unescape(response.content.decode())


def test_it_asks_only_what_fits_the_region(
    client: Client, make_course: Callable[..., Course]
) -> None:
    knee = make_course(condition="knee_oa", side="left")
    page = _words(client.get(f"/courses/{knee.pk}/evaluate/"))
    assert "artificial" in page.lower() or "prosthesis" in page.lower()
    assert 'name="q-saddle_numbness"' not in page


def test_an_ordinary_back_is_suitable(client: Client, make_course: Callable[..., Course]) -> None:
    course = make_course()
    row = evaluate(client, course)
    assert (row.result["answer"], row.result["missing"]) == ("suitable", [])
    page = _words(client.get(f"/courses/{course.pk}/evaluate/"))
    assert "Nothing was found that speaks against treatment." in page
    assert f"/courses/{course.pk}/plan/" in page


def test_a_question_left_open_is_unknown_and_never_no(
    client: Client, make_course: Callable[..., Course]
) -> None:
    course = make_course()
    row = evaluate(client, course, pregnant=None, diabetes="unknown")
    assert row.result["answer"] is None
    assert set(row.result["missing"]) == {"pregnant", "diabetes"}
    assert "pregnant" not in row.answers and row.answers["diabetes"] is None
    page = _words(client.get(f"/courses/{course.pk}/evaluate/"))
    assert 'href="#ask-pregnant"' in page and 'id="ask-pregnant"' in page


def test_an_evaluation_with_nothing_answered_is_saved_and_names_what_is_missing(
    client: Client, make_course: Callable[..., Course]
) -> None:
    course = make_course()
    client.post(f"/courses/{course.pk}/evaluate/", {"q-last": ""})
    saved = course.evaluations.get()
    assert saved.result["answer"] is None and len(saved.result["missing"]) > 10


def test_none_and_one_of_them_is_refused_and_stays_typed(
    client: Client, make_course: Callable[..., Course]
) -> None:
    course = make_course()
    sent = typed(infection=["none", "joint"])
    refused = client.post(f"/courses/{course.pk}/evaluate/", sent)
    assert refused.status_code == 422 and not course.evaluations.exists()
    assert "Tick either “None” or the others, not both." in _words(refused)


def test_it_shows_every_finding_with_rule_source_and_action(
    client: Client, make_course: Callable[..., Course]
) -> None:
    course = make_course()
    row = evaluate(client, course, saddle_numbness="yes", illness=["gout"])
    assert row.result["answer"] == "refer_first"
    page = _words(client.get(f"/courses/{course.pk}/evaluate/"))
    assert len(row.result["findings"]) > 1
    for finding in row.result["findings"]:
        for part in ("text", "action"):
            assert finding[part] in page
        assert f"Rule {finding['rule']}." in page
    assert "Refer first" in page


def test_a_clinician_sets_a_hard_stop_aside_only_with_a_reason(
    client: Client, make_course: Callable[..., Course]
) -> None:
    course = make_course()
    evaluate(client, course, saddle_numbness="yes")
    without = evaluate(client, course, saddle_numbness="yes", **{"clear-saddle_numbness": "  "})
    assert without.result["answer"] == "refer_first"
    reason = "Old and unchanged since the operation of 2011"
    cleared = evaluate(client, course, saddle_numbness="yes", **{"clear-saddle_numbness": reason})
    assert cleared.cleared == {"saddle_numbness": reason}
    assert cleared.result["answer"] == "suitable"
    assert reason in _words(client.get(f"/courses/{course.pk}/evaluate/"))
    detail = AuditEvent.objects.filter(action="save_evaluation").latest("id").detail
    assert detail == {"answer": "suitable", "cleared": ["saddle_numbness"]}


def test_what_was_set_aside_stays_visible_and_a_finding_that_comes_back_needs_a_new_reason(
    client: Client, make_course: Callable[..., Course]
) -> None:
    course = make_course()
    stopped: dict[str, Any] = {"saddle_numbness": "yes"}
    reason = {"clear-saddle_numbness": "Old, unchanged since 2011"}
    evaluate(client, course, **stopped)
    evaluate(client, course, **stopped, **reason)
    # The reason stands in the form of the next evaluation, where it can be emptied.
    page = _words(client.get(f"/courses/{course.pk}/evaluate/"))
    assert page.count(reason["clear-saddle_numbness"]) == 2
    without = evaluate(client, course, **stopped)
    assert (without.result["answer"], without.cleared) == ("refer_first", {})
    evaluate(client, course, **stopped, **reason)
    evaluate(client, course)
    back = evaluate(client, course, **stopped)
    assert (back.result["answer"], back.cleared) == ("refer_first", {})
    # Another finding is not cleared by the reason for this one.
    other = evaluate(client, course, **stopped, **reason, bladder="yes")
    assert other.result["answer"] == "refer_first"


def test_only_a_clinician_sets_a_finding_aside_and_a_blank_reason_is_none(
    clinician: User, desk: User, admin: User, make_course: Callable[..., Course], today: Any
) -> None:
    answers: dict[str, Any] = {"saddle_numbness": True}
    course = make_course()
    for other in (desk, admin):
        with pytest.raises(Refused, match="Only a clinician"):
            save_evaluation(other, course.pk, answers, {"saddle_numbness": "Old"}, today, None)
    assert not course.evaluations.exists()
    row = save_evaluation(clinician, course.pk, answers, {"saddle_numbness": " \n"}, today, None)
    assert (row.cleared, row.result["answer"]) == ({}, "refer_first")


def test_only_what_was_found_can_be_set_aside(
    client: Client, make_course: Callable[..., Course]
) -> None:
    row = evaluate(client, make_course(), **{"clear-saddle_numbness": "just in case"})
    assert row.cleared == {}


def test_a_new_evaluation_never_overwrites(
    client: Client, make_course: Callable[..., Course]
) -> None:
    course = make_course()
    first = evaluate(client, course, diabetes="yes")
    evaluate(client, course, diabetes="no")
    first.refresh_from_db()
    assert (course.evaluations.count(), first.answers["diabetes"]) == (2, True)


def test_bad_input_keeps_what_was_typed_and_says_what_is_wrong(
    client: Client, make_course: Callable[..., Course]
) -> None:
    course = make_course()
    data = typed(pain_months="a year", diabetes="yes")
    response = client.post(f"/courses/{course.pk}/evaluate/", data)
    page = _words(response)
    assert (response.status_code, course.evaluations.count()) == (422, 0)
    assert 'value="a year"' in page and "Enter a number." in page
    assert 'href="#id_q-pain_months"' in page
    assert re.search(r'name="q-diabetes" value="yes"[^>]* checked', page)


def test_two_clinicians_at_once_lose_nothing(
    client: Client, make_course: Callable[..., Course]
) -> None:
    course = make_course()
    evaluate(client, course, diabetes="yes")
    late = typed(diabetes="no", pain_months="99")  # opened before there was any evaluation
    response = client.post(f"/courses/{course.pk}/evaluate/", late)
    page = _words(response)
    assert (response.status_code, course.evaluations.count()) == (409, 1)
    assert "Somebody else changed this record" in page
    assert 'value="99"' in page
    again = late | {"q-last": course.evaluations.get().pk}
    assert client.post(f"/courses/{course.pk}/evaluate/", again).status_code == 302
    assert course.evaluations.count() == 2


def test_a_closed_course_is_not_evaluated(
    client: Client, make_course: Callable[..., Course], today: Any
) -> None:
    course = make_course(closed_on=today)
    response = client.post(f"/courses/{course.pk}/evaluate/", typed())
    assert (response.status_code, course.evaluations.count()) == (422, 0)
    assert "closed" in _words(response)


def test_the_appointment_of_the_day_is_done(
    client: Client,
    make_course: Callable[..., Course],
    make_appointment: Callable[..., Appointment],
    time_machine: Any,
) -> None:
    # 23:30 UTC is still the same day in New York, and 02:00 UTC of the next one too.
    time_machine.move_to(datetime(2026, 11, 23, 23, 30, tzinfo=UTC))
    course = make_course()
    at = datetime(2026, 11, 24, 2, tzinfo=UTC)
    of_the_day = make_appointment(course, at, kind="evaluation")
    tomorrow = make_appointment(course, at + timedelta(days=1), kind="evaluation")
    evaluate(client, course)
    of_the_day.refresh_from_db()
    tomorrow.refresh_from_db()
    assert (of_the_day.state, tomorrow.state) == ("done", "booked")


@pytest.mark.parametrize("route", ["evaluate", "plan", "plan/agree"])
def test_another_clinic_sees_nothing(
    client_for: Callable[[User], Client],
    stranger: User,
    make_course: Callable[..., Course],
    route: str,
) -> None:
    response = client_for(stranger).get(f"/courses/{make_course().pk}/{route}/")
    assert response.status_code == 404


def test_where_it_hurts_is_kept_by_region_and_side_and_marked_on_the_map(
    client: Client, make_course: Callable[..., Course]
) -> None:
    course = make_course()
    url = f"/courses/{course.pk}/evaluate/"
    assert 'class="area marked"' not in _words(client.get(url))
    row = evaluate(client, course, hurts_where=["low_back_left", "knee_right"])
    assert row.answers["hurts_where"] == ["low_back_left", "knee_right"]
    page = _words(client.get(url))
    assert set(re.findall(r'class="area marked" data-code="(\w+)"', page)) == {
        "low_back_left",
        "knee_right",
    }
    assert re.search(r'name="q-hurts_where" value="knee_right"[^>]*checked', page)
    record = _words(client.get(f"/courses/{course.pk}/"))
    assert "Hurts: Low back, left; Knee, right" in record
    refused = client.post(url, typed(hurts_where=["tail_left"]))
    assert refused.status_code == 422


def test_what_follows_from_an_answer_names_it_for_the_browser_unless_it_is_missed(
    client: Client, make_course: Callable[..., Course]
) -> None:
    course = make_course()
    address = f"/courses/{course.pk}/evaluate/"
    page = client.get(address).content.decode()
    assert 'data-only-if="q-diabetes=yes"' in page
    assert 'data-only-if="q-blood_thinner=yes"' in page
    client.post(address, typed(blood_thinner="yes"))
    page = client.get(address).content.decode()
    assert 'data-only-if="q-diabetes=yes"' in page
    assert 'data-only-if="q-blood_thinner=yes"' not in page, "a missed one is never hidden"

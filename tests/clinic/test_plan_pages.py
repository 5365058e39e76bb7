"""The plan page and the agreement: what is proposed, changed, refused and agreed to."""

import html
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client

from enthesis.clinic.models import AuditEvent, Course, Plan, User
from enthesis.clinic.pages.plan import PlanPage
from enthesis.clinic.store import known_for
from tests.clinic.agreed import *  # noqa: F403
from tests.clinic.evaluated import evaluate, plan


@pytest.fixture
def course(client: Client, make_course: Callable[..., Course]) -> Course:
    """Evaluated as suitable today."""
    course = make_course()
    evaluate(client, course)
    return course


def _words(response: Any) -> str:
    return html.unescape(response.content.decode())


def as_proposed(course: Course, protocol: str = "low_back_ligaments") -> dict[str, Any]:
    """Every field of the page as it is first shown."""
    known = known_for(course.patient.clinic, date(2026, 11, 23))
    shown = PlanPage(course, course.plans.last(), known, protocol, None)
    data = {}
    for form in shown.forms:
        for field in form:
            value = field.value()
            if value not in (None, False, ""):
                data[field.html_name] = "on" if value is True else str(value)
    return data


def _save(client: Client, course: Course, **changed: Any) -> Any:
    data = as_proposed(course) | changed
    return client.post(f"/courses/{course.pk}/plan/", {k: v for k, v in data.items() if v != ""})


@pytest.mark.parametrize(
    ("answers", "says"),
    [
        (None, "evaluat"),
        ({"saddle_numbness": "yes"}, "refer first"),
        ({"nsaid": None}, "no answer"),
    ],
)
def test_there_is_no_plan_without_a_suitable_evaluation(
    client: Client,
    make_course: Callable[..., Course],
    answers: dict[str, Any] | None,
    says: str,
) -> None:
    course = make_course()
    if answers is not None:
        evaluate(client, course, **answers)
    page = _words(client.get(f"/courses/{course.pk}/plan/"))
    assert "No plan can be made yet" in page and says in page
    assert f"/courses/{course.pk}/evaluate/" in page
    assert "Save plan" not in page


def test_it_proposes_the_usual_sites_on_the_side_of_the_complaint(
    client: Client, course: Course
) -> None:
    data = as_proposed(course)
    ticked = {name for name in data if name.endswith("-ticked")}
    assert "site-iliolumbar-left-ticked" in ticked
    assert "site-supraspinous_l4_l5-midline-ticked" in ticked
    assert "site-sacrotuberous-left-ticked" not in ticked  # not a usual one
    assert not any("-right-" in name for name in ticked)


def test_price_of_the_series_and_stop_rule_stand_beside_the_proposal(
    client: Client, course: Course
) -> None:
    page = _words(client.get(f"/courses/{course.pk}/plan/"))
    for words in ("$1,680", "6 sessions at $280", "We stop if after 4 sessions", "saline"):
        assert words in page


def test_every_number_of_the_plan_says_where_it_is_from(client: Client, course: Course) -> None:
    page = _words(client.get(f"/courses/{course.pk}/plan/"))
    assert page.count(">Source<") >= 10
    known = known_for(course.patient.clinic, date(2026, 11, 23))
    assert known.stop_rule.sources["finish_relief_percent"].split(":")[0] in page


def test_the_clinician_changes_sites_volumes_numbers_and_price(
    client: Client, course: Course
) -> None:
    response = _save(
        client,
        course,
        **{
            "site-iliolumbar-left-ticked": "",
            "site-sacrotuberous-right-ticked": "on",
            "site-sacrotuberous-right-volume_ml": "0.75",
            "site-sacrotuberous-right-mixture": "insertions",
            "sessions_planned": "4",
            "interval_days": "21",
            "price_per_session": "199.50",
            "finish_relief_percent": "75",
            "stop_after_sessions": "5",
        },
    )
    assert (response.status_code, response["Location"]) == (
        302,
        f"/courses/{course.pk}/plan/agree/",
    )
    content = course.plans.get().content
    sites = {(s["site"], s["side"]): s["volume_ml"] for s in content["sites"]}
    assert ("iliolumbar", "left") not in sites and sites["sacrotuberous", "right"] == "0.75"
    assert (content["sessions_planned"], content["interval_days"]) == (4, 21)
    assert Decimal(content["price_per_session"]["amount"]) == Decimal("199.50")
    rule = content["stop_rule"]
    assert (rule["finish_relief_percent"], rule["stop_after_sessions"]) == (75, 5)
    page = _words(client.get(f"/courses/{course.pk}/plan/"))
    assert "changed for this patient. Proposed: 90." in page


@pytest.mark.alike
@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"site-iliolumbar-left-volume_ml": "12"}, "Must be between 0.1\u00a0mL and 2\u00a0mL."),
        ({"site-iliolumbar-left-volume_ml": ""}, "Write how much goes here"),
        ({"sessions_planned": "9"}, "fewer than the 9 planned"),
        ({"mixture-insertions-volume_ml": "3"}, "Prepare more or inject less"),
        ({"mixture-insertions-dextrose_percent": "49"}, "more than the 10\u00a0mL wanted"),
        ({"mixture-insertions-anaesthetic_percent": ""}, "Write how strong it is"),
        ({"stop_after_sessions": "7"}, "does not fit a series of at most 6"),
        ({"price_per_session": "a lot"}, "Enter a number."),
        ({"finish_relief_percent": "20"}, "must be less than the relief to finish at"),
    ],
)
def test_it_refuses_what_cannot_be_and_keeps_what_was_typed(
    client: Client, course: Course, changed: dict[str, str], says: str
) -> None:
    response = _save(client, course, **changed, interval_days="17")
    page = _words(response)
    assert (response.status_code, course.plans.count()) == (422, 0)
    assert says in page and 'value="17"' in page
    for value in changed.values():
        assert f'value="{value}"' in page


def test_a_preview_is_worked_out_and_not_saved(client: Client, course: Course) -> None:
    data = as_proposed(course) | {"sessions_planned": "3", "sessions_max": "4"}
    response = client.post(f"/courses/{course.pk}/plan/?preview", data)
    assert "3 sessions at $280. At most $1,120 for 4." in _words(response)
    assert (response.status_code, course.plans.count()) == (200, 0)


def test_a_saved_proposal_is_replaced_until_it_is_agreed(client: Client, course: Course) -> None:
    _save(client, course)
    _save(client, course, sessions_planned="5")
    row = course.plans.get()
    assert row.content["sessions_planned"] == 5
    client.post(
        f"/courses/{course.pk}/plan/agree/",
        {"plan": row.pk, "version": row.version, "agreed_name": "M L", "agreed_on": "2026-11-23"},
    )
    _save(client, course, sessions_planned="4")
    assert [p.content["sessions_planned"] for p in course.plans.all()] == [5, 4]
    assert [p.agreed_on is None for p in course.plans.all()] == [False, True]


def test_two_who_plan_at_once_lose_nothing(client: Client, course: Course) -> None:
    late = as_proposed(course) | {"sessions_planned": "2"}
    _save(client, course, sessions_planned="5")
    response = client.post(f"/courses/{course.pk}/plan/", late)
    page = _words(response)
    assert response.status_code == 409
    assert "Somebody else changed this record" in page and "Sessions planned" in page
    assert course.plans.get().content["sessions_planned"] == 5
    again = late | {"plan": course.plans.get().pk, "version": course.plans.get().version}
    assert client.post(f"/courses/{course.pk}/plan/", again).status_code == 302
    assert course.plans.get().content["sessions_planned"] == 2


def test_the_patient_reads_what_is_agreed_to_in_plain_words(client: Client, course: Course) -> None:
    _save(client, course)
    page = _words(client.get(f"/courses/{course.pk}/plan/agree/"))
    for words in (
        "We finish when your pain",
        "We stop if after 4 sessions",
        "$1,680",
        "Without this treatment, after",
        "that alone is no proof that the injections did it",
        "Iliolumbar ligament, left, 1\u00a0mL",
    ):
        assert words in page
    for word in ("success", "works", "effective"):
        assert word not in page.split('id="main"')[1]


def _agree(client: Client, row: Plan, **changed: Any) -> Any:
    data = {
        "plan": row.pk,
        "version": row.version,
        "agreed_name": "Marta Lindqvist",
        "agreed_on": "2026-11-20",
    }
    return client.post(f"/courses/{row.course_id}/plan/agree/", data | changed)


def test_the_agreement_is_recorded_with_name_and_date(client: Client, course: Course) -> None:
    _save(client, course)
    assert _agree(client, course.plans.get()).status_code == 302
    row = course.plans.get()
    assert (row.agreed_name, row.agreed_on) == ("Marta Lindqvist", date(2026, 11, 20))
    assert AuditEvent.objects.filter(action="agree_plan", record_id=row.pk).count() == 1
    assert _agree(client, row).status_code == 422  # once is enough


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"agreed_name": " "}, "This field is required."),
        ({"agreed_on": "2099-01-01"}, "lies in the future"),
        ({"agreed_on": "2026-08-31"}, "before the course was opened"),
    ],
)
def test_it_refuses_an_agreement_that_cannot_be(
    client: Client, course: Course, changed: dict[str, str], says: str
) -> None:
    _save(client, course)
    response = _agree(client, course.plans.get(), **changed)
    assert response.status_code == 422 and says in _words(response)
    assert course.plans.get().agreed_on is None


def test_nobody_agrees_to_a_plan_that_was_changed_meanwhile(client: Client, course: Course) -> None:
    _save(client, course)
    seen = course.plans.get()
    _save(client, course, price_per_session="400")
    response = _agree(client, seen)
    page = _words(response)
    assert response.status_code == 409 and "read it to the patient again" in page
    assert "$400" in page and 'value="Marta Lindqvist"' in page
    assert course.plans.get().agreed_on is None


def test_the_clinics_own_price_and_finish_level_are_proposed(
    client: Client, course: Course
) -> None:
    clinic = course.patient.clinic
    clinic.price_per_session, clinic.finish_relief_percent = Decimal("150"), Decimal("80")
    clinic.save()
    page = _words(client.get(f"/courses/{course.pk}/plan/"))
    assert "6 sessions at $150" in page and "come down by 80 % or more" in page
    assert "Clinic’s own price, see Settings." in page


def test_an_agreed_plan_is_never_changed(
    client: Client, clinician: User, make_course: Callable[..., Course], today: date
) -> None:
    course = make_course()
    agreed = plan(client, course, clinician, today)
    _save(client, course, sessions_planned="2")
    agreed_now = Plan.objects.get(pk=agreed.pk)
    assert (agreed_now.content, agreed_now.version) == (agreed.content, agreed.version)


def test_a_place_at_the_other_knee_is_never_left_off_the_map(
    client: Client, make_course: Callable[..., Course]
) -> None:
    course = make_course(condition="knee_oa", side="left")
    evaluate(client, course, prosthesis="no")
    data = as_proposed(course, "knee_dumais")
    own = _words(client.post(f"/courses/{course.pk}/plan/?preview", data))
    assert "Left knee" in own and "Right knee" not in own
    data |= {
        "site-pes_anserine-right-ticked": "on",
        "site-pes_anserine-right-volume_ml": "0.5",
        "site-pes_anserine-right-mixture": "insertions",
    }
    both = _words(client.post(f"/courses/{course.pk}/plan/?preview", data))
    assert "Left knee" in both and "Right knee" in both

"""The clinic's own protocols: copied, changed, retired; and the plan page of every region."""

import html
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client

from enthesis.clinic import models, store
from enthesis.clinic.actions import EditConflict, Refused, registry
from enthesis.clinic.actions import protocols as actions
from enthesis.clinic.actions.plan import agree_plan, save_plan
from enthesis.clinic.lengths import series_lengths
from enthesis.clinic.outcomes import folder
from enthesis.clinic.pages import plan as plan_pages
from enthesis.clinic.pages import plan_words
from enthesis.clinic.pages.plan import proposal
from enthesis.clinic.pages.protocols import ProtocolPage
from enthesis.knowledge.load import knowledge
from enthesis.knowledge.series import Protocol
from enthesis.shape import plain
from tests.clinic.evaluated import evaluate

pytestmark = pytest.mark.alike

TODAY = date(2026, 11, 23)
CONDITIONS = [c.id for c in knowledge(TODAY).conditions.values() if c.protocols]


@pytest.fixture(autouse=True)
def noon(time_machine: Any) -> None:
    """Every test happens on 23 Nov 2026."""
    time_machine.move_to(datetime(2026, 11, 23, 17, tzinfo=UTC), tick=False)


@pytest.fixture
def client(client_for: Callable[[models.User], Client], clinician: models.User) -> Client:
    return client_for(clinician)


def _words(response: Any) -> str:
    return html.unescape(response.content.decode())


def _known(user: models.User) -> Any:
    assert user.clinic is not None
    return store.known_for(models.Clinic.objects.get(pk=user.clinic.pk), TODAY)


def _typed(protocol: Protocol, known: Any, number: int | None) -> dict[str, Any]:
    """Every field of the page as it is first shown."""
    data = {}
    for form in ProtocolPage(protocol, known, number, None).forms:
        for field in form:
            value = field.value()
            if value not in (None, False, ""):
                data[field.html_name] = "on" if value is True else str(value)
    return data


def _copied(user: models.User, **changed: Any) -> models.OwnProtocol:
    shipped = _known(user).protocols["low_back_ligaments"]
    edited = replace(shipped, name="Our low back", **changed)
    return actions.copy_protocol(user, shipped.id, edited, TODAY)


def test_a_copy_is_changed_in_the_browser_and_offered_beside_the_shipped_ones(
    client: Client, clinician: models.User, make_course: Callable[..., models.Course]
) -> None:
    known = _known(clinician)
    typed = _typed(known.protocols["low_back_ligaments"], known, None) | {
        "sessions_planned": "5",
        "part-iliolumbar-volume_ml": "1.5",
        "part-sacrotuberous-taken": "usual",
        "mixture-insertions-dextrose_percent": "15",
        "cotherapies": "Walking every day\n\nStretching",
        "followup_months": "3, 6",
    }
    del typed["part-hip_articular-taken"]
    response = client.post("/protocols/copy/low_back_ligaments/", typed)
    assert (response.status_code, response["Location"]) == (302, "/protocols/")
    row = models.OwnProtocol.objects.get()
    own = _known(clinician).protocols[row.key]
    assert (own.sessions_planned, own.cotherapies) == (5, ("Walking every day", "Stretching"))
    assert {p.site: p.volume_ml for p in own.sites}["iliolumbar"] == Decimal("1.5")
    assert "hip_articular" not in {p.site for p in own.sites}
    # What was changed says so, number by number; what was not keeps its study.
    assert own.sources["sessions_planned"].startswith("Clinic's own: 5 in place of 6. As copied: h")
    sites = own.sources["sites"]
    for words in (
        "Iliolumbar ligament: volume ml 1.5 in place of 1",
        "Sacrotuberous ligament: usual yes in place of no",
        "Hip articular ligament left out",
        "Hackett 1958",
    ):
        assert words in sites
    assert "dextrose percent 15 in place of 20" in own.sources["mixtures"]
    assert own.sources["interval_days"] == known.protocols["low_back_ligaments"].sources[
        "interval_days"
    ]  # fmt: skip
    course = make_course()
    evaluate(client, course)
    page = _words(client.get(f"/courses/{course.pk}/plan/?protocol={row.key}"))
    assert "Low back ligaments (after Yelland 2004), our own" in page
    assert "Clinic's own: 5 in place of 6" in page and "Walking every day; Stretching" in page


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"name": "Sacroiliac ligaments (after Hoffman and Agnish 2018)"}, "has this name"),
        ({"name": " "}, "This field is required."),
        ({"sessions_max": "2"}, "fewer than the 6 planned"),
        ({"part-iliolumbar-volume_ml": "9"}, "is not between 0 and 2"),
        ({"part-iliolumbar-volume_ml": ""}, "Write how much goes here"),
        ({"mixture-insertions-dextrose_percent": "49"}, "more than the"),
        ({"followup_months": "6, 3"}, "rising numbers"),
        ({"followup_months": "soon"}, "rising numbers"),
    ],
)
def test_it_refuses_what_cannot_be_given_and_keeps_what_was_typed(
    client: Client, clinician: models.User, changed: dict[str, str], says: str
) -> None:
    known = _known(clinician)
    typed = _typed(known.protocols["low_back_ligaments"], known, None)
    typed |= {"interval_days": "17"} | changed
    response = client.post("/protocols/copy/low_back_ligaments/", typed)
    assert response.status_code == 422 and says in _words(response)
    assert 'value="17"' in _words(response) and not models.OwnProtocol.objects.exists()


def test_a_course_keeps_the_version_that_it_was_agreed_under(
    client: Client, clinician: models.User, make_course: Callable[..., models.Course]
) -> None:
    row = _copied(clinician, sessions_planned=5)
    course = make_course()
    evaluate(client, course)
    planned = proposal(row.key, course, _known(clinician))
    saved = save_plan(clinician, course.pk, planned, TODAY, None)
    agree_plan(clinician, course.pk, "Marta", TODAY, TODAY, (saved.pk, saved.version))
    second = replace(_known(clinician).protocols[row.key], name="Our back", sessions_planned=2)
    actions.change_protocol(clinician, row.key, second, 1, TODAY)
    # Measured against what was published, not against the first version.
    now = _known(clinician).protocols[row.key]
    assert (now.version, now.sources["sessions_planned"][:34]) == (
        "2",
        "Clinic's own: 2 in place of 6. As ",
    )
    agreed = _words(client.get(f"/courses/{course.pk}/plan/agree/"))
    assert "Our low back, version 1" in agreed
    page = _words(client.get(f"/courses/{course.pk}/plan/"))
    assert "This plan follows version 1; the protocol is now at version 2." in page
    assert "5 sessions at $280" in page
    anew = _words(client.get(f"/courses/{course.pk}/plan/?protocol={row.key}"))
    assert "2 sessions at $280" in anew
    retired = actions.retire_protocol(clinician, row.key, 2, TODAY)
    assert retired.retired and row.key not in _known(clinician).protocols
    assert "Our low back, version 1" in _words(client.get(f"/courses/{course.pk}/plan/agree/"))
    assert "Our low back" in _words(client.get(f"/courses/{course.pk}/"))
    assert client.get(f"/courses/{course.pk}/plan/").status_code == 200
    # Nothing was overwritten: three rows, each as it was saved.
    rows = models.OwnProtocol.objects.filter(key=row.key)
    assert [(r.number, r.content["sessions_planned"], r.retired) for r in rows] == [
        (1, 5, False),
        (2, 2, False),
        (3, 2, True),
    ]


def test_nobody_agrees_to_a_plan_whose_protocol_was_retired_meanwhile(
    client: Client, clinician: models.User, make_course: Callable[..., models.Course]
) -> None:
    row, course = _copied(clinician), make_course()
    evaluate(client, course)
    planned = proposal(row.key, course, _known(clinician))
    saved = save_plan(clinician, course.pk, planned, TODAY, None)
    actions.retire_protocol(clinician, row.key, 1, TODAY)
    with pytest.raises(Refused, match="no protocol in use"):
        agree_plan(clinician, course.pk, "M L", TODAY, TODAY, (saved.pk, saved.version))


def test_two_who_change_one_protocol_at_once_lose_nothing(
    client: Client, clinician: models.User
) -> None:
    row = _copied(clinician)
    known = _known(clinician)
    late = _typed(known.protocols[row.key], known, 1) | {"sessions_planned": "3"}
    actions.change_protocol(clinician, row.key, known.protocols[row.key], 1, TODAY)
    response = client.post(f"/protocols/own/{row.key}/", late)
    assert response.status_code == 409 and 'value="3"' in _words(response)
    with pytest.raises(EditConflict):
        actions.retire_protocol(clinician, row.key, 1, TODAY)
    again = late | {"number": "2"}
    assert client.post(f"/protocols/own/{row.key}/", again).status_code == 302
    assert models.OwnProtocol.objects.filter(key=row.key).count() == 3


def test_it_is_retired_and_used_again_from_its_page(client: Client, clinician: models.User) -> None:
    row = _copied(clinician)
    retire = {"retire": "yes", "number": "1"}
    assert client.post(f"/protocols/own/{row.key}/", retire).status_code == 302
    assert row.key not in _known(clinician).conditions["low_back"].protocols
    assert "Use again" in _words(client.get("/protocols/"))
    known = _known(clinician)
    typed = _typed(known.protocol_versions[row.key, "2"], known, 2)
    assert client.post(f"/protocols/own/{row.key}/", typed).status_code == 302
    assert row.key in _known(clinician).conditions["low_back"].protocols


def test_another_clinic_neither_sees_nor_plans_by_it(
    clinician: models.User, stranger: models.User
) -> None:
    row = _copied(clinician)
    assert row.key not in _known(stranger).protocols
    assert (row.key, "1") not in _known(stranger).protocol_versions


def test_yesterday_knew_no_protocol_of_today(clinician: models.User) -> None:
    row = _copied(clinician)
    clinic = models.Clinic.objects.get(pk=row.clinic_id)
    assert row.key not in store.known_for(clinic, date(2026, 11, 22)).protocols


@pytest.mark.parametrize("condition", CONDITIONS)
def test_every_region_can_be_planned(
    client: Client, make_course: Callable[..., models.Course], condition: str
) -> None:
    known = knowledge(TODAY)
    about = known.conditions[condition]
    course = make_course(condition=condition, side="left")
    evaluate(client, course, prosthesis="no")
    for stage in ("", "summary/", "after/"):
        assert client.get(f"/courses/{course.pk}/{stage}").status_code == 200, stage
    asked = _words(client.get(f"/courses/{course.pk}/evaluate/"))
    assert ("is a region of high risk" in asked) == (condition == "neck")
    assert ("Worse lying down" in asked) == (about.region in ("neck", "low_back"))
    page = _words(client.get(f"/courses/{course.pk}/plan/"))
    protocol = known.protocols[about.protocols[0]]
    assert protocol.summary in page and "Save plan" in page
    assert ("no trial has looked at" in page.lower()) == (condition == "neck")
    if any(part.usual for part in protocol.sites):
        planned = proposal(protocol.id, course, known)
        user = course.clinician
        assert user is not None
        save_plan(user, course.pk, planned, TODAY, None)
        agree = _words(client.get(f"/courses/{course.pk}/plan/agree/"))
        assert ("is not known: nobody has published it" in agree) == (not about.benchmark)


def test_the_days_are_reckoned_from_the_booked_session_or_from_what_is_typed(
    client: Client,
    make_course: Callable[..., models.Course],
    make_appointment: Callable[..., models.Appointment],
) -> None:
    course = make_course()
    evaluate(client, course)
    make_appointment(course, datetime(2026, 12, 1, 15, tzinfo=UTC))
    page = _words(client.get(f"/courses/{course.pk}/plan/"))
    assert "Tue 1 Dec 2026" in page and "Tue 9 Feb 2027" in page  # six, two weeks apart
    known = store.known_for(course.patient.clinic, TODAY)
    shown = plan_pages.PlanPage(course, None, known, "low_back_ligaments", None)
    data = {
        field.html_name: "on" if field.value() is True else str(field.value())
        for form in shown.forms
        for field in form
        if field.value() not in (None, False, "")
    } | {"first_on": "2027-01-04"}
    preview = _words(client.post(f"/courses/{course.pk}/plan/?preview", data))
    assert "Mon 4 Jan 2027" in preview and "Mon 15 Mar 2027" in preview


@pytest.mark.parametrize(
    ("courses", "says"),
    [
        (29, "The protocol has 6 sessions. How many are needed is not known yet."),
        (
            30,
            "Expect 4 sessions: half of the series here had ended by then, a quarter by session 3",
        ),
    ],
)
def test_it_says_how_many_sessions_to_expect_once_there_are_enough_courses(
    client: Client,
    make_course: Callable[..., models.Course],
    monkeypatch: pytest.MonkeyPatch,
    courses: int,
    says: str,
) -> None:
    given = [(3, True), (4, True), (6, True)] * 10
    monkeypatch.setattr(plan_words, "series_lengths", lambda clinic, protocol: given[:courses])
    course = make_course()
    evaluate(client, course)
    page = _words(client.get(f"/courses/{course.pk}/plan/"))
    assert says in page
    assert ("Then $1,120 in all; $840 to $1,680 for the middle half." in page) == (courses == 30)


def test_the_sessions_of_a_series_are_read_from_the_registry(
    clinician: models.User, make_course: Callable[..., models.Course], clinic: models.Clinic
) -> None:
    """Ended by a decision, going on, and another protocol; before any registry nothing is known."""
    protocols = ("low_back_ligaments", "low_back_ligaments", "sacroiliac_ligaments")
    for number, protocol in enumerate(protocols, start=1):
        course = make_course()
        agreed = plain(replace(proposal(protocol, course, _known(clinician)), agreed_on=None))
        models.Plan.objects.create(course=course, content=agreed, agreed_on=date(2026, 9, 2))
        for at in range(number):
            models.Session.objects.create(
                course=course, number=at + 1, on=date(2026, 11, 1 + at), mixtures=[],
                signed_by=clinician, signed_at=datetime(2026, 11, 1 + at, 12, tzinfo=UTC),
            )  # fmt: skip
    first = models.Course.objects.earliest("pk")
    models.Decision.objects.create(
        course=first, on=date(2026, 11, 9), suggested="stop", decided="stop", verdict={},
        inputs={}, inputs_sha256="0" * 64, by=clinician,
    )  # fmt: skip
    assert series_lengths(clinic, "low_back_ligaments") == ()
    registry.refresh(folder(), folder() / "private")
    assert sorted(series_lengths(clinic, "low_back_ligaments")) == [(1, True), (2, False)]
    assert series_lengths(clinic, "sacroiliac_ligaments") == ((3, False),)
    assert series_lengths(clinic, "knee_dumais") == ()

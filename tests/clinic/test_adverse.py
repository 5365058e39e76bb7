"""Adverse events: reported from a session or an answer, judged by another, followed, never lost."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from enthesis.clinic import models, store
from enthesis.clinic.actions import EditConflict, Refused, adverse, registry
from enthesis.clinic.harm import harm_of, harms_of
from enthesis.journey.adverse import Report
from enthesis.outcomes.registry import read_table
from tests.clinic.treated import say, treated
from tests.clinic_fixtures import make_user
from tests.unit.journey.courses import KNOWN

ClientFor = Callable[[models.User], Client]
pytestmark = pytest.mark.usefixtures("on_a_fixed_day")
FLARE = Report("flare", date(2026, 9, 30), 2, False, "recovered", "Sore for a week", "Rest")
FORM = {
    "kind": "flare", "session": "", "onset_on": "2026-09-30", "grade": "2", "outcome": "recovered",
    "what_happened": "Sore for a week", "what_was_done": "", "request_key": "once",
}  # fmt: skip


@pytest.fixture
def course(make_course: Callable[..., models.Course], clinician: models.User) -> models.Course:
    """Two sessions, the last on 28 Sep 2026, both signed by `clinician`."""
    return treated(make_course(), [7, 6, 5], clinician)


@pytest.fixture
def other(clinic: models.Clinic) -> models.User:
    """A second clinician, who injected nothing."""
    return make_user(clinic, "dr_lena_brandt", models.Role.CLINICIAN)


@pytest.fixture
def event(course: models.Course, clinician: models.User) -> models.AdverseEvent:
    session = course.sessions.get(number=2)
    return adverse.report_event(clinician, course.pk, FLARE, "key", session.pk)


def judging(event: models.AdverseEvent) -> str:
    return harm_of(event, KNOWN).judging


def test_each_kind_and_each_grade_can_be_recorded(
    course: models.Course, clinician: models.User
) -> None:
    for kind in KNOWN.adverse_kinds:
        for grade in KNOWN.adverse_grades:
            outcome = "died" if grade.grade == 5 else "unknown"
            told = Report(kind, date(2026, 9, 30), grade.grade, False, outcome, "As told")
            row = adverse.report_event(clinician, course.pk, told, f"{kind}{grade.grade}")
            assert row.serious is (grade.grade >= 4)
    assert len(harms_of(clinician.clinic, KNOWN)) == 5 * len(KNOWN.adverse_kinds)
    last = models.AuditEvent.objects.last()
    assert last and (last.action, last.patient) == ("report_event", course.patient)


def test_a_form_sent_twice_is_one_event_and_another_clinics_session_is_none(
    course: models.Course, clinician: models.User, make_course: Callable[..., models.Course]
) -> None:
    first = adverse.report_event(clinician, course.pk, FLARE, "key")
    assert adverse.report_event(clinician, course.pk, FLARE, "key") == first
    foreign = treated(make_course(), [7, 6], clinician).sessions.get()
    with pytest.raises(Refused, match="signed session of this course"):
        adverse.report_event(clinician, course.pk, FLARE, "more", foreign.pk)
    before = Report("flare", date(2026, 9, 27), 1, False, "recovered", "before the needle")
    with pytest.raises(Refused, match="from 28 Sep 2026 on"):
        adverse.report_event(clinician, course.pk, before, "more", course.sessions.get(number=2).pk)
    assert models.AdverseEvent.objects.get() == first


@pytest.mark.parametrize("of_session", [True, False])
def test_whoever_injected_reports_but_does_not_judge_and_another_does(
    course: models.Course, clinician: models.User, other: models.User, of_session: bool
) -> None:
    session = course.sessions.get(number=2).pk if of_session else None
    event = adverse.report_event(clinician, course.pk, FLARE, "key", session)
    with pytest.raises(Refused, match="Whoever injected does not judge"):
        adverse.judge_event(clinician, event.pk, "unlikely", "I was careful", None)
    assert judging(event) == "Not judged by another person"
    adverse.judge_event(other, event.pk, "probable", "The time fits", event.version)
    assert judging(event) == "Probably, judged by Dr Lena Brandt"
    event.refresh_from_db()
    assert (event.grade, event.version) == (2, 2), "the report stays; only its version moved on"


@pytest.mark.alike
def test_the_registry_has_it_as_it_was_known_on_a_day_and_no_judgement_of_who_injected(
    course: models.Course, clinician: models.User, other: models.User, tmp_path: Path
) -> None:
    named = adverse.report_event(
        clinician, course.pk, FLARE, "key", course.sessions.get(number=1).pk
    )
    adverse.report_event(
        clinician, course.pk, replace(FLARE, kind="bleeding", onset_on=date(2026, 10, 2)), "later"
    )
    adverse.follow_event(other, named.pk, "recovered", 4, "In hospital for a night", None)
    adverse.follow_event(other, named.pk, "", 1, "Now as before", None)
    adverse.judge_event(other, named.pk, "possible", "The time fits", None)
    course.sessions.filter(number=1).update(guidance="ultrasound", complications=["none"])
    course.sessions.filter(number=2).update(complications=["faint", "bleeding"])

    def kept(day: date) -> list[dict[str, Any]]:
        registry.cut_as_at(tmp_path / str(day), course.patient.clinic, day)
        return read_table(tmp_path / str(day), "adverse").to_pylist()

    now = store.today(course.patient.clinic)
    assert [(e["kind"], e["grade"]) for e in kept(date(2026, 9, 30))] == [("flare", 2)]
    flare, bleeding = kept(now)
    told = ("number", "since_session", "grade", "serious", "relatedness", "outcome")
    first, last = course.sessions.order_by("number")
    days = (FLARE.onset_on - first.on).days
    assert [flare[name] for name in told] == [1, days, 4, True, "possible", "recovered"]
    days = (date(2026, 10, 2) - last.on).days
    assert [bleeding[name] for name in told] == [2, days, 2, False, None, "recovered"]
    sessions = read_table(tmp_path / str(now), "sessions").to_pylist()
    assert [(s["guidance"], s["complications"]) for s in sessions] == [("ultrasound", 0), (None, 2)]
    first.sites.update(injected_by=other)  # as it turned out later
    assert kept(now)[0]["relatedness"] is None
    assert judging(named) == "Not judged by another person: every clinician here injected"


def test_an_unsigned_hand_is_taken_for_the_courses_own_clinicians(
    course: models.Course, clinician: models.User, other: models.User
) -> None:
    course.sessions.update(signed_by=None)
    event = adverse.report_event(other, course.pk, FLARE, "key", course.sessions.get(number=2).pk)
    assert adverse.judges_of(event) == {other.pk}


def test_of_a_sole_clinician_it_stays_not_judged_by_another_and_is_said_so(
    event: models.AdverseEvent, clinician: models.User, desk: models.User, client_for: ClientFor
) -> None:
    assert judging(event) == "Not judged by another person: every clinician here injected"
    with pytest.raises(Refused):
        adverse.judge_event(desk, event.pk, "caused", "As I see it", None)
    text = client_for(clinician).get(f"/adverse-events/{event.pk}/").content.decode()
    assert "Every clinician of this clinic injected" in text and 'name="judge"' not in text
    assert (
        "1 not judged by another" in client_for(clinician).get("/adverse-events/").content.decode()
    )
    assert "Adverse events that wait" not in client_for(clinician).get("/").content.decode()


def test_of_two_who_judge_at_once_one_wins_and_the_other_looks_again(
    event: models.AdverseEvent, other: models.User, clinic: models.Clinic, client_for: ClientFor
) -> None:
    third = make_user(clinic, "dr_third", models.Role.CLINICIAN)
    seen = event.version
    adverse.judge_event(other, event.pk, "probable", "The time fits", seen)
    with pytest.raises(EditConflict):
        adverse.judge_event(third, event.pk, "unlikely", "Another cause", seen)
    sent = {"judge": "1", "judge-relatedness": "unlikely", "judge-reason": "Another cause"}
    address = f"/adverse-events/{event.pk}/"
    late = client_for(third).post(address, {**sent, "judge-version": seen})
    text = late.content.decode()
    assert late.status_code == 409 and "Dr Lena Brandt added to this event" in text
    assert "Another cause" in text and event.entries.count() == 1
    version = late.context["judge"]["version"].value()
    again = client_for(third).post(address, {**sent, "judge-version": version})
    assert again.status_code == 302 and event.entries.count() == 2


def test_what_is_found_out_later_is_added_and_the_first_report_stays(
    event: models.AdverseEvent, clinician: models.User, client_for: ClientFor
) -> None:
    client, address = client_for(clinician), f"/adverse-events/{event.pk}/"
    told = {"follow": "1", "follow-outcome": "died", "follow-grade": "", "follow-text": "Called",
            "follow-version": event.version}  # fmt: skip
    refused = client.post(address, told)
    assert refused.status_code == 422 and "belongs to grade 5" in refused.content.decode()
    told |= {"follow-outcome": "after_effects", "follow-grade": "4"}
    assert client.post(address, told).status_code == 302
    text = client.get(address).content.decode()
    assert "Recovered, with lasting after-effects, grade 4" in text and "Sore for a week" in text
    event.refresh_from_db()
    assert (event.grade, event.outcome, event.serious) == (2, "recovered", False)
    assert harm_of(event, KNOWN).now.serious


def test_from_a_warning_answer_one_action_opens_a_filled_form_and_one_event_comes_of_it(
    course: models.Course, clinician: models.User, client_for: ClientFor
) -> None:
    row = say(course, date(2026, 11, 20), 5, danger=["breathless"])
    client = client_for(clinician)
    address = f"/courses/{course.pk}/adverse-events/add/?answers={row.pk}"
    for page in ("/", f"/answers/{row.pk}/"):
        assert address in client.get(page).content.decode()
    form = client.get(address).context["form"]
    assert form["kind"].value() == "pneumothorax" and "chest" in form["what_happened"].value()
    assert form["onset_on"].value() == date(2026, 11, 20)
    assert form["session"].value() == str(course.sessions.get(number=2).pk)
    assert form["grade"].value() is None, "how bad it was is for the clinician to say"
    sent = FORM | {"kind": "pneumothorax", "onset_on": "2026-11-20"}
    made = client.post(address, sent)
    event = models.AdverseEvent.objects.get()
    assert made.status_code == 302 and event.assessment == row and event.session is None
    assert client.get(address)["Location"] == f"/adverse-events/{event.pk}/"
    assert client.post(address, sent | {"request_key": "twice"}).status_code == 302
    assert models.AdverseEvent.objects.count() == 1


def test_it_stands_on_today_until_it_is_over_and_judged_and_in_the_record_of_the_course(
    event: models.AdverseEvent, clinician: models.User, other: models.User, desk: models.User,
    client_for: ClientFor,
) -> None:  # fmt: skip
    waits = "Adverse events that wait"
    client = client_for(other)
    assert waits in client.get("/").content.decode()
    assert waits not in client_for(desk).get("/").content.decode()
    adverse.judge_event(other, event.pk, "possible", "Who knows", event.version)
    assert waits not in client.get("/").content.decode()
    adverse.follow_event(other, event.pk, "goes_on", None, "It came back", None)
    assert waits in client.get("/").content.decode()
    page = client.get(f"/courses/{event.course_id}/").content.decode()
    assert "Adverse event: Post-injection flare" in page and "Possibly, judged by" in page
    session = event.session
    assert (
        session
        and f"adverse-events/add/?session={session.pk}"
        in client.get(f"/sessions/{session.pk}/").content.decode()
    )


@pytest.mark.parametrize(("changed", "words"), [
    ({"kind": ""}, "This field is required"), ({"onset_on": "2026-08-01"}, "from 1 Sep 2026 on"),
    ({"grade": ""}, "This field is required"), ({"outcome": "died"}, "belongs to grade 5"),
    ({"what_happened": " "}, "This field is required"),
])  # fmt: skip
def test_what_is_missing_or_cannot_be_is_said_and_what_was_typed_stays(
    course: models.Course, clinician: models.User, client_for: ClientFor,
    changed: dict[str, Any], words: str,
) -> None:  # fmt: skip
    address = f"/courses/{course.pk}/adverse-events/add/"
    sent = FORM | {"what_was_done": "Rest and tea"} | changed
    response = client_for(clinician).post(address, sent)
    assert response.status_code == 422 and words in response.content.decode()
    assert "Rest and tea" in response.content.decode()
    assert not models.AdverseEvent.objects.exists()


def test_many_events_cost_today_no_more_queries(
    course: models.Course,
    clinician: models.User,
    client_for: ClientFor,
) -> None:
    def count() -> int:
        client.get("/")  # what is kept in memory is there
        with CaptureQueriesContext(connection) as asked:
            client.get("/")
        return len(asked)

    client = client_for(clinician)
    told = Report("flare", date(2026, 9, 30), 2, False, "goes_on", "Sore")
    adverse.report_event(clinician, course.pk, told, "0", course.sessions.get(number=2).pk)
    adverse.report_event(clinician, course.pk, told, "1")
    few = count()
    for key in range(2, 8):
        adverse.report_event(clinician, course.pk, told, str(key))
    assert count() == few

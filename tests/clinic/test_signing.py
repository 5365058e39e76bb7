"""A session signed: what it keeps, what forbids it, once by one person, then only amended."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any

import pytest
from django.test import Client

from enthesis.clinic.actions.judge import record_decision
from enthesis.clinic.models import (
    Appointment,
    AuditEvent,
    Course,
    Decision,
    Role,
    Session,
    User,
    Weight,
)
from enthesis.clinic.store import course_record
from tests.clinic.agreed import *  # noqa: F403
from tests.clinic.at_once import at_once
from tests.clinic.evaluated import evaluate, plan
from tests.clinic.test_treat_pages import _post, _words, ready, shown, sign, start, two_weeks_later
from tests.clinic.treated import say
from tests.clinic_fixtures import make_user


def test_a_signed_session_keeps_what_was_given_and_mixed(
    client: Client, clinician: User, course: Course
) -> None:
    session = sign(client, start(client, course))
    assert session.signed_by == clinician and session.signed_at is not None
    recipe = session.recipe["insertions"]
    dextrose, lidocaine = recipe["portions"]
    assert (dextrose["stock_ml"], lidocaine["mg"]) == (4, 20)
    record = course_record(Course.objects.get(pk=course.pk))
    assert [len(s.sites) for s in record.sessions] == [3]
    page = _words(client.get(f"/sessions/{session.pk}/"))
    for words in ("D-2231", "3 places, 2\u00a0mL", "left out", "Signed 23 Nov 2026 by"):
        assert words in page
    assert "<textarea" not in page and "Sign session" not in page
    assert AuditEvent.objects.filter(action="sign_session").count() == 1


@pytest.mark.alike
@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"given": 0}, "none is ticked"),
        ({"weight_kg": ""}, "Weigh the patient"),
        ({"lot_dextrose": ""}, "Write the lot of Dextrose 50\u00a0%"),
        ({"lot_water": ""}, "Write the lot of Sterile water"),
        ({"mixture-insertions-volume_ml": "1"}, "the sites take 2\u00a0mL of 1\u00a0mL"),
        (
            {
                "mixture-insertions-anaesthetic_percent": "4",
                "mixture-insertions-anaesthetic_stock_percent": "10",
            },
            "Too much anaesthetic for 68 kg: lidocaine, plain 400\u00a0mg of 300\u00a0mg",
        ),
        ({"mixture-insertions-anaesthetic": "bupivacaine"}, "No ceiling is known for bupivacaine"),
        ({"site-iliolumbar-left-volume_ml": "3"}, "Must be between 0.1\u00a0mL and 2\u00a0mL."),
        ({"weight_kg": "680"}, "Must be between 30 and 250 kg."),
        ({"weight_kg": "66", "weight_unit": "lb"}, "and 250 kg. 66 lb are 29.9 kg."),
        ({"on": "2026-11-24"}, "lies in the future"),
    ],
)
def test_it_is_not_signed_when_unsafe_or_incomplete_and_says_why(
    client: Client, course: Course, changed: dict[str, Any], says: str
) -> None:
    session = start(client, course)
    response = _post(client, session, "sign", **changed, note="typed before")
    session.refresh_from_db()
    page = _words(response)
    assert (response.status_code, session.signed_at) == (422, None)
    assert says in page and "typed before" in page
    assert session.note == ""  # refused as a whole


def test_nothing_is_injected_while_a_warning_sign_waits_for_a_decision(
    client: Client, clinician: User, course: Course, today: date
) -> None:
    session = start(client, course)
    say(course, today, 6, danger=["fever"])
    say(course, today, 6)  # a harmless answer afterwards takes nothing back
    refused = _post(client, session, "sign")
    assert refused.status_code == 422 and "Warning sign" in _words(refused)
    client.post(f"/sessions/{session.pk}/discard/", {"version": session.version})
    client.post(f"/courses/{course.pk}/sessions/start/")
    assert not course.sessions.exists()
    record_decision(clinician, course.pk, "go_on", "Had a cold; seen, no fever today")
    sign(client, start(client, course))


def test_a_draft_left_open_is_not_signed_after_the_patient_was_referred(
    client: Client, clinician: User, course: Course, today: date
) -> None:
    session = start(client, course)
    course.plans.update(agreed_on=today - timedelta(days=9))
    course.evaluations.update(on=today - timedelta(days=9))
    decision = record_decision(clinician, course.pk, "refer", "To be seen by a surgeon")
    Decision.objects.filter(pk=decision.pk).update(on=today - timedelta(days=1))
    refused = _post(client, session, "sign")
    assert refused.status_code == 422
    session.refresh_from_db()
    assert session.signed_at is None
    # what was given earlier on the day of the decision is a fact, and is recorded
    Decision.objects.filter(pk=decision.pk).update(on=today)
    sign(client, session)


def test_an_answer_that_came_after_the_days_decision_is_not_lost(
    client: Client, clinician: User, course: Course, today: date, time_machine: Any
) -> None:
    say(course, today, 6, danger=["fever"])
    record_decision(clinician, course.pk, "go_on", "Had a cold; seen, no fever today")
    session = start(client, course)
    later = say(course, today, 6, danger=["weakness"])
    later.completed_at = datetime(2026, 11, 23, 18, tzinfo=UTC)
    later.save()
    refused = _post(client, session, "sign")
    assert refused.status_code == 422 and "New weakness" in _words(refused)
    assert "Fever" not in _words(refused)


def test_an_evaluation_after_the_agreement_can_forbid_the_session(
    client: Client, course: Course
) -> None:
    session = start(client, course)
    evaluate(client, course, bladder="yes")
    refused = _post(client, session, "sign")
    assert refused.status_code == 422 and "refer first" in _words(refused)
    session.refresh_from_db()
    assert session.signed_at is None


def test_the_ceiling_is_one_for_the_day_whatever_is_treated(
    client: Client, clinician: User, course: Course, make_course: Callable[..., Course], today: date
) -> None:
    signed = sign(client, start(client, course))
    strong = {"anaesthetic_percent": "0.74", "anaesthetic_stock_percent": "5"}
    signed.mixtures = [signed.mixtures[-1] | strong | {"volume_ml": "40"}]
    signed.save()  # 296 mg of the day's 300 mg
    second = make_course(course.patient, side="right")
    plan(client, second, clinician, today, weigh=False)
    refused = _post(client, start(client, second), "sign", given=1)
    assert refused.status_code == 422, _words(refused)
    assert "Too much anaesthetic" in _words(refused)
    assert "Another session of that day is counted in" in _words(refused)


def test_no_session_is_dated_before_the_agreement(client: Client, course: Course) -> None:
    refused = _post(client, start(client, course), "sign", on="2020-01-01")
    assert refused.status_code == 422 and "agreed after that day" in _words(refused)


def test_a_lighter_patient_has_a_lower_ceiling(client: Client, course: Course) -> None:
    session = start(client, course)
    strong = {
        "mixture-insertions-anaesthetic_percent": "2",
        "mixture-insertions-anaesthetic_stock_percent": "4",
    }
    refused = _words(_post(client, session, "sign", **strong, weight_kg="40"))
    assert "lidocaine, plain 200\u00a0mg of 180\u00a0mg" in refused
    _post(client, session, "save", **strong)
    assert sign(client, session, weight_kg="68").signed_at is not None


def test_a_changed_weight_is_recorded_for_the_patient_on_signing(
    client: Client, course: Course, today: date
) -> None:
    sign(client, start(client, course), weight_kg="71.5")
    last = course.patient.weights.last()
    assert last is not None and (last.kg, last.measured_on) == (Decimal("71.5"), today)


def test_a_weight_typed_in_pounds_is_shown_and_signed_in_kg(client: Client, course: Course) -> None:
    session = start(client, course)
    shown = _words(_post(client, session, "save", weight_kg="150", weight_unit="lb"))
    session.refresh_from_db()
    assert session.weight_kg == Decimal("68.0")
    assert 'value="68"' in client.get(f"/sessions/{session.pk}/").content.decode(), shown


def test_a_patient_weighed_after_the_draft_began_needs_no_typing(
    client: Client, clinician: User, make_course: Callable[..., Course], today: date
) -> None:
    course = make_course()
    plan(client, course, clinician, today, weigh=False)
    session = start(client, course)
    assert "The weight is not known" in _words(client.get(f"/sessions/{session.pk}/"))
    Weight.objects.create(patient=course.patient, kg=Decimal(62), measured_on=today)
    assert 'value="62"' in _words(client.get(f"/sessions/{session.pk}/"))


def test_two_who_write_at_once_lose_nothing(
    client: Client,
    client_for: Callable[[User], Client],
    clinic: Any,
    course: Course,
) -> None:
    session = start(client, course)
    other = client_for(make_user(clinic, "dr_lucas_hartmann", Role.CLINICIAN))
    late = shown(session) | {"note": "mine", "weight_kg": "71", "do": "sign"}
    hers = shown(session) | {"do": "save", "note": "hers"}
    hers["row"] = [*hers["row"], "sacrospinous:left"]
    hers |= {
        "site-sacrospinous-left-ticked": "on",
        "site-sacrospinous-left-volume_ml": "1",
        "site-sacrospinous-left-mixture": "insertions",
    }
    assert other.post(f"/sessions/{session.pk}/", hers).status_code == 302
    response = client.post(f"/sessions/{session.pk}/", late)
    page = _words(response)
    assert response.status_code == 409
    for words in ("Somebody else changed this record", "hers", "mine", "Sacrospinous ligament"):
        assert words in page
    session.refresh_from_db()
    assert (session.note, session.signed_at) == ("hers", None)
    assert f'name="version" value="{session.version}"' in page
    assert 'name="row" value="sacrospinous:left"' in page  # and so it is not lost on saving again


def test_only_one_of_two_signs_and_the_other_is_shown_the_difference(
    client: Client,
    client_for: Callable[[User], Client],
    clinic: Any,
    clinician: User,
    course: Course,
) -> None:
    session = start(client, course)
    other = client_for(make_user(clinic, "dr_lucas_hartmann", Role.CLINICIAN))
    late = shown(session, given=2) | {"note": "my own words", "do": "sign"}
    sign(client, session)
    response = other.post(f"/sessions/{session.pk}/", late)
    page = _words(response)
    session.refresh_from_db()
    assert (response.status_code, session.signed_by) == (409, clinician)
    assert "signed this session after you opened it" in page and "my own words" in page
    assert AuditEvent.objects.filter(action="sign_session").count() == 1


@pytest.mark.django_db(transaction=True)
def test_of_twenty_who_sign_in_the_same_moment_one_wins_and_the_others_see_both(
    client_for: Callable[[User], Client],
    clinician: User,
    clinic: Any,
    make_course: Callable[..., Course],
    today: date,
) -> None:
    course = make_course()
    plan(client_for(clinician), course, clinician, today)
    session = start(client_for(clinician), course)
    others = [make_user(clinic, f"dr_lucas_{number}", Role.CLINICIAN) for number in range(1, 20)]
    data = shown(ready(client_for(clinician), session)) | {"do": "sign"}
    clients = [client_for(one) for one in (clinician, *others)]

    def press(number: int) -> tuple[int, str]:
        mine = data | {"note": f"note {number}."}
        answer = clients[number].post(f"/sessions/{session.pk}/", mine)
        return answer.status_code, _words(answer)

    said = at_once([partial(press, number) for number in range(20)])
    statuses = [status for status, _ in said]
    # Who waits too long for the lock of a busy machine is told so, and wrote nothing.
    assert statuses.count(302) == 1 and set(statuses) - {503} == {302, 409}
    kept = Session.objects.get().note
    for number, (status, page) in enumerate(said):
        assert (kept == f"note {number}.") == (status == 302)
        assert status != 409 or (kept in page and f"note {number}." in page)
    assert AuditEvent.objects.filter(action="sign_session").count() == 1


def test_a_signed_session_is_amended_and_never_changed(client: Client, course: Course) -> None:
    session = sign(client, start(client, course))
    before = session.version
    again = _post(client, session, "save", note="rewritten")
    assert again.status_code == 422 and "It is only amended now." in _words(again)
    empty = client.post(f"/sessions/{session.pk}/amend/", {"text": " "})
    assert empty.status_code == 422
    client.post(f"/sessions/{session.pk}/amend/", {"text": "The lot of water was W-18."})
    session.refresh_from_db()
    assert (session.note, session.version) == ("", before)
    assert "The lot of water was W-18." in _words(client.get(f"/sessions/{session.pk}/"))


def test_a_draft_is_not_amended(client: Client, course: Course) -> None:
    session = start(client, course)
    response = client.post(f"/sessions/{session.pk}/amend/", {"text": "too early"})
    assert response["Location"] == f"/sessions/{session.pk}/"
    assert session.amendments.count() == 0


def test_a_draft_begun_by_mistake_is_discarded_and_a_signed_session_is_not(
    client: Client, course: Course
) -> None:
    draft = start(client, course)
    client.post(f"/sessions/{draft.pk}/discard/", {"version": draft.version})
    assert course.sessions.count() == 0
    assert AuditEvent.objects.get(action="discard_session").detail == {"number": 1}
    signed = sign(client, start(client, course))
    page = client.post(f"/sessions/{signed.pk}/discard/", {"version": signed.version}, follow=True)
    assert "It is only amended now." in _words(page)
    assert course.sessions.count() == 1


def test_after_signing_the_next_steps_are_offered(
    client: Client, course: Course, make_appointment: Callable[..., Appointment]
) -> None:
    of_today = make_appointment(course, datetime(2026, 11, 23, 16, tzinfo=UTC))
    session = sign(client, start(client, course))
    page = _words(client.get(f"/sessions/{session.pk}/"))
    assert f"/sessions/{session.pk}/invoice/" in page
    assert f"/courses/{course.pk}/ask/" in page
    assert "Book session 2, 7 Dec 2026" in page
    of_today.refresh_from_db()
    assert of_today.state == "done"


def test_the_booking_page_opens_on_the_day_of_the_next_session(
    client: Client, course: Course
) -> None:
    page = _words(client.get(f"/courses/{course.pk}/appointments/add/?on=2026-12-07"))
    assert 'value="2026-12-07"' in page


def test_no_session_is_dated_before_the_one_before(
    client: Client, clinician: User, course: Course, time_machine: Any
) -> None:
    sign(client, start(client, course))
    two_weeks_later(client, clinician, time_machine)
    response = _post(client, start(client, course), "sign", on="2026-11-22")
    assert response.status_code == 422 and "Session 1 was later" in _words(response)

"""What holds the needle: the checks of the day, and the time-out of two people."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import date
from threading import Barrier, BrokenBarrierError
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.db import connection
from django.test import Client

from enthesis.clinic import store
from enthesis.clinic.actions import treat
from enthesis.clinic.actions.before_needle import fingerprint
from enthesis.clinic.actions.consent import withdraw_consent
from enthesis.clinic.models import AuditEvent, Course, Role, Session, User
from enthesis.clinic.pages.session_signed import row_words
from enthesis.clinic.whole_record import record_context
from tests.clinic.agreed import *  # noqa: F403
from tests.clinic.evaluated import evaluate, plan
from tests.clinic.test_treat_pages import _words, ready, shown, sign, start
from tests.clinic_fixtures import make_user


def _sign_as_it_is(client: Client, session: Session, **changed: Any) -> Any:
    return client.post(f"/sessions/{session.pk}/", shown(session) | changed | {"do": "sign"})


def _without(data: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in data.items() if name not in names}


def test_what_was_not_asked_is_unknown_and_not_signed(client: Client, course: Course) -> None:
    session = ready(client, start(client, course))
    data = _without(shown(session) | {"do": "sign"}, "check-all_2")
    refused = _words(client.post(f"/sessions/{session.pk}/", data))
    assert "Not asked yet: No fever" in refused and "Unanswered is not yes." in refused
    session.refresh_from_db()
    assert session.signed_at is None


def test_what_is_not_as_it_should_be_blocks_until_it_is_set_aside_with_a_reason(
    client: Client, course: Course
) -> None:
    session = start(client, course)
    marked = {"check-no_infection": "on"}
    client.post(f"/sessions/{session.pk}/", shown(session) | marked | {"do": "save"})
    barred = _words(client.get(f"/sessions/{session.pk}/time-out/", follow=True))
    assert "An infection can be carried into a joint." in barred
    session.refresh_from_db()
    refused = _sign_as_it_is(client, session, **marked)
    assert refused.status_code == 422
    why = marked | {"check-why_infection": "A graze on the shin, far from the needle"}
    client.post(f"/sessions/{session.pk}/", shown(session) | why | {"do": "save"})
    session.refresh_from_db()
    signed = sign(client, session, **why)
    page = _words(client.get(f"/sessions/{signed.pk}/"))
    assert "not so" in page and "A graze on the shin" in page
    assert "Set aside because: A graze on the shin" in signed.written


def test_checks_of_an_earlier_day_are_asked_again(
    client: Client, clinician: Any, course: Course, time_machine: Any
) -> None:
    session = ready(client, start(client, course))
    time_machine.shift(24 * 3600)
    client.force_login(clinician)
    late = _words(_sign_as_it_is(client, session, on="2026-11-24"))
    assert "The checks were asked on 23 Nov 2026, before the day of the session" in late


def test_nothing_is_signed_without_a_time_out(client: Client, course: Course) -> None:
    session = start(client, course)
    assert "No time-out was held yet." in _words(_sign_as_it_is(client, session))


def test_the_second_person_is_somebody_else_who_meets_patients(
    client: Client, clinic: Any, clinician: Any, course: Course
) -> None:
    session = start(client, course)
    nurse = make_user(clinic, "sam_desk", Role.FRONT_DESK)
    unmet = (Role.ADMINISTRATOR, Role.RESEARCHER, Role.AUDITOR)
    barred = [make_user(clinic, f"kim_{role}", role) for role in unmet]
    client.post(f"/sessions/{session.pk}/", shown(session) | {"do": "time_out"})
    address = f"/sessions/{session.pk}/time-out/"
    screen = client.get(address)
    for words in ("LINDQVIST, Marta", "LEFT", "Sam Desk", "Lidocaine 20\u00a0mg of 300\u00a0mg"):
        assert words in _words(screen)
    heard = screen.context["heard"]
    assert list(screen.context["others"]) == [nurse]
    no_sight = (str(one.pk) for one in barred)
    for nobody in ("", "patient", str(clinician.pk), "999999", *no_sight):
        client.post(address, {"with": nobody, "heard": heard})
        session.refresh_from_db()
        assert session.time_out == {}
    client.post(address, {"with": nurse.pk, "heard": "something else"})
    session.refresh_from_db()
    assert session.time_out == {}
    client.post(address, {"with": nurse.pk, "heard": heard})
    session.refresh_from_db()
    assert (session.time_out["by"], session.time_out["with"]) == ("Dr Amara Osei", "Sam Desk")
    assert AuditEvent.objects.filter(action="record_time_out").count() == 1


def test_a_time_out_that_was_not_held_needs_a_reason_that_is_shown(
    client: Client, course: Course
) -> None:
    session = start(client, course)
    client.post(f"/sessions/{session.pk}/", shown(session) | {"do": "time_out"})
    address = f"/sessions/{session.pk}/time-out/"
    heard = client.get(address).context["heard"]
    client.post(address, {"do": "not_held", "not_held": " ", "heard": heard})
    session.refresh_from_db()
    assert session.time_out == {}
    client.post(address, {"do": "not_held", "not_held": "Alone that evening", "heard": heard})
    session.refresh_from_db()
    assert _sign_as_it_is(client, session).status_code == 302
    page = _words(client.get(f"/sessions/{session.pk}/"))
    assert "No time-out was held: Alone that evening" in page


@pytest.mark.alike
@pytest.mark.parametrize(
    ("told", "status"),
    [
        (["none"], 302),
        (["faint", "bleeding"], 302),
        (["none", "faint"], 422),
        (["unheard_of"], 422),
    ],
)
def test_complications_are_named_or_none_is_said(
    client: Client, course: Course, told: list[str], status: int
) -> None:
    session = ready(client, start(client, course))
    assert _sign_as_it_is(client, session, complications=told).status_code == status


def test_the_note_is_written_from_what_was_recorded(
    client: Client, clinic: Any, course: Course
) -> None:
    other = make_user(clinic, "dr_lucas_hartmann", Role.CLINICIAN)
    session = sign(
        client,
        start(client, course),
        guidance="ultrasound",
        needle="27 G, 40 mm",
        pain_before="6",
        pain_after="4",
        complications=["none"],
        note="Will call on Friday.",
        **{
            "site-iliolumbar-left-injected_by": str(other.pk),
            "site-iliolumbar-left-depth_mm": "35",
            "site-iliolumbar-left-usual_pain": "yes",
        },
    )
    for words in (
        "3 places were injected, 2\u00a0mL in all.",
        "Everywhere by ultrasound, with 27 G, 40 mm.",
        "injected by Dr Lucas Hartmann, 35\u00a0mm deep, woke the usual pain.",
        "dextrose D-2231",
        "Pain before: 6 of 10; right after: 4 of 10.",
        "No complication was seen.",
    ):
        assert words in session.written
    page = _words(client.get(f"/sessions/{session.pk}/"))
    assert "Will call on Friday." in page and "woke the usual pain" in page


def test_a_session_not_given_today_keeps_why(client: Client, course: Course) -> None:
    session = start(client, course)
    marked = {"check-no_consent": "on"}
    client.post(f"/sessions/{session.pk}/", shown(session) | marked | {"do": "save"})
    session.refresh_from_db()
    why = {"version": session.version, "because": "Does not want it today"}
    client.post(f"/sessions/{session.pk}/discard/", why)
    kept = AuditEvent.objects.get(action="discard_session").detail
    assert kept == {"number": 1, "because": "Does not want it today", "checks": ["consent"]}


@pytest.mark.alike
@pytest.mark.parametrize(
    ("against", "told"),
    [
        ("dose", "Too much anaesthetic"),
        ("evaluation", "refer first"),
        ("consent", "Consent was withdrawn"),
        ("allergy", "Not safe. "),
    ],
)
def test_no_time_out_is_held_over_what_may_not_be_injected(
    client: Client, clinician: User, course: Course, against: str, told: str
) -> None:
    session = start(client, course)
    client.post(f"/sessions/{session.pk}/", shown(session) | {"do": "time_out"})
    address = f"/sessions/{session.pk}/time-out/"
    heard = client.get(address).context["heard"]
    session.refresh_from_db()
    if against == "dose":
        strong = {"anaesthetic_percent": "1", "anaesthetic_stock_percent": "5", "volume_ml": "40"}
        session.mixtures = [one | strong for one in session.mixtures]
        session.save()
        heard = fingerprint(session)
    elif against == "evaluation":
        evaluate(client, course, bladder="yes")
    elif against == "consent":
        withdraw_consent(clinician, course.pk)
    else:
        course.patient.allergies = "lidocaine"
        course.patient.save()
    refused = _words(client.post(address, {"with": "patient", "heard": heard}, follow=True))
    assert told in refused
    session.refresh_from_db()
    assert session.time_out == {}


@pytest.mark.alike
def test_consent_withdrawn_after_the_time_out_leaves_what_was_given_to_be_signed(
    client: Client, clinician: User, course: Course, time_machine: Any
) -> None:
    session = ready(client, start(client, course))
    time_machine.shift(600)
    withdraw_consent(clinician, course.pk)
    time_machine.shift(200)
    # Nobody can hold another time-out now.
    again = _words(client.get(f"/sessions/{session.pk}/time-out/", follow=True))
    assert "Consent was withdrawn on 23 Nov 2026" in again
    assert _sign_as_it_is(client, session).status_code == 302
    session.refresh_from_db()
    zone = ZoneInfo(course.patient.clinic.time_zone)
    at = course.consents.get(fact="withdrawn").at.astimezone(zone)
    assert f"withdrawn after the session began, 23 Nov 2026 at {at:%H:%M}." in session.written


@pytest.mark.alike
def test_consent_withdrawn_before_the_time_out_keeps_the_session_from_being_signed(
    client: Client, clinician: User, course: Course, time_machine: Any
) -> None:
    session = start(client, course)
    time_machine.shift(600)
    withdraw_consent(clinician, course.pk)
    refused = _words(_sign_as_it_is(client, ready(client, session)))
    assert "Consent was withdrawn on 23 Nov 2026" in refused
    why = {"do": "not_held", "not_held": "Nobody else was here", "heard": fingerprint(session)}
    client.post(f"/sessions/{session.pk}/time-out/", why)
    session.refresh_from_db()
    assert session.time_out == {} and session.signed_at is None


@pytest.mark.parametrize(("volume", "status"), [("0.5", 302), ("2", 422)])
def test_more_at_a_place_than_was_read_out_is_heard_again(
    client: Client, course: Course, volume: str, status: int
) -> None:
    session = ready(client, start(client, course))
    changed = {"site-iliolumbar-left-volume_ml": volume}
    answer = _sign_as_it_is(client, session, **changed)
    assert answer.status_code == status, _words(answer)
    if status == 422:
        assert "which is void: Iliolumbar ligament, left, more: 2\u00a0mL" in _words(answer)


def test_a_time_out_is_held_on_the_day_that_the_draft_is_of(
    client: Client, clinician: User, course: Course, time_machine: Any
) -> None:
    """Else what expired or was recalled today would pass by the day on which the draft began."""
    session = start(client, course)
    time_machine.shift(24 * 3600)
    client.force_login(clinician)
    client.post(f"/sessions/{session.pk}/", shown(session) | {"do": "time_out"})
    address = f"/sessions/{session.pk}/time-out/"
    heard = client.get(address).context["heard"]
    held = client.post(address, {"with": "patient", "heard": heard}, follow=True)
    assert "The draft is of 23 Nov 2026." in _words(held)
    why = {"do": "not_held", "not_held": "Written down a day later", "heard": heard}
    client.post(address, why)
    session.refresh_from_db()
    assert _sign_as_it_is(client, session).status_code == 302


def test_a_time_out_does_not_go_back_to_an_earlier_day(
    client: Client, clinician: User, course: Course, time_machine: Any
) -> None:
    session = start(client, course)
    time_machine.shift(24 * 3600)
    client.force_login(clinician)
    session.on = date(2026, 11, 24)
    session.save()
    session = ready(client, session)
    assert session.time_out
    back = _sign_as_it_is(client, session, on="2026-11-23")
    assert "The time-out was held on 24 Nov 2026: hold it on the day." in _words(back)


@pytest.mark.django_db(transaction=True)
def test_two_sessions_of_one_patient_signed_at_once_count_each_other(
    client: Client,
    client_for: Callable[[User], Client],
    clinician: User,
    course: Course,
    make_course: Callable[..., Course],
    today: date,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    other = make_course(course.patient, side="right")
    plan(client, other, clinician, today, weigh=False)
    asked = []
    for one in (course, other):
        session = start(client, one)
        strong = {"anaesthetic_percent": "1", "anaesthetic_stock_percent": "5", "volume_ml": "20"}
        session.mixtures = [mixture | strong for mixture in session.mixtures[-1:]]
        session.save()  # 200 mg of the day's 300 mg
        session.sites.update(mixture=session.mixtures[0]["key"])
        session = ready(client, session, given=1)
        assert session.time_out
        asked.append((client_for(clinician), session, shown(session, given=1) | {"do": "sign"}))

    # After the doses were added up: where both came so far, neither knew of the other.
    here, go_on = Barrier(2), treat.refuse_cautions

    def wait_here(*told: Any) -> None:
        with suppress(BrokenBarrierError):
            here.wait(0.5)
        go_on(*told)

    monkeypatch.setattr(treat, "refuse_cautions", wait_here)

    def press(one: tuple[Client, Session, dict[str, Any]]) -> int:
        client, session, data = one
        try:
            return client.post(f"/sessions/{session.pk}/", data).status_code
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as both:
        assert sorted(both.map(press, asked)) == [302, 422]


def test_the_time_out_asks_about_a_place_on_the_other_side(client: Client, course: Course) -> None:
    session = start(client, course)
    typed = shown(session)
    typed["row"] = [*typed["row"], "sacrotuberous:right"]
    typed |= {
        "site-sacrotuberous-right-ticked": "on",
        "site-sacrotuberous-right-volume_ml": "1",
        "site-sacrotuberous-right-mixture": "insertions",
    }
    client.post(f"/sessions/{session.pk}/", typed | {"do": "time_out"})
    page = _words(client.get(f"/sessions/{session.pk}/time-out/"))
    assert page.count("Is this side meant?") == 1
    assert "Sacrotuberous ligament, RIGHT: the complaint is LEFT" in page


def test_where_there_are_two_solutions_each_place_says_its_own(
    client: Client, course: Course
) -> None:
    agreed, session = course.plans.get(), start(client, course)
    [one] = agreed.content["mixtures"]
    agreed.content["mixtures"] = session.mixtures = [one, {**one, "key": "joint"}]
    agreed.content["sites"][0]["mixture"] = "joint"
    agreed.save()
    page = _words(client.get(f"/courses/{course.pk}/plan/agree/"))
    for words in ("<dd>Insertions: Dextrose 20", "<dd>Joint: Dextrose 20", "1\u00a0mL of joint<"):
        assert words in page
    session.save()
    session.sites.filter(position=1).update(mixture="joint")
    assert "<strong>Joint: Dextrose 20" in _words(client.get(f"/sessions/{session.pk}/"))
    client.post(f"/sessions/{session.pk}/", shown(session) | {"do": "time_out"})
    page = _words(client.get(f"/sessions/{session.pk}/time-out/"))
    for words in ("<strong>Insertions: Dextrose 20", "<strong>Joint: Dextrose 20"):
        assert words in page
    first, *others = page.partition('class="read-out"')[2].partition("</ol>")[0].split("</li>")[:-1]
    assert "mL of <strong>joint</strong>" in first
    assert all("mL of <strong>insertions</strong>" in other for other in others)
    # What a colleague changed meanwhile is told, and what is signed for ever.
    known = store.known_for(course.patient.clinic, session.on)
    before = row_words(Session.objects.get(pk=session.pk), known)
    session.sites.filter(position=1).update(mixture="insertions")
    after = row_words(Session.objects.get(pk=session.pk), known)
    assert [name for name, words in after.items() if before[name] != words] == [
        next(name for name in before if "of joint" in before[name])
    ]
    session.sites.filter(position=1).update(mixture="joint")
    signed = sign(client, session)
    assert "mL of joint" in _words(client.get(f"/sessions/{signed.pk}/"))
    assert "mL of joint" in signed.written and "mL of insertions" in signed.written
    told = str(record_context(course.patient))
    assert "mL (joint)" in told and "mL (insertions)" in told and "joint, 10" in told


def test_a_complication_asks_for_its_adverse_event_until_there_is_one(
    client: Client, course: Course
) -> None:
    session = sign(client, start(client, course), complications=["pleura"])
    page = client.get(f"/sessions/{session.pk}/")
    assert "not recorded as an adverse event yet" in _words(page)
    address = f"/courses/{course.pk}/adverse-events/add/?session={session.pk}"
    form = client.get(address).context["form"]
    assert form["kind"].value() == "pneumothorax"
    assert "Short breath" in form["what_happened"].value()
    told = {
        "kind": "pneumothorax", "session": session.pk, "onset_on": "2026-11-23", "grade": "3",
        "outcome": "goes_on", "what_happened": "Short of breath", "request_key": "once",
    }  # fmt: skip
    assert client.post(address, told).status_code == 302
    assert "not recorded as an adverse event" not in _words(client.get(f"/sessions/{session.pk}/"))

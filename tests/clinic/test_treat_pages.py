"""A session: begun from the plan, written down, place by place, saved while it is typed."""

import html
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client

from enthesis.clinic.actions.plan import agree_plan, save_plan
from enthesis.clinic.models import (
    Course,
    Guidance,
    Role,
    Session,
    User,
)
from enthesis.clinic.pages.plan import proposal
from enthesis.clinic.pages.session_page import SessionPage
from enthesis.clinic.store import course_record, known_for
from enthesis.knowledge.references import GUIDANCE
from tests.clinic.agreed import *  # noqa: F403
from tests.clinic.evaluated import consent, evaluate
from tests.clinic.treated import say
from tests.clinic_fixtures import make_user

LOTS = {"lot_dextrose": "D-2231", "lot_lidocaine": "L-0870", "lot_water": "W-17"}


def _words(response: Any) -> str:
    return html.unescape(response.content.decode())


def start(client: Client, course: Course) -> Session:
    response = client.post(f"/courses/{course.pk}/sessions/start/")
    assert response.status_code == 302
    return course.sessions.latest("number")


def shown(session: Session, given: int = 3) -> dict[str, Any]:
    """Every field of the draft as shown, with the first `given` places ticked and the lots."""
    known = known_for(session.course.patient.clinic, session.on)
    page = SessionPage(session, known)
    data: dict[str, Any] = {"row": [f"{f.place.site}:{f.place.side}" for f in page.sites], **LOTS}
    for form in page.forms:
        for field in form:
            value = field.value()
            if isinstance(value, list):
                data[field.html_name] = value
            elif value not in (None, False, ""):
                data[field.html_name] = "on" if value is True else str(value)
    for form in page.sites[:given]:
        data[form["ticked"].html_name] = "on"
    for group in page.checks.rows({}):
        data[group["all"].html_name] = "on"
    return data


def ready(client: Client, session: Session, given: int = 3) -> Session:
    """The checks of the day are asked and the time-out is held: what is left is to sign."""
    address = f"/sessions/{session.pk}/"
    client.post(address, shown(session, given) | {"do": "time_out"})
    screen = client.get(f"{address}time-out/")
    if screen.status_code == 200:
        context = screen.context
        second = next((str(other.pk) for other in context["others"]), "patient")
        client.post(f"{address}time-out/", {"with": second, "heard": context["heard"]})
    session.refresh_from_db()
    return session


def _post(client: Client, session: Session, do: str, given: int = 3, **changed: Any) -> Any:
    if do == "sign" and session.signed_at is None:
        session.refresh_from_db()
        ready(client, session, given)
    data = shown(session, given) | changed | {"do": do}
    return client.post(
        f"/sessions/{session.pk}/", {key: value for key, value in data.items() if value != ""}
    )


def two_weeks_later(client: Client, clinician: User, time_machine: Any) -> None:
    """The day of the next session; the screen was left alone for too long to be signed in."""
    time_machine.move_to(datetime(2026, 12, 7, 17, tzinfo=UTC), tick=False)
    client.force_login(clinician)


def sign(client: Client, session: Session, **changed: Any) -> Session:
    response = _post(client, session, "sign", **changed)
    assert response.status_code == 302, _words(response)
    session.refresh_from_db()
    return session


def test_a_session_starts_from_the_plan_with_nothing_ticked(client: Client, course: Course) -> None:
    session = start(client, course)
    planned = course.plans.get().content["sites"]
    assert [s.site for s in session.sites.all()] == [s["site"] for s in planned]
    assert not any(s.given for s in session.sites.all())
    assert (session.number, session.weight_kg) == (1, Decimal("68.0"))


def test_the_next_one_starts_from_the_last(
    client: Client, clinician: User, course: Course, time_machine: Any
) -> None:
    sign(client, start(client, course), given=2)
    two_weeks_later(client, clinician, time_machine)
    second = start(client, course)
    assert (second.number, second.sites.count()) == (2, 2)
    assert "started from session 1" in _words(client.get(f"/sessions/{second.pk}/"))


def test_tender_places_are_scored_and_the_injected_stand_beside_the_others(
    client: Client, clinician: User, course: Course, time_machine: Any
) -> None:
    first = start(client, course)
    page = SessionPage(first, known_for(course.patient.clinic, first.on))
    given, other = (form.place for form in page.sites[:2])
    names = [f"site-{place.site}-{place.side}-tender" for place in (given, other)]
    assert _post(client, first, "save", **{names[0]: "11"}).status_code == 422
    sign(client, first, given=1, **{names[0]: "8", names[1]: "6"})
    assert "tender 8 of 10" in _words(client.get(f"/sessions/{first.pk}/"))
    assert "injected and not injected" not in _words(client.get(f"/courses/{course.pk}/"))
    two_weeks_later(client, clinician, time_machine)
    second = start(client, course)
    assert {s.site for s in second.sites.all()} >= {given.site, other.site}
    sign(client, second, given=1, **{names[0]: "3", names[1]: "5"})
    text = _words(client.get(f"/courses/{course.pk}/"))
    assert "1 place injected: from 8 to 3" in text
    assert "1 place not injected: from 6 to 5" in text
    again = shown(second, 1)
    assert again[names[0]] == "3"


def test_starting_twice_opens_the_same_draft(client: Client, course: Course) -> None:
    assert start(client, course).pk == start(client, course).pk
    assert course.sessions.count() == 1


def test_no_session_without_an_agreed_plan(
    client: Client, make_course: Callable[..., Course]
) -> None:
    course = make_course()
    response = client.post(f"/courses/{course.pk}/sessions/start/", follow=True)
    assert course.sessions.count() == 0
    assert "cannot follow" in _words(response)


def test_the_draft_shows_recipe_dose_ceiling_and_their_sources(
    client: Client, course: Course
) -> None:
    page = _words(client.get(f"/sessions/{start(client, course).pk}/"))
    for words in (
        "4\u00a0mL dextrose 50\u00a0%, 2\u00a0mL lidocaine 1\u00a0%, 4\u00a0mL sterile water",
        "1012\u00a0mOsm/L, lidocaine not counted",
        "lidocaine 20\u00a0mg of 300\u00a0mg allowed for 68\u00a0kg",
        "Last measured 20 Oct 2026",
        "api.fda.gov/drug/label.json",
    ):
        assert words in page


def test_the_banner_shows_allergy_anticoagulant_and_warning_signs(
    client: Client, course: Course, today: date
) -> None:
    course.patient.allergies, course.patient.anticoagulant = "latex", "Apixaban"
    course.patient.save()
    session = start(client, course)
    say(course, today, 6, danger=["fever"])
    page = _words(client.get(f"/sessions/{session.pk}/"))
    banner = page[page.index('class="banner"') : page.index("<main")]
    for words in ("Allergy: latex", "Anticoagulant: Apixaban", "Warning sign: Fever"):
        assert words in banner


def test_the_banner_shows_what_the_evaluation_says_must_be_minded(
    client: Client, course: Course
) -> None:
    session, why = start(client, course), "No anaesthetic is mixed in."
    evaluate(client, course, allergies=["local_anaesthetic"])
    evaluate(
        client, course, **{"allergies": ["local_anaesthetic"], "clear-anaesthetic_allergy": why}
    )
    page = _words(client.get(f"/sessions/{session.pk}/"))
    banner = page[page.index('class="banner"') : page.index("<main")]
    assert f"Set aside: An allergy to local anaesthetics. {why}" in banner


def test_every_change_is_saved_while_it_is_typed_and_worked_out(
    client: Client, course: Course
) -> None:
    session = start(client, course)
    data = shown(session, given=4) | {"mixture-insertions-anaesthetic_percent": "0.5"}
    page = _words(client.post(f"/sessions/{session.pk}/?draft", data))
    assert "4 of 9 places, 3\u00a0mL" in page and "lidocaine 50\u00a0mg of 300" in page
    assert "Saved 12:00." in page
    assert session.sites.filter(given=True).count() == 4
    # The same page saves again although the network lost the answer with the new version.
    again = data | {"note": "Typed while the network was gone"}
    assert "Saved" in _words(client.post(f"/sessions/{session.pk}/?draft", again))
    assert "Typed while the network was gone" in _words(client.get(f"/sessions/{session.pk}/"))


def test_what_cannot_be_read_yet_is_kept_as_typed_and_stands_there_again(
    client: Client, course: Course
) -> None:
    session = start(client, course)
    wrong = {"site-iliolumbar-left-volume_ml": "50", "note": "Half a sentence"}
    page = _words(client.post(f"/sessions/{session.pk}/?draft", shown(session) | wrong))
    assert "Kept as typed, not in the record yet" in page and "Must be between" in page
    session.refresh_from_db()
    assert session.note == "" and session.sites.filter(given=True).count() == 0
    reopened = _words(client.get(f"/sessions/{session.pk}/"))
    assert "Half a sentence" in reopened and 'value="50"' in reopened
    assert "There is a problem" in reopened
    right = wrong | {"site-iliolumbar-left-volume_ml": "0.5"}
    client.post(f"/sessions/{session.pk}/?draft", shown(session) | right)
    session.refresh_from_db()
    assert (session.note, session.typed) == ("Half a sentence", {})


def test_a_second_person_who_writes_is_told_and_overwrites_nothing(
    client: Client, client_for: Callable[[User], Client], clinic: Any, course: Course
) -> None:
    session = start(client, course)
    other = client_for(make_user(clinic, "dr_lucas_hartmann", Role.CLINICIAN))
    mine, hers = shown(session) | {"note": "mine"}, shown(session) | {"note": "hers"}
    client.post(f"/sessions/{session.pk}/?draft", mine)
    page = _words(other.post(f"/sessions/{session.pk}/?draft", hers))
    assert "Not saved. Somebody else changed this record" in page
    session.refresh_from_db()
    assert session.note == "mine"
    assert other.post(f"/sessions/{session.pk}/", hers | {"do": "save"}).status_code == 409


def test_a_draft_keeps_what_was_written(client: Client, course: Course) -> None:
    session = start(client, course)
    changed = {"site-iliolumbar-left-volume_ml": "0.75", "note": "Tender at L5", "weight_kg": "70"}
    assert _post(client, session, "save", **changed).status_code == 302
    session.refresh_from_db()
    first = session.sites.first()
    assert first is not None
    assert (first.volume_ml, first.given, session.signed_at) == (Decimal("0.75"), True, None)
    assert (session.note, session.weight_kg, session.lots["dextrose"]) == (
        "Tender at L5",
        Decimal(70),
        "D-2231",
    )
    assert course.patient.weights.count() == 1  # a new weight is recorded when signed
    assert course_record(course).sessions == ()  # a draft is no fact yet


def test_all_places_are_ticked_at_once(client: Client, course: Course) -> None:
    session = start(client, course)
    _post(client, session, "all", given=0)
    assert all(site.given for site in session.sites.all())


def test_a_place_that_was_not_planned_is_added(client: Client, course: Course) -> None:
    session = start(client, course)
    added = _post(client, session, "add", **{"add-place": "sacrotuberous:right"})
    page = _words(added)
    assert "10. Sacrotuberous ligament" in page and "There is a problem" not in page
    # Everything the row needs is on the page that comes back.
    assert 'name="site-sacrotuberous-right-mixture" value="insertions"' in page
    assert 'name="row" value="sacrotuberous:right"' in page
    data = shown(ready(client, session))
    data["row"] = [*data["row"], "sacrotuberous:right"]
    data |= {
        "site-sacrotuberous-right-ticked": "on",
        "site-sacrotuberous-right-volume_ml": "1",
        "site-sacrotuberous-right-mixture": "insertions",
        "do": "sign",
    }
    void = _words(client.post(f"/sessions/{session.pk}/", data))
    assert "Changed after the time-out, which is void: Sacrotuberous ligament, right" in void
    client.post(f"/sessions/{session.pk}/", data | {"do": "save"})
    session.refresh_from_db()
    sign(client, session, given=4)
    assert session.sites.get(site="sacrotuberous").given


def test_lots_of_earlier_sessions_are_offered_but_never_filled_in(
    client: Client, clinician: User, course: Course, time_machine: Any
) -> None:
    sign(client, start(client, course))
    two_weeks_later(client, clinician, time_machine)
    page = _words(client.get(f"/sessions/{start(client, course).pk}/"))
    assert '<option value="D-2231">' in page and 'value="D-2231" ' not in page


@pytest.mark.parametrize("role", [Role.FRONT_DESK, Role.ADMINISTRATOR])
def test_only_clinicians_open_a_session(
    client: Client,
    client_for: Callable[[User], Client],
    clinic: Any,
    course: Course,
    role: Role,
) -> None:
    session = start(client, course)
    other = client_for(make_user(clinic, "somebody", role))
    for response in (other.get(f"/sessions/{session.pk}/"), _post(other, session, "sign")):
        assert response.status_code == 403


def test_another_clinics_session_does_not_exist(
    client: Client, client_for: Callable[[User], Client], stranger: User, course: Course
) -> None:
    session = start(client, course)
    for path in ("", "amend/"):
        assert client_for(stranger).get(f"/sessions/{session.pk}/{path}").status_code == 404
    assert _post(client_for(stranger), session, "sign").status_code == 404


def test_a_slow_save_takes_nothing_back_that_the_same_page_saved_after_it(
    client: Client, course: Course
) -> None:
    session = start(client, course)
    address = f"/sessions/{session.pk}/"
    ticked = shown(session) | {"editor": "page.7", "note": "all asked", "do": "save"}
    assert client.post(address, ticked).status_code == 302
    late = client.post(f"{address}?draft", ticked | {"editor": "page.6", "note": "half typed"})
    assert "This page has saved something newer already." in _words(late)
    session.refresh_from_db()
    assert session.note == "all asked"
    again = client.post(f"{address}?draft", ticked | {"note": "sent twice"})
    assert "Saved" in _words(again)


def test_the_first_session_is_guided_as_its_protocol_says(
    client: Client, clinician: Any, make_course: Any, today: date
) -> None:
    course = make_course()
    evaluate(client, course)
    known = known_for(course.patient.clinic, today)
    guided = proposal("dorsal_interosseous_cusi", course, known)
    row = save_plan(clinician, course.pk, guided, today, None)
    agree_plan(clinician, course.pk, "Marta Lindqvist", today, today, (row.pk, row.version))
    consent(course)
    assert {site.guidance for site in start(client, course).sites.all()} == {"ct"}


def test_the_guidance_of_sessions_and_of_protocols_is_one_list() -> None:
    assert {"", *Guidance.values} == GUIDANCE

"""Allergies looked at again on the day, the clinic's own ceilings, and the syringes' labels."""

import re
from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from django.test import Client

from enthesis.clinic.actions import Refused, cautions, treat
from enthesis.clinic.actions.session_draft import Draft
from enthesis.clinic.models import AuditEvent, Clinic, Course, Patient, Role, Session, User
from enthesis.clinic.permissions import roles_of
from enthesis.records import CheckAnswer
from tests.clinic.agreed import *  # noqa: F403
from tests.clinic.evaluated import evaluate, plan, typed
from tests.clinic.test_treat_pages import _post, _words, sign, start
from tests.clinic_fixtures import make_user


@pytest.fixture
def session(
    client: Client, clinician: User, make_course: Callable[..., Course], today: date
) -> Session:
    course = make_course()
    plan(client, course, clinician, today)
    return start(client, course)


def read_out(response: Any) -> str:
    """The words alone, with usual spaces."""
    words = re.sub(r"<[^>]+>|&nbsp;|\u00a0", " ", _words(response))
    return re.sub(r"\s+([:;,.])", r"\1", re.sub(r"\s+", " ", words))


def test_an_allergy_told_since_holds_the_needle_until_it_is_set_aside_with_a_reason(
    client: Client, session: Session
) -> None:
    Patient.objects.update(allergies="Xylocaine: a rash", allergies_asked_on=date(2026, 11, 23))
    address = f"/sessions/{session.pk}/cautions/"
    assert "An allergy to an amide anaesthetic." in _words(client.get(f"/sessions/{session.pk}/"))
    refused = _post(client, session, "sign")
    assert refused.status_code == 422
    assert "An allergy to an amide anaesthetic. Told: Xylocaine: a rash." in _words(refused)
    (key,) = (key for caution, key, _ in client.get(address).context["cautions"] if caution.stop)
    client.post(address, {"caution": key, "reason": "  "})
    assert not session.set_aside.exists(), "without a reason nothing is set aside"
    client.post(address, {"caution": "no such caution", "reason": "I say so"})
    assert not session.set_aside.exists(), "what does not stand is not set aside"
    client.post(address, {"caution": key, "reason": "Tested: it was the plaster"})
    assert AuditEvent.objects.filter(action="set_aside_caution").count() == 1
    assert sign(client, session).signed_at is not None
    assert "Tested: it was the plaster" in _words(client.get(address))


def test_nobody_but_a_clinician_sets_a_caution_or_a_check_aside_not_even_without_a_page(
    client: Client, session: Session, clinic: Clinic
) -> None:
    Patient.objects.update(allergies="lidocaine", allergies_asked_on=date(2026, 11, 23))
    shown = client.get(f"/sessions/{session.pk}/cautions/").context["cautions"]
    (key,) = (key for caution, key, _ in shown if caution.stop)
    told = {"infection": CheckAnswer(False, session.on, "A graze")}
    draft = Draft(session.on, (), (), None, {}, "", checks=told)
    for number, role in enumerate(set(Role) - roles_of("set_aside_findings")):
        other = make_user(clinic, f"other_{number}", role)
        with pytest.raises(Refused, match="Only a clinician"):
            cautions.set_aside(other, session.pk, key, "I say so")
        with pytest.raises(Refused, match="Only a clinician"):
            treat.save_session(other, session.pk, draft, session.on, None)
    assert not session.set_aside.exists()


def test_what_was_set_aside_for_one_allergy_does_not_hold_for_another(
    client: Client, session: Session
) -> None:
    Patient.objects.update(allergies="lidocaine", allergies_asked_on=date(2026, 11, 23))
    address = f"/sessions/{session.pk}/cautions/"
    (key,) = (key for caution, key, _ in client.get(address).context["cautions"] if caution.stop)
    client.post(address, {"caution": key, "reason": "Tested"})
    Patient.objects.update(allergies="lidocaine, corn")
    assert "A corn allergy" in _words(_post(client, session, "sign"))


def test_an_anaesthetic_without_a_ceiling_is_used_once_the_clinic_has_entered_one(
    client: Client, client_for: Callable[[User], Client], clinic: Clinic, session: Session
) -> None:
    bupivacaine = {"mixture-insertions-anaesthetic": "bupivacaine", "lot_bupivacaine": "B1"}
    assert "No ceiling is known for bupivacaine" in _words(
        _post(client, session, "sign", **bupivacaine)
    )
    admin = client_for(make_user(clinic, "admin", Role.ADMINISTRATOR))
    entered = {"substance": "bupivacaine", "mg_per_kg": "2", "cap_mg": "150", "source": ""}
    assert admin.post("/settings/ceilings/", entered).status_code == 422
    entered["source"] = "label, read by the pharmacist"
    for field, value, words in (
        ("mg_per_kg", "20", "20 mg for each kg is more than the 15 mg for each kg"),
        ("cap_mg", "1500", "1500 mg is more than the 1000 mg"),
    ):
        slipped = admin.post("/settings/ceilings/", entered | {field: value})
        assert words in _words(slipped).replace("\xa0", " ")
        assert f'value="{value}"' in slipped.content.decode()
    assert admin.post("/settings/ceilings/", entered).status_code == 302
    page = read_out(admin.get("/settings/ceilings/"))
    assert "Bupivacaine, plain: 2 mg for each kg" in page
    lidocaine = admin.post("/settings/ceilings/", entered | {"substance": "lidocaine"})
    assert "Lidocaine has a ceiling from its label already." in _words(lidocaine)
    _post(client, session, "save", **bupivacaine)
    assert sign(client, session, **bupivacaine).signed_at is not None


def test_a_label_says_whose_syringe_it_is_what_is_in_it_and_for_which_places(
    client: Client, session: Session
) -> None:
    sign(client, session)
    words = read_out(client.get(f"/sessions/{session.pk}/labels/"))
    patient = session.course.patient
    for part in (
        f"{patient.family}, {patient.given}",
        f"No. {patient.number}",
        "Insertions, 10 mL",
        "Lidocaine 0.2 %: 2 mL of 1 %, 20 mg",
        "3 places: Iliolumbar ligament left",
        "for this patient only",
    ):
        assert part in words


def test_the_record_and_the_evaluation_hold_one_list_of_allergies(
    client: Client, session: Session
) -> None:
    patient, course = session.course.patient, session.course
    patient.refresh_from_db()
    assert (patient.allergies, patient.allergies_asked_on is None) == ("", False)
    assert "no known allergies" in read_out(client.get(f"/sessions/{session.pk}/"))
    evaluate(client, course, allergies=["latex", "other"], **{"allergy_substances": "Nickel"})
    patient.refresh_from_db()
    assert patient.allergies == "latex; Nickel"
    Patient.objects.update(allergies="Penicillin")
    page = read_out(client.get(f"/courses/{course.pk}/evaluate/"))
    assert "On the record: Penicillin." in page
    last = course.evaluations.last()
    assert last is not None
    denied = client.post(
        f"/courses/{course.pk}/evaluate/", typed(allergies=["latex"]) | {"q-last": last.pk}
    )
    assert denied.status_code == 422 and "The patient’s record says: Penicillin." in _words(denied)
    row = evaluate(client, course, allergies=None)
    assert (row.answers["allergies"], row.answers["allergy_substances"]) == (
        ["other"],
        "Penicillin",
    )
    assert "Penicillin" in read_out(client.get(f"/sessions/{session.pk}/"))

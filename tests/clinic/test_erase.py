"""A request to be erased: what may go goes at once and whole, what must stay stays, all is told."""

import json
from collections.abc import Callable
from datetime import UTC, date, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from django.core import serializers
from django.test import Client

from enthesis.clinic import image_files, models
from enthesis.clinic.actions import EditConflict, Refused, erase, registry
from enthesis.clinic.actions.answer import make_link
from enthesis.clinic.actions.hand_over import hand_over
from enthesis.clinic.dossiers import dossiers
from enthesis.exchange.course_json import canonical
from enthesis.exchange.dossier_compare import differences
from tests.clinic.files import png
from tests.clinic.treated import treated
from tests.received import fill as fill_from

LONG_AGO = date(2018, 9, 14)
CANARIES = (
    "Lindqvist",
    "Marta",
    "555) 0142",
    "marta@example.org",
    "It hurts to bend",
    "Slept badly",
)


@pytest.fixture
def course(make_course: Callable[..., models.Course], clinician: models.User) -> models.Course:
    """Treated this year, with a picture, a bill, a harm, a message and a call."""
    row = treated(make_course(), [7, 5, 2], clinician)
    row.complaint = "It hurts to bend."
    row.save()
    patient = row.patient
    patient.email, patient.allergies = "marta@example.org", "Penicillin"
    patient.save()
    session = row.sessions.get(number=1)
    about: dict[str, Any] = {"course": row, "by": clinician}
    models.Amendment.objects.create(session=session, text="Slept badly.", by=clinician)
    models.Weight.objects.create(patient=patient, kg=70, measured_on=session.on)
    models.AdverseEvent.objects.create(
        session=session, kind="flare", onset_on=session.on, grade=1, serious=False,
        outcome="goes_on", what_happened="Marta was sore", request_key="k", **about,
    )  # fmt: skip
    models.Decision.objects.create(
        on=session.on, suggested="go_on", decided="go_on", verdict={}, inputs={"n": "Marta"},
        inputs_sha256="0" * 64, **about,
    )  # fmt: skip
    models.Consent.objects.create(
        course=row, plan=row.plans.get(), fact="signed", name="Marta Lindqvist",
        content={"text": "Marta Lindqvist"}, pdf=b"Lindqvist", pdf_sha256="1" * 64,
    )  # fmt: skip
    models.CallAttempt.objects.create(outcome="Marta will write", **about)
    models.Message.objects.create(
        course=row, key="m", ask="a", occasion="recheck", questionnaire="six_signs",
        due_on=session.on, message_id="m", not_before=datetime(2026, 11, 2, tzinfo=UTC),
    )  # fmt: skip
    models.CourseFile.objects.create(
        name="Lindqvist.png", content_type="image/png", size_bytes=9,
        sha256=image_files.keep(png()), **about,
    )  # fmt: skip
    invoice = models.Invoice.objects.create(
        clinic=patient.clinic, number=1, course=row, session=session, issued_on=session.on,
        due_on=session.on, currency="USD",
    )  # fmt: skip
    models.InvoiceLine.objects.create(invoice=invoice, text="Session", amount=280)
    models.LedgerEntry.objects.create(
        clinic=patient.clinic, course=row, kind="payment", paper="receipt", number=1,
        invoice=invoice, amount=280, currency="USD", method="cash", on=session.on, request_key="p",
    )  # fmt: skip
    superbill = models.Superbill(
        course=row, made_on=session.on, content={"n": "Marta Lindqvist"}, by=clinician
    )
    superbill.save()
    return row


def long_ago(course: models.Course) -> None:
    """The same, so long ago that no time runs any more."""
    of = {"course": course}
    models.Course.objects.filter(pk=course.pk).update(opened_on=LONG_AGO)
    models.Session.objects.filter(**of).update(on=LONG_AGO)
    models.Assessment.objects.filter(**of).update(on=LONG_AGO)
    models.Decision.objects.filter(**of).update(on=LONG_AGO)
    models.AdverseEvent.objects.filter(**of).update(onset_on=LONG_AGO)
    models.Invoice.objects.filter(**of).update(issued_on=LONG_AGO)
    models.LedgerEntry.objects.filter(**of).update(on=LONG_AGO)
    models.Superbill.objects.filter(**of).update(made_on=LONG_AGO)


def do(admin: models.User, course: models.Course, **told: Any) -> erase.Erasure:
    patient = models.Patient.objects.get(pk=course.patient_id)
    given: dict[str, Any] = {
        "asked": "By letter of 3 May, everything.",
        "reason": "Granted as far as the rules let.",
        "typed_number": str(patient.number),
        "expected_version": patient.version,
    }
    return erase.erase(admin, patient.pk, **(given | told))


def everything() -> str:
    """Every row of every table, as text."""
    kinds = [*models.Patient._meta.apps.get_app_config("clinic").get_models()]
    rows = [row for kind in kinds for row in kind._default_manager.all()]
    return serializers.serialize("json", rows, ensure_ascii=False)


@pytest.fixture
def after_commit(django_capture_on_commit_callbacks: Any) -> Any:
    return django_capture_on_commit_callbacks(execute=True)


def test_while_the_record_must_stay_only_the_ways_to_reach_the_patient_go(
    course: models.Course, admin: models.User, clinician: models.User
) -> None:
    link, _token = make_link(clinician, course.pk, "recheck", date(2026, 11, 2))
    done = do(admin, course)
    patient = models.Patient.objects.get(pk=course.patient_id)
    assert (patient.phone, patient.email) == ("", "")
    assert (patient.family, patient.allergies) == ("Lindqvist", "Penicillin")
    assert done.counts == {"links stopped": 1, "messages": 1, "calls": 1}
    link.refresh_from_db()
    assert link.revoked_at is not None
    assert course.assessments.count() == 3 and course.files.count() == 1


def test_it_is_written_down_with_what_went_what_stayed_and_until_when(
    course: models.Course, admin: models.User
) -> None:
    do(admin, course)
    event = models.AuditEvent.objects.get(action="erase_patient")
    assert event.user == admin and event.patient_id == course.patient_id
    assert event.detail["erased"] == {"messages": 1, "calls": 1}
    kept = event.detail["kept"]
    assert set(kept) == {"record", "papers", "books", "log"}
    assert kept["record"] == "2033-10-08"
    assert event.detail["asked"] == "By letter of 3 May, everything."


def test_the_courses_leave_the_registry(course: models.Course, admin: models.User) -> None:
    do(admin, course)
    event = models.AuditEvent.objects.get(action=registry.WITHDRAW)
    assert event.record_id == course.pk


def test_once_no_time_runs_nothing_anywhere_names_the_patient(
    course: models.Course, admin: models.User, after_commit: Any
) -> None:
    long_ago(course)
    sha256 = course.files.get().sha256
    assert all(canary in everything() for canary in CANARIES)
    with after_commit:
        do(admin, course)
    text = everything()
    assert [canary for canary in CANARIES if canary in text] == []
    assert not (image_files.folder() / sha256).exists()
    patient = models.Patient.objects.get(pk=course.patient_id)
    assert str(patient) == "Erased, No. 1001"
    assert (patient.born_on, patient.sex) == (None, "unknown")


def test_the_books_are_not_touched(course: models.Course, admin: models.User) -> None:
    long_ago(course)

    def books() -> str:
        rows = [*models.Invoice.objects.all(), *models.InvoiceLine.objects.all()]
        return serializers.serialize("json", [*rows, *models.LedgerEntry.objects.all()])

    before = books()
    do(admin, course)
    assert books() == before
    assert course.sessions.get(number=1).mixtures == []


def test_a_picture_that_somebody_else_has_too_stays_on_the_disk(
    course: models.Course,
    make_course: Callable[..., models.Course],
    admin: models.User,
    after_commit: Any,
) -> None:
    long_ago(course)
    file = course.files.get()
    other = make_course()
    file.pk, file.course = None, other
    file.save()
    with after_commit:
        do(admin, course)
    assert image_files.fetch(file.sha256) == png()


@pytest.mark.parametrize(
    ("told", "says"),
    [
        ({"asked": "Marta wants it"}, "Leave the name out"),
        ({"reason": "LINDQVIST, she asked."}, "Leave the name out"),
        ({"asked": "  "}, "Write it down"),
        ({"typed_number": "1002"}, "Type the patient's number"),
    ],
)
def test_what_is_missing_or_would_name_the_patient_is_refused(
    course: models.Course, admin: models.User, told: dict[str, str], says: str
) -> None:
    before = everything()
    with pytest.raises(Refused, match=says):
        do(admin, course, **told)
    assert everything() == before


def test_a_visit_ahead_is_cancelled_first(
    course: models.Course,
    admin: models.User,
    make_appointment: Callable[..., models.Appointment],
) -> None:
    make_appointment(course, datetime(2099, 1, 4, 15, tzinfo=UTC))
    with pytest.raises(Refused, match="Cancel them first"):
        do(admin, course)


def test_of_two_who_do_it_at_once_one_must_look_again(
    course: models.Course, admin: models.User
) -> None:
    version = models.Patient.objects.get(pk=course.patient_id).version
    do(admin, course)
    with pytest.raises(EditConflict):
        do(admin, course, expected_version=version)


def test_what_fails_half_way_leaves_everything_as_it_was(
    course: models.Course, admin: models.User, monkeypatch: pytest.MonkeyPatch
) -> None:
    long_ago(course)
    before = everything()
    monkeypatch.setattr(erase.audit, "record", lambda *told, **more: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        do(admin, course)
    assert everything() == before


# --- the page


def test_the_page_says_of_each_kind_whether_until_when_and_why(
    course: models.Course, admin: models.User, client_for: Callable[[models.User], Client]
) -> None:
    page = client_for(admin).get(f"/patients/{course.patient_id}/erase/").content.decode()
    assert "Must stay until 8 Oct 2033." in page
    assert "7 years from the last treatment or visit, 8 Oct 2026" in page
    assert "22 Tex. Admin. Code" in page
    assert "calls: 1" in page and "telephone and e-mail" in page
    assert "whoever restores one must erase again" in page


def test_the_page_asks_again_and_then_does_it(
    course: models.Course, admin: models.User, client_for: Callable[[models.User], Client]
) -> None:
    client = client_for(admin)
    address = f"/patients/{course.patient_id}/erase/"
    version = models.Patient.objects.get(pk=course.patient_id).version
    told = {"asked": "Everything.", "reason": "Granted.", "number": "1001", "version": version}
    again = client.post(address, told)
    assert again.status_code == 422 and "then tick this" in again.content.decode()
    assert models.Patient.objects.get(pk=course.patient_id).email
    done = client.post(address, told | {"sure": "on"}, follow=True).content.decode()
    assert (
        "Erased: telephone and e-mail; 2 entries." in done
        and "Nothing is left that may be erased today." in done
    )
    stale = client.post(address, told | {"sure": "on"})
    assert stale.status_code == 409 and "Look again" in stale.content.decode()


def test_another_clinics_patient_does_not_exist(
    course: models.Course, stranger: models.User, client_for: Callable[[models.User], Client]
) -> None:
    models.User.objects.filter(pk=stranger.pk).update(role="administrator")
    stranger.refresh_from_db()
    assert client_for(stranger).get(f"/patients/{course.patient_id}/erase/").status_code == 404
    assert json.loads(everything())


@pytest.mark.parametrize("when", ["this year", "long ago"])
def test_what_is_left_of_the_erased_keeps_no_clinic_from_moving(
    course: models.Course,
    admin: models.User,
    other_clinic: models.Clinic,
    tmp_path: Path,
    when: str,
) -> None:
    if when == "long ago":
        long_ago(course)
    paper = {"pdf_sha256": sha256(b"Lindqvist").hexdigest()}
    models.Consent.objects.update(**paper)
    inputs = {"inputs_sha256": sha256(canonical({"n": "Marta"}).encode()).hexdigest()}
    models.Decision.objects.update(verdict={"said": "go_on"}, **inputs)
    do(admin, course)
    hand_over(course.patient.clinic, tmp_path / "out", actor="a test")
    assert fill_from(other_clinic, tmp_path / "out").patients == 1
    [left, came] = models.Patient.objects.order_by("pk")
    [theirs], [ours] = (dossiers(one.clinic) for one in (left, came))
    assert not list(differences(ours, theirs))
    if when == "long ago":
        assert came.family == "Erased" and came.courses.get().sessions.get(number=1).mixtures == []

"""One patient's whole record: everything that was recorded, on paper and with the files."""

import argparse
import io
import json
import re
import shutil
import subprocess
import zipfile
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from enthesis.clinic import image_files, models
from enthesis.clinic.record_parts import Part
from enthesis.clinic.whole_record import record_context, record_pdf
from enthesis.commands import record as command
from tests.clinic.evaluated import evaluate
from tests.clinic.files import png
from tests.clinic.treated import treated

AT = datetime(2026, 11, 2, 12, tzinfo=UTC)

VERDICT = {
    "headline": "to session 2 of at most 6",
    "reasons": [
        {"mark": "met", "text": "No other rule ends the series."},
        {"mark": "not_met", "text": "Target not reached."},
    ],
}


@pytest.fixture
def course(
    make_course: Callable[..., models.Course],
    clinician: models.User,
    client_for: Callable[[models.User], Client],
) -> models.Course:
    row = make_course()
    evaluate(client_for(clinician), row, fever_or_weight_loss="yes")
    evaluation = row.evaluations.get()
    evaluation.rows = {"medicines": [{"name": "Naproxen", "class": "nsaid"}]}
    evaluation.save()
    treated(row, [7, 5, 2], clinician)
    row.complaint = "It hurts to bend."
    row.save()
    session = row.sessions.get(number=1)
    models.Session.objects.filter(pk=session.pk).update(
        complications=["none"], note="Tolerated well.", written="Session 1 for the low back."
    )
    models.Amendment.objects.create(session=session, text="Slept badly.", by=clinician, at=AT)
    models.AdverseEvent.objects.create(
        course=row, session=session, kind="flare", onset_on=date(2026, 9, 20), grade=1,
        serious=False, outcome="goes_on", what_happened="Sore for a week", request_key="k",
        by=clinician,
    )  # fmt: skip
    models.Decision.objects.create(
        course=row, on=date(2026, 10, 9), suggested="go_on", decided="stop", inputs={},
        verdict=VERDICT, reason="Moves abroad", inputs_sha256="0" * 64, by=clinician,
    )  # fmt: skip
    models.CallAttempt.objects.create(course=row, outcome="Will write", by=clinician)
    models.AuditEvent.objects.create(
        clinic=clinician.clinic, actor="Sam Desk", action="change_patient", patient=row.patient,
        record="patient", at=AT,
    )  # fmt: skip
    models.AccessEvent.objects.create(
        clinic=clinician.clinic, actor="Sam Desk", patient=row.patient, what="who_looked", at=AT
    )
    return row


def words(part: Part) -> list[str]:
    """Everything that a part and the parts in it say."""
    said = [part.title, *part.lines, *(f"{name}: {told}" for name, told in part.facts)]
    said += [" | ".join(row) for table in part.tables for row in table.rows]
    return said + [word for one in part.parts for word in words(one)]


def told(patient: models.Patient) -> list[str]:
    return [word for part in record_context(patient)["parts"] for word in words(part)]


def test_it_tells_everything_of_a_course(course: models.Course) -> None:
    said = told(course.patient)
    for expected in (
        "Low back and sacroiliac pain, left",
        "In your words: It hurts to bend.",
        "Fever, chills or unexplained weight loss? | Yes",
        "We give at most 6 sessions. More would need a new agreement.",
        "Session 1, 14 Sep 2026",
        "Where: Iliolumbar ligament, left: 1\u00a0mL",
        "Complications: none seen",
        "Session 1 for the low back.",
        "Tolerated well.",
        "Added 2 Nov 2026, 07:00, Dr Amara Osei: Slept badly.",
        "What happened: Sore for a week",
        "Suggested was: go on, to session 2 of at most 6",
        "Why suggested: No other rule ends the series.",
        "Reason: Moves abroad",
        "2 Nov 2026 | Sam Desk | change patient",
        "2 Nov 2026 | Sam Desk | read: who looked",
    ):
        assert expected in said
    assert any("Will write" in word for word in said)
    assert any(word.startswith("Naproxen | NSAID (anti-inflammatory) |") for word in said)
    (signs,) = (word for word in said if word.startswith("24 Sep 2026 |"))
    assert "| 5" in signs
    # Means of three activities are told with one decimal, as on the screen.
    assert not any(re.search(r"\d\.\d\d", word) for word in said if "Sep 2026 |" in word)


def test_every_kind_of_record_about_a_patient_is_told_or_said_not_to_be() -> None:
    """A table that somebody adds must be thought of: what leads to a patient is named here."""
    left_out = {
        # Secrets of links, and what other rows tell.
        *("AnswerLink", "ConsentLink", "EstimateLink", "EstimateReceived", "Attempt"),
        *("InvoiceLine", "Arrangement", "CardProblem", "StockMovement"),
    }
    told = {
        *("Patient", "Weight", "ContactChoice", "Course", "Evaluation", "Plan", "Consent"),
        *("Session", "SessionSite", "CautionSetAside", "Amendment", "SessionImage", "CourseFile"),
        *("Assessment", "TypedScore", "AdverseEvent", "AdverseEventEntry", "Decision"),
        *("Invoice", "LedgerEntry", "Appointment", "Message", "CallAttempt", "AuditEvent"),
        *("AccessEvent", "Emergency"),
        *("Estimate", "Superbill", "AidGiven"),
    }
    leads = {models.Patient}
    while True:
        more = {
            relation.related_model
            for model in leads
            for relation in model._meta.related_objects
        } - leads  # fmt: skip
        if not more:
            break
        leads |= more
    assert {model.__name__ for model in leads} == told | left_out


def test_it_speaks_the_language_of_the_patient(course: models.Course) -> None:
    course.patient.language = "es"
    said = told(course.patient)
    assert "dolor lumbar y sacroilíaco, izquierda" in said
    assert "En sus palabras: It hurts to bend." in said
    assert any(word.startswith("Damos como máximo 6 sesiones") for word in said)


@pytest.mark.alike
@pytest.mark.skipif(not shutil.which("pdftotext"), reason="poppler-utils is not installed")
def test_the_paper_is_a_tagged_pdf_that_can_be_read_aloud(
    course: models.Course, tmp_path: Path
) -> None:
    pdf = record_pdf(course.patient)
    (tmp_path / "a.pdf").write_bytes(pdf)
    text, about = (_run(program, tmp_path / "a.pdf") for program in ("pdftotext", "pdfinfo"))
    assert re.search(r"Tagged:\s+yes", about)
    assert "This is everything that Harbour Clinic has recorded about you." in text
    assert "Moves abroad" in text


def _run(program: str, pdf: Path) -> str:
    given = [program, str(pdf), *(["-"] if program == "pdftotext" else [])]
    done = subprocess.run(given, check=True, capture_output=True, text=True)
    return " ".join(done.stdout.split()) if program == "pdftotext" else done.stdout


@pytest.fixture
def no_printing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("enthesis.outcomes.paper.pdf_of", lambda html: b"%PDF")


@pytest.mark.usefixtures("no_printing")
def test_taking_it_is_written_down(
    course: models.Course, clinician: models.User, client_for: Callable[[models.User], Client]
) -> None:
    client = client_for(clinician)
    address = f"/patients/{course.patient_id}/record"
    assert "With all files" in client.get(f"{address}/").content.decode()
    response = client.get(f"{address}.pdf")
    assert response["Content-Disposition"].startswith('attachment; filename="record-1001-')
    client.get(f"{address}.zip")
    events = models.AuditEvent.objects.filter(action="give_record").order_by("id")
    assert [(event.user, event.detail) for event in events] == [
        (clinician, {"as": "pdf"}),
        (clinician, {"as": "zip"}),
    ]


def test_a_letter_that_cannot_be_printed_is_named_and_nothing_is_given(
    course: models.Course, clinician: models.User, client_for: Callable[[models.User], Client]
) -> None:
    models.Course.objects.filter(pk=course.pk).update(complaint="疼痛")
    response = client_for(clinician).get(f"/patients/{course.patient_id}/record.pdf")
    assert response.status_code == 422
    assert "疼 (U+75BC)" in response.content.decode()
    assert not models.AuditEvent.objects.filter(action="give_record").exists()


def opened(data: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(data)) as box:
        return {name: box.read(name) for name in box.namelist()}


@pytest.mark.usefixtures("no_printing")
def test_the_bundle_holds_the_files_as_they_were_kept_and_names_what_is_missing(
    course: models.Course, clinician: models.User, client_for: Callable[[models.User], Client]
) -> None:
    about: dict[str, Any] = {"course": course, "content_type": "image/png", "by": clinician}
    sha256 = image_files.keep(png())
    models.CourseFile.objects.create(name="../x ray.png", size_bytes=9, sha256=sha256, **about)
    models.CourseFile.objects.create(name="gone.png", size_bytes=9, sha256="0" * 64, **about)
    models.Consent.objects.create(
        course=course, fact="signed", name="M", pdf=b"%PDF-signed", pdf_sha256="1" * 64
    )
    response = client_for(clinician).get(f"/patients/{course.patient_id}/record.zip")
    files = opened(response.content)
    assert files["record.pdf"] == b"%PDF"
    (picture,) = (name for name in files if name.startswith("files/"))
    assert picture.endswith("-.._x_ray.png") and files[picture] == png()
    (paper,) = (name for name in files if name.startswith("papers/"))
    assert files[paper] == b"%PDF-signed"
    bundle = json.loads(files["record.fhir.json"])
    kinds = {one["resource"]["resourceType"] for one in bundle["entry"]}
    assert {"Patient", "Condition", "Procedure", "QuestionnaireResponse"} <= kinds
    (missing,) = json.loads(files["missing.json"])
    assert missing["file"].endswith("gone.png")


def run(*given: str) -> int:
    parser = argparse.ArgumentParser()
    command.add(parser.add_subparsers())
    args = parser.parse_args(["record", *given])
    status: int = args.run(args)
    return status


@pytest.mark.usefixtures("no_printing")
def test_the_command_writes_it_for_its_owner_only_and_over_nothing(
    course: models.Course, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "marta.zip"
    assert run("1001", "--to", str(file)) == 0
    assert "the whole record of No. 1001" in capsys.readouterr().out
    assert file.stat().st_mode & 0o077 == 0
    assert "record.pdf" in opened(file.read_bytes())
    event = models.AuditEvent.objects.get(action="give_record")
    assert (event.actor, event.patient) == ("command line", course.patient)
    assert run("1001", "--to", str(file)) == 1
    assert run("7", "--to", str(tmp_path / "b.zip")) == 1
    assert "has no patient number 7" in capsys.readouterr().err
    assert run("1001", "--to", str(tmp_path / "no" / "b.zip")) == 1
    assert "cannot be written" in capsys.readouterr().err

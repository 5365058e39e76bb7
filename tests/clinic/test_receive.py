"""What comes with patients from another clinic: its rules, its files, and what keeps them out."""

import hashlib
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from enthesis.clinic import image_files, models, store
from enthesis.clinic.actions import Refused
from enthesis.clinic.actions.protocols import copy_protocol
from enthesis.clinic.actions.receive import Received, Unfit, receive
from enthesis.clinic.actions.receive_rules import rules_of
from enthesis.clinic.dossiers import DossierError, dossiers
from enthesis.exchange.clinic_rules import ClinicRules
from enthesis.shape import plain, read
from tests.clinic.files import png

MakeCourse = Callable[..., models.Course]


def bring(
    clinic: models.Clinic, there: models.Clinic, rules: ClinicRules | None = None
) -> Received:
    leaving = list(dossiers(there, files=True))
    return receive(clinic, leaving, "harbour", actor="a test", rules=rules)


def refusal(clinic: models.Clinic, there: models.Clinic, rules: ClinicRules | None = None) -> str:
    with pytest.raises(Unfit) as refused:
        bring(clinic, there, rules)
    assert not models.Patient.objects.filter(clinic=clinic).exists()
    return str(refused.value)


def test_an_empty_clinic_takes_the_rules_over_and_a_used_one_is_told(
    clinic: models.Clinic, clinician: models.User, other_clinic: models.Clinic
) -> None:
    today = store.today(clinic)
    shipped = store.known_for(clinic, today).protocols["low_back_ligaments"]
    copy_protocol(clinician, shipped.id, replace(shipped, name="Our own back"), today)
    clinic.refresh_from_db()
    ceiling = {"substance": "mepivacaine", "name": "Mepivacaine, plain", "by": clinician.pk}
    ceiling |= {"with_adrenaline": False, "mg_per_kg": 5, "cap_mg": 300, "source": "Label"}
    clinic.own_ceilings = [{**ceiling, "starts_on": "2026-01-01", "at": "2026-01-01T09:00:00Z"}]
    clinic.finish_relief_percent, clinic.time_zone = Decimal("62.5"), "America/New_York"
    clinic.save()
    rules = read(ClinicRules, plain(rules_of(clinic)))
    assert rules == rules_of(clinic)

    assert bring(other_clinic, clinic, rules).told == []
    other_clinic.refresh_from_db()
    assert other_clinic.time_zone == "America/New_York"
    here, there = (store.known_for(one, today) for one in (other_clinic, clinic))
    assert here.stop_rule == there.stop_rule and here.protocol_versions == there.protocol_versions
    assert here.anaesthetic_limits == there.anaesthetic_limits
    assert other_clinic.own_protocols.get().by.display_name == str(clinician)
    assert models.AuditEvent.objects.filter(clinic=other_clinic, action="receive_settings")

    clinic.finish_relief_percent = None
    clinic.save()
    models.Patient.objects.create(clinic=other_clinic, number=1, family="A", given="B")
    told = bring(other_clinic, clinic, rules_of(clinic)).told
    assert told == ["finish relief percent: here 62.50, there as usual"]


def test_another_currency_or_questionnaire_keeps_everything_out(
    clinic: models.Clinic, other_clinic: models.Clinic, make_course: MakeCourse, tmp_path: Path
) -> None:
    make_course()
    rules = rules_of(clinic)
    assert "Begin a clinic with --currency EUR" in refusal(
        other_clinic, clinic, replace(rules, currency="EUR")
    )
    assert "no share" in refusal(
        other_clinic, clinic, replace(rules, finish_relief_percent=Decimal(101))
    )
    folder = tmp_path / store.OWN_FOLDER / str(other_clinic.pk)
    folder.mkdir(parents=True)
    (folder / "own.toml").write_text("id = 'own'")
    theirs = replace(rules, questionnaires={"own.toml": "0" * 64})
    assert "the file here is another one" in refusal(other_clinic, clinic, theirs)


def test_answers_to_a_questionnaire_that_is_not_here_are_refused(
    clinic: models.Clinic, other_clinic: models.Clinic, make_course: MakeCourse
) -> None:
    told = {"occasion": "baseline", "answers": {"own_1": 3}, "on": date(2026, 9, 1)}
    course = make_course()
    now = timezone.now()
    models.Assessment.objects.create(
        course=course, questionnaire="own_one", completed_at=now, **told
    )
    said = refusal(other_clinic, clinic)
    assert "'own_one' is not known here" in said and "copy its file" in said
    models.Assessment.objects.update(source="import")
    assert bring(other_clinic, clinic).patients == 1


def test_files_come_along_with_their_bytes_and_only_as_what_they_are(
    clinic: models.Clinic,
    clinician: models.User,
    other_clinic: models.Clinic,
    make_course: MakeCourse,
    settings: Any,
    tmp_path: Path,
) -> None:
    course, data = make_course(), png()
    sha256 = image_files.keep(data)
    told = {"content_type": "image/png", "size_bytes": len(data), "sha256": sha256}
    row = models.CourseFile.objects.create(course=course, name="a.png", by=clinician, **told)
    leaving = list(dossiers(clinic, files=True))
    settings.DATA = tmp_path / "elsewhere"
    receive(other_clinic, leaving, "harbour", actor="a test")
    assert image_files.fetch(sha256) == data
    came = models.CourseFile.objects.get(course__patient__clinic=other_clinic)
    assert (came.name, came.at, str(came.by)) == (row.name, row.at, str(clinician))

    [dossier] = leaving
    [file] = dossier.courses
    [document] = file.documents
    page = b"<html><script>alert(1)</script>"
    for changed, said in (
        (replace(document, body=None), "Export it with its files"),
        (replace(document, body=data + b"x"), "changed since it was attached"),
        (replace(document, content_type="application/pdf"), "not what it is said to be"),
        (replace(document, body=page, sha256=hashlib.sha256(page).hexdigest()), "web page"),
    ):
        other = replace(dossier, courses=(replace(file, documents=(changed,)),))
        with pytest.raises(Unfit, match=said):
            receive(other_clinic, [other], "elsewhere", actor="a test")
    (settings.DATA / "images" / sha256).unlink()
    with pytest.raises(DossierError, match=r"a\.png of patient 1001"):
        list(dossiers(clinic, files=True))


def test_books_are_refused_where_their_day_is_closed(
    clinic: models.Clinic,
    other_clinic: models.Clinic,
    stranger: models.User,
    make_course: MakeCourse,
) -> None:
    on = date(2026, 9, 2)
    told = {"issued_on": on, "due_on": on, "currency": "USD"}
    models.Invoice.objects.create(clinic=clinic, number=1, course=make_course(), **told)
    closed = {"currency": "USD", "expected": {"cash": "0"}, "counted": {"cash": "0"}}
    close = models.DayClose.objects.create(clinic=other_clinic, on=on, by=stranger, **closed)
    assert "2026-09-02 is closed in this clinic's books" in refusal(other_clinic, clinic)
    models.DayClose.objects.filter(pk=close.pk).update(on=on - timedelta(days=1))
    assert bring(other_clinic, clinic).patients == 1


SPOILT_BILL: dict[str, dict[str, Any]] = {
    "'XXX' is none of": {"currency": "XXX"},
    "in another currency": {"currency": "EUR"},
    "due_on and an amount": {"parts": ({"x": 1},)},
    "parts: each needs": {"parts": ({"due_on": "2026-13-01", "amount": "NaN"},)},
}
SPOILT_PAYMENT: dict[str, dict[str, Any]] = {
    "Say how the money came": {"method": ""},
    "'barter' is none of": {"method": "barter"},
    "'invoice' is no entry": {"kind": "invoice"},
    "'gift' is no entry": {"kind": "gift"},
    "must be 'receipt'": {"paper": "slip"},
    "invoice: it is about none": {"invoice": None},
    "about no series": {"kind": "session_used", "paper": "transfer", "method": "", "sessions": 1},
    "of no session": {"kind": "series", "invoice": None},
    "about no payment": {"kind": "taken_back", "paper": "correction"},
}


@pytest.mark.alike
@pytest.mark.parametrize("said", [*SPOILT_BILL, *SPOILT_PAYMENT])
def test_books_that_could_not_be_added_up_do_not_come_in(
    clinic: models.Clinic, other_clinic: models.Clinic, make_course: MakeCourse, said: str
) -> None:
    """One of them would stop the page of everybody's money."""
    course, on = make_course(), date(2026, 9, 2)
    told = {"clinic": clinic, "course": course, "currency": "USD", "number": 1}
    bill = models.Invoice.objects.create(issued_on=on, due_on=on, **told)
    models.InvoiceLine.objects.create(invoice=bill, text="Session", amount=280)
    models.LedgerEntry.objects.create(
        kind="payment", paper="receipt", invoice=bill, amount=280, method="cash", on=on, **told
    )
    [dossier] = dossiers(clinic)
    [file] = dossier.courses
    [invoice], [payment] = file.invoices, file.entries
    invoice = replace(invoice, **SPOILT_BILL.get(said, {}))
    payment = replace(payment, **SPOILT_PAYMENT.get(said, {}))
    spoilt = replace(dossier, courses=(replace(file, invoices=(invoice,), entries=(payment,)),))
    with pytest.raises(Unfit, match=said):
        receive(other_clinic, [spoilt], "harbour", actor="a test")


@pytest.mark.parametrize("origin", ["", "a b", "-x", "x" * 41, "é", "a/b"])
def test_where_patients_come_from_needs_a_name(other_clinic: models.Clinic, origin: str) -> None:
    with pytest.raises(Refused, match="letters, digits"):
        receive(other_clinic, [], origin, actor="a test")

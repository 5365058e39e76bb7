"""The estimate, from Settings to the patient's name under it, the warning, and money on paper."""

import html
import re
from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from enthesis.clinic import estimates, models
from enthesis.clinic.actions import Refused, estimate, ledger, pay, prices, superbill
from enthesis.clinic.estimates import Choice
from enthesis.clinic.prices import tariff_of
from enthesis.journey.estimate import outcome
from enthesis.outcomes import paper
from enthesis.units import Money
from tests.clinic.test_consent import inflated
from tests.clinic.treated import agree_plan, give_session, treated
from tests.clinic_fixtures import TODAY, patients_phone

MakeCourse = Callable[..., models.Course]
ClientFor = Callable[[models.User], Client]
pytestmark = pytest.mark.usefixtures("on_a_fixed_day")
BACK = (("M54.50", "Low back pain, unspecified"),)


@pytest.fixture(autouse=True)
def quick_paper(monkeypatch: pytest.MonkeyPatch) -> None:
    """Printing takes most of a second: one test prints. What cannot be printed is refused here
    too."""

    def quick(page: str) -> bytes:
        paper._refuse_unknown_letters(page)
        return f"%PDF {page}".encode()

    monkeypatch.setattr(paper, "pdf_of", quick)


@pytest.fixture
def course(make_course: MakeCourse) -> models.Course:
    """Six sessions at $280, agreed on 7 Sep."""
    course = make_course()
    agree_plan(course)
    return course


def text(response: Any) -> str:
    return re.sub(r"\s+", " ", html.unescape(response.content.decode()))


def test_a_price_holds_from_its_day_and_days_gone_by_keep_theirs(
    clinic: models.Clinic, admin: models.User, client_for: ClientFor
) -> None:
    office, next_week = client_for(admin), TODAY + timedelta(7)
    page = text(office.get("/settings/prices/"))
    assert "$140 to $420" in page and "The shipped example." in page and "UNSOURCED" in page
    typed = {"item": "session", "amount": "310", "starts_on": next_week.isoformat()}
    assert office.post("/settings/prices/", typed).status_code == 302
    assert "to come" in text(office.get("/settings/prices/"))
    for on, price in ((TODAY, 280), (next_week - timedelta(1), 280), (next_week, 310)):
        assert (found := tariff_of(clinic, on)) and found.session.amount == price
    event = models.AuditEvent.objects.get(action="set_price")
    assert event.detail["amount"] == "310" and event.user == admin


@pytest.mark.alike
@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"starts_on": "2026-11-22"}, "days that are past keep the price they had"),
        ({"amount": "-1"}, "cannot be below zero"),
        ({"amount": "280.005"}, "USD has no amount as small as 280.005"),
        ({"item": "tax", "amount": "100.5"}, "at most 100"),
        ({"included": "3"}, "nothing is counted as included"),
        ({"item": "massage"}, "Select a valid choice"),
        ({"amount": "much"}, "Enter a number"),
    ],
)
def test_a_price_that_cannot_be_is_refused_and_what_was_typed_stays(
    changed: dict[str, str], said: str, admin: models.User, client_for: ClientFor
) -> None:
    typed = {"item": "session", "amount": "310", "starts_on": "2026-11-23"} | changed
    response = client_for(admin).post("/settings/prices/", typed)
    assert response.status_code == 422 and said in text(response)
    assert f'value="{typed["amount"]}"' in text(response)
    assert not models.TariffPrice.objects.exists()


def test_a_clinic_in_another_currency_cannot_go_without_a_price_of_its_own(
    clinic: models.Clinic, admin: models.User
) -> None:
    models.Clinic.objects.update(currency="EUR")
    with pytest.raises(Refused, match="needs a price of its own"):
        prices.set_price(admin, "session", None, TODAY)
    prices.set_price(admin, "session", Decimal(200), TODAY)
    clinic.refresh_from_db()
    assert (found := tariff_of(clinic, TODAY)) and found.session == Money(Decimal(200), "EUR")


def test_the_desk_makes_an_estimate_and_the_patient_receives_it_at_a_link(
    course: models.Course, desk: models.User, client_for: ClientFor
) -> None:
    office, address = client_for(desk), f"/courses/{course.pk}/estimate/"
    assert "No estimate yet." in text(office.get(address))
    assert office.post(address, {"codes": ["M54.50"], "other_codes": "m62.838"}).status_code == 302
    page = text(office.get(address))
    for words in (
        "$1,680",
        "M54.50 (Low back pain, unspecified)",
        "The code of what you have: M62.838.",
        "M0076",
        "only an estimate",
        "not a contract",
        "$400 or more above this estimate",
        "does not change the care",
        "Medicare does not pay for it",
        "We have given 0 series like this. We wait for 30.",
        "Not given here: our address, our tax number, our provider number (NPI)",
        "It holds until 22 Nov 2027",
    ):
        assert words in page, words
    made = office.post(address, {"link": "1"})
    link = re.search(r'value="[^"]*(/estimate/[^"]+/)"', made.content.decode())
    assert link
    phone = patients_phone(link[1])
    assert "$1,680" in text(phone.get(link[1]))
    assert '<a href="tel:5550100">(555) 0100</a>' in text(phone.get(link[1]))
    assert phone.post(link[1], {"name": " "}).status_code == 422
    assert phone.post(link[1], {"name": "Marta Lindqvist"}).status_code == 302
    assert "Marta Lindqvist received this estimate on 23 Nov 2026." in text(phone.get(link[1]))
    received = models.EstimateReceived.objects.get()
    assert bytes(received.pdf) == phone.get(f"{link[1]}paper/").content
    assert "by Marta Lindqvist, 23 Nov 2026" in text(office.get(address))
    said = models.AuditEvent.objects.filter(patient=course.patient).values_list("action", "actor")
    assert ("receive_estimate", "patient") in said and ("make_estimate", str(desk)) in said


@pytest.mark.alike
def test_in_spanish_the_whole_estimate_is_spanish(course: models.Course, desk: models.User) -> None:
    models.Patient.objects.update(language="es")
    row = estimate.make_estimate(desk, course.pk, Choice(diagnoses=BACK[:0]))
    _, token = estimate.make_estimate_link(desk, row.pk)
    phone = patients_phone(f"/estimate/{token}/")
    page = re.sub(r"<[^>]+>", " ", text(phone.get(f"/estimate/{token}/")))
    page = page.replace("Harbour Clinic", "").replace("English", "")
    assert "Presupuesto: cuánto costará" in page and "Sesión de proloterapia" in page
    assert "dolor lumbar" in page.lower() or "espalda" in page.lower()
    assert not re.search(r"\b(the|your|session|estimate|you|from|amount)\b", page, re.IGNORECASE)
    english = text(phone.get(f"/estimate/{token}/en/"))
    assert "What we expect to charge" in english
    # Its paper is in the language that was read, else in the patient's own.
    for address, title in ((f"/estimate/{token}/paper/?in=en", "Estimate of what"),
                           (f"/estimate/{token}/paper/", "Presupuesto: cuánto")):  # fmt: skip
        assert title in text(phone.get(address))
    assert f"/estimate/{token}/paper/?in=en" in english


def test_a_change_is_a_new_version_and_the_older_link_ends(
    course: models.Course, desk: models.User, client_for: ClientFor
) -> None:
    first = estimate.make_estimate(desk, course.pk, Choice())
    assert estimate.make_estimate(desk, course.pk, Choice()) == first
    _, token = estimate.make_estimate_link(desk, first.pk)
    agree_plan(course, price="300", agreed_on=TODAY)
    assert "The plan has changed since" in text(
        client_for(desk).get(f"/courses/{course.pk}/estimate/")
    )
    second = estimate.make_estimate(desk, course.pk, Choice())
    assert (first.number, second.number) == (1, 2)
    assert Client().get(f"/estimate/{token}/").status_code == 404
    with pytest.raises(Refused, match="newer estimate"):
        estimate.make_estimate_link(desk, first.pk)
    assert not estimates.is_out_of_date(second, TODAY)


@pytest.mark.alike
@pytest.mark.parametrize(
    ("plan", "codes", "said"),
    [(False, (), "no plan yet"), (True, (("20550", ""),), "does not have the form")],
)
def test_an_estimate_that_cannot_be_is_refused(
    plan: bool, codes: Any, said: str, make_course: MakeCourse, desk: models.User
) -> None:
    course = make_course()
    if plan:
        agree_plan(course)
    with pytest.raises(Refused, match=said):
        estimate.make_estimate(desk, course.pk, Choice(diagnoses=codes))
    assert not models.Estimate.objects.exists()


def test_before_the_bill_that_reaches_the_line_everybody_is_warned(
    make_course: MakeCourse, clinician: models.User, desk: models.User, client_for: ClientFor
) -> None:
    course, office = make_course(), client_for(desk)
    agree_plan(course, sessions_planned=2, sessions_max=5)
    row = estimate.make_estimate(desk, course.pk, Choice())
    warned = []
    for number in range(1, 5):
        given = give_session(course, number, date(2026, 9, 7) + timedelta(14 * number), clinician)
        address = f"/sessions/{given.pk}/invoice/"
        warned.append("The next bill would pass the estimate" in text(office.get(address)))
        before = text(office.get(f"/courses/{course.pk}/"))
        assert ("The next bill would pass the estimate by $560" in before) is warned[-1]
        pay.make_invoice(desk, given.pk, TODAY)
    # $560 estimated; the third bill stands at $840, the fourth would reach $1,120: $560 above.
    assert warned == [False, False, False, True]
    assert "The bills pass the estimate by $560" in text(office.get(f"/courses/{course.pk}/"))
    stands = estimates.standing(row, TODAY)
    assert outcome(stands) == "after-more" and stands.has_passed
    assert "We said $560 and we billed $1,120. That is $560 more, for 4 sessions." in text(
        office.get(f"/courses/{course.pk}/estimate/")
    )


@pytest.mark.alike
def test_a_bill_holds_what_was_given_beyond_the_plan_discount_and_tax(
    make_course: MakeCourse, clinician: models.User, admin: models.User, desk: models.User
) -> None:
    for item, amount in (("ultrasound", 60), ("consultation", 150), ("hardship", 10), ("tax", 5)):
        prices.set_price(admin, item, Decimal(amount), TODAY)
    course = make_course()
    agree_plan(course, agreed_on=TODAY)
    chosen = Choice(discount="hardship", consultation=True)
    row = estimate.make_estimate(desk, course.pk, chosen)
    given = give_session(course, 1, TODAY, clinician)
    models.Session.objects.filter(pk=given.pk).update(guidance="ultrasound")
    lines = pay.make_invoice(desk, given.pk, TODAY).lines.order_by("id")
    assert [(line.item, line.amount) for line in lines] == [
        ("session", 280),
        ("ultrasound", 60),
        ("consultation", 150),
        ("hardship", -49),
        ("tax", Decimal("22.05")),
    ]
    # As planned: the first 430 − 43 + 19.35, five of 280 − 28 + 12.60.
    assert estimates.kept(row)[0].expected.amount == Decimal("406.35") + 5 * Decimal("264.60")


def test_a_superbill_holds_what_was_billed_and_paid_and_no_other_code(
    make_course: MakeCourse, clinician: models.User, desk: models.User, client_for: ClientFor
) -> None:
    course, office = treated(make_course(), [7, 6, 5], clinician), client_for(desk)
    address = f"/courses/{course.pk}/superbill/"
    assert "Nothing is billed yet" in text(office.get(address))
    with pytest.raises(Refused, match="Nothing is billed yet"):
        superbill.make_superbill(desk, course.pk, BACK)
    bills = [pay.make_invoice(desk, one.pk, TODAY) for one in course.sessions.all()]
    ledger.record_payment(desk, bills[0].pk, Decimal(280), "cash", TODAY, "k")
    nothing = office.post(address, {"other_codes": ""})
    assert nothing.status_code == 422 and "Choose at least one diagnosis" in text(nothing)
    wrong = office.post(address, {"other_codes": "20550"})
    assert wrong.status_code == 422 and 'value="20550"' in text(wrong)
    models.Clinic.objects.update(npi="1234567893", tax_id="12-3456789", address="1 Quay\nPort, ME")
    assert office.post(address, {"codes": ["M54.50"]}).status_code == 302
    page = text(office.get(address))
    for words in ("M0076", "M54.50", "14 Sep 2026", "28 Sep 2026", "$560", "1234567893"):
        assert words in page, words
    assert "is not a claim" in page and "Not given here" not in page and "Port, ME" in page
    codes = {one.code for one in models.InvoiceLine.objects.all()}
    assert codes == {"M0076"} and not re.search(r"\b(205[0-9]{2}|27096|76942)\b", page)
    row = models.Superbill.objects.get()
    assert row.content["superbill"]["paid"] == {"amount": 280, "currency": "USD"}
    assert office.get(f"/superbills/{row.pk}/paper/").content.startswith(b"%PDF")


@pytest.fixture
def bill(make_course: MakeCourse, clinician: models.User, desk: models.User) -> models.Invoice:
    course = treated(make_course(), [7, 6], clinician)
    made = pay.make_invoice(desk, course.sessions.get().pk, TODAY)
    ledger.record_payment(desk, made.pk, Decimal(100), "cash", TODAY, "k")
    return made


@pytest.mark.alike
def test_an_invoice_says_where_it_is_from_and_what_its_code_means(
    bill: models.Invoice, desk: models.User, client_for: ClientFor
) -> None:
    office, address = client_for(desk), f"/invoices/{bill.pk}/"
    page = text(office.get(address))
    assert "M0076 is the number under which prolotherapy itself is billed" in page
    assert "Not given here: our address, our tax number." in page
    models.Clinic.objects.update(address="1 Quay\nPort, ME", tax_id="12-3456789")
    page = text(office.get(address))
    assert "1 Quay<br>Port, ME" in page and "12-3456789" in page and "Not given" not in page
    models.Patient.objects.update(language="es")
    printed = text(office.get(f"{address}paper/"))
    assert (
        "Sesión de proloterapia 1, 14 de septiembre de 2026" in printed and "Por pagar" in printed
    )
    receipt = text(office.get(f"/payments/{bill.entries.get().pk}/receipt/"))
    for words in ("Recibo 1", "Factura 1", "Efectivo", "$100"):
        assert words in receipt
    statement = text(office.get(f"/courses/{bill.course_id}/statement/"))
    for words in ("Su estado de cuenta", "Usted debe $180", "Pagado, recibo 1", "−$100"):
        assert words in statement


@pytest.mark.alike
@pytest.mark.parametrize("letter", ["王", "🦵", "ࠀ"])
def test_a_letter_that_no_font_has_stops_the_paper_and_never_vanishes(
    letter: str, bill: models.Invoice, desk: models.User, client_for: ClientFor
) -> None:
    office = client_for(desk)
    row = estimate.make_estimate(desk, bill.course_id, Choice(diagnoses=BACK))
    link, _ = estimate.make_estimate_link(desk, row.pk)
    with pytest.raises(Refused, match=f"cannot print {letter} "):
        estimate.receive_estimate(link.pk, f"Marta {letter}", "en")
    assert not models.EstimateReceived.objects.exists()
    models.Patient.objects.update(given=letter)
    for address in (f"/invoices/{bill.pk}/paper/", f"/payments/{bill.entries.get().pk}/receipt/"):
        refused = office.get(address)
        assert refused.status_code == 422 and f"{letter} (U+{ord(letter):04X})" in text(refused)
    assert letter in text(office.get(f"/invoices/{bill.pk}/"))


@pytest.mark.alike
def test_the_paper_is_tagged_and_says_its_language(
    bill: models.Invoice,
    desk: models.User,
    client_for: ClientFor,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.undo()
    models.Patient.objects.update(language="es")
    pdf = client_for(desk).get(f"/invoices/{bill.pk}/paper/").content
    inside = pdf + inflated(pdf)
    assert pdf.startswith(b"%PDF-") and b"pdfuaid:part" in inside
    for mark in (b"/StructTreeRoot", b"/Marked true", b"/Lang (es)", b"Factura"):
        assert mark in inside, mark


@pytest.mark.django_db(transaction=True)
def test_nobody_who_writes_waits_while_the_paper_is_printed(
    course: models.Course, desk: models.User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And what was replaced meanwhile is not received."""
    made = estimate.make_estimate(desk, course.pk, Choice())
    link, _ = estimate.make_estimate_link(desk, made.pk)

    def replace(page: str) -> bytes:
        assert not connection.in_atomic_block
        models.EstimateLink.objects.update(revoked_at=made.at)
        return b"%PDF"

    monkeypatch.setattr(paper, "pdf_of", replace)
    with pytest.raises(Refused, match="newer"):
        estimate.receive_estimate(link.pk, "Marta Lindqvist", "en")
    assert not models.EstimateReceived.objects.exists()

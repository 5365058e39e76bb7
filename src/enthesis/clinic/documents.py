"""Estimate, invoice, receipt and superbill as tagged PDF, from the templates of their pages.

A page and its paper include the same body (templates/clinic/documents). A letter that the paper's
font lacks stops the printing (LettersError): it never vanishes.
"""

from collections.abc import Mapping
from datetime import date
from typing import Any

from django.http import HttpResponse
from django.template.loader import render_to_string
from django.utils import translation
from django.utils.translation import gettext, gettext_noop

from enthesis.clinic import estimates, ledger, store
from enthesis.clinic.models import Clinic, Estimate, Invoice, LedgerEntry, Superbill
from enthesis.journey import superbill as rules
from enthesis.journey.estimate import missing
from enthesis.journey.estimate_words import Around, bill_text, fields, say
from enthesis.journey.instalments import Part
from enthesis.journey.ledger import Kind, goes_out
from enthesis.journey.lines import ENGLISH, Lines
from enthesis.journey.tariff import Line
from enthesis.outcomes import paper
from enthesis.outcomes.errors import LettersError
from enthesis.shape import read
from enthesis.units import Money


def printed(body: str, context: Mapping[str, Any], language: str) -> bytes:
    """A document as PDF/UA. Raises LettersError, naming what cannot be printed."""
    with translation.override(language):
        html = render_to_string(
            "clinic/documents/paper.html",
            {**context, "body": f"clinic/documents/{body}.html", "css": paper.paper_css()},
        )
    return paper.pdf_of(html)


def answer(name: str, body: str, context: Mapping[str, Any], language: str) -> HttpResponse:
    """A document to download; what cannot be printed is said, and nothing is handed out."""
    try:
        pdf = printed(body, context, language)
    except LettersError as refused:
        return not_printed(refused)
    return as_file(name, pdf)


def not_printed(refused: LettersError) -> HttpResponse:
    """In the place of a paper that would lack letters."""
    text = f"This paper was not made: a part of it would be missing. {refused}"
    return HttpResponse(text, status=422, content_type="text/plain; charset=utf-8")


def as_file(name: str, pdf: bytes) -> HttpResponse:
    """A PDF to keep."""
    response = HttpResponse(pdf, content_type="application/pdf")
    response["Content-Disposition"] = f'attachment; filename="{name}.pdf"'
    return response


def estimate_context(row: Estimate, language: str) -> dict[str, Any]:
    """What the body of an estimate needs."""
    clinic = row.course.patient.clinic
    today = store.today(clinic)
    said = Lines(store.known_for(clinic, today), language)
    told = estimates.told_in(row, language, today)
    _made, around = estimates.kept(row)
    return {
        "title": told.title,
        "language": language,
        "told": told,
        "around": around,
        "estimate": row,
        "born_on": said.day(around.born_on) if around.born_on else "",
        "facts": _facts(around, row.made_on, said),
    }


def estimate_paper(row: Estimate, language: str, name: str = "", on: date | None = None) -> bytes:
    """An estimate as PDF; with who received it and when."""
    context = estimate_context(row, language)
    if on is not None:
        clinic = row.course.patient.clinic
        said = Lines(store.known_for(clinic, store.today(clinic)), language)
        context["received"] = say(said, "page-received", name=name, day=said.day(on))
    return printed("estimate", context, language)


def _facts(around: Around, on: date, said: Lines) -> str:
    return f"{around.patient}, {around.number} · {around.clinic} · {said.day(on)}"


def invoice_context(row: Invoice, language: str = ENGLISH) -> dict[str, Any]:
    """What the body of an invoice needs, besides its sums."""
    known = store.known_for(row.clinic, row.issued_on)
    said, session = Lines(known, language), row.session
    number, on = (session.number, session.on) if session else (0, None)
    lines = [
        (bill_text(one.item, one.text, said, number, on), one) for one in row.lines.order_by("id")
    ]
    codes = dict.fromkeys(one.code for _text, one in lines if one.code)
    in_us = row.currency == "USD"
    person = row.course.patient
    with translation.override(language):
        title = gettext("Invoice %(number)s") % {"number": row.number}
        entered = row.entries.select_related("invoice").order_by("on", "id")
        entries = [
            (entry_words(one), said.day(one.on), method_words(one), _signed(one)) for one in entered
        ]
        receipts = [
            (one, said.day(one.on), method_words(one)) for one in entered if one.paper == "receipt"
        ]
    return {
        "title": title,
        "language": language,
        "facts": f"{person.given} {person.family}, {person.number} · {row.clinic.name}"
        f" · {said.day(row.issued_on)}",
        "invoice": row,
        "clinic": row.clinic,
        "person": person,
        "lines": lines,
        "treated": said.day(on) if on else "",
        "due": said.day(row.due_on),
        "entries": entries,
        "receipts": receipts,
        "parts": _parts(row, said),
        "about_codes": [say(said, "bill-code", code=code) for code in codes]
        + ([say(said, "bill-unpaid")] if codes and in_us else []),
        "not_given": _not_given(row.clinic, said),
    }


def _parts(row: Invoice, said: Lines) -> list[tuple[Money, str]]:
    """What is due when, of an invoice that is paid in parts."""
    parts: tuple[Part, ...] = ledger.read_parts(row.parts, row.currency)
    return [(part.amount, said.day(part.due_on)) for part in parts] if len(parts) > 1 else []


def _signed(row: LedgerEntry) -> Money:
    """What an entry takes off what is to be paid, below zero; above it, what it adds."""
    money = Money(row.amount, row.currency)
    return money if goes_out(Kind(row.kind)) else -money


WORDS = {
    Kind.PAYMENT: gettext_noop("Paid, receipt {number}"),
    Kind.DEPOSIT: gettext_noop("Deposit, receipt {number}"),
    Kind.SERIES: gettext_noop("Prepaid sessions: {sessions}, receipt {number}"),
    Kind.DEPOSIT_USED: gettext_noop("Paid from your deposit, invoice {invoice}"),
    Kind.SESSION_USED: gettext_noop("Paid from your prepaid sessions, invoice {invoice}"),
    Kind.CREDIT_NOTE: gettext_noop("Taken off invoice {invoice}, credit note {number}"),
    Kind.REFUND: gettext_noop("Paid back to you, refund {number}"),
    Kind.DEPOSIT_BACK: gettext_noop("Deposit paid back to you, refund {number}"),
    Kind.UNUSED_BACK: gettext_noop("Prepaid sessions paid back: {sessions}, refund {number}"),
    Kind.TAKEN_BACK: gettext_noop("A payment entered by mistake, correction {number}"),
}


def entry_words(row: LedgerEntry) -> str:
    """What an entry is to the patient, in the language that is switched on."""
    return gettext(WORDS[Kind(row.kind)]).format(
        number=row.number,
        sessions=row.sessions,
        invoice=row.invoice.number if row.invoice else "",
    )


def method_words(row: LedgerEntry) -> str:
    """How it was paid, in the language that is switched on; empty where no money moved."""
    words = {
        "cash": gettext("Cash"),
        "card": gettext("Card terminal"),
        "transfer": gettext("Bank transfer"),
        "online": gettext("Card online"),
    }
    return words.get(row.method, row.get_method_display())


def receipt_context(row: LedgerEntry, language: str) -> dict[str, Any]:
    """What the body of a receipt needs: of a payment, a deposit or a prepaid series."""
    clinic, person = row.clinic, row.course.patient
    said = Lines(store.known_for(clinic, row.on), language)
    with translation.override(language):
        title = gettext("Receipt %(number)s") % {"number": row.number}
        words, method = entry_words(row), method_words(row)
    return {
        "title": title,
        "language": language,
        "facts": f"{person.given} {person.family}, {person.number} · {clinic.name}"
        f" · {said.day(row.on)}",
        "clinic": clinic,
        "person": person,
        "entry": row,
        "words": words,
        "method": method,
        "paid_on": said.day(row.on),
        "not_given": _not_given(clinic, said),
    }


def _not_given(clinic: Clinic, said: Lines) -> str:
    lacks = missing({"address": clinic.address, "tax_id": clinic.tax_id})
    return say(said, "who-missing", fields=fields(lacks, said)) if lacks else ""


def superbill_context(row: Superbill) -> dict[str, Any]:
    """What the body of a superbill needs: in English for the insurer, and what the patient should
    know in the patient's language too."""
    patient = row.course.patient
    known = store.known_for(patient.clinic, row.made_on)
    where = f"superbill {row.pk}"
    told = read(rules.Superbill, row.content["superbill"], where)
    around = read(Around, row.content["around"], where)
    said = Lines(known)
    languages = dict.fromkeys((ENGLISH, patient.language))
    lacks = missing(
        {
            "address": around.address,
            "tax_id": around.tax_id,
            "npi": around.npi,
            "born_on": around.born_on,
            "diagnosis": told.diagnoses,
        }
    )
    return {
        "title": "Superbill",
        "language": ENGLISH,
        "facts": _facts(around, row.made_on, said),
        "row": row,
        "told": told,
        "around": around,
        "services": [(said.day(one.on), one) for one in told.services],
        "place_of_service": known.estimate_rules.place_of_service,
        "born_on": said.day(around.born_on) if around.born_on else "",
        "made_on": said.day(row.made_on),
        "not_given": say(said, "who-missing", fields=fields(lacks, said)) if lacks else "",
        "notes": [
            (language, [say(Lines(known, language), f"claim-{one}") for one in _claims(told)])
            for language in languages
        ],
    }


def _claims(told: rules.Superbill) -> tuple[str, ...]:
    in_us = told.charged.currency == "USD"
    return ("what", "code", "medicare") if in_us else ("what", "code")


def lines_of(row: Invoice) -> tuple[Line, ...]:
    """The lines of an invoice as the core has them."""
    return tuple(
        Line(
            one.item or "session",
            one.text,
            one.units,
            Money(one.amount / one.units, row.currency),
            one.code,
        )
        for one in row.lines.order_by("id")
    ) + tuple(
        # No insurer is asked for what the patient need not pay.
        Line("credit", f"Credit note {one.number}", 1, -Money(one.amount, row.currency), "")
        for one in row.entries.filter(kind=Kind.CREDIT_NOTE)
    )

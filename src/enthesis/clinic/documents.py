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
from django.utils.translation import gettext

from enthesis.clinic import estimates, store
from enthesis.clinic.models import Clinic, Estimate, Invoice, Payment, Superbill
from enthesis.journey import superbill as rules
from enthesis.journey.estimate import missing
from enthesis.journey.estimate_words import Around, bill_text, fields, say
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
        text = f"This paper was not made: a part of it would be missing. {refused}"
        return HttpResponse(text, status=422, content_type="text/plain; charset=utf-8")
    return as_file(name, pdf)


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
        payments = [
            (one, said.day(one.paid_on), method_words(one))
            for one in row.payments.order_by("paid_on", "id")
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
        "payments": payments,
        "about_codes": [say(said, "bill-code", code=code) for code in codes]
        + ([say(said, "bill-unpaid")] if codes and in_us else []),
        "not_given": _not_given(row.clinic, said),
    }


def method_words(row: Payment) -> str:
    """How it was paid, in the language that is switched on."""
    words = {
        "cash": gettext("Cash"),
        "card": gettext("Card terminal"),
        "transfer": gettext("Bank transfer"),
    }
    return words.get(row.method, row.get_method_display())


def receipt_context(row: Payment, language: str) -> dict[str, Any]:
    """What the body of a receipt needs."""
    around = invoice_context(row.invoice, language)
    known = store.known_for(row.invoice.clinic, row.paid_on)
    with translation.override(language):
        title = gettext("Receipt for invoice %(number)s") % {"number": row.invoice.number}
        method = method_words(row)
    return {
        **around,
        "title": title,
        "payment": row,
        "method": method,
        "paid_on": Lines(known, language).day(row.paid_on),
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
    )

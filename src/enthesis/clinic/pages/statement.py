"""The patient's statement: what was charged, paid and is open, at a personal link and on paper."""

from dataclasses import dataclass
from datetime import date
from typing import Any

from django.http import HttpResponse
from django.utils import translation
from django.utils.translation import gettext
from django.views.decorators.http import require_safe

from enthesis.clinic import documents, ledger, store
from enthesis.clinic.documents import entry_words
from enthesis.clinic.models import Course
from enthesis.clinic.pages.ledger import standing
from enthesis.clinic.permissions import StaffRequest, get_for, page
from enthesis.journey.ledger import Kind, goes_out
from enthesis.units import Money


def statement_of(course: Course) -> dict[str, Any]:
    """One course's money, in the language that is spoken now."""
    return standing(course) | {
        "today": store.today(course.patient.clinic),
        "ahead": ledger.ahead(course, store.course_record(course)),
        "lines": _lines(course),
    }


@dataclass(frozen=True)
class Line:
    """One line of a statement: what the patient paid is below zero. None where no money moved,
    because it was counted when it was paid ahead."""

    on: date
    words: str
    amount: Money | None


def _lines(course: Course) -> list[Line]:
    """What was charged and what was paid, in the order of days, in the language of the page."""
    invoices = course.invoices.prefetch_related("lines")
    lines = [
        Line(
            bill.issued_on,
            gettext("Invoice %(number)s") % {"number": bill.number},
            ledger.total_of(bill),
        )
        for bill in invoices
    ]
    ahead, after = list[Line](), list[Line]()
    for row in course.entries.select_related("invoice"):
        money = Money(row.amount, row.currency)
        amount = None if row.paper == "transfer" else money if goes_out(Kind(row.kind)) else -money
        line = Line(row.on, entry_words(row), amount)
        # What was paid ahead stands before the invoice that it pays.
        (ahead if row.kind in (Kind.DEPOSIT, Kind.SERIES) else after).append(line)
    return sorted([*ahead, *lines, *after], key=lambda line: line.on)


@require_safe
def statement_paper(request: StaffRequest, course_id: int) -> HttpResponse:
    """A course's statement as PDF, in the patient's language, for whoever has no phone."""
    course = get_for(request.user, Course, course_id)
    person = course.patient
    with translation.override(person.language):
        told = statement_of(course)
        title = gettext("Your statement")
    context = told | {
        "title": title,
        "language": person.language,
        "facts": f"{person.given} {person.family}, {person.number} · {person.clinic.name}",
        "clinic_name": person.clinic.name,
        "phone": person.clinic.phone,
    }
    name = f"statement-{person.number}-{told['today']}"
    return documents.answer(name, "statement", context, person.language)


urlpatterns = [page("courses/<int:course_id>/statement/", statement_paper, "statement_paper")]

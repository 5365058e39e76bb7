"""The superbill of a course: kept as it was handed out."""

from django.db import transaction

from enthesis.clinic import audit, estimates, store
from enthesis.clinic.actions import Refused, save
from enthesis.clinic.actions.estimate import check_diagnoses
from enthesis.clinic.documents import lines_of
from enthesis.clinic.ledger import bill_of
from enthesis.clinic.models import Course, Invoice, Superbill, User
from enthesis.clinic.permissions import get_for
from enthesis.journey.superbill import Billed, superbill
from enthesis.shape import plain


@transaction.atomic
def make_superbill(user: User, course_id: int, diagnoses: tuple[tuple[str, str], ...]) -> Superbill:
    """From all bills of a course that stand by now, with the diagnoses that were chosen. The codes
    are those of the bills: nobody can choose another. Made twice the same, the same one."""
    course = get_for(user, Course, course_id, lock=True)
    clinic = course.patient.clinic
    bills = [_billed(bill) for bill in course.invoices.order_by("number")]
    if not bills:
        raise Refused("Nothing is billed yet: a superbill says what was done and paid.")
    if not diagnoses:
        raise Refused("Choose at least one diagnosis: an insurer sends it back without.", "codes")
    check_diagnoses(diagnoses)
    try:
        made = superbill(bills, diagnoses)
    except ValueError as error:
        raise Refused("The bills are in two currencies, which one paper cannot add up.") from error
    today = store.today(clinic)
    content = {
        "superbill": plain(made),
        "around": plain(estimates.around(course, today, diagnoses)),
    }
    last = course.superbills.last()
    if last is not None and last.made_on == today and last.content == content:
        return last
    row = save(Superbill(course=course, made_on=today, content=content, by=user))
    audit.record(user, "make_superbill", row, detail={"bills": [one.invoice for one in bills]})
    return row


def _billed(bill: Invoice) -> Billed:
    day = bill.session.on if bill.session else bill.issued_on
    return Billed(bill.number, day, lines_of(bill), bill_of(bill, day).paid)

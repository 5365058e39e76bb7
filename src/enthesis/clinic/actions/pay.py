"""What a session costs: its invoice, at the agreed price or out of a prepaid series."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date

from django.db import transaction
from django.db.models import Max

from enthesis.clinic import audit, ledger, store
from enthesis.clinic.actions import Refused, hold_clinic, save
from enthesis.clinic.actions.ledger import use_prepaid_session
from enthesis.clinic.models import Clinic, Invoice, InvoiceLine, Session, User
from enthesis.clinic.permissions import get_for
from enthesis.clinic.prices import terms_of
from enthesis.journey import day_close, instalments, pay
from enthesis.journey.ledger import SeriesLeft, nothing, series_left


@transaction.atomic
def make_invoice(
    user: User,
    session_id: int,
    today: date,
    due_on: date | None = None,
    arrangement: str = "",
    prepaid: bool = False,
) -> Invoice:
    """The bill of a signed session, with the clinic's next number; asked twice, the same bill.

    Due on the day of treatment, unless an arrangement made before says another day and how.
    `prepaid` takes the next session of the prepaid series, at its share, in the same step.
    """
    # The clinic's row is held, so that two desks never take the same number or leave one out.
    clinic = hold_clinic(user)
    session = get_for(user, Session, session_id)
    if existing := Invoice.objects.filter(session=session).first():
        return existing
    if session.signed_at is None:
        raise Refused("Sign the session first: a draft cannot be charged.")
    charges = prepaid_charges(session) if prepaid else charges_of(session)
    for charge in charges:
        if charge.amount.currency != clinic.currency:
            raise Refused(
                f"The plan was agreed in {charge.amount.currency}, the clinic now charges in "
                f"{clinic.currency}. Agree on a new plan first."
            )
    invoice = Invoice(
        clinic=clinic,
        number=_next_number(clinic),
        course=session.course,
        session=session,
        issued_on=day_close.first_open_day(today, ledger.closed_until(clinic)),
        due_on=_due_on(session, due_on, arrangement),
        currency=clinic.currency,
        arrangement=arrangement,
        by=user,
    )
    if due_on is None and not prepaid:
        _hand_out_parts(invoice, session, charges)
    save(invoice)
    for charge in charges:
        save(
            InvoiceLine(
                invoice=invoice,
                text=charge.text,
                code=charge.code,
                item=charge.item,
                units=charge.units,
                amount=charge.amount.amount,
            )
        )
    audit.record(user, "make_invoice", invoice, detail={"number": invoice.number})
    if prepaid:
        use_prepaid_session(user, invoice, f"prepaid-{session.pk}")
    return invoice


def _next_number(clinic: Clinic) -> int:
    last = Invoice.objects.filter(clinic=clinic).aggregate(last=Max("number"))["last"]
    return (last or 0) + 1


def _due_on(session: Session, due_on: date | None, arrangement: str) -> date:
    if due_on is None or due_on == session.on:
        return pay.due_on(session.on)
    if due_on < session.on:
        raise Refused("A bill cannot be due before the treatment. Choose a later day.", "due_on")
    if not arrangement:
        raise Refused(
            "Payment is due on the day of treatment. For a later day, write what was arranged.",
            "arrangement",
        )
    return pay.due_on(session.on, due_on)


def _hand_out_parts(invoice: Invoice, session: Session, charges: Sequence[pay.Charge]) -> None:
    """The parts of the arrangement that stood before the session was signed fall to its invoice."""
    row = ledger.standing_arrangement(session.course)
    if row is None or row.currency != invoice.currency:
        return
    charged = sum((charge.amount for charge in charges), nothing(row.currency))
    if charged.amount <= 0:
        return
    if session.signed_at is None or row.at > session.signed_at or row.agreed_on > session.on:
        return
    none = nothing(row.currency)
    before = row.invoices.prefetch_related("lines")
    parts = instalments.parts_of(
        ledger.read_parts(row.parts, row.currency),
        sum((ledger.total_of(one) for one in before), none),
        charged,
        session.on,
    )
    invoice.arranged, invoice.parts = row, ledger.plain_parts(parts)
    invoice.due_on = parts[-1].due_on
    invoice.arrangement = f"In parts, as arranged on {row.agreed_on.day} {row.agreed_on:%b %Y}"


def charges_of(session: Session) -> tuple[pay.Charge, ...]:
    """What the plan that stood on the day of the session says that it costs: a later agreement
    changes no price of what was given before."""
    if session.signed_at is None:
        raise Refused("This session is not signed yet: sign it first.")
    course = store.course_record(session.course)
    given = next(one for one in course.sessions if one.number == session.number)
    known = store.known_for(session.course.patient.clinic, session.on)
    plan = session.course.plans.filter(agreed_on__lte=session.on).last()
    if plan is None:
        raise Refused("No plan was agreed by the day of this session, so no price was agreed.")
    agreed = store.plan_record(plan)
    if agreed.price_per_session.currency != session.course.patient.clinic.currency:
        return pay.session_charges(agreed, given, known)
    guided = {
        session.guidance,
        *session.sites.filter(given=True).values_list("guidance", flat=True),
    }
    terms = terms_of(session.course, plan, session.on)
    return pay.session_charges(agreed, given, known, terms, guided)


def prepaid_charges(session: Session) -> tuple[pay.Charge, ...]:
    """One session of the prepaid series, at its share of what the series cost."""
    left = prepaid_left(session)
    if left is None:
        raise Refused(
            "No prepaid session is left: the last one was used. Charge the agreed price, or sell "
            "another series first.",
            "prepaid",
        )
    first = charges_of(session)[0]
    place = left.sold - left.sessions + 1
    text = f"{first.text}, {place} of {left.sold} prepaid"
    return (replace(first, text=text, amount=left.next_share),)


def prepaid_left(session: Session) -> SeriesLeft | None:
    """The prepaid series that the session would be taken from."""
    return next(iter(series_left(ledger.book_of(session.course))), None)

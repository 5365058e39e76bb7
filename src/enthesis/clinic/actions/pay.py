"""What a session cost and what was paid for it: lines and payments are only ever added."""

from datetime import date
from decimal import Decimal

from django.db import transaction
from django.db.models import Max

from enthesis.clinic import audit, store
from enthesis.clinic.actions import Refused, hold_clinic, save
from enthesis.clinic.models import Clinic, Invoice, InvoiceLine, Payment, Session, User
from enthesis.clinic.permissions import get_for
from enthesis.clinic.prices import terms_of
from enthesis.journey import pay
from enthesis.units import MINOR_DIGITS, Money, money_words


@transaction.atomic
def make_invoice(
    user: User, session_id: int, today: date, due_on: date | None = None, arrangement: str = ""
) -> Invoice:
    """The bill of a signed session, with the clinic's next number; asked twice, the same bill.

    Due on the day of treatment, unless an arrangement made before says another day and how.
    """
    # The clinic's row is held, so that two desks never take the same number or leave one out.
    clinic = hold_clinic(user)
    session = get_for(user, Session, session_id)
    if existing := Invoice.objects.filter(session=session).first():
        return existing
    if session.signed_at is None:
        raise Refused("Sign the session first: a draft cannot be charged.")
    invoice = Invoice(
        clinic=clinic,
        number=_next_number(clinic),
        course=session.course,
        session=session,
        issued_on=today,
        due_on=_due_on(session, due_on, arrangement),
        currency=clinic.currency,
        arrangement=arrangement,
        by=user,
    )
    save(invoice)
    for charge in charges_of(session):
        if charge.amount.currency != clinic.currency:
            raise Refused(
                f"The plan was agreed in {charge.amount.currency}, the clinic now charges in "
                f"{clinic.currency}. Agree on a new plan first."
            )
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


def charges_of(session: Session) -> tuple[pay.Charge, ...]:
    """What the plan that stood on the day of the session says that it costs: a later agreement
    changes no price of what was given before."""
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


@transaction.atomic
def record_payment(
    user: User, invoice_id: int, amount: Decimal, method: str, paid_on: date, request_key: str
) -> Payment:
    """Money received. The same `request_key` twice (a double click, a retry) is one payment.

    Refused above the balance, below the currency's smallest coin, and on a day to come.
    """
    invoice = get_for(user, Invoice, invoice_id, lock=True)
    if existing := Payment.objects.filter(request_key=request_key).first():
        if existing.invoice_id != invoice.pk:
            raise Refused("This form was already used for another invoice. Open it anew.")
        return existing
    _check_amount(invoice, amount)
    if paid_on > store.today(invoice.clinic):
        raise Refused("The day of payment lies in the future.", "paid_on")
    payment = save(
        Payment(
            invoice=invoice,
            amount=amount,
            method=method,
            paid_on=paid_on,
            request_key=request_key,
            by=user,
        )
    )
    detail = {"invoice": invoice.number, "amount": str(payment.amount), "method": payment.method}
    audit.record(user, "record_payment", payment, detail=detail)
    return payment


def _check_amount(invoice: Invoice, amount: Decimal) -> None:
    open_balance = balance_of(invoice)
    if not amount.is_finite() or amount <= 0:
        raise Refused("Write an amount above zero.", "amount")
    if -int(amount.normalize().as_tuple().exponent) > MINOR_DIGITS[invoice.currency]:
        raise Refused(f"{invoice.currency} has no amount as small as {amount}.", "amount")
    if amount > open_balance.amount:
        raise Refused(
            f"Only {money_words(open_balance)} of this invoice is open. Write that or less.",
            "amount",
        )


def balance_of(invoice: Invoice) -> Money:
    """What is still to be paid."""
    currency = invoice.currency
    charges = [
        pay.Charge(line.text, line.code, Money(line.amount, currency))
        for line in invoice.lines.all()
    ]
    if not charges:
        return Money(Decimal(0), currency)
    return pay.balance(charges, [Money(p.amount, currency) for p in invoice.payments.all()])

"""Estimates and superbills as the rows say: what is in force, how far the bills have come."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from zoneinfo import ZoneInfo

from enthesis.clinic import prices, store
from enthesis.clinic.ledger import bill_of
from enthesis.clinic.lengths import series_lengths
from enthesis.clinic.models import Appointment, Clinic, Course, Estimate, Invoice, Plan
from enthesis.journey import course as steps
from enthesis.journey import estimate as rules
from enthesis.journey.course import Phase
from enthesis.journey.estimate_words import Around, Told, told
from enthesis.journey.lines import Lines
from enthesis.knowledge.load import shipped_codes
from enthesis.shape import read
from enthesis.units import Money

ICD_10 = "ICD-10-CM"


@dataclass(frozen=True, slots=True)
class Choice:
    """What is chosen for an estimate: a discount of the tariff, the consultation, diagnoses."""

    discount: str = ""
    consultation: bool = False
    diagnoses: tuple[tuple[str, str], ...] = ()


def plan_to_price(course: Course) -> Plan | None:
    """The plan last agreed; before any agreement the last proposal."""
    return course.plans.exclude(agreed_on=None).last() or course.plans.last()


def work_out(course: Course, plan: Plan, chosen: Choice, today: date) -> rules.Estimate | None:
    """The estimate of a plan as it would be made today; None without a price to tell."""
    clinic = course.patient.clinic
    tariff = prices.tariff_of(clinic, plan.agreed_on or today)
    planned = store.plan_record(plan)
    if tariff is None or tariff.session.currency != planned.price_per_session.currency:
        return None
    return rules.estimate(
        planned,
        tariff,
        store.known_for(clinic, today),
        today,
        discount=chosen.discount if chosen.discount in tariff.percents else "",
        consultation=chosen.consultation,
        own=series_lengths(clinic, planned.protocol),
    )


def around(course: Course, today: date, diagnoses: tuple[tuple[str, str], ...]) -> Around:
    """What stands around the numbers today."""
    patient = course.patient
    clinic = patient.clinic
    known = store.known_for(clinic, today)
    condition = known.conditions.get(course.condition)
    booked = course.appointments.filter(
        kind=Appointment.Kind.SESSION, state=Appointment.State.BOOKED
    ).order_by("starts_at")
    zone = ZoneInfo(clinic.time_zone)
    return Around(
        clinic=clinic.name,
        phone=clinic.phone,
        address=clinic.address,
        tax_id=clinic.tax_id,
        npi=clinic.npi,
        provider=str(course.clinician or ""),
        patient=f"{patient.given} {patient.family}",
        number=patient.number,
        born_on=patient.born_on,
        condition=condition.name if condition else course.condition.replace("_", " "),
        line=prices.line_of(clinic, today),
        diagnoses=diagnoses,
        booked=tuple(one.starts_at.astimezone(zone).date() for one in booked),
    )


def codes_of(course: Course, today: date) -> Mapping[str, str]:
    """The diagnosis codes that the knowledge files name for the condition, with their names."""
    condition = store.known_for(course.patient.clinic, today).conditions.get(course.condition)
    names = shipped_codes()
    found = condition.codes if condition else ()
    return {code: names[system, code] for system, code in found if system == ICD_10}


def kept(row: Estimate) -> tuple[rules.Estimate, Around]:
    """An estimate as it was given."""
    where = f"estimate {row.pk}"
    return (
        read(rules.Estimate, row.content["estimate"], where),
        read(Around, row.content["around"], where),
    )


def chosen_for(row: Estimate) -> Choice:
    """What was chosen when it was made."""
    return read(Choice, row.content["chosen"], f"estimate {row.pk}")


def is_out_of_date(row: Estimate, today: date) -> bool:
    """Whether the plan of the course would be estimated otherwise by now."""
    plan = plan_to_price(row.course)
    now = plan and work_out(row.course, plan, chosen_for(row), today)
    if not now:
        return False
    then, _ = kept(row)
    return (now.first, now.session, now.sessions, now.most) != (
        then.first,
        then.session,
        then.sessions,
        then.most,
    )


def standing(
    row: Estimate, today: date, bills: list[Invoice] | None = None, coming: Money | None = None
) -> rules.Standing:
    """How far the bills of the course have come. `coming` None: the next session of a series that
    goes on."""
    made, _ = kept(row)
    none = made.expected - made.expected
    if bills is None:
        bills = list(row.course.invoices.prefetch_related("lines", "entries"))
    billed = sum((billed_by(bill) for bill in bills if bill.currency == none.currency), none)
    if coming is None:
        goes_on = not has_ended(row.course) and len(bills) < made.most
        coming = (made.each if bills else made.of(1)) if goes_on else none
    return rules.Standing(made.expected, billed, coming, prices.line_of(_clinic(row), today))


def billed_by(invoice: Invoice) -> Money:
    """What an invoice charges, less its credit notes."""
    bill = bill_of(invoice, invoice.issued_on)
    return bill.total - bill.credited


def has_ended(course: Course) -> bool:
    """Whether no further session is to come as things stand."""
    phase = steps.phase(store.course_outlines([course])[0])
    return phase in (Phase.FOLLOWING, Phase.REFERRED, Phase.CLOSED)


def told_in(row: Estimate, language: str, today: date) -> Told:
    """An estimate in a language, with what it came to once there are bills."""
    made, stands_around = kept(row)
    said = Lines(store.known_for(_clinic(row), today), language)
    bills = list(row.course.invoices.prefetch_related("lines", "entries"))
    if not bills:
        return told(made, stands_around, said)
    over_on = None if has_ended(row.course) else today
    return told(made, stands_around, said, standing(row, today, bills), over_on, len(bills))


def _clinic(row: Estimate) -> Clinic:
    return row.course.patient.clinic

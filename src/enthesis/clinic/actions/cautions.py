"""Allergies and illness against the day's mixtures, and what a clinician sets aside."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal

from django.db import transaction
from django.utils import timezone

from enthesis.clinic import audit, store
from enthesis.clinic.actions import Refused, hold_clinic, refuse_aside, save
from enthesis.clinic.models import CautionSetAside, Clinic, Course, Session, User
from enthesis.clinic.permissions import get_for
from enthesis.journey.cautions import Caution, Told, mixture_cautions
from enthesis.journey.treat import amount
from enthesis.knowledge.kinds import AnaestheticLimit, Knowledge
from enthesis.records import Mixture
from enthesis.shape import plain, read
from enthesis.units import Mg


def told_by(course: Course) -> Told:
    """What is known of allergies and illness: from the patient's record and the last evaluation."""
    patient = course.patient
    asked = patient.allergies or patient.allergies_asked_on is not None
    last = store.course_record(course).evaluation
    return Told(patient.allergies if asked else None, last.answers if last else {})


def cautions_of(
    session: Session, mixtures: Sequence[Mixture], known: Knowledge
) -> list[tuple[Caution, CautionSetAside | None]]:
    """What stands against these mixtures, each with why it was set aside, if it was."""
    aside = {row.caution: row for row in session.set_aside.select_related("by").order_by("at")}
    found = mixture_cautions(mixtures, told_by(session.course), known)
    return [(one, aside.get(one.key[:500]) if one.stop else None) for one in found]


def refuse_cautions(session: Session, mixtures: Sequence[Mixture], known: Knowledge) -> None:
    """Refused while a hard stop stands that nobody has set aside with a reason."""
    standing = [
        caution.reason.text
        for caution, aside in cautions_of(session, mixtures, known)
        if caution.stop and aside is None
    ]
    if standing:
        raise Refused(f"Not safe. {' '.join(standing)}")


@transaction.atomic
def set_aside(user: User, session_id: int, key: str, reason: str) -> CautionSetAside:
    """Why a hard stop does not hold for this session. Refused without a reason, of anybody but a
    clinician, after signing, and for what does not stand against it."""
    refuse_aside(user, [reason])
    session = get_for(user, Session, session_id, lock=True)
    if session.signed_at is not None:
        raise Refused("This session is signed already: it is only amended now.")
    known = store.known_for(session.course.patient.clinic, session.on)
    found = cautions_of(session, read(tuple[Mixture, ...], session.mixtures), known)
    if key not in {caution.key[:500] for caution, _ in found if caution.stop}:
        raise Refused("That does not stand against this session any more. Look again.")
    if not reason.strip():
        raise Refused("Write the reason: without one nothing is set aside.", "reason")
    row = save(CautionSetAside(session=session, caution=key, reason=reason.strip(), by=user))
    audit.record(user, "set_aside_caution", session, detail={"caution": key.split(":")[0]})
    return row


@transaction.atomic
def enter_ceiling(
    user: User,
    substance: str,
    with_adrenaline: bool,
    mg_per_kg: Decimal,
    cap_mg: Decimal,
    source: str,
    today: date,
) -> Clinic:
    """The clinic's own ceiling for an anaesthetic that the knowledge files have none for, from
    today on. Refused for any other substance, and without a source."""
    clinic = hold_clinic(user)
    known = store.known_for(clinic, today)
    found = known.substances.get(substance)
    if found is None or found.role != "anaesthetic":
        raise Refused("Choose one of the anaesthetics.", "substance")
    shipped = {
        (limit.substance, limit.with_adrenaline)
        for limit in store.shipped_on(today).anaesthetic_limits
    }
    if (substance, with_adrenaline) in shipped:
        raise Refused(f"{found.name} has a ceiling from its label already.", "substance")
    if not (mg_per_kg.is_finite() and cap_mg.is_finite() and mg_per_kg > 0 and cap_mg > 0):
        raise Refused("Both numbers must be above zero.", "mg_per_kg")
    _refuse_a_slip(mg_per_kg, cap_mg, known)
    if not source.strip():
        raise Refused("Write where the ceiling is from, and who vouches for it.", "source")
    limit = AnaestheticLimit(
        substance,
        found.name + (" with adrenaline" if with_adrenaline else ", plain"),
        today,
        with_adrenaline,
        mg_per_kg,
        Mg(cap_mg),
        f"Clinic's own, entered by {user} on {today.day} {today:%b %Y}: {source.strip()}",
    )
    told = {**plain(limit), "by": user.pk, "at": timezone.now().isoformat()}
    clinic.own_ceilings = [*clinic.own_ceilings, told]
    save(clinic)
    audit.record(user, "enter_ceiling", clinic, detail=plain(limit))
    return clinic


def _refuse_a_slip(mg_per_kg: Decimal, cap_mg: Decimal, known: Knowledge) -> None:
    """A ceiling that no anaesthetic has is a decimal point in the wrong place."""
    for value, most, field, unit in (
        (mg_per_kg, known.mixing.own_mg_per_kg_max, "mg_per_kg", "mg for each kg"),
        (cap_mg, known.mixing.own_cap_mg_max, "cap_mg", "mg"),
    ):
        if value > most:
            raise Refused(
                f"{amount(value, unit)} is more than the {amount(most, unit)} that may be entered. "
                "Look at the decimal point and at the label.",
                field,
            )

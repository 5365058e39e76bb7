"""Who the patients are, what they weigh, what they are treated for."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from django.db import transaction
from django.db.models import Max

from enthesis.clinic import audit, store
from enthesis.clinic.actions import Refused, hold_clinic, open_for_edit, save
from enthesis.clinic.models import Clinic, Course, Patient, User, Weight
from enthesis.clinic.permissions import get_for, roles_of

FIRST_NUMBER = 1001


@dataclass(frozen=True)
class PatientDetails:
    """What staff write down about a patient. `allergies` None: nobody asked; "": none known."""

    family: str
    given: str
    born_on: date | None
    sex: str
    phone: str = ""
    email: str = ""
    allergies: str | None = None
    anticoagulant: str = ""
    language: str = "en"


def twin_of(clinic: Clinic, details: PatientDetails) -> Patient | None:
    """The clinic's patient of the same name and birth date, perhaps the same person."""
    return Patient.objects.filter(
        clinic=clinic,
        family__iexact=details.family,
        given__iexact=details.given,
        born_on=details.born_on,
    ).first()


@transaction.atomic
def add_patient(
    user: User, details: PatientDetails, today: date, *, is_another: bool = False
) -> Patient:
    """A new patient with the clinic's next number.

    Refuses a second record of the same name and birth date unless `is_another` person is meant.
    """
    # The clinic's row is held, so that two desks never give out the same number.
    clinic = hold_clinic(user)
    twin = twin_of(clinic, details)
    if twin and not is_another:
        raise Refused(
            f"No. {twin.number} has the same name and birth date. Open that record, or tick "
            "that this is somebody else.",
            "is_another",
        )
    last = Patient.objects.filter(clinic=clinic).aggregate(last=Max("number"))["last"]
    patient = Patient(clinic=clinic, number=(last or FIRST_NUMBER - 1) + 1)
    _write(patient, details, today)
    save(patient)
    audit.record(user, "add_patient", patient)
    return patient


@transaction.atomic
def change_patient(
    user: User, patient_id: int, details: PatientDetails, today: date, expected_version: int | None
) -> Patient:
    """Correct a patient's details; EditConflict if somebody else did in the meantime."""
    patient = open_for_edit(user, Patient, patient_id, expected_version)
    before = {f.name: getattr(patient, f.name) for f in Patient._meta.concrete_fields}
    _write(patient, details, today)
    save(patient)
    changed = [name for name, value in before.items() if getattr(patient, name) != value]
    audit.record(user, "change_patient", patient, detail={"changed": changed})
    return patient


def _write(patient: Patient, details: PatientDetails, today: date) -> None:
    if details.born_on and details.born_on > today:
        raise Refused("The birth date lies in the future. Check the year.", "born_on")
    written = ("family", "given", "born_on", "sex", "phone", "email", "language", "anticoagulant")
    for name in written:
        setattr(patient, name, getattr(details, name))
    if details.allergies is None:
        patient.allergies, patient.allergies_asked_on = "", None
    elif patient.allergies_asked_on is None or patient.allergies != details.allergies:
        patient.allergies, patient.allergies_asked_on = details.allergies, today


@transaction.atomic
def add_weight(user: User, patient_id: int, kg: Decimal, measured_on: date) -> Weight:
    """A weight as measured. Refuses what knowledge calls impossible, and the future."""
    patient = get_for(user, Patient, patient_id)
    today = store.today(patient.clinic)
    if measured_on > today:
        raise Refused("The day of weighing lies in the future.", "measured_on")
    limits = store.known_for(patient.clinic, today).mixing
    if not limits.weight_kg_min <= kg <= limits.weight_kg_max:
        raise Refused(
            f"A weight must be from {limits.weight_kg_min} to {limits.weight_kg_max} kg. "
            "Check the number and the unit.",
            "kg",
        )
    weight = save(Weight(patient=patient, kg=kg, measured_on=measured_on, by=user))
    audit.record(user, "add_weight", weight)
    return weight


@transaction.atomic
def add_course(
    user: User,
    patient_id: int,
    condition: str,
    side: str,
    complaint: str,
    clinician_id: int | None,
    today: date,
) -> Course:
    """Open a course for one complaint; the condition must be known and the side fit it."""
    patient = get_for(user, Patient, patient_id, lock=True)
    known = store.known_for(patient.clinic, today).conditions.get(condition)
    if known is None:
        raise Refused("Choose one of the conditions in the list.", "condition")
    if side not in known.sides:
        fitting = ", ".join(s.value for s in known.sides)
        raise Refused(f"{known.name} is recorded as: {fitting}.", "side")
    if Course.objects.filter(
        patient=patient, condition=condition, side=side, closed_on=None
    ).exists():
        raise Refused("This patient has an open course for that condition and side.", "condition")
    course = save(
        Course(
            patient=patient,
            condition=condition,
            side=side,
            complaint=complaint,
            opened_on=today,
            clinician=clinician_of(user, clinician_id),
        )
    )
    audit.record(user, "add_course", course, detail={"condition": condition, "side": side})
    return course


def clinician_of(user: User, clinician_id: int | None) -> User | None:
    """A clinician of the same clinic by id; Refused for anybody else."""
    if clinician_id is None:
        return None
    clinician = User.objects.filter(
        pk=clinician_id, clinic=user.clinic_id, role__in=roles_of("treat"), is_active=True
    ).first()
    if clinician is None:
        raise Refused("Choose one of the clinic's clinicians.", "clinician")
    return clinician

"""Give a patient the whole record, which is theirs: that it was given is kept too."""

from django.db import transaction

from enthesis.clinic import audit
from enthesis.clinic.models import Patient, User
from enthesis.clinic.permissions import get_for
from enthesis.clinic.whole_record import record_pdf, record_zip


def give_paper(user: User, patient_id: int) -> tuple[Patient, bytes]:
    """The record on paper. Raises LettersError."""
    patient = get_for(user, Patient, patient_id)
    pdf = record_pdf(patient)
    _write_down(user, patient, "pdf")
    return patient, pdf


def give_bundle(user: User, patient_id: int) -> tuple[Patient, bytes]:
    """The record with all its files. Raises LettersError."""
    patient = get_for(user, Patient, patient_id)
    return patient, bundle(patient, user)


def bundle(patient: Patient, user: User | None = None) -> bytes:
    """The same, for a patient already found; `user` None is the command line."""
    made = record_zip(patient)
    _write_down(user, patient, "zip")
    return made


@transaction.atomic
def _write_down(user: User | None, patient: Patient, form: str) -> None:
    # After it was made: a paper takes seconds, and nobody else could write meanwhile.
    audit.record(user, "give_record", patient, detail={"as": form}, by="command line")

"""Who did what to which record: one row for every write, in the same transaction as the write, and
one for every patient whose record is read, before it is shown."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Case, Model, QuerySet, TextField, Value, When
from django.db.models.functions import Concat

from enthesis.clinic.models import AccessEvent, AuditEvent, Clinic, Emergency, Patient, User
from enthesis.clinic.prepared import insert
from enthesis.clinic.proof import home

_events: ContextVar[list[int] | None] = ContextVar("events", default=None)


@contextmanager
def watching() -> Iterator[list[int]]:
    """The primary keys of the events within; of an action that failed they do not stay."""
    events: list[int] = []
    before = _events.set(events)
    try:
        yield events
    finally:
        _events.reset(before)


def record(
    user: User | None,
    action: str,
    row: Model,
    patient: Patient | None = None,
    detail: dict[str, Any] | None = None,
    by: str = "patient",
) -> AuditEvent:
    """Append one event; `user` None means `by`: the patient, by a personal link, or Enthesis.

    `action` is the name of the action function ("add_patient"). `detail` never holds answers,
    notes or tokens, only what changed and why. Must run inside the action's transaction:
    without the event there is no write.
    """
    if not transaction.get_connection().in_atomic_block:
        raise RuntimeError(f"audit.record({action!r}) outside a transaction: add @atomic.")
    patient = patient or _patient_of(row)
    event = insert(
        AuditEvent(
            clinic_id=user.clinic_id if user else _clinic_of(patient or row),
            user=user,
            actor=str(user) if user else by,
            action=action,
            patient=patient,
            record=row._meta.model_name or "",
            record_id=row.pk,
            detail=detail or {},
        )
    )
    if (events := _events.get()) is not None:
        events.append(event.pk)
    return event


def keep_failure(action: str, record: str, address: str, actor: str = "") -> None:
    """One who is nobody yet came from an address and failed, under the name that was typed."""
    told = {"address": address, "network": home(address)}
    insert(AuditEvent(action=action, actor=actor, record=record, detail=told))


def failures(action: str, address: str, since: datetime, actor: str | None = None) -> int:
    """How many were kept, under a name or all, from the network of an address: of single addresses
    one home has as many as it likes (IPv6). Counted in rows, which all workers share."""
    kept = AuditEvent.objects.filter(at__gt=since, action=action)
    if actor is not None:
        kept = kept.filter(actor=actor)
    return kept.filter(detail__network=home(address)).count()


def _clinic_of(row: Model) -> int | None:
    """The clinic of a patient, or of an enquiry, which nobody signed in for; or it is one."""
    if isinstance(row, Clinic):
        return row.pk
    row = getattr(row, "enquiry", None) or row
    clinic: int | None = getattr(row, "clinic_id", None)
    return clinic


def _patient_of(row: Model) -> Patient | None:
    """Follow the row to its patient, if it has one."""
    if isinstance(row, Patient):
        return row
    for step in ("patient", "course", "session", "invoice", "message", "event", "estimate"):
        if (next_row := getattr(row, step, None)) is not None:
            return _patient_of(next_row)
    return None


def reads_of(patient: Patient) -> "QuerySet[AccessEvent, tuple[datetime, str, str]]":
    """Each reading of a record: when, by whom, and what, with the reason of an emergency."""
    text = TextField()  # a column of ours and a word are of two classes
    what = Case(
        When(emergency=None, then="what"),
        default=Concat(
            "what", Value(", in an emergency: "), "emergency__reason", output_field=text
        ),
        output_field=text,
    )
    reads = AccessEvent.objects.filter(patient=patient).annotate(said=what).order_by("id")
    return reads.values_list("at", "actor", "said")


def record_reads(
    clinic: Clinic,
    user: User | None,
    patients: Iterable[int],
    what: str,
    address: str = "",
    by: str = "",
    emergency: Emergency | None = None,
) -> None:
    """One row for each patient whose record was read. `by` names who read where there is no user;
    `emergency` is what opened the page where the role does not.

    Patients of another clinic are left out: their rows were compared with, and not shown.
    """
    own = Patient.objects.filter(pk__in=set(patients), clinic=clinic).values_list("pk", flat=True)
    events = [
        AccessEvent(
            clinic=clinic,
            user=user,
            actor=str(user) if user else by,
            patient_id=patient,
            what=what,
            address=address,
            emergency=emergency,
        )
        for patient in sorted(own)
    ]
    # In a transaction of its own, which holds SQLite's one write lock for no longer than this.
    AccessEvent.objects.bulk_create(events)

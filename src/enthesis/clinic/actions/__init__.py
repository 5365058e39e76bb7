"""Every write is one function here: load, ask the core, check, save, audit, in one transaction.

An action knows no request. It raises `Refused` for what its user must mend and `EditConflict`
when somebody else changed the record since its user opened it; pages turn both into forms that
keep what was typed.
"""

from collections.abc import Iterable
from typing import TypeVar, cast

from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from django.db.models import ForeignKey, Model

from enthesis.clinic.models import (
    AdverseEventEntry,
    AidGiven,
    Amendment,
    Arrangement,
    CautionSetAside,
    Clinic,
    Consent,
    DayClose,
    Decision,
    EnquiryFact,
    Estimate,
    EstimateReceived,
    Evaluation,
    Invoice,
    InvoiceLine,
    LedgerEntry,
    PacketRelease,
    Session,
    StockMovement,
    Superbill,
    TariffPrice,
    User,
    Weight,
)
from enthesis.clinic.permissions import get_for, may
from enthesis.clinic.prepared import insert

M = TypeVar("M", bound=Model)
BOOKS = (
    *(Invoice, InvoiceLine, LedgerEntry, Arrangement, DayClose, TariffPrice),
    *(Estimate, EstimateReceived, Superbill, PacketRelease),
)
"""Rows that are only ever added: what is wrong in them is set right by another one."""
FACTS = (
    *(Evaluation, Decision, Consent, Amendment, Weight, StockMovement),
    *(AdverseEventEntry, AidGiven, CautionSetAside, EnquiryFact),
)
"""Likewise, outside the books: what was found, decided, signed or added."""


class Refused(Exception):  # noqa: N818 (an answer, not a fault)
    """Not done: `message` says what to mend; `field` names the form field, None for the whole."""

    def __init__(self, message: str, field: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.field = field


class EditConflict(Exception):  # noqa: N818 (likewise)
    """Somebody else saved first; `theirs` is the row as it stands now."""

    def __init__(self, theirs: Model) -> None:
        super().__init__("Somebody else changed this record after you opened it.")
        self.theirs = theirs


class AppendOnlyError(RuntimeError):
    """Code tried to change the books, a fact, or a session that is signed."""

    def __init__(self, kind: type[Model]) -> None:
        super().__init__(f"A {kind.__name__} is never changed. Add a row that sets it right.")


def open_for_edit(user: User, kind: type[M], id: int, expected_version: int | None) -> M:
    """The row, held until the transaction ends; EditConflict if its version is not the expected.

    Http404 for another clinic's row. `expected_version` None skips the comparison.
    """
    row = get_for(user, kind, id, lock=True)
    if expected_version is not None and row.version != expected_version:  # type: ignore[attr-defined]
        raise EditConflict(row)
    return row


def refuse_aside(user: User, reasons: Iterable[str]) -> None:
    """Refused where somebody else than a clinician gives a reason to set a hard stop aside."""
    if not may(user, "set_aside_findings") and any(reason.strip() for reason in reasons):
        raise Refused("Only a clinician sets a finding aside, with a reason.")


def hold_clinic(of: User | Invoice) -> Clinic:
    """The clinic of a user or an invoice, held until the transaction ends: what must go one by one
    waits."""
    return Clinic.objects.select_for_update().get(pk=cast(int, of.clinic_id))


def save(row: M, look_for_others: bool = True) -> M:
    """Check and save a row; an edited row with a version gets the next one. Raises Refused; for a
    row of the books, a fact or a signed session that stands already AppendOnlyError.

    Not `look_for_others`: whoever saves holds what it belongs to, and has seen that there is no
    other row that it could collide with."""
    if row.pk is not None and (isinstance(row, (*BOOKS, *FACTS)) or _is_signed(row)):
        raise AppendOnlyError(type(row))
    try:
        _check(row, look_for_others)
    except ValidationError as error:
        field, messages = next(iter(error.message_dict.items()))
        raise Refused(messages[0], None if field == NON_FIELD_ERRORS else field) from error
    if row.pk is None:
        return insert(row)
    if hasattr(row, "version"):
        row.version += 1
    row.save()
    return row


def _check(row: Model, look_for_others: bool) -> None:
    """As full_clean does it, but without asking the database once more for each row that this one
    points to and that was read already: the database itself refuses one that is not there."""
    read = {
        field.name
        for field in row._meta.concrete_fields
        if isinstance(field, ForeignKey) and field.is_cached(row)
        if getattr(row, field.attname) is not None
    }
    row.clean_fields(exclude=read)
    row.clean()
    if look_for_others:
        row.validate_unique()
    row.validate_constraints()


def _is_signed(row: Model) -> bool:
    """Whether it stands signed in the database, whatever the row in hand says."""
    signed = Session.objects.filter(pk=row.pk, signed_at__isnull=False)
    return isinstance(row, Session) and signed.exists()

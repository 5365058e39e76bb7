"""A lot is recalled, or is not any more; and that somebody looked up who got it."""

from datetime import date

from django.db import transaction
from django.utils import timezone

from enthesis.clinic import audit
from enthesis.clinic.actions import Refused, hold_clinic, save
from enthesis.clinic.models import LotRecall, User
from enthesis.clinic.permissions import get_for
from enthesis.journey import stock


@transaction.atomic
def mark_recalled(user: User, number: str, reason: str, on: date) -> LotRecall:
    """A lot is refused for sessions from a day on, whether stock knows it or not."""
    clinic, number = hold_clinic(user), number.strip()
    if not stock.lot_key(number):
        raise Refused("Write the lot as it is printed on the vial.", "lot")
    recall = save(
        LotRecall(
            clinic=clinic,
            number=number,
            key=stock.lot_key(number),
            on=on,
            reason=reason,
            by=user,
        )
    )
    audit.record(user, "mark_recalled", recall, detail={"lot": number})
    return recall


@transaction.atomic
def lift_recall(user: User, recall_id: int, reason: str) -> LotRecall:
    """Marked by mistake, or the recall was taken back."""
    recall = get_for(user, LotRecall, recall_id, lock=True)
    if recall.lifted_at is not None:
        raise Refused("This recall was lifted already.")
    recall.lifted_by, recall.lifted_at, recall.lifted_reason = user, timezone.now(), reason
    save(recall)
    audit.record(user, "lift_recall", recall, detail={"lot": recall.number})
    return recall


@transaction.atomic
def look_up_lot(user: User, number: str, sessions: int) -> None:
    """Who got a lot is read across patients: that somebody looked is kept."""
    clinic = hold_clinic(user)
    audit.record(user, "look_up_lot", clinic, detail={"lot": number, "sessions": sessions})

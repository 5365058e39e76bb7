"""The invented clinic's vials: what its sessions used, with some left, one late, one low."""

from datetime import date, timedelta
from decimal import Decimal

from django.db import transaction

from enthesis.clinic.models import (
    AuditEvent,
    Clinic,
    Session,
    StockLot,
    StockMovement,
    StockProduct,
    User,
)
from enthesis.journey.stock import lot_key, needs, whole_vials
from enthesis.knowledge.kinds import Knowledge
from enthesis.records import Mixture
from enthesis.shape import read
from enthesis.units import Percent

VIAL_ML = {"proliferant": Decimal(50), "anaesthetic": Decimal(20), "diluent": Decimal(20)}
LASTS = timedelta(days=540)
LEFT, FEW_LEFT, LATE_LEFT = 40, 3, 4

Product = tuple[str, Percent | None]
Uses = list[tuple[Session, int]]


@transaction.atomic
def stock_up(clinic: Clinic, by: User, today: date, known: Knowledge, actor: str) -> None:
    """Products, lots and movements that cover every session of the clinic, audited as invented."""
    rows: list[StockProduct | StockLot] = []
    for place, (product, lots) in enumerate(sorted(_used(clinic, known).items(), key=str)):
        kept = StockProduct.objects.create(
            clinic=clinic,
            substance=product[0],
            percent=product[1],
            vial_ml=VIAL_ML[known.substances[product[0]].role],
            low_vials=known.stock_rules.low_vials,
        )
        rows.append(kept)
        for back, (number, uses) in enumerate(reversed(lots.items())):
            rest = (FEW_LEFT if place == 0 else LEFT) if back == 0 else 0
            expires_on = uses[0][0].on + LASTS
            if (place, back) == (1, 1):
                rest, expires_on = LATE_LEFT, today + timedelta(days=25)
            rows.append(_lot(kept, number, expires_on, uses, rest, by))
    AuditEvent.objects.bulk_create(
        AuditEvent(
            clinic=clinic,
            actor=actor,
            action="invent",
            record=row._meta.model_name or "",
            record_id=row.pk,
        )
        for row in rows
    )


def _used(clinic: Clinic, known: Knowledge) -> dict[Product, dict[str, Uses]]:
    """Product to lot to the sessions that used it, and how many vials each."""
    found: dict[Product, dict[str, Uses]] = {}
    sessions = Session.objects.filter(course__patient__clinic=clinic).order_by("on", "pk")
    for session in sessions:
        for need in needs(read(tuple[Mixture, ...], session.mixtures), known):
            size = VIAL_ML[known.substances[need.substance].role]
            lots = found.setdefault((need.substance, need.percent), {})
            uses = lots.setdefault(session.lots[need.substance], [])
            uses.append((session, whole_vials(need.volume_ml, size)))
    return found


def _lot(
    product: StockProduct, number: str, expires_on: date, uses: Uses, rest: int, by: User
) -> StockLot:
    lot = StockLot.objects.create(
        product=product, number=number, key=lot_key(number), expires_on=expires_on
    )
    left = rest + sum(vials for _, vials in uses)
    came = uses[0][0].on.replace(day=1)
    moved = [
        StockMovement(lot=lot, number=1, kind="received", vials=left, left=left, on=came, by=by)
    ]
    for session, vials in uses:
        left -= vials
        moved.append(
            StockMovement(
                lot=lot,
                number=len(moved) + 1,
                kind="used",
                vials=-vials,
                left=left,
                on=session.on,
                session=session,
                by=session.signed_by,
            )
        )
    StockMovement.objects.bulk_create(moved)
    return lot

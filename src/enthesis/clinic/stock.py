"""What is on hand, what a session may take of it, and who got a lot: reads rows, asks the core."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date

from django.db.models import Sum
from django.db.models.functions import Coalesce

from enthesis.clinic import models, store
from enthesis.journey import stock
from enthesis.knowledge.kinds import Knowledge
from enthesis.records import Mixture
from enthesis.units import Ml, Percent


@dataclass(frozen=True)
class Offer:
    """The lots of one substance that a session may take; the first is the one to use up first."""

    choices: list[tuple[str, str]]
    short: str


@dataclass(frozen=True)
class Got:
    """A session that names a lot, and where it does."""

    session: models.Session
    found_in: str
    sites: str


def lots_of(
    clinic: models.Clinic, rows: Iterable[models.StockLot] | None = None
) -> list[stock.Lot]:
    """The clinic's lots (or these) as they stand now."""
    found = models.StockLot.objects.filter(product__clinic=clinic)
    if rows is not None:
        found = found.filter(pk__in=[row.pk for row in rows])
    recalled = recalls(clinic)
    return [
        stock.Lot(
            id=row.pk,
            number=row.number,
            substance=row.product.substance,
            percent=None if row.product.percent is None else Percent(row.product.percent),
            vial_ml=Ml(row.product.vial_ml),
            expires_on=row.expires_on,
            left=row.on_hand,
            recalled_on=recalled.get(row.key),
        )
        for row in found.select_related("product").annotate(
            on_hand=Coalesce(Sum("movements__vials"), 0)
        )
    ]


def lots_in_words(session: models.Session) -> dict[str, str]:
    """Substance to its lots and their expiry, as a session took or typed them; before it is signed
    nothing is taken, and the lots are those of the clinic. An expiry that nobody typed is unknown,
    and said to be."""
    if session.signed_at is None:
        taken = models.StockLot.objects.filter(product__clinic=session.course.patient.clinic)
    else:
        taken = models.StockLot.objects.filter(movements__session=session).distinct()
    rows = list(taken.select_related("product"))
    told = {}
    for name, text in session.lots.items():
        days = [row.expires_on for row in rows
                if row.product.substance == name and stock.holds_lot(text, row.key)]  # fmt: skip
        if typed := session.lot_expiries.get(name):
            days = [date.fromisoformat(typed)]
        expiry = f"expires {stock.day(min(days))}" if days else "expiry not recorded"
        told[name] = f"{text}, {expiry}"
    return told


def recalls(clinic: models.Clinic) -> dict[str, date]:
    """The lots that are recalled, by key, and since when."""
    rows = models.LotRecall.objects.filter(clinic=clinic, lifted_at=None)
    return dict(rows.values_list("key", "on"))


def kept(clinic: models.Clinic) -> set[tuple[str, Percent | None]]:
    """The substances and strengths that sessions take out of stock."""
    rows = models.StockProduct.objects.filter(clinic=clinic, is_kept=True)
    return {
        (substance, None if percent is None else Percent(percent))
        for substance, percent in rows.values_list("substance", "percent")
    }


def needs_by_substance(
    mixtures: Iterable[Mixture], known: Knowledge
) -> dict[str, list[stock.Need]]:
    """What mixtures draw, by the substance whose lot is asked for."""
    grouped: dict[str, list[stock.Need]] = {}
    for need in stock.needs(mixtures, known):
        grouped.setdefault(need.substance, []).append(need)
    return grouped


def offers(
    clinic: models.Clinic, mixtures: Iterable[Mixture], on: date, known: Knowledge
) -> Mapping[str, Offer]:
    """By substance, for those of which the clinic keeps every strength that is drawn."""
    held = kept(clinic)
    if not held:
        return {}
    lots = lots_of(clinic)
    return {
        substance: _offer(lots, needed, on)
        for substance, needed in needs_by_substance(mixtures, known).items()
        if all((need.substance, need.percent) in held for need in needed)
    }


def _offer(lots: list[stock.Lot], needed: list[stock.Need], on: date) -> Offer:
    ways = stock.choices(lots, needed, on)
    best = ways[0] if ways else ()
    volume = sum(need.volume_ml for need in needed)
    drawn = sum(one.vials * one.lot.vial_ml for one in best)
    short = "" if drawn >= volume else "Not enough is on hand and in date: receive vials in Stock."
    return Offer(
        [(", ".join(one.lot.number for one in way), " + ".join(map(_words, way))) for way in ways],
        short,
    )


def _words(taken: stock.Taken) -> str:
    lot = taken.lot
    return f"{lot.number}, expires {stock.day(lot.expires_on)} ({taken.vials} of {lot.left} vials)"


def warnings(clinic: models.Clinic, today: date) -> list[str]:
    """What to order or to use up, one line for each product that is kept."""
    products = models.StockProduct.objects.filter(clinic=clinic, is_kept=True)
    if not products:
        return []
    known, lots, told = store.known_for(clinic, today), lots_of(clinic), list[str]()
    for product in products:
        own = of_product(lots, product)
        left = stock.usable_vials(own, today)
        words = product_words(product, known)
        if left <= product.low_vials:
            told.append(f"{words}: {stock.count(left) if left else 'none'} left in date")
        for lot in own:
            standing = stock.standing(lot, today, known.stock_rules)
            if lot.left and standing.tone in ("care", "alarm"):
                told.append(f"{words}, lot {lot.number}: {standing.text.lower()}")
    return told


def of_product(lots: Iterable[stock.Lot], product: models.StockProduct) -> list[stock.Lot]:
    """The lots of one size of vial."""
    own = product.substance, product.percent, product.vial_ml
    return [lot for lot in lots if (lot.substance, lot.percent, lot.vial_ml) == own]


def product_words(product: models.StockProduct, known: Knowledge) -> str:
    """ "Dextrose 50 %, 50 mL"."""
    percent = None if product.percent is None else Percent(product.percent)
    name = stock.strength_words(product.substance, percent, known)
    return f"{name}, {product.vial_ml.normalize():f}\u00a0mL"


def who_got(clinic: models.Clinic, number: str, known: Knowledge) -> list[Got]:
    """Every session that names a lot, newest first: signed or not, in stock or typed, in its lots,
    its note or an amendment. A session is never left out because a vial was put back."""
    key = stock.lot_key(number)
    sessions = models.Session.objects.filter(course__patient__clinic=clinic)
    found = dict[int, str]()
    amended = models.Amendment.objects.filter(session__in=sessions)
    for pk, text in amended.values_list("session_id", "text"):
        if stock.mentions(text, key):
            found[pk] = "Amendment"
    for pk, lots, note in sessions.values_list("pk", "lots", "note"):
        if stock.mentions(note, key):
            found[pk] = "Note"
        if names := [name for name, text in lots.items() if stock.holds_lot(text, key)]:
            found[pk] = ", ".join(_substance(name, known) for name in names)
    rows = models.Session.objects.filter(pk__in=found).select_related("course__patient")
    return [
        Got(row, found[row.pk], _sites(row, known))
        for row in rows.prefetch_related("sites").order_by("-on", "-pk")
    ]


def _substance(name: str, known: Knowledge) -> str:
    return known.substances[name].name if name in known.substances else name


def _sites(row: models.Session, known: Knowledge) -> str:
    """ "Iliolumbar ligament (left, right); L4-L5 (midline)"."""
    sides: dict[str, list[str]] = {}
    for site in row.sites.all():
        if site.given:
            sides.setdefault(known.sites[site.site].name, []).append(site.side)
    return "; ".join(f"{name} ({', '.join(on)})" for name, on in sides.items())


def lot_numbers(clinic: models.Clinic) -> list[str]:
    """Every lot that stock, a session or a recall names, once however it is written."""
    typed = models.Session.objects.filter(course__patient__clinic=clinic).order_by("-on", "-pk")
    named = [
        *models.StockLot.objects.filter(product__clinic=clinic).values_list("number", flat=True),
        *(
            part
            for lots in typed.values_list("lots", flat=True)
            for text in lots.values()
            for part in stock.lots_in(text)
        ),
        *models.LotRecall.objects.filter(clinic=clinic).values_list("number", flat=True),
    ]
    return list({stock.lot_key(name): name for name in reversed(named)}.values())[::-1]

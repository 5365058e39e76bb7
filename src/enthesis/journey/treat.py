"""Treating: what to draw up, whether the day's dose is safe, and what the next session gives.

All arithmetic is exact. mL of a stock = wanted % × total mL ÷ stock %; what is left is diluent,
and when nothing is left the mixture is impossible. mg = % × 10 × mL, g = % × mL ÷ 100.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_DOWN, ROUND_HALF_UP, Decimal
from fractions import Fraction

from enthesis.knowledge.kinds import AnaestheticLimit, Knowledge
from enthesis.records import Course, Mark, Mixture, Reason, Session, Side, SiteDose
from enthesis.units import Kg, Mg, Ml, Percent

# A billionth of a millilitre: fine enough that nobody sees it, coarse enough that sums are exact.
FINEST = Decimal("0.000000001")


class MixtureError(ValueError):
    """A mixture that cannot be made: `rule` names what it breaks, `text` says it in words."""

    def __init__(self, rule: str, text: str) -> None:
        super().__init__(text)
        self.rule = rule
        self.text = text


@dataclass(frozen=True, slots=True)
class Part:
    """Something poured into a mixture: so many mL of so many percent of a substance."""

    substance: str
    volume_ml: Ml
    percent: Percent


@dataclass(frozen=True, slots=True)
class Drawn:
    """A recipe as a syringe can measure it. The volumes add up to the total exactly, and the
    two strengths are those that really come out."""

    dextrose_stock_ml: Ml
    anaesthetic_stock_ml: Ml
    diluent_ml: Ml
    dextrose_percent: Percent
    anaesthetic_percent: Percent


@dataclass(frozen=True, slots=True)
class Recipe:
    """What to draw up for one mixture: the three volumes add up to `volume_ml` exactly.

    `osmolarity_mosm_l` counts dextrose and diluent; `osmolarity_leaves_out` names what is in the
    mixture with an unknown osmolarity of its own, so the true value is higher.
    """

    key: str
    volume_ml: Ml
    dextrose_stock_ml: Ml
    anaesthetic_stock_ml: Ml
    diluent_ml: Ml
    diluent: str
    anaesthetic: str | None
    anaesthetic_mg: Mg
    dextrose_g: Decimal
    osmolarity_mosm_l: Decimal | None
    osmolarity_leaves_out: tuple[str, ...]
    drawn: Drawn


@dataclass(frozen=True, slots=True)
class DoseCheck:
    """The day's doses over all syringes. Any problem blocks: nothing is given until it is mended.

    `share` is the sum over the anaesthetics of given ÷ ceiling (1 is full), None while a ceiling
    is unknown. `ceiling_mg` holds only the ceilings that are known.
    """

    given_mg: Mapping[str, Mg]
    ceiling_mg: Mapping[str, Mg]
    share: Decimal | None
    volume_ml: Ml
    dextrose_g: Decimal
    problems: tuple[Reason, ...]

    @property
    def blocks(self) -> bool:
        """Whether the session must not be given like this."""
        return bool(self.problems)


def amount(value: Decimal, unit: str) -> str:
    """A quantity for people: at most two digits after the point, a no-break space, the unit."""
    shown = f"{value:.2f}".rstrip("0").rstrip(".")
    return f"{shown}\u00a0{unit}"


def strengths(parts: Iterable[Part]) -> dict[str, Percent]:
    """How strong each substance is once everything is poured together (MixtureError if nothing)."""
    poured = list(parts)
    total = sum(Fraction(part.volume_ml) for part in poured)
    if total <= 0 or any(part.volume_ml < 0 or part.percent < 0 for part in poured):
        raise MixtureError("not_above_zero", "Volumes and strengths must be above zero.")
    held: dict[str, Fraction] = {}
    for part in poured:
        grams = Fraction(part.volume_ml) * Fraction(part.percent)
        held[part.substance] = held.get(part.substance, Fraction(0)) + grams
    return {name: Percent(_decimal(share / total)) for name, share in held.items()}


def recipe(mixture: Mixture, known: Knowledge) -> Recipe:
    """What to draw up for a mixture; raises MixtureError when it cannot be made."""
    _check_numbers(mixture, known)
    _check_substances(mixture, known)
    volume = Fraction(mixture.volume_ml)
    dextrose = (
        volume * Fraction(mixture.dextrose_percent) / Fraction(mixture.dextrose_stock_percent)
    )
    anaesthetic_percent = mixture.anaesthetic_percent or Percent(Decimal(0))
    anaesthetic = volume * Fraction(anaesthetic_percent)
    if mixture.anaesthetic_stock_percent:
        anaesthetic /= Fraction(mixture.anaesthetic_stock_percent)
    _check_room(mixture, dextrose, anaesthetic, known)
    dextrose_ml, anaesthetic_ml = Ml(_decimal(dextrose)), Ml(_decimal(anaesthetic))
    diluent_ml = Ml(mixture.volume_ml - dextrose_ml - anaesthetic_ml)
    return Recipe(
        key=mixture.key,
        volume_ml=mixture.volume_ml,
        dextrose_stock_ml=dextrose_ml,
        anaesthetic_stock_ml=anaesthetic_ml,
        diluent_ml=diluent_ml,
        diluent=mixture.diluent,
        anaesthetic=mixture.anaesthetic,
        anaesthetic_mg=Mg(anaesthetic_percent * 10 * mixture.volume_ml),
        dextrose_g=mixture.dextrose_percent * mixture.volume_ml / 100,
        osmolarity_mosm_l=_osmolarity(mixture, diluent_ml, known),
        osmolarity_leaves_out=(mixture.anaesthetic,) if mixture.anaesthetic else (),
        drawn=_drawn(mixture, dextrose_ml, anaesthetic_ml, known.mixing.draw_step_ml),
    )


def check_doses(
    mixtures: Sequence[Mixture],
    sites: Sequence[SiteDose],
    weight_kg: Kg | None,
    known: Knowledge,
) -> DoseCheck:
    """Check everything that is drawn up for one day, whether or not all of it is injected."""
    problems = [*mixture_problems(mixtures, known), *site_problems(mixtures, sites, known)]
    mixable = [m for m in mixtures if _is_mixable(m, known)]
    given: dict[str, Mg] = {}
    for mixture in mixable:
        if mixture.anaesthetic:
            more = recipe(mixture, known).anaesthetic_mg
            given[mixture.anaesthetic] = Mg(given.get(mixture.anaesthetic, Mg(Decimal(0))) + more)
    unusable_weight = _weight_problems(weight_kg, known) if given else []
    problems += unusable_weight
    limits = {name: _limit(name, mixable, known) for name in given}
    problems += [_no_ceiling(name, known) for name, limit in limits.items() if limit is None]
    ceilings = {} if weight_kg is None or unusable_weight else _ceilings(limits, weight_kg)
    share = sum((Fraction(mg) / Fraction(ceilings[s]) for s, mg in given.items() if s in ceilings))
    if share > 1:
        problems.append(_over(given, ceilings, limits, weight_kg, known))
    return DoseCheck(
        given_mg=given,
        ceiling_mg=ceilings,
        share=_decimal(Fraction(share)) if ceilings.keys() == given.keys() else None,
        volume_ml=Ml(sum((m.volume_ml for m in mixable), Decimal(0))),
        dextrose_g=sum((recipe(m, known).dextrose_g for m in mixable), Decimal(0)),
        problems=tuple(problems),
    )


def mixture_problems(mixtures: Sequence[Mixture], known: Knowledge) -> Iterator[Reason]:
    """Mixtures that cannot be made, or that share one name."""
    seen = set()
    for mixture in mixtures:
        if mixture.key in seen:
            yield _problem("mixture_twice", f"Two mixtures are called “{mixture.key}”.", known)
        seen.add(mixture.key)
        try:
            recipe(mixture, known)
        except MixtureError as error:
            yield _problem(error.rule, f"{mixture.key.capitalize()}: {error.text}", known)


def site_problems(
    mixtures: Sequence[Mixture], sites: Sequence[SiteDose], known: Knowledge
) -> Iterator[Reason]:
    """Sites that must not be injected like this, and mixtures too small for their sites."""
    keys = {m.key for m in mixtures}
    seen = set()
    for dose in sites:
        if dose.mixture not in keys:
            text = f"{_site_name(dose, known)}: there is no mixture “{dose.mixture}”."
            yield _problem("no_mixture", text, known)
        if (dose.site, dose.side) in seen:
            yield _problem("site_twice", f"{_site_name(dose, known)} is there twice.", known)
        seen.add((dose.site, dose.side))
        yield from _dose_problems(dose, known)
    for mixture in mixtures:
        yield from _too_small(mixture, sites, known)


def next_session(course: Course, on: date, known: Knowledge) -> Session:
    """The next session as proposed: like the last one, or like a plan agreed since.

    Raises ValueError for a course without an agreed plan.
    """
    plan = course.plan
    if plan is None or plan.agreed_on is None:
        raise ValueError("There is no agreed plan. Record the patient's agreement first.")
    number = max((s.number for s in course.sessions), default=0) + 1
    last = max(course.sessions, key=lambda s: s.number, default=None)
    if last is None or plan.agreed_on > last.on:
        weight = last.weight_kg if last else None
        return Session(number, on, plan.mixtures, plan.sites, weight)
    return Session(number, on, last.mixtures, last.sites, last.weight_kg)


def _decimal(value: Fraction) -> Decimal:
    """Rounded down to FINEST, so that parts never exceed their whole."""
    return Decimal(value.numerator * 10**9 // value.denominator) * FINEST


def _check_numbers(mixture: Mixture, known: Knowledge) -> None:
    numbers = (
        ("volume", mixture.volume_ml),
        ("dextrose", mixture.dextrose_percent),
        ("dextrose stock", mixture.dextrose_stock_percent),
        ("anaesthetic", mixture.anaesthetic_percent),
        ("anaesthetic stock", mixture.anaesthetic_stock_percent),
    )
    for name, number in numbers:
        if number is not None and not (number.is_finite() and number > 0):
            raise MixtureError("not_above_zero", f"The {name} must be a number above zero.")
        if number is not None and name != "volume" and number > 100:
            raise MixtureError("above_100_percent", f"The {name} cannot be more than 100 %.")
    low, high = known.mixing.volume_ml_min, known.mixing.volume_ml_max
    if not low <= mixture.volume_ml <= high:
        raise MixtureError(
            "volume_out_of_range",
            f"{amount(mixture.volume_ml, 'mL')} is outside {amount(low, 'mL')} to "
            f"{amount(high, 'mL')}: check the volume.",
        )


def _check_substances(mixture: Mixture, known: Knowledge) -> None:
    parts = (mixture.anaesthetic, mixture.anaesthetic_percent, mixture.anaesthetic_stock_percent)
    if any(p is None for p in parts) and any(p is not None for p in parts):
        raise MixtureError(
            "anaesthetic_incomplete",
            "An anaesthetic needs its name, its strength in the mixture and that of its stock.",
        )
    if mixture.with_adrenaline and mixture.anaesthetic is None:
        raise MixtureError("adrenaline_alone", "Adrenaline comes only with an anaesthetic.")
    for name, role in ((mixture.diluent, "diluent"), (mixture.anaesthetic, "anaesthetic")):
        if name is not None and (
            name not in known.substances or known.substances[name].role != role
        ):
            fit = ", ".join(s.id for s in known.substances.values() if s.role == role)
            raise MixtureError("unknown_substance", f"“{name}” is no known {role} ({fit}).")


def _check_room(
    mixture: Mixture, dextrose: Fraction, anaesthetic: Fraction, known: Knowledge
) -> None:
    short = dextrose + anaesthetic - Fraction(mixture.volume_ml)
    if short <= 0:
        return
    stocks = f"{amount(_decimal(dextrose), 'mL')} of {mixture.dextrose_stock_percent} % dextrose"
    if mixture.anaesthetic:
        name = known.substances[mixture.anaesthetic].name.lower()
        stocks += (
            f" and {amount(_decimal(anaesthetic), 'mL')} of "
            f"{mixture.anaesthetic_stock_percent} % {name}"
        )
    raise MixtureError(
        "no_room_for_diluent",
        f"It would take {stocks}: more than the {amount(mixture.volume_ml, 'mL')} wanted. "
        "Use a stronger stock or ask for less strength.",
    )


def _osmolarity(mixture: Mixture, diluent_ml: Ml, known: Knowledge) -> Decimal | None:
    of_dextrose = known.substances["dextrose"].mosm_l_per_percent
    of_diluent = known.substances[mixture.diluent].mosm_l
    if of_dextrose is None or of_diluent is None:
        return None
    share = Fraction(diluent_ml) / Fraction(mixture.volume_ml)
    total = (
        Fraction(of_dextrose) * Fraction(mixture.dextrose_percent) + Fraction(of_diluent) * share
    )
    return _decimal(total)


def _drawn(mixture: Mixture, dextrose_ml: Ml, anaesthetic_ml: Ml, step: Ml) -> Drawn:
    """Round to a syringe's step: the anaesthetic always down, the diluent takes what is left."""
    total = mixture.volume_ml
    anaesthetic = _to_step(anaesthetic_ml, step, ROUND_DOWN)
    dextrose = _to_step(dextrose_ml, step, ROUND_HALF_UP)
    if dextrose + anaesthetic > total:
        dextrose = _to_step(dextrose_ml, step, ROUND_DOWN)
    stock = mixture.anaesthetic_stock_percent or Percent(Decimal(0))
    come_out = strengths(
        [
            Part("dextrose", Ml(dextrose), mixture.dextrose_stock_percent),
            Part("anaesthetic", Ml(anaesthetic), stock),
            Part("diluent", Ml(total - dextrose - anaesthetic), Percent(Decimal(100))),
        ]
    )
    return Drawn(
        dextrose_stock_ml=Ml(dextrose),
        anaesthetic_stock_ml=Ml(anaesthetic),
        diluent_ml=Ml(total - dextrose - anaesthetic),
        dextrose_percent=come_out["dextrose"],
        anaesthetic_percent=come_out["anaesthetic"],
    )


def _to_step(volume_ml: Decimal, step: Decimal, rounding: str) -> Decimal:
    return (volume_ml / step).quantize(Decimal(1), rounding=rounding) * step


def _is_mixable(mixture: Mixture, known: Knowledge) -> bool:
    try:
        recipe(mixture, known)
    except MixtureError:
        return False
    return True


def _limit(
    substance: str, mixtures: Sequence[Mixture], known: Knowledge
) -> AnaestheticLimit | None:
    """The ceiling for a substance; that of the plain one unless all of it comes with adrenaline."""
    with_adrenaline = all(m.with_adrenaline for m in mixtures if m.anaesthetic == substance)
    for limit in known.anaesthetic_limits:
        if limit.substance == substance and limit.with_adrenaline == with_adrenaline:
            return limit
    return None


def _ceilings(limits: Mapping[str, AnaestheticLimit | None], weight_kg: Kg) -> dict[str, Mg]:
    return {
        name: Mg(min(limit.mg_per_kg * weight_kg, limit.cap_mg))
        for name, limit in limits.items()
        if limit is not None
    }


def _weight_problems(weight_kg: Kg | None, known: Knowledge) -> list[Reason]:
    low, high = known.mixing.weight_kg_min, known.mixing.weight_kg_max
    if weight_kg is None:
        text = "The weight is not known, so the dose of anaesthetic cannot be checked. Weigh first."
        return [_problem("no_weight", text, known, Mark.CANNOT_KNOW)]
    if not weight_kg.is_finite() or not low <= weight_kg <= high:
        text = f"{weight_kg} kg is outside {low} to {high} kg: check the weight."
        return [_problem("weight_out_of_range", text, known, weight_kg=weight_kg)]
    return []


def _no_ceiling(substance: str, known: Knowledge) -> Reason:
    return Reason(
        "no_ceiling",
        Mark.CANNOT_KNOW,
        f"No ceiling is known for {known.substances[substance].name.lower()} as mixed here: it is "
        "not used until the clinic's pharmacist enters one (knowledge/rules/doses.toml).",
        "UNSOURCED: no ceiling was found in a label",
        {"substance": substance},
    )


def _over(
    given: Mapping[str, Mg],
    ceilings: Mapping[str, Mg],
    limits: Mapping[str, AnaestheticLimit | None],
    weight_kg: Kg | None,
    known: Knowledge,
) -> Reason:
    used = [limit for name, limit in limits.items() if limit and name in ceilings]
    parts = "; ".join(
        f"{amount(given[limit.substance], 'mg')} of {limit.name.lower()}, at most "
        f"{amount(ceilings[limit.substance], 'mg')} ({amount(limit.mg_per_kg, 'mg/kg')}, never "
        f"above {amount(limit.cap_mg, 'mg')})"
        for limit in used
    )
    together = " Fractions of several anaesthetics add up." if len(used) > 1 else ""
    return Reason(
        "over_ceiling",
        Mark.MET,
        f"Too much anaesthetic for {weight_kg} kg: {parts}.{together} Use less.",
        " ; ".join(limit.source for limit in used),
        {"given_mg": dict(given), "ceiling_mg": dict(ceilings), "weight_kg": weight_kg},
    )


def _dose_problems(dose: SiteDose, known: Knowledge) -> Iterator[Reason]:
    site = known.sites.get(dose.site)
    name = _site_name(dose, known)
    if site is None:
        yield _problem("unknown_site", f"“{dose.site}” is no known site.", known)
        return
    if site.role != "target":
        text = f"{name} must never be injected. {site.warning}"
        yield Reason("site_to_avoid", Mark.MET, text, site.source, {"site": site.id})
    if site.paired != (dose.side in (Side.LEFT, Side.RIGHT)):
        need = "left or right" if site.paired else "the midline"
        yield _problem("wrong_side", f"{name}: the side must be {need}.", known)
    limit = site.volume_ml_max or known.mixing.site_volume_ml_max
    if not (dose.volume_ml.is_finite() and 0 < dose.volume_ml <= limit):
        yield _problem(
            "site_volume",
            f"{name}: {dose.volume_ml} mL is not between 0 and {amount(limit, 'mL')}.",
            known,
            volume_ml=dose.volume_ml,
            most_ml=limit,
        )


def _site_name(dose: SiteDose, known: Knowledge) -> str:
    name = known.sites[dose.site].name if dose.site in known.sites else dose.site
    return name if dose.side is Side.MIDLINE else f"{name}, {dose.side.value}"


def _too_small(mixture: Mixture, sites: Sequence[SiteDose], known: Knowledge) -> Iterator[Reason]:
    volumes = [d.volume_ml for d in sites if d.mixture == mixture.key]
    if not all(v.is_finite() for v in (mixture.volume_ml, *volumes)):
        return  # said of the mixture or the site already
    taken = sum(volumes, Decimal(0))
    if taken > mixture.volume_ml:
        yield _problem(
            "mixture_too_small",
            f"{mixture.key.capitalize()}: the sites take {amount(taken, 'mL')} of "
            f"{amount(mixture.volume_ml, 'mL')}. Prepare more or inject less.",
            known,
            taken_ml=taken,
            prepared_ml=mixture.volume_ml,
        )


def _problem(
    rule: str, text: str, known: Knowledge, mark: Mark = Mark.MET, **inputs: object
) -> Reason:
    return Reason(rule, mark, text, known.mixing.source, inputs)

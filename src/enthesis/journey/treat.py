"""Treating: what to draw up, whether the day's dose is safe, and what the next session gives.

All arithmetic is exact and the same for every ingredient: mL of a stock = wanted % × total mL ÷
stock %; what is left is diluent, and when less than nothing is left the mixture is impossible.
mg = % × 10 × mL, g = % × mL ÷ 100.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_DOWN, ROUND_HALF_UP, Decimal
from fractions import Fraction

from enthesis.knowledge.kinds import AnaestheticLimit, Knowledge
from enthesis.records import (
    Course,
    Ingredient,
    Mark,
    Mixture,
    Reason,
    Session,
    Side,
    SiteDose,
)
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
class Portion:
    """One stock of a recipe. `stock_ml` is exact and `mg` is by what was asked for; `drawn_ml` is
    what a syringe can measure, `drawn_percent` the strength that then really comes out."""

    ingredient: Ingredient
    role: str
    stock_ml: Ml
    mg: Mg
    drawn_ml: Ml
    drawn_percent: Percent


@dataclass(frozen=True, slots=True)
class Recipe:
    """What to draw up for one mixture: the portions and the diluent add up to `volume_ml` exactly,
    and so do the drawn ones.

    `osmolarity_mosm_l` counts dextrose and diluent; `osmolarity_leaves_out` names what is in the
    mixture with an unknown osmolarity of its own, so the true value is higher. `dextrose_g` leaves
    out the dextrose inside stocks of an unknown make-up, which `dextrose_leaves_out` names.
    """

    key: str
    volume_ml: Ml
    portions: tuple[Portion, ...]
    diluent: str
    diluent_ml: Ml
    drawn_diluent_ml: Ml
    dextrose_g: Decimal
    dextrose_leaves_out: tuple[str, ...]
    osmolarity_mosm_l: Decimal | None
    osmolarity_leaves_out: tuple[str, ...]

    @property
    def anaesthetics(self) -> tuple[Portion, ...]:
        """The portions that count against a ceiling."""
        return tuple(portion for portion in self.portions if portion.role == "anaesthetic")


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


def volume_words(dose: SiteDose, mixtures: Sequence[Mixture]) -> str:
    """ "1 mL" of a place; of which solution, where there are several: "1 mL of joint"."""
    return amount(dose.volume_ml, "mL") + f" of {dose.mixture}" * (len(mixtures) > 1)


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
    shares = [Fraction(one.percent) / Fraction(one.stock_percent) for one in mixture.ingredients]
    exact = [Ml(_decimal(volume * share)) for share in shares]
    _check_room(mixture, exact, sum(shares, Fraction(0)), known)
    roles = [known.substances[one.substance].role for one in mixture.ingredients]
    drawn = _drawn(mixture.volume_ml, exact, roles, known.mixing.draw_step_ml)
    portions = tuple(
        Portion(
            ingredient=one,
            role=role,
            stock_ml=stock_ml,
            mg=Mg(one.percent * 10 * mixture.volume_ml),
            drawn_ml=drawn_ml,
            drawn_percent=Percent(
                _decimal(Fraction(drawn_ml) * Fraction(one.stock_percent) / volume)
            ),
        )
        for one, role, stock_ml, drawn_ml in zip(
            mixture.ingredients, roles, exact, drawn, strict=True
        )
    )
    diluent_ml = Ml(mixture.volume_ml - sum(exact, Decimal(0)))
    others = [one.substance for one in mixture.ingredients if one.substance != "dextrose"]
    return Recipe(
        key=mixture.key,
        volume_ml=mixture.volume_ml,
        portions=portions,
        diluent=mixture.diluent,
        diluent_ml=diluent_ml,
        drawn_diluent_ml=Ml(mixture.volume_ml - sum(drawn, Decimal(0))),
        dextrose_g=mixture.dextrose_percent * mixture.volume_ml / 100,
        dextrose_leaves_out=tuple(
            name for name in others if "dextrose" in known.substances[name].holds
        ),
        osmolarity_mosm_l=_osmolarity(mixture, diluent_ml, known),
        osmolarity_leaves_out=tuple(others),
    )


def not_injected(mixture: Mixture, sites: Iterable[SiteDose]) -> Ml:
    """What stays in the syringe: prepared, and given nowhere (never below zero)."""
    taken = sum((dose.volume_ml for dose in sites if dose.mixture == mixture.key), Decimal(0))
    return Ml(max(mixture.volume_ml - taken, Decimal(0)))


def check_doses(
    mixtures: Sequence[Mixture],
    sites: Sequence[SiteDose],
    weight_kg: Kg | None,
    known: Knowledge,
) -> DoseCheck:
    """Check everything that is drawn up for one day, whether or not all of it is injected."""
    problems = [*mixture_problems(mixtures, known), *site_problems(mixtures, sites, known)]
    made = [recipe(m, known) for m in mixtures if _is_mixable(m, known)]
    numbing = [portion for one in made for portion in one.anaesthetics]
    given: dict[str, Mg] = {}
    for portion in numbing:
        name = portion.ingredient.substance
        given[name] = Mg(given.get(name, Mg(Decimal(0))) + portion.mg)
    unusable_weight = _weight_problems(weight_kg, known) if given else []
    problems += unusable_weight
    limits = {name: _limit(name, numbing, known) for name in given}
    problems += [_no_ceiling(name, known) for name, limit in limits.items() if limit is None]
    ceilings = {} if weight_kg is None or unusable_weight else _ceilings(limits, weight_kg)
    share = sum((Fraction(mg) / Fraction(ceilings[s]) for s, mg in given.items() if s in ceilings))
    if share > 1:
        problems.append(_over(given, ceilings, limits, weight_kg))
    return DoseCheck(
        given_mg=given,
        ceiling_mg=ceilings,
        share=_decimal(Fraction(share)) if ceilings.keys() == given.keys() else None,
        volume_ml=Ml(sum((one.volume_ml for one in made), Decimal(0))),
        dextrose_g=sum((one.dextrose_g for one in made), Decimal(0)),
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
    numbers = [
        ("volume", mixture.volume_ml),
        ("dextrose", mixture.dextrose_percent),
        ("dextrose stock", mixture.dextrose_stock_percent),
        ("anaesthetic", mixture.anaesthetic_percent),
        ("anaesthetic stock", mixture.anaesthetic_stock_percent),
    ]
    for one in mixture.others:
        numbers += [(one.substance, one.percent), (f"{one.substance} stock", one.stock_percent)]
    for name, number in numbers:
        if name == "dextrose" and number == 0 and mixture.others:
            continue  # Another proliferant instead: _check_substances asks for one.
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
    _check_role(mixture.diluent, ("diluent",), known)
    if mixture.anaesthetic is not None:
        _check_role(mixture.anaesthetic, ("anaesthetic",), known)
    for one in mixture.others:
        _check_role(one.substance, ("anaesthetic", "proliferant"), known)
    drawn = mixture.ingredients
    roles = {one.substance: known.substances[one.substance].role for one in drawn}
    # A vial "with adrenaline" of anything else would never be counted or warned of.
    plain_only = [one for one in drawn if roles[one.substance] != "anaesthetic"]
    if any(one.with_adrenaline for one in plain_only) or (
        mixture.with_adrenaline and mixture.anaesthetic is None
    ):
        raise MixtureError("adrenaline_alone", "Adrenaline comes only with an anaesthetic.")
    if "proliferant" not in roles.values():
        raise MixtureError("no_proliferant", "There is no proliferant in it: write its strength.")
    if len(roles) < len(drawn):
        raise MixtureError("ingredient_twice", "One substance is in it twice: add it up.")


def _check_role(name: str, roles: tuple[str, ...], known: Knowledge) -> None:
    if name not in known.substances or known.substances[name].role not in roles:
        fit = ", ".join(s.id for s in known.substances.values() if s.role in roles)
        raise MixtureError(
            "unknown_substance", f"“{name}” is no known {' or '.join(roles)} ({fit})."
        )


def _check_room(mixture: Mixture, exact: Sequence[Ml], share: Fraction, known: Knowledge) -> None:
    if share <= 1:
        return
    stocks = [
        f"{amount(ml, 'mL')} of {one.stock_percent.normalize():f} % "
        f"{_lower(known.substances[one.substance].name)}"
        for ml, one in zip(exact, mixture.ingredients, strict=True)
    ]
    raise MixtureError(
        "no_room_for_diluent",
        f"It would take {' and '.join(stocks)}: {amount(sum(exact, Decimal(0)), 'mL')}, more than "
        f"the {amount(mixture.volume_ml, 'mL')} wanted. "
        "Use a stronger stock or ask for less strength.",
    )


def _lower(name: str) -> str:
    return name[0].lower() + name[1:]


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


def _drawn(total: Ml, exact: Sequence[Ml], roles: Sequence[str], step: Ml) -> list[Ml]:
    """Rounded to a syringe's step: an anaesthetic always down, the rest to the nearest, or down
    too where that would not fit. The diluent takes what is left."""
    nearest = [
        _to_step(ml, step, ROUND_DOWN if role == "anaesthetic" else ROUND_HALF_UP)
        for ml, role in zip(exact, roles, strict=True)
    ]
    if sum(nearest) <= total:
        return nearest
    return [_to_step(ml, step, ROUND_DOWN) for ml in exact]


def _to_step(volume_ml: Decimal, step: Decimal, rounding: str) -> Ml:
    return Ml((volume_ml / step).quantize(Decimal(1), rounding=rounding) * step)


def _is_mixable(mixture: Mixture, known: Knowledge) -> bool:
    try:
        recipe(mixture, known)
    except MixtureError:
        return False
    return True


def _limit(substance: str, numbing: Sequence[Portion], known: Knowledge) -> AnaestheticLimit | None:
    """The ceiling for a substance; that of the plain one unless all of it comes with adrenaline."""
    with_adrenaline = all(
        p.ingredient.with_adrenaline for p in numbing if p.ingredient.substance == substance
    )
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
        "not used until the clinic enters one under its settings, Ceilings of anaesthetics.",
        "UNSOURCED: no ceiling was found in a label",
        {"substance": substance},
    )


def _over(
    given: Mapping[str, Mg],
    ceilings: Mapping[str, Mg],
    limits: Mapping[str, AnaestheticLimit | None],
    weight_kg: Kg | None,
) -> Reason:
    """The sum as it was done, so that whoever reads it can do it again."""
    used = [limit for name, limit in limits.items() if limit and name in ceilings]
    shares = {x: Fraction(given[x.substance]) / Fraction(ceilings[x.substance]) for x in used}
    added = " + ".join(
        f"{limit.name.lower()} {amount(given[limit.substance], 'mg')} of "
        f"{amount(ceilings[limit.substance], 'mg')} ({_up(share * 100):f}\u00a0%)"
        for limit, share in shares.items()
    )
    together = sum(shares.values(), Fraction(0))
    of_one = f" = {_up(together, 2):f} of 1" if len(used) > 1 else ""
    ceiling = "; ".join(
        f"{limit.name.lower()} {amount(limit.mg_per_kg, 'mg/kg')}, never above "
        f"{amount(limit.cap_mg, 'mg')}"
        for limit in used
    )
    return Reason(
        "over_ceiling",
        Mark.MET,
        f"Too much anaesthetic for {weight_kg} kg: {added}{of_one} (ceiling: {ceiling}). Use less.",
        " ; ".join(limit.source for limit in used),
        {"given_mg": dict(given), "ceiling_mg": dict(ceilings), "weight_kg": weight_kg},
    )


def _up(value: Fraction, places: int = 0) -> Decimal:
    """Rounded up, so that what is over a ceiling is never shown as just at it."""
    scale = int(10**places)
    return Decimal(-(-value.numerator * scale // value.denominator)) / scale


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

"""What is injected where: the forms, the map and the words that the plan and a session share."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django import forms

from enthesis.charts.anatomy import MAPS
from enthesis.charts.body_map import MapPoint, State, Width, body_map_svg, has_crop
from enthesis.journey.treat import MixtureError, Recipe, amount, recipe
from enthesis.knowledge.kinds import Condition, Knowledge, Site
from enthesis.records import Ingredient, Mixture, Side, SiteDose
from enthesis.units import Ml, Percent

OTHERS_OFFERED = 2
"""How many rows for a further ingredient a solution has at least: the richest published one takes
a second anaesthetic and a second proliferant."""

SIDES = {Side.LEFT: "left", Side.RIGHT: "right", Side.MIDLINE: "midline"}


class ShortDecimal(forms.DecimalField):
    """A number without trailing zeros: 0.5 and 4, never 0.50 or 4.0, which are misread."""

    def prepare_value(self, value: Any) -> Any:
        return short(value) if isinstance(value, Decimal) else value


def short(value: Decimal) -> str:
    """4.00 as "4", 0.50 as "0.5"."""
    return f"{value.normalize():f}"


def percent_field(label: str, **kwargs: Any) -> ShortDecimal:
    """A strength; whether it can be mixed is for the core to say."""
    return ShortDecimal(label=label, max_digits=6, decimal_places=3, min_value=0, **kwargs)


class MixtureForm(forms.Form):
    """One solution: how much is prepared, how strong, from which vials."""

    volume_ml = ShortDecimal(label="Prepared", max_digits=5, decimal_places=2, min_value=0)
    dextrose_percent = percent_field("Dextrose")
    dextrose_stock_percent = percent_field("Dextrose vial")
    anaesthetic = forms.ChoiceField(label="Anaesthetic", required=False)
    anaesthetic_percent = percent_field("Anaesthetic, in the solution", required=False)
    anaesthetic_stock_percent = percent_field("Anaesthetic vial", required=False)
    with_adrenaline = forms.BooleanField(label="The vial holds adrenaline", required=False)
    diluent = forms.ChoiceField(label="Made up with")

    def __init__(self, mixture: Mixture, known: Knowledge, data: Any = None) -> None:
        names = [name for name in self.base_fields]
        initial = {name: getattr(mixture, name) for name in names}
        super().__init__(data, prefix=f"mixture-{mixture.key}", initial=initial)
        self.before = mixture
        self.key = mixture.key
        none = [("", "None")]
        self._offer("anaesthetic", none + _named(("anaesthetic",), known))
        self._offer("diluent", _named(("diluent",), known))
        further = [s for s in _named(("proliferant", "anaesthetic"), known) if s[0] != "dextrose"]
        # One row more than is used, so that the next one never needs a script.
        self.rows = range(max(OTHERS_OFFERED, len(mixture.others) + 1))
        for number in self.rows:
            now = mixture.others[number] if number < len(mixture.others) else None
            self._add_other(f"other_{number}_", now, none + further)

    def _offer(self, field: str, choices: list[tuple[str, str]]) -> None:
        self.fields[field].choices = choices  # type: ignore[attr-defined]

    def _add_other(self, name: str, now: Ingredient | None, choices: list[tuple[str, str]]) -> None:
        fields = {
            "substance": forms.ChoiceField(
                label="Another ingredient", required=False, choices=choices
            ),
            "percent": percent_field("Strength in the solution", required=False),
            "stock_percent": percent_field("Strength in its vial", required=False),
            "with_adrenaline": forms.BooleanField(
                label="This vial holds adrenaline", required=False
            ),
        }
        for part, field in fields.items():
            self.fields[name + part] = field
            self.initial[name + part] = getattr(now, part, None)

    @property
    def others(self) -> list[dict[str, forms.BoundField]]:
        """The rows of further ingredients, each with its fields by name."""
        parts = ("substance", "percent", "stock_percent", "with_adrenaline")
        return [{part: self[f"other_{number}_{part}"] for part in parts} for number in self.rows]

    @property
    def others_open(self) -> bool:
        """Whether the rows are shown unfolded: where one holds something."""
        return any(row["substance"].value() or row["percent"].value() for row in self.others)

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if data.get("anaesthetic"):
            for name in ("anaesthetic_percent", "anaesthetic_stock_percent"):
                if data.get(name) is None and name not in self.errors:
                    self.add_error(name, "Write how strong it is, or choose no anaesthetic.")
        for name in (f"other_{number}_" for number in self.rows):
            strong = [name + part for part in ("percent", "stock_percent")]
            if data.get(name + "substance"):
                for field in strong:
                    if data.get(field) is None and field not in self.errors:
                        self.add_error(field, "Write how strong it is, or choose None.")
            elif any(data.get(field) is not None for field in strong):
                self.add_error(name + "substance", "Choose what it is, or empty its strengths.")
        return data

    def mixture(self) -> Mixture:
        """The mixture as typed (the form must be valid)."""
        data = self.cleaned_data
        anaesthetic = data["anaesthetic"] or None
        return Mixture(
            key=self.key,
            volume_ml=Ml(data["volume_ml"]),
            dextrose_percent=Percent(data["dextrose_percent"]),
            dextrose_stock_percent=Percent(data["dextrose_stock_percent"]),
            diluent=data["diluent"],
            anaesthetic=anaesthetic,
            anaesthetic_percent=data["anaesthetic_percent"] if anaesthetic else None,
            anaesthetic_stock_percent=data["anaesthetic_stock_percent"] if anaesthetic else None,
            with_adrenaline=bool(anaesthetic) and data["with_adrenaline"],
            others=tuple(
                Ingredient(
                    data[name + "substance"],
                    Percent(data[name + "percent"]),
                    Percent(data[name + "stock_percent"]),
                    data[name + "with_adrenaline"],
                )
                for name in (f"other_{number}_" for number in self.rows)
                if data[name + "substance"]
            ),
        )


def _named(roles: tuple[str, ...], known: Knowledge) -> list[tuple[str, str]]:
    return [(s.id, s.name) for s in known.substances.values() if s.role in roles]


@dataclass(frozen=True, slots=True)
class Place:
    """A row of the list of sites: a structure and side, ticked or not, with what is proposed."""

    site: str
    side: Side
    mixture: str
    volume_ml: Decimal | None
    ticked: bool


class SiteForm(forms.Form):
    """One row of the list: tick it, write how much."""

    ticked = forms.BooleanField(required=False)
    volume_ml = ShortDecimal(max_digits=5, decimal_places=2, required=False)
    mixture = forms.ChoiceField()

    def __init__(
        self,
        number: int,
        place: Place,
        mixtures: Sequence[str],
        known: Knowledge,
        data: Any = None,
    ) -> None:
        prefix = f"site-{place.site}-{place.side}"
        if data and f"{prefix}-mixture" not in data:
            # A row that was only just added: it was never on the page to be answered.
            data = data.copy()
            data[f"{prefix}-mixture"] = place.mixture
        super().__init__(
            data,
            prefix=prefix,
            initial={
                "ticked": place.ticked,
                "volume_ml": place.volume_ml,
                "mixture": place.mixture,
            },
        )
        self.number, self.place = number, place
        self.guided = ""  # how the needle was guided in the protocol's study, in words
        self.site: Site = known.sites[place.site]
        self.side_words = SIDES[place.side]
        self.name = f"{number}, {self.site.name}, {self.side_words}"
        self.limits = (
            known.mixing.draw_step_ml,
            self.site.volume_ml_max or (known.mixing.site_volume_ml_max),
        )
        self.depth_mm_max = known.mixing.depth_mm_max
        self.fields["ticked"].label = f"{number}. {self.site.name}"
        self.fields["mixture"].choices = [(m, m) for m in mixtures]  # type: ignore[attr-defined]
        self.fields["mixture"].label = f"Solution at {self.name}"
        if len(mixtures) == 1:
            self.fields["mixture"].widget = forms.HiddenInput()
        volume = self.fields["volume_ml"]
        volume.label = f"Volume at {self.name}"
        volume.widget.attrs |= {"min": "0", "max": short(self.limits[1]), "inputmode": "decimal"}

    def clean_volume_ml(self) -> Decimal | None:
        """Only a ticked row needs a volume; one that is there must be possible anyway."""
        volume: Decimal | None = self.cleaned_data["volume_ml"]
        least, most = self.limits
        if volume is None and self.cleaned_data.get("ticked"):
            raise forms.ValidationError("Write how much goes here, or untick the site.")
        if volume is not None and not least <= volume <= most:
            raise forms.ValidationError(
                f"Must be between {amount(least, 'mL')} and {amount(most, 'mL')}."
            )
        return volume

    @property
    def is_ticked(self) -> bool:
        """As typed, or as proposed while nothing was typed."""
        return bool(self["ticked"].value())

    def dose(self) -> SiteDose:
        """The row as a dose (valid, with a volume)."""
        data = self.cleaned_data
        volume = Ml(data["volume_ml"])
        return SiteDose(self.place.site, self.place.side, data["mixture"], volume)


def problems(all_forms: Iterable[forms.BaseForm]) -> list[tuple[str, str]]:
    """(words, id of the field or "") of everything that is wrong in several forms of one page."""
    found = []
    for form in all_forms:
        found += [(str(error), "") for error in form.non_field_errors()]
        for field in form:
            found += [(f"{field.label}: {error}", field.id_for_label) for error in field.errors]
    return found


def sides_of(site: Site, side: Side) -> tuple[Side, ...]:
    """Where a structure lies for a complaint on a side."""
    if not site.paired:
        return (Side.MIDLINE,)
    return (side,) if side in (Side.LEFT, Side.RIGHT) else (Side.LEFT, Side.RIGHT)


def mixture_words(mixture: Mixture, known: Knowledge) -> dict[str, str]:
    """The solution, its recipe and its osmolarity in words; `problem` if it cannot be made."""
    told = {"key": mixture.key, "title": _title(mixture, known)}
    try:
        made = recipe(mixture, known)
    except MixtureError as error:
        return {**told, "problem": error.text}
    return {**told, "recipe": _recipe(made, known), "osmolarity": _osmolarity(made, known)}


def _title(mixture: Mixture, known: Knowledge) -> str:
    parts = [f"{named_in(one, known)} {strength(one.percent)}" for one in mixture.ingredients]
    title = ", ".join([*parts, amount(mixture.volume_ml, "mL")])
    return title[0].upper() + title[1:]


def named_in(one: Ingredient, known: Knowledge) -> str:
    """ "lidocaine with adrenaline", for the middle of a sentence."""
    name = known.substances[one.substance].name
    return name[0].lower() + name[1:] + " with adrenaline" * one.with_adrenaline


def strength(value: Decimal) -> str:
    """ "0.5 %", without trailing zeros."""
    return f"{short(value)}\u00a0%"


def _recipe(made: Recipe, known: Knowledge) -> str:
    parts = [
        f"{amount(portion.drawn_ml, 'mL')} {named_in(portion.ingredient, known)} "
        f"{strength(portion.ingredient.stock_percent)}"
        for portion in made.portions
    ]
    if made.drawn_diluent_ml:
        diluent = known.substances[made.diluent].name
        parts.append(f"{amount(made.drawn_diluent_ml, 'mL')} {diluent[0].lower()}{diluent[1:]}")
    return ", ".join(parts)


def _osmolarity(made: Recipe, known: Knowledge) -> str:
    if made.osmolarity_mosm_l is None:
        return "Osmolarity not known."
    names = " and ".join(known.substances[id].name.lower() for id in made.osmolarity_leaves_out)
    leaves_out = f", {names} not counted" * bool(names)
    return f"{made.osmolarity_mosm_l:.0f}\u00a0mOsm/L{leaves_out}."


def drawn_map(
    condition: Condition,
    side: Side,
    rows: Iterable[tuple[int, str, Side, State]],
    known: Knowledge,
    row_link: str = "#site-",
) -> Mapping[str, str]:
    """The body map, drawn wide and narrow; `rows` are (number, site, side, state). Empty if the
    condition has no map. Sites that are not on it stand in the list only."""
    body_map = condition.body_map
    if body_map not in MAPS:
        return {}
    points = [
        MapPoint(number, float(at[0]), float(at[1]), state, known.sites[site].name, where, view.id)
        for number, site, where, state in rows
        for view in MAPS[body_map]
        if (at := known.site_positions.get((view.id, site, where.value)))
    ]
    # A point of the other limb is never left off the picture.
    drawn = side if all(point.side == side for point in points) else Side.BOTH
    widths: list[Width] = ["wide", "narrow"] if has_crop(body_map) else ["wide"]
    return {
        width: body_map_svg(body_map, points, "map", side=drawn, width=width, row_link=row_link)
        for width in widths
    }

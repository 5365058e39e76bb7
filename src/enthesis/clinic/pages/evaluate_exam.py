"""The examination within the evaluation: its fields, its bars and its map, from one form."""

from collections.abc import Iterator, Mapping
from decimal import Decimal, InvalidOperation
from itertools import groupby
from typing import Any

from django import forms
from django.utils.text import capfirst

from enthesis.charts.anatomy import MAPS
from enthesis.charts.body_map import State
from enthesis.charts.motion import MotionBars, motion_svg
from enthesis.clinic.models import Course, Evaluation
from enthesis.clinic.pages.doses import SIDES, drawn_map, short
from enthesis.journey import examination as core
from enthesis.journey.evaluate import age_years
from enthesis.journey.examination import Motion
from enthesis.journey.examined import UNITS, norm_words
from enthesis.knowledge.examination_kinds import MotionNorm
from enthesis.knowledge.kinds import Condition, Knowledge, Question, Site
from enthesis.records import Answer, Side
from enthesis.shape import read

STATES: dict[bool | None, State] = {True: "tender", False: "calm", None: "open"}
OPEN = ("", "–")


def answers_of(row: Evaluation | None) -> Mapping[str, Answer]:
    """The answers of an evaluation; none where there is no evaluation."""
    return read(Mapping[str, Answer], row.answers) if row else {}  # type: ignore[type-abstract]


def is_examined(question: Question) -> bool:
    """Whether a question belongs to the examination, which has a place of its own on the page."""
    return question.group == core.GROUP


def examined_field(question: Question) -> forms.Field | None:
    """One line high, because there are many: a list to choose from; None for other questions."""
    if not is_examined(question) or question.kind == "number":
        return None
    options = [("yes", "Yes"), ("no", "No")] if question.kind == "yes_no" else question.options
    return forms.ChoiceField(choices=[OPEN, *options])


class Exam:
    """What exam.html shows, made from what is saved or typed in the form of the evaluation."""

    def __init__(
        self, form: Any, course: Course, last: Evaluation | None, known: Knowledge
    ) -> None:
        self.form, self.course, self.known = form, course, known
        self.condition: Condition = known.conditions[course.condition]
        self.stored = last.answers if last else {}
        asked = [question for question in form.questions.values() if is_examined(question)]
        self.answers: Mapping[str, Answer] = {q.id: _typed(q, form[q.id].value()) for q in asked}
        self.age = age_years(course.patient.born_on, known.as_of)

    def motions(self) -> list[dict[str, Any]]:
        """Each motion with its fields, its bars once something is measured, and its norm."""
        return list(self._motions())

    def _motions(self) -> Iterator[dict[str, Any]]:
        sex, known = self.course.patient.sex, self.known
        for one in core.motions(self.condition, self.answers, self.age, sex, known):
            norm = one.norm
            fields = self._fields(lambda side, id=norm.id: core.motion_key(id, side), norm.paired)
            measured = any(value is not None for value in one.values.values())
            yield {
                "id": norm.id,
                "name": norm.name,
                "unit": UNITS.get(norm.unit, norm.unit),
                "fields": fields,
                "norm": norm_words(norm),
                "source": norm.source,
                "picture": motion_svg(_bars(one), f"motion-{norm.id}") if measured else "",
                "beside": _beside(one),
                "earlier": self._earlier(norm),
            }

    def redrawn(self) -> str:
        """What the page swaps when something is typed, beside the map."""
        ids = core.motion_ids(self.condition, self.known)
        return ",".join(["#beighton-count", *(f"#drawn-{id}" for id in ids)])

    def stability(self) -> list[dict[str, Any]]:
        """Each ligament of the region that is stressed by hand."""
        return [
            {
                "name": test.name,
                "source": test.source,
                "fields": self._fields(lambda side, id=test.id: core.stable_key(id, side), True),
            }
            for test in self.known.stability_tests.values()
            if test.region == self.condition.region
        ]

    def views(self) -> list[tuple[str, list[dict[str, Any]]]]:
        """The places in the order of the list, under the picture on which they stand."""
        rows = (
            {
                "number": number,
                "site": site,
                "view": view,
                "fields": self._fields(
                    lambda side, id=site.id: core.tender_key(id, side), site.paired
                ),
            }
            for number, site, view in self._numbered()
        )
        return [(view, list(group)) for view, group in groupby(rows, key=lambda row: row["view"])]

    def map(self) -> Mapping[str, str]:
        """Every place on the map: a diamond where it is tender, dashed where nobody pressed."""
        side = Side(self.course.side)
        marks = [
            (number, site.id, at, STATES[core.pressed(self.answers, site.id, at)])
            for number, site, _ in self._numbered()
            for at in self._drawn_sides(site, side)
        ]
        return drawn_map(self.condition, side, marks, self.known, "#place-")

    def _drawn_sides(self, site: Site, side: Side) -> tuple[Side, ...]:
        """Both sides, but a limb that does not hurt only where something was pressed on it."""
        sides = core.sides_of(site.paired)
        if side not in core.LIMBS or not MAPS[self.condition.body_map][0].flips:
            return sides
        other = next(limb for limb in core.LIMBS if limb != side)
        keys = (core.tender_key(one.id, other) for _, one, _ in self._numbered())
        if any(self.answers.get(key) for key in keys):
            return sides
        return tuple(at for at in sides if at != other)

    def beighton(self) -> list[dict[str, Any]]:
        """The joints of the score, with a field for each point."""
        return [
            {
                "name": joint.name,
                "source": joint.source,
                "fields": self._fields(
                    lambda side, id=joint.id: core.motion_key(f"beighton-{id}", side), joint.paired
                ),
            }
            for joint in self.known.beighton_joints
        ]

    def history(self) -> list[forms.BoundField]:
        """The questions asked beside the score."""
        return [self.form[f"hypermobile-{q.id}"] for q in self.known.hypermobility_questions]

    def beighton_words(self) -> str:
        """ "3 points of 5 looked at, of 9", and where the cut-off lies at this age."""
        points, looked, of = core.beighton_count(self.answers, self.known)
        cut = core.cut_off(self.age, self.known)
        lies = f" Positive from {cut.points} at this age." if cut else ""
        return f"{points} point{'' if points == 1 else 's'}; {looked} of {of} looked at.{lies}"

    def beighton_open(self) -> bool:
        """Whether the score is unfolded: once something of it is answered."""
        asked = ("beighton-", "hypermobile-")
        return any(self.answers[id] is not None for id in self.answers if id.startswith(asked))

    def _numbered(self) -> list[tuple[int, Site, str]]:
        """(number, place, the words of its view), the views in the order of the pictures."""
        views = MAPS.get(self.condition.body_map, ())
        found = []
        for site in core.places(self.condition, self.known):
            on = [view for view in views if self._stands_on(view.id, site)]
            order = views.index(on[0]) if on else len(views)
            seen = on[0].title.format(Side="", side="same").strip() if on else "Not on the picture"
            found.append((order, site, capfirst(seen)))
        found.sort(key=lambda one: one[0])
        return [(number, site, words) for number, (_, site, words) in enumerate(found, 1)]

    def _stands_on(self, view: str, site: Site) -> bool:
        at = self.known.site_positions
        return any((view, site.id, side.value) in at for side in core.sides_of(site.paired))

    def _fields(self, key: Any, paired: bool) -> list[tuple[str, forms.BoundField]]:
        return [
            (SIDES[side] if paired else "", self.form[key(side)]) for side in core.sides_of(paired)
        ]

    def _earlier(self, norm: MotionNorm) -> str:
        """A value from before there were sides: shown, because it belongs to neither field."""
        value = self.stored.get(norm.id) if norm.paired else None
        return f"Measured before without a side: {value}{UNITS[norm.unit]}." if value else ""


def _typed(question: Question, value: Any) -> Answer:
    """What stands in a field, whether it can be saved or not; what cannot be read is unknown."""
    if value in (None, ""):
        return None
    if question.kind == "number":
        try:
            number = Decimal(str(value))
        except InvalidOperation:
            return None
        return number if number.is_finite() and number >= 0 else None
    return {"yes": True, "no": False}.get(value) if question.kind == "yes_no" else str(value)


def _bars(motion: Motion) -> MotionBars:
    norm = motion.norm
    bars = [
        ("" if side == Side.MIDLINE else SIDES[side].capitalize(), value)
        for side, value in motion.values.items()
    ]
    unit = UNITS.get(norm.unit, norm.unit)
    return MotionBars(norm.name, unit, norm.most, bars, norm_words(norm), norm.low, norm.high)


def _beside(motion: Motion) -> str:
    """How much of the norm there is, and how far the sides lie apart."""
    unit = UNITS.get(motion.norm.unit, motion.norm.unit)
    parts = []
    if motion.norm.low is not None:
        parts = [f"{SIDES[s]} {p}\u00a0% of the norm" for s, p in motion.percents.items()]
    known = [value for value in motion.values.values() if value is not None]
    if len(known) == 2:
        parts.append(f"left and right differ by {short(abs(known[0] - known[1]))}{unit}")
    told = capfirst(", ".join(parts).replace("midline ", ""))
    return f"{told}." if told else ""

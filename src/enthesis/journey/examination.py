"""Examining: motions beside their norms, ligaments under stress, hypermobility, tender places.

All of it is asked as questions of the evaluation that nobody has to answer, one for each side, so
that it is saved, compared and kept as every other answer is. What was not measured is unknown.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal

from enthesis.knowledge.examination_kinds import BeightonCutOff, MotionNorm
from enthesis.knowledge.kinds import Condition, Knowledge, Question, Site
from enthesis.records import Answer, Side

GROUP = "What is examined"
"""The group of all of these questions, by which a page tells them from the others."""
LIMBS = (Side.LEFT, Side.RIGHT)
TENDER = (*((f"{score} of 10", str(score)) for score in range(11)), ("yes", "Yes"))
BLOCK = ("block_relief_percent", "block_on", "block_drug", "block_side")


@dataclass(frozen=True, slots=True)
class Motion:
    """One motion as measured: a value for each side, `Side.MIDLINE` where it has none."""

    norm: MotionNorm
    values: Mapping[Side, Decimal | None]

    @property
    def percents(self) -> Mapping[Side, Decimal]:
        """How much there is of the norm, or without one of the other side; unknown is left out."""
        found = {}
        for side, value in self.values.items():
            of = self.norm.low or self._other(side)
            if value is not None and of and self.norm.better == "more":
                found[side] = (100 * value / of).quantize(Decimal(1))
        return found

    def _other(self, side: Side) -> Decimal | None:
        return next((v for s, v in self.values.items() if s != side and v is not None), None)


@dataclass(frozen=True, slots=True)
class Tender:
    """A place that was tender; `score` is None where it was not scored from 0 to 10."""

    site: str
    side: Side
    score: int | None


def motion_key(motion: str, side: Side) -> str:
    """The question of a motion; without a side it has the name that it had before there were."""
    return motion if side == Side.MIDLINE else f"{motion}-{side}"


def tender_key(site: str, side: Side) -> str:
    """The question of a place on the map."""
    return f"tender-{site}-{side}"


def stable_key(test: str, side: Side) -> str:
    """The question of a ligament under stress."""
    return f"stable-{test}-{side}"


def sides_of(paired: bool) -> tuple[Side, ...]:
    """Where something is examined: left and right, or in the middle."""
    return LIMBS if paired else (Side.MIDLINE,)


def places(condition: Condition, known: Knowledge) -> tuple[Site, ...]:
    """What may be pressed in the region of a condition, as the tables have it."""
    return tuple(
        site
        for site in known.sites.values()
        if site.region == condition.region and site.role == "target"
    )


def questions(condition: Condition, known: Knowledge) -> tuple[Question, ...]:
    """Everything that is examined for a condition, as questions that may stay open."""
    return tuple(_questions(condition, known))


def motion_ids(condition: Condition, known: Knowledge) -> tuple[str, ...]:
    """The motions of a condition's region, in their order."""
    ids = (row.id for row in known.motion_norms if row.region == condition.region)
    return tuple(dict.fromkeys(ids))


def norm_of(motion: str, age: Answer, sex: str, known: Knowledge) -> MotionNorm:
    """The row that fits best: of this age and sex, else of any.

    Where the sex is not known, the lower of the two norms for the age.
    """
    rows = [row for row in known.motion_norms if row.id == motion]
    fitting = [
        row
        for row in rows
        if row.age_from is not None
        and row.age_to is not None
        and isinstance(age, Decimal)
        and row.age_from <= age <= row.age_to
        and (row.sex == sex or sex not in ("female", "male"))
    ]
    return min(fitting, key=lambda row: row.low or 0) if fitting else rows[0]


def motions(
    condition: Condition, answers: Mapping[str, Answer], age: Answer, sex: str, known: Knowledge
) -> tuple[Motion, ...]:
    """Every motion of the region with what was measured, beside its norm."""
    found = []
    for id in motion_ids(condition, known):
        norm = norm_of(id, age, sex, known)
        values = {side: _number(answers, motion_key(id, side)) for side in sides_of(norm.paired)}
        found.append(Motion(norm, values))
    return tuple(found)


def facts(
    condition: Condition, answers: Mapping[str, Answer], age: Answer, known: Knowledge
) -> dict[str, Answer]:
    """What the candidacy rules may ask of an examination; None is unknown.

    `stability` is the worst grade of any ligament, `least_motion_percent` the least motion, and
    `beighton` says positive, positive_with_history or below. A motion is held against the norm of
    either sex, whichever is lower: nobody is found stiff for a sex that was typed wrongly.
    """
    measured = motions(condition, answers, age, "", known)
    percents = [percent for motion in measured for percent in motion.percents.values()]
    return {
        "stability": _worst_grade(answers, known),
        "least_motion_percent": min(percents, default=None),
        "beighton": _beighton(answers, age, known),
    }


def tender_places(answers: Mapping[str, Answer], known: Knowledge) -> tuple[Tender, ...]:
    """The places that were found tender, as the table of sites has them."""
    found = []
    for site in known.sites.values():
        for side in sides_of(site.paired):
            said = answers.get(tender_key(site.id, side))
            score = None if said == "yes" else _score(said)
            if said == "yes" or score:
                found.append(Tender(site.id, side, score))
    return tuple(found)


def pressed(answers: Mapping[str, Answer], site: str, side: Side) -> bool | None:
    """Whether a place is tender; None where nobody pressed it."""
    said = answers.get(tender_key(site, side))
    return None if said is None or said == "" else said != TENDER[0][0]


def block_problems(
    sites: frozenset[str], answers: Mapping[str, Answer], known: Knowledge
) -> tuple[tuple[str, str, tuple[str, ...]], ...]:
    """(text, source, what is missing or too little) of each of the sites that asks for a block."""
    found = []
    for need in known.block_needs.values():
        wrong = tuple(_of_block(answers, need.at_least_percent, known))
        if need.id in sites and wrong:
            found.append((need.text, need.source, wrong))
    return tuple(found)


def _of_block(answers: Mapping[str, Answer], least: Decimal, known: Knowledge) -> Iterator[str]:
    relief = _number(answers, BLOCK[0])
    if relief is not None and relief < least:
        yield f"The block relieved {relief.normalize():f} %, which is less than {least:f} %."
    asked = known.questions("evaluation")
    for name in BLOCK:
        if answers.get(name) in (None, ""):
            yield f"Not known: {asked[name].text}"


def beighton_count(answers: Mapping[str, Answer], known: Knowledge) -> tuple[int, int, int]:
    """(points, how many were looked at, how many there are)."""
    said = [answers.get(key) for key in _beighton_keys(known)]
    looked = [answer for answer in said if isinstance(answer, bool)]
    return sum(looked), len(looked), len(said)


def cut_off(age: Answer, known: Knowledge) -> BeightonCutOff | None:
    """From how many points on the Beighton score is positive at an age; None for no known age."""
    if not isinstance(age, Decimal):
        return None
    due = (row for row in known.beighton_cut_offs if row.from_age <= age)
    return max(due, key=lambda row: row.from_age, default=None)


def _beighton(answers: Mapping[str, Answer], age: Answer, known: Knowledge) -> Answer:
    cut = cut_off(age, known)
    if cut is None:
        return None
    points, looked, of = beighton_count(answers, known)
    if points >= cut.points:
        return "positive"
    if looked < of:
        return None
    if points < cut.points - 1:
        return "below"
    history = [answers.get(f"hypermobile-{q.id}") for q in known.hypermobility_questions]
    if history.count(True) >= cut.questions:
        return "positive_with_history"
    return "below" if history.count(False) > len(history) - cut.questions else None


def _worst_grade(answers: Mapping[str, Answer], known: Knowledge) -> Answer:
    order = [grade.id for grade in known.stability_grades]
    said = [a for key, a in answers.items() if key == "stability" or key.startswith("stable-")]
    return max((str(a) for a in said if a in order), key=order.index, default=None)


def _beighton_keys(known: Knowledge) -> Iterator[str]:
    for joint in known.beighton_joints:
        for side in sides_of(joint.paired):
            yield motion_key(f"beighton-{joint.id}", side)


def _number(answers: Mapping[str, Answer], key: str) -> Decimal | None:
    value = answers.get(key)
    return value if isinstance(value, Decimal) else None


def _score(said: Answer) -> int | None:
    return int(said.split()[0]) if isinstance(said, str) and said.endswith("of 10") else None


def _questions(condition: Condition, known: Knowledge) -> Iterator[Question]:
    for id in motion_ids(condition, known):
        norm = next(row for row in known.motion_norms if row.id == id)
        for side in sides_of(norm.paired):
            yield _asked(
                motion_key(id, side),
                _on_side(norm.name, side),
                "number",
                unit=norm.unit,
                minimum=Decimal(0),
                maximum=norm.most,
            )
    grades = tuple((grade.id, grade.name) for grade in known.stability_grades)
    for test in known.stability_tests.values():
        if test.region == condition.region:
            for side in LIMBS:
                words = _on_side(test.name, side)
                yield _asked(stable_key(test.id, side), words, "choice", options=grades)
    for site in places(condition, known):
        for side in sides_of(site.paired):
            words = f"Tender: {_on_side(site.name, side)}"
            yield _asked(tender_key(site.id, side), words, "choice", options=TENDER)
    for joint in known.beighton_joints:
        for side in sides_of(joint.paired):
            key = motion_key(f"beighton-{joint.id}", side)
            yield _asked(key, _on_side(joint.name, side), "yes_no")
    for question in known.hypermobility_questions:
        yield _asked(f"hypermobile-{question.id}", question.text, "yes_no")


def _asked(id: str, text: str, kind: str, **more: object) -> Question:
    return Question(id, text, kind, group=GROUP, required=False, **more)  # type: ignore[arg-type]


def _on_side(name: str, side: Side) -> str:
    return name if side == Side.MIDLINE else f"{name}, {side}"

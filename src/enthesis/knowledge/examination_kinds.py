"""The kinds of knowledge of an examination: motions and their norms, stability, hypermobility."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class MotionNorm:
    """One row of tables/range_of_motion.csv: a motion, and what is usual for a sex and an age.

    Rows of one `id` share its name, region, unit and the `most` that may be typed. An empty `sex`
    is any, `age_to` is the last year that counts. `kind` says what `low` and `high` are: textbook
    (a range, or one value in both), mean (of healthy people: half of them have less), limit (less
    is impaired) or none. Of `better` "less" a smaller number is the freer joint.
    """

    id: str
    region: str
    name: str
    paired: bool
    unit: str
    most: Decimal
    better: str
    kind: str
    source: str
    sex: str = ""
    age_from: int | None = None
    age_to: int | None = None
    low: Decimal | None = None
    high: Decimal | None = None


@dataclass(frozen=True, slots=True)
class StabilityTest:
    """A ligament stressed by hand on both sides; graded as a sprain (`StabilityGrade`)."""

    id: str
    starts_on: date
    region: str
    name: str
    source: str


@dataclass(frozen=True, slots=True)
class StabilityGrade:
    """One grade of a stressed ligament, the least first."""

    id: str
    starts_on: date
    name: str
    meaning: str
    source: str


@dataclass(frozen=True, slots=True)
class BeightonJoint:
    """One joint of the Beighton score: a point, or one for each side where it is `paired`."""

    id: str
    starts_on: date
    name: str
    paired: bool
    source: str


@dataclass(frozen=True, slots=True)
class HypermobilityQuestion:
    """A question on what the joints could once do, asked beside the Beighton score."""

    id: str
    starts_on: date
    text: str
    source: str


@dataclass(frozen=True, slots=True)
class BeightonCutOff:
    """From this age on so many points are a positive score; one point fewer counts with so many of
    the questions answered yes."""

    id: str
    starts_on: date
    from_age: int
    points: int
    questions: int
    source: str


@dataclass(frozen=True, slots=True)
class BlockNeed:
    """A site (`id`) that was studied only where a diagnostic block had relieved so much."""

    id: str
    starts_on: date
    at_least_percent: Decimal
    text: str
    source: str

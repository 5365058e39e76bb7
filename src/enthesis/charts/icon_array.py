"""A hundred people: dark for those who reach it anyway, the accent for more, outline for not."""

from dataclasses import dataclass

from enthesis.charts.pen import coordinate, element, picture

STEP_X, STEP_Y, ACROSS = 17.0, 21.0, 170.0


@dataclass(frozen=True, slots=True)
class HundredPeople:
    """So many of 100 anyway, and so many more; the rest not. `title` is the finding in words."""

    title: str
    anyway: int
    more: int = 0

    def __post_init__(self) -> None:
        if self.anyway < 0 or self.more < 0 or self.anyway + self.more > 100:
            raise ValueError(
                f"{self.anyway} and {self.more} more are no part of 100 people; "
                "give counts from 0 to 100 that add up to at most 100."
            )


def people_svg(people: HundredPeople, uid: str) -> str:
    """Ten rows of ten, filled from the top left."""
    first, second = people.anyway, people.anyway + people.more
    spans = (("anyway", 0, first), ("more", first, second), ("not", second, 100))
    body = "".join(
        element("path", d="".join(_person(n) for n in range(low, high)), cls=name)
        for name, low, high in spans
        if low < high
    )
    told = f"{people.anyway} dark, {people.more} in colour, {100 - second} in outline."
    box = (0.0, 0.0, ACROSS, 10 * STEP_Y)
    return picture(uid, people.title, told, box, "chart people", body)


def _person(number: int) -> str:
    """Head and shoulders of the person at this place, as a piece of a path."""
    x = 2 + STEP_X * (number % 10) + 6.5
    y = 1.5 + STEP_Y * (number // 10)
    at = coordinate
    head = f"M{at(x - 3)},{at(y + 3)}a3,3 0 1 1 6,0a3,3 0 1 1 -6,0z"
    body = f"M{at(x - 4.5)},{at(y + 17)}v-6a3.5,3.5 0 0 1 3.5,-3.5h2a3.5,3.5 0 0 1 3.5,3.5v6z"
    return head + body

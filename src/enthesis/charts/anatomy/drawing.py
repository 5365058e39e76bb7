"""What a drawing of a body map is: data only, in user units, own drawings for pointing at."""

from dataclasses import dataclass, replace

Place = tuple[float, float]
Frame = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Stroke:
    """One path (`d`) and the class that gives it ink: bone, hollow, fibre, skin, away, away-field.

    `both`: drawn once more, mirrored about the middle of the frame.
    """

    d: str
    cls: str
    both: bool = False


@dataclass(frozen=True, slots=True)
class Word:
    """Words on their baseline; classes as in maps.css: halo, end, middle, side-word, away-label.

    `{side}`, `{Side}` and `{SIDE}` in the text of a limb become its side. A word of a limb is
    mirrored with it, its `end` becoming a start, unless it `stays`.
    """

    x: float
    y: float
    text: str
    cls: str = "halo"
    stays: bool = False


@dataclass(frozen=True, slots=True)
class Drawing:
    """One view of one region.

    `frame` is the viewBox; a `crop` is the tighter one for phones, with words of its own. `names`
    are names of bones that give way to markers. `away` are points along the structures to keep
    away from, which no marker that was moved may cover. A drawing that `flips` is one limb, a right
    one, and the left is its mirror; any other has the midline in the middle of its frame.
    """

    id: str
    title: str
    frame: Frame
    strokes: tuple[Stroke, ...]
    words: tuple[Word, ...]
    names: tuple[Word, ...] = ()
    away: tuple[Place, ...] = ()
    crop: Frame | None = None
    crop_words: tuple[Word, ...] = ()
    flips: bool = False

    @property
    def across(self) -> float:
        """x and `across - x` mirror each other."""
        return 2 * self.frame[0] + self.frame[2]


def on_both_sides(*strokes: Stroke) -> tuple[Stroke, ...]:
    """The strokes of one half, to be mirrored to the other."""
    return tuple(replace(stroke, both=True) for stroke in strokes)


def oval(x: float, y: float, rx: float, ry: float) -> str:
    """The `d` of an ellipse."""
    return f"M{x - rx:g},{y:g}a{rx:g},{ry:g} 0 1 0 {2 * rx:g},0a{rx:g},{ry:g} 0 1 0 {-2 * rx:g},0Z"


def mirrored(places: tuple[Place, ...], across: float) -> tuple[Place, ...]:
    """The places and their mirrors."""
    return (*places, *((across - x, y) for x, y in places))


def curve(*points: Place, closed: bool = False) -> str:
    """The `d` of a smooth line through the points; a point named twice is a corner."""
    count = len(points)
    around = range(count if closed else count - 1)
    pieces = []
    for i in around:
        before, start, end, after = (
            points[j % count] if closed else points[min(max(j, 0), count - 1)]
            for j in (i - 1, i, i + 1, i + 2)
        )
        if start == end:
            continue
        controls = (
            *(start[k] + (end[k] - before[k]) / 6 for k in (0, 1)),
            *(end[k] - (after[k] - start[k]) / 6 for k in (0, 1)),
        )
        pieces.append(f"C{','.join(f'{v:.4g}' for v in (*controls, *end))}")
    return f"M{points[0][0]:.4g},{points[0][1]:.4g}{''.join(pieces)}{'Z' if closed else ''}"


def through(points: str, *, closed: bool = False) -> str:
    """The same from "x,y x,y ...": long outlines stay readable that way."""
    places = [tuple(map(float, place.split(","))) for place in points.split()]
    return curve(*((x, y) for x, y in places), closed=closed)


def bone(points: str) -> Stroke:
    """A bone by its closed outline."""
    return Stroke(through(points, closed=True), "bone")


def whole(across: float, *half: Place) -> str:
    """The closed outline of which one half is given, from the midline round to the midline."""
    other = mirrored(half, across)[len(half) :][::-1]
    ends = (half[0][0] == across / 2, half[-1][0] == across / 2)
    return curve(*half, *other[ends[1] : len(other) - ends[0]], closed=True)

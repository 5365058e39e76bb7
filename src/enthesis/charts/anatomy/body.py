"""The whole body from the front and from behind, in areas that can be pointed at.

The half on the viewer's left is drawn and mirrored. From the front that is the patient's right.
"""

from dataclasses import dataclass

from enthesis.charts.anatomy.drawing import Drawing, Place, Stroke, Word, curve, on_both_sides


@dataclass(frozen=True, slots=True)
class Area:
    """A coded part of one half: `code` and a side is what is stored ("knee_left")."""

    code: str
    d: str
    at: Place  # where its mark stands


@dataclass(frozen=True, slots=True)
class BodyView:
    """One view of the whole body; `sides`: of the half on the viewer's left, and of the other."""

    drawing: Drawing
    areas: tuple[Area, ...]
    sides: tuple[str, str]


def _area(code: str, at: Place, *points: Place) -> Area:
    return Area(code, curve(*points, closed=True), at)


MIDDLE = 120.0

NECK_AND_LIMBS = (
    _area(
        *("neck", (112, 88), (120, 82), (120, 82), (109, 80), (108, 86), (98, 97), (98, 97)),
        *((120, 100), (120, 100)),
    ),
    _area(
        *("shoulder", (70, 126), (96, 98), (96, 98), (76, 102), (64, 110), (59, 130), (55, 160)),
        *((55, 160), (75, 164), (75, 164), (81, 136), (85, 118), (96, 98)),
    ),
    _area(
        *("elbow", (59, 200), (54, 163), (54, 163), (51, 190), (43, 214), (38, 242), (38, 242)),
        *((52, 245), (52, 245), (63, 222), (71, 194), (75, 167), (75, 167)),
    ),
    _area(
        *("hand", (40, 268), (37, 245), (37, 245), (31, 260), (27, 280), (31, 298), (38, 303)),
        *((45, 292), (50, 270), (52, 248), (52, 248)),
    ),
    _area(
        *("thigh", (96, 312), (76, 286), (76, 286), (77, 316), (82, 346), (82, 346), (111, 346)),
        *((111, 346), (117, 316), (118, 290), (118, 290), (100, 292)),
    ),
    _area(
        *("knee", (97, 368), (82, 349), (82, 349), (83, 368), (82, 388), (82, 388), (108, 388)),
        *((108, 388), (108, 368), (111, 349), (111, 349)),
    ),
    _area(
        *("lower_leg", (95, 420), (82, 391), (82, 391), (81, 414), (87, 444), (91, 466)),
        *((91, 466), (104, 466), (104, 466), (108, 436), (109, 408), (108, 391), (108, 391)),
    ),
    _area(
        *("ankle_foot", (97, 488), (91, 469), (91, 469), (90, 480), (80, 496), (84, 506)),
        *((104, 506), (109, 494), (104, 480), (104, 469), (104, 469)),
    ),
)

FRONT_AREAS = (
    *NECK_AND_LIMBS,
    _area(
        *("head", (106, 38), (120, 12), (120, 12), (106, 15), (96, 30), (96, 52), (97, 56)),
        *((97, 56), (120, 56), (120, 56)),
    ),
    _area(
        *("jaw", (110, 66), (97, 59), (97, 59), (101, 70), (110, 79), (120, 80), (120, 80)),
        *((120, 59), (120, 59)),
    ),
    _area(
        *("chest", (102, 134), (120, 102), (120, 102), (97, 100), (97, 100), (87, 118)),
        *((82, 142), (85, 168), (85, 168), (120, 168), (120, 168)),
    ),
    _area(
        *("belly", (104, 208), (120, 171), (120, 171), (85, 171), (85, 171), (88, 204)),
        *((81, 233), (81, 233), (100, 253), (120, 266), (120, 266)),
    ),
    _area(
        *("hip", (96, 264), (80, 236), (80, 236), (76, 260), (76, 283), (76, 283), (98, 290)),
        *((118, 286), (118, 286), (119, 270), (119, 270), (100, 256)),
    ),
)

BACK_AREAS = (
    *NECK_AND_LIMBS,
    _area(
        *("head", (106, 44), (120, 12), (120, 12), (106, 15), (96, 30), (97, 54), (104, 72)),
        *((109, 78), (109, 78), (120, 80), (120, 80)),
    ),
    _area(
        *("upper_back", (102, 134), (120, 102), (120, 102), (97, 100), (97, 100), (87, 118)),
        *((82, 142), (85, 176), (85, 176), (120, 176), (120, 176)),
    ),
    _area(
        *("low_back", (103, 208), (120, 179), (120, 179), (85, 179), (85, 179), (88, 204)),
        *((81, 232), (81, 232), (120, 238), (120, 238)),
    ),
    _area(
        *("hip", (98, 262), (80, 235), (80, 235), (76, 260), (76, 283), (76, 283), (98, 290)),
        *((119, 284), (119, 284), (120, 241), (120, 241)),
    ),
)

FACE = (
    *on_both_sides(
        Stroke("M104,44a4.5,3 0 0 1 9,0", "fibre"),
        Stroke("M96,40C92,40 92,52 96,54", "fibre"),
        Stroke("M92,150C98,156 108,156 114,150", "fibre"),
    ),
    Stroke("M120,46L118,55H122M113,67H127", "fibre"),
)
BACK_LINES = on_both_sides(
    Stroke("M96,40C92,40 92,52 96,54", "fibre"),
    Stroke("M90,120C100,116 108,122 106,134C104,148 98,158 96,160C92,150 88,134 90,120", "fibre"),
    Stroke("M80,280C92,292 108,292 119,282", "fibre"),
)


def _view(id: str, title: str, on_the_left: str, word: str, lines: tuple[Stroke, ...]) -> Drawing:
    other = {"LEFT": "RIGHT", "RIGHT": "LEFT"}[on_the_left]
    return Drawing(
        id=id,
        title=title,
        frame=(12, -16, 216, 532),
        strokes=lines,
        words=(
            Word(16, 4, on_the_left, "side-word"),
            Word(224, 4, other, "side-word end"),
            Word(16, 24, word, ""),
        ),
    )


FRONT = BodyView(
    _view("front", "Body from the front, the patient’s right on your left", "RIGHT", "front", FACE),
    FRONT_AREAS,
    ("right", "left"),
)
BACK = BodyView(
    _view("back", "Body from behind, the patient’s left on your left", "LEFT", "back", BACK_LINES),
    BACK_AREAS,
    ("left", "right"),
)

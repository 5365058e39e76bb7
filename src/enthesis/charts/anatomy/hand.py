"""A right hand, palm down, seen on its back: the thumb on the viewer's left."""

from itertools import pairwise
from math import hypot

from enthesis.charts.anatomy.drawing import Drawing, Place, Stroke, Word, bone, curve, through

# From the root of the metacarpal through the knuckle and the joints to the tip.
THUMB: tuple[Place, ...] = ((138, 412), (88, 356), (50, 300), (30, 254))
FINGERS: tuple[tuple[Place, ...], ...] = (
    ((170, 398), (144, 300), (114, 216), (98, 162), (88, 120)),
    ((198, 390), (200, 284), (190, 188), (184, 126), (180, 80)),
    ((224, 392), (252, 292), (264, 204), (270, 146), (274, 102)),
    ((246, 400), (298, 318), (330, 250), (346, 208), (358, 168)),
)


def _off(start: Place, end: Place, along: float, aside: float) -> Place:
    """A place on the line (0 to 1), so far to its right as one looks along it."""
    dx, dy = end[0] - start[0], end[1] - start[1]
    length = hypot(dx, dy)
    return (
        start[0] + dx * along - dy / length * aside,
        start[1] + dy * along + dx / length * aside,
    )


def _shaft(start: Place, end: Place, half: tuple[Place, ...]) -> Stroke:
    """A bone between two joints; `half` is how far along (0 to 1) it is how wide to each side."""
    one = [_off(start, end, along, wide) for along, wide in half]
    other = [_off(start, end, along, -wide) for along, wide in half]
    return Stroke(curve(*one, *other[::-1], closed=True), "bone")


def _long(start: Place, end: Place, base: float, waist: float, head: float) -> Stroke:
    """A metacarpal or a phalanx: a broad base, a waist, a rounded head; a gap to the next bone."""
    half = (
        *((0.035, base * 0.45), (0.03, base * 0.95), (0.12, base), (0.26, base * 0.7)),
        *((0.5, waist), (0.76, head * 0.66), (0.88, head), (0.955, head * 0.85)),
        (0.975, head * 0.4),
    )
    return _shaft(start, end, half)


def _ray(places: tuple[Place, ...]) -> tuple[Stroke, ...]:
    """The bones of a finger from its metacarpal to the tuft at its end."""
    *shafts, last = pairwise(places)
    sizes = ((11, 5, 11.5), (11, 6, 9.5), (10, 5, 8.5))
    tuft = ((0.05, 4.5), (0.05, 8.5), (0.2, 8), (0.5, 3.8), (0.78, 4.5), (0.9, 6), (1, 3.6))
    return (
        *(_long(*ends, *size) for ends, size in zip(shafts, sizes, strict=False)),
        _shaft(*last, tuft),
    )


CARPALS = (
    bone("152,446 158,432 172,428 184,436 188,452 182,464 166,468 154,460"),  # scaphoid
    bone("188,446 198,438 212,440 220,452 216,466 202,470 190,464"),  # lunate
    bone("222,444 234,438 250,440 258,450 252,462 236,466 224,460"),  # triquetrum
    bone("132,424 140,412 154,412 162,420 160,434 148,442 136,438"),  # trapezium
    bone("164,414 170,402 182,402 188,412 186,428 174,430 166,424"),  # trapezoid
    bone("190,416 192,400 204,394 214,400 216,420 214,438 200,440 190,434"),  # capitate
    bone("218,408 226,398 244,400 254,412 252,428 238,440 222,438 218,424"),  # hamate
)
FOREARM = (
    bone(
        "150,476 156,468 180,472 204,474 222,474 226,484 216,500 210,560 210,560 168,560 168,560"
        " 164,510 150,492"
    ),
    bone("230,478 238,472 252,474 260,472 264,482 256,498 254,560 254,560 230,560 230,560 232,500"),
)
SKIN = Stroke(
    through(
        "140,560 138,500 124,450 88,400 56,350 34,312 16,266 18,242 34,236 52,256 78,300 106,336"
        " 122,318 112,270 92,224 78,172 70,124 78,102 96,104 110,136 124,170 140,216 156,262"
        " 168,288 172,240 168,188 162,128 160,80 168,60 184,60 198,82 204,126 212,188 222,270"
        " 234,284 240,250 246,204 250,146 254,98 264,82 282,84 292,106 290,146 284,206 278,270"
        " 274,304 290,288 310,244 328,202 340,162 356,146 374,154 376,178 366,212 350,256 328,310"
        " 312,366 296,424 282,470 278,560"
    ),
    "skin",
)


def _nerves() -> str:
    """One along each side of every finger, a little in front of the bones."""
    drawn = ""
    for *_, knuckle, middle, end, tip in FINGERS:
        for side in (-1, 1):
            drawn += curve(
                *(_off(knuckle, middle, 0.2, side * 11.5), _off(knuckle, middle, 0.85, side * 13)),
                *(_off(middle, end, 0.5, side * 11.5), _off(end, tip, 0.6, side * 9.5)),
            )
    for side in (-1, 1):
        drawn += curve(
            *(_off(THUMB[1], THUMB[2], 0.1, side * 11), _off(THUMB[1], THUMB[2], 0.85, side * 13)),
            _off(THUMB[2], THUMB[3], 0.6, side * 9.5),
        )
    return drawn


HAND = Drawing(
    id="hand",
    title="{Side} hand, palm down, seen on its back",
    frame=(0, 10, 396, 530),
    strokes=(
        SKIN,
        Stroke(_nerves(), "away fine"),
        *FOREARM,
        *CARPALS,
        *(stroke for places in (THUMB, *FINGERS) for stroke in _ray(places)),
    ),
    words=(
        Word(6, 30, "{SIDE} hand", "side-word", stays=True),
        Word(390, 30, "palm down", "end", stays=True),
        Word(6, 196, "outer side"),
        Word(390, 300, "inner", "halo end"),
        Word(390, 318, "side", "halo end"),
        Word(6, 470, "Both sides of", "away-label halo"),
        Word(6, 488, "each finger:", "away-label halo"),
        Word(6, 506, "nerves, vessels,", "away-label halo"),
        Word(6, 524, "keep away", "away-label halo"),
    ),
    names=(
        Word(176, 522, "radius"),
        Word(262, 522, "ulna"),
    ),
    flips=True,
)

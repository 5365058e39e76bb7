"""The drawn bones of the body maps: paths in user units, in the order in which they are painted.

Own drawings, simplified for pointing at, not for measuring. Low back: 534 × 514, from behind, the
midline at x = 267; the half on the viewer's left is drawn and mirrored. Knee: a right knee from the
front, 300 wide around x = 150, its outer side on the viewer's left; a left knee is its mirror.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Stroke:
    """One path (`d`) and the class that gives it ink."""

    d: str
    cls: str


def _round(x: float, y: float, rx: float, ry: float) -> str:
    return f"M{x - rx},{y}a{rx},{ry} 0 1 0 {2 * rx},0a{rx},{ry} 0 1 0 {-2 * rx},0Z"


def _vertebra(y: float) -> tuple[Stroke, ...]:
    """From behind: transverse processes, arch, lower facets and the spinous process."""
    arch = (
        f"M185,{y}c-2,-11 8,-13 19,-10c13,5 25,5 35,2c9,-12 19,-17 28,-17c9,0 19,5 28,17"
        "c10,3 22,3 35,-2c11,-3 21,-1 19,10c-2,10 -12,9 -22,8c-13,0 -20,6 -26,12"
        "c-7,9 -20,14 -34,14c-14,0 -27,-5 -34,-14c-6,-6 -13,-12 -26,-12c-10,1 -20,2 -22,-8Z"
    )
    spine = f"M259,{y - 3}a8,8 0 0 1 16,0v22a8,9 0 0 1 -16,0Z"
    facets = _round(238, y + 22, 9, 12.5) + _round(296, y + 22, 9, 12.5)
    return Stroke(arch, "bone"), Stroke(facets, "bone"), Stroke(spine, "bone")


BACK_SKIN = (
    Stroke("M95,0C92,44 80,88 58,130C30,188 21,262 25,340C27,400 30,460 32,514", "skin"),
    Stroke("M50,462C104,502 220,494 263,432", "skin"),
)
BACK_CLEFT = Stroke("M267,392V514", "skin")

BACK_HALF = (
    Stroke(_round(109, 309, 22, 22), "bone"),
    Stroke(
        "M98,294C84,286 66,288 57,300C50,312 52,332 57,354C65,396 70,452 71,516H112"
        "C112,462 114,422 118,394C120,374 126,354 132,340C120,332 108,318 98,294Z",
        "bone",
    ),
    Stroke(
        "M130,316C124,346 128,380 136,400C142,417 156,426 168,421C179,416 184,405 192,397"
        "C206,385 228,379 251,376V353C230,354 206,347 190,336C177,326 168,310 170,292Z",
        "bone",
    ),
    Stroke(_round(180, 371, 18, 20), "hollow"),
    Stroke(
        "M215,198C206,171 178,131 147,118C122,108 93,115 76,138C62,157 56,181 62,202"
        "C67,220 80,240 88,262C94,280 98,298 110,312C122,326 138,334 150,330"
        "C162,324 168,302 173,288C180,269 196,258 209,252C219,247 222,240 220,230"
        "C217,219 216,208 215,198Z",
        "bone",
    ),
    Stroke("M78,180C84,150 112,132 140,136", "fibre"),
    Stroke("M94,255C114,242 136,238 162,240", "fibre"),
    Stroke("M186,158L148,126M186,162L157,137M190,166L166,152", "fibre"),
)

SACRUM = (
    Stroke(
        "M213,196C230,185 250,181 267,181C284,181 304,185 321,196C322,221 319,241 311,259"
        "C303,281 293,306 284,327C277,334 257,334 250,327C241,306 231,281 223,259"
        "C215,241 212,221 213,196Z",
        "bone",
    ),
    Stroke("M258,331H276C276,348 272,363 267,376C262,363 258,348 258,331Z", "bone"),
    Stroke(
        "".join(_round(267, y, 5, 7.5) for y in (206, 231, 256, 279)),
        "bone",
    ),
    Stroke(
        "".join(
            _round(267 + side * x, y, 4.5, 6)
            for x, y in ((25, 213), (22, 238), (18, 262), (13, 284))
            for side in (-1, 1)
        ),
        "hollow",
    ),
)

BACK_LIGAMENTS = (
    Stroke("M213,206L237,220M216,222L240,240M221,238L243,258M222,250L246,276", "fibre"),
    Stroke("M236,283L158,412M241,296L164,416M246,308L172,417", "fibre"),
    Stroke("M240,290L170,306M245,304L170,311", "fibre"),
)
BACK_MIDLINE = Stroke("M264,20V196M270,20V196", "fibre")
SCIATIC = Stroke("M211,281C176,310 149,346 140,390C132,430 129,470 127,514", "away")

SCIATIC_PLACES = (
    (211, 281),
    (190, 298),
    (172, 317),
    (157, 338),
    (147, 362),
    (140, 390),
    (134, 430),
)

VERTEBRAE = (_vertebra(37), _vertebra(98), _vertebra(159))

KNEE_SKIN = (
    Stroke("M54,0C56,50 44,110 42,160C40,210 52,236 46,280C40,330 44,380 52,420", "skin"),
    Stroke("M246,0C248,50 256,110 260,160C262,210 250,236 254,280C258,330 250,380 240,420", "skin"),
)

KNEE = (
    Stroke(
        "M69,254C73,243 90,242 95,253C98,265 94,276 92,288C90,330 90,380 92,422H74"
        "C74,380 74,330 73,291C70,277 65,266 69,254Z",
        "bone",
    ),
    Stroke(
        "M116,-2C118,50 116,90 100,120C86,138 73,150 75,173C78,197 96,207 116,205"
        "C130,203 140,197 150,191C160,197 172,205 190,206C212,206 228,192 228,168"
        "C228,148 214,136 202,120C186,92 184,50 186,-2Z",
        "bone",
    ),
    Stroke(
        "M81,226C82,214 100,213 120,215C136,217 144,214 150,210C156,214 166,217 182,215"
        "C204,213 221,215 222,228C223,248 206,264 194,288C184,312 180,362 180,422H118"
        "C118,370 118,322 112,298C104,270 80,252 81,226Z",
        "bone",
    ),
    Stroke("M78,206C92,212 110,213 128,210M172,210C190,213 212,212 226,206", "fibre"),
    Stroke(_round(148, 284, 15, 21), "bone"),
    Stroke("M136,112C134,80 132,50 130,20M150,110V20M164,112C166,80 168,50 170,20", "fibre"),
    Stroke("M140,186L138,276M150,190L148,270M160,186L158,276", "fibre"),
    Stroke(
        "M150,112C174,112 188,130 186,150C184,171 165,187 150,191C135,187 116,171 114,150"
        "C112,130 126,112 150,112Z",
        "bone",
    ),
    Stroke("M224,152L212,292M219,150L204,294M228,156L218,288", "fibre"),
    Stroke("M76,156L78,250M81,156L84,250", "fibre"),
    Stroke("M240,262L188,312M242,272L186,320M243,282L186,328", "fibre"),
)
PERONEAL = Stroke(
    "M57,190C55,224 56,250 62,272C68,290 84,300 96,324C102,340 104,356 105,374", "away"
)
PERONEAL_PLACES = ((57, 190), (56, 220), (57, 250), (62, 272), (76, 294), (90, 312), (100, 335))

"""The low back and pelvis from behind: the half on the viewer's left is drawn and mirrored."""

from enthesis.charts.anatomy.drawing import Drawing, Stroke, Word, mirrored, on_both_sides, oval


def _vertebra(y: float) -> tuple[Stroke, ...]:
    """From behind: transverse processes, arch, lower facets and the spinous process."""
    arch = (
        f"M185,{y}c-2,-11 8,-13 19,-10c13,5 25,5 35,2c9,-12 19,-17 28,-17c9,0 19,5 28,17"
        "c10,3 22,3 35,-2c11,-3 21,-1 19,10c-2,10 -12,9 -22,8c-13,0 -20,6 -26,12"
        "c-7,9 -20,14 -34,14c-14,0 -27,-5 -34,-14c-6,-6 -13,-12 -26,-12c-10,1 -20,2 -22,-8Z"
    )
    spine = f"M259,{y - 3}a8,8 0 0 1 16,0v22a8,9 0 0 1 -16,0Z"
    facets = oval(238, y + 22, 9, 12.5) + oval(296, y + 22, 9, 12.5)
    return Stroke(arch, "bone"), Stroke(facets, "bone"), Stroke(spine, "bone")


SKIN = (
    Stroke("M95,0C92,44 80,88 58,130C30,188 21,262 25,340C27,400 30,460 32,514", "skin"),
    Stroke("M50,462C104,502 220,494 263,432", "skin"),
)
CLEFT = Stroke("M267,392V514", "skin")

HALF = (
    Stroke(oval(109, 309, 22, 22), "bone"),
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
    Stroke(oval(180, 371, 18, 20), "hollow"),
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
        "".join(oval(267, y, 5, 7.5) for y in (206, 231, 256, 279)),
        "bone",
    ),
    Stroke(
        "".join(
            oval(267 + side * x, y, 4.5, 6)
            for x, y in ((25, 213), (22, 238), (18, 262), (13, 284))
            for side in (-1, 1)
        ),
        "hollow",
    ),
)

LIGAMENTS = (
    Stroke("M213,206L237,220M216,222L240,240M221,238L243,258M222,250L246,276", "fibre"),
    Stroke("M236,283L158,412M241,296L164,416M246,308L172,417", "fibre"),
    Stroke("M240,290L170,306M245,304L170,311", "fibre"),
)
MIDLINE = Stroke("M264,20V196M270,20V196", "fibre")
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


LOW_BACK = Drawing(
    id="low_back",
    title="Low back and sacroiliac joints, seen from behind, the patient’s left on your left",
    frame=(0, 0, 534, 514),
    crop=(68, 44, 398, 366),
    strokes=(
        *on_both_sides(*SKIN, *HALF),
        CLEFT,
        *_vertebra(37),
        *_vertebra(98),
        *_vertebra(159),
        *SACRUM,
        *on_both_sides(*LIGAMENTS, SCIATIC),
        MIDLINE,
    ),
    words=(
        Word(16, 28, "LEFT", "side-word halo"),
        Word(16, 47, "seen from behind"),
        Word(518, 28, "RIGHT", "side-word halo end"),
        Word(522, 410, "Sciatic nerve:", "away-label halo end"),
        Word(522, 427, "keep away", "away-label halo end"),
    ),
    crop_words=(
        Word(74, 64, "LEFT", "side-word halo"),
        Word(74, 83, "from behind"),
        Word(460, 64, "RIGHT", "side-word halo end"),
        Word(460, 384, "Sciatic nerve:", "away-label halo end"),
        Word(460, 401, "keep away", "away-label halo end"),
    ),
    names=(
        Word(356, 41, "L3"),
        Word(356, 102, "L4"),
        Word(356, 174, "L5"),
        Word(394, 192, "ilium"),
        Word(326, 250, "sacrum"),
    ),
    away=mirrored(SCIATIC_PLACES, 534),
)

"""A right elbow from its outer side, bent, the thumb up: the upper arm from above, the forearm to
the viewer's right."""

from enthesis.charts.anatomy.drawing import Drawing, Stroke, Word, bone, oval, through

SKIN = Stroke(
    through("62,-8 64,60 58,130 54,200 46,262 46,310 66,350 110,372 180,374 260,366 370,352")
    + through("176,-8 184,60 194,130 206,184 226,212 262,220 310,226 370,236"),
    "skin",
)
ULNA = (
    bone(
        "62,252 76,240 92,244 98,262 98,284 106,306 126,320 150,322 164,314 176,306 190,314"
        " 230,326 290,326 400,316 400,316 400,342 400,342 300,350 220,354 150,356 106,352 78,334"
        " 64,304 58,276"
    ),
    Stroke(through("110,338 160,342 230,342"), "fibre"),
)
HUMERUS = (
    bone(
        "96,-8 96,-8 94,60 92,130 88,180 80,222 82,250 92,282 106,304 128,314 152,312 170,298"
        " 176,276 168,254 156,240 148,216 144,180 142,130 142,60 144,-8 144,-8"
    ),
    Stroke(oval(144, 282, 25, 25), "fibre"),  # the capitellum
    Stroke(through("112,86 112,130 112,186 108,222 104,240"), "fibre"),  # the ridge
    bone("98,250 106,236 120,234 132,242 134,256 126,268 110,270 100,262"),  # the epicondyle
    Stroke(through("92,212 98,196 104,204"), "fibre"),
)
RADIUS = (
    bone(
        "174,262 178,256 196,254 204,260 210,270 224,274 240,270 256,270 290,264 400,258 400,258"
        " 400,284 400,284 300,294 262,300 244,308 228,304 212,304 204,312 186,312 178,306 176,284"
    ),
    Stroke(through("180,262 184,284 182,306"), "fibre"),
)
LIGAMENTS = (
    Stroke(through("206,262 212,284 206,312"), "fibre"),
    Stroke(through("200,258 206,284 198,316"), "fibre"),
    Stroke(through("194,256 200,284 190,318"), "fibre"),
    Stroke("M128,258L196,276M126,264L194,288M122,268L186,312", "fibre"),
)
NERVE = Stroke(
    through("80,-4 92,30 124,74 156,112 172,150 184,190 202,222 232,238 290,244 370,250")
    + through("202,222 224,246 240,272 254,300 274,318"),
    "away",
)

ELBOW = Drawing(
    id="elbow",
    title="{Side} elbow, bent, seen from its outer side",
    frame=(0, -44, 370, 492),
    strokes=(SKIN, *HUMERUS, *ULNA, *RADIUS, *LIGAMENTS, NERVE),
    words=(
        Word(8, -22, "{SIDE} elbow", "side-word", stays=True),
        Word(362, -22, "from the outer side, bent", "end", stays=True),
        Word(216, 120, "Radial nerve:", "away-label halo"),
        Word(216, 138, "keep away", "away-label halo"),
        Word(185, 418, "Inner side, behind the bone:", "away-label middle", stays=True),
        Word(185, 436, "ulnar nerve, keep away", "away-label middle", stays=True),
    ),
    names=(
        Word(104, 150, "humerus"),
        Word(304, 282, "radius"),
        Word(290, 342, "ulna"),
        Word(60, 392, "olecranon"),
    ),
    away=(
        *((80, -4), (92, 30), (124, 74), (140, 92), (156, 112), (172, 150), (184, 190)),
        *((192, 208), (202, 222), (232, 238), (260, 242), (290, 244), (330, 247), (224, 246)),
        *((240, 272), (254, 300)),
    ),
    flips=True,
)

"""A right hip from the front and from behind: in front its outer side is on the viewer's left,
behind on the viewer's right."""

from enthesis.charts.anatomy.drawing import Drawing, Stroke, Word, bone, oval, through

FRONT_SKIN = Stroke(
    through("66,-8 58,60 40,130 26,200 22,260 30,340 44,460")
    + through("358,290 352,320 348,380 346,460"),
    "skin",
)
FRONT_PELVIS = (
    bone(  # half of the sacrum
        "360,44 340,50 318,46 296,50 284,62 290,92 300,126 314,158 332,184 348,196 360,198"
        " 380,198 380,44"
    ),
    Stroke(oval(322, 84, 5, 7) + oval(330, 116, 4.5, 6) + oval(338, 146, 4, 5), "hollow"),
    bone(  # ilium, pubis and ischium
        "290,64 268,44 236,28 198,22 160,28 124,44 98,66 84,90 86,104 96,112 106,122 112,138"
        " 124,152 142,158 158,170 168,190 174,212 178,232 182,252 186,272 190,296 198,322 212,334"
        " 228,332 244,318 266,300 292,288 316,276 330,266 332,246 330,228 318,216 300,212 276,206"
        " 252,194 236,178 232,164 242,144 262,124 284,104 294,84"
    ),
    Stroke(
        through(
            "214,242 232,226 258,224 282,234 286,250 270,268 246,284 226,290 214,274", closed=True
        ),
        "hollow",
    ),
    Stroke(through("158,168 178,163 198,170 208,190 202,214 184,227"), "fibre"),  # the head within
    Stroke(through("104,90 132,58 176,38 224,42 262,64"), "fibre"),
    Stroke(through("284,104 258,128 236,156 240,178 276,200 318,216"), "fibre"),
)
SYMPHYSIS = bone("334,224 348,222 360,224 380,224 380,264 360,266 346,268 334,264")
FRONT_FEMUR = (
    bone(
        "160,166 180,162 200,172 208,192 202,214 184,226 168,232 156,246 148,262 152,274 160,286"
        " 158,298 148,306 144,330 142,380 142,470 142,470 98,470 98,470 98,380 94,320 86,280"
        " 76,252 70,224 74,202 86,190 100,190 108,198 120,200 140,188 150,174"
    ),
    Stroke(through("108,200 106,226 118,254 140,284"), "fibre"),
    Stroke(through("152,176 164,200 168,230"), "fibre"),
)
FRONT_MUSCLES = (
    Stroke(through("150,64 168,110 186,160 178,230 156,288"), "fibre"),
    Stroke(through("186,54 192,110 194,164 184,234 158,290"), "fibre"),
    Stroke(through("226,60 214,116 202,170 190,236 160,292"), "fibre"),
    Stroke(through("304,236 244,296 190,350 146,392"), "fibre"),
    Stroke(through("310,250 256,308 196,372 146,420"), "fibre"),
    Stroke(through("314,262 270,322 206,392 146,444"), "fibre"),
)
FEMORAL = Stroke(through("262,96 238,134 218,170 216,220 220,270 214,330 196,400 184,470"), "away")

HIP_FRONT = Drawing(
    id="hip_front",
    title="{Side} hip, seen from the front as the patient faces you",
    frame=(0, -44, 360, 500),
    strokes=(
        FRONT_SKIN,
        *FRONT_FEMUR,
        *FRONT_PELVIS,
        SYMPHYSIS,
        *FRONT_MUSCLES,
        FEMORAL,
    ),
    words=(
        Word(6, -22, "{SIDE} hip", "side-word", stays=True),
        Word(354, -22, "from the front, facing you", "end", stays=True),
        Word(338, 384, "Femoral nerve", "away-label halo end"),
        Word(338, 402, "and vessels:", "away-label halo end"),
        Word(338, 420, "keep away", "away-label halo end"),
    ),
    names=(
        Word(136, 92, "ilium"),
        Word(262, 220, "pubis"),
        Word(100, 440, "femur"),
    ),
    away=(
        *((262, 96), (250, 115), (238, 134), (218, 170), (216, 195), (216, 220), (219, 246)),
        *((220, 270), (218, 300), (214, 330), (206, 365), (196, 400), (190, 435)),
    ),
    flips=True,
)

BACK_SKIN = Stroke(
    through("290,-8 300,60 318,130 334,200 338,260 330,340 316,460")
    + through("10,352 60,386 130,392 200,376 252,346"),
    "skin",
)
BACK_FEMUR = (
    bone(
        "196,170 178,166 160,176 154,196 160,214 176,226 190,236 200,250 204,262 200,274 194,286"
        " 198,298 210,306 216,330 218,380 218,470 218,470 262,470 262,470 262,380 266,320 274,280"
        " 284,252 290,224 288,200 278,184 262,178 248,184 240,194 226,194 212,184"
    ),
    Stroke(through("250,188 252,214 240,244 212,288"), "fibre"),
    Stroke(through("240,320 238,380 240,460"), "fibre"),
)
BACK_PELVIS = (
    bone(
        "66,92 84,52 112,34 150,24 190,28 226,44 254,66 270,90 268,104 256,116 248,134 240,152"
        " 232,172 222,192 210,212 198,230 184,250 176,276 172,300 166,322 150,336 132,336 116,322"
        " 98,306 72,292 44,276 20,266 0,264 -20,264 -20,222 0,222 20,222 40,228 70,238 96,240"
        " 116,236 124,228 112,222 124,208 138,190 142,172 132,154 112,144 92,134 76,116"
    ),
    Stroke(
        through("142,254 126,244 102,248 80,256 84,270 104,286 126,292 144,278", closed=True),
        "hollow",
    ),
    Stroke(through("222,192 204,172 182,168 164,180 158,200 168,222 186,232"), "fibre"),
    Stroke(through("250,92 224,66 190,60 158,78 146,110"), "fibre"),
    Stroke(through("206,128 178,122 156,134 142,152"), "fibre"),
    Stroke(through("216,162 192,152 172,160"), "fibre"),
)
BACK_SACRUM = (
    bone(
        "-20,44 0,44 20,50 42,46 62,54 74,66 74,90 68,116 58,140 46,164 32,190 16,200 0,202 -20,202"
    ),
    Stroke(oval(34, 80, 5, 7) + oval(30, 108, 4.5, 6) + oval(24, 136, 4, 5), "hollow"),
    Stroke(through("2,54 4,100 2,150 4,196"), "fibre"),
)
BACK_MUSCLES = (
    Stroke(through("48,110 100,132 160,160 248,184"), "fibre"),
    Stroke(through("46,124 100,146 160,172 248,188"), "fibre"),
    Stroke(through("40,140 98,160 158,182 246,192"), "fibre"),
    Stroke(through("180,44 222,96 254,140 274,196"), "fibre"),
    Stroke(through("214,54 244,104 266,150 278,198"), "fibre"),
    Stroke(through("246,78 264,120 276,160 282,202"), "fibre"),
    Stroke("M30,196L124,304M38,182L130,312M46,166L140,322", "fibre"),
)
SCIATIC = Stroke(through("110,160 134,190 160,222 184,262 192,310 186,380 182,470"), "away")

HIP_BACK = Drawing(
    id="hip_back",
    title="{Side} hip, seen from behind",
    frame=(0, -44, 360, 500),
    strokes=(
        BACK_SKIN,
        *BACK_FEMUR,
        *BACK_PELVIS,
        *BACK_SACRUM,
        SCIATIC,
        *BACK_MUSCLES,
    ),
    words=(
        Word(6, -22, "{SIDE} hip", "side-word", stays=True),
        Word(354, -22, "from behind", "end", stays=True),
        Word(6, 420, "Sciatic nerve:", "away-label halo"),
        Word(6, 438, "keep away", "away-label halo"),
    ),
    names=(
        Word(6, 30, "sacrum"),
        Word(160, 90, "ilium"),
        Word(106, 326, "ischium"),
        Word(222, 440, "femur"),
    ),
    away=(
        *((110, 160), (122, 174), (134, 190), (147, 206), (160, 222), (173, 242), (184, 262)),
        *((189, 286), (192, 310), (189, 345), (186, 380), (184, 425)),
    ),
    flips=True,
)

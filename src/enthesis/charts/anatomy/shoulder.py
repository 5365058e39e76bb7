"""A right shoulder from the front and from behind: in front its outer side is on the viewer's left,
behind on the viewer's right."""

from enthesis.charts.anatomy.drawing import Drawing, Stroke, Word, bone, through

FRONT_SKIN = Stroke(
    through("318,-10 306,24 262,44 196,54 120,58 62,78 32,124 22,190 26,260 36,340 40,440")
    + through("150,440 154,372 168,322 186,288"),
    "skin",
)
FRONT_SCAPULA = (
    bone(  # the blade, seen from its rib side
        "166,204 160,176 166,146 178,130 200,122 216,128 226,120 246,102 264,96 272,106 276,150"
        " 276,210 268,270 256,318 246,342 238,342 232,322 214,278 190,238"
    ),
    Stroke(through("252,122 250,180 244,250 240,310"), "fibre"),
    Stroke(through("196,176 222,168 244,150"), "fibre"),
    Stroke(through("198,206 222,206 244,196"), "fibre"),
    bone("166,132 174,142 174,170 168,198 158,208 150,200 152,168 156,142"),  # the socket
)
FRONT_ACROMION = bone("62,92 74,80 98,74 116,82 120,96 108,104 86,104 68,108 60,102")
FRONT_CLAVICLE = bone(
    "106,84 116,74 140,76 170,86 200,92 240,86 280,82 312,92 334,90 346,104 344,124 330,128"
    " 310,116 280,102 244,104 204,110 170,106 140,98 116,98"
)
CORACOID = bone(
    "216,128 214,110 202,106 186,108 170,114 160,126 162,138 174,142 184,132 196,128 200,136"
)
FRONT_HUMERUS = (
    bone(
        "146,124 130,114 110,112 92,116 78,112 64,120 56,136 58,158 68,184 74,216 78,280 80,360"
        " 80,460 80,460 120,460 120,460 118,360 116,280 118,232 128,212 148,196 158,170 156,142"
    ),
    Stroke(through("90,118 92,136 90,160 92,196 96,240"), "fibre"),  # the groove
    Stroke(through("110,128 104,140 106,158 118,166"), "fibre"),  # the lesser tuberosity
    Stroke(through("126,116 136,150 128,190"), "fibre"),
)
TENDONS = (
    Stroke(through("164,122 140,104 112,106 98,124 96,170 100,240"), "fibre"),
    Stroke(through("166,126 140,109 115,111 101,128 100,172 105,240"), "fibre"),
    Stroke(through("164,140 152,200 134,280 122,340"), "fibre"),
    Stroke(through("170,140 158,202 140,284 128,344"), "fibre"),
    Stroke(through("110,146 150,160 196,168"), "fibre"),
    Stroke(through("112,158 152,176 196,190"), "fibre"),
    Stroke("M154,182L126,212M160,190L132,216M166,198L140,216", "fibre"),
)
PLEXUS = Stroke(  # and the axillary nerve, which leaves it for the back
    through("330,20 296,66 262,108 228,150 206,188 190,240 172,310 160,440")
    + through("212,176 190,210 166,228 134,230 100,232"),
    "away",
)

SHOULDER_FRONT = Drawing(
    id="shoulder_front",
    title="{Side} shoulder, seen from the front as the patient faces you",
    frame=(-4, -40, 368, 476),
    strokes=(
        FRONT_SKIN,
        *FRONT_SCAPULA,
        PLEXUS,
        *FRONT_HUMERUS,
        FRONT_CLAVICLE,
        FRONT_ACROMION,
        CORACOID,
        *TENDONS,
    ),
    words=(
        Word(4, -18, "{SIDE} shoulder", "side-word", stays=True),
        Word(358, -18, "from the front, facing you", "end", stays=True),
        Word(358, 372, "Brachial plexus and", "away-label halo end"),
        Word(358, 390, "axillary nerve:", "away-label halo end"),
        Word(358, 408, "keep away", "away-label halo end"),
    ),
    names=(
        Word(60, 66, "acromion"),
        Word(186, 80, "clavicle"),
        Word(222, 236, "scapula"),
    ),
    away=(
        *((330, 20), (312, 44), (296, 66), (262, 108), (244, 130), (228, 150), (206, 188)),
        *((198, 214), (190, 240), (180, 276), (172, 310), (166, 370), (190, 210), (166, 228)),
        *((134, 230), (112, 231)),
    ),
    flips=True,
)

BACK_SKIN = Stroke(
    through("44,-10 56,24 100,44 166,54 240,58 300,78 330,124 340,190 336,260 326,340 322,440")
    + through("212,440 208,372 194,322 176,288"),
    "skin",
)
BACK_CLAVICLE = bone(
    "272,80 240,62 200,66 160,78 110,76 60,70 30,74 26,90 60,90 110,94 164,94 204,82 240,80 262,94"
)
BACK_CORACOID = bone("190,116 190,98 204,92 222,98 230,112 222,122 204,124")
BACK_HUMERUS = (
    bone(
        "214,140 222,124 240,114 262,112 280,108 296,116 306,134 306,158 296,184 290,216 286,280"
        " 284,360 284,460 284,460 244,460 244,460 246,360 248,280 246,232 236,212 218,196 208,170"
    ),
    Stroke(through("268,116 280,140 284,166 278,196"), "fibre"),
    Stroke(through("238,118 228,150 236,190"), "fibre"),
)
BACK_SCAPULA = (
    bone(
        "200,200 206,180 204,150 196,134 190,124 178,118 166,124 146,112 122,94 104,86 92,94 84,132"
        " 82,152 86,210 96,270 108,318 116,342 126,344 134,326 152,284 176,238"
    ),
    bone("190,130 200,128 206,150 206,182 200,204 192,206 194,176"),
    Stroke(through("128,318 132,270 144,226 166,190"), "fibre"),
)
BACK_SPINE = bone(
    "84,150 96,146 120,136 150,122 184,108 216,92 244,78 272,72 292,80 300,96 294,106 274,104"
    " 252,102 228,114 196,130 160,144 124,158 98,166 84,160"
)
BACK_TENDONS = (
    Stroke(through("110,184 160,176 220,152 292,134"), "fibre"),
    Stroke(through("112,222 164,192 224,164 294,144"), "fibre"),
    Stroke(through("150,272 194,226 240,190 294,166"), "fibre"),
    Stroke(through("158,262 200,218 246,184 296,172"), "fibre"),
    Stroke(through("194,210 214,250 232,310 240,380"), "fibre"),
    Stroke(through("188,214 206,256 224,316 232,384"), "fibre"),
    Stroke("M204,172L240,206M202,182L236,214M200,192L230,216", "fibre"),
)
AXILLARY_BACK = Stroke(through("196,240 222,228 250,230 284,228 312,218"), "away")

SHOULDER_BACK = Drawing(
    id="shoulder_back",
    title="{Side} shoulder, seen from behind",
    frame=(-4, -40, 368, 476),
    strokes=(
        BACK_SKIN,
        BACK_CLAVICLE,
        BACK_CORACOID,
        *BACK_HUMERUS,
        *BACK_SCAPULA,
        BACK_SPINE,
        *BACK_TENDONS,
        AXILLARY_BACK,
    ),
    words=(
        Word(4, -18, "{SIDE} shoulder", "side-word", stays=True),
        Word(358, -18, "from behind", "end", stays=True),
        Word(4, 390, "Axillary nerve:", "away-label halo"),
        Word(4, 408, "keep away", "away-label halo"),
    ),
    names=(
        Word(270, 62, "acromion"),
        Word(98, 60, "clavicle"),
        Word(92, 128, "spine"),
        Word(92, 250, "scapula"),
    ),
    away=((196, 240), (208, 233), (222, 228), (250, 230), (284, 228), (312, 218)),
    flips=True,
)

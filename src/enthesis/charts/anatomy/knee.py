"""A right knee from the front, its outer side on the viewer's left; a left knee is its mirror."""

from enthesis.charts.anatomy.drawing import Drawing, Stroke, Word, oval

SKIN = (
    Stroke("M54,0C56,50 44,110 42,160C40,210 52,236 46,280C40,330 44,380 52,420", "skin"),
    Stroke("M246,0C248,50 256,110 260,160C262,210 250,236 254,280C258,330 250,380 240,420", "skin"),
)

BONES = (
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
    Stroke(oval(148, 284, 15, 21), "bone"),
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

KNEE = Drawing(
    id="knee",
    title="{Side} knee, seen from the front as the patient faces you",
    frame=(-40, -44, 380, 492),
    strokes=(*SKIN, *BONES, PERONEAL),
    words=(
        Word(-34, -24, "{SIDE} knee", "side-word", stays=True),
        Word(334, -24, "from the front, facing you", "end", stays=True),
        Word(-34, 20, "outer side"),
        Word(334, 20, "inner side", "halo end"),
        Word(-34, 330, "Peroneal", "away-label halo"),
        Word(-34, 348, "nerve:", "away-label halo"),
        Word(-34, 366, "keep away", "away-label halo"),
        Word(
            150,
            440,
            "Behind the knee: vessels and nerve, keep away",
            "away-label middle",
            stays=True,
        ),
    ),
    away=PERONEAL_PLACES,
    flips=True,
)

"""The neck from behind, wider than it is: the half on the viewer's left is drawn and mirrored."""

from enthesis.charts.anatomy.drawing import (
    Drawing,
    Place,
    Stroke,
    Word,
    curve,
    mirrored,
    on_both_sides,
    oval,
    whole,
)

MIDDLE, ACROSS = 267.0, 534.0


def _bone(*half: Place) -> Stroke:
    return Stroke(whole(ACROSS, *half), "bone")


def _cervical(y: float, spine: float) -> tuple[Stroke, ...]:
    """From behind: transverse processes, articular pillars, arch and a spinous process in two."""
    return (
        _bone(
            *((267, y - 9), (250, y - 7), (238, y - 13), (226, y - 13), (218, y - 6)),
            *((202, y - 4), (190, y), (194, y + 8), (208, y + 8), (219, y + 9)),
            *((228, y + 14), (240, y + 13), (252, y + 7), (267, y + 9)),
        ),
        _bone((267, y - 5), (260, y), (257, y + spine), (262, y + spine + 4), (267, y + spine)),
    )


def _thoracic(y: float) -> tuple[Stroke, ...]:
    """From behind: transverse processes turned upwards, arch, and a long spinous process."""
    return (
        _bone(
            *((267, y - 11), (248, y - 9), (230, y - 14), (212, y - 20), (205, y - 12)),
            *((216, y - 2), (236, y + 4), (248, y + 14), (267, y + 14)),
        ),
        _bone((267, y - 6), (260, y), (260, y + 22), (267, y + 30)),
    )


SKIN = (
    Stroke(
        curve((103, 0), (98, 60), (110, 118), (140, 170), (160, 220), (158, 280))
        + curve((158, 280), (146, 312), (104, 336), (48, 352), (-4, 372)),
        "skin",
    ),
)

SKULL = (
    _bone(
        *((267, -20), (150, -20), (128, 4), (122, 50), (134, 92), (146, 112), (147, 132)),
        *((155, 152), (166, 152), (176, 132), (196, 134), (222, 146), (246, 152), (267, 154)),
    ),
    Stroke(curve((267, 76), (240, 70), (206, 82), (172, 98), (150, 116)), "fibre", both=True),
    Stroke(curve((267, 108), (244, 108), (214, 116), (190, 130)), "fibre", both=True),
    Stroke(oval(267, 76, 8, 5) + "M267,81V150", "fibre"),
)

ATLAS = _bone(
    *((267, 166), (246, 164), (226, 160), (204, 164), (186, 172), (184, 182), (200, 184)),
    *((222, 182), (246, 180), (267, 181)),
)
AXIS = (
    _bone(
        *((267, 190), (248, 190), (232, 186), (216, 190), (200, 196), (200, 206), (216, 208)),
        *((232, 214), (250, 208), (267, 212)),
    ),
    _bone((267, 192), (258, 198), (251, 216), (256, 224), (267, 217)),
)

RIBS = on_both_sides(
    Stroke(
        curve(
            (240, 372),
            (208, 366),
            (178, 372),
            (150, 392),
            (138, 420),
            (148, 424),
            (160, 400),
            (206, 380),
            (240, 384),
        ),
        "bone",
    ),
    Stroke(
        curve(
            (240, 404),
            (206, 400),
            (166, 404),
            (124, 434),
            (104, 490),
            (116, 494),
            (136, 446),
            (206, 412),
            (240, 416),
        ),
        "bone",
    ),
    Stroke(
        curve(
            (240, 440),
            (206, 438),
            (166, 444),
            (130, 476),
            (114, 524),
            (128, 524),
            (146, 486),
            (206, 450),
            (240, 452),
        ),
        "bone",
    ),
    Stroke(
        curve(
            (240, 476),
            (206, 476),
            (180, 482),
            (152, 506),
            (140, 530),
            (156, 530),
            (206, 490),
            (240, 490),
        ),
        "bone",
    ),
)

SHOULDER = on_both_sides(
    Stroke(  # collar bone, seen over the shoulder
        curve(
            *((196, 386), (160, 366), (110, 360), (62, 372), (22, 374), (16, 384)),
            *((58, 386), (110, 374), (156, 380), (190, 398)),
            closed=True,
        ),
        "bone",
    ),
    Stroke(  # shoulder blade
        curve(
            *((150, 398), (140, 392), (112, 400), (78, 414), (44, 424), (30, 440)),
            *((40, 470), (60, 530), (60, 540), (132, 540), (136, 480), (146, 430)),
            closed=True,
        ),
        "bone",
    ),
    Stroke(  # its spine, out to the acromion
        curve(
            *((138, 448), (100, 436), (60, 414), (30, 396), (6, 390), (-6, 404)),
            *((4, 420), (30, 424), (62, 440), (100, 454), (136, 456)),
            closed=True,
        ),
        "bone",
    ),
)

FIBRES = on_both_sides(
    Stroke("M198,178L148,396M196,204L146,400M194,236L144,404", "fibre"),
    Stroke("M146,410L240,384M142,432L246,416M138,452L250,448", "fibre"),
)
LIGAMENT = Stroke("M264,156V500M270,156V500", "fibre")

LUNG = Stroke(
    curve((230, 540), (226, 440), (214, 384), (188, 364), (158, 380), (124, 430), (92, 540)),
    "away-field",
)
CORD = Stroke("M256,150V540H278V150Z", "away-field")
ARTERY = Stroke(
    curve(
        *((210, 342), (210, 300), (209, 240), (206, 204), (194, 190), (194, 174)),
        *((208, 160), (232, 160), (250, 150)),
    ),
    "away",
)

NECK = Drawing(
    id="neck",
    title="Neck, seen from behind, the patient’s left on your left",
    frame=(0, 0, ACROSS, 514),
    crop=(58, 20, 418, 480),
    strokes=(
        *on_both_sides(*SKIN, LUNG),
        *RIBS,
        CORD,
        *(stroke for y in (482, 446, 410, 376) for stroke in _thoracic(y)),
        *_cervical(346, 26),
        *(stroke for y in (318, 290, 262, 234) for stroke in _cervical(y, 16)),
        *AXIS,
        ATLAS,
        *SKULL,
        *SHOULDER,
        *FIBRES,
        LIGAMENT,
        *on_both_sides(ARTERY),
    ),
    words=(
        Word(16, 28, "LEFT", "side-word halo"),
        Word(16, 47, "seen from behind"),
        Word(518, 28, "RIGHT", "side-word halo end"),
        Word(522, 214, "Vertebral artery", "away-label halo end"),
        Word(522, 231, "and spinal cord:", "away-label halo end"),
        Word(522, 248, "keep away", "away-label halo end"),
        Word(522, 318, "Lung beneath:", "away-label halo end"),
        Word(522, 335, "keep away", "away-label halo end"),
    ),
    crop_words=(
        Word(64, 42, "LEFT", "side-word halo"),
        Word(64, 61, "behind"),
        Word(470, 42, "RIGHT", "side-word halo end"),
        Word(472, 214, "Artery and", "away-label halo end"),
        Word(472, 232, "spinal cord:", "away-label halo end"),
        Word(472, 250, "keep away", "away-label halo end"),
        Word(472, 302, "Lung beneath:", "away-label halo end"),
        Word(472, 320, "keep away", "away-label halo end"),
    ),
    names=(
        Word(318, 50, "occiput"),
        Word(354, 178, "C1"),
        Word(354, 242, "C3"),
        Word(354, 354, "C7"),
        Word(420, 480, "shoulder blade"),
    ),
    away=mirrored(
        (
            *((210, 342), (210, 316), (210, 290), (210, 264), (209, 238), (206, 210)),
            *((194, 182), (210, 160), (188, 364), (214, 384)),
        ),
        ACROSS,
    ),
)

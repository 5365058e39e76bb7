"""A motion as bars, left and right under each other, beside its norm: a range, or one value."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from enthesis.charts.pen import element, in_words, line, picture, words

ACROSS, NAMES, TOP, STEP, THICK = 300.0, 46.0, 20.0, 24.0, 14.0


@dataclass(frozen=True, slots=True)
class MotionBars:
    """`bars` are (side in words, value or None where it was not measured), on a scale up to
    `most`; without a norm `low` and `high` are None. `norm` says what the norm is."""

    title: str
    unit: str
    most: Decimal
    bars: Sequence[tuple[str, Decimal | None]]
    norm: str
    low: Decimal | None = None
    high: Decimal | None = None


def motion_svg(motion: MotionBars, uid: str) -> str:
    """The norm behind, the bars over it, each with its value; what is not measured says so."""
    down = TOP + STEP * len(motion.bars)
    body = _norm(motion, down)
    for number, (side, value) in enumerate(motion.bars):
        y = TOP + STEP * number
        body += words(0, y + THICK - 2, side)
        if value is None:
            body += words(NAMES + 6, y + THICK - 2, "not measured", "halo")
            continue
        end = _x(value, motion)
        body += element("rect", x=NAMES, y=y, width=end - NAMES, height=THICK, cls="bar")
        inside = end > ACROSS - 50
        at, cls = (end - 5, "on-bar end") if inside else (end + 5, "strong halo")
        body += words(at, y + THICK - 2, f"{in_words(value)}{motion.unit}", cls)
    body += line(NAMES, TOP - 4, NAMES, down, "axis")
    return picture(uid, motion.title, _told(motion), (0, 0, ACROSS, down), "chart motion", body)


def _x(value: Decimal, motion: MotionBars) -> float:
    return NAMES + (ACROSS - NAMES) * float(min(value, motion.most) / motion.most)


def _norm(motion: MotionBars, down: float) -> str:
    if motion.low is None or motion.high is None:
        return ""
    left, right = _x(motion.low, motion), _x(motion.high, motion)
    cls = "end" if right > ACROSS / 2 else ""
    at = right if cls else left
    named = words(at, TOP - 8, "norm", f"band-label {cls}".strip())
    if left == right:
        return line(left, TOP - 4, left, down, "band-edge one") + named
    band = element("rect", x=left, y=TOP - 4, width=right - left, height=down - TOP + 4, cls="band")
    return band + named


def _told(motion: MotionBars) -> str:
    said = (
        f"{side}: not measured" if value is None else f"{side}: {in_words(value)}{motion.unit}"
        for side, value in motion.bars
    )
    return f"{'; '.join(said)}. {motion.norm}."

"""The pen: SVG elements as escaped text; classes only, never a style, so a strict CSP is kept."""

import math
from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from html import escape

Number = float | Decimal
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def coordinate(value: float) -> str:
    """A length in user units, to a tenth, without a trailing zero."""
    text = f"{value:.1f}".removesuffix(".0")
    return "0" if text == "-0" else text


def element(name: str, content: str = "", **attributes: str | float | None) -> str:
    """One element; `content` is markup already. Underscores become hyphens, `cls` is the class."""
    parts = [name]
    for key, value in attributes.items():
        if value is None or value == "":
            continue
        shown = value if isinstance(value, str) else coordinate(value)
        parts.append(f'{_attribute(key)}="{escape(shown)}"')
    opening = " ".join(parts)
    return f"<{opening}>{content}</{name}>" if content else f"<{opening}/>"


def _attribute(key: str) -> str:
    return "class" if key == "cls" else key.replace("_", "-")


def words(x: float, y: float, text: str, cls: str = "") -> str:
    """Text on its baseline."""
    return element("text", escape(text), x=x, y=y, cls=cls)


def line(x1: float, y1: float, x2: float, y2: float, cls: str) -> str:
    """A straight line."""
    return element("line", x1=x1, y1=y1, x2=x2, y2=y2, cls=cls)


def path_through(points: Iterable[tuple[float, float]], closed: bool = False) -> str:
    """The `d` of a path through the points."""
    steps = " ".join(f"{coordinate(x)},{coordinate(y)}" for x, y in points)
    return f"M{steps}{'Z' if closed else ''}"


def picture(
    uid: str,
    title: str,
    description: str,
    box: tuple[float, float, float, float],
    cls: str,
    body: str,
) -> str:
    """A whole SVG with the name and the description that a screen reader speaks."""
    named = element("title", escape(title), id=f"{uid}-title")
    described = element("desc", escape(description), id=f"{uid}-desc")
    return element(
        "svg",
        named + described + body,
        xmlns="http://www.w3.org/2000/svg",
        viewBox=" ".join(coordinate(side) for side in box),
        role="img",
        aria_labelledby=f"{uid}-title {uid}-desc",
        cls=cls,
    )


def ratio(logarithm: float) -> float:
    """A ratio from its logarithm; beyond what a double holds, the largest there is."""
    return math.exp(min(logarithm, 700.0))


def in_words(value: Number) -> str:
    """A number as people write it: 7, 4.5, −2; at most two decimals, never a trailing zero."""
    text = f"{value:.2f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text.replace("-", "−")


def day_in_words(on: date) -> str:
    """22 Nov 2026."""
    return f"{on.day} {MONTHS[on.month - 1]} {on.year}"

"""The picture of a network: treatments on a circle, a line for each comparison that was made.

The thicker the line, the more studies; the larger the dot, the more studies have the treatment.
It says what was compared with what, not which is better.
"""

import math
from dataclasses import dataclass
from typing import Literal

from enthesis.charts.pen import element, line, picture, words
from enthesis.charts.standalone import standalone

Width = Literal["wide", "narrow"]
SMALLEST_DOT, LARGEST_DOT = 6.0, 18.0
THICKEST = 7


@dataclass(frozen=True, slots=True)
class NetworkPicture:
    """`treatments` with the number of studies of each; `comparisons` with that of each pair."""

    title: str
    treatments: tuple[tuple[str, int], ...]
    comparisons: tuple[tuple[str, str, int], ...]


def network_svg(data: NetworkPicture, width: Width, uid: str) -> str:
    """The picture as SVG with classes only; `uid` must be its own on the page."""
    across, deep, radius = (358, 340, 100) if width == "narrow" else (740, 420, 150)
    places = _places(data, across / 2, deep / 2, radius)
    body = "".join(_link(places, *comparison) for comparison in data.comparisons)
    most = max(count for _, count in data.treatments)
    for name, count in data.treatments:
        body += _dot(places[name], name, count / most, (across / 2, deep / 2))
    cls = f"chart network {width}"
    return picture(uid, data.title, _spoken(data), (0, 0, across, deep), cls, body)


def network_picture_file(data: NetworkPicture) -> str:
    """The wide picture as a file of its own, with the rules for its classes inside."""
    svg = network_svg(data, "wide", "network")
    thick = "".join(f".link-{n}{{stroke:#757C84;stroke-width:{n}}}" for n in range(1, THICKEST + 1))
    return f"{standalone(svg, thick)}\n"


def _places(
    data: NetworkPicture, x: float, y: float, radius: float
) -> dict[str, tuple[float, float]]:
    """The first on top, the others clockwise."""
    step = 2 * math.pi / len(data.treatments)
    return {
        name: (x + radius * math.sin(step * i), y - radius * math.cos(step * i))
        for i, (name, _) in enumerate(data.treatments)
    }


def _link(places: dict[str, tuple[float, float]], first: str, second: str, studies: int) -> str:
    (x1, y1), (x2, y2) = places[first], places[second]
    drawn = line(x1, y1, x2, y2, f"link-{min(studies, THICKEST)}")
    return drawn + words((x1 + x2) / 2 + 6, (y1 + y2) / 2 - 4, str(studies), "halo")


def _dot(at: tuple[float, float], name: str, share: float, centre: tuple[float, float]) -> str:
    """A treatment: its dot's area is the share of the most studies, its name lies outside."""
    x, y = at
    size = max(SMALLEST_DOT, LARGEST_DOT * math.sqrt(share))
    told = element("circle", cx=x, cy=y, r=size, cls="study")
    if abs(x - centre[0]) < 1:
        over = y - size - 6 if y < centre[1] else y + size + 16
        return told + words(x, over, name, "strong middle halo")
    side, cls = (size + 6, "strong halo") if x > centre[0] else (-size - 6, "strong end halo")
    return told + words(x + side, y + 5, name, cls)


def _spoken(data: NetworkPicture) -> str:
    made = "; ".join(f"{a} with {b}, {n}" for a, b, n in data.comparisons)
    return f"How many studies compared which treatments: {made}."

"""Labels that do not overlap: rectangles, the room that words take, and free places for them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

Anchor = Literal["start", "middle", "end"]

NARROW_LETTERS = frozenset("iljtfrI.,:;'|!()[] ")
WIDE_LETTERS = frozenset("mwMW@%△▲")


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle in user units; y grows downwards."""

    left: float
    top: float
    right: float
    bottom: float

    def meets(self, other: "Box") -> bool:
        """Whether the two share any area."""
        return (
            self.left < other.right
            and other.left < self.right
            and self.top < other.bottom
            and other.top < self.bottom
        )

    def within(self, other: "Box") -> bool:
        """Whether this one lies wholly in the other."""
        return (
            self.left >= other.left
            and self.right <= other.right
            and self.top >= other.top
            and self.bottom <= other.bottom
        )


@lru_cache(maxsize=10_000)
def width_of(text: str, size: float, bold: bool = False) -> float:
    """About how wide the words are, on the wide side: the reader's font is not known here. Kept: a
    label is tried in some hundred places."""
    ems = sum(
        0.34 if letter in NARROW_LETTERS else 0.92 if letter in WIDE_LETTERS else 0.57
        for letter in text
    )
    return size * ems * (1.06 if bold else 1.0)


def box_of(
    x: float, y: float, text: str, size: float, anchor: Anchor = "start", bold: bool = False
) -> Box:
    """The rectangle of words whose baseline is at y."""
    width = width_of(text, size, bold)
    left = x - {"start": 0.0, "middle": width / 2, "end": width}[anchor]
    return Box(left, y - 0.8 * size, left + width, y + 0.25 * size)


def first_free(candidates: Iterable[Box], taken: Sequence[Box]) -> Box | None:
    """The first rectangle that meets none of the taken ones, or None."""
    return next((box for box in candidates if not any(box.meets(other) for other in taken)), None)


def stacked(wished: Sequence[float], heights: Sequence[float], top: float) -> list[float]:
    """Tops for rectangles in a column, in the order of their wishes and none over another.

    Each comes as near its wished top as those above it allow; a column that would begin above
    `top` starts there. The caller sees to it that the column is long enough.
    """
    tops = [0.0] * len(wished)
    free_from = top
    for index in sorted(range(len(wished)), key=lambda i: wished[i]):
        tops[index] = max(wished[index], free_from)
        free_from = tops[index] + heights[index]
    return tops


def lifted(tops: Sequence[float], heights: Sequence[float], bottom: float) -> list[float]:
    """The same column pushed up from below, so that nothing reaches under `bottom`."""
    result = list(tops)
    free_to = bottom
    for index in sorted(range(len(tops)), key=lambda i: tops[i], reverse=True):
        result[index] = min(tops[index], free_to - heights[index])
        free_to = result[index]
    return result

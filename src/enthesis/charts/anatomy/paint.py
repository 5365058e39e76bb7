"""A drawing as SVG: its strokes and its words, mirrored where a left limb or half is asked for."""

from enthesis.charts.anatomy.drawing import Drawing, Stroke, Word
from enthesis.charts.pen import element, words
from enthesis.records import Side


def strokes_svg(drawing: Drawing, limb: Side = Side.MIDLINE) -> str:
    """All strokes of a drawing, in their order."""
    drawn = "".join(_stroke(stroke, drawing.across) for stroke in drawing.strokes)
    return flipped(drawn, drawing.across) if limb == Side.LEFT else drawn


def _stroke(stroke: Stroke, across: float) -> str:
    drawn = element("path", d=stroke.d, cls=stroke.cls)
    return drawn + flipped(drawn, across) if stroke.both else drawn


def flipped(markup: str, across: float) -> str:
    """The mirror of what is drawn."""
    return element("g", markup, transform=f"matrix(-1 0 0 1 {across:g} 0)")


def word_svg(word: Word, drawing: Drawing, limb: Side = Side.MIDLINE) -> str:
    """Words, on the other side and ending where they began if they belong to a left limb."""
    x, classes = word.x, word.cls.split()
    if limb == Side.LEFT and not word.stays:
        x = drawing.across - x
        if "end" in classes:
            classes.remove("end")
        elif "middle" not in classes:
            classes.append("end")
    return words(x, word.y, sided(word.text, limb), " ".join(classes))


def sided(text: str, limb: Side) -> str:
    """The text with the side of its limb."""
    return text.format(side=limb.value, Side=limb.capitalize(), SIDE=limb.upper())

"""Who came, who began, who answered: the flow of STROBE and CONSORT, drawn from the counts."""

from dataclasses import dataclass
from itertools import pairwise

from enthesis.charts.curves import LINE, Table, Width, wrapped
from enthesis.charts.pen import element, line, path_through, picture, words


@dataclass(frozen=True, slots=True)
class Step:
    """So many came so far; `left` says who went no further and why: (reason, how many)."""

    label: str
    count: int
    left: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, slots=True)
class FlowData:
    """Steps from above; what leaves one step and what reaches the next must add up."""

    title: str
    steps: tuple[Step, ...]

    def __post_init__(self) -> None:
        if not self.steps:
            raise ValueError("A flow needs at least one step.")
        for before, after in pairwise(self.steps):
            gone = sum(count for _, count in before.left)
            if before.count - gone != after.count:
                raise ValueError(
                    f"{before.label}: {before.count}, less {gone} who went no further, is not "
                    f"{after.count} ({after.label}). Give every reason its count."
                )


def flow_svg(data: FlowData, width: Width, uid: str) -> str:
    """Boxes from above, those who left at the right; on a phone indented beneath."""
    narrow = width == "narrow"
    box_width = 330.0 if narrow else 300.0
    told, y, bottom = "", 4.0, 4.0
    for index, step in enumerate(data.steps):
        if index:
            # From the box itself, but on a phone from beneath the words of those who left.
            told += _arrow(box_width / 2, y - 30 if narrow else bottom, y)
        text = wrapped(step.label, 14, box_width - 80)
        height = max(38.0, LINE * len(text) + 20)
        told += element("rect", x=1, y=y, width=box_width, height=height, cls="flow-box")
        told += words(box_width - 12, y + 25, str(step.count), "strong end")
        for row, part in enumerate(text):
            told += words(14, y + 25 + LINE * row, part)
        bottom = y = y + height
        left = [part for reason, n in step.left if n for part in wrapped(f"{n} {reason}", 14, 310)]
        if left and narrow:
            for row, part in enumerate(left):
                told += words(30, y + 20 + LINE * row, part)
            told += line(18, y, 18, y + 8 + LINE * len(left), "axis")
            y += LINE * len(left) + 14
        elif left:
            middle = y + 13
            told += line(box_width / 2, middle, 360, middle, "axis")
            for row, part in enumerate(left):
                told += words(370, middle + 5 + LINE * row, part)
            y = max(y, middle + LINE * (len(left) - 1) - 6)
        y += 30
    across = 358.0 if narrow else 740.0
    cls = f"chart flow {width}"
    return picture(f"{uid}-{width}", data.title, _told(data), (0, 0, across, y - 26), cls, told)


def flow_table(data: FlowData) -> Table:
    """Each step, and under it who went no further."""
    rows = []
    for step in data.steps:
        rows.append((step.label, str(step.count)))
        rows += [(f"– {reason}", str(count)) for reason, count in step.left]
    return Table(("Step", "Courses"), tuple(rows))


def _arrow(x: float, top: float, bottom: float) -> str:
    head = [(x - 4, bottom - 7), (x + 4, bottom - 7), (x, bottom - 1)]
    return line(x, top, x, bottom - 6, "axis") + element(
        "path", d=path_through(head, closed=True), cls="mark"
    )


def _told(data: FlowData) -> str:
    told = []
    for step in data.steps:
        gone = ", ".join(f"{count} {reason}" for reason, count in step.left if count)
        told.append(f"{step.label}: {step.count}{f'; of them {gone}' if gone else ''}.")
    return " ".join(told)

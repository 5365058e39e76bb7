"""Decisions otherwise than suggested, and what followed them."""

import pyarrow.compute as pc

from enthesis.charts.curves import Table
from enthesis.charts.dot_rows import DotRow, DotRows, dot_rows_svg
from enthesis.charts.pen import in_words
from enthesis.outcomes import cohort
from enthesis.outcomes.cohort import HUNDREDTHS
from enthesis.outcomes.intervals import wilson
from enthesis.outcomes.sections.parts import HIDDEN, LEFT_OUT, Asked, Figure, Section, plain

MEASURE = "Decisions, and the next answer after each"
NOTE = "What followed an override is not what would have followed the rule."


def overrides(asked: Asked) -> tuple[Section, ...]:
    """Each pair of suggested and decided; those as suggested stand beside the others."""
    table = cohort.decisions(asked.registry)
    made = sum(table["decisions"].to_pylist())
    if not made:
        return (Section("overrides", "No decision has been recorded", MEASURE, asked.source),)
    others = [row for row in table.to_pylist() if row["suggested"] != row["decided"]]
    as_told = [row for row in table.to_pylist() if row["suggested"] == row["decided"]]
    other = sum(row["decisions"] for row in others)
    # A course may stand in several rows: of a part are at least as many people as of its largest.
    people = [max((row["courses"] for row in part), default=0) for part in (others, as_told)]
    # Many decisions of few people stand for few. How many were otherwise is told, so that those as
    # suggested and the others must each hide what they hide by themselves.
    same = pc.equal(table["suggested"], table["decided"])
    rows = [
        row
        for part in (table.filter(pc.invert(same)), table.filter(same))
        for row in asked.hide(
            asked.hide(part, ["decisions"], "courses"),
            ["answered_after", "reached_after"], "decisions", ["sum_relief_after"],
        ).to_pylist()
    ]  # fmt: skip
    small = any(row["reached_after"] is None or row["answered_after"] is None for row in rows)
    title = f"{other} of {made} decisions were not what the rules suggested"
    if asked.is_small(*people, other, made - other):
        title = f"{made} decisions were recorded"
        small = True
    cells, drawn = [], []
    for row in sorted(rows, key=lambda row: row["suggested"] == row["decided"]):
        n, heard, total = row["decisions"], row["answered_after"], row["sum_relief_after"]
        reached = row["reached_after"]
        mean = (
            HIDDEN if heard is None or total is None
            else f"{in_words(round(total / heard / HUNDREDTHS))} %" if heard else "no answer"
        )  # fmt: skip
        shown = [HIDDEN if value is None else str(value) for value in (n, heard, reached)]
        suggested, decided = plain(row["suggested"]), plain(row["decided"])
        cells.append((f"{suggested}, decided {decided}", shown[0], shown[1], mean, shown[2]))
        if small:
            continue
        share = wilson(reached, n)
        value, low, high = (100 * float(e) for e in (share.estimate, share.low, share.high))
        name = f"Suggested {suggested}, decided {decided} ({n})"
        drawn.append(DotRow(name, value, low, high, f"{reached} of {n}"))
    figure = None
    if drawn:
        axis = "Of 100 such decisions, target reached after it"
        data = DotRows(title, axis, "Reached of decisions", tuple(drawn), digits=0)
        figure = Figure(
            dot_rows_svg(data, "wide", "overrides"), dot_rows_svg(data, "narrow", "overrides")
        )
    head = (
        "Suggested",
        "Times",
        "Answered after it",
        "Mean relief then",
        "Reached the target after",
    )
    notes = (NOTE, *((LEFT_OUT,) if small else ()))
    return (Section("overrides", title, MEASURE, asked.source, Table(head, tuple(cells)), figure,
                    notes),)  # fmt: skip

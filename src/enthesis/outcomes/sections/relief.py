"""How much relief was reached: at each level, and the whole cumulative curve."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np

from enthesis.charts.curves import Table
from enthesis.charts.responder_curve import (
    Benchmark,
    ResponderData,
    responder_svg,
    responder_table,
)
from enthesis.knowledge import kinds
from enthesis.outcomes import cohort
from enthesis.outcomes.cohort import HUNDREDTHS, LEVELS
from enthesis.outcomes.sections.parts import (
    LEFT_OUT,
    Asked,
    Figure,
    Section,
    count,
    of_100,
    of_100_with_interval,
)

STEPS = (1, 2, 5, 10)
"""Percent: all of them divide the levels of a responder."""
MEASURE = "Share gained of what there was to gain, at the last answer"


def relief(asked: Asked) -> tuple[Section, ...]:
    """Responders at 30, 50 and 90 %, and the curve over all levels, lost as not reached beside."""
    table = cohort.at_last(asked.registry)
    names = tuple(f"reached_{level}" for level in LEVELS)
    for name, of in zip(names[1:], names, strict=False):
        table = asked.hide(table, [name], of)
    table = asked.hide(table, names, "measurable")
    (row,) = asked.hide(table, ("answered", "measurable", *names), "began").to_pylist()
    told = cohort.curve(asked.registry).to_pylist()
    if not told:
        finding = f"None of {asked.began} who began has an answer whose relief is known"
        return (Section("relief", finding, MEASURE, asked.source),)
    half, of = row["reached_50"], row["measurable"]
    who = "who answered" if of == row["answered"] else "whose relief is known"
    title = _title(asked, half, of, who)
    values = np.repeat([r["relief"] for r in told], [r["courses"] for r in told]) / HUNDREDTHS
    data = ResponderData(title, tuple(values.tolist()), asked.began, published(asked.anyway), who)
    step = next((s for s in STEPS if not _reveals(_coarser(data, s), asked)), None)
    data = _coarser(data, step or 1)
    notes = [
        f"Of all {asked.began} who began, lost counted as not reached: "
        + "; ".join(
            f"at least {level} %: {count(row[name])}, of 100 "
            f"{of_100_with_interval(row[name], asked.began)}"
            for level, name in zip(LEVELS, names, strict=True)
        )
        + ". In brackets the 95 % interval.",
    ]
    if row["measurable"] != row["answered"] and row["answered"] is not None and of is not None:
        notes.append(
            f"{row['answered'] - of} of {row['answered']} who answered gave no start, or had "
            "nothing to gain: their relief is not known."
        )
    notes += benchmark_notes(asked.anyway)
    if step is not None and step > 1:
        notes.append(f"Drawn in steps of {step} %, so that no step stands for few people.")
    if step is None:
        head = ("Relief of at least", f"Of those {who}", "Of 100", "Of all who began, of 100")
        rows = tuple(
            (f"{level} %", f"{count(row[name])} of {count(of)}", of_100(row[name], of),
             of_100(row[name], asked.began))
            for level, name in zip(LEVELS, names, strict=True)
        )  # fmt: skip
        shown = Table(head, rows)
        return (
            Section(
                "relief",
                title,
                MEASURE,
                asked.source,
                shown,
                notes=(*notes, LEFT_OUT),
                technical=benchmark_source(asked.anyway),
            ),
        )
    figure = Figure(responder_svg(data, "wide", "relief"), responder_svg(data, "narrow", "relief"))
    shown = responder_table(data)
    return (Section("relief", title, MEASURE, asked.source, shown, figure, tuple(notes),
                    benchmark_source(asked.anyway)),)  # fmt: skip


def _title(asked: Asked, half: int | None, of: int | None, who: str) -> str:
    """The finding; what is hidden is left out of it, not named as a number of people."""
    if half is None:
        return "How many had reached 50 % relief is not shown: it stands for so few people"
    of_whom = f"{asked.began} who began" if of is None else f"{of} {who}"
    return f"{half} of {of_whom} had reached 50 % relief at their last answer"


def _coarser(data: ResponderData, step: int) -> ResponderData:
    """The curve in steps: what is reached at a multiple of the step is as it was."""
    return replace(data, relief=tuple((step * (np.array(data.relief) // step)).tolist()))


def _reveals(data: ResponderData, asked: Asked) -> bool:
    """Whether between two levels of the drawn curve, or beside it, there are too few people."""
    at = [data.begun, len(data.relief), *(data.reached(x) for x in range(101)), 0]
    return asked.is_small(*(before - after for before, after in pairwise(at)))


def published(anyway: kinds.Benchmark | None) -> Benchmark | None:
    """The benchmark's points of the responder curve, where they were published."""
    if anyway is None or not anyway.improved_percent:
        return None
    points = sorted((float(x), float(n)) for x, n in anyway.improved_percent.items())
    people = f"benchmark, {anyway.points[-1].n} people"
    return Benchmark(anyway.title, people, tuple(points))


def benchmark_notes(anyway: kinds.Benchmark | None) -> Sequence[str]:
    """Whom the benchmark is of."""
    return () if anyway is None else (f"Benchmark: {anyway.population}",)


def benchmark_source(anyway: kinds.Benchmark | None) -> tuple[str, ...]:
    """Where the benchmark was published."""
    return () if anyway is None else (f"Source of the benchmark: {anyway.source}.",)

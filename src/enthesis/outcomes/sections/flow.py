"""Who came, who began, who answered."""

from enthesis.charts.curves import Table
from enthesis.charts.flow import FlowData, Step, flow_svg, flow_table
from enthesis.charts.pen import day_in_words
from enthesis.outcomes import cohort
from enthesis.outcomes.sections.parts import HIDDEN, LEFT_OUT, Asked, Figure, Section

MEASURE = "How many courses came how far"


def flow(asked: Asked) -> tuple[Section, ...]:
    """The flow of courses from opened to answered, with the reasons for going no further."""
    by = ("began", "agreed", "evaluated", "candidacy", "silent")
    rows = cohort.flow(asked.registry, by).to_pylist()
    left = {"agreed, not begun": 0, "not suitable, or referred first": 0,
            "evaluated, no plan agreed": 0, "not evaluated": 0}  # fmt: skip
    answered = silent = waiting = 0
    for row in rows:
        if row["began"]:
            unheard = row["opened"] - row["answered"]
            answered += row["answered"]
            silent, waiting = (
                (silent + unheard, waiting) if row["silent"] else (silent, waiting + unheard)
            )
        elif row["agreed"]:
            left["agreed, not begun"] += row["opened"]
        elif not row["evaluated"]:
            left["not evaluated"] += row["opened"]
        elif row["candidacy"] in ("refer_first", "not_suitable"):
            left["not suitable, or referred first"] += row["opened"]
        else:
            left["evaluated, no plan agreed"] += row["opened"]
    opened = sum(row["opened"] for row in rows)
    heard = {"never answered, though asked": silent, "not yet answered": waiting}
    title = (
        f"Of {opened} courses opened, {asked.began} began and {answered} gave an answer after that"
    )
    data = FlowData(
        title,
        (
            Step("Courses opened", opened, tuple(left.items())),
            Step("Began treatment", asked.began, tuple(heard.items())),
            Step("Answered at least once after the first session", answered),
        ),
    )
    source = f"{opened} courses opened, as of {day_in_words(asked.day)}."
    if asked.is_small(*left.values(), *heard.values(), opened - asked.began, answered):
        return (_hidden(asked, data),)
    figure = Figure(flow_svg(data, "wide", "flow"), flow_svg(data, "narrow", "flow"))
    return (Section("flow", title, MEASURE, source, flow_table(data), figure),)


def _hidden(asked: Asked, data: FlowData) -> Section:
    """What may be said: a step whose loss is small would give the loss away, and is hidden too.

    `began` stands in every section, so that it is never hidden here.
    """
    rows, opened, answered = [], data.steps[0], data.steps[2]
    for step, after in ((opened, asked.began), (data.steps[1], answered.count)):
        lost = step.count - after
        whole = step is opened and asked.is_small(lost)
        rows.append((step.label, HIDDEN if whole else str(step.count)))
        small = [asked.is_small(n) for _, n in step.left]
        # One hidden reason alone could be had back from the others: then none is told.
        none = asked.is_small(lost) or sum(small) == 1
        rows += [
            (f"– {reason}", HIDDEN if none or tiny else str(n))
            for (reason, n), tiny in zip(step.left, small, strict=True)
        ]
    lost = asked.began - answered.count
    known = not asked.is_small(lost, answered.count)
    rows.append((answered.label, str(answered.count) if known else HIDDEN))
    title = (
        f"{asked.began} courses began; {asked.few} gave an answer after that"
        if asked.is_small(answered.count)
        else f"{asked.began} courses began; all but {asked.few} gave an answer after that"
    )
    if known:
        title = f"Of {asked.began} courses that began, {answered.count} gave an answer after that"
    table = Table(("Step", "Courses"), tuple(rows))
    return Section("flow", title, MEASURE, asked.source, table, notes=(LEFT_OUT,))

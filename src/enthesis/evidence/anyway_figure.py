"""Natural history as a picture, a table and sentences."""

import math

from enthesis.charts.anyway import AnywayChart, AnywayLine
from enthesis.evidence.anyway import Anyway, AnywayPoint, signed
from enthesis.evidence.trials import Z

UNTIL_WEEKS = 60.0
"""The picture ends after a year; what came later is in the table."""
NOT_KNOWN = "not known"


def anyway_chart(found: Anyway) -> AnywayChart:
    """The picture of a topic's groups."""
    lines = (
        AnywayLine(one.group.short, tuple((p.weeks, p.change) for p in one.points))
        for one in found.groups
    )
    return AnywayChart(
        title="Without prolotherapy: what pain did in each group",
        measure="Change of pain, points of 100",
        lines=tuple(lines),
        until=UNTIL_WEEKS,
    )


def anyway_table(found: Anyway) -> dict[str, list[object]]:
    """Every point as words: head and rows."""
    head: list[object] = [
        "Group",
        "After",
        "People",
        "Change, 95 % interval",
        "Better by 30 %, 50 %",
    ]
    rows: list[object] = [
        [one.group.short, f"{p.weeks:g} weeks", p.n, change_words(p), _better(p)]
        for one in found.groups
        for p in one.points
    ]
    return {"head": head, "rows": rows}


def anyway_pools(found: Anyway) -> list[str]:
    """A sentence for each span of weeks in which enough groups answered."""
    told = []
    for one in found.pools:
        if one.pooled is None:
            continue
        p, name = one.pooled, one.window.name
        interval = f"95 % interval {signed(p.ci_low)} to {signed(p.ci_high)}"
        new = f"between {signed(p.prediction_low)} and {signed(p.prediction_high)}"
        told.append(
            f"After {name}, {p.k} groups, {one.people} people: {signed(p.estimate)} ({interval}); "
            f"the mean of a new group would be expected {new}."
        )
    return told


def change_words(point: AnywayPoint) -> str:
    """A change with its interval: −14 (−18 to −10)."""
    if math.isnan(point.se):
        return f"{signed(point.change)} (spread not printed)"
    low, high = point.change - Z * point.se, point.change + Z * point.se
    return f"{signed(point.change)} ({signed(low)} to {signed(high)})"


def _better(point: AnywayPoint) -> str:
    if point.better_30 is None:
        return NOT_KNOWN
    return f"{point.better_30} and {point.better_50} of {point.n}"

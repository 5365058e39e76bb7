"""Natural history: what untreated groups did, read, pooled and said."""

import dataclasses
import math
import xml.etree.ElementTree as ET
from decimal import Decimal
from typing import Any

import pytest

from enthesis.charts.anyway import anyway_svg
from enthesis.evidence.anyway import Anyway, natural_history
from enthesis.evidence.anyway_figure import anyway_chart, anyway_pools, anyway_table
from enthesis.evidence.pool import pool
from enthesis.evidence.ragged import review
from enthesis.evidence.trials import EvidenceError
from enthesis.knowledge.kinds import Knowledge
from enthesis.knowledge.load import knowledge
from enthesis.knowledge.load_papers import papers
from enthesis.knowledge.paper import UntreatedGroup, UntreatedPoint
from tests.unit.evidence.made_papers import TODAY

KNOWN: Knowledge = knowledge(TODAY)


def told(topic: str, groups: tuple[UntreatedGroup, ...] | None = None) -> Anyway:
    shipped = tuple(KNOWN.untreated_groups.values())
    return natural_history(
        KNOWN.evidence_topics[topic],
        shipped if groups is None else groups,
        papers(),
        KNOWN.anyway_rules,
        KNOWN.certainty_limits.trials_to_pool,
    )


def made(name: str, change: str, n: int, sd: str | None, weeks: int = 52) -> UntreatedGroup:
    known = None if sd is None else Decimal(sd)
    return UntreatedGroup(
        id=name,
        topics=("low_back",),
        name=name,
        short=name,
        kind="saline",
        people="",
        scale_max=Decimal(10),
        checked_on=TODAY,
        source="",
        points=(UntreatedPoint(Decimal(weeks), n, Decimal(change), known),),
    )


@pytest.mark.parametrize("topic", KNOWN.evidence_topics)
def test_every_topic_says_something(topic: str) -> None:
    found = told(topic)
    assert found.line.endswith(".")
    assert bool(found.groups) == any(topic in g.topics for g in KNOWN.untreated_groups.values())


def test_changes_are_brought_to_points_of_100() -> None:
    found = told("low_back", (made("A", "-1.5", 25, "2"),))
    (point,) = found.groups[0].points
    assert (point.change, point.se) == (-15, pytest.approx(4))


def test_three_groups_are_pooled_and_two_are_not() -> None:
    three = (made("A", "-1.5", 25, "2"), made("B", "-1", 36, "2"), made("C", "-2", 49, "2"))
    (one,) = told("low_back", three).pools
    own = pool(review([-15, -10, -20], [16, (20 / 6) ** 2, (20 / 7) ** 2])).one()
    assert one.pooled is not None
    assert one.pooled.estimate == pytest.approx(own.estimate, rel=1e-12)
    assert one.people == 110 and "3 groups, 110 people" in told("low_back", three).line
    assert told("low_back", three[:2]).pools[0].pooled is None
    assert "−15 to −10 points of 100" in told("low_back", three[:2]).line
    assert "in one group of 25 people" in told("low_back", three[:1]).line


def test_a_group_whose_spread_is_not_printed_is_shown_and_not_pooled() -> None:
    groups = (*(made(n, "-1", 36, "2") for n in "AB"), made("C", "-2", 49, None))
    found = told("low_back", groups)
    assert found.pools[0].pooled is None and len(found.pools[0].points) == 3
    assert "spread not printed" in str(anyway_table(found)["rows"])


def test_nobody_counts_twice_in_a_span_of_weeks() -> None:
    early, late = (made("A", "-1", 30, "2", weeks).points[0] for weeks in (50, 56))
    one = dataclasses.replace(made("A", "-1", 30, "2"), points=(early, late))
    assert [p.weeks for p in told("low_back", (one,)).pools[0].points] == [56]


def test_a_trial_arm_is_read_from_its_paper() -> None:
    yelland = told("low_back", (KNOWN.untreated_groups["yelland_saline"],)).groups[0]
    half_year = yelland.points[0]
    assert (half_year.weeks, half_year.n) == (26, 56)
    assert half_year.change == pytest.approx(34.0 - 55.0)
    r = float(KNOWN.anyway_rules.correlation)
    sd = math.sqrt(20.7**2 + 27.5**2 - 2 * r * 20.7 * 27.5)
    assert half_year.se == pytest.approx(sd / math.sqrt(56))
    rabago = told("knee_oa", (KNOWN.untreated_groups["rabago_saline"],)).groups[0]
    assert rabago.points[-1].change == pytest.approx(-7.38)


def test_a_group_that_is_in_no_paper_is_refused() -> None:
    lost = dataclasses.replace(KNOWN.untreated_groups["yelland_saline"], arm="glucose")
    with pytest.raises(EvidenceError, match="no undoubted"):
        told("low_back", (lost,))
    with pytest.raises(ValueError, match="one of them"):
        dataclasses.replace(lost, points=made("A", "-1", 3, None).points)


@pytest.mark.parametrize("topic", ["low_back", "knee_oa"])
@pytest.mark.parametrize("width", ["wide", "narrow"])
def test_the_picture_holds_every_group_within_its_frame(topic: str, width: Any) -> None:
    found = told(topic)
    drawn = anyway_svg(anyway_chart(found), width, "a")
    root = ET.fromstring(drawn)  # noqa: S314 (our own text)
    across, high = map(float, root.attrib["viewBox"].split()[2:])
    for element in root.iter():
        if "cx" in element.attrib:
            assert 0 <= float(element.attrib["cx"]) <= across
            assert 0 <= float(element.attrib["cy"]) <= high
    assert all(one.group.short in drawn for one in found.groups)
    assert "style=" not in drawn
    assert len(anyway_pools(found)) >= 1

"""Adverse events: what may be recorded, how one stands, who may judge it."""

from dataclasses import replace
from datetime import date

import pytest

from enthesis.journey.adverse import (
    Added,
    AdverseError,
    Report,
    check,
    judges,
    kind_of,
    standing,
)
from tests.unit.journey.courses import KNOWN

SESSION, TODAY = date(2026, 3, 2), date(2026, 3, 9)
FLARE = Report("flare", date(2026, 3, 3), 2, False, "goes_on", "sore for a week")
NAMED = {
    *("pneumothorax", "spinal_headache", "nerve_injury", "infection", "allergic_reaction"),
    *("bleeding", "vasovagal", "flare", "other"),
}


def test_the_named_kinds_are_there_and_every_warning_sign_begins_one() -> None:
    assert KNOWN.adverse_kinds.keys() >= NAMED
    for rule in KNOWN.danger_rules:
        assert kind_of([rule.id], KNOWN) in KNOWN.adverse_kinds
    assert kind_of(["D-breath", "D-rash"], KNOWN) == "pneumothorax"
    assert kind_of([], KNOWN) == ""
    assert [grade.grade for grade in KNOWN.adverse_grades] == [1, 2, 3, 4, 5]


@pytest.mark.parametrize(("changed", "field"), [
    ({}, ""),
    ({"grade": 5, "outcome": "died"}, ""),
    ({"kind": "bad_luck"}, "kind"),
    ({"onset_on": date(2026, 3, 1)}, "onset_on"),
    ({"onset_on": date(2026, 3, 10)}, "onset_on"),
    ({"onset_on": SESSION}, ""),
    ({"onset_on": TODAY}, ""),
    ({"grade": 0}, "grade"),
    ({"grade": 6}, "grade"),
    ({"outcome": "fine"}, "outcome"),
    ({"grade": 5, "outcome": "recovered"}, "outcome"),
    ({"grade": 3, "outcome": "died"}, "grade"),
], ids=range(12))  # fmt: skip
def test_it_refuses_what_cannot_be_and_names_the_field(
    changed: dict[str, object], field: str
) -> None:
    report = replace(FLARE, **changed)  # type: ignore[arg-type]
    if not field:
        check(report, SESSION, TODAY, KNOWN)
        return
    with pytest.raises(AdverseError) as refused:
        check(report, SESSION, TODAY, KNOWN)
    assert refused.value.field == field


@pytest.mark.parametrize(("added", "grade", "outcome", "serious", "goes_on", "relatedness"), [
    ([], 2, "goes_on", False, True, ""),
    ([Added(relatedness="possible")], 2, "goes_on", False, True, "possible"),
    ([Added(outcome="recovered")], 2, "recovered", False, False, ""),
    ([Added(grade=4), Added(outcome="recovered", grade=1)], 1, "recovered", True, False, ""),
    ([Added("possible"), Added(outcome="unknown"), Added("unlikely")],
     2, "unknown", False, True, "unlikely"),
], ids=range(5))  # fmt: skip
def test_an_event_stands_as_its_last_entries_say_and_stays_serious_once_it_was(
    added: list[Added], grade: int, outcome: str, serious: bool, goes_on: bool, relatedness: str
) -> None:
    now = standing(FLARE, added, KNOWN)
    assert (now.grade, now.outcome, now.serious) == (grade, outcome, serious)
    assert (now.goes_on, now.relatedness) == (goes_on, relatedness)


def test_who_injected_does_not_judge_and_where_all_did_nobody_does() -> None:
    assert judges([1, 2, 3], {2}) == {1, 3}
    assert judges([2], {2}) == set()
    assert judges([1, 2], {1, 2, 9}) == set()

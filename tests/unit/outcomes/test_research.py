"""A cut for a researcher: nobody is singled out, no true day is in it, intervals stay."""

import hashlib
from collections import defaultdict
from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from enthesis.knowledge.load import knowledge
from enthesis.outcomes import registry
from enthesis.outcomes.research import QUASI, Research, Whose, columns_of, research
from enthesis.outcomes.schema import TABLES, arrow_schema
from tests.conftest import TODAY

RULES = knowledge(TODAY).research
K = 4
FIRST = date(2026, 3, 2)
# Every column that leaves, written down twice on purpose: a new one of the registry must be meant.
LEAVES = {
    "courses": "course patient age_band day_0_on clinician condition protocol solution sex zero "
    "evaluated candidacy planned_here agreed began measure finish_relief planned most interval "
    "sessions last_session_day baseline start expected preferred last_day last_sessions last_score "
    "last_relief target_sessions target_day ended ended_day recheck closed silent awaited calls "
    "warnings decisions overrides currency charged_cents paid_cents",
    "visits": "course day occasion window session_window after_session counts_as_start score "
    "gained relief at_target pain activity painkiller_days spasm_days joint_noise mood change peg "
    "headache_score bpi_interference rmdq worry",
    "sessions": "course number day sites volume_ul dextrose_mg price_cents guidance complications",
    "events": "course day number since_session kind grade",
    "adverse": "course day number since_session kind grade serious relatedness outcome "
    "from_warning",
    "money": "course day kind cents",
    "decisions": "course day sessions suggested decided relief followed_day followed_relief "
    "last_relief",
}


def number(text: str) -> int:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8]) >> 2


def row(table: str, **given: Any) -> dict[str, Any]:
    """A row with something in every column that needs it."""
    made: dict[str, Any] = {}
    for column in TABLES[table].columns:
        plain = {"bool": False, "str": column.words[0] if column.words else "x"}
        made[column.name] = plain.get(column.kind, 0) if column.needed else None
    return made | given


def tables(**rows: list[dict[str, Any]]) -> dict[str, pa.Table]:
    return registry.sort(
        {name: pa.Table.from_pylist(rows.get(name, []), arrow_schema(name)) for name in TABLES}
    )


def cut(
    courses: list[dict[str, Any]], whose: Mapping[int, Whose] | None = None, **rows: Any
) -> Research:
    """Each course its own patient's, unless told."""
    mine = {one["course"]: Whose(one["course"], FIRST) for one in courses}
    return research(tables(courses=courses, **rows), {**mine, **(whose or {})}, RULES, K, number)


def alike(n: int, first: int = 1, **given: Any) -> list[dict[str, Any]]:
    usual = {"age": 45, "sex": "female", "condition": "knee_oa", "clinician": 7}
    return [row("courses", course=i, **{**usual, **given}) for i in range(first, first + n)]


def groups(made: Research) -> dict[tuple[Any, ...], int]:
    found: dict[tuple[Any, ...], set[int]] = defaultdict(set)
    for one in made.tables["courses"].to_pylist():
        found[tuple(one[name] for name in QUASI)].add(one["patient"])
    return {group: len(who) for group, who in found.items()}


def test_what_leaves_is_what_somebody_decided_on() -> None:
    assert {name: " ".join(c.name for c in columns_of(name)) for name in TABLES} == LEAVES


people = st.lists(
    st.tuples(
        st.sampled_from([None, 30, 33, 45, 62, 88, 93, 101]),
        st.sampled_from([None, "female", "male", "other"]),
        st.sampled_from(["knee_oa", "low_back", "jaw"]),
        st.sampled_from([None, 1, 2]),
        st.integers(1, 30),
    ),
    max_size=60,
)


@settings(max_examples=60)
@given(people)
def test_no_combination_is_held_by_fewer_patients_than_told(found: Any) -> None:
    courses = [
        row("courses", course=i, age=age, sex=sex, condition=condition, clinician=clinician)
        for i, (age, sex, condition, clinician, _) in enumerate(found)
    ]
    whose = {i: Whose(one[-1], FIRST) for i, one in enumerate(found)}
    made = cut(courses, whose)
    true = {number(f"course {i}"): who.patient for i, who in whose.items()}
    who: dict[tuple[Any, ...], set[int]] = defaultdict(set)
    together: dict[int, list[tuple[Any, ...]]] = defaultdict(list)
    for one in made.tables["courses"].to_pylist():
        group = tuple(one[name] for name in QUASI)
        who[group].add(true[one["course"]])
        together[one["patient"]].append(group)
    assert all(len(patients) >= K for patients in who.values())
    assert made.tables["courses"].num_rows + made.suppressed == len(courses)
    # Nor do several courses of one patient together.
    several = [tuple(sorted(map(str, many))) for many in together.values() if len(many) > 1]
    assert all(several.count(one) >= K for one in several)


def test_one_who_is_alone_in_age_sex_condition_and_clinician_is_not_singled_out() -> None:
    lone = row("courses", course=99, age=97, sex="male", condition="knee_oa", clinician=8)
    made = cut([*alike(9), *alike(9, 20, sex="male", age=52), lone])
    assert min(groups(made).values()) >= K
    assert "90+" not in made.tables["courses"]["age_band"].to_pylist()
    assert number("clinician 8") >> 31 not in made.tables["courses"]["clinician"].to_pylist()


def test_who_is_like_nobody_even_then_is_left_out_of_every_table() -> None:
    made = cut(alike(K - 1), visits=[row("visits", course=1, day=3)])
    assert (made.suppressed, made.tables["visits"].num_rows) == (K - 1, 0)


def test_ages_over_eighty_nine_are_one() -> None:
    made = cut([*alike(K, age=90), *alike(K, 20, age=104), *alike(K, 40, age=89)])
    assert groups(made) == {
        ("90+", "female", "knee_oa", number("clinician 7") >> 31): 2 * K,
        ("80–89", "female", "knee_oa", number("clinician 7") >> 31): K,
    }


@settings(max_examples=30)
@given(st.lists(st.integers(-4000, 4000), min_size=8, max_size=8), st.integers(0, 400))
def test_moving_all_days_of_a_patient_changes_nothing_so_that_no_true_day_can_be_found(
    moved: list[int], between: int
) -> None:
    def at(days: list[int]) -> Research:
        whose = {
            course: Whose(course % 8, FIRST + timedelta(days[course % 8] + between * (course // 8)))
            for course in range(16)
        }
        return cut(alike(16, 0), whose)

    one, other = at([0] * 8), at(moved)
    assert all(one.tables[name].equals(other.tables[name]) for name in TABLES)
    begins: dict[int, list[date]] = defaultdict(list)
    for found in one.tables["courses"].to_pylist():
        begins[found["patient"]].append(date.fromisoformat(found["day_0_on"]))
    # Intervals stay, and who is who's is kept, because all eight are alike.
    assert [max(days) - min(days) for days in begins.values()] == [timedelta(between)] * 8
    assert all(RULES.first_day <= min(days) < date(2010, 1, 1) for days in begins.values())


def test_a_patient_with_courses_like_nobodys_is_taken_apart() -> None:
    knees, backs = alike(K), alike(K, 20, condition="low_back")
    made = cut([*knees, *backs], {20: Whose(1, FIRST)})
    assert (made.unlinked, made.suppressed) == (1, 0)
    found = made.tables["courses"]
    assert len(set(found["patient"].to_pylist())) == 2 * K
    starts = {one["course"]: one["day_0_on"] for one in found.to_pylist()}
    assert starts[number("course 1")] != starts[number("course 20")]


def test_a_hidden_condition_is_not_told_by_what_goes_with_it() -> None:
    some = [
        *alike(2, condition="jaw", protocol="jaw_capsule", measure="jaw_score", clinician=None),
        *alike(2, 20, condition="low_back", protocol="back", measure="rmdq", clinician=None),
    ]
    made = cut(some, visits=[row("visits", course=20, day=3, rmdq=11, pain=4)])
    for one in made.tables["courses"].to_pylist():
        assert [one[n] for n in ("condition", "protocol", "solution", "measure")] == [None] * 4
    (visit,) = made.tables["visits"].to_pylist()
    assert (visit["rmdq"], visit["pain"]) == (None, 4)


def test_rare_words_are_hidden_and_cannot_be_told_from_what_is_missing() -> None:
    courses = alike(20)
    kinds = ["flare"] * 9 + ["bruise"] * 5 + ["abscess"] * 2
    made = cut(courses, adverse=[row("adverse", course=i + 1, kind=k) for i, k in enumerate(kinds)])
    # Two alone would be those with an abscess: the next rarest goes with them.
    assert made.tables["adverse"]["kind"].to_pylist().count(None) == 7
    assert set(made.tables["adverse"]["kind"].to_pylist()) == {None, "flare"}
    assert made.rare["adverse.kind"] == 7


def test_the_new_numbers_and_their_order_say_nothing_of_the_old() -> None:
    made = cut(alike(40))
    shown = made.tables["courses"]["course"].to_pylist()
    assert shown == sorted(shown)
    old = {number(f"course {i}"): i for i in range(1, 41)}
    order = [old[one] for one in shown]
    assert order not in (sorted(order), sorted(order, reverse=True))
    assert not {*shown, *made.tables["courses"]["patient"].to_pylist()} & set(range(1, 41))

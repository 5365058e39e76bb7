"""The makers attack their own packet: differencing, tiny sites, and sums solved for the scores.

Who stands behind each number is worked out here from the cells' members by plain set differences,
not with the code that holds numbers back. What was tried is in docs/explanation/packets.md.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from enthesis.knowledge.load import knowledge
from enthesis.outcomes import engine, registry
from enthesis.outcomes.disclosure import Cell, Shown, packed, unpacked
from enthesis.outcomes.packet import as_text
from enthesis.outcomes.packet_tables import Asked, Draft, draft
from tests.unit.outcomes.registry_rows import whole

pytestmark = pytest.mark.filterwarnings("ignore:fetch_(arrow|record)_:DeprecationWarning")
K, DAY = 11, date(2026, 11, 27)
VISITS = 3
PER_SUM = knowledge(DAY).publishing.scores_per_sum


def people(n: int, seed: int = 1, condition: str = "low_back", first: int = 0) -> list[Any]:
    """Courses with a pain score at each visit that they answered."""
    draw = np.random.default_rng(seed)
    found = []
    for course in range(first, first + n):
        start = int(draw.integers(4, 9))
        pain = [start, *(max(0, start - int(x)) for x in draw.integers(0, 5, VISITS - 1))]
        kept = int(draw.choice([1, 2, VISITS], p=[0.3, 0.3, 0.4]))
        sex = "female" if draw.random() < 0.5 else "male"
        found.append({"course": course, "condition": condition, "pain": pain[:kept], "sex": sex})
    return found


def made(
    folder: Path, some: Sequence[Mapping[str, Any]], earlier: Sequence[Cell] = (), **others: Any
) -> Draft:
    """The packet of these courses."""
    hold_back = others.pop("hold_back", False)
    last = [row["pain"][-1] if len(row["pain"]) > 1 else None for row in some]
    relief = [
        None if now is None else 10000 * (row["pain"][0] - now) // row["pain"][0]
        for row, now in zip(some, last, strict=True)
    ]
    courses = {
        "course": [row["course"] for row in some],
        "condition": [row["condition"] for row in some],
        "sex": [row["sex"] for row in some],
        "clinic": [1] * len(some),
        "age": [50] * len(some),
        "began": [True] * len(some),
        "measure": ["pain"] * len(some),
        "sessions": [2] * len(some),
        "ended": ["finish" if r is not None and r > 4000 else "ongoing" for r in relief],
        "window_closed": [VISITS - 1] * len(some),
        "last_score": [None if now is None else 100 * now for now in last],
        "last_relief": relief,
        "last_day": [None if now is None else 84 for now in last],
        "target_day": [28 if r is not None and r > 4000 else None for r in relief],
    }
    asked = [(row, at) for row in some for at in range(len(row["pain"]))]
    visits = {
        "course": [row["course"] for row, _ in asked],
        "window": [at for _, at in asked],
        "day": [28 * at for _, at in asked],
        "pain": [row["pain"][at] for row, at in asked],
        "score": [100 * row["pain"][at] for row, at in asked],
    }
    registry.refresh(folder, whole({"courses": courses, "visits": visits}), knowledge="k",
                     whole=True)  # fmt: skip
    opened = engine.open_registry(str(folder))
    try:
        question = Asked("C", 1, DAY, "cut", "rules", K, PER_SUM, tuple(range(VISITS)), **others)
        return draft(opened, question, list(earlier), hold_back=hold_back)
    finally:
        opened.close()


def kept(found: Draft, name: str = "packet 1", days_ago: int = 90) -> list[Cell]:
    """Its cells as the ledger gives them back."""
    return unpacked(packed(found.cells), name, DAY - timedelta(days=days_ago))


@pytest.fixture(scope="module")
def eighty(tmp_path_factory: pytest.TempPathFactory) -> Draft:
    """A first packet, that next ones are held beside."""
    return made(tmp_path_factory.mktemp("eighty"), people(80))


def differences(cells: Sequence[Cell]) -> Iterator[tuple[Cell, Cell, set[int]]]:
    """Each two numbers of one quantity, and of whom their difference is."""
    for one, other in combinations(cells, 2):
        if one.quantity == other.quantity:
            apart = set(one.members.items()) ^ set(other.members.items())
            yield one, other, {course for course, _ in apart}


@pytest.mark.parametrize("seed", range(3))
def test_no_number_and_no_difference_of_two_is_of_one_to_ten_patients(
    tmp_path: Path, seed: int
) -> None:
    found = made(tmp_path, people(150, seed), covariates=("woman",))
    assert len(found.cells) > 20 and found.packet.conditions[0].patterns
    assert all(len(cell.members) >= K or not cell.members for cell in found.cells)
    for one, other, apart in differences(found.cells):
        assert not 0 < len(apart) < K, (one.name, other.name)


def test_what_was_suppressed_is_named_and_counted_only_where_it_is_of_enough(
    tmp_path: Path,
) -> None:
    some = [*people(60, 2), *people(4, 3, "neck", 60)]
    packet = made(tmp_path, some).packet
    assert [one.condition for one in packet.conditions] == ["low_back"]
    assert any(one.condition == "" for one in packet.left_out)
    assert "neck" not in as_text(packet)
    assert all(one.courses is None or one.courses >= K for one in packet.left_out)


# --- differencing


def test_one_more_patient_is_not_told_by_the_difference_of_two_packets(
    tmp_path: Path, eighty: Draft
) -> None:
    after = made(tmp_path, people(81), kept(eighty))
    assert after.exposures
    said = [one.sentence(K, DAY) for one in after.exposures]
    assert any("began: beside the same of packet 1 it would be of 1 patient," in s for s in said)
    assert any("once 10 more courses" in s and "2029-05-15" in s for s in said)


def test_the_same_packet_again_tells_nothing_new(tmp_path: Path, eighty: Draft) -> None:
    assert not made(tmp_path, people(80), kept(eighty)).exposures


def test_enough_new_patients_may_be_told(tmp_path: Path) -> None:
    before = made(tmp_path, people(60))
    after = made(tmp_path, [*people(60), *people(60, 9, first=60)], kept(before))
    began = [one for one in after.exposures if one.cell.name.endswith("began")]
    assert not began


def test_one_new_answer_is_not_told_though_nobody_came(tmp_path: Path, eighty: Draft) -> None:
    before = people(80)
    at = next(i for i, row in enumerate(before) if len(row["pain"]) == VISITS)
    changed = [dict(row) for row in before]
    changed[at]["pain"] = [*changed[at]["pain"][:-1], (changed[at]["pain"][-1] + 1) % 10]
    after = made(tmp_path, changed, kept(eighty))
    hit = [one for one in after.exposures if one.cell.quantity.startswith("pain")]
    assert hit and {one.patients for one in hit} == {1}


def test_a_withdrawn_patient_is_not_told_by_what_is_missing(tmp_path: Path, eighty: Draft) -> None:
    assert made(tmp_path, people(80)[1:], kept(eighty)).exposures


def test_a_subset_of_conditions_tells_nothing_beside_all_of_them(tmp_path: Path) -> None:
    some = [*people(70), *people(70, 4, "neck", 70)]
    both = made(tmp_path, some)
    one = made(tmp_path, some, kept(both), conditions=("neck",))
    assert not one.exposures
    moved = [*some[:69], {**some[69], "condition": "neck"}, *some[70:]]
    assert made(tmp_path, moved, kept(both), conditions=("neck",)).exposures


def test_with_and_without_a_covariate_the_few_who_lack_it_are_not_told(tmp_path: Path) -> None:
    some = people(80)
    some = [{**row, "sex": None} if at < 3 else row for at, row in enumerate(some)]
    without = made(tmp_path, some)
    assert made(tmp_path, some, kept(without), covariates=("woman",)).exposures


def test_held_back_means_that_nothing_beside_earlier_packets_is_of_few(
    tmp_path: Path, eighty: Draft
) -> None:
    old = kept(eighty)
    after = made(tmp_path, [*people(80), *people(14, 6, first=80)], old, hold_back=True)
    assert after.packet.left_out and not after.exposures
    for one, other, apart in differences([*old, *after.cells]):
        if bool(one.packet) != bool(other.packet):
            assert not 0 < len(apart) < K, (one.name, other.name)


def test_three_packets_that_are_each_apart_enough_do_not_give_one_patient_away() -> None:
    """A + B − C is one patient, though no two of them differ by fewer than twelve."""

    def cell(name: str, *ranges: tuple[int, int]) -> Cell:
        return Cell(name, "courses", {c: "" for low, high in ranges for c in range(low, high)},
                    name, DAY)  # fmt: skip

    a, b, c = cell("a", (0, 20)), cell("b", (20, 41)), cell("c", (0, 40))
    shown = Shown(K, [a, b, c])
    shown.trust([a, b])
    (found,) = shown.add([replace(c, packet="")])
    assert found.combined and found.patients == 1 and found.against is not None


def test_a_sum_that_is_nearly_one_patients_is_left_out(tmp_path: Path) -> None:
    from enthesis.outcomes.packet_tables import _dominated

    assert _dominated([900, *[10] * 20]) and not _dominated([20] * 20)


# --- tiny sites


def test_a_clinic_of_three_courses_has_nothing_to_tell(tmp_path: Path) -> None:
    packet = made(tmp_path, people(3)).packet
    assert not packet.conditions


def test_patterns_of_one_course_each_are_put_to_those_with_fewer_visits(tmp_path: Path) -> None:
    some = people(60)
    rare = [{**row, "pain": [5, 4, 3]} if at < 2 else {**row, "pain": [5, 4][: 1 + at % 2]}
            for at, row in enumerate(some)]  # fmt: skip
    (about,) = made(tmp_path, rare).packet.conditions
    assert all(len(one.visits) < VISITS and one.courses >= K for one in about.patterns)


def test_no_clinician_stands_in_a_packet(eighty: Draft) -> None:
    assert "clinician" not in as_text(eighty.packet)


# --- sums solved for the scores


def solutions(sums: Sequence[int], products: Any, n: int, most: int = 10) -> list[tuple[Any, ...]]:
    """Every set of n whole scores vectors with these sums and products, by search."""
    m, found = len(sums), set[tuple[Any, ...]]()

    def column(before: list[list[int]], s: int, q: int, c: list[int], now: list[int]) -> Any:
        at = len(now)
        if at == n:
            if not s and not q and not any(c):
                yield list(now)
            return
        left = n - at
        if s < 0 or q < 0 or q * left < s * s or q > most * s:
            return
        alike = at and all(p[at] == p[at - 1] for p in before)
        for y in range(now[-1] if alike else 0, most + 1):
            rest = [one - p[at] * y for one, p in zip(c, before, strict=True)]
            now.append(y)
            if all(one >= 0 for one in rest):
                yield from column(before, s - y, q - y * y, rest, now)
            now.pop()

    def further(before: list[list[int]]) -> None:
        v = len(before)
        if v == m:
            found.add(tuple(sorted(zip(*before, strict=True))))
            return
        own = [int(products[v][u]) for u in range(v)]
        for one in column(before, int(sums[v]), int(products[v][v]), own, []):
            further([*before, one])

    further([])
    return sorted(found)


def test_the_sums_of_three_courses_are_their_scores() -> None:
    """Why patterns of few courses must not leave: the search finds one answer, the true one."""
    pain = np.array([[7, 4, 3, 3], [5, 5, 2, 1], [8, 6, 6, 4]])
    (only,) = solutions(pain.sum(axis=0).tolist(), pain.T @ pain, 3)
    assert sorted(map(tuple, pain.tolist())) == list(only)


def test_every_pattern_told_has_four_scores_for_each_sum(tmp_path: Path) -> None:
    (about,) = made(tmp_path, people(150)).packet.conditions
    assert about.patterns
    for one in about.patterns:
        m = len(one.visits)
        assert one.courses * m >= 4 * (m * (m + 1) // 2 + 3 * m)

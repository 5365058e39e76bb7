"""What is published: no number, nor one taken from another, is of few people.

Who stands behind each published number is worked out here from the raw rows, so that subtracting is
done with people and not with the code that hides.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from enthesis.knowledge.load import knowledge
from enthesis.outcomes import engine, registry
from enthesis.outcomes.report import Report
from enthesis.outcomes.sections.adverse import adverse
from enthesis.outcomes.sections.parts import Asked, Section
from tests.unit.outcomes.registry_rows import whole
from tests.unit.outcomes.test_report import DAY, by_id, cells, fifty, reported, written

pytestmark = pytest.mark.filterwarnings("ignore:fetch_(arrow|record)_:DeprecationWarning")
BELOW = 11
CONDITIONS = {"low_back": "pain", "knee_oa": "pain", "neck": "rmdq", "tennis_elbow": "peg"}
People = frozenset[int]
Rows = Sequence[Mapping[str, Any]]


def drawn(sizes: Sequence[int], seed: int) -> dict[str, list[Any]]:
    """Courses of so many conditions, each with its measure."""
    pick = np.random.default_rng(seed)
    of = [name for name, n in zip(CONDITIONS, sizes, strict=False) for _ in range(n)]
    n = len(of)
    reached, closed = pick.random(n) < 0.5, pick.choice([0, 1, 2], n, p=[0.02, 0.18, 0.8])
    odd, silent, paid = pick.random(n) < 0.08, pick.random(n) < 0.25, pick.random(n) < 0.9
    return {
        "course": list(range(n)),
        "clinic": [1] * n,
        "clinician": [2 if one else 1 for one in pick.random(n) < 0.3],
        "condition": of,
        "protocol": [f"{name}_{'b' if rare else 'a'}" for name, rare in zip(of, odd, strict=True)],
        "measure": [CONDITIONS[name] for name in of],
        "opened_quarter": ["2026Q1"] * n,
        "age": [50] * n,
        "sex": ["male" if one else "female" for one in pick.random(n) < 0.5],
        "began": [True] * n,
        "evaluated": [True] * n,
        "agreed": [True] * n,
        "sessions": [1] * n,
        "baseline": [6] * n,
        "start": [600] * n,
        "last_score": [None if gone else 200 for gone in silent],
        "last_relief": [None if gone else 6000 if hit else 1000
                        for gone, hit in zip(silent, reached, strict=True)],
        "last_day": [None if gone else 84 for gone in silent],
        "last_sessions": [1] * n,
        "silent": silent.tolist(),
        "ended": ["finish" if hit else "ongoing" for hit in reached],
        "ended_day": [56 if hit else None for hit in reached],
        "target_day": [28 if hit else None for hit in reached],
        "target_sessions": [1 if hit else None for hit in reached],
        "window_closed": closed.tolist(),
        "currency": ["USD" if one else None for one in paid],
        "paid_cents": [20000 if one else 0 for one in paid],
    }  # fmt: skip


def made(
    folder: Path, sizes: Sequence[int], seed: int, **others: Mapping[str, list[Any]]
) -> tuple[Report, Rows]:
    """What is published of such courses; `others`: whole tables beside them and their visits."""
    courses = drawn(sizes, seed)
    n, silent, closed = len(courses["course"]), courses["silent"], courses["window_closed"]
    asked = [(c, w, 28 * w, silent[c] and w) for c in range(n) for w in range(closed[c] + 1)]
    visits = {
        "course": [row[0] for row in asked],
        "window": [row[1] for row in asked],
        "day": [row[2] for row in asked],
        "pain": [None if row[3] else 6 - 2 * row[1] for row in asked],
        "score": [None if row[3] else 600 - 200 * row[1] for row in asked],
        "gained": [None if row[3] or not row[1] else 200 * row[1] for row in asked],
        "relief": [None if row[3] or not row[1] else 3000 * row[1] for row in asked],
    }
    tables = {"courses": courses, "visits": visits, **others}
    registry.refresh(folder, whole(tables), knowledge="k")
    rows = [{name: values[at] for name, values in courses.items()} for at in range(n)]
    return reported(folder, suppress_below=BELOW), rows


def those(rows: Rows, **of: object) -> People:
    return frozenset(r["course"] for r in rows if all(r[k] == v for k, v in of.items()))


def published(report: Report, rows: Rows) -> Iterator[tuple[str, list[People]]]:
    """Each kind of number, and whom each that is published stands for."""
    told, known = by_id(report), knowledge(DAY)
    yield "began", [those(rows)]
    names = {c.name: c.id for c in known.conditions.values()}
    for kind in ("condition", "protocol", "clinician"):
        section = told.get(f"by-{kind}")
        units = []
        for label in cells(section) if section and section.table else ():
            value: object = names.get(label, label)
            value = int(label.split()[-1]) if kind == "clinician" else value
            units.append(those(rows, **{kind: value}))
            assert units[-1], label
        yield kind, units
    if told["cost"].table:
        some = [names.get(label, label) for label in cells(told["cost"])]
        yield "paid", [those(rows, condition=name, currency="USD") for name in some]
    measures = {m.name: m.id for m in known.measures.values()}
    if told["change"].table:
        for label, row in cells(told["change"]).items():
            name, week = re.fullmatch(r"(.*), week (\d+)", label).groups()  # type: ignore[union-attr]
            due = those([r for r in rows if r["window_closed"] >= int(week) // 4],
                        measure=measures[name])  # fmt: skip
            assert row[2].endswith(f" of {len(due)}")
            yield f"change {week}", [due]
            yield f"answered {week}", [due & those(rows, silent=False)]
    for label, row in cells(told["pain"]).items() if told["pain"].table else ():
        window = 0 if label == "start" else int(label.split()[1]) // 4
        due = those([r for r in rows if r["window_closed"] >= window])
        assert row[2].endswith(f" of {len(due)}")
        yield "due", [due]
        if window:
            yield f"answered {4 * window}", [due & those(rows, silent=False)]


@pytest.mark.parametrize(
    "sizes",
    [(50, 3, 2), (50, 5), (50, 0, 5), (60, 12, 11, 9), (40, 30, 20, 10), (90, 60, 5, 40), (11, 1)],
)
@pytest.mark.parametrize("seed", range(2))
def test_no_published_number_and_no_difference_of_two_is_of_one_to_ten_people(
    tmp_path: Path, sizes: Sequence[int], seed: int
) -> None:
    report, rows = made(tmp_path, sizes, seed)
    kinds: dict[str, list[People]] = {}
    for kind, people in published(report, rows):
        kinds.setdefault(kind, []).extend(people)
    members = {kind: sets for kind, sets in kinds.items() if not kind.startswith("answered")}
    for of in (members, {k: v for k, v in kinds.items() if k.startswith("answered")}):
        for outer, larger in of.items():
            for inner, smaller in of.items():
                for one in larger:
                    assert not 0 < len(one) < BELOW, outer
                    within = [two for two in smaller if two <= one]
                    for two in within:
                        assert not 0 < len(one - two) < BELOW or len(within) > 1, (outer, inner)
                    left = one.difference(*within) if within else frozenset()
                    assert not 0 < len(left) < BELOW, (outer, inner, len(left))


def numbers(report: Report, *sections: str) -> set[str]:
    """Every whole number told in some sections."""
    told = [section for section in report.sections if section.id in sections]
    assert told
    return set(re.findall(r"\d+", str([(s.finding, s.notes, s.table) for s in told])))


def test_who_neither_reached_the_target_nor_ended_is_not_told_by_what_is_left(
    tmp_path: Path,
) -> None:
    folder = written(tmp_path, fifty("stop", False))
    assert "20 ended before that" in by_id(reported(folder))["target"].finding
    assert "20" not in numbers(reported(folder, suppress_below=BELOW), "target", "target_sessions")


def test_no_odds_of_silence_are_told_of_two_people_one_of_them_silent(tmp_path: Path) -> None:
    seed = next(
        n for n in range(50)
        if sum(drawn((120, 2), n)["silent"][-2:]) == 1
    )  # fmt: skip
    name = knowledge(DAY).conditions["knee_oa"].name
    section = by_id(made(tmp_path, (120, 2), seed)[0])["reasons"]
    assert any(name in label for label in cells(by_id(reported(tmp_path))["reasons"]))
    assert section.table, section.finding
    assert name not in str((section.finding, section.table))


SESSIONS = {"course": [0] * 12 + list(range(1, 99)), "number": [*range(1, 13), *[1] * 98],
            "day": [7 * n for n in range(12)] + [0] * 98}  # fmt: skip


def signs(course: list[int], number: list[int]) -> Mapping[str, list[Any]]:
    n = len(course)
    return {"course": course, "number": number, "day": [7 * at for at in number],
            "kind": ["D-fever"] * n, "grade": [1] * n}  # fmt: skip


def test_twelve_signs_of_one_person_are_one_person(tmp_path: Path) -> None:
    told = {"sessions": SESSIONS, "events": signs([0] * 12, list(range(1, 13)))}
    report, _ = made(tmp_path, (99,), 1, **told)
    assert "12" in numbers(reported(tmp_path), "harms") & numbers(
        reported(tmp_path), "alarm-infection"
    )
    assert "12" not in numbers(report, "harms", "alarm-infection")


def harmed(course: list[int], serious: int) -> Mapping[str, list[Any]]:
    n = len(course)
    return {"course": course, "number": [1] * n, "kind": ["flare"] * n, "grade": [2] * n,
            "serious": [at < serious for at in range(n)]}  # fmt: skip


def test_events_of_several_kinds_that_are_all_of_few_people_have_no_total(tmp_path: Path) -> None:
    events = {**harmed([0, 1, 2] * 4, 0), "kind": ["flare", "bleeding"] * 6}
    told = published_adverse(tmp_path, events)
    assert told.finding == "Adverse events were recorded after 99 sessions"
    assert "12" not in str((told.finding, told.notes, told.table))


def published_adverse(folder: Path, events: Mapping[str, list[Any]]) -> Section:
    """What is published of the adverse events of ninety-nine courses of one session each."""
    tables = {"courses": drawn((99,), 1), "adverse": events}
    registry.refresh(folder, whole(tables), knowledge="k")
    opened = engine.open_registry(str(folder))
    sections = adverse(Asked(opened, DAY, knowledge(DAY), None, 1, BELOW, 99))
    opened.close()
    # By grade, judgement or session the same events would be divided once more.
    assert [section.id for section in sections] == ["adverse"]
    return sections[0]


@pytest.mark.parametrize(
    ("course", "serious", "total", "told"),
    [
        ([0] * 12, 12, "Adverse events were recorded after 99 sessions", "hidden"),
        (list(range(5)), 2, "10 or fewer adverse events were recorded", "10 or fewer"),
        (list(range(30)), 3, "30 adverse events were recorded", "10 or fewer"),
        (list(range(30)), 25, "30 adverse events were recorded", "hidden"),
        (list(range(30)), 15, "30 adverse events were recorded", "15"),
    ],
)
def test_of_adverse_events_the_public_is_told_no_number_of_few_people(
    tmp_path: Path, course: list[int], serious: int, total: str, told: str
) -> None:
    section = published_adverse(tmp_path, harmed(course, serious))
    assert section.finding.startswith(total) and f"Serious: {told}." in section.notes


def test_no_single_session_with_a_sign_is_published(tmp_path: Path) -> None:
    told = {"sessions": SESSIONS, "events": signs(list(range(20, 40)), [1] * 20)}
    report, _ = made(tmp_path, (99,), 1, **told)
    here, out = by_id(reported(tmp_path))["alarm-infection"], by_id(report)["alarm-infection"]
    assert here.table and here.figure
    assert "after 20 of 110 sessions" in out.finding
    assert out.table is None and out.figure is None


def test_twelve_decisions_about_one_person_are_one_person(tmp_path: Path) -> None:
    decisions = {
        "course": [0] * 12 + list(range(1, 41)),
        "day": [7 * n for n in range(12)] + [7] * 40,
        "suggested": ["stop"] * 12 + ["go_on"] * 40,
        "decided": ["go_on"] * 52,
    }
    report, _ = made(tmp_path, (60,), 1, decisions=decisions)
    assert "12" in numbers(reported(tmp_path), "overrides")
    assert "12" not in numbers(report, "overrides")

"""The cohort's expressions, a plain loop over the judge, and another engine say the same."""

import gc
import weakref
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from enthesis.invented.story import Story
from enthesis.journey import follow
from enthesis.journey.judge import judge, stop_rule
from enthesis.knowledge.kinds import Knowledge
from enthesis.outcomes import cohort, engine
from enthesis.outcomes.errors import FitError
from enthesis.outcomes.registry import RegistryError, read_table
from enthesis.outcomes.rows import CourseRows
from enthesis.outcomes.schema import TABLES
from enthesis.records import Course, Decision, Mark
from tests import postgres_server
from tests.conftest import TODAY
from tests.unit.outcomes.conftest import beside

# Ibis 12 calls DuckDB 2.0 by an older name.
pytestmark = pytest.mark.filterwarnings("ignore:fetch_(arrow|record)_:DeprecationWarning")

Group = tuple[Any, ...]
BY: tuple[tuple[str, ...], ...] = ((), ("protocol", "clinician"))
HARMS = ("D-fever", "D-hot", "D-weakness", "D-headache", "D-breath", "D-bladder", "D-rash")
APART = 14
ADVERSE = ("kind", "grade", "relatedness", "number")
QUESTIONS: dict[str, Callable[..., pa.Table]] = {
    "flow": cohort.flow,
    "at_last": cohort.at_last,
    "at_windows": cohort.at_windows,
    "at_sessions": lambda r, by: cohort.at_windows(r, by, window="session_window"),
    "curve": cohort.curve,
    "curve at 3 months": lambda r, by: cohort.curve(r, by, window=3),
    "weeks to target": cohort.to_target,
    "sessions to target": lambda r, by: cohort.to_target(r, by, "sessions"),
    "days to target": lambda r, by: cohort.to_target(r, by, "days"),
    "cost": cohort.cost,
    "silence": cohort.silence,
    "two starts": lambda r, _: cohort.two_starts(r, APART),
    "expected": lambda r, _: cohort.expected(r),
    "harms": cohort.harms,
    "sessions": cohort.sessions,
    "adverse": lambda r, by: cohort.adverse(r, by, ADVERSE),
    "given": lambda r, _: cohort.given(r, ("number", "guidance")),
    "decisions": cohort.decisions,
    "harmed": lambda r, _: pa.table({"place": cohort.harmed(r, HARMS)[1]}),
}


@pytest.fixture(scope="module")
def duck(folder: Path) -> Iterator[engine.Registry]:
    opened = engine.open_registry(str(folder))
    yield opened
    opened.close()


def test_a_table_is_opened_when_asked_for_and_holds_what_the_files_hold(folder: Path) -> None:
    opened = engine.open_registry(str(folder))
    assert not opened.opened
    for name in TABLES:
        order = list(TABLES[name].names)
        said = opened.rows(opened[name]).sort_by([(column, "ascending") for column in order])
        held = read_table(folder, name).sort_by([(column, "ascending") for column in order])
        assert said.to_pylist() == held.to_pylist(), name
    assert list(opened.opened) == list(TABLES)
    with pytest.raises(KeyError):
        opened["no table"]
    opened.close()


def test_the_sql_kept_for_the_next_cut_keeps_no_closed_connection(folder: Path) -> None:
    opened = engine.open_registry(str(folder))
    assert cohort.flow(opened).num_rows
    connection = weakref.ref(opened.connection)
    opened.close()
    del opened
    gc.collect()
    assert connection() is None


@pytest.fixture(scope="module")
def postgres(folder: Path) -> Iterator[engine.Registry]:
    url = postgres_server.start()
    engine.publish(folder, url)
    engine.publish(folder, url)  # again, in place of the first
    opened = engine.open_registry(url)
    yield opened
    opened.close()


@pytest.mark.parametrize("question", QUESTIONS)
def test_postgresql_says_what_duckdb_says(
    question: str, duck: engine.Registry, postgres: engine.Registry
) -> None:
    by = ("clinic", "clinician", "sex")
    by = (*by, cohort.DECADE) if question == "at_last" else by
    ours = QUESTIONS[question](duck, by)
    assert ours.num_rows
    assert QUESTIONS[question](postgres, by).to_pylist() == ours.to_pylist()


# --- the loop


def grouped(
    stories: Sequence[Story], by: tuple[str, ...]
) -> dict[Group, list[tuple[Story, Course]]]:
    """The stories by group, in plain Python."""
    found: dict[Group, list[tuple[Story, Course]]] = defaultdict(list)
    for place, story in enumerate(stories):
        course, other = story.course, beside(place, story)
        named = {
            "condition": course.condition,
            "clinic": other.clinic,
            "clinician": other.clinician,
            "protocol": course.plan.protocol if course.plan else None,
            "sex": other.sex,
        }
        found[tuple(named[name] for name in by)].append((story, course))
    return found


def by_group(table: pa.Table, by: tuple[str, ...]) -> dict[Group, dict[str, Any]]:
    return {tuple(row[name] for name in by): row for row in table.to_pylist()}


@pytest.mark.parametrize("by", BY, ids=lambda by: " ".join(by) or "all")
def test_many_courses_at_once_are_a_loop_over_the_judge(
    by: tuple[str, ...], duck: engine.Registry, stories: Sequence[Story], known: Knowledge
) -> None:
    found = by_group(cohort.at_last(duck, by), by)
    flows = by_group(cohort.flow(duck, by), by)
    for group, some in grouped(stories, by).items():
        assert flows[group]["opened"] == len(some)
        assert flows[group]["agreed"] == sum(
            bool(c.plan and c.plan.agreed_on is not None) for _, c in some
        )
        begun = [course for _, course in some if course.sessions]
        if not begun:
            assert group not in found
            continue
        verdicts = [judge(course, known, TODAY) for course in begun]
        reliefs = [v.relief_percent for v in verdicts if v.relief_percent is not None]
        row = found[group]
        assert row["began"] == flows[group]["began"] == len(begun)
        assert row["answered"] == sum(v.latest is not None for v in verdicts)
        assert row["measurable"] == len(reliefs)
        for level in cohort.LEVELS:
            assert row[f"reached_{level}"] == sum(relief >= level for relief in reliefs)
        assert row["sum_relief"] == sum(int(100 * relief) for relief in reliefs)


@pytest.mark.parametrize("by", BY, ids=lambda by: " ".join(by) or "all")
def test_each_window_is_a_loop_over_the_answers(
    by: tuple[str, ...], duck: engine.Registry, stories: Sequence[Story], known: Knowledge
) -> None:
    rows = {(*(r[n] for n in by), r["number"]): r for r in cohort.at_windows(duck, by).to_pylist()}
    seen = 0
    for group, some in grouped(stories, by).items():
        begun = [course for _, course in some if course.sessions]
        for window in known.windows.values():
            near = [nearest(course, known, window.number) for course in begun]
            over = [(TODAY - course.sessions[0].on).days > window.to_day for course in begun]
            due = sum(o or n is not None for o, n in zip(over, near, strict=True))
            row = rows.get((*group, window.number))
            if row is None:
                assert not due
                continue
            values = [n for n in near if n is not None]
            seen += len(values)
            assert row["due"] == due
            assert row["answered"] == len(values)
            assert row["lost"] == due - len(values)
            assert row["sum_pain"] == sum(pain for pain, _ in values)
            if window.number:
                assert row["reached_30"] == sum(relief >= 30 for _, relief in values)
                assert row["reached_90"] == sum(relief >= 90 for _, relief in values)
                assert row["sum_relief_squared"] == sum(int(100 * r) ** 2 for _, r in values)
    assert seen > 100


def nearest(course: Course, known: Knowledge, number: int) -> tuple[int, Any] | None:
    """Pain and relief of the answer that stands for a window, by a rule written anew."""
    window = next(w for w in known.windows.values() if w.number == number)
    start_on = course.sessions[0].on
    readings = [r for r in follow.readings(course, "pain", known) if r.value is not None]
    start = follow.baseline(readings)
    inside = [
        (abs((r.on - start_on).days - window.target_day), r.on, r)
        for r in readings
        if r.is_baseline == (number == 0)
        and window.from_day <= (r.on - start_on).days <= window.to_day
    ]
    if not inside:
        return None
    reading = min(inside, key=lambda found: found[:2])[2]
    assert reading.value is not None and start is not None
    relief = follow.relief_percent(known.measures["pain"], start, reading.value)
    return int(reading.value), relief


def test_the_time_to_target_is_a_loop_over_the_judge_on_each_day(
    duck: engine.Registry, stories: Sequence[Story], known: Knowledge
) -> None:
    """Asked again after every answer, the target rule is first met on the target day."""
    days: Counter[int] = Counter()
    for story in stories:
        course = story.course
        if not course.sessions:
            continue
        for on in sorted({a.on for a in course.assessments}):
            if rule_met(as_of(course, on), known, on, "F1"):
                days[(on - course.sessions[0].on).days] += 1
                break
    rows = cohort.to_target(duck, (), "days").to_pylist()
    assert days
    assert {r["time"]: r["courses"] for r in rows if r["end"] == "reached"} == days
    assert sum(r["courses"] for r in rows) == sum(bool(s.course.sessions) for s in stories)


def as_of(course: Course, on: date) -> Course:
    """The course without the answers given after a day."""
    return replace(course, assessments=tuple(a for a in course.assessments if a.on <= on))


def rule_met(course: Course, known: Knowledge, on: date, rule: str) -> bool:
    return any(r.rule == rule and r.mark is Mark.MET for r in judge(course, known, on).reasons)


def test_overrides_and_what_followed_are_a_loop_over_the_decisions(
    duck: engine.Registry, stories: Sequence[Story], known: Knowledge
) -> None:
    made: Counter[tuple[str, str]] = Counter()
    after: Counter[tuple[str, str]] = Counter()
    sums: Counter[tuple[str, str]] = Counter()
    for story in stories:
        for decision in story.course.decisions:
            key = decision.suggested.value, decision.decided.value
            made[key] += 1
            relief = next_relief(story.course, decision, known)
            if relief is not None:
                after[key] += 1
                sums[key] += relief
    rows = cohort.decisions(duck).to_pylist()
    assert {(r["suggested"], r["decided"]): r["decisions"] for r in rows} == made
    assert {k: v for r in rows if (v := r["answered_after"])
            for k in [(r["suggested"], r["decided"])]} == after  # fmt: skip
    assert {k: r["sum_relief_after"] for r in rows
            for k in [(r["suggested"], r["decided"])] if k in after} == sums  # fmt: skip
    assert any(suggested != decided for suggested, decided in made)


def next_relief(course: Course, decision: Decision, known: Knowledge) -> int | None:
    _, measure = stop_rule(course, known)
    readings = [r for r in follow.measure_readings(course, measure) if r.value is not None]
    start = follow.baseline(readings)
    later = [r.value for r in readings if r.on > decision.on and not r.is_baseline]
    if start is None or not later or later[0] is None:
        return None
    relief = follow.relief_percent(measure, start, later[0])
    return None if relief is None else int(100 * relief)


def test_money_and_harms_are_loops_over_the_bills_and_the_answers(
    duck: engine.Registry, stories: Sequence[Story], known: Knowledge
) -> None:
    charged = paid = 0
    kinds: Counter[str] = Counter()
    for place, story in enumerate(stories):
        charged += sum(int(100 * c.amount.amount) for b in story.bills for c in b.charges)
        paid += sum(
            int(100 * p.amount.amount) for b in story.bills for p in b.payments if place % 3
        )
        for a in story.course.assessments:
            if follow.sessions_before(story.course, a):
                kinds.update(rule.id for rule in follow.dangers(a.answers, known))
    (row,) = cohort.cost(duck).to_pylist()
    assert (row["charged_cents"], row["paid_cents"]) == (charged, paid)
    harms = cohort.harms(duck).to_pylist()
    assert kinds and {r["kind"]: r["events"] for r in harms} == kinds
    assert {r["sessions"] for r in harms} == {sum(len(s.course.sessions) for s in stories)}


def test_adverse_events_are_a_loop_over_what_the_clinic_keeps(
    duck: engine.Registry, stories: Sequence[Story]
) -> None:
    told: dict[Group, Counter[str]] = defaultdict(Counter)
    ways: Counter[Group] = Counter()
    before = 0
    for place, story in enumerate(stories):
        other, sessions = beside(place, story), sorted(story.course.sessions, key=lambda s: s.on)
        for s in sessions:
            given = other.given[s.number]
            ways[(s.number, given.guidance, given.complications)] += 1
        for one in other.adverse:
            number = one.session or sum(s.on <= one.onset_on for s in sessions)
            before += not number
            values = (one.kind, one.grade, one.relatedness, number) if number else ()
            for key in zip(ADVERSE, values, strict=False):
                told[key]["events"] += 1
                told[key]["serious"] += one.serious
                told[key]["judged"] += one.relatedness is not None
                told[key]["from_warning"] += one.from_warning
                told[key][f"course {place}"] = 1
    assert before and cohort.before_treatment(duck) == before
    for column in ADVERSE:
        found = cohort.adverse(duck, of=(column,)).to_pylist()
        assert len(found) > 1, column
        for row in found:
            want = told.pop((column, row[column]))
            assert row["courses"] == sum(key.startswith("course ") for key in want)
            names = ("events", "serious", "judged", "from_warning")
            assert [row[name] for name in names] == [want[name] for name in names]
            assert row["sessions"] == ways.total()
    assert not told
    given = cohort.given(duck, ("number", "guidance")).to_pylist()
    for row in given:
        here = {k: n for k, n in ways.items() if k[:2] == (row["number"], row["guidance"])}
        assert row["sessions"] == sum(here.values())
        assert row["said"] == sum(n for k, n in here.items() if k[2] is not None)
        assert row["complicated"] == sum(n for k, n in here.items() if k[2])
    assert sum(row["sessions"] for row in given) == ways.total()


# --- properties of the tables


@pytest.mark.parametrize("question", ["flow", "at_last", "cost"])
def test_clinics_add_up(question: str, duck: engine.Registry) -> None:
    whole = QUESTIONS[question](duck, ()).to_pylist()[0]
    parts = QUESTIONS[question](duck, ("clinic",)).to_pylist()
    for name, value in whole.items():
        if name != "currency":
            assert sum(part[name] for part in parts) == value


def test_the_curve_ends_with_everybody_who_can_be_measured(duck: engine.Registry) -> None:
    curve = cohort.curve(duck).to_pylist()
    (last,) = cohort.at_last(duck).to_pylist()
    assert curve[0]["at_least"] == sum(r["courses"] for r in curve) == last["measurable"]
    half = [r["courses"] for r in curve if r["relief"] >= 5000]
    assert sum(half) == last["reached_50"]


def test_it_refuses_a_group_that_is_no_column(duck: engine.Registry) -> None:
    with pytest.raises(FitError, match=r"postcode.*condition"):
        cohort.flow(duck, ["postcode"])


def test_it_says_what_is_wrong_with_the_setting(tmp_path: Path) -> None:
    with pytest.raises(RegistryError, match="no registry"):
        engine.open_registry(str(tmp_path))
    with pytest.raises(RegistryError, match="spark:DIR@MASTER"):
        engine.open_registry("spark:/data")


def test_small_cells_are_hidden_and_cannot_be_worked_out_from_the_total() -> None:
    table = pa.table(
        {
            "clinic": ["a", "b", "c", "d", "e"],
            "began": [100, 40, 30, 20, 4],
            "reached": [50, 3, 29, 0, 2],
            "sum": [500, 30, 290, 0, 20],
        }
    )
    shown = cohort.suppress(table, ["reached"], "began", 5, ["sum"]).to_pydict()
    # e is small itself, and alone: d, the next smallest, is hidden with it.
    assert shown["began"] == [100, 40, 30, None, None]
    # b: three; c: all but one; d and e: their denominators.
    assert shown["reached"] == [50, None, None, None, None]
    assert shown["sum"] == [500, None, None, None, None]
    assert cohort.suppress(table, ["reached"], "began", 1).equals(table)


def test_what_is_hidden_comes_to_enough_together_that_no_total_gives_it_away() -> None:
    table = pa.table({"began": [50, 3, 2], "reached": [25, 3, 2]})
    shown = cohort.suppress(table, ["reached"], "began", 11).to_pydict()
    assert shown == {"began": [None] * 3, "reached": [None] * 3}, "55 − 50 are the five hidden"
    pick = np.random.default_rng(5)
    for _ in range(200):
        began = pick.integers(0, 60, pick.integers(2, 7))
        reached = pick.integers(0, began + 1)
        table = pa.table({"began": began, "reached": reached})
        shown = cohort.suppress(table, ["reached"], "began", 11).to_pydict()
        for name, values in (("began", began), ("reached", reached)):
            gone = [at for at, value in enumerate(shown[name]) if value is None]
            if len(gone) < len(began):
                left, rest = values[gone].sum(), (began - values)[gone].sum()
                assert not 0 < left < 11 and not 0 < rest < 11


def test_every_row_has_a_value_of_every_column(rows: Sequence[CourseRows]) -> None:
    for course in rows:
        for name, table in TABLES.items():
            assert all(len(row) == len(table.columns) for row in course[name])

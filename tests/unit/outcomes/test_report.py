"""The report: counted by hand and by a plain loop, never overselling, the same again, on paper."""

import csv
import io
import json
import re
import shutil
import subprocess
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from itertools import combinations, pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from scipy import stats

from enthesis.cli import main
from enthesis.exchange.cells import cell
from enthesis.invented.registry_files import write_registry
from enthesis.journey.forecast_model import AFTER_SERIES, visits_of
from enthesis.knowledge.load import knowledge
from enthesis.outcomes import cohort, engine, registry
from enthesis.outcomes.errors import FitError
from enthesis.outcomes.funnel import funnel
from enthesis.outcomes.page import as_csv, body_html, page_html
from enthesis.outcomes.paper import pdf_of, report_pdf
from enthesis.outcomes.report import READ_FIRST, Origin, Report, Section, report_of
from enthesis.outcomes.sections.adverse import adverse
from enthesis.outcomes.sections.calibration import calibration
from enthesis.outcomes.sections.harms import _both_rules, _total
from enthesis.outcomes.sections.parts import HIDDEN, LEFT_OUT, Asked, of_100_with_interval
from enthesis.outcomes.sections.silent import marked
from tests.unit.outcomes.registry_rows import ten, whole

# Ibis 12 calls DuckDB 2.0 by an older name.
pytestmark = pytest.mark.filterwarnings("ignore:fetch_(arrow|record)_:DeprecationWarning")
DAY = date(2026, 11, 23)
ORIGIN = Origin("ab" * 32, 7, {"enthesis": "0.1.0"})
ANYWAY = knowledge(DAY).benchmarks["back_saline_or_time"]
OVERSELLING = re.compile(
    r"\beffect|\bworks\b|points gained|success rate|responder rate|thanks to|significant",
    re.IGNORECASE,
)
Rows = Mapping[str, Sequence[Mapping[str, Any]]]


def written(folder: Path, spoil: Callable[[Any], None] = lambda _: None) -> Path:
    """The ten courses as a registry."""
    columns = ten()
    spoil(columns)
    registry.refresh(folder, whole(columns), knowledge="k")
    return folder


def reported(folder: Path, **options: Any) -> Report:
    opened = engine.open_registry(str(folder))
    try:
        return report_of(opened, options.pop("title", "Outcomes"), DAY, ORIGIN, **options)
    finally:
        opened.close()


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written(tmp_path_factory.mktemp("ten"))


@pytest.fixture(scope="module")
def report(small: Path) -> Report:
    return reported(small, anyway=ANYWAY)


@pytest.fixture(scope="module")
def invented(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four hundred invented courses of two conditions, made and sealed by the command itself."""
    made = tmp_path_factory.mktemp("invented") / "trial"
    given = ["outcomes", str(made), "--invented", "400", "--seed", "3", "--day", "2026-11-23"]
    assert main([*given, "--report", str(made.parent / "out")]) == 0
    return made


def raw(folder: Path) -> Rows:
    return {
        name: registry.read_table(folder, name).to_pylist()
        for name in ("courses", "visits", "sessions", "events", "adverse", "decisions")
    }


def by_id(told: Report) -> dict[str, Section]:
    return {section.id: section for section in told.sections}


def cells(section: Section) -> dict[str, tuple[str, ...]]:
    assert section.table, section.finding
    return {row[0]: row[1:] for row in section.table.rows}


def test_every_finding_is_what_counting_the_ten_courses_by_hand_gives(report: Report) -> None:
    told = {section.id: section.finding for section in report.sections}
    expected = {
        "flow": "Of 10 courses opened, 8 began and 6 gave an answer after that",
        "relief": "3 of 6 who answered had reached 50 % relief at their last answer",
        "pain": "Mean pain was 5.9 at the start (of 8) and 3 at week 12 (of 5 who answered then; "
        "8 began)",
        "change": "Pain, week 12: lower by 3 points than at the start (3 to 3), of 5 who answered "
        "at week 12 (8 began)",
        "target": "3 of 8 reached their target; 2 ended before that",
        "cost": "Paid for each course that reached its target: $533 (Low back and sacroiliac pain)",
        "harms": "2 warning signs were answered after 9 sessions",
        "alarm-infection": "Signs of infection: after 1 of 9 sessions; one interval is short "
        "enough to ask why; the running sum has not reached its alarm",
        "overrides": "1 of 3 decisions were not what the rules suggested",
        "silent": "Too few answers for the model of those who gave none",
    }
    assert {name: told[name] for name in expected} == expected
    assert told["reasons"].startswith("1 of 7 whose answer was due are silent: too few")


def test_a_share_has_lost_counted_as_not_reached_and_its_interval_beside_it(report: Report) -> None:
    note = by_id(report)["relief"].notes[0]
    # Wilson of 3 in 8 is 0.137 to 0.694 (R: prop.test(3, 8, correct = FALSE)).
    assert "Of all 8 who began" in note and "at least 50 %: 3, of 100 38 (14 to 69)" in note
    # Garwood: no event in 9 sessions leaves room for 410 in a thousand (R: poisson.test(0, 9)).
    none = cells(by_id(report)["harms"])["New rash, wheezing or swollen face"]
    assert none[3] == "none yet of 9 (at most 409.9)"


@pytest.mark.parametrize(
    ("n", "of", "told"),
    [
        (0, 0, "–"),
        (0, 2, "none yet of 2 (at most 100)"),
        (0, 1238, "none yet of 1238 (at most 0.2)"),
        (2, 1238, "0.2 (0 to 0.6)"),
        (3, 8, "38 (14 to 69)"),
    ],
)
def test_none_seen_is_said_with_its_denominator_and_what_it_still_allows(
    n: int, of: int, told: str
) -> None:
    # R: prop.test(2, 1238, correct = FALSE) gives 0.00044 to 0.00588; of none the rule of three.
    assert of_100_with_interval(n, of) == told


# --- a loop over the raw rows


@pytest.fixture(scope="module", params=["invented", "clinic"])
def both(request: pytest.FixtureRequest, invented: Path) -> tuple[Report, Rows]:
    """The report and the raw rows: of the simulator's registry, and of the invented clinic's."""
    made = invented if request.param == "invented" else request.getfixturevalue("folder")
    return reported(made), raw(made)


def test_flow_and_relief_are_a_loop_over_the_courses(both: tuple[Report, Rows]) -> None:
    told, rows = by_id(both[0]), both[1]["courses"]
    begun = [c for c in rows if c["began"]]
    answered = [c for c in begun if c["last_score"] is not None]
    flow = cells(told["flow"])
    assert flow["Courses opened"] == (str(len(rows)),)
    assert flow["Began treatment"] == (str(len(begun)),)
    assert flow["Answered at least once after the first session"] == (str(len(answered)),)
    silent = [c for c in begun if c["last_score"] is None and c["silent"]]
    assert flow["– never answered, though asked"] == (str(len(silent)),)
    relief = [c["last_relief"] for c in begun if c["last_relief"] is not None]
    for level in range(0, 101, 10):
        n = sum(value >= 100 * level for value in relief)
        shown = cells(told["relief"])[f"{level} %"]
        assert shown[0] == f"{n} of {len(relief)}"
        assert float(shown[2]) == pytest.approx(100 * n / len(begun), abs=0.051)


def test_pain_and_change_are_a_loop_over_the_visits(both: tuple[Report, Rows]) -> None:
    told, rows = by_id(both[0]), both[1]
    begun = {c["course"]: c for c in rows["courses"] if c["began"]}
    at = [v for v in rows["visits"] if v["course"] in begun and v["window"] is not None]
    shown = cells(told["pain"])
    for window in {v["window"] for v in at}:
        here = [v for v in at if v["window"] == window]
        scores = [v["pain"] for v in here if v["pain"] is not None]
        if len(scores) < 2:
            continue
        days = [v["day"] for v in here if v["score"] is not None]
        label = f"week {round(round(np.mean(days) / 7, 1))}" if window else "start"
        there = {v["course"] for v in here if v["score"] is not None}
        due = sum(c["window_closed"] >= window or course in there for course, c in begun.items())
        low, high = stats.t.interval(0.95, len(scores) - 1, np.mean(scores), stats.sem(scores))
        assert float(shown[label][0]) == pytest.approx(np.mean(scores), abs=0.0051)
        ends = [float(end) for end in shown[label][1].replace("−", "-").split(" to ")]
        assert ends == pytest.approx([low, high], abs=0.0051)
        assert shown[label][2] == f"{len(scores)} of {due}"
        gained = [v["gained"] for v in here if v["gained"] is not None
                  and begun[v["course"]]["measure"] == "pain"]  # fmt: skip
        if window and len(gained) > 1:
            row = cells(told["change"])[f"Pain, {label}"]
            assert row[0] == str(len(gained))
            told_mean = float(row[1].split()[0].replace("−", "-"))
            assert told_mean == pytest.approx(np.mean(gained) / 100, abs=0.0051)


def ended(course: Mapping[str, Any]) -> bool:
    """Whether a target not reached by now will not be reached any more."""
    return course["closed"] or course["ended"] in ("finish", "stop", "refer")


def fifty(out: str, closed: bool) -> Callable[[Any], None]:
    """Courses as the reviewer had them: 20 reached it, 20 ended without it, 10 are ongoing."""

    def made(columns: Any) -> None:
        reached, others, all_ = [28] * 20 + [None] * 30, 20 * [56] + 10 * [None], range(50)
        told = {
            "course": list(all_),
            "condition": ["low_back"] * 50,
            "measure": ["pain"] * 50,
            "opened_quarter": ["2026Q1"] * 50,
            "began": [True] * 50,
            "sessions": [2] * 50,
            "target_day": reached,
            "target_sessions": [day and 1 for day in reached],
            "last_day": [28] * 20 + [21] * 20 + [14] * 10,
            "last_sessions": [1] * 50,
            "ended": ["finish"] * 20 + [out] * 20 + ["ongoing"] * 10,
            "ended_day": [28] * 20 + others,
            "closed": [False] * 20 + [closed] * 20 + [False] * 10,
        }
        columns["courses"] = told
        for name in ("visits", "sessions", "events", "adverse", "decisions"):
            columns[name] = {}

    return made


@pytest.mark.parametrize(
    ("out", "closed"),
    [("stop", False), ("finish", False), ("refer", False), ("recheck", True), ("lost", True)],
)
def test_whoever_ends_without_the_target_is_not_taken_for_one_who_may_still_reach_it(
    tmp_path: Path, out: str, closed: bool
) -> None:
    told = by_id(reported(written(tmp_path, fifty(out, closed))))
    assert told["target"].finding == "20 of 50 reached their target; 20 ended before that"
    assert "50 of 100 had reached it" in told["target"].notes[0]
    assert "40 of 100 had reached it" in told["target_sessions"].notes[0]


def test_target_and_cost_are_a_loop_over_the_courses(both: tuple[Report, Rows]) -> None:
    told, begun = by_id(both[0]), [c for c in both[1]["courses"] if c["began"]]
    reached = [c for c in begun if c["target_day"] is not None]
    out = sum(c["target_day"] is None and ended(c) for c in begun)
    assert told["target"].finding == (
        f"{len(reached)} of {len(begun)} reached their target; {out} ended before that"
    )
    # Aalen–Johansen by hand, of sessions: who is at risk at each, and the share still going on.
    ends = [
        (c["target_sessions"], 1) if c["target_day"] is not None
        else (c["sessions"], 2) if ended(c)
        else (c["last_sessions"] or 0, 0)
        for c in begun
    ]  # fmt: skip
    going, share = 1.0, 0.0
    for number in range(max(time for time, _ in ends) + 1):
        risk = sum(time >= number for time, _ in ends)
        now = Counter(end for time, end in ends if time == number)
        share += going * now[1] / risk
        going *= 1 - (now[1] + now[2]) / risk
    assert f"{100 * share:.0f} of 100 had reached it" in told["target_sessions"].notes[0]
    known = knowledge(DAY).conditions
    for condition in {c["condition"] for c in begun}:
        charged = [c for c in begun if c["condition"] == condition and c["currency"] is not None]
        hits = sum(c["target_day"] is not None for c in charged)
        row = cells(told["cost"])[known[condition].name]
        assert row[:2] == (str(len(charged)), str(hits))
        if hits:
            paid = round(sum(c["paid_cents"] for c in charged) / hits / 100)
            assert row[3].split(" ")[0] == f"${paid:,}"
            assert f"${paid:,} ({known[condition].name})" in told["cost"].finding


def ends_of(cell: str) -> list[float]:
    """Both ends as they are told; none seen begins at 0."""
    told = cell.split("(")[1].rstrip(")").replace("at most", "0 to")
    return [float(end) for end in told.split(" to ")]


def test_harms_and_their_places_are_a_loop_over_sessions_and_events(
    both: tuple[Report, Rows],
) -> None:
    told, rows = by_id(both[0]), both[1]
    events = Counter(e["kind"] for e in rows["events"] if e["number"] > 0)
    texts = {rule.id: rule.text for rule in knowledge(DAY).danger_rules}
    shown = cells(told["harms"])
    for kind, text in texts.items():
        assert shown[text][1:3] == (str(events[kind]), str(len(rows["sessions"])))
        low, high = (stats.chi2.ppf(0.025, 2 * events[kind]) / 2 if events[kind] else 0.0,
                     stats.chi2.ppf(0.975, 2 * events[kind] + 2) / 2)  # fmt: skip
        n = len(rows["sessions"])
        assert ends_of(shown[text][3]) == pytest.approx(
            [1000 * low / n, 1000 * high / n], abs=0.051
        )
    opened = {c["course"]: c["opened_quarter"] for c in rows["courses"]}
    alarm = knowledge(DAY).harm_alarms["infection"]
    hit = {(e["course"], e["number"]) for e in rows["events"] if e["kind"] in alarm.kinds}
    order = sorted(
        (91 * (4 * int(opened[s["course"]][:4]) + int(opened[s["course"]][5])) + s["day"],
         s["course"], s["number"])
        for s in rows["sessions"]
    )  # fmt: skip
    places = [at for at, (_, *key) in enumerate(order) if tuple(key) in hit]
    gaps = [b - a for a, b in pairwise([-1, *places])]
    table = told["alarm-infection"].table
    assert table and [row[1] for row in table.rows[:-1]] == [str(gap) for gap in gaps]


def test_adverse_events_are_a_loop_with_their_intervals_and_stand_apart_from_signs(
    folder: Path,
) -> None:
    opened, rows, known = engine.open_registry(str(folder)), raw(folder), knowledge(DAY)
    told = {s.id: s for s in adverse(Asked(opened, DAY, known, None, 1, None, 1))}
    opened.close()
    after = [e for e in rows["adverse"] if e["number"] > 0]
    given = len(rows["sessions"])
    treated = sum(c["sessions"] > 0 for c in rows["courses"])
    unjudged = sum(e["relatedness"] is None for e in after)
    assert 0 < unjudged < len(after) < len(rows["adverse"])
    kinds = cells(told["adverse"])
    assert list(kinds) == [kind.name for kind in known.adverse_kinds.values()]
    for kind in known.adverse_kinds.values():
        mine = [e for e in after if e["kind"] == kind.id]
        courses, n = len({e["course"] for e in mine}), len(mine)
        row = kinds[kind.name]
        assert row[:2] == (str(n), str(given))
        assert row[3:5] == (str(sum(e["serious"] for e in mine)), f"{courses} of {treated}")
        low = stats.chi2.ppf(0.025, 2 * n) / 2 if n else 0.0
        high = stats.chi2.ppf(0.975, 2 * n + 2) / 2
        assert ends_of(row[2]) == pytest.approx(
            [1000 * low / given, 1000 * high / given], abs=0.051
        )
    warned = sum(e["from_warning"] for e in after)
    assert f"Recorded from a warning answer: {warned} of {len(after)}." in told["adverse"].notes[1]
    assert told["adverse"].finding.endswith(f", {unjudged} not judged yet")
    for section, column, words in (
        ("adverse-grades", "grade", {g.grade: f"Grade {g.grade}, {g.name.lower()}"
                                     for g in known.adverse_grades}),
        ("adverse-judged", "relatedness", {None: "Not judged by another person"}
         | {r.id: r.name for r in known.adverse_relations.values()}),
        ("adverse-sessions", "number", {n: f"Session {n}"
                                        for n in {s["number"] for s in rows["sessions"]}}),
    ):  # fmt: skip
        events = Counter(e[column] for e in after)
        shown = cells(told[section])
        assert {word: shown[word][0] for word in shown} == {
            word: str(events[key]) for key, word in words.items()
        }
    held = Counter(s["guidance"] for s in rows["sessions"])
    shown = cells(told["given"])
    assert shown["Guidance: ultrasound"][:2] == (str(held["ultrasound"]), str(given))
    assert shown["Guidance: not recorded of every place"][0] == str(held[None])
    said = [s["complications"] for s in rows["sessions"] if s["complications"] is not None]
    assert shown["A complication noted"][:2] == (str(sum(n > 0 for n in said)), str(len(said)))


def test_the_change_before_any_needle_is_a_loop_over_the_visits(folder: Path) -> None:
    rows = raw(folder)
    begun = {c["course"]: c["measure"] for c in rows["courses"] if c["began"]}
    starts: dict[int, list[tuple[int, int]]] = {}
    for v in rows["visits"]:
        if v["counts_as_start"] and v["score"] is not None and begun.get(v["course"]) == "pain":
            starts.setdefault(v["course"], []).append((v["day"], v["score"]))
    ends = [(min(of), max(of)) for of in starts.values()]
    moved = [(first[1] - last[1]) / 100 for first, last in ends if last[0] - first[0] >= 14]
    section = by_id(reported(folder))["before"]
    row = cells(section)["Pain"]
    assert row[:3] == (str(len(starts)), str(sum(len(of) > 1 for of in starts.values())),
                       str(len(moved)))  # fmt: skip
    assert len(moved) > 5 and row[4].startswith(f"{round(np.mean(moved), 2):g} (".replace("-", "−"))
    assert f"of {len(moved)} courses" in section.finding
    assert "without treatment here" in section.notes[0]
    hopes = [c["expected"] for c in rows["courses"] if c["began"] and c["expected"] is not None]
    assert f"{round(np.mean(hopes))} % on average" in section.notes[1]


@pytest.mark.parametrize(("twice", "told"), [(30, True), (9, False), (35, False)])
def test_for_the_public_the_change_before_any_needle_is_of_no_few_people_nor_leaves_few(
    tmp_path: Path, twice: int, told: bool
) -> None:
    def made(columns: Any) -> None:
        columns |= {name: {} for name in ("visits", "sessions", "events", "adverse", "decisions")}
        columns["courses"] = {
            "course": list(range(40)), "measure": ["pain"] * 40, "began": [True] * 40,
            "condition": ["low_back"] * 40, "opened_quarter": ["2026Q1"] * 40,
            "expected": [50] * twice + [None] * (40 - twice),
        }  # fmt: skip
        visits = [(c, day) for c in range(40) for day in ((-15, 0) if c < twice else (0,))]
        columns["visits"] = {
            "course": [c for c, _ in visits], "day": [day for _, day in visits],
            "counts_as_start": [True] * len(visits),
            # Few move beyond measuring error.
            "score": [500 - (30 if c < 5 else 10) * d for c, d in visits],
        }  # fmt: skip

    section = by_id(reported(written(tmp_path, made), suppress_below=10))["before"]
    assert (section.table is not None) is told is any("expected" in n for n in section.notes)
    assert told or str(twice) not in re.findall(r"\d+", section.finding + " ".join(section.notes))
    if section.table is not None:
        assert section.figure is None and section.table.rows[0][-3:] == (HIDDEN,) * 3


def test_units_decisions_and_silence_are_loops_too(both: tuple[Report, Rows]) -> None:
    told, rows = by_id(both[0]), both[1]
    begun = [c for c in rows["courses"] if c["began"]]
    sizes = Counter(f"Clinic {c['clinic']}" for c in begun)
    clinics = told["by-clinic"].table
    assert clinics and {row[0]: row[1] for row in clinics.rows} == {
        name: str(n) for name, n in sizes.items()
    }
    numbers = [int(row[0].split()[1]) for row in clinics.rows]
    assert numbers == sorted(numbers), "by name, so that it is no ranking"
    made = Counter(
        f"{d['suggested']}, decided {d['decided']}".replace("_", " ") for d in rows["decisions"]
    )
    shown = cells(told["overrides"])
    assert {name: row[0] for name, row in shown.items()} == {k: str(n) for k, n in made.items()}
    other = sum(d["suggested"] != d["decided"] for d in rows["decisions"])
    assert told["overrides"].finding.startswith(f"{other} of {len(rows['decisions'])} ")
    due = [c for c in begun if c["silent"] or c["last_score"] is not None
           or (c["window_closed"] or 0) > 0]  # fmt: skip
    gone = sum(c["silent"] for c in due)
    assert told["reasons"].finding.startswith(f"{gone} of {len(due)} whose answer was due are")


def test_the_silent_move_the_mean_by_delta_times_their_share(invented: Path) -> None:
    section = by_id(reported(invented))["silent"]
    silent, asked = re.findall(r"(\d+) of (\d+) gave no answer", section.finding)[0]
    assert section.table
    first, last = (float(r[1].split()[0].replace("−", "-")) for r in
                   (section.table.rows[0], section.table.rows[-1]))  # fmt: skip
    assert last - first == pytest.approx(5 * int(silent) / int(asked), abs=0.011)
    # The chosen point is marked, that one alone, and in its place.
    assert section.figure
    dots = re.findall(r'class="dot[^"]*"', marked(section.figure, 3).narrow)
    assert len(dots) == len(section.table.rows)
    assert [at for at, dot in enumerate(dots) if "chosen" in dot] == [3]


def test_only_some_courses_are_reported_as_if_the_others_were_not_there(
    invented: Path, tmp_path: Path
) -> None:
    rows = raw(invented)
    chosen = {c["course"] for c in rows["courses"] if c["condition"] == "low_back"}
    kept = {
        name: table.filter(pc.is_in(table["course"], pa.array(sorted(chosen))))
        for name in registry.TABLES
        for table in [registry.read_table(invented, name)]
    }
    registry.refresh(tmp_path, registry.sort(kept), knowledge="k")
    alone = reported(tmp_path)
    assert reported(invented, only={"condition": "low_back"}).as_json() == alone.as_json()
    assert "by-condition" not in by_id(alone)
    with pytest.raises(FitError, match="no column colour"):
        reported(invented, only={"colour": "red"})


# --- small cells


def test_for_the_public_no_count_below_the_limit_is_told_and_no_picture_gives_one_away(
    invented: Path, folder: Path, small: Path
) -> None:
    for made in (invented, folder):
        told = reported(made, suppress_below=10)
        assert told.suppressed_below == 10 and len(told.sections) > 8
        for section in told.sections:
            counts = re.findall(r"(?<![\d.,–−-])\b(\d+) of \d{2,}", section.finding)
            assert not any(0 < int(n) < 10 for n in counts), section.finding
            if LEFT_OUT in section.notes:
                assert section.figure is None
            if section.table and section.figure and section.id != "change":
                assert HIDDEN not in str(section.table.rows), section.id
        for row in cells(by_id(told)["harms"]).values():
            assert row[1] in ("9 or fewer", "0") or int(row[1]) >= 10
            assert row[1] != "9 or fewer" or row[3].startswith("at most ")
        for name in ("harms", "alarm-infection", "alarm-nerve-and-dura"):
            # A harm does not vanish with its number: a count or its limit is in the heading.
            assert re.search(r"\d+ (or fewer )?(of|warning)", by_id(told)[name].finding), name
            assert "UNSOURCED" not in by_id(told)[name].measure
        shown = by_id(told)["by-clinic"].table
        assert shown is None or all(int(row[1]) >= 10 for row in shown.rows)
    with pytest.raises(FitError, match="Fewer than 10 courses began"):
        reported(small, suppress_below=10)


@pytest.mark.parametrize(
    ("events", "told"),
    [((0, 12, 30), "42"), ((0, 3, 4), "9 or fewer"), ((0, 3, 30), "39 or fewer"),
     ((8, 7, 30), "45"), ((2, 3, 30), "48 or fewer"), ((0, 0, 0), "0")],
)  # fmt: skip
def test_the_total_of_signs_gives_no_hidden_number_away_and_never_vanishes(
    events: tuple[int, ...], told: str, small: Path
) -> None:
    opened = engine.open_registry(str(small))
    asked = Asked(opened, DAY, knowledge(DAY), None, 1, 10, 8)
    opened.close()
    assert _total(asked, np.array(events), [asked.is_small(n) for n in events]) == told


@pytest.mark.parametrize(
    ("soon", "raised", "said"),
    [
        (0, 0, "no alarm"),
        (1, 0, "one interval is short enough to ask why; the running sum has not reached its "
         "alarm"),
        (2, 1, "2 intervals are short enough to ask why; the running sum reached its alarm once"),
        (0, 3, "no interval is short enough to ask why; the running sum reached its alarm 3 times"),
    ],
)  # fmt: skip
def test_the_two_alarm_rules_are_told_in_one_finding(soon: int, raised: int, said: str) -> None:
    assert _both_rules(soon, raised) == said


def test_a_heading_says_no_alarm_only_where_no_interval_is_marked(
    invented: Path, folder: Path, report: Report
) -> None:
    for told in (reported(invented), reported(folder), report):
        for section in told.sections:
            if section.id.startswith("alarm-"):
                marked = "ask why" in str(section.table and section.table.rows)
                assert marked == ("enough to ask why" in section.finding
                                  and "no interval" not in section.finding)  # fmt: skip


def test_a_funnel_says_that_case_mix_is_allowed_for_only_where_it_is(
    invented: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fitted = by_id(reported(invented))["by-condition"]
    assert "allowed for condition" in fitted.measure

    def refuse(units: Any, hits: Any, *mix: Any) -> Any:
        if mix:
            raise FitError("the model of the case mix does not converge")
        return funnel(units, hits)

    monkeypatch.setattr("enthesis.outcomes.sections.funnels.funnel", refuse)
    counted = by_id(reported(invented))["by-condition"]
    assert "not allowed for" in counted.measure and "allowed for condition" not in counted.measure
    assert "does not converge" in counted.notes[0]


def test_what_an_earlier_suppression_hid_stays_hidden_in_the_next() -> None:
    table = pa.table({"n": [40, 50, 60], "half": [20, 3, 30], "most": [10, 1, 25]})
    once = cohort.suppress(table, ["most"], "half", 5)
    twice = cohort.suppress(once, ["half", "most"], "n", 5).to_pylist()
    assert [row["half"] for row in twice].count(None) == 2
    assert twice[1]["half"] is None and twice[1]["most"] is None


# --- words, files, paper


def test_the_benchmark_stands_beside_the_relief_and_the_pain(report: Report) -> None:
    for name in ("relief", "pain", "change"):
        section = by_id(report)[name]
        assert section.figure and "Salt water" in section.figure.wide
        assert "benchmark" in section.figure.wide
        assert any("Ashar" in note for note in section.technical)
        assert not any("github" in note for note in section.notes)


def test_each_section_has_day_and_denominator_and_no_word_oversells(report: Report) -> None:
    flow, *others = (section.source for section in report.sections)
    assert flow == "10 courses opened, as of 23 Nov 2026."
    assert set(others) == {"8 courses that began, as of 23 Nov 2026."}
    html = body_html(report)
    assert not OVERSELLING.search(re.sub(r"<[^>]+>", " ", html))
    first = html.index(READ_FIRST)
    assert first < html.index("<svg") < html.index('<h2 id="cannot">What this cannot tell you')
    assert len({section.id for section in report.sections}) == len(report.sections)


def test_calibration_counts_every_later_answer_of_every_course(tmp_path: Path) -> None:
    write_registry(tmp_path, 1000, seed=3)
    registry.seal(tmp_path, "invented")
    opened, known, rows = engine.open_registry(str(tmp_path)), knowledge(DAY), raw(tmp_path)
    began = sum(c["began"] for c in rows["courses"])
    told = {s.id: s for s in calibration(Asked(opened, DAY, known, None, 1, None, began))}
    assert calibration(Asked(opened, DAY, known, None, 1, 11, began)) == ()  # small cells hidden
    opened.close()
    assert len(told) == 2
    for start in known.forecast_starts.values():
        visits = visits_of(start, known)
        scores: dict[int, dict[int, int]] = {
            c["course"]: {0: c["start"]}
            for c in rows["courses"]
            if c["began"] and c["condition"] == start.condition and c["measure"] == start.measure
            if c["start"]
        }
        for v in rows["visits"]:
            session, of = v["session_window"], scores.get(v["course"])
            number = session if session is not None else AFTER_SERIES + (v["window"] or 0)
            if of and v["score"] is not None and number in visits and number > 0:
                of[number] = v["score"]
        pairs = [
            (of[0], of[later])
            for of in scores.values()
            for known_until, later in combinations(sorted(of), 2)
        ]
        for level, (reached, *_) in cells(told[f"calibration-{start.condition}"]).items():
            keep = 1 - int(level.removesuffix("\u00a0%").removesuffix(" %")) / 100
            hits = sum(came <= keep * began + 1e-9 for began, came in pairs)
            assert reached == f"{hits} of {len(pairs)}"


def test_the_same_registry_gives_the_same_page_with_hash_seed_and_versions(
    report: Report, small: Path
) -> None:
    again = reported(small, anyway=ANYWAY)
    assert page_html(again, "") == page_html(report, "")
    assert "cut abababababab · seed 7 · enthesis 0.1.0" in page_html(report, "")


def test_a_title_with_markup_is_shown_as_text(report: Report) -> None:
    html = page_html(replace(report, title="<script>x</script>"), "")
    assert "<script>" not in html and "&lt;script&gt;" in html


def test_each_csv_has_its_origin_and_the_rows_of_the_table(report: Report) -> None:
    for section in report.sections:
        if not section.table:
            continue
        first, head, *rows = csv.reader(io.StringIO(as_csv(report, section, cell)))
        assert first[0].startswith("# ") and "seed 7" in first[0]
        assert tuple(head) == section.table.head
        assert tuple(tuple(row) for row in rows) == section.table.rows


def test_a_name_that_somebody_typed_goes_out_as_no_formula(report: Report) -> None:
    section = next(one for one in report.sections if one.table)
    assert section.table
    named = replace(section.table, rows=(("=1+1", *section.table.rows[0][1:]),))
    *_, row = csv.reader(io.StringIO(as_csv(report, replace(section, table=named), cell)))
    assert row == ["'=1+1", *named.rows[0][1:]]


def test_without_anybody_who_began_it_says_so(tmp_path: Path) -> None:
    def nobody(columns: Any) -> None:
        columns["courses"]["began"] = [False] * 10

    with pytest.raises(FitError, match="Nobody has begun"):
        reported(written(tmp_path, nobody))


def test_one_course_alone_is_reported_in_sentences_instead_of_failing(small: Path) -> None:
    told = reported(small, only={"course": 9})
    assert by_id(told)["relief"].finding.startswith("None of 1 who began")
    assert by_id(told)["pain"].figure is None and len(told.sections) >= 10


@pytest.mark.skipif(not shutil.which("pdftotext"), reason="poppler-utils is not installed")
def test_the_pdf_is_tagged_has_only_our_font_and_loses_no_word(
    report: Report, tmp_path: Path
) -> None:
    path = tmp_path / "r.pdf"
    path.write_bytes(report_pdf(report))

    def told(*command: str) -> str:
        return subprocess.run([*command], capture_output=True, text=True, check=True).stdout

    words = " ".join(told("pdftotext", str(path), "-").split())
    for section in report.sections:
        assert section.finding in words
    assert "lower is better" in words and "Those who answered" in words, "words inside the figures"
    fonts = told("pdffonts", str(path)).splitlines()[2:]
    assert fonts and all("+Paper" in line for line in fonts)
    assert b"pdfuaid" in path.read_bytes() or "Tagged:          yes" in told("pdfinfo", str(path))


def test_a_letter_that_the_font_lacks_stops_the_printing_by_name(report: Report) -> None:
    with pytest.raises(FitError, match=r"no 東 \(U\+6771\)"):
        pdf_of("<p>Dr 東</p>")
    with pytest.raises(FitError, match="no 東"):
        report_pdf(replace(report, title="東 water"))


def test_the_printer_fetches_nothing() -> None:
    for address in ("http://127.0.0.1:9/x.png", "file:///etc/hostname", "font:../paper.css"):
        for page in (
            f'<img alt="x" src="{address}">',
            f'<link rel="stylesheet" href="{address}">',
            f'<style>@import url("{address}")</style>',
            f'<style>p {{ background: url("{address}") }}</style><p>x</p>',
            f'<style>@font-face {{ font-family: x; src: url("{address}") }}</style><p>x</p>',
        ):
            with pytest.raises(FitError, match="fetches nothing"):
                pdf_of(page)


# --- the command


def test_the_command_writes_page_tables_and_json_with_the_hash_of_the_cut(
    small: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    given = ["outcomes", str(small), "--report", str(out), "--json", "--day", "2026-11-23"]
    assert main(given) == 0
    told = json.loads(capsys.readouterr().out)
    assert told == json.loads((out / "report.json").read_text())
    tables = {f"{s['id']}.csv" for s in told["sections"] if s["rows"]}
    assert {path.name for path in out.iterdir()} == {"index.html", "report.json", *tables}
    page = (out / "index.html").read_text()
    assert told["cut"] == registry.read_cut(small).sha256
    assert told["cut"][:12] in page and "<script" not in page and "http-equiv" not in page


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (lambda d: (d / "manifest.json").unlink(), "is no registry"),
        (lambda d: next(d.glob("visits-*")).write_text("x"), "was changed"),
    ],
)
def test_the_command_says_what_is_wrong_with_a_folder(
    spoil: Callable[[Path], Any], why: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spoil(written(tmp_path))
    assert main(["outcomes", str(tmp_path)]) == 1
    assert why in capsys.readouterr().err


def test_the_command_names_the_conditions_there_are(
    small: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["outcomes", str(small), "--condition", "knee_oa"]) == 1
    assert "no course is about 'knee_oa'; there are low_back" in capsys.readouterr().err


def test_an_invented_registry_has_its_known_answer_beside_it_and_is_not_written_over(
    invented: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert (invented / "known_answer.toml").is_file()
    assert registry.verify(invented).courses == 400
    assert main(["outcomes", str(invented), "--invented", "400"]) == 1
    assert "trial" in capsys.readouterr().err

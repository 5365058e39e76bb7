"""Questions, scores, readings, the six signs, what is due."""

import csv
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from statistics import mean, quantiles

import pytest

from enthesis.journey.follow import (
    Due,
    answer_problems,
    baseline,
    benchmark_points,
    check_answer,
    dangers,
    due,
    lasting_answers,
    next_answers,
    readings,
    relief_percent,
    score,
    signs,
    visible_questions,
)
from enthesis.records import Answer, Assessment, Decision, NextStep, Occasion
from tests.unit.journey.courses import FIRST, KNOWN, course_of

ASKED = KNOWN.questionnaires["six_signs"]
QUESTIONS = KNOWN.questions("six_signs")
NAMED: dict[str, Answer] = {"activity_1_name": "put on socks", "activity_2_name": "lift a bag"}
SHARED = Path(__file__).parents[4] / "shared"
ABSENT = "the folder shared/ with the collected facts is not on this machine"


def ids(occasion: Occasion, answers: dict[str, Answer], earlier: dict[str, Answer]) -> list[str]:
    return [q.id for q in visible_questions(ASKED, occasion, answers, KNOWN, earlier)]


def test_the_danger_signs_are_asked_first() -> None:
    for occasion in Occasion:
        assert ids(occasion, {}, NAMED)[0] == "danger"


def test_activities_are_named_once_and_asked_about_every_time() -> None:
    assert "activity_1_name" in ids(Occasion.BASELINE, {}, {})
    assert "activity_1" not in ids(Occasion.BASELINE, {}, {})
    assert "activity_1" in ids(Occasion.BASELINE, {"activity_1_name": "dance"}, {})
    later = ids(Occasion.AFTER_SESSION, {}, NAMED)
    assert {"activity_1", "activity_2"} <= set(later)
    assert {"activity_1_name", "activity_3"}.isdisjoint(later)


def test_an_activity_is_asked_about_in_the_patients_own_words() -> None:
    shown = visible_questions(ASKED, Occasion.RECHECK, {}, KNOWN, NAMED)
    texts = {q.id: q.text for q in shown}
    assert texts["activity_2"] == "Today, how well can you do this: “lift a bag”?"


def test_braces_in_a_patients_words_are_only_words() -> None:
    earlier: dict[str, Answer] = {"activity_1_name": "{0} {pain}"}
    shown = visible_questions(ASKED, Occasion.RECHECK, {}, KNOWN, earlier)
    assert any(q.text.endswith(": “{0} {pain}”?") for q in shown)


def test_the_global_change_is_not_asked_before_there_can_be_any() -> None:
    assert "change" not in ids(Occasion.BASELINE, {}, {})
    assert "change" in ids(Occasion.RECHECK, {}, {})


def test_the_names_of_activities_are_found_in_earlier_answers() -> None:
    course = course_of([7], start={"activity_1_name": "put on socks", "activity_2_name": ""})
    assert lasting_answers(course, KNOWN) == {"activity_1_name": "put on socks"}


@pytest.mark.parametrize(
    ("question", "raw", "answer"),
    [
        ("pain", "7", Decimal(7)),
        ("pain", " 0 ", Decimal(0)),
        ("phq_down", "2", Decimal(2)),
        ("danger", ["fever", "rash"], ("fever", "rash")),
        ("danger", ["rash", "fever"], ("fever", "rash")),
        ("danger", "none", ("none",)),
        ("activity_1_name", " put on socks ", "put on socks"),
        ("activity_2_name", "", None),
    ],
)
def test_an_answer_is_understood(question: str, raw: str | list[str], answer: Answer) -> None:
    assert check_answer(QUESTIONS[question], raw) == answer


@pytest.mark.parametrize(
    ("question", "raw", "words"),
    [
        ("pain", "", "Please choose a number."),
        ("pain", "11", "Please give a whole number from 0 to 10."),
        ("pain", "-1", "Please give a whole number from 0 to 10."),
        ("pain", "7.5", "Please give a whole number from 0 to 10."),
        ("pain", "NaN", "Please give a whole number from 0 to 10."),
        ("pain", "a lot", "Please give a whole number from 0 to 10."),
        ("pain", ["3", "4"], "Please give one answer."),
        ("phq_down", "5", "Please choose one of the answers shown."),
        ("danger", [], "Please tick at least one."),
        ("danger", ["none", "fever"], "Please tick either “None of these”"),
        ("danger", ["curse"], "Please choose one of the answers shown."),
        ("activity_1_name", "x" * 201, "Please use fewer words"),
    ],
)
def test_an_answer_that_is_none_is_refused_in_words_for_the_patient(
    question: str, raw: str | list[str], words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        check_answer(QUESTIONS[question], raw)


def test_scores_follow_each_measures_rule_for_missing_items() -> None:
    answers: dict[str, Answer] = {
        "pain": Decimal(6),
        "peg_enjoyment": Decimal(5),
        "peg_activity": Decimal(4),
        "activity_1": Decimal(2),
        "activity_2": Decimal(5),
        "phq_interest": "1",
        "phq_down": None,
    }
    found = {id: score(measure, answers) for id, measure in KNOWN.measures.items()}
    assert found["pain"] == 6
    assert found["peg"] == 5
    assert found["activity"] == Decimal("3.5")  # of those answered
    assert found["mood"] is None  # both are needed
    assert found["change"] is None


def test_a_string_of_digits_scores_as_the_number_it_is() -> None:
    assert score(KNOWN.measures["mood"], {"phq_interest": "1", "phq_down": Decimal(2)}) == 3


def test_the_baseline_is_the_mean_of_the_answers_before_the_first_session() -> None:
    course = course_of([8, 5], [0], [[10, {"pain": 4}]])
    late = Assessment(
        FIRST + timedelta(days=3), Occasion.BASELINE, "six_signs", {"pain": Decimal(9)}
    )
    course = replace(course, assessments=(late, *course.assessments))
    found = readings(course, "pain", KNOWN)
    assert baseline(found) == Decimal("6.5")
    assert [(r.is_baseline, r.sessions_before) for r in found] == [
        (True, 0), (True, 0), (False, 1), (False, 1),
    ]  # fmt: skip


def test_an_answer_about_the_first_session_on_its_own_day_is_no_baseline() -> None:
    found = readings(course_of([8], [0], [[0, {"pain": 4}]]), "pain", KNOWN)
    assert [r.sessions_before for r in found] == [0, 1]


def test_of_several_answers_on_one_day_the_worst_counts_once() -> None:
    course = course_of([8], [0], [[10, {"pain": 2}], [10, {"pain": 5}], [10, {"pain": "?"}]])
    assert [r.value for r in readings(course, "pain", KNOWN)] == [8, 5]


@pytest.mark.parametrize(
    ("measure", "start", "value", "relief"),
    [
        ("pain", 8, 2, Decimal("75.00")),
        ("pain", 8, 9, Decimal("-12.50")),
        ("pain", 0, 3, None),
        ("activity", 2, 8, Decimal("75.00")),
        ("change", 1, 7, Decimal("100.00")),
    ],
)
def test_relief_is_the_share_of_what_there_was_to_gain(
    measure: str, start: int, value: int, relief: Decimal | None
) -> None:
    found = relief_percent(KNOWN.measures[measure], Decimal(start), Decimal(value))
    assert found == relief


def test_the_six_signs_say_what_may_be_said_of_each_change() -> None:
    course = course_of(
        [7],
        [0],
        [[10, {"pain": 4, "activity_1": 3, "spasm_days": 0, "phq_interest": 0, "phq_down": 0}]],
        start={"activity_1": 2, "spasm_days": 7, "phq_interest": 3, "phq_down": 3},
    )
    found = {s.sign: (s.status, s.goes, s.better_is) for s in signs(course, KNOWN)}
    assert found == {
        "pain": ("real_change", "better", "down"),
        "medication": ("not_asked", "", "down"),
        "activity": ("within_error", "", "up"),
        "joint_noise": ("not_asked", "", "down"),
        "spasm": ("not_validated", "", "down"),
        "mood": ("not_validated", "", "down"),  # a screen: its error of change is not known
    }


def test_before_the_first_later_answer_there_is_nothing_to_compare() -> None:
    only_start = course_of([7, 5])
    no_start = course_of([], [0], [[10, {"pain": 4}]])
    for course in (only_start, no_start):
        assert {s.sign: s.status for s in signs(course, KNOWN)}["pain"] == "not_compared"


def test_a_sign_is_shown_by_the_measure_that_was_asked() -> None:
    course = course_of(start={"headache_score": 20}, plan=False, condition="headache")
    assert signs(course, KNOWN)[0].measure.id == "headache_score"


@pytest.mark.parametrize("rule", KNOWN.danger_rules, ids=lambda r: r.id)
def test_every_warning_is_heard_and_tells_the_patient_what_to_do(rule: object) -> None:
    found = next(r for r in KNOWN.danger_rules if r is rule)
    answers: dict[str, Answer] = {found.question: (*found.is_in,)}
    assert dangers(answers, KNOWN) == (found,)
    assert "call" in found.tell_patient


def test_every_answer_of_the_safety_question_but_none_is_a_warning() -> None:
    offered = {value for value, _ in QUESTIONS["danger"].options} - {"none"}
    assert {v for rule in KNOWN.danger_rules for v in rule.is_in} == offered
    assert not dangers({"danger": ("none",)}, KNOWN)
    assert not dangers({"danger": None}, KNOWN)
    assert not dangers({}, KNOWN)


TREATED = course_of([7], [0])
WANTED_ON = next_answers(TREATED, KNOWN)


def test_answers_are_wanted_a_week_before_the_next_session() -> None:
    assert TREATED.plan is not None
    on = FIRST + timedelta(days=max(7, TREATED.plan.interval_days - 7))
    assert next_answers(TREATED, KNOWN) == (Occasion.AFTER_SESSION, on)
    assert due(TREATED, KNOWN, on - timedelta(days=1)) == ()
    assert due(TREATED, KNOWN, on) == (Due(Occasion.AFTER_SESSION, on, 0),)


@pytest.mark.parametrize(("waited", "late"), [(7, 0), (8, 8), (30, 30)])
def test_answers_are_late_when_the_clinics_patience_has_run_out(waited: int, late: int) -> None:
    assert WANTED_ON is not None
    today = WANTED_ON[1] + timedelta(days=waited)
    assert [d.late_days for d in due(TREATED, KNOWN, today)] == [late]


@pytest.mark.parametrize(("more", "is_lost"), [(0, False), (1, True), (900, True)])
def test_who_stays_silent_past_the_clinics_setting_is_lost(more: int, is_lost: bool) -> None:
    assert WANTED_ON is not None
    today = WANTED_ON[1] + timedelta(days=KNOWN.stop_rule.lost_after_days + more)
    assert [d.is_lost for d in due(TREATED, KNOWN, today)] == [is_lost]


def test_a_baseline_is_wanted_between_the_plan_and_the_first_session() -> None:
    agreed_on = FIRST - timedelta(days=7)
    assert next_answers(course_of([]), KNOWN) == (Occasion.BASELINE, agreed_on)
    assert next_answers(course_of([7]), KNOWN) is None
    assert next_answers(course_of([], plan=False), KNOWN) is None
    # A warning sign ends the questions: the start is then still to be asked.
    only_warned = course_of(start={"danger": ["fever"]})
    assert next_answers(only_warned, KNOWN) == (Occasion.BASELINE, agreed_on)
    # After the first needle it is too late to ask how it was before.
    asked = next_answers(course_of([], [0]), KNOWN)
    assert asked is not None and asked[0] is Occasion.AFTER_SESSION


def test_an_answer_to_the_last_session_ends_the_wait_until_the_next() -> None:
    assert next_answers(course_of([7], [0], [[9, {"pain": 5}]]), KNOWN) is None
    assert next_answers(course_of([7], [0, 14], [[9, {"pain": 5}]]), KNOWN) is not None


def test_a_watched_course_waits_for_its_recheck_and_a_referred_one_for_nothing() -> None:
    watched = course_of([7], [0, 14], [[24, {"pain": 0}]], [[25, "go_on", "finish"]])
    assert next_answers(watched, KNOWN) == (Occasion.RECHECK, date(2026, 4, 19))
    referred = Decision(date(2026, 2, 1), NextStep.GO_ON, NextStep.REFER, "Dr Example")
    away = replace(watched, decisions=(*watched.decisions, referred))
    assert next_answers(away, KNOWN) is None


def test_scores_outside_their_scale_are_named_with_their_place() -> None:
    course = course_of([7], [0], [[10, {"pain": 70, "phq_down": 3}], [11, {"phq_down": 4}]])
    problems = list(answer_problems(course, KNOWN))
    assert [p.split(":")[0] for p in problems] == [
        "assessments[1].answers.pain",
        "assessments[2].answers.phq_down",
    ]
    assert "outside the scale from 0 to 10" in problems[0]
    assert "outside the scale from 0 to 3" in problems[1]


# --- what happens anyway


def test_changes_of_a_group_are_counted_from_the_patients_own_start_within_the_scale() -> None:
    knee, pain = KNOWN.benchmarks["knee_saline"], KNOWN.measures["pain"]
    points = benchmark_points(knee, pain, Decimal(2))
    assert (points[1].low, points[1].high) == (0, Decimal("2.58"))
    assert benchmark_points(knee, pain, None) == ()
    back = KNOWN.benchmarks["back_saline_or_time"]
    assert benchmark_points(back, pain, None) == back.points


def _rows(path: Path) -> list[dict[str, str]]:
    if not path.exists():
        pytest.skip(ABSENT)
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


QUARTER = Decimal("0.6745")  # of a standard deviation: the quarters of the normal distribution


@pytest.mark.parametrize(
    ("benchmark", "cohort", "arm"),
    [
        ("back_saline_injections", "yelland_2004", "saline"),
        ("knee_saline", "jansen_2015_jubb", "IA placebo"),
    ],
)
def test_quarters_follow_from_the_published_mean_and_deviation(
    benchmark: str, cohort: str, arm: str
) -> None:
    rows = _rows(SHARED / "facts/evidence/natural_history.csv")
    published = {
        Decimal(r["weeks"]): (Decimal(r["mean"]), Decimal(r["sd"]), int(r["n"]))
        for r in rows
        if r["cohort"] == cohort and r["arm_kind"] == arm
    }
    points = {p.weeks: p for p in KNOWN.benchmarks[benchmark].points if any((p.low, p.high))}
    assert points.keys() == published.keys()
    for weeks, (middle, sd, n) in published.items():
        point = points[weeks]
        assert point.n == n
        assert abs(point.middle - middle / 10) <= Decimal("0.005")
        assert abs(point.low - (middle - QUARTER * sd) / 10) <= Decimal("0.006")
        assert abs(point.high - (middle + QUARTER * sd) / 10) <= Decimal("0.006")


VISITS = {"after treatment": 5, "+1 month": 9, "+2 months": 14, "+3 months": 18, "+6 months": 31}


def test_quarters_of_the_back_group_are_counted_from_the_individual_scores() -> None:
    rows = [
        r
        for r in _rows(SHARED / "real/back-pain-ashar2022/followup_long.csv")
        if r["arm"] != "psychological treatment" and float(r["backpain_years"] or 0) > 1
        if r["pain_avg"]
    ]
    starts: dict[str, list[float]] = {}
    visits: dict[int, dict[str, float]] = {}
    for r in rows:
        if r["occasion"] in ("eligibility", "baseline"):
            starts.setdefault(r["id"], []).append(float(r["pain_avg"]))
        elif r["occasion"] in {**VISITS, "+12 months": 57}:
            weeks = {**VISITS, "+12 months": 57}[r["occasion"]]
            visits.setdefault(weeks, {})[r["id"]] = float(r["pain_avg"])
    start = {id: mean(values) for id, values in starts.items()}
    group = KNOWN.benchmarks["back_saline_or_time"]
    for point in group.points:
        values = list((visits[int(point.weeks)] if point.weeks else start).values())
        found = [Decimal(str(q)) for q in quantiles(values, n=4, method="inclusive")]
        assert ([point.low, point.middle, point.high], point.n) == (found, len(values))
    last = visits[57]
    for level, of_100 in group.improved_percent.items():
        reached = sum(start[id] - v >= start[id] * int(level) / 100 for id, v in last.items())
        assert round(100 * reached / len(last)) == of_100

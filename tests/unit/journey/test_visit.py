"""What is asked before a visit and told after it: every text is reached, none is hard to read."""

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from docs.reading import HARDEST, grade

from enthesis.journey import visit
from enthesis.journey.judge import judge
from enthesis.records import Course, SiteDose
from tests.unit.journey.courses import FIRST, KNOWN, course_of, plan_of

WORDS = {
    "on": "24 May", "places": "14 places", "where": "low back, both sides", "dextrose": "20 %",
    "numbing": "lidocaine", "next_on": "8 June", "ask_on": "8 June", "booked_on": "8 June",
    "booked_hour": "5:30 pm", "safety_on": "26 May", "questions": "15",
}  # fmt: skip


def given(**told: Any) -> Course:
    """A course whose sessions have their places."""
    course = course_of(**told)
    plan = plan_of(told.get("condition", "low_back"))
    sites: tuple[SiteDose, ...] = plan.sites
    return replace(course, sessions=tuple(replace(s, sites=sites) for s in course.sessions))


COURSES: list[tuple[dict[str, Any], int]] = [
    ({"baselines": [6], "plan": False}, -3),
    ({"baselines": [6]}, -3),
    ({"baselines": [6], "sessions": [0]}, 0),
    ({"baselines": [6], "sessions": [0]}, 5),
    ({"baselines": [6], "sessions": [0]}, 70),
    ({"baselines": [6], "start": {"phq_interest": 3, "phq_down": 3}}, -3),
    ({"baselines": [4], "sessions": [0, 14], "answers": [[10, {"pain": 7, "relief": 80}]]}, 20),
    ({"baselines": [6], "sessions": [0], "answers": [[10, {"pain": 6, "danger": ["fever"]}]]}, 11),
    ({"baselines": [6], "sessions": [0, 14, 28, 42, 56], "answers": [[60, {"pain": 3}]]}, 61),
    *(
        (
            {
                "baselines": [6],
                "sessions": [0, 14],
                "answers": [[20, {"pain": 3}]],
                "decisions": [[21, "go_on", step]],
            },
            25,
        )
        for step in ("finish", "stop", "recheck", "refer", "go_on")
    ),
]


def told(course: Course, day: int, booked_at: datetime | None = None) -> list[str]:
    """Everything that is said of a course, as the texts of the file."""
    verdict = judge(course, KNOWN, FIRST + timedelta(days=day))
    patient = {"anticoagulant"}
    now = visit.situations(course, KNOWN, verdict, booked_at) | patient
    return [one.id for one in KNOWN.visit_texts if now.issuperset(one.when)]


def test_every_text_is_said_of_some_course_and_names_only_known_situations() -> None:
    for one in KNOWN.visit_texts:
        assert set(one.when) <= visit.SITUATIONS.keys(), one.id
    said = {id for how, day in COURSES for id in told(given(**how), day)}
    said |= set(told(given(**COURSES[3][0]), 5, datetime(2026, 6, 8, 17, 30, tzinfo=UTC)))
    again = {"decisions": [[21, "go_on", "recheck"], [30, "recheck", "go_on"]]}
    said |= set(told(given(baselines=[6], sessions=[0, 14], **again), 31))
    assert said == {one.id for one in KNOWN.visit_texts}


@pytest.mark.parametrize(("how", "day"), COURSES)
def test_nothing_that_is_told_has_a_gap_in_it(how: dict[str, Any], day: int) -> None:
    course = given(**how)
    verdict = judge(course, KNOWN, FIRST + timedelta(days=day))
    parts = visit.after_visit(course, KNOWN, verdict, None)
    assert parts["done"] and parts["expect"] and parts["next"]
    for text in (text for texts in parts.values() for text in texts):
        assert "{" not in text and "  " not in text and " ." not in text and "()" not in text
    for text in visit.what_to_ask(course, KNOWN, verdict):
        assert "{" not in text


@pytest.mark.parametrize("booked_day", [1, 8, 20])
def test_what_comes_next_stands_in_the_order_of_its_days(booked_day: int) -> None:
    course = given(baselines=[6], sessions=[0])
    verdict = judge(course, KNOWN, FIRST)
    at = datetime(FIRST.year, FIRST.month, FIRST.day, 17, 30, tzinfo=UTC)
    at += timedelta(days=booked_day)
    said = visit.after_visit(course, KNOWN, verdict, at)["next"]
    days = [
        datetime.strptime(found[0], "%d %b %Y").replace(tzinfo=UTC)
        for text in said
        if (found := re.findall(r"\d+ [A-Z][a-z]+ \d{4}", text))
    ]
    assert len(days) == 3 and days == sorted(days)


@pytest.mark.parametrize(
    "one", [t for t in KNOWN.visit_texts if t.part != "ask"], ids=lambda t: t.id
)
def test_what_a_patient_is_told_reads_at_grade_8_or_below(one: Any) -> None:
    assert grade(one.text.format_map(WORDS)) <= HARDEST


def test_the_measure_of_reading_would_catch_a_hard_text() -> None:
    assert grade("Post-procedural exacerbation of symptomatology is anticipated.") > HARDEST


def test_a_suggestion_that_nobody_decided_is_not_told_as_if_it_were() -> None:
    stopped = given(baselines=[7], sessions=[0, 14, 28, 42], answers=[[50, {"pain": 6}]])
    assert judge(stopped, KNOWN, FIRST + timedelta(days=51)).next_step == "stop"
    assert "next-undecided" in told(stopped, 51)
    assert not {"next-stop", "next-session"} & set(told(stopped, 51))


@pytest.mark.parametrize("decided", ["go_on", "recheck", "refer"])
def test_a_decision_is_told_only_until_new_answers_suggest_something_else(decided: str) -> None:
    pains = [[20, {"pain": 7}], [50, {"pain": 6}]]
    how = {"baselines": [7], "sessions": [0, 14, 28, 42], "answers": pains}
    course = given(**how, decisions=[[45, "go_on", decided]])
    assert judge(course, KNOWN, FIRST + timedelta(days=51)).next_step == "stop"
    said = set(told(course, 51))
    assert "next-undecided" in said
    assert not {"next-session", "next-session-now", f"next-{decided}"} & said
    course = given(**how, decisions=[[45, "go_on", decided], [51, "stop", "go_on"]])
    goes_on = "next-again" if decided == "recheck" else "next-session"
    assert goes_on in told(course, 51), "decided: go on, against the suggestion"


def test_a_due_recheck_takes_no_decision_back_and_a_past_day_is_not_told_as_due() -> None:
    course = given(
        baselines=[7],
        sessions=[0, 14, 28, 42],
        answers=[[50, {"pain": 6}]],
        decisions=[[51, "stop", "stop"]],
    )
    said = told(course, 200)
    assert "next-stop" in said and "next-ask-now" in said and "next-ask" not in said
    late = given(baselines=[7], sessions=[0], answers=[[10, {"pain": 5}]])
    assert "next-session" in told(late, 11)
    assert "next-session-now" in told(late, 70) and "next-session" not in told(late, 70)


def test_each_sign_is_compared_with_the_last_visit() -> None:
    course = given(
        baselines=[8],
        start={"painkiller_days": 5},
        sessions=[0, 14],
        answers=[
            [10, {"pain": 7, "painkiller_days": 4}],
            [20, {"pain": 4, "painkiller_days": 4, "change": 6}],
        ],
    )
    rows = {row.name: row for row in visit.sign_rows(course, KNOWN, FIRST + timedelta(days=21))}
    pain = rows["Pain"]
    assert (pain.start, pain.before, pain.now) == (8, 7, 4)
    assert pain.standing == "better, beyond error"
    assert rows["Days with painkillers"].standing == "the same; not validated"
    change = rows["Change as the patient sees it"]
    assert change.standing == "much better since treatment began"
    assert rows["Mood (PHQ-2)"].standing == "not answered"
    later = {r.name: r for r in visit.sign_rows(given(
        baselines=[8], sessions=[0, 14], answers=[[10, {"pain": 7}]]
    ), KNOWN, FIRST + timedelta(days=21))}  # fmt: skip
    assert later["Pain"].standing == "no answer since 15 Jan 2026"


def test_a_rating_of_change_is_not_compared_with_the_one_before() -> None:
    said = [[10, {"pain": 5, "change": 6}], [20, {"pain": 5, "change": 5}]]
    course = given(baselines=[8], sessions=[0, 14], answers=said)
    row = visit.sign_rows(course, KNOWN, FIRST + timedelta(days=21))[-1]
    assert (row.before, row.now) == (6, 5)
    assert row.standing == "a little better since treatment began"


PHQ = {"phq_interest": 3, "phq_down": 3}
LOW = {"phq_interest": 1, "phq_down": 1}


@pytest.mark.parametrize(
    ("start", "later", "asked"),
    [
        ({"activity_1": 4}, {"activity_1": 2}, ["Activity 4 at the start, 2 now"]),
        ({"activity_1": 4}, {"activity_1": 6}, []),
        ({"joint_noise": 1}, {"joint_noise": 4}, []),  # not validated
        (LOW, PHQ, ["Mood (PHQ-2): 6 of 6 on 15 Jan 2026, at or above the cut-off 3 at which"]),
        (PHQ, LOW, []),
        (LOW, {"phq_interest": 1, "phq_down": 2}, ["Mood (PHQ-2): 3 of 6"]),
        (
            {"gad_nervous": 3, "gad_worry": 3, **LOW},
            {},
            ["Mood and worry (PHQ-4): 8 of 12 on 26 Dec 2025, at or above the cut-off 6"],
        ),
        ({"gad_nervous": 1, "gad_worry": 1, **LOW}, {}, []),
    ],
)
def test_a_sign_that_got_worse_and_a_high_screen_are_asked_about_and_drive_nothing(
    start: dict[str, int], later: dict[str, int], asked: list[str]
) -> None:
    course = given(baselines=[8], start=start, sessions=[0], answers=[[10, {"pain": 7, **later}]])
    plain = given(baselines=[8], sessions=[0], answers=[[10, {"pain": 7}]])
    on = FIRST + timedelta(days=11)
    verdict = judge(course, KNOWN, on)
    assert verdict.headline == judge(plain, KNOWN, on).headline
    said = [t for t in visit.what_to_ask(course, KNOWN, verdict) if "cut-off" in t or "Worse" in t]
    assert len(said) == len(asked)
    assert all(words in text for words, text in zip(asked, said, strict=True))


def test_two_starts_far_apart_are_no_worsening() -> None:
    course = given(baselines=[3, 8])
    verdict = judge(course, KNOWN, FIRST)
    assert not [t for t in visit.what_to_ask(course, KNOWN, verdict) if "Worse" in t]


def test_the_coming_questions_are_in_the_patients_words() -> None:
    course = given(
        baselines=[8],
        start={"activity_1_name": "kneel", "activity_1": 3},
        sessions=[0],
    )
    assert "Today, how well can you do this: “kneel”?" in visit.coming_questions(course, KNOWN)
    done = given(baselines=[8], sessions=[0], answers=[[10, {"pain": 7}]])
    assert visit.coming_questions(done, KNOWN) == ()

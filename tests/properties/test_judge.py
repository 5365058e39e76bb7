"""What holds for every course, whatever is in it."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from enthesis.exchange.course_json import read_course, write_course
from enthesis.journey.judge import judge
from enthesis.records import Course, NextStep, Occasion
from enthesis.shape import plain
from tests.unit.journey.courses import FIRST, KNOWN, course_of

SCORE = st.one_of(st.integers(0, 10), st.just("?"))
STEPS = [step.value for step in NextStep]
DANGERS = [value for rule in KNOWN.danger_rules for value in rule.is_in]
TODAY = FIRST + timedelta(days=200)


@st.composite
def answer_sets(draw: st.DrawFn) -> list[Any]:
    answers: dict[str, Any] = {}
    if draw(st.booleans()):
        answers["pain"] = draw(SCORE)
    if draw(st.booleans()):
        answers["activity_1"] = draw(SCORE)
    return [draw(st.integers(0, 190)), answers]


@st.composite
def courses(draw: st.DrawFn) -> Course:
    """Any course, without a warning sign."""
    return course_of(
        baselines=draw(st.lists(st.integers(0, 10), max_size=3)),
        sessions=sorted(draw(st.lists(st.integers(0, 150), max_size=7, unique=True))),
        answers=draw(st.lists(answer_sets(), max_size=9)),
        decisions=draw(
            st.lists(
                st.tuples(st.integers(0, 190), st.sampled_from(STEPS), st.sampled_from(STEPS)),
                max_size=3,
            )
        ),
        start=draw(st.sampled_from([None, {"activity_1": 2}, {"activity_1": "?"}])),
        plan=draw(st.booleans()),
        ended_elsewhere=draw(st.one_of(st.none(), st.integers(0, 150))),
    )


@given(courses())
def test_judging_twice_gives_the_same_bytes(course: Course) -> None:
    again = read_course(write_course(course))
    assert str(plain(judge(course, KNOWN, TODAY))) == str(plain(judge(again, KNOWN, TODAY)))


@given(courses(), st.randoms(use_true_random=False))
def test_the_order_of_the_answers_does_not_matter(course: Course, random: Any) -> None:
    shuffled = list(course.assessments)
    random.shuffle(shuffled)
    other = replace(course, assessments=tuple(shuffled))
    assert judge(other, KNOWN, TODAY) == judge(course, KNOWN, TODAY)


@given(courses())
def test_a_missing_answer_is_never_a_reason_to_stop(course: Course) -> None:
    # Blank every answer since the last treatment: only a clinician's own decision may say stop.
    last = max((s.on for s in course.sessions), default=course.series_ended_on or FIRST)
    blanked = tuple(
        a if a.on <= last and a.occasion is Occasion.BASELINE
        else replace(a, answers={**dict.fromkeys(a.answers), "danger": ("none",)})
        for a in course.assessments
    )  # fmt: skip
    verdict = judge(replace(course, assessments=blanked), KNOWN, TODAY)
    marks = {r.rule: r.mark for r in verdict.reasons}
    assert marks["S1"] != "met"
    assert verdict.next_step is not NextStep.STOP or marks["D1"] == "met"


@given(courses(), st.integers(1, 10))
def test_more_relief_never_turns_finish_into_stop(course: Course, better: int) -> None:
    def improved(answers: Any) -> dict[str, Any]:
        return {
            id: max(Decimal(0), value - better) if id == "pain" and value is not None else value
            for id, value in answers.items()
        }

    eased = tuple(
        a if a.occasion is Occasion.BASELINE else replace(a, answers=improved(a.answers))
        for a in course.assessments
    )
    before = judge(course, KNOWN, TODAY)
    after = judge(replace(course, assessments=eased), KNOWN, TODAY)
    if before.next_step is NextStep.FINISH:
        assert after.next_step is not NextStep.STOP


@given(courses(), st.sampled_from(DANGERS), st.integers(0, 200))
def test_an_undecided_warning_sign_always_refers(course: Course, sign: str, day: int) -> None:
    on = FIRST + timedelta(days=day)
    warned = course_of(answers=[[day, {"danger": [sign]}]]).assessments
    later = [d for d in course.decisions if d.on > on or (d.on == on and d.suggested == "refer")]
    verdict = judge(replace(course, assessments=course.assessments + warned), KNOWN, TODAY)
    assert (verdict.next_step is NextStep.REFER) or later


@given(courses())
def test_finish_needs_an_answer_and_stop_needs_a_baseline(course: Course) -> None:
    verdict = judge(course, KNOWN, TODAY)
    marks = {r.rule: r.mark for r in verdict.reasons}
    if marks["F1"] == "met":
        assert verdict.latest is not None
    if marks["S1"] == "met":
        assert verdict.baseline is not None and verdict.relief_percent is not None

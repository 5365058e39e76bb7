"""What an invented person answers about the six signs, given pain on that day.

Everything but pain follows pain more or less loosely (`signs.*` in the truth), around an offset
of the person's own, so that the six signs agree as far as they do in life, and no further.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from math import exp

import numpy as np
from numpy.random import Generator

from enthesis.invented.truth import Truth
from enthesis.knowledge.kinds import Question
from enthesis.records import Answer

ACTIVITIES = {
    ("low_back", "en"): (
        *("Sit through a film", "Lift a shopping bag", "Put on socks", "Walk for an hour"),
    ),
    ("low_back", "es"): (
        *("Ver una película sentado", "Cargar las compras", "Ponerme los calcetines"),
        "Caminar una hora",
    ),
    ("knee_oa", "en"): (
        *("Go down stairs", "Get up from a chair", "Walk to the shop", "Kneel in the garden"),
    ),
    ("knee_oa", "es"): (
        *("Bajar escaleras", "Levantarme de una silla", "Caminar a la tienda"),
        "Arrodillarme en el jardín",
    ),
}
DANGERS = ("fever", "hot_red", "breathless", "weakness")


@dataclass(frozen=True, slots=True)
class Habit:
    """A person's own offsets, which treatment does not touch."""

    activities: tuple[str, ...]
    activity: float
    interference: float
    mood: float
    painkillers: float
    spasm: float
    noise: float
    back: float


def draw_habit(rng: Generator, truth: Truth, condition: str, language: str) -> Habit:
    """The offsets of one person."""

    def own(mean: str, sd: str) -> float:
        return float(rng.normal(truth(f"signs.{mean}"), truth(f"signs.{sd}")))

    possible = ACTIVITIES[condition, language]
    chosen = rng.permutation(len(possible))[:3]
    return Habit(
        activities=tuple(possible[i] for i in chosen),
        activity=float(rng.normal(0, truth("signs.activity_sd"))),
        interference=float(rng.normal(0, truth("signs.answer_sd"))),
        mood=own("mood_own_mean", "mood_own_sd"),
        painkillers=own("painkiller_own_mean", "painkiller_own_sd"),
        spasm=own(f"spasm_own_mean_{condition}", "spasm_own_sd"),
        noise=own(f"noise_own_mean_{condition}", "noise_own_sd"),
        # A generator of its own, so that the others' draws stay what they were.
        back=float(
            rng.spawn(1)[0].normal(truth("signs.rmdq_own_mean"), truth("signs.rmdq_own_sd"))
        ),
    )


def answer(
    rng: Generator,
    truth: Truth,
    habit: Habit,
    questions: Mapping[str, Question],
    pain: float,
    relief: float | None,
    danger: bool = False,
) -> dict[str, Answer]:
    """Answers to `questions`: those of the six signs that are put to this person this time.

    `pain` is true pain on the day, `relief` the true share gone since the first visit (None at
    baseline, where change is not asked but the activities are named).
    """
    numbers = _numbers(rng, truth, habit, pain, relief)
    answers: dict[str, Answer] = {
        id: _as_asked(questions[id], value) for id, value in numbers.items() if id in questions
    }
    if relief is None:
        names = zip(("activity_1", "activity_2", "activity_3"), habit.activities, strict=True)
        named = {f"{id}_name": name for id, name in names}
        answers |= {id: name for id, name in named.items() if id in questions}
    answers["danger"] = (str(rng.choice(DANGERS)),) if danger else ("none",)
    answers |= _of_the_start(rng.spawn(1)[0], truth, habit, questions, pain)
    return answers | _expected(rng.spawn(1)[0], truth, questions)


def _expected(rng: Generator, truth: Truth, questions: Mapping[str, Question]) -> dict[str, Answer]:
    """What is expected and preferred, where that is among the questions. It goes with nothing that
    comes after: in the invented clinic nobody's expectation moves pain."""
    answers = dict[str, Answer]()
    hope = rng.beta(truth("signs.expect_a"), truth("signs.expect_b"))
    for id, most in (("expect_relief", 10), ("expect_help", 1)):
        if id in questions:
            near = round(10 * float(np.clip(hope + rng.normal(0, truth("signs.expect_sd")), 0, 1)))
            answers[id] = Decimal(most * near)
    for id in ("prefer", "prefer_else"):
        if id in questions:
            answers[id] = str(rng.choice([value for value, _ in questions[id].options]))
    return answers


def _of_the_start(
    rng: Generator, truth: Truth, habit: Habit, questions: Mapping[str, Question], pain: float
) -> dict[str, Answer]:
    """What is asked at the start and at rechecks only, where it is among the questions."""
    above, answers = pain - truth("signs.middle_pain"), dict[str, Answer]()
    for id in ("gad_nervous", "gad_worry"):
        if id in questions:
            worry = habit.mood + truth("signs.mood_follows_pain") * above
            answers[id] = _as_asked(questions[id], float(rng.binomial(3, _chance(worry))))
    if "rmdq" in questions:
        ticked = _chance(habit.back + truth("signs.rmdq_follows_pain") * above)
        sentences = [value for value, _ in questions["rmdq"].options if value != "none"]
        chosen = tuple(value for value in sentences if rng.random() < ticked)
        answers["rmdq"] = chosen or ("none",)
    return answers


def _numbers(
    rng: Generator, truth: Truth, habit: Habit, pain: float, relief: float | None
) -> dict[str, float]:
    def near(value: float, sd: float) -> float:
        return float(value + rng.normal(0, sd))

    def days(own: float, slope: float) -> float:
        return float(rng.binomial(7, _chance(own + slope * above)))

    error = truth("signs.answer_sd")
    above = pain - truth("signs.middle_pain")
    interference = truth("signs.interference_follows_pain") * pain + habit.interference
    activity = 10 - truth("signs.activity_follows_pain") * pain + habit.activity
    mood = habit.mood + truth("signs.mood_follows_pain") * above
    numbers = {
        "pain": near(pain, truth("pain.answer_sd")),
        "peg_enjoyment": near(interference, error),
        "peg_activity": near(interference, error),
        "activity_1": near(activity - 1, error),
        "activity_2": near(activity - 1, error),
        "activity_3": near(activity - 1, error),
        "phq_interest": float(rng.binomial(3, _chance(mood))),
        "phq_down": float(rng.binomial(3, _chance(mood))),
        "painkiller_days": days(habit.painkillers, truth("signs.painkiller_follows_pain")),
        "spasm_days": days(habit.spasm, truth("signs.spasm_follows_pain")),
        "joint_noise": near(
            habit.noise + truth("signs.noise_follows_pain") * above, truth("signs.noise_answer_sd")
        ),
    }
    if relief is not None:
        numbers["change"] = _change(rng, truth, pain, relief)
        # Relief is said from the same memory of the start as change, to a step of ten.
        numbers["relief"] = (numbers["change"] - 4) / 3 * 100
    return numbers


def _change(rng: Generator, truth: Truth, pain: float, relief: float) -> float:
    """The rating of change, 1 (very much worse), 4 (no change), 7 (very much better)."""
    memory = truth("signs.baseline_memory")
    felt = memory * relief + (1 - memory) * (1 - pain / truth("signs.middle_pain"))
    return float(4 + 3 * felt + rng.normal(0, truth("signs.change_answer_sd")))


def _as_asked(question: Question, value: float) -> Answer:
    """A number as the question wants it: whole, within its scale, or one of its choices."""
    if question.kind == "choice":
        return min((option for option, _ in question.options), key=lambda o: abs(int(o) - value))
    low = 0 if question.minimum is None else question.minimum
    high = 10 if question.maximum is None else question.maximum
    return Decimal(round(min(max(value, float(low)), float(high))))


def _chance(log_odds: float) -> float:
    return 1 / (1 + exp(-log_odds))

"""The whole invented clinic: repeatable, and true to what is written down of it."""

from dataclasses import replace
from datetime import date, timedelta
from functools import cache
from itertools import pairwise

import numpy as np
import pytest

from enthesis.invented.clinic import SCENES, InventedClinic, invent_clinic
from enthesis.invented.evaluations import draw_evaluation
from enthesis.invented.truth import shipped_truth
from enthesis.knowledge.load import knowledge
from enthesis.records import Occasion
from enthesis.shape import plain

TODAY = date(2026, 11, 22)
VISIT = timedelta(minutes=30)


@cache
def invented(seed: int = 1, patients: int = 60, today: date = TODAY) -> InventedClinic:
    return invent_clinic(today, seed, patients, knowledge(today), shipped_truth())


def test_the_same_seed_and_day_give_the_same_clinic_to_the_byte() -> None:
    again = invent_clinic(TODAY, 1, 60, knowledge(TODAY), shipped_truth())
    assert repr(plain(again)).encode() == repr(plain(invented())).encode()


def test_another_seed_gives_other_people() -> None:
    def names(seed: int) -> set[str]:
        return {f"{s.person.given} {s.person.family}" for s in invented(seed, 12).stories}

    assert names(1) != names(2)


def test_no_clinician_sees_two_people_at_once() -> None:
    for clinician in {story.clinician for story in invented(patients=200).stories}:
        stories = [s for s in invented(patients=200).stories if s.clinician == clinician]
        times = sorted(visit.at for story in stories for visit in story.visits)
        assert all(after - before >= VISIT for before, after in pairwise(times))


def test_more_patients_leave_those_already_there_as_they_are() -> None:
    assert invented(patients=30).stories == invented().stories[:30]


def test_only_those_drawn_for_todays_page_come_today() -> None:
    for place, story in enumerate(invented().stories):
        if any(visit.at.date() == TODAY for visit in story.visits):
            assert place in invented().for_today


def test_each_scene_of_today_is_filled_by_somebody_whom_it_fits() -> None:
    known = knowledge(TODAY)
    for scene, story in zip(SCENES, invented().stories, strict=False):
        assert scene.fits(story, known, TODAY), scene.name


def test_the_truth_about_a_person_is_in_no_record() -> None:
    story = invented().stories[-1]
    told = repr(plain(replace(story, latent=None)))  # type: ignore[arg-type]
    assert "usual_pain" not in told and str(story.latent.specific) not in told


def test_everybody_can_be_reached_only_in_fiction() -> None:
    for story in invented().stories:
        assert story.person.phone.startswith("(555) 01")
        assert story.person.email.endswith("@example.org")
        assert story.person.email.isascii()


def test_answers_lie_on_their_scales_and_each_is_asked_at_its_own_occasion() -> None:
    known = knowledge(TODAY)
    questions = known.questions("six_signs")
    for story in invented().stories:
        for assessment in story.course.assessments:
            later = assessment.occasion is not Occasion.BASELINE
            assert ("relief" in assessment.answers) is later
            assert ("change" in assessment.answers) is (assessment.occasion is Occasion.RECHECK)
            for id, value in assessment.answers.items():
                options = {option for option, _ in questions[id].options}
                assert not options or not isinstance(value, str) or value in options


def test_responders_fare_better_than_others_and_not_only_they_improve() -> None:
    relief: dict[bool, list[float]] = {True: [], False: []}
    for story in invented(patients=240).stories[len(SCENES) :]:
        pains = [float(str(a.answers["pain"])) for a in story.course.assessments]
        if len(story.course.sessions) >= 4 and pains[0] > 0:
            relief[story.latent.responder].append(1 - pains[-1] / pains[0])
    assert np.mean(relief[True]) > np.mean(relief[False]) + 0.15
    assert np.mean(np.array(relief[False]) >= 0.3) > 0.2


def test_too_few_patients_for_todays_page_are_refused() -> None:
    with pytest.raises(ValueError, match="at least"):
        invented(patients=2)


def test_nobody_has_hurt_for_longer_than_lived_and_the_middle_is_as_written_down() -> None:
    months = []
    for story in invented().stories:
        if story.course.evaluation is not None:
            told = story.course.evaluation
            months.append(int(str(told.answers["pain_months"])))
            assert 12 * (told.on - story.person.born_on).days / 365.25 > months[-1] > 0
    assert max(months) < 20 * 12
    middle = shipped_truth()("people.pain_months_median")
    assert middle / 2 < np.median(months) < middle * 2


def test_the_young_have_hurt_at_most_all_their_life() -> None:
    truth = shipped_truth().changed({"people.pain_months_median": 600})
    found = draw_evaluation(
        np.random.default_rng(1),
        knowledge(TODAY).conditions["low_back"],
        date(2002, 11, 22),
        TODAY,
        knowledge(TODAY),
        truth,
        suitable=True,
    )
    assert int(str(found.evaluation.answers["pain_months"])) < 24 * 12

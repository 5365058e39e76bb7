"""The forecast's model is the registry's fit, shrunk; its check is on people it has not seen."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from docs.make_forecast_calibration import real_checks

from enthesis.invented.registry import invent_courses, invent_world
from enthesis.invented.registry_truth import shipped_registry_truth
from enthesis.invented.story import Story
from enthesis.invented.truth import shipped_truth
from enthesis.invented.worlds import World, draw_population
from enthesis.journey.forecast import answers
from enthesis.journey.forecast_model import Floats, Model, starting_model, visits_of
from enthesis.journey.judge import stop_rule
from enthesis.knowledge.kinds import ForecastLevel, Knowledge
from enthesis.outcomes import engine
from enthesis.outcomes.errors import FitError
from enthesis.outcomes.forecast_fit import (
    checked,
    fitted,
    own_forecast,
    scores_of,
    sums_of,
    told,
    worth,
)
from enthesis.outcomes.repeated import fit
from enthesis.outcomes.sums_from_engine import sums_from_engine

# Ibis 12 calls DuckDB 2.0 by an older name.
pytestmark = pytest.mark.filterwarnings("ignore:fetch_(arrow|record)_:DeprecationWarning")

REAL = Path(__file__).parents[3].parent / "shared" / "real"


@pytest.fixture(scope="module")
def duck(folder: Path) -> Iterator[engine.Registry]:
    opened = engine.open_registry(str(folder))
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def start(known: Knowledge) -> Model:
    return starting_model(known.forecast_starts["low_back_trials"], known)


def first_seven(model: Model) -> Model:
    return replace(
        model, visits=model.visits[:7], mean=model.mean[:7], covariance=model.covariance[:7, :7]
    )


def people(n: int, seed: int) -> Floats:
    """(n, 7): start and six answers of invented people, some missing."""
    world = World("usual", {"specific.share_of_responders": 0.4})
    drawn = draw_population(np.random.default_rng(seed), shipped_truth(), world, n, 14)
    return np.column_stack([drawn.pain_before, drawn.pain])


def test_the_registry_and_the_journey_agree_on_which_answer_stands_for_which_visit(
    duck: engine.Registry, stories: Sequence[Story], known: Knowledge
) -> None:
    of = known.forecast_starts["low_back_trials"]
    visits = visits_of(of, known)
    found = scores_of(duck, of, visits)
    wanted = []
    for story in stories:
        held = answers(story.course, known)
        measure = stop_rule(story.course, known)[1].id
        if story.course.condition == of.condition and measure == "pain" and held:
            if story.course.sessions:
                wanted.append([held.get(v, np.nan) for v in visits])
    assert len(found) == len(wanted) > 20
    assert ~np.isnan(found[:, 1:]).all() and np.isfinite(found[:, 0]).all()

    def ordered(rows: object) -> Floats:
        table = np.nan_to_num(np.round(np.asarray(rows, float), 2), nan=-1)
        return np.asarray(table[np.lexsort(table.T)])

    np.testing.assert_allclose(ordered(found), ordered(wanted), atol=0.006)


def test_without_the_starting_model_it_is_the_registry_s_own_fit(
    duck: engine.Registry, start: Model, known: Knowledge
) -> None:
    of = known.forecast_starts["low_back_trials"]
    few = (0, 1, 2)
    scores = scores_of(duck, of, few)
    rows, courses = duck["visits"], duck["courses"]
    chosen = courses.filter(
        courses.began & courses.start.notnull() & (courses.condition == "low_back")
    )
    starts = chosen.select("course", number=0 * chosen.start, points=chosen.start / 100)
    later = rows.inner_join(chosen.select("course"), "course")
    later = later.filter(later.session_window > 0)
    later = later.select("course", number=later.session_window, points=later.score / 100)
    both = starts.mutate(number=starts.number.cast("int16")).union(
        later.mutate(number=later.number.cast("int16"))
    )
    names = {"window": "number", "score": "points"}
    registry = fit(sums_from_engine(both, visits=few, **names, ask=duck.rows))
    blank = Model(few, np.zeros(3), np.eye(3), 0, 10, 1)
    mine = fitted(blank, scores, 0)
    np.testing.assert_allclose(mine.mean, registry.mean([1.0]), rtol=1e-9)
    np.testing.assert_allclose(mine.covariance, registry.covariance, rtol=1e-6)


def test_it_leans_on_the_starting_model_less_the_more_courses_there_are(start: Model) -> None:
    seven = first_seven(start)
    rng = np.random.default_rng(3)
    for n in (3, 30, 3000):
        scores = rng.multivariate_normal(seven.mean - 1, seven.covariance, n)
        wanted = (n * scores.mean(axis=0) + 20 * seven.mean) / (n + 20)
        np.testing.assert_allclose(fitted(seven, scores, 20).mean, wanted, rtol=1e-6)
    alone = fit(worth(seven, 400))
    np.testing.assert_allclose(alone.mean([1.0]), seven.mean)
    np.testing.assert_allclose(alone.covariance, seven.covariance * 400 / 399, rtol=1e-6)


def test_a_visit_that_nobody_reached_keeps_what_the_starting_model_says_of_it(
    start: Model,
) -> None:
    scores = people(400, 4)
    scores = np.column_stack([scores, np.full((400, 2), np.nan)])
    with pytest.raises(FitError, match="Nobody has a score"):
        fit(sums_of(scores, start.visits))
    model = fitted(start, scores, 20)
    # As regression on what was seen says: the starting model's slopes, from the new means.
    slopes = np.linalg.solve(start.covariance[:7, :7], start.covariance[:7, 7:])
    wanted = start.mean[7:] + (model.mean[:7] - start.mean[:7]) @ slopes
    np.testing.assert_allclose(model.mean[7:], wanted, rtol=1e-4)


def windows(n: int) -> Floats:
    """(n, 5): start, 4 weeks, 3, 6 and 12 months of the invented registry."""
    drawn = invent_courses(invent_world(shipped_registry_truth(), 5), n, 5)
    scores = np.where(drawn.seen & drawn.began[:, None], drawn.complete, np.nan)[:, :5]
    return np.asarray(scores[~np.isnan(scores[:, 0])])


@pytest.mark.parametrize("scores", [people(5000, 8), windows(6000)], ids=["sessions", "windows"])
def test_bands_hold_their_share_of_held_out_courses_within_three_points(
    scores: Floats, start: Model, known: Knowledge
) -> None:
    m, half, rules = scores.shape[1], len(scores) // 2, known.forecast_rules
    seven = first_seven(start)
    blank = replace(
        seven, visits=seven.visits[:m], mean=seven.mean[:m], covariance=seven.covariance[:m, :m]
    )
    model = fitted(blank, scores[:half], rules.start_weight)
    found = checked(list(told(model, scores[half:], rules)), rules, "own", "", "")
    for share in (80, 95):
        assert abs(100 * found.inside[str(share)] / found.answers - share) <= 3
    for level in found.levels:
        assert level.brier < level.brier_alike
        assert level.slope is not None and 0.75 < level.slope < 1.25, level
    too_sure = replace(model, covariance=0.4 * model.covariance)
    bad = checked(list(told(too_sure, scores[half:], rules)), rules, "own", "", "")
    assert bad.inside["80"] < 0.7 * bad.answers


def test_the_clinic_s_own_needs_enough_courses_and_comes_with_its_check(
    start: Model, known: Knowledge
) -> None:
    rules, seven = known.forecast_rules, first_seven(start)
    scores = people(140, 6)
    answered = int((~np.isnan(scores[:, 1:])).any(axis=1).sum())
    assert own_forecast("x", seven, scores[:90], rules, "cut") is None
    own = own_forecast("x", seven, scores, rules, "cut")
    assert own is not None and own.courses == own.check.courses == answered >= 100
    assert own.cut == "cut" and own.answered[0] == 140
    assert [level.level for level in own.check.levels] == [30, 50, 90]
    assert 0.7 < own.check.inside["80"] / own.check.answers < 0.9


def test_each_forecast_sees_only_what_came_before_it(start: Model, known: Knowledge) -> None:
    seven, rules = first_seven(start), known.forecast_rules
    scores = np.array([[7, 6, np.nan, 5, np.nan, np.nan, np.nan]])
    changed = np.array([[7, 6, np.nan, 1, np.nan, np.nan, np.nan]])
    one, other = (list(told(seven, s, rules)) for s in (scores, changed))
    # From the start: sessions 1 and 3; after session 1: session 3; nothing after the last.
    assert [list(t.came) for t in one] == [[6], [5], [5]]
    for before, after in zip(one, other, strict=True):
        np.testing.assert_array_equal(before.chances[50], after.chances[50])


def test_where_everybody_or_nobody_reached_a_level_no_slope_is_made_up(
    start: Model, known: Knowledge
) -> None:
    scores = np.tile([8.0, 8, 8, 8, 8, 8, 8], (5, 1))
    found = told(first_seven(start), scores, known.forecast_rules)
    levels: Sequence[ForecastLevel] = checked(
        list(found), known.forecast_rules, "own", "", ""
    ).levels
    assert [(level.reached, level.slope) for level in levels] == [(0, None)] * 3
    with pytest.raises(FitError, match="nothing can be checked"):
        checked([], known.forecast_rules, "own", "", "")


@pytest.mark.skipif(not REAL.is_dir(), reason="../shared/real is not on this machine")
def test_the_stored_check_of_the_starting_model_is_what_the_trial_s_data_say(
    known: Knowledge,
) -> None:
    _, of_start = real_checks(REAL)
    assert of_start == known.forecast_checks["low_back_trials"]

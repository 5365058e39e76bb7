"""Asymmetry tests, trim-and-fill, sparse events; numbers are held beside metafor elsewhere."""

import numpy as np
import pytest

from enthesis.evidence.effects import Measure, counts
from enthesis.evidence.ragged import StudyError, review, reviews
from enthesis.evidence.small_study import Estimator, egger, funnel, trim_and_fill
from enthesis.evidence.sparse import mantel_haenszel, peto, yates_p

SE = np.array([0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4])


def test_egger_finds_the_line_it_was_given() -> None:
    wiggle = 0.001 * np.array([1, -1, -1, 1, 1, -1, -1, 1])
    found = egger(review(0.2 + 2 * SE + wiggle, SE**2))
    assert found.limit[0] == pytest.approx(0.2, abs=0.005)
    assert found.p[0] < 1e-6


@pytest.mark.parametrize(
    "studies",
    [review([0.1, 0.2], [0.1, 0.3]), review([0.1, 0.2, 0.4], [0.1, 0.1, 0.1])],
    ids=["two studies", "equal precision"],
)
def test_egger_does_not_answer_where_there_is_no_line(studies: object) -> None:
    found = egger(studies)  # type: ignore[arg-type]
    assert np.isnan([found.statistic[0], found.p[0], found.limit[0]]).all()


def test_egger_of_a_batch_is_egger_of_each() -> None:
    y = np.random.default_rng(3).normal(size=8)
    both = egger(reviews(np.concatenate([y, y[:5]]), np.concatenate([SE, SE[:5]]) ** 2, [8, 5]))
    assert both.p[1] == egger(review(y[:5], SE[:5] ** 2)).p[0]


def test_a_symmetric_funnel_is_filled_with_nothing() -> None:
    y = np.concatenate([0.3 + SE, 0.3 - SE, [0.3]])
    v = np.concatenate([SE, SE, [0.04]]) ** 2
    shaken = v * (1 + 1e-3 * np.arange(v.size))
    found = trim_and_fill(review(y, shaken))
    assert found.missing == 0
    assert found.filled.estimates.size == y.size


@pytest.mark.parametrize(("sign", "side"), [(1, "left"), (-1, "right")])
@pytest.mark.parametrize("estimator", Estimator)
def test_a_one_sided_funnel_is_filled_on_the_other_side(
    sign: int, side: str, estimator: Estimator
) -> None:
    y = sign * np.concatenate([[0.0, 0.02, -0.02], 3 * SE[2:]])
    v = np.concatenate([[0.05, 0.06, 0.07], SE[2:]]) ** 2
    found = trim_and_fill(review(y, v), estimator)
    assert found.side == side
    assert found.missing >= 2
    assert sign * found.filled.estimates[-found.missing :].max() < sign * np.median(y)


def test_trim_and_fill_needs_a_funnel() -> None:
    with pytest.raises(StudyError, match="at least three"):
        trim_and_fill(review([0.1, 0.2], [0.1, 0.2]))
    with pytest.raises(StudyError, match="equally precise"):
        trim_and_fill(review([0.1, 0.2, 0.3], [0.1, 0.1, 0.1]))


def test_the_funnel_opens_downwards_from_the_middle() -> None:
    shape = funnel(review([0.1, 0.4, 0.2], [0.01, 0.04, 0.09]))
    assert shape.outline_low[0] == shape.middle == shape.outline_high[0]
    assert shape.outline_high[-1] - shape.middle == pytest.approx(1.959964 * 0.3)


def test_mantel_haenszel_of_one_table_is_the_table_itself() -> None:
    found = mantel_haenszel(counts(10, 50, 20, 60), Measure.OR)
    assert found.estimate == pytest.approx(np.log(10 * 40 / (40 * 20)))
    assert np.isnan(found.q_p)


def test_studies_without_events_change_no_ratio() -> None:
    with_none = counts([3, 0, 5], [50, 40, 60], [6, 0, 4], [50, 41, 60])
    without = counts([3, 5], [50, 60], [6, 4], [50, 60])
    for measure in (Measure.OR, Measure.RR):
        assert mantel_haenszel(with_none, measure) == mantel_haenszel(without, measure)
    assert peto(with_none).estimate == peto(without).estimate
    assert peto(with_none).k == 2


def test_events_in_one_arm_only_are_enough_for_peto_but_not_for_mantel_haenszel() -> None:
    arms = counts([2, 1], [50, 50], [0, 0], [50, 50])
    assert np.isfinite(peto(arms).se)
    with pytest.raises(StudyError, match="risk difference"):
        mantel_haenszel(arms, Measure.OR)
    assert mantel_haenszel(arms, Measure.RD).estimate == pytest.approx(0.03)


def test_no_events_at_all_are_refused() -> None:
    none = counts([0, 0], [50, 50], [0, 0], [50, 50])
    with pytest.raises(StudyError, match="nothing to pool"):
        peto(none)
    with pytest.raises(StudyError, match="nothing to test"):
        yates_p(none)
    with pytest.raises(StudyError, match="not MD"):
        mantel_haenszel(none, Measure.MD)

"""What forecasts must hold whatever the model and whatever was answered."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from enthesis.journey.forecast_model import Model, band, chances, expected
from enthesis.journey.forecast_model import given as conditional


@st.composite
def cases(draw: st.DrawFn) -> tuple[Model, np.ndarray, np.ndarray]:
    """A model, answers with gaps, and the same answers with one more."""
    m = draw(st.integers(2, 7))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    root = rng.normal(size=(m, m + 1))
    model = Model(
        tuple(range(m)), rng.uniform(-2, 12, m), root @ root.T + 0.05 * np.eye(m), 0, 10, 1
    )
    scores = rng.integers(0, 11, m).astype(float)
    gone = rng.random(m) < 0.5
    gone[-1] = True  # something is left to be forecast
    fewer = np.where(gone, np.nan, scores)
    more = fewer.copy()
    more[rng.integers(0, m - 1)] = 5.0 if m > 1 else np.nan
    return model, fewer, more


@settings(max_examples=150, deadline=None)
@given(cases(), st.floats(0.5, 10))
def test_chances_lie_between_0_and_1_and_fall_as_more_is_asked(
    case: tuple[Model, np.ndarray, np.ndarray], start: float
) -> None:
    model, scores, _ = case
    ahead = conditional(model, scores)
    before = np.ones(len(scores))
    for level in range(0, 101, 10):
        found = chances(model, ahead, start, level)
        assert (found >= 0).all() and (found <= before).all()
        before = found


@settings(max_examples=150, deadline=None)
@given(cases())
def test_bands_nest_within_the_scale_and_hold_at_least_their_share(
    case: tuple[Model, np.ndarray, np.ndarray],
) -> None:
    model, scores, _ = case
    ahead = conditional(model, scores)
    rng = np.random.default_rng(0)
    inner_low, inner_high = np.full(len(scores), 10.0), np.zeros(len(scores))
    drawn = np.clip(ahead.mean + ahead.sd * rng.standard_normal((4000, len(scores))), 0, 10)
    for share in (0.5, 0.8, 0.95):
        low, high = band(model, ahead, share)
        assert (low >= 0).all() and (high <= 10).all() and (low <= high).all()
        assert (low <= inner_low + 1e-9).all() and (high >= inner_high - 1e-9).all()
        inner_low, inner_high = low, high
        inside = ((drawn >= low - 1e-9) & (drawn <= high + 1e-9)).mean(axis=0)
        assert (inside >= share - 0.04).all()
    told = expected(model, ahead)
    assert (told >= 0).all() and (told <= 10).all()


@settings(max_examples=150, deadline=None)
@given(cases())
def test_another_answer_never_makes_it_less_certain(
    case: tuple[Model, np.ndarray, np.ndarray],
) -> None:
    model, fewer, more = case
    assert (conditional(model, more).sd <= conditional(model, fewer).sd + 1e-9).all()

"""Bars of a motion: each value and its norm are drawn and said."""

from decimal import Decimal

from enthesis.charts.motion import MotionBars, motion_svg


def test_every_bar_says_its_value_and_what_is_not_measured_says_so() -> None:
    bars = [("Left", Decimal(66)), ("Right", None)]
    drawn = motion_svg(
        MotionBars("Knee flexion", "°", Decimal(170), bars, "Mean 141.9°", Decimal("141.9"), None),
        "knee",
    )
    assert drawn.count('class="bar"') == 1 and "not measured" in drawn
    assert "<desc" in drawn and "Left: 66°; Right: not measured. Mean 141.9°." in drawn
    assert "band" not in drawn, "a norm with one end is none"


def test_a_norm_is_a_band_or_a_line_and_a_bar_never_leaves_the_picture() -> None:
    one = MotionBars("X", "°", Decimal(100), [("", Decimal(150))], "", Decimal(60), Decimal(60))
    assert 'class="band-edge one"' in motion_svg(one, "x") and 'width="254"' in motion_svg(one, "x")
    wide = MotionBars("X", "°", Decimal(100), [("", Decimal(5))], "", Decimal(60), Decimal(80))
    assert 'class="band"' in motion_svg(wide, "x")

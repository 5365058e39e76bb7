"""Whether the forecasts came true: each part of the courses forecast from the others."""

from enthesis.charts.calibration import calibration_chart, came, named
from enthesis.charts.curves import Table, curves_svg
from enthesis.charts.pen import in_words
from enthesis.journey.forecast_model import starting_model, visits_of
from enthesis.knowledge.kinds import ForecastCheck, ForecastLevel, ForecastStart
from enthesis.outcomes.forecast_fit import own_forecast, scores_of
from enthesis.outcomes.sections.parts import Asked, Figure, Section

MEASURE = "Chances of relief that were named, and how often it came"
HEAD = (
    "Relief", "Reached it, of forecasts", "Mean error (Brier score), 0 is perfect",
    "Mean error if all were told the same", "Slope, 1 is right",
)  # fmt: skip
TECHNICAL = (
    "Brier score: the mean squared error of the chances. Slope: of the logistic regression of what "
    "came on the log odds that were named; below 1 the forecasts are too sure of themselves.",
)
NOTE = (
    "Each part of the courses was forecast by a model of the other parts. A forecast informs; the "
    "signed rule decides."
)


def calibration(asked: Asked) -> tuple[Section, ...]:
    """One section for each condition that has enough courses; none where they shall be hidden,
    because single forecasts stand in the dots."""
    if asked.below is not None:
        return ()
    starts = asked.known.forecast_starts.values()
    return tuple(section for start in starts for section in _checked(asked, start))


def _checked(asked: Asked, start: ForecastStart) -> tuple[Section, ...]:
    known = asked.known
    visits = visits_of(start, known)
    scores = scores_of(asked.registry, start, visits)
    own = own_forecast(start.id, starting_model(start, known), scores, known.forecast_rules, "")
    if own is None:
        return ()
    condition = known.conditions[start.condition].name
    level = _shown(own.check)
    chart, uid = calibration_chart(level), f"calibration-{start.condition}"
    bands = ", ".join(
        f"{share} % band: {round(100 * n / own.check.answers)} of 100 answers inside"
        for share, n in own.check.inside.items()
    )
    return (
        Section(
            uid,
            f"{condition}: of 100, {level.level} % relief was forecast for {named(level)} and came "
            f"for {came(level)}",
            MEASURE,
            f"{own.check.courses} courses with an answer after their start, {own.check.answers} "
            "answers forecast.",
            _table(own.check),
            Figure(curves_svg(chart, "wide", uid), curves_svg(chart, "narrow", uid)),
            (f"{bands}.", NOTE),
            TECHNICAL,
        ),
    )


def _shown(check: ForecastCheck) -> ForecastLevel:
    """The level in the middle is drawn; all stand in the table."""
    return check.levels[len(check.levels) // 2]


def _table(check: ForecastCheck) -> Table:
    rows = [
        (
            f"{one.level} %",
            f"{one.reached} of {one.forecasts}",
            in_words(round(float(one.brier), 3)),
            in_words(round(float(one.brier_alike), 3)),
            "not known" if one.slope is None else in_words(round(float(one.slope), 2)),
        )
        for one in check.levels
    ]
    return Table(HEAD, tuple(rows))

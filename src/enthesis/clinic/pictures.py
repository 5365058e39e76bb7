"""Records to pictures: the only place where a course becomes the data of a chart."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal

from enthesis.charts.signs import SignData, SignPoint, SignStatus
from enthesis.charts.trend import BandPoint, FanPoint, Level, SessionMark, TrendData, TrendPoint
from enthesis.journey import anyway, follow
from enthesis.journey.course import Phase, phase, series_sessions
from enthesis.journey.forecast import SELLS_NOTHING, Forecast
from enthesis.journey.judge import stop_rule
from enthesis.journey.plan import series_dates
from enthesis.knowledge.kinds import Knowledge, Measure
from enthesis.records import Course, NextStep, StopRule

SIGN_STATUS = {
    "better": SignStatus.BETTER,
    "worse": SignStatus.WORSE,
    "within_error": SignStatus.WITHIN_ERROR,
    "not_validated": SignStatus.NOT_VALIDATED,
    "not_compared": SignStatus.NOT_COMPARED,
    "not_asked": SignStatus.NOT_ASKED,
}
END_WORDS = {"pain": ("none", "worst")}
TO_SHOW = Decimal("0.1")


def trend_data(
    course: Course,
    known: Knowledge,
    today: date,
    ahead: Forecast | None = None,
    step: NextStep = NextStep.GO_ON,
) -> TrendData | None:
    """The measure that the course is judged by, over what happens anyway; None without answers.

    Planned sessions are drawn as coming only where the suggested `step` goes on."""
    rule, measure = stop_rule(course, known)
    found = follow.readings(course, measure.id, known)
    if not found:
        return None
    low_words, high_words = END_WORDS.get(measure.sign, ("", ""))
    sessions = _sessions(course, today, step)
    band = anyway.band(course, known)
    group = anyway.benchmark_of(course, known)
    return TrendData(
        finding=anyway.finding(course, known),
        measure=measure.name,
        low=measure.minimum,
        high=measure.maximum,
        lower_is_better=measure.higher_is == "worse",
        points=tuple(TrendPoint(r.on, r.value, r.is_baseline) for r in found),
        today=today,
        low_words=low_words,
        high_words=high_words,
        error=measure.error,
        start=_mean_start(found),
        band=tuple(BandPoint(one.on, one.low, one.high) for one in band),
        band_label=group.title.split(",")[0] if group else "",
        real_change=_real_change(measure, follow.baseline(found)),
        target=_target(rule, measure, follow.baseline(found)),
        sessions=sessions,
        fan=_fan(ahead) if ahead else (),
        fan_note="80 and 95 of 100",
    )


def _fan(ahead: Forecast) -> tuple[FanPoint, ...]:
    """From the last answer through further sessions to the first date after them: a year ahead
    would press the patient's own line into a corner, and stands in the table."""
    sessions = [point for point in ahead.points if point.session is not None]
    dates = [point for point in ahead.points if point.session is None]
    known = (ahead.from_value, ahead.from_value)
    begin = FanPoint(ahead.from_on, ahead.from_value, known, known)
    return (
        begin,
        *(
            FanPoint(point.on, point.expected, point.bands[80], point.bands[95])
            for point in sorted((*sessions, *dates[:1]), key=lambda point: point.on)
        ),
    )


def _mean_start(found: Sequence[follow.Reading]) -> Decimal | None:
    """The start, where it is none of the readings but the mean of several."""
    start = follow.baseline(found)
    several = sum(r.is_baseline and r.value is not None for r in found) > 1
    return start.quantize(TO_SHOW) if start is not None and several else None


def measure_line(course: Course, known: Knowledge) -> str:
    """What is drawn, under the finding."""
    _, measure = stop_rule(course, known)
    scale = f"{measure.minimum.normalize():f} to {measure.maximum.normalize():f}"
    error = " Bars on the points: measuring error." if measure.error is not None else ""
    found = follow.measure_readings(course, measure)
    mean, start = _mean_start(found), ""
    if mean is not None:
        before = sum(r.is_baseline and r.value is not None for r in found)
        start = f" Start {_shown(mean)}: the mean of {before} answers before treatment."
    return f"{measure.name}, {measure.recall}, {scale}.{error}{start}"


def _sessions(course: Course, today: date, step: NextStep) -> tuple[SessionMark, ...]:
    """▲ those given; △ those still planned, while the series runs."""
    given = tuple(SessionMark(session.on) for session in course.sessions)
    series = series_sessions(course)
    runs = phase(course) is Phase.TREATING and step not in SELLS_NOTHING
    if not runs or course.plan is None or not series:
        return given
    planned = series_dates(course.plan, series[0].on)[len(series) :]
    return given + tuple(SessionMark(on, given=False) for on in planned if on >= today)


def _real_change(measure: Measure, start: Decimal | None) -> Level | None:
    if start is None or measure.error is None:
        return None
    sign = -1 if measure.higher_is == "worse" else 1
    value = start + sign * measure.error
    if not measure.minimum <= value <= measure.maximum:
        return None
    return Level(value, f"Real change: {_shown(value)}")


def _target(rule: StopRule, measure: Measure, start: Decimal | None) -> Level | None:
    """The level at which the course would be finished, by the rule that was agreed."""
    if start is None or not follow.to_gain(measure, start):
        return None
    percent = rule.finish_relief_percent
    left = follow.to_gain(measure, start) * (100 - percent) / 100
    worse_is_higher = measure.higher_is == "worse"
    value = measure.minimum + left if worse_is_higher else measure.maximum - left
    words = "or less" if worse_is_higher else "or more"
    return Level(value, f"Target: {_shown(value)} {words}", f"{percent.normalize():f} % relief")


def _shown(value: Decimal) -> str:
    shown = value.quantize(TO_SHOW).normalize()
    return f"{shown:f}"


def sign_data(sign: follow.SignTrend) -> SignData:
    """One of the six signs as a small plot."""
    start = follow.baseline(sign.readings)
    return SignData(
        name=sign.measure.name,
        low=sign.measure.minimum,
        high=sign.measure.maximum,
        lower_is_better=sign.better_is == "down",
        points=tuple(
            SignPoint(r.on, None if r.value is None else r.value.quantize(TO_SHOW))
            for r in sign.readings
        ),
        status=SIGN_STATUS[sign.goes or sign.status],
        start=None if start is None else start.quantize(TO_SHOW),
        error=sign.measure.error,
    )

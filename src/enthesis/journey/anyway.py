"""What happens anyway, laid beside one course: salt water and time, from published groups.

A line that goes down says little by itself. The group's middle half is drawn from this course's
own start, in proportion (the way relief is counted), because people who start higher fall further.
"""

from bisect import bisect_left
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from enthesis.journey import follow
from enthesis.journey.judge import stop_rule
from enthesis.knowledge.kinds import Benchmark, BenchmarkPoint, Knowledge, Measure
from enthesis.records import Course

DAYS_IN_A_WEEK = 7


@dataclass(frozen=True, slots=True)
class BandDay:
    """The middle half of the comparison group on a day, as scores of the judged measure."""

    on: date
    low: Decimal
    high: Decimal


def benchmark_of(course: Course, known: Knowledge) -> Benchmark | None:
    """The condition's comparison group, if it was asked for the measure that this course is
    judged by."""
    condition = known.conditions.get(course.condition)
    found = known.benchmarks.get(condition.benchmark) if condition else None
    _, measure = stop_rule(course, known)
    return found if found and found.measure == measure.id else None


def band(course: Course, known: Knowledge) -> tuple[BandDay, ...]:
    """The group from the day of this course's last baseline answer on; empty without a start."""
    group, (_, measure) = benchmark_of(course, known), stop_rule(course, known)
    if group is None:
        return ()
    found = follow.readings(course, measure.id, known)
    start = follow.baseline(found)
    began = max((r.on for r in found if r.is_baseline and r.value is not None), default=None)
    if start is None or began is None:
        return ()
    points = follow.benchmark_points(group, measure, start)
    if not group.is_change:
        points = _from_start(points, measure, start)
    return tuple(
        BandDay(began + timedelta(days=int(p.weeks * DAYS_IN_A_WEEK)), p.low, p.high)
        for p in points
    )


def _from_start(
    points: tuple[BenchmarkPoint, ...], measure: Measure, start: Decimal
) -> tuple[BenchmarkPoint, ...]:
    """The group's scores as if its middle had begun where this course did."""
    theirs = follow.to_gain(measure, points[0].middle)
    if not theirs:
        return points
    share = follow.to_gain(measure, start) / theirs

    def at(value: Decimal) -> Decimal:
        room = follow.to_gain(measure, value) * share
        room = min(room, measure.maximum - measure.minimum)
        worse_is_higher = measure.higher_is == "worse"
        return measure.minimum + room if worse_is_higher else measure.maximum - room

    return tuple(BenchmarkPoint(p.weeks, at(p.low), at(p.middle), at(p.high), p.n) for p in points)


def band_on(days: tuple[BandDay, ...], on: date) -> tuple[Decimal, Decimal] | None:
    """The band on a day, straight between its days; None before the first and after the last."""
    place = bisect_left([day.on for day in days], on)
    if place < len(days) and days[place].on == on:
        return days[place].low, days[place].high
    if place in (0, len(days)):
        return None
    left, right = days[place - 1], days[place]
    share = Decimal((on - left.on).days) / (right.on - left.on).days
    return left.low + share * (right.low - left.low), left.high + share * (right.high - left.high)


def finding(course: Course, known: Knowledge) -> str:
    """What the trend shows, in one honest sentence: the change against error, then against what
    happens anyway. It never says why."""
    _, measure = stop_rule(course, known)
    found = follow.readings(course, measure.id, known)
    start = follow.baseline(found)
    later = [(r.on, r.value) for r in found if r.value is not None and not r.is_baseline]
    if not later:
        return f"{measure.name} before treatment; no answer since"
    if start is None:
        return f"{measure.name} over time; the score before treatment is not known"
    on, value = later[-1]
    gained = follow.to_gain(measure, start) - follow.to_gain(measure, value)
    beside = _beside(course, known, on, value, measure) if gained > 0 else ""
    return _change_words(measure, gained) + beside


def _change_words(measure: Measure, gained: Decimal) -> str:
    if measure.error is None:
        way = "better" if gained > 0 else "worse" if gained < 0 else "the same"
        return f"{measure.name} is {way}; its measuring error is not known"
    if abs(gained) < measure.error:
        return f"{measure.name} has changed by less than measuring error"
    goes_down = (gained > 0) == (measure.higher_is == "worse")
    return f"{measure.name} is {'down' if goes_down else 'up'}"


def _beside(course: Course, known: Knowledge, on: date, value: Decimal, measure: Measure) -> str:
    group = benchmark_of(course, known)
    ends = band_on(band(course, known), on)
    if group is None or ends is None:
        return ""
    name = group_words(group)
    best, worst = ends if measure.higher_is == "worse" else (ends[1], ends[0])
    room = follow.to_gain(measure, value)
    if room < follow.to_gain(measure, best):
        return f", more than in the middle half with {name}"
    if room > follow.to_gain(measure, worst):
        return f", less than in the middle half with {name}"
    return f", at about the pace of {name}"


def group_words(group: Benchmark) -> str:
    """The group's name within a sentence: "salt water or time alone"."""
    name = group.title.split(",")[0]
    return name[:1].lower() + name[1:]


def source_line(course: Course, known: Knowledge) -> str:
    """Where the band is from: who, how many, when checked, how it was laid under this line."""
    group, days = benchmark_of(course, known), band(course, known)
    if group is None or not days:
        return "No comparison group is on file for this, so the line stands alone."
    most = max(point.n for point in group.points)
    checked = f"{group.checked_on.day} {group.checked_on:%b %Y}"
    laid = (
        "Their changes are drawn from this course's own start."
        if group.is_change
        else f"They began at {group.points[0].middle.normalize():f}; drawn here in proportion to "
        "this course's own start."
    )
    return (
        f"Sand band: middle half of {most} people. {group.population} {laid} {group.source}. "
        f"Checked {checked}."
    )

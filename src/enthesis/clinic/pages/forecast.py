"""What is said of a forecast on the course page, and how forecasts came out so far."""

from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from enthesis.charts.calibration import calibration_chart, came, named
from enthesis.charts.curves import curves_svg
from enthesis.charts.pen import in_words
from enthesis.clinic import store
from enthesis.clinic.forecasts import InUse, in_use
from enthesis.clinic.permissions import StaffRequest, page
from enthesis.journey.forecast import Forecast, Point, one_more
from enthesis.knowledge.kinds import ForecastCheck, ForecastLevel, Knowledge
from enthesis.units import money_words

NARROW, WIDE = 80, 95
"""The bands in the picture and in the table, in percent."""
PLAIN = 50
"""The level of relief, in percent, that is told in words."""


def forecast_words(found: Forecast, used: InUse, known: Knowledge) -> dict[str, Any]:
    """What course/forecast.html shows."""
    measure = known.measures[used.start.measure].name
    return {
        "measure": measure,
        "finding": _finding(found.points[0], measure),
        "table": _table(found, used, measure),
        "more": _more(found, measure),
        "fall": _fall(found, measure),
        "origin": origin_words(used, known),
        "check": check_words(used),
        "came": came_words(found.points[0], used.check) if used.check else [],
        "doubt": _doubt(used.check) if used.check else "",
        "patient": _for_the_patient(found, measure),
    }


def origin_words(used: InUse, known: Knowledge) -> str:
    """Where the forecast starts from, and on how many courses it rests."""
    enough = known.forecast_rules.enough_courses
    if used.own is None:
        return (
            f"Starts from published trials: {used.start.words}. The clinic's own courses take "
            f"their place when {enough} of them have answers."
        )
    return (
        f"Starts from {used.own.courses} of the clinic's own courses, drawn towards published "
        f"trials as if those were {known.forecast_rules.start_weight} courses more."
    )


def _finding(point: Point, measure: str) -> str:
    low, high = point.bands[NARROW]
    return (
        f"{point.name}: {measure.lower()} of about {_score(point.expected)}, "
        f"and for {NARROW} of 100 like this between {_score(low)} and {_score(high)}"
    )


def _table(found: Forecast, used: InUse, measure: str) -> dict[str, Any]:
    levels = list(found.points[0].chances)
    head = [f"{measure} expected", f"{NARROW} of 100 between"]
    head += [f"{level}\u00a0% relief, of 100" for level in levels]
    priced = any(point.costs for point in found.points)
    head += [
        *(["Price from now"] if priced else []),
        *(["Own courses that answered"] if used.own else []),
    ]
    rows = []
    for point in found.points:
        low, high = point.bands[NARROW]
        cells = [_score(point.expected), f"{_score(low)} and {_score(high)}"]
        cells += [_of_100(point.chances[level]) for level in levels]
        if priced:
            cells.append(money_words(point.costs) if point.costs else "–")
        if used.own:
            cells.append(str(used.own.answered[used.own.visits.index(point.visit)]))
        rows.append((point.name, list(zip(head, cells, strict=True))))
    return {"head": ["When", *head], "rows": rows}


def _more(found: Forecast, measure: str) -> str:
    pair = one_more(found)
    if pair is None:
        return ""
    first, second = pair
    fall = first.expected - second.expected
    way = "lower" if fall >= 0 else "higher"
    chances = ", ".join(
        f"{level}\u00a0%: {_of_100(second.chances[level])} instead of {_of_100(chance)}"
        for level, chance in first.chances.items()
    )
    price = ""
    if first.costs is not None and second.costs is not None:
        price = f", {money_words(second.costs - first.costs)} more"
    moved = f"{measure.lower()} expected {_score(abs(fall))} points {way}"
    return (
        f"Session {second.session}{price}: {moved} than after session {first.session}; of 100, "
        f"relief of {chances}. "
        "Time alone is in this difference too."
    )


def _fall(found: Forecast, measure: str) -> str:
    """What must not be read into the row after the last answer, where a price stands in it."""
    point = found.points[0]
    if not point.costs or point.expected >= found.from_value:
        return ""
    return (
        f"The fall from {_score(found.from_value)} to {_score(point.expected)} expected next is "
        f"not what {money_words(point.costs)} buys: {measure.lower()} falls after high answers "
        "anyway."
    )


def _for_the_patient(found: Forecast, measure: str) -> list[str]:
    """The same in plain words: whole people of 100, both sides, and what nobody can know."""
    far = next((p for p in found.points if p.session is None), found.points[-1])
    level = 50 if 50 in far.chances else next(iter(far.chances))
    reached = round(100 * far.chances[level])
    after = f"{far.name} after the first session" if far.session is None else far.name
    return [
        f"Think of 100 people who answered as you did. {after}, about {reached} of them say that "
        f"their {measure.lower()} is down by {level}\u00a0% or more. About {100 - reached} do not.",
        "Nobody can say which of them you will be. Some get better by themselves, and salt water "
        "was followed by relief too.",
        "This is no promise and it decides nothing. What we agreed before the first needle does.",
    ]


def _score(value: float) -> str:
    return in_words(round(value, 1))


def _of_100(chance: float) -> str:
    """A whole number of 100; the ends are said as what they are, never as certain."""
    shown = round(100 * chance)
    return "under 1" if shown < 1 else "over 99" if shown > 99 else str(shown)


def came_words(point: Point, check: ForecastCheck) -> list[str]:
    """How forecasts like this one came out, as people say it: of those told a chance like that of
    `point`, how many did; and how many of 100 answers fell within the range."""
    level = next((one for one in check.levels if one.level == PLAIN), check.levels[0])
    chance = point.chances.get(level.level, 0.0)
    told, did, courses = min(level.bins, key=lambda one: abs(float(one[0]) - chance))
    inside = round(100 * check.inside[str(NARROW)] / check.answers)
    too = "too hopeful" if named(level) > came(level) else "not too hopeful"
    return [
        f"In the check, of 100 forecasts told about {_of_100(float(told))} % for "
        f"{level.level} % relief, {round(100 * did)} reached it ({courses} forecasts like "
        f"this one).",
        f"Over all it was {too}: {named(level)} of 100 named, {came(level)} came.",
        f"The range for {NARROW} of 100 held {inside} of 100 answers.",
    ]


def check_words(used: InUse) -> str:
    """How the model came out for people it had not seen: bands, then each level of relief."""
    check = used.check
    if check is None:
        return ""
    inside = ", ".join(
        f"{round(100 * check.inside[str(share)] / check.answers)} of 100 in the {share}\u00a0% band"
        for share in (NARROW, WIDE)
    )
    levels = "; ".join(
        f"{one.level}\u00a0%: {named(one)} named, {came(one)} came "
        f"(Brier {one.brier:.3f}, slope {'not known' if one.slope is None else f'{one.slope:.2f}'})"
        for one in check.levels
    )
    # An own model has no other people: it is checked on those it was fitted to, part by part.
    checked_on = (
        f"{check.courses} others ({check.people})"
        if used.own is None
        else f"{check.courses} of the same courses, each part forecast from the other parts"
    )
    return (
        f"Checked on {checked_on}, {check.answers:,} answers: {inside}. "
        f"Of 100 chances of relief, {levels}."
    )


def _doubt(check: ForecastCheck) -> str:
    """Levels whose chances did worse than one number for everybody: shown, and said to be so."""
    worse = [f"{one.level}\u00a0%" for one in check.levels if one.brier > one.brier_alike]
    if not worse:
        return ""
    return (
        f"Do not lean on the chances of {' and '.join(worse)} relief: in the check they did worse "
        "than naming everybody the same share."
    )


@require_safe
def forecasts(request: StaffRequest) -> HttpResponse:
    """How far each model in use can be believed, with numbers and pictures."""
    known = store.known_for(request.clinic, store.today(request.clinic))
    models = [
        {
            "name": known.conditions[used.start.condition].name,
            "measure": known.measures[used.start.measure].name,
            "origin": origin_words(used, known),
            "sources": used.start.sources,
            "check": used.check,
            "line": check_words(used),
            "table": _numbers(used.check) if used.check else None,
            "pictures": [
                _picture(level, f"{used.start.id}-{level.level}")
                for level in (used.check.levels if used.check else ())
            ],
        }
        for used in in_use(known, request.clinic.pk)
    ]
    return render(request, "clinic/forecast/forecasts.html", {"models": models})


def _numbers(check: ForecastCheck) -> dict[str, Any]:
    head = ["Relief", "Reached it", "Brier score", "Same share for all", "Slope", "In the large"]
    rows = []
    for one in check.levels:
        cells = [
            f"{one.reached:,} of {one.forecasts:,}",
            f"{one.brier:.3f}",
            f"{one.brier_alike:.3f}",
            "not known" if one.slope is None else f"{one.slope:.2f}",
            "not known" if one.in_the_large is None else in_words(one.in_the_large),
        ]
        rows.append((f"{one.level}\u00a0%", list(zip(head[1:], cells, strict=True))))
    return {"head": head, "rows": rows}


def _picture(level: ForecastLevel, uid: str) -> dict[str, str]:
    chart = calibration_chart(level)
    return {
        "finding": chart.title,
        "wide": curves_svg(chart, "wide", uid),
        "narrow": curves_svg(chart, "narrow", f"{uid}-n"),
    }


urlpatterns = [page("forecast/", forecasts, "forecasts")]

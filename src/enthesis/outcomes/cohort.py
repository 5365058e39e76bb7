"""What happened to many courses: expressions written once, run by whichever engine has the rows.

Each function takes an open registry and returns a small tidy Arrow table, by any columns of the
table courses. Everything is counted or summed in whole numbers, so that engines agree to the last
digit, and clinics add up. Every figure stands beside its denominators: who began, who answered,
and what comes out when each of the lost counts as not reached. Nothing here is an effect.
"""

from collections.abc import Sequence
from typing import Any, Literal

import ibis
import pyarrow as pa

from enthesis.outcomes.engine import Registry
from enthesis.outcomes.errors import FitError
from enthesis.outcomes.schema import COURSES, ENDED

LEVELS = (30, 50, 90)
"""Relief in percent, as the stop rule counts it."""
HUNDREDTHS = 100
QUARTER_DAYS = 91
DECADE = "decade"
"""Of age: one more word to group by, for case mix, where each year would be a cell of its own."""
By = Sequence[str]
OVER = ("finish", "stop", "refer", "closed")
"""Ends after which a target that was not reached by then can no longer be reached."""


def flow(registry: Registry, by: By = ()) -> pa.Table:
    """How far courses came, and how they ended: opened, evaluated, suitable, not_suitable, planned,
    agreed, began, answered (at least once since), silent, reached_target, and one column for each
    way to end."""
    courses = _courses(registry, by)
    began = courses.began
    counts = {
        "opened": courses.count(),
        "evaluated": courses.count(where=courses.evaluated),
        "suitable": courses.count(where=courses.candidacy.isin(["suitable", "suitable_with_care"])),
        "refer_first": courses.count(where=courses.candidacy == "refer_first"),
        "not_suitable": courses.count(where=courses.candidacy == "not_suitable"),
        "planned": courses.count(where=courses.planned_here),
        "agreed": courses.count(where=courses.agreed),
        "began": courses.count(where=began),
        "answered": courses.count(where=began & courses.last_score.notnull()),
        "silent": courses.count(where=began & courses.silent),
        "reached_target": courses.count(where=began & courses.target_day.notnull()),
    }
    counts |= {end: courses.count(where=courses.ended == end) for end in ENDED}
    return _table(registry, _grouped(courses, by), counts, by)


def at_last(registry: Registry, by: By = (), levels: Sequence[int] = LEVELS) -> pa.Table:
    """Relief at the last answer: began, answered, measurable (there was something to gain, and the
    start is known), reached_X for each level, and sums of relief in hundredths of a percent.

    Of those who answered, reached_X / answered; with each of the lost as not reached, / began.
    """
    courses = _courses(registry, by).filter(_.began)
    counts = {
        "began": courses.count(),
        "answered": courses.count(where=courses.last_score.notnull()),
        **_reached(courses.last_relief, levels),
    }
    return _table(registry, _grouped(courses, by), counts, by)


def at_windows(
    registry: Registry,
    by: By = (),
    levels: Sequence[int] = LEVELS,
    window: Literal["window", "session_window"] = "window",
) -> pa.Table:
    """The same at each scheduled window, with the change for its interval.

    due: began, and the window is over or an answer is there already; answered; lost = due −
    answered; measurable; reached_X; with_change, sum_gained, sum_gained_squared (hundredths of a
    point, so change only within one measure: group by it); with_pain, sum_pain, sum_pain_squared;
    sum_day, the days of the answers.
    With `session_window`, due are those who were given so many sessions and had time to answer:
    another session, the end of the series, or an answer.
    """
    courses = _courses(registry, by).filter(_.began)
    visits = registry["visits"]
    seen = visits.filter(visits[window].notnull()).select(
        "course", "day", "score", "gained", "relief", "pain", number=visits[window].cast("int16")
    )
    met = courses.select("course", *_others(by), _over=_over(courses, window)).join(seen, "course")
    gained, pain = met.gained.cast("int64"), met.pain.cast("int64")
    early = met.number > met["_over"].fill_null(-1)
    counts = {
        "early": _count(early),
        "answered": met.score.count(),
        **_reached(met.relief, levels),
        "with_change": met.gained.count(),
        "sum_gained": _sum(gained),
        "sum_gained_squared": _sum(gained * gained),
        "with_pain": met.pain.count(),
        "sum_pain": _sum(pain),
        "sum_pain_squared": _sum(pain * pain),
        "sum_day": met.day.cast("int64").sum(where=met.score.notnull()).cast("int64"),
    }
    found = _table(registry, _grouped(met, [*by, "number"]), counts, [*by, "number"])
    over = courses.select(*_others(by), "course", _over=_over(courses, window))
    ended = _table(
        registry, _grouped(over, [*by, "_over"]), {"courses": over.count()}, [*by, "_over"]
    )
    return _with_due(found, ended, by)


def curve(registry: Registry, by: By = (), window: int | None = None) -> pa.Table:
    """The whole curve of relief: at each value that occurs (hundredths of a percent), how many
    have exactly that (courses) and at least that (at_least). At the last answer, or in a window."""
    courses = _courses(registry, by).filter(_.began)
    if window is None:
        found = courses.select(*by, relief=courses.last_relief)
    else:
        visits = registry["visits"].filter(_.window == window).select("course", "relief")
        found = courses.select("course", *_others(by)).join(visits, "course")
    found = found.filter(found.relief.notnull())
    keys = [*by, "relief"]
    counted = _grouped(found, keys).aggregate(courses=found.count())
    order = ibis.window(
        group_by=list(by) or None, order_by=counted.relief.desc(), preceding=None, following=0
    )
    summed = counted.mutate(at_least=counted.courses.sum().over(order).cast("int64"))
    return _sorted(registry.count(summed), keys)


def to_target(
    registry: Registry, by: By = (), clock: Literal["sessions", "weeks", "days"] = "weeks"
) -> pa.Table:
    """When courses reached their target, or ended without: a counting table of (time, end).

    end: "reached", or how the series ended without that; "closed" where the watch was ended for
    good without a decision to end. Those of OVER compete with reaching it: such a course will not
    reach it any more. Those ongoing, lost or watched were last seen at their last answer. Time is
    sessions given, or whole weeks or days from day 0.
    """
    courses = _courses(registry, by).filter(_.began)
    reached = courses.target_day.notnull()
    closed = courses.closed & courses.ended.isin(["lost", "recheck", "ongoing"])
    word = ibis.ifelse(closed, "closed", courses.ended)
    over = word.isin(list(OVER))
    if clock == "sessions":
        last = courses.last_sessions.fill_null(0)
        time = ibis.cases((reached, courses.target_sessions), (over, courses.sessions), else_=last)
    else:
        seen = courses.last_day.fill_null(0)
        # The day of closing is not kept: such a course is over once nothing more is heard of it.
        gone = ibis.greatest(courses.ended_day.fill_null(0), seen)
        gone = ibis.ifelse(closed, gone, courses.ended_day)
        time = ibis.cases((reached, courses.target_day), (over, gone), else_=seen)
        time = ibis.greatest(time, 0)
        time = (time // 7).cast("int32") if clock == "weeks" else time
    end = ibis.ifelse(reached, "reached", word)
    found = courses.select(*by, time=time.cast("int32"), end=end)
    keys = [*by, "time", "end"]
    return _table(registry, _grouped(found, keys), {"courses": found.count()}, keys)


def two_starts(registry: Registry, apart_days: int) -> pa.Table:
    """Of those who began and answered before treatment: how often (`starts`: 1, or 2 for more),
    and, where the first and the last lie `apart_days` or more apart, by how much the score moved
    between them (`moved`, hundredths of a point; else null): courses and sum_days, by measure."""
    courses = _courses(registry, ()).filter(_.began).select("course", "measure")
    given = registry["visits"].filter(_.counts_as_start & _.score.notnull())
    ends = given.group_by("course").aggregate(
        first=given.day.min(), last=given.day.max(), answers=given.count()
    )
    of_first = given.select("course", first="day", score_then="score")
    of_last = given.select("course", last="day", score_now="score")
    both = ends.join(of_first, ["course", "first"]).join(of_last, ["course", "last"])
    found = courses.join(both, "course")
    days = found["last"] - found["first"]
    found = found.select(
        "measure",
        starts=ibis.least(found.answers, 2).cast("int8"),
        moved=ibis.ifelse(days >= apart_days, found.score_now - found.score_then, ibis.null()),
        days=days,
    )
    keys = ["measure", "starts", "moved"]
    counts = {"courses": found.count(), "sum_days": _sum(found.days)}
    return _table(registry, _grouped(found, keys), counts, keys)


def expected(registry: Registry) -> pa.Table:
    """What those who began would have chosen before session 1 (null: not said): courses, and of
    those with an expected relief how many (answered) with sums of it in percent."""
    courses = _courses(registry, ()).filter(_.began)
    relief = courses.expected.cast("int64")
    counts = {
        "courses": courses.count(),
        "answered": relief.count(),
        "sum_expected": _sum(relief),
        "sum_expected_squared": _sum(relief * relief),
    }
    return _table(registry, _grouped(courses, ["preferred"]), counts, ["preferred"])


def silence(registry: Registry, by: By = ()) -> pa.Table:
    """Of those who began and whose first answer after that was due by now: due, silent.

    Due: silent, answered at least once, or a window after the start is over. Those not yet asked
    are left out: they have had no chance to be silent.
    """
    courses = _courses(registry, by).filter(_.began)
    over = courses.window_closed.fill_null(0) > 0
    asked = courses.filter(courses.silent | courses.last_score.notnull() | over)
    counts = {"due": asked.count(), "silent": asked.count(where=asked.silent)}
    return _table(registry, _grouped(asked, by), counts, by)


def cost(registry: Registry, by: By = ()) -> pa.Table:
    """Money in the smallest unit, always by currency: began, reached_target, sessions, charged,
    paid, and the sum of squares of what was paid by a course."""
    keys = [*by, *(["currency"] if "currency" not in by else [])]
    courses = _courses(registry, keys).filter(_.began & _.currency.notnull())
    paid = courses.paid_cents
    counts = {
        "began": courses.count(),
        "reached_target": courses.count(where=courses.target_day.notnull()),
        "sessions": _sum(courses.sessions),
        "charged_cents": _sum(courses.charged_cents),
        "paid_cents": _sum(paid),
        "sum_paid_squared": _sum(paid * paid),
    }
    return _table(registry, _grouped(courses, keys), counts, keys)


def harms(registry: Registry, by: By = ()) -> pa.Table:
    """Warning signs answered after a session, by kind, beside the sessions given: events, courses
    (with at least one), sessions. A row for each kind that occurs; the sessions stand in each."""
    courses = _courses(registry, by).select("course", *_others(by))
    events = registry["events"].filter(_.number > 0)
    found = courses.join(events.select("course", "kind", "grade"), "course")
    keys = [*by, "kind", "grade"]
    counts = {"events": found.count(), "courses": found.course.nunique()}
    seen = _table(registry, _grouped(found, keys), counts, keys)
    return _beside(seen, sessions(registry, by), by)


def adverse(registry: Registry, by: By = (), of: By = ("kind",)) -> pa.Table:
    """Adverse events recorded after a session, by columns of theirs, beside the sessions given:
    events, serious, judged, from_warning (so that they are among `harms` too), courses (with at
    least one), sessions, treated. A row for each that occurs; the sessions stand in each."""
    courses = _courses(registry, by).select("course", *_others(by))
    events = registry["adverse"].filter(_.number > 0)
    found = courses.join(events, "course")
    keys = [*by, *of]
    counts = {
        "events": found.count(),
        "serious": found.count(where=found.serious),
        "judged": found.relatedness.count(),
        "from_warning": found.count(where=found.from_warning),
        "courses": found.course.nunique(),
    }
    return _beside(
        _table(registry, _grouped(found, keys), counts, keys), sessions(registry, by), by
    )


def before_treatment(registry: Registry) -> int:
    """How many adverse events were recorded before a first session; no session stands for them."""
    return _how_many(registry, registry["adverse"].filter(_.number == 0))


def given(registry: Registry, of: By = ("number",)) -> pa.Table:
    """Sessions by columns of theirs: sessions, said (whether there were complications), complicated
    (there was at least one)."""
    found = registry["sessions"]
    counts = {
        "sessions": found.count(),
        "said": found.complications.count(),
        "complicated": found.count(where=found.complications > 0),
    }
    return _table(registry, _grouped(found, of), counts, of)


def sessions(registry: Registry, by: By = ()) -> pa.Table:
    """Sessions given, and in how many courses."""
    courses = _courses(registry, by).filter(_.sessions > 0)
    counts = {"sessions": _sum(courses.sessions), "treated": courses.count()}
    return _table(registry, _grouped(courses, by), counts, by)


def harmed(registry: Registry, kinds: Sequence[str]) -> tuple[int, list[int]]:
    """How many sessions were given, and the places (from 0) of those after which one of these
    warning signs was answered, in the order of their days.

    A registry keeps no dates: a session's day is the quarter in which its course was opened and
    its day within the course, so that places are right to about a quarter.
    """
    courses = registry["courses"]
    year = courses.opened_quarter.substr(0, 4).cast("int32")
    quarter = courses.opened_quarter.substr(5, 1).cast("int32")
    opened = courses.select("course", opened=(year * 4 + quarter) * QUARTER_DAYS)
    given = registry["sessions"].select("course", "number", "day")
    events = registry["events"].filter(_.kind.isin(list(kinds))).filter(_.number > 0)
    signs = events.select("course", "number").distinct().mutate(sign=True)
    told = given.join(opened, "course").left_join(signs, ["course", "number"])
    order = ibis.window(order_by=[told.opened + told.day, told.course, told.number])
    placed = told.select(place=ibis.row_number().over(order), sign=told.sign.notnull())
    places = registry.count(placed.filter(placed.sign).select("place"))["place"].to_pylist()
    return _how_many(registry, registry["sessions"]), sorted(places)


def decisions(registry: Registry, by: By = ()) -> pa.Table:
    """What was suggested and decided, and what followed: decisions, courses (with at least one),
    with_relief and sum_relief at the decision, answered_after, sum_relief_after at the first answer
    after it, reached_after."""
    courses = _courses(registry, by).select("course", "target_day", *_others(by, "target_day"))
    made = registry["decisions"].select(
        "course", "day", "suggested", "decided", "relief", "followed_relief"
    )
    found = courses.join(made, "course")
    keys = [*by, "suggested", "decided"]
    counts = {
        "decisions": found.count(),
        "courses": found.course.nunique(),
        "with_relief": found.count(where=found.relief.notnull()),
        "sum_relief": _sum(found.relief),
        "answered_after": found.count(where=found.followed_relief.notnull()),
        "sum_relief_after": _sum(found.followed_relief),
        "reached_after": found.count(where=found.target_day > found.day),
    }
    return _table(registry, _grouped(found, keys), counts, keys)


# --- small cells


def suppress(table: pa.Table, counts: By, of: str, below: int, sums: By = ()) -> pa.Table:
    """The table with small cells empty (null), so that nobody can be picked out.

    A count of `counts` is hidden where it, or what is missing from it to `of`, is 1 to `below` − 1;
    a whole row (its `sums` too) where `of` itself is. Where the hidden rows of a column come to so
    few together that a total would give them away, the next smallest are hidden with them.
    """
    # What an earlier suppression has emptied is null, and stays so.
    columns = {name: table[name].to_pylist() for name in (of, *counts)}
    whole: list[int | None] = columns[of]
    hidden: dict[str, set[int]] = {}
    for name, values in columns.items():
        both = list(zip(values, whole, strict=True))
        rows = hidden[name] = {
            row
            for row, (n, total) in enumerate(both)
            if n is None or total is None or _few(below, n, total, total - n)
        } | hidden.get(of, set())
        while rows and (others := [(n, row) for row, n in enumerate(values) if row not in rows]):
            known = [(n, total) for n, total in (both[row] for row in rows) if n is not None]
            rest = sum(total - n for n, total in known if total is not None)
            empty = len(known) < len(rows)  # how many those stand for is not known here
            if not _few(below, sum(n for n, _ in known), rest) and (len(rows) > 1 or not empty):
                break
            rows.add(min(others)[1])
    any_hidden = set().union(*hidden.values())
    hidden |= {name: any_hidden for name in sums}
    for name, rows in hidden.items():
        values = [None if i in rows else v for i, v in enumerate(table[name].to_pylist())]
        column = pa.array(values, table.schema.field(name).type)
        table = table.set_column(table.column_names.index(name), name, column)
    return table


def _few(below: int, *counts: int) -> bool:
    return any(0 < n < below for n in counts)


# --- parts of expressions

_ = ibis._


def _courses(registry: Registry, by: By) -> Any:
    unknown = [name for name in by if name not in (*COURSES.names, DECADE)]
    if unknown:
        raise FitError(
            f"Cannot group by {', '.join(unknown)}: take columns of courses, "
            f"such as {', '.join(COURSES.names[1:5])}."
        )
    courses = registry["courses"]
    return courses.mutate(decade=(courses.age // 10).cast("int16")) if DECADE in by else courses


def _others(by: By, *there: str) -> list[str]:
    return [name for name in by if name not in ("course", *there)]


def _grouped(table: Any, by: By) -> Any:
    return table.group_by(list(by)) if by else table


def _reached(relief: Any, levels: Sequence[int]) -> dict[str, Any]:
    big = relief.cast("int64")
    return {
        "measurable": relief.count(),
        **{f"reached_{x}": _count(relief >= x * HUNDREDTHS) for x in levels},
        "sum_relief": _sum(big),
        "sum_relief_squared": _sum(big * big),
    }


def _count(condition: Any) -> Any:
    """How often it holds. A sum of noughts and ones takes DuckDB a third less than a filter."""
    return condition.cast("int32").sum().cast("int64")


def _how_many(registry: Registry, rows: Any) -> int:
    (counted,) = registry.count(rows.aggregate(n=rows.count())).to_pylist()
    return int(counted["n"])


def _sum(values: Any) -> Any:
    return values.cast("int64").sum().cast("int64")


def _over(courses: Any, window: str) -> Any:
    """The last window in which an answer is there by now or missing."""
    if window == "window":
        return courses.window_closed.cast("int16")
    ongoing = (courses.ended == "ongoing") & (courses.sessions > 0)
    return (courses.sessions - ibis.ifelse(ongoing, 1, 0)).cast("int16")


def _table(registry: Registry, grouped: Any, counts: dict[str, Any], by: By) -> pa.Table:
    # Of rows that all have null where they are asked, Spark counts null and the others nought.
    # A count that a column of the group already says is left out: silent, where grouped by it.
    counts = {name: count.fill_null(0) for name, count in counts.items() if name not in by}
    return _sorted(registry.count(grouped.aggregate(**counts)), by)


def _sorted(table: pa.Table, by: By) -> pa.Table:
    """By the group's columns, in our own order: engines differ in where null goes."""
    rows = table.select(list(by)).to_pylist()
    keys = [[(v is None, v if v is not None else 0) for v in row.values()] for row in rows]
    order = sorted(range(len(rows)), key=lambda i: keys[i])
    return table.take(pa.array(order, pa.int64())) if by else table


def _with_due(found: pa.Table, ended: pa.Table, by: By) -> pa.Table:
    """Add to each (group, window) how many were due: over by now, or answered before that."""
    last: dict[tuple[Any, ...], dict[int, int]] = {}
    for row in ended.to_pylist():
        group = last.setdefault(tuple(row[name] for name in by), {})
        if row["_over"] is not None:
            group[row["_over"]] = group.get(row["_over"], 0) + row["courses"]
    rows = {(*(row[name] for name in by), row["number"]): row for row in found.to_pylist()}
    empty = {name: 0 for name in found.column_names if name not in (*by, "number")}
    made = []
    for of, overs in last.items():
        highest = max([*overs, *(key[-1] for key in rows if key[:-1] == of)], default=-1)
        for number in range(highest + 1):
            row = rows.get((*of, number)) or {**dict(zip(by, of, strict=True)),
                                                 "number": number, **empty}  # fmt: skip
            early = row["early"]
            due = sum(n for over, n in overs.items() if over >= number) + early
            head = {name: row[name] for name in (*by, "number")}
            rest = {k: v for k, v in row.items() if k not in (*by, "number", "early")}
            made.append({**head, "due": due, "lost": due - row["answered"], **rest})
    schema = [found.schema.field(name) for name in by] + [
        pa.field(name, pa.int64())
        for name in ("number", "due", "lost", *(n for n in empty if n != "early"))
    ]
    return _sorted(pa.Table.from_pylist(made, pa.schema(schema)), [*by, "number"])


def _beside(table: pa.Table, other: pa.Table, by: By) -> pa.Table:
    """The columns of `other` beside the rows of the same group."""
    groups = {tuple(row[n] for n in by): row for row in other.to_pylist()}
    added = [name for name in other.column_names if name not in by]
    rows = table.select(list(by)).to_pylist() if by else [{}] * table.num_rows
    for name in added:
        values = [groups.get(tuple(row[n] for n in by), {}).get(name, 0) for row in rows]
        table = table.append_column(name, pa.array(values, pa.int64()))
    return table

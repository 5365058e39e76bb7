"""Adverse events that the clinic recorded: how many, how bad, judged as what, after which session.

They stand beside the warning signs that patients answered (harms.py) and are never added to them.
For the public only the kinds are told: by grade, judgement and session the same events would be
divided again, and a hidden number could be worked out from what is left.
"""

from collections.abc import Mapping
from typing import Any

from enthesis.charts.curves import Table
from enthesis.outcomes import cohort
from enthesis.outcomes.sections.harms import PER, counted
from enthesis.outcomes.sections.parts import HIDDEN, Asked, Section, of_100_with_interval, plain

MEASURE = "Adverse events that the clinic recorded after a session"
CAVEAT = (
    "Only what somebody wrote down is counted, so that there may have been more. Events and the "
    "warning signs that patients answered are counted apart: one recorded from such an answer "
    "stands in both."
)
NO_CAUSE = "An event after a session need not come of it; these are judgements, no proof."
UNJUDGED = "Not judged by another person"
RATE = f"Per {PER} sessions (exact 95 % interval)"


def adverse(asked: Asked) -> tuple[Section, ...]:
    """By kind; and where small counts need not be hidden, by grade, judgement and session."""
    (row,) = cohort.sessions(asked.registry).to_pylist()
    if not row["sessions"]:
        return ()
    rows = cohort.adverse(asked.registry).to_pylist()
    first = _kinds(asked, rows, row["sessions"], row["treated"])
    if asked.below is not None:
        return (first,)
    parts = [first]
    if rows:
        parts += [_grades(asked, row["sessions"], row["treated"]), _judged(asked, row["sessions"])]
        parts.append(_by_session(asked))
    return (*parts, _how_given(asked))


def _kinds(asked: Asked, rows: list[dict[str, Any]], given: int, treated: int) -> Section:
    names = {kind.id: kind.name for kind in asked.known.adverse_kinds.values()}
    found = {row["kind"]: row for row in rows}
    kinds = list(dict.fromkeys((*names, *found)))
    none = {"events": 0, "serious": 0, "courses": 0, "judged": 0, "from_warning": 0}
    each = [found.get(kind, none) for kind in kinds]
    labels = [names.get(kind, kind) for kind in kinds]
    events, people = [row["events"] for row in each], [row["courses"] for row in each]
    told = counted(asked, labels, events, people, given)
    serious, total = _sum(rows, "serious"), _sum(rows, "events")
    were = "event was" if told.total == "1" else "events were"
    title = f"{told.total} adverse {were} recorded after {given} sessions"
    if told.total == "0":
        title = f"No adverse event is recorded yet after {given} sessions"
    (whole,) = cohort.adverse(asked.registry, of=()).to_pylist()
    # Each kind may stand for enough events while all together are of few people.
    if any(told.of_few) or (asked.is_small(whole["courses"]) and not asked.is_small(total)):
        title = f"Adverse events were recorded after {given} sessions"
    head = ["Adverse event", "Events", "Sessions", RATE]
    cells: list[tuple[str, ...]] = [
        (name, n, str(given), shown) for name, (n, shown) in zip(labels, told.cells, strict=True)
    ]
    notes = [CAVEAT, *told.notes]
    if asked.below is None:
        if total:
            title += f": {serious} serious, {total - _sum(rows, 'judged')} not judged yet"
        head += ["Serious", "Courses", "Of 100 treated courses (95 % interval)"]
        cells = [
            (*cell, str(row["serious"]), f"{row['courses']} of {treated}",
             of_100_with_interval(row["courses"], treated))
            for cell, row in zip(cells, each, strict=True)
        ]  # fmt: skip
        notes.append(f"Recorded from a warning answer: {_sum(rows, 'from_warning')} of {total}.")
        if before := cohort.before_treatment(asked.registry):
            notes.append(f"Begun before a first session, and not counted here: {before}.")
    else:
        notes.append(f"Serious: {_serious(asked, serious)}.")
    figure = told.figure(title, "Events, of sessions", "adverse")
    table = Table(tuple(head), tuple(cells))
    return Section("adverse", title, MEASURE, asked.source, table, figure, tuple(notes))


def _serious(asked: Asked, serious: int) -> str:
    """For the public: the number where neither those nor the others are few; else none, or so few,
    or, of many events of few people, nothing."""
    found = _by(asked, "serious")
    people, others = (found.get(one, {}).get("courses", 0) for one in (True, False))
    if asked.is_small(people):
        return asked.few if asked.is_small(serious) else HIDDEN
    return HIDDEN if asked.is_small(others) else str(serious) if serious else "none"


def _grades(asked: Asked, given: int, treated: int) -> Section:
    found = _by(asked, "grade")
    grades = asked.known.adverse_grades
    names = [f"Grade {one.grade}, {one.name.lower()}" for one in grades]
    rows = [found.get(one.grade, {}) for one in grades]
    told = counted(asked, names, [r.get("events", 0) for r in rows], [0] * len(rows), given)
    severe = sum(r.get("events", 0) for one, r in zip(grades, rows, strict=True) if one.grade > 2)
    title = f"Severe or worse: {severe} of {told.total} adverse events"
    cells = tuple(
        (name, n, shown, str(r.get("serious", 0)), f"{r.get('courses', 0)} of {treated}",
         of_100_with_interval(r.get("courses", 0), treated))
        for name, (n, shown), r in zip(names, told.cells, rows, strict=True)
    )  # fmt: skip
    head = ("Worst grade", "Events", RATE, "Serious", "Courses with one",
            "Of 100 treated courses (95 % interval)")  # fmt: skip
    serious = f"Serious: {asked.known.adverse_rules.serious_means.lower()}."
    figure = told.figure(title, "Events, of sessions", "adverse-grades")
    table = Table(head, cells)
    measure = f"{MEASURE}, by the worst grade they had"
    return Section("adverse-grades", title, measure, asked.source, table, figure, (serious,))


def _judged(asked: Asked, given: int) -> Section:
    found = _by(asked, "relatedness")
    names = {one.id: one.name for one in asked.known.adverse_relations.values()}
    names |= {kind: kind for kind in found if kind is not None and kind not in names}
    keys: list[str | None] = [*names, None]
    rows = [found.get(key, {}) for key in keys]
    labels = [UNJUDGED if key is None else names[key] for key in keys]
    told = counted(asked, labels, [r.get("events", 0) for r in rows], [0] * len(rows), given)
    unjudged = rows[-1].get("events", 0)
    title = f"Not judged by another person: {unjudged} of {told.total} adverse events"
    cells = tuple(
        (name, n, str(r.get("serious", 0)), shown)
        for name, (n, shown), r in zip(labels, told.cells, rows, strict=True)
    )
    measure = "Whether the session brought it about, judged by somebody who did not inject"
    head = ("Judged as", "Events", "Serious", RATE)
    return Section("adverse-judged", title, measure, asked.source, Table(head, cells),
                   notes=(NO_CAUSE,))  # fmt: skip


def _by_session(asked: Asked) -> Section:
    found = _by(asked, "number")
    sessions = {row["number"]: row["sessions"] for row in cohort.given(asked.registry).to_pylist()}
    numbers = sorted(sessions)
    events = [found.get(n, {}).get("events", 0) for n in numbers]
    labels = [f"Session {n}" for n in numbers]
    told = counted(asked, labels, events, [0] * len(numbers), [sessions[n] for n in numbers])
    most = max(numbers, key=lambda n: found.get(n, {}).get("events", 0))
    title = f"After session {most}: {found[most]['events']} of {told.total} adverse events"
    cells = tuple(
        (label, n, str(sessions[number]), shown, str(found.get(number, {}).get("serious", 0)))
        for label, number, (n, shown) in zip(labels, numbers, told.cells, strict=True)
    )
    head = ("After", "Events", "Sessions", RATE, "Serious")
    measure = "The session that an event was recorded of; where none was named, the last before it"
    return Section("adverse-sessions", title, measure, asked.source, Table(head, cells),
                   notes=("Later sessions are given to fewer people.",))  # fmt: skip


def _how_given(asked: Asked) -> Section:
    """What led the needle, and whether something went wrong at once."""
    led = cohort.given(asked.registry, ("guidance",)).to_pylist()
    (whole,) = cohort.given(asked.registry, ()).to_pylist()
    given, said, noted = (whole[name] for name in ("sessions", "said", "complicated"))
    title = f"A complication was noted at {noted} of {said} sessions whose record says it"
    if not said:
        title = f"Whether there was a complication, no record of {given} sessions says yet"
    elif not noted:
        title = f"No complication was noted yet at {said} sessions whose record says it"
    cells = [
        ("Guidance: " + (plain(r["guidance"]) if r["guidance"] else "not recorded of every place"),
         str(r["sessions"]), str(given), of_100_with_interval(r["sessions"], given))
        for r in led
    ]  # fmt: skip
    cells.append(("A complication noted", str(noted), str(said), of_100_with_interval(noted, said)))
    cells.append(("Nothing said of complications", str(given - said), str(given),
                  of_100_with_interval(given - said, given)))  # fmt: skip
    head = ("At the session", "Sessions", "Of", "Of 100 (95 % interval)")
    measure = "Guidance and complications as the session's record has them"
    return Section("given", title, measure, asked.source, Table(head, tuple(cells)),
                   notes=("A complication that was followed is an adverse event too, and counted "
                          "there on its own.",))  # fmt: skip


def _by(asked: Asked, column: str) -> Mapping[Any, dict[str, Any]]:
    rows = cohort.adverse(asked.registry, of=(column,)).to_pylist()
    return {row[column]: row for row in rows}


def _sum(rows: list[dict[str, Any]], name: str) -> int:
    return sum(row[name] for row in rows)

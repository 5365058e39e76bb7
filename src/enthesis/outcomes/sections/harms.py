"""Warning signs per session with exact intervals, and the alarm over all sessions."""

import numpy as np

from enthesis.charts.curves import Table
from enthesis.charts.dot_rows import DotRow, DotRows, dot_rows_svg
from enthesis.charts.harms import HarmsData, harms_svg, harms_table
from enthesis.charts.pen import in_words
from enthesis.knowledge.kinds import HarmAlarm
from enthesis.outcomes import cohort
from enthesis.outcomes.harms import Cusum, gap_chart, harm_rates
from enthesis.outcomes.sections.parts import HIDDEN, LEFT_OUT, Asked, Figure, Section

PER = 1000
MEASURE = "Warning signs that patients answered after a session, whatever their cause"
CAVEAT = "A sign may have another cause than the session, and may go unanswered."
TOLD = {1: "call the clinic", 2: "call the emergency number"}


def harms(asked: Asked) -> tuple[Section, ...]:
    """The rate of each kind, those looked for and never seen too; then each alarm."""
    rows = cohort.harms(asked.registry).to_pylist()
    (row,) = cohort.sessions(asked.registry).to_pylist()
    given = row["sessions"]
    if not given:
        return (Section("harms", "No session has been given here", MEASURE, asked.source),)
    kind = [r["kind"] for r in rows for _ in range(r["events"])]
    grade = [r["grade"] for r in rows for _ in range(r["events"])]
    rules = {rule.id: rule for rule in asked.known.danger_rules}
    seen = {r["kind"] for r in rows}
    also = [(i, 2 if r.call_first else 1) for i, r in rules.items() if i not in seen]
    rates = harm_rates(kind, grade, given, also=also)
    # Twelve signs of one person are one person.
    people = {k: max(r["courses"] for r in rows if r["kind"] == k) for k in seen}
    small = [asked.is_small(people.get(kind, 0)) for kind in rates.kinds]
    each = rates.per_session
    drawn, cells = [], []
    for at, name in enumerate(rates.kinds):
        text = rules[name].text if name in rules else name
        value, low, high = (PER * float(ends[at]) for ends in (each.estimate, each.low, each.high))
        told = (
            f"{in_words(round(value, 1))} ({in_words(round(low, 1))} to {in_words(round(high, 1))})"
        )
        hide = small[at]
        cells.append((text, TOLD[rates.grades[at]], HIDDEN if hide else str(rates.events[at]),
                      str(given), HIDDEN if hide else told))  # fmt: skip
        drawn.append(DotRow(text, value, low, high, f"{rates.events[at]} of {given}"))
    total = int(rates.events.sum())
    title = f"{total} warning signs were answered after {given} sessions"
    notes = [CAVEAT]
    figure = None
    if any(small):
        title = f"{given} sessions were given"
        notes.append(LEFT_OUT)
    else:
        data = DotRows(title, f"Per {PER} sessions", "Signs, of sessions", tuple(drawn))
        figure = Figure(dot_rows_svg(data, "wide", "harms"), dot_rows_svg(data, "narrow", "harms"))
    head = ("Warning sign", "Patient was told to", "Signs", "Sessions",
            f"Per {PER} sessions (exact 95 % interval)")  # fmt: skip
    first = Section(
        "harms", title, MEASURE, asked.source, Table(head, tuple(cells)), figure, tuple(notes)
    )
    return (
        first,
        *(
            _alarm(
                asked,
                alarm,
                hidden=any(
                    small[rates.kinds.index(kind)] for kind in alarm.kinds if kind in rates.kinds
                ),
            )
            for alarm in asked.known.harm_alarms.values()
        ),
    )


def _alarm(asked: Asked, alarm: HarmAlarm, *, hidden: bool) -> Section:
    """The g-chart of one kind of harm, and what the CUSUM says of the same sessions."""
    sessions, places = cohort.harmed(asked.registry, alarm.kinds)
    harmed = np.zeros(sessions, dtype=np.bool_)
    harmed[places] = True
    uid, n = f"alarm-{alarm.id.replace('_', '-')}", len(places)
    measure = (
        f"{alarm.text}: agreed rate {in_words(alarm.per_10000_sessions)} in 10 000 sessions "
        f"({alarm.sources['per_10000_sessions']})"
    )
    if hidden or asked.is_small(n):
        finding = f"{alarm.text}: so few that neither their number nor a picture is shown"
        return Section(uid, finding, measure, asked.source)
    chart = gap_chart(harmed, alarm.per_session, float(alarm.gap_false_alarm))
    levels, raised = Cusum(alarm.step, alarm.limit, 0, 0).path(harmed)
    title = f"{alarm.text}: after {n} of {sessions} sessions; " + (
        f"the alarm was raised {len(raised)} times" if len(raised) > 1
        else "the alarm was raised once" if len(raised)
        else "no alarm"
    )  # fmt: skip
    if asked.below is not None and n:  # each point of the chart is one session of one person
        return Section(uid, title, measure, asked.source, notes=(LEFT_OUT,))
    data = HarmsData(
        title, tuple(chart.gaps.tolist()), chart.since, sessions, chart.expected, chart.alarm_below
    )
    now = int(levels[-1]) if sessions else 0
    notes = (
        f"CUSUM: each such session adds {alarm.step}, every other takes 1; the alarm is raised at "
        f"{alarm.limit}, about once in {alarm.sessions_to_false_alarm} sessions by chance "
        f"alone. It stands at {now}."
        + (f" Raised at session {', '.join(str(at + 1) for at in raised)}." if len(raised) else ""),
        "An alarm asks for a look at the cases; it proves no cause. The registry keeps no dates: "
        "sessions stand in the order of the quarter of opening and the day within the course.",
    )
    figure = Figure(harms_svg(data, "wide", uid), harms_svg(data, "narrow", uid))
    return Section(uid, title, measure, asked.source, harms_table(data), figure, notes)

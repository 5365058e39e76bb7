"""Warning signs per session with exact intervals, and the alarm over all sessions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from enthesis.charts.curves import Table
from enthesis.charts.dot_rows import DotRow, DotRows, dot_rows_svg
from enthesis.charts.harms import HarmsData, harms_svg, harms_table
from enthesis.charts.pen import in_words
from enthesis.knowledge.kinds import HarmAlarm
from enthesis.outcomes import cohort
from enthesis.outcomes.harms import Cusum, gap_chart, harm_rates
from enthesis.outcomes.intervals import rate
from enthesis.outcomes.sections.parts import HIDDEN, LEFT_OUT, Asked, Figure, Section, none_yet

PER = 1000
MEASURE = "Warning signs that patients answered after a session, judged by nobody"
FEW = (
    "Where only a limit is told (“or fewer”), the number itself is hidden, and the picture is left "
    "out: it stands for so few people that somebody might be recognised."
)
CAVEAT = (
    "A sign may have another cause than the session, and may go unanswered. It is what a patient "
    "answered; what the clinic recorded is counted under adverse events, and one made from such an "
    "answer stands in both."
)
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
    people = {k: max(r["courses"] for r in rows if r["kind"] == k) for k in seen}
    names = [rules[name].text if name in rules else name for name in rates.kinds]
    told = counted(asked, names, rates.events, [people.get(k, 0) for k in rates.kinds], given)
    cells = [
        (name, TOLD[grade], n, str(given), shown)
        for name, grade, (n, shown) in zip(names, rates.grades, told.cells, strict=True)
    ]
    title = f"{told.total} warning signs were answered after {given} sessions"
    if any(told.of_few):
        title = f"{given} sessions were given"
    figure = told.figure(title, "Signs, of sessions", "harms")
    notes = (CAVEAT, *told.notes)
    head = ("Warning sign", "Patient was told to", "Signs", "Sessions",
            f"Per {PER} sessions (exact 95 % interval)")  # fmt: skip
    first = Section("harms", title, MEASURE, asked.source, Table(head, tuple(cells)), figure, notes)
    return (
        first,
        *(
            _alarm(
                asked,
                alarm,
                counted={
                    kind: int(rates.events[rates.kinds.index(kind)])
                    for kind in alarm.kinds
                    if kind in rates.kinds
                },
                of_few=any(
                    few and kind in alarm.kinds
                    for kind, few in zip(rates.kinds, told.of_few, strict=True)
                ),
            )
            for alarm in asked.known.harm_alarms.values()
        ),
    )


@dataclass(frozen=True, slots=True)
class Counted:
    """Events per session, row by row, as they may be told: `cells` are the count and the rate,
    `of_few` says that not even a limit may be."""

    cells: tuple[tuple[str, str], ...]
    rows: tuple[DotRow, ...]
    of_few: tuple[bool, ...]
    any_small: bool
    total: str

    @property
    def notes(self) -> tuple[str, ...]:
        """Why something is hidden, where something is."""
        return (FEW,) if self.any_small else ()

    def figure(self, title: str, beside: str, uid: str) -> Figure | None:
        """The picture, where none of it stands for few people."""
        if self.any_small:
            return None
        data = DotRows(title, f"Per {PER} sessions", beside, self.rows)
        return Figure(dot_rows_svg(data, "wide", uid), dot_rows_svg(data, "narrow", uid))


def counted(
    asked: Asked,
    names: Sequence[str],
    events: ArrayLike,
    people: Sequence[int],
    sessions: ArrayLike,
) -> Counted:
    """`events` of so many `people` after `sessions`, each with its exact interval.

    Twelve events of one person are one person, and where few have many, no limit would be true.
    """
    happened = np.asarray(events, dtype=np.int64)
    given = np.broadcast_to(np.asarray(sessions, dtype=np.int64), happened.shape)
    each, most = rate(happened, given), rate((asked.below or 1) - 1, given)
    small = [asked.is_small(n) for n in people]
    few = tuple(
        hide and not asked.is_small(int(n)) for hide, n in zip(small, happened, strict=True)
    )
    cells, rows = list[tuple[str, str]](), list[DotRow]()
    for at, name in enumerate(names):
        value, low, high = (PER * float(ends[at]) for ends in (each.estimate, each.low, each.high))
        ends = f"{in_words(round(low, 1))} to {in_words(round(high, 1))}"
        told = f"{in_words(round(value, 1))} ({ends})"
        if not happened[at] and given[at]:
            told = none_yet(int(given[at]), high)
        shown = (str(happened[at]), told)
        if small[at]:
            up_to = f"at most {in_words(round(PER * float(most.high[at]), 1))}"
            shown = (HIDDEN, HIDDEN) if few[at] else (asked.few, up_to)
        cells.append(shown)
        rows.append(DotRow(name, value, low, high, f"{happened[at]} of {given[at]}"))
    total = _total(asked, happened, small)
    return Counted(tuple(cells), tuple(rows), few, any(small), total)


def _alarm(asked: Asked, alarm: HarmAlarm, *, counted: Mapping[str, int], of_few: bool) -> Section:
    """The g-chart of one kind of harm, and what the CUSUM says of the same sessions."""
    sessions, places = cohort.harmed(asked.registry, alarm.kinds)
    harmed = np.zeros(sessions, dtype=np.bool_)
    harmed[places] = True
    uid, n = f"alarm-{alarm.id.replace('_', '-')}", len(places)
    agreed = f"agreed rate {in_words(alarm.per_10000_sessions)} in 10 000 sessions"
    measure = f"{alarm.text}: sessions between one such sign and the next; {agreed}"
    rule = f"{agreed.capitalize()}: {alarm.sources['per_10000_sessions']}."
    if of_few:
        finding = f"{alarm.text}: of so few people that neither number nor picture is shown"
        return Section(uid, finding, measure, asked.source, technical=(rule,))
    hidden = [kind for kind, count in counted.items() if asked.is_small(count)]
    if hidden or asked.is_small(n):
        # No more sessions than signs; each hidden kind counts with its limit.
        most = sum((asked.below or 1) - 1 if k in hidden else m for k, m in counted.items())
        few = asked.few if asked.is_small(n) else f"{most} or fewer"
        finding = f"{alarm.text}: after {few} of {sessions} sessions"
        return Section(uid, finding, measure, asked.source, notes=(FEW,), technical=(rule,))
    chart = gap_chart(harmed, alarm.per_session, float(alarm.gap_false_alarm))
    levels, raised = Cusum(alarm.step, alarm.limit, 0, 0).path(harmed)
    said = _both_rules(int(chart.alarms.sum()), len(raised))
    title = f"{alarm.text}: after {n} of {sessions} sessions; {said}"
    if asked.below is not None and n:  # each point of the chart is one session of one person
        return Section(uid, title, measure, asked.source, notes=(LEFT_OUT,), technical=(rule,))
    data = HarmsData(
        title, tuple(chart.gaps.tolist()), chart.since, sessions, chart.expected, chart.alarm_below
    )
    now = int(levels[-1]) if sessions else 0
    notes = (
        "Two rules look at the same sessions: one at each interval between two such signs, the "
        "other at all sessions together (the running sum), which finds a slow rise. Either asks "
        "for a look at the cases; it proves no cause.",
    )
    technical = (
        rule,
        f"Interval (g-chart): short enough to ask why below {chart.alarm_below} sessions.",
        f"Running sum (CUSUM): each such session adds {alarm.step}, every other takes 1; the alarm "
        f"is raised at {alarm.limit}, about once in {alarm.sessions_to_false_alarm} sessions by "
        f"chance alone. It stands at {now}."
        + (f" Raised at session {', '.join(str(at + 1) for at in raised)}." if len(raised) else ""),
        "The registry keeps no dates: sessions stand in the order of the quarter of opening and "
        "the day within the course.",
    )
    figure = Figure(harms_svg(data, "wide", uid), harms_svg(data, "narrow", uid))
    table = harms_table(data)
    return Section(uid, title, measure, asked.source, table, figure, notes, technical)


def _total(asked: Asked, events: NDArray[np.int64], small: Sequence[bool]) -> str:
    """How many in all; only a limit where the number would give a hidden one away."""
    hidden = [int(n) for n, hide in zip(events, small, strict=True) if hide]
    if not hidden or (len(hidden) > 1 and not asked.is_small(sum(hidden))):
        return str(events.sum())
    if len(hidden) == np.count_nonzero(events) and asked.is_small(sum(hidden)):
        return asked.few
    most = int(events.sum()) - sum(hidden) + len(hidden) * ((asked.below or 1) - 1)
    return f"{most} or fewer"


def _both_rules(soon: int, raised: int) -> str:
    """What both rules say, in one breath: neither may seem to contradict the other."""
    if not soon and not raised:
        return "no alarm"
    short = (
        f"{soon} intervals are short enough to ask why" if soon > 1
        else "one interval is short enough to ask why" if soon
        else "no interval is short enough to ask why"
    )  # fmt: skip
    total = (
        f"the running sum reached its alarm {raised} times" if raised > 1
        else "the running sum reached its alarm once" if raised
        else "the running sum has not reached its alarm"
    )  # fmt: skip
    return f"{short}; {total}"

"""The registry's tables of invented courses, as columns. Their meanings are those of the registry.

A column is an array, a masked array where values are unknown, or `Words`. Rows are sorted by course
and day. A course counts one row a window that was due; an unanswered one has no score.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from enthesis.invented.registry import RAN_OUT, REACHED, STOPPED, Bools, Ints, Invented

LOST = 4
"""A fourth way to end, beside those of the series: silent before it was over."""
TARGET = 9000
"""Relief agreed as the target, in hundredths of a percent; the shipped stop rule's 90 %."""


@dataclass(frozen=True, slots=True, eq=False)
class Words:
    """A column of words: `codes` (n,) are places in `words`, −1 is unknown."""

    codes: NDArray[np.int32]
    words: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.codes)


Column = NDArray[np.generic] | Words
Table = Mapping[str, Column]


def tables_of(
    invented: Invented, *, first: int = 0, seed: int = 0, block: int = 0
) -> dict[str, Table]:
    """Every table of the registry; courses are numbered from `first`. Patients answer warning
    signs here; no clinic records an adverse event, a guidance or a complication."""
    rng = np.random.default_rng([seed, 2, block])
    course = first + np.arange(len(invented.arm), dtype=np.int64)
    given = sessions_given(invented)
    sessions = _sessions(invented, course, given)
    events = _events(invented, sessions, rng)
    paid = rng.random(int(given.sum())) < float(invented.world.truth.money.paid_at_once)
    return {
        "courses": _courses(invented, course, given, events, paid),
        "visits": _visits(invented, course),
        "sessions": sessions,
        "events": events,
        "adverse": _no_adverse(),
        "money": _money(sessions, paid),
        "decisions": _decisions(invented, course, given),
    }


def sessions_given(invented: Invented) -> Ints:
    """(n,): sessions up to the end of the series, the silence or the cut, whichever came first."""
    seen = np.minimum(invented.lost_day - 1, invented.follow)
    possible = np.minimum(invented.at_session, seen // invented.interval + 1)
    return np.where(invented.began, np.maximum(possible, 1), 0)


def ends_of(invented: Invented) -> tuple[Ints, Ints]:
    """(n,), (n,): 0 still going on at the cut, 1 reached, 2 stopped, 3 ran out, 4 lost; and the
    day of it. Only of courses that began."""
    seen = np.minimum(invented.lost_day, invented.follow)
    ended = invented.end_day <= seen
    how = np.where(ended, invented.how, np.where(invented.lost_day <= invented.follow, 4, 0))
    return how, np.where(ended, invented.end_day, seen)


def _courses(
    invented: Invented, course: Ints, given: Ints, events: Table, paid: Bools
) -> dict[str, Column]:
    truth = invented.world.truth
    n, began = len(course), invented.began
    how, day = ends_of(invented)
    days = np.array(truth.windows.days)
    pain = invented.complete
    baseline = _or_none(pain[:, 0], invented.seen[:, 0], np.int8)
    start = _or_none(100 * pain[:, 0], invented.seen[:, 0], np.int32)
    later = invented.seen.copy()
    later[:, 0] = False
    any_later: Bools = np.asarray(later.any(axis=1))
    last = later.shape[1] - 1 - np.argmax(later[:, ::-1], axis=1)
    last_pain = pain[np.arange(n), last]
    gain, known = _relief(pain[:, 0], last_pain, invented.seen[:, 0] & any_later)
    last_sessions = np.minimum(given, days[last] // invented.interval + 1)
    closed_to = invented.due.sum(axis=1) - 1
    price = invented.world.price_cents[invented.clinic]
    owner = np.repeat(np.arange(n), given)
    of_events = np.bincount(_plain(events["course"]) - course[0], minlength=n)
    reached: Bools = np.asarray(began & (how == REACHED))
    lost: Bools = np.asarray(began & (how == LOST))
    over: Bools = np.asarray(began & (how > 0))
    ended = np.select([~began, how == REACHED, how == STOPPED, how == RAN_OUT, how == LOST],
                      [-1, 0, 1, 2, 3], 4)  # fmt: skip
    arms = truth.arm
    return {
        "course": course,
        "clinic": (invented.clinic + 1).astype(np.int32),
        "clinician": invented.clinician.astype(np.int32),
        "condition": _words(invented.arm, [arm.condition for arm in arms]),
        "protocol": _words(invented.arm, [arm.protocol for arm in arms]),
        "solution": _words(invented.arm, [arm.solution for arm in arms]),
        "age": invented.age.astype(np.int16),
        "sex": Words(invented.woman.astype(np.int32), ("male", "female")),
        "opened_quarter": _quarters(truth.cut_quarter, invented.follow),
        "zero": Words((~began).astype(np.int32), ("session", "opening")),
        "evaluated": np.ones(n, dtype=bool),
        "candidacy": Words(np.zeros(n, dtype=np.int32), ("suitable",)),
        "planned_here": began,
        "agreed": began,
        "began": began,
        "measure": Words(np.zeros(n, dtype=np.int32), ("pain",)),
        "finish_relief": np.full(n, TARGET, dtype=np.int32),
        "planned": _or_none(invented.planned, began, np.int16),
        "most": _or_none(invented.planned, began, np.int16),
        "interval": _or_none(invented.interval, began, np.int16),
        "sessions": given.astype(np.int16),
        "last_session_day": _or_none(invented.interval * (given - 1), began, np.int32),
        "baseline": baseline,
        "start": start,
        "expected": _unknown(n, np.int8),
        "preferred": Words(np.full(n, -1, dtype=np.int32), ("injections",)),
        "last_day": _or_none(days[last], any_later, np.int32),
        "last_sessions": _or_none(last_sessions, any_later, np.int16),
        "last_score": _or_none(100 * last_pain, any_later, np.int32),
        "last_relief": _or_none(gain, known, np.int32),
        "window_closed": _or_none(closed_to, began, np.int8),
        "target_sessions": _or_none(invented.at_session, reached, np.int16),
        "target_day": _or_none(day, reached, np.int32),
        "ended": Words(ended.astype(np.int32), ("finish", "stop", "recheck", "lost", "ongoing")),
        "ended_day": _or_none(day, over, np.int32),
        "recheck": Words(np.full(n, -1, dtype=np.int32), ("done",)),
        # Lost from sight and still open: they might have reached it, as the known answer has it.
        "closed": np.zeros(n, dtype=bool),
        "silent": lost,
        "awaited": Words(np.where(lost, 0, -1).astype(np.int32), ("after_session",)),
        "awaited_day": _or_none(day, lost, np.int32),
        "calls": np.where(lost, 2, 0).astype(np.int16),
        "warnings": of_events.astype(np.int16),
        "decisions": (began & (how > 0) & (how < LOST)).astype(np.int16),
        "overrides": np.zeros(n, dtype=np.int16),
        "currency": Words(np.where(began, 0, -1).astype(np.int32), ("USD",)),
        "charged_cents": given * price,
        "paid_cents": np.bincount(owner[paid], minlength=n) * price,
    }  # fmt: skip


def _visits(invented: Invented, course: Ints) -> dict[str, Column]:
    truth = invented.world.truth
    days = np.array(truth.windows.days)
    row, window = np.nonzero(invented.due)
    seen = invented.seen[row, window]
    pain = invented.complete[row, window]
    start, start_seen = invented.complete[row, 0], invented.seen[row, 0]
    gain, known = _relief(start, pain, seen & start_seen & (window > 0))
    after = np.where(window > 0, np.minimum(sessions_given(invented)[row],
                     days[window] // invented.interval[row] + 1), 0)  # fmt: skip
    occasion = np.select([window == 0, window < 3], [0, 1], 2)
    unknown = _unknown(len(row), np.int16)
    small = _unknown(len(row), np.int8)
    return {
        "course": course[row],
        "day": days[window].astype(np.int32),
        "occasion": Words(occasion.astype(np.int32), ("baseline", "after_session", "recheck")),
        "window": window.astype(np.int8),
        "session_window": _or_none(np.zeros(len(row)), window == 0, np.int8),
        "after_session": after.astype(np.int16),
        "counts_as_start": window == 0,
        "score": _or_none(100 * pain, seen, np.int32),
        "gained": _or_none(100 * (start - pain), seen & start_seen, np.int32),
        "relief": _or_none(gain, known, np.int32),
        "at_target": np.ma.array(gain >= TARGET, mask=~known),
        "pain": _or_none(pain, seen, np.int8),
        "activity": unknown,
        "painkiller_days": small,
        "spasm_days": small,
        "joint_noise": small,
        "mood": small,
        "change": small,
        "peg": unknown,
        "headache_score": unknown,
        "bpi_interference": unknown,
        "rmdq": small,
        "worry": small,
    }


def _sessions(invented: Invented, course: Ints, given: Ints) -> dict[str, Column]:
    owner = np.repeat(np.arange(len(course)), given)
    number = np.arange(len(owner)) - np.repeat(np.cumsum(given) - given, given) + 1
    return {
        "course": course[owner],
        "number": number.astype(np.int16),
        "day": (invented.interval[owner] * (number - 1)).astype(np.int32),
        "sites": np.full(len(owner), 6, dtype=np.int16),
        "volume_ul": np.full(len(owner), 6000, dtype=np.int32),
        "dextrose_mg": np.full(len(owner), 900, dtype=np.int32),
        "price_cents": invented.world.price_cents[invented.clinic[owner]],
        "guidance": Words(np.full(len(owner), -1, dtype=np.int32), ("palpation",)),
        "complications": _unknown(len(owner), np.int16),
    }


def _no_adverse() -> dict[str, Column]:
    no_words = Words(np.zeros(0, dtype=np.int32), ("other",))
    return {
        "course": np.zeros(0, dtype=np.int64),
        "day": np.zeros(0, dtype=np.int32),
        "number": np.zeros(0, dtype=np.int16),
        "since_session": np.zeros(0, dtype=np.int32),
        "kind": no_words,
        "grade": np.zeros(0, dtype=np.int8),
        "serious": np.zeros(0, dtype=bool),
        "relatedness": no_words,
        "outcome": no_words,
        "from_warning": np.zeros(0, dtype=bool),
    }


def _events(invented: Invented, sessions: Table, rng: np.random.Generator) -> dict[str, Column]:
    """Each session brings each kind of harm by its own rate, the day after."""
    harms = invented.world.truth.harm
    course, number, day = (_plain(sessions[name]) for name in ("course", "number", "day"))
    hits = [np.flatnonzero(rng.random(len(course)) < float(h.per_session)) for h in harms]
    kind = np.repeat(np.arange(len(harms)), [len(hit) for hit in hits])
    at = np.concatenate([np.zeros(0, dtype=np.intp), *hits])
    order = np.lexsort((kind, at))
    at, kind = at[order], kind[order]
    return {
        "course": course[at],
        "day": (day[at] + 1).astype(np.int32),
        "number": number[at].astype(np.int16),
        "since_session": np.ones(len(at), dtype=np.int32),
        "kind": Words(kind.astype(np.int32), tuple(h.kind for h in harms)),
        "grade": np.array([h.grade for h in harms], dtype=np.int8)[kind],
    }


def _money(sessions: Table, paid: Bools) -> dict[str, Column]:
    """A charge for each session, and on the same day a payment of the paid ones."""
    each = np.repeat(np.arange(len(paid)), 1 + paid)
    second = np.concatenate([[False], each[1:] == each[:-1]]) if len(each) else each.astype(bool)
    return {
        "course": _plain(sessions["course"])[each],
        "day": _plain(sessions["day"])[each].astype(np.int32),
        "kind": Words(second.astype(np.int32), ("charge", "payment")),
        "cents": _plain(sessions["price_cents"])[each],
    }


def _decisions(invented: Invented, course: Ints, given: Ints) -> dict[str, Column]:
    """One decision for each course whose series was ended, as the rules suggested."""
    how, day = ends_of(invented)
    own = np.flatnonzero(invented.began & (how > 0) & (how < LOST))
    step = Words((how[own] - 1).astype(np.int32), ("finish", "stop", "recheck"))
    unknown = _unknown(len(own), np.int32)
    return {
        "course": course[own],
        "day": day[own].astype(np.int32),
        "sessions": given[own].astype(np.int16),
        "suggested": step,
        "decided": step,
        "relief": unknown,
        "followed_day": unknown,
        "followed_relief": unknown,
        "last_relief": unknown,
    }


def _relief(
    start: NDArray[np.float64], score: NDArray[np.float64], known: Bools
) -> tuple[Ints, Bools]:
    """Share of the start gained, in hundredths of a percent; unknown without anything to gain."""
    known = known & (start > 0)
    share = (start - score) / np.where(start > 0, start, 1)
    return np.rint(10000 * share).astype(np.int64), known


def _or_none(values: NDArray[np.generic], known: Bools, kind: type[np.signedinteger]) -> Column:
    """Whole numbers, unknown where not `known`."""
    return np.ma.array(np.rint(values.astype(np.float64)).astype(kind), mask=~known)


def _unknown(rows: int, kind: type[np.signedinteger]) -> Column:
    """A column nobody answered."""
    return np.ma.array(np.zeros(rows, dtype=kind), mask=True)


def _words(codes: Ints, words: list[str]) -> Words:
    """The same word of two arms becomes one."""
    distinct = tuple(dict.fromkeys(words))
    place = np.array([distinct.index(word) for word in words], dtype=np.int32)
    return Words(place[codes], distinct)


def _quarters(last: str, follow: Ints) -> Words:
    """The quarter of each opening: so many whole quarters of 91 days before the last."""
    year, quarter = int(last[:4]), int(last[5:])
    back = follow // 91
    words = []
    for number in range(int(back.max()) + 1):
        ahead = 4 * year + quarter - 1 - number
        words.append(f"{ahead // 4}Q{ahead % 4 + 1}")
    return Words(back.astype(np.int32), tuple(words))


def _plain(column: Column) -> NDArray[np.int64]:
    if isinstance(column, Words):
        raise TypeError("These are words, not numbers.")
    return np.asarray(column)

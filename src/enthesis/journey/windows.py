"""Which answer stands for which scheduled time: decided by days alone, before anybody looks.

Of the answers within a window the one nearest to its target stands for it; of two as near the
earlier. A question that was not answered stands for nothing, so that an answer of the next day
does. The windows are in knowledge/rules/windows.toml.
"""

from collections.abc import Mapping, Sequence

from enthesis.knowledge.kinds import Window


def by_time(
    days: Sequence[int], starts: Sequence[bool], windows: Mapping[str, Window]
) -> dict[int, int]:
    """Place of an answer → number of its window. `days` of the answered ones from day 0, rising;
    `starts`: given before treatment, which only window 0 takes, and nothing else does."""
    best: dict[int, tuple[int, int]] = {}
    for place, (day, is_start) in enumerate(zip(days, starts, strict=True)):
        for window in windows.values():
            if is_start != (window.number == 0) or not window.from_day <= day <= window.to_day:
                continue
            off = abs(day - window.target_day)
            if window.number not in best or off < best[window.number][0]:
                best[window.number] = off, place
    return {place: number for number, (_, place) in best.items()}


def by_session(
    days: Sequence[int], after: Sequence[int], session_days: Sequence[int], most_days: int
) -> dict[int, int]:
    """Place of an answer since treatment began → the number of sessions it stands for: the last
    answer before the next session, up to `most_days` after the last. `after`: sessions by then."""
    last: dict[int, int] = {}
    for place, (day, given) in enumerate(zip(days, after, strict=True)):
        if given > 0 and day - session_days[given - 1] <= most_days:
            last[given] = place
    return {place: given for given, place in last.items()}


def last_closed(days_passed: int, windows: Mapping[str, Window]) -> int:
    """The highest window that is over so many days after day 0; 0 while none after the start is."""
    return max(
        (w.number for w in windows.values() if w.number and w.to_day < days_passed), default=0
    )

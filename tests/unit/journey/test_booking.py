"""Placing wanted times: what is free, what is open, and what the clocks do."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from enthesis.journey.booking import Busy, Opening, Wanted, place, read_spans

NEW_YORK = ZoneInfo("America/New_York")
WEEK = (*[read_spans("08:00-12:00, 13:00-17:00")] * 5, (), ())
OPEN = Opening(WEEK)
NOW = datetime(2026, 10, 1, 12, tzinfo=UTC)
MONDAY = date(2026, 10, 12)


def local(on: date, at: str) -> datetime:
    return datetime.combine(on, time.fromisoformat(at), NEW_YORK)


def taken(on: date, at: str, until: str) -> Busy:
    return Busy(local(on, at), local(on, until))


def placed(wanted: list[date], at: str = "09:00", minutes: int = 30, **given) -> list[str]:
    found = place(
        [Wanted(on, time.fromisoformat(at)) for on in wanted],
        minutes,
        given.get("busy", []),
        given.get("opening", OPEN),
        NEW_YORK,
        given.get("now", NOW),
        given.get("reach", 3),
    )
    return [
        f"{one.starts_at.astimezone(NEW_YORK):%m-%d %H:%M}" if one.starts_at else "none"
        for one in found
    ]


@pytest.mark.parametrize(
    ("at", "minutes", "busy", "found"),
    [
        ("09:00", 30, [], "10-12 09:00"),
        ("09:00", 30, [("09:00", "09:30")], "10-12 08:30"),
        ("09:00", 30, [("08:45", "09:30")], "10-12 09:30"),
        ("09:00", 30, [("09:30", "10:00")], "10-12 09:00"),
        ("09:00", 30, [("08:00", "17:00")], "10-13 09:00"),
        ("12:15", 30, [], "10-12 11:30"),
        ("12:40", 30, [], "10-12 13:00"),
        ("16:45", 30, [], "10-12 16:30"),
        ("09:00", 240, [], "10-12 08:00"),
        ("09:00", 270, [], "none"),
    ],
)
def test_the_nearest_free_time_within_the_hours_is_found(
    at: str, minutes: int, busy: list[tuple[str, str]], found: str
) -> None:
    times = [taken(MONDAY, *one) for one in busy]
    assert placed([MONDAY], at, minutes, busy=times) == [found]


def test_a_closed_day_gives_way_to_the_next_open_one_and_says_so() -> None:
    opening = Opening(WEEK, frozenset({MONDAY}))
    (found,) = place([Wanted(MONDAY, time(9))], 30, [], opening, NEW_YORK, NOW, 3)
    assert found.starts_at == local(date(2026, 10, 13), "09:00")
    assert found.words == "1 day later: 12 Oct is closed."


def test_what_cannot_be_placed_is_said_and_the_others_still_stand() -> None:
    second = MONDAY + timedelta(14)
    full = [taken(second + timedelta(n), "00:00", "23:59") for n in range(-3, 4)]
    days = [MONDAY, second, MONDAY + timedelta(28)]
    assert placed(days, busy=full) == ["10-12 09:00", "none", "11-09 09:00"]
    found = place([Wanted(second, time(9))], 30, full, OPEN, NEW_YORK, NOW, 3)
    assert found[0].words == "Not placed: nothing is free within 3 days of it."


def test_nine_stays_nine_when_the_clocks_change() -> None:
    before, after = date(2026, 10, 26), date(2026, 11, 9)
    found = place([Wanted(on, time(9)) for on in (before, after)], 30, [], OPEN, NEW_YORK, NOW, 0)
    assert [one.starts_at for one in found] == [
        datetime(2026, 10, 26, 13, tzinfo=UTC),
        datetime(2026, 11, 9, 14, tzinfo=UTC),
    ]


def test_an_hour_that_the_clocks_skip_is_not_counted_as_open() -> None:
    day = date(2027, 3, 14)
    night = Opening(tuple(read_spans("01:00-04:00") for _ in range(7)))
    # From one to four lie only two hours of that night.
    assert placed([day], "01:00", 150, opening=night, reach=0) == ["none"]
    assert placed([day], "01:00", 120, opening=night, reach=0) == ["03-14 01:00"]


def test_nothing_is_placed_in_the_past_or_on_the_day_of_the_one_before() -> None:
    assert placed([MONDAY], now=local(MONDAY, "10:10"), reach=0) == ["10-12 11:30"]
    assert placed([MONDAY], now=local(MONDAY, "16:31"), reach=0) == ["none"]
    full = [taken(MONDAY, "08:00", "17:00")]
    assert placed([MONDAY, MONDAY + timedelta(1)], busy=full, reach=1) == [
        "10-13 09:00",
        "10-14 09:00",
    ]


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("8", "Write “8” as from-to"),
        ("08:00-25:00", "as from-to"),
        ("12:00-08:00", "must end after it begins"),
        ("08:00-12:00, 11:00-13:00", "follow the one before"),
    ],
)
def test_hours_that_cannot_be_read_are_refused_with_the_reason(text: str, wrong: str) -> None:
    with pytest.raises(ValueError, match=wrong):
        read_spans(text)

"""A small registry whose answers can be counted by hand, as frames with the schema's columns.

Ten courses, 0 to 9. 0 and 1 never began (not suitable; agreed and not begun). Of the eight that
began, 2 to 7 answered: relief 100, 60, 50, 30, 0 and −20 %. 8 is silent, 9 not yet asked.
"""

import numpy as np
import pandas as pd


def tables() -> dict[str, pd.DataFrame]:
    """Fresh frames, so that a test may spoil them."""
    began = [False, False] + [True] * 8
    courses = pd.DataFrame(
        {
            "course": range(10),
            "condition": ["low_back"] * 10,
            "evaluated": [True] * 10,
            "candidacy": ["not_suitable", *["suitable"] * 9],
            "agreed": [False, *[True] * 9],
            "began": began,
            "last_relief": [None, None, 10000, 6000, 5000, 3000, 0, -2000, None, None],
            "last_day": [None, None, 84, 84, 84, 84, 56, 28, None, None],
            "silent": [False] * 8 + [True, False],
            "ended": [None, None, *["finish"] * 3, "ongoing", "stop", "stop", "lost", "ongoing"],
            "ended_day": [None, None, 84, 84, 84, None, 56, 28, 40, None],
            "target_day": [None, None, 28, 56, 84, None, None, None, None, None],
            "window_closed": [None, None, *[2] * 4, 2, 1, 2, 0],
        }
    )
    visits = pd.DataFrame(
        [
            (course, window, day, pain)
            for course in range(2, 10)
            for window, day, pain in ((0, 0, 6), (1, 28, 4), (2, 84, 3))
            if not (course == 9 and window) and not (course == 7 and window == 2)
        ],
        columns=["course", "window", "day", "pain"],
    )
    visits["pain"] = visits["pain"].astype("float").where(visits["course"] != 8, other=5.0)
    visits.loc[(visits["course"] == 8) & (visits["window"] > 0), "pain"] = None
    sessions = pd.DataFrame({"course": [2, 2, 3, 4, 5, 6, 7, 8, 9], "number": [1, 2, *[1] * 7]})
    events = pd.DataFrame({"course": [2, 3, 4], "number": [1, 1, 0], "grade": [1, 2, 1]})
    decisions = pd.DataFrame(
        {
            "course": [2, 3, 6],
            "suggested": ["finish", "go_on", "stop"],
            "decided": ["finish", "go_on", "go_on"],
            "followed_relief": [None, 6000, 0],
        }
    )
    return {
        "courses": courses,
        "visits": visits,
        "sessions": sessions,
        "events": events,
        "decisions": decisions,
    }


def many(courses: int, seed: int) -> dict[str, pd.DataFrame]:
    """An invented registry for pictures: everybody starts at about 6 and falls towards 3.5."""
    rng = np.random.default_rng(seed)
    ids = np.arange(courses)
    began, answered = rng.random(courses) < 0.8, rng.random(courses) < 0.85
    relief = np.clip(rng.normal(42, 36, courses), -60, 100)
    there = began & answered
    reached, stopped = there & (relief >= 60), there & (relief < 15)
    day = rng.integers(3, 14, courses) * 7.0
    table = pd.DataFrame(
        {
            "course": ids,
            "condition": "low_back",
            "evaluated": True,
            "candidacy": np.where(began | (ids % 2 == 0), "suitable", "not_suitable"),
            "agreed": began,
            "began": began,
            "last_relief": pd.Series(100 * relief).where(there),
            "last_day": pd.Series(day).where(there),
            "silent": began & ~answered,
            "ended": np.where(reached, "finish", np.where(stopped, "stop", "ongoing")),
            "ended_day": pd.Series(day).where(reached | stopped),
            "target_day": pd.Series(day).where(reached),
            "window_closed": pd.Series(3.0, index=ids).where(began),
        }
    )
    windows = [(0, 0, 0.0), (1, 28, 0.5), (2, 63, 0.8), (3, 182, 1.0)]
    start = rng.integers(4, 9, courses)
    visits = pd.DataFrame(
        [
            (c, w, d, float(np.clip(round(start[c] * (1 - share * relief[c] / 100)), 0, 10)))
            for c in ids[began]
            for w, d, share in windows
        ],
        columns=["course", "window", "day", "pain"],
    )
    silent = ~answered[visits["course"]] | (rng.random(len(visits)) < 0.08)
    visits.loc[silent & (visits["window"] > 0), "pain"] = np.nan
    number = np.tile([1, 2, 3], int(began.sum()))
    sessions = pd.DataFrame({"course": np.repeat(ids[began], 3), "number": number})
    hit = rng.choice(ids[began], 5)
    events = pd.DataFrame({"course": hit, "number": 1, "grade": [1, 1, 2, 1, 1]})
    pairs = [("stop", "go_on"), ("go_on", "stop"), *[("go_on", "go_on")] * 8]
    picked = rng.integers(0, len(pairs), int(there.sum()))
    decisions = pd.DataFrame(
        {
            "course": ids[there],
            "suggested": [pairs[at][0] for at in picked],
            "decided": [pairs[at][1] for at in picked],
            "followed_relief": (100 * relief[there]).round(),
        }
    )
    return {
        "courses": table,
        "visits": visits,
        "sessions": sessions,
        "events": events,
        "decisions": decisions,
    }

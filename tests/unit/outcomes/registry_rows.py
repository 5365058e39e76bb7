"""A small registry whose answers can be counted by hand: tables with the whole schema.

Ten courses, 0 to 9. 0 and 1 never began (not suitable; agreed and not begun). Of the eight that
began, 2 to 7 answered: relief 100, 60, 50, 30, 0 and −20 %. 8 is silent, 9 not yet asked.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from enthesis.outcomes import registry
from enthesis.outcomes.schema import TABLES, arrow_schema

Columns = Mapping[str, Sequence[Any]]
DEFAULTS = {"bool": False, "str": "x"}


def whole(tables: Mapping[str, Columns]) -> dict[str, pa.Table]:
    """Tables of the schema from some of their columns: what is needed and not given is 0, no, x."""
    made = {}
    for name, table in TABLES.items():
        given = tables.get(name, {})
        rows = len(next(iter(given.values()), ()))
        columns = {}
        for column in table.columns:
            blank = column.words[0] if column.words else DEFAULTS.get(column.kind, 0)
            filler = [blank if column.needed else None] * rows
            columns[column.name] = list(given.get(column.name, filler))
        made[name] = pa.table(columns, arrow_schema(name))
    return registry.sort(made)


def ten() -> dict[str, dict[str, list[Any]]]:
    """Fresh columns, so that a test may spoil them."""
    relief = [None, None, 10000, 6000, 5000, 3000, 0, -2000, None, None]
    courses: dict[str, list[Any]] = {
        "course": list(range(10)),
        "clinic": [1, 1, *[1, 2] * 4],
        "clinician": [1] * 10,
        "condition": ["low_back"] * 10,
        "protocol": ["low_back_ligaments"] * 10,
        "opened_quarter": ["2026Q1"] * 10,
        "measure": ["pain"] * 10,
        "age": [50] * 10,
        "sex": ["female"] * 10,
        "evaluated": [True] * 10,
        "candidacy": ["not_suitable", *["suitable"] * 9],
        "agreed": [False, *[True] * 9],
        "began": [False, False, *[True] * 8],
        "sessions": [0, 0, 2, *[1] * 7],
        "baseline": [None, None, *[6] * 6, 5, 6],
        "start": [None, None, *[600] * 6, 500, 600],
        "last_score": [None if r is None else round(6 * (100 - r / 100)) for r in relief],
        "last_relief": relief,
        "last_day": [None, None, 84, 84, 84, 84, 56, 28, None, None],
        "last_sessions": [None, None, 2, *[1] * 5, None, None],
        "silent": [False] * 8 + [True, False],
        "ended": [None, None, *["finish"] * 3, "ongoing", "stop", "stop", "lost", "ongoing"],
        "ended_day": [None, None, 84, 84, 84, None, 56, 28, 40, None],
        "target_day": [None, None, 28, 56, 84, *[None] * 5],
        "target_sessions": [None, None, 2, 1, 1, *[None] * 5],
        "window_closed": [None, None, *[2] * 4, 2, 1, 2, 0],
        "currency": [None, None, *["USD"] * 8],
        "charged_cents": [0, 0, 40000, *[20000] * 7],
        "paid_cents": [0, 0, 40000, *[20000] * 6, 0],
    }
    asked = [
        (course, window, day, pain)
        for course in range(2, 10)
        for window, day, pain in ((0, 0, 6), (1, 28, 4), (2, 84, 3))
        if not (course == 9 and window) and not (course == 7 and window == 2)
    ]
    pain = [
        None if course == 8 and window else 5 if course == 8 else value
        for course, window, _, value in asked
    ]
    gained = [
        None if not window or p is None else 100 * (6 - p)
        for (_, window, _, _), p in zip(asked, pain, strict=True)
    ]
    visits = {
        "course": [row[0] for row in asked],
        "window": [row[1] for row in asked],
        "day": [row[2] for row in asked],
        "pain": pain,
        "score": [None if p is None else 100 * p for p in pain],
        "gained": gained,
        "relief": [None if g is None else round(g / 6 * 100) for g in gained],
        "counts_as_start": [not row[1] for row in asked],
    }
    given = [2, 2, 3, 4, 5, 6, 7, 8, 9]
    return {
        "courses": courses,
        "visits": visits,
        "sessions": {"course": given, "number": [1, 2, *[1] * 7], "day": [0, 14, *[0] * 7]},
        "events": {
            "course": [2, 3, 4],
            "number": [1, 1, 0],
            "day": [1, 1, -3],
            "kind": ["D-fever", "D-breath", "D-fever"],
            "grade": [1, 2, 1],
        },
        "decisions": {
            "course": [2, 3, 6],
            "day": [84, 28, 56],
            "suggested": ["finish", "go_on", "stop"],
            "decided": ["finish", "go_on", "go_on"],
            "followed_relief": [None, 6000, 0],
        },
    }

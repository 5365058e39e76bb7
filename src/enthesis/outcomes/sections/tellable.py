"""Which conditions, clinicians, measures … may be told of in a report with small cells hidden.

Every section tells of some units, and they lie within each other: a protocol within its condition,
a condition within all. What is left of the larger when those told within it are taken away must not
be few either: else somebody could subtract. Then the smallest unit told of is left out too.
"""

from collections.abc import Iterator, Mapping, Sequence

from enthesis.outcomes import cohort
from enthesis.outcomes.sections.parts import Asked

LEVEL = 50
Unit = tuple[object, ...]
Rows = frozenset[int]
KINDS: Mapping[str, tuple[tuple[str, ...], str]] = {
    "condition": (("condition",), "half"),
    "protocol": (("protocol",), "half"),
    "solution": (("solution",), "half"),
    "clinician": (("clinic", "clinician"), "half"),
    "clinic": (("clinic",), "half"),
    "measure": (("measure",), ""),
    "paid": (("condition", "currency"), "target"),
}
"""The columns that make a unit, and what is told of it beside its number of courses. The last are
left out first."""
COLUMNS = tuple(dict.fromkeys(name for columns, _ in KINDS.values() for name in columns))


def tellable(asked: Asked, kind: str) -> set[Unit] | None:
    """The units of a kind that may be told of; None where all may."""
    if asked.below is None:
        return None
    last = cohort.at_last(asked.registry, COLUMNS, (LEVEL,)).to_pylist()
    began = {_key(row) for row in last}
    flow = [row for row in cohort.flow(asked.registry, COLUMNS).to_pylist() if _key(row) in began]
    counts = [
        {"began": one["began"], "half": one[f"reached_{LEVEL}"], "target": row["reached_target"]}
        for one, row in zip(last, flow, strict=True)
    ]
    told: dict[str, dict[Unit, Rows]] = {"all": {(): frozenset(range(len(last)))}}
    hits = {"all": ("half", "target")} | {name: (hit,) for name, (_, hit) in KINDS.items()}
    for name, (columns, hit) in KINDS.items():
        units: dict[Unit, Rows] = {}
        for at, row in enumerate(last):
            unit = tuple(row[column] for column in columns)
            if unit[-1] is not None:
                units[unit] = units.get(unit, frozenset()) | {at}
        told[name] = {u: r for u, r in units.items() if not _few(asked, counts, r, (hit,))}
        while told[name] and _gives_away(asked, counts, told, hits):
            size = {u: sum(counts[at]["began"] for at in r) for u, r in told[name].items()}
            del told[name][min(size, key=lambda u: size[u])]
        if hit == "half" and len(told[name]) < 2:
            told[name] = {}  # one alone is not compared with anything
        if name == kind:
            break
    return set(told[kind])


def _gives_away(
    asked: Asked,
    counts: Sequence[Mapping[str, int]],
    told: Mapping[str, Mapping[Unit, Rows]],
    hits: Mapping[str, Sequence[str]],
) -> bool:
    """Whether few are left of some unit when those told of within it are taken away."""

    def rests() -> Iterator[tuple[Rows, list[str]]]:
        for outer, wholes in told.items():
            for inner, units in told.items():
                if inner != outer:
                    both = [hit for hit in hits[outer] if hit in hits[inner]]
                    for whole in wholes.values():
                        within = [rows for rows in units.values() if rows <= whole]
                        if within:
                            yield whole.difference(*within), both

    return any(_few(asked, counts, rest, both) for rest, both in rests())


def _few(
    asked: Asked, counts: Sequence[Mapping[str, int]], rows: Rows, hits: Sequence[str]
) -> bool:
    began = sum(counts[at]["began"] for at in rows)
    of = [sum(counts[at][hit] for at in rows) for hit in hits if hit]
    return asked.is_small(began, *of, *(began - n for n in of))


def _key(row: Mapping[str, object]) -> Unit:
    return tuple(row[column] for column in COLUMNS)

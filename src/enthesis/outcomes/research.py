"""A cut for a researcher: the registry's rows, with nobody to be picked out.

It begins with the registry's rows and not with the records, because those have no names, numbers
or free text and count in days from day 0 already: one way to take identity out, not two that drift
apart. What the registry still tells is taken out here, since its files stay in the clinic and these
leave it: exact ages, the quarter, and pseudonyms that could be laid beside the registry's.

Dates: a patient's first course begins on a secret day, and every other day of that patient moves
with it. The usual shift of the true date by some weeks is not used: the newest rows would give it
away, for nobody's last visit is after the day of the cut. Here no true date goes into the result,
so that none can be found in it; moving all of a patient's life by a year gives the same file.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from enthesis.knowledge.research import ResearchRules
from enthesis.outcomes.schema import TABLES, Column, arrow_schema

QUASI = ("age_band", "sex", "condition", "clinician")
"""What somebody may know of a patient from elsewhere: no combination has fewer than k patients."""
LEFT_OUT = {
    "courses.clinic": "a place",
    "courses.age": "age_band stands for it",
    "courses.opened_quarter": "a date",
    "courses.window_closed": "with the day of the cut it would give the day of the first session",
    "courses.awaited_day": "with the day of the cut it would give the day of the first session",
}
SAYS_CONDITION = ("protocol", "solution", "measure")
"""Go with the condition where that is hidden, as the scores of its own questionnaires do."""
SCORES_OF_REGION = ("rmdq", "headache_score")
ADDED = (
    Column("patient", "int64", "pseudonym of the patient; one who could be picked out by several "
           "courses together has one for each", needed=True),
    Column("age_band", "str", "age when the course was opened", "years"),
    Column("day_0_on", "str", "day 0 in a calendar of this patient's own: days between any two "
           "dates of one patient are true, the dates are not", needed=True),
)  # fmt: skip
RARE_NUMBERS = (("adverse", "grade"),)
"""Numbers that are words in truth: hidden where rare, as words are."""
NOT_PROTECTED = (
    "Whoever knows the days between somebody's sessions, an exact bill or a series of scores can "
    "find that course: groups are formed over the quasi-identifiers alone.",
    "If all of a group share an answer, whoever knows that somebody is in the group knows it.",
    "A course that is ongoing was so when the cut was made: its length dates it roughly.",
    "Two cuts of one clinic can be laid together by equal courses. Hand out one, under an "
    "agreement that forbids looking for anybody.",
)


@dataclass(frozen=True, slots=True)
class Whose:
    """Whose a course is and when its day 0 was: what never leaves, and orders what does."""

    patient: int
    zero_on: date


@dataclass(slots=True)
class Research:
    """The tables of a cut, and what was done to them: how many courses were made coarser in which
    step, taken out whole, or given a patient of their own; how many values were hidden as rare."""

    tables: dict[str, pa.Table]
    k: int
    coarser: dict[str, int] = field(default_factory=dict)
    suppressed: int = 0
    unlinked: int = 0
    rare: dict[str, int] = field(default_factory=dict)


def research(
    tables: Mapping[str, pa.Table],
    whose: Mapping[int, Whose],
    rules: ResearchRules,
    k: int,
    number: Callable[[str], int],
) -> Research:
    """The cut of a registry's tables. `whose` is by the registry's number of the course; `number`
    gives a number of 62 bits for a text, which nobody can undo or foretell."""
    rows = [
        row | {"patient": whose[row["course"]].patient, "age_band": _band(row["age"], rules, 0)}
        for row in tables["courses"].to_pylist()
    ]
    made = Research({}, k)
    rows = _anonymous(rows, rules, made)
    for row in rows:
        if row["condition"] is None:
            row |= dict.fromkeys(SAYS_CONDITION)
    units = _units(rows, made)
    firsts: dict[str, date] = {}
    for row in rows:
        unit, zero_on = units[row["course"]], whose[row["course"]].zero_on
        firsts[unit] = min(firsts.get(unit, zero_on), zero_on)
    patients = {row["course"]: row["patient"] for row in rows}
    regionless = {row["course"] for row in rows if row["condition"] is None}
    for row in rows:
        unit = units[row["course"]]
        moved = rules.first_day + timedelta(number(f"day {unit}") % rules.spread_days)
        row["day_0_on"] = str(moved + (whose[row["course"]].zero_on - firsts[unit]))
        row["patient"] = number(f"patient {unit}")
        if row["clinician"] is not None:
            row["clinician"] = number(f"clinician {row['clinician']}") >> 31
    others = {name: table for name, table in tables.items() if name != "courses"}
    found = {"courses": rows} | {
        name: [row for row in table.to_pylist() if row["course"] in patients]
        for name, table in others.items()
    }
    for row in found["visits"]:
        if row["course"] in regionless:
            row |= dict.fromkeys(SCORES_OF_REGION)
    _hide_rare(found, patients, made)
    numbers = {course: number(f"course {course}") for course in patients}
    for name, many in found.items():
        for row in many:
            row["course"] = numbers[row["course"]]
        table = pa.Table.from_pylist(many, _schema(name))
        # By the new numbers, which have no order in common with the old.
        order = [(key, "ascending") for key in TABLES[name].order]
        made.tables[name] = table.take(pc.sort_indices(table, order))
    return made


def columns_of(name: str) -> tuple[Column, ...]:
    """The columns of a table of a cut, in order."""
    kept = tuple(c for c in TABLES[name].columns if f"{name}.{c.name}" not in LEFT_OUT)
    return (kept[0], *ADDED, *kept[1:]) if name == "courses" else kept


def _schema(name: str) -> pa.Schema:
    kinds = {f.name: f.type for f in arrow_schema(name)} | {"patient": pa.int64()}
    # Any value may be hidden, so that none is needed.
    return pa.schema([(c.name, kinds.get(c.name, pa.string())) for c in columns_of(name)])


def _band(age: int | None, rules: ResearchRules, width: int) -> str | None:
    """The band of an age, in the width of that place: 40–49, and 90+ for all who are older."""
    if age is None:
        return None
    years = rules.age_bands[width]
    least = min(age, rules.age_top) // years * years
    return f"{least}+" if least + years > rules.age_top else f"{least}–{least + years - 1}"


def _anonymous(
    rows: list[dict[str, Any]], rules: ResearchRules, made: Research
) -> list[dict[str, Any]]:
    """The rows without those that stay in a group of fewer than k patients after each of the steps:
    the clinician goes first, which says least of the treatment, then the age, the sex, and last
    what it is about."""
    steps: list[tuple[str, Callable[[dict[str, Any]], Any], str]] = [
        ("clinician", lambda row: None, "clinician hidden"),
        *(
            (
                "age_band",
                lambda row, width=width: _band(row["age"], rules, width),
                f"age in bands of {years} years",
            )
            for width, years in enumerate(rules.age_bands)
            if width
        ),
        ("age_band", lambda row: None, "age hidden"),
        ("sex", lambda row: None, "sex hidden"),
        ("condition", lambda row: None, "condition hidden"),
    ]
    for name, coarser, words in steps:
        for row in _few(rows, made.k):
            made.coarser[words] = made.coarser.get(words, 0) + (row[name] is not None)
            row[name] = coarser(row)
    out = {row["course"] for row in _few(rows, made.k)}
    made.suppressed = len(out)
    return [row for row in rows if row["course"] not in out]


def _few(rows: Iterable[dict[str, Any]], k: int) -> list[dict[str, Any]]:
    """The rows whose group has fewer than k patients."""
    groups: dict[tuple[Any, ...], list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        groups[tuple(row[name] for name in QUASI)].append(row)
    small = (many for many in groups.values() if len({row["patient"] for row in many}) < k)
    return [row for many in small for row in many]


def _units(rows: Sequence[dict[str, Any]], made: Research) -> dict[int, str]:
    """By course, who counts as one patient: those whose several courses together have fewer than k
    like them are taken apart."""
    courses: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        courses[row["patient"]].append(row)
    alike = {
        patient: tuple(sorted(str([row[name] for name in QUASI]) for row in many))
        for patient, many in courses.items()
    }
    how_many = Counter(alike.values())
    units = {}
    for patient, many in courses.items():
        apart = len(many) > 1 and how_many[alike[patient]] < made.k
        made.unlinked += apart
        for row in many:
            units[row["course"]] = f"of course {row['course']}" if apart else str(patient)
    return units


def _hide_rare(
    found: Mapping[str, list[dict[str, Any]]], patients: Mapping[int, int], made: Research
) -> None:
    """Empty each word that fewer than k patients have, and the next rarest where those with none
    would else be fewer than k."""
    for name, rows in found.items():
        words = [c.name for c in TABLES[name].columns if c.kind == "str" and c.name not in QUASI]
        for column in (*words, *(c for table, c in RARE_NUMBERS if table == name)):
            if f"{name}.{column}" in LEFT_OUT:
                continue
            who: dict[Any, set[int]] = defaultdict(set)
            for row in rows:
                who[row[column]].add(patients[row["course"]])
            hidden = _rare({word: len(many) for word, many in who.items()}, made.k)
            for row in rows:
                if row[column] in hidden:
                    row[column] = None
                    made.rare[f"{name}.{column}"] = made.rare.get(f"{name}.{column}", 0) + 1


def _rare(counts: dict[Any, int], k: int) -> set[Any]:
    none = counts.pop(None, 0)
    rising = sorted(counts, key=lambda word: (counts[word], str(word)))
    hidden = {word for word in rising if counts[word] < k}
    for word in rising:
        if not hidden or none + sum(counts[one] for one in hidden) >= k:
            break
        hidden.add(word)
    return hidden

"""A registry's courses as the tables of a packet, small cells put together or left out.

What a course counts as is asked of the same expressions as the report's (`cohort.py`), course by
course; here courses are put into cells, and each table is told only if `disclosure.Shown` lets it.
Tables are tried in a fixed order, so that what is left out does not depend on what the left-out
would have said. A table's own small classes are put together with their neighbours first.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from itertools import pairwise
from typing import Any

from enthesis.outcomes import cohort
from enthesis.outcomes.disclosure import Cell, Exposure, Shown
from enthesis.outcomes.engine import Registry
from enthesis.outcomes.packet import (
    KIND,
    SCHEMA,
    About,
    Class,
    Cost,
    Harm,
    Harms,
    LeftOut,
    Packet,
    Partition,
    Pattern,
    Weeks,
    sealed,
)
from enthesis.outcomes.schema import ENDED, SCHEMA_VERSION

TENTHS = (0, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100)
LEVELS = cohort.LEVELS
HALF = (50,)
REST = "patterns, the rest"
COARSER = (1, 2, 4)
"""So many times the threshold in a bin of weeks, where fewer would expose somebody."""
SILENT, UNMEASURABLE = "no answer", "relief not measurable"
COVARIATES = ("age", "woman")
KINDS = ("reached", "over", "last_seen")
Row = Mapping[str, Any]
Courses = frozenset[int]
Labelled = list[tuple[tuple[str, ...], Courses]]
_Bin = tuple[int, int, dict[str, set[int]]]
"""The first week, the last, and who reached the target, ended without or was last seen in them."""


@dataclass(frozen=True, slots=True)
class Asked:
    """Whose packet of what. `scores_per_sum`: a pattern is told where it has at least so many
    scores for each sum of them. `looked_for`: (source, kind) of the harms told even at nought.
    `conditions`: these only; all if empty."""

    clinic: str
    clinic_number: int
    day: date
    cut: str
    rules: str
    threshold: int
    scores_per_sum: int
    visits: tuple[int, ...]
    covariates: tuple[str, ...] = ()
    conditions: tuple[str, ...] = ()
    looked_for: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Draft:
    """A packet, the cells behind its numbers, and what they would expose beside earlier ones."""

    packet: Packet
    cells: tuple[Cell, ...]
    exposures: tuple[Exposure, ...]


@dataclass(frozen=True, slots=True)
class _Told:
    """A part of a packet with its cells; `put` puts it into its condition. One that comes again is
    a coarser form, for where the finer one would expose somebody. Without `put` it was left out:
    its one cell are the courses of it, with so many `scores`."""

    table: str
    cells: tuple[Cell, ...]
    put: Callable[[About], About] | None
    why: str = ""
    scores: int | None = None


@dataclass(slots=True)
class _Condition:
    """What is known of the courses of one condition that began."""

    asked: Asked
    name: str
    flow: dict[int, Row] = field(default_factory=dict)
    last: dict[int, Row] = field(default_factory=dict)
    windows: dict[int, dict[int, Row]] = field(default_factory=dict)
    target: dict[int, tuple[int, str]] = field(default_factory=dict)
    covariates: dict[int, tuple[int, ...]] = field(default_factory=dict)
    given: dict[int, int] = field(default_factory=dict)
    harms: dict[tuple[str, str], dict[int, int]] = field(default_factory=dict)
    costs: dict[str, dict[int, Row]] = field(default_factory=dict)


def draft(registry: Registry, asked: Asked, earlier: Sequence[Cell], *, hold_back: bool) -> Draft:
    """The packet of one clinic's courses that began, and what it would expose beside `earlier`.

    `hold_back`: tables that would expose somebody beside earlier packets are left out of this one;
    otherwise they are in it and in `exposures`, and it must not leave.
    """
    found = _conditions(registry.only({"clinic": asked.clinic_number}), asked)
    parts = [(one, list(_parts(one))) for one in found]
    every = [cell for _, told in parts for part in told for cell in part.cells]
    shown = Shown(asked.threshold, [*every, *earlier])
    if hold_back:
        shown.trust(earlier)
    abouts: list[About] = []
    left_out: list[LeftOut] = []
    cells: list[Cell] = []
    small = 0
    for one, told in parts:
        began, *others = told
        if shown.add(began.cells):
            small += 1
            continue
        cells += began.cells
        about = About(one.name, len(one.flow))
        refused: dict[str, LeftOut] = {}
        done: set[str] = set()
        for part in others:
            if part.table in done:
                continue
            exposed = shown.add(part.cells)
            if part.put is None:
                told_of = part.cells and not exposed
                cells += part.cells if told_of else ()
                left_out.append(_left_out(one.name, part, bool(told_of)))
            elif exposed:
                why = _why(exposed[0], asked.threshold)
                refused.setdefault(part.table, LeftOut(one.name, part.table, why))
            else:
                about = part.put(about)
                cells += part.cells
                done.add(part.table)
                refused.pop(part.table, None)
        left_out += refused.values()
        abouts.append(about)
    if small:
        what = f"conditions of fewer than {asked.threshold} courses that began, or held back"
        left_out.append(LeftOut("", "everything", what))
    packet = sealed(
        Packet(
            KIND, SCHEMA, SCHEMA_VERSION, asked.rules, "pain", asked.clinic, asked.clinic_number,
            asked.day, asked.cut, asked.threshold, asked.visits, asked.covariates,
            tuple(abouts), tuple(left_out),
        )
    )  # fmt: skip
    exposures = () if hold_back else tuple(_exposed(cells, earlier, asked.threshold))
    return Draft(packet, tuple(cells), exposures)


def _left_out(condition: str, part: _Told, told: bool) -> LeftOut:
    if not told:
        return LeftOut(condition, part.table, part.why)
    return LeftOut(condition, part.table, part.why, len(part.cells[0].members), part.scores)


def _exposed(cells: Sequence[Cell], earlier: Sequence[Cell], threshold: int) -> Iterator[Exposure]:
    shown = Shown(threshold, [*cells, *earlier])
    shown.trust(earlier)
    for cell in cells:
        yield from shown.add([cell])


def _why(exposed: Exposure, threshold: int) -> str:
    if exposed.against is None and not exposed.combined:
        return f"{exposed.cell.name}: fewer than {threshold} courses"
    how = "with other numbers" if exposed.against is None else f"beside {exposed.against}"
    return f"{exposed.cell.name}: {how} it would be of fewer than {threshold} courses"


# --- what a course counts as


def _conditions(registry: Registry, asked: Asked) -> list[_Condition]:
    by = ("condition", "course")
    found: dict[str, _Condition] = {}

    def rows(table: Any) -> Iterator[tuple[_Condition, int, Row]]:
        for row in table.to_pylist():
            if row["condition"] in found:
                yield found[row["condition"]], row["course"], row

    flow = [row for row in cohort.flow(registry, by).to_pylist() if row["began"]]
    for name in sorted({row["condition"] for row in flow}):
        if not asked.conditions or name in asked.conditions:
            found[name] = _Condition(asked, name)
    for row in flow:
        if row["condition"] in found:
            found[row["condition"]].flow[row["course"]] = row
    for one, course, row in rows(cohort.at_last(registry, by, TENTHS)):
        one.last[course] = row
    for one, course, row in rows(cohort.at_windows(registry, by, LEVELS)):
        one.windows.setdefault(row["number"], {})[course] = row
    for one, course, row in rows(cohort.to_target(registry, by)):
        one.target[course] = row["time"], _kind(row["end"])
    for one, course, row in rows(cohort.sessions(registry, by)):
        one.given[course] = row["sessions"]
    for source, table in (
        ("warning", cohort.harms(registry, by)),
        ("adverse", cohort.adverse(registry, by)),
    ):
        for one, course, row in rows(table):
            events = one.harms.setdefault((source, row["kind"]), {})
            events[course] = events.get(course, 0) + row["events"]
    for one, course, row in rows(cohort.cost(registry, by)):
        one.costs.setdefault(row["currency"], {})[course] = row
    courses = registry["courses"].select("condition", "course", "age", "sex")
    for one, course, row in rows(registry.rows(courses)):
        values = {"age": row["age"], "woman": _woman(row["sex"])}
        chosen = tuple(values[name] for name in asked.covariates)
        if course in one.flow and None not in chosen:
            one.covariates[course] = chosen
    return list(found.values())


def _kind(end: str) -> str:
    return end if end == "reached" else "over" if end in cohort.OVER else "last_seen"


def _woman(sex: str | None) -> int | None:
    return {"female": 1, "male": 0}.get(sex or "")


# --- the tables, in the order in which they are tried


def _parts(one: _Condition) -> Iterator[_Told]:
    whole = frozenset(one.flow)
    yield _Told("began", (_count(one, "began", whole),), lambda about: about)
    yield from _repeated(one)
    yield from _last(one)
    yield from _to_target(one)
    for number in sorted(one.windows):
        yield from _window(one, number)
    ended: Labelled = [
        ((end,), frozenset(c for c, row in one.flow.items() if row[end])) for end in ENDED
    ]
    yield _partition(one, "ended", ended)
    yield from _harms(one)
    yield from _costs(one)


def _count(one: _Condition, name: str, who: Iterable[int]) -> Cell:
    return Cell(f"{one.name}, {name}", "courses", dict.fromkeys(who, ""))


def _sum(one: _Condition, name: str, what: str, adds: Mapping[int, object]) -> Cell:
    """A cell that adds up a value of each course; changed values are known by their hash."""
    marks = {
        course: hashlib.blake2b(f"{course} {what} {value}".encode(), digest_size=6).hexdigest()
        for course, value in adds.items()
    }
    return Cell(f"{one.name}, {name}", what, marks)


def _last(one: _Condition) -> Iterator[_Told]:
    yield _partition(one, "last", _by_relief(one.last, TENTHS), blocks=True)
    yield from _coarser(one, "last", one.last)


def _window(one: _Condition, number: int) -> Iterator[_Told]:
    due = {course: row for course, row in one.windows[number].items() if row["due"]}
    if due and number:  # at the start there is no relief yet
        yield _partition(one, f"window {number}", _by_relief(due, LEVELS))
        yield from _coarser(one, f"window {number}", due)


def _coarser(one: _Condition, table: str, rows: Mapping[int, Row]) -> Iterator[_Told]:
    """The half of relief alone; then only who answered."""
    yield _partition(one, table, _by_relief(rows, HALF))
    silent, *answered = _by_relief(rows, HALF)
    together = tuple(label for labels, _ in answered for label in labels)
    whole = frozenset[int]().union(*(who for _, who in answered))
    yield _partition(one, table, [silent, (together, whole)])


def _by_relief(rows: Mapping[int, Row], levels: Sequence[int]) -> Labelled:
    """No answer, not measurable, and relief from one level to the next."""
    answered = {course for course, row in rows.items() if row["answered"]}
    measured = {course for course in answered if rows[course]["measurable"]}
    classes: Labelled = [
        ((SILENT,), frozenset(rows) - answered),
        ((UNMEASURABLE,), frozenset(answered - measured)),
    ]
    at = {course: sum(rows[course][f"reached_{x}"] for x in levels) for course in measured}
    for place, label in enumerate(labels_of(levels)):
        classes.append(((label,), frozenset(c for c, reached in at.items() if reached == place)))
    return classes


def labels_of(levels: Sequence[int]) -> list[str]:
    """The words for relief below the first level, from each to the next, and at the last."""
    between = [f"{low} to below {high}" for low, high in pairwise(levels)]
    return [f"below {levels[0]}", *between, f"{levels[-1]} or more"]


def _partition(one: _Condition, table: str, classes: Labelled, *, blocks: bool = False) -> _Told:
    """Small classes with their neighbours: first within the levels that figures are told at, so
    that what is told at those stays known, then beyond."""
    limit = one.asked.threshold
    if blocks:
        kept: Labelled = []
        for block in _blocks(classes):
            kept += _merged(block, limit)
        classes = kept
    classes = _merged(classes, limit)
    whole = frozenset[int]().union(*(who for _, who in classes))
    cells = (
        _count(one, f"{table}, all", whole),
        *(_count(one, f"{table}, {' or '.join(labels)}", who) for labels, who in classes),
    )
    made = Partition(table, tuple(Class(labels, len(who)) for labels, who in classes))
    return _Told(table, cells, lambda about: replace(about, partitions=(*about.partitions, made)))


def _blocks(classes: Labelled) -> Iterator[Labelled]:
    starts = {
        label for low, label in zip(TENTHS, labels_of(TENTHS)[1:], strict=True) if low in LEVELS
    }
    block: Labelled = []
    for at, (labels, who) in enumerate(classes):
        if block and (at <= 2 or labels[0] in starts):
            yield block
            block = []
        block.append((labels, who))
    yield block


def _merged(classes: Labelled, limit: int) -> Labelled:
    """Neighbours put together until no class is of 1 to limit − 1 courses, or one is left."""
    kept = list(classes)
    while len(kept) > 1:
        small = [at for at, (_, who) in enumerate(kept) if 0 < len(who) < limit]
        if not small:
            break
        at = min(small, key=lambda place: (len(kept[place][1]), place))
        beside = [near for near in (at - 1, at + 1) if 0 <= near < len(kept)]
        other = min(beside, key=lambda near: (not kept[near][1], len(kept[near][1]), near))
        first, last = sorted((at, other))
        together = kept[first][0] + kept[last][0], kept[first][1] | kept[last][1]
        kept[first : last + 1] = [together]
    return kept


def _to_target(one: _Condition) -> Iterator[_Told]:
    limit = one.asked.threshold
    of = {kind: {c for c, (_, k) in one.target.items() if k == kind} for kind in KINDS}
    if small := [kind.replace("_", " ") for kind, who in of.items() if 0 < len(who) < limit]:
        why = f"{' and '.join(small)}: fewer than {limit} courses in all"
        yield _Told("to_target", (), None, why)
        return
    for times in COARSER if limit > 1 else COARSER[:1]:
        bins = _bins(one.target, times * limit if limit > 1 else 1)
        if times > 1 and len(bins) > 1:
            # Those never heard of stand in the first weeks: with others they are told apart less.
            bins[:2] = [_joined(*bins[:2])]
        cells = tuple(
            _count(one, f"{kind.replace('_', ' ')} in weeks {first} to {last}", who[kind])
            for first, last, who in bins
            for kind in KINDS
        )
        made = tuple(
            Weeks(first, last, *(len(who[kind]) for kind in KINDS)) for first, last, who in bins
        )

        def put(about: About, made: tuple[Weeks, ...] = made) -> About:
            return replace(about, to_target=made)

        yield _Told("to_target", cells, put)


def _bins(target: Mapping[int, tuple[int, str]], limit: int) -> list[_Bin]:
    """Weeks put together until each kind of end has nobody or enough in them."""
    bins: list[_Bin] = []
    by_week: dict[int, dict[str, set[int]]] = {}
    for course, (week, kind) in target.items():
        by_week.setdefault(week, {k: set() for k in KINDS})[kind].add(course)
    for week, now in sorted(by_week.items()):
        if bins and _is_small(bins[-1][2], limit):
            bins.append(_joined(bins.pop(), (week, week, now)))
        else:
            bins.append((week, week, now))
    while len(bins) > 1 and _is_small(bins[-1][2], limit):
        bins[-2:] = [_joined(*bins[-2:])]
    return bins


def _joined(one: _Bin, next: _Bin) -> _Bin:
    return one[0], next[1], {kind: one[2][kind] | next[2][kind] for kind in KINDS}


def _is_small(who: Mapping[str, set[int]], limit: int) -> bool:
    return any(0 < len(courses) < limit for courses in who.values())


# --- sums of pain by which visits were answered


def _repeated(one: _Condition) -> Iterator[_Told]:
    asked = one.asked
    pain: dict[int, dict[int, int]] = {}
    for number in asked.visits:
        for course, row in one.windows.get(number, {}).items():
            if row["with_pain"]:
                pain.setdefault(course, {})[number] = row["sum_pain"]
    unknown = pain.keys() - one.covariates.keys()
    if unknown:
        why = f"courses without {' or '.join(asked.covariates)}"
        yield _Told(REST, (_count(one, why, unknown),), None, why)
    groups: dict[tuple[int, ...], set[int]] = {}
    for course in pain.keys() & one.covariates.keys():
        groups.setdefault(tuple(sorted(pain[course])), set()).add(course)
    kept, folded, scores, dropped = _folded(groups, one)
    for visits, who in sorted(kept.items(), key=lambda pair: -len(pair[1]) * len(pair[0])):
        made = _pattern(one, visits, who, pain)

        def put(about: About, made: Pattern = made) -> About:
            patterns = sorted((*about.patterns, made), key=lambda pattern: pattern.visits)
            return replace(about, patterns=tuple(patterns))

        name = f"patterns, {_words(visits)}"
        yield _Told(name, tuple(_pattern_cells(one, visits, who, pain)), put)
    if folded:
        why = "scores at rare visits, of courses that stay in with the others of theirs"
        yield _Told(REST, (_count(one, why, folded),), None, why, scores)
    if dropped:
        why = "courses whose visits too few share"
        yield _Told(REST, (_count(one, why, dropped),), None, why)


def _folded(
    groups: Mapping[tuple[int, ...], set[int]], one: _Condition
) -> tuple[dict[tuple[int, ...], set[int]], set[int], int, set[int]]:
    """Patterns that enough courses share; of the others the scores at the visits of the largest
    pattern within theirs. Also whose scores were lost by that, how many, and who was dropped."""
    left = {visits: set(who) for visits, who in groups.items()}
    folded, dropped = set[int](), set[int]()
    scores = 0
    while True:
        rare = [visits for visits, who in left.items() if not _enough(one, visits, who)]
        if not rare:
            return left, folded - dropped, scores, dropped
        visits = max(rare, key=lambda v: (len(v), v))
        who = left.pop(visits)
        within = [v for v in left if set(v) < set(visits)]
        if within:
            target = max(within, key=lambda v: (len(v), len(left[v]), v))
            left[target] |= who
            scores += len(who) * (len(visits) - len(target))
            folded |= who
        else:
            dropped |= who


def _enough(one: _Condition, visits: tuple[int, ...], who: set[int]) -> bool:
    """Whether the sums of so many courses give nobody away: enough courses, enough scores for each
    sum, and of those with and without a covariate of yes and no either enough or nobody."""
    limit, n, m = one.asked.threshold, len(who), len(visits)
    q = 1 + len(COVARIATES)
    sums = m * (m + 1) // 2 + q * m
    if n < limit or (limit > 1 and n * m < one.asked.scores_per_sum * sums):
        return False
    return not any(0 < len(some) < limit for some in _halves(one, who).values())


def _halves(one: _Condition, who: Iterable[int]) -> dict[str, set[int]]:
    """The courses that a covariate of yes and no tells apart."""
    if "woman" not in one.asked.covariates:
        return {}
    at, everybody = one.asked.covariates.index("woman"), set(who)
    women = {course for course in everybody if one.covariates[course][at]}
    return {"women": women, "men": everybody - women}


def _words(visits: tuple[int, ...]) -> str:
    return "visits " + ", ".join(map(str, visits))


def _pattern_cells(
    one: _Condition, visits: tuple[int, ...], who: set[int], pain: Mapping[int, Mapping[int, int]]
) -> Iterator[Cell]:
    for what, some in {"": who, **_halves(one, who)}.items():
        name = f"{_words(visits)}{' of ' if what else ''}{what}"
        yield _count(one, name, some)
        for visit in visits:
            adds = {course: pain[course][visit] for course in some}
            yield _sum(one, f"pain at {visit} of {name}", f"pain at visit {visit}", adds)


def _pattern(
    one: _Condition, visits: tuple[int, ...], who: set[int], pain: Mapping[int, Mapping[int, int]]
) -> Pattern:
    z = [(1, *one.covariates[course]) for course in who]
    y = [[pain[course][visit] for visit in visits] for course in who]
    return Pattern(visits, len(who), _products(z, z), _products(z, y), _products(y, y))


def _products(
    left: Sequence[Sequence[int]], right: Sequence[Sequence[int]]
) -> tuple[tuple[int, ...], ...]:
    columns = [list(column) for column in zip(*right, strict=True)]
    return tuple(
        tuple(sum(a * b for a, b in zip(own, other, strict=True)) for other in columns)
        for own in zip(*left, strict=True)
    )


# --- harms and money


def _harms(one: _Condition) -> Iterator[_Told]:
    """Sessions, and each kind of harm that nobody or enough had: the others are left out."""
    given = one.given
    if not given:
        return
    cells = (
        _count(one, "treated", given),
        _sum(one, "sessions", "sessions", given),
    )
    made = Harms(sum(given.values()), len(given), ())
    yield _Told("harms", cells, lambda about: replace(about, harms=made))
    for source, kind in sorted({*one.asked.looked_for, *one.harms}):
        events = one.harms.get((source, kind), {})
        harm = Harm(source, kind, sum(events.values()), len(events))

        def put(about: About, harm: Harm = harm) -> About:
            if about.harms is None:
                return about
            return replace(about, harms=replace(about.harms, kinds=(*about.harms.kinds, harm)))

        name = f"harms, {kind}"
        if len(events) >= one.asked.threshold > 1 and _dominated(list(events.values())):
            yield _Told(name, (), None, "one course has most of it")
            continue
        own = (_count(one, name, events), _sum(one, name, name, events)) if events else ()
        yield _Told(name, own, put)


def _costs(one: _Condition) -> Iterator[_Told]:
    for currency, rows in sorted(one.costs.items()):
        paid = {course: (row["charged_cents"], row["paid_cents"]) for course, row in rows.items()}
        name = f"cost in {currency}"
        sums = [[pair[at] for pair in paid.values()] for at in (0, 1)]
        if len(paid) >= one.asked.threshold > 1 and any(map(_dominated, sums)):
            yield _Told(name, (), None, "one course has most of it")
            continue
        cells = (_count(one, name, paid), _sum(one, name, name, paid))
        cost = Cost(currency, len(paid), sum(sums[0]), sum(sums[1]))

        def put(about: About, cost: Cost = cost) -> About:
            return replace(about, costs=(*about.costs, cost))

        yield _Told(name, cells, put)


def _dominated(values: Sequence[int]) -> bool:
    """Whether a sum is nearly one course's: more than half of it, so that it tells that one."""
    return sum(values) > 0 and 2 * max(values) > sum(values)

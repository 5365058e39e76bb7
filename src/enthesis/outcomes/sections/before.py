"""What pain did before any needle, between two starts, and what was expected of treatment."""

from collections.abc import Sequence
from dataclasses import dataclass

from enthesis.charts.curves import Table
from enthesis.charts.dot_rows import DotRow, DotRows, dot_rows_svg
from enthesis.charts.pen import in_words
from enthesis.knowledge.kinds import Measure
from enthesis.outcomes import cohort
from enthesis.outcomes.cohort import HUNDREDTHS
from enthesis.outcomes.intervals import mean_of_sums, wilson
from enthesis.outcomes.sections.parts import (
    HIDDEN,
    LEFT_OUT,
    Asked,
    Figure,
    Section,
    between,
    of_100_with_interval,
)

NATURAL = (
    "No injection had been given: this is what pain does without treatment here, with what it does "
    "because people come when it is at its worst."
)
WAYS = ("better", "within error", "worse")


@dataclass(frozen=True, slots=True)
class _Told:
    """One measure: courses with a start, with two, with two far enough apart; how those moved.
    `moved` are (hundredths of a point better, courses)."""

    measure: Measure
    started: int
    twice: int
    sum_days: int
    moved: tuple[tuple[int, int], ...]

    @property
    def apart(self) -> int:
        return sum(n for _, n in self.moved)

    def ways(self) -> tuple[int, int, int] | None:
        """Better, within error, worse; None where the error is not known."""
        if self.measure.error is None:
            return None
        error = self.measure.error * HUNDREDTHS
        better = sum(n for by, n in self.moved if by >= error)
        worse = sum(n for by, n in self.moved if by <= -error)
        return better, self.apart - better - worse, worse


def before(asked: Asked) -> tuple[Section, ...]:
    """The change from the first start to the last before session 1, and what was expected."""
    days = asked.known.second_start.after_days
    what = f"The last answers before session 1 against the first, {days} days or more earlier"
    found = _told(asked, days)
    shown = [one for one in found if one.apart > 1 and not _gives_away(asked, one, found)]
    notes = (NATURAL, *_expected(asked))
    if not shown:
        title = "Too few answered twice before treatment to say what pain does without it here"
        return (Section("before", title, what, asked.source, notes=(*notes, *_counts(asked, found))
                        ),)  # fmt: skip
    lead = shown[0]
    ways = lead.ways()
    title = f"Before any needle {lead.measure.name.lower()} {_moved(lead)}, of {lead.apart} courses"
    drawn = None if ways is None or asked.is_small(*ways) else _figure(lead, ways, title)
    notes += (*_counts(asked, found), *((LEFT_OUT,) if ways and drawn is None else ()))
    table = Table(
        ("Measure", "With a start", "Two starts", f"{days} days or more apart", "Mean days between",
         "Mean change, above 0 is better (95 % interval)", *(f"Of 100 {way}" for way in WAYS)),
        tuple(_cells(asked, one) for one in shown),
    )  # fmt: skip
    source = f"Days: {asked.known.second_start.source}."
    return (Section("before", title, what, asked.source, table, drawn, notes, (source,)),)


def _told(asked: Asked, days: int) -> list[_Told]:
    rows = cohort.two_starts(asked.registry, days).to_pylist()
    found = []
    for name in dict.fromkeys(row["measure"] for row in rows):
        measure = asked.known.measures.get(name)
        if measure is None:
            continue
        of = [row for row in rows if row["measure"] == name]
        apart = [row for row in of if row["moved"] is not None]
        sign = -1 if measure.higher_is == "worse" else 1
        found.append(
            _Told(
                measure,
                sum(row["courses"] for row in of),
                sum(row["courses"] for row in of if row["starts"] > 1),
                sum(row["sum_days"] for row in apart),
                tuple((sign * row["moved"], row["courses"]) for row in apart),
            )
        )
    return sorted(found, key=lambda one: (-one.apart, one.measure.id))


def _gives_away(asked: Asked, one: _Told, found: Sequence[_Told]) -> bool:
    """Whether these, or those left over when they are known, are few."""
    total = sum(other.apart for other in found)
    left = (total - one.apart, asked.began - one.apart, asked.began - total)
    return asked.is_small(one.apart, *left)


def _moved(one: _Told) -> str:
    mean, *ends = _mean(one)
    earlier = f"{in_words(round(one.sum_days / one.apart / 7))} weeks earlier"
    if round(mean, 1) == 0:
        low, high = (in_words(round(end, 1)) for end in ends)
        return f"was on average as {earlier} ({low} to {high} points better)"
    lower = (mean > 0) == (one.measure.higher_is == "worse")
    sign = 1 if mean > 0 else -1
    low, high = (in_words(round(end, 1)) for end in sorted(sign * end for end in ends))
    by = in_words(round(abs(mean), 1))
    return f"was {'lower' if lower else 'higher'} by {by} points ({low} to {high}) than {earlier}"


def _mean(one: _Told) -> tuple[float, float, float]:
    """The mean change in points, above 0 better, with the ends of its 95 % interval."""
    total = sum(by * n for by, n in one.moved)
    mean = mean_of_sums(one.apart, total, sum(by * by * n for by, n in one.moved))
    value, low, high = (float(end) / HUNDREDTHS for end in (mean.estimate, mean.low, mean.high))
    return value, low, high


def _cells(asked: Asked, one: _Told) -> tuple[str, ...]:
    mean, low, high = (in_words(round(end, 2)) for end in _mean(one))
    ways, public = one.ways(), asked.below is not None
    shares = (
        ("error not known",) * len(WAYS) if ways is None
        else (HIDDEN,) * len(WAYS) if asked.is_small(*ways)
        else tuple(of_100_with_interval(n, one.apart) for n in ways)
    )  # fmt: skip
    seen = (HIDDEN, HIDDEN) if public else (str(one.started), str(one.twice))
    return (one.measure.name, *seen, str(one.apart), in_words(round(one.sum_days / one.apart)),
            f"{mean} ({low} to {high})", *shares)  # fmt: skip


def _counts(asked: Asked, found: Sequence[_Told]) -> tuple[str, ...]:
    """How many could be counted; for the clinic's own eyes, since few may be left over."""
    if asked.below is not None:
        return ()
    started, twice, apart = (
        sum(getattr(one, name) for one in found) for name in ("started", "twice", "apart")
    )
    return (
        f"Of {asked.began} who began, {started} answered before treatment, {twice} of them twice "
        f"or more, {apart} far enough apart. Who was asked twice was not drawn by lot.",
    )


def _figure(one: _Told, ways: tuple[int, int, int], title: str) -> Figure:
    rows = []
    for way, n in zip(WAYS, ways, strict=True):
        share = wilson(n, one.apart)
        value, low, high = (100 * float(e) for e in (share.estimate, share.low, share.high))
        error = "" if way == "within error" else " beyond measuring error"
        rows.append(DotRow(f"{way.capitalize()}{error}", value, low, high, f"{n} of {one.apart}"))
    axis = f"Of 100 courses, how {one.measure.name.lower()} moved before any needle"
    data = DotRows(title, axis, "Courses", tuple(rows), digits=0)
    return Figure(dot_rows_svg(data, "wide", "before"), dot_rows_svg(data, "narrow", "before"))


def _expected(asked: Asked) -> tuple[str, ...]:
    """The mean of what was expected, and what was preferred, where anybody was asked."""
    rows = cohort.expected(asked.registry).to_pylist()
    names = ("answered", "sum_expected", "sum_expected_squared")
    n, total, squares = (sum(row[name] for row in rows) for name in names)
    said = sum(row["courses"] for row in rows if row["preferred"] is not None)
    chosen = sum(row["courses"] for row in rows if row["preferred"] == "injections")
    told = []
    if n > 1 and not asked.is_small(n, asked.began - n):
        mean = mean_of_sums(n, total, squares)
        told.append(
            f"Relief expected before treatment: {in_words(round(float(mean.estimate)))} % on "
            f"average ({between(mean)}), of {n} of {asked.began} who were asked and could say."
        )
    few = asked.is_small(said, asked.began - said, chosen, said - chosen, abs(said - n))
    if said and not few:
        told.append(f"Would have chosen these injections: {chosen} of {said} who said.")
    return tuple(told)

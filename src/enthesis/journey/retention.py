"""What may be erased today of a patient's record, and what must stay until when, each with why."""

from dataclasses import dataclass
from datetime import date

from enthesis.knowledge.kinds import Knowledge
from enthesis.knowledge.retention import CountsFrom, Retention


@dataclass(frozen=True, slots=True)
class Held:
    """What the times are counted from. None: there was none, or it is not known."""

    born_on: date | None
    last_treated_on: date | None
    last_money_on: date | None


@dataclass(frozen=True, slots=True)
class Answer:
    """One kind of record: it may go now, or it stays `until` a day (None: no day can be named)."""

    rule: Retention
    may_go: bool
    why: str
    until: date | None = None


@dataclass(frozen=True, slots=True)
class Judged:
    """The answer to a request: each kind, and whether name and birth date may go too."""

    answers: tuple[Answer, ...]

    def may_go(self, kind: str) -> bool:
        """Whether a kind may be erased today."""
        return next(one.may_go for one in self.answers if one.rule.id == kind)

    @property
    def name_may_go(self) -> bool:
        """Once nothing is left that must be found by it."""
        return all(one.may_go for one in self.answers if not one.rule.stays)


def judge_retention(held: Held, known: Knowledge, today: date) -> Judged:
    """Each kind of record against its time, by the rules of the day."""
    return Judged(tuple(_answer(rule, held, today) for rule in known.retentions.values()))


def _answer(rule: Retention, held: Held, today: date) -> Answer:
    if rule.stays:
        return Answer(rule, may_go=False, why="It stays, and holds no name.")
    if rule.counts_from is CountsFrom.NOTHING:
        return Answer(rule, may_go=True, why="Nothing asks that it be kept.")
    if rule.counts_from is CountsFrom.MONEY:
        last, what = held.last_money_on, "the last entry in the books"
    else:
        last, what = held.last_treated_on, "the last treatment or visit"
    if last is None:
        return Answer(rule, may_go=True, why="There is none.")
    until, why = add_years(last, rule.years), f"{rule.years} years from {what}, {_day(last)}"
    if rule.minor_until_years:
        if held.born_on is None:
            return Answer(
                rule,
                may_go=False,
                why="The birth date is not known, so nobody can say whether the patient was a "
                "minor. Write it down first.",
            )
        grown_on = add_years(held.born_on, rule.minor_until_years)
        if last < add_years(held.born_on, rule.adult_from_years) and grown_on > until:
            until = grown_on
            why = f"until the age of {rule.minor_until_years}, for who was a minor when treated"
    # Kept through its last day.
    return Answer(rule, may_go=today > until, why=f"Kept {why}.", until=until)


def add_years(on: date, years: int) -> date:
    """The same day so many years later; 29 February becomes 1 March, never a day too early."""
    try:
        return on.replace(year=on.year + years)
    except ValueError:
        return date(on.year + years, 3, 1)


def _day(on: date) -> str:
    return f"{on.day} {on:%b %Y}"

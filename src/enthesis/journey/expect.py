"""How many sessions a series comes to: what courses of the same protocol came to before it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction

from enthesis.records import Plan
from enthesis.units import Money

QUARTERS = (Fraction(1, 4), Fraction(1, 2), Fraction(3, 4))


@dataclass(frozen=True, slots=True)
class Expected:
    """The sessions after which 25, 50 and 75 of 100 series had ended, of so many `courses`.

    None: so many had not ended by the last session seen.
    """

    courses: int
    low: int | None
    middle: int | None
    high: int | None


def expected_sessions(given: Iterable[tuple[int, bool]], enough: int) -> Expected | None:
    """From (sessions given, whether the series has ended) of each course; None below `enough`.

    Kaplan and Meier's estimate: a series that goes on, or was lost, counts for as long as it was
    seen. Leaving those out would make series look short, for short ones end first.
    """
    seen = [(sessions, ended) for sessions, ended in given if sessions > 0]
    if len(seen) < enough:
        return None
    low, middle, high = sessions_by(seen, QUARTERS)
    return Expected(len(seen), low, middle, high)


def sessions_by(
    seen: Sequence[tuple[int, bool]], shares: Iterable[Fraction]
) -> tuple[int | None, ...]:
    """After which session each share of the series had ended: see `expected_sessions`."""
    going_on, ended_by = Fraction(1), dict[int, Fraction]()
    for at in sorted({sessions for sessions, ended in seen if ended}):
        ends = sum(ended and sessions == at for sessions, ended in seen)
        going_on *= 1 - Fraction(ends, sum(sessions >= at for sessions, _ in seen))
        ended_by[at] = 1 - going_on
    return tuple(
        next((at for at, share in ended_by.items() if share >= wanted), None) for wanted in shares
    )


def expected_price(expected: Expected, plan: Plan) -> tuple[Money, Money, Money]:
    """What a series of this plan costs if it ends with the low, the middle and the high number of
    sessions; never more than was agreed at most."""
    low, middle, high = (
        plan.price_per_session * min(at or plan.sessions_max, plan.sessions_max)
        for at in (expected.low, expected.middle, expected.high)
    )
    return low, middle, high

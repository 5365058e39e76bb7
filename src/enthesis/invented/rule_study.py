"""How good rules are at ending courses: replayed on invented people of whom the truth is known.

A rule looks at what was answered after k sessions and says who ends. `signed_rule` is the judge's
own rule on arrays (a test holds it to `journey.judge`); the others are what it could be replaced
by. `forecaster` decides by the product's forecast, learnt from a registry; two limits are beyond
any clinic: `told` has learnt from people whose truth was known, `seer` knows the truth of these.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from enthesis.invented.worlds import SESSIONS, Flags, Floats, Population
from enthesis.journey.forecast_model import Model, chances, expected, given
from enthesis.records import StopRule

Rule = Callable[[Population, int], Flags]
"""`rule(people, k)`: (n,) who ends after k sessions, were they still treated."""

LITTLE_GAIN = 0.5
"""Points of pain. To end with less than this still to come is no false stop."""
ENOUGH_GAIN = 0.30
"""Share of pain. To end with at least this attained is no false stop."""


@dataclass(frozen=True, slots=True)
class Errors:
    """The measuring errors of the leading and of the confirming measure, in points."""

    pain: float
    activity: float


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a rule does in one population. Shares in percent; sessions are means per person.

    `false_stops`: of true responders, those ended before session six with less than 30 % attained
    and at least half a point still to gain. `relief_kept`: responders' gain in points at their
    end, of that at six sessions. `sessions`: of those who are no responders. `per_responder`:
    sessions of everybody for one true responder (NaN where there is none).
    """

    false_stops: float
    relief_kept: float
    sessions: float
    sessions_of_responders: float
    per_responder: float
    responders: int
    people: int


def replay(rule: Rule, people: Population) -> NDArray[np.int64]:
    """(n,) the number of sessions each person is given, 1 to 6."""
    given = np.full(len(people.responder), SESSIONS)
    treated = np.ones(len(given), bool)
    for k in range(1, SESSIONS):
        ends = treated & rule(people, k)
        given[ends] = k
        treated &= ~ends
    return given


def outcome(given: NDArray[np.int64], people: Population) -> Outcome:
    """What came of giving each person so many sessions."""
    helped = people.responder
    at_end = np.take_along_axis(people.attained, given[:, None], axis=1)[:, 0]
    to_gain = np.take_along_axis(people.to_gain, given[:, None], axis=1)[:, 0]
    false = (given < SESSIONS) & (at_end < ENOUGH_GAIN) & (to_gain >= LITTLE_GAIN)
    kept, most = at_end * people.without, people.attained[:, -1] * people.without
    count = int(helped.sum())
    nan = float("nan")
    return Outcome(
        false_stops=100 * float(false[helped].mean()) if count else nan,
        relief_kept=100 * float(kept[helped].sum() / most[helped].sum()) if count else nan,
        sessions=float(given[~helped].mean()),
        sessions_of_responders=float(given[helped].mean()) if count else nan,
        per_responder=float(given.sum() / count) if count else nan,
        responders=count,
        people=len(given),
    )


# --- the judge's rule on arrays


def signed_rule(rule: StopRule, errors: Errors) -> Rule:
    """Finish, stop and refer as `journey.judge` does with this stop rule on the pain score."""

    def ends(people: Population, k: int) -> Flags:
        heard = ~np.isnan(people.pain[:, k - 1])
        finish = _running_at_target(people, k, float(rule.finish_relief_percent))
        finish_now = finish >= rule.finish_readings
        return heard & (
            finish_now | _worse(people, k, errors) | _no_response(people, k, rule, errors)
        )

    return ends


def relief(people: Population, k: int) -> Floats:
    """(n,) relief in percent at the answer after session k; NaN unknown."""
    start = people.pain_before
    with np.errstate(divide="ignore", invalid="ignore"):
        value: Floats = np.round((start - people.pain[:, k - 1]) * 100 / start, 2)
    return np.where(start > 0, value, np.nan)


def _running_at_target(people: Population, k: int, target: float) -> NDArray[np.int64]:
    """(n,) how many of the last answers running are at the target; gaps are passed over."""
    running = np.zeros(len(people.responder), np.int64)
    for j in range(1, k + 1):
        heard = ~np.isnan(people.pain[:, j - 1])
        there = (relief(people, j) >= target) | (people.pain[:, j - 1] == 0)
        running = np.where(heard, np.where(there, running + 1, 0), running)
    return running


def _worse(people: Population, k: int, errors: Errors) -> Flags:
    """(n,) both of the last two answers worse than the start by at least the error."""
    before, last = np.zeros((2, len(people.responder)), bool)
    for j in range(1, k + 1):
        heard = ~np.isnan(people.pain[:, j - 1])
        now = people.pain[:, j - 1] - people.pain_before >= errors.pain
        before, last = np.where(heard, last, before), np.where(heard, now, last)
    both: Flags = before & last
    return both


def _no_response(people: Population, k: int, rule: StopRule, errors: Errors) -> Flags:
    """(n,) no response at the agreed step, or from a later step on not far enough on the way."""
    if k < rule.stop_after_sessions:
        return np.zeros(len(people.responder), bool)
    gained = people.pain_before - people.pain[:, k - 1]
    better = people.activity[:, k - 1] - people.activity_before >= errors.activity
    none = (relief(people, k) < float(rule.stop_below_percent)) & (gained < errors.pain) & ~better
    later = [step.below_percent for step in rule.later_steps if step.after_sessions <= k]
    short: Flags = none | (relief(people, k) < float(later[-1])) if later else none
    return short


# --- what could stand in its place


def fixed(sessions: int) -> Rule:
    """The same number for everyone."""
    return lambda people, k: np.full(len(people.responder), k >= sessions)


def finish_once_or_stop(finish: float, stop_after: int, stop_below: float) -> Rule:
    """Finish on one reading; stop below a relief after so many sessions, whatever the error.

    NICE TA260's form is `stop_after` 2 and `stop_below` 30.
    """

    def ends(people: Population, k: int) -> Flags:
        there = (relief(people, k) >= finish) | (people.pain[:, k - 1] == 0)
        short = (relief(people, k) < stop_below) & (k >= stop_after)
        either: Flags = there | short
        return either

    return ends


def reliable_change(stop_after: int, rule: StopRule, errors: Errors) -> Rule:
    """Finish as the stop rule does; stop where the change is within error after some sessions."""

    def ends(people: Population, k: int) -> Flags:
        within = people.pain_before - people.pain[:, k - 1] < errors.pain
        heard = ~np.isnan(people.pain[:, k - 1])
        there = _running_at_target(people, k, float(rule.finish_relief_percent))
        short: Flags = within & (k >= stop_after)
        return heard & ((there >= rule.finish_readings) | short)

    return ends


def seer() -> Rule:
    """Knows the truth: ends as soon as less than half a point is still to come."""
    return lambda people, k: people.to_gain[:, k] < LITTLE_GAIN


# --- deciders that have learnt


@dataclass(frozen=True, slots=True)
class Learnt:
    """Means and covariances of [start, six scores, target] in people who were all given six
    sessions and all answered. The target is the true gain still to come (see `told`)."""

    mean: Floats
    covariance: Floats

    def expect(self, people: Population, k: int) -> tuple[Floats, Floats]:
        """(n,) mean and (n,) spread (SD) of the target, given the answers until session k."""
        seen = np.column_stack([people.pain_before, people.pain[:, :k]])
        heard = ~np.isnan(seen)
        codes = heard @ (1 << np.arange(k + 1))
        mean, sd = np.empty(len(seen)), np.empty(len(seen))
        for code in np.unique(codes):
            rows, at = codes == code, np.flatnonzero(code >> np.arange(k + 1) & 1)
            block = self.covariance[np.ix_(at, at)]
            slopes = np.linalg.solve(block, self.covariance[at, -1])
            mean[rows] = self.mean[-1] + (seen[np.ix_(rows, at)] - self.mean[at]) @ slopes
            sd[rows] = np.sqrt(self.covariance[-1, -1] - self.covariance[at, -1] @ slopes)
        return mean, sd


def learn(people: Population, target: Floats) -> Learnt:
    """From a registry of people who all answered; `target` (n,)."""
    seen = np.column_stack([people.pain_before, people.pain, target])
    return Learnt(seen.mean(axis=0), np.cov(seen, rowvar=False))


def forecaster(model: Model, stop_from: int, stop_chance: float, finish_points: float) -> Rule:
    """The product's own forecast as decider, its visits the start and the six sessions.

    Stop where the chance of 30 % relief at session six is below `stop_chance`; finish where less
    than `finish_points` of further fall are expected and half the pain is gone.
    """

    def ends(people: Population, k: int) -> Flags:
        heard = ~np.isnan(people.pain[:, k - 1])
        mean, chance = at_last(model, people, k)
        finish = (people.pain[:, k - 1] - mean < finish_points) & (relief(people, k) >= 50)
        either: Flags = heard & (finish | ((chance < stop_chance) & (k >= stop_from)))
        return either

    return ends


def at_last(model: Model, people: Population, k: int) -> tuple[Floats, Floats]:
    """(n,) expected score and (n,) chance of 30 % relief at session six, given answers until k."""
    scores = np.full((len(people.responder), SESSIONS + 1), np.nan)
    scores[:, 0], scores[:, 1 : k + 1] = people.pain_before, people.pain[:, :k]
    codes = ~np.isnan(scores) @ (1 << np.arange(SESSIONS + 1))
    mean, chance = np.empty(len(scores)), np.empty(len(scores))
    for code in np.unique(codes):
        rows = codes == code
        ahead = given(model, scores[rows])
        mean[rows] = expected(model, ahead)[:, -1]
        chance[rows] = chances(model, ahead, scores[rows, 0], 30)[:, -1]
    return mean, chance


def told(learnt: tuple[Learnt, ...], least_points: float, start_from: int) -> Rule:
    """Ends where less than `least_points` of specific gain are expected, by what was learnt of
    people whose truth was known; `learnt[k]` for the gain still to come after k sessions."""

    def ends(people: Population, k: int) -> Flags:
        mean, _ = learnt[k].expect(people, k)
        return ~np.isnan(people.pain[:, k - 1]) & (mean < least_points) & (k >= start_from)

    return ends

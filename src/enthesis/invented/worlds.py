"""Whole populations of invented courses at once, for judging rules: `body.py` on arrays.

Every person is treated six times and asked before treatment (twice) and once after each session,
so that any rule can be replayed on the same answers. What is true of a person stands beside what
was said. A test holds these arrays to `Body`, one person at a time.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from enthesis.invented.truth import Truth

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

SESSIONS = 6
WEEKS_BEFORE = 52
ASKED_DAYS_BEFORE_NEXT = 7
ACTIVITIES = 3


@dataclass(frozen=True, slots=True)
class World:
    """One population. `changed` are the true parameters in which it differs from the shipped
    ones; `sudden` people gain all at one session instead of a share at each."""

    name: str
    changed: Mapping[str, float]
    sudden: bool = False


@dataclass(frozen=True, slots=True)
class Population:
    """n courses of six sessions. Scores are NaN where nobody answered.

    `pain` (n, 6) and `activity` (n, 6) after each session; `pain_before`, `activity_before` (n,)
    means of the answered baselines; `attained` (n, 7) the share of pain that k sessions take away
    for good; `without` (n,) the level at the end without any specific effect, in points.
    """

    pain_before: Floats
    activity_before: Floats
    pain: Floats
    activity: Floats
    attained: Floats
    without: Floats
    responder: Flags

    @property
    def to_gain(self) -> Floats:
        """(n, 7): the specific gain still to come after k sessions, in points of pain."""
        left: Floats = (self.attained[:, -1:] - self.attained) * self.without[:, None]
        return left


@dataclass(frozen=True, slots=True)
class People:
    """What is lasting in n people: as `body.Latent` and `answers.Habit`, on arrays."""

    usual_pain: Floats
    recovery: Floats
    context: Floats
    specific: Floats
    starts_at_session: NDArray[np.int64]
    own_activity: Floats


def draw_population(
    rng: Generator, truth: Truth, world: World, n: int, interval_days: int = 21
) -> Population:
    """n courses of a world, sessions `interval_days` apart. The same generator: the same people."""
    truth = truth.changed(world.changed)
    people = draw_people(rng, truth, n)
    attained = attained_share(people, truth)
    if world.sudden:
        attained = _all_at_once(rng, attained)
    weeks = _weeks(rng, n, interval_days)
    waves = _waves_from_first_visit(rng, truth, n)
    asked = np.concatenate([np.zeros((n, 1)), weeks.first - 1 / 7, weeks.asked], axis=1)
    level = np.stack(
        [
            true_level(people, truth, asked[:, j], weeks.sessions, attained)
            for j in range(asked.shape[1])
        ],
        axis=1,
    )
    felt = _felt(level, people, truth, waves, asked)
    pain = _rounded(felt + rng.normal(0, truth("pain.answer_sd"), felt.shape))
    activity = _activity(rng, truth, people, felt)
    unasked = rng.random(n) >= truth("process.share_second_baseline")
    pain[unasked, 1] = activity[unasked, 1] = np.nan
    relief = 1 - level[:, 2:] / level[:, :1]
    missing = rng.random((n, SESSIONS)) < truth("process.share_missing") + truth(
        "process.missing_when_improved"
    ) * np.maximum(relief, 0)
    pain[:, 2:][missing] = activity[:, 2:][missing] = np.nan
    last = asked[:, -1]
    return Population(
        pain_before=np.nanmean(pain[:, :2], axis=1),
        activity_before=np.nanmean(activity[:, :2], axis=1),
        pain=pain[:, 2:],
        activity=activity[:, 2:],
        attained=attained,
        without=true_level(people, truth, last, weeks.sessions, np.zeros_like(attained)),
        responder=attained[:, -1] >= truth("specific.responder_threshold"),
    )


def draw_people(rng: Generator, truth: Truth, n: int) -> People:
    """n people as `body._draw_latent` draws one."""
    specific = rng.uniform(0, truth("specific.relief_in_others"), n)
    starts = np.ones(n, np.int64)
    helped = rng.random(n) < truth("specific.share_of_responders")
    specific[helped] = cut_normals(
        rng,
        truth("specific.relief_mean"),
        truth("specific.relief_sd"),
        0.36,
        0.98,
        int(helped.sum()),
    )
    draw = rng.random(n)
    late = draw < truth("specific.share_late")
    second = draw < truth("specific.share_late") + truth("specific.share_second")
    starts[helped & second] = 2
    starts[helped & late] = int(truth("specific.late_session"))
    return People(
        usual_pain=cut_normals(rng, truth("pain.usual_mean"), truth("pain.usual_sd"), 2, 9, n),
        recovery=cut_normals(
            rng, truth("pain.recovery_mean"), truth("pain.recovery_sd"), -0.4, 0.95, n
        ),
        context=cut_normals(rng, truth("pain.context_mean"), truth("pain.context_sd"), 0, 0.4, n),
        specific=specific,
        starts_at_session=starts,
        own_activity=rng.normal(0, truth("signs.activity_sd"), n),
    )


def cut_normals(rng: Generator, mean: float, sd: float, low: float, high: float, n: int) -> Floats:
    """Normal numbers, each drawn again until it lies within the bounds."""
    values = rng.normal(mean, sd, n)
    while (outside := (values < low) | (values > high)).any():
        values[outside] = rng.normal(mean, sd, int(outside.sum()))
    return values


def attained_share(people: People, truth: Truth) -> Floats:
    """(n, 7): what k sessions take away for good, as a share of pain."""
    given = np.arange(SESSIONS + 1)
    effective = np.maximum(given - people.starts_at_session[:, None] + 1, 0)
    share: Floats = people.specific[:, None] * (
        1 - (1 - truth("specific.per_session")) ** effective
    )
    return share


def _all_at_once(rng: Generator, attained: Floats) -> Floats:
    """The same final gain, all of it at one session from the second to the fifth."""
    at = rng.integers(2, SESSIONS, len(attained))
    arrived = np.arange(SESSIONS + 1) >= at[:, None]
    together: Floats = arrived * attained[:, -1:]
    return together


@dataclass(frozen=True, slots=True)
class _Weeks:
    first: Floats
    sessions: Floats
    asked: Floats


def _weeks(rng: Generator, n: int, interval_days: int) -> _Weeks:
    """When people are treated and asked, in weeks from the first visit."""
    first = rng.integers(4, 15, (n, 1)) / 7
    waits = (interval_days + rng.integers(-3, 5, (n, SESSIONS))) / 7
    sessions = np.concatenate([first, first + np.cumsum(waits[:, :-1], axis=1)], axis=1)
    late = (rng.geometric(0.5, (n, SESSIONS)) - 1) / 7
    wait = max(interval_days - ASKED_DAYS_BEFORE_NEXT, ASKED_DAYS_BEFORE_NEXT) / 7
    return _Weeks(first, sessions, np.minimum(sessions + wait + late, sessions + waits - 1 / 7))


def true_level(
    people: People, truth: Truth, week: Floats, sessions: Floats, attained: Floats
) -> Floats:
    """(n,) true pain without waves in a week each, as `Body.level`; `attained` of zeros: the same
    people with needles that do nothing specific."""
    recovered = 1 - np.exp(-np.maximum(week, 0) / truth("pain.recovery_weeks"))
    pain = people.usual_pain * (1 - people.recovery * recovered)
    given = sessions < week[:, None]
    since = week[:, None] - sessions
    last = np.where(given, since, np.inf).min(axis=1)
    pain *= 1 - np.where(
        given.any(axis=1), people.context * np.exp(-last / truth("pain.context_fade_weeks")), 0
    )
    pain *= 1 - _arrived(people, truth, given, since, attained)
    level: Floats = np.clip(pain, 0, 10)
    return level


def _arrived(people: People, truth: Truth, given: Flags, since: Floats, attained: Floats) -> Floats:
    """(n,) how much of the specific relief has arrived: each session's part comes by and by."""
    most = np.where(people.specific > 0, people.specific, 1)
    remaining = 1 - attained / most[:, None]
    kept = np.divide(
        remaining[:, 1:], remaining[:, :-1], out=np.zeros_like(since), where=remaining[:, :-1] > 0
    )
    arrived = 1 - np.exp(-np.maximum(since, 0) / truth("specific.onset_weeks"))
    left = np.where(given, 1 - (1 - kept) * arrived, 1.0).prod(axis=1)
    relief: Floats = most * (1 - left)
    return relief


def _waves_from_first_visit(rng: Generator, truth: Truth, n: int) -> Floats:
    """(n, weeks) waves with flares from the first visit on, which bad weeks make likelier."""
    weeks = WEEKS_BEFORE + 45
    keep, sd = truth("pain.wave_persistence"), truth("pain.wave_sd")
    waves = rng.normal(0, sd * np.sqrt(1 - keep**2), (n, weeks))
    waves[:, 0] /= np.sqrt(1 - keep**2)
    for week in range(1, weeks):
        waves[:, week] += keep * waves[:, week - 1]
    flares = (rng.random((n, weeks)) < truth("pain.flare_chance")) * truth("pain.flare_height")
    waves += flares
    waves[:, 1:] += flares[:, :-1] / 2
    odds = np.exp(truth("pain.seek_care") * waves[:, :WEEKS_BEFORE]).cumsum(axis=1)
    came = (odds < rng.random((n, 1)) * odds[:, -1:]).sum(axis=1)
    return np.take_along_axis(waves, came[:, None] + np.arange(45), axis=1)


def _felt(level: Floats, people: People, truth: Truth, waves: Floats, asked: Floats) -> Floats:
    """(n, times) pain as it is felt on the days of asking: `Body.pain`."""
    calm = truth("pain.calm_share")
    swing = calm + (1 - calm) * level / people.usual_pain[:, None]
    week = np.minimum(np.rint(asked).astype(int), waves.shape[1] - 1)
    return np.clip(level + swing * np.take_along_axis(waves, week, axis=1), 0, 10)


def _activity(rng: Generator, truth: Truth, people: People, felt: Floats) -> Floats:
    """(n, times) the mean of three activities, each answered with error."""
    middle = 10 - truth("signs.activity_follows_pain") * felt + people.own_activity[:, None] - 1
    answers = middle[..., None] + rng.normal(
        0, truth("signs.answer_sd"), (*middle.shape, ACTIVITIES)
    )
    means: Floats = _rounded(answers).mean(axis=-1)
    return means


def _rounded(values: Floats) -> Floats:
    return np.clip(np.rint(values), 0, 10)

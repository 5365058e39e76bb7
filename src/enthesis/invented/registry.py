"""Invent a registry: any number of courses whose true answer is known. Seeded, in arrays.

    world = invent_world(shipped_registry_truth(), seed=1)
    block = invent_courses(world, 100_000, seed=1)          # what happened
    world.means                                             # the known answer: (arms, windows)

Pain over the windows is multivariate normal by arm and clinic and then rounded to whole numbers
0 … 10, or not (`rounded=False`, to see what rounding does to a model that assumes a normal score).
Who falls silent depends on the last answer *given*, so that answers are missing at random; what the
silent would have said, plus the truth's `delta`, is kept in `complete` and in no table. The session
at which a target is reached or a series stopped follows the fall in pain (a normal copula) and has
exactly the shares of the truth. `registry_tables.py` makes the registry's tables of it.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, ndtr

from enthesis.invented.registry_truth import WORST, Floats, RegistryTruth, rounded_mean

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

REACHED, STOPPED, RAN_OUT = 1, 2, 3
"""How a series would end: target reached, stopped, or all planned sessions given."""


@dataclass(frozen=True, slots=True, eq=False)
class World:
    """The truth with its clinics: c clinics, a arms, m windows.

    `chance`: (c, a), of a course being of that clinic and arm; the columns add up to the arms'
    shares. `shift`: (c,), points by which pain after baseline is truly higher in a clinic.
    `price_cents`: (c,).
    """

    truth: RegistryTruth
    chance: Floats
    shift: Floats
    price_cents: Ints

    @property
    def means(self) -> Floats:
        """(a, m): the true mean of latent pain of each arm over its clinics."""
        of_clinic = self.chance / self.chance.sum(axis=0)
        after = np.arange(len(self.truth.windows.days)) > 0
        return np.asarray(self.truth.means + np.outer(of_clinic.T @ self.shift, after))

    @property
    def rounded_means(self) -> Floats:
        """(a, m): the same of answers rounded to 0 … 10, exactly."""
        of_clinic = self.chance / self.chance.sum(axis=0)
        after = np.arange(len(self.truth.windows.days)) > 0
        sd = np.sqrt(np.diagonal(self.truth.windows.covariance))
        means = self.truth.means[None] + self.shift[:, None, None] * after
        return np.asarray((of_clinic[..., None] * rounded_mean(means, sd)).sum(axis=0))


@dataclass(frozen=True, slots=True, eq=False)
class Invented:
    """What happened in n courses over m windows.

    `clinic`, `clinician`, `arm`, `age`, `woman`, `began`: (n,). `follow`: (n,) days from session 1
    to the cut. `complete`: (n, m), every answer, also those never given. `due`, `seen`: (n, m),
    whether a window was over by the cut, and answered. `silent_from`: (n,), the window from which a
    course is silent, m for never. `how`, `at_session`: (n,), how and when its series would end.
    """

    world: World
    clinic: Ints
    clinician: Ints
    arm: Ints
    age: Ints
    woman: Bools
    began: Bools
    follow: Ints
    complete: Floats
    due: Bools
    seen: Bools
    silent_from: Ints
    how: Ints
    at_session: Ints

    @property
    def interval(self) -> Ints:
        """(n,): days between sessions."""
        return np.array([arm.interval for arm in self.world.truth.arm])[self.arm]

    @property
    def planned(self) -> Ints:
        """(n,): sessions planned."""
        return np.array([arm.planned for arm in self.world.truth.arm])[self.arm]

    @property
    def end_day(self) -> Ints:
        """(n,): the day on which the series would end, were it followed so long."""
        after = self.world.truth.series.answer_after_days
        return np.asarray(self.interval * (self.at_session - 1) + after)

    @property
    def lost_day(self) -> Ints:
        """(n,): the day from which a course is silent; a day nobody lives to see if never."""
        days = np.array([*self.world.truth.windows.days, np.iinfo(np.int32).max])
        return np.asarray(days[self.silent_from])


def invent_world(truth: RegistryTruth, seed: int) -> World:
    """Draw the clinics: sizes, the arms they see, their true shifts and prices."""
    clinics = truth.clinics
    rng = np.random.default_rng([seed, 0])
    size = np.exp(float(clinics.size_log_sd) * rng.standard_normal(clinics.count))
    mix = np.exp(float(clinics.mix_sd) * rng.standard_normal((clinics.count, len(truth.arm))))
    chance = size[:, None] * mix
    chance *= np.array([arm.share for arm in truth.arm], dtype=float) / chance.sum(axis=0)
    shift = float(clinics.pain_sd) * rng.standard_normal(clinics.count)
    spread = np.exp(float(truth.money.price_log_sd) * rng.standard_normal(clinics.count))
    # Whole units of money: nobody charges 243.17.
    price = np.rint(truth.money.price_cents * spread / 100).astype(np.int64) * 100
    return World(truth, chance, shift, price)


def invent_courses(
    world: World, n: int, seed: int, *, block: int = 0, rounded: bool = True
) -> Invented:
    """Draw n courses. Blocks of one seed are independent: a large registry is made of several."""
    if n < 1:
        raise ValueError(f"A registry needs at least one course, not {n}.")
    truth = world.truth
    rng = np.random.default_rng([seed, 1, block])
    m = len(truth.windows.days)
    cell = np.searchsorted(np.cumsum(world.chance.ravel())[:-1], rng.random(n), side="right")
    clinic, arm = np.divmod(cell, len(truth.arm))
    noise = rng.standard_normal((n, m)) @ np.linalg.cholesky(truth.windows.covariance).T
    pain = noise + truth.means[arm]
    pain[:, 1:] += world.shift[clinic, None]
    if rounded:
        np.clip(np.rint(pain, out=pain), 0, WORST, out=pain)
    low, high = truth.follow_days
    follow = rng.integers(low, high + 1, n)
    began = rng.random(n) >= float(truth.share_not_begun)
    due = began[:, None] & (follow[:, None] >= np.array(truth.windows.days))
    due[:, 0] = True
    answered, silent_from = _answered(truth, pain, rng)
    # Whoever is silent is worse than the model has them by delta; nobody ever sees it.
    gone = np.arange(m) >= silent_from[:, None]
    complete = np.where(gone, pain + float(truth.silence.delta), pain)
    if rounded:
        np.clip(complete, 0, WORST, out=complete)
    how, at_session = _series(truth, arm, noise, rng)
    mean, sd = map(float, truth.age)
    return Invented(
        world,
        clinic,
        rng.integers(1, truth.clinics.clinicians + 1, n),
        arm,
        np.clip(np.rint(mean + sd * rng.standard_normal(n)), 18, 95).astype(np.int64),
        rng.random(n) < float(truth.women),
        began,
        follow,
        complete,
        due,
        due & answered,
        silent_from,
        how,
        at_session,
    )


def _answered(truth: RegistryTruth, pain: Floats, rng: np.random.Generator) -> tuple[Bools, Ints]:
    """(n, m), (n,): what is answered, and from which window a course is silent for good."""
    n, m = pain.shape
    silence = truth.silence
    answered = np.empty((n, m), dtype=bool)
    answered[:, 0] = rng.random(n) >= float(truth.share_baseline_missing)
    last = np.where(answered[:, 0], pain[:, 0], 5.0)
    silent_from = np.full(n, m)
    for window, leave in enumerate(silence.leave, start=1):
        chance = expit(float(leave) + float(silence.per_point) * (last - 5))
        leaves = (rng.random(n) < chance) & (silent_from == m)
        silent_from[leaves] = window
        answered[:, window] = (silent_from == m) & (rng.random(n) >= float(silence.skip))
        last = np.where(answered[:, window], pain[:, window], last)
    return answered, silent_from


def _series(
    truth: RegistryTruth, arm: Ints, noise: Floats, rng: np.random.Generator
) -> tuple[Ints, Ints]:
    """(n,), (n,): how a series ends, and at which session, by one even number per course.

    The even number comes from the fall in pain of the middle window; the largest numbers reach
    their target first, the smallest are stopped first, those between run out.
    """
    middle = noise.shape[1] // 2
    fall = noise[:, 0] - noise[:, middle]
    sigma = truth.windows.covariance
    fall /= np.sqrt(sigma[0, 0] + sigma[middle, middle] - 2 * sigma[0, middle])
    rho = float(truth.series.follows_pain)
    even = ndtr(rho * fall + np.sqrt(1 - rho**2) * rng.standard_normal(len(fall)))
    how, at_session = np.empty(len(arm), np.int64), np.empty(len(arm), np.int64)
    for number, one in enumerate(truth.arm):
        own = np.flatnonzero(arm == number)
        stop, reach = np.array(one.stop, dtype=float), np.array(one.reach, dtype=float)
        shares = np.concatenate([stop, [1 - stop.sum() - reach.sum()], reach[::-1]])
        place = np.searchsorted(np.cumsum(shares)[:-1], even[own], side="right")
        k = one.planned
        how[own] = np.select([place < k, place == k], [STOPPED, RAN_OUT], REACHED)
        at_session[own] = np.select([place < k, place == k], [place + 1, k], 2 * k + 1 - place)
    return how, at_session

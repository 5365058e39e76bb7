"""What goes on in an invented person: pain by week, with and without the specific effect.

The latent values stay in here and in the returned objects; a clinic database never holds them.
Weeks count from the first visit.
"""

from dataclasses import dataclass
from math import exp

import numpy as np
from numpy.random import Generator

from enthesis.invented.truth import Truth

WEEKS_BEFORE = 52
WEEKS_AFTER = 160


@dataclass(frozen=True, slots=True)
class Latent:
    """The truth about one person: shares of pain between 0 and 1, never stored in a clinic.

    `starts_at_session` is the first session that does something specific. `responder`: at session
    six the specific effect is at least the truth's threshold.
    """

    usual_pain: float
    recovery: float
    context: float
    specific: float
    starts_at_session: int
    responder: bool


@dataclass(frozen=True, slots=True)
class Body:
    """A person's latent values with their good and bad weeks (`waves`, one
    per week from the first visit)."""

    latent: Latent
    waves: np.ndarray
    truth: Truth

    def level(self, week: float, session_weeks: tuple[float, ...], specific: bool = True) -> float:
        """True pain without waves, 0 to 10, in a week, after sessions given in `session_weeks`.

        `specific=False` is the same person with the needles doing nothing specific.
        """
        t = self.truth
        recovered = 1 - exp(-max(week, 0.0) / t("pain.recovery_weeks"))
        pain = self.latent.usual_pain * (1 - self.latent.recovery * recovered)
        given = [w for w in session_weeks if w < week]
        if given:
            faded = exp(-(week - given[-1]) / t("pain.context_fade_weeks"))
            pain *= 1 - self.latent.context * faded
        if specific:
            pain *= 1 - self.specific_relief(week, session_weeks)
        return min(max(pain, 0.0), 10.0)

    def specific_relief(self, week: float, session_weeks: tuple[float, ...]) -> float:
        """Share of pain that the injections themselves have taken away by `week`."""
        t = self.truth
        remaining = 1.0
        for number, given in enumerate(session_weeks, start=1):
            if given < week and number >= self.latent.starts_at_session:
                arrived = 1 - exp(-(week - given) / t("specific.onset_weeks"))
                remaining *= 1 - t("specific.per_session") * arrived
        return self.latent.specific * (1 - remaining)

    def pain(self, week: float, session_weeks: tuple[float, ...], specific: bool = True) -> float:
        """Pain as it is felt in a week: the level with the week's wave on it, 0 to 10."""
        level = self.level(week, session_weeks, specific)
        calm = self.truth("pain.calm_share")
        swing = calm + (1 - calm) * level / self.latent.usual_pain
        wave = float(self.waves[min(round(week), len(self.waves) - 1)])
        return min(max(level + swing * wave, 0.0), 10.0)


def draw_body(rng: Generator, truth: Truth) -> Body:
    """One person on the day of the first visit, which bad weeks make likelier."""
    latent = _draw_latent(rng, truth)
    waves = _draw_waves(rng, truth)
    odds = np.exp(truth("pain.seek_care") * waves[:WEEKS_BEFORE])
    came = int(rng.choice(WEEKS_BEFORE, p=odds / odds.sum()))
    return Body(latent, waves[came:], truth)


def cut_normal(rng: Generator, mean: float, sd: float, low: float, high: float) -> float:
    """A normal number, drawn again until it lies within the bounds."""
    while not low <= (value := float(rng.normal(mean, sd))) <= high:
        pass
    return value


def _draw_latent(rng: Generator, truth: Truth) -> Latent:
    starts, specific = _draw_specific(rng, truth)
    effective = max(0, 6 - starts + 1)
    at_six = specific * (1 - (1 - truth("specific.per_session")) ** effective)
    return Latent(
        usual_pain=cut_normal(rng, truth("pain.usual_mean"), truth("pain.usual_sd"), 2, 9),
        recovery=cut_normal(
            rng, truth("pain.recovery_mean"), truth("pain.recovery_sd"), -0.4, 0.95
        ),
        context=cut_normal(rng, truth("pain.context_mean"), truth("pain.context_sd"), 0, 0.4),
        specific=specific,
        starts_at_session=starts,
        responder=at_six >= truth("specific.responder_threshold"),
    )


def _draw_specific(rng: Generator, truth: Truth) -> tuple[int, float]:
    if rng.random() >= truth("specific.share_of_responders"):
        return 1, float(rng.uniform(0, truth("specific.relief_in_others")))
    relief = cut_normal(rng, truth("specific.relief_mean"), truth("specific.relief_sd"), 0.36, 0.98)
    draw = rng.random()
    if draw < truth("specific.share_late"):
        return int(truth("specific.late_session")), relief
    second = draw < truth("specific.share_late") + truth("specific.share_second")
    return (2 if second else 1), relief


def _draw_waves(rng: Generator, truth: Truth) -> np.ndarray:
    """Weekly waves with flares, from a year before, so that a week to come in can be chosen."""
    weeks = WEEKS_BEFORE + WEEKS_AFTER
    keep = truth("pain.wave_persistence")
    shocks = rng.normal(0, truth("pain.wave_sd"), weeks) * np.sqrt(1 - keep**2)
    waves = np.empty(weeks)
    waves[0] = shocks[0] / np.sqrt(1 - keep**2)
    for week in range(1, weeks):
        waves[week] = keep * waves[week - 1] + shocks[week]
    flares = (rng.random(weeks) < truth("pain.flare_chance")) * truth("pain.flare_height")
    waves += flares
    waves[1:] += flares[:-1] / 2
    return waves

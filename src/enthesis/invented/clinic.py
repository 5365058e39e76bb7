"""The whole invented clinic on a given day: two years of courses, and a day that is alive.

Each person has a generator of their own, seeded by clinic and place in the row, so that the same
seed and day give the same clinic, and more patients do not change those already there.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

import numpy as np

from enthesis.invented.body import draw_body
from enthesis.invented.people import draw_person
from enthesis.invented.story import SLOTS, Story, Teller
from enthesis.invented.truth import Truth
from enthesis.journey.judge import judge
from enthesis.knowledge.kinds import Knowledge
from enthesis.records import NextStep

YEARS = 2
CLINICIANS = ("Dr Amara Osei", "Dr Lucas Hartmann")
TRIES = 400
_SCENES_SEED = 1
_PEOPLE_SEED = 0


@dataclass(frozen=True, slots=True)
class Scene:
    """Somebody whom today's page shows: drawn from the same truth, again until `fits`.

    `meets` is the visit that falls on today (0 the evaluation, 1 the first session, and so on);
    None for who has no visit today.
    """

    name: str
    meets: int | None
    lead_days: int
    fits: Callable[[Story, Knowledge, date], bool]
    silent: bool = False


@dataclass(frozen=True, slots=True)
class InventedClinic:
    """What was invented. `for_today` are places in `stories` that were drawn to fit today's
    page: leave them out of any estimate of the truth."""

    today: date
    seed: int
    stories: tuple[Story, ...]
    for_today: tuple[int, ...]


def invent_clinic(
    today: date,
    seed: int,
    patients: int,
    known: Knowledge,
    truth: Truth,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> InventedClinic:
    """Invent a clinic with so many patients on a day. Raises ValueError below len(SCENES)."""
    if patients < len(SCENES):
        raise ValueError(f"An invented clinic needs at least {len(SCENES)} patients.")
    stories = [
        _stage(scene, place, today, seed, known, truth) for place, scene in enumerate(SCENES)
    ]
    for place in range(patients - len(SCENES)):
        stories.append(_happen(place, today, seed, known, truth))
        progress(len(stories), patients)
    return InventedClinic(today, seed, tuple(stories), tuple(range(len(SCENES))))


def _happen(place: int, today: date, seed: int, known: Knowledge, truth: Truth) -> Story:
    """Somebody who came on some day of the past years."""
    rng = np.random.default_rng((seed, _PEOPLE_SEED, place))
    opened_on = today - timedelta(days=int(rng.integers(1, round(YEARS * 365.25))))
    if opened_on.weekday() >= 5:
        opened_on -= timedelta(days=2)
    return _teller(rng, opened_on, today, known, truth).tell()


def _teller(
    rng: np.random.Generator, opened_on: date, today: date, known: Knowledge, truth: Truth
) -> Teller:
    person = draw_person(rng, truth, opened_on)
    second = bool(rng.random() < truth("process.second_clinician"))
    return Teller(
        rng=rng,
        truth=truth,
        known=known,
        person=person,
        body=draw_body(rng, truth),
        clinician=CLINICIANS[second],
        opened_on=opened_on,
        today=today,
    )


def _stage(
    scene: Scene, place: int, today: date, seed: int, known: Knowledge, truth: Truth
) -> Story:
    """Draw people for a scene until one fits; the visits of today stand in the scenes' order."""
    for attempt in range(TRIES):
        rng = np.random.default_rng((seed, _SCENES_SEED, place, attempt))
        opened_on = today - timedelta(days=scene.lead_days + int(rng.integers(-2, 3)))
        teller = _teller(rng, min(opened_on, today), today, known, truth)
        teller.meets, teller.silent = scene.meets, scene.silent
        story = teller.tell()
        if scene.fits(story, known, today):
            return _at_slot(story, place, today)
    raise ValueError(f"Nobody fits the scene “{scene.name}” after {TRIES} tries: see truth.toml.")


def _at_slot(story: Story, place: int, today: date) -> Story:
    at = datetime.combine(today, SLOTS[place % len(SLOTS)])
    visits = tuple(replace(v, at=at) if v.at.date() == today else v for v in story.visits)
    return replace(story, visits=visits)


def _comes_today(story: Story, today: date) -> bool:
    return any(v.at.date() == today and v.state == "booked" for v in story.visits)


def _is_new(story: Story, known: Knowledge, today: date) -> bool:
    return _comes_today(story, today) and story.course.evaluation is None


def _is_unweighed(story: Story, known: Knowledge, today: date) -> bool:
    agreed = story.course.plan is not None and story.course.plan.agreed_on is not None
    return _comes_today(story, today) and agreed and not story.person.weighed


def _is_silent(story: Story, known: Knowledge, today: date) -> bool:
    return _comes_today(story, today) and len(story.course.sessions) == 1


def _judged(step: NextStep, sessions: int) -> Callable[[Story, Knowledge, date], bool]:
    def fits(story: Story, known: Knowledge, today: date) -> bool:
        if not _comes_today(story, today) or len(story.course.sessions) < sessions:
            return False
        verdict = judge(story.course, known, today)
        return verdict.next_step is step and not verdict.ask_first

    return fits


def _is_worry(story: Story, known: Knowledge, today: date) -> bool:
    last = story.course.assessments[-1]
    danger = last.answers.get("danger", ("none",)) != ("none",)
    return danger and (today - last.on).days <= 1 and not _comes_today(story, today)


SCENES = (
    Scene("new evaluation", 0, 5, _is_new),
    Scene("no answer yet", 2, 38, _is_silent, silent=True),
    Scene("go on, session 3", 3, 66, _judged(NextStep.GO_ON, 2)),
    Scene("stop after session 4", 5, 122, _judged(NextStep.STOP, 4)),
    Scene("finish", 5, 122, _judged(NextStep.FINISH, 3)),
    Scene("not weighed", 1, 10, _is_unweighed),
    Scene("go on, session 4", 4, 94, _judged(NextStep.GO_ON, 3)),
)
"""Who comes today, in the order of the day."""

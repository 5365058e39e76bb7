"""The whole invented clinic on a given day: two years of courses, and a day that is alive.

Each person has a generator of their own, seeded by clinic and place in the row, so that the same
seed and day give the same clinic, and more patients do not change those already there.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from itertools import pairwise

import numpy as np

from enthesis.invented.body import draw_body
from enthesis.invented.people import draw_person
from enthesis.invented.story import MEETS_RECHECK, SLOTS, Story, Teller
from enthesis.invented.truth import Truth
from enthesis.journey.follow import dangers
from enthesis.journey.judge import judge
from enthesis.knowledge.kinds import Knowledge
from enthesis.records import NextStep

YEARS = 2
STEP = timedelta(minutes=15)
EVALUATION_LEAD_DAYS = 5
FIRST_SESSION_LEAD_DAYS = 9
RECHECK_LEAD_DAYS = 185
CLINICIANS = ("Dr Amara Osei", "Dr Lucas Hartmann")
TRIES = 1000
_SCENES_SEED = 1
_PEOPLE_SEED = 0


@dataclass(frozen=True, slots=True)
class Scene:
    """Somebody whom today's page shows: drawn again until `fits`, where that is rare from a truth
    that is `bent` towards it (parameter to value).

    `meets` is the visit that falls `days_ago` (see Teller), after `visits` at the plan's interval.
    """

    name: str
    meets: int
    fits: Callable[[Story, Knowledge, date], bool]
    days_ago: int = 0
    silent: bool = False
    danger_after: int = 0
    bent: Mapping[str, float] = field(default_factory=dict)

    def lead_days(self, interval_days: int) -> int:
        """About how long before the visit the course was opened."""
        if self.meets == MEETS_RECHECK:
            return RECHECK_LEAD_DAYS
        if self.meets == 0:
            return EVALUATION_LEAD_DAYS
        return FIRST_SESSION_LEAD_DAYS + (self.meets - 1) * interval_days + self.days_ago


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
) -> InventedClinic:
    """Invent a clinic with so many patients on a day. Raises ValueError below len(SCENES)."""
    if patients < len(SCENES):
        raise ValueError(f"An invented clinic needs at least {len(SCENES)} patients.")
    stories = [
        _stage(scene, place, today, seed, known, truth) for place, scene in enumerate(SCENES)
    ]
    others = range(patients - len(SCENES))
    stories += [_happen(place, today, seed, known, truth) for place in others]
    return InventedClinic(today, seed, _without_clashes(stories), tuple(range(len(SCENES))))


def _without_clashes(stories: list[Story]) -> tuple[Story, ...]:
    """No clinician sees two people at once: who comes later in the row takes a later time.

    A visit lasts half an hour, two steps, so the steps beside it are taken as well.
    """
    taken: set[tuple[str, datetime]] = set()
    moved = []
    for story in stories:
        visits = []
        for visit in story.visits:
            at = visit.at
            while taken & {(story.clinician, at + shift * STEP) for shift in (-1, 0, 1)}:
                at += STEP
            taken.add((story.clinician, at))
            visits.append(replace(visit, at=at))
        moved.append(replace(story, visits=tuple(visits)))
    return tuple(moved)


def _happen(place: int, today: date, seed: int, known: Knowledge, truth: Truth) -> Story:
    """Somebody who came on some day of the past years."""
    rng = np.random.default_rng((seed, _PEOPLE_SEED, place))
    days = int(rng.integers(1, round(YEARS * 365.25)))
    return _teller(rng, lambda interval_days: days, today, known, truth).tell()


def _teller(
    rng: np.random.Generator,
    days_open: Callable[[int], int],
    today: date,
    known: Knowledge,
    truth: Truth,
) -> Teller:
    """A person about to tell; `days_open` makes the plan's interval into days since the opening."""
    person = draw_person(rng, truth, today - timedelta(days=365))
    # The first two: the others need guidance, an anaesthetic without a ceiling, or are rarer.
    protocol = str(rng.choice(known.conditions[person.condition].protocols[:2]))
    opened_on = today - timedelta(days=days_open(known.protocols[protocol].interval_days))
    if opened_on.weekday() >= 5:
        opened_on -= timedelta(days=2)
    second = bool(rng.random() < truth("process.second_clinician"))
    return Teller(
        rng=rng,
        truth=truth,
        known=known,
        person=person,
        body=draw_body(rng, truth),
        clinician=CLINICIANS[second],
        protocol=protocol,
        opened_on=opened_on,
        today=today,
    )


def _stage(
    scene: Scene, place: int, today: date, seed: int, known: Knowledge, truth: Truth
) -> Story:
    """Draw people for a scene until one fits; the visits of today stand in the scenes' order."""
    bent = truth.changed(scene.bent)
    for attempt in range(TRIES):
        rng = np.random.default_rng((seed, _SCENES_SEED, place, attempt))
        teller = _teller(rng, scene.lead_days, today, known, bent)
        teller.meets, teller.meets_on = scene.meets, today - timedelta(days=scene.days_ago)
        teller.silent, teller.danger_after = scene.silent, scene.danger_after
        story = teller.tell()
        if _is_in_order(story) and scene.fits(story, known, today):
            return _at_slot(story, place, today)
    raise ValueError(f"Nobody fits the scene “{scene.name}” after {TRIES} tries: see truth.toml.")


def _is_in_order(story: Story) -> bool:
    """A forced visit may have come before the one that it should follow."""
    days = [visit.at.date() for visit in story.visits]
    return all(before < after for before, after in pairwise(days))


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
    treated = len(story.course.sessions) == 1
    return _comes_today(story, today) and treated and judge(story.course, known, today).ask_first


def _judged(step: NextStep, sessions: int) -> Callable[[Story, Knowledge, date], bool]:
    def fits(story: Story, known: Knowledge, today: date) -> bool:
        plan, given = story.course.plan, len(story.course.sessions)
        if plan is None or not _comes_today(story, today):
            return False
        if not sessions <= given < plan.sessions_planned:
            return False
        verdict = judge(story.course, known, today)
        return verdict.next_step is step and not verdict.ask_first

    return fits


def _is_recheck(story: Story, known: Knowledge, today: date) -> bool:
    return _comes_today(story, today) and story.visits[-1].kind == "recheck"


def _is_worry(story: Story, known: Knowledge, today: date) -> bool:
    last = story.course.assessments[-1] if story.course.assessments else None
    return bool(last and last.on == today and dangers(last.answers, known))


NO_RESPONDERS = {"specific.share_of_responders": 0}
STRONG_RESPONDERS = {
    "people.share_low_back": 1,
    "process.missing_when_improved": 0,
    "specific.per_session": 0.7,
    "specific.relief_mean": 0.95,
    "specific.share_of_responders": 1,
}
SCENES = (
    Scene("new evaluation", 0, _is_new),
    Scene("no answer yet", 2, _is_silent, silent=True),
    Scene("go on, session 3", 3, _judged(NextStep.GO_ON, 2)),
    Scene("stop after session 4", 5, _judged(NextStep.STOP, 4), bent=NO_RESPONDERS),
    Scene("finish", 4, _judged(NextStep.FINISH, 3), bent=STRONG_RESPONDERS),
    Scene("not weighed", 1, _is_unweighed, bent={"people.share_weight_unknown": 1}),
    Scene("recheck", MEETS_RECHECK, _is_recheck),
    Scene("go on, session 4", 4, _judged(NextStep.GO_ON, 3)),
    Scene("danger sign after session 3", 3, _is_worry, days_ago=2, danger_after=3),
)
"""Who is on today's page: the visits in the order of the day, then the worry."""

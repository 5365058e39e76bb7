"""A registry of the invented clinic, made once for all tests of this folder."""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path

import pytest

from enthesis.invented.clinic import invent_clinic
from enthesis.invented.story import Story
from enthesis.invented.truth import shipped_truth
from enthesis.knowledge.kinds import Knowledge
from enthesis.knowledge.load import knowledge
from enthesis.outcomes import registry
from enthesis.outcomes.rows import Adverse, Amount, Beside, CourseRows, Given, rows_of
from tests.conftest import TODAY

CLINICS, CLINICIANS = 2, 3


def beside(place: int, story: Story) -> Beside:
    """What the clinic would keep beside the record: pseudonyms spread, every third not paid."""
    paid = [Amount(p.on, "payment", p.amount) for b in story.bills for p in b.payments if place % 3]
    charged = [
        Amount(b.issued_on, "charge", c.amount, b.session) for b in story.bills for c in b.charges
    ]
    return Beside(
        course=(place * 7919) % 10007,
        clinic=1 + place % CLINICS,
        clinician=None if place == 5 else 1 + place % CLINICIANS,
        sex=story.person.sex if place % 4 else None,
        calls=place % 2,
        amounts=(*charged, *paid),
        adverse=tuple(adverse(place, story)) if place % 5 == 0 else (),
        given={
            s.number: Given(
                (None, "palpation", "ultrasound", "several")[(place + s.number) % 4],
                (None, 0, 0, 2)[s.number % 4],
            )
            for s in story.course.sessions
        },
    )


def adverse(place: int, story: Story) -> Iterator[Adverse]:
    """One before treatment; then one after every second session, each second named by its number.
    Of three one is judged, of four one serious, and every other was a warning answer first."""
    course = story.course
    days = [(None, course.opened_on)] if place % 10 == 0 else []
    for s in course.sessions[::2]:
        days.append((s.number if s.number % 4 == 1 else None, s.on + timedelta(days=place % 3)))
    for at, (session, on) in enumerate(days):
        yield Adverse(
            onset_on=on,
            session=session,
            kind=("flare", "bleeding", "infection")[(place + at) % 3],
            grade=1 + (place + at) % 4,
            serious=(place + at) % 4 == 3,
            relatedness="possible" if at % 3 == 0 else None,
            outcome="recovered",
            from_warning=at % 2 == 0,
        )


@pytest.fixture(scope="session")
def known() -> Knowledge:
    return knowledge(TODAY)


@pytest.fixture(scope="session")
def stories(known: Knowledge) -> Sequence[Story]:
    return invent_clinic(TODAY, 7, 70, known, shipped_truth()).stories


@pytest.fixture(scope="session")
def rows(stories: Sequence[Story], known: Knowledge) -> Sequence[CourseRows]:
    return [rows_of(s.course, beside(i, s), known, TODAY) for i, s in enumerate(stories)]


@pytest.fixture(scope="session")
def folder(rows: Sequence[CourseRows], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A base of the first fifty courses and a delta of the rest, in three steps."""
    made = tmp_path_factory.mktemp("registry")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(registry, "SMALL", 0)
        patch.setattr(registry, "DELTA_SHARE", 1)
        patch.setattr(registry, "PART_COURSES", 30)
        for some in (rows[:50], rows[45:60], rows[55:]):
            registry.refresh(made, registry.as_tables(some), knowledge="k")
    assert registry.read_cut(made).delta is not None
    return made

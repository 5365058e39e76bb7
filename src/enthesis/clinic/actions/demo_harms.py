"""A few adverse events of the invented clinic, so that its counts of harms are not all nought."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta

from enthesis.clinic.models import AdverseEvent, AdverseEventEntry, Session, User

EVERY = 20
"""Of so many patients one, if treated: nothing is meant by the number."""
_EVENTS = (
    ("flare", 2, "So sore for four days that stairs were hard.", "Advice by telephone."),
    (
        "vasovagal",
        1,
        "Faint and pale after the last place, for some minutes.",
        "Lay down, legs up.",
    ),
    ("bleeding", 1, "A bruise as large as a palm.", "None needed."),
)


def harms(
    number: int, sessions: list[Session], today: date, other: User
) -> Iterator[AdverseEvent | AdverseEventEntry]:
    """The event after a patient's first session, if there is one, with its judgement by a clinician
    who did not inject; every third still waits for that. Rows that are not saved."""
    place, left = divmod(number, EVERY)
    if left != 1 or not sessions or sessions[0].on >= today:
        return
    first = sessions[0]
    kind, grade, happened, done = _EVENTS[place % len(_EVENTS)]
    on = first.on + timedelta(days=kind != "vasovagal")
    event = AdverseEvent(
        course=first.course,
        session=first,
        kind=kind,
        onset_on=on,
        grade=grade,
        serious=False,
        outcome="recovered",
        what_happened=happened,
        what_was_done=done,
        request_key=f"invented-{number}",
        by=first.signed_by,
        at=_at(on),
    )
    yield event
    if place % 3:
        why = "Began within a day of the session, at its places."
        yield AdverseEventEntry(
            event=event, relatedness="probable", text=why, by=other, at=_at(on + timedelta(days=1))
        )


def _at(on: date) -> datetime:
    """At five in the afternoon of the invented clinic, which lives in UTC."""
    return datetime.combine(on, time(17), tzinfo=UTC)

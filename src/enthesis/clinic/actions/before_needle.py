"""Before the needle: the checks of the day and the time-out that two people hold."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from django.db import transaction
from django.utils import timezone

from enthesis.clinic import audit, store
from enthesis.clinic.actions import Refused, save
from enthesis.clinic.models import Clinic, Session, User
from enthesis.clinic.permissions import get_for
from enthesis.journey.before_needle import changed_since, checks_for, standing_against
from enthesis.knowledge.kinds import Knowledge
from enthesis.records import CheckAnswer, Mixture, Side, SiteDose
from enthesis.shape import plain, read


def check_answers(session: Session) -> dict[str, CheckAnswer]:
    """The checks of the day as they were answered; absent is unknown."""
    return {
        id: CheckAnswer(
            told["as_it_should_be"], date.fromisoformat(told["asked_on"]), told["set_aside"]
        )
        for id, told in session.day_checks.items()
    }


def stamped(
    before: Mapping[str, Any], answers: Mapping[str, CheckAnswer], user: User
) -> dict[str, Any]:
    """Answers as they are kept: who gave each and when. One that stays keeps its first stamp."""
    now = timezone.now().isoformat()
    kept = {}
    for id, answer in answers.items():
        told = {
            "as_it_should_be": answer.as_it_should_be,
            "asked_on": answer.asked_on.isoformat(),
            "set_aside": answer.set_aside,
        }
        old = before.get(id, {})
        same = all(old.get(name) == value for name, value in told.items())
        kept[id] = dict(old) if same else {**told, "by": str(user), "at": now}
    return kept


def refuse_unchecked(session: Session, known: Knowledge) -> None:
    """Refused while a check of the day was not asked, or stands against the needle."""
    checks = checks_for(session.course.patient.sex, known)
    if told := standing_against(checks, check_answers(session), session.on):
        raise Refused(f"Checks before the needle: {' '.join(told)}")


@transaction.atomic
def record_time_out(
    user: User,
    session_id: int,
    heard: str,
    with_id: int | None = None,
    not_held: str = "",
) -> Session:
    """A second person heard what this draft says, or why no time-out was held. Nobody (None) is
    the patient, where the clinic has no second person.

    `heard` is the fingerprint of what the screen showed: it must be what stands there now. (The
    version would not do: a late save of the same content raises it.)

    Refused after signing, before the checks of the day are done, and for somebody who is not
    another person of this clinic.
    """
    session = get_for(user, Session, session_id, lock=True)
    if session.signed_at is not None:
        raise Refused("This session is signed: a time-out comes before the needle.")
    if heard != fingerprint(session):
        raise Refused("The draft changed while you read. Read it again: this is what stands now.")
    clinic = session.course.patient.clinic
    refuse_unchecked(session, store.known_for(clinic, session.on))
    told: dict[str, object] = {"at": timezone.now().isoformat(), "by": str(user)}
    if not_held:
        told["not_held"] = not_held
    else:
        told["with"] = _second(user, clinic, with_id)
    told["sites"] = [[row.site, row.side, row.mixture] for row in session.sites.all()]
    told["mixtures"] = session.mixtures
    session.time_out = told
    save(session)
    audit.record(user, "record_time_out", session, detail={"held": not not_held})
    return session


def fingerprint(session: Session) -> str:
    """Of everything that a time-out reads out of a draft."""
    rows = session.sites.values_list("site", "side", "mixture", "volume_ml")
    told = [[*map(str, row)] for row in rows], session.mixtures, str(session.weight_kg)
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()


def _second(user: User, clinic: Clinic, id: int | None) -> str:
    others = seconds(user, clinic)
    if id is None and not others:
        return "the patient"
    if id not in others:
        raise Refused("Choose the other person who heard it: somebody of this clinic.")
    return str(others[id])


def seconds(user: User, clinic: Clinic) -> dict[int, User]:
    """Who may hold a time-out with this user: everybody else who works at the clinic."""
    others = User.objects.filter(clinic=clinic, is_active=True).exclude(pk=user.pk)
    return {other.pk: other for other in others.order_by("display_name", "username")}


def time_out_problems(
    session: Session,
    mixtures: Sequence[Mixture],
    sites: Sequence[SiteDose],
    known: Knowledge,
) -> list[str]:
    """Why the time-out of a draft does not hold for what is typed now; empty where it does."""
    told = session.time_out
    if not told:
        return ["No time-out was held yet."]
    held_on = timezone.localdate(_moment(told["at"]))
    if held_on < session.on:
        return [f"The time-out was held on {held_on.day} {held_on:%b %Y}: hold it on the day."]
    read_out = {(site, Side(side), mixture) for site, side, mixture in told["sites"]}
    mixed = read(tuple[Mixture, ...], told["mixtures"])
    if new := changed_since(read_out, mixed, mixtures, sites, known):
        return [f"Changed after the time-out, which is void: {'; '.join(new)}. Hold it again."]
    return []


def refuse_without_time_out(
    session: Session, mixtures: Sequence[Mixture], given: Sequence[SiteDose], known: Knowledge
) -> None:
    """Refused without a time-out that heard of everything that is signed as given."""
    # Read as they are kept, so that 10 and 10.00 are one volume.
    mixed = read(tuple[Mixture, ...], plain(tuple(mixtures)))
    if problems := time_out_problems(session, mixed, given, known):
        raise Refused(" ".join(problems))


def time_out_words(session: Session) -> str:
    """How the time-out was held, for the note and the signed page."""
    told = session.time_out
    if not told:
        return "Time-out not recorded"
    at = timezone.localtime(_moment(told["at"]))
    if why := told.get("not_held"):
        return f"No time-out was held: {why} ({told['by']}, {at.day} {at:%b %Y at %H:%M})"
    return f"Time-out {at.day} {at:%b %Y at %H:%M}: {told['by']} with {told['with']}"


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)

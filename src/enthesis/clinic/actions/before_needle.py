"""Before the needle: the checks of the day and the time-out that two people hold."""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.utils import timezone

from enthesis import records
from enthesis.clinic import audit, consents, store
from enthesis.clinic.actions import Refused, save
from enthesis.clinic.actions.cautions import refuse_cautions
from enthesis.clinic.actions.evaluate import check_suitable
from enthesis.clinic.models import Clinic, Course, Session, SessionSite, User
from enthesis.clinic.permissions import get_for, roles_of
from enthesis.journey.before_needle import changed_since, checks_for, standing_against
from enthesis.journey.judge import open_warnings
from enthesis.journey.treat import check_doses
from enthesis.knowledge.kinds import Knowledge
from enthesis.records import CheckAnswer, Mixture, Side, SiteDose
from enthesis.shape import plain, read
from enthesis.units import Kg, Ml


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


def refuse_unsafe(
    course: Course,
    record: records.Course,
    on: date,
    known: Knowledge,
    began_at: datetime | None = None,
) -> None:
    """What was found after the agreement counts too: an evaluation, an answer. Only up to the day
    of the session, so that one that was given can be written down afterwards; of consent, up to
    the moment at which it began."""
    check_suitable(course.evaluations.filter(on__lte=on).last())
    if refused := consents.why_no_needle(course, on, began_at):
        raise Refused(refused)
    if signs := [rule.text for day, rule in open_warnings(record, known) if day <= on]:
        raise Refused(
            f"Warning sign in the patient's answers: {'; '.join(dict.fromkeys(signs))}. Nothing is "
            "injected until a clinician has decided upon it, on the page of the course."
        )


def refuse_doses(
    session: Session,
    on: date,
    kg: Decimal | None,
    mixtures: Sequence[Mixture],
    given: Sequence[SiteDose],
    known: Knowledge,
) -> None:
    """Refused while a mixture, a site or the day's anaesthetic is not safe."""
    earlier = also_given(session, on)
    check = check_doses((*mixtures, *earlier), given, None if kg is None else Kg(kg), known)
    if check.blocks:
        counted = " Another session of that day is counted in." if earlier else ""
        raise Refused(f"Not safe. {' '.join(p.text for p in check.problems)}{counted}")


def also_given(session: Session, on: date) -> tuple[Mixture, ...]:
    """What this patient's other signed sessions of a day drew up: a ceiling is one for the day,
    whether one complaint is treated on it or two."""
    others = Session.objects.filter(
        course__patient=session.course.patient_id, on=on, signed_at__isnull=False
    ).exclude(pk=session.pk)
    return tuple(
        replace(mixture, key=f"{mixture.key}, session record {other.pk}")
        for other in others
        for mixture in read(tuple[Mixture, ...], other.mixtures)
    )


def refuse_needle(session: Session, known: Knowledge) -> None:
    """Refused where what stands in a draft must not be injected: the same hard stops as at signing,
    asked while the needle can still be held back."""
    mixtures = read(tuple[Mixture, ...], session.mixtures)
    ticked = _doses(session.sites.filter(given=True))
    drawn = {row.mixture for row in session.sites.all()}
    refuse_unsafe(session.course, store.course_record(session.course), session.on, known)
    refuse_unchecked(session, known)
    refuse_doses(session, session.on, session.weight_kg, mixtures, ticked, known)
    refuse_cautions(session, [one for one in mixtures if one.key in drawn], known)


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

    Refused after signing, for somebody who is not another person of this clinic, and while
    anything stands against the needle.
    """
    session = get_for(user, Session, session_id, lock=True)
    if session.signed_at is not None:
        raise Refused("This session is signed: a time-out comes before the needle.")
    if heard != fingerprint(session):
        raise Refused("The draft changed while you read. Read it again: this is what stands now.")
    clinic = session.course.patient.clinic
    refuse_needle(session, store.known_for(clinic, session.on))
    told: dict[str, object] = {"at": timezone.now().isoformat(), "by": str(user)}
    if not_held:
        told["not_held"] = not_held
    elif session.on != store.today(clinic):
        # Lots, consent and ceilings would be looked at by another day than the needle's.
        raise Refused(
            f"The draft is of {session.on.day} {session.on:%b %Y}. Change “Given on” to the day "
            "of the needle; for what was given before, say why no time-out was held here."
        )
    else:
        told["with"] = _second(user, clinic, with_id)
    told["sites"] = plain(tuple(_doses(session.sites.all())))
    told["mixtures"] = session.mixtures
    session.time_out = told
    save(session)
    audit.record(user, "record_time_out", session, detail={"held": not not_held})
    return session


def _doses(rows: Iterable[SessionSite]) -> list[SiteDose]:
    return [SiteDose(row.site, Side(row.side), row.mixture, Ml(row.volume_ml)) for row in rows]


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
        raise Refused("Choose the other person who heard it: somebody who meets patients.")
    return str(others[id])


def seconds(user: User, clinic: Clinic) -> dict[int, User]:
    """Who may hold a time-out with this user: everybody else at the clinic who meets patients."""
    may_hear = User.objects.filter(
        clinic=clinic, is_active=True, role__in=roles_of("hear_time_out")
    )
    others = may_hear.exclude(pk=user.pk)
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
    held_on = store.day_of(session.course.patient.clinic, _moment(told["at"]))
    # Written down afterwards it was not held here, which is said with its reason.
    if held_on < session.on or (held_on > session.on and "not_held" not in told):
        return [f"The time-out was held on {held_on.day} {held_on:%b %Y}: hold it on the day."]
    read_out = read(tuple[SiteDose, ...], told["sites"])
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


def began_at(session: Session) -> datetime | None:
    """When a session that is being signed began: at its time-out, which nobody can hold, nor say
    was not held, while anything stands against the needle. None without one."""
    return _moment(session.time_out["at"]) if session.time_out else None


def withdrawal_words(session: Session) -> str:
    """That consent was withdrawn while a session was written down; empty where it was not."""
    began = began_at(session)
    fact = consents.withdrawn_since(session.course, began) if began else None
    if fact is None:
        return ""
    at = timezone.localtime(fact.at)
    return f"Consent was withdrawn after the session began, {at.day} {at:%b %Y at %H:%M}"


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

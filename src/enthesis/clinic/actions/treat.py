"""One treatment: begun as a draft, edited by whoever is in the room, signed once, then amended."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from decimal import Decimal

from django.db import transaction
from django.utils import timezone

from enthesis.clinic import audit, store
from enthesis.clinic.actions import Refused, appointments, open_for_edit, save, stock
from enthesis.clinic.actions.before_needle import (
    began_at,
    refuse_doses,
    refuse_unchecked,
    refuse_unsafe,
    refuse_without_time_out,
)
from enthesis.clinic.actions.cautions import refuse_cautions
from enthesis.clinic.actions.evaluate import check_move, refuse_move
from enthesis.clinic.actions.patients import add_weight
from enthesis.clinic.actions.session_draft import (
    Draft,
    how_last,
    open_draft,
    put_into,
    refuse_signed,
    scored_only,
    site_rows,
)
from enthesis.clinic.actions.session_note import write_note
from enthesis.clinic.models import Amendment, Course, Patient, Session, SessionSite, User
from enthesis.clinic.permissions import get_for
from enthesis.journey.course import Move
from enthesis.journey.treat import MixtureError, next_session, recipe
from enthesis.knowledge.kinds import Knowledge
from enthesis.records import Mixture
from enthesis.shape import plain


@transaction.atomic
def start_session(user: User, course_id: int, today: date) -> Session:
    """A draft made from the plan and the last session; the open draft where there is one.

    Refused where the course does not stand at a session, the patient is not suitable by the last
    evaluation, or a warning sign waits for a decision.
    """
    course = get_for(user, Course, course_id, lock=True)
    if begun := course.sessions.filter(signed_at=None).first():
        return begun
    record = check_move(course, Move.TREAT)
    known = store.known_for(course.patient.clinic, today)
    refuse_unsafe(course, record, today, known)
    try:
        proposed = next_session(record, today, known)
    except ValueError as error:
        raise Refused(str(error)) from error
    weight = course.patient.weights.last()
    last = course.sessions.exclude(signed_at=None).last()
    session = save(
        Session(
            course=course,
            number=proposed.number,
            on=today,
            mixtures=plain(proposed.mixtures),
            weight_kg=weight.kg if weight else None,
            guidance=last.guidance if last else "",
            needle=last.needle if last else "",
        )
    )
    listed = (*proposed.sites, *scored_only(course, proposed.sites))
    how = how_last(last, known.protocol_of(record.plan) if record.plan else None)
    _write_sites(session, site_rows(session, tuple((d, False) for d in listed), how))
    audit.record(user, "start_session", session, detail={"number": session.number})
    return session


@transaction.atomic
def save_session(
    user: User,
    session_id: int,
    draft: Draft,
    today: date,
    expected_version: int | None,
    editor: str = "",
) -> Session:
    """Keep a draft as it stands. EditConflict if somebody else saved or signed it meanwhile.

    `editor` names the opened page: its own last save is not somebody else's, even where the
    network lost the answer to it.
    """
    session = open_draft(user, session_id, expected_version, editor)
    _write_sites(session, put_into(session, user, draft, today, editor))
    save(session)
    audit.record(user, "save_session", session)
    return session


@transaction.atomic
def keep_typed(
    user: User,
    session_id: int,
    typed: Mapping[str, list[str]],
    expected_version: int | None,
    editor: str = "",
) -> Session:
    """Keep a form that cannot be read yet, as it was typed, so that a closed browser loses none of
    it. What was saved before stays the record."""
    session = open_draft(user, session_id, expected_version, editor)
    refuse_signed(session)
    # PostgreSQL keeps no NUL in JSON.
    session.typed = {
        name: [value.replace("\0", "") for value in values] for name, values in typed.items()
    }
    session.editor = editor
    save(session)
    audit.record(user, "keep_typed", session)
    return session


@transaction.atomic
def sign_session(
    user: User,
    session_id: int,
    draft: Draft,
    today: date,
    expected_version: int | None,
    editor: str = "",
) -> Session:
    """Save and sign in one step, so that two people never both sign.

    Refused without a site given, a weight, a lot of every vial used, the checks of the day and a
    time-out that still holds, when the doses block, and for what by the day of the session stood
    against starting it. Consent that was withdrawn after the time-out is written into the note:
    what was given under it is recorded. A new weight is also recorded for the patient.
    """
    session = open_draft(user, session_id, expected_version, editor)
    _write_sites(session, put_into(session, user, draft, today, editor))
    known = store.known_for(session.course.patient.clinic, draft.on)
    record = store.course_record(session.course)
    # What was given before a decision of the same day must still be recorded as given.
    before = tuple(d for d in record.decisions if d.on < draft.on)
    refuse_move(replace(record, decisions=before), Move.TREAT)
    refuse_unsafe(session.course, record, draft.on, known, began_at(session))
    _refuse_incomplete(draft)
    refuse_unchecked(session, known)
    # Two sessions of one patient on one day are signed one after the other: each counts the other.
    get_for(user, Patient, session.course.patient_id, lock=True)
    refuse_doses(session, draft.on, draft.weight_kg, draft.mixtures, draft.given, known)
    refuse_cautions(session, draft.used, known)
    refuse_without_time_out(session, draft.mixtures, draft.given, known)
    try:
        session.recipe = {m.key: plain(recipe(m, known)) for m in draft.used}
    except MixtureError as error:
        raise Refused(str(error)) from error
    stock.take(user, session, draft, known)
    _refuse_lots(draft, known)
    _weigh(user, session)
    session.injected_by = session.injected_by or user
    session.signed_by, session.signed_at = user, timezone.now()
    session.written = write_note(session, known)
    save(session)
    appointments.mark_done(user, session.course, "session", draft.on)
    detail = {"number": session.number, "sites": len(draft.given)}
    audit.record(user, "sign_session", session, detail=detail)
    return session


@transaction.atomic
def discard_session(
    user: User, session_id: int, expected_version: int | None, because: str = ""
) -> Course:
    """Throw away a draft: begun by mistake, or not given today. Why, which checks stood against it
    and what was attached is kept in the audit trail. A signed session stays."""
    session = open_for_edit(user, Session, session_id, expected_version)
    refuse_signed(session)
    course, detail = session.course, dict[str, object](number=session.number)
    against = [id for id, told in session.day_checks.items() if not told["as_it_should_be"]]
    detail |= {"because": because} if because else {}
    detail |= {"checks": against} if against else {}
    images = list(session.images.values_list("sha256", flat=True))
    detail |= {"images": images} if images else {}
    audit.record(user, "discard_session", session, detail=detail)
    session.delete()
    return course


@transaction.atomic
def amend_session(user: User, session_id: int, text: str) -> Amendment:
    """Add to a signed session what was found out later; the record itself stays as signed."""
    session = get_for(user, Session, session_id)
    if session.signed_at is None:
        raise Refused("This session is still a draft. Change the draft instead.")
    amendment = save(Amendment(session=session, text=text, by=user))
    audit.record(user, "amend_session", amendment)
    return amendment


def vials(mixtures: tuple[Mixture, ...], known: Knowledge) -> dict[str, str]:
    """Substance to its words ("Dextrose 50 %") for every vial that the mixtures draw on."""
    found: dict[str, str] = {}
    for mixture in mixtures:
        for one in mixture.ingredients:
            found[one.substance] = _vial(one.substance, one.stock_percent, known)
        found[mixture.diluent] = _vial(mixture.diluent, None, known)
    return found


def _vial(substance: str, percent: Decimal | None, known: Knowledge) -> str:
    name = known.substances[substance].name
    return name if percent is None else f"{name} {percent.normalize():f}\u00a0%"


def _write_sites(session: Session, rows: list[SessionSite]) -> None:
    """The rows of a draft are written anew: only a signed session's are facts."""
    session.sites.all().delete()
    for row in rows:
        save(row)


def _refuse_incomplete(draft: Draft) -> None:
    if not draft.given:
        raise Refused("Tick the sites that were given: none is ticked.")
    if draft.weight_kg is None:
        raise Refused("Weigh the patient: the dose is checked against the weight.", "weight_kg")


def _refuse_lots(draft: Draft, known: Knowledge) -> None:
    for substance, words in vials(draft.used, known).items():
        if not draft.lots.get(substance):
            raise Refused(f"Write the lot of {words}, as printed on the vial.", f"lot_{substance}")


def _weigh(user: User, session: Session) -> None:
    """A weight that differs from the last one is one measured on the day."""
    patient, kg = session.course.patient, session.weight_kg
    last = patient.weights.last()
    if kg is None or (last is not None and last.kg == kg):
        return
    try:
        add_weight(user, patient.pk, kg, session.on)
    except Refused as refused:
        raise Refused(refused.message, "weight_kg") from refused

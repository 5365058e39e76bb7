"""A draft: what is on the screen, and how it becomes rows."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from django.db.models import Min
from django.utils import timezone

from enthesis.clinic.actions import Refused, open_for_edit, refuse_aside
from enthesis.clinic.actions.before_needle import stamped
from enthesis.clinic.models import Course, Session, SessionSite, User
from enthesis.clinic.permissions import get_for, roles_of
from enthesis.knowledge.series import Protocol
from enthesis.records import CheckAnswer, Mixture, Side, SiteDose
from enthesis.shape import plain
from enthesis.units import Ml


@dataclass(frozen=True, slots=True)
class How:
    """How it was given, everywhere or at one place. `injected_by` is a user's id; None is whoever
    signs, or at one place whoever gave the rest."""

    guidance: str = ""
    needle: str = ""
    injected_by: int | None = None
    depth_mm: int | None = None
    usual_pain: str = ""


@dataclass(frozen=True, slots=True)
class Draft:
    """A session as it stands on the screen. `sites` are (dose, was it given), in their order."""

    on: date
    mixtures: tuple[Mixture, ...]
    sites: tuple[tuple[SiteDose, bool], ...]
    weight_kg: Decimal | None
    lots: Mapping[str, str]
    note: str
    site_scores: Mapping[str, int] = field(default_factory=dict)
    # The rest has an honest default each: empty is not recorded. `how` is by "site:side".
    how: Mapping[str, How] = field(default_factory=dict)
    everywhere: How = field(default_factory=lambda: How())
    checks: Mapping[str, CheckAnswer] = field(default_factory=dict)
    complications: tuple[str, ...] = ()
    pain_before: int | None = None
    pain_after: int | None = None
    # As printed on vials that stock does not know, by substance.
    expiries: Mapping[str, date] = field(default_factory=dict)

    @property
    def given(self) -> tuple[SiteDose, ...]:
        """What went in."""
        return tuple(dose for dose, was_given in self.sites if was_given)

    @property
    def used(self) -> tuple[Mixture, ...]:
        """The mixtures that went in; one that was only planned needs no lot."""
        keys = {dose.mixture for dose in self.given}
        return tuple(mixture for mixture in self.mixtures if mixture.key in keys)


def open_draft(user: User, session_id: int, expected_version: int | None, editor: str) -> Session:
    """The row, held; EditConflict where another page saved it meanwhile.

    Refused where this very page has saved something newer: a slow save that was sent before must
    not take back what was ticked after it. A page counts what it sends ("name.count").
    """
    row = get_for(user, Session, session_id, lock=True)
    (name, count), (last, newest) = _page(editor), _page(row.editor)
    own = bool(name) and name == last and row.signed_at is None
    if own and count < newest:
        raise Refused("This page has saved something newer already.")
    return open_for_edit(user, Session, session_id, None if own else expected_version)


def _page(editor: str) -> tuple[str, int]:
    name, _, count = editor.partition(".")
    return name, int(count) if count.isdecimal() else 0


def put_into(
    session: Session, user: User, draft: Draft, today: date, editor: str = ""
) -> list[SessionSite]:
    """Put what is on the screen into the row; its places come back as rows. The caller saves."""
    refuse_signed(session)
    refuse_aside(user, (answer.set_aside for answer in draft.checks.values()))
    if draft.on > today:
        raise Refused("The day of the session lies in the future.", "on")
    earlier = session.course.sessions.filter(number__lt=session.number).last()
    if earlier is not None and draft.on < earlier.on:
        raise Refused(f"Session {earlier.number} was later than that day.", "on")
    agreed_on = session.course.plans.aggregate(first=Min("agreed_on"))["first"]
    if agreed_on is not None and draft.on < agreed_on:
        raise Refused("The plan was only agreed after that day. Check the day.", "on")
    session.on, session.note = draft.on, draft.note
    session.weight_kg = draft.weight_kg
    session.mixtures, session.lots = plain(draft.mixtures), dict(draft.lots)
    session.site_scores, session.lot_expiries = dict(draft.site_scores), plain(draft.expiries)
    session.guidance, session.needle = draft.everywhere.guidance, draft.everywhere.needle
    session.injected_by = _clinician(session, draft.everywhere.injected_by)
    session.pain_before, session.pain_after = draft.pain_before, draft.pain_after
    session.complications = list(draft.complications)
    session.day_checks = stamped(session.day_checks, draft.checks, user)
    session.typed, session.editor = {}, editor
    return site_rows(session, draft.sites, draft.how)


def refuse_signed(session: Session) -> None:
    """A signed session is only amended."""
    if session.signed_at is not None:
        at = timezone.localtime(session.signed_at)
        raise Refused(
            f"{session.signed_by} signed this session on {at.day} {at:%b %Y} at {at:%H:%M}. "
            "It is only amended now."
        )


def scored_only(course: Course, listed: tuple[SiteDose, ...]) -> list[SiteDose]:
    """Places that the last session scored and left out: to be pressed again beside the others."""
    last = course.sessions.exclude(signed_at=None).last()
    if last is None:
        return []
    known = {(dose.site, dose.side.value) for dose in listed}
    return [
        SiteDose(row.site, Side(row.side), row.mixture, Ml(row.volume_ml))
        for row in last.sites.all()
        if f"{row.site}:{row.side}" in last.site_scores and (row.site, row.side) not in known
    ]


def _clinician(session: Session, user_id: int | None) -> User | None:
    """A clinician of this clinic, who may have injected."""
    if user_id is None:
        return None
    clinic = session.course.patient.clinic_id
    found = User.objects.filter(clinic=clinic, role__in=roles_of("treat"), pk=user_id).first()
    if found is None:
        raise Refused("Choose a clinician of this clinic: who injected?", "injected_by")
    return found


def how_last(last: Session | None, protocol: Protocol | None) -> dict[str, How]:
    """How each place was given last time: needle, depth and guidance, not who or what was felt. At
    the first session it is guided as the protocol says."""
    if last is None:
        sites = protocol.sites if protocol else ()
        return {f"{part.site}:{side.value}": How(part.guidance) for part in sites for side in Side}
    return {
        f"{row.site}:{row.side}": How(row.guidance, row.needle, None, row.depth_mm)
        for row in last.sites.all()
    }


def site_rows(
    session: Session, sites: tuple[tuple[SiteDose, bool], ...], how: Mapping[str, How]
) -> list[SessionSite]:
    """The places of a draft as rows in their order, none of them saved."""
    return [
        _site_row(session, position, dose, given, how.get(f"{dose.site}:{dose.side}", How()))
        for position, (dose, given) in enumerate(sites, start=1)
    ]


def _site_row(session: Session, position: int, dose: SiteDose, given: bool, at: How) -> SessionSite:
    return SessionSite(
        session=session,
        position=position,
        site=dose.site,
        side=dose.side.value,
        mixture=dose.mixture,
        volume_ml=dose.volume_ml,
        given=given,
        guidance=at.guidance,
        needle=at.needle,
        depth_mm=at.depth_mm,
        injected_by=_clinician(session, at.injected_by),
        usual_pain=at.usual_pain,
    )

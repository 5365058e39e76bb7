"""SignedSession ↔ Procedure: a treatment as signed, its mixtures as MedicationAdministrations.

`performedDateTime` is the day, `recorder` who signed, `performer` who injected.
`bodySite` is where it was injected, in our coded anatomy: the tables know no other codes for it.
`complication` leaves out that none was seen, which is no complication. The first `note` is the note
as signed, those with an id are the amendments. The rest is in the extension: the places with their
doses, those too that were left out, checks, time-out, cautions set aside, lots and scores.
"""

from collections.abc import Mapping
from datetime import date

from enthesis.exchange.dossier import Amendment, SignedSession
from enthesis.exchange.fhir.element import agree, code_at, point, pointed, system
from enthesis.exchange.fhir.extension import Resource, extend, fits, is_code, moment
from enthesis.exchange.fhir.medication_administration import (
    administration_keys,
    check_given,
    mixture_from,
)
from enthesis.exchange.fhir.plan_definition import session_concept
from enthesis.exchange.fhir.resource import (
    Given,
    Place,
    at,
    coding,
    filled,
    listed,
    made,
    many,
    record,
    reference,
    referred,
    shown,
    the,
)
from enthesis.knowledge.kinds import Knowledge, Site
from enthesis.shape import ShapeError, read

FUNCTIONS = system("performer-function")
_INJECTED, _SOME_PLACES = "injected", "injected-some-places"
_NONE_SEEN = "none"
_KEPT = [
    "number",
    "sites",
    "signed_at",
    "weight_kg",
    "recipe",
    "lots",
    "lot_expiries",
    "site_scores",
    "guidance",
    "needle",
    "pain_before",
    "pain_after",
    "complications",
    "day_checks",
    "time_out",
    "written",
    "set_aside",
]


def procedure_of(session: SignedSession, place: Place) -> Resource:
    """The Procedure of a session."""
    known = place.known
    resource = made(
        "Procedure",
        "SignedSession",
        session.key,
        place.course,
        status="completed",
        code=session_concept(known),
        subject=place.subject,
        performedDateTime=session.on.isoformat(),
        recorder=reference("Practitioner", session.signed_by),
        performer=_performers(session),
        reasonReference=[reference("Condition", place.course)],
        bodySite=_body_sites(session, known.sites),
        complication=_complications(session, known),
        note=_notes(session),
    )
    # So that one that is missing is missed: R4's own reference goes the other way.
    for key in administration_keys(session):
        point(resource, "administration", "MedicationAdministration", key)
    refused = [] if fits(session.note) else ["note"]
    if not _are_shown(session.amendments):
        refused.append("amendments")
    return extend(resource, session, [*_KEPT, *refused])


def session_from(resource: Resource, given: Given) -> SignedSession:
    """The session of a Procedure and its MedicationAdministrations, which are among those `given`.

    Raises ShapeError where one is missing, or a place or a dose is not the same in both.
    """
    drawn = _administrations(resource, given)
    notes = many(resource, "note")
    session = record(
        SignedSession,
        resource,
        key=the(str, resource, "id"),
        on=the(date, resource, "performedDateTime"),
        mixtures=tuple(mixture_from(one) for one in drawn),
        signed_by=referred(resource, "Practitioner", "recorder"),
        injected_by=_injected_by(resource),
        note=next((the(str, one, "text") for one in notes if at(one, "id") is None), None),
        amendments=tuple(_amendment(one) for one in notes if at(one, "id") is not None),
    )
    agree(resource, {"bodySite": _body_sites(session, {})}, ["bodySite"])
    check_given(session, drawn)
    return session


def _administrations(resource: Resource, given: Given) -> list[Resource]:
    found = []
    for key in pointed(resource, "administration", "MedicationAdministration"):
        if (one := given.get(f"MedicationAdministration/{key}")) is None:
            raise ShapeError("extension", f"there is no MedicationAdministration/{key}; add it")
        found.append(one)
    return found


def _performers(session: SignedSession) -> list[Resource]:
    """Whoever injected everywhere, then those who injected in places of their own."""
    places = dict.fromkeys(one.injected_by for one in session.sites if one.given)
    told = [(session.injected_by, _INJECTED), *((who, _SOME_PLACES) for who in places)]
    return [
        {
            "function": {"coding": [coding(FUNCTIONS, function)]},
            "actor": reference("Practitioner", who),
        }
        for who, function in told
        if who is not None
    ]


def _injected_by(resource: Resource) -> str | None:
    for one in many(resource, "performer"):
        if code_at(one, "function", of=FUNCTIONS) == _INJECTED:
            return referred(one, "Practitioner", "actor")
    return None


def _body_sites(session: SignedSession, known: Mapping[str, Site]) -> list[Resource]:
    """Each structure that was injected and, as a finer code, the side of it."""
    return [
        _body_site(one.dose.site, one.dose.side.value, known) for one in session.sites if one.given
    ]


def _body_site(site: str, side: str, known: Mapping[str, Site]) -> Resource:
    name = known[site].name if site in known else site
    codings = []
    if is_code(site):
        codings = [coding(system("place"), f"{site}:{side}"), coding(system("site"), site, name)]
    return filled(coding=codings, text=shown(f"{name}, {side}"))


def _complications(session: SignedSession, known: Knowledge) -> list[Resource]:
    told = []
    for one in session.complications:
        name = known.complications[one].name if one in known.complications else one
        own = coding(system("complication"), one) if is_code(one) else None
        told.append(filled(coding=listed(own), text=shown(name)))
    return listed(*(c for c, o in zip(told, session.complications, strict=True) if o != _NONE_SEEN))


def _notes(session: SignedSession) -> list[Resource]:
    """The note and then the amendments, where R4 takes their words as they are."""
    notes = []
    if fits(session.note):
        notes = [_note(session.note, session.signed_by, moment(session.signed_at))]
    if _are_shown(session.amendments):
        notes += [
            {"id": one.key, **_note(one.text, one.by, moment(one.at))} for one in session.amendments
        ]
    return notes


def _note(text: str, by: str, at: str) -> Resource:
    return {"authorReference": reference("Practitioner", by), "time": at, "text": text}


def _are_shown(amendments: tuple[Amendment, ...]) -> bool:
    return all(fits(one.text) for one in amendments)


def _amendment(note: Resource) -> Amendment:
    by = referred(note, "Practitioner", "authorReference")
    told = {"key": note["id"], "text": at(note, "text"), "by": by, "at": at(note, "time")}
    return read(Amendment, told, "note")

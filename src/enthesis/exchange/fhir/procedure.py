"""Procedure: a session as signed. Each of its mixtures is a MedicationAdministration of its own.

`bodySite` is where it was injected, in our coded anatomy (the tables know no other codes for it);
the extension holds the places with their doses, those too that were left out.
"""

from collections.abc import Mapping, Sequence

from enthesis.exchange.dossier import Amendment, SignedSession
from enthesis.exchange.fhir.element import (
    agree,
    code_at,
    coding,
    concept,
    every,
    got,
    is_code,
    key_of,
    pointed,
    pointer,
    pointer_at,
    reference,
    system,
    text_at,
)
from enthesis.exchange.fhir.extension import Resource, extend, extended, fits, moment
from enthesis.exchange.fhir.medication_administration import (
    administration_keys,
    check_given,
    mixture_from,
)
from enthesis.exchange.fhir.plan_definition import session_concept
from enthesis.knowledge.kinds import Knowledge
from enthesis.records import SiteDose
from enthesis.shape import ShapeError, read

_FUNCTIONS = system("performer-function")
_INJECTED, _SOME = "injected", "injected-some-places"
_NONE = "none"
_KEPT = (
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
)


def procedure_of(
    session: SignedSession, patient: str, course: str, known: Knowledge, plan: str | None = None
) -> Resource:
    """The session as a Procedure; `patient`, `course` and `plan`, the one it followed, are keys."""
    kept = [*_KEPT]
    resource: Resource = {
        "resourceType": "Procedure",
        "id": session.key,
        "status": "completed",
        "code": session_concept(known),
        "subject": reference("Patient", patient),
        "performedDateTime": session.on.isoformat(),
        "recorder": reference("Practitioner", session.signed_by),
        "reasonReference": [reference("Condition", course)],
    }
    if keys := administration_keys(session):
        # So that one that is missing is missed. R4's own reference goes the other way.
        resource["extension"] = [
            pointer("administration", "MedicationAdministration", key) for key in keys
        ]
    if plan is not None:
        resource["basedOn"] = [reference("CarePlan", plan)]
    parts = {
        "performer": _performers(session),
        "bodySite": [_body_site(one.dose, known) for one in session.sites if one.given],
        "complication": [
            _complication(one, known)
            for one in session.complications
            if one != _NONE and (fits(one) or is_code(one))
        ],
        "note": _notes(session, kept),
    }
    resource |= {name: told for name, told in parts.items() if told}
    return extend(resource, session, kept)


def session_from(
    resource: Mapping[str, object],
    administrations: Sequence[Mapping[str, object]],
    known: Knowledge,
) -> SignedSession:
    """The session that the resources were made of; raises ShapeError where they were of none.

    `administrations` may hold those of other sessions too. Doses must be the same in both.
    """
    found = {"key": key_of(resource, "Procedure"), **extended(resource, SignedSession)}
    found |= got(resource, {"on": "performedDateTime"})
    if by := pointed(resource, "recorder", to="Practitioner"):
        found["signed_by"] = by
    for place, _ in enumerate(every(resource, "performer")):
        if code_at(resource, "performer", place, "function", of=_FUNCTIONS) == _INJECTED:
            found["injected_by"] = pointed(resource, "performer", place, "actor", to="Practitioner")
    found |= _noted(resource)
    given = _given(resource, administrations)
    session = read(SignedSession, found | {"mixtures": tuple(mixture_from(one) for one in given)})
    agree(resource, procedure_of(session, "", "", known), ("bodySite", "extension"))
    check_given(session, given, known)
    return session


def _given(
    resource: Mapping[str, object], administrations: Sequence[Mapping[str, object]]
) -> list[Mapping[str, object]]:
    by_key = {text_at(one, "id"): one for one in administrations}
    wanted = pointer_at(resource, "administration", to="MedicationAdministration")
    for key in wanted:
        if key not in by_key:
            raise ShapeError("extension", f"there is no MedicationAdministration/{key}; add it")
    return [by_key[key] for key in wanted]


def _performers(session: SignedSession) -> list[Resource]:
    """Whoever injected everywhere, then those who injected in places of their own."""
    places = dict.fromkeys(one.injected_by for one in session.sites if one.given)
    told = [(session.injected_by, _INJECTED), *((who, _SOME) for who in places)]
    return [
        {
            "function": concept(coding(_FUNCTIONS, function)),
            "actor": reference("Practitioner", who),
        }
        for who, function in told
        if who is not None
    ]


def _body_site(dose: SiteDose, known: Knowledge) -> Resource:
    """The structure and, as a finer code of its own, the side of it."""
    site = known.sites.get(dose.site)
    name = site.name if site else dose.site
    codings = []
    if is_code(dose.site):
        fine = f"{dose.site}:{dose.side.value}"
        codings = [coding(system("place"), fine), coding(system("site"), dose.site, name)]
    return concept(*codings, text=f"{name}, {dose.side.value}") or {"text": "Not said"}


def _complication(one: str, known: Knowledge) -> Resource:
    name = known.complications[one].name if one in known.complications else one
    return concept(*([coding(system("complication"), one)] if is_code(one) else []), text=name)


def _notes(session: SignedSession, kept: list[str]) -> list[Resource]:
    """The note and the amendments, each as a note; what R4 refuses goes into the extension."""
    notes = []
    if fits(session.note):
        notes.append(
            {
                "authorReference": reference("Practitioner", session.signed_by),
                "time": moment(session.signed_at),
                "text": session.note,
            }
        )
    else:
        kept.append("note")
    if not all(fits(one.text) for one in session.amendments):
        kept.append("amendments")
        return notes
    return notes + [
        {
            "id": one.key,
            "authorReference": reference("Practitioner", one.by),
            "time": moment(one.at),
            "text": one.text,
        }
        for one in session.amendments
    ]


def _noted(resource: Mapping[str, object]) -> dict[str, object]:
    """The note, which has no id, and the amendments, which have."""
    found: dict[str, object] = {}
    amendments = []
    for place, one in enumerate(every(resource, "note")):
        text = text_at(one, "text")
        if (key := text_at(one, "id")) is None:
            found["note"] = text
            continue
        told = {"key": key, "text": text, "at": text_at(one, "time")}
        told["by"] = pointed(one, "authorReference", to="Practitioner")
        amendments.append(read(Amendment, told, f"note[{place}]"))
    return found | ({"amendments": tuple(amendments)} if amendments else {})

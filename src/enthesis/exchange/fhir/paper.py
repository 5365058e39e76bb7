"""Document ↔ DocumentReference, ConsentFact ↔ Consent.

DocumentReference: `content.attachment` has the type, the name as title, the size, and the bytes as
`data` where they were asked for; FHIR's own `hash` is a SHA-1, which proves nothing any more, so
the SHA-256 is in the extension and `hash` is left out. `date` and `author` are when who kept it,
`context.related` the session. The place it shows is in the extension.

Consent: `status` is active for a signature and inactive once it was taken back: each fact is a
Consent of its own, and the later one holds. `dateTime` when, `performer` the patient,
`sourceAttachment` the paper as it was signed, `provision.data` the plan it is about. `policyRule`
says in words where the text is from, as R4 asks for a policy. What was signed (`content`), the name
as written and who wrote it down for the patient are in the extension.
"""

import base64
from datetime import datetime

from enthesis.exchange.dossier import ConsentFact, Document
from enthesis.exchange.fhir.extension import SITE, Resource, extend, moment
from enthesis.exchange.fhir.resource import (
    Given,
    Place,
    at,
    code,
    coding,
    filled,
    inexact,
    listed,
    made,
    record,
    reference,
    referred,
    shown,
    the,
)

SCOPES = "http://terminology.hl7.org/CodeSystem/consentscope"
CONSENT = f"{SITE}/CodeSystem/consent"
SIGNED = "signed"


def document_of(one: Document, place: Place) -> Resource:
    """The DocumentReference of a file."""
    body = base64.b64encode(one.body).decode("ascii") if one.body else None
    attachment = filled(
        contentType=code(one.content_type),
        data=body,
        size=one.size_bytes if 0 <= one.size_bytes < 2**31 else None,
        title=shown(one.name),
    )
    session = reference("Procedure", one.session)
    resource = made(
        "DocumentReference",
        "Document",
        one.key,
        place.course,
        status="current",
        subject=place.subject,
        date=moment(one.at),
        author=[reference("Practitioner", one.by)],
        content=[{"attachment": attachment}],
        context=filled(related=listed(session)),
    )
    more = inexact(one, "name")
    more += ["content_type"] * (code(one.content_type) is None)
    more += ["size_bytes"] * ("size" not in attachment) + ["body"] * (one.body == b"")
    return extend(resource, one, [*more, "sha256", "site", "side"])


def document_from(resource: Resource, given: Given) -> Document:
    """The document of a resource that `document_of` made. Raises ShapeError."""
    file = ("content", 0, "attachment")
    return record(
        Document,
        resource,
        key=the(str, resource, "id"),
        name=the(str, resource, *file, "title") or "",
        content_type=the(str, resource, *file, "contentType"),
        size_bytes=the(int, resource, *file, "size"),
        by=referred(resource, "Practitioner", "author", 0),
        at=the(datetime, resource, "date"),
        session=referred(resource, "Procedure", "context", "related", 0),
        body=the(bytes, resource, *file, "data"),
    )


def consent_of(one: ConsentFact, place: Place) -> Resource:
    """The Consent that a fact of consenting is."""
    paper = base64.b64encode(one.pdf).decode("ascii") if one.pdf else None
    about = {"meaning": "related", "reference": reference("CarePlan", one.plan)}
    resource = made(
        "Consent",
        "ConsentFact",
        one.key,
        place.course,
        status="active" if one.fact == SIGNED else "inactive",
        scope={"coding": [coding(SCOPES, "treatment")]},
        category=[{"coding": [coding(CONSENT, "treatment")], "text": "Consent to treatment"}],
        patient=place.subject,
        dateTime=moment(one.at),
        performer=[place.subject],
        policyRule={"text": "The clinic's consent text in force on that day"},
        sourceAttachment=paper and {"contentType": "application/pdf", "data": paper},
        provision={"data": [about]} if one.plan is not None else None,
    )
    return extend(resource, one, ["fact", "name", "content", "pdf_sha256", "by"])


def consent_from(resource: Resource, given: Given) -> ConsentFact:
    """The fact of a resource that `consent_of` made. Raises ShapeError."""
    return record(
        ConsentFact,
        resource,
        key=the(str, resource, "id"),
        at=the(datetime, resource, "dateTime"),
        plan=referred(at(resource, "provision", "data", 0), "CarePlan", "reference"),
        pdf=the(bytes, resource, "sourceAttachment", "data"),
    )

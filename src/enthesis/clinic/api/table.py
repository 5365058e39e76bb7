"""Every type that is served and by what it is searched: the one table that routing, search, the
CapabilityStatement and the reference in docs are made from.
"""

from dataclasses import dataclass, field
from typing import Literal

Kind = Literal["token", "date", "string", "reference", "uri", "number"]


@dataclass(frozen=True, slots=True)
class Param:
    """One search parameter: where it looks, as paths into the resource; lists are looked through.

    `rows` is the day in the tables that a date is about: the patients are narrowed by it before
    their records are read. `targets` are the types that a reference may lead to.
    """

    name: str
    kind: Kind
    paths: tuple[str, ...]
    about: str
    targets: tuple[str, ...] = ()
    rows: str = ""


@dataclass(frozen=True, slots=True)
class Type:
    """A type of resource. `rows` leads from a patient to the rows that it is made of; empty: every
    patient may have some. `shared`: of the clinic as a whole, not of a patient. `trail`: of the
    rows about who wrote and read (trail.py)."""

    name: str
    about: str
    params: tuple[Param, ...]
    rows: str = ""
    shared: bool = False
    trail: bool = False
    by_name: dict[str, Param] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "by_name", {one.name: one for one in self.params})


def _id() -> Param:
    return Param("_id", "token", ("id",), "its id")


def _about(path: str) -> tuple[Param, ...]:
    """Whose it is, under both names that are in use."""
    return tuple(
        Param(name, "reference", (path,), "whose it is", ("Patient",))
        for name in ("patient", "subject")
    )


def _date(path: str, about: str, rows: str = "", name: str = "date") -> Param:
    return Param(name, "date", (path,), about, rows=rows)


def _token(name: str, path: str, about: str) -> Param:
    return Param(name, "token", (path,), about)


def _to(name: str, path: str, about: str, *targets: str) -> Param:
    return Param(name, "reference", (path,), about, targets)


def _course() -> Param:
    """Ours: FHIR has no element for it in most types. What else extensions refer to is told apart
    by its id."""
    about = "the Condition of the course that it belongs to"
    return Param("course", "reference", ("extension.valueReference",), about, ("Condition",))


def _type(
    name: str,
    about: str,
    *params: Param,
    rows: str = "",
    shared: bool = False,
    trail: bool = False,
) -> Type:
    tag = _token("_tag", "meta.tag", "the record of ours that it is made of")
    own = () if shared or trail else (tag,)
    return Type(name, about, (_id(), *own, *params), rows, shared, trail)


_ALL = (
    _type(
        "Patient",
        "who is treated",
        _token("identifier", "identifier", "the clinic's number"),
        Param("name", "string", ("name",), "any part of the name"),
        Param("family", "string", ("name.family",), "the family name"),
        Param("given", "string", ("name.given",), "the given names"),
        _date("birthDate", "the day of birth", "born_on", "birthdate"),
        _token("gender", "gender", "female, male, other or unknown"),
        _token("phone", "telecom", "a telephone number, as written"),
        _token("email", "telecom", "an e-mail address"),
    ),
    _type(
        "Practitioner",
        "somebody who works or worked at the clinic",
        Param("name", "string", ("name",), "any part of the name"),
        _token("active", "active", "true while they may sign in"),
        shared=True,
    ),
    _type(
        "Organization",
        "the clinic",
        Param("name", "string", ("name",), "its name"),
        shared=True,
    ),
    _type(
        "Condition",
        "a course: what is treated, since when, how it stands",
        *_about("subject"),
        _token("code", "code", "the condition"),
        _token("clinical-status", "clinicalStatus", "active while it is open"),
        _date("recordedDate", "the day it was opened", "courses__opened_on", "recorded-date"),
        rows="courses",
    ),
    _type(
        "Questionnaire",
        "what is asked",
        Param("url", "uri", ("url",), "its address, as answers name it"),
        _token("status", "status", "draft, active, retired"),
        Param("title", "string", ("title",), "its title"),
        shared=True,
    ),
    _type(
        "QuestionnaireResponse",
        "a set of answers",
        *_about("subject"),
        _course(),
        Param("questionnaire", "uri", ("questionnaire",), "what was asked"),
        _token("status", "status", "completed"),
        _to("author", "author", "who of the clinic entered it", "Practitioner"),
        _date("authored", "when it was answered", "courses__assessments__completed_at", "authored"),
        rows="courses__assessments",
    ),
    _type(
        "Observation",
        "a score, a weight or another thing that was measured",
        *_about("subject"),
        _course(),
        _token("code", "code", "what was measured"),
        _token("status", "status", "final"),
        _token("category", "category", "vital-signs, survey, exam"),
        _to("derived-from", "derivedFrom", "the answers it was worked out from",
            "QuestionnaireResponse"),
        Param("date", "date", ("effectiveDateTime", "effectivePeriod"), "when it was measured"),
    ),
    _type(
        "CarePlan",
        "a plan as proposed or agreed",
        *_about("subject"),
        _course(),
        _token("status", "status", "draft, active, completed, revoked"),
        Param("instantiates-canonical", "uri", ("instantiatesCanonical",), "the protocol"),
        Param("date", "date", ("period",), "while it runs"),
        rows="courses__plans",
    ),
    _type(
        "PlanDefinition",
        "a protocol with its stop rule",
        Param("url", "uri", ("url",), "its address, as plans name it"),
        _token("status", "status", "active, retired"),
        Param("title", "string", ("title",), "its title"),
        shared=True,
    ),
    _type(
        "Procedure",
        "a treatment as signed",
        *_about("subject"),
        _course(),
        _token("code", "code", "what was done"),
        _to("recorder", "recorder", "who signed it", "Practitioner"),
        _token("status", "status", "completed"),
        Param("date", "date", ("performedDateTime", "performedPeriod"), "the day of it",
              rows="courses__sessions__on"),
        rows="courses__sessions",
    ),
    _type(
        "MedicationAdministration",
        "a mixture as injected",
        *_about("subject"),
        _course(),
        _token("code", "contained.code", "what is in it"),
        _token("status", "status", "completed"),
        Param("effective-time", "date", ("effectiveDateTime", "effectivePeriod"), "the day of it",
              rows="courses__sessions__on"),
        rows="courses__sessions",
    ),
    _type(
        "AdverseEvent",
        "something bad that happened",
        *_about("subject"),
        _course(),
        _token("event", "event", "its kind"),
        _token("seriousness", "seriousness", "whether it was serious"),
        _to("substance", "suspectEntity.instance", "the treatment before it", "Procedure"),
        _date("date", "the day it began", "courses__adverse_events__onset_on"),
        rows="courses__adverse_events",
    ),
    _type(
        "ClinicalImpression",
        "a decision, beside what was suggested",
        *_about("subject"),
        _course(),
        _token("status", "status", "completed"),
        _to("assessor", "assessor", "who decided", "Practitioner"),
        _to("problem", "problem", "the course", "Condition"),
        _date("effectiveDateTime", "the day of it", "courses__decisions__on"),
        rows="courses__decisions",
    ),
    _type(
        "Consent",
        "a consent that was signed or taken back",
        *(Param(name, "reference", ("patient",), "whose it is", ("Patient",))
          for name in ("patient", "subject")),
        _course(),
        _token("status", "status", "active, inactive"),
        _date("dateTime", "when it was signed or taken back", "courses__consents__at"),
        rows="courses__consents",
    ),
    _type(
        "DocumentReference",
        "a picture, report or letter that was attached",
        *_about("subject"),
        _course(),
        _token("status", "status", "current"),
        _token("contenttype", "content.attachment.contentType", "PNG, JPEG or PDF"),
        _date("date", "when it was attached"),
    ),
    _type(
        "Invoice",
        "a bill",
        *_about("subject"),
        _course(),
        _token("identifier", "identifier", "its number"),
        _token("status", "status", "issued, balanced"),
        _date("date", "the day of issue", "courses__invoices__issued_on"),
        rows="courses__invoices",
    ),
    _type(
        "PaymentReconciliation",
        "an entry of the ledger: what was paid, given back or credited",
        _course(),
        _token("identifier", "paymentIdentifier", "its number"),
        _token("status", "status", "active"),
        _date("created", "when it was entered", "courses__entries__at", "created"),
        rows="courses__entries",
    ),
    _type(
        "Contract",
        "an arrangement to pay in parts",
        *_about("subject"),
        _course(),
        _token("status", "status", "executed"),
        _date("issued", "the day it was agreed", "courses__arrangements__agreed_on", "issued"),
        rows="courses__arrangements",
    ),
    _type(
        "ChargeItem",
        "a line of a bill",
        *_about("subject"),
        _course(),
        _token("code", "code", "what is charged"),
        _token("status", "status", "billed"),
        _to("service", "service", "the treatment", "Procedure"),
        _date("occurrenceDateTime", "the day of it", name="occurrence"),
        rows="courses__invoices",
    ),
    _type(
        "Provenance",
        "who recorded what, and when",
        _course(),
        _to("target", "target", "what it is about", "QuestionnaireResponse", "CarePlan", "Consent",
            "Procedure", "Observation", "AdverseEvent", "ClinicalImpression", "DocumentReference"),
        _to("agent", "agent.who", "who did it", "Practitioner", "Patient"),
        _date("recorded", "when it was recorded", name="recorded"),
    ),
    _type(
        "AuditEvent",
        "who wrote what, and who read whose record",
        Param("patient", "reference", ("entity.what",), "whose record it was", ("Patient",)),
        _date("recorded", "when it was", "at"),
        Param("agent-name", "string", ("agent.name",), "who did it: a person or a program"),
        trail=True,
    ),
)  # fmt: skip
TYPES: dict[str, Type] = {one.name: one for one in _ALL}


def include_params(kind: Type) -> tuple[Param, ...]:
    """The parameters that lead to other resources: what `_include` may name."""
    return tuple(one for one in kind.params if one.kind == "reference" and not kind.trail)

"""One patient's whole record in plain records: what FHIR, the record on paper and a second clinic
are made from.

`clinic/dossiers.py` makes them from rows, `exchange/fhir` from resources, `actions/receive.py`
rows from them. A `key` names a record within its dossier and in every resource made of it; a
`Who` is the key of a practitioner. Only facts are in it: signed sessions, completed answers;
drafts, links and messages stay where they are. Moments have their zone.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal

from enthesis.records import (
    Assessment,
    Decision,
    Evaluation,
    Mixture,
    Plan,
    Side,
    SiteDose,
)
from enthesis.units import Kg, Money, Percent

Who = str
"""The key of a practitioner."""
Json = Mapping[str, object]
"""What was kept as JSON and is only ever shown again: exact, never read into."""


@dataclass(frozen=True, slots=True)
class Practitioner:
    """Somebody who worked at the clinic. `role` is one of its roles."""

    key: str
    name: str
    role: str
    active: bool = True


@dataclass(frozen=True, slots=True)
class Weight:
    """A weight as measured."""

    key: str
    kg: Kg
    measured_on: date
    by: Who | None = None


@dataclass(frozen=True, slots=True)
class ContactChoice:
    """Whether the patient wants to be written to or called; the last of each `way` holds."""

    key: str
    way: str
    wanted: bool
    at: datetime
    by: Who | None = None


@dataclass(frozen=True, slots=True)
class Person:
    """Who the patient is. `allergies` "" with a day means asked, none known; without: not asked."""

    key: str
    number: int
    family: str
    given: str
    born_on: date | None
    sex: str
    created_at: datetime
    phone: str = ""
    email: str = ""
    language: str = "en"
    allergies: str = ""
    allergies_asked_on: date | None = None
    anticoagulant: str = ""
    weights: tuple[Weight, ...] = ()
    contact_choices: tuple[ContactChoice, ...] = ()


@dataclass(frozen=True, slots=True)
class KeptEvaluation:
    """An evaluation, with the `result` that the rules of that day gave."""

    key: str
    evaluation: Evaluation
    result: Json
    at: datetime
    by: Who | None = None


@dataclass(frozen=True, slots=True)
class KeptPlan:
    """A plan as proposed or agreed; `plan.agreed_on` says which."""

    key: str
    plan: Plan
    at: datetime
    agreed_name: str = ""
    needs_consent: bool = False
    by: Who | None = None


@dataclass(frozen=True, slots=True)
class GivenSite:
    """One place of a session. Empty or None: as everywhere in the session, or not recorded.

    `given` is False where it was planned and left out.
    """

    dose: SiteDose
    given: bool = True
    guidance: str = ""
    needle: str = ""
    depth_mm: int | None = None
    injected_by: Who | None = None
    usual_pain: str = ""


@dataclass(frozen=True, slots=True)
class SetAside:
    """Why a hard stop did not hold for one session."""

    key: str
    caution: str
    reason: str
    by: Who
    at: datetime


@dataclass(frozen=True, slots=True)
class Amendment:
    """An addition to a signed session."""

    key: str
    text: str
    by: Who
    at: datetime


@dataclass(frozen=True, slots=True)
class SignedSession:
    """One treatment as signed. `lots` and `lot_expiries` are by substance, `site_scores` by
    "site:side"; `recipe` and `time_out` are what was shown and said on the day."""

    key: str
    number: int
    on: date
    mixtures: tuple[Mixture, ...]
    sites: tuple[GivenSite, ...]
    signed_by: Who
    signed_at: datetime
    weight_kg: Kg | None = None
    recipe: Json = field(default_factory=dict)
    lots: Json = field(default_factory=dict)
    lot_expiries: Json = field(default_factory=dict)
    site_scores: Json = field(default_factory=dict)
    guidance: str = ""
    needle: str = ""
    injected_by: Who | None = None
    pain_before: int | None = None
    pain_after: int | None = None
    complications: tuple[str, ...] = ()
    day_checks: Json = field(default_factory=dict)
    time_out: Json = field(default_factory=dict)
    note: str = ""
    written: str = ""
    set_aside: tuple[SetAside, ...] = ()
    amendments: tuple[Amendment, ...] = ()


@dataclass(frozen=True, slots=True)
class CompletedAssessment:
    """One set of answers with when it was completed. `assessment.came_late` is worked out anew
    from the days and moments of decisions, so it is not carried."""

    key: str
    assessment: Assessment
    completed_at: datetime
    entered_by: Who | None = None
    read_by: Who | None = None
    read_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class TypedScore:
    """The result of a questionnaire that is not shipped; `better` is lower or higher."""

    key: str
    on: date
    instrument: str
    score: Decimal
    lowest: Decimal
    highest: Decimal
    better: str
    by: Who
    at: datetime


@dataclass(frozen=True, slots=True)
class AdverseEventEntry:
    """What was added to an adverse event later: a judgement of relatedness, or how it went on."""

    key: str
    text: str
    by: Who
    at: datetime
    relatedness: str = ""
    outcome: str = ""
    grade: int | None = None


@dataclass(frozen=True, slots=True)
class AdverseEvent:
    """Something bad that happened, as first reported. `session` and `assessment` are keys."""

    key: str
    kind: str
    onset_on: date
    grade: int
    serious: bool
    outcome: str
    what_happened: str
    by: Who
    at: datetime
    what_was_done: str = ""
    session: str | None = None
    assessment: str | None = None
    entries: tuple[AdverseEventEntry, ...] = ()


@dataclass(frozen=True, slots=True)
class KeptDecision:
    """A decision with what it rested on: the verdict shown, and the course as it stood.

    `decision.by` is what the person is called; `by` who it is.
    """

    key: str
    decision: Decision
    verdict: Json
    inputs: Json
    inputs_sha256: str
    by: Who
    at: datetime
    recheck_on: date | None = None


@dataclass(frozen=True, slots=True)
class ConsentFact:
    """The patient signed a plan's consent (`fact` is signed), or took it back (withdrawn).

    `pdf` is the paper; `by` None means the patient did it, by a personal link.
    """

    key: str
    fact: str
    at: datetime
    plan: str | None = None
    name: str = ""
    content: Json = field(default_factory=dict)
    pdf: bytes = b""
    pdf_sha256: str = ""
    by: Who | None = None


@dataclass(frozen=True, slots=True)
class Document:
    """A picture, report or letter kept with the course, or with the session whose key is given.

    `body` is None where only what is known of the file was asked for.
    """

    key: str
    name: str
    content_type: str
    size_bytes: int
    sha256: str
    by: Who
    at: datetime
    session: str | None = None
    site: str = ""
    side: str = ""
    body: bytes | None = None


@dataclass(frozen=True, slots=True)
class InvoiceLine:
    """One thing charged."""

    key: str
    text: str
    amount: Decimal
    code: str = ""
    item: str = ""
    units: int = 1


@dataclass(frozen=True, slots=True)
class Invoice:
    """A bill. `session` is the key of the one it is for; `parts` as arranged, in their order."""

    key: str
    number: int
    issued_on: date
    due_on: date
    currency: str
    lines: tuple[InvoiceLine, ...]
    session: str | None = None
    arrangement: str = ""
    arranged: str | None = None
    parts: tuple[Json, ...] = ()
    by: Who | None = None


@dataclass(frozen=True, slots=True)
class Arrangement:
    """Payment in parts, promised before the treatment."""

    key: str
    agreed_on: date
    currency: str
    parts: tuple[Json, ...]
    by: Who
    at: datetime


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of the ledger but the invoices. `invoice` and `about` are keys."""

    key: str
    kind: str
    on: date
    paper: str
    number: int
    amount: Money
    at: datetime
    method: str = ""
    invoice: str | None = None
    about: str | None = None
    sessions: int = 0
    reason: str = ""
    by: Who | None = None


@dataclass(frozen=True, slots=True)
class CourseFile:
    """One course with everything that was recorded of it, each kind in the order it was made."""

    key: str
    condition: str
    side: Side
    opened_on: date
    complaint: str = ""
    series_ended_on: date | None = None
    closed_on: date | None = None
    clinician: Who | None = None
    evaluations: tuple[KeptEvaluation, ...] = ()
    plans: tuple[KeptPlan, ...] = ()
    consents: tuple[ConsentFact, ...] = ()
    sessions: tuple[SignedSession, ...] = ()
    assessments: tuple[CompletedAssessment, ...] = ()
    typed_scores: tuple[TypedScore, ...] = ()
    adverse_events: tuple[AdverseEvent, ...] = ()
    decisions: tuple[KeptDecision, ...] = ()
    documents: tuple[Document, ...] = ()
    arrangements: tuple[Arrangement, ...] = ()
    invoices: tuple[Invoice, ...] = ()
    entries: tuple[Entry, ...] = ()


@dataclass(frozen=True, slots=True)
class Dossier:
    """One patient with every course, and everybody who is named in them."""

    person: Person
    courses: tuple[CourseFile, ...] = ()
    practitioners: tuple[Practitioner, ...] = ()


@dataclass(frozen=True, slots=True)
class ClinicCard:
    """The clinic with the settings on which a verdict depends; empty or None: the knowledge's."""

    key: str
    name: str
    phone: str = ""
    address: str = ""
    time_zone: str = "UTC"
    currency: str = "USD"
    finish_relief_percent: Percent | None = None
    stop_choice: str = ""


@dataclass(frozen=True, slots=True)
class AuditRow:
    """One row of the audit table: who did what to which record. `patient` is a key."""

    key: str
    at: datetime
    actor: str
    action: str
    record: str
    patient: str | None = None
    record_id: int | None = None
    detail: Json = field(default_factory=dict)

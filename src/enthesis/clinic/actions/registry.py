"""The registry refreshed from the records: only the courses that changed since the last cut.

Every write of the clinic leaves an audit row in its own transaction; the patients of the rows since
the last cut are the ones to look at again, and those whose row changes by itself on a day that has
come (`rows.changes_on`). What is needed for that stands in a private file beside the registry and
never in it: database keys and days. Pseudonyms are made with the installation's secret key, so that
no table of them has to be kept. This module takes a second to import (Arrow): nothing that a web
server imports at its start may import it.
"""

import hashlib
import hmac
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from django.conf import settings
from django.db import transaction
from django.db.models import Count, Prefetch, Q, prefetch_related_objects
from django.utils import timezone
from numpy.typing import NDArray

from enthesis import records
from enthesis.clinic import audit, models, store
from enthesis.clinic.actions import adverse as adverse_action
from enthesis.clinic.models import AuditEvent, Clinic, Course, User
from enthesis.clinic.permissions import get_for
from enthesis.journey import adverse
from enthesis.journey.course import as_at
from enthesis.journey.ledger import Kind, goes_out
from enthesis.knowledge.kinds import Knowledge
from enthesis.outcomes import registry
from enthesis.outcomes.alone import alone
from enthesis.outcomes.registry import Cut
from enthesis.outcomes.rows import (
    Adverse,
    Amount,
    Beside,
    CourseRows,
    Given,
    changes_on,
    day_zero,
    rows_of,
)
from enthesis.units import Money

STATE = "registry-state.parquet"
LOCK = "registry-refresh.lock"
"""Beside the state: one refresh at a time, since each goes on from what the one before it knew."""
OVERLAP = timedelta(minutes=10)
"""Audit rows of so long before the last refresh are looked at again: their transaction may have
ended after it."""
BATCH = 500
NEVER = date.max.isoformat()
WITHDRAW, REJOIN = "withdraw_from_registry", "rejoin_registry"
_COURSE = np.dtype([("pk", "i8"), ("course", "i8"), ("on", "M8[D]")])
"""What is kept of a course: its key, its pseudonym, the day on which its row changes by itself."""


@dataclass(frozen=True, slots=True)
class Refreshed:
    """The cut, and how many courses were written anew or taken out for it."""

    cut: Cut
    written: int
    withdrawn: int
    whole: bool


@dataclass(frozen=True, slots=True)
class _State:
    """What the last refresh knew: the courses by their keys, and those kept out; when it looked
    and the last audit row it saw; by which rules and key."""

    looked_at: datetime | None
    last_event: int
    made_by: str
    withdrawn: frozenset[int]
    courses: NDArray[np.void]


_NOTHING = _State(None, 0, "", frozenset(), np.empty(0, _COURSE))


@transaction.atomic
def withdraw(user: User, course_id: int, reason: str) -> None:
    """Keep a course out of the registry: the next refresh takes it out of every file."""
    course = get_for(user, Course, course_id, lock=True)
    audit.record(user, WITHDRAW, course, detail={"reason": reason})


@transaction.atomic
def rejoin(user: User, course_id: int) -> None:
    """Take a withdrawn course into the registry again."""
    audit.record(user, REJOIN, get_for(user, Course, course_id, lock=True))


def refresh(
    folder: Path,
    state_folder: Path | None = None,
    *,
    whole: bool = False,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Refreshed:
    """Write the next cut into `folder`; `whole` looks at every course, as after changed rules.

    One at a time: while another process is at it, this waits. `progress` is called with how many
    courses were looked at, and how many there are to look at. Raises RegistryError where the
    folder's manifest cannot be trusted.
    """
    private = state_folder or Path(settings.DATA)
    with alone(private / LOCK):
        return _refresh(folder, private / STATE, whole, progress)


def at_work(state_folder: Path | None = None) -> bool:
    """Whether a refresh is going on in any process."""
    lock = (state_folder or Path(settings.DATA)) / LOCK
    with alone(lock, wait_seconds=0) as is_free:
        return not is_free


def _refresh(
    folder: Path, state_file: Path, whole: bool, progress: Callable[[int, int], None]
) -> Refreshed:
    known, looked_at = _known(), timezone.now()
    made_by = _made_by(known)
    before = _read_state(state_file)
    last_event = AuditEvent.objects.order_by("-id").values_list("id", flat=True).first() or 0
    fresh = whole or before.made_by != made_by or not (folder / registry.MANIFEST).exists()
    before = _NOTHING if fresh else before
    out = _withdrawn(before)
    keys = [pk for pk in _to_look_at(before, known) if pk not in out]
    seen: list[tuple[int, int, date | None]] = []
    tables = registry.as_tables(_rows(keys, known, seen, progress=progress))
    # The database gives courses in an order of its own; what is kept is looked up by sorted keys.
    written = np.sort(np.array(seen, _COURSE), order="pk")
    deleted = _deleted(before, written, out)
    gone = np.isin(before.courses["pk"], np.fromiter(out | deleted, np.int64))
    withdrawn = before.courses["course"][gone].tolist()
    cut = registry.refresh(folder, tables, knowledge=made_by, withdrawn=withdrawn, whole=fresh)
    kept = _replaced(before.courses[~gone], written)
    _write_state(state_file, _State(looked_at, last_event, made_by, out - deleted, kept))
    return Refreshed(cut, len(written), len(withdrawn), fresh)


def waiting(folder: Path, state_folder: Path | None = None) -> int:
    """How many courses a refresh would look at now; 0 while nothing has moved on since the last.

    A write whose transaction ended after the last refresh, though it began before, is found with
    the next write: who wants it at once refreshes.
    """
    known, state_file = _known(), (state_folder or Path(settings.DATA)) / STATE
    told = _told(state_file)
    if told.get("made_by") != _made_by(known) or not (folder / registry.MANIFEST).exists():
        return Course.objects.count()
    since = AuditEvent.objects.filter(id__gt=int(told["last_event"]), patient__isnull=False)
    if not since.exists() and told["first_on"] > _today(known).isoformat():
        return 0
    return max(1, len(_to_look_at(_read_state(state_file), known)))


def cut_as_at(folder: Path, clinic: Clinic, day: date) -> Cut:
    """A registry of its own in `folder`: a clinic's courses as they stood on a past day.

    As the records are today: what was written down later counts on the day that it is about, and
    of an agreed plan the last by that day. Rows are made by today's rules. Raises RegistryError.
    """
    known = store.known_for(clinic, store.today(clinic))
    courses = Course.objects.filter(patient__clinic=clinic, opened_on__lte=day).order_by("pk")
    out = _withdrawn(_NOTHING)
    keys = [pk for pk in courses.values_list("pk", flat=True) if pk not in out]
    rows = _rows(keys, {clinic.pk: (known, day)}, [], until=day)
    return registry.refresh(folder, registry.as_tables(rows), knowledge=_made_by(_known()))


def pseudonym(course_pk: int) -> int:
    """The registry's number of a course: 62 bits that nobody can undo without the key."""
    return int.from_bytes(_keyed(f"course {course_pk}")[:8]) >> 2


def clinic_number(clinic_pk: int) -> int:
    """The registry's number of a clinic, 31 bits, so that registries can be laid together."""
    return int.from_bytes(_keyed(f"clinic {clinic_pk}")[:4]) >> 1


def clinician_number(user_pk: int) -> int:
    """The registry's number of a clinician, 31 bits that nobody can undo without the key."""
    return int.from_bytes(_keyed(f"clinician {user_pk}")[:4]) >> 1


def _keyed(text: str) -> bytes:
    return hmac.digest(settings.SECRET_KEY.encode(), f"registry {text}".encode(), "sha256")


# --- who is to be looked at


def _known() -> dict[int, tuple[Knowledge, date]]:
    """By clinic: what is known there today, and what day that is."""
    days = [(clinic, store.today(clinic)) for clinic in Clinic.objects.all()]
    return {clinic.pk: (store.known_for(clinic, day), day) for clinic, day in days}


def _made_by(known: dict[int, tuple[Knowledge, date]]) -> str:
    """A fingerprint of everything else that rows depend on: the rules in force and the key. Its
    number is raised when what stands beside the record is made otherwise."""
    rules = [f"{pk} {_without_day(rules)}".encode() for pk, (rules, _) in sorted(known.items())]
    return hashlib.sha256(_keyed("fingerprint 3") + b"".join(rules)).hexdigest()[:16]


def _without_day(rules: Knowledge) -> str:
    return repr({name: getattr(rules, name) for name in Knowledge.__slots__ if name != "as_of"})


def _since(before: _State) -> Q:
    """The audit rows that the last refresh may not have seen."""
    if before.looked_at is None:
        return Q()
    return Q(id__gt=before.last_event) | Q(at__gte=before.looked_at - OVERLAP)


def _to_look_at(before: _State, known: dict[int, tuple[Knowledge, date]]) -> list[int]:
    courses = Course.objects.order_by("pk")
    if before.looked_at is None:
        return list(courses.values_list("pk", flat=True))
    patients = AuditEvent.objects.filter(_since(before), patient__isnull=False).values("patient")
    found = courses.filter(patient__in=patients).values_list("pk", flat=True)
    return sorted({*found, *_come(before, known).tolist()})


def _come(before: _State, known: dict[int, tuple[Knowledge, date]]) -> NDArray[np.int64]:
    """The courses whose row changes by itself on a day that has come; of the others, whose day is
    not a time (NaT), no comparison is true."""
    return before.courses["pk"][before.courses["on"] <= np.datetime64(_today(known))]


def _today(known: dict[int, tuple[Knowledge, date]]) -> date:
    """Where it is latest."""
    return max((day for _, day in known.values()), default=date.min)


def _withdrawn(before: _State) -> frozenset[int]:
    """The courses whose last word was to withdraw. Only new audit rows are asked: there is no
    index by action, and a million courses have ten million rows."""
    out = set(before.withdrawn)
    told = AuditEvent.objects.filter(_since(before), action__in=(WITHDRAW, REJOIN), record="course")
    # Sorted here: told to sort, SQLite walks through all rows in their order instead.
    for _, pk, action in sorted(told.order_by().values_list("id", "record_id", "action")):
        if pk is not None:
            (out.add if action == WITHDRAW else out.discard)(pk)
    return frozenset(out)


def _deleted(before: _State, written: NDArray[np.void], out: frozenset[int]) -> set[int]:
    """Courses that stand in no table any more; counted first, because that is quick."""
    keys = before.courses["pk"]
    others = np.fromiter({*written["pk"].tolist(), *out}, np.int64)
    met = np.concatenate((keys, others[~np.isin(others, keys)]))
    if Course.objects.count() == met.size:
        return set()
    there = np.fromiter(Course.objects.order_by().values_list("pk", flat=True).iterator(), np.int64)
    return set(met[~np.isin(met, there)].tolist())


def _replaced(before: NDArray[np.void], written: NDArray[np.void]) -> NDArray[np.void]:
    """The courses with those written now in the place of what was known of them, by their keys."""
    stay = before[~np.isin(before["pk"], written["pk"])]
    return np.insert(stay, np.searchsorted(stay["pk"], written["pk"]), written)


# --- records to rows


def _rows(
    keys: Sequence[int],
    known: dict[int, tuple[Knowledge, date]],
    seen: list[tuple[int, int, date | None]],
    *,
    until: date | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Iterator[CourseRows]:
    """The rows of each course; fills `seen` with what the state keeps of it."""
    for row, course, beside, rules, today in _courses(keys, known, until=until, progress=progress):
        seen.append((row.pk, beside.course, changes_on(course, rules, today)))
        yield rows_of(course, beside, rules, today)


def rows_of_clinic(
    clinic: Clinic, progress: Callable[[int, int], None]
) -> Iterator[tuple[int, date, CourseRows]]:
    """Of every course of a clinic as it stands today, the withdrawn left out: the key of its
    patient, its day 0, and its rows."""
    day = store.today(clinic)
    known = {clinic.pk: (store.known_for(clinic, day), day)}
    out = _withdrawn(_NOTHING)
    courses = Course.objects.filter(patient__clinic=clinic).order_by("pk")
    keys = [pk for pk in courses.values_list("pk", flat=True) if pk not in out]
    for row, course, beside, rules, today in _courses(keys, known, progress=progress):
        zero_on = day_zero(course, rules, today)
        yield row.patient_id, zero_on, rows_of(course, beside, rules, today)


def _courses(
    keys: Sequence[int],
    known: dict[int, tuple[Knowledge, date]],
    *,
    until: date | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Iterator[tuple[Any, records.Course, Beside, Knowledge, date]]:
    """Each course with its record and what stands beside it. `until` leaves out what is dated
    later."""
    invoices = models.Invoice.objects.select_related("session").prefetch_related("lines")
    entries = models.LedgerEntry.objects.select_related("invoice__session")
    for begin in range(0, len(keys), BATCH):
        rows = list(
            Course.objects.filter(pk__in=keys[begin : begin + BATCH])
            .select_related("patient")
            .prefetch_related(
                Prefetch("invoices", invoices, to_attr="billed"),
                Prefetch("entries", entries, to_attr="entered"),
                _harmed(until),
            )
            .annotate(called=Count("calls", Q(calls__at__date__lte=until) if until else None))
        )
        if until:
            prefetch_related_objects(rows, *_standing(until))
        for row, course in zip(rows, store.course_records(rows), strict=True):
            rules, today = known[row.patient.clinic_id]
            beside = _beside(row, rules)
            if until:
                course, amounts = as_at(course, until), beside.amounts
                beside = replace(beside, amounts=tuple(a for a in amounts if a.on <= until))
            yield row, course, beside, rules, today
        progress(min(begin + BATCH, len(keys)), len(keys))


def _standing(day: date) -> "Iterator[Prefetch[str]]":
    """The evaluations and plans from which the store takes the one that stood on a past day."""
    proposed = Q(agreed_on=None, at__date__lte=day)
    yield Prefetch("evaluations", models.Evaluation.objects.filter(on__lte=day))
    yield Prefetch("plans", models.Plan.objects.filter(Q(agreed_on__lte=day) | proposed))


def _harmed(until: date | None) -> "Prefetch[str]":
    """The adverse events that began by a day, with what was added to them by then."""
    events, entries = models.AdverseEvent.objects.all(), models.AdverseEventEntry.objects.all()
    if until:
        events, entries = events.filter(onset_on__lte=until), entries.filter(at__date__lte=until)
    # What is needed to tell who injected is asked only of courses that have an event.
    whole = events.select_related("session").prefetch_related(
        Prefetch("entries", entries), "session__sites", "course__sessions__sites"
    )
    return Prefetch("adverse_events", whole, to_attr="harmed")


def _beside(row: Any, known: Knowledge) -> Beside:
    sex = row.patient.sex
    return Beside(
        course=pseudonym(row.pk),
        clinic=clinic_number(row.patient.clinic_id),
        clinician=clinician_number(row.clinician_id) if row.clinician_id else None,
        sex=None if sex == models.Patient.Sex.UNKNOWN else sex,
        calls=row.called,
        amounts=tuple(_amounts(row.billed, row.entered)),
        adverse=tuple(_adverse(event, known) for event in row.harmed),
        given={one.number: _given(one) for one in row.signed_sessions},
    )


def _adverse(event: models.AdverseEvent, known: Knowledge) -> Adverse:
    report, added = adverse_action.report_of(event), adverse_action.added_to(event)
    now = adverse.standing(report, added, known)
    return Adverse(
        onset_on=event.onset_on,
        session=event.session.number if event.session else None,
        kind=event.kind,
        grade=now.worst,
        serious=now.serious,
        relatedness=now.relatedness or None,
        outcome=now.outcome,
        from_warning=event.assessment_id is not None,
    )


def _given(session: Any) -> Given:
    led = {site.guidance or session.guidance for site in session.given_sites} or {""}
    noted = session.complications
    return Given(
        guidance=None if "" in led else led.pop() if len(led) == 1 else "several",
        complications=len(set(noted) - {"none"}) if noted else None,
    )


def _amounts(
    invoices: Sequence[models.Invoice], entries: Sequence[models.LedgerEntry]
) -> Iterator[Amount]:
    """What was charged, less credit notes, and what came in, less what went back."""
    for invoice in invoices:
        number = invoice.session.number if invoice.session else None
        for line in invoice.lines.all():
            money = Money(line.amount, invoice.currency)
            yield Amount(invoice.issued_on, "charge", money, number)
    for entry in entries:
        money = Money(entry.amount, entry.currency)
        if entry.kind == Kind.CREDIT_NOTE:
            session = entry.invoice.session if entry.invoice else None
            yield Amount(entry.on, "charge", -money, session.number if session else None)
        elif entry.method:
            yield Amount(entry.on, "payment", -money if goes_out(Kind(entry.kind)) else money)


# --- what the next refresh must know


def _read_state(file: Path) -> _State:
    """The state of the last refresh; an empty one, which makes the next one whole, if it is not
    there or cannot be read."""
    try:
        table, told = pq.read_table(file), _told(file)
        courses = np.empty(table.num_rows, _COURSE)
        for name in _COURSE.names or ():
            courses[name] = table[name].to_numpy()
        looked_at = datetime.fromisoformat(told["looked_at"])
        withdrawn = frozenset(json.loads(told["withdrawn"]))
        return _State(looked_at, int(told["last_event"]), told["made_by"], withdrawn, courses)
    except (OSError, KeyError, TypeError, ValueError):
        return _NOTHING


def _told(file: Path) -> dict[str, str]:
    """What the state says of all courses together, without reading them; nothing if it cannot be
    read."""
    try:
        return {k.decode(): v.decode() for k, v in (pq.read_schema(file).metadata or {}).items()}
    except (OSError, ValueError):
        return {}


def _first_day(days: NDArray[np.datetime64]) -> str:
    come = days[~np.isnat(days)]
    return str(come.min()) if come.size else NEVER


def _write_state(file: Path, state: _State) -> None:
    """After the manifest: whoever is killed in between looks at some courses once more."""
    table = pa.table({name: state.courses[name] for name in _COURSE.names or ()})
    told = {
        "looked_at": "" if state.looked_at is None else state.looked_at.isoformat(),
        "last_event": str(state.last_event),
        "first_on": _first_day(state.courses["on"]),
        "made_by": state.made_by,
        "withdrawn": json.dumps(sorted(state.withdrawn)),
    }
    with registry.replacing(file) as sink:
        pq.write_table(table.replace_schema_metadata(told), sink, use_dictionary=["on"])

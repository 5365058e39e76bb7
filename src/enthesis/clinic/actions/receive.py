"""Dossiers from another clinic, or another Enthesis, become records here: all of them or none.

A patient is known by the name of where they came from (`origin`) and the key there, so receiving
twice adds nothing; what is otherwise the second time is told, and the clinic's is kept. What was
signed, answered, decided and entered in the books goes in as it was.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from itertools import islice
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Max, Model, QuerySet

from enthesis.clinic import dossiers as here
from enthesis.clinic import image_files, ledger, models, store
from enthesis.clinic.actions import Refused
from enthesis.clinic.actions.receive_rows import KINDS, Rows, rows_of
from enthesis.clinic.actions.receive_rules import take_over
from enthesis.clinic.models import AuditEvent, Clinic, Patient, Role, User
from enthesis.clinic.uploads import WrongFile, checked
from enthesis.exchange.clinic_rules import ClinicRules
from enthesis.exchange.dossier import Dossier, Practitioner
from enthesis.exchange.dossier_check import Problem, first_closed, problems
from enthesis.exchange.dossier_compare import Difference, differences
from enthesis.knowledge.kinds import Knowledge

CHUNK = 50
MOST_PROBLEMS = 200
MOST_DIFFERENCES = 1000
ORIGIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,39}")
# Written and audited with the session or the invoice that they are part of.
PARTS = (models.SessionSite, models.InvoiceLine)


class Unfit(Exception):  # noqa: N818 (an answer, not a fault)
    """Nothing was written: `problems` says which record and field, and what to do."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


@dataclass(slots=True)
class Received:
    """What came in. `records` counts the rows; `renumbered` are numbers given anew, by kind;
    `told` is what is otherwise in this clinic's settings."""

    patients: int = 0
    already: int = 0
    records: int = 0
    renumbered: dict[str, int] = field(default_factory=dict)
    differences: list[Difference] = field(default_factory=list)
    told: list[str] = field(default_factory=list)


@transaction.atomic
def receive(
    clinic: Clinic,
    dossiers: Iterable[Dossier],
    origin: str,
    *,
    actor: str,
    rules: ClinicRules | None = None,
    progress: Callable[[int], None] = lambda done: None,
) -> Received:
    """Write the patients that are not here yet, each record with its audit row.

    `origin` names where they come from; `actor` is the name for the audit rows. Raises Unfit, and
    Refused for an `origin` that is no name; whatever it raises, nothing is written.
    """
    if not ORIGIN.fullmatch(origin):
        raise Refused(
            "Name where the records come from with up to 40 letters, digits, points and dashes, "
            "such as harbour-clinic."
        )
    # Held so that no number is given out twice meanwhile.
    clinic = Clinic.objects.select_for_update().get(pk=clinic.pk)
    people = _People(clinic, origin, actor)
    result, found = Received(), list[Problem]()
    if rules is not None:
        found, result.told = take_over(clinic, rules, people.welcome, actor)
    desk = _Desk(clinic, origin, actor, people, result)
    rest = iter(dossiers)
    while chunk := list(islice(rest, CHUNK)):
        found += desk.take(chunk, write=not found)
        if len(found) >= MOST_PROBLEMS:
            break
        progress(result.patients + result.already)
    if found:
        raise Unfit(found[:MOST_PROBLEMS])
    return result


class _People:
    """Practitioners from elsewhere: they keep their names, and nobody signs in as one."""

    def __init__(self, clinic: Clinic, origin: str, actor: str) -> None:
        self.clinic, self.origin, self.actor = clinic, origin, actor
        self.known: dict[str, User] = {}

    def welcome(self, people: tuple[Practitioner, ...]) -> Mapping[str, User]:
        """The account of each by key, made where there was none."""
        for one in people:
            if one.key not in self.known:
                self.known[one.key] = self._account(one)
        return self.known

    def problems(self, people: tuple[Practitioner, ...]) -> Iterator[Problem]:
        """Who cannot be written down."""
        for one in people:
            if one.role not in Role.values:
                roles = ", ".join(Role.values)
                yield Problem(one.name, one.key, "role", f"{one.role!r} is none of {roles}.")
            if not one.name.strip() or len(one.name) > 120 or "\0" in one.name:
                yield Problem(one.name, one.key, "name", "it needs one of up to 120 characters.")

    def _account(self, one: Practitioner) -> User:
        name = f"{one.key}@{self.origin}+{self.clinic.pk}"
        if user := User.objects.filter(username=name, clinic=self.clinic).first():
            return user
        user = User(
            username=name,
            clinic=self.clinic,
            role=one.role,
            display_name=one.name,
            is_active=False,
        )
        user.set_unusable_password()
        user.save()
        AuditEvent.objects.create(
            clinic=self.clinic,
            actor=self.actor,
            action="receive",
            record="user",
            record_id=user.pk,
            detail={"from": self.origin, "key": one.key},
        )
        return user


class _Desk:
    """Takes in some dossiers at a time."""

    def __init__(
        self, clinic: Clinic, origin: str, actor: str, people: _People, result: Received
    ) -> None:
        self.clinic, self.origin, self.actor = clinic, origin, actor
        self.people, self.result = people, result
        self.source = f"received:{origin}"
        self.today = store.today(clinic)
        self.known: Knowledge = store.known_for(clinic, self.today)
        self.closed: date | None = ledger.closed_until(clinic)
        self.numbers = _Numbers(clinic, self.source)
        result.renumbered = self.numbers.counts

    def take(self, chunk: list[Dossier], write: bool) -> list[Problem]:
        """Write what is new and compare what is not; what does not fit keeps all of it out."""
        keys = [one.person.key for one in chunk]
        rows = Patient.objects.filter(clinic=self.clinic, source=self.source, source_key__in=keys)
        before = dict(rows.values_list("source_key", "pk"))
        found = list(_twice(keys))
        new = [one for one in chunk if one.person.key not in before]
        for dossier in new:
            found += self._problems(dossier)
        self._compare([one for one in chunk if one.person.key in before], before)
        self.result.patients += len(new)
        if found:
            return found
        made = []
        for dossier in new:
            people = self.people.welcome(dossier.practitioners)
            made.append(rows_of(dossier, self.clinic, self.source, people))
        found = [problem for rows in made for problem in rows.problems()]
        if write and not found:
            found = list(self.numbers.give(made))
        if write and not found:
            self._keep_files(new)
            self._write(made)
        return found

    def _problems(self, dossier: Dossier) -> Iterator[Problem]:
        yield from problems(dossier, self.known, self.today)
        yield from self.people.problems(dossier.practitioners)
        called = f"patient {dossier.person.number}"
        for file in dossier.courses:
            for (record, name), what in first_closed(file, self.closed) if self.closed else ():
                yield Problem(called, record, name, what)
            for document in file.documents:
                try:
                    is_it = checked(document.body or b"", self.known.upload_rules)
                except WrongFile as wrong:
                    yield Problem(called, document.key, "body", str(wrong))
                    continue
                if (is_it.kind.value, is_it.data) != (document.content_type, document.body):
                    what = "the file is not what it is said to be. Export it again."
                    yield Problem(called, document.key, "content_type", what)

    def _compare(self, chunk: list[Dossier], before: Mapping[str, int]) -> None:
        self.result.already += len(chunk)
        if len(self.result.differences) >= MOST_DIFFERENCES or not chunk:
            return
        there = {before[one.person.key]: one for one in chunk}
        for dossier in here.dossiers(self.clinic, there):
            pk = int(dossier.person.key.rpartition("-")[2])
            self.result.differences += differences(dossier, there[pk])

    def _keep_files(self, chunk: list[Dossier]) -> None:
        """On the disk before their rows: whoever is killed leaves files that no row names."""
        for dossier in chunk:
            for file in dossier.courses:
                for document in file.documents:
                    image_files.keep(document.body or b"")

    def _write(self, made: list[Rows]) -> None:
        for kind in KINDS:
            try:
                if kind is models.LedgerEntry:
                    for rows in _in_turn(made):
                        self._write_rows(kind, rows)
                else:
                    rows = [(one.patient, *pair) for one in made for pair in one.made.get(kind, ())]
                    self._write_rows(kind, rows)
            except IntegrityError as error:
                raise Unfit([self._refused(kind, made, error)]) from error

    def _refused(self, kind: type[Model], made: list[Rows], error: IntegrityError) -> Problem:
        """What the tables refuse without saying which row: the kind, and among whom."""
        numbers = [one.patient.number for one in made]
        called = f"patients {min(numbers)} to {max(numbers)}"
        what = f"two records cannot both stand ({str(error).splitlines()[0]}). Take one out."
        return Problem(called, kind.__name__, "all", what)

    def _write_rows(self, kind: type[Model], rows: "list[tuple[Patient, str, Model]]") -> None:
        if not rows:
            return
        kind._default_manager.bulk_create([row for _, _, row in rows])
        self.result.records += len(rows)
        if kind not in PARTS:
            AuditEvent.objects.bulk_create(
                AuditEvent(
                    clinic=self.clinic,
                    actor=self.actor,
                    action="receive",
                    patient=patient,
                    record=kind._meta.model_name or "",
                    record_id=row.pk,
                    detail={"from": self.origin, "key": key, **self.numbers.was(row)},
                )
                for patient, key, row in rows
            )


def _twice(keys: list[str]) -> Iterator[Problem]:
    for key in sorted({key for key in keys if keys.count(key) > 1}):
        yield Problem(key, key, "key", "this patient is there twice. Keep one.")


def _in_turn(made: list[Rows]) -> "Iterator[list[tuple[Patient, str, Model]]]":
    """The entries of all books, in rounds: what an entry is about was written in an earlier one."""
    left = [(one.patient, list(one.made.get(models.LedgerEntry, ()))) for one in made]
    while any(entries for _, entries in left):
        turn: list[tuple[Patient, str, Model]] = []
        for patient, entries in left:
            now = set[int]()
            while entries and id(getattr(entries[0][1], "about", None)) not in now:
                key, row = entries.pop(0)
                now.add(id(row))
                turn.append((patient, key, row))
        yield turn


class _Numbers:
    """Numbers of patients and papers: those from there, unless this clinic has its own."""

    def __init__(self, clinic: Clinic, source: str) -> None:
        self.clinic = clinic
        patients = Patient.objects.filter(clinic=clinic)
        self.last_patient = patients.aggregate(last=Max("number"))["last"] or 0
        entries = models.LedgerEntry.objects.filter(clinic=clinic)
        mine = entries.exclude(pk__in=self._came(source, models.LedgerEntry))
        self.own = set(mine.order_by().values_list("paper", flat=True).distinct())
        bills = models.Invoice.objects.filter(clinic=clinic)
        if bills.exclude(pk__in=self._came(source, models.Invoice)).exists():
            self.own.add("invoice")
        self.last = dict(entries.order_by().values_list("paper").annotate(last=Max("number")))
        last = models.Invoice.objects.filter(clinic=clinic).aggregate(last=Max("number"))["last"]
        self.last["invoice"] = last or 0
        self.before: dict[int, int] = {}
        self.counts: dict[str, int] = {}

    def _came(self, source: str, kind: type[Model]) -> QuerySet[AuditEvent, Any]:
        """The papers that came from there: a patient who did may have got others here since."""
        events = AuditEvent.objects.filter(
            clinic=self.clinic,
            action="receive",
            record=kind._meta.model_name,
            detail__from=source.removeprefix("received:"),
        )
        return events.values("record_id")

    def was(self, row: Model) -> dict[str, int]:
        """For the audit: the number there, where it is another one here."""
        there = self.before.get(id(row))
        return {} if there is None else {"number_there": there}

    def give(self, made: list[Rows]) -> Iterator[Problem]:
        """Number the rows; a paper whose number is taken is a problem."""
        self.before = {}
        self._patients([one.patient for one in made])
        for kind in (models.Invoice, models.LedgerEntry):
            rows = [
                (one.patient, key, row)
                for one in made
                for key, row in one.made.get(kind, ())
                if isinstance(row, kind)
            ]
            yield from self._papers(kind, rows)

    def _patients(self, rows: list[Patient]) -> None:
        numbers = [row.number for row in rows]
        here = Patient.objects.filter(clinic=self.clinic, number__in=numbers)
        taken = set(here.values_list("number", flat=True))
        for row in rows:
            if row.number in taken:
                last = max(self.last_patient, *taken)
                self._anew(row, "patient", last + 1)
            taken.add(row.number)
            self.last_patient = max(self.last_patient, row.number)

    def _papers(
        self,
        kind: type[models.Invoice] | type[models.LedgerEntry],
        rows: "list[tuple[Patient, str, models.Invoice | models.LedgerEntry]]",
    ) -> Iterator[Problem]:
        numbers = [row.number for _, _, row in rows]
        here = kind._default_manager.filter(clinic=self.clinic, number__in=numbers)
        papers = here.values_list("number" if kind is models.Invoice else "paper", "number")
        taken = {("invoice" if kind is models.Invoice else str(a), b) for a, b in papers}
        for patient, key, row in rows:
            paper = row.paper if isinstance(row, models.LedgerEntry) else "invoice"
            if paper in self.own:
                self.last[paper] = self.last.get(paper, 0) + 1
                self._anew(row, paper, self.last[paper])
            elif (paper, row.number) in taken:
                what = f"the {paper} {row.number} is there already. Export the clinic again."
                yield Problem(f"patient {patient.number}", key, "number", what)
            taken.add((paper, row.number))

    def _anew(
        self, row: "Patient | models.Invoice | models.LedgerEntry", kind: str, to: int
    ) -> None:
        if row.number != to:
            self.before[id(row)] = row.number
            self.counts[kind] = self.counts.get(kind, 0) + 1
        row.number = to

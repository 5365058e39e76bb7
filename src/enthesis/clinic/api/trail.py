"""AuditEvents: who wrote and who read what. Rows of two tables in the order of their moments, read
where they stand; they hang on no patient's record, and some on no patient.

Reading them is itself written down. So that a search does not run after its own traces, its pages
end at the moment at which the first of them was asked for.
"""

import heapq
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Q, QuerySet
from django.utils import timezone

from enthesis.clinic.api.asking import Asked, Asker
from enthesis.clinic.api.matching import Test
from enthesis.clinic.api.narrow import KEY, dated
from enthesis.clinic.api.outcome import ApiError
from enthesis.clinic.api.search import Page, Place, Query, bundle_of, read_query
from enthesis.clinic.api.sources import Resource
from enthesis.clinic.api.table import TYPES
from enthesis.clinic.models import AccessEvent, AuditEvent, Clinic
from enthesis.exchange.dossier import AuditRow
from enthesis.exchange.fhir.trace import audit_event_of

KIND = TYPES["AuditEvent"]
MOST_ROWS = 20_000
"""Rows that one page reads; where so many hold too few matches, the page is a short one."""
AT_A_TIME = 500
TABLES: dict[str, type[AuditEvent] | type[AccessEvent]] = {
    "access": AccessEvent,
    "audit": AuditEvent,
}
Order = tuple[datetime, str, int]


@dataclass(frozen=True, slots=True)
class Event:
    """A row of either table; `patient` is the pk of whom it is about."""

    order: Order
    patient: int | None
    resource: Resource


def search_trail(asker: Asker, asked: Asked, base: str) -> tuple[Resource, set[int]]:
    """The Bundle of one page, and the patients whom it is about. Raises ApiError."""
    asker.need(KIND.name, "s")
    query = read_query(asker, KIND, asked)
    if any(name != "date" for name, _ in query.sort):
        raise ApiError(400, "AuditEvents are sorted by date or -date only", "not-supported")
    newest_first = query.sort[:1] == [("date", True)]
    until, after = _opened(query.after)
    whole = query.total or query.only_count
    found = _narrowed(asker.clinic, query.tests, until)
    if whole and sum(rows.count() for rows in found.values()) > MOST_ROWS:
        raise ApiError(
            422,
            f"more than {MOST_ROWS:,} events would be read to count them; narrow the search by "
            "patient or by date",
            "too-costly",
        )
    page = Page()
    if whole:
        matches = [one for one in _merged(found, newest_first, None) if _holds(query, one)]
        page.total = len(matches)
        ahead = [one for one in matches if after is None or _follows(one, after, newest_first)]
        kept = [] if query.only_count else ahead[: query.count]
        if kept and len(ahead) > len(kept):
            page.next = _place(until, kept[-1])
    else:
        kept, last = [], None
        for n, one in enumerate(_merged(found, newest_first, after)):
            is_match = _holds(query, one)
            if last and (n == MOST_ROWS or (is_match and len(kept) == query.count)):
                page.next = _place(until, last)
                break
            kept += [one] if is_match else []
            last = one
        if page.next is None and after is None:
            page.total = len(kept)
    page.matches = [one.resource for one in kept]
    page.patients = {one.patient for one in kept if one.patient is not None}
    return bundle_of(query, page, asked, base), page.patients


def _holds(query: Query, one: Event) -> bool:
    return all(test.holds(one.resource) for test in query.tests)


def read_event(asker: Asker, id: str) -> tuple[Resource, set[int]]:
    """One event. Raises ApiError."""
    asker.need(KIND.name, "r")
    named = KEY.fullmatch(id)
    if named and named[1] in TABLES and id == f"{named[1]}-{named[2]}":
        rows = TABLES[named[1]]._default_manager.filter(clinic=asker.clinic, pk=int(named[2]))
        for row in rows:
            event = _event(named[1], row)
            return event.resource, set() if event.patient is None else {event.patient}
    raise ApiError(404, f"there is no AuditEvent “{id[:80]}”; search for it by patient or date")


def events(
    clinic: Clinic, since: datetime | None, until: datetime, patients_only: bool
) -> Iterator[Event]:
    """All of a clinic that were written between two moments, the oldest first."""
    found = _narrowed(clinic, (), until)
    asked = Q(at__gte=since) if since else Q()
    if patients_only:
        asked &= Q(patient__isnull=False)
    return _merged({name: rows.filter(asked) for name, rows in found.items()}, False, None)


def _narrowed(clinic: Clinic, tests: Iterable[Test], until: datetime) -> dict[str, QuerySet[Any]]:
    """More than match, never fewer."""
    found: dict[str, QuerySet[Any]] = {
        name: table._default_manager.filter(clinic=clinic, at__lte=until)
        for name, table in TABLES.items()
    }
    for test in tests:
        if test.modifier in ("not", "missing"):
            continue
        keys = [KEY.fullmatch(value.rpartition("/")[2]) for value in test.values]
        for name, rows in found.items():
            if test.param.name == "_id":
                wanted = [int(key[2]) for key in keys if key and key[1] == name]
                found[name] = rows.filter(pk__in=wanted)
            elif test.param.kind == "reference":
                wanted = [int(key[2]) for key in keys if key and key[1] == "patient"]
                found[name] = rows.filter(patient__in=wanted)
            elif test.param.kind == "date":
                found[name] = dated(rows, test)
    return found


def _merged(
    found: dict[str, QuerySet[Any]], newest_first: bool, after: Order | None
) -> Iterator[Event]:
    order = ("-at", "-pk") if newest_first else ("at", "pk")
    read = (
        _each(name, _beyond(rows, name, after, newest_first).order_by(*order))
        for name, rows in found.items()
    )
    return heapq.merge(*read, key=lambda event: event.order, reverse=newest_first)


def _each(name: str, rows: QuerySet[Any]) -> Iterator[Event]:
    return (_event(name, row) for row in rows.iterator(AT_A_TIME))


def _beyond(
    rows: QuerySet[Any], name: str, after: Order | None, newest_first: bool
) -> QuerySet[Any]:
    if after is None:
        return rows
    at, table, pk = after
    side = "lt" if newest_first else "gt"
    asked = Q(**{f"at__{side}": at})
    if name == table:
        asked |= Q(at=at, **{f"pk__{side}": pk})
    elif (name < table) == newest_first:
        asked |= Q(at=at)
    return rows.filter(asked)


def _follows(one: Event, after: Order, newest_first: bool) -> bool:
    return one.order < after if newest_first else one.order > after


def _event(table: str, row: Any) -> Event:
    key = f"{table}-{row.pk}"
    patient = f"patient-{row.patient_id}" if row.patient_id else None
    if isinstance(row, AuditEvent):
        told = AuditRow(
            key, row.at, row.actor, row.action, row.record, patient, row.record_id, row.detail
        )
    else:
        detail = {"what": row.what, "address": row.address}
        told = AuditRow(key, row.at, row.actor, "read", "patient", patient, row.patient_id, detail)
    return Event((row.at, table, row.pk), row.patient_id, audit_event_of(told))


def _place(until: datetime, last: Event) -> Place:
    at, table, pk = last.order
    return 0, (f"{until.isoformat()} {at.isoformat()}", pk, table)


def _opened(place: Place | None) -> tuple[datetime, Order | None]:
    """Until when, and after which row: what a link of ours says, which is signed."""
    if place is None:
        return timezone.now(), None
    _, (moments, pk, table) = place
    until, at = (datetime.fromisoformat(one) for one in moments.split())
    return until, (at, table, pk)

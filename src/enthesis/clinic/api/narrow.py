"""Which patients a search need look at: more than match, never fewer.

What matches is decided by `matching.py` in the resources themselves; here the tables leave out
patients of whom nothing can match, so that a search for one of them reads one record.
"""

import re
from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import TypeVar

from django.db.models import Model, Q, QuerySet

from enthesis.clinic.api.matching import Test, folded, read_date
from enthesis.clinic.api.table import TYPES, Type
from enthesis.clinic.models import Clinic, Patient

R = TypeVar("R", bound=Model)
KEY = re.compile(r"(event-entry|[a-z]+)-([0-9]{1,18})(?:-.{1,60})?", re.ASCII)
# The first part of a record's key (clinic/dossiers.py) → from a patient to its row.
ROWS = {
    "patient": "pk",
    "weight": "weights",
    "contactchoice": "contact_choices",
    "course": "courses",
    "evaluation": "courses__evaluations",
    "plan": "courses__plans",
    "consent": "courses__consents",
    "session": "courses__sessions",
    "aside": "courses__sessions__set_aside",
    "amendment": "courses__sessions__amendments",
    "image": "courses__sessions__images",
    "assessment": "courses__assessments",
    "score": "courses__typed_scores",
    "event": "courses__adverse_events",
    "event-entry": "courses__adverse_events__entries",
    "decision": "courses__decisions",
    "file": "courses__files",
    "arrangement": "courses__arrangements",
    "invoice": "courses__invoices",
    "line": "courses__invoices__lines",
    "entry": "courses__entries",
}
# A day in the tables and in the resource may differ by time zone.
MARGIN = timedelta(days=2)
MOST_NUMBER = 2**31 - 1


def patients(clinic: Clinic, kind: Type, tests: Iterable[Test]) -> list[tuple[int, int]]:
    """(number, id) of every patient of the clinic who may match, by number."""
    rows = Patient.objects.filter(clinic=clinic)
    if kind.rows:
        rows = rows.filter(**{f"{kind.rows}__isnull": False})
    names: list[Test] = []
    for test in tests:
        if test.modifier in ("not", "missing", "below"):
            continue
        name = test.param.name
        if test.param.kind == "reference" and not any(TYPES[t].shared for t in test.param.targets):
            # What refers to a record is of the same patient.
            keys = (value.rpartition("/")[2] for value in test.values)
            rows = rows.filter(_keyed(keys, ROWS))
        elif name == "_id":
            rows = rows.filter(_keyed(test.values, ROWS))
        elif name == "identifier" and kind.name == "Patient":
            numbers = [value.rpartition("|")[2] for value in test.values]
            if all(numbers):
                rows = rows.filter(number__in=[int(n) for n in numbers if _is_number(n)])
        elif test.param.rows and test.param.kind == "date":
            rows = dated(rows, test)
        elif kind.name == "Patient" and test.param.kind == "string":
            names.append(test)
    # A set of them is joined once for each row below a patient.
    found = rows.order_by("number").values_list("number", "pk", "given", "family").distinct()
    return [
        (number, pk)
        for number, pk, *called in found
        if all(_named(" ".join(called), test) for test in names)
    ]


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 11 and int(text) <= MOST_NUMBER


def _keyed(keys: Iterable[str], kinds: Iterable[str]) -> Q:
    """That the patient has one of the rows that these ids name; nobody, where they name none."""
    asked = Q(pk=None)
    for key in keys:
        found = KEY.fullmatch(key.lower())
        if found and found[1] in kinds:
            asked |= Q(**{ROWS[found[1]]: int(found[2])})
    return asked


def dated(rows: QuerySet[R], test: Test) -> QuerySet[R]:
    """Those rows of which the day or moment that the parameter is about may match."""
    asked = Q()
    for value in test.values:
        prefix, (start, end) = read_date(value, test.zone)
        one = Q()
        if prefix == "ne":
            return rows
        if prefix in ("eq", "ap", "gt", "ge", "sa"):
            one &= Q(**{f"{test.param.rows}__gte": _day(start - MARGIN, test.param.rows)})
        if prefix in ("eq", "ap", "lt", "le", "eb"):
            one &= Q(**{f"{test.param.rows}__lte": _day(end + MARGIN, test.param.rows)})
        asked |= one
    return rows.filter(asked)


def _day(moment: datetime, rows: str) -> datetime | date:
    return moment if rows.endswith(("at", "_at")) else moment.date()


def _named(called: str, test: Test) -> bool:
    own = folded(called)
    return any(folded(value) in own for value in test.values)

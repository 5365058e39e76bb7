"""A de-identified cut of a clinic for a researcher, as files (outcomes/research.py says what of).

Its numbers are made with a key that is thrown away: not even the clinic can go back from a row to
a patient, and no two cuts have a number in common.
"""

import hmac
import secrets
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
from django.db import transaction

from enthesis.clinic import audit, store
from enthesis.clinic.actions import Refused
from enthesis.clinic.actions.export import BATCH, MANIFEST, RESEARCH, as_json, software
from enthesis.clinic.actions.registry import rows_of_clinic
from enthesis.clinic.models import Clinic, User
from enthesis.clinic.package import Package, package, write_dictionary, write_table
from enthesis.clinic.snapshot import snapshot
from enthesis.clinic.tables import Column, Table
from enthesis.outcomes import registry
from enthesis.outcomes.research import (
    LEFT_OUT,
    NOT_PROTECTED,
    QUASI,
    Research,
    Whose,
    columns_of,
    research,
)
from enthesis.outcomes.schema import TABLES

KINDS = {"bool": "yes_no", "str": "text"}
README = """\
Courses of prolotherapy of one clinic, without names, dates, free text and small groups.

dictionary.csv says what every column means, manifest.json what was hidden and why, and what this
does not protect against. Days count from day 0 of each course. Nobody may be looked for in it.

Whether every byte is as it was written:   sha256sum --check SHA256SUMS
"""


@dataclass(frozen=True, slots=True)
class Cut:
    """What was written, in one sentence."""

    courses: int
    words: str


def export_research(
    user: User | None,
    clinic: Clinic,
    target: Path,
    form: str,
    progress: Callable[[int, int], None] = lambda done, total: None,
    secret: bytes = b"",
) -> Cut:
    """Write the cut into a new folder or .zip as "csv" or "parquet"; `user` None is the command
    line. Without a `secret` one is made and forgotten.

    Raises Refused where no group of courses is large enough, package.Taken where the target is
    there already, OSError where the disk does not take it.
    """
    key = secret or secrets.token_bytes(32)

    def number(text: str) -> int:
        return int.from_bytes(hmac.digest(key, text.encode(), "sha256")[:8]) >> 2

    with package(target) as into:
        with snapshot():
            made = _made(clinic, number, progress)
        if not made.tables["courses"].num_rows:
            raise Refused(
                f"No group of {made.k} patients is alike in age, sex, condition and clinician even "
                "when these are hidden: there is nothing that may leave. Nothing was written."
            )
        # Before a byte of it is there, and not where nothing may leave: the row uses the year up.
        with transaction.atomic():
            audit.record(user, RESEARCH, clinic, detail={"format": form}, by="command line")
        _write(into, made, form)
    courses = made.tables["courses"].num_rows
    left = few(made.suppressed, made.k)
    return Cut(courses, f"{courses} courses; {left} left out because too few are like them.")


def _made(
    clinic: Clinic, number: Callable[[str], int], progress: Callable[[int, int], None]
) -> Research:
    known = store.known_for(clinic, store.today(clinic))
    whose: dict[int, Whose] = {}

    def rows() -> Iterator[Any]:
        for patient, zero_on, course in rows_of_clinic(clinic, progress):
            whose[int(str(course["courses"][0][0]))] = Whose(patient, zero_on)
            yield course

    tables = registry.as_tables(rows())
    return research(tables, whose, known.research, known.publishing.smallest_count, number)


def few(n: int, k: int) -> str:
    """A count as it may be told: one of 1 to k − 1 is not."""
    return str(n) if n == 0 or n >= k else f"1 to {k - 1}"


def table_of(name: str) -> Table:
    """What a file of the cut holds, in words."""
    columns = tuple(
        Column(
            c.name,
            "date" if c.name == "day_0_on" else KINDS.get(c.kind, "integer"),
            c.meaning,
            c.unit,
            words=tuple((word, word) for word in c.words),
        )
        for c in columns_of(name)
    )
    return Table(name, f"{TABLES[name].meaning} Null may also mean hidden.", columns)


def _write(into: Package, made: Research, form: str) -> None:
    rows = {
        name: write_table(into, table_of(name), _batches(table), form)
        for name, table in made.tables.items()
    }
    write_dictionary(into, map(table_of, made.tables))
    manifest = {
        "what": "a de-identified cut for research",
        "software": software(),
        "format": form,
        "tables": {
            name: {"rows": n, **asdict(into.files[f"{name}.{form}"])} for name, n in rows.items()
        },
        "k": made.k,
        "quasi_identifiers": QUASI,
        "why_k": "No combination of the quasi-identifiers, nor any word, is held by fewer than k "
        "patients.",
        "courses_made_coarser": {step: few(n, made.k) for step, n in made.coarser.items()},
        "courses_left_out_in_small_groups": few(made.suppressed, made.k),
        "patients_taken_apart": few(made.unlinked, made.k),
        "rare_values_hidden": {name: few(n, made.k) for name, n in sorted(made.rare.items())},
        "columns_left_out": LEFT_OUT,
        "not_protected_against": NOT_PROTECTED,
    }
    into.write(MANIFEST, as_json(manifest))
    into.write("README.txt", README.encode())


def _batches(table: pa.Table) -> Iterator[list[tuple[Any, ...]]]:
    at = table.column_names.index("day_0_on") if "day_0_on" in table.column_names else None
    for batch in table.to_batches(max_chunksize=BATCH):
        rows = list(zip(*(column.to_pylist() for column in batch.columns), strict=True))
        if at is not None:
            rows = [(*r[:at], date.fromisoformat(r[at]), *r[at + 1 :]) for r in rows]
        yield rows

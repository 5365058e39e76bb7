"""A day's work brought into the registry from a clinic's database: python refresh.py FOLDER

Told by cohort.py, with a registry in FOLDER. An SQLite of its own holds as many courses: those of
an invented clinic with all their records, and bare ones (patient, course, five audit rows), which
a refresh counts but does not look at; the state of the last refresh knows them all. On each of
five days 200 courses of the clinic have new audit rows. Timed is the whole of
`clinic/actions/registry.refresh`: database, rows, state and the files of the next cut. That last
part and the state are timed within it. Not in it: the start of the process.
"""

import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

CHANGED, ROUNDS, PATIENTS, AUDIT_ROWS = 200, 5, 400, 5


def fill(model: Any, copies: int, **changed: str) -> None:
    """So many copies of a table's first row, with expressions of `n` (from 1) in some columns."""
    from django.db import connection

    columns = [f.column for f in model._meta.concrete_fields if not f.primary_key]
    table = model._meta.db_table
    values = ", ".join(changed.get(name, f'"{name}"') for name in columns)
    names = ", ".join(f'"{name}"' for name in columns)
    with connection.cursor() as cursor:
        cursor.execute(
            "WITH RECURSIVE many(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM many WHERE n < %s) "  # noqa: S608
            f"INSERT INTO {table} ({names}) SELECT {values} FROM many, "
            f"(SELECT * FROM {table} ORDER BY id LIMIT 1)",
            [copies],
        )


def make_clinic(courses: int) -> list[Any]:
    """Patients, courses and audit rows; returns the courses with records."""
    from django.core.management import call_command
    from django.db import transaction

    from enthesis.clinic.models import AuditEvent, Course, Patient
    from enthesis.commands.demo import load_invented_clinic

    call_command("migrate", verbosity=0)
    load_invented_clinic(date.today(), 1, PATIENTS, lambda done, total: None)  # noqa: DTZ011
    real = list(Course.objects.order_by("pk")[:courses])
    bare = courses - Course.objects.count()
    with transaction.atomic():
        if bare > 0:
            first = Patient.objects.order_by("-pk")[0].pk
            fill(Patient, bare, number="n + 1000000")
            fill(Course, bare, patient_id=f"{first} + n")
            fill(AuditEvent, bare * AUDIT_ROWS, patient_id=f"{first} + (n + 4) / {AUDIT_ROWS}")
        AuditEvent.objects.update(at=datetime(2026, 1, 1, tzinfo=UTC))
    return real


def timed(module: Any, name: str, into: dict[str, float], part: str) -> None:
    """Let a function of a module add its time to a part of `into`."""
    work: Callable[..., Any] = getattr(module, name)

    def clocked(*words: Any, **named: Any) -> Any:
        start = time.perf_counter()
        try:
            return work(*words, **named)
        finally:
            into[part] = into.get(part, 0.0) + time.perf_counter() - start

    setattr(module, name, clocked)


def main(folder: Path, data: Path) -> dict[str, float]:
    """Prepare, and refresh on five days."""
    from enthesis.clinic import server

    server.prepare()
    from django.db import transaction

    from enthesis.clinic import audit
    from enthesis.clinic.actions import registry as action
    from enthesis.clinic.models import AuditEvent, Course
    from enthesis.outcomes import registry

    ids = registry.read_table(folder, "courses", ["course"])["course"].to_numpy()
    real = make_clinic(ids.size)
    known = np.zeros(Course.objects.count(), action._COURSE)
    known["pk"] = np.fromiter(Course.objects.order_by("pk").values_list("pk", flat=True), np.int64)
    known["course"], known["on"] = np.resize(ids, known.size), np.datetime64("NaT")
    last = AuditEvent.objects.latest("id").pk
    made_by = action._made_by(action._known())
    now = datetime.now(UTC)
    action._write_state(data / action.STATE, action._State(now, last, made_by, frozenset(), known))
    parts: dict[str, float] = {}
    for name in ("_read_state", "_replaced", "_write_state"):
        timed(action, name, parts, "state")
    timed(registry, "refresh", parts, "files")
    rng, days = np.random.default_rng(20261126), []
    for _ in range(ROUNDS):
        with transaction.atomic():
            # The day before is longer ago than the audit rows that are looked at twice.
            AuditEvent.objects.filter(id__gt=last).update(at=datetime(2026, 1, 1, tzinfo=UTC))
            for at in rng.choice(len(real), min(CHANGED, len(real)), replace=False):
                audit.record(None, "a day's work", real[at])
        parts.clear()
        start, work = time.perf_counter(), time.process_time()
        done = action.refresh(folder, data)
        parts["seconds"] = time.perf_counter() - start
        parts["processor"] = time.process_time() - work
        if done.whole or not CHANGED <= done.written < 2 * CHANGED:
            raise SystemExit(f"{done.written} courses were written.")
        days.append(dict(parts))
    return {name: median(day[name] for day in days) for name in days[0]}


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch:
        os.environ["ENTHESIS_DATA"] = scratch
        os.environ.pop("DATABASE_URL", None)
        sys.stdout.write(json.dumps(main(Path(sys.argv[1]), Path(scratch))) + "\n")

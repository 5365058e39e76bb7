"""The clinic's outcomes: the registry kept up to date with the records, and the reports of it.

The registry of all clinics of an installation stands in one folder of the data directory; every
report here is of one clinic's courses. What imports Arrow or Ibis does so inside a function: they
take seconds, which the start of a web server must not.
"""

import json
import logging
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import connections
from django.utils import timezone

from enthesis.charts.pen import day_in_words
from enthesis.clinic import models, store
from enthesis.journey.course import months_after
from enthesis.outcomes.alone import alone

if TYPE_CHECKING:
    from enthesis.outcomes.report import Origin, Report

log = logging.getLogger("enthesis.outcomes")
QUICK = 200
"""Courses that are looked at while the page is opened, about a second; more in the background."""
PATIENCE_SECONDS = 2.0
SHOW_EVERY_SECONDS = 0.2
SEED = 1
VERSIONS = ("enthesis", "ibis-framework", "duckdb", "pyarrow", "numpy", "scipy")
NOT_PUBLIC = ("by-clinician",)
"""Two or three colleagues are easily told apart, and a funnel of so few invites a ranking."""
PROGRESS = "registry-progress.json"
REPORT_LOCK = "outcomes-report.lock"
WAIT_SECONDS = 20.0
"""For reports that others asked for before: who waits holds a thread that could show a page."""
FAILED = (
    "The outcomes could not be brought up to date. What went wrong stands in the log of Enthesis."
)
"""All that a clinic is told: the registry is of every clinic, and so is what went wrong in it."""


LAST_KEPT = 32
_last: dict[tuple[str, int, str, bool, date], "Report"] = {}
"""The last report of each kind, for who need not wait for the next."""


class OthersFirst(Exception):  # noqa: N818 (no error: it is told to look again)
    """Reports that others asked for take longer than anybody may wait here."""


@dataclass(frozen=True, slots=True)
class UpToDate:
    """The registry as the records are: how many courses were written anew for it, in what time."""

    written: int
    seconds: float


@dataclass(frozen=True, slots=True)
class AtWork:
    """It is being brought up to date: so many courses of so many were looked at."""

    done: int
    total: int


@dataclass(frozen=True, slots=True)
class Quarter:
    """Three months of a year, `number` from 1 to 4."""

    year: int
    number: int

    def __str__(self) -> str:
        return f"{self.year}-Q{self.number}"

    @property
    def first(self) -> date:
        """Its first day."""
        return date(self.year, 3 * self.number - 2, 1)

    @property
    def last(self) -> date:
        """Its last day."""
        return date.fromordinal(months_after(self.first, 3).toordinal() - 1)


def folder() -> Path:
    """Where the registry is kept, as the command `enthesis registry` has it."""
    return Path(settings.DATA) / "registry"


# --- bringing it up to date


def bring_up_to_date(or_last: bool = False) -> UpToDate | AtWork:
    """Write the next cut if the records have moved on; a long work goes on in the background.

    While any process of this installation is at it, this only says how far that is; where the last
    is good enough (`or_last`), also while a report is being made of the present cut: of a cut that
    moved on meanwhile it would be made once more.

    Raises RegistryError where the folder cannot be trusted, or the background work failed.
    """
    from enthesis.clinic.actions import registry

    waiting = registry.waiting(folder())
    if not waiting:
        return UpToDate(0, 0.0)
    with making(or_wait=not or_last) as is_ours:
        if is_ours and not registry.at_work():
            return _at_once() if waiting <= QUICK else _in_background(waiting)
    told = _read_progress()
    return AtWork(told.get("done", 0), told.get("total", waiting))


def _at_once() -> UpToDate:
    from enthesis.clinic.actions import forecast as action
    from enthesis.outcomes.registry import RegistryError

    started = time.monotonic()
    try:
        done, _ = action.refresh(folder())
    except RegistryError as error:
        log.exception("The registry could not be brought up to date")
        raise RegistryError(FAILED) from error
    return UpToDate(done.written, time.monotonic() - started)


def _in_background(waiting: int) -> UpToDate | AtWork:
    from enthesis.outcomes.registry import RegistryError

    if _read_progress().get("failed"):
        _progress().unlink(missing_ok=True)
        raise RegistryError(FAILED)
    started, found = time.monotonic(), list[int]()
    thread = threading.Thread(target=_work, args=(found,), daemon=True)
    thread.start()
    thread.join(PATIENCE_SECONDS)
    if found:
        return UpToDate(found[0], time.monotonic() - started)
    return AtWork(_read_progress().get("done", 0), waiting)


def _work(found: list[int]) -> None:
    """Refresh, and tell how far it is."""
    from enthesis.clinic.actions import forecast as action

    shown = 0.0

    def tell(done: int, total: int) -> None:
        nonlocal shown
        if time.monotonic() - shown > SHOW_EVERY_SECONDS:
            _write_progress({"done": done, "total": total})
            shown = time.monotonic()

    try:
        found.append(action.refresh(folder(), progress=tell)[0].written)
        _progress().unlink(missing_ok=True)
    except Exception:
        log.exception("The registry could not be brought up to date")
        _write_progress({"failed": True})
    finally:
        connections.close_all()


def _progress() -> Path:
    return Path(settings.DATA) / PROGRESS


def _read_progress() -> dict[str, Any]:
    try:
        told: dict[str, Any] = json.loads(_progress().read_text())
    except (OSError, ValueError):
        return {}
    return told


def _write_progress(told: Mapping[str, Any]) -> None:
    from enthesis.outcomes.registry import replacing

    with replacing(_progress()) as sink:
        sink.write(json.dumps(told).encode())


def last_at() -> datetime | None:
    """When the registry was last brought up to date; None while there is none."""
    from enthesis.outcomes.registry import MANIFEST

    try:
        written = (folder() / MANIFEST).stat().st_mtime
    except OSError:
        return None
    return datetime.fromtimestamp(written, timezone.get_current_timezone())


# --- reports


def conditions_of(clinic: models.Clinic) -> dict[str, int]:
    """The conditions that the clinic's courses in the registry are about, with how many each."""
    import pyarrow.compute as pc

    from enthesis.clinic.actions.registry import clinic_number
    from enthesis.outcomes.registry import MANIFEST, of_one_cut, read_table

    if not (folder() / MANIFEST).exists():
        return {}  # no course was ever opened here
    table = of_one_cut(folder(), lambda _: read_table(folder(), "courses", ["clinic", "condition"]))
    mine = table.filter(pc.equal(table["clinic"], clinic_number(clinic.pk)))
    counts = mine.group_by("condition").aggregate([("condition", "count")]).sort_by("condition")
    return {row["condition"]: row["condition_count"] for row in counts.to_pylist()}


def report_today(
    clinic: models.Clinic,
    condition: str = "",
    *,
    for_the_public: bool = False,
    day: date | None = None,
    or_last: bool = False,
) -> "Report":
    """The report of one clinic as of today, of all its courses or of one condition; `day` is that
    of a registry that is not up to date.

    `for_the_public`: small cells are hidden, as publishing.toml says. `or_last`: while a report is
    being made, the last one of the kind is good enough. One is made at a time in the installation:
    eight colleagues who opened the page after one write had all threads at the same work, and
    nobody else a page; of two processes each wrote the next cut while the other made its report.
    Raises FitError where there is nothing to report, RegistryError where the registry holds no
    course or cannot be read, OthersFirst where the wait for other reports is too long.
    """
    from enthesis.clinic.actions.registry import clinic_number
    from enthesis.outcomes.registry import of_one_cut

    on = day or store.today(clinic)
    kind = str(folder()), clinic.pk, condition, for_the_public, on
    last = _last.get(kind) if or_last else None
    with making(or_wait=last is None) as is_ours:
        if not is_ours:
            if last is None:
                raise OthersFirst
            return last
        _last[kind] = of_one_cut(
            folder(),
            lambda cut: _report(
                str(folder()), cut.sha256, clinic, name_of(clinic), clinic_number(clinic.pk),
                on, condition, for_the_public,
            ),
        )  # fmt: skip
        while len(_last) > LAST_KEPT:
            del _last[next(iter(_last))]
        return _last[kind]


def making(*, or_wait: bool) -> AbstractContextManager[bool]:
    """Held while a report is made, by whichever process makes it, and while the next cut is
    written: whether it is ours, or somebody else's."""
    lock = Path(settings.DATA) / REPORT_LOCK
    return alone(lock, wait_seconds=WAIT_SECONDS if or_wait else 0)


@lru_cache(maxsize=32)
def _report(
    where: str,
    cut: str,
    clinic: models.Clinic,
    name: str,
    number: int,
    day: date,
    condition: str,
    for_the_public: bool,
) -> "Report":
    """By the cut's hash: what it says does not change, and pages ask for it again and again."""
    from enthesis.outcomes.engine import open_registry
    from enthesis.outcomes.report import report_of

    known = store.known_for(clinic, day)
    about = known.conditions.get(condition)
    only: dict[str, object] = {"clinic": number} | ({"condition": condition} if condition else {})
    registry = open_registry(where)
    try:
        report = report_of(
            registry,
            f"Outcomes of {name}{f': {about.name}' if about else ''}",
            day,
            _origin(cut),
            only=only,
            anyway=known.benchmarks.get(about.benchmark) if about else None,
            known=known,
            suppress_below=known.publishing.smallest_count if for_the_public else None,
            clinicians=None if for_the_public else _clinicians(clinic),
        )
    finally:
        registry.close()
    shown = (s for s in report.sections if not (for_the_public and s.id in NOT_PUBLIC))
    return replace(report, sections=tuple(shown))


def _clinicians(clinic: models.Clinic) -> dict[int, str]:
    """The clinic's staff by the registry's numbers; of two with one name, with how they sign in."""
    from enthesis.clinic.actions.registry import clinician_number

    staff = list(models.User.objects.filter(clinic=clinic))
    names = Counter(map(str, staff))
    return {
        clinician_number(one.pk): str(one) if names[str(one)] == 1 else f"{one} ({one.username})"
        for one in staff
    }


def name_of(clinic: models.Clinic) -> str:
    """The clinic's name; nobody must take the invented one for a real one."""
    return f"{clinic}{' (invented)' if clinic.invented else ''}"


def _origin(cut: str) -> "Origin":
    from enthesis.outcomes.report import Origin
    from enthesis.outcomes.sections.parts import versions

    return Origin(cut, SEED, versions(VERSIONS))


# --- quarters


def quarters(clinic: models.Clinic, today: date, most: int) -> Iterator[Quarter]:
    """The quarters up to the present one, newest first, since the clinic's first course."""
    opened = models.Course.objects.filter(patient__clinic=clinic).order_by("opened_on")
    first = opened.values_list("opened_on", flat=True).first()
    one = Quarter(today.year, (today.month + 2) // 3)
    while first is not None and one.last >= first and most:
        yield one
        most -= 1
        one = Quarter(one.year - (one.number == 1), (one.number - 2) % 4 + 1)


def quarter_pdf(clinic: models.Clinic, quarter: Quarter) -> bytes:
    """The report of a quarter on paper, kept until something is written or the day is over."""
    last = models.AuditEvent.objects.order_by("-id").values_list("id", flat=True).first() or 0
    return _printed(clinic, quarter, store.today(clinic), str(folder()), last)


@lru_cache(maxsize=8)
def _printed(
    clinic: models.Clinic, quarter: Quarter, today: date, where: str, last_event: int
) -> bytes:
    """By the last row of the audit trail: every write leaves one."""
    from enthesis.outcomes.paper import report_pdf

    return report_pdf(quarter_report(clinic, quarter))


def quarter_report(clinic: models.Clinic, quarter: Quarter) -> "Report":
    """All courses as they stood on the last day of a quarter; today's, in the present one.

    Made anew from the records as they are today, in a registry of its own that is not kept.
    Raises FitError where nobody had begun by then.
    """
    from enthesis.clinic.actions.registry import cut_as_at
    from enthesis.outcomes.engine import open_registry
    from enthesis.outcomes.errors import FitError
    from enthesis.outcomes.registry import RegistryError
    from enthesis.outcomes.report import Section, report_of

    today = store.today(clinic)
    day = min(quarter.last, today)
    with TemporaryDirectory() as made:
        cut = cut_as_at(Path(made), clinic, day)
        try:
            registry = open_registry(made)
        except RegistryError as empty:
            raise FitError(f"No course had been opened by {day_in_words(day)}.") from empty
        try:
            title = f"Outcomes of {name_of(clinic)}, {quarter}"
            known = store.known_for(clinic, today)
            report = report_of(
                registry,
                title,
                day,
                _origin(cut.sha256),
                known=known,
                clinicians=_clinicians(clinic),
            )
        finally:
            registry.close()
    begun = models.Session.objects.filter(
        course__patient__clinic=clinic, signed_at__isnull=False, on__range=(quarter.first, day)
    )
    as_at = Section(
        "as-at",
        f"{begun.filter(number=1).count()} courses began and {begun.count()} sessions were given "
        f"in {quarter}",
        f"From {day_in_words(quarter.first)} to {day_in_words(day)}",
        f"What follows is of all courses since the first, as they stood on {day_in_words(day)}.",
        notes=(
            f"Made from the records as they were on {day_in_words(today)}: what is dated later "
            "than the quarter is left out; what was entered or corrected since, for a day of the "
            "quarter, is in it. Courses that were withdrawn since are not. By the rules of "
            f"{day_in_words(today)}.",
        ),
    )
    return replace(report, sections=(as_at, *report.sections))

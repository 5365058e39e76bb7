"""What is unsafe in this installation, and how it is doing: for `enthesis check`, the page Health
and a monitor. Each finding is one sentence, and what to do about it."""

import os
import platform
import shutil
import stat
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import django
from django.conf import settings
from django.core import checks
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.db.models import Max, Min, Q

from enthesis.clinic import archive, backup, cards, sender, trail
from enthesis.clinic.models import AuditEvent, Clinic, Message
from enthesis.clinic.secret import is_given

MEGABYTE = 1_000_000
LEAST_FREE = 200 * MEGABYTE
"""Bytes; below, a monitor is told that the server is not well: a write may fail any time."""
LOW_FREE = 2_000 * MEGABYTE
OLD_BACKUP = timedelta(days=2)
OLD_ANCHOR = timedelta(days=8)
STUCK = timedelta(days=1)
# Until when each is mended upstream: devguide.python.org/versions (the month's end), and
# djangoproject.com/download for 5.2.
PYTHON_UNTIL = {
    (3, 11): date(2027, 10, 31),
    (3, 12): date(2028, 10, 31),
    (3, 13): date(2029, 10, 31),
    (3, 14): date(2030, 10, 31),
}
DJANGO_UNTIL = {(5, 2): date(2028, 4, 30)}


class Level(StrEnum):
    """How bad it is. Only UNSAFE makes `enthesis check` fail."""

    UNSAFE = "unsafe"
    CARE = "care"
    NOTE = "note"
    GOOD = "good"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line: about what, what was found, and what to do (empty: nothing)."""

    level: Level
    about: str
    text: str
    mend: str = ""


Findings = Iterator[Finding]


def findings(now: datetime, clinic: Clinic | None = None, *, deep: bool = False) -> list[Finding]:
    """Everything that was found, the worst first; messages of one clinic or of all. `deep` also
    reads the whole database, which takes seconds for each gigabyte."""
    told = [*_secret(), *_reached(), *_files(), *_disk(), *_backups(now), *_versions(now)]
    name = connection.settings_dict["NAME"]
    if connection.vendor == "sqlite" and not Path(name).exists():
        # Not opened: that would make an empty one.
        text, mend = f"There is none: {name}.", "See that ENTHESIS_DATA is right, or start anew."
        return _sorted([*told, Finding(Level.UNSAFE, "database", text, mend)])
    try:
        connection.ensure_connection()
        told += _database(deep)
        if newer := archive.newer():
            told.append(Finding(Level.UNSAFE, "tables", *newer))
        elif waiting := pending():
            told.append(_pending(waiting))
        else:
            chosen = Clinic.objects.filter(pk=clinic.pk) if clinic else Clinic.objects.all()
            told += [*_trails(now), *_messages(now, list(chosen)), *_demonstration()]
            told += [] if clinic else _own_checks()
    except DatabaseError as error:
        told.append(
            Finding(
                Level.UNSAFE,
                "database",
                f"It does not answer: {str(error).strip().splitlines()[0]}.",
                "See that it runs, and that DATABASE_URL and the rights of its file are right.",
            )
        )
    return _sorted(told)


def _sorted(told: list[Finding]) -> list[Finding]:
    return sorted(told, key=lambda one: list(Level).index(one.level))


def is_well() -> bool:
    """Whether pages can be answered now: the database answers, and there is room to write."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        return shutil.disk_usage(settings.DATA).free >= LEAST_FREE
    except (DatabaseError, OSError):
        return False


def pending() -> list[str]:
    """Changes of the tables that this release has and the database has not."""
    executor = MigrationExecutor(connection)
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    return [f"{one.app_label}.{one.name}" for one, _ in plan]


def _pending(waiting: list[str]) -> Finding:
    return Finding(
        Level.UNSAFE,
        "tables",
        f"{len(waiting)} changes of the tables wait, from {waiting[0]} on.",
        "Make a backup, then start the server: it brings them up to date.",
    )


def _secret() -> Findings:
    given = is_given()
    if given or settings.SECRET_KEY_FILE.exists():
        where = "ENTHESIS_SECRET_KEY" if given else str(settings.SECRET_KEY_FILE)
        yield Finding(Level.GOOD, "signing key", f"Long enough, from {where}.")
        if given:
            yield Finding(
                Level.NOTE,
                "signing key",
                "The key in ENTHESIS_SECRET_KEY is in no backup. Without it, after a restore, the "
                "codes of authenticator apps and the links that patients hold no longer work.",
                "Keep a copy of it with that of the backup key.",
            )
    else:
        yield Finding(
            Level.UNSAFE,
            "signing key",
            f"There is none in {settings.DATA}: each start would end all links and sessions.",
            "Start the server once, which makes one, or see that ENTHESIS_DATA is right.",
        )


def _reached() -> Findings:
    names = sorted(set(settings.ALLOWED_HOSTS) - set(settings.LOOPBACK))
    if not names:
        yield Finding(Level.GOOD, "network", "Answers to this machine only.")
        return
    yield Finding(
        Level.NOTE,
        "network",
        f"Answers to {', '.join(names)} over HTTPS. From here nobody can see whether the server in "
        "front sets X-Forwarded-Proto itself and throws away what a visitor sent.",
        "Use deploy/nginx.conf or deploy/Caddyfile, and try the lines of docs/how-to/deploy.md.",
    )
    if settings.PUBLIC_ADDRESS and urlsplit(settings.PUBLIC_ADDRESS).scheme != "https":
        yield Finding(
            Level.UNSAFE,
            "network",
            f"Patients are sent {settings.PUBLIC_ADDRESS}, which is not encrypted.",
            "Set ENTHESIS_ADDRESS to an address that begins with https://.",
        )
    if not settings.SECOND_FACTOR:
        yield Finding(
            Level.UNSAFE,
            "network",
            "A password alone lets staff in, from anywhere.",
            "Take ENTHESIS_SECOND_FACTOR out of the settings of the server.",
        )
    if settings.SESSION_IDLE_SECONDS > 60 * 60:
        yield Finding(
            Level.CARE,
            "network",
            f"Staff stay signed in for {settings.SESSION_IDLE_SECONDS // 60} minutes without a "
            "click.",
            "Set ENTHESIS_IDLE_MINUTES to 30 or fewer.",
        )


def _files() -> Findings:
    if os.geteuid() == 0:
        yield Finding(
            Level.UNSAFE,
            "account",
            "This runs as root: a fault in it would be a fault in the whole machine.",
            "Run it under an account of its own, as deploy/enthesis.service does.",
        )
    data = Path(settings.DATA)
    kept = [data, settings.SECRET_KEY_FILE, backup.key_file(), backup.folder()]
    open_ = [path for path in kept if path.exists() and stat.S_IMODE(path.stat().st_mode) & 0o077]
    for path in open_:
        yield Finding(
            Level.UNSAFE,
            "files",
            f"Others on this machine may read {path}.",
            f"chmod {'700' if path.is_dir() else '600'} {path}",
        )
    if not open_:
        yield Finding(Level.GOOD, "files", "Data and keys are readable by their owner only.")


def _disk() -> Findings:
    for name, path in (("data", Path(settings.DATA)), ("backups", backup.folder())):
        if not path.exists():
            continue
        room = shutil.disk_usage(path)
        text = f"{size(room.free)} of {size(room.total)} free for {name}."
        if room.free < LOW_FREE:
            level = Level.UNSAFE if room.free < LEAST_FREE else Level.CARE
            yield Finding(level, "disk", text, f"Make room on the disk of {path}.")
        else:
            yield Finding(Level.GOOD, "disk", text)


def _backups(now: datetime) -> Findings:
    where, key = backup.folder(), backup.key_file()
    by_hand = "Run `enthesis backup` and mend what it says."
    if not settings.BACKUP_DAYS:
        yield Finding(
            Level.CARE,
            "backup",
            "No daily backup is made (ENTHESIS_BACKUP_DAYS is 0).",
            "Set it to 14, unless something else backs up the database and you tried restoring.",
        )
    kept, ahead = backup.split(where, now)
    if ahead:
        yield Finding(
            Level.CARE,
            "backup",
            f"{len(ahead)} in {where} are dated after today's clock, {ahead[-1].file.name} last: "
            "they do not count, and are not deleted.",
            "Set the clock by the network (timedatectl set-ntp true). If it is right now, move "
            "them elsewhere once newer ones are made.",
        )
    if not kept:
        yield Finding(Level.UNSAFE, "backup", f"There is none in {where}.", by_hand)
    else:
        last, age = kept[-1], now - kept[-1].made_at
        text = f"The last of {len(kept)} is {since(age)} old and holds {size(_bytes(last.file))}."
        late = age > OLD_BACKUP
        yield Finding(Level.UNSAFE if late else Level.GOOD, "backup", text, by_hand if late else "")
    if where.exists() and where.stat().st_dev == Path(settings.DATA).stat().st_dev:
        yield Finding(
            Level.CARE,
            "backup",
            "Backups lie on the same disk as the data: one broken disk takes both.",
            "Set ENTHESIS_BACKUPS to a folder on another disk, or copy them away each day.",
        )
    if where.resolve() in key.resolve().parents:
        yield Finding(
            Level.UNSAFE,
            "backup key",
            f"It lies among the backups ({key}): who copies them can open them.",
            "Move it out and name its place in ENTHESIS_BACKUP_KEY.",
        )
    if key.exists():
        yield Finding(
            Level.NOTE,
            "backup key",
            "Nobody can see from here whether you keep a copy elsewhere. Without one a lost disk "
            "means that no backup can be opened.",
            f"Copy {key} to a safe place that is not this machine.",
        )


def _versions(now: datetime) -> Findings:
    python = sys.version_info[:2]
    for name, version, until in (
        ("Python", platform.python_version(), PYTHON_UNTIL.get(python)),
        ("Django", django.get_version(), DJANGO_UNTIL.get(django.VERSION[:2])),
    ):
        if until and until < now.date():
            text = f"{name} {version} gets no security fixes since {until}."
            yield Finding(Level.UNSAFE, "versions", text, "Install a newer release of Enthesis.")
        else:
            known = f"security fixes until {until}" if until else "end of support not known here"
            yield Finding(Level.GOOD, "versions", f"{name} {version}, {known}.")


def _syncs(ask: Callable[[str], Any]) -> bool:
    """Whether the database has what it acknowledges on the disk."""
    if connection.vendor == "sqlite":
        return bool(ask("PRAGMA synchronous") >= 2 and ask("PRAGMA journal_mode") == "wal")
    return bool(ask("SHOW fsync") == "on" and ask("SHOW synchronous_commit") != "off")


def _database(deep: bool) -> Findings:
    with connection.cursor() as cursor:

        def ask(question: str) -> Any:
            cursor.execute(question)
            return cursor.fetchone()[0]

        if connection.vendor == "sqlite":
            version, used = ask("SELECT sqlite_version()"), ask("PRAGMA page_count")
            used *= ask("PRAGMA page_size")
            mend = "Leave the settings of SQLite as they ship: WAL, synchronous=FULL."
        else:
            version = ask("SHOW server_version")
            used = ask("SELECT pg_database_size(current_database())")
            mend = "Set fsync and synchronous_commit to on in postgresql.conf."
        yield Finding(Level.GOOD, "database", f"{connection.display_name} {version}, {size(used)}.")
        if _syncs(ask):
            yield Finding(Level.GOOD, "database", "What is acknowledged is on the disk.")
        else:
            lost = "What was acknowledged may be lost when the power fails."
            yield Finding(Level.UNSAFE, "database", lost, mend)
        if deep and connection.vendor == "sqlite":
            said = ask("PRAGMA quick_check(1)")
            if said == "ok":
                yield Finding(Level.GOOD, "database", "Read from end to end: whole.")
            else:
                text = f"It is damaged: {str(said).splitlines()[0]}"
                mend = (
                    "Stop the server, move the whole data folder away, not the one file alone, and "
                    "restore the last backup into an empty one."
                )
                yield Finding(Level.UNSAFE, "database", text, mend)


def _trails(now: datetime) -> Findings:
    verify = "Run `enthesis verify-audit`."
    for head in trail.heads():
        text = f"{head.trail}: {head.place:,} rows, up to {head.digest[:12]}."
        yield Finding(Level.GOOD, "audit trail", text)
    try:
        noted = trail.read_anchors(trail.anchors_file())
    except (trail.AnchorError, OSError, UnicodeDecodeError) as error:
        yield Finding(Level.UNSAFE, "audit trail", f"{error}.", verify)
        return
    age = now - datetime.fromisoformat(noted[-1].at) if noted else None
    if age is None and trail.heads():
        text = "Its heads were never noted: nobody could tell that its end was cut off."
        yield Finding(Level.CARE, "audit trail", text, f"{verify} Each backup notes them too.")
    elif age is not None and age > OLD_ANCHOR:
        text = f"Its heads were last noted {since(age)} ago."
        yield Finding(Level.CARE, "audit trail", text, f"{verify} Each backup notes them too.")
    newest = AuditEvent.objects.aggregate(at=Max("at"))["at"]
    if newest and newest > now + backup.CLOCK_SLACK:
        yield Finding(
            Level.UNSAFE,
            "clock",
            f"The newest row of the audit trail is {since(newest - now)} ahead of the clock.",
            "Set the clock by the network (timedatectl set-ntp true).",
        )


def _messages(now: datetime, clinics: list[Clinic]) -> Findings:
    if problem := cards.problem():
        yield Finding(Level.UNSAFE, "cards", problem, "See docs/how-to/take-cards.md.")
    for clinic in clinics:
        wanted = clinic.reminders_on or clinic.alert_email
        if wanted and not clinic.invented and (why := sender.why_waiting(clinic)):
            text = f"{clinic} wants messages sent, and none can be: {why}"
            yield Finding(Level.UNSAFE, "mail", text, "See docs/how-to/send-reminders.md.")
    ours = Q(course__patient__clinic__in=clinics) | Q(enquiry__clinic__in=clinics)
    rows = Message.objects.filter(ours)
    waiting = rows.filter(state=Message.State.WAITING)
    failed = rows.filter(state__in=(Message.State.FAILED, Message.State.UNCLEAR)).count()
    oldest = waiting.aggregate(at=Min("made_at"))["at"]
    age = now - oldest if oldest else timedelta()
    text = f"{waiting.count()} wait, {failed} could not be delivered."
    if oldest:
        text += f" The oldest has waited {since(age)}."
    stuck = age > STUCK
    mend = "See that the server runs and what its log says of the sender." if stuck else ""
    yield Finding(Level.CARE if stuck else Level.GOOD, "messages", text, mend)


def _demonstration() -> Findings:
    if settings.HTTPS and Clinic.objects.filter(invented=True).exists():
        yield Finding(
            Level.UNSAFE,
            "demonstration",
            "The invented clinic is reachable from outside, and everybody knows its passwords.",
            "Begin your own clinic in an ENTHESIS_DATA of its own.",
        )


def _own_checks() -> Findings:
    """Django's own checks; what concerns HTTPS only where the server is reached over it."""
    for found in checks.run_checks(include_deployment_checks=settings.HTTPS):
        if found.id != "enthesis.E002":  # said above
            level = Level.UNSAFE if found.level >= checks.ERROR else Level.CARE
            yield Finding(level, "set-up", f"{found.msg} ({found.id})", found.hint or "")


def _bytes(file: Path) -> int:
    return file.stat().st_size


def size(count: int) -> str:
    """Bytes in words: 1.2 GB."""
    if count >= 1000 * MEGABYTE:
        return f"{count / (1000 * MEGABYTE):,.1f} GB"
    return f"{count / MEGABYTE:,.1f} MB"


def since(age: timedelta) -> str:
    """A span in words: 3 days, 5 hours, 12 minutes."""
    minutes = int(age.total_seconds() // 60)
    for name, length in (("day", 24 * 60), ("hour", 60), ("minute", 1)):
        if minutes >= length:
            count = minutes // length
            return f"{count} {name}{'' if count == 1 else 's'}"
    return "less than a minute"

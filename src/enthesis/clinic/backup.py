"""Sealed backups: made while the clinic works, read again before they count, rotated, restored."""

import logging
import os
import shutil
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO, Any, cast

from django.conf import settings
from django.db import connections
from django.utils import timezone

from enthesis.clinic import archive, image_files, sealing, trail
from enthesis.clinic.disk import sync_names
from enthesis.clinic.package import EXPORT
from enthesis.outcomes.alone import alone

log = logging.getLogger("enthesis.backup")
SUFFIX = ".enthesis"
UNPACKED, UNPACKING = ".enthesis-unpacked-", ".enthesis-unpacking"
BEGUN = ".enthesis-restoring"
"""Lists the files that a restore puts into the data folder, until it is done."""
EVERY = timedelta(days=1)
CLOCK_SLACK = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Backup:
    """One sealed file: when it was made, by its name."""

    file: Path
    made_at: datetime


def folder() -> Path:
    """Where backups lie, unless another place is set (ENTHESIS_BACKUPS)."""
    return Path(settings.BACKUPS or Path(settings.DATA) / "backups")


def key_file() -> Path:
    """The key they are sealed with (ENTHESIS_BACKUP_KEY)."""
    return Path(settings.BACKUP_KEY or Path(settings.DATA) / "backup_key")


def kept(where: Path) -> list[Backup]:
    """The backups of a folder, the oldest first."""
    found = []
    for file in where.glob(f"*{SUFFIX}"):
        try:
            made = datetime.strptime(file.name.removesuffix(SUFFIX), "%Y%m%dT%H%M%SZ")  # noqa: DTZ007
        except ValueError:
            continue
        found.append(Backup(file, made.replace(tzinfo=UTC)))
    return sorted(found, key=lambda one: one.made_at)


def split(where: Path, now: datetime) -> tuple[list[Backup], list[Backup]]:
    """Those made up to now, the oldest first, and those that a wrong clock has dated later: none of
    these is the newest, or no other would be made, or kept, until its day has come."""
    there = kept(where)
    until = [one for one in there if one.made_at <= now + CLOCK_SLACK]
    return until, there[len(until) :]


def make(where: Path) -> tuple[Backup, dict[str, Any]]:
    """Make a backup, read all of it again, and only then give it its name. OSError, SealError.

    The heads of the audit trails are noted first, so that they are in it.
    """
    where.mkdir(mode=0o700, parents=True, exist_ok=True)
    key = sealing.keep_backup_key(key_file())
    trail.anchor(trail.anchors_file())
    now = timezone.now().replace(microsecond=0)
    _sweep(where, now)
    target = where / f"{now:%Y%m%dT%H%M%SZ}{SUFFIX}"
    draft = where / f"{target.name}.{os.getpid()}.new"
    try:
        with draft.open("wb") as out:
            sealed = sealing.Sealed(out, key)
            archive.write(cast(IO[bytes], sealed), Path(settings.DATA))
            sealed.close()
            out.flush()
            os.fsync(out.fileno())
        manifest = verified(draft, key)
        os.replace(draft, target)
        sync_names(where)
    finally:
        draft.unlink(missing_ok=True)
    return Backup(target, now), manifest


def _sweep(where: Path, now: datetime) -> None:
    """Take away what one that was killed left: drafts of a day ago or earlier, and at once what
    nothing seals and nobody works with."""
    # Backups were once unpacked here to be read again: in what is copied to other machines.
    _take_away(where.glob(f"{UNPACKED}*"))
    sweep_unpacked(Path(settings.DATA))
    drafts = (
        *where.glob(f"*{SUFFIX}.*.new"),
        *(*Path(settings.DATA).glob(f"{EXPORT}*"), *Path(settings.DATA).glob(BEGUN)),
        *image_files.folder().glob("*.new"),
    )
    _take_away(
        left for left in drafts if datetime.fromtimestamp(left.stat().st_mtime, UTC) < now - EVERY
    )


def _take_away(every: Iterable[Path]) -> None:
    for left in every:
        shutil.rmtree(left) if left.is_dir() else left.unlink()


def sweep_unpacked(data: Path) -> None:
    """Take away what a restore or a move that was killed left unpacked, however young: whoever is
    at it holds the lock."""
    if not any(data.glob(f"{UNPACKED}*")):
        return
    with alone(data / UNPACKING, wait_seconds=0) as is_ours:
        if is_ours:
            _take_away(data.glob(f"{UNPACKED}*"))


@contextmanager
def unpacking(data: Path) -> Iterator[Path]:
    """A folder for records that nothing seals: in the data folder, for its owner only, never among
    the backups or in the machine's temporary folder. Raises ArchiveError where another is at it."""
    with alone(data / UNPACKING, wait_seconds=0) as is_ours:
        if not is_ours:
            raise archive.ArchiveError(f"Another restore or move is at work in {data}.")
        _take_away(data.glob(f"{UNPACKED}*"))
        with tempfile.TemporaryDirectory(dir=data, prefix=UNPACKED) as name:
            yield Path(name)


def verified(file: Path, key: bytes) -> dict[str, Any]:
    """The manifest of a backup that was read through, every hash compared, and nothing of it
    written anywhere. SealError, ArchiveError."""
    with file.open("rb") as src:
        return archive.verify(cast(IO[bytes], _Pieces(sealing.opened(src, key))))


@contextmanager
def unpacked(file: Path, key: bytes, data: Path) -> Iterator[tuple[Path, dict[str, Any]]]:
    """A backup unpacked into a folder of its own, every hash compared. SealError, ArchiveError."""
    with unpacking(data) as into, file.open("rb") as src:
        yield into, archive.unpack(cast(IO[bytes], _Pieces(sealing.opened(src, key))), into)


class _Pieces:
    """Pieces, read like a file."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self.pieces, self.held = pieces, b""

    def read(self, size: int) -> bytes:
        """Up to so many bytes, fewer only at the end."""
        while len(self.held) < size:
            piece = next(self.pieces, b"")
            if not piece:
                break
            self.held += piece
        data, self.held = self.held[:size], self.held[size:]
        return data


def rotate(where: Path, days: int, months: int, now: datetime) -> list[Path]:
    """Delete what is not wanted any more: kept are the newest of each of the last so many days
    that have one, and of each of the last so many months; and all of the last 24 hours, so that
    the next daily one does not replace what was made by hand before a new release. What is dated
    after now neither counts nor goes."""
    by_day, by_month = dict[str, Backup](), dict[str, Backup]()
    there, _ = split(where, now)
    for one in there:
        by_day[f"{one.made_at:%Y%m%d}"] = one
        by_month[f"{one.made_at:%Y%m}"] = one
    wanted = {by_day[day].file for day in sorted(by_day, reverse=True)[:days]}
    wanted |= {by_month[month].file for month in sorted(by_month, reverse=True)[:months]}
    wanted |= {one.file for one in there if there[-1].made_at - one.made_at < EVERY}
    gone = [one.file for one in there if one.file not in wanted]
    for file in gone:
        file.unlink()
    return gone


def restore(
    file: Path,
    key: bytes,
    data: Path,
    progress: archive.Progress = lambda done, total: None,
) -> dict[str, Any]:
    """Fill the empty database of the settings, and the folder, from a backup; its manifest.

    SQLite is filled under another name, which it loses last: killed before, nothing was restored.
    Raises SealError and ArchiveError; the trails are verified with the backup's own anchors,
    before anything of it counts.
    """
    connection = connections["default"]
    sqlite = connection.vendor == "sqlite"
    database = Path(str(connection.settings_dict["NAME"]))
    data.mkdir(mode=0o700, parents=True, exist_ok=True)
    _refuse_used(data, file, database if sqlite else None)
    with unpacked(file, key, data) as (into, manifest):
        if sqlite:
            connection.close()
            connection.settings_dict["NAME"] = str(into / "database")
        # The files first: whoever is killed meanwhile has an empty database, and begins again.
        anchors = trail.read_anchors(into / "files" / trail.ANCHORS)
        archive.load(into, manifest, lambda: _put(into, manifest, data), anchors, progress)
        if sqlite:
            # Alone in it: the log is written back into the one file before it gets its name.
            with connection.cursor() as cursor:
                cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            connection.close()
            os.replace(into / "database", database)
            sync_names(database.parent)
            connection.settings_dict["NAME"] = str(database)
        (data / BEGUN).unlink(missing_ok=True)
    return manifest


def _refuse_used(data: Path, file: Path, database: Path | None) -> None:
    """ArchiveError where the folder holds what a new machine's does not. A log left by another
    database SQLite would play into this one; keys and images would be overwritten."""
    ours = _begun(data)
    brought = {path.resolve() for path in (file, key_file(), folder())}
    brought -= {data.resolve(), *data.resolve().parents}
    used = {one.name for one in database.parent.glob(f"{database.name}*")} if database else set()
    for path in data.rglob("*"):
        inside = path.relative_to(data)
        # What begins with a dot is a lock, what was left unpacked, or none of ours.
        if path.is_dir() or inside.parts[0].startswith(".") or inside.as_posix() in ours:
            continue
        if not brought & {path.resolve(), *path.resolve().parents}:
            used.add(inside.parts[0])
    if used:
        raise archive.ArchiveError(
            f"{data} is in use already: {', '.join(sorted(used))}. Move the whole folder away, "
            "make an empty one, and put only backup_key and backups/ into it."
        )


def _begun(data: Path) -> set[str]:
    """What a restore that was killed may have put into the folder."""
    begun = data / BEGUN
    return set(begun.read_text(encoding="utf-8").splitlines()) if begun.exists() else set()


def _put(into: Path, manifest: dict[str, Any], data: Path) -> None:
    # First, so that whoever is killed here may begin again: these files are no other clinic's.
    for name in _begun(data).difference(manifest["files"]):
        (data / name).unlink(missing_ok=True)
    (data / BEGUN).write_text("\n".join(manifest["files"]), encoding="utf-8")
    for name in manifest["files"]:
        (data / name).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        shutil.copyfile(into / "files" / name, data / name)
        (data / name).chmod(0o600)


def make_if_due(now: datetime) -> Backup | None:
    """The day's backup, by whichever process comes first; None where there is one, or another
    process is at it. What a restore that was killed left unpacked goes first, due or not."""
    sweep_unpacked(Path(settings.DATA))
    if not settings.BACKUP_DAYS:
        return None
    where = folder()
    until, _ = split(where, now)
    if until and now - until[-1].made_at < EVERY:
        return None
    with alone(where / ".lock", wait_seconds=0) as is_ours:
        if not is_ours:
            return None
        began = time.monotonic()
        made, _ = make(where)
        rotate(where, settings.BACKUP_DAYS, settings.BACKUP_MONTHS, now)
        log.info("Backup made in %.1f s: %s", time.monotonic() - began, made.file.name)
        return made

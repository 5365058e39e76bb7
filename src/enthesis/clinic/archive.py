"""Everything that an installation holds as one packed tar file, and back into an empty database.

    rows/<model>.ndjson   each row of each table, a list of its values in the order of the fields
    files/...             attached images, questionnaires, the signing key, the audit anchors
    manifest.json         last: migration, fields, counts and hashes of all that came before

The same file fills SQLite or PostgreSQL, of this release or a later one: the tables are made as
they were, filled, and brought up to date by the migrations.
"""

import base64
import hashlib
import io
import json
import shutil
import tarfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import date, time
from decimal import Decimal
from pathlib import Path, PurePosixPath
from typing import IO, Any, cast
from uuid import UUID

from django.apps import apps
from django.conf import settings
from django.core.management.color import no_style
from django.db import connection, transaction
from django.db import models as db
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from django.utils import timezone

from enthesis.clinic import trail
from enthesis.clinic.secret import is_given
from enthesis.clinic.snapshot import snapshot

Progress = Callable[[int, int], None]
FORMAT = 1
APP = "clinic"
BATCH = 500
MANIFEST = "manifest.json"
FOLDERS = ("images", "questionnaires")
FILES = ("secret_key", "audit-anchors.jsonl")


_NOT_WHOLE = (
    *(tarfile.TarError, zlib.error, EOFError, OSError),
    *(ValueError, KeyError, TypeError, AttributeError),
)


class ArchiveError(ValueError):
    """An archive that cannot be used, or a place where it cannot go: what is wrong, what to do."""


def last_migration() -> str:
    """The name of the last migration of ours that was applied; "" for none."""
    applied = MigrationRecorder(connection).applied_migrations()
    return max((name for app, name in applied if app == APP), default="")


def newer() -> tuple[str, str] | None:
    """Where a newer release has changed the tables: that it has, and what to do.

    By the numbers that migrations begin with: what a squashed one stood for was before it."""
    loader = MigrationLoader(None, load=False)
    loader.load_disk()
    last = last_migration()
    if last <= max(name for app, name in loader.disk_migrations if app == APP):
        return None
    return (
        f"The database was brought up to date by a newer release, which alone knows {last}.",
        "Install that release, or restore the backup that was made before it.",
    )


def write(out: IO[bytes], data: Path) -> dict[str, Any]:
    """Write the archive; its manifest. `data` is the folder with the files.

    Rows first: a file lies on the disk before a row names it, so none is missing. Raises
    ArchiveError where the database has what this release does not know of: it would be missing.
    """
    if unknown := newer():
        raise ArchiveError(" ".join(unknown))
    manifest: dict[str, Any] = {"format": FORMAT, "made_at": timezone.now().isoformat()}
    with tarfile.open(fileobj=out, mode="w|gz", format=tarfile.PAX_FORMAT) as tar:
        with snapshot():
            manifest["migration"] = last_migration()
            manifest["tables"] = {
                kind._meta.model_name: _table_out(tar, kind) for kind in kinds_of(apps)
            }
        manifest["files"] = {
            name: _add(tar, f"files/{name}", file) for name, file in sorted(_files(data))
        }
        told = json.dumps(manifest, indent=1).encode()
        _add(tar, MANIFEST, io.BytesIO(told))
    return manifest


def kinds_of(known: Any) -> list[type[db.Model]]:
    """Every table of ours."""
    return sorted(known.get_app_config(APP).get_models(), key=lambda kind: kind._meta.db_table)


def _table_out(tar: tarfile.TarFile, kind: type[db.Model]) -> dict[str, Any]:
    fields = [field.attname for field in kind._meta.concrete_fields]
    rows = 0
    with _spooled() as draft:
        found = kind._base_manager.order_by("pk").values_list(*fields)
        for row in found.iterator(2000):
            # Sorted: PostgreSQL keeps the keys of JSON in an order of its own.
            text = json.dumps([plain(value) for value in row], sort_keys=True)
            draft.write(text.encode() + b"\n")
            rows += 1
        draft.seek(0)
        sha256 = _add(tar, f"rows/{kind._meta.model_name}.ndjson", draft)
    return {"fields": fields, "rows": rows, "sha256": sha256}


def plain(value: Any) -> Any:
    """A value of a row as JSON says it; `field.to_python` reads it again."""
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, Decimal | UUID):
        return str(value)
    if isinstance(value, bytes | memoryview):
        return base64.b64encode(bytes(value)).decode()
    return value


@contextmanager
def _spooled() -> Iterator[IO[bytes]]:
    from tempfile import SpooledTemporaryFile

    # Records that nothing seals: not in the temporary folder of the machine.
    with SpooledTemporaryFile(max_size=16 << 20, dir=str(settings.DATA)) as draft:
        yield cast(IO[bytes], draft)


def _files(data: Path) -> Iterable[tuple[str, Path]]:
    for folder in FOLDERS:
        for file in sorted((data / folder).rglob("*")):
            if file.is_file() and file.suffix != ".new":
                yield file.relative_to(data).as_posix(), file
    for name in FILES:
        # A key that is not in use would pass for the one that was.
        if (data / name).is_file() and not (name == "secret_key" and is_given()):
            yield name, data / name


def _add(tar: tarfile.TarFile, name: str, source: Path | IO[bytes]) -> str:
    if isinstance(source, Path):
        with source.open("rb") as file:
            return _add(tar, name, file)
    entry = tarfile.TarInfo(name)
    entry.size = source.seek(0, io.SEEK_END)
    source.seek(0)
    hashed = _Hashed(source)
    tar.addfile(entry, cast(IO[bytes], hashed))
    return hashed.sha256.hexdigest()


class _Hashed:
    """What passes is hashed on its way."""

    def __init__(self, source: IO[bytes]) -> None:
        self.source, self.sha256 = source, hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        """The next bytes."""
        data = self.source.read(size)
        self.sha256.update(data)
        return data


def unpack(source: IO[bytes], into: Path) -> dict[str, Any]:
    """Unpack an archive into a folder and compare every hash; its manifest. Raises ArchiveError."""
    into.mkdir(mode=0o700, parents=True, exist_ok=True)

    def put(entry: tarfile.TarInfo, data: IO[bytes]) -> None:
        if entry.size > shutil.disk_usage(into).free:
            raise ArchiveError(
                f"Unpacked, {entry.name!r} is larger than what is free on this disk."
            )
        target = into / entry.name
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with target.open("wb") as out:
            shutil.copyfileobj(data, out)

    return _read(source, put)


def verify(source: IO[bytes]) -> dict[str, Any]:
    """Read an archive to its end and compare every hash; its manifest. Nothing is written, so that
    nothing can be left of it. Raises ArchiveError."""
    return _read(source, lambda entry, data: _to_the_end(data))


def _to_the_end(source: IO[bytes]) -> None:
    while source.read(1 << 20):
        pass


def _read(source: IO[bytes], take: Callable[[tarfile.TarInfo, IO[bytes]], None]) -> dict[str, Any]:
    found: dict[str, str] = {}
    told = b""
    try:
        with tarfile.open(fileobj=source, mode="r|gz") as tar:
            for entry in tar:
                # Below a folder here, and by the same name below another one later.
                inside = PurePosixPath(entry.name)
                if not entry.isfile() or inside.is_absolute() or ".." in inside.parts:
                    raise ArchiveError(f"The archive holds {entry.name!r}, which is not ours.")
                data = cast(IO[bytes], tar.extractfile(entry))
                if entry.name == MANIFEST:
                    told = data.read()
                    continue
                hashed = _Hashed(data)
                take(entry, cast(IO[bytes], hashed))
                found[entry.name] = hashed.sha256.hexdigest()
        # The reader of tar stops at its last entry: what follows was not looked at yet.
        _to_the_end(source)
        manifest = json.loads(told)
        expected = {f"rows/{name}.ndjson": t["sha256"] for name, t in manifest["tables"].items()}
        expected |= {f"files/{name}": sha256 for name, sha256 in manifest["files"].items()}
    except _NOT_WHOLE as error:
        if isinstance(error, ArchiveError):
            raise
        raise ArchiveError(f"This is no whole archive of Enthesis: {error}") from error
    if manifest.get("format") != FORMAT:
        raise ArchiveError("This archive was made by a newer Enthesis: install that one first.")
    for name in sorted(expected.keys() | found.keys()):
        if expected.get(name) != found.get(name):
            raise ArchiveError(f"{name} is not as it was put into the archive. Take another copy.")
    return cast(dict[str, Any], manifest)


def load(
    unpacked: Path,
    manifest: dict[str, Any],
    before_end: Callable[[], None] = lambda: None,
    anchors: Iterable[trail.Head] = (),
    progress: Progress = lambda done, total: None,
) -> int:
    """Fill an empty database with the rows of an unpacked archive; how many there are.

    `before_end` is called when all rows are in and their trails verified, with the anchors too;
    what it raises leaves none of them. Raises ArchiveError where the database is not empty, the
    archive is of a newer release, or a trail is not whole.
    """
    executor = MigrationExecutor(connection)
    target = (APP, manifest["migration"])
    if target not in executor.loader.graph.nodes:
        raise ArchiveError(
            f"The archive is of a newer Enthesis ({manifest['migration']}): install that one first."
        )
    if now := last_migration():
        _refuse_full()
        if now != manifest["migration"]:
            executor.migrate([(APP, None)])
            executor = MigrationExecutor(connection)
    others = [node for node in executor.loader.graph.leaf_nodes() if node[0] != APP]
    executor.migrate([*others, target])
    then = MigrationExecutor(connection).loader.project_state([target]).apps
    with transaction.atomic():
        total = _rows_in(unpacked, manifest, then, progress)
        _refuse_broken_trails(then, anchors)
        before_end()
    executor = MigrationExecutor(connection)
    executor.migrate(executor.loader.graph.leaf_nodes())
    return total


def _refuse_full() -> None:
    with connection.cursor() as cursor:
        for table in ("clinic_clinic", "clinic_user"):
            cursor.execute(f"SELECT count(*) FROM {table}")  # noqa: S608 (our own two names)
            if cursor.fetchone()[0]:
                raise ArchiveError(
                    "There is a clinic in this database already. Restore into an empty one: an "
                    "ENTHESIS_DATA without a database, or a new DATABASE_URL."
                )


def _refuse_broken_trails(then: Any, anchors: Iterable[trail.Head]) -> None:
    trails = [then.get_model(APP, kind.__name__) for kind in trail.TRAILS]
    # Those of before there was a chain are bound by the migration that makes it.
    chained = all(hasattr(kind, "digest") for kind in trails)
    if chained and (found := trail.problems(anchors, kinds=trails)):
        raise ArchiveError("The audit trails are not whole: " + "; ".join(found))


def _rows_in(unpacked: Path, manifest: dict[str, Any], then: Any, progress: Progress) -> int:
    # The trails' rows come with their places, which their triggers leave as they are.
    total, kinds = 0, kinds_of(then)
    every = sum(told["rows"] for told in manifest["tables"].values())
    unknown = manifest["tables"].keys() - {kind._meta.model_name for kind in kinds}
    if unknown:
        raise ArchiveError(f"The archive holds tables that its release has not: {sorted(unknown)}.")
    for kind in kinds:
        told = manifest["tables"][kind._meta.model_name]
        fields = {field.attname: field for field in kind._meta.concrete_fields}
        readers = [_reader(fields[name]) for name in told["fields"]]
        batch, rows = [], 0
        with (unpacked / "rows" / f"{kind._meta.model_name}.ndjson").open("rb") as lines:
            for line in lines:
                values = [read(v) for read, v in zip(readers, json.loads(line), strict=True)]
                batch.append(kind(**dict(zip(told["fields"], values, strict=True))))
                rows += 1
                if len(batch) == BATCH:
                    kind._base_manager.bulk_create(batch)
                    batch = []
                    progress(total + rows, every)
        kind._base_manager.bulk_create(batch)
        if rows != told["rows"]:
            raise ArchiveError(f"{kind._meta.model_name}: {rows} rows of {told['rows']}.")
        total += rows
        progress(total, every)
    with connection.cursor() as cursor:
        for statement in connection.ops.sequence_reset_sql(no_style(), kinds):
            cursor.execute(statement)
    return total


def _reader(field: Any) -> Any:
    if isinstance(field, db.JSONField):
        return lambda value: value
    if isinstance(field, db.BinaryField):
        return lambda value: None if value is None else base64.b64decode(value)
    if field.remote_field:
        return field.target_field.to_python
    return field.to_python

"""A folder or one ZIP that comes into being whole or not at all, with the hash of every file.

Everything is written beside the target under a temporary name, file after file, never held in
memory; the name is given last. What one that was killed left there names patients: the next one to
the same target takes it away. This module imports Arrow only when a Parquet file is written.
"""

import fcntl
import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from glob import escape
from pathlib import Path
from typing import IO, Any
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile, ZipInfo

from enthesis.clinic.disk import sync_names
from enthesis.clinic.tables import Column, Table
from enthesis.exchange.cells import BOM, line

SUMS = "SHA256SUMS"
FORMATS = ("csv", "parquet")
EXPORT = "export-"
"""What the folders begin with in which a page makes a file to be sent."""
STORED = (".parquet", ".jpg", ".png", ".pdf")
"""Compressed already."""


class Taken(ValueError):  # noqa: N818 (an answer, not a fault)
    """The target is there already; the text says what to do."""


@dataclass(frozen=True, slots=True)
class Written:
    """One file of a package."""

    size_bytes: int
    sha256: str


class _Counted:
    """A file that is only written to, counting and hashing what goes in."""

    closed = False

    def __init__(self, sink: IO[bytes]) -> None:
        self.sink, self.sum, self.size = sink, hashlib.sha256(), 0

    def write(self, data: Any) -> int:
        """All of it."""
        self.sink.write(data)
        self.sum.update(data)
        self.size += len(memoryview(data).cast("B"))
        return len(data)

    def tell(self) -> int:
        """How much went in."""
        return self.size

    def flush(self) -> None:
        """Nothing is held back here."""

    def writable(self) -> bool:
        """It is."""
        return True


@dataclass(slots=True)
class Package:
    """What is being written; `files` are those that are whole, by name."""

    opener: Callable[[str], Any]
    files: dict[str, Written] = field(default_factory=dict)

    @contextmanager
    def open(self, name: str) -> Iterator[_Counted]:
        """A new file of the package, such as files/a.png."""
        with self.opener(name) as sink:
            file = _Counted(sink)
            yield file
        self.files[name] = Written(file.size, file.sum.hexdigest())

    def write(self, name: str, data: bytes) -> None:
        """A small file at once."""
        with self.open(name) as file:
            file.write(data)


@contextmanager
def package(target: Path) -> Iterator[Package]:
    """Write into it; at the end of the block SHA256SUMS is added and it takes the target's name.

    A target that ends in .zip becomes one file. Only its owner may read it. Raises Taken where
    something is there already, OSError where the disk does not take it; then nothing stays.
    """
    if target.is_dir() and not target.name.endswith(".zip"):
        taken = any(target.iterdir())
    else:
        taken = target.exists()
    if taken:
        raise Taken(f"{target} is there already. Name one that is not, or move it away.")
    target.parent.mkdir(parents=True, exist_ok=True)
    _sweep(target)
    writing = _zip if target.suffix.lower() == ".zip" else _folder
    with writing(target) as made:
        yield made
        sums = "".join(f"{one.sha256}  {name}\n" for name, one in sorted(made.files.items()))
        made.write(SUMS, sums.encode())
    sync_names(target.parent)


def _sweep(target: Path) -> None:
    """Take away the drafts of those that were killed: whoever lives holds a lock on his own."""
    for left in target.parent.glob(f".{escape(target.name)}.*.new"):
        held = os.open(left, os.O_RDONLY)
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(left) if left.is_dir() else left.unlink()
        except OSError:
            continue
        finally:
            os.close(held)


@contextmanager
def _held(draft: Path) -> Iterator[None]:
    """The lock on a draft, which ends with the process."""
    held = os.open(draft, os.O_RDONLY)
    try:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield
    finally:
        os.close(held)


@contextmanager
def _folder(target: Path) -> Iterator[Package]:
    draft = Path(tempfile.mkdtemp(dir=target.parent, prefix=f".{target.name}.", suffix=".new"))

    @contextmanager
    def opened(name: str) -> Iterator[IO[bytes]]:
        path = draft / name
        path.parent.mkdir(exist_ok=True)
        with path.open("xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())

    try:
        with _held(draft):
            yield Package(opened)
            draft.rename(target)
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise


@contextmanager
def _zip(target: Path) -> Iterator[Package]:
    descriptor, draft = tempfile.mkstemp(
        dir=target.parent, prefix=f".{target.name}.", suffix=".new"
    )
    try:
        with os.fdopen(descriptor, "wb") as file, _held(Path(draft)):
            with ZipFile(file, "w") as into:

                def opened(name: str) -> IO[bytes]:
                    # No clock: the same rows are the same bytes.
                    info = ZipInfo(name)
                    info.compress_type = ZIP_STORED if name.endswith(STORED) else ZIP_DEFLATED
                    info.external_attr = 0o600 << 16
                    return into.open(info, "w", force_zip64=True)

                yield Package(opened)
            file.flush()
            os.fsync(file.fileno())
        os.replace(draft, target)
    except BaseException:
        Path(draft).unlink(missing_ok=True)
        raise


# --- tables


def write_table(
    into: Package, table: Table, batches: Iterable[Sequence[Sequence[Any]]], form: str
) -> int:
    """One table as CSV or Parquet; how many rows it has. `batches` are rows in the order of the
    table's columns, with values as Python has them."""
    name = f"{table.name}.{form}"
    with into.open(name) as file:
        return (_csv if form == "csv" else _parquet)(file, table, batches)


def _csv(file: _Counted, table: Table, batches: Iterable[Sequence[Sequence[Any]]]) -> int:
    file.write((BOM + line([column.name for column in table.columns])).encode())
    says, rows = [_SAID.get(column.kind) for column in table.columns], 0
    for batch in batches:
        lines = [
            line(
                [
                    say(value) if say and value is not None else value
                    for say, value in zip(says, row, strict=True)
                ]
            )
            for row in batch
        ]
        file.write("".join(lines).encode())
        rows += len(lines)
    return rows


def moment(at: datetime) -> str:
    """A moment as files have it: 2026-11-27T08:30:00.000000Z."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


_SAID: dict[str, Callable[[Any], str]] = {
    "yes_no": lambda value: "true" if value else "false",
    "date": lambda value: str(value.isoformat()),
    "time": lambda value: str(value.isoformat()),
    "moment": moment,
}


def _parquet(file: _Counted, table: Table, batches: Iterable[Sequence[Sequence[Any]]]) -> int:
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = pa.schema([_field(column) for column in table.columns])
    rows = 0
    with pq.ParquetWriter(file, schema, compression="zstd") as writer:
        for batch in batches:
            columns = list(zip(*batch, strict=True)) or [()] * len(schema)
            arrays = [pa.array(c, f.type) for c, f in zip(columns, schema, strict=True)]
            writer.write_batch(pa.record_batch(arrays, schema=schema))
            rows += len(batch)
    return rows


def _field(column: Column) -> Any:
    """The column as Arrow has it; what it means stands beside it in the file."""
    import pyarrow as pa

    kinds = {
        "yes_no": pa.bool_(),
        "integer": pa.int64(),
        "date": pa.date32(),
        "time": pa.time64("us"),
        "moment": pa.timestamp("us", tz="UTC"),
    }
    kind = pa.decimal128(*column.digits) if column.kind == "decimal" else kinds.get(column.kind)
    told = {"meaning": column.meaning, **({"unit": column.unit} if column.unit else {})}
    return pa.field(column.name, kind or pa.string(), not column.needed, told)


DICTIONARY = Table(
    "dictionary",
    "Every column of this export.",
    (
        Column("table", "text", "the file, without its ending", needed=True),
        Column("column", "text", "its name", needed=True),
        Column("type", "text", "how it is written", needed=True),
        Column("unit", "text", "in which it is measured"),
        Column("needed", "yes_no", "whether it is never unknown", needed=True),
        Column("meaning", "text", "what it says", needed=True),
        Column("words", "text", "the only words it may hold, each with what it says"),
    ),
)


def write_dictionary(into: Package, tables: Iterable[Table]) -> None:
    """dictionary.csv: what every column of the tables means."""
    rows = [
        (
            *(table.name, one.name, one.kind, one.unit or None, one.needed, one.meaning),
            "; ".join(f"{word}: {said}" for word, said in one.words) or None,
        )
        for table in tables
        for one in table.columns
    ]
    write_table(into, DICTIONARY, [rows], "csv")

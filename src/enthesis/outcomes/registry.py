"""The registry on disk: sorted Parquet files that are only ever added, and a manifest of the cut.

A cut is a base (parts by course, each table one file a part) and one delta: every row of each
course that has changed since the base was written. The rows of a course in the delta replace all
of its rows in the base, so that a day's work writes a day's work, however large the base is. When
the delta has grown, a refresh writes a new base.

Files are written under a new name, and the manifest takes their place last, in one step: whoever
is killed half-way leaves the cut before as it was. `verify` finds every byte that has changed. A
withdrawn course is taken out of base and delta at once, and the files that held it are deleted.
"""

import hashlib
import json
import os
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import IO, Any, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from enthesis.outcomes.alone import alone
from enthesis.outcomes.rows import CourseRows
from enthesis.outcomes.schema import SCHEMA_VERSION, TABLES, Row, arrow_schema
from enthesis.shape import ShapeError, read

MANIFEST = "manifest.json"
PART_COURSES = 125_000
"""Courses in one part: what a withdrawal rewrites."""
DELTA_SHARE = 0.1
"""The delta may grow to this share of the courses before a refresh writes a new base."""
SMALL = 20_000
"""Up to so many courses the base is written anew each time: quicker than it is to think about."""
ROW_GROUP = 1 << 17

TRIES = 3
"""So many cuts are asked, where refreshes overtake the question."""

T = TypeVar("T")
Tables = Mapping[str, pa.Table]


class RegistryError(ValueError):
    """A folder that is no registry, or not as it was written: which file, and what to do."""


@dataclass(frozen=True, slots=True)
class File:
    """One Parquet file of a cut."""

    name: str
    rows: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Part:
    """A stretch of the base, or the delta: the courses from `first` to `last`, one file a table."""

    first: int
    last: int
    files: Mapping[str, File]


@dataclass(frozen=True, slots=True)
class Cut:
    """One state of the registry. `sha256` is of everything else in it, file hashes included;
    `knowledge` names the rules by which the rows were made. `courses` counts each course once.
    """

    number: int
    schema: int
    software: str
    knowledge: str
    courses: int = 0
    parts: tuple[Part, ...] = ()
    delta: Part | None = None
    sha256: str = ""

    @property
    def files(self) -> dict[str, File]:
        """Every file of the cut by its name."""
        every = (*self.parts, *((self.delta,) if self.delta else ()))
        return {file.name: file for part in every for file in part.files.values()}


# --- reading


def read_cut(folder: Path) -> Cut:
    """The manifest of a registry (RegistryError where there is none, or it was changed)."""
    try:
        text = (folder / MANIFEST).read_text(encoding="utf-8")
        cut = read(Cut, json.loads(text))
    except FileNotFoundError:
        raise RegistryError(
            f"{folder} is no registry: it has no {MANIFEST}. A clinic makes its own with "
            "enthesis registry refresh."
        ) from None
    except (ValueError, ShapeError) as error:
        raise RegistryError(f"{folder / MANIFEST} cannot be read: {error}") from error
    if cut.schema != SCHEMA_VERSION:
        raise RegistryError(
            f"{folder} was written with schema {cut.schema}, this is {SCHEMA_VERSION}: "
            "write it anew with “enthesis registry refresh --whole”."
        )
    if cut.sha256 != _hash_of(cut):
        raise RegistryError(f"{folder / MANIFEST} was changed: its hash is not its own.")
    return cut


def verify(folder: Path) -> Cut:
    """The cut, when every file is byte for byte as it was written; else a RegistryError."""
    cut = read_cut(folder)
    wrong = []
    for name, file in sorted(cut.files.items()):
        path = folder / name
        if not path.exists():
            wrong.append(f"{name} is missing")
        elif _sha256(path) != file.sha256:
            wrong.append(f"{name} was changed")
    if wrong:
        raise RegistryError(
            f"{folder}: {'; '.join(wrong)}. Bring it back from a copy, or write the registry anew."
        )
    return cut


def read_table(folder: Path, name: str, columns: Sequence[str] | None = None) -> pa.Table:
    """One table of the present cut, sorted, as Arrow."""
    cut = read_cut(folder)
    order = TABLES[name].order[:1]
    wanted = None if columns is None else list(dict.fromkeys([*columns, *order]))
    base = _together([_read(folder, part, name, wanted) for part in cut.parts], name, wanted)
    if cut.delta is not None:
        delta = _read(folder, cut.delta, name, wanted)
        changed = _courses(_read(folder, cut.delta, "courses", ["course"]))
        base = _merge(_without(base, changed), delta)
    return base if columns is None else base.select(list(columns))


def _read(folder: Path, part: Part, name: str, columns: Sequence[str] | None) -> pa.Table:
    path = folder / part.files[name].name
    try:
        table = pq.read_table(path, columns=columns or list(TABLES[name].names))
        return table.cast(pa.schema([arrow_schema(name).field(c) for c in table.column_names]))
    except (OSError, pa.ArrowInvalid) as error:
        raise RegistryError(f"{path} cannot be read: {error}") from error


def of_one_cut(folder: Path, ask: Callable[[Cut], T]) -> T:
    """What is asked of the present cut. Files of a cut are opened late, and a refresh in between
    deletes them or puts others there: then it is asked again, of the next.

    Raises RegistryError where that happens each time.
    """
    for _ in range(TRIES):
        cut = read_cut(folder)
        try:
            told = ask(cut)
        except Exception:
            if read_cut(folder).sha256 == cut.sha256:
                raise
        else:
            if read_cut(folder).sha256 == cut.sha256:
                return told
    raise RegistryError("The registry is being written all the time: look again in a minute.")


# --- writing


def as_tables(courses: Iterable[CourseRows]) -> dict[str, pa.Table]:
    """Rows of many courses as sorted, checked Arrow tables (RegistryError)."""
    found: dict[str, list[Row]] = {name: [] for name in TABLES}
    for course in courses:
        for name, rows in course.items():
            found[name] += rows
    tables = {}
    for name, rows in found.items():
        schema = arrow_schema(name)
        columns = list(zip(*rows, strict=True)) or [()] * len(schema)
        arrays = [pa.array(c, f.type) for c, f in zip(columns, schema, strict=True)]
        tables[name] = pa.Table.from_arrays(arrays, schema=schema)
    return sort(tables)


def sort(tables: Tables) -> dict[str, pa.Table]:
    """The tables in the order of the schema, and checked (RegistryError)."""
    made = {}
    for name in TABLES:
        try:
            table = tables[name].select(TABLES[name].names).cast(arrow_schema(name))
        except (ValueError, KeyError) as error:
            raise RegistryError(f"{name}: {error}") from error
        keys = [(key, "ascending") for key in TABLES[name].order]
        made[name] = table.take(pc.sort_indices(table, keys))
    check(made)
    return made


def check(tables: Tables) -> None:
    """Refuse what the types cannot: other words, two rows where one may be, rows of nobody."""
    wrong = []
    for name, table in tables.items():
        for column in TABLES[name].columns:
            values = table[column.name]
            if column.words:
                others = set(pc.unique(values).to_pylist()) - {None, *column.words}
                if others:
                    wrong.append(f"{name}.{column.name} holds {', '.join(sorted(others))}")
    for name, keys in ONCE:
        known = tables[name].select(keys).drop_null()
        if known.group_by(keys).aggregate([]).num_rows < known.num_rows:
            wrong.append(f"{name}: {' and '.join(keys)} stand in two rows")
    known = tables["courses"]["course"]
    for name in TABLES:
        strange = pc.invert(pc.is_in(pc.unique(tables[name]["course"]), value_set=known))
        if pc.any(strange).as_py():
            wrong.append(f"{name} has rows of a course that is not in courses")
    if wrong:
        raise RegistryError("; ".join(wrong) + ".")


ONCE: tuple[tuple[str, list[str]], ...] = (
    ("courses", ["course"]),
    ("visits", ["course", "window"]),
    ("visits", ["course", "session_window"]),
    ("sessions", ["course", "number"]),
)


def refresh(
    folder: Path,
    changed: Tables,
    *,
    knowledge: str,
    withdrawn: Collection[int] = (),
    whole: bool = False,
) -> Cut:
    """Write a cut in which the courses of `changed` have these rows and `withdrawn` none.

    `changed` as `as_tables` or `sort` makes it. `whole`: nothing that was there before stays.
    Raises RegistryError for a folder whose manifest cannot be trusted.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with alone(folder / ".lock"):
        fresh = whole or not (folder / MANIFEST).exists()
        before = Cut(0, SCHEMA_VERSION, "", "") if fresh else read_cut(folder)
        _clean(folder, before, keep_all=fresh and (folder / MANIFEST).exists())
        cut = _next_cut(folder, before, changed, np.array(sorted(withdrawn), np.int64), knowledge)
        _replace_manifest(folder, cut)
        if len(withdrawn) or fresh:
            _clean(folder, cut)
    return cut


def seal(folder: Path, knowledge: str) -> Cut:
    """Make a registry of tables that were written elsewhere: one sorted `TABLE.parquet` for each.

    Raises RegistryError for a folder that already is one, or a table that is not as the schema
    says. Afterwards it is read, verified and refreshed as any other.
    """
    if (folder / MANIFEST).exists():
        raise RegistryError(f"{folder} is a registry already: it has a {MANIFEST}.")
    files, ids = {}, np.empty(0, np.int64)
    for name in TABLES:
        path = folder / f"{name}.parquet"
        _check_types(path, name)
        course = pq.read_table(path, columns=["course"])["course"].to_numpy()
        if np.any(np.diff(course) < 0):
            raise RegistryError(f"{path} is not sorted by course.")
        files[name] = File(path.name, course.size, _sha256(path))
        ids = course if name == "courses" else ids
    parts = (Part(int(ids[0]), int(ids[-1]), files),) if ids.size else ()
    cut = Cut(1, SCHEMA_VERSION, _software(), knowledge, int(ids.size), parts)
    cut = replace(cut, sha256=_hash_of(cut))
    _replace_manifest(folder, cut)
    return cut


def _check_types(path: Path, name: str) -> None:
    try:
        found = pq.read_schema(path)
    except (OSError, pa.ArrowInvalid) as error:
        raise RegistryError(f"{path} cannot be read: {error}") from error
    for column in arrow_schema(name):
        at = found.get_field_index(column.name)
        if at < 0:
            raise RegistryError(f"{path} has no column {column.name}.")
        if found.field(at).type != column.type:
            kind = found.field(at).type
            raise RegistryError(f"{path}: {column.name} is {kind}, and must be {column.type}.")


def _next_cut(
    folder: Path, before: Cut, changed: Tables, withdrawn: NDArray[np.int64], knowledge: str
) -> Cut:
    number = before.number + 1 if before.number else _number(folder) + 1
    write = _Writer(folder, number)
    parts = tuple(_withdraw(folder, part, withdrawn, write) for part in before.parts)
    kept = [part for part in parts if part is not None]
    delta = {name: _without(table, withdrawn) for name, table in changed.items()}
    if before.delta is not None:
        gone = np.union1d(_courses(delta["courses"]), withdrawn)
        for name in TABLES:
            old = _without(_read(folder, before.delta, name, None), gone)
            delta[name] = _merge(old, delta[name])
    made = replace(Cut(number, SCHEMA_VERSION, _software(), knowledge), parts=tuple(kept))
    base = sum(part.files["courses"].rows for part in kept)
    if delta["courses"].num_rows > DELTA_SHARE * base or base <= SMALL:
        whole = {name: _whole(folder, kept, delta, name) for name in TABLES}
        made = replace(
            made,
            parts=tuple(write(part, i) for i, part in enumerate(_cut_up(whole))),
            courses=whole["courses"].num_rows,
        )
    else:
        last = write(delta, "delta") if delta["courses"].num_rows else None
        made = replace(made, delta=last, courses=_count(folder, kept, delta["courses"]))
    return replace(made, sha256=_hash_of(made))


def _software() -> str:
    try:
        return f"enthesis {version('enthesis')}, pyarrow {pa.__version__}"
    except PackageNotFoundError:  # run from its source, without being installed
        return f"enthesis, pyarrow {pa.__version__}"


def _whole(folder: Path, parts: Sequence[Part], delta: Tables, name: str) -> pa.Table:
    base = _together([_read(folder, part, name, None) for part in parts], name, None)
    return _merge(_without(base, _courses(delta["courses"])), delta[name])


def _count(folder: Path, parts: Sequence[Part], delta: pa.Table) -> int:
    """Courses of base and delta, each once: only those of the delta are looked for in the base,
    whose courses are sorted and were counted when it was written."""
    ids = _courses(delta)
    total = int(ids.size)
    for part in parts:
        total += part.files["courses"].rows
        within = ids[(part.first <= ids) & (ids <= part.last)]
        if within.size:
            base = _courses(_read(folder, part, "courses", ["course"]))
            total -= int(np.count_nonzero(base[np.searchsorted(base, within)] == within))
    return total


def _withdraw(
    folder: Path, part: Part, withdrawn: NDArray[np.int64], write: "_Writer"
) -> Part | None:
    """The part without some courses: written anew if it may hold one of them."""
    within = withdrawn[(part.first <= withdrawn) & (withdrawn <= part.last)]
    if not within.size:
        return part
    left = {name: _without(_read(folder, part, name, None), within) for name in TABLES}
    return write(left, f"w{part.first}") if left["courses"].num_rows else None


def _cut_up(tables: Tables) -> Iterator[Tables]:
    courses = _courses(tables["courses"])
    for begin in range(0, courses.size, PART_COURSES):
        ids = courses[begin : begin + PART_COURSES]
        part = {}
        for name, table in tables.items():
            found = _courses(table)
            left, right = np.searchsorted(found, ids[0]), np.searchsorted(found, ids[-1], "right")
            part[name] = table.slice(left, right - left)
        yield part


class _Writer:
    """Writes the files of one cut under names that no cut before has used."""

    def __init__(self, folder: Path, number: int) -> None:
        self.folder, self.number = folder, number

    def __call__(self, tables: Tables, label: int | str) -> Part:
        files = {}
        for name, table in tables.items():
            path = self.folder / f"{name}-{self.number:06d}-{label}.parquet"
            with path.open("wb") as sink:
                pq.write_table(table, sink, compression="zstd", row_group_size=ROW_GROUP)
                sink.flush()
                os.fsync(sink.fileno())
            files[name] = File(path.name, table.num_rows, _sha256(path))
        courses = _courses(tables["courses"])
        return Part(int(courses[0]), int(courses[-1]), files)


def _replace_manifest(folder: Path, cut: Cut) -> None:
    draft = folder / f"{MANIFEST}.new"
    with draft.open("w", encoding="utf-8") as file:
        json.dump(asdict(cut), file, indent=1)
        file.flush()
        os.fsync(file.fileno())
    os.replace(draft, folder / MANIFEST)
    held = os.open(folder, os.O_RDONLY)
    os.fsync(held)
    os.close(held)


def _number(folder: Path) -> int:
    """The highest number that a file of the folder has, so that a name is never used twice."""
    found = [path.name.split("-")[1] for path in folder.glob("*-??????-*.parquet")]
    return max((int(text) for text in found if text.isdigit()), default=0)


def _clean(folder: Path, cut: Cut, keep_all: bool = False) -> None:
    """Delete what no manifest names: what a killed run left, and the cut before the last."""
    if keep_all:
        return
    for path in folder.glob("*.parquet"):
        if path.name not in cut.files:
            path.unlink()


@contextmanager
def replacing(file: Path) -> Iterator[IO[bytes]]:
    """A private draft, under a name of its own, that takes the file's place when it is whole."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with NamedTemporaryFile(
        dir=file.parent, prefix=f"{file.name}.", suffix=".new", delete=False
    ) as draft:
        try:
            yield draft
            draft.flush()
            os.replace(draft.name, file)
        except BaseException:
            os.unlink(draft.name)
            raise


# --- arrays


def _courses(table: pa.Table) -> NDArray[np.int64]:
    found: NDArray[np.int64] = table["course"].to_numpy()
    return found


def _together(tables: Sequence[pa.Table], name: str, columns: Sequence[str] | None) -> pa.Table:
    schema = arrow_schema(name)
    if columns is not None:
        schema = pa.schema([schema.field(column) for column in columns])
    return pa.concat_tables([schema.empty_table(), *tables])


def _without(table: pa.Table, gone: NDArray[np.int64]) -> pa.Table:
    """A table sorted by course without the rows of some courses (ascending, each once)."""
    found = _courses(table)
    edge = np.zeros(found.size + 1, np.int64)
    np.add.at(edge, np.searchsorted(found, gone, "left"), 1)
    np.add.at(edge, np.searchsorted(found, gone, "right"), -1)
    return table.filter(pa.array(np.cumsum(edge[:-1]) == 0))


def _merge(one: pa.Table, other: pa.Table) -> pa.Table:
    """Two tables sorted by course, with no course in common, as one."""
    if not (one.num_rows and other.num_rows):
        return one if one.num_rows else other
    both = pa.concat_tables([one, other])
    # Two runs that rise each by itself: a stable sort only has to merge them.
    return both.take(pa.array(np.argsort(_courses(both), kind="stable")))


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _hash_of(cut: Cut) -> str:
    told: dict[str, Any] = asdict(cut)
    del told["sha256"]
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()

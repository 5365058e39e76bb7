"""The registry's tables as Ibis expressions, on the engine that one setting names.

| setting | engine |
|---|---|
| `DIR` | DuckDB, in this process, over the Parquet files |
| `postgres://user@host/database` | PostgreSQL, which holds the tables (`publish` writes them) |
| `spark:DIR@MASTER` | Spark, over the same files, on a cluster or `local-cluster[2,1,1024]` |

A DIR that is no registry but holds some, each a folder, is a network's warehouse: all of them as
one registry.

Importing this takes more than a second (Ibis): nothing that starts a web server may do so.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import ibis
import pyarrow as pa
import pyarrow.compute as pc

from enthesis.outcomes.errors import FitError
from enthesis.outcomes.registry import MANIFEST, Cut, RegistryError, read_cut, read_table
from enthesis.outcomes.schema import COURSES, TABLES, Table

POSTGRES = ("postgres://", "postgresql://")
SPARK = "spark:"
IN_POSTGRES = "enthesis_registry"
"""The schema (in PostgreSQL's sense) that `publish` fills."""
SQL_TYPES = {
    "bool": "boolean",
    "int8": "smallint",
    "int16": "smallint",
    "int32": "integer",
    "int64": "bigint",
    "str": "text",
}
SPARK_SETTINGS = {
    "spark.ui.enabled": "false",
    "spark.sql.session.timeZone": "UTC",
}
SPARK_ON_ONE_MACHINE = {
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.driver.host": "127.0.0.1",
    "spark.sql.shuffle.partitions": "4",
    "spark.ui.showConsoleProgress": "false",
}
"""Two hundred partitions, Spark's own number, are for a hundred machines."""


@dataclass(frozen=True, slots=True)
class Registry:
    """An open registry: Ibis tables by name, each opened when it is first asked for. `connection`
    is Ibis's, to be closed by `close`."""

    open_table: Callable[[str], Any]
    connection: Any
    opened: dict[str, Any] = field(default_factory=dict)
    counted: dict[Any, pa.Table] = field(default_factory=dict)

    def count(self, aggregate: Any) -> pa.Table:
        """The rows of an aggregate. A cut stands still while it is open, so what several parts of
        a report ask (a third of all they ask) is worked out once."""
        asked = aggregate.op()
        if asked not in self.counted:
            self.counted[asked] = self.rows(aggregate)
        return self.counted[asked]

    def rows(self, asked: Any) -> pa.Table:
        """The rows of any expression over these tables, not kept."""
        if self.connection.name != "duckdb":
            return asked.to_pyarrow()
        found = self.connection.con.sql(_duckdb_sql(asked.op())).to_arrow_table()
        return found.cast(asked.schema().to_pyarrow())

    def __getitem__(self, name: str) -> Any:
        if name not in self.opened:
            self.opened[name] = self.open_table(name)
        return self.opened[name]

    def only(self, where: Mapping[str, object]) -> "Registry":
        """The courses with these values in columns of courses, and the rows that belong to them.

        The connection is shared: close one of the two. Raises FitError for an unknown column."""
        if unknown := [name for name in where if name not in COURSES.names]:
            raise FitError(f"The table courses has no column {', '.join(unknown)}.")
        if not where:
            return self
        courses = self["courses"].filter(
            [
                self["courses"][name].isnull() if value is None else self["courses"][name] == value
                for name, value in where.items()
            ]
        )
        kept = courses.select("course")

        def open_table(name: str) -> Any:
            return courses if name == "courses" else self[name].semi_join(kept, "course")

        return Registry(open_table, self.connection)

    def close(self) -> None:
        """Give the engine back."""
        self.connection.disconnect()


def open_registry(where: str) -> Registry:
    """The registry that a setting names (see above). Raises RegistryError for a folder that is no
    registry, or an empty one."""
    if where.startswith(POSTGRES):
        return _in_postgres(where)
    if where.startswith(SPARK):
        folder, at, master = where.removeprefix(SPARK).rpartition("@")
        if not at:
            raise RegistryError(f"{where!r} names no master: write spark:DIR@MASTER.")
        return _over_files(_spark(master), Path(folder))
    connection = ibis.duckdb.connect()
    # Nothing is fetched from anywhere while a report is made.
    connection.raw_sql("SET autoinstall_known_extensions = false")
    return _over_files(connection, Path(where))


def registries_in(folder: Path) -> list[Path]:
    """The folder itself where it is a registry, or none; else those in it, in their order."""
    if (folder / MANIFEST).exists():
        return [folder]
    return sorted(found.parent for found in folder.glob(f"*/{MANIFEST}")) or [folder]


def _over_files(connection: Any, folder: Path) -> Registry:
    """The registry of a folder, or all that lie in it as one."""
    clinics = {place: read_cut(place) for place in registries_in(folder)}
    filled = [place for place, cut in clinics.items() if cut.parts or cut.delta]
    if not filled:
        raise RegistryError(f"{folder} holds no course yet.")
    if len(filled) == 1:
        return Registry(_tables_of(connection, filled[0], clinics[filled[0]], ""), connection)
    _check_apart(filled)
    every = [
        _tables_of(connection, place, clinics[place], f"_{at}") for at, place in enumerate(filled)
    ]
    return Registry(
        lambda name: ibis.union(*(open_table(name) for open_table in every)), connection
    )


def _check_apart(folders: Sequence[Path]) -> None:
    """Refuse two registries with a course or a clinic in common: they would be counted twice.

    Numbers are made with each installation's own key, 62 bits of a course and 31 of a clinic, so
    that two are the same only where one registry was copied, or two installations share a key.
    """
    courses: dict[str, Any] = {}
    for folder in folders:
        table = read_table(folder, "courses", ["course", "clinic"])
        for name, what in (("course", "courses"), ("clinic", "clinics")):
            mine = pc.unique(table[name])
            for place, theirs in courses.setdefault(name, []):
                same = pc.sum(pc.is_in(mine, value_set=theirs)).as_py()
                if same:
                    raise RegistryError(
                        f"{folder} and {place} have {same} {what} in common: is one a copy of the "
                        "other, or do two installations share a secret key? Take one of them out."
                    )
            courses[name].append((folder, mine))


def _tables_of(connection: Any, folder: Path, cut: Cut, mark: str) -> Callable[[str], Any]:
    """A cut as expressions: the base without the courses that the delta has, and the delta."""
    every = [*cut.parts, *([cut.delta] if cut.delta else [])]

    def files(parts: Sequence[Any], name: str) -> Any:
        paths = [str((folder / part.files[name].name).resolve()) for part in parts]
        if connection.name == "duckdb":  # one scan, which its threads share out by row groups
            whose = "_delta" if parts == [cut.delta] else ""
            # By name alone: the SQL that is kept for the next cut must not keep this connection.
            return connection.read_parquet(paths, table_name=name + whose + mark).unbind()
        tables = [connection.read_parquet(path) for path in paths]
        return tables[0] if len(tables) == 1 else ibis.union(*tables)

    def open_table(name: str) -> Any:
        if cut.delta is None or not cut.parts:
            return files(every, name)
        changed = files([cut.delta], "courses").select("course")
        base = files(cut.parts, name).anti_join(changed, "course")
        return base.union(files([cut.delta], name))

    return open_table


@lru_cache(maxsize=512)
def _duckdb_sql(asked: Any) -> str:
    """An expression written out, which takes Ibis three times as long as DuckDB takes to answer.

    Kept, because every report asks the same of the next cut: tables are named alike in all of
    them, and where expressions are equal their SQL is.
    """
    return str(ibis.to_sql(asked.to_expr(), dialect="duckdb", pretty=False))


def _spark(master: str) -> Any:
    from pyspark.sql import SparkSession  # a package of its own: requirements/spark.txt

    builder = SparkSession.builder.master(master).appName("enthesis")
    settings = SPARK_SETTINGS | (SPARK_ON_ONE_MACHINE if master.startswith("local") else {})
    for key, value in settings.items():
        builder = builder.config(key, value)
    return ibis.pyspark.connect(builder.getOrCreate())


def _in_postgres(url: str) -> Registry:
    connection = ibis.connect(url)
    found = set(connection.list_tables(database=IN_POSTGRES))
    if missing := [name for name in TABLES if name not in found]:
        connection.disconnect()
        raise RegistryError(f"The database has no registry tables {', '.join(missing)}: publish.")
    return Registry(lambda name: connection.table(name, database=IN_POSTGRES), connection)


def publish(folder: Path, url: str) -> None:
    """Write the present cut of a folder into a PostgreSQL database, in place of the one before."""
    connection = ibis.connect(url)
    try:
        raw = connection.con
        with raw.transaction(), raw.cursor() as cursor:
            cursor.execute(f"DROP SCHEMA IF EXISTS {IN_POSTGRES} CASCADE")
            cursor.execute(f"CREATE SCHEMA {IN_POSTGRES}")
            for name, table in TABLES.items():
                cursor.execute(_create(table))
                with cursor.copy(f"COPY {IN_POSTGRES}.{name} FROM STDIN") as copy:
                    for row in _rows(folder, name):
                        copy.write_row(row)
        with raw.cursor() as cursor:
            cursor.execute("ANALYZE")
    finally:
        connection.disconnect()


def _create(table: Table) -> str:
    columns = ", ".join(
        f'"{c.name}" {SQL_TYPES[c.kind]}{" NOT NULL" if c.needed else ""}' for c in table.columns
    )
    return f"CREATE TABLE {IN_POSTGRES}.{table.name} ({columns})"


def _rows(folder: Path, name: str) -> Any:
    for batch in read_table(folder, name).to_batches(max_chunksize=10_000):
        yield from zip(*(column.to_pylist() for column in batch.columns), strict=True)

"""Queries whose SQL is written once: while patients answer, writing it takes more of a processor
than all the rest."""

from collections.abc import Callable, Iterable
from functools import cache, cached_property
from typing import Any, Generic, NamedTuple, TypeVar, cast

from django.db import DEFAULT_DB_ALIAS, connections, transaction
from django.db.models import BinaryField, Field, Model, QuerySet
from django.db.models.query import get_related_populators
from django.db.models.sql import InsertQuery

M = TypeVar("M", bound=Model)


class Prepared(Generic[M]):
    """The rows of a query, asked again and again with other values.

    `example` makes the query with values of the right types; they stand in the SQL in the order in
    which it names them. Rows are as Django makes them, with what `select_related` and `only` ask
    for; of `values_list` there are only `tuples`. Annotations and prefetching are not supported.
    """

    def __init__(self, example: Callable[[], QuerySet[M, Any]]) -> None:
        self.example = example

    @cached_property
    def _written(self) -> "_Written":
        query = self.example().query
        compiler = query.get_compiler(DEFAULT_DB_ALIAS)
        sql, values = compiler.as_sql()
        if query.annotations:
            raise TypeError("A prepared query has no annotations.")
        return _Written(
            query=query,
            sql=sql,
            values=len(values),
            select=compiler.select,
            info=compiler.klass_info,
            converters=compiler.get_converters([column for column, _, _ in compiler.select]),
        )

    @cached_property
    def _making(self) -> "_Making":
        info, select = self._written.info, self._written.select
        if info is None or self._written.query.values_select:
            raise TypeError("A prepared query of values gives tuples, no rows of a model.")
        own = slice(info["select_fields"][0], info["select_fields"][-1] + 1)
        return _Making(
            model=info["model"],
            own=own,
            names=[column[0].target.attname for column in select[own]],
            related=get_related_populators(info, select, DEFAULT_DB_ALIAS),  # type: ignore[call-arg]
        )

    def tuples(self, *values: str | int) -> Iterable[Any]:
        """What the query finds with these values, each row as its columns."""
        written = self._written
        if len(values) != written.values:
            raise TypeError(f"The query has {written.values} values, not {len(values)}.")
        with connections[DEFAULT_DB_ALIAS].cursor() as cursor:
            cursor.execute(written.sql, values)
            found = cursor.fetchall()
        compiler = written.query.get_compiler(DEFAULT_DB_ALIAS)
        return cast("Iterable[Any]", compiler.apply_converters(found, written.converters))

    def rows(self, *values: str | int) -> list[M]:
        """What the query finds with these values."""
        making, rows = self._making, list[M]()
        for columns in self.tuples(*values):
            made = making.model.from_db(DEFAULT_DB_ALIAS, making.names, columns[making.own])
            for populator in making.related:
                populator.populate(columns, made)
            rows.append(made)
        return rows

    def first(self, *values: str | int) -> M | None:
        """The first row that the query finds with these values."""
        return next(iter(self.rows(*values)), None)


class _Written(NamedTuple):
    """As Django's own iteration over a query works it out anew each time."""

    query: Any
    sql: str
    values: int
    select: list[Any]
    info: Any
    converters: dict[int, Any]


class _Making(NamedTuple):
    """A row of a model, out of columns."""

    model: Any
    own: slice
    names: list[str]
    related: list[Any]


def insert(row: M) -> M:
    """A new row kept, as `row.save()` keeps it; the database names its number.

    ValueError where it points to a row that is not kept yet. Signals are not sent.
    """
    adding = _adding(type(row))
    row._prepare_related_fields_for_save(operation_name="insert")  # type: ignore[attr-defined]
    connection = connections[DEFAULT_DB_ALIAS]
    values = [
        field.get_db_prep_save(field.pre_save(row, True), connection=connection)
        for field in adding.fields
    ]
    with transaction.mark_for_rollback_on_error(DEFAULT_DB_ALIAS), connection.cursor() as cursor:
        cursor.execute(adding.sql, values)
        [row.pk] = cursor.fetchone()
    row._state.adding, row._state.db = False, DEFAULT_DB_ALIAS
    return row


class _Adding(NamedTuple):
    fields: list[Any]
    sql: str


@cache
def _adding(model: type[Model]) -> _Adding:
    meta = model._meta
    fields: list[Field[Any, Any]] = [f for f in meta.local_concrete_fields if f is not meta.pk]
    # The placeholder of bytes is the usual one, on SQLite as on PostgreSQL.
    others = [f for f in fields if not isinstance(f, BinaryField)]
    if meta.parents or any(f.generated or hasattr(f, "get_placeholder") for f in others):
        raise TypeError(f"The columns of {model.__name__} are not plain values.")
    query = InsertQuery(model)
    query.insert_values(fields, [model()])
    compiler = query.get_compiler(DEFAULT_DB_ALIAS)
    compiler.returning_fields = [meta.pk]
    [(sql, _)] = compiler.as_sql()
    return _Adding(fields, sql)

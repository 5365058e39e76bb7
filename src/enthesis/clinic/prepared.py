"""Queries whose SQL is written once: while patients answer, writing it takes more of a processor
than all the rest."""

from collections.abc import Callable
from functools import cached_property
from typing import Any, Generic, NamedTuple, TypeVar

from django.db import DEFAULT_DB_ALIAS, connections
from django.db.models import Model, QuerySet
from django.db.models.query import get_related_populators

M = TypeVar("M", bound=Model)


class Prepared(Generic[M]):
    """The rows of a query, asked again and again with other values.

    `example` makes the query with values of the right types; they stand in the SQL in the order in
    which it names them. Rows are as Django makes them, with what `select_related` and `only` ask
    for. Annotations and prefetching are not supported.
    """

    def __init__(self, example: Callable[[], QuerySet[M]]) -> None:
        self.example = example

    @cached_property
    def _written(self) -> "_Written":
        query = self.example().query
        compiler = query.get_compiler(DEFAULT_DB_ALIAS)
        sql, values = compiler.as_sql()
        info = compiler.klass_info
        if compiler.annotation_col_map or info is None:
            raise TypeError("A prepared query gives rows of a model, without annotations.")
        own = slice(info["select_fields"][0], info["select_fields"][-1] + 1)
        return _Written(
            query=query,
            sql=sql,
            values=len(values),
            model=info["model"],
            own=own,
            names=[column[0].target.attname for column in compiler.select[own]],
            related=get_related_populators(info, compiler.select, DEFAULT_DB_ALIAS),  # type: ignore[call-arg]
            converters=compiler.get_converters([column for column, _, _ in compiler.select]),
        )

    def rows(self, *values: str | int) -> list[M]:
        """What the query finds with these values."""
        written = self._written
        if len(values) != written.values:
            raise TypeError(f"The query has {written.values} values, not {len(values)}.")
        with connections[DEFAULT_DB_ALIAS].cursor() as cursor:
            cursor.execute(written.sql, values)
            found = cursor.fetchall()
        compiler = written.query.get_compiler(DEFAULT_DB_ALIAS)
        rows = []
        for row in compiler.apply_converters(found, written.converters):
            made = written.model.from_db(DEFAULT_DB_ALIAS, written.names, row[written.own])
            for populator in written.related:
                populator.populate(row, made)
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
    model: Any
    own: slice
    names: list[str]
    related: list[Any]
    converters: dict[int, Any]

"""Django's fields, that hold their own limits on every way into the database: `create`, `update`,
`bulk_create` too, not only where a form or `full_clean` looks.

SQLite takes a text of any length and a number of any size; PostgreSQL refuses them, but a NUL only
with a fault. Here both refuse alike, with a ValidationError that names the column. A migration sees
Django's own class, so no table differs.
"""

from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any, cast

from django.core.exceptions import ValidationError
from django.db import models
from django.db.backends.base.operations import BaseDatabaseOperations
from django.db.models import Model

RANGES = BaseDatabaseOperations.integer_field_ranges


class Limited(models.Field):  # type: ignore[type-arg]
    """Checks each value on its way to the database."""

    def get_db_prep_save(self, value: Any, connection: Any) -> Any:
        """As Django does it, after the check; an expression is the database's to work out."""
        if value is not None and not hasattr(value, "resolve_expression"):
            try:
                self.check_limits(value)
            except ValidationError as wrong:
                told = f"{self.model.__name__}.{self.name}: {'; '.join(wrong.messages)}"
                raise ValidationError(told) from wrong
        return super().get_db_prep_save(value, connection)

    def check_limits(self, value: Any) -> None:
        """What the validators say, which a form asks too."""
        self.run_validators(value)

    def deconstruct(self) -> tuple[str, str, Sequence[Any], dict[str, Any]]:
        """As the class of Django's that it is."""
        name, _path, args, kwargs = super().deconstruct()
        return name, f"django.db.models.{type(self).__name__}", args, kwargs


class _Text(Limited):
    def check_limits(self, value: Any) -> None:
        text = str(value)
        if "\0" in text:
            raise ValidationError("A NUL cannot be kept.")
        # Of a text field Django's own validators know no length.
        if self.max_length is not None and len(text) > self.max_length:
            raise ValidationError(f"{len(text)} characters, of at most {self.max_length}.")
        super().check_limits(value)


class _Integer(Limited):
    def check_limits(self, value: Any) -> None:
        least, most = RANGES[self.get_internal_type()]
        if not least <= int(value) <= most:
            raise ValidationError(f"{value} is not between {least} and {most}.")
        super().check_limits(value)


if TYPE_CHECKING:  # A column's type is what Django's own says: what is below changes none.
    from django.db.models import BigIntegerField as BigIntegerField
    from django.db.models import CharField as CharField
    from django.db.models import DecimalField as DecimalField
    from django.db.models import EmailField as EmailField
    from django.db.models import IntegerField as IntegerField
    from django.db.models import PositiveIntegerField as PositiveIntegerField
    from django.db.models import PositiveSmallIntegerField as PositiveSmallIntegerField
    from django.db.models import TextField as TextField
else:

    class CharField(_Text, models.CharField):
        """Text of at most `max_length`."""

    class TextField(_Text, models.TextField):
        """Text, long; of at most `max_length` where that is given."""

    class EmailField(_Text, models.EmailField):
        """A mail address."""

    class IntegerField(_Integer, models.IntegerField):
        """A whole number of four bytes."""

    class BigIntegerField(_Integer, models.BigIntegerField):
        """A whole number of eight bytes."""

    class PositiveIntegerField(_Integer, models.PositiveIntegerField):
        """Zero or a whole number above it, of four bytes."""

    class PositiveSmallIntegerField(_Integer, models.PositiveSmallIntegerField):
        """Zero or a whole number above it, of two bytes."""

    class DecimalField(Limited, models.DecimalField):
        """A number with so many places: what is beyond them is rounded, as Django does it."""

        def check_limits(self, value: Any) -> None:
            """Refuses what has too many digits before the point, and what is no number."""
            try:
                exact = Decimal(value) if isinstance(value, str | int) else self.to_python(value)
                super().check_limits(exact.quantize(Decimal(1).scaleb(-self.decimal_places)))
            except InvalidOperation as wrong:
                raise ValidationError(f"{value} has too many digits.") from wrong


def limited(parent: type[Model], name: str) -> Any:
    """A text column of a model of Django's, with its limits held here too."""
    field = cast("models.Field[Any, Any]", parent._meta.get_field(name))
    _name, path, args, kwargs = field.deconstruct()
    return globals()[path.rpartition(".")[2]](*args, **kwargs)

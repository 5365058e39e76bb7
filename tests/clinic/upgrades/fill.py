"""One row in each table, of a clinic next door to the invented one; run by `make` in the code of
its day. What stands in it is of the right kind and no more: it is there to be carried along.
"""

from datetime import UTC, date, datetime
from typing import Any

import django
from django.apps import apps
from django.db import models

BY_NAME = {"email": "ada@clinic.example", "pdf_sha256": "0" * 64}
OF_A_KIND: "tuple[tuple[type[models.Field[Any, Any]], Any], ...]" = (
    (models.DateTimeField, datetime(2026, 11, 20, 15, tzinfo=UTC)),
    (models.DateField, date(2026, 11, 20)),
    (models.BooleanField, True),
    (models.IntegerField, 1),
    (models.DecimalField, 1),
    (models.BinaryField, b"\0\xff"),
    (models.JSONField, {"one": [1, "dos", None]}),
)


def fill(kind: type[models.Model], made: dict[type[models.Model], models.Model]) -> models.Model:
    """One row, after one of each table that it must name."""
    if kind not in made:
        given = {}
        for field in kind._meta.concrete_fields:
            # A message names its course, or else an enquiry.
            if not field.primary_key and (not field.null or field.name == "course"):
                if field.is_relation:
                    given[field.name] = fill(field.related_model, made)
                elif not field.has_default() or field.name in BY_NAME:
                    given[field.name] = value(field)
        (made[kind],) = kind._default_manager.bulk_create([kind(**given)])
    return made[kind]


def value(field: "models.Field[Any, Any]") -> Any:
    """The first choice, or one that fits the column."""
    if field.name in BY_NAME:
        return BY_NAME[field.name]
    if field.choices:
        return next(code for code, _name in field.choices if code)
    found = [one for kind, one in OF_A_KIND if isinstance(field, kind)]
    return found[0] if found else "Wörter"[: field.max_length]


if __name__ == "__main__":
    django.setup()
    made: dict[type[models.Model], models.Model] = {}
    for kind in apps.get_app_config("clinic").get_models():
        fill(kind, made)

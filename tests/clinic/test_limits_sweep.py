"""What a column cannot hold is refused on every way through the ORM, on both databases alike."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from django.apps import apps
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator
from django.db import connection, models, transaction
from django.db.models import Model

from enthesis.clinic import columns
from enthesis.clinic.chain import ContentHash


def ours() -> list[type[Model]]:
    """All tables but those of Django's own (sessions, groups, kinds of table), which no word of a
    visitor's reaches: a session's key is random and its data is coded."""
    return [kind for kind in apps.get_models() if kind._meta.app_label == "clinic"]


def too_much(field: Any) -> list[Any]:
    """What the column cannot hold."""
    if isinstance(field, models.CharField | models.TextField):
        return ["a\0b", *(["x" * (field.max_length + 1)] if field.max_length else [])]
    if isinstance(field, models.DecimalField):
        whole = field.max_digits - field.decimal_places
        return [Decimal(10) ** whole, -(Decimal(10) ** whole), Decimal("NaN"), Decimal("Infinity")]
    least, most = columns.RANGES[field.get_internal_type()]
    return [least - 1, most + 1]


def just_enough(field: Any) -> list[Any]:
    """The longest and the largest that it can."""
    if isinstance(field, models.CharField | models.TextField):
        return ["x" * (field.max_length or 5000)]
    if isinstance(field, models.DecimalField):
        return [Decimal(10) ** (field.max_digits - field.decimal_places) - 1]
    return [columns.RANGES[field.get_internal_type()][1]]


def limited() -> Iterator[tuple[type[Model], Any]]:
    """Every column of words or numbers; keys, moments and hashes that the row itself makes are
    none of them."""
    for kind in ours():
        for field in kind._meta.concrete_fields:
            is_own = isinstance(field, models.AutoField | ContentHash)
            kinds = (models.CharField, models.TextField, models.IntegerField, models.DecimalField)
            if isinstance(field, kinds) and not is_own and not field.remote_field:
                yield kind, field


def test_every_column_of_words_or_numbers_holds_its_limits() -> None:
    open_ones = [f for _, f in limited() if not isinstance(f, columns.Limited)]
    assert not open_ones, "take the field from clinic/columns.py"
    assert len(list(limited())) > 200


def test_what_a_column_cannot_hold_is_refused_however_it_comes(db: None) -> None:
    tried = 0
    for kind, field in limited():
        for value in too_much(field):
            for way in ("add", "add many", "change"):
                tried += 1
                with pytest.raises(ValidationError, match=field.name), transaction.atomic():
                    row = kind(**{field.name: value})
                    if way == "add":
                        models.Model.save(row)
                    elif way == "add many":
                        kind._default_manager.bulk_create([row])
                    else:
                        kind._default_manager.update(**{field.name: value})
    assert tried > 1000


def test_what_it_can_just_hold_is_let_through() -> None:
    for _, field in limited():
        # A grade from 1 to 5, a mail address: their own tests know what they take.
        narrower = any(isinstance(one, MaxValueValidator) for one in field._validators)
        if not narrower and not isinstance(field, models.EmailField):
            for value in just_enough(field):
                field.get_db_prep_save(value, connection)

"""The one Django app."""

from typing import Any

from django.apps import AppConfig
from django.core.checks import CheckMessage, Error, register
from django.db.backends.signals import connection_created

from enthesis.clinic.chain import teach_sqlite


class ClinicConfig(AppConfig):
    name = "enthesis.clinic"
    label = "clinic"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        connection_created.connect(teach_sqlite)
        register(own_files_are_right)
        register(cards_are_set_up)
        register(every_access_row_has_a_page)


def own_files_are_right(**kwargs: Any) -> list[CheckMessage]:
    """`enthesis manage check` fails for a questionnaire of the clinic's own that is left out."""
    from django.db import DatabaseError

    from enthesis.clinic import store

    try:
        problems = store.own_problems()
    except DatabaseError:  # before the first migration there is no clinic
        return []
    return [Error(problem, id="enthesis.E001") for problem in problems]


def cards_are_set_up(**kwargs: Any) -> list[CheckMessage]:
    """`enthesis manage check` fails for a card gateway without its keys."""
    from enthesis.clinic import cards

    return [Error(problem, id="enthesis.E002")] if (problem := cards.problem()) else []


def every_access_row_has_a_page(**kwargs: Any) -> list[CheckMessage]:
    """No command starts with a row of `access.toml` that no URL has: a page went, or its name is
    mistyped. (A URL without a row cannot even be read: `permissions.page` raises.)"""
    from enthesis.clinic import access_table, permissions

    names = {pattern.name for pattern in permissions.every_url()}
    stray = sorted(access_table.table().pages.keys() - names)
    return [
        Error(f"{access_table.FILE.name}: no page is named {name!r}.", id="enthesis.E003")
        for name in stray
    ]

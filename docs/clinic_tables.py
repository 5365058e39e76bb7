"""The data dictionary of both exports; `docs.make_reference` writes docs/reference/export.md."""

import os
from collections.abc import Callable, Iterable
from typing import Any

from enthesis.knowledge.kinds import Knowledge


def start_django() -> None:
    """Tables can be asked once Django is set up."""
    import django
    from django.apps import apps

    if not apps.ready:
        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "enthesis.clinic.settings")
        django.setup()


def page(known: Knowledge, table: Callable[..., str], notice: str) -> str:
    """Every column of every table that goes out, what stays and why; and the cut for research."""
    start_django()
    from enthesis.clinic import tables
    from enthesis.clinic.actions import research
    from enthesis.outcomes.research import LEFT_OUT, NOT_PROTECTED, QUASI, TABLES

    whole = sorted((tables.table_of(kind) for kind in tables.exported()), key=lambda t: t.name)
    rules = known.research
    numbers = table(
        ["number", "value", "source"],
        [
            ("k", known.publishing.smallest_count, known.publishing.source),
            *((name, getattr(rules, name), source) for name, source in rules.sources.items()),
        ],
    )
    return "\n".join(
        [
            f"# Data dictionary of the exports\n\n{notice}\n",
            "How they are made: [take everything out](../how-to/take-everything-out.md).\n",
            "## Never taken out\n",
            table(
                ["table or column", "why"], [*tables.NOT_EXPORTED.items(), *tables.WITHHELD.items()]
            ),
            "\n# The whole clinic\n",
            *_sections(whole, table),
            "# The cut for research\n",
            f"Quasi-identifiers: {', '.join(QUASI)}.\n\n{numbers}\n",
            "Left out of the [registry's tables](registry.md):\n",
            table(["column", "why"], LEFT_OUT.items()),
            "\nWhat it does not protect against:\n",
            *(f"* {one}" for one in NOT_PROTECTED),
            "",
            *_sections((research.table_of(name) for name in TABLES), table),
        ]
    )


def _sections(tables: Iterable[Any], table: Callable[..., str]) -> Iterable[str]:
    for one in tables:
        rows = (
            (
                *(c.name, c.kind, c.unit, c.meaning, "yes" if c.needed else ""),
                "; ".join(word if word == said else f"{word}: {said}" for word, said in c.words),
            )
            for c in one.columns
        )
        head = ["column", "type", "unit", "meaning", "never unknown", "words"]
        yield f"## {one.name}\n\n{one.meaning}\n\n{table(head, rows)}\n"

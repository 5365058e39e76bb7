"""The page of who may open what, drawn from the table that the code asks: access.toml."""

from collections import Counter
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from docs.clinic_tables import start_django

if TYPE_CHECKING:
    from enthesis.clinic.access_table import Row

TWICE = (
    "A double click, a retry after a lost answer, two people at once: what each page does. A page "
    "that says nothing of it takes no form. *Made once*: the form's own key is kept with what it "
    "wrote. *Edited*: so too, and where somebody else changed it meanwhile nothing is saved and "
    "the page shows both."
)


def requests() -> int:
    """How many the whole sweep of tests/clinic/test_access.py makes: each page of staff by each
    role of its own and of another clinic and by nobody, each other page by nobody; GET and POST."""
    start_django()
    from enthesis.clinic.access_table import table as access
    from enthesis.clinic.models import Role

    rows = access().pages.values()
    public = sum(row.roles is None for row in rows)
    return 2 * ((len(rows) - public) * (2 * len(Role) + 1) + public)


def page(table: Callable[..., str], notice: str) -> str:
    """Role by object, then each page and each rule."""
    start_django()
    from enthesis.clinic.access_table import FILE, Row, Twice
    from enthesis.clinic.access_table import table as access
    from enthesis.clinic.models import Role

    rows = [*access().pages.values(), *access().rules.values()]
    objects = list(dict.fromkeys(row.of for row in rows))
    rights = {
        role: [row for row in rows if row.roles is None or role in row.roles] for role in Role
    }

    def roles(row: Row) -> str:
        named = row.roles is not None and ", ".join(r.label for r in Role if r in row.roles)
        return named or "anyone"

    def listed(some: Iterable[Row]) -> str:
        return table(
            ["name", "who", "may", "of", "in an emergency", "sent twice"],
            (
                (
                    f"`{row.name}`",
                    roles(row),
                    row.may,
                    row.of,
                    "read" if row.emergency else "",
                    f"{row.twice}: {row.why}" if row.twice else "",
                )
                for row in some
            ),
        )

    public = [row for row in rows if row.roles is None]
    counted = Counter(row.twice for row in access().pages.values())
    sums = ", ".join(f"{kind} {counted[kind]}" for kind in Twice)
    return (
        f"# Who may open what\n\n{notice.replace('the knowledge files', FILE.name)}\n\n"
        f"{len(access().pages)} pages and {len(access().rules)} rules, of which {len(public)} are "
        "open to anyone: sign-in, what a personal link opens, and what the clinic published. "
        "Whatever a role may open, another clinic's record does not exist for it (404). The sweep "
        "that shows it asks for every page as every role, of its own and of another clinic, by GET "
        f"and by POST: {requests():,} requests (`ENTHESIS_EVERY=1 pytest "
        "tests/clinic/test_access.py`; without that a part of them).\n\n"
        "## Role by object\n\n“See” is a look at some of it, “change” is writing some of it.\n\n"
        + table(
            ["of", "Anyone", *(role.label for role in Role)],
            ([of, *(_most(some, of) for some in (public, *rights.values()))] for of in objects),
        )
        + f"\n\n## Pages\n\n{TWICE} {sums}.\n\n{listed(access().pages.values())}"
        "\n\n## Rules inside pages\n\n"
        f"{listed(access().rules.values())}\n"
    )


def _most(rows: Iterable["Row"], of: str) -> str:
    found = {row.may for row in rows if row.of == of}
    return "change" if "change" in found else "see" if found else ""

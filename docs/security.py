"""The page of what is shown to be safe: each line of the checklist and the tests that show it."""

import tomllib
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

STATES = ("met", "part", "not yet", "not applicable")


def lines() -> list[dict[str, Any]]:
    """The checklist with what shows each line, from security.toml."""
    with (Path(__file__).parent / "security.toml").open("rb") as file:
        found: list[dict[str, Any]] = tomllib.load(file)["line"]
    return found


def page(table: Callable[..., str], notice: str) -> str:
    """All lines as one table, counted by state."""
    told = lines()
    counted = Counter(line["state"] for line in told)
    rows = (
        (
            line["number"],
            line["says"],
            line["state"],
            "; ".join(f"`{one}`" for one in line["tests"]),
            line["why"],
        )
        for line in told
    )
    sums = ", ".join(f"{state} {counted[state]}" for state in STATES)
    made = notice.replace("the knowledge files", "docs/security.toml")
    return (
        f"# What is shown to be safe\n\n{made}\n\n"
        "The checklist behind OWASP ASVS 5.0 level 2 and HIPAA 164.312, and the tests that show "
        f"each line. {len(told)} lines: {sums}. What threatens, and what is not done: "
        "[threats](../explanation/threats.md).\n\n"
        + table(["line", "says", "state", "shown by", "what is missing, or why"], rows)
        + "\n"
    )

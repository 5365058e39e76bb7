"""`enthesis demo`: fill an empty database with an invented clinic."""

import argparse
import sys
from collections.abc import Callable
from datetime import date
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from enthesis.clinic.models import Clinic

PASSWORD = "harbour-clinic-demo"  # noqa: S105 (of the invented clinic, printed at every start)
DEMO_SIGN_INS = (
    ("clinician", PASSWORD, "clinician", "Dr Amara Osei"),
    ("clinician2", PASSWORD, "clinician", "Dr Lucas Hartmann"),
    ("frontdesk", PASSWORD, "front_desk", "Rosa Kim"),
    ("admin", PASSWORD, "administrator", "Ines Varga"),
    ("researcher", PASSWORD, "researcher", "Noor Haddad"),
    ("auditor", PASSWORD, "auditor", "Tom Lindqvist"),
)
"""username, password, role, display name."""


def add(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        "demo",
        help="fill an empty database with an invented clinic",
        description="Invent a clinic whose true parameters are known (docs/explanation/"
        "invented-clinic.md). The same seed and day give the same clinic.",
    )
    parser.add_argument("--patients", type=int, default=400, help="how many (default 400)")
    parser.add_argument("--seed", type=int, default=1, help="of the random numbers (default 1)")
    parser.add_argument(
        "--today", type=date.fromisoformat, default=None, help="its today, such as 2026-11-22"
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Invent and load; 1 with one sentence where the database is not empty."""
    from enthesis.clinic import server

    # Tables can be imported only once Django is loaded.
    server.prepare()
    from django.utils import timezone

    from enthesis.clinic.actions import Refused
    from enthesis.commands.progress import progress_bar

    server.bring_up_to_date()
    today = args.today or timezone.now().date()
    try:
        clinic = load_invented_clinic(today, args.seed, args.patients, progress_bar())
    except (Refused, ValueError) as problem:
        print(problem, file=sys.stderr)
        return 1
    print(f"{clinic}: {args.patients} invented patients, seed {args.seed}, as of {today}.")
    for username, password, role, name in DEMO_SIGN_INS:
        print(f"  {username:<12} {password:<20} {name}, {role.replace('_', ' ')}")
    return 0


def load_invented_clinic(
    today: date, seed: int, patients: int, progress: Callable[[int, int], None]
) -> "Clinic":
    """Invent a clinic as of `today` and write it in one transaction.

    Raises actions.Refused where the database already holds a clinic, ValueError for too few
    `patients`. `progress` is called with how many patients are written and how many there will be.
    """
    from enthesis.clinic.actions.demo import SignIn, refuse_if_used, write_clinic
    from enthesis.clinic.models import Role
    from enthesis.invented.clinic import invent_clinic
    from enthesis.invented.truth import shipped_truth
    from enthesis.knowledge.load import knowledge

    refuse_if_used()
    known = knowledge(today)
    invented = invent_clinic(today, seed, patients, known, shipped_truth())
    sign_ins = [SignIn(name, word, Role(role), shown) for name, word, role, shown in DEMO_SIGN_INS]
    return write_clinic(invented, known, sign_ins, progress)

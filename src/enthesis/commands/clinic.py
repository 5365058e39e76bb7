"""`enthesis clinic NAME`: begin a real clinic, with the administrator who adds everybody else."""

import argparse
import sys
from decimal import Decimal, InvalidOperation

from enthesis.commands.typed_password import typed_password
from enthesis.units import MINOR_DIGITS


def add(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        "clinic",
        help="begin a real clinic, with its administrator",
        description="Make a clinic and its first user, an administrator, who then signs in and "
        "adds the others under Settings (docs/how-to/begin-your-own-clinic.md). The password is "
        "asked for twice and not shown.",
    )
    parser.add_argument("name", metavar="NAME", help="of the clinic, as its patients know it")
    parser.add_argument("--phone", required=True, help="the number that patients are told to call")
    parser.add_argument("--time-zone", required=True, help="such as America/New_York")
    parser.add_argument("--currency", required=True, choices=sorted(MINOR_DIGITS))
    parser.add_argument(
        "--price",
        type=_amount,
        default=None,
        metavar="AMOUNT",
        help="of one session; left out, the shipped default, which is in USD",
    )
    parser.add_argument(
        "--admin", required=True, metavar="USERNAME", help="with which the administrator signs in"
    )
    parser.add_argument(
        "--admin-name", default="", metavar="NAME", help="as shown to others (default: USERNAME)"
    )
    parser.add_argument(
        "--password-stdin",
        action="store_true",
        help="read the password from the first line of the standard input",
    )
    parser.set_defaults(run=run)


def _amount(text: str) -> Decimal:
    try:
        amount = Decimal(text)
    except InvalidOperation:
        amount = Decimal("NaN")
    if not amount.is_finite():
        raise argparse.ArgumentTypeError(f"{text!r} is no amount; write it like 280 or 280.50")
    return amount


def run(args: argparse.Namespace) -> int:
    """Make the clinic; 1 with one sentence where it is refused."""
    from enthesis.clinic import server

    server.prepare()

    from enthesis.clinic.actions import Refused
    from enthesis.clinic.actions.settings import Newcomer, begin_clinic
    from enthesis.clinic.models import Role

    server.bring_up_to_date()
    try:
        first = Newcomer(
            args.admin,
            args.admin_name or args.admin,
            Role.ADMINISTRATOR,
            typed_password(args.admin, args.password_stdin),
        )
        clinic = begin_clinic(
            args.name,
            args.phone,
            args.time_zone,
            args.currency,
            args.price,
            first,
            actor="command line",
        )
    except (Refused, ValueError) as problem:
        print(problem, file=sys.stderr)
        return 1
    print(f"{clinic} is ready. Start it with `enthesis start`, sign in as {args.admin}, and add")
    print("the others under Settings. The first sign-in sets up a passkey or an app with codes,")
    print("without which a password opens nothing.")
    return 0

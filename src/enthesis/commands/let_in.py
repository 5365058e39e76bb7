"""`enthesis let-in USERNAME`: somebody who is locked out begins anew."""

import argparse
import sys

from enthesis.commands.typed_password import typed_password


def add(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        "let-in",
        help="let somebody in who lost password, phone and codes",
        description="Give a user a new first password, which the next sign-in changes, and forget "
        "their passkeys, apps and recovery codes; all their sessions end. Another administrator "
        "does the same under Settings: this is for a clinic whose only administrator is locked "
        "out, and it is written into the audit trail. The password is asked for twice and not "
        "shown (docs/how-to/sign-in-safely.md).",
    )
    parser.add_argument("username", metavar="USERNAME", help="with which they sign in")
    parser.add_argument(
        "--password-stdin",
        action="store_true",
        help="read the password from the first line of the standard input",
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Let in; 1 with one sentence where it is refused."""
    from enthesis.clinic import server

    server.prepare_to_write()
    from enthesis.clinic.actions import Refused
    from enthesis.clinic.actions.second_factor import let_in_again

    try:
        password = typed_password(args.username, args.password_stdin)
        user = let_in_again(args.username, password, actor="command line")
    except (Refused, ValueError) as problem:
        print(problem, file=sys.stderr)
        return 1
    print(f"{user} signs in as {user.username} with that password, chooses another, and sets up")
    print("a new second step.")
    return 0

"""`enthesis manage …`: Django's own command line (migrate, shell, dbshell …)."""

import argparse


def add(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        "manage", help="Django's own commands: migrate, check, shell …", add_help=False
    )
    parser.add_argument("arguments", nargs=argparse.REMAINDER)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Hand the rest of the line to Django."""
    from django.core.management import execute_from_command_line

    from enthesis.clinic import server

    server.prepare()
    execute_from_command_line(["enthesis manage", *args.arguments])
    return 0

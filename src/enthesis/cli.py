"""The command line: `enthesis COMMAND`. Each command is a module of `enthesis.commands`.

Only the module of the command that was asked for is imported, so that `enthesis mix` need not
wait for Django.
"""

import argparse
import importlib
import os
import sys
from collections.abc import Sequence

# The command and its module, in the order of `enthesis --help`. A module has `add(subparsers)`,
# which adds its parser and sets its `run(args) -> int` as the default of `run`.
COMMANDS = {
    "start": "start",
    "serve": "serve",
    "demo": "demo",
    "clinic": "clinic",
    "let-in": "let_in",
    "import": "import_file",
    "record": "record",
    "judge": "judge",
    "rejudge": "rejudge",
    "mix": "mix",
    "pool": "pool",
    "network": "network",
    "evidence": "evidence",
    "outcomes": "outcomes",
    "fit": "fit",
    "registry": "registry",
    "export": "export",
    "packet": "packet",
    "combine": "combine",
    "fhir": "fhir",
    "send": "send",
    "backup": "backup",
    "restore": "restore",
    "move": "move",
    "verify-audit": "verify_audit",
    "check": "check",
    "manage": "manage",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; its exit status: 0 done, 1 refused or failed, 2 asked for wrongly."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "enthesis.clinic.settings")
    given = sys.argv[1:] if argv is None else list(argv)
    args = parser_for(given).parse_args(given)
    status: int = args.run(args)
    return status


def parser_for(given: Sequence[str]) -> argparse.ArgumentParser:
    """The parser for what was typed: with the one command asked for, or with all of them."""
    parser = argparse.ArgumentParser(
        prog="enthesis",
        description="Runs a course of prolotherapy from the first question to the recheck.",
    )
    subparsers = parser.add_subparsers(metavar="COMMAND", required=True)
    asked = [name for name in COMMANDS if given[:1] == [name]] or list(COMMANDS)
    for name in asked:
        importlib.import_module(f"enthesis.commands.{COMMANDS[name]}").add(subparsers)
    return parser


if __name__ == "__main__":
    sys.exit(main())

"""`enthesis start`: a clinic on this machine; on the first start an invented one, or none."""

import argparse
import sqlite3
import sys

HOST = "127.0.0.1"
SEED = 1
PATIENTS = 400


def add(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        "start",
        help="run a clinic on this machine",
        description="Make the database, load an invented clinic on the very first start, and "
        "answer to this machine only. Ctrl-C ends it; what was entered is kept.",
    )
    parser.add_argument("--port", type=int, default=8000, help="where to listen (default 8000)")
    parser.add_argument(
        "--patients",
        type=int,
        default=PATIENTS,
        help=f"patients of the invented clinic on the first start (default {PATIENTS})",
    )
    parser.add_argument(
        "--empty", action="store_true", help="invent nothing: for a clinic of your own"
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Serve until Ctrl-C; 1 with one sentence if it cannot."""
    from enthesis.clinic import server

    try:
        taken = server.listen(HOST, args.port)
    except server.CannotListen as problem:
        print(problem, file=sys.stderr)
        return 1
    try:
        server.prepare()
        _make_database(0 if args.empty else args.patients)
        server.tell_problems()
    except KeyboardInterrupt:
        print("\nStopped before the clinic was ready; start again to begin anew.")
        return 0
    server.serve(taken, workers=1, when_ready=lambda: _greet(args.port))
    return 0


def _make_database(patients: int) -> None:
    """Bring the tables up to date; if there is no clinic at all, invent one (not with 0
    patients)."""
    from django.db import connection

    from enthesis.clinic import server
    from enthesis.clinic.models import Clinic

    if connection.vendor == "sqlite":
        print(f"Database: SQLite {sqlite3.sqlite_version}, {connection.settings_dict['NAME']}")
    else:
        print(f"Database: {connection.vendor}")
    server.bring_up_to_date()
    if Clinic.objects.exists() or not patients:
        return
    from django.utils import timezone

    from enthesis.commands.demo import load_invented_clinic
    from enthesis.commands.progress import progress_bar

    print(f"First start: inventing a clinic with {patients} patients.", flush=True)
    load_invented_clinic(timezone.now().date(), SEED, patients, progress_bar())


def _greet(port: int) -> None:
    """Where to go and how to sign in; demonstration passwords for the invented clinic only."""
    from django.db import connections

    from enthesis.clinic.models import Clinic
    from enthesis.commands.demo import DEMO_SIGN_INS, PASSWORD

    names = [name for name, *_ in DEMO_SIGN_INS]
    print(f"\nEnthesis answers at http://localhost:{port}/  (Ctrl-C ends it)")
    if not Clinic.objects.exists():
        print("There is no clinic yet. Begin one with `enthesis clinic`, in another terminal.")
    for clinic in Clinic.objects.filter(invented=True):
        print(f"{clinic} is invented, and so is everybody in it. Sign in as:")
        for user in clinic.user_set.filter(username__in=names, is_active=True).order_by("role"):
            print(f"  {user.username:<16} {PASSWORD:<24} {user.get_role_display()}")
    sys.stdout.flush()
    connections.close_all()

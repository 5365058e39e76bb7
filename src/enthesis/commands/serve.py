"""`enthesis serve`: the same server for a clinic's own machine, behind one that ends TLS."""

import argparse
import os
import sys

# More than two would wait for SQLite's one writer, each with its own copy of everything.
MOST_WORKERS = 2


def add(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        "serve",
        help="serve an existing clinic, without inventing anything",
        description="Bring the database's tables up to date and serve. Set ENTHESIS_HOSTS to the "
        "names that the TLS server in front passes on.",
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--port", type=int, default=8000, help="where to listen (default 8000)")
    parser.add_argument(
        "--workers",
        type=int,
        default=min(MOST_WORKERS, os.cpu_count() or 1),
        help="processes (default: one for each processor, at most two)",
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Serve until told to stop; 1 with one sentence if it cannot."""
    from enthesis.clinic import server

    try:
        taken = server.listen(args.host, args.port)
    except server.CannotListen as problem:
        print(problem, file=sys.stderr)
        return 1
    server.prepare()
    from django.db import DatabaseError

    try:
        server.bring_up_to_date()
    except DatabaseError as problem:
        print(f"The database cannot be used: {str(problem).strip()}.", file=sys.stderr)
        print(
            "See that it runs, has room, and may be written to. Then start again.", file=sys.stderr
        )
        return 1
    server.tell_problems()  # whose files they are is in the database
    where = f"http://{args.host}:{args.port}/"
    server.serve(taken, args.workers, lambda: print(f"Enthesis answers at {where}", flush=True))
    return 0

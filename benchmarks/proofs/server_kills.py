"""Does kill -9 of the server under load lose a write that it acknowledged?

    python benchmarks/proofs/server_kills.py [--kills 200] [--seed 7] [--at-once 2]
        [--postgres-bin FOLDER]

Writes docs/reference/server-kills.md. `enthesis serve` on new SQLite databases, and on new
PostgreSQLs (of the tests, or the one of the folder) that sync every commit. Five write at once by
HTTP: a sign-in, a questionnaire answered by its link, a session recorded, a payment, an upload.
Every fourth time PostgreSQL is killed first, all of its processes; every tenth server is begun by
the command line, the others by a fork that has its modules already. Acknowledged is only the
redirect that the page gives after it saved.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "reference" / "server-kills.md"
NAMES = {"sqlite": "SQLite", "postgres": "PostgreSQL"}


def main() -> int:
    """Kill, count, and write the page; 1 if anything was lost, there twice or damaged."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--at-once", type=int, default=2, help="runs that share the kills")
    parser.add_argument("--postgres-bin", type=Path, help="of a server that has amcheck")
    parser.add_argument("--only", choices=list(NAMES), help="print the counts, write no page")
    args = parser.parse_args()
    sys.path.insert(0, str(ROOT))
    if args.only:
        counts = _prove(args.only, args)
        sys.stdout.write(json.dumps(counts) + "\n")
        return int(not counts["well"])
    told = {name: _together(begun) for name, begun in {n: _begin(n, args) for n in NAMES}.items()}
    write_page(told, f"`--kills {args.kills} --seed {args.seed} --at-once {args.at_once}`")
    return int(not all(counts["well"] for counts in told.values()))


def _begin(name: str, args: argparse.Namespace) -> list[subprocess.Popen[str]]:
    """The kills shared out, to databases of their own."""
    kills = str(args.kills // args.at_once)
    where = ["--postgres-bin", str(args.postgres_bin)] if args.postgres_bin else []
    command = [sys.executable, __file__, "--only", name, "--kills", kills, *where, "--seed"]
    return [
        subprocess.Popen([*command, str(args.seed + nth)], stdout=subprocess.PIPE, text=True)  # noqa: S603
        for nth in range(args.at_once)
    ]


def _together(begun: list[subprocess.Popen[str]]) -> dict[str, Any]:
    """What they counted, added up."""
    every = [json.loads(one.communicate()[0].splitlines()[-1]) for one in begun]
    for counts in every:
        sys.stderr.write("".join(f"\n{one}" for one in counts["refused"] + counts["found"]))
    return {
        "server": every[0]["server"],
        "seconds": max(counts["seconds"] for counts in every),
        "well": all(counts["well"] for counts in every),
        "rows": {words: sum(one["rows"][words] for one in every) for words in every[0]["rows"]},
    }


def _prove(name: str, args: argparse.Namespace) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as data:
        # Passwords alone, so that signing in is one write.
        os.environ |= {
            "ENTHESIS_DATA": data,
            "ENTHESIS_SECOND_FACTOR": "no",
            "DJANGO_SETTINGS_MODULE": "enthesis.clinic.settings",
        }
        kill = _postgres(args.postgres_bin) if name == "postgres" else None
        import django

        django.setup()
        from django.core.management import call_command
        from django.db import connection
        from tests import server_kills

        call_command("migrate", verbosity=0)
        check = server_kills.check_postgres if kill else server_kills.check_sqlite
        began = time.monotonic()
        toll = server_kills.kill_many(args.kills, args.seed, Path(data) / "log", check, kill)
        with connection.cursor() as cursor:
            cursor.execute("SELECT version()" if kill else "SELECT 'SQLite ' || sqlite_version()")
            words = cursor.fetchone()[0].split(" on ")[0]
        return {"server": words, "seconds": round(time.monotonic() - began), **toll.counts()}


def _postgres(binaries: Path | None) -> Callable[[], None]:
    from tests.postgres_server import begin

    server = begin(binaries=binaries)
    os.environ["DATABASE_URL"] = server.address

    def kill() -> None:
        server.kill()
        time.sleep(0.2)
        server.begin()

    return kill


def write_page(told: dict[str, dict[str, Any]], how: str) -> None:
    """The counts of both, side by side, and how it was run."""
    rows = [
        ("", [counts["server"] for counts in told.values()]),
        *(
            (words, [counts["rows"][words] for counts in told.values()])
            for words in next(iter(told.values()))["rows"]
        ),
        ("seconds, on a machine that others used too", [one["seconds"] for one in told.values()]),
    ]
    lines = [f"| {words} | {' | '.join(map(str, cells))} |\n" for words, cells in rows]
    lines.insert(1, "|---|---:|---:|\n")
    PAGE.write_text(
        "# Killing the server\n\nWritten by `benchmarks/proofs/server_kills.py`, which says "
        f"what was done; do not edit. Run with {how} on {datetime.now(UTC):%Y-%m-%d}.\n\n"
        + "".join(lines),
        encoding="utf-8",
    )
    sys.stdout.write(PAGE.read_text(encoding="utf-8"))


if __name__ == "__main__":
    sys.exit(main())

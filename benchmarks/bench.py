"""All benchmarks: installs the peers that are missing, runs ours beside them, names what is not.

    make bench                  up to a million courses (repeated measures on ours to there too)
    make bench SIZE=quick       small sizes, a few minutes; pages go to build/bench
    make bench SIZE=huge        also ten million courses, and lmer at a million
    make bench ONLY=cohort      one of them

R's peers come from Debian, those in Python from the package index into build/peers, so that the
lock stays as it is. Full pages go to benchmarks/results. Ratios mean something within one page.
"""

import argparse
import os
import shutil
import subprocess
import sys
from pathlib import Path

from measured import python_with

HERE = Path(__file__).parent
SMALL = ["--sizes", "10000", "100000"]
R_OF = {
    "cohort": ("data.table", "jsonlite"),
    "survival": ("survival", "jsonlite"),
    "random_slopes": ("lme4", "jsonlite"),
    "meta_analysis": ("metafor", "jsonlite"),
    "repeated_measures": ("nlme", "glmmTMB", "jsonlite"),
}
ALONE = {"cohort"}
"""Those that leave out an R package that cannot be had; the others need theirs."""
ARGUMENTS: dict[str, dict[str, list[str]]] = {
    "quick": {"cohort": SMALL, "survival": SMALL, "random_slopes": ["--sizes", "1000", "10000"]},
    "full": {},
    "huge": {"random_slopes": ["--million"], "repeated_measures": ["--ten-million"]},
}
NOT_QUICK = {"repeated_measures": "nlme and glmmTMB take minutes at the smallest size it has"}


def missing(packages: list[str]) -> list[str]:
    """Those of R's packages that do not load."""
    if not shutil.which("Rscript"):
        return packages
    code = "for (p in commandArgs(TRUE)) if (!requireNamespace(p, quietly = TRUE)) cat(p, '')"
    told = subprocess.run(  # noqa: S603
        ["Rscript", "-e", code, *packages],  # noqa: S607
        capture_output=True,
        text=True,
        check=False,
    )
    return told.stdout.split()


def install(packages: list[str]) -> list[str]:
    """Debian's packages of these; returns what is missing still."""
    lacking = missing(packages)
    if lacking and hasattr(os, "geteuid") and os.geteuid() == 0 and shutil.which("apt-get"):
        names = ["r-base-core", *(f"r-cran-{name.lower()}" for name in lacking)]
        sys.stdout.write(f"Installing {', '.join(names)} ...\n")
        apt("update")
        for name in names:  # one by one: one that is not there must not stop the others
            apt("install", "-y", "--no-install-recommends", name)
        lacking = missing(packages)
    return lacking


def apt(*words: str) -> None:
    """apt-get, quietly; what it could not do is seen afterwards."""
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    command = ["apt-get", "-qq", *words]
    subprocess.run(command, stdout=subprocess.DEVNULL, env=environment, check=False)  # noqa: S603


def arguments_of(name: str, size: str) -> list[str]:
    """The command line of one benchmark; PyMARE in the peers' environment."""
    arguments = list(ARGUMENTS[size].get(name, []))
    if name == "meta_analysis":
        try:
            arguments += ["--pymare-python", python_with("pymare==0.0.13")]
        except subprocess.CalledProcessError:
            sys.stderr.write("PyMARE is left out: pymare 0.0.13 cannot be installed here.\n")
    if name == "survival":
        try:
            python_with("lifelines==0.30.3")
        except subprocess.CalledProcessError:
            sys.stderr.write("lifelines is left out: lifelines 0.30.3 cannot be installed here.\n")
            arguments += ["--without-lifelines"]
    return arguments


def main() -> int:
    """Run them one after the other; 1 if one could not be run or failed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--size", choices=ARGUMENTS, default="full")
    parser.add_argument("--only", choices=R_OF)
    asked = parser.parse_args()
    chosen = [asked.only] if asked.only else list(R_OF)
    environment = dict(os.environ)
    if asked.size == "quick":
        folder = HERE.parent / "build" / "bench"
        folder.mkdir(parents=True, exist_ok=True)
        environment["BENCH_RESULTS"] = str(folder)
    lacking = install(sorted({package for name in chosen for package in R_OF[name]}))
    left: list[str] = []
    for name in chosen:
        absent = sorted(set(lacking) & set(R_OF[name]))
        if asked.size == "quick" and name in NOT_QUICK:
            sys.stdout.write(f"{name} is left out of the quick pass: {NOT_QUICK[name]}.\n")
            continue
        if absent and name not in ALONE:
            left.append(f"{name} was not run: R's {', '.join(absent)} cannot be installed here")
            continue
        command = [sys.executable, str(HERE / f"{name}.py"), *arguments_of(name, asked.size)]
        sys.stdout.flush()
        if subprocess.run(command, env=environment, check=False).returncode:  # noqa: S603
            left.append(f"{name} failed (see above)")
    for sentence in left:
        sys.stderr.write(f"{sentence}.\n")
    return 1 if left else 0


if __name__ == "__main__":
    sys.exit(main())

"""The cohort table and a day's refresh of the registry, up to a million courses, in one run.

    python benchmarks/cohort.py [--sizes 10000 100000 1000000]

Writes the results page cohort.md. The table is `cohort.at_windows` by clinic, condition and
measure: for each scheduled window how many had begun and were due, answered, were lost, were
measurable and reached 30, 50 and 90 %, and the sums for the mean change and mean pain with their
intervals. Ours, Polars and pandas read the same Parquet files, and reading is in their time;
data.table cannot read Parquet, so that its time leaves reading out. All may use all processors
(pandas uses one). Processes take turns, twice each; a time is of the clock, the median of five
rounds after a first, from the better turn. All must say the same numbers, or the run ends.

The refresh: 200 courses spread over the registry have changed; `registry.refresh` writes the next
cut, to the disk (fsync). The usual time of five days running, and the time for writing it whole.
`refresh.py` says what a clinic waits for: the same with the database of its records before it.
"""

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from statistics import median

from measured import RESULTS, Run, exponent, python_with, run

HERE = Path(__file__).parent
SIZES = [10_000, 100_000, 1_000_000]
BY = ("clinic", "condition", "measure")
SEED, CHANGED, ROUNDS = 20261126, 200, 5
POLARS, PANDAS = "polars==2.1.0", "pandas==2.3.3"
THREADS = str(os.cpu_count())


def usual(work: Callable[[], object]) -> dict[str, float]:
    """The first time, which opens and loads, and the usual one after it."""
    times = []
    for _ in range(ROUNDS + 1):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return {"first": times[0], "seconds": median(times[1:])}


def ours(folder: Path) -> dict[str, object]:
    """Open the registry, ask, close: each round anew."""
    warnings.simplefilter("ignore", DeprecationWarning)  # Ibis calls DuckDB by an older name
    from enthesis.outcomes import cohort, engine

    found: list[object] = []

    def ask() -> None:
        registry = engine.open_registry(str(folder))
        found[:] = cohort.at_windows(registry, BY).to_pylist()
        registry.close()

    return {**usual(ask), **totals(found)}


def totals(rows: list[object]) -> dict[str, object]:
    """What must be the same for all: the whole table in one sum for each column."""
    names = ("due", "answered", "measurable", "reached_30", "reached_50", "reached_90")
    names += (
        "with_change",
        "sum_gained",
        "sum_gained_squared",
        "sum_relief",
        "sum_pain",
        "sum_day",
    )
    # Multiplied by the window, so that a count in the wrong row is seen.
    return {"said": {n: sum(int(r[n]) * (1 + r["number"]) for r in rows) for n in names}}  # type: ignore[index]


def refresh(folder: Path) -> dict[str, object]:
    """Five days' work; what is changed is prepared before the clock."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    from enthesis.outcomes import registry
    from enthesis.outcomes.schema import TABLES

    rng = np.random.default_rng(SEED)
    tables = {name: registry.read_table(folder, name) for name in TABLES}
    start = time.perf_counter()
    registry.refresh(folder, tables, knowledge="benchmark", whole=True)
    whole = time.perf_counter() - start
    ids = tables["courses"]["course"].to_numpy()
    times = []
    for _ in range(ROUNDS):
        some = pa.array(np.sort(rng.choice(ids, CHANGED, replace=False)))
        changed = {n: t.filter(pc.is_in(t["course"], some)) for n, t in tables.items()}
        start = time.perf_counter()
        cut = registry.refresh(folder, changed, knowledge="benchmark")
        times.append(time.perf_counter() - start)
        if cut.courses != ids.size:
            raise SystemExit(f"The cut counts {cut.courses} courses, not {ids.size}.")
    return {"seconds": median(times), "slowest": max(times), "whole": whole}


def peers() -> dict[str, list[str]]:
    """The commands of all that can be had here; a sentence for each that cannot."""
    found = {"ours": [sys.executable, __file__, "--ours"]}
    for name, package in (("Polars", POLARS), ("pandas", PANDAS)):
        try:
            python = python_with(package, "pyarrow")
        except subprocess.CalledProcessError:
            sys.stderr.write(f"{name} is left out: {package} cannot be installed here.\n")
            continue
        found[name] = [python, str(HERE / "cohort_frames.py"), name]
    asked = ["Rscript", "-e", "stopifnot(requireNamespace('data.table', quietly = TRUE))"]
    if shutil.which("Rscript") and not subprocess.run(asked, capture_output=True).returncode:  # noqa: S603
        found["data.table"] = ["Rscript", str(HERE / "cohort.R")]
    else:
        sys.stderr.write("data.table is left out: install Debian's r-cran-data.table.\n")
    return found


def measure(sizes: list[int]) -> tuple[dict[str, list[Run]], list[Run], list[Run]]:
    """All peers at each size, in turns, then the refresh of the same registry, from tables and from
    a clinic's records."""
    from enthesis.invented.registry_files import write_registry
    from enthesis.outcomes.registry import seal

    commands = peers()
    runs: dict[str, list[Run]] = {name: [] for name in commands}
    refreshed, worked = [], []
    for size in sizes:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            write_registry(folder, size, SEED)
            seal(folder, "benchmark")
            if "data.table" in commands:
                write_csv(folder)
            turns = [
                {peer: run([*command, name], THREADS) for peer, command in commands.items()}
                for _ in range(2)
            ]
            for peer in commands:
                two = [turn[peer] for turn in turns]
                runs[peer].append(min(two, key=lambda r: float(r.said["seconds"])))
                if two[0].said["said"] != turns[0]["ours"].said["said"]:
                    raise SystemExit(f"{peer} and ours do not say the same: {turns[0]}")
            refreshed.append(run([sys.executable, __file__, "--refresh", name], THREADS))
            worked.append(run([sys.executable, str(HERE / "refresh.py"), name], THREADS))
    return runs, refreshed, worked


def write_csv(folder: Path) -> None:
    """The columns that the table needs, for R."""
    import duckdb

    for name, columns in (
        ("courses", "course, clinic, condition, measure, began::int as began, window_closed"),
        ("visits", 'course, day, "window", score, gained, relief, pain'),
    ):
        file = folder / name
        duckdb.sql(f"copy (select {columns} from '{file}.parquet') to '{file}.csv' (header)")  # noqa: S608


def table(
    sizes: list[int], runs: dict[str, list[Run]], refreshed: list[Run], worked: list[Run]
) -> str:
    """The results page."""
    import duckdb

    lines = [
        "# The cohort table, and a day's refresh",
        "",
        "By clinic, condition, measure and window, from files to table; data.table without its "
        f"reading. Python {platform.python_version()}, DuckDB {duckdb.__version__}; "
        f"{os.cpu_count()} processors, one run.",
        "",
        "| | version | courses | time | ours is faster | first of a process | growth |",
        "|---|---|---:|---:|---:|---:|---:|",
    ]
    for peer, of_peer in runs.items():
        times = [float(one.said["seconds"]) for one in of_peer]
        for at, (size, one) in enumerate(zip(sizes, of_peer, strict=True)):
            ratio = times[at] / float(runs["ours"][at].said["seconds"])
            growth = exponent(sizes, times) if at == len(sizes) - 1 else ""
            cells = [peer, str(one.said.get("version", "")), f"{size:,}", f"{times[at]:.3f} s"]
            cells += [f"{ratio:.2f}×", f"{one.said['first']:.2f} s"]
            lines.append("| " + " | ".join([*cells, growth]) + " |")
    lines += [
        "",
        f"Refresh after {CHANGED} courses have changed (`outcomes/registry.refresh`):",
        "",
        "| courses | usual | slowest of five | the registry written whole | growth |",
        "|---:|---:|---:|---:|---:|",
    ]
    times = [float(one.said["seconds"]) for one in refreshed]
    for at, (size, one) in enumerate(zip(sizes, refreshed, strict=True)):
        growth = exponent(sizes, times) if at == len(sizes) - 1 else ""
        told = [f"{float(one.said[name]):.3f} s" for name in ("seconds", "slowest", "whole")]
        lines.append("| " + " | ".join([f"{size:,}", *told, growth]) + " |")
    lines += [
        "",
        "Up to 20,000 courses a refresh writes the base anew; above, only what changed.",
        "",
        f"The same from a clinic's records (`clinic/actions/registry.refresh`): {CHANGED} courses "
        "with all their records in an SQLite of as many courses, each with five audit rows; "
        "the rest of them bare, for a refresh only counts these. State: what it knew before, read, "
        "merged and written. Processor: of the whole. Not in it: the start of a process.",
        "",
        "| courses | whole | queries and rows | state | files | processor | growth |",
        "|---:|---:|---:|---:|---:|---:|---:|",
    ]
    times = [float(one.said["seconds"]) for one in worked]
    for at, (size, one) in enumerate(zip(sizes, worked, strict=True)):
        growth = exponent(sizes, times) if at == len(sizes) - 1 else ""
        known, files = float(one.said["state"]), float(one.said["files"])
        parts = (times[at], times[at] - known - files, known, files, float(one.said["processor"]))
        cells = [f"{size:,}", *(f"{part:.3f} s" for part in parts), growth]
        lines.append("| " + " | ".join(cells) + " |")
    lines.append("")
    return "\n".join(lines)


def main() -> int:
    """Run all and write the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES)
    parser.add_argument("--ours", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--refresh", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.ours or arguments.refresh:
        said = ours(arguments.ours) if arguments.ours else refresh(arguments.refresh)
        sys.stdout.write(json.dumps(said) + "\n")
        return 0
    text = table(arguments.sizes, *measure(arguments.sizes))
    (RESULTS / "cohort.md").write_text(text, encoding="utf-8")
    sys.stdout.write(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())

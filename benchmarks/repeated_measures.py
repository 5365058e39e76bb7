"""Repeated measures with any covariance between 7 visits: ours beside nlme::gls and glmmTMB, and
beside the time in which DuckDB only sums the same columns, in one run.

    python benchmarks/repeated_measures.py [--ten-million]

Needs `Rscript` with nlme, glmmTMB and jsonlite. Writes benchmarks/results/repeated_measures.md.
The files are as the registry writes them (parts of 125,000 courses by pseudonym, zstd). Whole
pain scores from 0 to 10, about 6 visits a course with gaps and dropout, a mean at each visit and
three factors of the course (13 coefficients), REML. Ours are times of the clock,
from Parquet to the fitted model, two threads reading; so are DuckDB's, with its two threads. R's
leave its loading out. Cold starts are those of whole processes, bytecode compiled before.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

import numpy as np
from measured import ONE_THREAD, Run, exponent, run

if TYPE_CHECKING:
    from enthesis.outcomes.sums_from_columns import Coded, Rows

HERE = Path(__file__).parent
SIZES = [1_000, 10_000, 100_000, 1_000_000]
GLS, GLMM = [300, 1_000], [1_000, 10_000]
VISITS, SEED, WORKERS = 7, 20261126, 2
FACTORS = {
    "condition": ["back", "knee", "neck", "shoulder"],
    "protocol": ["a", "b", "c"],
    "sex": ["f", "m"],
}


def write_registry(folder: Path, courses: int) -> int:
    """courses-N.parquet and visits-N.parquet as the registry writes them; the visits' rows."""
    import pyarrow as pa
    from pyarrow import parquet

    from enthesis.outcomes.registry import PART_COURSES, ROW_GROUP
    from enthesis.outcomes.schema import TABLES

    rng = np.random.default_rng(SEED)
    pseudonyms = np.unique(rng.integers(0, 1 << 62, courses))
    rows = 0
    for part, first in enumerate(range(0, courses, PART_COURSES)):
        ids = pseudonyms[first : first + PART_COURSES]
        n = len(ids)
        codes = {name: rng.integers(0, len(levels), n) for name, levels in FACTORS.items()}
        told = {"course": ids} | {k: np.array(v)[codes[k]] for k, v in FACTORS.items()}
        level = 6.2 + 0.3 * codes["condition"] - 0.2 * codes["sex"] + rng.normal(0, 1.3, n)
        line = level[:, None] + rng.normal(-0.35, 0.3, n)[:, None] * np.arange(VISITS)
        pain = np.clip(np.rint(line + rng.normal(0, 1.2, line.shape)), 0, 10).astype(np.int8)
        gone = np.arange(VISITS) >= rng.geometric(0.04, n)[:, None]
        seen = ~gone & (rng.random(line.shape) > 0.05)
        course, window = np.nonzero(seen)
        visits = {"course": ids[course], "window": window.astype(np.int8), "pain": pain[seen]}
        rows += len(course)
        for name, columns in (("courses", told), ("visits", visits)):
            needed = {column.name for column in TABLES[name].columns if column.needed}
            table = pa.table(columns)
            kinds = [field.with_nullable(field.name not in needed) for field in table.schema]
            parquet.write_table(
                table.cast(pa.schema(kinds)),
                folder / f"{name}-{part:04}.parquet",
                compression="zstd",
                row_group_size=ROW_GROUP,
            )
    return rows


def write_csv(folder: Path, file: Path) -> None:
    """The same rows, joined, for R."""
    import duckdb

    text = f"""copy (select v.*, c.* exclude (course) from '{folder}/visits-*.parquet' v
               join '{folder}/courses-*.parquet' c using (course) order by v.course, v."window")
               to '{file}' (header)"""  # noqa: S608
    duckdb.sql(text)


def read_and_fit(folder: Path, *, with_degrees: bool = False) -> dict[str, object]:
    """From Parquet to the fitted model; with p values and intervals if asked for."""
    if with_degrees:
        from enthesis.outcomes.degrees import contrasts
    from enthesis.outcomes.repeated import fit
    from enthesis.outcomes.sums_from_columns import course_design, sums_from_pieces
    from enthesis.outcomes.visit_design import own_mean_at_every_visit

    with ThreadPoolExecutor(WORKERS) as pool:
        told = list(pool.map(_courses, sorted(folder.glob("courses-*"))))
    design = course_design(np.concatenate([ids for ids, _ in told]), _levels([f for _, f in told]))
    pieces = [partial(_visits, file) for file in sorted(folder.glob("visits-*"))]
    sums = sums_from_pieces(pieces, design, visits=range(VISITS), workers=WORKERS)
    fitted = fit(sums, own_mean_at_every_visit(sums))
    if with_degrees:
        contrasts(fitted)
    return {
        "deviance": fitted.minus2_log_likelihood,
        "coefficients": fitted.coefficients.tolist(),
        "se": np.sqrt(np.diag(fitted.uncertainty)).tolist(),
        "state": str(fitted.state),
        "n": fitted.n_subjects,
    }


def _courses(file: Path) -> "tuple[np.ndarray, dict[str, Coded]]":
    """The courses of a part, and their factors with the levels that occur in it."""
    from pyarrow import parquet

    from enthesis.outcomes.sums_from_columns import Coded

    # Not read_table, which imports pandas by way of pyarrow.dataset.
    table = parquet.ParquetFile(file, read_dictionary=list(FACTORS)).read(use_threads=False)
    factors = {}
    for name in FACTORS:
        column = table.column(name).unify_dictionaries().combine_chunks()
        codes = _numbers(column.indices, np.int32).astype(np.int8)
        factors[name] = Coded(codes, tuple(column.dictionary.tolist()))
    return _numbers(table.column("course").combine_chunks(), np.int64), factors


def _levels(parts: "list[dict[str, Coded]]") -> "dict[str, Coded]":
    """The factors of all parts, each with the levels of all."""
    from enthesis.outcomes.sums_from_columns import Coded

    joined = {}
    for name in FACTORS:
        levels = sorted({level for part in parts for level in part[name].levels})
        codes = []
        for part in parts:
            places = np.array([levels.index(level) for level in part[name].levels], np.int8)
            codes.append(places[part[name].codes])
        joined[name] = Coded(np.concatenate(codes), tuple(levels))
    return joined


def _visits(file: Path) -> "Rows":
    """Course, window and pain of a part."""
    from pyarrow import parquet

    table = parquet.ParquetFile(file).read(use_threads=False).combine_chunks()
    course, window, pain = (table.column(n).chunk(0) for n in ("course", "window", "pain"))
    return _numbers(course, np.int64), _numbers(window, np.int8), _numbers(pain, np.int8)


def _numbers(array: object, kind: type) -> np.ndarray:
    """A column without gaps as numpy sees it; Arrow's own way would import pandas."""
    start, data = array.offset, array.buffers()[1]  # type: ignore[attr-defined]
    return np.frombuffer(data, dtype=kind)[start : start + len(array)]  # type: ignore[arg-type]


def ours(folder: Path, rounds: int) -> dict[str, object]:
    """The usual and the first time of some rounds."""
    return _timed(lambda: read_and_fit(folder), rounds)


def only_summed(folder: Path, rounds: int) -> dict[str, object]:
    """DuckDB sums the same columns once."""
    import duckdb

    connection = duckdb.connect()
    text = f"""select sum(course), sum("window"), sum(pain),
               (select sum(course) + sum(length(condition)) + sum(length(protocol))
                + sum(length(sex)) from '{folder}/courses-*.parquet')
               from '{folder}/visits-*.parquet'"""  # noqa: S608
    return _timed(lambda: {"sums": str(connection.sql(text).fetchall())}, rounds)


def _timed(work: Callable[[], dict[str, object]], rounds: int) -> dict[str, object]:
    times, said = [], {}
    for _ in range(rounds):
        start = time.perf_counter()
        said = work()
        times.append(time.perf_counter() - start)
    return {"seconds": median(times), "first": times[0], **said}


def child(what: str, folder: str, rounds: int) -> Run:
    return run([sys.executable, __file__, what, folder, "--rounds", str(rounds)])


def whole_process(*command: str) -> float:
    """Seconds of the clock from the start of a process to its end, the least of five."""
    hidden = "PYTHONDONTWRITEBYTECODE"
    environment = {k: v for k, v in os.environ.items() if k != hidden} | ONE_THREAD
    times = []
    for _ in range(6):
        start = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True, env=environment)  # noqa: S603
        times.append(time.perf_counter() - start)
    return min(times[1:])


def main() -> int:
    """Run all and write the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--ten-million", action="store_true", help="ours also fits 10,000,000")
    parser.add_argument("--ours", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--cold", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--summed", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--rounds", type=int, default=5, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.cold:
        read_and_fit(arguments.cold, with_degrees=True)
        return 0
    if arguments.ours or arguments.summed:
        work = ours if arguments.ours else only_summed
        said = work(arguments.ours or arguments.summed, arguments.rounds)
        sys.stdout.write(json.dumps(said) + "\n")
        return 0
    text = table(measure([*SIZES, 10_000_000] if arguments.ten_million else SIZES))
    (HERE / "results" / "repeated_measures.md").write_text(text, encoding="utf-8")
    sys.stdout.write(text)
    return 0


def measure(sizes: list[int]) -> dict[str, object]:
    """Everything, size by size; ours and DuckDB take turns."""
    found: dict[str, object] = {"rows": {}, "ours": {}, "summed": {}, "gls": {}, "glmmTMB": {}}
    for size in sorted({*sizes, *GLS, *GLMM}):
        with tempfile.TemporaryDirectory() as name:
            folder, file = Path(name), Path(name) / "visits.csv"
            found["rows"][size] = write_registry(folder, size)  # type: ignore[index]
            rounds = 3 if size > 1_000_000 else 11
            turns = [
                (child("--ours", name, rounds), child("--summed", name, rounds)) for _ in range(2)
            ]
            best = [
                min(pair, key=lambda r: float(r.said["seconds"]))
                for pair in zip(*turns, strict=True)
            ]
            found["ours"][size], found["summed"][size] = best  # type: ignore[index]
            script = str(HERE / "repeated_measures.R")
            for peer, package, some in (("gls", "nlme", GLS), ("glmmTMB", "glmmTMB", GLMM)):
                if size in some:
                    write_csv(folder, file)
                    found[peer][size] = run(["Rscript", script, str(file), package])  # type: ignore[index]
            if size == 1_000:
                found["cold"] = cold(name)
    return found


def cold(folder: str) -> dict[str, float]:
    """Seconds beyond the start of Python of first fits."""
    nothing = whole_process(sys.executable, "-c", "pass")
    fev = HERE.parent / "tests" / "reference" / "repeated" / "fev_data.csv"
    command = f"{fev} --id USUBJID --visit AVISIT --outcome FEV1 --fixed ARMCD+SEX".split()
    library = whole_process(sys.executable, __file__, "--cold", folder)
    line = whole_process(sys.executable, "-m", "enthesis.cli", "fit", *command)
    return {"nothing": nothing, "library": library - nothing, "command": line - nothing}


def table(found: dict[str, object]) -> str:
    """The results page."""
    mine: dict[int, Run] = found["ours"]  # type: ignore[assignment]
    summed: dict[int, Run] = found["summed"]  # type: ignore[assignment]
    rows: dict[int, int] = found["rows"]  # type: ignore[assignment]
    starts: dict[str, float] = found["cold"]  # type: ignore[assignment]
    peers: dict[str, dict[int, Run]] = {p: found[p] for p in ("gls", "glmmTMB")}  # type: ignore[misc]
    import duckdb

    versions = {p: next(iter(runs.values())).said["version"] for p, runs in peers.items()}
    lines = [
        "# Repeated measures with any covariance between seven visits",
        "",
        "REML, 13 coefficients, 28 variances and covariances. "
        f"Python {platform.python_version()}, NumPy "
        f"{np.__version__}, DuckDB {duckdb.__version__}, nlme {versions['gls']}, glmmTMB "
        f"{versions['glmmTMB']}; {os.cpu_count()} processors, one run.",
        "",
        "| courses | visits | ours | our memory | DuckDB sums the columns | ours takes "
        "| nlme::gls | ours is faster | glmmTMB | ours is faster |",
        "|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for size, one in mine.items():
        seconds, limit = one.said["seconds"], summed[size].said["seconds"]
        cells = [f"{size:,}", f"{rows[size]:,}", _time(seconds), f"{one.peak_gib:.2f} GiB"]
        cells += [_time(limit), f"{seconds / limit:.1f}×"]
        for runs in peers.values():
            theirs = runs[size].said["seconds"] if size in runs else None
            cells += [f"{theirs:.1f} s", f"{theirs / seconds:,.0f}×"] if theirs else ["", ""]
        lines.append("| " + " | ".join(cells) + " |")
    lines += ["", _growth("ours", mine, 10_000)]
    lines += [_growth(peer, runs, 0) for peer, runs in peers.items()]
    lines += ["", *(_apart(peer, mine, runs) for peer, runs in peers.items()), ""]
    lines += [
        "First fit of a process, with imports, reading, df and p values, beyond the "
        f"{starts['nothing']:.2f} s that Python takes to start: {starts['library']:.2f} s; with a "
        "formula, which needs pandas and formulaic (`enthesis fit` on the fev data): "
        f"{starts['command']:.2f} s.",
        "",
    ]
    return "\n".join(lines)


def _growth(name: str, runs: dict[int, Run], least: int) -> str:
    sizes = [size for size in runs if size >= least]
    power = exponent(sizes, [runs[size].said["seconds"] for size in sizes])
    return (
        f"Time of {name} grows with courses to the power {power} ({sizes[0]:,} to {sizes[-1]:,})."
    )


def _apart(peer: str, mine: dict[int, Run], runs: dict[int, Run]) -> str:
    said = []
    for size, other in runs.items():
        one = mine[size].said
        far = np.abs(np.subtract(one["coefficients"], other.said["coefficients"])) / one["se"]
        gap = one["deviance"] - other.said["deviance"]
        said.append(f"at {size:,} {gap:.1e} in deviance, {far.max():.0e} SE in coefficients")
    return f"Ours minus {peer}: {'; '.join(said)}. Below 0 in deviance, ours is more likely."


def _time(seconds: float) -> str:
    return f"{seconds * 1e3:.1f} ms" if seconds < 0.1 else f"{seconds:.2f} s"


if __name__ == "__main__":
    sys.exit(main())

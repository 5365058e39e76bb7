"""Kaplan–Meier, log-rank and Cox: ours beside R's survival and lifelines, in one run.

    python benchmarks/survival.py [--without-lifelines] [--sizes 10000 100000]

Needs `Rscript` with survival and jsonlite; lifelines is put into an environment of its own. Writes
the results page survival.md. Invented courses with whole days up to two years, three arms, a
baseline grade and two clinics. Ours starts from the same raw columns: counting is in its time.
Times are of the processor, without loading; memory is the most a process held, data included.
"""

import argparse
import json
import platform
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import numpy as np
from measured import RESULTS, Run, exponent, python_with, run

HERE = Path(__file__).parent
SIZES = [10_000, 100_000, 1_000_000]
NAMES = ("day", "end", "arm", "grade", "clinic")
SEED, LIFELINES = 20261126, "lifelines==0.30.3"


def write_courses(folder: Path, n: int) -> None:
    """One file of 4-byte whole numbers per column."""
    rng = np.random.default_rng(SEED)
    arm, grade = rng.integers(0, 3, n), rng.integers(0, 4, n)
    clinic = rng.integers(0, 2, n)
    rate = np.exp(0.2 * (arm == 1) - 0.3 * (arm == 2) - 0.1 * grade + 0.15 * clinic) / 250
    first = np.ceil(rng.exponential(1 / rate)).astype(np.int64)
    last = rng.integers(30, 731, n)
    end = np.where(first > last, 0, rng.choice([1, 2, 3], n, p=[0.6, 0.3, 0.1]))
    columns = (np.minimum(first, last), end, arm, grade, clinic)
    for name, column in zip(NAMES, columns, strict=True):
        column.astype(np.int32).tofile(folder / name)


def ours(folder: Path) -> dict[str, object]:
    """Count and fit; the usual time of seven rounds."""
    from enthesis.outcomes.cox import fit_cox
    from enthesis.outcomes.end_counts import count_ends
    from enthesis.outcomes.rank_test import log_rank
    from enthesis.outcomes.survival import kaplan_meier

    day, end, arm, grade, clinic = (np.fromfile(folder / n, dtype=np.int32) for n in NAMES)
    times: dict[str, list[float]] = {"count": [], "km": [], "log_rank": [], "cox": []}
    for _ in range(7):
        marks = [time.process_time()]
        cell = arm * 8 + grade * 2 + clinic
        counts = count_ends(day, end, ("target", "stop", "refer"), cell).only("target")
        arms = counts.grouped({c: c // 8 for c in counts.cells})
        marks.append(time.process_time())
        curve = kaplan_meier(arms)
        marks.append(time.process_time())
        test = log_rank(arms)
        marks.append(time.process_time())
        design = [[c // 8 == 1, c // 8 == 2, c % 8 // 2, c % 2] for c in counts.cells]
        model = fit_cox(counts, design, ("arm 1", "arm 2", "grade", "clinic"))
        marks.append(time.process_time())
        for name, seconds in zip(times, np.diff(marks).tolist(), strict=True):
            times[name].append(seconds)
    usual: dict[str, object] = {name: median(seconds) for name, seconds in times.items()}
    last = curve.share[-1][curve.at_risk[-1] > 0][-1]
    found = {"last": float(last), "chi2": test.chi2, "coefficients": model.coefficients.tolist()}
    return usual | found


def main() -> int:
    """Run all and write the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--without-lifelines", action="store_true")
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES)
    parser.add_argument("--ours", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.ours:
        sys.stdout.write(json.dumps(ours(arguments.ours)) + "\n")
        return 0
    peers = {"ours": [sys.executable, __file__, "--ours"], "survival": ["Rscript"]}
    peers["survival"].append(str(HERE / "survival.R"))
    if not arguments.without_lifelines:
        peers["lifelines"] = [python_with(LIFELINES), str(HERE / "survival_lifelines.py")]
    runs: dict[str, list[Run]] = {name: [] for name in peers}
    for size in arguments.sizes:
        with tempfile.TemporaryDirectory() as folder:
            write_courses(Path(folder), size)
            for name, command in peers.items():
                extra = [folder] if name == "ours" else [folder, str(size)]
                runs[name].append(run([*command, *extra]))
    text = table(arguments.sizes, runs)
    (RESULTS / "survival.md").write_text(text, encoding="utf-8")
    sys.stdout.write(text)
    return 0


def seconds_of(one: Run) -> float:
    """All steps together."""
    return sum(float(one.said.get(step, 0)) for step in ("count", "km", "log_rank", "cox"))


def table(sizes: list[int], runs: dict[str, list[Run]]) -> str:
    """The results page."""
    lines = [
        "# Kaplan–Meier, log-rank and Cox",
        "",
        f"Python {platform.python_version()}, NumPy {np.__version__}, one thread each, one run.",
        "",
        "| | version | courses | all three | ours is faster | counting | curves | log-rank | Cox "
        "| peak memory | growth |",
        "|---|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for name, of_peer in runs.items():
        totals = [seconds_of(one) for one in of_peer]
        for at, (size, one) in enumerate(zip(sizes, of_peer, strict=True)):
            ratio = totals[at] / seconds_of(runs["ours"][at])
            steps = [
                f"{one.said[s] * 1e3:.1f} ms" if s in one.said else ""
                for s in ("count", "km", "log_rank", "cox")
            ]
            growth = exponent(sizes, totals) if at == len(sizes) - 1 else ""
            cells = [name, str(one.said.get("version", "")), f"{size:,}", f"{totals[at]:.3f} s"]
            cells += [f"{ratio:,.0f}×", *steps, f"{one.peak_gib:.2f} GiB", growth]
            lines.append("| " + " | ".join(cells) + " |")
    lines += ["", apart(runs), ""]
    return "\n".join(lines)


def apart(runs: dict[str, list[Run]]) -> str:
    """How far the answers lie from R's, which stops Cox's iterations early."""
    largest = {"last": 0.0, "chi2": 0.0, "coefficients": 0.0}
    for mine, theirs in zip(runs["ours"], runs["survival"], strict=True):
        for name in largest:
            a, b = np.array(mine.said[name]), np.array(theirs.said[name])
            largest[name] = max(largest[name], float(np.max(np.abs(a / b - 1))))
    return (
        "Largest relative difference from R's survival: last point of the last curve "
        f"{largest['last']:.0e}, log-rank χ² {largest['chi2']:.0e}, Cox coefficients "
        f"{largest['coefficients']:.0e}. `growth` is the exponent of the time in the number of "
        "courses."
    )


if __name__ == "__main__":
    sys.exit(main())

"""Random intercept and slope at irregular times: ours beside lme4's lmer, in one run.

    python benchmarks/random_slopes.py [--million] [--sizes 10000 100000]

Needs `Rscript` with lme4 and jsonlite. lmer fits 10,000 and 100,000 courses, each twice; with
--million also 1,000,000, which takes it ten minutes and 4 to 6 GiB. Writes
benchmarks/results/random_slopes.md.
Courses of 3 to 9 visits on any days, whole pain scores from 0 to 10; REML. Times are of the
processor, without loading; memory is the most a process held, data included.
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
from measured import RESULTS, Run, exponent, run

HERE = Path(__file__).parent
SIZES = [10_000, 100_000, 1_000_000]
NAMES = ("course", "day", "arm", "pain")
SEED = 20261126


def write_visits(folder: Path, courses: int) -> int:
    """One file of 4-byte whole numbers per column; returns the rows."""
    rng = np.random.default_rng(SEED)
    visits = rng.integers(3, 10, courses)
    course = np.repeat(np.arange(courses, dtype=np.int32), visits)
    day = rng.integers(0, 181, course.size)
    arm = np.repeat(rng.integers(0, 2, courses), visits)
    line = np.repeat(rng.normal(6, 1.3, courses), visits)
    line += np.repeat(rng.normal(-0.012, 0.012, courses), visits) * day - 0.003 * arm * day
    pain = np.clip(np.rint(line + rng.normal(0, 1.1, course.size)), 0, 10)
    for name, column in zip(NAMES, (course, day, arm, pain), strict=True):
        column.astype(np.int32).tofile(folder / name)
    return int(course.size)


def ours(folder: Path) -> dict[str, object]:
    """Fit; the usual time of some rounds. Columns as small as a registry keeps them."""
    from enthesis.outcomes.slopes import fit_slopes

    course = np.fromfile(folder / "course", dtype=np.int32)
    # In units of 128 days: near 1 for lmer's optimiser, and exact in four bytes.
    day = np.fromfile(folder / "day", dtype=np.int32).astype(np.float32) / 128
    arm = np.fromfile(folder / "arm", dtype=np.int32).astype(np.int8)
    pain = np.fromfile(folder / "pain", dtype=np.int32).astype(np.int8)
    design = np.empty((course.size, 4), dtype=np.float32)
    for at, column in enumerate((1, arm, day, arm * day)):
        design[:, at] = column
    times = []
    for _ in range(5):
        start = time.process_time()
        fit = fit_slopes(course, day, pain, design, ("1", "arm", "day", "arm:day"))
        times.append(time.process_time() - start)
    return {
        "seconds": median(times),
        "first": times[0],
        "deviance": fit.minus2_log_likelihood,
        "coefficients": fit.coefficients.tolist(),
    }


def main() -> int:
    """Run both and write the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--million", action="store_true", help="lmer also fits 1,000,000 courses")
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES)
    parser.add_argument("--ours", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.ours:
        sys.stdout.write(json.dumps(ours(arguments.ours)) + "\n")
        return 0
    mine: list[Run] = []
    theirs: list[Run] = []
    for size in arguments.sizes:
        with tempfile.TemporaryDirectory() as folder:
            rows = write_visits(Path(folder), size)
            mine.append(run([sys.executable, __file__, "--ours", folder]))
            if size < SIZES[-1] or arguments.million:
                script = str(HERE / "random_slopes.R")
                theirs.append(run(["Rscript", script, folder, str(rows)]))
    text = table(arguments.sizes, mine, theirs)
    (RESULTS / "random_slopes.md").write_text(text, encoding="utf-8")
    sys.stdout.write(text)
    return 0


def table(sizes: list[int], mine: list[Run], theirs: list[Run]) -> str:
    """The results page."""
    lines = [
        "# Random intercept and slope at irregular times",
        "",
        f"REML, 3 to 9 visits a course. Python {platform.python_version()}, NumPy "
        f"{np.__version__}, one thread each, one run. lme4 {theirs[0].said['version']}: lmer as it "
        "is called, and unchecked (without the derivatives that it takes to check itself).",
        "",
        "| courses | ours | first fit of a process | lmer | ours is faster | lmer unchecked "
        "| ours is faster | our memory | lmer's | our deviance − lmer's "
        "| coefficients apart, in SE |",
        "|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for at, (size, one) in enumerate(zip(sizes, mine, strict=True)):
        cells = [f"{size:,}", f"{one.said['seconds']:.3f} s", f"{one.said['first']:.3f} s"]
        if at < len(theirs):
            other = theirs[at].said
            far = np.abs(np.subtract(one.said["coefficients"], other["coefficients"]))
            cells += [
                f"{other['seconds']:.1f} s",
                f"{other['seconds'] / one.said['seconds']:,.0f}×",
                f"{other['quick']:.1f} s",
                f"{other['quick'] / one.said['seconds']:,.0f}×",
                f"{one.peak_gib:.2f} GiB",
                f"{theirs[at].peak_gib:.2f} GiB",
                f"{one.said['deviance'] - other['deviance']:.1e}",
                f"{np.max(far / np.array(other['se'])):.0e}",
            ]
        else:
            cells += ["", "", "", "", f"{one.peak_gib:.2f} GiB", "", "", ""]
        lines.append("| " + " | ".join(cells) + " |")
    grown = exponent(sizes, [one.said["seconds"] for one in mine])
    peer = exponent(sizes[: len(theirs)], [one.said["seconds"] for one in theirs])
    lines += ["", f"Time grows with the number of courses to the power {grown}; lmer's {peer}.", ""]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())

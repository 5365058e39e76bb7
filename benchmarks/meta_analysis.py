"""Ten thousand meta-analyses: ours beside metafor and PyMARE, in one run.

    python benchmarks/meta_analysis.py [--pymare-python PYTHON]

Needs `Rscript` with metafor and jsonlite; PyMARE in an environment of its own, named by its
Python (left out otherwise). Writes benchmarks/results/meta_analysis.md. Reviews of 10 studies;
each gets REML, the Hartung–Knapp interval, the prediction interval and Egger's test, then also
leave-one-out. The peers do the first reviews only. Times are of the processor, which another
program on the machine lengthens less than the clock's, per review, without loading.
"""

import argparse
import json
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import numpy as np
from measured import RESULTS

from enthesis.evidence.pool import Pooled, pool
from enthesis.evidence.ragged import Studies, reviews
from enthesis.evidence.small_study import Egger, egger
from enthesis.evidence.stability import leave_one_out

HERE = Path(__file__).parent
REVIEWS, STUDIES_EACH, SEED = 10_000, 10, 20261123
METAFOR_REVIEWS, METAFOR_LEFT_OUT, PYMARE_REVIEWS = 400, 60, 200


def invented_reviews() -> Studies:
    """Reviews of standardised mean differences with none to much heterogeneity."""
    rng = np.random.default_rng(SEED)
    count = REVIEWS * STUDIES_EACH
    variances = rng.uniform(0.01, 0.5, count)
    tau2 = np.repeat(rng.choice([0.0, 0.02, 0.1, 0.5], REVIEWS), STUDIES_EACH)
    estimates = rng.normal(0.3, np.sqrt(tau2 + variances))
    return reviews(estimates, variances, np.full(REVIEWS, STUDIES_EACH))


def main() -> int:
    """Run ours and the peers and write the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--pymare-python", help="Python of an environment that has PyMARE")
    arguments = parser.parse_args()
    if not shutil.which("Rscript"):
        sys.stderr.write("Rscript is missing: apt-get install r-base-core r-cran-metafor\n")
        return 1
    studies = invented_reviews()
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "studies.csv"
        _write(studies, file)
        plain = _usual_time(lambda: (pool(studies), egger(studies)))
        left = _usual_time(lambda: (pool(studies), egger(studies), leave_one_out(studies)))
        r = _peer("Rscript", "meta_analysis.R", str(file), METAFOR_REVIEWS, METAFOR_LEFT_OUT)
        python = arguments.pymare_python
        p = python and _peer(python, "meta_analysis_pymare.py", str(file), PYMARE_REVIEWS)
        again = _usual_time(lambda: (pool(studies), egger(studies)))
    apart = _largest_difference(pool(studies), egger(studies), np.array(r["answers"]))
    text = _table((plain + again) / 2, left, r, p or None, apart)
    (RESULTS / "meta_analysis.md").write_text(text, encoding="utf-8")
    sys.stdout.write(text)
    return 0


def _usual_time(work: Callable[[], object], rounds: int = 7) -> float:
    """Seconds of processor time per review, the median of some rounds."""
    times = []
    for _ in range(rounds):
        start = time.process_time()
        work()
        times.append(time.process_time() - start)
    return median(times) / REVIEWS


def _peer(program: str, script: str, file: str, *counts: int) -> dict[str, object]:
    command = [program, str(HERE / script), file, *map(str, counts)]
    run = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603
    return dict(json.loads(run.stdout))


def _write(studies: Studies, file: Path) -> None:
    review = np.repeat(np.arange(len(studies)), studies.sizes)
    rows = zip(review, studies.estimates, studies.variances, strict=True)
    lines = [f"{r},{float(y)!r},{float(v)!r}" for r, y, v in rows]
    file.write_text("review,y,v\n" + "\n".join(lines) + "\n", encoding="utf-8")


def _largest_difference(ours: Pooled, asymmetry: Egger, theirs: np.ndarray) -> float:
    """Of metafor's answers, at its own loose stopping rule, in standard errors."""
    count = len(theirs)
    columns = np.column_stack([ours.estimate, ours.ci_low, ours.ci_high])[:count]
    return float(np.max(np.abs(columns - theirs[:, :3]) / ours.se[:count, None]))


def _table(
    plain: float,
    left: float,
    r: dict[str, object],
    p: dict[str, object] | None,
    apart: float,
) -> str:
    rows = [
        ("ours", "", plain, left),
        ("metafor", str(r["version"]), float(str(r["plain"])), float(str(r["left_out"]))),
    ]
    if p:
        rows.append(("PyMARE", str(p["version"]), float(str(p["plain"])), None))
    lines = [
        "# Ten thousand meta-analyses",
        "",
        f"{REVIEWS:,} reviews of {STUDIES_EACH} studies: REML, Hartung–Knapp, prediction interval, "
        f"Egger; processor time per review. Python {platform.python_version()}, NumPy "
        f"{np.__version__}, one run; metafor did {METAFOR_REVIEWS} of them "
        f"({METAFOR_LEFT_OUT} with leave-one-out), PyMARE "
        f"{PYMARE_REVIEWS} (it has no prediction interval and no Egger's test).",
        "",
        "| | version | each | ours is faster | with leave-one-out | ours is faster |",
        "|---|---|---:|---:|---:|---:|",
    ]
    for name, version, each, with_left in rows:
        cells = [name, version, _time(each), f"{each / plain:,.0f}×"]
        cells += [_time(with_left), f"{with_left / left:,.0f}×"] if with_left else ["", ""]
        lines.append("| " + " | ".join(cells) + " |")
    lines += [
        "",
        "Largest difference from metafor, which stops early by default, on estimate and interval: "
        f"{apart:.0e} standard errors.",
    ]
    return "\n".join(lines) + "\n"


def _time(seconds: float) -> str:
    return f"{seconds * 1e3:.2f} ms" if seconds > 1e-3 else f"{seconds * 1e6:.2f} µs"


if __name__ == "__main__":
    sys.exit(main())

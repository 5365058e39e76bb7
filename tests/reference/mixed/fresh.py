"""Sets nobody has seen: is our likelihood ever lower than lme4's? `README.md` has the command."""

import subprocess
import sys
import tempfile
from pathlib import Path

from tests.reference.mixed.compare import METHODS, at_same_variances, fitted, read_reference

HERE = Path(__file__).parent


def main() -> int:
    count, seed = sys.argv[1:3]
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "fresh.json"
        script = str(HERE / "make_reference.R")
        subprocess.run(["Rscript", script, str(file), count, seed], check=True)
        cases = read_reference(file)
    lower, higher, deviance, singular = 0.0, 0.0, 0.0, 0
    for case in cases:
        for method in METHODS:
            fit = fitted(case, method)
            apart = fit.minus2_log_likelihood - case["answers"][method]["best"]
            lower, higher = max(lower, apart), max(higher, -apart)
            singular += fit.boundary
            deviance = max(deviance, *(a.deviance for a in at_same_variances(case, method)))
    sys.stdout.write(
        f"{len(cases)} sets of seed {seed}, REML and ML; {singular} of {2 * len(cases)} fits at "
        "the boundary.\nOur -2 log-likelihood at the best variances was above lme4's by at most "
        f"{lower:.1e} and below it by at most {higher:.1e}.\nAt the same variances the largest "
        f"difference was {deviance:.1e}.\n"
    )
    return 0 if lower < 1e-6 else 1


if __name__ == "__main__":
    sys.exit(main())

"""The PyMARE side of meta_analysis.py: python meta_analysis_pymare.py STUDIES.csv REVIEWS

Prints JSON: seconds per review for REML with Knapp–Hartung intervals. PyMARE offers neither a
prediction interval nor Egger's test, so its time is for less work.
"""

import csv
import json
import sys
import time
from collections import defaultdict
from importlib.metadata import version

import numpy as np
from pymare import Dataset
from pymare.estimators import VarianceBasedLikelihoodEstimator


def main() -> None:
    """Time the first reviews of the file."""
    reviews = defaultdict(list)
    with open(sys.argv[1], newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            reviews[row["review"]].append((float(row["y"]), float(row["v"])))
    chosen = [np.array(rows) for rows in list(reviews.values())[: int(sys.argv[2])]]
    for rows in chosen[:3]:
        _analyse(rows)
    start = time.process_time()
    for rows in chosen:
        _analyse(rows)
    seconds = (time.process_time() - start) / len(chosen)
    sys.stdout.write(json.dumps({"plain": seconds, "version": version("PyMARE")}))


def _analyse(rows: np.ndarray) -> object:
    data = Dataset(y=rows[:, :1], v=rows[:, 1:], X=np.ones((len(rows), 1)), add_intercept=False)
    results = VarianceBasedLikelihoodEstimator(method="REML").fit_dataset(data).summary()
    return results.get_fe_stats(), results.get_re_stats(), results.get_heterogeneity_stats()


if __name__ == "__main__":
    main()

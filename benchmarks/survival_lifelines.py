"""KM + log-rank + Cox by lifelines, on the binary columns that survival.py wrote."""

import json
import sys
import time
import warnings
from pathlib import Path

import lifelines
import numpy as np
import pandas as pd
from lifelines.statistics import multivariate_logrank_test

warnings.simplefilter("ignore")
folder = Path(sys.argv[1])
names = ("day", "end", "arm", "grade", "clinic")
d = pd.DataFrame({name: np.fromfile(folder / name, dtype=np.int32) for name in names})
d["reached"] = (d.end == 1).astype(int)

start = time.process_time()
for _, part in d.groupby("arm"):
    curve = lifelines.KaplanMeierFitter().fit(part.day, part.reached)
km = time.process_time() - start
start = time.process_time()
test = multivariate_logrank_test(d.day, d.arm, d.reached)
log_rank = time.process_time() - start
x = pd.DataFrame({"day": d.day, "reached": d.reached, "arm1": d.arm == 1, "arm2": d.arm == 2})
x = x.astype(int).assign(grade=d.grade, clinic=d.clinic)
start = time.process_time()
model = lifelines.CoxPHFitter().fit(x, "day", "reached")
said = {
    "version": lifelines.__version__,
    "km": km,
    "log_rank": log_rank,
    "cox": time.process_time() - start,
    "last": float(curve.survival_function_.iloc[-1, 0]),
    "chi2": float(test.test_statistic),
    "coefficients": model.params_.tolist(),
}
sys.stdout.write(json.dumps(said) + "\n")

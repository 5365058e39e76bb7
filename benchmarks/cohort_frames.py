"""The cohort table by Polars or pandas: python cohort_frames.py Polars|pandas FOLDER

Only the columns that are needed are read, and Polars is lazy: as somebody who knows it would write
it. Imports nothing of ours.
"""

import json
import sys
import time
from pathlib import Path
from statistics import median

BY = ["clinic", "condition", "measure"]
OF_COURSES = ["course", *BY, "began", "window_closed"]
OF_VISITS = ["course", "day", "window", "score", "gained", "relief", "pain"]
LEVELS = (30, 50, 90)
folder = Path(sys.argv[2])


def with_polars():
    """One lazy query for the answers and one for the windows that are over."""
    courses = pl.scan_parquet(folder / "courses.parquet").filter("began").select(OF_COURSES)
    visits = pl.scan_parquet(folder / "visits.parquet").select(OF_VISITS)
    visits = visits.filter(pl.col("window").is_not_null())
    wide = {name: pl.col(name).cast(pl.Int64) for name in ("relief", "gained", "pain")}
    met = courses.join(visits, on="course").group_by(*BY, "window")
    found = met.agg(
        early=(pl.col("window") > pl.col("window_closed").fill_null(-1)).sum(),
        answered=pl.col("score").count(),
        measurable=pl.col("relief").count(),
        with_change=pl.col("gained").count(),
        with_pain=pl.col("pain").count(),
        sum_day=pl.when(pl.col("score").is_not_null()).then(pl.col("day").cast(pl.Int64)).sum(),
        **{f"reached_{x}": (pl.col("relief") >= x * 100).sum() for x in LEVELS},
        **{f"sum_{name}": column.sum() for name, column in wide.items()},
        **{f"sum_{name}_squared": (column * column).sum() for name, column in wide.items()},
    )
    over = courses.group_by(*BY, "window_closed").agg(courses=pl.len())
    return [frame.to_dicts() for frame in pl.collect_all([found, over])]


def with_pandas():
    """Merge, make each column that is summed, group once."""
    courses = pd.read_parquet(folder / "courses.parquet", columns=OF_COURSES)
    courses = courses[courses.began]
    visits = pd.read_parquet(folder / "visits.parquet", columns=OF_VISITS)
    met = courses.merge(visits[visits.window.notna()], on="course")
    met["early"] = met.window > met.window_closed.fillna(-1)
    for level in LEVELS:
        met[f"reached_{level}"] = met.relief >= level * 100
    met["seen_day"] = met.day.where(met.score.notna())
    for name in ("relief", "gained", "pain"):
        met[f"{name}_squared"] = met[name] * met[name]
    counted = {"answered": "score", "measurable": "relief", "with_change": "gained"}
    counted["with_pain"] = "pain"
    summed = ["early", *(f"reached_{x}" for x in LEVELS)]
    sums = {f"sum_{n}": n for n in ("relief", "gained", "pain")}
    sums |= {f"{name}_squared": f"{column}_squared" for name, column in sums.items()}
    asked = {name: (column, "count") for name, column in counted.items()}
    asked["sum_day"] = ("seen_day", "sum")
    asked |= {name: (name, "sum") for name in summed}
    asked |= {name: (column, "sum") for name, column in sums.items()}
    found = met.groupby([*BY, "window"], as_index=False).agg(**asked)
    over = courses.groupby([*BY, "window_closed"], as_index=False, dropna=False)
    over = over.agg(courses=("course", "size"))
    return found.to_dict("records"), over.to_dict("records")


def totals(found, over):
    """One sum for each column, by the number of the window, as cohort.py makes it."""
    last = {}
    for row in over:
        closed = row["window_closed"]
        if closed is not None and closed == closed:  # neither null nor not a number
            group = last.setdefault(tuple(row[n] for n in BY), {})
            group[int(closed)] = group.get(int(closed), 0) + row["courses"]
    early = {(*(r[n] for n in BY), int(r["window"])): int(r["early"]) for r in found}
    due = sum(
        n * (1 + w) for overs in last.values() for o, n in overs.items() for w in range(o + 1)
    )
    due += sum(n * (1 + key[-1]) for key, n in early.items())
    names = ("answered", "measurable", *(f"reached_{x}" for x in LEVELS), "with_change")
    names += ("sum_gained", "sum_gained_squared", "sum_relief", "sum_pain", "sum_day")
    said = {name: sum(int(r[name]) * (1 + int(r["window"])) for r in found) for name in names}
    return {"due": due, **said}


if sys.argv[1] == "Polars":
    import polars as pl

    work, version = with_polars, pl.__version__
else:
    import pandas as pd

    work, version = with_pandas, pd.__version__
times = []
for _ in range(6):
    start = time.perf_counter()
    tables = work()
    times.append(time.perf_counter() - start)
said = {"version": version, "first": times[0], "seconds": median(times[1:])}
sys.stdout.write(json.dumps(said | {"said": totals(*tables)}) + "\n")

"""`enthesis fit`: what it prints, and what it refuses and how."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from enthesis.cli import main

FEV = Path(__file__).parents[2] / "reference/repeated/fev_data.csv"
WHAT = ["--id", "USUBJID", "--visit", "AVISIT", "--outcome", "FEV1", "--fixed"]
HEAD = "id,visit,time,score,arm,age\n"


def rows() -> list[str]:
    """Twenty subjects with three visits each; nobody is missing."""
    rng = np.random.default_rng(4)
    own = rng.normal(5, 2, 20)
    return [
        f"s{i:02},{v},{v * 7 + int(rng.integers(3))},{own[i] + rng.normal():.1f},{'ab'[i % 2]},"
        f"{40 + (i * 11) % 17}"
        for i in range(20)
        for v in (1, 2, 3)
    ]


def run(*words: object) -> int:
    return main(["fit", *map(str, words)])


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "scores.csv"
    path.write_text(HEAD + "\n".join(rows()), encoding="utf-8")
    return path


def asked(file: Path, fixed: str = "arm * visit", *more: str) -> list[object]:
    return [file, "--id", "id", "--visit", "visit", "--outcome", "score", "--fixed", fixed, *more]


def test_the_json_has_what_was_promised(capsys: Any) -> None:
    assert run(FEV, *WHAT, "ARMCD + SEX", "--reference", "ARMCD=PBO", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["n_subjects"], told["n_observations"]) == (197, 537)
    assert told["minus2_log_likelihood"] == pytest.approx(3666.96698, abs=1e-4)
    treated = told["coefficients"]["ARMCD[T.TRT]"]
    assert treated.keys() == {"estimate", "se", "df", "p", "ci_low", "ci_high"}
    assert treated["estimate"] == pytest.approx(3.8265, abs=1e-3)
    assert told["covariance"]["visits"] == ["VIS1", "VIS2", "VIS3", "VIS4"]
    assert "263 of 800 rows have no FEV1" in told["notes"]


def test_the_text_has_means_and_differences_and_never_a_star(capsys: Any) -> None:
    more = ["--means", "ARMCD", "--df", "kenward-roger", "--reference", "ARMCD=PBO"]
    assert run(FEV, *WHAT, "ARMCD * AVISIT", *more) == 0
    told = capsys.readouterr().out
    assert "ARMCD TRT at VIS4" in told and "ARMCD TRT − PBO at VIS1" in told
    assert "*" not in told and "significant" not in told


def test_a_parquet_file_gives_what_its_csv_gives(file: Path, capsys: Any) -> None:
    import pandas as pd

    pd.read_csv(file).to_parquet(file.with_suffix(".parquet"))
    assert run(*asked(file, "arm + visit + age", "--json")) == 0
    first = json.loads(capsys.readouterr().out)
    assert run(*asked(file.with_suffix(".parquet"), "arm + visit + age", "--json")) == 0
    assert json.loads(capsys.readouterr().out) == first


def test_the_order_of_the_rows_does_not_matter(file: Path, capsys: Any) -> None:
    assert run(*asked(file, "arm * visit", "--json")) == 0
    first = json.loads(capsys.readouterr().out)
    file.write_text(HEAD + "\n".join(reversed(rows())), encoding="utf-8")
    assert run(*asked(file, "arm * visit", "--json")) == 0
    again = json.loads(capsys.readouterr().out)
    for name, one in first["coefficients"].items():
        assert again["coefficients"][name] == pytest.approx(one, rel=1e-9, nan_ok=True)


def test_random_slopes_take_a_time_instead_of_a_visit(file: Path, capsys: Any) -> None:
    columns = [file, "--id", "id", "--time", "time", "--outcome", "score", "--fixed", "time + arm"]
    assert run(*columns, "--covariance", "random-slope", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert set(told["coefficients"]) == {"Intercept", "time", "arm[T.b]"}
    assert told["covariance"]["residual_variance"] > 0
    assert run(*columns, "--covariance", "random-slope") == 0
    assert "between subjects" in capsys.readouterr().out


def test_something_that_changes_within_a_subject_may_explain(file: Path, capsys: Any) -> None:
    assert run(*asked(file, "arm + visit + time", "--json")) == 0
    assert "time" in json.loads(capsys.readouterr().out)["coefficients"]


@pytest.mark.parametrize(
    ("change", "more", "said"),
    [
        ({"fixed": "arm + visit"}, ["--means", "age"], "does not use age"),
        ({"fixed": "arm + visit"}, ["--means", "visit"], "holds numbers"),
        ({}, ["--reference", "arm"], "write it like"),
        ({}, ["--reference", "arm=z"], "no level z; it has a, b"),
        ({}, ["--reference", "sex=a"], "There is no column sex"),
        ({}, ["--covariance", "random-slope"], "needs --time and no --visit"),
        ({"fixed": "arm + sx"}, [], "The formula names sx"),
        ({"fixed": "arm + ("}, [], "at '(', character 7: this bracket has no partner. Write"),
        ({"fixed": "arm +"}, [], "at '+', character 5: something is missing beside it"),
        ({"fixed": "arm age"}, [], "at 'arm age', character 1: there is no + : or * between"),
        ({"fixed": "arm + scale(age"}, [], "character 7: what begins here is never closed"),
        ({"fixed": "age ** x"}, [], "at 'x', character 8: a power is a whole number"),
        ({"fixed": "arm; age"}, [], "at ';', character 4: this sign has no meaning in a formula"),
        ({"fixed": "arm ~ age ~ age"}, [], "at '~', character 11: it is not understood"),
        ({"fixed": "score ~ arm"}, [], "two sides or parts: give only what explains score"),
        (
            {"fixed": "log(arm)"},
            [],
            "log(arm) in the formula 'log(arm)' cannot be worked out: arm h",
        ),
        ({"fixed": "scale(arm)"}, [], "arm holds words, not numbers. Mend it"),
        ({"fixed": "bs(age, df=2)"}, [], "`df` must be greater than 3"),
        ({"fixed": "scale(age)", "replace": (",40\n", ",\n")}, [], "age is missing in row"),
        ({"text": ""}, [], "cannot be read"),
        ({"text": HEAD}, [], "no rows"),
        ({"text": HEAD + "\n".join([*rows(), rows()[0]])}, [], "s00 has two rows at 1"),
        ({"replace": (".4,", ".four,")}, [], "no numbers: row"),
        ({"replace": (",a,", ",,")}, [], "arm is missing in row"),
        ({"replace": (",b,", ",a,")}, [], "arm is a in every row"),
        ({"fixed": "arm + age + I(2 * age)"}, [], "depend on each other"),
        ({"text": HEAD + "\n".join(r for r in rows() if ",1," in r[3:6])}, [], "only one visit"),
    ],
)
def test_what_cannot_be_fitted_is_named(
    file: Path, capsys: Any, change: dict[str, Any], more: list[str], said: str
) -> None:
    text = change.get("text", file.read_text(encoding="utf-8"))
    file.write_text(text.replace(*change.get("replace", ("", ""))), encoding="utf-8")
    assert run(*asked(file, change.get("fixed", "arm"), *more)) == 1
    printed = capsys.readouterr()
    assert printed.out == "" and said in printed.err
    assert printed.err.startswith("scores.csv: ") and printed.err[:-1].isprintable()


def test_two_visits_that_nobody_shares_are_refused(file: Path, capsys: Any) -> None:
    lines = [line for i, line in enumerate(rows()) if (i // 3 % 2 == 0) == (line[4] != "3")]
    file.write_text(HEAD + "\n".join(lines), encoding="utf-8")
    assert run(*asked(file, "visit")) == 1
    assert "Nobody has scores at both" in capsys.readouterr().err


def test_a_file_that_is_not_there_is_named(tmp_path: Path, capsys: Any) -> None:
    assert run(*asked(tmp_path / "nowhere.csv")) == 1
    assert "cannot read" in capsys.readouterr().err


def test_a_first_fit_waits_for_no_library_that_it_does_not_need() -> None:
    code = (
        "import sys; from enthesis.cli import main; main(sys.argv[1:]); "
        "print(sorted({'django', 'duckdb', 'ibis', 'scipy.stats', 'scipy.optimize', "
        "'pyarrow.dataset'} & set(sys.modules)), file=sys.stderr)"
    )
    command = [sys.executable, "-c", code, "fit", str(FEV), *WHAT, "ARMCD + SEX"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[]"

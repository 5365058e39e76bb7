"""`enthesis pool`: what it prints and which status it gives; the answers are in test_pool_csv."""

import json
import math
from pathlib import Path

import pytest

from enthesis.cli import main
from enthesis.evidence.pool_csv import FileAnswer, PoolOptions, pool_file

EVENTS = """study,year,events_1,n_1,events_2,n_2,dose
Adams,2001,4,123,11,139,low
Brown,2002,6,306,29,303,low
Clark,2003,3,231,11,220,high
Davis,2004,9,200,12,210,high
"""


def run(*words: str) -> int:
    return main(["pool", *words])


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "trials.csv"
    path.write_text(EVENTS, encoding="utf-8")
    return path


def test_the_command_prints_json(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(str(file), "--json", "--group", "dose", "--measure", "OR", "--model", "DL") == 0
    printed = json.loads(capsys.readouterr().out)
    promised = (
        *("estimate", "se", "ci_low", "ci_high", "prediction_low", "prediction_high"),
        *("tau2", "i2", "q", "k", "measure", "model"),
    )
    assert set(promised) <= set(printed)
    assert (printed["measure"], printed["model"], printed["k"]) == ("OR", "DL", 4)
    assert set(printed["groups"]) == {"low", "high"}


def test_the_command_prints_ratios_as_ratios(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(str(file)) == 0
    answer: FileAnswer = pool_file(EVENTS, PoolOptions())
    printed = capsys.readouterr().out
    assert f"all: {math.exp(answer.overall.estimate):.3g} (" in printed
    assert "95% prediction" in printed


def test_the_common_model_takes_normal_intervals_unasked(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(str(file), "--model", "common", "--json") == 0
    assert json.loads(capsys.readouterr().out)["interval"] == "wald"


def test_the_command_names_what_is_wrong_and_gives_status_1(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = "study,mean_1,sd_1,n_1,mean_2,sd_2,n_2\nA,4,-2,20,5,2,20\n"
    file.write_text(bad, encoding="utf-8")
    assert run(str(file)) == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "trials.csv: row 2 (A), column sd_1, value '-2'" in printed.err
    assert run(str(file.parent / "nowhere.csv")) == 1
    assert "cannot read" in capsys.readouterr().err
    file.write_bytes(b"study,estimate,se\n\xff\xfe,1,1\n")
    assert run(str(file)) == 1
    assert "not UTF-8" in capsys.readouterr().err


def test_the_command_says_what_moderators_and_other_sets_of_studies_say(
    file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    funnel = tmp_path / "funnel.svg"
    asked = ["--sensitivity", "--moderator", "dose", "--funnel", str(funnel)]
    assert run(str(file), *asked) == 0
    told = capsys.readouterr().out
    assert "dose high, against low" in told and "Without one study at a time" in told
    assert "Study by study over the years" in told and "Egger's test p" in told
    assert funnel.read_text(encoding="utf-8").startswith("<svg")
    assert run(str(file), *asked[:3], "--json") == 0
    printed = json.loads(capsys.readouterr().out)
    assert {slope["name"] for slope in printed["moderators"]["slopes"]} >= {"intercept"}
    assert printed["sensitivity"]["without"][0]["study"] == "Adams 2001"


@pytest.mark.parametrize("model", ["mh", "peto"])
def test_few_events_take_normal_intervals_unasked(
    file: Path, capsys: pytest.CaptureFixture[str], model: str
) -> None:
    assert run(str(file), "--model", model) == 0
    assert "interval wald" in capsys.readouterr().out

"""`enthesis mix`: the recipe, the refusals, and that it starts at once."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from enthesis.cli import main

USUAL = {
    "dextrose": "15",
    "lidocaine": "0.2",
    "volume": "10",
    "stock-dextrose": "50",
    "stock-lidocaine": "1",
    "weight": "70",
}


def arguments(*more: str, **changes: str | None) -> list[str]:
    """The usual command with some options changed; None leaves one out."""
    options = USUAL | {name.replace("_", "-"): value for name, value in changes.items()}
    given = [f"--{name}={value}" for name, value in options.items() if value is not None]
    return ["mix", *given, *more]


def as_json(capsys: pytest.CaptureFixture[str], *more: str, **changes: str | None) -> Any:
    assert main(arguments("--json", *more, **changes)) == 0
    return json.loads(capsys.readouterr().out)


def test_it_prints_what_to_draw_up(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments()) == 0
    printed = capsys.readouterr().out.replace("\u00a0", " ")
    for words in (
        "3 mL  dextrose 50 %",
        "2 mL  lidocaine 1 %",
        "5 mL  Sterile water",
        "759 mOsm/L",
    ):
        assert words in printed
    assert "20 mg of at most 300 mg for this weight" in printed


def test_programs_get_numbers(capsys: pytest.CaptureFixture[str]) -> None:
    made = as_json(capsys)
    assert made["dextrose_stock_ml"] == 3
    assert made["lidocaine_stock_ml"] == 2
    assert made["diluent_ml"] == 5
    assert made["lidocaine_mg"] == 20
    assert made["dextrose_g"] == 1.5
    assert made["osmolarity_mosm_l"] == 759
    assert made["lidocaine_ceiling_mg"] == 300


def test_it_mixes_without_lidocaine_and_without_a_weight(
    capsys: pytest.CaptureFixture[str],
) -> None:
    made = as_json(capsys, lidocaine=None, stock_lidocaine=None, weight=None)
    assert (made["lidocaine_mg"], made["diluent_ml"], made["lidocaine_ceiling_mg"]) == (0, 7, None)


def test_it_mixes_another_ingredient_and_refuses_one_without_a_ceiling(
    capsys: pytest.CaptureFixture[str],
) -> None:
    made = as_json(capsys, "--with", "morrhuate", "0.5", "5")
    assert (made["morrhuate_stock_ml"], made["diluent_ml"]) == (1, 4)
    assert made["osmolarity_leaves_out"] == ["lidocaine", "morrhuate"]
    assert main(arguments("--with", "bupivacaine", "0.1", "0.5")) == 1
    assert "No ceiling is known for bupivacaine" in capsys.readouterr().err


def test_saline_and_adrenaline_count(capsys: pytest.CaptureFixture[str]) -> None:
    made = as_json(capsys, "--diluent=saline", "--adrenaline")
    assert (made["osmolarity_mosm_l"], made["lidocaine_ceiling_mg"]) == (913, 490)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"lidocaine": "0.8"}, "more than the 10 mL wanted"),
        ({"dextrose": "60"}, "stronger stock"),
        ({"lidocaine": "2", "stock_lidocaine": "4", "volume": "20"}, "Too much anaesthetic"),
        ({"weight": None}, "Weigh first"),
        ({"weight": "7"}, "outside 30 to 250 kg"),
        ({"stock_lidocaine": None}, "Give --stock-lidocaine"),
        ({"volume": "-5"}, "--volume: -5 is below zero"),
        ({"volume": "0"}, "above zero"),
        ({"volume": "NaN"}, "--volume: NaN is no usable number"),
        ({"volume": "1e400"}, "--volume: 1e400 is no usable number"),
        ({"volume": "1e-400"}, "outside 0.1 mL"),
        ({"volume": "ten"}, "--volume: “ten” is no number"),
        ({"volume": "1000"}, "outside 0.1 mL to 60 mL"),
        ({"dextrose": ""}, "--dextrose: “” is no number"),
        ({"stock_dextrose": "0"}, "stock must be a number above zero"),
        ({"stock_dextrose": "500"}, "more than 100 %"),
        ({"weight": "heavy"}, "--weight: “heavy” is no number"),
        ({"lidocaine": "sNaN"}, "--lidocaine: sNaN is no usable number"),
    ],
)
def test_it_refuses_with_the_reason(
    changes: dict[str, str | None], reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments(**changes)) == 1
    refused = capsys.readouterr()
    assert reason in refused.err.replace("\u00a0", " ")
    assert refused.out == ""
    assert main(arguments("--json", **changes)) == 1
    assert reason in json.loads(capsys.readouterr().out)["error"].replace("\u00a0", " ")


@pytest.mark.parametrize("wrong", [["mix"], ["mix", "--volume"], ["mox"], []])
def test_a_command_that_is_not_understood_is_told_from_one_that_is_refused(
    wrong: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as left:
        main(wrong)
    assert left.value.code == 2
    assert "usage: enthesis" in capsys.readouterr().err


def test_help_shows_examples_that_work(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["mix", "--help"])
    help_text = capsys.readouterr().out.replace("\\\n", " ")
    examples = [line.split()[1:] for line in help_text.splitlines() if " enthesis mix --d" in line]
    assert len(examples) == 3
    for example in examples:
        assert main(example) == 0


def test_it_waits_for_neither_django_nor_numpy() -> None:
    script = (
        "import sys; from enthesis.cli import main; main(sys.argv[1:]); "
        "sys.exit(bool({'django', 'numpy', 'openpyxl'} & sys.modules.keys()))"
    )
    ran = subprocess.run(
        [sys.executable, "-c", script, *arguments()],
        cwd=Path(__file__).parents[3] / "src",
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ran.returncode, ran.stderr) == (0, "")

"""`enthesis evidence` and the plot of `enthesis pool`, as they are typed."""

import json
import shutil
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from enthesis.cli import main
from enthesis.knowledge.load import FOLDER

MADE = """study,events_1,n_1,events_2,n_2
Adams,30,40,20,40
Brown,22,50,20,51
Clark,9,12,3,11
"""


def said(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    assert main(list(words)) == 0
    return capsys.readouterr().out


@pytest.mark.parametrize("name", ["low back pain", "Low Back Pain", "low_back"])
def test_a_condition_may_be_named_as_people_name_it(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    text = said(capsys, "evidence", name)
    assert text.startswith("Low back pain\n")
    for part in ("Yelland 2004", "Dechow 1999", "Ongley 1987", "Certainty: low.", "Not known:"):
        assert part in text


def test_without_a_condition_all_of_them_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    text = said(capsys, "evidence")
    assert "Knee osteoarthritis" in text and "Hip osteoarthritis" in text


def test_an_unknown_condition_is_answered_with_those_there_are(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["evidence", "love"]) == 1
    assert "there are: low back pain, knee osteoarthritis" in capsys.readouterr().err


def test_json_holds_every_trial_and_no_nan(capsys: pytest.CaptureFixture[str]) -> None:
    (topic,) = json.loads(said(capsys, "evidence", "knee_oa", "--json"), parse_constant=pytest.fail)
    first = topic["questions"][0]
    assert first["pooled"] is None and "too few" in first["why_not_pooled"]
    assert [t["paper"] for t in first["trials"]] == ["rabago_2013_knee", "sit_2020"]
    assert topic["trials_found"] == 19


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    """The shipped papers in a folder of their own."""
    return shutil.copytree(FOLDER / "papers", tmp_path / "papers")


def test_the_same_papers_change_nothing(copied: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert said(capsys, "evidence", "--diff", str(copied)) == "Nothing that is said changes.\n"


def test_a_corrected_number_shows_exactly_what_moves(
    copied: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = copied / "sit_2020.toml"
    text = file.read_text(encoding="utf-8")
    old = "estimate = -10.34\nci_low = -19.2\nci_high = -1.49\nse = 4.5179"
    assert old in text
    new = "estimate = -2.34\nci_low = -11.2\nci_high = 6.51\nse = 4.5179"
    file.write_text(text.replace(old, new), encoding="utf-8")
    out = said(capsys, "evidence", "--diff", str(FOLDER / "papers"), str(copied))
    told = [line for line in out.splitlines() if not line.startswith("  ")]
    assert told == [
        "knee osteoarthritis, knee_pain_saline: sentence",
        "knee osteoarthritis, knee_pain_saline: certainty, imprecision",
        "knee osteoarthritis, knee_pain_saline: Sit 2020",
        "knee osteoarthritis, knee_pain_saline: picture",
        # The question that puts backs and knees together counts Sit 2020 too.
        *(
            f"lasting pain, back and knee together, any_pain_saline_year: {what}"
            for what in ("certainty, imprecision", "pool", "Sit 2020", "picture")
        ),
    ]
    assert "  - 10.3 points of 100 lower" in out and "  + 2.3 points of 100 lower" in out
    folder = copied.parent / "plots"
    said(capsys, "evidence", "--diff", str(copied), "--pictures", str(folder))
    numbers = {
        file.name: " ".join(ET.parse(file).getroot().itertext())  # noqa: S314
        for file in folder.iterdir()
    }
    plots = ("any_pain_saline_year", "knee_pain_saline")
    sides = ("after", "before")
    assert sorted(numbers) == [f"{plot}-{side}.svg" for plot in plots for side in sides]
    assert "−10.3" in numbers["knee_pain_saline-before.svg"]
    assert "−10.3" not in numbers["knee_pain_saline-after.svg"]
    assert "−2.3" in numbers["knee_pain_saline-after.svg"]


def test_a_folder_may_bring_its_own_choice_of_trials(
    copied: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rules = (FOLDER / "rules" / "synthesis.toml").read_text(encoding="utf-8")
    start = rules.index("[[synthesis]]")
    (copied / "synthesis.toml").write_text(
        rules[start:].replace("worthwhile = 10\n", "worthwhile = 2\n"), encoding="utf-8"
    )
    assert "low_back_pain: sentence" in said(capsys, "evidence", "--diff", str(copied))


def test_a_paper_that_cannot_be_read_is_named(
    copied: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (copied / "sit_2020.toml").write_text('id = "sit_2020"\nyear = "soon"\n', encoding="utf-8")
    assert main(["evidence", "--diff", str(copied)]) == 1
    assert capsys.readouterr().err.startswith("sit_2020.toml: ")


def test_a_paper_that_went_missing_is_named(
    copied: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (copied / "yelland_2004.toml").unlink()
    assert main(["evidence", "low_back", "--diff", str(copied)]) == 1
    assert "yelland_2004: there is no such paper" in capsys.readouterr().err


def test_pictures_without_a_comparison_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["evidence", "--pictures", str(tmp_path)]) == 1
    assert "it needs --diff" in capsys.readouterr().err


def test_a_folder_that_cannot_hold_the_pictures_is_named(
    copied: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = copied / "sit_2020.toml"
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace("estimate = -10.34", "estimate = -9.34"), encoding="utf-8")
    assert main(["evidence", "--diff", str(copied), "--pictures", str(file)]) == 1
    assert capsys.readouterr().err.startswith(f"cannot write {file}: ")


def test_an_empty_folder_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evidence", "--diff", str(tmp_path)]) == 1
    assert "no paper is here" in capsys.readouterr().err


def test_pool_draws_its_forest_into_a_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file, plot = tmp_path / "made.csv", tmp_path / "made.svg"
    file.write_text(MADE, encoding="utf-8")
    said(capsys, "pool", str(file), "--plot", str(plot))
    root = ET.parse(plot).getroot()  # noqa: S314
    text = " ".join(root.itertext())
    assert all(name in text for name in ("Adams", "Brown", "Clark", "All 3"))
    assert sum(e.get("class") == "diamond" for e in root.iter()) == 1


def test_pool_says_when_the_plot_cannot_be_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "made.csv"
    file.write_text(MADE, encoding="utf-8")
    assert main(["pool", str(file), "--plot", str(tmp_path / "no" / "made.svg")]) == 1
    assert "cannot write" in capsys.readouterr().err


def test_pool_draws_two_studies_without_a_diamond(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file, plot = tmp_path / "two.csv", tmp_path / "two.svg"
    file.write_text("".join(MADE.splitlines(keepends=True)[:3]), encoding="utf-8")
    said(capsys, "pool", str(file), "--plot", str(plot))
    root = ET.parse(plot).getroot()  # noqa: S314
    assert not any(e.get("class") == "diamond" for e in root.iter())
    assert "Fewer than 3 studies: no diamond." in " ".join(root.itertext())

"""`enthesis network FILE.csv`: what it answers, and what it refuses and how."""

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest

from enthesis.cli import main
from enthesis.evidence.effects import Measure
from enthesis.evidence.network import network
from enthesis.evidence.network_csv import NetworkOptions, network_file
from enthesis.evidence.study_file import PoolFileError
from tests.reference.metafor.agreement import network_studies, read_networks

MEANS = "study,treatment,mean,sd,n\n"
EVENTS = "study,treatment,events,n\n"
PAIRS = "study,treatment,comparator,estimate,se\n"
TRIANGLE = PAIRS + "A,prolo,saline,-1,0.4\nB,steroid,saline,-0.5,0.3\nC,prolo,steroid,-0.2,0.5\n"


def as_csv(case: dict[str, Any]) -> str:
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(case["inputs"])
    writer.writerows(zip(*case["inputs"].values(), strict=True))
    return out.getvalue()


def problems(text: str, **options: Any) -> list[str]:
    with pytest.raises(PoolFileError) as caught:
        network_file(text, NetworkOptions(**options))
    return list(caught.value.problems)


@pytest.mark.parametrize("case", read_networks(), ids=lambda case: case["name"])
def test_a_file_gives_the_network_of_its_studies(case: dict[str, Any]) -> None:
    answer = network_file(as_csv(case), NetworkOptions(reference=case["reference"]))
    fitted = network(network_studies(case), case["reference"])
    assert answer.fitted.estimates.tolist() == fitted.estimates.tolist()
    assert answer.fitted.tau2 == fitted.tau2
    assert json.loads(json.dumps(answer.as_json(), allow_nan=False))["treatments"]


def test_pairs_of_two_and_of_three_arms_are_read() -> None:
    three = PAIRS + "A,b,a,-1,0.4\nA,c,a,-0.5,0.4\nA,c,b,0.5,0.4\nB,b,a,-0.8,0.3\n"
    answer = network_file(three, NetworkOptions())
    assert answer.fitted.treatments == ("a", "b", "c")
    assert [len(study.treatments) for study in answer.fitted.studies] == [3, 2]
    assert answer.measure == "estimate"


def test_direct_and_indirect_evidence_stand_side_by_side() -> None:
    answer = network_file(TRIANGLE, NetworkOptions(reference="saline", model="common"))
    split = next(s for s in answer.splits if {s.treatment, s.comparator} == {"prolo", "saline"})
    assert split.direct.estimate == pytest.approx(-1)
    assert split.indirect is not None and split.indirect.estimate == pytest.approx(-0.7)
    assert answer.agreement.between_df == 1


def test_no_ranking_is_made_unless_it_is_said_which_way_is_better() -> None:
    assert network_file(TRIANGLE, NetworkOptions()).ranking is None
    ranking = network_file(TRIANGLE, NetworkOptions(smaller_is_better=True)).ranking
    other = network_file(TRIANGLE, NetworkOptions(smaller_is_better=False)).ranking
    assert ranking is not None and other is not None
    assert ranking.mean_rank.sum() == pytest.approx(6)
    assert ranking.mean_rank == pytest.approx(4 - other.mean_rank)
    assert (ranking.rank_low <= ranking.median_rank).all()
    assert (ranking.median_rank <= ranking.rank_high).all()


@pytest.mark.parametrize(
    ("text", "options", "said"),
    [
        ("study,treatment,mean\nA,x,1\n", {}, "columns do not fit"),
        (EVENTS + "A,x,1,10\nA,y,2,10\n", {"measure": Measure.RR}, "RR cannot be made"),
        (MEANS + "A,x,1,2,10\nA,y,2,2,10\n", {"measure": Measure.ROM}, "choose MD or SMD"),
        (EVENTS + "A,x,11,10\nA,y,2,10\n", {}, "row 2 (A), column events, value '11': more than"),
        (EVENTS + "A,x,,10\nA,y,2,10\n", {}, "column events, value '': missing"),
        (MEANS + "A,x,1,-2,10\nA,y,2,2,10\n", {}, "cannot be negative"),
        (EVENTS + "A,,1,10\nA,y,2,10\n", {}, "column treatment"),
        (EVENTS + "A,x,1,10\n", {}, "rows 2: a study needs two arms"),
        (EVENTS + "A,x,1,10\nA,x,2,10\n", {}, "two rows in one study"),
        (EVENTS + "A,x,0,10\nA,y,0,10\n", {}, "it says nothing"),
        (PAIRS + "A,x,y,1,0.2\nA,y,x,1,0.2\n", {}, "one row for each pair"),
        (PAIRS + "A,x,y,1,0.2\nA,z,y,1,0.2\n", {}, "is missing"),
        (PAIRS + "A,x,y,1,0\n", {}, "greater than 0"),
        (PAIRS + "A,x,y,1,0.2\nB,z,w,1,0.2\n", {"reference": "y"}, "no chain of studies"),
        (PAIRS + "A,x,y,1,0.2\n", {"reference": "q"}, "no study has the reference"),
    ],
)
def test_what_cannot_be_used_is_named(text: str, options: dict[str, Any], said: str) -> None:
    assert said in "\n".join(problems(text, **options))


# --- the command


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "arms.csv"
    path.write_text(TRIANGLE, encoding="utf-8")
    return path


def test_the_command_prints_every_pair_with_its_studies(file: Path, capsys: Any) -> None:
    assert main(["network", str(file), "--reference", "saline", "--better", "lower"]) == 0
    told = capsys.readouterr().out
    assert "steroid against saline" in told and "Do the parts agree?" in told
    assert "Mean rank (95% range)" in told


def test_the_command_says_when_agreement_cannot_be_judged(file: Path, capsys: Any) -> None:
    file.write_text(PAIRS + "A,prolo,saline,-1,0.4\nB,steroid,saline,-0.5,0.3\n", "utf-8")
    assert main(["network", str(file)]) == 0
    told = capsys.readouterr().out
    assert "cannot be judged: no closed loop" in told and "cannot be known" in told


def test_the_command_draws_both_pictures(file: Path, tmp_path: Path) -> None:
    drawn = [tmp_path / "net.svg", tmp_path / "forest.svg"]
    assert main(["network", str(file), "--plot", str(drawn[0]), "--forest", str(drawn[1])]) == 0
    assert all(path.read_text(encoding="utf-8").startswith("<svg") for path in drawn)


def test_the_command_names_what_is_wrong(file: Path, tmp_path: Path, capsys: Any) -> None:
    file.write_text(EVENTS + "A,x,1,10\n", encoding="utf-8")
    assert main(["network", str(file)]) == 1
    assert "arms.csv: rows 2" in capsys.readouterr().err
    assert main(["network", str(tmp_path / "nowhere.csv")]) == 1
    assert "nowhere.csv: No such file" in capsys.readouterr().err
    file.write_bytes(b"study\xff")
    assert main(["network", str(file)]) == 1
    assert "not UTF-8" in capsys.readouterr().err

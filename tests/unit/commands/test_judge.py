"""`enthesis judge`: prints the verdict, or what is wrong with the file."""

import dataclasses
import io
import json
from pathlib import Path
from typing import Any

import pytest

from enthesis import records
from enthesis.cli import main
from enthesis.exchange.course_json import fingerprint, read_course

DOCS = Path(__file__).parents[3] / "docs/reference"
EXAMPLE = DOCS / "example-course.json"
DAY = "2026-08-06"


def test_the_verdict_in_the_docs_is_that_of_the_example(capsys: Any) -> None:
    assert main(["judge", str(EXAMPLE), "--today", DAY]) == 0
    page = (DOCS / "course-json.md").read_text(encoding="utf-8")
    assert f"```text\n{capsys.readouterr().out}```" in page


def test_the_json_has_all_that_other_programs_need(capsys: Any) -> None:
    assert main(["judge", str(EXAMPLE), "--today", DAY, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    course = read_course(EXAMPLE.read_text(encoding="utf-8"))
    assert told["inputs_sha256"] == fingerprint(course)
    assert (told["next_step"], told["ask_first"], told["judged_on"]) == ("go_on", True, DAY)
    assert (told["baseline"], told["latest"], told["relief_percent"]) == (7, 0, 100)
    for reason in told["reasons"]:
        assert reason.keys() == {"rule", "mark", "text", "source", "inputs"}


def test_the_same_file_gives_the_same_bytes(capsys: Any) -> None:
    main(["judge", str(EXAMPLE), "--today", DAY, "--json"])
    first = capsys.readouterr().out
    main(["judge", str(EXAMPLE), "--today", DAY, "--json"])
    assert capsys.readouterr().out == first


def test_it_reads_standard_input_with_a_byte_order_mark(
    capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    raw = io.TextIOWrapper(io.BytesIO(b"\xef\xbb\xbf" + EXAMPLE.read_bytes()))
    monkeypatch.setattr("sys.stdin", raw)
    assert main(["judge", "-", "--today", DAY]) == 0
    assert capsys.readouterr().out.startswith("Go on: ")


@pytest.mark.parametrize(
    ("text", "day", "words"),
    [
        (b"\xff", DAY, "byte 0: this is not UTF-8 text"),
        (b"{", DAY, "line 1, column 2: this is not JSON"),
        (b"{}", DAY, "id: missing; add this field"),
        (None, "2026-02-30", "--today: '2026-02-30' is no date"),
        (None, "2026-07-20", "assessments[3].on: 2026-07-21 is after 2026-07-20; mend the date"),
        (None, "1999-01-01", "has started by 1999-01-01"),
    ],
)
def test_what_cannot_be_judged_is_refused_with_what_to_mend(
    text: bytes | None, day: str, words: str, tmp_path: Path, capsys: Any
) -> None:
    file = tmp_path / "course.json"
    file.write_bytes(EXAMPLE.read_bytes() if text is None else text)
    assert main(["judge", str(file), "--today", day]) == 1
    told = capsys.readouterr()
    assert words in told.err
    assert told.out == ""


def test_a_score_of_another_scale_is_refused_with_its_place(tmp_path: Path, capsys: Any) -> None:
    data = json.loads(EXAMPLE.read_text(encoding="utf-8"))
    data["assessments"][1]["answers"]["pain"] = 60
    file = tmp_path / "course.json"
    file.write_text(json.dumps(data), encoding="utf-8")
    assert main(["judge", str(file), "--today", DAY]) == 1
    assert "assessments[1].answers.pain: 60 is outside the scale from 0 to 10" in (
        capsys.readouterr().err
    )


def test_a_file_that_is_not_there_is_said_so(tmp_path: Path, capsys: Any) -> None:
    assert main(["judge", str(tmp_path / "none.json"), "--today", DAY]) == 1
    assert "none.json cannot be read: No such file" in capsys.readouterr().err


@pytest.mark.parametrize(
    "kind",
    [
        records.Course, records.Evaluation, records.Plan, records.StopRule, records.Mixture,
        records.SiteDose, records.Session, records.Assessment, records.Decision, records.Verdict,
        records.Reason,
    ],
)  # fmt: skip
def test_every_field_of_the_format_is_described(kind: Any) -> None:
    page = (DOCS / "course-json.md").read_text(encoding="utf-8")
    assert not [f.name for f in dataclasses.fields(kind) if f"`{f.name}`" not in page]


def test_the_example_uses_every_kind_of_fact() -> None:
    course = read_course(EXAMPLE.read_text(encoding="utf-8"))
    assert course.evaluation and course.plan and course.sessions
    assert course.assessments and course.decisions

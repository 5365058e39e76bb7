"""`enthesis rejudge COURSES.jsonl`: every verdict, or every line that is wrong."""

import json
from pathlib import Path
from typing import Any

import pytest

from enthesis.cli import main

EXAMPLE = Path(__file__).parents[3] / "docs/reference/example-course.json"
DAY = ["--today", "2026-08-06"]


def lines(count: int) -> list[str]:
    course = json.loads(EXAMPLE.read_text(encoding="utf-8"))
    return [json.dumps({**course, "id": f"course-{i}"}) for i in range(count)]


@pytest.mark.parametrize("workers", ["1", "2"])
def test_every_line_gets_the_verdict_it_gets_alone(
    tmp_path: Path, capsys: Any, workers: str
) -> None:
    file, out = tmp_path / "courses.jsonl", tmp_path / "verdicts.jsonl"
    file.write_text("\n".join(lines(3)), encoding="utf-8")
    assert main(["rejudge", str(file), "--out", str(out), *DAY, "--workers", workers]) == 0
    assert capsys.readouterr().out.startswith("3 courses judged in ")
    told = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]
    assert [one.pop("id") for one in told] == ["course-0", "course-1", "course-2"]
    alone = tmp_path / "one.json"
    for one, line in zip(told, lines(3), strict=True):
        alone.write_text(line, encoding="utf-8")
        main(["judge", str(alone), *DAY, "--json"])
        assert one == json.loads(capsys.readouterr().out)


def test_a_wrong_line_is_named_and_nothing_is_written(tmp_path: Path, capsys: Any) -> None:
    file, out = tmp_path / "courses.jsonl", tmp_path / "verdicts.jsonl"
    out.write_text("of yesterday", encoding="utf-8")
    file.write_text("\n".join([lines(1)[0], "{", "\udcff"]), "utf-8", errors="surrogateescape")
    assert main(["rejudge", str(file), "--out", str(out), *DAY]) == 1
    said = capsys.readouterr().err
    assert "courses.jsonl, line 2" in said and "line 3" in said and "Nothing was written" in said
    assert out.read_text(encoding="utf-8") == "of yesterday"
    assert [p.name for p in tmp_path.iterdir() if p.name.endswith("unfinished")] == []


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["courses.jsonl"], "--out"),
        (["--out", "x"], "go with a file"),
        (["missing.jsonl", "--out", "x"], "missing.jsonl: No such file"),
        (["missing.jsonl", "--out", "x", "--today", "soon"], "'soon' is no date"),
    ],
)
def test_what_was_asked_for_wrongly_is_said(capsys: Any, given: list[str], said: str) -> None:
    assert main(["rejudge", *given]) == 1
    assert said in capsys.readouterr().err

"""The report: counted by hand, never overselling, the same again, whole on paper."""

import csv
import io
import json
import re
import shutil
import subprocess
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from enthesis.cli import main
from enthesis.knowledge.load import knowledge
from enthesis.outcomes.errors import FitError
from enthesis.outcomes.page import as_csv, body_html, page_html
from enthesis.outcomes.paper import pdf_of, report_pdf
from enthesis.outcomes.report import NEEDED, Origin, Report, report_of
from enthesis.outcomes.schema import TABLES
from tests.unit.outcomes.registry_rows import many, tables

DAY = date(2026, 11, 23)
ORIGIN = Origin("ab" * 32, 7, {"enthesis": "0.1.0"})
ANYWAY = knowledge(DAY).benchmarks["back_saline_or_time"]
OVERSELLING = re.compile(
    r"\beffect|\bworks\b|success rate|responder rate|thanks to|significant", re.IGNORECASE
)


@pytest.fixture(scope="module")
def report() -> Report:
    return report_of(tables(), "Outcomes", DAY, ORIGIN, ANYWAY)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, table in tables().items():
        table.to_parquet(tmp_path / f"{name}.parquet")
    return tmp_path


def test_every_finding_is_what_counting_the_ten_courses_by_hand_gives(report: Report) -> None:
    assert [section.finding for section in report.sections] == [
        "Of 10 courses opened, 8 began and 6 gave an answer after that",
        "3 of 6 who answered had reached 50 % relief at their last answer",
        "Mean pain was 5.9 at the start and 3 about 12 weeks later",
        "3 of 8 reached their target; 2 stopped before that",
        "2 warning signs were answered after 9 sessions",
        "1 of 3 decisions were not what the rules suggested",
    ]


def test_every_column_that_a_report_reads_is_in_the_registrys_schema() -> None:
    for name, columns in NEEDED.items():
        assert set(columns) <= set(TABLES[name].names), name


def test_of_many_courses_both_ways_of_counting_agree_and_the_flow_adds_up() -> None:
    many_tables = many(400, seed=5)
    told = {s.id: s for s in report_of(many_tables, "x", DAY, ORIGIN).sections}
    courses = many_tables["courses"]
    begun = [row for row in courses.to_dict("records") if row["began"]]
    half = sum(row["last_relief"] >= 5000 for row in begun)
    assert told["relief"].finding.startswith(f"{half} of ")
    assert f"Of all {len(begun)} who began" in told["relief"].notes[0]
    flow = dict(told["flow"].table.rows) if told["flow"].table else {}
    assert int(flow["Courses opened"]) == 400 and int(flow["Began treatment"]) == len(begun)


def test_the_benchmark_stands_beside_the_relief_and_the_pain(report: Report) -> None:
    by_id = {section.id: section for section in report.sections}
    for name in ("relief", "pain"):
        figure = by_id[name].figure
        assert figure and "Salt water" in figure.wide and "benchmark" in figure.wide
        assert any("Ashar" in note for note in by_id[name].notes)


def test_lost_counted_as_not_reached_and_its_interval_stand_beside_the_finding(
    report: Report,
) -> None:
    note = next(section for section in report.sections if section.id == "relief").notes[0]
    # Clopper–Pearson of 3 in 8 is 0.085 to 0.755 (R: binom.test(3, 8)).
    assert "Of all 8 who began" in note and "38 of 100, 95 % interval 9 to 76" in note


def test_each_section_has_day_and_denominator_and_no_word_oversells(report: Report) -> None:
    flow, *others = (section.source for section in report.sections)
    assert flow == "10 courses opened, as of 23 Nov 2026."
    assert set(others) == {"8 courses that began, as of 23 Nov 2026."}
    html = body_html(report)
    assert not OVERSELLING.search(re.sub(r"<[^>]+>", " ", html))
    assert "What this cannot tell you" in html


def test_the_same_tables_give_the_same_page_with_hash_seed_and_versions(report: Report) -> None:
    again = report_of(tables(), "Outcomes", DAY, ORIGIN, ANYWAY)
    assert page_html(again, "") == page_html(report, "")
    assert "cut abababababab · seed 7 · enthesis 0.1.0" in page_html(report, "")


def test_a_title_with_markup_is_shown_as_text() -> None:
    html = page_html(report_of(tables(), "<script>x</script>", DAY, ORIGIN), "")
    assert "<script>" not in html and "&lt;script&gt;" in html


def test_each_csv_has_its_origin_and_the_rows_of_the_table(report: Report) -> None:
    for section in report.sections:
        first, head, *rows = csv.reader(io.StringIO(as_csv(report, section)))
        assert first[0].startswith("# ") and "seed 7" in first[0]
        assert section.table and tuple(head) == section.table.head
        assert tuple(tuple(row) for row in rows) == section.table.rows


def test_without_anybody_who_began_or_a_column_it_says_so() -> None:
    nobody = tables()
    nobody["courses"]["began"] = False
    with pytest.raises(FitError, match="Nobody has begun"):
        report_of(nobody, "x", DAY, ORIGIN)
    spoilt = {**tables(), "visits": tables()["visits"].drop(columns="pain")}
    del spoilt["events"]
    with pytest.raises(FitError, match=r"visits has no column pain\.\nThere is no table events"):
        report_of(spoilt, "x", DAY, ORIGIN)


@pytest.mark.skipif(not shutil.which("pdftotext"), reason="poppler-utils is not installed")
def test_the_pdf_is_tagged_has_only_our_font_and_loses_no_word(
    report: Report, tmp_path: Path
) -> None:
    path = tmp_path / "r.pdf"
    path.write_bytes(report_pdf(report))

    def told(*command: str) -> str:
        return subprocess.run([*command], capture_output=True, text=True, check=True).stdout

    words = " ".join(told("pdftotext", str(path), "-").split())
    for section in report.sections:
        assert section.finding in words
    assert "lower is better" in words and "Those who answered" in words, "words inside the figures"
    fonts = told("pdffonts", str(path)).splitlines()[2:]
    assert fonts and all("+Paper" in line for line in fonts)
    assert b"pdfuaid" in path.read_bytes() or "Tagged:          yes" in told("pdfinfo", str(path))


def test_a_letter_that_the_font_lacks_stops_the_printing_by_name() -> None:
    with pytest.raises(FitError, match=r"no 東 \(U\+6771\)"):
        pdf_of("<p>Dr 東</p>")
    named = replace(ANYWAY, title="東 water")
    with pytest.raises(FitError, match="no 東"):
        report_pdf(report_of(tables(), "Outcomes", DAY, ORIGIN, named))


def test_the_printer_fetches_nothing() -> None:
    for address in ("http://127.0.0.1:9/x.png", "file:///etc/hostname", "font:../paper.css"):
        with pytest.raises(FitError, match="fetches nothing"):
            pdf_of(f'<img alt="x" src="{address}">')


def test_the_command_writes_page_tables_and_json_with_the_hash_of_the_cut(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    given = ["outcomes", str(folder), "--report", str(out), "--json", "--day", "2026-11-23"]
    assert main(given) == 0
    told = json.loads(capsys.readouterr().out)
    assert told == json.loads((out / "report.json").read_text())
    assert {path.name for path in out.iterdir()} == {
        "index.html",
        "report.json",
        *(f"{name}.csv" for name in ("flow", "relief", "pain", "target", "harms", "overrides")),
    }
    page = (out / "index.html").read_text()
    assert told["cut"][:12] in page and "<script" not in page and "http-equiv" not in page
    tables()["events"].head(1).to_parquet(folder / "events.parquet")
    assert main(given) == 0
    assert json.loads(capsys.readouterr().out)["cut"] != told["cut"]


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (lambda d: (d / "visits.parquet").unlink(), "no table visits"),
        (lambda d: (d / "visits.parquet").write_text("x"), "visits.parquet is not a table"),
    ],
)
def test_the_command_says_what_is_wrong_with_a_folder(
    folder: Path, spoil: object, why: str, capsys: pytest.CaptureFixture[str]
) -> None:
    spoil(folder)  # type: ignore[operator]
    assert main(["outcomes", str(folder)]) == 1
    assert why in capsys.readouterr().err


def test_the_command_names_the_conditions_there_are(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["outcomes", str(folder), "--condition", "knee_oa"]) == 1
    assert "no course is about 'knee_oa'; there are low_back" in capsys.readouterr().err


def test_the_command_invents_a_registry_with_its_known_answer_and_reports_it_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = ["outcomes", str(tmp_path / "trial"), "--invented", "60", "--seed", "3"]
    assert main(given) == 0
    assert "Of 60 courses opened" in capsys.readouterr().out
    assert (tmp_path / "trial/known_answer.toml").is_file()
    assert main(given) == 1, "a folder with tables in it is not written over"
    assert "trial" in capsys.readouterr().err

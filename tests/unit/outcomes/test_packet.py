"""Packets add up to the pooled registry; files that are none are refused with a sentence."""

import json
import warnings
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from enthesis.commands.combine import combined, read_packet
from enthesis.commands.combine import run as combine_command
from enthesis.invented.registry_files import write_registry
from enthesis.knowledge.kinds import Knowledge
from enthesis.outcomes import cohort, combine, engine, packet, registry
from enthesis.outcomes.cox import fit_cox
from enthesis.outcomes.end_counts import EndCounts, count_ends
from enthesis.outcomes.packet import Packet, PacketError
from enthesis.outcomes.packet_tables import Asked, draft
from enthesis.outcomes.packet_words import harm_name, together
from enthesis.outcomes.rank_test import log_rank
from enthesis.outcomes.repeated import fit
from enthesis.outcomes.slopes import fit_slopes
from enthesis.outcomes.sums import Sums
from enthesis.outcomes.sums_from_engine import sums_from_engine
from enthesis.outcomes.survival import cumulative_incidence, kaplan_meier

pytestmark = pytest.mark.filterwarnings("ignore:fetch_(arrow|record)_:DeprecationWarning")
DAY = date(2026, 11, 27)
CONDITION = "low_back"
CLINICS = (5, 9, 10, 14, 22)
CLOSE = 1e-8


def asked(clinic: int, threshold: int = 1, **others: Any) -> Asked:
    given: dict[str, Any] = {"covariates": ("age", "woman")} | others
    return Asked(
        f"Clinic {clinic}", clinic, DAY, "cut", "rules", threshold, 3, tuple(range(7)),
        looked_for=(("warning", "D-fever"),), **given,
    )  # fmt: skip


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> engine.Registry:
    folder = tmp_path_factory.mktemp("pooled")
    write_registry(folder, 1500, 5)
    registry.seal(folder, "k")
    return engine.open_registry(str(folder))


@pytest.fixture(scope="module")
def every(opened: engine.Registry) -> Sequence[Packet]:
    return [draft(opened, asked(one), [], hold_back=False).packet for one in CLINICS]


def pooled(opened: engine.Registry, some: Sequence[Packet]) -> engine.Registry:
    """The registry of those clinics' courses of the condition, as one."""
    courses = opened["courses"]
    mine = courses.filter(
        courses.clinic.isin([one.clinic_number for one in some]) & (courses.condition == CONDITION)
    )
    kept = mine.select("course")
    tables = {"courses": mine}
    return engine.Registry(
        lambda name: tables.get(name, opened[name].semi_join(kept, "course")), opened.connection
    )


def sums_of_all(one: engine.Registry) -> Sums:
    courses = one["courses"].filter(one["courses"].began)
    courses = courses.mutate(woman=(courses.sex == "female").cast("int64"))
    courses = courses.filter(courses.sex.notnull() & courses.age.notnull())
    visits = one["visits"].semi_join(courses, "course")
    return sums_from_engine(visits, courses, ["age", "woman"], visits=range(7), ask=one.rows)


def ends_of_all(one: engine.Registry) -> EndCounts:
    kinds = {"reached": 1, **dict.fromkeys(cohort.OVER, 2)}
    rows = [row for row in cohort.to_target(one, ["clinic"]).to_pylist()
            for _ in range(row["courses"])]  # fmt: skip
    return count_ends(
        [row["time"] for row in rows], [kinds.get(row["end"], 0) for row in rows],
        ("reached", "over"), [f"Clinic {row['clinic']}" for row in rows],
    )  # fmt: skip


@pytest.mark.parametrize("clinics", [2, 5])
def test_the_models_say_of_packets_what_they_say_of_the_pooled_registry(
    opened: engine.Registry, every: Sequence[Packet], clinics: int
) -> None:
    some = every[:clinics]
    whole = pooled(opened, some)
    sums, own = combine.pooled_sums(some, CONDITION), sums_of_all(whole)
    assert sums is not None and sums.same_as(own)
    told, fitted = combine.change_over_time(sums), fit(combine.fittable(own))
    assert np.allclose(told.fitted.coefficients, fitted.coefficients, rtol=0, atol=CLOSE)
    assert np.allclose(told.fitted.covariance, fitted.covariance, rtol=0, atol=CLOSE)
    counts, ends = combine.end_counts(some, CONDITION), ends_of_all(whole)
    assert counts is not None
    curves = [kaplan_meier(combine.all_together(one)) for one in (counts, ends)]
    assert np.allclose(curves[0].share, curves[1].share, rtol=0, atol=CLOSE, equal_nan=True)
    shares = [cumulative_incidence(combine.all_together(one)) for one in (counts, ends)]
    assert np.allclose(shares[0].high, shares[1].high, rtol=0, atol=CLOSE, equal_nan=True)
    assert combine.ranks(counts).chi2 == pytest.approx(
        log_rank(ends.cells_at([ends.cells.index(c) for c in counts.cells]).only("reached")).chi2,
        abs=CLOSE,
    )
    ordered = ends.cells_at([ends.cells.index(c) for c in counts.cells])
    cox = fit_cox(ordered.only("reached"), np.eye(clinics)[:, 1:], counts.cells[1:])  # type: ignore[arg-type]
    assert np.allclose(combine.rate_ratios(counts).coefficients, cox.coefficients, atol=CLOSE)


@pytest.mark.parametrize("clinics", [2, 5])
def test_counts_harms_and_money_add_up_to_those_of_the_pooled_registry(
    opened: engine.Registry, every: Sequence[Packet], clinics: int
) -> None:
    some = every[:clinics]
    whole = pooled(opened, some)
    (last,) = cohort.at_last(whole).to_pylist()
    rows = {"last": last | {"due": last["began"]}}
    rows |= {
        f"window {r['number']}": r for r in cohort.at_windows(whole).to_pylist() if r["number"]
    }
    for table, row in rows.items():
        for level in cohort.LEVELS:
            found = combine.share(some, CONDITION, table, level)
            assert (found.due, found.answered, found.reached) == (
                row["due"], row["answered"], row[f"reached_{level}"],
            ), table  # fmt: skip
            assert not found.missing
    (told,) = (one for one in combined(some)["conditions"] if one["condition"] == CONDITION)
    events: dict[str, int] = {}
    for row in cohort.harms(whole).to_pylist():
        events[row["kind"]] = events.get(row["kind"], 0) + row["events"]
    (given,) = cohort.sessions(whole).to_pylist()
    assert {h["kind"]: h["events"] for h in told["harms"] if h["events"]} == events
    fever = next(h for h in told["harms"] if h["kind"] == "D-fever")
    assert fever["sessions"] == given["sessions"] and not fever["not_told_by"]
    (cost,) = cohort.cost(whole).to_pylist()
    assert [(c["charged_cents"], c["paid_cents"]) for c in told["cost"]] == [
        (cost["charged_cents"], cost["paid_cents"])
    ]


def test_lines_of_courses_over_scheduled_times_come_from_the_sums_alone(
    opened: engine.Registry, every: Sequence[Packet]
) -> None:
    weeks = np.array([0, 4, 8, 13, 26, 52, 104])
    sums = combine.pooled_sums(every, CONDITION)
    assert sums is not None
    whole = pooled(opened, every)
    visits, courses = whole["visits"], whole["courses"].filter(whole["courses"].began)
    seen = visits.filter(visits.window.notnull() & visits.pain.notnull()).join(courses, "course")
    rows = whole.rows(seen.select("course", "window", "pain", "age", "sex").drop_null())
    time = weeks[rows["window"].to_numpy()]
    woman = np.array(rows["sex"].to_pylist()) == "female"
    x = np.column_stack([np.ones(len(time)), rows["age"].to_numpy(), woman])
    design = np.column_stack([x, x * time[:, None]])
    own = fit_slopes(
        rows["course"].to_numpy(), time, rows["pain"].to_numpy(), design, list("abcdef")
    )
    told = combine.slopes_of(sums, weeks)
    assert np.allclose(told.coefficients, own.coefficients, rtol=0, atol=CLOSE)
    assert np.allclose(told.se, own.se, rtol=0, atol=CLOSE)
    assert np.allclose(told.covariance, own.covariance, rtol=0, atol=CLOSE)


def test_clinics_are_compared_and_what_happens_anyway_stands_beside_them(
    every: Sequence[Packet],
) -> None:
    told = next(c for c in combined(every)["conditions"] if c["condition"] == CONDITION)
    assert [unit["clinic"] for unit in told["clinics"]["units"]] == sorted(
        f"Clinic {n}" for n in CLINICS
    )
    assert told["anyway"]["title"].startswith("Salt water")
    visit = told["pain"]["visits"][1]
    # The smallest has too few scores to be fitted alone; in the sums of all it counts.
    assert 2 <= len(visit["clinics"]["each"]) <= len(CLINICS) and visit["clinics"]["i2"] >= 0


# --- files


def written(folder: Path, one: Packet, name: str = "one.json") -> Path:
    path = folder / name
    path.write_text(packet.as_text(one), encoding="utf-8")
    return path


def test_a_packet_comes_back_from_its_file_as_it_was(
    tmp_path: Path, every: Sequence[Packet]
) -> None:
    assert read_packet(written(tmp_path, every[0])) == every[0]


def refusal(capsys: pytest.CaptureFixture[str], *paths: Path) -> str:
    from enthesis.cli import parser_for

    args = parser_for(["combine"]).parse_args(["combine", *map(str, paths)])
    assert combine_command(args) == 1
    said = capsys.readouterr()
    assert not said.out and "Traceback" not in said.err
    return said.err


def test_the_same_packet_twice_and_two_of_one_clinic_are_refused(
    tmp_path: Path, every: Sequence[Packet], capsys: pytest.CaptureFixture[str]
) -> None:
    first = written(tmp_path, every[0])
    assert "is there twice" in refusal(capsys, first, first)
    later = written(tmp_path, packet.sealed(replace(every[0], cut="another")), "later.json")
    assert "Two packets are of one clinic" in refusal(capsys, first, later)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"rules": "others"}, "The rules of"),
        ({"measure": "peg"}, "The measure of"),
        ({"covariates": ("woman", "age")}, "The covariates of"),
    ],
)
def test_packets_that_do_not_count_alike_are_refused(
    tmp_path: Path,
    every: Sequence[Packet],
    capsys: pytest.CaptureFixture[str],
    change: dict[str, Any],
    says: str,
) -> None:
    other = written(tmp_path, packet.sealed(replace(every[1], **change)), "other.json")
    assert says in refusal(capsys, written(tmp_path, every[0]), other)


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('"began": ', '"began": 1', "changed after it was made"),
        ('"schema": 1', '"schema": 2', "packet schema 2"),
        ('"registry_schema": 4', '"registry_schema": 3', "registry schema 3"),
        ('"threshold": 1', '"threshold": NaN', "NaN is no number"),
        ('"threshold": 1', '"threshold": 1e400', "expected a whole number"),
        ('"threshold": 1', '"threshold": 1, "threshold": 1', "there twice"),
        ('"measure": "pain"', '"measure": "\\ud800"', "surrogate"),
        ('"visits": [0', '"visits": ' + "[" * 200 + "0", "nested too deeply"),
        ('"packet": "enthesis packet"', '"packet": "x"', "this is no packet"),
        ("{", "", "not JSON"),
        ('"clinic_number": 5', '"clinic_number": "5"', "clinic_number"),
    ],
)
def test_a_file_that_was_altered_or_is_none_is_refused_with_a_sentence(
    tmp_path: Path,
    every: Sequence[Packet],
    capsys: pytest.CaptureFixture[str],
    old: str,
    new: str,
    says: str,
) -> None:
    text = packet.as_text(every[0])
    assert old in text
    path = tmp_path / "hostile.json"
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    assert says in refusal(capsys, path)


def test_a_folder_and_an_absent_file_are_refused_with_a_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "cannot read" in refusal(capsys, tmp_path)
    assert "cannot read" in refusal(capsys, tmp_path / "absent.json")


@pytest.mark.parametrize("field", ["negative", "asymmetric", "no scores", "too large", "twice"])
def test_numbers_that_nobody_can_have_counted_are_refused_though_the_hash_is_right(
    every: Sequence[Packet], field: str
) -> None:
    data = json.loads(packet.as_text(every[0]))
    about = data["conditions"][0]
    pattern = max(about["patterns"], key=lambda one: len(one["visits"]))
    if field == "negative":
        about["began"] = -1
    elif field == "asymmetric":
        pattern["yy"][0][1] += 1
    elif field == "no scores":
        pattern["yy"][0][0] = 0
    elif field == "too large":
        pattern["zy"][0][0] = 2**60
    else:
        about["patterns"].append(pattern)
    forged = packet.sealed(packet.read(Packet, data))
    with pytest.raises(PacketError, match="its numbers cannot be"):
        packet.from_plain(json.loads(packet.as_text(forged)))


def test_what_combine_prints_claims_no_effect(
    tmp_path: Path, every: Sequence[Packet], capsys: pytest.CaptureFixture[str]
) -> None:
    from enthesis.cli import parser_for

    paths = [str(written(tmp_path, one, f"{at}.json")) for at, one in enumerate(every[:2])]
    with warnings.catch_warnings():
        assert combine_command(parser_for(["combine"]).parse_args(["combine", *paths])) == 0
    said = capsys.readouterr().out.lower()
    assert "effect" not in said and "works" not in said
    assert "nobody here was compared" in said and "salt water" in said


@pytest.mark.parametrize(
    ("labels", "words"),
    [
        (["below 0", "0 to below 10", "10 to below 20"], "below 20"),
        (["10 to below 20", "20 to below 30"], "10 to below 30"),
        (["80 to below 90", "90 to below 100", "100 or more"], "80 or more"),
        (["no answer", "below 30", "50 to below 90"], "no answer or below 30 or 50 to below 90"),
        (
            ["relief not measurable", "below 30", "30 or more"],
            "relief not measurable or any relief",
        ),
        (["refer", "lost"], "refer or lost"),
    ],
)
def test_ranges_that_follow_one_another_are_told_as_one(labels: list[str], words: str) -> None:
    assert together(labels) == words


def test_harms_are_told_in_words_and_an_unknown_one_by_its_id(known: Knowledge) -> None:
    assert harm_name("adverse", "allergic_reaction", known) == "Allergic reaction (adverse)"
    assert "D-hot" not in harm_name("warning", "D-hot", known)
    assert harm_name("adverse", "theirs", known) == "theirs (adverse)"

"""The reader of knowledge files: what counts on a day, and what it says of a broken file."""

import shutil
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from enthesis.knowledge.load import (
    FOLDER,
    KnowledgeError,
    knowledge,
    known_on,
    read_library,
    sections,
)

TODAY = date(2026, 11, 23)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the shipped knowledge, to be broken."""
    for part in ("rules", "tables", "questionnaires"):
        shutil.copytree(FOLDER / part, tmp_path / part)
    return tmp_path


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def test_the_same_day_is_answered_from_memory() -> None:
    assert knowledge(TODAY) is knowledge(TODAY)


def test_every_field_of_knowledge_is_filled() -> None:
    known = knowledge(TODAY)
    for field in (*sections(), "abouts", "questionnaires", "sites", "site_positions"):
        assert getattr(known, field), field


def test_numbers_are_exact() -> None:
    (mixture,) = knowledge(TODAY).protocols["low_back_ligaments"].mixtures
    assert mixture.anaesthetic_percent == Decimal("0.2")


def test_of_several_versions_the_one_started_last_counts(folder: Path) -> None:
    doses = folder / "rules" / "doses.toml"
    later = """
[[anaesthetic_limit]]
substance = "lidocaine"
name = "Lidocaine, plain"
starts_on = 2027-01-01
with_adrenaline = false
mg_per_kg = 3
cap_mg = 200
source = "Made up for this test"
"""
    doses.write_text(doses.read_text(encoding="utf-8") + later, encoding="utf-8")
    library = read_library(folder)
    caps = {
        on: [limit.cap_mg for limit in known_on(library, on).anaesthetic_limits]
        for on in (TODAY, date(2026, 12, 31), date(2027, 1, 1))
    }
    assert caps == {TODAY: [300, 500], date(2026, 12, 31): [300, 500], date(2027, 1, 1): [200, 500]}


def test_what_has_not_started_is_left_out_everywhere(folder: Path) -> None:
    edit(
        folder / "rules" / "protocols.toml",
        'id = "knee_rabago"\nversion = "2026-11"\nstarts_on = 2020-01-01',
        'id = "knee_rabago"\nversion = "2027-01"\nstarts_on = 2027-01-01',
    )
    library = read_library(folder)
    assert known_on(library, TODAY).conditions["knee_oa"].protocols == (
        "knee_dumais",
        "knee_reeves",
    )
    then = known_on(library, date(2027, 1, 1))
    assert then.conditions["knee_oa"].protocols == ("knee_dumais", "knee_rabago", "knee_reeves")


def test_a_day_before_anything_was_known_is_an_error() -> None:
    with pytest.raises(KnowledgeError, match=r"no \[.*\] has started by 1990-01-01"):
        knowledge(date(1990, 1, 1))


BROKEN = {
    "a field that nobody knows": (
        "rules/doses.toml",
        "cap_mg = 300",
        "cap_mgs = 300",
        r"rules/doses.toml: anaesthetic_limit\[0\].cap_mgs: unknown field; known are substance",
    ),
    "a number that is none": (
        "rules/doses.toml",
        "cap_mg = 300",
        'cap_mg = "lots"',
        r"doses.toml: anaesthetic_limit\[0\].cap_mg: expected a number, not 'lots'",
    ),
    "a nested field that is missing": (
        "rules/protocols.toml",
        'diluent = "water", ',
        "",
        r"protocols.toml: protocol\[0\].mixtures\[0\].diluent: missing; add this field",
    ),
    "no TOML": (
        "rules/mixing.toml",
        "[mixing]",
        "[mixing",
        r"rules/mixing.toml: is not TOML: .*line",
    ),
    "no head": ("rules/tariff.toml", "[about]", "[abut]", r"tariff.toml: about: missing; say"),
    "an unknown table": (
        "rules/tariff.toml",
        "[[tariff_item]]",
        "[[tarif_item]]",
        r"tariff.toml: tarif_item: unknown table; known are .*tariff_item",
    ),
    "the same id and start twice": (
        "rules/mixing.toml",
        'id = "procaine"',
        'id = "mepivacaine"',
        r"substance\[6\] has the id and the start date of .*substance\[5\]",
    ),
    "a site that is nowhere": (
        "rules/protocols.toml",
        'site = "iliolumbar"',
        'site = "iliolumbars"',
        r"protocols.toml: protocol\[0\]: site 'iliolumbars' is not in tables/sites.csv",
    ),
    "a nerve to inject": (
        "rules/protocols.toml",
        'site = "iliolumbar"',
        'site = "sciatic_nerve"',
        r"site 'sciatic_nerve' must never be injected",
    ),
    "a mixture that the protocol has not": (
        "rules/protocols.toml",
        'site = "iliolumbar", mixture = "insertions"',
        'site = "iliolumbar", mixture = "joint"',
        r"mixture 'joint' is not one of \['insertions'\]",
    ),
    "a diluent that is none": (
        "rules/protocols.toml",
        'diluent = "water"',
        'diluent = "lidocaine"',
        r"'lidocaine' is no known diluent",
    ),
    "a measure that is nowhere": (
        "rules/protocols.toml",
        'measure = "pain"',
        'measure = "luck"',
        r"protocol\[0\]: measure 'luck' is in no file",
    ),
    "a measure that may not decide": (
        "rules/protocols.toml",
        'measure = "pain"',
        'measure = "spasm_days"',
        r"measure 'spasm_days' is not validated: it cannot decide",
    ),
    "a source for no field": (
        "rules/protocols.toml",
        "[protocol.sources]\nmixtures",
        "[protocol.sources]\nmixture",
        r"sources.mixture names no field of a protocol",
    ),
    "a condition that is nowhere": (
        "rules/protocols.toml",
        'condition = "low_back"',
        'condition = "low_bak"',
        r"'low_back_ligaments' is for 'low_bak'",
    ),
    "a protocol that is nowhere": (
        "rules/conditions.toml",
        '"sacroiliac_ligaments"',
        '"sacroiliac"',
        r"conditions.toml: condition\[0\]: protocol 'sacroiliac' is in no file",
    ),
    "a forecast of a measure that rises when better": (
        "rules/forecast.toml",
        'measure = "pain"',
        'measure = "activity"',
        r"forecast_start\[0\]: measure 'activity' is none that falls to 0",
    ),
    "a forecast for a window that is nowhere": (
        "rules/forecast.toml",
        'window = "month_6"',
        'window = "month_7"',
        r"forecast_start\[0\]: a visit needs a number of sessions or a known window",
    ),
    "a check of no starting model": (
        "rules/forecast_checks.toml",
        'id = "low_back_trials"',
        'id = "back"',
        r"forecast_check\[0\]: forecast_start 'back' is in no file",
    ),
    "a benchmark that is nowhere": (
        "rules/conditions.toml",
        'benchmark = "knee_saline"',
        'benchmark = "knee"',
        r"condition\[1\]: benchmark 'knee' is in no file",
    ),
    "a code that is nowhere": (
        "rules/conditions.toml",
        '"M54.50"',
        '"M54.99"',
        r"code ICD-10-CM M54.99 is not in tables/codes.csv",
    ),
    "a billing code that is nowhere": (
        "rules/tariff.toml",
        'code = "M0076"',
        'code = "M0067"',
        r"tariff_item\[0\]: code 'M0067' is not in tables/codes.csv",
    ),
    "a limit for an unknown substance": (
        "rules/doses.toml",
        'substance = "lidocaine"',
        'substance = "lidocain"',
        r"anaesthetic_limit\[0\]: substance 'lidocain' is in no file",
    ),
    "a rule on a question that is not asked": (
        "rules/candidacy.toml",
        'question = "bladder"',
        'question = "blader"',
        r"candidacy_rule\[1\]: bladder: question 'blader' is not in the evaluation",
    ),
    "a rule on an answer that is not offered": (
        "rules/candidacy.toml",
        'question = "trauma", is_in = ["major"]',
        'question = "trauma", is_in = ["huge"]',
        r"major_trauma 'huge' is no answer of 'trauma'",
    ),
    "a rule with two tests in one": (
        "rules/candidacy.toml",
        'question = "pain_months", below = 3',
        'question = "pain_months", below = 3, at_least = 1',
        r"a test on 'pain_months' needs one of is_in, at_least, below",
    ),
    "a rule for regions where its question is not asked": (
        "rules/candidacy.toml",
        'question = "bladder", is_in = ["yes"] }]\ntext = "New bladder trouble: '
        'possible cauda equina syndrome."\naction = "Refer as an emergency, today. '
        'No injection."\nleads_to = "refer_first"\nregions = ["low_back"]\n',
        'question = "bladder", is_in = ["yes"] }]\ntext = "New bladder trouble."\n'
        'action = "Refer."\nleads_to = "refer_first"\n',
        r"bladder: needs the regions of 'bladder'",
    ),
    "a danger that is not asked": (
        "rules/danger.toml",
        'question = "danger"',
        'question = "dangers"',
        r"danger.toml: danger_rule\[0\]: question 'dangers' is in no questionnaire",
    ),
    "a question that follows a later one": (
        "questionnaires/evaluation.toml",
        'only_if = { blood_thinner = ["yes"] }',
        'only_if = { nsaid = ["yes"] }',
        r"evaluation.toml: question 'blood_thinner_agreed': only_if 'nsaid' is no earlier question",
    ),
    "a question that follows an answer that is not offered": (
        "questionnaires/evaluation.toml",
        'only_if = { allergies = ["local_anaesthetic"',
        'only_if = { allergies = ["local-anaesthetic"',
        r"'allergy_substances': only_if 'local-anaesthetic' is no answer of 'allergies'",
    ),
    "a question asked twice": (
        "questionnaires/evaluation.toml",
        'id = "tried"',
        'id = "pain_months"',
        r"question 'pain_months' is there twice",
    ),
    "a site with a cell too many": (
        "tables/sites.csv",
        "iliolumbar,",
        "iliolumbar,,",
        r"tables/sites.csv: line 2: as many cells as the header",
    ),
    "a site that is neither paired nor not": (
        "tables/sites.csv",
        "target,yes",
        "target,perhaps",
        r"sites.csv: line 2.paired: expected true or false, not 'perhaps'",
    ),
    "a position that is no number": (
        "tables/site_positions.csv",
        "left,",
        "left,x",
        r"tables/site_positions.csv: line 2\[0\]: expected a number",
    ),
}


@pytest.mark.parametrize(("file", "old", "new", "says"), BROKEN.values(), ids=BROKEN)
def test_a_broken_file_is_named_with_the_place_and_what_to_mend(
    file: str, old: str, new: str, says: str, folder: Path
) -> None:
    edit(folder / file, old, new)
    with pytest.raises(KnowledgeError, match=says):
        read_library(folder)

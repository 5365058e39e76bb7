"""The aftercare sheet: which line is said of which session, and that none is hard to read."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from enthesis.journey.aftercare import SITUATIONS, Sheet, sheet
from enthesis.knowledge.translate import aftercare_problems, in_language
from enthesis.records import Session, Side, SiteDose
from enthesis.units import Ml, Percent
from tests.unit.journey.courses import FIRST, KNOWN, plan_of
from tests.unit.journey.test_visit import HARDEST, grade

PLAIN = replace(plan_of("low_back").mixtures[0], key="m", anaesthetic=None)
NUMBING = replace(PLAIN, anaesthetic="lidocaine", anaesthetic_percent=Percent(Decimal("0.2")))
REGIONS = sorted({site.region for site in KNOWN.sites.values()})
LUNG, HEADACHE = "the needle was near a lung", "worse when you sit or stand up"
BLADDER, GENERAL = "trouble passing urine", "Short of breath, or pain in the chest."


def given(*regions: str, mixtures: Any = (PLAIN,), used: str = "m") -> Session:
    """A session with one target of each region."""
    sites = [
        next(s.id for s in KNOWN.sites.values() if s.region == region and s.role == "target")
        for region in regions
    ]
    doses = tuple(SiteDose(site, Side.LEFT, used, Ml(Decimal(1))) for site in sites)
    return Session(1, FIRST, mixtures, doses)


def words(of: Sheet) -> str:
    return " | ".join((*of.expect, *of.do, *of.avoid, *of.call, *of.emergency))


@pytest.mark.parametrize(("regions", "said", "unsaid"), [
    (["neck"], [LUNG, HEADACHE, BLADDER], [GENERAL]),
    (["shoulder"], [LUNG], [GENERAL, HEADACHE, BLADDER]),
    (["low_back"], [GENERAL, HEADACHE, BLADDER], [LUNG]),
    (["knee"], [GENERAL, "hot, swollen joint", "Wheezing"], [LUNG, HEADACHE, BLADDER]),
    (["knee", "neck"], [LUNG, HEADACHE, BLADDER, "hot, swollen joint"], [GENERAL]),
    (["jaw"], [GENERAL], [LUNG, HEADACHE, BLADDER]),
    ([], [LUNG, HEADACHE, BLADDER], []),
])  # fmt: skip
def test_the_signs_to_call_about_are_those_of_the_places_injected(
    regions: list[str], said: list[str], unsaid: list[str]
) -> None:
    told = words(sheet(given(*regions), KNOWN))
    assert all(line in told for line in said)
    assert not any(line in told for line in unsaid)


@pytest.mark.parametrize("kind", ["pleura", "dura"])
def test_every_region_with_a_lung_or_a_cord_in_the_list_of_sites_warns_of_it(kind: str) -> None:
    regions = {site.region for site in KNOWN.sites.values() if site.kind == kind}
    assert regions
    for region in regions:
        assert (LUNG if kind == "pleura" else HEADACHE) in words(sheet(given(region), KNOWN))


@pytest.mark.parametrize("region", REGIONS)
def test_whatever_was_injected_the_sheet_tells_of_breath_fever_infection_nerve_and_allergy(
    region: str,
) -> None:
    told = sheet(given(region), KNOWN)
    for sign in ("Short of breath", "Wheezing"):
        assert sign in " ".join(told.emergency)
    for sign in ("fever", "hot, swollen joint", "weakness or numbness", "rash"):
        assert sign in " ".join(told.call)
    assert ("911", "United States and Canada") in told.numbers
    assert told.expect and told.do and told.avoid


def test_where_the_needle_was_is_unknown_every_warning_is_given() -> None:
    told = sheet(replace(given("knee"), sites=(SiteDose("gone", Side.LEFT, "m", Ml(1)),)), KNOWN)
    assert LUNG in words(told) and BLADDER in words(told)
    signs = {line.danger for line in KNOWN.aftercare_texts} - {""}
    assert signs == {rule.id for rule in KNOWN.danger_rules}
    before = sheet(None, KNOWN)
    assert before.call and before.emergency
    assert before.expect == before.do == before.avoid == ()


@pytest.mark.parametrize(("session", "patient", "word", "is_said"), [
    (given("knee", mixtures=(NUMBING,)), set(), "numbing drug wears off", True),
    (given("knee", mixtures=(NUMBING,)), set(), "Adrenaline", False),
    (given("knee", mixtures=(replace(NUMBING, with_adrenaline=True),)), set(), "Adrenaline", True),
    (given("knee", mixtures=(PLAIN, replace(NUMBING, key="unused"))), set(), "wears off", False),
    (given("knee"), {"anticoagulant"}, "bruise may be larger", True),
    (given("knee"), set(), "bruise may be larger", False),
    (given("knee"), {"diabetes"}, "blood sugar may rise", True),
    (given("knee"), set(), "blood sugar may rise", False),
], ids=range(8))  # fmt: skip
def test_a_line_about_what_was_given_and_to_whom_is_said_only_then(
    session: Session, patient: set[str], word: str, is_said: bool
) -> None:
    assert (word in words(sheet(session, KNOWN, patient))) is is_said


def test_about_pain_pills_the_clinics_own_choice_is_said_and_else_to_ask() -> None:
    said = {c: sheet(given("knee"), KNOWN, set(), c).avoid[0] for c in KNOWN.pain_pill_choices}
    assert len(set(said.values())) == 4
    assert sheet(given("knee"), KNOWN).avoid[0] == said["ask"]
    assert "12 weeks after" in said["course"] and "for 7 days" in said["week"]


def test_every_line_names_only_known_situations_and_reads_at_grade_8_or_below() -> None:
    for line in KNOWN.aftercare_texts:
        assert set(line.when) <= SITUATIONS.keys(), line.id
        assert grade(line.text) <= HARDEST, line.id
    for choice in KNOWN.pain_pill_choices.values():
        assert grade(choice.text) <= HARDEST, choice.id


def test_no_line_lacks_its_spanish_twin_and_a_missing_one_is_found() -> None:
    spanish = KNOWN.aftercare_words["es"]
    ids = [line.id for line in KNOWN.aftercare_texts]
    assert not list(aftercare_problems(ids, KNOWN.pain_pill_choices, spanish))
    fewer = {id: text for id, text in spanish.texts.items() if id != "call-fever"}
    found = aftercare_problems(ids, KNOWN.pain_pill_choices, replace(spanish, texts=fewer))
    assert list(found) == ["texts.call-fever: not translated"]
    english, told = sheet(given(*REGIONS), KNOWN), sheet(given(*REGIONS), in_language(KNOWN, "es"))
    assert "un pulmón" in words(told)
    assert not {*english.expect, *english.avoid} & {*told.expect, *told.avoid}

"""The text of a consent: whole for every condition in every language, and easy to read."""

from dataclasses import replace
from decimal import Decimal

import pytest

from enthesis.journey.consent import (
    Consent,
    EvidenceTold,
    QuestionTold,
    TrialTold,
    changed,
    consent,
)
from enthesis.journey.lines import Lines
from enthesis.knowledge.translate import consent_problems
from enthesis.records import Side, SiteDose
from enthesis.units import Ml, Money
from tests.unit.journey.courses import KNOWN, course_of, plan_of
from tests.unit.journey.test_visit import HARDEST, grade

CLINIC = {"patient": "Marta Lindqvist", "clinic": "Harbour Clinic", "phone": "(555) 0100"}
GUIDED = next(p.id for p in KNOWN.protocols.values() if p.sites[0].guidance == "fluoroscopy")
SITE = SiteDose("sacroiliac_joint", Side.RIGHT, "joint", Ml(Decimal(2)))
CONDITIONS = sorted(c.id for c in KNOWN.conditions.values() if c.protocols)
TRIAL = TrialTold("Klein 1993", "6 months", 79, 24.4, 4.0, 45.0, with_it=77, without=53)
COUNTED = QuestionTold("pain", "salt water injected the same way", "of 100 people", "low", (TRIAL,))
TOLD = EvidenceTold("low_back", 9, (COUNTED,), ("Klein 1993: https://example.org",))


def made(
    condition: str = "low_back", language: str = "en", evidence: EvidenceTold | None = TOLD
) -> Consent:
    course = course_of(condition=condition)
    assert course.plan is not None
    return consent(course, course.plan, KNOWN, evidence, CLINIC, language)


def words(told: Consent, id: str) -> str:
    return " ".join(next(one for one in told.sections if one.id == id).lines)


@pytest.mark.parametrize("language", ["en", "es"])
@pytest.mark.parametrize("condition", CONDITIONS)
def test_every_condition_has_all_its_parts_in_every_language(condition: str, language: str) -> None:
    told = made(condition, language)
    assert tuple(one.id for one in told.sections) == KNOWN.consent_rules.parts
    for section in told.sections:
        assert section.title.strip() and section.lines, section.id
        assert all(line.strip() and "{" not in line for line in section.lines)
    assert len(told.statements) == 4 and told.sources
    for risk in ("flare", "nerve", "nothing", "infection", "allergy", "bleeding"):
        text = KNOWN.consent_texts[f"risk-{risk}"].text
        spanish = KNOWN.consent_words["es"].texts[f"risk-{risk}"]
        assert (text if language == "en" else spanish) in words(told, "risks")
    assert told.versions == made(condition).versions


@pytest.mark.parametrize(
    ("condition", "lung", "spine"),
    [("neck", True, True), ("low_back", False, True), ("knee_oa", False, False)],
)
def test_a_risk_is_named_where_the_needle_can_do_that_harm(
    condition: str, lung: bool, spine: bool
) -> None:
    risks = words(made(condition), "risks")
    assert ("Your places are near the lung" in risks) is lung
    assert ("A spinal headache" in risks) is spine
    assert ("punctured lung" in risks) is lung
    assert "472 harms" in risks and ("so nobody can say how likely" in risks) is spine


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("en", ("Marta Lindqvist: Low back and sacroiliac pain, both sides.", "by touch")),
        ("es", ("Marta Lindqvist: dolor lumbar y sacroilíaco, ambos lados.", "con la mano")),
    ],
)
def test_it_names_the_patient_the_side_the_places_and_what_leads_the_needle(
    language: str, said: tuple[str, str]
) -> None:
    course = course_of()
    assert course.plan is not None
    told = consent(course, course.plan, KNOWN, TOLD, CLINIC, language)
    whom = words(told, "you")
    assert all(one in whom for one in said)
    spanish = KNOWN.consent_words["es"].words
    for dose in course.plan.sites:
        name = KNOWN.sites[dose.site].name
        assert (spanish[name] if language == "es" else name) in whom
    guided = replace(course.plan, protocol=GUIDED, sites=(SITE,))
    shown = words(consent(course, guided, KNOWN, TOLD, CLINIC), "you")
    assert "right side: Sacroiliac joint." in shown and "led by X-ray." in shown


@pytest.mark.parametrize(
    ("low", "high", "english", "spanish"),
    [
        (-13.3, 6.3, "from 13 points less to 6 points more", "de 13 puntos menos a 6 puntos más"),
        (4, 45, "from 4 to 45 points more", "de 4 a 45 puntos más"),
        (-9, -1, "from 1 to 9 points less", "de 1 a 9 puntos menos"),
        (-0.4, 1, "from none to 1 point more", "de ninguno a 1 punto más"),
        (-0.4, 0.4, "no more and no less", "ni más ni menos"),
    ],
)
def test_an_interval_is_said_as_people_say_it(
    low: float, high: float, english: str, spanish: str
) -> None:
    assert Lines(KNOWN).gap(low, high, 0, "points") == english
    assert Lines(KNOWN, "es").gap(low, high, 0, "points") == spanish


@pytest.mark.parametrize(
    ("weeks", "english", "spanish"),
    [
        (1, "1 week", "1 semana"),
        (6, "6 weeks", "6 semanas"),
        (12, "about 3 months", "cerca de 3 meses"),
        (26, "6 months", "6 meses"),
        (24, "24 weeks", "24 semanas"),
        (52, "1 year", "1 año"),
        (57, "about a year", "cerca de un año"),
        (104, "2 years", "2 años"),
        (110, "about 2 years", "cerca de 2 años"),
    ],
)
def test_a_time_is_said_as_people_say_it(weeks: int, english: str, spanish: str) -> None:
    assert Lines(KNOWN).weeks(Decimal(weeks)) == english
    assert Lines(KNOWN, "es").weeks(Decimal(weeks)) == spanish


def test_numbers_are_told_with_and_without_and_how_sure_they_are() -> None:
    numbers = words(made(), "numbers")
    assert "77 of 100 people with prolotherapy, and in 53 of 100 with salt water" in numbers
    assert "with prolotherapy from 4 to 45 more of 100" in numbers and "It is low" in numbers
    assert "37 of 100 people" in words(made(), "anyway")


@pytest.mark.parametrize(
    ("evidence", "said"),
    [
        (None, "Nothing is known from trials"),
        (EvidenceTold("tmj", 6, (), ()), "We found 6 trials of it"),
        (replace(TOLD, questions=(replace(COUNTED, certainty=""),)), "nothing is known: no trial"),
        (
            replace(
                TOLD,
                questions=(replace(COUNTED, told=(replace(TRIAL, with_it=None, without=None),)),),
            ),
            "How many of 100 people get better with it, and how many without it, is not known",
        ),
    ],
)
def test_what_is_not_known_is_said(evidence: EvidenceTold | None, said: str) -> None:
    assert said in words(made(evidence=evidence), "numbers")
    assert "is not known" in words(made("neck"), "anyway")


def test_what_changed_is_named_by_its_section() -> None:
    signed = made().versions
    corrected = replace(TOLD, questions=(replace(COUNTED, told=(replace(TRIAL, without=54),)),))
    assert changed(signed, made(evidence=corrected).versions) == ("numbers",)
    course, plan = course_of(), plan_of("low_back")
    dearer = replace(plan, price_per_session=Money(Decimal(300), "USD"))
    now = consent(course, dearer, KNOWN, TOLD, CLINIC)
    assert changed(signed, now.versions) == ("plan", "cost")
    moved = consent(
        course, plan, KNOWN, TOLD, {"patient": "M L", "clinic": "Harbour", "phone": "1"}
    )
    assert changed(signed, moved.versions) == ()
    text = KNOWN.consent_texts["risk-nerve"]
    worse = {**KNOWN.consent_texts, text.id: replace(text, text="Worse than was known.")}
    told = consent(course, plan, replace(KNOWN, consent_texts=worse), TOLD, CLINIC)
    assert changed(signed, told.versions) == ("risks",)


def test_no_line_lacks_its_spanish_twin() -> None:
    texts = {one.id: one.text for one in KNOWN.consent_texts.values()}
    spanish = KNOWN.consent_words["es"]
    short = replace(spanish, texts={**spanish.texts, "title": "Consentimiento"})
    named = spanish.words.keys()
    assert not list(consent_problems(texts, named, spanish))
    assert list(consent_problems(texts, named, short)) == [
        "title: must name ['condition'] in braces, as the original"
    ]
    assert "texts.new: not translated" in consent_problems({**texts, "new": ""}, named, spanish)
    assert all(text != texts[id] for id, text in spanish.texts.items())


READ = [one.id for one in KNOWN.consent_texts.values() if one.part not in ("line", "page")]


@pytest.mark.parametrize("id", READ)
def test_a_line_reads_at_grade_8_or_below(id: str) -> None:
    assert grade(KNOWN.consent_texts[id].text) <= HARDEST

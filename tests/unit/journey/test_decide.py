"""The decision aid: whole for every condition in both languages, one record with the consent, and
honest where nothing was counted."""

from dataclasses import replace

import pytest
from docs.decision_aid import TOLD, english
from docs.reading import HARDEST, grade

from enthesis.clinic.told import evidence_on
from enthesis.journey.consent import EvidenceTold, changed, consent
from enthesis.journey.decide import DecisionAid, choosable, decision_aid
from enthesis.knowledge.kinds import Knowledge
from enthesis.knowledge.load_papers import papers
from enthesis.knowledge.paper import Paper
from enthesis.knowledge.translate import OPTION_TEXTS, choice_problems
from tests.unit.journey.courses import KNOWN, course_of
from tests.unit.journey.test_consent import CLINIC, TRIAL
from tests.unit.journey.test_consent import TOLD as COUNTED

CONDITIONS = [one.id for one in choosable(KNOWN)]


def made(
    condition: str = "low_back",
    language: str = "en",
    evidence: EvidenceTold | None = COUNTED,
    known: Knowledge = KNOWN,
    read: dict[str, Paper] | None = None,
) -> DecisionAid:
    return decision_aid(condition, known, evidence, read or papers(), CLINIC, language)


@pytest.mark.parametrize("condition", CONDITIONS)
def test_every_condition_is_told_whole_in_both_languages_and_easy_to_read(condition: str) -> None:
    evidence = evidence_on(condition, KNOWN)
    aid, spanish = made(condition, "en", evidence), made(condition, "es", evidence)
    assert grade(english(aid)) <= HARDEST
    assert aid.versions == spanish.versions and aid.sources == spanish.sources
    for told in (aid, spanish):
        assert tuple(one.id for one in told.sections) == KNOWN.choice_rules.sections
        for section in told.sections:
            assert section.title.strip() and (section.lines or section.id in ("options", "hundred"))
        for option in told.options:
            assert all(getattr(option, field).strip() for field in TOLD) and option.hundred
        assert all(0 <= bar.anyway <= bar.of_100 <= 100 for one in told.scales for bar in one.bars)
        assert "{" not in english(told)
    for one, other in zip(aid.options, spanish.options, strict=True):
        assert not {one.what, one.good, one.bad, one.life} & {other.what, other.good, other.bad}


def test_surgery_and_manipulation_are_told_of_only_where_they_apply() -> None:
    assert "surgery" in {one.id for one in made("knee_oa").options}
    assert not {"surgery", "manipulation"} & {one.id for one in made("jaw_joint").options}
    assert {"wait", "exercise", "acupuncture", "nsaids", "steroid", "prolotherapy"} <= {
        one.id for one in made("jaw_joint").options
    }


def test_one_trial_is_told_with_and_without_on_one_scale_at_one_time() -> None:
    pair = made().scales[0]
    assert [bar.of_100 for bar in pair.bars] == [53, 77] and pair.bars[1].anyway == 53
    assert "after 6 months" in pair.title and "from 4 to 45 more of 100" in pair.lines[0]
    elbow = made("lateral_epicondylosis", evidence=None).scales[0]
    assert [(bar.option, bar.of_100) for bar in elbow.bars] == [
        ("wait", 83),
        ("exercise", 91),
        ("steroid", 69),
    ]
    assert any("Not known here" in line and "Prolotherapy" in line for line in elbow.lines)


def test_where_nobody_counted_it_says_that_it_is_not_known_here() -> None:
    neck = made("neck", evidence=None)
    told = {one.id: one for one in neck.sections}
    assert "is not known here" in told["hundred"].lines[0]
    assert "Nothing is known from trials" in told["numbers"].lines[0]
    for option in neck.options:
        assert option.hundred[0].startswith("Not known here")
    surgery = next(one for one in made("hip_oa").options if one.id == "surgery")
    assert surgery.harm.startswith("Not known here") and surgery.sure == "Not rated here."


def test_a_corrected_number_of_a_trial_changes_the_aid_and_the_consent_together() -> None:
    question = COUNTED.questions[0]
    moved = replace(question, told=(replace(TRIAL, without=54),))
    corrected = replace(COUNTED, questions=(moved,))
    assert changed(made().versions, made(evidence=corrected).versions) == (
        "hundred",
        "options",
        "numbers",
    )
    course = course_of()
    assert course.plan is not None
    signed, now = (
        consent(course, course.plan, KNOWN, one, CLINIC).versions for one in (COUNTED, corrected)
    )
    assert changed(signed, now) == ("numbers",)


def test_a_corrected_paper_changes_the_pictures_that_are_read_from_it() -> None:
    read = papers()
    paper = read["yelland_2011"]
    assert [bar.of_100 for bar in made("achilles").scales[-1].bars] == [73, 79, 86]
    rows = [
        replace(row, events=10) if row.arm == "prolotherapy" and row.measure == "events" else row
        for row in paper.outcomes
    ]
    now = made("achilles", read={**read, paper.id: replace(paper, outcomes=tuple(rows))})
    assert [bar.of_100 for bar in now.scales[-1].bars] == [73, 71, 86]
    assert changed(made("achilles").versions, now.versions) == ("hundred", "options")
    with pytest.raises(KeyError, match="no people of 'ELE' in papers/yelland_2011"):
        made("achilles", read={**read, paper.id: replace(paper, outcomes=())})


def test_another_price_is_told_by_its_section_and_another_telephone_number_is_no_other_aid() -> (
    None
):
    session = KNOWN.tariff["session"]
    dearer = replace(session, usual=session.usual * 2)
    known = replace(KNOWN, tariff={**KNOWN.tariff, "session": dearer})
    assert changed(made().versions, made(known=known).versions) == ("options", "cost")
    moved = {"clinic": "Harbour", "phone": "1"}
    told = decision_aid("low_back", KNOWN, COUNTED, papers(), moved)
    assert told.versions == made().versions and told.version == made().version


def test_who_earns_by_the_choice_and_when_it_is_looked_at_again_is_said() -> None:
    about = made(evidence=evidence_on("low_back", KNOWN)).sections[-1].lines
    assert about[1] == "Made on 26 Nov 2026. Trials were last searched for on 26 Nov 2026."
    assert "by 26 May 2027" in about[2] and "Harbour Clinic earns money" in about[3]
    assert made("neck", evidence=None).sections[-1].lines[1] == "Made on 26 Nov 2026."


def test_what_waiting_did_is_what_the_group_did_that_it_names() -> None:
    note = next(one for one in KNOWN.choice_notes if one.id == "wait-back-harm")
    point = next(p for p in KNOWN.untreated_groups["ashar_usual_care"].points if p.weeks == 57)
    assert point.worse is not None
    assert f"{point.worse} of {point.n} people" in note.text
    assert note.text.startswith(f"{100 * point.worse / point.n:.0f} of 100")


@pytest.mark.parametrize("field", [name for name in OPTION_TEXTS if name != "name"])
def test_what_is_said_of_an_option_reads_at_grade_8_or_below(field: str) -> None:
    for one in KNOWN.choice_options.values():
        if text := getattr(one, field):
            assert grade(text) <= HARDEST, one.id


def test_no_line_is_hard_to_read_or_has_the_name_of_a_line_of_the_consent() -> None:
    lines = KNOWN.choice_lines.texts
    heads = ("aid-", "row-", "page-", "about-author")
    for id, text in [*lines.items(), *((n.id, n.text) for n in KNOWN.choice_notes)]:
        assert id.startswith(heads) or grade(text) <= HARDEST, id
    assert not lines.keys() & KNOWN.consent_texts.keys()


def test_no_text_lacks_its_spanish_twin() -> None:
    spanish = KNOWN.choice_words["es"]
    options = {id: dict.fromkeys(texts, "") for id, texts in spanish.options.items()}
    options["prolotherapy"] |= {"visits": "{sessions} {days}", "price": "{each} {total}"}
    lines = KNOWN.choice_lines.texts
    notes = {one.id: one.text for one in KNOWN.choice_notes}
    assert not list(choice_problems(options, notes, lines, spanish.words, spanish))
    assert list(
        choice_problems(
            {**options, "new": {"name": "New"}},
            {**notes, "late": "Late"},
            {**lines, "span": "{low} to {high} or {more}"},
            {*spanish.words, "a word"},
            spanish,
        )
    ) == [
        "options.new: not translated",
        "notes.late: not translated",
        "span: must name ['high', 'low', 'more'] in braces, as the original",
        "words.a word: not translated",
    ]

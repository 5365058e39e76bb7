"""A translation is whole or refused; the clinic's own files are checked as the shipped are."""

import shutil
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from enthesis.journey import follow
from enthesis.knowledge.kinds import Knowledge
from enthesis.knowledge.load import FOLDER, KnowledgeError, knowledge, read_library
from enthesis.knowledge.load_own import read_own, with_own
from enthesis.knowledge.translate import in_language
from enthesis.records import Occasion

TODAY = date(2026, 11, 26)
KNOWN = knowledge(TODAY)
SIGNS = "questionnaires/six_signs.es.toml"
DANGER = "rules/danger.es.toml"
VISIT = "rules/visit.es.toml"


@pytest.mark.parametrize(
    ("file", "old", "new", "problem"),
    [
        (SIGNS, '[questions.pain]\ntext = "', '[questions.ache]\ntext = "', "not translated"),
        (SIGNS, "{activity_2_name}", "{activity_1_name}", "braces may name activity_2_name"),
        (SIGNS, "{activity_2_name}", "", "must name"),
        (SIGNS, "{activity_2_name}", "{activity_2_name", "text: expected"),
        (SIGNS, 'low_label = "Sin dolor"\n', "", "low_label: translate it"),
        (SIGNS, 'fever = "', 'fiebre = "', "options.fever: not translated"),
        (SIGNS, 'none = "Ninguna de estas"', 'none = " "', "options.none: not translated"),
        (SIGNS, 'of_version = "2026-11"', 'of_version = "2025-01"', "no questionnaire"),
        (SIGNS, 'language = "es"', 'language = "pt"', "the file's name differs"),
        (SIGNS, '"2026-11"', '"2026-11"\nlength = 3', "unknown field"),
        (DANGER, "D-hot =", "D-cold =", "tell_patient.D-hot: not translated"),
        (DANGER, 'Europe = "Europa"\n', "", "places.Europe: not translated"),
        (VISIT, "next-stop =", "next-halt =", "texts.next-stop: not translated"),
        (VISIT, "{on}", "{ask_on}", "texts.done-places: {ask_on} is not to be filled in"),
        (VISIT, "{booked_on}", "lunes", "texts.next-booked: must name"),
        (VISIT, 'knee = "rodilla"\n', "", "words.knee: not translated"),
        (VISIT, '"abril"', '""', "words.Apr: not translated"),
        (VISIT, 'head = "', 'toe = "dedo"\nhead = "', "words.toe: translates nothing"),
    ],
)
def test_a_translation_that_is_not_whole_is_refused_with_its_place(
    file: str, old: str, new: str, problem: str, tmp_path: Path
) -> None:
    for part in ("rules", "tables", "questionnaires"):
        shutil.copytree(FOLDER / part, tmp_path / part)
    text = (tmp_path / file).read_text(encoding="utf-8")
    assert old in text
    (tmp_path / file).write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(KnowledgeError, match=problem) as told:
        read_library(tmp_path)
    assert file in str(told.value)


def test_a_language_changes_words_and_nothing_else() -> None:
    spanish = in_language(KNOWN, "es")
    for asked, original in zip(
        spanish.questionnaires["six_signs"].questions,
        KNOWN.questionnaires["six_signs"].questions,
        strict=True,
    ):
        assert asked.text != original.text
        for same in ("id", "kind", "minimum", "maximum", "only_if", "occasions", "regions", "code"):
            assert getattr(asked, same) == getattr(original, same)
        assert [v for v, _ in asked.options] == [v for v, _ in original.options]
    assert in_language(KNOWN, "fi") == KNOWN


def test_no_translation_calls_itself_validated_without_saying_whose() -> None:
    for words in KNOWN.translations.values():
        assert {"PEG", "PSFS", "RMDQ", "PHQ-2"} <= words.validated.keys()
        assert "not yet reviewed" in words.translator
        for said in words.validated.values():
            assert "not validated" in said or "not the" in said or "not a validated" in said


def test_ticked_sentences_are_counted_and_none_is_zero() -> None:
    rmdq = KNOWN.measures["rmdq"]
    assert follow.score(rmdq, {"rmdq": ("1", "7", "24")}) == 3
    assert follow.score(rmdq, {"rmdq": ("none",)}) == 0
    assert follow.score(rmdq, {"rmdq": Decimal(11)}) == 11  # a total from elsewhere
    assert follow.score(rmdq, {"rmdq": None}) is None
    every = tuple(value for value, _ in KNOWN.questions("six_signs")["rmdq"].options)
    assert follow.score(rmdq, {"rmdq": every}) == rmdq.maximum == 24


def test_the_four_of_mood_and_worry_are_summed_and_all_are_needed() -> None:
    answers = {"gad_nervous": "3", "gad_worry": "2", "phq_interest": "1", "phq_down": "0"}
    assert follow.score(KNOWN.measures["worry"], answers) == 6
    assert follow.score(KNOWN.measures["worry"], {**answers, "gad_worry": None}) is None
    assert follow.score(KNOWN.measures["mood"], answers) == 1


def test_only_pain_its_interference_and_activity_may_decide_as_before() -> None:
    deciding = {m.id: m.role for m in KNOWN.measures.values() if m.role != "supports"}
    assert deciding == {
        "pain": "leads", "peg": "leads", "activity": "confirms", "headache_score": "leads",
    }  # fmt: skip


# --- the clinic's own

OWN = """
id = "grip"
version = "1"
title = "Grip"
starts_on = 2026-01-01
occasions = ["recheck"]
licence = "Held by the clinic"
source = "Clinic's own"

[about]
title = "Grip"
why = "To see grip"
author = "The clinic"
reviewer = "Dr Osei"
reviewed_on = 2026-11-01
next_review_on = 2027-11-01

[[questions]]
id = "grip_jar"
text = "Opening a jar?"
kind = "choice"
options = [["0", "Easy"], ["1", "Hard"], ["2", "Impossible"]]

[[questions]]
id = "grip_key"
text = "Turning a key?"
kind = "choice"
options = [["0", "Easy"], ["1", "Hard"], ["2", "Impossible"]]

[[measure]]
id = "grip"
name = "Grip"
sign = ""
unit = "points"
items = ["grip_jar", "grip_key"]
scoring = "sum"
missing = "all"
minimum = 0
maximum = 4
higher_is = "worse"
recall = "today"
validated = false
source = "Clinic's own"
"""
OWN_SPANISH = """
language = "es"
of = "grip"
of_version = "1"
translator = "The clinic"
title = "Agarre"
validated = {}

[about]
title = "Grip in Spanish"
why = "To be understood"
author = "The clinic"
reviewer = "Dr Osei"
reviewed_on = 2026-11-01
next_review_on = 2027-11-01

[questions.grip_jar]
text = "¿Abrir un frasco?"
options = { 0 = "Fácil", 1 = "Difícil", 2 = "Imposible" }

[questions.grip_key]
text = "¿Girar una llave?"
options = { 0 = "Fácil", 1 = "Difícil", 2 = "Imposible" }
"""
Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def put(text: str, name: str = "grip.toml") -> Path:
        (tmp_path / name).write_text(text, encoding="utf-8")
        return tmp_path

    return put


def asked_in(known: Knowledge, occasion: Occasion) -> list[str]:
    questionnaire = known.questionnaires["six_signs"]
    return [q.text for q in follow.visible_questions(questionnaire, occasion, {}, known)]


def test_the_clinics_own_questions_follow_the_shipped_and_are_scored(write: Write) -> None:
    write(OWN)
    folder = write(OWN_SPANISH, "grip.es.toml")
    own, problems = read_own(folder, KNOWN)
    assert not problems
    known = with_own(KNOWN, own)
    assert asked_in(known, Occasion.RECHECK)[-2:] == ["Opening a jar?", "Turning a key?"]
    assert "Opening a jar?" not in asked_in(known, Occasion.AFTER_SESSION)
    spanish = in_language(known, "es")
    assert asked_in(spanish, Occasion.RECHECK)[-2:] == ["¿Abrir un frasco?", "¿Girar una llave?"]
    assert follow.score(known.measures["grip"], {"grip_jar": "2", "grip_key": "1"}) == 3
    before = knowledge(date(2025, 6, 1))
    assert with_own(before, own) == before


def test_a_text_may_name_an_earlier_answer_in_words(write: Write) -> None:
    written = OWN.replace('kind = "choice"', 'kind = "text"', 1)
    own, problems = read_own(write(written.replace("Turning a", "And {grip_jar}?")), KNOWN)
    assert not problems and own


def test_a_translation_that_cannot_be_filled_in_leaves_its_file_out(write: Write) -> None:
    write(OWN_SPANISH.replace("¿Abrir", "{¿Abrir"), "grip.es.toml")
    own, problems = read_own(write(OWN), KNOWN)
    assert own == () and "text: " in problems[0] and "grip.es.toml" in problems[0]


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ('kind = "choice"', "kind = 3", "questions[0].kind: expected text"),
        ('id = "grip_key"', 'id = "pain"', "question 'pain' is asked already"),
        ('id = "grip_key"', 'id = "grip_jar"', "'grip_jar' is there twice"),
        ('id = "grip"\nname', 'id = "pain"\nname', "measure 'pain' is there already"),
        ('sign = ""', 'sign = ""\nrole = "leads"', "never decides"),
        ('sign = ""', 'sign = "pain"', "never decides"),
        ('"grip_jar", "grip_key"', '"grip_jar", "grip_door"', "are not among the questions"),
        ('scoring = "sum"', 'scoring = "product"', "scoring must be"),
        ("Opening a jar?", "Open a jar {hard", "write {{ and }} for braces"),
        ("Opening a jar?", "Open a jar }", "write {{ and }} for braces"),
        ("Opening a jar?", "Open {0}", "{0} is not to be filled in"),
        ("Opening a jar?", "Open {}", "{} is not to be filled in"),
        ("Turning a key?", "How {grip_jar.foo} hard", "{grip_jar.foo} is not to be filled in"),
        ("Turning a key?", "How {grip_jar}", "earlier questions of kind text"),
        ("Turning a key?", "x" * 501, "longer than 500 letters"),
        ("Turning a key?", " ", "a text is empty"),
        ('id = "grip_key"', 'id = "../key"', "id '../key': use small letters"),
        ('id = "grip_key"', 'id = "screen"', "'screen' has another meaning"),
        ('id = "grip"\nversion', 'id = "six_signs"\nversion', "'six_signs' is there already"),
        ('["1", "Hard"]', '["0", "Hard"]', "each needs a value of its own"),
        ('options = [["0", "Easy"], ["1", "Hard"], ["2", "Impossible"]]', "", "give 2 to 60"),
        ('kind = "choice"', 'kind = "essay"', "kind 'essay' is none of"),
        ('kind = "choice"', 'kind = "scale"\nminimum = 0\nmaximum = 1000000', "at most 100 apart"),
        ('["recheck"]', '["weekly"]', "['weekly'] are none of"),
        ('why = "To see', f'why = "{"x" * 200_000}', "is larger than 200,000 bytes"),
        ("[about]", "[on]", "about: missing"),
        ('title = "Grip"', "title = ", "is not TOML"),
    ],
)
def test_an_own_file_that_is_wrong_is_left_out_and_said_to_be(
    old: str, new: str, problem: str, write: Write
) -> None:
    assert old in OWN
    own, problems = read_own(write(OWN.replace(old, new, 1)), KNOWN)
    assert own == ()
    assert len(problems) == 1 and problem in problems[0] and "grip.toml" in problems[0]

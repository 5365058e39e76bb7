"""An allergy on the patient's record stands in the evaluation."""

from datetime import date

import pytest

from enthesis.journey.allergies import carried, for_record, left_out
from enthesis.knowledge.load import knowledge
from enthesis.records import Answer

KNOWN = knowledge(date(2026, 11, 26))


@pytest.mark.parametrize(
    ("recorded", "kinds"),
    [
        ("Latex", ("latex",)),
        ("lidocaine: a rash", ("local_anaesthetic",)),
        ("Novocaine and cornflour", ("corn", "local_anaesthetic")),
        ("sulfites", ("other",)),
        ("phenol", ("other",)),
        ("Penicillin", ("other",)),
    ],
)
def test_what_the_record_names_is_carried_into_an_open_question(
    recorded: str, kinds: tuple[str, ...]
) -> None:
    found = carried({"diabetes": False}, recorded, KNOWN)
    assert found == {
        "diabetes": False,
        "allergies": kinds,
        "allergy_substances": None if kinds == ("latex",) else recorded,
    }


def test_what_was_answered_stays_and_no_record_says_nothing() -> None:
    given = {"allergies": ("fish", "latex"), "allergy_substances": "cod; gloves"}
    assert carried(given, "Latex", KNOWN) == given
    assert carried({"allergies": None}, "  ", KNOWN) == {"allergies": None}


@pytest.mark.parametrize("typed", [None, "", "Latex: rash"])
def test_the_record_does_not_name_an_allergy_that_was_told_besides(typed: str | None) -> None:
    given = {"allergies": ("latex", "other"), "allergy_substances": typed}
    assert not carried(given, "Latex: rash", KNOWN)["allergy_substances"]
    nickel = {**given, "allergy_substances": "Nickel"}
    assert carried(nickel, "Latex: rash", KNOWN) == nickel


def test_an_answer_that_denies_the_record_is_seen() -> None:
    assert left_out({"allergies": ("none",)}, "Latex", KNOWN)
    assert left_out({"allergies": ("fish",)}, "Penicillin", KNOWN)
    assert not left_out({"allergies": ("latex", "fish")}, "Latex", KNOWN)
    assert not left_out({"allergies": ("none",)}, "", KNOWN)
    assert not left_out({"allergies": None}, "Latex", KNOWN)


@pytest.mark.parametrize(
    ("kinds", "named", "recorded", "written"),
    [
        (("none",), None, "", ""),
        (("other",), " Penicillin ", "", "Penicillin"),
        (("latex", "other"), "nickel", "", "latex; nickel"),
        (("latex", "other"), "Nickel", "Latex: rash", "Latex: rash; Nickel"),
        (("other",), "Penicillin, nickel", "penicillin", "Penicillin, nickel"),
        (("other",), "penicillin", "Penicillin, a rash", None),
        (("fish", "other"), "cod", "codeine", "codeine; fish; cod"),
        (("fish", "other"), "shellfish", "Fish", "Fish; shellfish"),
        (("other",), "Penicillin (rash)", "penicillin (rash)", None),
        (("other",), None, "", None),
        (None, None, "Latex", None),
        (None, None, "", None),
    ],
)
def test_the_record_gets_what_the_evaluation_adds(
    kinds: tuple[str, ...] | None, named: str | None, recorded: str, written: str | None
) -> None:
    answers: dict[str, Answer] = {"allergies": kinds, "allergy_substances": named}
    assert for_record(answers, recorded, KNOWN) == written

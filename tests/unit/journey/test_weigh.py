"""Weighing the choices: nothing is added up, and the right answers are those of the aid."""

from dataclasses import replace

import pytest

from enthesis.clinic.told import evidence_on
from enthesis.journey import weigh
from enthesis.journey.decide import choosable
from enthesis.journey.lines import Lines
from tests.unit.journey.courses import KNOWN
from tests.unit.journey.test_decide import made

SAID = Lines(KNOWN)


def test_what_matters_stands_beside_every_option_the_most_first_and_picks_none() -> None:
    tapped = {"cost": "3", "relief": "9", "kind": "0", "safe": "11", "sure": "much", "x": "5"}
    given = weigh.given_values(SAID, tapped)
    assert list(given.items()) == [("relief", 9), ("cost", 3), ("kind", 0)]
    aid = made()
    relief, cost = weigh.weighed(aid, given, SAID)
    assert (relief.name, relief.given, cost.given) == ("Less pain soon", 9, 3)
    names = [one.name for one in aid.options]
    assert [name for name, _ in relief.beside] == [name for name, _ in cost.beside] == names
    assert dict(cost.beside) == {one.name: (one.price,) for one in aid.options}


def test_every_value_names_a_field_of_the_options_and_has_its_words() -> None:
    option = made().options[0]
    for id, field in KNOWN.choice_rules.values.items():
        assert getattr(option, field) and SAID.line(f"value-{id}")
    assert len(weigh.questions(SAID)) == len(KNOWN.choice_rules.questions) > 5


@pytest.mark.parametrize("language", ["en", "es"])
@pytest.mark.parametrize("condition", [one.id for one in choosable(KNOWN)])
def test_every_item_has_one_right_answer_among_others(condition: str, language: str) -> None:
    aid = made(condition, language, evidence_on(condition, KNOWN))
    items = weigh.know_items(aid, Lines(KNOWN, language))
    assert [one.id for one in items] == ["hundred", "sure", "harm", "fails"]
    for one in items:
        offered = dict(one.options)
        assert one.right in offered and len(offered) == len(set(offered.values())) > 1
        assert one.right_words and not one.right_words.endswith(".")


def test_a_corrected_number_changes_the_right_answer() -> None:
    aid = made()
    first = weigh.know_items(aid, SAID)[0]
    assert first.right == "77" and {value for value, _ in first.options} == {"53", "77", "100"}
    scale = aid.scales[0]
    moved = replace(scale, bars=(scale.bars[0], replace(scale.bars[1], of_100=60)))
    corrected = replace(aid, scales=(moved, *aid.scales[1:]))
    assert weigh.know_items(corrected, SAID)[0].right == "60"
    uncounted = weigh.know_items(made("neck", evidence=None), SAID)
    assert uncounted[0].right == "not-known" and uncounted[1].right == "sure-none"

"""The whole-body map: each place of the questionnaire is an area, and sides are the patient's."""

from datetime import date
from xml.etree import ElementTree

import pytest

from enthesis.charts.anatomy.body import BACK, FRONT
from enthesis.charts.pain_map import codes, pain_map_svg
from enthesis.knowledge.load import knowledge

SVG = "{http://www.w3.org/2000/svg}"


def test_the_questionnaire_offers_exactly_the_places_of_the_map() -> None:
    questions = knowledge(date(2026, 11, 26)).questionnaires["evaluation"].questions
    (question,) = [question for question in questions if question.picture]
    assert {code for code, _ in question.options} == codes()
    for code, words in question.options:
        assert words.endswith(code.rpartition("_")[2]), "the words name the side that is stored"


def test_sides_are_the_patients_and_printed_on_both_views() -> None:
    root = ElementTree.fromstring(pain_map_svg({}, "m"))  # noqa: S314  our own output
    front, back = root.iter(f"{SVG}svg")
    for view, picture in ((FRONT, front), (BACK, back)):
        at = {item.text: float(item.get("x", "")) for item in picture.iter(f"{SVG}text")}
        near, far = view.sides
        assert at[near.upper()] < view.drawing.across / 2 < at[far.upper()]
        mirrored = picture.find(f"{SVG}g[@transform]")
        assert mirrored is not None
        assert all(str(g.get("data-code")).endswith(far) for g in mirrored)
    assert (FRONT.sides, BACK.sides) == (("right", "left"), ("left", "right"))


@pytest.mark.parametrize(
    ("code", "views"), [("knee_left", 2), ("chest_right", 1), ("low_back_left", 1)]
)
def test_a_marked_place_bears_a_cross_on_each_view_that_shows_it_and_is_told(
    code: str, views: int
) -> None:
    svg = pain_map_svg({code: "This place"}, "m")
    root = ElementTree.fromstring(svg)  # noqa: S314  our own output
    marked = [g for g in root.iter(f"{SVG}g") if g.get("class") == "area marked"]
    assert [g.get("data-code") for g in marked] == [code] * views
    assert all(g.find(f"{SVG}path[@class='cross']") is not None for g in marked)
    told = [picture.findtext(f"{SVG}desc") for picture in root.iter(f"{SVG}svg")]
    assert told.count("Marked: This place.") == views
    assert told.count("No place is marked.") == 2 - views
    assert "style" not in svg


def test_a_map_that_ticks_tells_only_what_stays_true_while_places_are_ticked() -> None:
    svg = pain_map_svg({"knee_left": "Knee, left"}, "m", "q-hurts_where")
    assert 'data-ticks="q-hurts_where"' in svg
    assert svg.count("What is ticked in the list beside it is marked.") == 2
    assert "Knee, left" not in svg

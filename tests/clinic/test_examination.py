"""The examination on the page: kept with the evaluation, drawn on the map, offered to the plan."""

import html
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client

from enthesis.clinic.models import Course, Evaluation, Patient, User
from enthesis.clinic.pages.evaluate import EvaluationForm
from enthesis.clinic.pages.evaluate_exam import Exam
from enthesis.journey.evaluate import questions_for
from enthesis.knowledge.load import knowledge
from tests.clinic.evaluated import evaluate

pytestmark = pytest.mark.alike
KNOWN = knowledge(date(2026, 11, 26))


@pytest.fixture
def client(client_for: Callable[[User], Client], clinician: User) -> Client:
    return client_for(clinician)


def _words(response: Any) -> str:
    return html.unescape(response.content.decode())


def exam_of(condition: str, side: str, data: Any = None) -> Exam:
    """The examination of nobody in the database."""
    patient = Patient(born_on=date(1990, 1, 1), sex="female")
    course = Course(condition=condition, side=side, patient=patient)
    questions = questions_for(KNOWN.conditions[condition], KNOWN)
    return Exam(EvaluationForm(questions, None, data), course, None, KNOWN)


@pytest.mark.parametrize("condition", [c.id for c in KNOWN.conditions.values() if c.protocols])
def test_every_place_of_the_list_stands_on_the_map_with_its_number(condition: str) -> None:
    exam = exam_of(condition, "both")
    rows = [row for _, rows in exam.views() for row in rows]
    drawn = exam.map()["wide"]
    on_map = [row for row in rows if row["view"] != "Not on the picture"]
    assert on_map and all(f'href="#place-{row["number"]}"' in drawn for row in on_map)
    assert 'class="point tender"' not in drawn and 'class="point open"' in drawn


def test_the_map_follows_what_is_typed_and_nothing_that_cannot_be_read_breaks_it() -> None:
    typed = {"q-tender-pes_anserine-left": "7 of 10", "q-tender-mcl_tibial-left": "0 of 10"}
    typed |= {"q-knee_flexion-left": "66", "q-knee_flexion-right": "a lot"}
    exam = exam_of("knee_oa", "left", typed)
    drawn = exam.map()["wide"]
    assert drawn.count('class="point tender"') == drawn.count('class="point calm"') == 1
    assert "RIGHT" not in drawn, "the other limb is drawn once something was pressed on it"
    flexion = exam.motions()[0]
    assert "Left: 66°; Right: not measured" in flexion["picture"]
    assert flexion["beside"] == "Left 47\u00a0% of the norm."
    both = exam_of("knee_oa", "left", typed | {"q-tender-mcl_tibial-right": "yes"})
    assert "RIGHT" in both.map()["wide"]


def test_what_was_examined_is_kept_and_shown_again_and_an_old_value_is_not_lost_to_sight(
    client: Client, make_course: Callable[..., Course]
) -> None:
    course = make_course()
    old = evaluate(client, course, lumbar_flexion="40")
    Evaluation.objects.filter(pk=old.pk).update(answers=old.answers | {"lumbar_side_bend": "20"})
    page = _words(client.get(f"/courses/{course.pk}/evaluate/"))
    assert "Measured before without a side: 20°." in page
    assert 'name="q-lumbar_flexion" value="40"' in page
    row = evaluate(client, course, **{"tender-iliolumbar-left": "8 of 10", "beighton-palms": "yes"})
    assert row.answers["tender-iliolumbar-left"] == "8 of 10"
    assert row.answers["beighton-palms"] is True and "beighton-thumb-left" not in row.answers
    page = _words(client.get(f"/courses/{course.pk}/evaluate/"))
    assert "1 point; 1 of 9 looked at." in page and 'class="point tender"' in page


def test_a_plan_preselects_nothing_of_it_but_starts_from_the_tender_places_when_asked(
    client: Client, make_course: Callable[..., Course]
) -> None:
    course = make_course()
    kept = {"tender-iliolumbar-right": "8 of 10", "tender-sacroiliac_joint-left": "yes"}
    evaluate(client, course, **kept)
    page = client.get(f"/courses/{course.pk}/plan/")
    assert "Iliolumbar ligament, right (8 of 10)" in _words(page)
    shown = page.context["shown"]
    assert not {(f.place.site, f.place.side) for f in shown.sites if f.is_ticked} & {
        ("iliolumbar", "right")
    }
    page = client.get(f"/courses/{course.pk}/plan/?protocol=low_back_ligaments&start=tender")
    ticked = {
        f"{f.place.site}-{f.place.side}": f.place.volume_ml
        for f in page.context["shown"].sites
        if f.is_ticked
    }
    protocol = KNOWN.protocols["low_back_ligaments"]
    volume = next(part.volume_ml for part in protocol.sites if part.site == "iliolumbar")
    assert ticked == {"iliolumbar-right": Decimal(volume), "sacroiliac_joint-left": None}
    assert "A diagnostic block is asked for" in _words(page)
    assert "Not known: The side of the block" in _words(page)

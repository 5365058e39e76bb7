"""What anybody may read about the trials, and what these pages never say."""

import csv
import io
import re
from html import unescape

import pytest
from django.test import Client

from enthesis.clinic import models
from enthesis.evidence.answer import answer_topic
from enthesis.knowledge.load import knowledge
from enthesis.knowledge.load_papers import papers
from tests.unit.evidence.made_papers import TODAY

TOPICS = sorted(knowledge(TODAY).evidence_topics)
# From uncontrolled or uncertain data nobody may say these; and an interval is never "nothing".
FORBIDDEN = re.compile(
    r"\b(works|effective|proven|thanks to|success rate|improves by|cures?|"
    r"not significant|no significant|insignificant|statistically)\b",
    re.IGNORECASE,
)

pytestmark = [pytest.mark.django_db, pytest.mark.alike]


def words_of(address: str) -> str:
    response = Client().get(address)
    assert response.status_code == 200, address
    return unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", response.content.decode())))


@pytest.mark.parametrize("topic", TOPICS)
def test_every_condition_has_its_page_for_anybody(topic: str) -> None:
    text = words_of(f"/evidence/{topic}/")
    found = answer_topic(
        knowledge(TODAY).evidence_topics[topic],
        knowledge(TODAY).syntheses.values(),
        papers(),
        knowledge(TODAY).certainty_limits,
    )
    assert found.line in text
    assert f"Last search {found.topic.searched_on:%-d %b %Y}" in text
    for trial in found.unread:
        assert trial.name in text and trial.reason in text
    for answer in found.answers:
        assert answer.sentence in text
        for one in answer.trials:
            assert one.shown_only in text


@pytest.mark.parametrize("topic", ["", *(f"{topic}/" for topic in TOPICS)])
def test_no_page_oversells(topic: str) -> None:
    found = FORBIDDEN.search(words_of(f"/evidence/{topic}"))
    assert found is None, found


def test_no_diamond_is_drawn_for_what_is_not_pooled() -> None:
    known = knowledge(TODAY)
    for topic in TOPICS:
        html = Client().get(f"/evidence/{topic}/").content.decode()
        pooled = any(
            answer.pooled
            for answer in answer_topic(
                known.evidence_topics[topic],
                known.syntheses.values(),
                papers(),
                known.certainty_limits,
            ).answers
        )
        assert ('class="diamond"' in html) == pooled == (topic == "any_place")
        assert " style=" not in html


def test_low_back_pain_is_led_by_the_neutral_trials() -> None:
    text = words_of("/evidence/low_back/")
    assert text.index("Yelland 2004") < text.index("Ongley 1987")
    assert text.index("Dechow 1999") < text.index("Ongley 1987")


@pytest.mark.parametrize("topic", TOPICS)
def test_where_nobody_knows_what_happens_anyway_the_page_says_so(topic: str) -> None:
    known = knowledge(TODAY)
    groups = any(topic in group.topics for group in known.untreated_groups.values())
    has_any = groups or bool(known.evidence_topics[topic].benchmarks)
    text = words_of(f"/evidence/{topic}/")
    assert ("no group of people without this treatment is on file" in text) is not has_any


def test_the_list_names_every_condition_with_its_line() -> None:
    text = words_of("/evidence/")
    for topic in knowledge(TODAY).evidence_topics.values():
        assert topic.name[1:] in text


def test_the_data_can_be_taken_away_and_add_up_to_the_page() -> None:
    response = Client().get("/evidence/knee_oa.csv")
    assert response["Content-Disposition"] == 'attachment; filename="knee_oa.csv"'
    rows = list(csv.DictReader(io.StringIO(response.content.decode())))
    sit = next(row for row in rows if row["paper"] == "sit_2020")
    assert float(sit["estimate"]) == pytest.approx(-10.34)
    assert sit["counted"] == "yes"
    assert "10.3 points of 100 lower" in words_of("/evidence/knee_oa/")


def test_the_script_reads_the_file_of_its_topic() -> None:
    script = Client().get("/evidence/knee_oa.R").content.decode()
    assert 'read.csv("knee_oa.csv"' in script
    assert "library(metafor)" in script


@pytest.mark.parametrize("address", ["nowhere/", "nowhere.csv", "nowhere.R"])
def test_a_condition_nobody_read_trials_on_is_not_found(address: str) -> None:
    assert Client().get(f"/evidence/{address}").status_code == 404


def test_staff_find_evidence_in_the_menu_and_visitors_see_no_menu(
    clinician: models.User,
) -> None:
    visitor, staff = Client(), Client()
    staff.force_login(clinician)
    current = 'href="/evidence/" aria-current="page"'
    assert current in staff.get("/evidence/low_back/").content.decode()
    assert 'aria-label="Main"' not in visitor.get("/evidence/low_back/").content.decode()

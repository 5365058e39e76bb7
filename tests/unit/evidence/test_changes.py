"""A corrected paper shows exactly what moves, and nothing else."""

from dataclasses import replace
from decimal import Decimal

from enthesis.evidence.answer import TopicAnswer, answer_topic
from enthesis.evidence.changes import changes, pictures
from enthesis.knowledge.load import knowledge
from enthesis.knowledge.load_papers import papers
from enthesis.knowledge.paper import Paper
from tests.unit.evidence.made_papers import (
    LIMITS,
    TODAY,
    TOPIC,
    made_paper,
    made_papers,
    made_study,
    made_synthesis,
)

KNOWN = knowledge(TODAY)


def asked(made: dict[str, Paper]) -> TopicAnswer:
    names = [name for name in made if not name.startswith("other")]
    return answer_topic(TOPIC, [made_synthesis(tuple(map(made_study, names)))], made, LIMITS)


def corrected(paper: Paper, by: int) -> Paper:
    first, *rest = paper.outcomes
    moved = replace(first, mean=(first.mean or Decimal(0)) + by)
    return replace(paper, outcomes=(moved, *rest))


def test_the_same_papers_change_nothing() -> None:
    made = made_papers({"one": -15, "two": -12, "three": -3})
    assert changes(asked(made), asked(made)) == ()
    assert pictures(asked(made), asked(made)) == ()


def test_a_corrected_mean_moves_its_trial_and_the_pool_and_no_other_trial() -> None:
    made = made_papers({"one": -15, "two": -12, "three": -3})
    found = changes(asked(made), asked(made | {"two": corrected(made["two"], 6)}))
    said = {one.what: one for one in found}
    assert said["Two 2020"].before.startswith("12.0 points of 100 lower")
    assert said["Two 2020"].after.startswith("6.0 points of 100 lower")
    assert "pool" in said
    assert "One 2020" not in said and "Three 2020" not in said


def test_a_third_trial_makes_a_pool_and_the_change_shows_it() -> None:
    two = made_papers({"one": -15, "two": -12})
    found = changes(asked(two), asked(two | {"three": made_paper("three", -3)}))
    said = {one.what: one for one in found}
    assert "too few to pool" in said["pool"].before
    assert said["pool"].after.startswith("3 trials")
    assert said["trials found"].after == "3"
    assert said["Three 2020"].before == ""
    (picture,) = pictures(asked(two), asked(two | {"three": made_paper("three", -3)}))
    assert picture.where == made_synthesis(()).id
    assert "Three 2020" not in picture.before and 'class="diamond"' not in picture.before
    assert "Three 2020" in picture.after and 'class="diamond"' in picture.after


def test_a_corrected_number_of_yelland_moves_the_low_back_sentence_and_nothing_of_the_knee() -> (
    None
):
    yelland = papers()["yelland_2004"]
    rows = tuple(
        replace(row, mean=Decimal("13.1"))
        if (row.arm, row.weeks, row.instrument) == ("glucose-lignocaine", 52, "VAS pain (0-100)")
        else row
        for row in yelland.outcomes
    )
    new = dict(papers()) | {"yelland_2004": replace(yelland, outcomes=rows)}
    syntheses = KNOWN.syntheses.values()
    moved = {
        topic.id: changes(
            answer_topic(topic, syntheses, papers(), LIMITS),
            answer_topic(topic, syntheses, new, LIMITS),
        )
        for topic in KNOWN.evidence_topics.values()
    }
    # The question that puts backs and knees together counts Yelland too; the knee alone does not.
    assert {topic for topic, found in moved.items() if found} == {"low_back", "any_place"}
    assert {one.where for one in moved["low_back"]} == {"low_back_pain"}
    assert {"sentence", "Yelland 2004"} <= {one.what for one in moved["low_back"]}

"""A corrected paper shows exactly what moves, and nothing else."""

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal

from enthesis.evidence.answer import answer_topic
from enthesis.evidence.anyway import Anyway, natural_history
from enthesis.evidence.changes import Told, changes, pictures
from enthesis.knowledge.load import knowledge
from enthesis.knowledge.load_papers import papers
from enthesis.knowledge.paper import EvidenceTopic, Paper
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


NO_GROUPS = Anyway((), ())


def asked(made: dict[str, Paper]) -> Told:
    names = [name for name in made if not name.startswith("other")]
    found = answer_topic(TOPIC, [made_synthesis(tuple(map(made_study, names)))], made, LIMITS)
    return Told(found, NO_GROUPS)


def whole(topic: EvidenceTopic, read: Mapping[str, Paper]) -> Told:
    """Everything that the page of a shipped topic says."""
    found = answer_topic(topic, KNOWN.syntheses.values(), read, LIMITS)
    groups = KNOWN.untreated_groups.values()
    enough = KNOWN.certainty_limits.trials_to_pool
    return Told(found, natural_history(topic, groups, read, KNOWN.anyway_rules, enough))


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
    moved = {
        topic.id: changes(whole(topic, papers()), whole(topic, new))
        for topic in KNOWN.evidence_topics.values()
    }
    # The question that puts backs and knees together counts Yelland too; the knee alone does not.
    assert {topic for topic, found in moved.items() if found} == {"low_back", "any_place"}
    assert {one.where for one in moved["low_back"]} == {"low_back_pain"}
    assert {"sentence", "Yelland 2004"} <= {one.what for one in moved["low_back"]}


def test_a_corrected_salt_water_group_moves_what_happens_anyway() -> None:
    yelland = papers()["yelland_2004"]
    rows = tuple(
        replace(row, mean=Decimal(60))
        if (row.arm, row.weeks, row.instrument) == ("saline", 26, "VAS pain (0-100)")
        else row
        for row in yelland.outcomes
    )
    new = dict(papers()) | {"yelland_2004": replace(yelland, outcomes=rows)}
    back = KNOWN.evidence_topics["low_back"]
    found = changes(whole(back, papers()), whole(back, new))
    assert "Salt water, Yelland, week 26" in {one.what for one in found}
    assert {one.where for one in found} == {"what happens anyway"}
    (picture,) = pictures(whole(back, papers()), whole(back, new))
    assert picture.where == "what-happens-anyway" and picture.before != picture.after

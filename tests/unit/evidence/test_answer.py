"""What the trials of a question say: pools, sentences and certainty follow from the numbers."""

import csv
import io
import math
from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from enthesis.evidence.answer import Share, answer, answer_topic
from enthesis.evidence.export import as_csv, as_r_script
from enthesis.evidence.figure import forest_data
from enthesis.evidence.grade import Certainty
from enthesis.evidence.pool import Interval, pool
from enthesis.evidence.ragged import review
from enthesis.evidence.trials import (
    HIGH_RISK,
    LOWER_RISK,
    PARTLY_READ,
    EvidenceError,
    name_of,
    numbers_of,
    problems,
    trial,
    why_unused,
)
from enthesis.knowledge.load import knowledge
from enthesis.knowledge.load_papers import papers
from enthesis.knowledge.paper import PaperContrast, PaperOutcome
from tests.unit.evidence.made_papers import (
    ALL_LOW,
    LIMITS,
    TODAY,
    TOPIC,
    made_paper,
    made_papers,
    made_study,
    made_synthesis,
)

KNOWN = knowledge(TODAY)
SHIPPED = {
    topic.id: answer_topic(topic, KNOWN.syntheses.values(), papers(), KNOWN.certainty_limits)
    for topic in KNOWN.evidence_topics.values()
}


def question(name: str):  # type: ignore[no-untyped-def]
    return next(a for found in SHIPPED.values() for a in found.answers if a.synthesis.id == name)


@pytest.mark.parametrize("count", [1, 2])
def test_it_never_pools_fewer_than_three_trials(count: int) -> None:
    names = ["one", "two"][:count]
    made = made_papers(dict.fromkeys(names, -15))
    found = answer(made_synthesis(tuple(made_study(n) for n in names)), made, LIMITS)
    assert found.pooled is None
    assert not found.weights
    assert "too few to pool" in found.why_not_pooled


def test_three_trials_are_pooled_as_the_engine_pools_them() -> None:
    made = made_papers({"one": -15, "two": -12, "three": -3}, sd=18)
    found = answer(made_synthesis(tuple(made_study(n) for n in made)), made, LIMITS)
    assert found.pooled is not None
    direct = pool(review([-15, -12, -3], [2 * 18**2 / 40] * 3)).one()
    assert found.pooled == direct
    assert sum(found.weights.values()) == pytest.approx(100)
    assert "3 trials, 240 people: 10.0 points of 100 lower" in found.numbers[0]


def test_a_trial_that_is_only_shown_moves_no_number() -> None:
    made = made_papers({"one": -15, "two": -12, "three": -3, "odd": 70})
    counted = tuple(made_study(n) for n in ("one", "two", "three"))
    without = answer(made_synthesis(counted), made, LIMITS)
    odd = made_study("odd", shown_only="its numbers cannot be right")
    beside = answer(made_synthesis((*counted, odd)), made, LIMITS)
    assert (beside.pooled, beside.grade, beside.sentence) == (
        without.pooled,
        without.grade,
        without.sentence,
    )
    assert "its numbers cannot be right" in beside.numbers[-1]


@pytest.mark.parametrize(
    ("differences", "sd", "expected"),
    [
        ((-30, -31, -29), 10, "is followed by lower pain than salt water, enough for people"),
        ((1, -1, 0), 10, "makes little or no difference that people would notice to pain"),
        ((30, 31, 29), 10, "is followed by higher pain than salt water, enough for people"),
        ((-11, -12, -13), 20, "the numbers also allow a difference too small to notice"),
        ((40, -40, 0), 20, "is not known: the numbers allow a gain, no difference and a loss"),
    ],
)
def test_the_sentence_says_what_the_interval_allows(
    differences: tuple[float, ...], sd: float, expected: str
) -> None:
    names = ("one", "two", "three")
    made = made_papers(dict(zip(names, differences, strict=True)), sd=sd, n=200)
    found = answer(made_synthesis(tuple(made_study(n) for n in names)), made, LIMITS)
    assert expected in found.sentence


@pytest.mark.parametrize(
    ("levels", "hedge"),
    [
        (0, "is followed"),
        (1, "is probably followed"),
        (2, "may be followed"),
        (3, "may be followed"),
    ],
)
def test_less_certainty_makes_a_more_cautious_sentence(levels: int, hedge: str) -> None:
    made = made_papers({"one": -30, "two": -31, "three": -29}, sd=10, n=200)
    asked = made_synthesis(tuple(made_study(n) for n in made), risk_of_bias_levels=levels)
    found = answer(asked, made, LIMITS)
    assert found.grade is not None
    assert found.grade.certainty == Certainty(4 - levels)
    assert f"rolotherapy {hedge} by lower pain" in found.sentence
    assert found.sentence.startswith("The evidence is very uncertain: p") is (levels == 3)


def test_two_trials_that_disagree_lose_certainty_for_it() -> None:
    made = made_papers({"one": -30, "two": 30}, sd=10)
    found = answer(made_synthesis((made_study("one"), made_study("two"))), made, LIMITS)
    assert found.grade is not None
    assert any("do not overlap" in reason for reason in found.grade.reasons)


def test_most_trials_unread_cost_a_level() -> None:
    made = made_papers({"one": -30, "two": -31, "three": -29}, sd=10, n=200)
    asked = made_synthesis(tuple(made_study(n) for n in made))
    some, most = (answer(asked, made, LIMITS, Share(n, 10)) for n in (5, 6))
    assert some.grade is not None and most.grade is not None
    assert most.grade.certainty == some.grade.certainty - 1
    assert "6 of the 10 finished trials" in " ".join(most.grade.reasons)


def test_nothing_counted_is_said_as_nothing_known() -> None:
    made = made_papers({"one": -30})
    asked = made_synthesis((made_study("one", shown_only="knees were counted"),))
    found = answer(asked, made, LIMITS)
    assert found.grade is None
    assert found.sentence.startswith("Nothing can be said about pain compared with salt water")


def test_groups_of_equal_risk_of_bias_have_their_own_pool_from_three_trials_on() -> None:
    low, high = ("a", "b", "c"), ("d", "e")
    made = made_papers(dict.fromkeys((*low, *high), -5.0) | {"a": -6.0, "d": -30})
    studies = [made_study(n) for n in low]
    studies += [made_study(n, bias=ALL_LOW | {"care": "high"}) for n in high]
    found = answer(made_synthesis(tuple(studies)), made, LIMITS)
    assert set(found.groups) == {LOWER_RISK}
    assert found.groups[LOWER_RISK].k == 3
    assert {t.bias_group for t in found.trials} == {LOWER_RISK, HIGH_RISK}


def test_a_trial_read_in_part_is_not_called_low_risk() -> None:
    made = made_papers({"one": -5})
    study = made_study("one", bias={"blinding": "low"})
    assert trial(study, made_synthesis((study,)), made["one"]).bias_group == PARTLY_READ


@given(times=st.sampled_from([-10, -1, 1, 2, 10]), difference=st.integers(-40, 40))
def test_another_scale_multiplies_the_difference_and_its_error(times: int, difference: int) -> None:
    paper = made_paper("one", difference)
    plain, scaled = made_study("one"), made_study("one", times=Decimal(times))
    asked = made_synthesis((plain,))
    one, other = trial(plain, asked, paper), trial(scaled, asked, paper)
    assert other.estimate == pytest.approx(times * one.estimate)
    assert other.se == pytest.approx(abs(times) * one.se)


def test_counts_are_compared_out_of_100() -> None:
    rows = [
        PaperOutcome(arm, "better", Decimal(26), "events", "made up", n=40, events=events)
        for arm, events in (("treated", 30), ("compared", 20))
    ]
    paper = replace(made_paper("one", 0), outcomes=tuple(rows))
    study = made_study("one", instrument="better")
    asked = made_synthesis((study,), measure="RD", unit="of 100 people", better="higher")
    found = trial(study, asked, paper)
    assert found.estimate == pytest.approx(25)
    assert found.out_of_100 == (75, 50)


def test_a_printed_difference_is_taken_with_its_interval() -> None:
    contrast = PaperContrast(
        "treated", "compared", "pain", Decimal(26), "MD", Decimal(-8), "made up",
        ci_low=Decimal(-12), ci_high=Decimal(-4),
    )  # fmt: skip
    paper = replace(made_paper("one", 0), outcomes=(), contrasts=(contrast,))
    study = made_study("one")
    found = trial(study, made_synthesis((study,)), paper)
    assert (found.ci_low, found.ci_high) == pytest.approx((-12, -4))
    assert found.people_in_words == "80 in all"


@pytest.mark.parametrize(
    ("study", "expected"),
    [
        (made_study("gone"), "there is no such paper"),
        (made_study("one", instrument="joy"), "no 'joy' of both arms"),
        (made_study("doubtful"), "its numbers are doubtful"),
        (made_study("one", bias={"luck": "low"}), "bias: 'luck'"),
        (made_study("one", bias={"care": "fine"}), "bias: 'fine'"),
        (made_study("no_sd"), "mean, standard deviation and number of people are needed"),
    ],
)
def test_a_synthesis_that_does_not_hold_says_where_and_why(study, expected: str) -> None:  # type: ignore[no-untyped-def]
    made = {"one": made_paper("one", 0), "doubtful": made_paper("doubtful", 0, doubt="Odd.")}
    bare = made_paper("no_sd", 0)
    made["no_sd"] = replace(bare, outcomes=tuple(replace(o, sd=None) for o in bare.outcomes))
    told = problems(made_synthesis((study,)), made)
    assert any(expected in text for text in told), told
    with pytest.raises(EvidenceError, match="made_pain"):
        answer_topic(TOPIC, [made_synthesis((study,))], made, LIMITS)


def test_a_choice_of_trials_cannot_leave_out_one_that_must_stand_beside() -> None:
    asked = made_synthesis((made_study("one"),), never_without=("neutral",))
    told = problems(asked, made_papers({"one": -20, "neutral": 0}))
    assert told == ("made_pain: neutral must stand beside the others and is not listed",)


@pytest.mark.parametrize("name", KNOWN.syntheses)
def test_every_shipped_synthesis_holds(name: str) -> None:
    assert problems(KNOWN.syntheses[name], papers()) == ()


@pytest.mark.parametrize("name", KNOWN.syntheses)
def test_no_doubtful_number_is_counted(name: str) -> None:
    for study in KNOWN.syntheses[name].studies:
        rows = numbers_of(study, papers()[study.paper])
        assert study.shown_only or not any(row.doubt for row in rows)


@pytest.mark.parametrize("name", KNOWN.syntheses)
def test_nobody_is_counted_twice_in_a_synthesis(name: str) -> None:
    listed = [study.paper for study in KNOWN.syntheses[name].studies]
    assert len(listed) == len(set(listed))


def test_every_paper_is_answered_for_on_the_page_of_its_condition() -> None:
    told = {one.paper for found in SHIPPED.values() for one in found.unread}
    told |= {t.paper for found in SHIPPED.values() for a in found.answers for t in a.trials}
    assert told == set(papers())
    assert all(one.reason for found in SHIPPED.values() for one in found.unread)


def test_the_pool_of_backs_and_knees_is_what_the_saved_script_gives_in_r() -> None:
    """`Rscript any_place.R` on the page's CSV, metafor 3.8-1 and R 4.2.2 on 2026-11-26."""
    pooled = question("any_pain_saline_year").pooled
    assert pooled is not None and pooled.k == 3
    assert pooled.estimate == pytest.approx(-7.12794501859116, rel=1e-8)
    assert pooled.se == pytest.approx(2.810548540846345, rel=1e-8)
    assert pooled.ci_low == pytest.approx(-19.220759369957051, rel=1e-8)
    assert pooled.ci_high == pytest.approx(4.964869332774741, rel=1e-8)
    assert pooled.q == pytest.approx(1.03565814132549, rel=1e-8)
    assert pooled.tau2 == 0


def test_the_saved_script_pools_what_the_page_pools_in_the_same_way() -> None:
    found = SHIPPED["any_place"]
    lines = list(csv.DictReader(io.StringIO(as_csv(found))))
    assert [(row["study"], row["counted"]) for row in lines] == [
        ("Yelland 2004", "yes"),
        ("Rabago 2013", "yes"),
        ("Sit 2020", "yes"),
    ]
    together = review([float(r["estimate"]) for r in lines], [float(r["se"]) ** 2 for r in lines])
    read = pool(together, interval=Interval.HK_ADHOC)
    assert read.one() == found.answers[0].pooled
    script = as_r_script(found, KNOWN.certainty_limits.trials_to_pool)
    assert 'read.csv("any_place.csv"' in script
    assert 'method = "REML", test = "adhoc"' in script


def test_backs_and_knees_together_leave_out_no_trial_that_followed_a_year() -> None:
    """Every trial with salt water or anaesthetic on the other side and 48 weeks or more."""
    long_enough = {
        paper.id
        for paper in papers().values()
        if int(paper.followup_weeks or 0) >= 48
        and {"saline", "lidocaine"} & {arm.role for arm in paper.arms}
    }
    assert set(KNOWN.evidence_topics["any_place"].papers) == long_enough


def test_what_was_put_together_afterwards_says_so_and_is_of_very_low_certainty() -> None:
    found = question("any_pain_saline_year")
    assert "after their numbers were known" in found.synthesis.indirectness
    assert found.grade is not None and found.grade.certainty is Certainty.VERY_LOW
    assert "prolotherapy may make little or no difference" in found.sentence


def test_yelland_stands_alone_with_its_interval_and_dechow_beside_it() -> None:
    """Means and SDs of Cochrane CD004059's table of characteristics (PMC6986690, wrap 14)."""
    found = question("low_back_pain")
    yelland, dechow = found.trials
    assert (yelland.estimate, yelland.ci_low, yelland.ci_high) == pytest.approx(
        (-3.5, -13.3, 6.3), abs=0.05
    )
    assert yelland.is_counted and not dechow.is_counted
    assert found.pooled is None


def test_two_positive_trials_with_co_interventions_never_speak_alone() -> None:
    found = question("low_back_half_better")
    assert {"ongley_1987", "klein_1993", "yelland_2004"} == {t.paper for t in found.trials}
    assert "Yelland 2004, shown but not counted, also fits with no difference." in found.sentence
    assert found.grade is not None and found.grade.certainty is Certainty.VERY_LOW
    assert SHIPPED["low_back"].answers[0].synthesis.id == "low_back_pain"


def test_a_standard_error_printed_as_if_it_were_an_sd_is_taken_for_what_it_is() -> None:
    """Rabago 2013's "15.3 ± 3.5" are standard errors (Table 4): the interval stays wide."""
    rabago = next(t for t in question("knee_pain_saline").trials if "rabago" in t.paper)
    assert rabago.se == pytest.approx(math.hypot(3.62, 3.67), rel=1e-3)


@pytest.mark.parametrize(
    ("author", "year", "expected"),
    [
        ("Yelland MJ", 2004, "Yelland 2004"),
        ("Comert Kilic S", 2016, "Comert Kilic 2016"),
        ("Umay Altas E", None, "Umay Altas"),
        ("(not on page read)", None, "J Made Up (author not read)"),
    ],
)
def test_a_trial_is_named_as_people_name_it(author: str, year: int | None, expected: str) -> None:
    paper = replace(
        made_paper("one", 0), first_author=author, year=year, journal="J Made Up (site)"
    )
    assert name_of(paper) == expected


def test_a_paper_without_usable_numbers_says_why() -> None:
    paper = made_paper("one", 0)
    one_arm = replace(paper, outcomes=paper.outcomes[:1])
    unnumbered = replace(paper, outcomes=tuple(replace(o, n=None) for o in paper.outcomes))
    no_sd = replace(paper, outcomes=tuple(replace(o, sd=None) for o in paper.outcomes))
    registered = replace(paper, outcomes=(), source_kind="registry")
    told = [why_unused(p) for p in (one_arm, unnumbered, no_sd, registered, paper)]
    assert len(set(told)) == 5
    assert told[3] == "Registered; no results were seen."


@pytest.mark.parametrize(
    ("better", "low_end", "high_end"),
    [
        ("lower", "prolotherapy better", "comparison better"),
        ("higher", "comparison better", "prolotherapy better"),
    ],
)
def test_the_ends_of_the_axis_say_who_does_better_there(
    better: str, low_end: str, high_end: str
) -> None:
    made = made_papers({"one": -15})
    synthesis = replace(made_synthesis((made_study("one"),)), better=better)
    data = forest_data(answer(synthesis, made, LIMITS))
    assert (data.low_words, data.high_words) == (low_end, high_end)

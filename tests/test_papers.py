"""Every paper is whole, adds up, and says where each number was seen."""

import re
from decimal import Decimal

import pytest

from enthesis.knowledge.load import FOLDER, knowledge
from enthesis.knowledge.load_papers import papers
from enthesis.knowledge.paper import Paper, PaperOutcome
from tests.unit.evidence.made_papers import TODAY

PAPERS = papers()
NAMES = sorted(PAPERS)
SD_ORIGINS = {"", "reported", "from_se", "from_ci", "from_F"}


def outcomes(name: str) -> list[PaperOutcome]:
    return list(PAPERS[name].outcomes)


def test_every_file_in_the_folder_is_a_paper() -> None:
    assert len(PAPERS) == len(list((FOLDER / "papers").glob("*.toml"))) >= 78


@pytest.mark.parametrize("name", NAMES)
def test_every_number_says_where_it_was_seen(name: str) -> None:
    paper = PAPERS[name]
    rows = (paper, *paper.arms, *paper.outcomes, *paper.contrasts, *paper.harms)
    assert all(row.source.strip() for row in rows)
    assert paper.extracted_by and paper.checked_by
    assert paper.checked_on <= TODAY


@pytest.mark.parametrize("name", NAMES)
def test_events_are_no_more_than_people_and_people_no_more_than_randomised(name: str) -> None:
    paper = PAPERS[name]
    for row in paper.outcomes:
        assert row.events is None or row.n is None or 0 <= row.events <= row.n
    # Elbows and knees are counted in some trials; those rows carry their doubt.
    doubted = any(row.doubt for row in paper.outcomes)
    if paper.randomised is not None and not doubted:
        assert all(row.n is None or row.n <= paper.randomised for row in paper.outcomes)
        assert all((arm.randomised or 0) <= paper.randomised for arm in paper.arms)


@pytest.mark.parametrize("name", NAMES)
def test_a_spread_too_large_for_its_scale_carries_its_doubt(name: str) -> None:
    """No scores between two ends spread more than half the range (all at the ends)."""
    for row in outcomes(name):
        if row.sd is None or row.scale_min is None or row.scale_max is None:
            continue
        assert row.sd > 0
        reach = 1 if row.measure == "final" else 2
        at_most = reach * (row.scale_max - row.scale_min) / 2
        assert row.sd <= at_most or row.doubt, f"{row.arm} {row.instrument} week {row.weeks}"


@pytest.mark.parametrize("name", NAMES)
def test_a_final_mean_lies_within_its_scale(name: str) -> None:
    for row in outcomes(name):
        if row.measure == "final" and row.mean is not None:
            assert row.scale_min is None or row.mean >= row.scale_min
            assert row.scale_max is None or row.mean <= row.scale_max


@pytest.mark.parametrize("name", NAMES)
def test_every_row_says_what_kind_of_number_it_is(name: str) -> None:
    paper = PAPERS[name]
    arms = {arm.name for arm in paper.arms}
    for row in paper.outcomes:
        assert row.measure in {"final", "change", "events", "proportion"}
        assert row.sd_origin in SD_ORIGINS
        assert row.weeks >= 0
        assert row.arm in arms, f"{row.arm} is no arm of {name}"
        assert row.measure != "proportion" or row.doubt
    for contrast in paper.contrasts:
        assert {contrast.arm, contrast.comparator} <= arms


@pytest.mark.parametrize("name", NAMES)
def test_a_printed_difference_lies_in_its_interval(name: str) -> None:
    for row in PAPERS[name].contrasts:
        if row.ci_low is not None and row.ci_high is not None:
            assert row.ci_low < row.estimate < row.ci_high
            half = (row.ci_high - row.ci_low) / 2
            if row.se is not None:
                assert abs(half / row.se - Decimal("1.96")) < Decimal("0.05")


@pytest.mark.parametrize("paper", PAPERS.values(), ids=NAMES)
def test_a_doi_and_a_pubmed_number_look_like_one(paper: Paper) -> None:
    assert not paper.doi or re.match(r"10\.\d{4,}/\S+$", paper.doi)
    assert not paper.pmid or paper.pmid.isdigit()


def test_every_condition_of_a_paper_has_its_topic_and_every_topic_its_benchmarks() -> None:
    known = knowledge(TODAY)
    together = {topic.id for topic in known.evidence_topics.values() if topic.papers}
    groups = {paper.condition_group for paper in PAPERS.values()}
    assert groups == set(known.evidence_topics) - together
    for topic in known.evidence_topics.values():
        assert set(topic.papers) <= set(PAPERS)
        assert set(topic.benchmarks) <= set(known.benchmarks)
    assert {s.topic for s in known.syntheses.values()} <= set(known.evidence_topics)

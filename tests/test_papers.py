"""Every paper is whole, adds up, and says where each number was seen."""

import re
from decimal import Decimal

from enthesis.knowledge.load import FOLDER, knowledge
from enthesis.knowledge.load_papers import papers
from tests.unit.evidence.made_papers import TODAY

PAPERS = papers()
SD_ORIGINS = {"", "reported", "from_se", "from_ci", "from_F"}


def test_every_file_in_the_folder_is_a_paper() -> None:
    assert len(PAPERS) == len(list((FOLDER / "papers").glob("*.toml"))) >= 78


def test_every_number_says_where_it_was_seen() -> None:
    for name, paper in PAPERS.items():
        rows = (paper, *paper.arms, *paper.outcomes, *paper.contrasts, *paper.harms)
        assert all(row.source.strip() for row in rows), name
        assert paper.extracted_by and paper.checked_by, name
        assert paper.checked_on <= TODAY, name


def test_events_are_no_more_than_people_and_people_no_more_than_randomised() -> None:
    for name, paper in PAPERS.items():
        for row in paper.outcomes:
            assert row.events is None or row.n is None or 0 <= row.events <= row.n, name
        # Elbows and knees are counted in some trials; those rows carry their doubt.
        doubted = any(row.doubt for row in paper.outcomes)
        if paper.randomised is not None and not doubted:
            assert all(row.n is None or row.n <= paper.randomised for row in paper.outcomes), name
            assert all((arm.randomised or 0) <= paper.randomised for arm in paper.arms), name


def test_a_spread_too_large_for_its_scale_carries_its_doubt() -> None:
    """No scores between two ends spread more than half the range (all at the ends)."""
    for name, paper in PAPERS.items():
        for row in paper.outcomes:
            if row.sd is None or row.scale_min is None or row.scale_max is None:
                continue
            assert row.sd > 0, name
            reach = 1 if row.measure == "final" else 2
            at_most = reach * (row.scale_max - row.scale_min) / 2
            assert row.sd <= at_most or row.doubt, (
                f"{name}, {row.arm} {row.instrument} week {row.weeks}"
            )


def test_a_final_mean_lies_within_its_scale() -> None:
    for name, paper in PAPERS.items():
        for row in paper.outcomes:
            if row.measure == "final" and row.mean is not None:
                assert row.scale_min is None or row.mean >= row.scale_min, name
                assert row.scale_max is None or row.mean <= row.scale_max, name


def test_every_row_says_what_kind_of_number_it_is() -> None:
    for name, paper in PAPERS.items():
        arms = {arm.name for arm in paper.arms}
        for row in paper.outcomes:
            assert row.measure in {"final", "change", "events", "proportion"}, name
            assert row.sd_origin in SD_ORIGINS, name
            assert row.weeks >= 0, name
            assert row.arm in arms, f"{row.arm} is no arm of {name}"
            assert row.measure != "proportion" or row.doubt, name
        for contrast in paper.contrasts:
            assert {contrast.arm, contrast.comparator} <= arms, name


def test_a_printed_difference_lies_in_its_interval() -> None:
    for name, paper in PAPERS.items():
        for row in paper.contrasts:
            if row.ci_low is not None and row.ci_high is not None:
                assert row.ci_low < row.estimate < row.ci_high, name
                half = (row.ci_high - row.ci_low) / 2
                if row.se is not None:
                    assert abs(half / row.se - Decimal("1.96")) < Decimal("0.05"), name


def test_a_doi_and_a_pubmed_number_look_like_one() -> None:
    for name, paper in PAPERS.items():
        assert not paper.doi or re.match(r"10\.\d{4,}/\S+$", paper.doi), name
        assert not paper.pmid or paper.pmid.isdigit(), name


def test_every_condition_of_a_paper_has_its_topic_and_every_topic_its_benchmarks() -> None:
    known = knowledge(TODAY)
    together = {topic.id for topic in known.evidence_topics.values() if topic.papers}
    groups = {paper.condition_group for paper in PAPERS.values()}
    assert groups == set(known.evidence_topics) - together
    for topic in known.evidence_topics.values():
        assert set(topic.papers) <= set(PAPERS)
        assert set(topic.benchmarks) <= set(known.benchmarks)
    assert {s.topic for s in known.syntheses.values()} <= set(known.evidence_topics)

"""Papers and a synthesis made up for tests, so that pools of any size can be asked for."""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from enthesis.knowledge.load import knowledge
from enthesis.knowledge.paper import (
    CertaintyLimits,
    EvidenceTopic,
    Paper,
    PaperOutcome,
    Synthesis,
    SynthesisStudy,
)

TODAY = date(2026, 11, 26)
LIMITS: CertaintyLimits = knowledge(TODAY).certainty_limits
ALL_LOW = {"chance": "low", "blinding": "low", "lost": "low", "care": "low"}
TOPIC = EvidenceTopic("made", "made-up pain", TODAY, "UNSOURCED: made up", ("everything",))


def made_paper(name: str, difference: float, sd: float = 20, n: int = 40, doubt: str = "") -> Paper:
    """A trial whose treated people end `difference` points from the 50 of the others."""
    rows = [
        PaperOutcome(
            arm=arm,
            instrument="pain",
            weeks=Decimal(26),
            measure="final",
            source="made up",
            n=n,
            mean=Decimal(str(mean)),
            sd=Decimal(str(sd)),
            doubt=doubt,
        )
        for arm, mean in (("treated", 50 + difference), ("compared", 50))
    ]
    return Paper(
        id=name,
        first_author=f"{name.title()} AB",
        year=2020,
        condition="made up",
        condition_group="made",
        extracted_by="test",
        checked_by="test",
        checked_on=TODAY,
        source="made up",
        source_kind="abstract",
        randomised=2 * n,
        outcomes=tuple(rows),
    )


def made_papers(differences: Mapping[str, float], **more: Any) -> dict[str, Paper]:
    """Papers by id."""
    return {name: made_paper(name, value, **more) for name, value in differences.items()}


def made_study(paper: str, **more: Any) -> SynthesisStudy:
    """The pain of the paper, with whatever is to be different."""
    given: dict[str, Any] = {
        "paper": paper,
        "arm": "treated",
        "comparator": "compared",
        "instrument": "pain",
        "weeks": Decimal(26),
        "bias": ALL_LOW,
    }
    return SynthesisStudy(**(given | more))


def made_synthesis(studies: tuple[SynthesisStudy, ...], **more: Any) -> Synthesis:
    """Pain against salt water, 10 points of 100 worth having."""
    given: dict[str, Any] = {
        "id": "made_pain",
        "topic": "made",
        "title": "Pain",
        "outcome": "pain",
        "comparator": "salt water",
        "measure": "MD",
        "unit": "points of 100",
        "better": "lower",
        "worthwhile": Decimal(10),
        "risk_of_bias_levels": 0,
        "risk_of_bias": "all blinded",
        "indirectness_levels": 0,
        "indirectness": "the question's own people",
        "source": "UNSOURCED: made up",
        "studies": studies,
    }
    return Synthesis(**(given | more))

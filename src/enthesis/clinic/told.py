"""What the trials of a condition say, as consents and the decision aid tell it: one bridge for
both, so that a corrected paper changes both. It knows no tables."""

from datetime import date
from functools import lru_cache

from enthesis.evidence.answer import Answer, answer_topic
from enthesis.evidence.sentences import time
from enthesis.evidence.trials import Trial
from enthesis.journey import consent as text
from enthesis.knowledge.kinds import Knowledge
from enthesis.knowledge.load import knowledge
from enthesis.knowledge.load_papers import papers


def evidence_on(condition: str, known: Knowledge) -> text.EvidenceTold | None:
    """What the trials of a condition say, from the same answers as the public evidence pages."""
    return _evidence(known.consent_rules.topics.get(condition, condition), known.as_of)


@lru_cache(maxsize=64)
def _evidence(topic: str, on: date) -> text.EvidenceTold | None:
    known = knowledge(on)
    if topic not in known.evidence_topics:
        return None
    asked = known.evidence_topics[topic]
    found = answer_topic(asked, known.syntheses.values(), papers(), known.certainty_limits)
    shown = [one for answer in found.answers for one in answer.trials]
    return text.EvidenceTold(
        topic=topic,
        trials_found=found.trials_found,
        questions=tuple(_question(one) for one in found.answers),
        sources=tuple(
            dict.fromkeys(f"{one.name}: {source}" for one in shown for source in one.sources)
        ),
    )


def _question(answer: Answer) -> text.QuestionTold:
    synthesis, graded = answer.synthesis, answer.grade
    told = [_trial(one) for one in answer.trials]
    if pooled := answer.pooled:
        ends = (pooled.estimate, pooled.ci_low, pooled.ci_high)
        whole = text.TrialTold("", "", answer.people, *ends, trials=len(answer.counted))
        told = [whole, *(one for one in told if not one.is_counted)]
    return text.QuestionTold(
        outcome=synthesis.outcome,
        comparator=synthesis.comparator,
        unit=synthesis.unit,
        certainty=graded.certainty.words if graded else "",
        told=tuple(told),
    )


def _trial(one: Trial) -> text.TrialTold:
    with_it, without = one.of_100 or (None, None)
    return text.TrialTold(
        name=one.name,
        when=time(one.weeks),
        people=one.headcount,
        estimate=one.estimate,
        low=one.ci_low,
        high=one.ci_high,
        is_counted=one.is_counted,
        with_it=with_it,
        without=without,
    )

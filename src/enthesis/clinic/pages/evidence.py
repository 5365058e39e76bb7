"""What the published trials say, open to everybody: no sign-in, nothing about any patient."""

from datetime import date
from functools import lru_cache
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from enthesis.charts.anyway import anyway_svg
from enthesis.charts.forest import forest_svg
from enthesis.charts.forest_data import forest_table
from enthesis.charts.icon_array import HundredPeople, people_svg
from enthesis.clinic.pages.choose import only_index
from enthesis.clinic.permissions import may, public_page
from enthesis.evidence import sentences
from enthesis.evidence.answer import Answer, TopicAnswer, answer_topic, papers_of
from enthesis.evidence.anyway import natural_history
from enthesis.evidence.anyway_figure import anyway_chart, anyway_pools, anyway_table
from enthesis.evidence.export import as_csv, as_r_script
from enthesis.evidence.figure import DOMAIN_WORDS, forest_data
from enthesis.evidence.grade import Certainty
from enthesis.evidence.trials import Trial
from enthesis.knowledge.kinds import Benchmark
from enthesis.knowledge.load import knowledge
from enthesis.knowledge.load_papers import papers

TONES = {
    Certainty.HIGH: "good",
    Certainty.MODERATE: "accent",
    Certainty.LOW: "care",
    Certainty.VERY_LOW: "care",
}


@require_safe
def evidence(request: HttpRequest) -> HttpResponse:
    """One honest line for each condition."""
    topics = [
        {"found": found, "certainty": _certainty(found.answers[0]) if found.answers else None}
        for found in _all_topics(timezone.localdate())
    ]
    context = {
        "topics": topics,
        "choose": only_index(),
        "answers": may(request.user, "outcomes"),
    }
    return render(request, "clinic/evidence/evidence.html", context)


@require_safe
def evidence_topic(request: HttpRequest, topic: str) -> HttpResponse:
    """Everything about one condition: the answers, every trial, what is not known."""
    found = _topic_or_404(topic)
    known = knowledge(timezone.localdate())
    context = {
        "found": found,
        "lead": _certainty(found.answers[0]) if found.answers else None,
        "questions": [_question(one) for one in found.answers],
        "anyway": _anyway(found.topic.id, timezone.localdate()),
        "benchmarks": [_benchmark(known.benchmarks[b]) for b in found.topic.benchmarks],
        "people": sum(paper.randomised or 0 for paper in papers_of(found.topic, papers())),
    }
    return render(request, "clinic/evidence/topic.html", context)


@require_safe
def evidence_csv(request: HttpRequest, topic: str) -> HttpResponse:
    """The numbers behind the figures."""
    return _download(as_csv(_topic_or_404(topic)), "text/csv; charset=utf-8", f"{topic}.csv")


@require_safe
def evidence_script(request: HttpRequest, topic: str) -> HttpResponse:
    """The script that does the same sums in R."""
    enough = knowledge(timezone.localdate()).certainty_limits.trials_to_pool
    script = as_r_script(_topic_or_404(topic), enough)
    return _download(script, "text/plain; charset=utf-8", f"{topic}.R")


@lru_cache(maxsize=4)
def _all_topics(today: date) -> tuple[TopicAnswer, ...]:
    """The files do not change while the program runs: worked out once a day."""
    known = knowledge(today)
    return tuple(
        answer_topic(topic, known.syntheses.values(), papers(), known.certainty_limits)
        for topic in known.evidence_topics.values()
    )


def _topic_or_404(wanted: str) -> TopicAnswer:
    for found in _all_topics(timezone.localdate()):
        if found.topic.id == wanted:
            return found
    raise Http404(f"evidence on {wanted}")


def _certainty(answer: Answer) -> dict[str, Any] | None:
    grade = answer.grade
    if grade is None:
        return None
    words = f"{grade.certainty.words.capitalize()} certainty"
    reasons = [f"{reason[:1].upper()}{reason[1:]}." for reason in grade.reasons]
    return {"words": words, "tone": TONES[grade.certainty], "reasons": reasons}


def _question(answer: Answer) -> dict[str, Any]:
    """What the page shows of one question."""
    synthesis, data = answer.synthesis, forest_data(answer)
    uid = synthesis.id.replace("_", "-")
    return {
        "synthesis": synthesis,
        "uid": uid,
        "answer": answer,
        "certainty": _certainty(answer),
        "finding": data.title,
        "measure_line": "Square: one trial, larger = more precise. Line: 95 % interval.",
        # Only the wide drawing has room for the circles; on a phone the groups say it.
        "bias_line": f"Circles: {', '.join(DOMAIN_WORDS.values())}; + low risk of bias, ! some, "
        "– high, ? not read.",
        "wide": forest_svg(data, "wide", f"{uid}-wide"),
        "narrow": forest_svg(data, "narrow", f"{uid}-narrow"),
        "table": _labelled(**forest_table(data)),
        "hundred": [_hundred(one, answer, uid) for one in answer.trials if one.out_of_100],
        "numbers": answer.numbers,
    }


def _hundred(trial: Trial, answer: Answer, uid: str) -> dict[str, Any]:
    """Out of 100 with and without, of one trial; the range moves with the difference's interval."""
    _, compared = trial.out_of_100 or (0.0, 0.0)
    with_it, without = trial.of_100 or (0, 0)
    low, high = (min(100, max(0, round(compared + end))) for end in (trial.ci_low, trial.ci_high))
    outcome = answer.synthesis.outcome
    pictures = (
        HundredPeople(f"{trial.name}: without prolotherapy, {without} of 100", without),
        HundredPeople(
            f"{trial.name}: with prolotherapy, {with_it} of 100",
            min(without, with_it),
            max(0, with_it - without),
        ),
    )
    return {
        "name": trial.name,
        "when": sentences.time(trial.weeks),
        "outcome": outcome,
        "without": without,
        "with_it": with_it,
        "low": low,
        "high": high,
        "shown_only": trial.shown_only,
        "bias_group": trial.bias_group,
        "pictures": [
            people_svg(one, f"{uid}-{trial.paper}-{i}".replace("_", "-"))
            for i, one in enumerate(pictures)
        ],
    }


@lru_cache(maxsize=16)
def _anyway(topic: str, today: date) -> dict[str, Any] | None:
    """The picture of the untreated groups, its sentence and its table; None without any group."""
    known = knowledge(today)
    found = natural_history(
        known.evidence_topics[topic],
        known.untreated_groups.values(),
        papers(),
        known.anyway_rules,
        known.certainty_limits.trials_to_pool,
    )
    if not found.groups:
        return None
    chart = anyway_chart(found)
    return {
        "line": found.line,
        "finding": chart.title,
        "wide": anyway_svg(chart, "wide", "anyway-wide"),
        "narrow": anyway_svg(chart, "narrow", "anyway-narrow"),
        "table": _labelled(**anyway_table(found)),
        "pools": anyway_pools(found),
        "groups": [one.group for one in found.groups],
        "rules": known.anyway_rules,
    }


def _benchmark(benchmark: Benchmark) -> dict[str, Any]:
    """What happens anyway, as a table of the middle half at each time."""
    sign = "{:+}" if benchmark.is_change else "{}"
    rows = [
        [
            "start" if not point.weeks else sentences.time(point.weeks),
            _shown(sign, point.middle),
            f"{_shown(sign, point.low)} to {_shown(sign, point.high)}",
            point.n,
        ]
        for point in benchmark.points
    ]
    head = ["After", "Change" if benchmark.is_change else "Middle person", "Middle half", "People"]
    return {"benchmark": benchmark, "table": _labelled(head, rows)}


def _labelled(head: list[Any], rows: list[Any]) -> dict[str, Any]:
    """A table whose cells know their heading, for phones where rows become cards."""
    named = [(first, list(zip(head[1:], rest, strict=True))) for first, *rest in rows]
    return {"head": head, "rows": named}


def _shown(sign: str, value: Any) -> str:
    return sign.format(value.normalize()).replace("-", "−").replace("+0", "0")


def _download(text: str, kind: str, name: str) -> HttpResponse:
    response = HttpResponse(text, content_type=kind)
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


urlpatterns = [
    public_page("evidence/", evidence, "evidence"),
    public_page("evidence/<slug:topic>/", evidence_topic, "evidence_topic"),
    public_page("evidence/<slug:topic>.csv", evidence_csv, "evidence_csv"),
    public_page("evidence/<slug:topic>.R", evidence_script, "evidence_script"),
]

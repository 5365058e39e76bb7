"""An answer, or anybody's pooled file, as the data of a forest plot."""

import math
from collections.abc import Iterable

from enthesis.charts.forest_data import ForestData, ForestDiamond, ForestGroup, ForestRow
from enthesis.charts.network import NetworkPicture
from enthesis.charts.small_study import FunnelPlot, FunnelStudy
from enthesis.evidence import sentences
from enthesis.evidence.answer import Answer
from enthesis.evidence.effects import Measure
from enthesis.evidence.network_csv import NetworkAnswer
from enthesis.evidence.pool import Single
from enthesis.evidence.pool_csv import FileAnswer
from enthesis.evidence.study_file import StudyLine
from enthesis.evidence.trials import DOMAINS, HIGH_RISK, LOWER_RISK, PARTLY_READ, Trial, Z

SHOWN = "Shown, not pooled"
DOMAIN_WORDS = {
    "chance": "allocation",
    "blinding": "blinding",
    "lost": "people lost",
    "care": "other treatment",
}


def forest_data(answer: Answer) -> ForestData:
    """The figure of one question: counted trials by risk of bias, then those only shown."""
    synthesis = answer.synthesis
    low_words, high_words = sentences.ends(synthesis)
    return ForestData(
        title=f"{synthesis.title}: every trial",
        axis=_axis(answer),
        low_words=low_words,
        high_words=high_words,
        groups=tuple(_groups(answer)),
        diamond=_diamond(answer.pooled, f"All {answer.pooled.k} trials") if answer.pooled else None,
        note=answer.why_not_pooled,
        zone=float(synthesis.worthwhile),
        places={"MD": 1, "SMD": 2, "RD": 0}[synthesis.measure],
        domains=tuple(DOMAIN_WORDS[domain] for domain in DOMAINS),
    )


def file_forest(answer: FileAnswer, title: str, enough: int) -> ForestData:
    """The figure of a pooled CSV file, by its groups; a diamond needs `enough` studies."""
    weights = _weights(answer)
    names = list(dict.fromkeys(study.group for study in answer.studies))
    groups = [
        ForestGroup(
            title=name,
            rows=tuple(_file_row(s, weights[s.study]) for s in answer.studies if s.group == name),
            diamond=_file_diamond(answer.groups.get(name), f"Pooled, {name}", enough),
        )
        for name in names
    ]
    overall = answer.overall
    return ForestData(
        title=title,
        axis=f"{answer.measure}, 95 % interval ({answer.model.value}, {answer.interval.value})",
        low_words="lower in arm 1",
        high_words="higher in arm 1",
        groups=tuple(groups),
        diamond=_file_diamond(overall, f"All {overall.k}", enough),
        note="" if overall.k >= enough else f"Fewer than {enough} studies: no diamond.",
        is_ratio=answer.measure in {m.value for m in Measure if m.is_ratio},
        places=2,
    )


def file_funnel(answer: FileAnswer, title: str) -> FunnelPlot:
    """The funnel of a pooled CSV file: 95 % of the studies lie within it if chance alone acts."""
    studies = (FunnelStudy(s.study, s.estimate, math.sqrt(s.variance)) for s in answer.studies)
    return FunnelPlot(
        title=title,
        axis=f"{answer.measure}, the outline holds 95 % if the studies differ by chance alone",
        middle=answer.overall.estimate,
        reach=Z,
        studies=tuple(studies),
        is_ratio=answer.measure in {m.value for m in Measure if m.is_ratio},
    )


def network_forest(answer: NetworkAnswer, title: str) -> ForestData:
    """Every treatment against the reference, as the network has it; no diamond: nothing is pooled
    over treatments."""
    reference = answer.fitted.treatments[0]
    rows = []
    for treatment in answer.fitted.treatments[1:]:
        found = answer.fitted.compare(treatment, reference)
        count = answer.studies_of(treatment)
        name = f"{treatment} ({count} {'study' if count == 1 else 'studies'})"
        rows.append(ForestRow(name, "", found.estimate, found.ci_low, found.ci_high))
    return ForestData(
        title=title,
        axis=f"{answer.measure} against {reference}, 95 % interval ({answer.fitted.model.value})",
        low_words=f"lower than {reference}",
        high_words="higher",
        groups=(ForestGroup(title="", rows=tuple(rows)),),
        row_word="Treatment",
        is_ratio=answer.measure in {m.value for m in Measure if m.is_ratio},
        places=2,
    )


def network_picture(answer: NetworkAnswer, title: str) -> NetworkPicture:
    """What was compared with what, and how often."""
    return NetworkPicture(
        title=title,
        treatments=tuple((name, answer.studies_of(name)) for name in answer.fitted.treatments),
        comparisons=tuple(
            (pair.treatment, pair.comparator, pair.studies) for pair in answer.pairs if pair.studies
        ),
    )


def _axis(answer: Answer) -> str:
    synthesis = answer.synthesis
    if synthesis.measure == "RD":
        return f"People with {synthesis.outcome}, more or fewer of 100"
    return f"Difference in {synthesis.outcome}, {synthesis.unit}"


def _groups(answer: Answer) -> Iterable[ForestGroup]:
    for title in (LOWER_RISK, PARTLY_READ, HIGH_RISK):
        rows = [_row(t, answer) for t in answer.counted if t.bias_group == title]
        pooled = answer.groups.get(title)
        diamond = _diamond(pooled, f"Pooled, {pooled.k} trials") if pooled else None
        if rows:
            yield ForestGroup(title, tuple(rows), diamond)
    shown = [_row(t, answer) for t in answer.trials if not t.is_counted]
    if shown:
        yield ForestGroup(SHOWN, tuple(shown))


def _row(trial: Trial, answer: Answer) -> ForestRow:
    return ForestRow(
        name=trial.name.removesuffix(" (author not read)"),
        people=trial.people_in_words,
        estimate=trial.estimate,
        low=trial.ci_low,
        high=trial.ci_high,
        weight=answer.weights.get(trial.paper),
        bias=tuple(trial.bias.get(domain, "") for domain in DOMAINS),
        reason=trial.shown_only,
    )


def _diamond(pooled: Single, label: str) -> ForestDiamond | None:
    if math.isnan(pooled.ci_low):
        return None
    known = not math.isnan(pooled.prediction_low)
    prediction = (pooled.prediction_low, pooled.prediction_high) if known else None
    return ForestDiamond(label, "", pooled.estimate, pooled.ci_low, pooled.ci_high, prediction)


def _file_diamond(pooled: Single | None, label: str, enough: int) -> ForestDiamond | None:
    if pooled is None or pooled.k < enough:
        return None
    return _diamond(pooled, label)


def _file_row(study: StudyLine, weight: float) -> ForestRow:
    half = Z * math.sqrt(study.variance)
    low, high = study.estimate - half, study.estimate + half
    return ForestRow(study.study, "", study.estimate, low, high, weight)


def _weights(answer: FileAnswer) -> dict[str, float]:
    tau2 = 0.0 if math.isnan(answer.overall.tau2) else answer.overall.tau2
    parts = {study.study: 1 / (study.variance + tau2) for study in answer.studies}
    return {name: 100 * part / sum(parts.values()) for name, part in parts.items()}

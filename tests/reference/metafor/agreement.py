"""Our answers beside metafor's, and the table of how far they lie apart.

    python -m tests.reference.metafor.agreement        writes docs/reference/agreement-metafor.md

`reference.json` is written by `make_reference.R`; neither this script nor the tests need R.
"""

import json
import math
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from enthesis.evidence.effects import (
    Counts,
    Effects,
    Measure,
    compare_counts,
    compare_means,
    counts,
    means,
)
from enthesis.evidence.network import NetworkStudy, from_arm_events, from_arm_means, network
from enthesis.evidence.pool import Interval, pool
from enthesis.evidence.ragged import Studies, StudyError, review
from enthesis.evidence.regression import regress
from enthesis.evidence.small_study import Egger, Estimator, egger, egger_mixed, trim_and_fill
from enthesis.evidence.sparse import mantel_haenszel, peto
from enthesis.evidence.stability import influence, leave_one_out
from enthesis.evidence.tau2 import Model, q_profile

HERE = Path(__file__).parent
PAGE = HERE.parents[2] / "docs" / "reference" / "agreement-metafor.md"

CLOSED_FORM, ITERATED = 1e-8, 1e-6
"""Largest relative difference allowed: of closed formulas, and where both sides iterate."""


@dataclass(frozen=True)
class Comparison:
    """One number of ours and of metafor's. `unit` is the size below which a difference is
    measured against it and not against the number itself: an estimate may be near 0."""

    kind: str
    case: str
    what: str
    ours: float
    theirs: float
    unit: float
    allowed: float

    @property
    def difference(self) -> float:
        """Relative difference; infinite where only one side has an answer."""
        if math.isnan(self.ours) or math.isnan(self.theirs):
            return 0.0 if math.isnan(self.ours) and math.isnan(self.theirs) else math.inf
        return abs(self.ours - self.theirs) / max(abs(self.theirs), self.unit)


def read_reference() -> dict[str, Any]:
    """metafor's answers, as `make_reference.R` wrote them."""
    return dict(json.loads((HERE / "reference.json").read_text(encoding="utf-8")))


def read_networks() -> list[dict[str, Any]]:
    """metafor's networks, as `make_network_reference.R` wrote them."""
    text = (HERE / "network.json").read_text(encoding="utf-8")
    return list(json.loads(text)["networks"])


def network_studies(case: dict[str, Any]) -> list[NetworkStudy]:
    """The studies of a network case, each with all its arms."""
    columns, rows = case["inputs"], defaultdict(list)
    for row, study in enumerate(columns["study"]):
        rows[study].append(row)
    made = []
    for study, places in rows.items():
        arm = {name: [column[row] for row in places] for name, column in columns.items()}
        if "mean" in columns:
            made.append(from_arm_means(study, arm["treatment"], arm["mean"], arm["sd"], arm["n"]))
        else:
            made.append(from_arm_events(study, arm["treatment"], arm["events"], arm["n"]))
    return made


def case_name(case: dict[str, Any]) -> str:
    return f"{case['name']} {case['measure']}"


def effects_of(case: dict[str, Any]) -> Effects:
    """Our effect sizes from the counts or means of a case; as given where it gives estimates."""
    inputs = {name: np.array(column, dtype=float) for name, column in case["inputs"].items()}
    if case["measure"] == "estimate":
        return Effects(inputs["yi"], inputs["vi"])
    measure = Measure(case["measure"])
    if measure.from_events:
        return compare_counts(measure, counts(**inputs))
    return compare_means(measure, means(**inputs))


def compare_all(reference: dict[str, Any]) -> list[Comparison]:
    """Every number in the references beside ours."""
    found: list[Comparison] = []
    for case in read_networks():
        found.extend(_network(case))
    for case in reference["cases"]:
        effects = effects_of(case)
        studies = review(effects.estimates, effects.variances)
        for part in (_effects, _models, _profile, _egger, _trim, _per_study, _sparse):
            found.extend(part(case, studies))
    for case in reference["regressions"]:
        found.extend(_regressions(case))
    return found


def _effects(case: dict[str, Any], studies: Studies) -> Iterator[Comparison]:
    if case["measure"] == "estimate":
        return
    for what, ours in (("yi", studies.estimates), ("vi", studies.variances)):
        for mine, theirs in zip(ours, case[what], strict=True):
            unit = float(np.sqrt(studies.variances.min())) if what == "yi" else 0.0
            yield _one("effect sizes", case, what, mine, theirs, unit, CLOSED_FORM)


def _models(case: dict[str, Any], studies: Studies) -> Iterator[Comparison]:
    for name, theirs in case["models"].items():
        model = Model(name)
        if not theirs:
            continue
        allowed = CLOSED_FORM if model in (Model.COMMON, Model.DL) else ITERATED
        kind = f"pooling, {name}"
        typical = float(1 / np.mean(1 / studies.variances))
        for interval in Interval:
            ours = pool(studies, model, interval).one()
            answer = theirs["intervals"][interval.value]
            yield _one(kind, case, f"p, {interval}", ours.p, answer["p"], 1e-3, allowed)
            for what in _PLACES:
                unit = answer["se"] or 0.0
                label = f"{what}, {interval}"
                yield _one(kind, case, label, getattr(ours, what), answer[what], unit, allowed)
        yield _one(kind, case, "tau2", ours.tau2, theirs["tau2"], typical, allowed)
        for what, unit in (("i2", 1.0), ("h2", 1.0), ("q", 1e-8), ("q_p", 1e-3)):
            yield _one(kind, case, what, getattr(ours, what), theirs[what], unit, allowed)


_PLACES = ("estimate", "se", "ci_low", "ci_high", "prediction_low", "prediction_high")


def _profile(case: dict[str, Any], studies: Studies) -> Iterator[Comparison]:
    if "q_profile" in case:
        typical = float(1 / np.mean(1 / studies.variances))
        for what, ours in zip(("low", "high"), q_profile(studies), strict=True):
            theirs = case["q_profile"][what]
            yield _one("τ² interval (Q-profile)", case, what, ours[0], theirs, typical, ITERATED)


def _egger(case: dict[str, Any], studies: Studies) -> Iterator[Comparison]:
    for name, theirs in case.get("small_study", {}).items():
        plain = name == "lm"
        ours: Egger = egger(studies) if plain else egger_mixed(studies, interval=Interval(name))
        kind = "Egger, weighted line" if plain else "Egger, mixed model"
        allowed = CLOSED_FORM if plain else ITERATED
        unit = (theirs["limit_high"] - theirs["limit_low"]) / 4
        yield _one(kind, case, "statistic", ours.statistic[0], theirs["statistic"], 1.0, allowed)
        yield _one(kind, case, "p", ours.p[0], theirs["p"], 1e-3, allowed)
        for what in ("limit", "limit_low", "limit_high"):
            yield _one(kind, case, what, getattr(ours, what)[0], theirs[what], unit, allowed)


def _trim(case: dict[str, Any], studies: Studies) -> Iterator[Comparison]:
    for name, theirs in case.get("trim_and_fill", {}).items():
        ours = trim_and_fill(studies, Estimator(name))
        answer, kind = ours.pooled.one(), f"trim-and-fill, {name}"
        unit = (theirs["ci_high"] - theirs["ci_low"]) / 4
        yield _one(kind, case, "missing", ours.missing, theirs["k0"], 1.0, ITERATED)
        yield _one(kind, case, "side", ours.side == "left", theirs["side"] == "left", 1, ITERATED)
        yield _one(kind, case, "missing_se", ours.missing_se, theirs["se_k0"], 1.0, ITERATED)
        for what in ("estimate", "ci_low", "ci_high"):
            yield _one(kind, case, what, getattr(answer, what), theirs[what], unit, ITERATED)


def _per_study(case: dict[str, Any], studies: Studies) -> Iterator[Comparison]:
    theirs = case.get("per_study")
    if not theirs:
        return
    without, shape = leave_one_out(studies), influence(studies)
    typical = float(1 / np.mean(1 / studies.variances))
    scale = {"tau2_del": typical, "left_se": 0.0, "hat": 0.0, "q_del": 1e-8}
    ours = {
        **{name: getattr(shape, name) for name in _INFLUENCE},
        "left_estimate": without.estimate,
        "left_se": without.se,
        "left_low": without.ci_low,
        "left_high": without.ci_high,
    }
    for what, values in ours.items():
        kind = "leave-one-out" if what.startswith("left_") else "influence"
        for place, (mine, other) in enumerate(zip(values, theirs[what], strict=True)):
            unit = scale.get(what, theirs["left_se"][place] if kind == "leave-one-out" else 1.0)
            yield _one(kind, case, what, mine, other, unit or 0.0, ITERATED)


_INFLUENCE = (
    *("rstudent", "dffits", "dfbeta", "cook_d", "cov_r"),
    *("tau2_del", "q_del", "hat"),
)


def _sparse(case: dict[str, Any], _: Studies) -> Iterator[Comparison]:
    for name in ("mantel_haenszel", "peto"):
        theirs = case.get(name)
        if theirs is None:
            continue
        arms = Counts(**{key: np.array(v, dtype=float) for key, v in case["inputs"].items()})
        kind = "Mantel–Haenszel" if name == "mantel_haenszel" else "Peto"
        try:
            ours = peto(arms) if name == "peto" else mantel_haenszel(arms, Measure(case["measure"]))
        except StudyError:
            yield _one(kind, case, "estimate", math.nan, theirs["estimate"], 0.0, CLOSED_FORM)
            continue
        for what in ("estimate", "se", "ci_low", "ci_high", "q", "q_p"):
            unit = theirs["se"] if what not in ("q", "q_p") else 1e-3
            yield _one(kind, case, what, getattr(ours, what), theirs[what], unit, CLOSED_FORM)


def _network(case: dict[str, Any]) -> Iterator[Comparison]:
    studies, name = network_studies(case), {"name": case["name"], "measure": "network"}
    for part, fitted, allowed in (
        ("common", network(studies, case["reference"], Model.COMMON), CLOSED_FORM),
        ("tau2_one_tenth", network(studies, case["reference"], tau2=0.1), CLOSED_FORM),
        ("REML", network(studies, case["reference"], Model.REML), ITERATED),
    ):
        theirs, kind = case[part], f"network, {_NETWORKS[part]}"
        se = np.sqrt(np.diag(np.array(theirs["covariance"])))
        for place, treatment in enumerate(case["treatments"][1:]):
            ours, other = fitted.compare(treatment, case["reference"]), theirs["estimates"][place]
            yield _one(kind, name, treatment, ours.estimate, other, se[place], allowed)
            yield _one(kind, name, f"{treatment} se", ours.se, se[place], 0.0, allowed)
        if part == "common":
            yield _one(kind, name, "q", fitted.q, theirs["q"], 0.0, allowed)
            yield _one(kind, name, "df", fitted.df, theirs["df"], 0.0, allowed)


_NETWORKS = {"common": "common effect", "tau2_one_tenth": "τ² given", "REML": "REML"}


def _regressions(case: dict[str, Any]) -> Iterator[Comparison]:
    studies = review(case["yi"], case["vi"])
    columns = np.column_stack(list(case["moderators"].values()))
    for theirs in case["answers"]:
        model, interval = Model(theirs["model"]), Interval(theirs["interval"])
        ours = regress(studies, columns, model, interval)
        allowed = CLOSED_FORM if model in (Model.COMMON, Model.DL) else ITERATED
        name = {"name": case["name"], "measure": f"{model} {interval}"}
        for what in ("coefficients", "se", "p"):
            for place, mine in enumerate(getattr(ours, what)):
                unit = {"coefficients": theirs["se"][place], "p": 1e-3}.get(what, 0.0)
                yield _one("meta-regression", name, what, mine, theirs[what][place], unit, allowed)
        for what in ("tau2", "i2", "q_residual", "q_moderators", "q_moderators_p"):
            unit = {"tau2": 1e-3, "i2": 1.0}.get(what, 1e-3)
            yield _one(
                "meta-regression", name, what, getattr(ours, what), theirs[what], unit, allowed
            )


def _one(
    kind: str,
    case: dict[str, Any],
    what: str,
    ours: float,
    theirs: float | None,
    unit: float,
    allowed: float,
) -> Comparison:
    other = math.nan if theirs is None else float(theirs)
    return Comparison(kind, case_name(case), what, float(ours), other, unit, allowed)


def exceptions() -> dict[tuple[str, str], str]:
    """(kind, case) → why the two differ there, from exceptions.json."""
    listed = json.loads((HERE / "exceptions.json").read_text(encoding="utf-8"))
    return {(kind, case): group["why"] for group in listed for kind, case in group["where"]}


def page(reference: dict[str, Any], comparisons: list[Comparison]) -> str:
    """The agreement page as Markdown."""
    excused = exceptions()
    by_kind: dict[str, list[Comparison]] = defaultdict(list)
    for comparison in comparisons:
        by_kind[comparison.kind].append(comparison)
    made = reference["made_with"]
    sets = {case["name"].split()[0] for case in reference["cases"]}
    lines = [
        "# Agreement with metafor",
        "",
        "Generated by `python -m tests.reference.metafor.agreement` from `reference.json`, which "
        f"`make_reference.R` wrote with R {made['R']}, metafor {made['metafor']} and metadat "
        f"{made['metadat']}; the networks by `make_network_reference.R`, with `rma.mv`, since "
        f"Debian has no netmeta. {len(reference['cases'])} analyses of {len(sets)} data sets, "
        f"{len(comparisons):,} numbers.",
        "",
        "A difference is relative to metafor's number, or, where that may be near 0, to its "
        "natural size: the standard error for estimates and limits, the typical sampling "
        "variance for τ², 0.001 for p-values.",
        "",
        "| quantity | cases | numbers | largest difference | allowed | exceptions |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    for kind, found in sorted(by_kind.items()):
        plain = [c for c in found if (c.kind, c.case) not in excused]
        apart = {(c.kind, c.case) for c in found} & set(excused)
        largest = max((c.difference for c in plain), default=0.0)
        allowed = " / ".join(f"{a:.0e}" for a in sorted({c.allowed for c in found}))
        cases = len({c.case for c in found})
        lines.append(
            f"| {kind} | {cases} | {len(found)} | {_rounded_up(largest)} | {allowed} "
            f"| {len(apart)} |"
        )
    lines += ["", "## Exceptions", "", *_exception_lines()]
    lines += ["", "## Data sets left out", "", "| why | data sets |", "|---|---|"]
    lines += [f"| {why} | {', '.join(names)} |" for why, names in reference["left_out"].items()]
    return "\n".join(lines) + "\n"


def _exception_lines() -> list[str]:
    listed = json.loads((HERE / "exceptions.json").read_text(encoding="utf-8"))
    if not listed:
        return ["None."]
    lines = ["| where | why |", "|---|---|"]
    for group in listed:
        where = "; ".join(f"{kind}: {case}" for kind, case in group["where"])
        lines.append(f"| {where} | {group['why']} |")
    return lines


def _rounded_up(difference: float) -> str:
    """The next power of ten, so that the page does not change with the last bit of a machine."""
    if difference == 0:
        return "0"
    return f"≤ 1e{max(-12, math.ceil(math.log10(difference))):+03d}"


if __name__ == "__main__":
    PAGE.parent.mkdir(parents=True, exist_ok=True)
    answers = read_reference()
    PAGE.write_text(page(answers, compare_all(answers)), encoding="utf-8")

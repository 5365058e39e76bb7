"""Recover the truth of invented registries: how often do 95 % intervals hold it?

    python benchmarks/proofs/coverage.py [--registries 500] [--courses 1000] [--first-seed 1000]

Writes docs/reference/coverage.md. Each registry is drawn anew from the same truth; what is counted
is the share of registries whose interval holds the true value, for each quantity on its own.
tests/unit/outcomes/test_coverage.py runs a small version of the same functions.
"""

import argparse
import math
import sys
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from enthesis.invented.registry import Invented, World, invent_courses, invent_world
from enthesis.invented.registry_tables import LOST, ends_of, sessions_given, tables_of
from enthesis.invented.registry_truth import shipped_registry_truth
from enthesis.outcomes.degrees import contrasts
from enthesis.outcomes.end_counts import count_ends
from enthesis.outcomes.intervals import rate, wilson
from enthesis.outcomes.repeated import Fitted, fit
from enthesis.outcomes.silent import Group, delta_of_fit
from enthesis.outcomes.sums_from_columns import CourseDesign, sums_from_columns
from enthesis.outcomes.survival import at_days, cumulative_incidence

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "coverage.md"
Floats = NDArray[np.float64]
LOW_PAIN = 3
"""The level of the cohort shares: pain of 3 or less."""


@dataclass(frozen=True)
class Scene:
    """One kind of registry. `per_point`: how silence depends on the last answer; `delta`: how much
    worse the silent are; `rounded`: whole answers 0–10, as patients give them."""

    name: str
    per_point: float = 0.0
    delta: float = 0.0
    rounded: bool = False


SCENES = (
    Scene("completely at random, latent"),
    Scene("at random, latent", per_point=0.3),
    Scene("completely at random, whole 0–10", rounded=True),
    Scene("at random, whole 0–10", per_point=0.3, rounded=True),
    Scene("not at random, delta 1, latent", per_point=0.3, delta=1.0),
)


@dataclass(frozen=True)
class Found:
    """Of one quantity in one registry: estimate, interval and truth."""

    group: str
    name: str
    estimate: float
    low: float
    high: float
    truth: float


def world_of(scene: Scene, seed: int) -> World:
    """Clinics that do not differ in pain, so that the model of the arms is the true one."""
    truth = shipped_registry_truth()
    silence = replace(
        truth.silence,
        per_point=Decimal(str(scene.per_point)),
        delta=Decimal(str(scene.delta)),
        # Who skips one answer is not silent; without skips the silent are whom delta moves.
        skip=Decimal(0) if scene.delta else truth.silence.skip,
    )
    clinics = replace(truth.clinics, pain_sd=Decimal(0))
    return invent_world(replace(truth, silence=silence, clinics=clinics), seed)


def silent_shares(world: World, courses: int = 1_000_000) -> Floats:
    """(arms, windows): the true share that is silent, from a registry of its own."""
    drawn = invent_courses(world, courses, seed=987_654_321, rounded=False)
    gone = drawn.silent_from[:, None] <= np.arange(len(world.truth.windows.days))
    return np.array([gone[drawn.arm == arm].mean(axis=0) for arm in range(len(world.truth.arm))])


def one_registry(
    scene: Scene, world: World, silent: Floats, courses: int, seed: int
) -> list[Found]:
    """Every quantity of one registry."""
    invented = invent_courses(world, courses, seed, rounded=scene.rounded)
    found = list(_model(scene, invented, silent))
    if not scene.delta:
        found += _shares(scene, invented)
        found += _reached(invented)
        found += _harms(invented, seed)
    return found


def _model(scene: Scene, invented: Invented, silent: Floats) -> Iterator[Found]:
    """Means, changes and contrasts of the repeated-measures model, and the plain mean beside it."""
    truth, world = invented.world.truth, invented.world
    arms, m = len(truth.arm), len(truth.windows.days)
    row, window = np.nonzero(invented.seen)
    score = invented.complete[row, window]
    dummies = (invented.arm[:, None] == np.arange(1, arms)).astype(np.int8)
    names = tuple(arm.protocol for arm in truth.arm[1:])
    design = CourseDesign(np.arange(len(invented.arm)), names, dummies)
    fitted = fit(sums_from_columns(row, window, score, design, visits=range(m)))
    q = arms
    z = np.column_stack([np.ones(arms), np.eye(arms)[:, 1:]])
    rows = np.zeros((arms, m, m * q))
    for arm in range(arms):
        for v in range(m):
            rows[arm, v, v * q : (v + 1) * q] = z[arm]
    means = (world.rounded_means if scene.rounded else world.means) + scene.delta * silent
    change, true_change = rows[:, 1:] - rows[:, :1], means[:, 1:] - means[:, :1]
    tables = {
        "model: mean at a window": (rows, means),
        "model: change from baseline": (change, true_change),
        "model: difference of changes between arms": (
            change[1:] - change[0],
            true_change[1:] - true_change[0],
        ),
    }
    for group, (table, true) in tables.items():
        told = contrasts(fitted, table.reshape(-1, m * q))
        for at, value in enumerate(true.ravel()):
            ends = told.ci_low[at], told.ci_high[at]
            yield Found(group, str(at), told.estimate[at], *ends, value)
    if scene.delta:
        yield from _told_delta(scene, invented, fitted, change, true_change)
    yield from _answered_only(invented, means)


def _told_delta(
    scene: Scene, invented: Invented, fitted: Fitted, change: Floats, true_change: Floats
) -> Iterator[Found]:
    """The change from baseline, when somebody says by how much the silent are worse."""
    for arm in range(change.shape[0]):
        own = invented.arm == arm
        for v in range(1, change.shape[1] + 1):
            group = Group(1, int(invented.due[own, v].sum()), int(invented.seen[own, v].sum()))
            table = delta_of_fit(fitted, change[arm, v - 1], [group], [scene.delta])
            yield Found(
                "change from baseline, told the true delta", f"{arm}-{v}", table.estimate[0],
                table.low[0], table.high[0], true_change[arm, v - 1],
            )  # fmt: skip


def _answered_only(invented: Invented, means: Floats) -> Iterator[Found]:
    """The mean of those who answered at the last but one window, as a spreadsheet has it."""
    v = means.shape[1] - 2
    for arm in range(len(means)):
        score = invented.complete[(invented.arm == arm) & invented.seen[:, v], v]
        middle, reach = score.mean(), 1.96 * score.std(ddof=1) / np.sqrt(len(score))
        yield Found(
            "mean of those who answered (no model)", str(arm), middle, middle - reach,
            middle + reach, means[arm, v],
        )  # fmt: skip


def _shares(scene: Scene, invented: Invented) -> Iterator[Found]:
    """Of those who answered, the share with pain of 3 or less, with Wilson's interval."""
    sd = np.sqrt(np.diagonal(invented.world.truth.windows.covariance))
    edge = LOW_PAIN + (0.5 if scene.rounded else 0)
    true = ndtr((edge - invented.world.means) / sd)
    for arm in range(len(true)):
        for v in range(true.shape[1]):
            score = invented.complete[(invented.arm == arm) & invented.seen[:, v], v]
            told = wilson(np.sum(score <= LOW_PAIN), len(score))
            yield Found(
                "cohort: share with pain ≤ 3, of those who answered", f"{arm}-{v}",
                float(told.estimate), float(told.low), float(told.high), true[arm, v],
            )  # fmt: skip


def _reached(invented: Invented) -> Iterator[Found]:
    """Aalen–Johansen: the share whose target was reached by each session but the first."""
    truth = invented.world.truth
    how, day = ends_of(invented)
    own = invented.began
    # Who is lost is censored: right where silence has nothing to do with how a course goes.
    end = np.where(how == LOST, 0, how)[own]
    counts = count_ends(day[own], end, ("reached", "stopped", "ran out"), invented.arm[own])
    curves = cumulative_incidence(counts)
    for place, arm in enumerate(counts.cells):
        plan = truth.arm[int(str(arm))]
        at = plan.interval * np.arange(1, plan.planned) + truth.series.answer_after_days
        told = [
            at_days(curves.days, c[place, 0], at, 0.0)
            for c in (curves.share, curves.low, curves.high)
        ]
        for k in range(plan.planned - 1):
            if np.isfinite(told[1][k]):
                yield Found(
                    "survival: share reached by a session", f"{arm}-{k}", told[0][k], told[1][k],
                    told[2][k], plan.reached_by(k + 2),
                )  # fmt: skip


def _harms(invented: Invented, seed: int) -> Iterator[Found]:
    events = tables_of(invented, seed=seed)["events"]["kind"]
    sessions = int(sessions_given(invented).sum())
    for number, harm in enumerate(invented.world.truth.harm):
        told = rate(np.sum(events.codes == number), sessions)  # type: ignore[union-attr]
        yield Found(
            "harms: rate per session (exact)", harm.kind, float(told.estimate), float(told.low),
            float(told.high), float(harm.per_session),
        )  # fmt: skip


@dataclass(frozen=True)
class Line:
    """One group of quantities in one scene, over all registries."""

    scene: str
    group: str
    quantities: int
    coverage: float
    least: float
    most: float
    bias: float
    within: int


def summarise(scene: Scene, registries: Iterable[list[Found]]) -> list[Line]:
    """Coverage of each quantity, and over the quantities of a group."""
    held: dict[tuple[str, str], list[tuple[bool, float]]] = {}
    for found in registries:
        for f in found:
            inside = bool(f.low <= f.truth <= f.high)
            held.setdefault((f.group, f.name), []).append((inside, f.estimate - f.truth))
    lines = []
    for group in dict.fromkeys(name for name, _ in held):
        own = [np.array(rows) for (name, _), rows in held.items() if name == group]
        shares = np.array([rows[:, 0].mean() for rows in own])
        bias = max((float(rows[:, 1].mean()) for rows in own), key=abs)
        lines.append(
            Line(
                scene.name,
                group,
                len(own),
                float(shares.mean()),
                float(shares.min()),
                float(shares.max()),
                bias,
                int(np.sum(np.abs(shares - 0.95) <= 0.02 + 1e-12)),
            )
        )
    return lines


def run(scene: Scene, seeds: range, courses: int, workers: int) -> list[Line]:
    """One scene, a registry for each seed."""
    world = world_of(scene, seed=1)
    shape = (len(world.truth.arm), len(world.truth.windows.days))
    silent = silent_shares(world) if scene.delta else np.zeros(shape)
    work = partial(one_registry, scene, world, silent, courses)
    with ProcessPoolExecutor(workers) as pool:
        return summarise(scene, pool.map(work, seeds, chunksize=5))


def page(lines: list[Line], registries: int, courses: int) -> str:
    """The Markdown page."""
    error = 100 * math.sqrt(0.95 * 0.05 / registries)
    out = [
        "<!-- Generated by benchmarks/proofs/coverage.py. Run that instead of editing. -->",
        "# Coverage",
        "",
        f"{registries} invented registries of {courses} courses, drawn from the truth in "
        "`invented/registry_truth.toml` with clinics that do not differ. In how many does the "
        "95 % interval hold the true value? One quantity's share has a chance error of "
        f"±{error:.1f} points (one standard error): of many quantities a few stand more than 2 "
        "points off by chance.",
        "",
        "*Completely at random*: silence depends on nothing. *At random*: on the last answer "
        "given. *Not at random*: besides, the silent are worse by 1 point. *Latent*: pain as a "
        "number with decimals; *whole 0–10*: as patients answer, cut at both ends.",
        "",
        "| answers missing | what | quantities | mean coverage | least | most | within 95 ± 2 % "
        "| largest bias |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for line in lines:
        out.append(
            f"| {line.scene} | {line.group} | {line.quantities} | {100 * line.coverage:.1f} % | "
            f"{100 * line.least:.1f} % | {100 * line.most:.1f} % | "
            f"{line.within} of {line.quantities} | "
            f"{line.bias:+.4f} |"
        )
    return "\n".join(out) + "\n"


def main() -> int:
    """Run all scenes and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--registries", type=int, default=500)
    parser.add_argument("--courses", type=int, default=1000)
    parser.add_argument("--first-seed", type=int, default=1000)
    parser.add_argument("--scenes", type=int, default=len(SCENES), help="only the first so many")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--out", type=Path, default=PAGE)
    args = parser.parse_args()
    lines: list[Line] = []
    seeds = range(args.first_seed, args.first_seed + args.registries)
    for scene in SCENES[: args.scenes]:
        began = time.perf_counter()
        lines += run(scene, seeds, args.courses, args.workers)
        sys.stderr.write(f"{scene.name}: {time.perf_counter() - began:.0f} s\n")
    args.out.write_text(page(lines, args.registries, args.courses), encoding="utf-8")
    sys.stdout.write(args.out.read_text(encoding="utf-8"))
    return 0


if __name__ == "__main__":
    sys.exit(main())

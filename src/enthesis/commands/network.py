"""`enthesis network`: several treatments compared at once, from a CSV file."""

import argparse
import json
import math
import sys
from pathlib import Path

from enthesis.charts.forest import forest_file
from enthesis.charts.network import network_picture_file
from enthesis.commands.complain import complain
from enthesis.commands.pool_words import interval_words, p_words
from enthesis.evidence.effects import Measure
from enthesis.evidence.figure import network_forest, network_picture
from enthesis.evidence.network import Contrast, Split
from enthesis.evidence.network_csv import NetworkAnswer, NetworkOptions, network_file
from enthesis.evidence.study_file import PoolFileError
from enthesis.evidence.tau2 import Model

COLUMNS = """\
Compare several treatments at once: directly where studies did, and through others. One row per
arm, with columns study and treatment and one of
  events n
  mean sd n
or one row per comparison of two treatments of a study, treatment minus comparator on the analysis
scale (natural logarithms for ratios):
  comparator estimate se
"""
EXAMPLES = """\
examples:
  everything against salt water, lower pain is better:
    enthesis network arms.csv --reference saline --better lower --plot network.svg
  standardised mean differences, for a program:
    enthesis network arms.csv --measure SMD --json

exit status: 0 compared; 1 the file cannot be used, with every reason; 2 not understood
"""
_MODELS = {model.value.lower(): model for model in Model}
_MEASURES = {measure.value.lower(): measure for measure in Measure}


def add(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        "network",
        help="compare several treatments at once from the studies in a CSV file",
        description=COLUMNS,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("file", metavar="FILE.csv", type=Path)
    parser.add_argument(
        "--reference", metavar="TREATMENT", help="default: the one with most studies"
    )
    parser.add_argument(
        "--measure",
        type=str.lower,
        choices=sorted(_MEASURES),
        metavar="MEASURE",
        help="OR from events; MD or SMD from means; default OR, MD",
    )
    parser.add_argument(
        "--model",
        type=str.lower,
        choices=list(_MODELS),
        metavar="MODEL",
        default="reml",
        help="common, DL, PM, ML or REML; default REML",
    )
    parser.add_argument(
        "--better",
        choices=("lower", "higher"),
        help="which way is better: also say how sure one can be of an order",
    )
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.add_argument("--plot", metavar="FILE.svg", type=Path, help="draw what was compared")
    parser.add_argument("--forest", metavar="FILE.svg", type=Path, help="draw all against one")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Compare and print; 1 when the file cannot be used."""
    options = NetworkOptions(
        reference=arguments.reference,
        measure=_MEASURES[arguments.measure] if arguments.measure else None,
        model=_MODELS[arguments.model],
        smaller_is_better=arguments.better and arguments.better == "lower",
    )
    try:
        answer = network_file(arguments.file.read_text(encoding="utf-8"), options)
        _draw(answer, arguments)
    except OSError as error:
        return complain([f"{error.filename}: {error.strerror}"])
    except UnicodeDecodeError:
        return complain([f"{arguments.file} is not UTF-8 text; save it as CSV UTF-8"])
    except PoolFileError as error:
        return complain(f"{arguments.file.name}: {problem}" for problem in error.problems)
    if arguments.json:
        told = json.dumps(answer.as_json(), indent=2, ensure_ascii=False)
    else:
        told = "\n".join(table(answer))
    sys.stdout.write(told + "\n")
    return 0


def _draw(answer: NetworkAnswer, arguments: argparse.Namespace) -> None:
    title = f"{arguments.file.name}: what was compared"
    if arguments.plot:
        drawn = network_picture_file(network_picture(answer, title))
        arguments.plot.write_text(drawn, encoding="utf-8")
    if arguments.forest:
        against = f"{arguments.file.name}: against {answer.fitted.treatments[0]}"
        arguments.forest.write_text(forest_file(network_forest(answer, against)), encoding="utf-8")


def table(answer: NetworkAnswer) -> list[str]:
    """The answer as lines of text; ratios are shown as ratios, not logarithms."""
    fitted = answer.fitted
    ratio = answer.measure in {m.value for m in Measure if m.is_ratio}
    lines = [
        f"{answer.measure}, model {fitted.model.value}, {len(fitted.studies)} studies, "
        f"{len(fitted.treatments)} treatments, 95% intervals",
        "",
        "In the network (studies that compared the two directly):",
    ]
    names = [f"{pair.treatment} against {pair.comparator}" for pair in answer.pairs]
    width = max(map(len, names))
    for name, pair in zip(names, answer.pairs, strict=True):
        lines.append(f"  {name:<{width}}  {_words(pair.network, ratio)}  {pair.studies or 'none'}")
    q = f", Q {fitted.q:.2f} (df {fitted.df}, {p_words(fitted.q_p)})" if fitted.df else ""
    lines += ["", f"τ² {fitted.tau2:.4g}, I² {fitted.i2:.0f}%{q}"]
    return [*lines, *_agreement(answer, ratio), *_ranks(answer), *_notes(answer)]


def _agreement(answer: NetworkAnswer, ratio: bool) -> list[str]:
    found = answer.agreement
    if not found.between_df:
        return ["", "Whether direct and indirect evidence agree cannot be judged: no closed loop."]
    lines = [
        "",
        f"Do the parts agree? Between designs Q {found.between:.2f} (df {found.between_df}, "
        f"{p_words(found.between_p)}), within them Q {found.within:.2f} (df {found.within_df})",
    ]
    return lines + [line for split in answer.splits for line in _split(split, ratio)]


def _split(split: Split, ratio: bool) -> list[str]:
    if split.indirect is None or split.difference is None:
        return []
    return [
        f"  {split.treatment} against {split.comparator}: direct {_words(split.direct, ratio)}, "
        f"indirect {_words(split.indirect, ratio)}, p of the difference {split.difference.p:.3f}"
    ]


def _ranks(answer: NetworkAnswer) -> list[str]:
    ranking = answer.ranking
    if ranking is None:
        return []
    lines = ["", "How sure is an order? Mean rank (95% range), chance of being best:"]
    width = max(map(len, ranking.treatments))
    for i, name in enumerate(ranking.treatments):
        span = f"{ranking.rank_low[i]:.0f} to {ranking.rank_high[i]:.0f}"
        best = 100 * ranking.rank_probabilities[i, 0]
        lines.append(f"  {name:<{width}}  {ranking.mean_rank[i]:.1f} ({span}), {best:.0f}%")
    return lines


def _notes(answer: NetworkAnswer) -> list[str]:
    return [f"note: {note}" for note in answer.notes]


def _words(found: Contrast, ratio: bool) -> str:
    if math.isnan(found.se):
        return "cannot be known"
    return interval_words(found.estimate, found.ci_low, found.ci_high, ratio)

"""`enthesis pool`: pool anybody's studies from a CSV file."""

import argparse
import json
import math
import sys
from datetime import date
from pathlib import Path

from scipy.special import ndtri

from enthesis.charts.forest import forest_file
from enthesis.charts.small_study import funnel_file
from enthesis.commands.complain import complain
from enthesis.commands.pool_words import interval_words, more_lines, p_words, summary_lines
from enthesis.evidence.effects import Measure
from enthesis.evidence.figure import file_forest, file_funnel
from enthesis.evidence.pool import Interval
from enthesis.evidence.pool_csv import FileAnswer, PoolOptions, Sparse, pool_file
from enthesis.evidence.study_file import PoolFileError
from enthesis.evidence.tau2 import Model
from enthesis.knowledge.load import knowledge

COLUMNS = """\
Pool the studies in a CSV file: one row per study, with a column study (optionally year, and any
column to group by) and one of
  events_1 n_1 events_2 n_2                 arm 1 is the treatment
  mean_1 sd_1 n_1 mean_2 sd_2 n_2           or with se_1 se_2 in place of the SDs
  median_1 q1_1 q3_1 n_1 median_2 q1_2 q3_2 n_2
  estimate se     or   estimate ci_low ci_high     or   estimate p
Estimates and intervals are on the analysis scale: natural logarithms for ratios.
"""
EXAMPLES = """\
examples:
  REML with Hartung–Knapp intervals, log risk ratios from events:
    enthesis pool trials.csv
  the same as odds ratios by dose, for a program:
    enthesis pool trials.csv --measure OR --group dose --json
  few events, the tables themselves pooled:
    enthesis pool trials.csv --model mh
  does it hang on one study, on their order, on small ones, on the dose?
    enthesis pool trials.csv --sensitivity --moderator dose --funnel funnel.svg

exit status: 0 pooled; 1 the file cannot be pooled, with every reason; 2 not understood
"""

_MODELS: dict[str, Model | Sparse] = {m.value.lower(): m for m in (*Model, *Sparse)}
_INTERVALS = {interval.value: interval for interval in Interval}
_MEASURES = {measure.value.lower(): measure for measure in Measure}


def add(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        "pool",
        help="pool the studies in a CSV file",
        description=COLUMNS,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("file", metavar="FILE.csv", type=Path)
    parser.add_argument(
        "--measure",
        type=str.lower,
        choices=sorted(_MEASURES),
        metavar="MEASURE",
        help="OR, RR or RD from events, MD, SMD or ROM from means; default RR, MD",
    )
    parser.add_argument(
        "--model",
        type=str.lower,
        choices=list(_MODELS),
        metavar="MODEL",
        default="reml",
        help="common, DL, PM, ML, REML; for few events MH (Mantel–Haenszel), Peto; default REML",
    )
    parser.add_argument(
        "--interval",
        type=str.lower,
        choices=list(_INTERVALS),
        metavar="INTERVAL",
        help="wald, hk (Hartung–Knapp) or hk-adhoc (never narrower than wald); default hk, but "
        "wald with the models without heterogeneity",
    )
    parser.add_argument("--group", metavar="COLUMN", help="pool within the groups of this column")
    parser.add_argument(
        "--moderator",
        metavar="COLUMN",
        action="append",
        default=[],
        help="do the studies differ with this column? numbers or categories; may be repeated",
    )
    parser.add_argument(
        "--sensitivity",
        action="store_true",
        help="the answer without each study, study by study over the years, and small-study tests",
    )
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.add_argument(
        "--plot", metavar="FILE.svg", type=Path, help="also draw the forest plot into this file"
    )
    parser.add_argument(
        "--funnel", metavar="FILE.svg", type=Path, help="also draw the funnel plot into this file"
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Pool the file and print the answer; 1 when the file cannot be pooled."""
    model = _MODELS[arguments.model]
    usual = "hk" if isinstance(model, Model) and model is not Model.COMMON else "wald"
    options = PoolOptions(
        measure=_MEASURES[arguments.measure] if arguments.measure else None,
        model=model,
        interval=_INTERVALS[arguments.interval or usual],
        group=arguments.group,
        moderators=tuple(arguments.moderator),
        with_sensitivity=arguments.sensitivity,
    )
    try:
        answer = pool_file(arguments.file.read_text(encoding="utf-8"), options)
    except OSError as error:
        return complain([f"cannot read {arguments.file}: {error.strerror}"])
    except UnicodeDecodeError:
        return complain([f"{arguments.file} is not UTF-8 text; save it as CSV UTF-8"])
    except PoolFileError as error:
        return complain(f"{arguments.file.name}: {problem}" for problem in error.problems)
    try:
        _draw(answer, arguments)
    except OSError as error:
        return complain([f"cannot write {error.filename}: {error.strerror}"])
    if arguments.json:
        sys.stdout.write(json.dumps(answer.as_json(), indent=2, ensure_ascii=False) + "\n")
    else:
        sys.stdout.write("\n".join(table(answer)) + "\n")
    return 0


def _draw(answer: FileAnswer, arguments: argparse.Namespace) -> None:
    """The pictures that were asked for."""
    name = arguments.file.name
    if arguments.plot:
        enough = knowledge(date.today()).certainty_limits.trials_to_pool  # noqa: DTZ011
        drawn = forest_file(file_forest(answer, f"{name}: every study", enough))
        arguments.plot.write_text(drawn, encoding="utf-8")
    if arguments.funnel:
        drawn = funnel_file(file_funnel(answer, f"{name}: precision against result"))
        arguments.funnel.write_text(drawn, encoding="utf-8")


def table(answer: FileAnswer) -> list[str]:
    """The answer as lines of text; ratios are shown as ratios, not logarithms."""
    is_ratio = answer.measure in {m.value for m in Measure if m.is_ratio}
    width = max(len(line.study) for line in answer.studies)
    lines = [f"{answer.measure}, model {answer.model}, interval {answer.interval}, 95%", ""]
    for study in answer.studies:
        half = float(ndtri(0.975)) * math.sqrt(study.variance)
        shown = interval_words(
            study.estimate, study.estimate - half, study.estimate + half, is_ratio
        )
        lines.append(f"{study.study:<{width}}  {shown}")
    lines += ["", *summary_lines("all", answer.overall, is_ratio)]
    for name, one in answer.groups.items():
        lines += ["", *summary_lines(name, one, is_ratio)]
    if answer.between:
        b = answer.between
        lines += ["", f"between groups: Q {b.q:.2f}, df {b.df}, {p_words(b.p)}"]
    lines += more_lines(answer, is_ratio)
    return [*lines, *(f"note: {note}" for note in answer.notes)]

"""`enthesis fit DATA.csv`: a repeated-measures model or random slopes for anybody's table."""

import argparse
import gc
import json
import math
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from enthesis.commands.complain import complain

if TYPE_CHECKING:
    import pandas as pd

    from enthesis.outcomes.formulas import Columns

DESCRIPTION = """\
Fit a model to scores that were measured repeatedly: one row per subject and visit, CSV or Parquet.
  unstructured   any covariance between visits (the usual model of trials; SAS TYPE=UN, R's mmrm)
  random-slope   each subject has its own line over --time, at any times (R's lmer)
Missing scores are taken as missing at random given the others. What is fitted to people who were
not randomised describes them; it is no effect of anything.
"""
EXAMPLES = """\
examples:
  enthesis fit trial.csv --id USUBJID --visit AVISIT --outcome FEV1 --fixed "ARMCD + SEX" \\
      --reference ARMCD=PBO --reference SEX=Male
  a difference at each visit, with the means behind it:
    ... --fixed "ARMCD * AVISIT" --means ARMCD --df kenward-roger
  enthesis fit visits.csv --id course --time week --outcome pain --fixed "week * group" \\
      --covariance random-slope --json

exit status: 0 fitted; 1 the table cannot be fitted, with every reason; 2 not understood
"""


def add(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        "fit",
        help="fit a repeated-measures model to a table",
        description=DESCRIPTION,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("file", metavar="DATA", type=Path, help="a .csv or .parquet file")
    parser.add_argument("--id", required=True, metavar="COLUMN", help="whose scores they are")
    parser.add_argument("--visit", metavar="COLUMN", help="which visit (unstructured)")
    parser.add_argument("--time", metavar="COLUMN", help="when, as a number (random-slope)")
    parser.add_argument("--outcome", required=True, metavar="COLUMN", help="the scores")
    parser.add_argument("--fixed", required=True, metavar="FORMULA", help='like "ARMCD + SEX"')
    parser.add_argument(
        "--covariance", choices=("unstructured", "random-slope"), default="unstructured"
    )
    parser.add_argument(
        "--df",
        choices=("satterthwaite", "kenward-roger"),
        default="satterthwaite",
        help="degrees of freedom; default satterthwaite",
    )
    parser.add_argument("--method", choices=("reml", "ml"), default="reml")
    parser.add_argument(
        "--reference",
        metavar="COLUMN=LEVEL",
        action="append",
        default=[],
        help="what a column of words is compared with; may be repeated",
    )
    parser.add_argument("--means", metavar="COLUMN", help="also the marginal means of this column")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Fit and print; 1 when the table cannot be fitted."""
    _import_quickly()
    from enthesis.outcomes.errors import FitError

    try:
        columns = _columns(arguments)
        told = _fit(_table(arguments.file), columns, arguments)
    except FitError as error:
        return complain(f"{arguments.file.name}: {problem}" for problem in error.problems)
    except OSError as error:
        return complain([f"cannot read {arguments.file}: {error.strerror or error}"])
    if arguments.json:
        sys.stdout.write(json.dumps(_plain(told), indent=2, ensure_ascii=False) + "\n")
    else:
        sys.stdout.write("\n".join(_lines(told)) + "\n")
    return 0


def _import_quickly() -> None:
    """Import pandas and the formula library without looking through them for rubbish.

    Their objects live to the end; searching them while they come, and once more at the exit, takes
    a quarter of the time of a small fit.
    """
    gc.disable()
    try:
        import enthesis.outcomes.formulas  # noqa: F401
    finally:
        gc.freeze()
        gc.enable()


def _columns(arguments: argparse.Namespace) -> "Columns":
    from enthesis.outcomes.errors import FitError
    from enthesis.outcomes.formulas import Columns

    slopes = arguments.covariance == "random-slope"
    needed, other = ("--time", "--visit") if slopes else ("--visit", "--time")
    given = {"--time": arguments.time, "--visit": arguments.visit}
    if not given[needed] or given[other]:
        raise FitError(f"{arguments.covariance} needs {needed} and no {other}.")
    if slopes and arguments.df != "satterthwaite":
        raise FitError("Random slopes have Satterthwaite's degrees of freedom only.")
    references = {}
    for text in arguments.reference:
        name, sign, level = text.partition("=")
        if not sign or not name or not level:
            raise FitError(f"--reference {text}: write it like ARMCD=PBO.")
        references[name] = level
    return Columns(
        subject=arguments.id,
        outcome=arguments.outcome,
        fixed=arguments.fixed,
        visit=arguments.visit or "",
        time=arguments.time or "",
        references=references,
    )


def _table(file: Path) -> "pd.DataFrame":
    """The table; only empty cells and NA are missing, so that a word stays a word."""
    import pandas as pd

    from enthesis.outcomes.errors import FitError

    try:
        if file.suffix.lower() == ".parquet":
            table = pd.read_parquet(file)
        else:
            table = pd.read_csv(
                file, keep_default_na=False, na_values=["", "NA"], encoding="utf-8-sig"
            )
    except UnicodeDecodeError:
        raise FitError("This is not UTF-8 text; save it as CSV UTF-8.") from None
    except (pd.errors.ParserError, pd.errors.EmptyDataError, ValueError) as error:
        raise FitError(f"The table cannot be read: {error}.") from error
    if not len(table):
        raise FitError("The table has a header but no rows.")
    return table.reset_index(drop=True)


@dataclass(frozen=True, slots=True)
class Line:
    """One estimate with what belongs to it; NaN where that is undefined."""

    name: str
    estimate: float
    se: float
    df: float
    p: float
    ci_low: float
    ci_high: float


def _fit(
    table: "pd.DataFrame", columns: "Columns", arguments: argparse.Namespace
) -> dict[str, Any]:
    from enthesis.outcomes.formulas import prepare

    prepared = prepare(table, columns)
    if arguments.covariance == "random-slope":
        return _slopes(prepared, columns, arguments)
    return _unstructured(prepared, columns, arguments)


def _unstructured(
    prepared: Any, columns: "Columns", arguments: argparse.Namespace
) -> dict[str, Any]:
    from enthesis.outcomes.degrees import contrasts
    from enthesis.outcomes.formulas import sums_of, visits_of
    from enthesis.outcomes.repeated import fit

    sums, design = sums_of(prepared, columns)
    fitted = fit(sums, design, method=arguments.method)
    found = contrasts(fitted, degrees=arguments.df)
    told = {
        "model": "repeated measures, unstructured covariance",
        "method": arguments.method,
        "df": arguments.df,
        "coefficients": _named(_of(found)),
        "covariance": {
            "visits": [str(visit) for visit in visits_of(prepared, columns)],
            "matrix": fitted.covariance.tolist(),
        },
        "minus2_log_likelihood": fitted.minus2_log_likelihood,
        "n_subjects": fitted.n_subjects,
        "n_observations": fitted.n_observations,
        "notes": [*prepared.notes, *([fitted.note] if fitted.note else [])],
    }
    if arguments.means:
        from enthesis.outcomes.marginal import marginal_rows

        rows = marginal_rows(prepared, columns, arguments.means)
        for key, names, table in (
            ("means", rows.names, rows.means),
            ("differences", rows.difference_names, rows.differences),
        ):
            told[key] = _named(_of(contrasts(fitted, table, names, degrees=arguments.df)))
    return told


def _slopes(prepared: Any, columns: "Columns", arguments: argparse.Namespace) -> dict[str, Any]:
    import numpy as np
    from scipy.special import stdtr, stdtrit

    from enthesis.outcomes.errors import FitError
    from enthesis.outcomes.slopes import fit_slopes

    if arguments.means:
        raise FitError("--means goes with the unstructured model.")
    frame, matrix = prepared.frame, prepared.matrix
    found = fit_slopes(
        frame[columns.subject].to_numpy(),
        frame[columns.time].to_numpy(dtype=float),
        frame[columns.outcome].to_numpy(dtype=float),
        matrix.to_numpy(dtype=float),
        [str(name) for name in matrix.columns],
        arguments.method,
    )
    with np.errstate(invalid="ignore"):
        p = 2 * stdtr(found.df, -np.abs(found.coefficients / found.se))
        half = stdtrit(found.df, 0.975) * found.se
    low, high = found.coefficients - half, found.coefficients + half
    numbers = zip(found.names, found.coefficients, found.se, found.df, p, low, high, strict=True)
    note = "The lines show no spread in some direction (boundary): df and p are undefined."
    return {
        "model": "random intercept and slope",
        "method": arguments.method,
        "df": arguments.df,
        "coefficients": _named(Line(name, *map(float, rest)) for name, *rest in numbers),
        "covariance": {
            "between": found.covariance.tolist(),
            "residual_variance": found.residual_variance,
        },
        "minus2_log_likelihood": found.minus2_log_likelihood,
        "n_subjects": found.n_subjects,
        "n_observations": found.n_observations,
        "notes": [*prepared.notes, *([note] if found.boundary else [])],
    }


def _of(found: Any) -> Iterable[Line]:
    columns = (found.estimate, found.se, found.df, found.p, found.ci_low, found.ci_high)
    for name, *numbers in zip(found.names, *columns, strict=True):
        yield Line(name, *map(float, numbers))


def _named(lines: Iterable[Line]) -> dict[str, dict[str, Any]]:
    return {
        line.name: {name: getattr(line, name) for name in Line.__slots__ if name != "name"}
        for line in lines
    }


def _plain(value: Any) -> Any:
    """For JSON, which has no NaN: what is undefined is null."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {name: _plain(part) for name, part in value.items()}
    return [_plain(part) for part in value] if isinstance(value, list) else value


def _lines(told: dict[str, Any]) -> list[str]:
    """The answer as text."""
    lines = [
        f"{told['model']}, {told['method'].upper()}, {told['n_subjects']} subjects, "
        f"{told['n_observations']} scores",
        "",
        *_block("estimate (95% interval)", told["coefficients"]),
    ]
    for key, title in (("means", "marginal mean"), ("differences", "difference")):
        if key in told:
            lines += ["", *_block(f"{title} (95% interval)", told[key])]
    lines += ["", *_covariance(told["covariance"])]
    lines += [f"−2 log likelihood {told['minus2_log_likelihood']:.4f}"]
    return lines + [f"note: {note}" for note in told["notes"]]


def _block(title: str, found: dict[str, dict[str, Any]]) -> list[str]:
    width = max(len(name) for name in found)
    lines = [f"{'':<{width}}  {title}, standard error, df, p"]
    for name, one in found.items():
        span = f"{one['estimate']:.4f} ({one['ci_low']:.4f} to {one['ci_high']:.4f})"
        if math.isnan(one["df"]):
            span, rest = f"{one['estimate']:.4f} (no interval)", f"{one['se']:.4f}, df undefined"
        else:
            p = "p < 0.0001" if one["p"] < 0.0001 else f"p = {one['p']:.4f}"
            rest = f"{one['se']:.4f}, {one['df']:.1f}, {p}"
        lines.append(f"{name:<{width}}  {span}, {rest}")
    return lines


def _covariance(found: dict[str, Any]) -> list[str]:
    if "visits" not in found:
        (a, b), (_, d) = found["between"]
        return [
            f"between subjects: variance of intercepts {a:.4g}, of slopes {d:.4g}, "
            f"covariance {b:.4g}; residual variance {found['residual_variance']:.4g}"
        ]
    return ["covariance between visits", *_matrix(found["visits"], found["matrix"])]


def _matrix(names: Sequence[str], rows: Sequence[Sequence[float]]) -> list[str]:
    width = max(10, *map(len, names))
    head = " " * width + "".join(f"{name:>{width + 1}}" for name in names)
    body = [
        f"{name:<{width}}" + "".join(f"{value:>{width + 1}.4f}" for value in row)
        for name, row in zip(names, rows, strict=True)
    ]
    return [head, *body]

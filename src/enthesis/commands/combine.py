"""`enthesis combine PACKET…`: what clinics' packets say together, as one pooled registry would."""

import argparse
import json
import math
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from enthesis.commands.complain import complain

if TYPE_CHECKING:
    from enthesis.knowledge.kinds import Knowledge
    from enthesis.outcomes.packet import Packet

DESCRIPTION = """\
Add up the packets of several clinics (docs/how-to/combine-clinics.md). Where nothing was left out
the numbers are those of one registry with all their courses; what a packet leaves out is named.
"""
EXAMPLES = """\
examples:
  enthesis combine north.json south.json
  for a program:
    enthesis combine *.json --json

exit status: 0 combined; 1 a packet cannot be used, with the reason; 2 not understood
"""


def add(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        "combine",
        help="add up the packets of several clinics",
        description=DESCRIPTION,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("packets", metavar="PACKET", type=Path, nargs="+")
    parser.add_argument("--condition", metavar="ID", help="only this condition")
    parser.add_argument("--json", action="store_true", help="print JSON instead of text")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Combine and print; 1 with what is wrong with which packet."""
    from enthesis.outcomes.combine import check_packets, conditions_of
    from enthesis.outcomes.packet import PacketError

    try:
        packets = [read_packet(path) for path in arguments.packets]
        check_packets(packets)
        known = conditions_of(packets)
        if arguments.condition and arguments.condition not in known:
            raise PacketError(
                f"No packet tells of {arguments.condition!r}; they tell of {', '.join(known)}."
            )
    except PacketError as error:
        return complain([str(error)])
    found = combined(packets, arguments.condition or "")
    if arguments.json:
        sys.stdout.write(json.dumps(_plain(found), indent=2, ensure_ascii=False) + "\n")
    else:
        sys.stdout.write("\n".join(_lines(found)) + "\n")
    return 0


def read_packet(path: Path) -> "Packet":
    """The packet of a file. Raises PacketError naming the file, whatever is in it."""
    from enthesis.exchange.strict_json import MOST_BYTES, JsonError, read_json
    from enthesis.outcomes.packet import PacketError, from_plain

    try:
        with path.open("rb") as file:
            data = file.read(MOST_BYTES + 1)
        return from_plain(read_json(data))
    except OSError as error:
        raise PacketError(f"cannot read {path}: {error.strerror or error}") from error
    except (JsonError, PacketError) as error:
        raise PacketError(f"{path}: {error}.") from error


def combined(packets: "Sequence[Packet]", only: str = "") -> dict[str, Any]:
    """Everything that the packets say together, as plain values."""
    from enthesis.knowledge.load import knowledge
    from enthesis.outcomes.combine import conditions_of, label
    from enthesis.outcomes.report import READ_FIRST

    known = knowledge(max(one.day for one in packets))
    return {
        "read_first": READ_FIRST,
        "clinics": [
            {
                "clinic": label(one, packets),
                "day": one.day.isoformat(),
                "cut": one.cut,
                "sha256": one.sha256,
                "threshold": one.threshold,
            }
            for one in packets
        ],
        "conditions": [
            _condition(packets, name, known)
            for name in conditions_of(packets)
            if only in ("", name)
        ],
    }


def _condition(packets: "Sequence[Packet]", name: str, known: "Knowledge") -> dict[str, Any]:
    from enthesis.outcomes.combine import told

    about = known.conditions.get(name)
    began = {clinic: one.began for clinic, _, one in told(packets, name)}
    return {
        "condition": name,
        "name": about.name if about else name,
        "began": sum(began.values()),
        "began_by_clinic": began,
        "anyway": _anyway(name, known),
        "pain": _or_why(_pain, packets, name, known),
        "relief": list(_relief(packets, name, known)),
        "to_target": _or_why(_to_target, packets, name),
        "clinics": _or_why(_funnel, packets, name),
        "harms": list(_harms(packets, name, known)),
        "cost": list(_cost(packets, name)),
        "left_out": list(_left_out(packets, name)),
    }


def _or_why(ask: Any, *args: Any) -> dict[str, Any]:
    from enthesis.outcomes.errors import FitError

    try:
        found: dict[str, Any] = ask(*args)
    except FitError as error:
        return {"why": " ".join(error.problems)}
    return found


def _anyway(name: str, known: "Knowledge") -> dict[str, Any] | None:
    """What happens without these injections: salt water, or time alone."""
    about = known.conditions.get(name)
    found = known.benchmarks.get(about.benchmark) if about else None
    if found is None:
        return None
    start = found.points[0].middle
    return {
        "title": found.title,
        "population": found.population,
        "is_change": found.is_change,
        "points": [
            {
                "week": float(p.weeks),
                "change": float(p.middle if found.is_change else p.middle - start),
                "n": p.n,
            }
            for p in found.points
        ],
        "improved_percent": {k: float(v) for k, v in found.improved_percent.items()},
        "source": found.source,
    }


def _pain(packets: "Sequence[Packet]", name: str, known: "Knowledge") -> dict[str, Any]:
    from enthesis.outcomes.combine import change_over_time, pooled_sums, told
    from enthesis.outcomes.errors import FitError

    sums = pooled_sums(packets, name)
    if sums is None:
        raise FitError("No packet has sums of pain: too few courses share their visits.")
    found = change_over_time(sums)
    keys = ("estimate", "se", "df", "low", "high")
    weeks = {w.number: w.name for w in known.windows.values()}
    by_clinic: dict[int, list[tuple[str, tuple[float, ...]]]] = {}
    for clinic, packet, _ in told(packets, name):
        own = pooled_sums([packet], name)
        if own is None:
            continue
        try:
            alone = change_over_time(own)
        except FitError:
            continue  # what one clinic cannot carry alone it still adds to all
        for visit, line in zip(alone.visits[1:], alone.change[1:], strict=True):
            if alone.visits[0] == found.visits[0]:
                by_clinic.setdefault(visit, []).append((clinic, line))
    visits = []
    for visit, mean, change in zip(found.visits, found.mean, found.change, strict=True):
        row: dict[str, Any] = {
            "visit": visit,
            "name": weeks.get(visit, str(visit)),
            "courses": int(sums.seen_at[list(sums.visits).index(visit)]),
            "mean": dict(zip(keys, mean, strict=True)),
        }
        if visit != found.visits[0]:
            row["change"] = dict(zip(keys, change, strict=True))
            row["clinics"] = _apart(by_clinic.get(visit, []))
        visits.append(row)
    return {
        "n_subjects": sums.n_subjects,
        "n_observations": sums.n_observations,
        "covariates": list(sums.covariates[1:]),
        "visits": visits,
        "note": found.fitted.note,
    }


def _apart(lines: Sequence[tuple[str, tuple[float, ...]]]) -> dict[str, Any] | None:
    """Each clinic's own change, and how far the clinics lie apart (meta-analysis of clinics)."""
    from enthesis.evidence.pool import pool
    from enthesis.evidence.ragged import review

    kept = [(name, line) for name, line in lines if line[1] > 0]
    if len(kept) < 2:
        return None
    answer = pool(review([line[0] for _, line in kept], [line[1] ** 2 for _, line in kept])).one()
    return {
        "each": [
            {"clinic": name, "estimate": line[0], "low": line[3], "high": line[4]}
            for name, line in kept
        ],
        "together": answer.estimate,
        "low": answer.ci_low,
        "high": answer.ci_high,
        "tau2": answer.tau2,
        "i2": answer.i2,
        "q_p": answer.q_p,
        "prediction_low": answer.prediction_low,
        "prediction_high": answer.prediction_high,
    }


def _relief(packets: "Sequence[Packet]", name: str, known: "Knowledge") -> Iterator[dict[str, Any]]:
    from enthesis.outcomes.combine import share
    from enthesis.outcomes.intervals import wilson
    from enthesis.outcomes.packet_tables import LEVELS

    tables = {"last": "last answer"}
    tables |= {f"window {w.number}": w.name for w in known.windows.values() if w.number}
    for table, words in tables.items():
        for level in LEVELS:
            found = share(packets, name, table, level)
            if not found.clinics:
                continue
            told, due = (wilson(found.reached, n) for n in (found.answered, found.due))
            yield {
                "table": table,
                "name": words,
                "level": level,
                "due": found.due,
                "answered": found.answered,
                "reached": found.reached,
                "of_answered": [float(x) for x in (told.estimate, told.low, told.high)],
                "of_due": [float(x) for x in (due.estimate, due.low, due.high)],
                "not_told_by": list(found.missing),
            }


def _to_target(packets: "Sequence[Packet]", name: str) -> dict[str, Any]:
    from enthesis.outcomes import combine
    from enthesis.outcomes.errors import FitError
    from enthesis.outcomes.survival import cumulative_incidence, kaplan_meier

    counts = combine.end_counts(packets, name)
    if counts is None:
        raise FitError("No packet tells when targets were reached.")
    whole = combine.all_together(counts)
    found, going = cumulative_incidence(whole), kaplan_meier(whole)
    told: dict[str, Any] = {
        "weeks": found.days.tolist(),
        "at_risk": found.at_risk[0].tolist(),
        "reached": found.share[0, 0].tolist(),
        "low": found.low[0, 0].tolist(),
        "high": found.high[0, 0].tolist(),
        "still_going": going.share[0].tolist(),
        "clinics": [str(cell) for cell in counts.cells],
    }
    if len(counts.cells) < 2:
        return told
    ranks = _or_why(lambda: vars_of(combine.ranks(counts), "chi2", "df", "p"))
    rates = _or_why(lambda: _ratios(combine.rate_ratios(counts), str(counts.cells[0])))
    return told | {"log_rank": ranks, "rate_ratios": rates}


def vars_of(found: Any, *names: str) -> dict[str, Any]:
    """Some fields of a result, as plain values."""
    return {name: getattr(found, name) for name in names}


def _ratios(found: Any, first: str) -> dict[str, Any]:
    rows = zip(found.names, found.coefficients, found.se, strict=True)
    return {
        "beside": first,
        "ratios": [
            {
                "clinic": name,
                "log_ratio": float(b),
                "se": float(se),
                "ratio": math.exp(b),
                "low": math.exp(b - 1.96 * se),
                "high": math.exp(b + 1.96 * se),
            }
            for name, b, se in rows
        ],
    }


def _funnel(packets: "Sequence[Packet]", name: str) -> dict[str, Any]:
    from enthesis.outcomes.combine import clinics_beside

    found = clinics_beside(packets, name, 50)
    return {
        "level": 50,
        "overall": found.overall,
        "units": [
            {
                "clinic": unit,
                "courses": int(found.courses[at]),
                "reached": int(found.reached[at]),
                "limits": found.limits[at].tolist(),
                "outside": bool(found.outside[at]),
            }
            for at, unit in enumerate(found.units)
        ],
    }


def _harms(packets: "Sequence[Packet]", name: str, known: "Knowledge") -> Iterator[dict[str, Any]]:
    from enthesis.outcomes.combine import told
    from enthesis.outcomes.intervals import rate
    from enthesis.outcomes.packet_words import harm_name

    every = [(clinic, about.harms) for clinic, _, about in told(packets, name) if about.harms]
    kinds = sorted({(one.source, one.kind) for _, harms in every for one in harms.kinds})
    for source, kind in kinds:
        events = sessions = 0
        missing = []
        for clinic, harms in every:
            one = next((h for h in harms.kinds if (h.source, h.kind) == (source, kind)), None)
            if one is None:
                missing.append(clinic)
            else:
                events, sessions = events + one.events, sessions + harms.sessions
        # A kind that a clinic leaves out has happened there: a rate of the others would be too low.
        found = None if missing else rate(events, sessions)
        yield {
            "source": source,
            "kind": kind,
            "name": harm_name(source, kind, known),
            "events": events,
            "sessions": sessions,
            "per_session": [float(x) for x in (found.estimate, found.low, found.high)]
            if found
            else None,
            "not_told_by": missing,
        }


def _cost(packets: "Sequence[Packet]", name: str) -> Iterator[dict[str, Any]]:
    from enthesis.outcomes.combine import told

    costs = [cost for _, _, about in told(packets, name) for cost in about.costs]
    for currency in sorted({cost.currency for cost in costs}):
        own = [cost for cost in costs if cost.currency == currency]
        yield {
            "currency": currency,
            "courses": sum(cost.courses for cost in own),
            "charged_cents": sum(cost.charged_cents for cost in own),
            "paid_cents": sum(cost.paid_cents for cost in own),
        }


def _left_out(packets: "Sequence[Packet]", name: str) -> Iterator[dict[str, Any]]:
    from enthesis.outcomes.combine import label

    for packet in packets:
        for one in packet.left_out:
            if one.condition in ("", name):
                yield {
                    "clinic": label(packet, packets),
                    "table": one.table,
                    "why": one.why,
                    "courses": one.courses,
                    "scores": one.scores,
                }


def _plain(value: Any) -> Any:
    """For JSON, which has no NaN: what is undefined is null."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {name: _plain(part) for name, part in value.items()}
    return [_plain(part) for part in value] if isinstance(value, list) else value


# --- as text


def _lines(found: dict[str, Any]) -> Iterator[str]:
    names = ", ".join(f"{one['clinic']} ({one['day']})" for one in found["clinics"])
    yield f"{len(found['clinics'])} packets: {names}."
    yield found["read_first"]
    for one in found["conditions"]:
        yield ""
        own = ", ".join(f"{clinic} {n}" for clinic, n in one["began_by_clinic"].items())
        yield f"{one['name'].upper()}: {one['began']} courses began ({own})"
        yield from _pain_lines(one)
        yield from _relief_lines(one)
        yield from _target_lines(one["to_target"])
        yield from _funnel_lines(one["clinics"])
        for harm in one["harms"]:
            rate, of = harm["per_session"], f"{harm['events']} in {harm['sessions']} sessions"
            told = (
                f", {1000 * rate[0]:.1f} per 1000 ({1000 * rate[1]:.1f} to {1000 * rate[2]:.1f})"
                if rate
                else f" where it is told, so no rate: {', '.join(harm['not_told_by'])} had some"
            )
            yield f"  {harm['name']}: {of}{told}"
        for cost in one["cost"]:
            mean = cost["paid_cents"] / max(cost["courses"], 1) / 100
            yield f"  paid: {mean:.0f} {cost['currency']} a course, {cost['courses']} courses"
        yield from _left_out_lines(one["left_out"])


def _pain_lines(one: dict[str, Any]) -> Iterator[str]:
    pain = one["pain"]
    if "why" in pain:
        yield f"  pain over the visits: {pain['why']}"
        return
    beside = f", at their mean {' and '.join(pain['covariates'])}" if pain["covariates"] else ""
    yield (
        f"  pain 0 to 10, {pain['n_subjects']} courses with {pain['n_observations']} scores, "
        f"missing at random{beside}:"
    )
    for row in pain["visits"]:
        mean, change = row["mean"], row.get("change")
        line = f"    {row['name']:<10} mean {mean['estimate']:.2f}"
        if change:
            line += f", change {change['estimate']:+.2f} ({change['low']:+.2f} to "
            line += f"{change['high']:+.2f})"
        yield line + f", {row['courses']} courses"
        if row.get("clinics"):
            yield _apart_line(row["clinics"])
    if one["anyway"]:
        group = one["anyway"]
        steps = ", ".join(f"week {p['week']:g} {p['change']:+.1f}" for p in group["points"][1:])
        yield f"    beside it, {group['title']} (others, not compared): change {steps}"
    else:
        yield "    beside it: no group without these injections is on file for this condition."


def _apart_line(clinics: dict[str, Any]) -> str:
    each = ", ".join(f"{c['clinic']} {c['estimate']:+.2f}" for c in clinics["each"])
    spread = "not known" if math.isnan(clinics["tau2"]) else f"{math.sqrt(clinics['tau2']):.2f}"
    return f"      clinics: {each}; they lie apart by (tau) {spread}, I² {clinics['i2']:.0f} %"


def _relief_lines(one: dict[str, Any]) -> Iterator[str]:
    for row in one["relief"]:
        told, due = row["of_answered"], row["of_due"]
        yield (
            f"  {row['name']}: {row['reached']} reached {row['level']} % relief, {told[0]:.0%} of "
            f"{row['answered']} who answered ({told[1]:.0%} to {told[2]:.0%}), {due[0]:.0%} of all "
            f"{row['due']}{_not_told(row)}"
        )
    anyway = one["anyway"]
    if one["relief"] and anyway and anyway["improved_percent"]:
        shares = ", ".join(f"{k} % relief {v:g} %" for k, v in anyway["improved_percent"].items())
        yield f"    beside it, {anyway['title']}: {shares} of those who answered"


def _target_lines(found: dict[str, Any]) -> Iterator[str]:
    if "why" in found:
        yield f"  reaching the target: {found['why']}"
        return
    yield f"  reaching the target, told by {', '.join(found['clinics'])}:"
    rows = list(zip(*(found[k] for k in ("weeks", "reached", "low", "high")), strict=True))
    for week, share, low, high in rows[:: max(1, len(rows) // 4)]:
        if share is not None and not math.isnan(share):
            limits = "" if math.isnan(low) else f" ({low:.0%} to {high:.0%})"
            yield f"    by week {week:g}: {share:.0%}{limits}"
    ranks = found.get("log_rank", {})
    if "p" in ranks:
        yield (
            f"    between clinics: log-rank χ² {ranks['chi2']:.2f} on {ranks['df']} df, "
            f"p {ranks['p']:.3f}"
        )
    for row in found.get("rate_ratios", {}).get("ratios", []):
        first = found["rate_ratios"]["beside"]
        yield (
            f"    rate at {row['clinic']} beside {first}: {row['ratio']:.2f} "
            f"({row['low']:.2f} to {row['high']:.2f})"
        )


def _funnel_lines(found: dict[str, Any]) -> Iterator[str]:
    if "why" in found:
        yield f"  clinics side by side: {found['why']}"
        return
    yield (
        f"  {found['level']} % relief at the last answer by clinic, of all who began; overall "
        f"{found['overall']:.0%}:"
    )
    for unit in found["units"]:
        low, high = unit["limits"][2:]
        asks = "outside: ask why" if unit["outside"] else "inside"
        yield (
            f"    {unit['clinic']}: {unit['reached']} of {unit['courses']}, chance alone "
            f"{low:.0%} to {high:.0%}: {asks}"
        )


def _left_out_lines(rows: Sequence[dict[str, Any]]) -> Iterator[str]:
    if rows:
        yield "  left out to protect patients:"
    for row in rows:
        told = "" if row["courses"] is None else f", {row['courses']} courses"
        scores = "" if row["scores"] is None else f", {row['scores']} scores"
        yield f"    {row['clinic']}, {row['table']}: {row['why']}{told}{scores}"


def _not_told(row: dict[str, Any]) -> str:
    return f"; not told by {', '.join(row['not_told_by'])}" if row["not_told_by"] else ""

"""`enthesis evidence [CONDITION]`: what the shipped trials say, and what a new paper would move."""

import argparse
import json
import math
import sys
import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import Any

from enthesis.evidence.answer import Answer, TopicAnswer, answer_topic
from enthesis.evidence.anyway import Anyway, natural_history
from enthesis.evidence.anyway_figure import anyway_pools
from enthesis.evidence.changes import Picture, changes, pictures
from enthesis.evidence.trials import EvidenceError
from enthesis.knowledge.kinds import Knowledge
from enthesis.knowledge.load import KnowledgeError, knowledge
from enthesis.knowledge.load_papers import papers, read_papers, read_syntheses
from enthesis.knowledge.paper import EvidenceTopic, Paper, Synthesis


def add(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        "evidence",
        help="say what the published trials say, and how sure that is",
        description="Print what the trials that ship with Enthesis say on one condition or on all: "
        "the answer, every trial with its interval, the certainty with its reasons, and what could "
        "not be read. With --diff, print only what changes between two folders of papers.",
    )
    parser.add_argument(
        "condition", nargs="?", metavar="CONDITION", help='like "low back pain" or low_back'
    )
    parser.add_argument("--json", action="store_true", help="print JSON, for other programs")
    parser.add_argument(
        "--diff",
        nargs="+",
        metavar="DIR",
        type=Path,
        help="compare OLD NEW, or the shipped papers with NEW; a folder may bring a synthesis.toml",
    )
    parser.add_argument(
        "--pictures",
        metavar="DIR",
        type=Path,
        help="with --diff: also write each forest plot that changes, before and after, into DIR",
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print; 1 with what is wrong, where, and what to mend."""
    # The shipped evidence as it stands now; the rules have their own start dates.
    known = knowledge(date.today())  # noqa: DTZ011
    try:
        topics = _topics(args.condition, known)
        if args.diff:
            return _print_changes(args.diff, topics, known, args.pictures)
        if args.pictures:
            raise RequestError("--pictures shows what changes; it needs --diff.")
        found = [
            (_answer(topic, known, papers(), known.syntheses), _anyway(topic, known))
            for topic in topics
        ]
    except (KnowledgeError, EvidenceError, RequestError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    except OSError as error:
        sys.stderr.write(f"cannot write {error.filename}: {error.strerror}\n")
        return 1
    if args.json:
        told = json.dumps([as_json(*one) for one in found], indent=2, ensure_ascii=False)
    else:
        told = "\n\n".join(as_text(*one) for one in found)
    sys.stdout.write(told + "\n")
    return 0


class RequestError(ValueError):
    """What was asked for cannot be answered: an unknown condition, options that do not fit."""


def as_text(found: TopicAnswer, anyway: Anyway) -> str:
    """One topic for people."""
    topic = found.topic
    lines = [topic.name.capitalize(), "", *_wrapped(found.line)]
    for one in found.answers:
        lines += ["", f"{one.synthesis.title}", *_answer_lines(one)]
    if found.unread:
        lines += ["", "Found, and nothing could be counted or shown:"]
        for trial in found.unread:
            people = f", {trial.people} people" if trial.people else ""
            lines += _wrapped(f"{trial.name}{people}: {trial.reason}", "  - ")
    lines += ["", "What happens anyway:", *_wrapped(anyway.line, "  ")]
    lines += [line for text in anyway_pools(anyway) for line in _wrapped(text, "  - ")]
    lines += ["", "Not known:"]
    lines += [line for text in topic.not_known for line in _wrapped(text, "  - ")]
    on = topic.searched_on
    lines += ["", *_wrapped(f"Last search {on.day} {on:%b %Y}. {topic.source}.")]
    return "\n".join(lines)


def as_json(found: TopicAnswer, anyway: Anyway) -> dict[str, Any]:
    """One topic for other programs; what cannot be known is null."""
    return {
        "condition": found.topic.id,
        "name": found.topic.name,
        "answer": found.line,
        "searched_on": found.topic.searched_on.isoformat(),
        "trials_found": found.trials_found,
        "questions": [_question_json(one) for one in found.answers],
        "unread": [asdict(one) for one in found.unread],
        "without_prolotherapy": _anyway_json(anyway),
        "not_known": list(found.topic.not_known),
    }


def _anyway_json(anyway: Anyway) -> dict[str, Any]:
    return {
        "line": anyway.line,
        "groups": [
            {
                "name": one.group.name,
                "kind": one.group.kind,
                "source": one.group.source,
                "points": [_no_nan(asdict(point)) for point in one.points],
            }
            for one in anyway.groups
        ],
        "pooled": [
            {"after": one.window.name, "people": one.people, **_no_nan(asdict(one.pooled))}
            for one in anyway.pools
            if one.pooled
        ],
    }


def _question_json(one: Answer) -> dict[str, Any]:
    synthesis = one.synthesis
    grade = one.grade
    return {
        "id": synthesis.id,
        "title": synthesis.title,
        "comparator": synthesis.comparator,
        "measure": synthesis.measure,
        "unit": synthesis.unit,
        "better": synthesis.better,
        "worthwhile": float(synthesis.worthwhile),
        "sentence": one.sentence,
        "pooled": _no_nan(asdict(one.pooled)) if one.pooled else None,
        "why_not_pooled": one.why_not_pooled,
        "certainty": grade.certainty.words if grade else None,
        "certainty_reasons": list(grade.reasons) if grade else [],
        "trials": [
            {
                "paper": t.paper,
                "name": t.name,
                "weeks": float(t.weeks),
                "estimate": t.estimate,
                "se": t.se,
                "ci_low": t.ci_low,
                "ci_high": t.ci_high,
                "people": t.headcount or None,
                "counted": t.is_counted,
                "shown_only": t.shown_only,
                "risk_of_bias": dict(t.bias),
                "sources": list(t.sources),
            }
            for t in one.trials
        ],
    }


def _no_nan(values: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: None if isinstance(value, float) and math.isnan(value) else value
        for name, value in values.items()
    }


def _answer_lines(one: Answer) -> list[str]:
    lines = _wrapped(one.sentence, "  ")
    lines += [line for text in one.numbers for line in _wrapped(text, "  - ")]
    if one.why_not_pooled:
        lines += _wrapped(one.why_not_pooled, "  ")
    if one.grade:
        reasons = "; ".join(one.grade.reasons) or "nothing lowers it"
        lines += _wrapped(f"Certainty: {one.grade.certainty.words}. {reasons}.", "  ")
    return lines


def _wrapped(text: str, before: str = "") -> list[str]:
    after = " " * len(before)
    return textwrap.wrap(text, 96, initial_indent=before, subsequent_indent=after)


def _topics(asked: str | None, known: Knowledge) -> list[EvidenceTopic]:
    topics = list(known.evidence_topics.values())
    if asked is None:
        return topics
    wanted = asked.strip().casefold().replace("_", " ")
    found = [t for t in topics if wanted in (t.name.casefold(), t.id.replace("_", " "))]
    if not found:
        names = ", ".join(topic.name for topic in topics)
        raise RequestError(f"No trials are kept on {asked!r}; there are: {names}.")
    return found


def _anyway(topic: EvidenceTopic, known: Knowledge) -> Anyway:
    enough = known.certainty_limits.trials_to_pool
    groups = known.untreated_groups.values()
    return natural_history(topic, groups, papers(), known.anyway_rules, enough)


def _answer(
    topic: EvidenceTopic,
    known: Knowledge,
    read: Mapping[str, Paper],
    syntheses: Mapping[str, Synthesis],
) -> TopicAnswer:
    return answer_topic(topic, syntheses.values(), read, known.certainty_limits)


def _print_changes(
    folders: list[Path], topics: list[EvidenceTopic], known: Knowledge, into: Path | None
) -> int:
    if len(folders) not in (1, 2):
        raise RequestError("--diff takes OLD and NEW, or NEW alone.")
    sides: list[tuple[Mapping[str, Paper], Mapping[str, Synthesis]]] = [
        (read_papers(f), read_syntheses(f) or known.syntheses) for f in folders
    ]
    if len(sides) == 1:
        sides.insert(0, (papers(), known.syntheses))
    told = []
    for topic in topics:
        before, after = (_answer(topic, known, read, asked) for read, asked in sides)
        for one in changes(before, after):
            told += [f"{topic.name}, {one.where}: {one.what}", f"  - {one.before or '(not said)'}"]
            told += [f"  + {one.after or '(no longer said)'}"]
        for drawn in pictures(before, after):
            told += [f"{topic.name}, {drawn.where}: forest plot", *_picture_lines(drawn, into)]
    sys.stdout.write("\n".join(told or ["Nothing that is said changes."]) + "\n")
    return 0


def _picture_lines(drawn: Picture, into: Path | None) -> Iterator[str]:
    """The two sides of a picture: where each was written, or only that it is drawn anew."""
    for sign, side, svg in (("-", "before", drawn.before), ("+", "after", drawn.after)):
        if not svg:
            yield f"  {sign} (not drawn)"
        elif into is None:
            yield f"  {sign} drawn; --pictures DIR writes it"
        else:
            into.mkdir(parents=True, exist_ok=True)
            file = into / f"{drawn.where}-{side}.svg"
            file.write_text(svg, encoding="utf-8")
            yield f"  {sign} {file}"

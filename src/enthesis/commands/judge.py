"""`enthesis judge course.json`: the next step for one course, with reasons, without a clinic."""

import argparse
import json
import sys
from datetime import date
from pathlib import Path
from typing import Any

from enthesis.exchange.course_json import CourseFileError, fingerprint, read_course
from enthesis.journey.follow import answer_problems
from enthesis.journey.judge import judge
from enthesis.knowledge.kinds import Knowledge
from enthesis.knowledge.load import KnowledgeError, knowledge
from enthesis.records import Course, Mark, Verdict
from enthesis.shape import plain

SIGNS = {Mark.MET: "✓", Mark.NOT_MET: "–", Mark.CANNOT_KNOW: "?"}


def add(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        "judge",
        help="say the next step for one course, with reasons",
        description="Read one course (docs/reference/course-json.md) and print the suggested next "
        "step: go on, finish, stop, recheck or refer, with every rule and how it came out. "
        "It is a proposal; a clinician decides.",
    )
    parser.add_argument("file", metavar="course.json", help="the course; - reads standard input")
    parser.add_argument(
        "--today", metavar="DATE", help="judge as of this day, like 2026-11-22 (default: today)"
    )
    parser.add_argument("--json", action="store_true", help="print JSON, for other programs")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Judge and print; 1 with what is wrong, where, and what to mend."""
    try:
        today = _day(args.today)
        course, known = _course(args.file), knowledge(today)
        _refuse_problems(course, known, today)
        verdict = judge(course, known, today)
    except OSError as error:
        return _fail(f"{args.file} cannot be read: {error.strerror}.")
    except KnowledgeError as error:
        return _fail(str(error))
    except ValueError as error:
        return _fail(f"{args.file}: {error}.")
    told = json.dumps(as_json(verdict, course), indent=2, ensure_ascii=False)
    sys.stdout.write((told if args.json else as_text(verdict)) + "\n")
    return 0


def as_json(verdict: Verdict, course: Course) -> dict[str, Any]:
    """The verdict for other programs, with the hash of what it was made from."""
    return {**plain(verdict), "inputs_sha256": fingerprint(course)}


def as_text(verdict: Verdict) -> str:
    """The verdict for people, one reason a line."""
    step = verdict.next_step.value.replace("_", " ").capitalize()
    lines = [f"{step}: {verdict.headline}"]
    if verdict.ask_first:
        lines.append("Ask first: an answer is missing or must be confirmed.")
    lines += ["", *(f"  {SIGNS[r.mark]} {r.rule:<4}{r.text}" for r in verdict.reasons), ""]
    on, rules = verdict.judged_on, verdict.rules_of
    lines.append(f"Worked out for {on.day} {on:%b %Y}, rules of {rules.day} {rules:%b %Y}.")
    lines.append("A suggestion: a clinician decides. --json shows the sources and the numbers.")
    return "\n".join(lines)


def _day(text: str | None) -> date:
    if text is None:
        # The clinic's own day is known only to the clinic; here it is the computer's.
        return date.today()  # noqa: DTZ011
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ValueError(f"--today: {text!r} is no date; write it like 2026-11-22") from None


def _course(file: str) -> Course:
    raw = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
    try:
        course = read_course(raw.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise CourseFileError(f"byte {error.start}: this is not UTF-8 text; save it so") from None
    return course


def _refuse_problems(course: Course, known: Knowledge, today: date) -> None:
    problems = [*answer_problems(course, known)]
    for name in ("sessions", "assessments", "decisions"):
        for i, fact in enumerate(getattr(course, name)):
            if fact.on > today:
                problems.append(
                    f"{name}[{i}].on: {fact.on} is after {today}; mend the date, or judge as of a "
                    "later day with --today"
                )
    if problems:
        raise CourseFileError("; ".join(problems))


def _fail(message: str) -> int:
    sys.stderr.write(message + "\n")
    return 1

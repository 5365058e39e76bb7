"""`enthesis rejudge`: the verdicts of many courses, worked out again."""

import argparse
import hashlib
import json
import multiprocessing
import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from datetime import date
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from enthesis.commands.judge import as_json
from enthesis.commands.progress import progress_bar
from enthesis.exchange.course_json import canonical, read_course
from enthesis.journey.judge import judge
from enthesis.knowledge.load import KnowledgeError, knowledge
from enthesis.shape import plain

if TYPE_CHECKING:
    from enthesis.clinic.models import Decision

BATCH = 200
SHOWN = 50


def add(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        "rejudge",
        help="work out again the verdicts of many courses",
        description="Without a file: every decision of the clinic is worked out again from what "
        "was kept beside it, by the rules of its day, and each that comes out otherwise is named. "
        "With a file of courses, one JSON course a line (docs/reference/course-json.md), their "
        "verdicts are written, one a line.",
    )
    parser.add_argument("file", metavar="COURSES.jsonl", type=Path, nargs="?")
    parser.add_argument("--out", metavar="VERDICTS.jsonl", type=Path, help="with a file: where to")
    parser.add_argument("--today", metavar="DATE", help="with a file: judge as of this day")
    parser.add_argument(
        "--workers", type=int, default=os.cpu_count() or 1, help="processes (default: all cores)"
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Judge again; 0 if all came out the same or were written, 1 with what is wrong."""
    try:
        if args.file is None:
            if args.out or args.today:
                return _fail("--out and --today go with a file of courses.")
            return _kept_decisions()
        if args.out is None:
            return _fail("Say with --out where to write the verdicts.")
        # The clinic's own day is known only to the clinic; here it is the computer's.
        today = date.fromisoformat(args.today) if args.today else date.today()  # noqa: DTZ011
        knowledge(today)
        return _file(args.file, args.out, today, max(1, args.workers))
    except KnowledgeError as error:
        return _fail(str(error))
    except ValueError:
        return _fail(f"--today: {args.today!r} is no date; write it like 2026-11-22.")
    except OSError as error:
        return _fail(f"{error.filename}: {error.strerror}.")


# --- a file of courses


def _file(file: Path, out: Path, today: date, workers: int) -> int:
    """All or nothing: the verdicts stand under their name only once every line was judged."""
    with file.open("rb") as lines:
        total = sum(1 for _ in lines)
    unfinished = out.with_name(f"{out.name}.unfinished")
    started, bar = time.perf_counter(), progress_bar()
    problems: list[str] = []
    with (
        file.open(encoding="utf-8-sig", errors="surrogateescape") as lines,
        unfinished.open("w", encoding="utf-8") as written,
    ):
        done = 0
        for verdicts, wrong in _judged(lines, today, workers):
            written.writelines(verdicts)
            problems += wrong
            done += len(verdicts) + len(wrong)
            bar(done, total)
    if problems:
        unfinished.unlink()
        shown = "\n".join(f"{file.name}, {problem}" for problem in problems[:SHOWN])
        more = f"\n… and {len(problems) - SHOWN} more" if len(problems) > SHOWN else ""
        return _fail(f"{shown}{more}\nNothing was written.")
    unfinished.replace(out)
    seconds = time.perf_counter() - started
    sys.stdout.write(f"{done} courses judged in {seconds:.1f} s, {done / seconds:.0f} a second\n")
    return 0


Batch = tuple[int, date, list[str]]
Judged = tuple[list[str], list[str]]


def _judged(lines: TextIO, today: date, workers: int) -> Iterator[Judged]:
    batches = _batches(lines, today)
    if workers == 1:
        yield from map(judge_batch, batches)
        return
    with multiprocessing.Pool(workers) as pool:
        yield from pool.imap(judge_batch, batches)


def _batches(lines: Iterable[str], today: date) -> Iterator[Batch]:
    source, first = iter(lines), 1
    while batch := list(islice(source, BATCH)):
        yield first, today, batch
        first += len(batch)


def judge_batch(batch: Batch) -> Judged:
    """The verdicts of some lines as lines, and what is wrong with others, by their number."""
    first, today, lines = batch
    known, verdicts, wrong = knowledge(today), [], []
    for number, line in enumerate(lines, start=first):
        try:
            course = read_course(line)
            told = {"id": course.id, **as_json(judge(course, known, today), course)}
            verdicts.append(json.dumps(told, ensure_ascii=False) + "\n")
        except (ValueError, UnicodeError) as error:
            wrong.append(f"line {number}: {error}")
    return verdicts, wrong


# --- the clinic's decisions


def _kept_decisions() -> int:
    from django.db import OperationalError

    from enthesis.clinic import server

    server.prepare_to_write()
    from enthesis.clinic.models import Decision

    try:
        rows = Decision.objects.select_related("course__patient__clinic").order_by("pk")
        return _compare(rows.iterator(chunk_size=BATCH), rows.count())
    except OperationalError as error:
        return _fail(f"The clinic's database is not ready ({error}). Run `enthesis start` first.")


def _compare(rows: "Iterable[Decision]", total: int) -> int:
    from enthesis.clinic.actions.judge import recompute, stored_verdict

    bar: Callable[[int, int], None] = progress_bar()
    started, differ = time.perf_counter(), []
    for done, row in enumerate(rows, start=1):
        bar(done, total)
        now = recompute(row)
        kept = hashlib.sha256(canonical(row.inputs).encode()).hexdigest()
        if kept != row.inputs_sha256:
            differ.append(f"decision {row.pk} of course {row.course_id}: its inputs were changed")
        elif plain(now) != row.verdict and now != (then := stored_verdict(row)):
            said = f"said {then.next_step}, now {now.next_step}"
            if now.next_step is then.next_step:
                said = f"{then.next_step} as before, with other reasons"
            differ.append(f"decision {row.pk} of course {row.course_id}, {row.on}: {said}")
    more = [f"… and {len(differ) - SHOWN} more"] if len(differ) > SHOWN else []
    rate = f"{total / max(time.perf_counter() - started, 1e-9):.0f} a second"
    told = [*differ[:SHOWN], *more, f"{total} decisions, {len(differ)} differ; {rate}"]
    sys.stdout.write("\n".join(told) + "\n")
    return 1 if differ else 0


def _fail(message: str) -> int:
    sys.stderr.write(message + "\n")
    return 1

"""A sender killed with -9 again and again: shared by the short test and by the long proof."""

import os
import random
import signal
import sys
import time
from collections import Counter
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from types import FrameType
from typing import Any

from django.db import connections

from enthesis.clinic import models, sender
from tests.stand_in import MailServer

LEASE = timedelta(seconds=0.3)
# Lines are counted where a message is queued, claimed, sent and written down.
WATCHED = ("sender.py", "outbox.py", "network.py", "smtplib.py", "audit.py")
LAST_LINE = 900
LONGEST_SECONDS = 0.25


@dataclass(frozen=True)
class Toll:
    """What came of it: how many children died, and how often each reminder arrived."""

    killed: int
    reminders: int
    arrived: dict[int, int]
    lost: int
    unclear: int
    second_message_ids: int


def kill_many(kills: int, seed: int, server: MailServer) -> Toll:
    """So many children killed, half of them at a random line and half at a random moment; then
    one that is left alone."""
    rng, killed = random.Random(seed), 0  # noqa: S311
    while killed < kills:
        at_line = rng.randint(1, LAST_LINE) if killed % 2 else None
        killed += _child(at_line, rng.uniform(0, LONGEST_SECONDS))
    while models.Message.objects.filter(state="waiting").exists():
        time.sleep(LEASE.total_seconds())
        _child(None, None)
    return _toll(killed, server)


def _child(at_line: int | None, seconds: float | None) -> bool:
    """One sender in a process of its own; whether it was killed before it was done."""
    # A connection must not be shared with a child.
    connections.close_all()
    child = os.fork()
    if not child:
        try:
            if at_line:
                sys.settrace(_killer(at_line))
            sender.run_pass(LEASE)
            os._exit(0)
        finally:
            os._exit(1)
    if not at_line and seconds is not None:
        time.sleep(seconds)
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    if not os.WIFSIGNALED(status) and os.WEXITSTATUS(status):
        raise RuntimeError("The child failed by itself.")
    return os.WIFSIGNALED(status)


def _killer(at_line: int) -> Any:
    left = at_line

    def count(frame: FrameType, event: str, arg: object) -> Any:
        nonlocal left
        if Path(frame.f_code.co_filename).name not in WATCHED:
            return None
        if event == "line":
            left -= 1
            if not left:
                os.kill(os.getpid(), signal.SIGKILL)
        return count

    return count


def _toll(killed: int, server: MailServer) -> Toll:
    messages = list(models.Message.objects.order_by("id"))
    arrived = Counter(mail["Message-ID"] for mail in server.mails)
    for_whom: dict[str, set[str]] = {}
    for mail in server.mails:
        for_whom.setdefault(mail["To"], set()).add(mail["Message-ID"])
    unclear = {m.message_id for m in messages if m.state == "unclear"}
    return Toll(
        killed=killed,
        reminders=len(messages),
        arrived=dict(sorted(Counter(arrived[m.message_id] for m in messages).items())),
        lost=sum(not arrived[m.message_id] and m.message_id not in unclear for m in messages),
        unclear=len(unclear),
        second_message_ids=sum(len(ids) > 1 for ids in for_whom.values()),
    )

"""A sender killed with -9 again and again: shared by the short test and by the long proof."""

import os
import random
import signal
import sys
import time
from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from types import FrameType
from typing import Any

from asgiref.local import Local
from django.db import connections

from enthesis.clinic import models, sender
from tests.stand_in import MailServer

LEASE = timedelta(seconds=0.3)
# Lines are counted where a message is queued, claimed, sent and written down.
WATCHED = ("sender.py", "outbox.py", "network.py", "smtplib.py", "audit.py")
LAST_LINE = 700
LONGEST_SECONDS = 0.04


@dataclass(frozen=True)
class Toll:
    """What came of it: how many children died and where, and how often each reminder arrived."""

    killed: int
    killed_before_handing: int
    killed_after_handing: int
    reminders: int
    arrived: dict[int, int]
    lost: int
    unclear: int
    second_message_ids: int


def kill_many(kills: int, seed: int, server: MailServer) -> Toll:
    """So many children killed, then one that is left alone.

    Every fourth dies at a random line of its whole pass, so while it queues; the others while they
    send, by turns at a random line and at a random moment.
    """
    rng, killed = random.Random(seed), 0  # noqa: S311
    while killed < kills:
        while_sending, by_clock = bool(killed % 4), killed % 4 == 1
        at_line = None if by_clock else rng.randint(1, LAST_LINE)
        killed += _child(at_line, rng.uniform(0, LONGEST_SECONDS), while_sending)
    if not models.Message.objects.filter(state="waiting").exists():
        raise RuntimeError("Too few reminders for so many kills: the last had nothing to send.")
    while models.Message.objects.filter(state="waiting").exists():
        time.sleep(LEASE.total_seconds())
        _child(None, None, False)
    return _toll(killed, server)


def _child(at_line: int | None, seconds: float | None, while_sending: bool) -> bool:
    """One sender in a process of its own; whether it was killed before it was done."""
    # A connection must not be shared with a child.
    connections.close_all()
    told, tell = os.pipe()
    child = os.fork()
    if not child:
        try:
            _send(at_line, while_sending, tell)
            os._exit(0)
        finally:
            os._exit(1)
    os.close(tell)
    if not at_line and seconds is not None:
        os.read(told, 1)
        time.sleep(seconds)
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    os.close(told)
    if not os.WIFSIGNALED(status) and os.WEXITSTATUS(status):
        raise RuntimeError("The child failed by itself.")
    return os.WIFSIGNALED(status)


def _send(at_line: int | None, while_sending: bool, tell: int) -> None:
    """A pass that tells when it begins to send, and counts its lines from there, or at once."""
    # Playwright's event loop, where a browser ran before in this process, is not seen after a fork:
    # Django would take up the connection from before it, which the parent still holds.
    connections._connections = Local(connections.thread_critical)
    queue_wanted = sender.queue_wanted

    def queue_and_tell(clinic: models.Clinic, now: datetime) -> int:
        new = queue_wanted(clinic, now)
        os.write(tell, b"!")
        if at_line and while_sending:
            sys.settrace(_killer(at_line))
        return new

    sender.queue_wanted = queue_and_tell
    if at_line and not while_sending:
        sys.settrace(_killer(at_line))
    sender.run_pass(LEASE)


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
    broken = models.Attempt.objects.filter(outcome="")
    return Toll(
        killed=killed,
        killed_before_handing=broken.filter(handed_at=None).count(),
        killed_after_handing=broken.exclude(handed_at=None).count(),
        reminders=len(messages),
        arrived=dict(sorted(Counter(arrived[m.message_id] for m in messages).items())),
        lost=sum(not arrived[m.message_id] and m.message_id not in unclear for m in messages),
        unclear=len(unclear),
        second_message_ids=sum(len(ids) > 1 for ids in for_whom.values()),
    )

"""A sender killed with -9 again and again: shared by the short test and by the long proof."""

import itertools
import os
import random
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum
from pathlib import Path
from types import FrameType
from typing import Any

from asgiref.local import Local
from django.db import connections

from enthesis.clinic import models, sender
from enthesis.clinic.actions import outbox
from tests.stand_in import MailServer

Posted = Sequence[tuple[dict[str, str], Any]]

LEASE = timedelta(seconds=0.3)
# Lines are counted where a message is queued, claimed, sent and written down.
WATCHED = ("sender.py", "outbox.py", "network.py", "smtplib.py", "client.py", "audit.py")


class Aim(Enum):
    """From where on a child is killed."""

    WHOLE = "whole"
    SENDING = "sending"
    HANDED = "handed"


# Within so many lines or seconds. The end of a mail that was handed over is written down after
# about 90 watched lines, that of a text message after 320.
LINES = {"": 700, "email": 90, "sms": 320}
SECONDS = {Aim.WHOLE: 0.04, Aim.SENDING: 0.04, Aim.HANDED: 0.015}


@dataclass(frozen=True)
class Toll:
    """What came of it: how many children died and where, and how often each reminder arrived."""

    killed: int
    killed_before_handing: int
    killed_after_handing: int
    sms_after_handing: int
    arrived_after_handing: int
    reminders: int
    arrived: dict[int, int]
    lost: int
    unclear: int
    second_message_ids: int


def kill_many(kills: int, seed: int, server: MailServer, posted: Posted = ()) -> Toll:
    """So many children killed, then one that is left alone.

    Every second is aimed between handing a message over and writing its end down; of the
    others every second during its whole pass, so while it queues, the rest while they send. Each
    kind by turns at a random line of the code and at a random moment.
    """
    rng, killed = random.Random(seed), 0  # noqa: S311
    while killed < kills:
        aim = Aim.HANDED if killed % 2 else (Aim.WHOLE, Aim.SENDING)[killed // 2 % 2]
        by_clock = killed // 2 % 4 > 1 and aim is not Aim.WHOLE
        share = None if by_clock else rng.random()
        killed += _child(aim, share, rng.uniform(0, SECONDS[aim]), rng.randint(1, 3))
    if not models.Message.objects.filter(state="waiting").exists():
        raise RuntimeError("Too few reminders for so many kills: the last had nothing to send.")
    while models.Message.objects.filter(state="waiting").exists():
        time.sleep(LEASE.total_seconds())
        _child()
    return _toll(killed, server, posted)


def _child(
    aim: Aim | None = None, share: float | None = None, seconds: float = 0, nth: int = 1
) -> bool:
    """One sender in a process of its own; whether it was killed before it was done."""
    # A connection must not be shared with a child.
    connections.close_all()
    told, tell = os.pipe()
    child = os.fork()
    if not child:
        try:
            _send(aim, share, nth, tell)
            os._exit(0)
        finally:
            os._exit(1)
    os.close(tell)
    if aim and share is None:
        os.read(told, 1)
        time.sleep(seconds)
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    os.close(told)
    if not os.WIFSIGNALED(status) and os.WEXITSTATUS(status):
        raise RuntimeError("The child failed by itself.")
    return os.WIFSIGNALED(status)


def _send(aim: Aim | None, share: float | None, nth: int, tell: int) -> None:
    """A pass that tells where its aim begins, and dies after that share of the lines from there."""
    # Playwright's event loop, where a browser ran before in this process, is not seen after a fork:
    # Django would take up the connection from before it, which the parent still holds.
    connections._connections = Local(connections.thread_critical)

    def begin(given: object = None, *_: object) -> None:
        os.write(tell, b"!")
        if share is not None:
            _count(1 + int(share * LINES[getattr(given, "way", "")]))

    if aim is Aim.WHOLE:
        begin()
    elif aim is Aim.SENDING:
        sender.queue_wanted = _then(sender.queue_wanted, begin, 1)
    elif aim is Aim.HANDED:
        outbox.hand = _then(outbox.hand, begin, nth)
    sender.run_pass(LEASE)


def _then(done: Callable[..., Any], begin: Callable[..., None], nth: int) -> Callable[..., Any]:
    """The same function, which tells its arguments once it has been done so many times."""
    times = itertools.count(1)

    def do(*given: Any) -> Any:
        result = done(*given)
        if next(times) == nth:
            begin(*given)
        return result

    return do


def _count(at_line: int) -> None:
    count = _killer(at_line)
    sys.settrace(count)
    frame = sys._getframe().f_back
    while frame:  # those that already run are not traced by themselves
        if Path(frame.f_code.co_filename).name in WATCHED:
            frame.f_trace = count
        frame = frame.f_back


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


def _toll(killed: int, server: MailServer, posted: Posted) -> Toll:
    messages = list(models.Message.objects.order_by("id"))
    came = [(str(mail["To"]), str(mail["Message-ID"])) for mail in server.mails]
    came += [(sent["to"], sent["id"]) for _, sent in posted]
    arrived = Counter(key for _, key in came)
    for_whom: dict[str, set[str]] = {}
    for whom, key in came:
        for_whom.setdefault(whom, set()).add(key)
    unclear = {m.message_id for m in messages if m.state == "unclear"}
    broken = models.Attempt.objects.filter(outcome="")
    return Toll(
        killed=killed,
        killed_before_handing=broken.filter(handed_at=None).count(),
        killed_after_handing=broken.exclude(handed_at=None).count(),
        sms_after_handing=broken.exclude(handed_at=None).filter(way="sms").count(),
        arrived_after_handing=len(came) - models.Attempt.objects.filter(outcome="taken").count(),
        reminders=len(messages),
        arrived=dict(sorted(Counter(arrived[m.message_id] for m in messages).items())),
        lost=sum(not arrived[m.message_id] and m.message_id not in unclear for m in messages),
        unclear=len(unclear),
        second_message_ids=sum(len(ids) > 1 for ids in for_whom.values()),
    )

"""One at a time, among all processes of an installation."""

import fcntl
import math
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

LOOK_EVERY_SECONDS = 0.05


@contextmanager
def alone(file: Path, *, wait_seconds: float | None = None) -> Iterator[bool]:
    """Hold a lock file: whether it is ours, or another held it all the time that may be waited
    (None: for ever). The lock goes with its process, however that ends."""
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    # A lock file that is there can be held on a disk that takes no more writes.
    lock = os.open(file, os.O_RDONLY | os.O_CREAT, 0o600)
    try:
        yield _held(lock, wait_seconds)
    finally:
        os.close(lock)


def _held(lock: int, wait_seconds: float | None) -> bool:
    if wait_seconds is None:
        fcntl.flock(lock, fcntl.LOCK_EX)
        return True
    for left in reversed(range(1 + math.ceil(wait_seconds / LOOK_EVERY_SECONDS))):
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if left:
                time.sleep(LOOK_EVERY_SECONDS)
        else:
            return True
    return False

"""A progress bar for work that takes longer than two seconds."""

import sys
import time
from collections.abc import Callable

BAR_AFTER_SECONDS = 2.0
BAR_WIDTH = 30


def progress_bar() -> Callable[[int, int], None]:
    """A bar on the error stream, only for work of more than two seconds at a terminal."""
    started = time.monotonic()

    def show(done: int, total: int) -> None:
        if not sys.stderr.isatty() or time.monotonic() - started < BAR_AFTER_SECONDS:
            return
        filled = BAR_WIDTH * done // max(total, 1)
        bar = "█" * filled + "░" * (BAR_WIDTH - filled)
        sys.stderr.write(f"\r{bar} {done} of {total}" + ("\n" if done == total else ""))
        sys.stderr.flush()

    return show

"""How commands say what is wrong."""

import sys
from collections.abc import Iterable


def complain(problems: Iterable[str]) -> int:
    """Say on standard error what must be mended; the exit status for it."""
    for problem in problems:
        sys.stderr.write(f"{problem}\n")
    return 1

"""What is wrong with a formula, said plainly: the formula library marks the place in colours of a
terminal and speaks of its own operators and factors.
"""

import re
from collections.abc import Iterable

from enthesis.outcomes.errors import FitError

LIKE = "Write columns joined by + : or *, like ARMCD * AVISIT + SEX"
_MARKED = re.compile(r"⧛\x1b\[[\d;]*m(.*?)\x1b\[0m⧚", re.DOTALL)
_FACTOR = re.compile(r"Unable to evaluate factor `(.*?)`\. \[\w+: (.*)\]", re.DOTALL)
# What the library says (its spelling), and what we say of the marked place.
_REASONS = {
    "arguments and/or is misplaced": "something is missing beside it",
    "matching context marker": "this bracket has no partner",
    "quote context was closed": "what begins here is never closed",
    "Missing operator between": "there is no + : or * between its parts",
    "Unknown operator": "this sign has no meaning in a formula",
    "must be a positive integer": "a power is a whole number, 2 or more",
}


def cannot_be_read(formula: str, error: Exception) -> FitError:
    """The error for a formula that is none: where it goes wrong, and why."""
    said, _, context = str(error).partition("\n\n")
    marked = _MARKED.search(context)
    known = (ours for theirs, ours in _REASONS.items() if theirs in said)
    reason = next(known, "it is not understood")
    if marked is None:
        return FitError(f"The formula {formula!r} cannot be read. {LIKE}.")
    place = f"{marked[1].strip()!r}, character {marked.start() + 1}"
    return FitError(f"The formula {formula!r} cannot be read at {place}: {reason}. {LIKE}.")


def cannot_be_worked_out(formula: str, error: Exception, words: Iterable[str]) -> FitError:
    """The error for a formula that does not go with the table; `words` are columns of words."""
    found = _FACTOR.search(str(error))
    if found is None:
        return FitError(f"The formula {formula!r} cannot be worked out: {error}.")
    factor, reason = found[1], found[2].rstrip(".")
    for name in words:
        if re.search(rf"\b{re.escape(name)}\b", factor):
            reason = f"{name} holds words, not numbers"
    return FitError(
        f"{factor} in the formula {formula!r} cannot be worked out: {reason}. "
        "Mend it, or leave it out."
    )

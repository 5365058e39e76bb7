"""What is wrong with data that cannot be analysed."""

from typing import Any

import numpy as np
from numpy.typing import NDArray


class FitError(ValueError):
    """The data cannot be fitted; `problems` are sentences, one per thing to mend."""

    def __init__(self, *problems: str) -> None:
        self.problems = problems
        super().__init__("\n".join(problems))


class LettersError(FitError):
    """A paper's font lacks `letters` (in words): printed, they would vanish."""

    def __init__(self, letters: str) -> None:
        self.letters = letters
        super().__init__(
            f"The paper's font has no {letters}. Write the name in Latin, Greek or Cyrillic "
            "letters; a page in the browser uses the fonts of the reader's machine."
        )


def missing_labels(labels: NDArray[Any], what: str) -> list[str]:
    """A sentence if some labels are missing (None or NaN): they would make a group of their own."""
    if labels.dtype.kind == "f":
        missing = np.isnan(labels)
    elif labels.dtype.kind == "O":
        missing = np.array([label is None or label != label for label in labels], dtype=bool)
    else:
        return []
    rows = np.flatnonzero(missing)
    return (
        [f"{rows.size} rows have no {what}, the first in row {rows[0] + 1}."] if rows.size else []
    )

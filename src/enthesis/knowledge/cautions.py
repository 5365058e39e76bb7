"""What stands against a mixture for one patient on the day: a kind of knowledge."""

from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, slots=True)
class MixtureCaution:
    """It holds when the mixtures hold one of `substances` (with adrenaline, if `with_adrenaline`)
    and the patient told of it: a written allergy has one of `words` ("corn" is not in "cornea"; one
    with a star at its end stands for every word that begins so), or the evaluation's `question` has
    one of `answers`. Without words and question it always holds.

    A `stop` holds the session back until a clinician sets it aside with a reason; others are told.
    """

    id: str
    starts_on: date
    substances: tuple[str, ...]
    text: str
    action: str
    source: str
    stop: bool
    words: tuple[str, ...] = ()
    question: str = ""
    answers: tuple[str, ...] = ()
    with_adrenaline: bool = False

"""What may be attached to a session."""

from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, slots=True)
class UploadRules:
    """How large one file may be, how many pixels it may claim, and how many a session may hold."""

    starts_on: date
    bytes_most: int
    pixels_most: int
    files_most: int
    source: str

"""What the verdicts of a clinic depend on beside its patients' records: it goes with them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from enthesis.exchange.dossier import Json, Practitioner, Who
from enthesis.units import Percent


@dataclass(frozen=True, slots=True)
class OwnProtocolVersion:
    """One version of a protocol of the clinic's own, as it was kept."""

    key: str
    number: int
    copied_from: str
    copied_version: str
    content: Json
    by: Who
    at: datetime
    retired: bool = False


@dataclass(frozen=True, slots=True)
class ClinicRules:
    """`stop_choice` empty and `finish_relief_percent` None: the default of the knowledge files.

    Of the clinic's own questionnaires only name and SHA-256 of each file: a licence to ask one is
    a clinic's, so the files themselves stay.
    """

    name: str
    time_zone: str
    currency: str
    finish_relief_percent: Percent | None = None
    stop_choice: str = ""
    own_ceilings: tuple[Json, ...] = ()
    protocols: tuple[OwnProtocolVersion, ...] = ()
    questionnaires: Mapping[str, str] = field(default_factory=dict)
    practitioners: tuple[Practitioner, ...] = ()

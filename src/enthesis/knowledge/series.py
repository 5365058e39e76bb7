"""A series as it is proposed: the schema of protocols, and from when a clinic's own courses count.

`kinds.py` holds the other kinds; what its dataclasses say of sources holds here too.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from enthesis.records import Mixture
from enthesis.units import Ml


@dataclass(frozen=True, slots=True)
class ProtocolSite:
    """A site that a protocol proposes, with its volume and mixture; `usual` ones start ticked.

    `guidance`: how the needle was guided where the study says so (palpation, ultrasound,
    fluoroscopy, ct); empty where it does not.
    """

    site: str
    mixture: str
    volume_ml: Ml
    usual: bool = True
    guidance: str = ""


@dataclass(frozen=True, slots=True)
class Protocol:
    """A series as published or as the clinic's own. `sources` maps a field to where it is from.

    `cotherapies` are what the study gave beside the injections, `followup_months` when it asked,
    `published_rule` what its authors say of going on and stopping, which our own rule
    (`stop_after_sessions`, judged on `measure`) need not follow.
    """

    id: str
    version: str
    starts_on: date
    name: str
    condition: str
    summary: str
    mixtures: tuple[Mixture, ...]
    sites: tuple[ProtocolSite, ...]
    sessions_planned: int
    sessions_max: int
    interval_days: int
    stop_after_sessions: int
    measure: str
    sources: Mapping[str, str]
    note: str = ""
    cotherapies: tuple[str, ...] = ()
    followup_months: tuple[Decimal, ...] = ()
    published_rule: str = ""


@dataclass(frozen=True, slots=True)
class Planning:
    """From `enough_courses` of one protocol on, a plan says how many sessions they came to."""

    starts_on: date
    enough_courses: int
    sources: Mapping[str, str]

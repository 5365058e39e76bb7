"""A clinic's packet: the sums and counts that the registry's models need, in one readable file.

No row of a packet is a patient's: it holds, by condition, how many courses began, ended, answered
and reached what; sums of pain over scheduled visits, by which visits were answered; when targets
were reached, in weeks; harms; money. All are whole numbers, so that what clinics add up is exact.
`packet_tables.py` makes one of a registry, `disclosure.py` says what must not leave, `combine.py`
adds packets up. It stands here and not in the room exchange, which may not see the models.
"""

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from itertools import pairwise
from typing import Any

import numpy as np

from enthesis.knowledge.kinds import Knowledge
from enthesis.outcomes.schema import SCHEMA_VERSION
from enthesis.outcomes.sums import Sums
from enthesis.shape import ShapeError, plain, read

KIND = "enthesis packet"
SCHEMA = 1
MOST = 2**53
"""Whole numbers from here on are not exact as doubles."""
SAME_EVERYWHERE = (
    "measures", "windows", "session_window", "danger_rules", "adverse_kinds", "adverse_rules",
    "stop_rule",
)  # fmt: skip
"""The rules that a packet's figures rest on. Prices and own protocols may differ."""


class PacketError(ValueError):
    """A file that is no packet, or packets that cannot be added up: which, and what to do."""


@dataclass(frozen=True, slots=True)
class Class:
    """Some of a table's labels, put together where one alone was too small."""

    labels: tuple[str, ...]
    courses: int


@dataclass(frozen=True, slots=True)
class Partition:
    """Every course of a table is in one class. `table`: "ended", "last" or "window 3"."""

    table: str
    classes: tuple[Class, ...]

    @property
    def courses(self) -> int:
        """How many courses the table is about."""
        return sum(one.courses for one in self.classes)


@dataclass(frozen=True, slots=True)
class Weeks:
    """Courses that reached their target, ended without, or were last seen, from a week to one."""

    first: int
    last: int
    reached: int
    over: int
    last_seen: int


@dataclass(frozen=True, slots=True)
class Pattern:
    """Courses with a pain score at just these visits: the sums of zz', zy' and yy' (`sums.py`)."""

    visits: tuple[int, ...]
    courses: int
    zz: tuple[tuple[int, ...], ...]
    zy: tuple[tuple[int, ...], ...]
    yy: tuple[tuple[int, ...], ...]


@dataclass(frozen=True, slots=True)
class Harm:
    """`source`: warning (answered by patients) or adverse (recorded by the clinic)."""

    source: str
    kind: str
    events: int
    courses: int


@dataclass(frozen=True, slots=True)
class Harms:
    """The kinds told, beside the sessions given and the courses that had any."""

    sessions: int
    treated: int
    kinds: tuple[Harm, ...]


@dataclass(frozen=True, slots=True)
class Cost:
    """Money of the courses with charges in one currency, in its smallest unit."""

    currency: str
    courses: int
    charged_cents: int
    paid_cents: int


@dataclass(frozen=True, slots=True)
class About:
    """All that is told of one condition. A table that is not told is in `Packet.left_out`."""

    condition: str
    began: int
    partitions: tuple[Partition, ...] = ()
    patterns: tuple[Pattern, ...] = ()
    to_target: tuple[Weeks, ...] = ()
    harms: Harms | None = None
    costs: tuple[Cost, ...] = ()

    def partition(self, table: str) -> Partition | None:
        """One of the partitions, or None where it was left out."""
        return next((one for one in self.partitions if one.table == table), None)


@dataclass(frozen=True, slots=True)
class LeftOut:
    """What was suppressed, and why; None where the number itself is not told. `scores`: so many of
    those courses."""

    condition: str
    table: str
    why: str
    courses: int | None = None
    scores: int | None = None


@dataclass(frozen=True, slots=True)
class Packet:
    """One clinic's packet. `clinic_number` is the registry's; `sha256` is of everything else."""

    packet: str
    schema: int
    registry_schema: int
    rules: str
    measure: str
    clinic: str
    clinic_number: int
    day: date
    cut: str
    threshold: int
    visits: tuple[int, ...]
    covariates: tuple[str, ...]
    conditions: tuple[About, ...]
    left_out: tuple[LeftOut, ...]
    sha256: str = ""

    def about(self, condition: str) -> About | None:
        """What it says of a condition."""
        return next((one for one in self.conditions if one.condition == condition), None)


def rules_fingerprint(known: Knowledge) -> str:
    """A short hash of the rules that decide what is counted: equal in clinics that count alike."""
    told = repr({name: getattr(known, name) for name in SAME_EVERYWHERE})
    return hashlib.sha256(told.encode()).hexdigest()[:16]


def sealed(packet: Packet) -> Packet:
    """The packet with its hash."""
    return replace(packet, sha256=_hash_of(packet))


def as_text(packet: Packet) -> str:
    """The packet as the file that leaves: JSON, indented, rows of numbers on one line each."""
    return _lines(plain(packet)) + "\n"


def from_plain(data: object) -> Packet:
    """The packet of parsed JSON. Raises PacketError saying what is wrong with it."""
    if not isinstance(data, dict) or data.get("packet") != KIND:
        raise PacketError(f"this is no packet: it does not begin with “packet”: “{KIND}”")
    for key, own, what in (
        ("schema", SCHEMA, "packet schema"),
        ("registry_schema", SCHEMA_VERSION, "registry schema"),
    ):
        if data.get(key) != own:
            raise PacketError(
                f"it has {what} {str(data.get(key))[:20]}, this program reads {own}: make it anew "
                "with the same release of Enthesis in every clinic"
            )
    try:
        packet = read(Packet, data)
    except (ShapeError, RecursionError, OverflowError) as error:
        raise PacketError(f"it cannot be read: {str(error)[:300]}") from error
    if packet.sha256 != _hash_of(packet):
        raise PacketError(
            "it was changed after it was made: its hash is not its own. Ask the clinic for the file"
        )
    if problem := next(_problems(packet), ""):
        raise PacketError(f"its numbers cannot be: {problem}")
    return packet


def sums_of(packet: Packet, about: About) -> Sums | None:
    """The patterns of a condition as the sums that `repeated.fit` takes; None without any."""
    if not about.patterns:
        return None
    place = {visit: at for at, visit in enumerate(packet.visits)}
    bits = [sum(1 << place[v] for v in one.visits) for one in about.patterns]
    order = np.argsort(bits)
    g, q, m = len(bits), 1 + len(packet.covariates), len(packet.visits)
    zz, zy, yy = np.zeros((g, q, q)), np.zeros((g, q, m)), np.zeros((g, m, m))
    for row, at in enumerate(order):
        one = about.patterns[at]
        seen = [place[v] for v in one.visits]
        zz[row] = one.zz
        zy[row][:, seen] = one.zy
        yy[row][np.ix_(seen, seen)] = one.yy
    courses = np.array([about.patterns[at].courses for at in order], dtype=np.int64)
    patterns = np.array(bits, dtype=np.int64)[order]
    return Sums(packet.visits, ("1", *packet.covariates), patterns, courses, zz, zy, yy)


def _hash_of(packet: Packet) -> str:
    told = plain(replace(packet, sha256=""))
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()


def _problems(packet: Packet) -> Iterator[str]:
    """What a file with the right hash and shape may still say that no clinic can have counted."""
    if list(packet.visits) != sorted(set(packet.visits)) or not 1 <= len(packet.visits) <= 62:
        yield "visits must ascend, each once"
    if packet.threshold < 1:
        yield "the threshold is below 1"
    if len({one.condition for one in packet.conditions}) < len(packet.conditions):
        yield "a condition stands twice"
    for about in packet.conditions:
        for problem in _of_condition(packet, about):
            yield f"{about.condition}: {problem}"


def _of_condition(packet: Packet, about: About) -> Iterator[str]:
    counts = [about.began, *(c.courses for p in about.partitions for c in p.classes)]
    counts += [n for w in about.to_target for n in (w.first, w.reached, w.over, w.last_seen)]
    if about.harms:
        counts += [about.harms.sessions, about.harms.treated]
        counts += [n for one in about.harms.kinds for n in (one.events, one.courses)]
    if any(not 0 <= n < MOST for n in (*counts, *(c.courses for c in about.costs))):
        yield "a count is negative or too large"
    if any(one.courses > about.began for one in about.partitions):
        yield "a table has more courses than began"
    weeks = about.to_target
    if any(w.last < w.first for w in weeks) or any(b.first <= a.last for a, b in pairwise(weeks)):
        yield "the weeks do not ascend"
    if len({one.visits for one in about.patterns}) < len(about.patterns):
        yield "a pattern stands twice"
    q = 1 + len(packet.covariates)
    for one in about.patterns:
        s = len(one.visits)
        rows = (one.zz, q, q), (one.zy, q, s), (one.yy, s, s)
        if any(len(m) != h or any(len(row) != w for row in m) for m, h, w in rows):
            yield f"the sums of visits {one.visits} have the wrong shape"
        elif not one.visits or list(one.visits) != sorted({*one.visits} & {*packet.visits}):
            yield f"visits {one.visits} are not among the packet's"
        elif one.courses < 1 or one.zz[0][0] != one.courses:
            yield f"the courses of visits {one.visits} are not counted alike"
        elif any(abs(n) >= MOST for m, _, _ in rows for row in m for n in row):
            yield f"the sums of visits {one.visits} are too large to be exact"
        elif not _cross_products(one):
            yield f"the sums of visits {one.visits} are those of no scores"


def _cross_products(one: Pattern) -> bool:
    """Whether the sums are symmetric and of some real scores: no eigenvalue below nought."""
    zy, yy = np.array(one.zy, float), np.array(one.yy, float)
    whole = np.block([[np.array(one.zz, float), zy], [zy.T, yy]])
    if not np.array_equal(whole, whole.T):
        return False
    least = float(np.linalg.eigvalsh(whole)[0])
    return least >= -1e-9 * max(float(np.trace(whole)), 1.0)


def _lines(value: Any, indent: str = "") -> str:
    """JSON for people: a list of numbers, or of words, stays on its line."""
    inner = indent + " "
    if isinstance(value, dict) and value:
        rows = [f"{inner}{json.dumps(k)}: {_lines(v, inner)}" for k, v in value.items()]
        return "{\n" + ",\n".join(rows) + f"\n{indent}}}"
    if isinstance(value, list) and any(isinstance(one, dict | list) for one in value):
        return "[\n" + ",\n".join(inner + _lines(v, inner) for v in value) + f"\n{indent}]"
    return json.dumps(value, ensure_ascii=False)


def same_twice(packets: Sequence[Packet]) -> str:
    """Why packets cannot be added up, as a sentence; empty where they can."""
    first = packets[0]
    for at, one in enumerate(packets):
        for other in packets[:at]:
            if one.sha256 == other.sha256:
                return f"The packet of {one.clinic} of {one.day} is there twice."
            if one.clinic_number == other.clinic_number:
                return (
                    f"Two packets are of one clinic, {other.clinic} of {other.day} and {one.clinic}"
                    f" of {one.day}: they hold the same courses. Take one of them."
                )
        for name, what in (
            ("rules", "rules"),
            ("measure", "measure"),
            ("visits", "visits"),
            ("covariates", "covariates"),
        ):
            if getattr(one, name) != getattr(first, name):
                return (
                    f"The {what} of {first.clinic} and {one.clinic} differ "
                    f"({getattr(first, name)} and {getattr(one, name)}): what they count is not "
                    "the same. Make both packets with the same release and the same choice."
                )
    return ""

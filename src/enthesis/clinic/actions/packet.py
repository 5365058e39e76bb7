"""Making a packet for other clinics, held beside every packet that was made before.

Nothing is sent from here: a person carries the file. This module takes a second to import: nothing
that a web server imports at its start may import it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from django.db import transaction

from enthesis.clinic import audit, outcomes, store
from enthesis.clinic.actions import Refused, hold_clinic, save
from enthesis.clinic.actions.registry import clinic_number
from enthesis.clinic.models import Clinic, PacketRelease, User
from enthesis.knowledge.kinds import Knowledge
from enthesis.outcomes.disclosure import Cell, packed, unpacked
from enthesis.outcomes.engine import open_registry
from enthesis.outcomes.packet import as_text, rules_fingerprint
from enthesis.outcomes.packet_tables import COVARIATES, Asked, Draft, draft
from enthesis.outcomes.registry import Cut, of_one_cut


@dataclass(frozen=True, slots=True)
class Choice:
    """What a packet shall hold: these conditions (all if empty), these covariates. `hold_back`
    leaves out what would expose somebody beside earlier packets, and makes a packet of the rest."""

    conditions: tuple[str, ...] = ()
    covariates: tuple[str, ...] = ()
    hold_back: bool = False


def prepare(clinic: Clinic, choice: Choice) -> Draft:
    """The packet of a clinic's registry as it stands, and what it would expose. Nothing is kept.

    Raises Refused for conditions or covariates that are not known, RegistryError where the registry
    cannot be read.
    """
    known = store.known_for(clinic, store.today(clinic))
    if strange := [name for name in choice.covariates if name not in COVARIATES]:
        raise Refused(f"Covariates are {' and '.join(COVARIATES)}, not {', '.join(strange)}.")
    counts = outcomes.conditions_of(clinic)
    if strange := [name for name in choice.conditions if name not in counts]:
        here = ", ".join(counts) or "none yet"
        raise Refused(f"No course here is about {', '.join(strange)}. There are: {here}.")
    earlier = list(_earlier(clinic))

    def of(cut: Cut) -> Draft:
        registry = open_registry(str(outcomes.folder()))
        try:
            asked = _asked(clinic, choice, known, cut)
            return draft(registry, asked, earlier, hold_back=choice.hold_back)
        finally:
            registry.close()

    return of_one_cut(outcomes.folder(), of)


def refusals(found: Draft) -> list[str]:
    """Why a packet must not leave, as sentences."""
    packet = found.packet
    said = [one.sentence(packet.threshold, packet.day) for one in found.exposures]
    if not packet.conditions:
        said.append(
            f"There is nothing that may leave: no condition has {packet.threshold} courses that "
            "began, or earlier packets hold all of it back."
        )
    return list(dict.fromkeys(said))


@transaction.atomic
def make_packet(user: User | None, clinic: Clinic, choice: Choice, seen: str = "") -> PacketRelease:
    """Enter a packet in the ledger; its `content` is the file. `user` None: the command line.

    Refused where it would expose somebody, or is another one than that which was `seen` (its hash).
    """
    # Two at once would each not know of the other.
    clinic = hold_clinic(user) if user else Clinic.objects.select_for_update().get(pk=clinic.pk)
    if seen and (made_before := clinic.packets.filter(sha256=seen).last()):
        return made_before  # sent twice
    found = prepare(clinic, choice)
    if said := refusals(found):
        raise Refused("\n".join(said))
    packet = found.packet
    if seen and packet.sha256 != seen:
        raise Refused("The records have moved on since you looked. Look again, then make it.")
    row = PacketRelease(
        clinic=clinic, day=packet.day, cut=packet.cut, sha256=packet.sha256,
        threshold=packet.threshold, content=as_text(packet), cells=packed(found.cells), by=user,
    )  # fmt: skip
    save(row)
    detail = {"sha256": packet.sha256, "conditions": [one.condition for one in packet.conditions]}
    audit.record(user, "make_packet", row, detail=detail, by="command line")
    return row


def made(clinic: Clinic) -> Sequence[PacketRelease]:
    """The ledger of a clinic, newest first."""
    return list(clinic.packets.order_by("-id").defer("cells"))


def _earlier(clinic: Clinic) -> Iterator[Cell]:
    for row in clinic.packets.order_by("id").iterator():
        yield from unpacked(bytes(row.cells), str(row), row.day)


def _asked(clinic: Clinic, choice: Choice, known: Knowledge, cut: Cut) -> Asked:
    warnings = [("warning", rule.id) for rule in known.danger_rules]
    return Asked(
        clinic=outcomes.name_of(clinic),
        clinic_number=clinic_number(clinic.pk),
        day=store.today(clinic),
        cut=cut.sha256,
        rules=rules_fingerprint(known),
        threshold=known.publishing.smallest_count,
        scores_per_sum=known.publishing.scores_per_sum,
        visits=tuple(sorted(window.number for window in known.windows.values())),
        covariates=choice.covariates,
        conditions=choice.conditions,
        looked_for=(*warnings, *(("adverse", kind) for kind in known.adverse_kinds)),
    )

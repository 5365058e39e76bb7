"""The sheet for this patient after this session: what to expect, do, avoid, and when to call.

The lines are in knowledge/rules/aftercare.toml, already in the patient's language if `known` is
(knowledge/translate.py); here is only which of them are said.
"""

from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass

from enthesis.knowledge.kinds import Knowledge
from enthesis.records import Session

SITUATIONS: Mapping[str, str] = {
    "numbing": "an anaesthetic was in a mixture that was injected",
    "adrenaline": "adrenaline was in a mixture that was injected",
    "anticoagulant": "a blood thinner is on record",
    "diabetes": "the evaluation says diabetes",
}
"""The words of `when` in knowledge/rules/aftercare.toml; the last two are the patient's."""


@dataclass(frozen=True, slots=True)
class Sheet:
    """What the patient reads. `numbers` are (emergency number, where it serves)."""

    expect: tuple[str, ...]
    do: tuple[str, ...]
    avoid: tuple[str, ...]
    call: tuple[str, ...]
    emergency: tuple[str, ...]
    numbers: tuple[tuple[str, str], ...]


def sheet(
    session: Session | None,
    known: Knowledge,
    patient: Set[str] = frozenset(),
    pain_pills: str = "",
) -> Sheet:
    """The sheet for a session; without one only when to call, for any place. `patient`: what only
    the patient's record knows (SITUATIONS). `pain_pills`: the clinic's choice, else the default."""
    regions = _regions(session, known)
    now = patient | _given(session)
    said = {
        part: tuple(_lines(part, now, regions, known))
        for part in ("expect", "do", "avoid", "call", "emergency")
    }
    if session is None:
        said |= dict.fromkeys(("expect", "do", "avoid"), ())
    else:
        choices = known.pain_pill_choices
        chosen = choices.get(pain_pills) or next(iter(choices.values()))
        said["avoid"] = (chosen.text, *said["avoid"])
    return Sheet(**said, numbers=emergency_numbers(known))


def emergency_numbers(known: Knowledge) -> tuple[tuple[str, str], ...]:
    """(number, where it serves), each once."""
    return tuple(dict.fromkeys(call for rule in known.danger_rules for call in rule.call_first))


def _lines(part: str, now: Set[str], regions: Set[str], known: Knowledge) -> Iterator[str]:
    """The lines of a part that hold; about each danger the first. Where nobody knows the regions,
    a warning for any of them is given."""
    told = set()
    for line in known.aftercare_texts:
        here = not line.regions or not regions or not regions.isdisjoint(line.regions)
        if line.part == part and here and now >= set(line.when) and line.danger not in told:
            told |= {line.danger} - {""}
            yield line.text


def _regions(session: Session | None, known: Knowledge) -> frozenset[str]:
    """Where the needle was; empty is not known, as for a session that was brought in from elsewhere
    or names a site that is no longer in the list."""
    sites = [dose.site for dose in session.sites] if session else []
    if any(site not in known.sites for site in sites):
        return frozenset()
    return frozenset(known.sites[site].region for site in sites)


def _given(session: Session | None) -> frozenset[str]:
    """What was injected, of the mixtures of which something was."""
    if session is None:
        return frozenset()
    used = {dose.mixture for dose in session.sites}
    mixed = [mixture for mixture in session.mixtures if mixture.key in used]
    holds = {
        "numbing": any(mixture.anaesthetic for mixture in mixed),
        "adrenaline": any(mixture.with_adrenaline for mixture in mixed),
    }
    return frozenset(name for name, does in holds.items() if does)

"""A clinic's own protocols: copied from a shipped one, changed, and offered beside it.

What differs from the copied one is said to be the clinic's own, number by number; what does not
keeps its study. A course keeps the version that it was agreed under, though it be retired.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields, replace

from enthesis.knowledge.kinds import Knowledge
from enthesis.knowledge.series import Protocol, ProtocolSite
from enthesis.records import Ingredient, Mixture

# Not among the numbers: what a protocol is called and said to be.
WORDS = {"id", "version", "starts_on", "name", "condition", "summary", "note", "sources"}


@dataclass(frozen=True, slots=True)
class OwnProtocol:
    """One version of a clinic's own protocol. The last one holds; `retired`: no longer offered."""

    protocol: Protocol
    retired: bool = False


def with_own_protocols(known: Knowledge, own: Iterable[OwnProtocol]) -> Knowledge:
    """What is known, with the clinic's own protocols that had started by then, oldest first."""
    versions, current = dict(known.protocol_versions), dict[str, OwnProtocol]()
    for one in own:
        versions[one.protocol.id, one.protocol.version] = one.protocol
        if one.protocol.starts_on <= known.as_of:
            current[one.protocol.id] = one
    offered = {id: one.protocol for id, one in current.items() if not one.retired}
    conditions = dict(known.conditions)
    for protocol in offered.values():
        about = conditions[protocol.condition]
        conditions[about.id] = replace(about, protocols=(*about.protocols, protocol.id))
    protocols = {**known.protocols, **offered}
    return replace(known, protocols=protocols, protocol_versions=versions, conditions=conditions)


def marked(copied: Protocol, own: Protocol, known: Knowledge) -> Protocol:
    """The clinic's own version with the source of each number: that of the copied protocol where
    nothing was changed, else "Clinic's own" with what it was before."""
    sources = dict(copied.sources)
    for field in fields(Protocol):
        before, now = getattr(copied, field.name), getattr(own, field.name)
        if field.name in WORDS or before == now:
            continue
        told = "; ".join(_changes(field.name, before, now, known))
        was = copied.sources.get(field.name)
        rest = f" As copied: {was}" if was else ""
        sources[field.name] = f"Clinic's own: {told}.{rest}"
    return replace(own, sources=sources)


def _changes(name: str, before: object, now: object, known: Knowledge) -> Iterator[str]:
    if name == "sites":
        yield from _of_sites(before, now, known)  # type: ignore[arg-type]
    elif name == "mixtures":
        yield from _of_mixtures(before, now)  # type: ignore[arg-type]
    else:
        yield f"{_said(now)} in place of {_said(before)}"


def _of_sites(
    before: tuple[ProtocolSite, ...], now: tuple[ProtocolSite, ...], known: Knowledge
) -> Iterator[str]:
    old, new = ({part.site: part for part in parts} for parts in (before, now))
    for site in dict.fromkeys((*old, *new)):
        name = known.sites[site].name
        if site not in new:
            yield f"{name} left out"
        elif site not in old:
            yield f"{name} added, {_said(new[site].volume_ml)} mL"
        elif found := list(_of_parts(old[site], new[site], skip=("site",))):
            yield f"{name}: {', '.join(found)}"


def _of_mixtures(before: tuple[Mixture, ...], now: tuple[Mixture, ...]) -> Iterator[str]:
    old, new = ({one.key: one for one in mixtures} for mixtures in (before, now))
    for key in new:
        yield f"{key}: {', '.join(_of_parts(old[key], new[key])) or 'as it was'}"


def _of_parts(old: object, new: object, skip: tuple[str, ...] = ()) -> Iterator[str]:
    for field in fields(old):  # type: ignore[arg-type]
        before, now = getattr(old, field.name), getattr(new, field.name)
        if before != now and field.name not in skip:
            yield f"{field.name.replace('_', ' ')} {_said(now)} in place of {_said(before)}"


def _said(value: object) -> str:
    if isinstance(value, tuple):
        return ", ".join(_said(one) for one in value) or "nothing"
    if isinstance(value, Ingredient):
        return f"{value.substance} {value.percent} % from {value.stock_percent} %"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Mapping) or value in (None, ""):
        return "nothing"
    return str(value)

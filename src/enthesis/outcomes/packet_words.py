"""Everything that leaves in a packet, in words and tables: for who presses the button, and for
whoever receives the file."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from enthesis.charts.curves import Table
from enthesis.knowledge.kinds import Knowledge
from enthesis.outcomes.packet import About, Packet, Pattern


@dataclass(frozen=True, slots=True)
class Told:
    """One table of a packet under its heading; `says` explains it in a sentence."""

    title: str
    says: str
    table: Table


def whole(packet: Packet) -> Table:
    """What the packet says of itself."""
    rows = [
        ("Clinic", packet.clinic),
        ("Number of the clinic in registries", str(packet.clinic_number)),
        ("Day", packet.day.isoformat()),
        ("Cut of the registry (hash)", packet.cut),
        ("Rules (fingerprint)", packet.rules),
        ("Measure", packet.measure),
        ("Visits", ", ".join(map(str, packet.visits))),
        ("Covariates", ", ".join(packet.covariates) or "none"),
        ("Smallest number of courses told", str(packet.threshold)),
        ("Schema of packet and registry", f"{packet.schema}, {packet.registry_schema}"),
        ("Hash of this packet", packet.sha256),
    ]
    return Table(("What", "Told"), tuple(rows))


def of_condition(packet: Packet, about: About, known: Knowledge) -> Iterator[Told]:
    """Every number of a condition, each in a table."""
    windows = {f"window {w.number}": w.name for w in known.windows.values()}
    names = {"last": "Relief at the last answer", "ended": "How courses ended"}
    for one in about.partitions:
        title = names.get(one.table, f"Relief after {windows.get(one.table, one.table)}")
        rows = tuple((together(c.labels), str(c.courses)) for c in one.classes)
        says = "Each course is in one line. Relief is in percent of what there was to gain."
        yield Told(title, says, Table(("Courses", "How many"), rows))
    if about.to_target:
        lines = tuple(
            (f"{w.first} to {w.last}", str(w.reached), str(w.over), str(w.last_seen))
            for w in about.to_target
        )
        says = "Courses that reached their target, that ended without it, or were last heard of."
        head = ("Weeks", "Reached", "Ended without", "Last heard of")
        yield Told("When the target was reached", says, Table(head, lines))
    visits = {w.number: w.name for w in known.windows.values()}
    for pattern in about.patterns:
        yield _pattern(packet, pattern, visits)
    if about.harms:
        harms = about.harms
        given = ("sessions given", str(harms.sessions), str(harms.treated))
        kinds = tuple(
            (harm_name(one.source, one.kind, known), str(one.events), str(one.courses))
            for one in harms.kinds
        )
        says = "Warnings were answered by patients, adverse events recorded by the clinic."
        yield Told("Harms", says, Table(("What", "How often", "In courses"), (given, *kinds)))
    if about.costs:
        money = tuple(
            (
                c.currency,
                str(c.courses),
                f"{c.charged_cents / 100:.2f}",
                f"{c.paid_cents / 100:.2f}",
            )
            for c in about.costs
        )
        says = "Of all these courses together."
        yield Told("Money", says, Table(("Currency", "Courses", "Charged", "Paid"), money))


def harm_name(source: str, kind: str, known: Knowledge) -> str:
    """The words of an adverse event or of a warning sign; its id where it is not known here."""
    names = {
        "adverse": {one.id: one.name for one in known.adverse_kinds.values()},
        "warning": {rule.id: rule.text for rule in known.danger_rules},
    }
    return f"{names.get(source, {}).get(kind, kind)} ({source})"


def together(labels: Sequence[str]) -> str:
    """Labels in one: “0 to below 10” and “10 to below 20” are “0 to below 20”."""
    said: list[str] = []
    for label in labels:
        low, between, high = label.partition(" to below ")
        if not between:
            low, high = ("", label[6:]) if label.startswith("below ") else (label[:-8], "")
            if not label.startswith("below ") and not label.endswith(" or more"):
                said.append(label)
                continue
        if said and low and said[-1].endswith(f"below {low}"):
            start = said.pop().removesuffix(f"below {low}")
            label = f"{start}below {high}" if high else start.replace(" to ", " or more")
            label = label or "any relief"
        said.append(label)
    return " or ".join(said)


def _pattern(packet: Packet, one: Pattern, names: Mapping[int, str]) -> Told:
    seen = [names.get(visit, str(visit)) for visit in one.visits]
    z = ["courses", *packet.covariates]
    rows = []
    for at, name in enumerate(z):
        rows.append((name, *map(str, one.zz[at]), *map(str, one.zy[at])))
    for at, name in enumerate(seen):
        before = (str(row[at]) for row in one.zy)
        rows.append((f"pain at {name}", *before, *map(str, one.yy[at])))
    head = ("Sum of products of", *z, *(f"pain at {name}" for name in seen))
    title = f"Pain of the {one.courses} courses that answered at: {', '.join(seen)}"
    says = (
        "Pain from 0 to 10, added up over the courses: alone in the first line, and multiplied by "
        "what stands at the head of the column in the others."
    )
    return Told(title, says, Table(head, tuple(rows)))


def left_out(packet: Packet) -> Table:
    """What does not leave, and why."""
    rows = tuple(
        (
            one.condition or "all conditions",
            one.table,
            one.why,
            "not told" if one.courses is None else str(one.courses),
            "" if one.scores is None else str(one.scores),
        )
        for one in packet.left_out
    )
    return Table(("Condition", "Table", "Why", "Courses", "Scores"), rows)

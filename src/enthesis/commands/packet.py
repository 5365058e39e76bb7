"""`enthesis packet`: the sums of this clinic's courses as one file for other clinics."""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from enthesis.commands.complain import complain

if TYPE_CHECKING:
    from enthesis.charts.curves import Table
    from enthesis.outcomes.packet import Packet

DESCRIPTION = """\
A packet holds the sums and counts of a clinic's courses that the registry's models need, and no
patient's row (docs/explanation/packets.md). make: write one of the registry as it stands, and enter
it in the ledger; show: print all that a packet holds.
"""
EXAMPLES = """\
examples:
  enthesis registry refresh
  enthesis packet make --to north.json
  enthesis packet show north.json
  what would expose somebody beside earlier packets left out:
    enthesis packet make --to north.json --hold-back

exit status: 0 done; 1 refused, with every reason; 2 not understood
"""


def add(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        "packet",
        help="write this clinic's sums as a file for other clinics",
        description=DESCRIPTION,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("what", choices=["make", "show"])
    parser.add_argument("file", metavar="FILE", type=Path, nargs="?", help="show: the packet")
    parser.add_argument("--to", metavar="FILE", type=Path, help="make: write it there")
    parser.add_argument(
        "--condition", metavar="ID", action="append", default=[], help="only this; may be repeated"
    )
    parser.add_argument(
        "--covariate",
        choices=("age", "woman"),
        action="append",
        default=[],
        help="also in the sums of pain; may be repeated",
    )
    parser.add_argument(
        "--hold-back",
        action="store_true",
        help="leave out what would expose somebody beside earlier packets, instead of refusing",
    )
    parser.add_argument("--clinic", metavar="NAME", help="where there are several")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Do it; 1 with what is wrong and what to do."""
    if args.what == "show":
        return _show(args.file)
    if args.to is None:
        return complain(["Say where: enthesis packet make --to FILE."])
    return _make(args)


def _show(path: Path | None) -> int:
    from enthesis.commands.combine import read_packet
    from enthesis.outcomes.packet import PacketError

    if path is None:
        return complain(["Name the packet: enthesis packet show FILE."])
    try:
        packet = read_packet(path)
    except PacketError as error:
        return complain([str(error)])
    sys.stdout.write("\n".join(lines_of(packet)) + "\n")
    return 0


def lines_of(packet: "Packet") -> Iterator[str]:
    """All that a packet holds, as text."""
    from enthesis.knowledge.load import knowledge
    from enthesis.outcomes.packet_words import left_out, of_condition, whole

    known = knowledge(packet.day)
    yield from _table(whole(packet))
    for about in packet.conditions:
        name = known.conditions[about.condition].name if about.condition in known.conditions else ""
        yield f"\n{(name or about.condition).upper()}: {about.began} courses began"
        for told in of_condition(packet, about, known):
            yield f"\n{told.title}\n{told.says}"
            yield from _table(told.table)
    if packet.left_out:
        yield "\nLEFT OUT TO PROTECT PATIENTS"
        yield from _table(left_out(packet))


def _table(table: "Table") -> Iterator[str]:
    rows = [table.head, *table.rows]
    widths = [max(len(row[at]) for row in rows) for at in range(len(table.head))]
    for row in rows:
        yield "  " + "  ".join(f"{cell:<{w}}" for cell, w in zip(row, widths, strict=True)).rstrip()


def _make(args: argparse.Namespace) -> int:
    from enthesis.clinic import server

    # Tables can be imported only once Django is loaded.
    server.prepare()

    from enthesis.clinic.actions import Refused
    from enthesis.clinic.actions.packet import Choice, make_packet
    from enthesis.clinic.models import Clinic
    from enthesis.outcomes.registry import RegistryError

    server.bring_up_to_date()
    every = list(Clinic.objects.order_by("pk"))
    found = [one for one in every if args.clinic in (None, one.name)]
    if len(found) != 1:
        names = ", ".join(one.name for one in every) or "none"
        return complain([f"Say which clinic with --clinic NAME. There are: {names}."])
    if args.to.exists():
        return complain([f"{args.to} is there already: name a new file."])
    choice = Choice(tuple(args.condition), tuple(dict.fromkeys(args.covariate)), args.hold_back)
    try:
        # The file first: a packet that stands in the ledger must be there to be sent.
        with args.to.open("x", encoding="utf-8") as file:
            row = make_packet(None, found[0], choice)
            file.write(row.content)
    except OSError as error:
        return complain([f"cannot write {args.to}: {error.strerror or error}"])
    except (Refused, RegistryError) as error:
        args.to.unlink(missing_ok=True)
        return complain([str(error)])
    print(f"Packet {row.pk} of {found[0].name}, {row.day}: {args.to}")
    print(f"Hash {row.sha256}. Look at all that leaves: enthesis packet show {args.to}")
    return 0

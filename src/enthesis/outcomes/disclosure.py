"""What must not leave: whether numbers told, put together, are of fewer patients than agreed.

Every number of a packet is a sum over a set of courses: a *cell*. Who has several cells can add and
subtract them, also those of earlier packets. `Shown` knows whom each cell is of and answers, before
a cell is told, whether it, its difference from any other cell of the same quantity, or a linear
combination of all of them would be of one to k − 1 patients. An item is a course with the value it
adds, so that a changed answer counts as one that left and one that came.

Single items are found through any linear combination: a unit vector lies in the row space just if
it is a row of the reduced echelon form. Combinations that leave two to k − 1 patients are found
where two cells, or a row of that form, show them; to find them all is NP-hard. Arithmetic is modulo
a prime, which can only err towards suppressing.
"""

import json
import math
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

import numpy as np
from numpy.typing import NDArray

PRIME = 1_000_003
Item = tuple[int, str]


@dataclass(frozen=True, slots=True)
class Cell:
    """`quantity`: what is summed ("courses", "pain at visit 3"); `members`: what each course adds,
    as a word that changes when it does (empty for a count); `packet`: in which it was told, `day`:
    of that packet."""

    name: str
    quantity: str
    members: Mapping[int, str]
    packet: str = ""
    day: date | None = None

    def __str__(self) -> str:
        return f"{self.name} ({self.packet})" if self.packet else self.name


@dataclass(frozen=True, slots=True)
class Exposure:
    """Telling `cell` beside `against` (empty: alone) would be of `patients`, fewer than agreed."""

    cell: Cell
    against: Cell | None
    patients: int
    combined: bool = False

    def sentence(self, threshold: int, today: date) -> str:
        """Which number, beside which earlier one, and when it could be told."""
        few = f"{self.patients} patient{'' if self.patients == 1 else 's'}"
        if self.against is None or self.against.day is None:
            return f"{self.cell}: it would be of {few}, fewer than {threshold}."
        how = "taken together with other numbers of" if self.combined else "beside the same of"
        what = f" ({self.against.name})" if self.against.name != self.cell.name else ""
        more = threshold - self.patients
        told = (
            f"{self.cell.name}: {how} {self.against.packet}{what} it would be of {few}, fewer than "
            f"{threshold}. It can be told once {more} more course{'' if more == 1 else 's'} of it "
            f"{'has' if more == 1 else 'have'} begun, ended or been answered"
        )
        days = (today - self.against.day).days
        if days < 1:
            return f"{told}."
        at = today + timedelta(days=math.ceil(more * days / self.patients))
        return f"{told}: at the pace since then about {at.isoformat()}."


class Shown:
    """The cells that were told, among those that may be."""

    def __init__(self, threshold: int, every: Iterable[Cell]) -> None:
        self.threshold = threshold
        self.cells: dict[str, list[tuple[Cell, int]]] = {}
        self.spaces = {quantity: _Space(cells) for quantity, cells in _by_quantity(every).items()}

    def add(self, cells: Sequence[Cell]) -> list[Exposure]:
        """Tell these cells; or tell none of them and say what they would expose."""
        found: list[Exposure] = []
        if self.threshold <= 1:
            return found  # every number may be told
        before = {q: (list(self.cells.get(q, [])), s.basis) for q, s in self.spaces.items()}
        for cell in cells:
            if cell.members:
                found += self._of(cell)
        if found:
            for quantity, (told, basis) in before.items():
                self.cells[quantity], self.spaces[quantity].basis = told, basis
        return found

    def trust(self, cells: Iterable[Cell]) -> None:
        """Cells that left long ago: they are told, whatever they are."""
        for cell in cells:
            if cell.members:
                space = self.spaces[cell.quantity]
                self.cells.setdefault(cell.quantity, []).append((cell, space.mask(cell)))
                space.span(cell)
        for space in self.spaces.values():
            space.old.update(space.few(self.threshold))

    def _of(self, cell: Cell) -> list[Exposure]:
        space, told = self.spaces[cell.quantity], self.cells.setdefault(cell.quantity, [])
        if len(cell.members) < self.threshold:
            return [Exposure(cell, None, len(cell.members))]
        mask = space.mask(cell)
        found = [
            Exposure(cell, other, few)
            for other, theirs in told
            if (few := space.apart(mask ^ theirs, self.threshold))
        ]
        if not found and not any(mask == theirs for _, theirs in told):
            space.span(cell)
            left = min(set(space.few(self.threshold)) - space.old, key=len, default=None)
            if left:
                near = [one for one, _ in told if one.packet and left & one.members.keys()]
                found = [Exposure(cell, near[-1] if near else None, len(left), combined=True)]
        told.append((cell, mask))
        return found


@dataclass(slots=True)
class _Space:
    """The items of one quantity, and the row space of the cells told, over its atoms: items that
    are in the same cells throughout."""

    every: Sequence[Cell]
    items: dict[Item, int] = field(default_factory=dict)
    atom_of: dict[Item, int] = field(default_factory=dict)
    atoms: list[set[int]] = field(default_factory=list)
    basis: tuple[NDArray[np.int64], tuple[int, ...]] = field(init=False)
    old: set[frozenset[int]] = field(default_factory=set)
    """Courses that what left long ago already exposes: nobody is asked again for it."""

    def __post_init__(self) -> None:
        where: dict[Item, list[int]] = {}
        for at, cell in enumerate(self.every):
            for item in cell.members.items():
                where.setdefault(item, []).append(at)
        self.items = {item: at for at, item in enumerate(where)}
        numbers: dict[tuple[int, ...], int] = {}
        for item, cells in where.items():
            self.atom_of[item] = at = numbers.setdefault(tuple(cells), len(numbers))
            if at == len(self.atoms):
                self.atoms.append(set())
            self.atoms[at].add(item[0])
        self.basis = np.zeros((0, len(self.atoms)), dtype=np.int64), ()

    def mask(self, cell: Cell) -> int:
        """The cell's items as bits."""
        bits = bytearray(len(self.items) // 8 + 1)
        for item in cell.members.items():
            at = self.items[item]
            bits[at >> 3] |= 1 << (at & 7)
        return int.from_bytes(bits, "little")

    def apart(self, difference: int, threshold: int) -> int:
        """Of how many courses a difference of two cells is, if of fewer than the threshold; or 0.

        A course with a new value is in it twice.
        """
        if not 0 < difference.bit_count() < 2 * threshold:
            return 0
        courses = {item[0] for item, at in self.items.items() if difference >> at & 1}
        return len(courses) if len(courses) < threshold else 0

    def span(self, cell: Cell) -> None:
        """Take a cell into the row space, kept as its reduced echelon form."""
        rows, pivots = self.basis
        new = np.zeros(len(self.atoms), dtype=np.int64)
        new[list({self.atom_of[item] for item in cell.members.items()})] = 1
        if pivots:
            new = (new - new[list(pivots)] @ rows) % PRIME
        nonzero = np.flatnonzero(new)
        if not nonzero.size:
            return
        pivot = int(nonzero[0])
        new = new * pow(int(new[pivot]), -1, PRIME) % PRIME
        rows = (rows - rows[:, pivot, None] * new) % PRIME
        self.basis = np.vstack([rows, new]), (*pivots, pivot)

    def few(self, threshold: int) -> Iterator[frozenset[int]]:
        """The courses of each row that leaves fewer than the threshold."""
        sizes, rows = np.array([len(atom) for atom in self.atoms]), self.basis[0]
        for at in np.flatnonzero((rows != 0) @ sizes < 2 * threshold):
            courses = frozenset[int]().union(*(self.atoms[a] for a in np.flatnonzero(rows[at])))
            if len(courses) < threshold:
                yield courses


def packed(cells: Sequence[Cell]) -> bytes:
    """Cells as the ledger keeps them; `unpacked` gives them back."""
    told = [[c.name, c.quantity, list(c.members), list(c.members.values())] for c in cells]
    return zlib.compress(json.dumps(told).encode())


def unpacked(data: bytes, packet: str, day: date) -> list[Cell]:
    """The cells of a row of the ledger."""
    return [
        Cell(name, quantity, dict(zip(courses, marks, strict=True)), packet, day)
        for name, quantity, courses, marks in json.loads(zlib.decompress(data))
    ]


def _by_quantity(cells: Iterable[Cell]) -> dict[str, list[Cell]]:
    found: dict[str, list[Cell]] = {}
    for cell in cells:
        found.setdefault(cell.quantity, []).append(cell)
    return found

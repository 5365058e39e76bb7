"""The superbill: what a patient may send to an insurer. It says what was done and paid.

The code of a service is the one of the bill, which the tariff gives (M0076 for prolotherapy). None
is ever proposed in its place: a service without a code stays without one.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from enthesis.journey.tariff import Line
from enthesis.units import Money

ICD_10 = re.compile(r"[A-Z][0-9][0-9A-Z](\.[0-9A-Z]{1,4})?")
MOST_DIAGNOSES = 12
"""As many as the usual claim form has room for (CMS-1500, item 21)."""


@dataclass(frozen=True, slots=True)
class Billed:
    """One bill of one day, with what was paid of it."""

    invoice: int
    on: date
    lines: tuple[Line, ...]
    paid: Money


@dataclass(frozen=True, slots=True)
class Service:
    """One line: a day, what was done, its code and its price; `invoice` is where it was billed."""

    on: date
    item: str
    text: str
    code: str
    units: int
    charge: Money
    invoice: int


@dataclass(frozen=True, slots=True)
class Superbill:
    """The services in order of days, and what was charged, paid and is still owed."""

    services: tuple[Service, ...]
    diagnoses: tuple[tuple[str, str], ...]
    charged: Money
    paid: Money

    @property
    def balance(self) -> Money:
        """What is still owed; below zero when too much was paid."""
        return self.charged - self.paid


def superbill(bills: Iterable[Billed], diagnoses: Iterable[tuple[str, str]]) -> Superbill:
    """From the bills of one course; ValueError without a bill, or when currencies are mixed."""
    ordered = sorted(bills, key=lambda one: (one.on, one.invoice))
    if not ordered:
        raise ValueError("A superbill needs at least one bill.")
    services = tuple(
        Service(one.on, line.item, line.text, line.code, line.units, line.total, one.invoice)
        for one in ordered
        for line in one.lines
    )
    none = ordered[0].paid - ordered[0].paid
    return Superbill(
        services,
        tuple(dict.fromkeys(diagnoses)),
        sum((service.charge for service in services), start=none),
        sum((one.paid for one in ordered), start=none),
    )


def diagnosis_problem(code: str) -> str:
    """Why something typed is no ICD-10-CM code; empty where it has the form of one. Whether the
    code exists, and fits, is for the clinician to say."""
    if ICD_10.fullmatch(code):
        return ""
    return f"“{code}” does not have the form of an ICD-10 code, such as M54.50."


def npi_problem(npi: str) -> str:
    """Why a provider number is none: ten digits, the last of which checks the others (Luhn's sum
    with 24 for the prefix 80840 of health identifiers, as CMS lays down for the NPI)."""
    if not re.fullmatch(r"[0-9]{10}", npi):
        return "A provider number (NPI) has ten digits."
    doubled = (int(digit) * 2 for digit in npi[-2::-2])
    plain = (int(digit) for digit in npi[-3::-2])
    checked = 24 + sum(d // 10 + d % 10 for d in doubled) + sum(plain) + int(npi[-1])
    return "" if checked % 10 == 0 else "A digit of this provider number (NPI) is wrong."

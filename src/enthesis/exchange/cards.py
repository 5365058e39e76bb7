"""What a card gateway is to Enthesis: a page of its own on which a patient pays, and its word that
money came. A gateway only writes and reads messages; what carries them is `clinic/network.py`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from enthesis.units import Money


class ForgedError(ValueError):
    """A message that the gateway did not sign, or signed too long ago."""


class UnreadableError(ValueError):
    """The gateway said something that is not of the documented form."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A payment that a patient wants to make. `reference` comes back with it, unread; `attempt`
    tells two payments apart that are otherwise alike. `what` is all that the gateway is told:
    neither the patient nor the treatment.
    """

    amount: Money
    what: str
    reference: str
    attempt: str
    paid_address: str
    back_address: str
    language: str


@dataclass(frozen=True, slots=True)
class Call:
    """A form to be posted to the gateway at a path of its address."""

    path: str
    headers: Mapping[str, str]
    fields: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Paid:
    """Money came. `amount` is None in a currency that Enthesis does not know; `words` says it as
    the gateway does. `is_live` is false for a trial with a test card, which moves no money."""

    payment: str
    reference: str
    amount: Money | None
    words: str
    is_live: bool


class Gateway(Protocol):
    """One provider. `pages` is where its payment pages are, scheme and host."""

    @property
    def name(self) -> str: ...
    @property
    def address(self) -> str: ...
    @property
    def pages(self) -> str: ...

    def begin(self, wanted: Wanted) -> Call:
        """How to ask for a payment page; the same twice asks for the same page."""

    def begun(self, answer: bytes) -> str:
        """The address of the payment page. Raises UnreadableError."""

    def refusal(self, answer: bytes) -> str:
        """What kind of no it was, for the log: no word of the patient, no part of a key."""

    def paid(self, headers: Mapping[str, str], body: bytes, now: int) -> Paid | None:
        """What a message of the gateway says; None where no money of ours came.

        `now` in seconds since 1970. Raises ForgedError and UnreadableError.
        """

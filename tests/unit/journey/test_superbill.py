"""The superbill: what was done and paid, and never another code."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from enthesis.journey.superbill import Billed, diagnosis_problem, npi_problem, superbill
from enthesis.journey.tariff import Line
from enthesis.knowledge.load import knowledge, shipped_codes
from enthesis.units import Money

KNOWN = knowledge(date(2026, 11, 23))


def usd(text: str) -> Money:
    return Money(Decimal(text), "USD")


SESSION = Line("session", "Prolotherapy session", 1, usd("280"), "M0076")
PLACES = Line("injection", "Place injected beyond those included", 2, usd("15"))
FIRST = Billed(4, date(2026, 11, 2), (SESSION,), usd("280"))
SECOND = Billed(7, date(2026, 11, 16), (SESSION, PLACES), usd("100"))


def test_it_holds_every_line_of_every_bill_in_order_of_days() -> None:
    made = superbill([SECOND, FIRST], [("M54.50", "Low back pain, unspecified")] * 2)
    assert [(s.on.day, s.code, s.units, s.charge) for s in made.services] == [
        (2, "M0076", 1, usd("280")),
        (16, "M0076", 1, usd("280")),
        (16, "", 2, usd("30")),
    ]
    assert (made.charged, made.paid, made.balance) == (usd("590"), usd("380"), usd("210"))
    assert made.diagnoses == (("M54.50", "Low back pain, unspecified"),)


def test_the_only_procedure_code_that_is_known_is_the_one_of_prolotherapy() -> None:
    procedures = {code for system, code in shipped_codes() if system in ("HCPCS", "CPT")}
    assert procedures == {"M0076"} == {item.code for item in KNOWN.tariff.values()}
    assert not any(hasattr(part, "code") for part in KNOWN.tariff_parts.values())


def test_a_service_without_a_code_stays_without_one() -> None:
    bare = replace(FIRST, lines=(replace(SESSION, code=""),))
    assert [service.code for service in superbill([bare], []).services] == [""]


def test_there_is_no_superbill_of_nothing() -> None:
    with pytest.raises(ValueError, match="at least one bill"):
        superbill([], [])


@pytest.mark.parametrize("code", ["M54.50", "S93.401A", "Z00", "M1A.0110"])
def test_a_diagnosis_of_the_right_form_is_taken(code: str) -> None:
    assert diagnosis_problem(code) == ""


@pytest.mark.parametrize("code", ["", "M0076", "20550", "m54.50", "M54.", "M54.12345", "back pain"])
def test_something_else_is_refused(code: str) -> None:
    assert "does not have the form" in diagnosis_problem(code)


def test_one_wrong_digit_of_a_provider_number_is_found_wherever_it_is() -> None:
    right = "1234567893"
    assert npi_problem(right) == ""
    wrong = [
        right[:at] + digit + right[at + 1 :]
        for at in range(10)
        for digit in "0123456789"
        if digit != right[at]
    ]
    assert {npi_problem(one) for one in wrong} == {
        "A digit of this provider number (NPI) is wrong."
    }
    assert npi_problem("12345") == npi_problem("") == "A provider number (NPI) has ten digits."

"""What others read of treatment and money: doses, places, lots, how a harm stands, amounts."""

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from enthesis.exchange.dossier import (
    AdverseEvent,
    AdverseEventEntry,
    Amendment,
    Arrangement,
    Entry,
    GivenSite,
    Invoice,
    InvoiceLine,
    KeptPlan,
    SignedSession,
)
from enthesis.exchange.fhir.plan_definition import plan_definition_of, plan_definitions
from enthesis.journey.plan import propose
from enthesis.knowledge.own_protocols import OwnProtocol, with_own_protocols
from enthesis.records import Side, SiteDose
from enthesis.shape import ShapeError
from enthesis.units import Ml, Money
from tests.unit.exchange.fhir.test_care import KNOWN, read_back, written

AT = datetime(2026, 1, 5, 9, 30, tzinfo=UTC)
DAY = date(2026, 1, 5)
PLAN = propose("low_back_ligaments", Side.LEFT, KNOWN)
SESSION = SignedSession(
    key="session-9",
    number=1,
    on=DAY,
    mixtures=PLAN.mixtures,
    sites=(
        GivenSite(SiteDose("iliolumbar", Side.LEFT, "insertions", Ml(Decimal("1.5")))),
        GivenSite(SiteDose("sacrotuberous", Side.LEFT, "insertions", Ml(Decimal(1))), given=False),
        GivenSite(SiteDose("supraspinous_l4_l5", Side.MIDLINE, "insertions", Ml(Decimal(1)))),
    ),
    signed_by="user-1",
    signed_at=AT,
    injected_by="user-2",
    lots={"dextrose": "D-77", "lidocaine": "L-5"},
    lot_expiries={"dextrose": "2027-03-31"},
    complications=("faint",),
    note="Went well.",
    amendments=(Amendment("amendment-1", "Bruise a day later.", "user-2", AT),),
)
LINES = (
    InvoiceLine("invoiceline-1", "Prolotherapy session", Decimal("280"), "M0076", "session"),
    InvoiceLine("invoiceline-2", "Further places", Decimal("20.50"), units=2),
)
INVOICE = Invoice("invoice-3", 12, DAY, DAY, "USD", LINES, session="session-9", by="user-1")


def test_a_session_says_where_it_was_injected_and_not_what_was_left_out() -> None:
    procedure, _ = written(SESSION)
    codes = [[one["code"] for one in site["coding"]] for site in procedure["bodySite"]]
    assert codes == [
        ["iliolumbar:left", "iliolumbar"],
        ["supraspinous_l4_l5:midline", "supraspinous_l4_l5"],
    ]
    assert procedure["bodySite"][0]["text"] == "Iliolumbar ligament, left"
    assert procedure["code"]["coding"][0]["code"] == "M0076"
    assert [one["actor"]["reference"] for one in procedure["performer"]] == ["Practitioner/user-2"]
    assert [one["text"] for one in procedure["note"]] == ["Went well.", "Bruise a day later."]
    assert procedure["complication"][0]["text"] == "Faint, or nearly"


def test_no_complication_is_not_listed_as_one() -> None:
    procedure, _ = written(replace(SESSION, complications=("none",)))
    assert "complication" not in procedure


def test_what_was_given_is_in_ml_with_its_milligrams_strengths_and_lots() -> None:
    _, given = written(SESSION)
    dose = given["dosage"]["dose"]
    assert (dose["value"], dose["code"]) == (Decimal("2.5"), "mL")
    assert dose["system"] == "http://unitsofmeasure.org"
    # 2.5 mL of 20 % dextrose and 0.2 % lidocaine.
    assert given["dosage"]["text"] == "2.5 mL: dextrose 500 mg, lidocaine 5 mg"
    mixed, dextrose, lidocaine, diluent = given["contained"]
    parts = [one.get("strength") for one in mixed["ingredient"]]
    told = [
        (one["numerator"]["value"], one["numerator"]["code"], one["denominator"]["value"])
        for one in parts
        if one
    ]
    assert told == [(20, "g", 100), (Decimal("0.2"), "g", 100)]
    assert dextrose["batch"] == {"lotNumber": "D-77", "expirationDate": "2027-03-31"}
    assert lidocaine["batch"] == {"lotNumber": "L-5"}
    assert diluent["code"]["text"] == "Sterile water for injection"


def test_a_mixture_that_was_given_nowhere_was_not_done() -> None:
    _, given = written(replace(SESSION, sites=()))
    assert given["status"] == "not-done"
    assert "dosage" not in given


@pytest.mark.parametrize(
    ("which", "path", "value"),
    [
        (0, ("bodySite", 0, "coding", 0, "code"), "iliolumbar:right"),
        (0, ("bodySite", 0), None),
        (1, ("dosage", "dose", "value"), 25),
        (1, ("dosage",), None),
        (1, ("status",), "not-done"),
        (1, ("contained", 0, "ingredient", 0, "strength", "numerator", "value"), 50),
        (1, ("contained", 1, "code", "coding", 0, "code"), "morrhuate"),
        (1, ("contained", 1, "batch", "lotNumber"), "D-78"),
        (1, ("id",), "session-9-2"),
    ],
)
def test_a_session_changed_in_one_place_only_is_refused(
    which: int, path: tuple[Any, ...], value: Any
) -> None:
    resources = written(SESSION)
    assert read_back(SignedSession, resources) == SESSION
    with pytest.raises(ShapeError):
        read_back(SignedSession, changed(resources, which, path, value))


def changed(
    resources: list[dict[str, Any]], which: int, path: tuple[Any, ...], value: Any
) -> list[dict[str, Any]]:
    *way, last = path
    within: Any = resources[which]
    for step in way:
        within = within[step]
    if value is None:
        del within[last]
    else:
        within[last] = value
    return resources


def test_names_that_changed_since_do_not_hold_a_session_back() -> None:
    resources = written(SESSION)
    resources[0]["bodySite"][0]["text"] = "Ligamentum iliolumbale"
    resources[1]["contained"][1]["code"]["text"] = "Glucose"
    assert read_back(SignedSession, resources) == SESSION


def test_an_adverse_event_says_how_it_stands_and_keeps_its_first_report() -> None:
    judged = AdverseEventEntry("entry-1", "Likely the needle.", "user-2", AT, "probable")
    worse = AdverseEventEntry("entry-2", "In hospital.", "user-2", AT, "", "recovered", 4)
    event = AdverseEvent(
        "adverseevent-1", "pneumothorax", DAY, 2, False, "goes_on", "Short of breath",
        "user-1", AT, session="session-9", entries=(judged, worse),
    )  # fmt: skip
    one = written(event)[0]
    assert [c["code"] for c in one["severity"]["coding"]] == ["severe", "4"]
    assert [c["code"] for c in one["outcome"]["coding"]] == ["resolved", "recovered"]
    assert one["seriousness"]["coding"][0]["code"] == "Serious"
    suspected = one["suspectEntity"][0]
    assert suspected["instance"]["reference"] == "Procedure/session-9"
    assert suspected["causality"][0]["assessment"]["coding"][0]["code"] == "Probably-Likely"
    assert read_back(AdverseEvent, [one]) == event


def test_a_plan_says_how_often_and_under_which_rule() -> None:
    kept = KeptPlan("plan-4", replace(PLAN, agreed_on=DAY), AT, "Ann Lee", by="user-1")
    one = written(kept)[0]
    repeat = one["activity"][0]["detail"]["scheduledTiming"]["repeat"]
    assert (repeat["count"], repeat["countMax"], repeat["period"]) == (6, 6, 14)
    assert one["status"] == "active" and one["intent"] == "plan"
    definition = plan_definition_of(KNOWN.protocols["low_back_ligaments"], KNOWN)
    assert one["instantiatesCanonical"] == [f"{definition['url']}|{definition['version']}"]
    assert "We finish when your pain has come down by 90 % or more" in one["note"][0]["text"]
    proposed = written(replace(kept, plan=PLAN))[0]
    assert proposed["status"] == "draft" and "period" not in proposed


def test_a_protocol_says_when_to_finish_stop_and_recheck() -> None:
    known = replace(KNOWN, stop_rule=replace(KNOWN.stop_rule, choice="graded"))
    one = plan_definition_of(known.protocols["low_back_ligaments"], known)
    tests = {
        action["id"]: action["condition"][0]["expression"]["expression"]
        for action in one["action"]
        if "condition" in action
    }
    assert tests == {
        "finish": "%reliefs.count() >= 2 and %reliefs.skip(%reliefs.count() - 2).all($this >= 90)",
        "stop": "%sessions >= 4 and %reliefs.last() < 30 and %better.not()",
        "stop-later-1": "%sessions >= 4 and %sessions < 5 and %reliefs.last() < 50",
        "stop-later-2": "%sessions >= 5 and %reliefs.last() < 60",
        "most": "%sessions >= 6",
    }
    months = [
        action["relatedAction"][0]["offsetDuration"]["value"]
        for action in one["action"]
        if action["id"].startswith("recheck")
    ]
    assert months == [3, 6, 12]


def test_a_clinics_own_protocol_is_among_them_and_retired_ones_say_so() -> None:
    copied = KNOWN.protocols["low_back_ligaments"]
    own = replace(copied, id="own_1", version="2", name="Ours", interval_days=21)
    for retired, status in ((False, "active"), (True, "retired")):
        known = with_own_protocols(KNOWN, [OwnProtocol(own, retired)])
        found = {one["id"]: one for one in plan_definitions(known)}
        assert found["own-1-2"]["status"] == status
        assert len(found) == len(KNOWN.protocol_versions) + 1


def test_a_bill_adds_up_and_each_line_has_its_code() -> None:
    bill, first, second = written(INVOICE)
    assert bill["totalNet"] == {"value": Decimal("300.5"), "currency": "USD"}
    assert bill["identifier"][0]["value"] == "12"
    assert [c["code"] for c in first["code"]["coding"]] == ["M0076", "session"]
    assert first["service"][0]["reference"] == "Procedure/session-9"
    assert second["quantity"]["value"] == 2


@pytest.mark.parametrize(
    ("which", "path", "value"),
    [
        (0, ("totalNet", "value"), 30),
        (0, ("lineItem", 1, "priceComponent", 0, "amount", "value"), 30),
        (1, ("priceOverride", "value"), 28),
        (1, ("id",), "invoiceline-9"),
    ],
)
def test_a_bill_changed_in_one_place_only_is_refused(
    which: int, path: tuple[Any, ...], value: Any
) -> None:
    with pytest.raises(ShapeError):
        read_back(Invoice, changed(written(INVOICE), which, path, value))


def test_parts_as_arranged_say_how_much_is_due_when() -> None:
    parts = ({"due_on": "2026-02-01", "amount": "140.00"}, {"due_on": "2026-03-01", "amount": "1"})
    one = written(Arrangement("arrangement-1", DAY, "USD", parts, "user-1", AT))[0]
    assert one["term"][0]["asset"][0]["valuedItem"] == [
        {"net": {"value": 140, "currency": "USD"}, "paymentDate": "2026-02-01"},
        {"net": {"value": 1, "currency": "USD"}, "paymentDate": "2026-03-01"},
    ]


def test_an_entry_of_the_ledger_says_its_kind_its_bill_and_whose_it_is() -> None:
    amount = Money(Decimal("280"), "USD")
    entry = Entry("entry-1", "payment", DAY, "receipt", 7, amount, AT, "card", "invoice-3")
    one = written(entry)[0]
    assert [c["code"] for c in one["detail"][0]["type"]["coding"]] == ["payment", "payment"]
    assert one["detail"][0]["request"]["reference"] == "Invoice/invoice-3"
    pointed = [e["valueReference"]["reference"] for e in one["extension"] if "valueReference" in e]
    assert pointed == ["Condition/course-1", "Patient/patient-1"]
    with pytest.raises(ShapeError):
        read_back(Entry, changed([one], 0, ("paymentAmount", "value"), 28))

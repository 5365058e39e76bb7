"""Every knowledge file says who answers for it and where its numbers are from."""

import dataclasses
import re
import tomllib
from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest

from enthesis.knowledge.load import FOLDER, knowledge, sections

TODAY = date(2026, 11, 26)
KNOWN = knowledge(TODAY)
# An address, or one of the honest words; the judge also names the agreed plan or another source.
SOURCED = re.compile(r"https?://|github:|UNSOURCED|Clinic's own")
JUDGE_ALSO = re.compile(r"Own rule|Agreed plan|\{[a-z_]*source\}")
FILES = sorted(FOLDER.glob("rules/*.toml")) + sorted(FOLDER.glob("questionnaires/*.toml"))


def entries() -> Iterator[tuple[str, Any]]:
    """(name, entry) of everything that was read from rules and tables."""
    for field in (*sections(), "sites"):
        held = getattr(KNOWN, field)
        values = held.values() if isinstance(held, dict) else held
        for value in values if isinstance(held, dict | tuple) else [held]:
            yield f"{field}: {getattr(value, 'id', getattr(value, 'name', ''))}", value


ENTRIES = dict(entries())


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.name)
def test_every_file_says_why_it_is_there_and_when_it_is_looked_at_again(path: Any) -> None:
    about = KNOWN.abouts[f"{path.parent.name}/{path.name}"]
    for text in (about.title, about.why, about.author, about.reviewer):
        assert text.strip()
    assert about.reviewed_on <= TODAY < about.next_review_on


def test_every_entry_says_where_it_is_from() -> None:
    assert len(ENTRIES) > 500
    for name, entry in ENTRIES.items():
        sources = dict(entry.sources) if hasattr(entry, "sources") else {"source": entry.source}
        for field, source in sources.items():
            judged = name.startswith("judge_rules") and JUDGE_ALSO.search(source)
            assert SOURCED.search(source) or judged, f"{name}, {field}: {source}"


def test_every_number_of_a_series_has_its_own_source() -> None:
    of_a_series = [n for n in ENTRIES if n.startswith(("protocols", "stop_rule"))]
    assert len(of_a_series) > 20
    for name in of_a_series:
        entry = ENTRIES[name]
        holding_numbers = {
            f.name
            for f in dataclasses.fields(entry)
            if (isinstance(getattr(entry, f.name), int | tuple) and getattr(entry, f.name) != ())
            or "percent" in f.name
        } - {"starts_on"}
        assert holding_numbers <= entry.sources.keys(), name


def test_no_protocol_goes_beyond_what_a_site_or_a_syringe_may_hold() -> None:
    for protocol in KNOWN.protocols.values():
        for part in protocol.sites:
            limit = KNOWN.sites[part.site].volume_ml_max or KNOWN.mixing.site_volume_ml_max
            assert 0 < part.volume_ml <= limit


def test_every_file_is_plain_enough_to_be_read_with_any_toml_reader() -> None:
    for path in FILES:
        text = path.read_text(encoding="utf-8")
        assert tomllib.loads(text)
        assert "\t" not in text


def test_the_evaluation_can_be_filled_in_during_a_visit() -> None:
    """About thirty items for any region: what a busy clinician fills in."""
    for condition in KNOWN.conditions.values():
        asked = [
            q
            for q in KNOWN.questionnaires["evaluation"].questions
            if not q.regions or condition.region in q.regions
        ]
        assert len([q for q in asked if not q.only_if and q.required]) <= 30

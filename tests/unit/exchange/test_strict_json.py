"""JSON from outside: taken exactly, or refused with the place, and never anything else."""

import json
import time
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from enthesis.exchange.strict_json import JsonError, read_json

SUITE = Path(__file__).parents[4] / "shared/real/json-suite/test_parsing"
# Valid JSON that is refused all the same, with the reason: two readers take it for two things, or
# no table takes it.
REFUSED_ON_PURPOSE = {
    "y_object_duplicated_key.json": "is there twice",
    "y_object_duplicated_key_and_value.json": "is there twice",
    "y_object_escaped_null_in_key.json": "NUL",
    "y_string_null_escape.json": "NUL",
}


def suite(kind: str) -> list[Path]:
    if not SUITE.exists():
        pytest.skip("the folder shared/ with the JSON suite is not on this machine")
    return sorted(SUITE.glob(f"{kind}_*.json"))


def test_every_valid_text_of_the_suite_is_taken_or_refused_for_a_stated_reason() -> None:
    refused = {}
    for path in suite("y"):
        try:
            read_json(path.read_bytes())
        except JsonError as error:
            refused[path.name] = str(error)
    assert len(suite("y")) == 95
    assert set(refused) == set(REFUSED_ON_PURPOSE), refused
    assert all(words in refused[name] for name, words in REFUSED_ON_PURPOSE.items())


def test_every_invalid_text_of_the_suite_is_refused_with_its_place() -> None:
    assert len(suite("n")) == 188
    for path in suite("n"):
        with pytest.raises(JsonError) as caught:
            read_json(path.read_bytes())
        assert caught.value.line and caught.value.column, (path.name, str(caught.value))


def test_what_the_standard_leaves_open_is_taken_or_refused_and_nothing_else() -> None:
    taken = []
    for path in suite("i"):
        try:
            read_json(path.read_bytes())
            taken.append(path.name)
        except JsonError:
            continue
    # Numbers that a Decimal holds exactly.
    assert taken and all("number" in name for name in taken), taken


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"a": 1,\n "a": 2}', r"line 2, column 2: the field 'a' is there twice"),
        ('{"a": {"b": 1}, "c": {"b": 1, "\\u0062": 2}}', r"line 1, column 31: the field 'b' is"),
        ('[1,\n  NaN]', r"line 2, column 3: NaN is no number"),
        ("[-Infinity]", r"line 1, column 2: -Infinity is no number"),
        ('["a", "\\ud800"]', r"line 1, column 8: half of a surrogate pair"),
        ('["\\udc00\\ud800"]', r"line 1, column 3: half"),
        ('["\\ud800\\\\udc00"]', r"line 1, column 3: half"),
        ('["x\\u0000"]', r"line 1, column 4: NUL"),
        ("[1e1000]", r"line 1, column 2: 1e1000… is no number of a sensible size"),
        ("[1, 1e" + "9" * 30 + "]", r"line 1, column 5: 1e9+… is no number"),
        ("[" + "9" * 101 + "]", r"line 1, column 2: 9+… is no number"),
        ("[" * 65 + "]" * 65, r"line 1, column 65: nested too deeply"),
        (b'["\xff"]', r"line 1, column 3: this is not UTF-8"),
        (b'\n[\xed\xa0\x80]', r"line 2, column 2: this is not UTF-8"),
        ('["\ud800"]', r"line 1, column 3: half"),
        ("", r"line 1, column 1: this is not JSON"),
        (b"\xef\xbb\xbf{}", r"line 1, column 1: this is not JSON \(Unexpected UTF-8 BOM"),
        ("[" * 100_000, r"line 1, column 65: nested too deeply"),
        ('{"a":' * 100_000, r"nested too deeply"),
        ('["a' + '\\"' * 100, r"line 1, column 2: this is not JSON \(Unterminated"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_with_its_place(text: str | bytes, words: str) -> None:
    with pytest.raises(JsonError, match=words):
        read_json(text)


def test_a_text_that_is_too_long_is_refused_before_it_is_read() -> None:
    with pytest.raises(JsonError, match="longer than 10 bytes; send it in smaller") as caught:
        read_json(b"[" + b" " * 10, most_bytes=10)
    assert caught.value.too_long


def test_whole_numbers_stay_whole_and_others_stay_exact() -> None:
    text = '[9223372036854775808, 1.10, 1e400, -0, "\\ud83d\\ude00", "\\\\u0000", "]]]"]'
    assert read_json(text) == [2**63, Decimal("1.10"), Decimal("1e400"), 0, "\U0001f600",
                               "\\u0000", "]]]"]  # fmt: skip
    assert str(read_json("1.10")) == "1.10"


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**90), 10**90)
    | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(
        st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=4),
        inner, max_size=4,
    ),
    max_leaves=20,
)  # fmt: skip


@given(json_values, st.booleans())
def test_it_reads_whatever_the_standard_library_wrote(value: object, escaped: bool) -> None:
    assert read_json(json.dumps(value, ensure_ascii=escaped)) == value


@given(st.text(alphabet='{}[]",:\\u0d8fc1eE-.NIa \n\x00') | st.binary(max_size=40))
def test_any_text_is_read_or_refused(text: str | bytes) -> None:
    try:
        read_json(text)
    except JsonError:
        return


def test_reading_hostile_text_takes_no_longer_than_its_length() -> None:
    for text in ('["' + '\\"' * 500_000, '"' + "\\" * 999_999, "[" * 1_000_000, '"' * 999_999):
        began = time.process_time()
        with pytest.raises(JsonError):
            read_json(text)
        assert time.process_time() - began < 2

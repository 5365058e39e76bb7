"""How things are written on every page."""

import pytest

from enthesis.clinic.templatetags.words import sourced, with_calls

CALL = '<a href="tel:5550100">(555)\u00a00100</a>'


@pytest.mark.parametrize(
    ("text", "numbers", "shown"),
    [
        ("Call (555) 0100, please.", "(555) 0100", f"Call {CALL}, please."),
        ("Ill? Dial 911.", ["(555) 0100", "911"], 'Ill? Dial <a href="tel:911">911</a>.'),
        ("Of 9110 people, 1911", ["911"], "Of 9110 people, 1911"),
        ("<b> & (555) 0100", "(555) 0100", f"&lt;b&gt; &amp; {CALL}"),
        ("Call +1 555 22 ext. 7", "+1 555 22 ext. 7",
         'Call <a href="tel:+155522">+1\u00a0555\u00a022\u00a0ext.\u00a07</a>'),
        ("Call the desk", "the desk", "Call the desk"),
        ("Call us", "", "Call us"),
    ],
)  # fmt: skip
def test_a_telephone_number_in_a_text_can_be_tapped(
    text: str, numbers: str | list[str], shown: str
) -> None:
    assert with_calls(text, numbers) == shown


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        ("UNSOURCED", "Without a source"),
        ("Clinic's own (UNSOURCED): 5 vials", "Clinic's own (without a source): 5 vials"),
        ("https://example.org/a", "https://example.org/a"),
    ],
)  # fmt: skip
def test_a_number_of_nobodys_is_said_to_be_so_in_plain_words(source: str, shown: str) -> None:
    assert sourced(source) == shown

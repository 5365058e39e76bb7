"""A radio button or check box is written as Django writes it."""

import pytest
from django import forms
from django.test.html import parse_html

from enthesis.clinic.templatetags.words import box

pytestmark = pytest.mark.alike
CHOICES = [("0", "None"), ('"><b>', "With signs"), ("10", "Worst")]


class Asked(forms.Form):
    """One of each."""

    pain = forms.ChoiceField(choices=CHOICES, widget=forms.RadioSelect(attrs={"class": "wide"}))
    signs = forms.MultipleChoiceField(choices=CHOICES, widget=forms.CheckboxSelectMultiple)


@pytest.mark.parametrize("given", [None, {}, {"pain": "10", "signs": ["0", '"><b>']}])
@pytest.mark.parametrize("field", ["pain", "signs"])
def test_as_django_writes_it(field: str, given: dict[str, object] | None) -> None:
    boxes = list(Asked(given)[field])
    assert len(boxes) == 3
    for choice in boxes:
        assert parse_html(box(choice)) == parse_html(choice.tag())

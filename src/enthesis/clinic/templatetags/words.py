"""Filters that every template has: how things are written is decided in the core."""

import re
from collections.abc import Iterable
from decimal import Decimal

from django import template
from django.forms.boundfield import BoundWidget
from django.forms.utils import flatatt
from django.template.defaulttags import CsrfTokenNode
from django.utils.html import conditional_escape, format_html
from django.utils.safestring import SafeString

from enthesis import units
from enthesis.clinic.sending import KEY, new_key
from enthesis.units import Money

register = template.Library()


@register.simple_tag(takes_context=True)
def csrf_token(context: template.Context) -> SafeString:
    """In the place of Django's own: with the token the key by which the form is sent once, so that
    no form can forget it."""
    key = format_html('<input type="hidden" name="{}" value="{}">', KEY, new_key())
    return format_html("{}{}", CsrfTokenNode().render(context), key)


@register.simple_tag
def box(choice: BoundWidget) -> SafeString:
    """One radio button or check box, as Django writes it with two templates for each: a scale has
    eleven, and they took a third of a patient's page."""
    told = choice.data
    rest = flatatt(told["attrs"])
    return format_html(
        '<input type="{}" name="{}" value="{}"{}>', told["type"], told["name"], told["value"], rest
    )


@register.filter
def unbroken(text: str) -> str:
    """No line begins with a per cent sign; rules and decisions keep their text as written."""
    return text.replace(" %", "\u00a0%")


@register.filter
def sourced(source: str) -> str:
    """Where a number is from, without the word by which knowledge files mark one of nobody's."""
    words = source.replace("UNSOURCED", "without a source")
    return words[:1].upper() + words[1:] if source.startswith("UNSOURCED") else words


@register.filter
def dialled(phone: str) -> str:
    """What a telephone dials: the digits before any word, such as that of an extension."""
    return re.sub(r"[^+\d]", "", re.split(r"[^\W\d_]", phone)[0])


@register.filter
def with_calls(text: str, numbers: str | Iterable[str]) -> SafeString:
    """A text in which these telephone numbers can be tapped, and are not broken over a line."""
    told = [numbers] if isinstance(numbers, str) else numbers
    links: dict[str, str] = {
        str(conditional_escape(one)): format_html(
            '<a href="tel:{}">{}</a>', dialled(one), one.replace(" ", "\u00a0")
        )
        for one in sorted(told, key=len, reverse=True)
        if dialled(one)
    }
    found = "|".join(re.escape(one) for one in links) or "(?!)"
    return SafeString(
        re.sub(rf"(?<!\w)(?:{found})(?!\w)", lambda m: links[m[0]], conditional_escape(text))
    )


@register.filter
def money_words(amount: Money | Decimal, currency: str = "") -> str:
    """`bill.balance|money_words`, or `line.amount|money_words:invoice.currency` of a row."""
    return units.money_words(amount if isinstance(amount, Money) else Money(amount, currency))

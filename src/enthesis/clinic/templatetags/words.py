"""Filters that every template has: how things are written is decided in the core."""

from decimal import Decimal

from django import template

from enthesis import units
from enthesis.units import Money

register = template.Library()


@register.filter
def unbroken(text: str) -> str:
    """No line begins with a per cent sign; rules and decisions keep their text as written."""
    return text.replace(" %", "\u00a0%")


@register.filter
def money_words(amount: Money | Decimal, currency: str = "") -> str:
    """`bill.balance|money_words`, or `line.amount|money_words:invoice.currency` of a row."""
    return units.money_words(amount if isinstance(amount, Money) else Money(amount, currency))

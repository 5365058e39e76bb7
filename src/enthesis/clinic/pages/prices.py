"""Settings: what the clinic charges, item by item, each price with the day from which it holds."""

from datetime import date
from decimal import Decimal
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from enthesis.clinic import store
from enthesis.clinic.actions import prices as actions
from enthesis.clinic.models import Clinic, TariffPrice
from enthesis.clinic.pages import attempt
from enthesis.clinic.permissions import StaffRequest, page, rows_for
from enthesis.clinic.prices import tariff_of
from enthesis.journey.tariff import SESSION
from enthesis.knowledge.kinds import Knowledge
from enthesis.units import Money, money_words


class PriceForm(forms.Form):
    item = forms.ChoiceField(label="What")
    amount = forms.DecimalField(
        label="Price, or percent for a discount or tax",
        required=False,
        max_digits=10,
        decimal_places=3,
        help_text="Empty: no longer charged; for a session the default again.",
        widget=forms.TextInput({"inputmode": "decimal", "autocomplete": "off"}),
    )
    included = forms.IntegerField(
        label="Places in the price of the session",
        required=False,
        min_value=0,
        max_value=200,
        help_text="Only for places injected: so many before each further one is charged.",
    )
    starts_on = forms.DateField(
        label="From", widget=forms.DateInput({"type": "date"}), help_text="Today or later."
    )

    def __init__(self, data: Any, initial: dict[str, Any], known: Knowledge) -> None:
        super().__init__(data, initial=initial)
        items = [(SESSION, known.tariff[SESSION].text)]
        items += [(part.id, part.text) for part in known.tariff_parts.values()]
        self.fields["item"].choices = items  # type: ignore[attr-defined]


@require_http_methods(["GET", "POST"])
def prices(request: StaffRequest) -> HttpResponse:
    """The prices in force beside the shipped example, those to come, and the form for another."""
    today = store.today(request.clinic)
    known = store.known_for(request.clinic, today)
    data = request.POST if request.method == "POST" else None
    form = PriceForm(data, {"starts_on": today.isoformat(), "item": SESSION}, known)
    if form.is_bound and form.is_valid():
        typed = form.cleaned_data
        row = attempt(
            form,
            actions.set_price,
            request.user,
            typed["item"],
            typed["amount"],
            typed["starts_on"],
            typed["included"] or 0,
        )
        if row:
            messages.success(request, "The price was saved. Plans already agreed keep theirs.")
            return redirect("prices")
    entered = rows_for(request.user, TariffPrice).select_related("by").order_by("-starts_on", "-id")
    session = known.tariff[SESSION]
    context = {
        "form": form,
        "today": today,
        "clinic_currency": request.clinic.currency,
        "rows": _in_force(request.clinic, known, today),
        "session": session,
        "range": f"{money_words(session.low)} to {money_words(session.high)}"
        if session.low and session.high
        else "",
        "entered": [(row, _name(row.item, known), _amount(row, known)) for row in entered],
    }
    status = 422 if form.errors else 200
    return render(request, "clinic/settings/prices.html", context, status=status)


def _in_force(clinic: Clinic, known: Knowledge, today: date) -> list[dict[str, str]]:
    """Each item with what is charged today, what it is counted by, and where it is from."""
    tariff, session = tariff_of(clinic, today), known.tariff[SESSION]
    charged = money_words(tariff.session) if tariff else "no price yet"
    is_own = tariff is not None and tariff.session != session.usual
    rows = [
        {
            "name": session.text,
            "charged": charged,
            "about": "Clinic’s own price." if is_own else "The shipped example.",
            "source": session.source,
        }
    ]
    for part in known.tariff_parts.values():
        price = tariff.prices.get(part.id) if tariff else None
        percent = tariff.percents.get(part.id) if tariff else None
        told = "not charged" if part.per != "discount" else "not given"
        if price is not None:
            told = money_words(price)
            if part.counts and tariff:
                told += f", {tariff.included.get(part.id, 0)} included"
        elif percent is not None:
            told = _percent(percent)
        rows.append(
            {"name": part.text, "charged": told, "about": part.about, "source": part.source}
        )
    return rows


def _percent(of: Decimal) -> str:
    return f"{of.normalize():f} %"


def _name(item: str, known: Knowledge) -> str:
    return known.tariff[SESSION].text if item == SESSION else known.tariff_parts[item].text


def _amount(row: TariffPrice, known: Knowledge) -> str:
    if row.amount is None:
        return "ended"
    if row.item != SESSION and known.tariff_parts[row.item].unit == "percent":
        return _percent(row.amount)
    words = money_words(Money(row.amount, row.clinic.currency))
    return f"{words}, {row.included} included" if row.included else words


urlpatterns = [page("settings/prices/", prices, "prices")]

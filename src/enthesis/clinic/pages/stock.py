"""Stock: what is on hand and in date, receiving, wasting, counting, and putting back."""

from dataclasses import dataclass
from typing import Any, cast

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from enthesis.clinic import stock, store
from enthesis.clinic.actions import EditConflict
from enthesis.clinic.actions import stock as actions
from enthesis.clinic.models import Session, StockLot, StockProduct
from enthesis.clinic.pages import attempt, made_from
from enthesis.clinic.pages.patients import Day
from enthesis.clinic.permissions import (
    StaffRequest,
    get_for,
    may,
    page,
    rows_for,
)
from enthesis.clinic.sending import key_of
from enthesis.journey.stock import Lot, Standing, standing, usable_vials
from enthesis.knowledge.kinds import Knowledge

MOST_VIALS = 10_000


def _vials(label: str, least: int = 1) -> forms.IntegerField:
    """How many vials; a keypad on a phone."""
    return forms.IntegerField(
        label=label,
        min_value=least,
        max_value=MOST_VIALS,
        widget=forms.TextInput({"inputmode": "numeric", "autocomplete": "off"}),
    )


def _why(example: str) -> forms.CharField:
    return forms.CharField(label="Why", max_length=200, help_text=f"Such as: {example}.")


class ProductForm(forms.Form):
    substance = forms.ChoiceField(label="What is in the vial")
    percent = forms.DecimalField(
        label="Strength",
        required=False,
        min_value=0,
        max_value=100,
        max_digits=6,
        decimal_places=3,
        help_text="As printed on the vial. Empty for water and saline.",
    )
    vial_ml = forms.DecimalField(
        label="In one vial", min_value=0, max_value=1000, max_digits=7, decimal_places=2
    )
    low_vials = _vials("Warn me at", 0)

    def __init__(self, data: Any, known: Knowledge) -> None:
        super().__init__(data, initial={"low_vials": known.stock_rules.low_vials})
        named = [(one.id, one.name) for one in known.substances.values()]
        self.fields["substance"].choices = named  # type: ignore[attr-defined]


class KeepForm(forms.Form):
    low_vials = _vials("Warn me at", 0)
    is_kept = forms.BooleanField(
        label="Sessions take these vials out of stock",
        required=False,
        help_text="Without this, the lot is typed at each session again.",
    )
    version = forms.IntegerField(widget=forms.HiddenInput)


class ReceiveForm(forms.Form):
    product = forms.TypedChoiceField(label="Product", coerce=int)
    number = forms.CharField(
        label="Lot", max_length=40, widget=forms.TextInput({"autocomplete": "off"})
    )
    expires_on = forms.DateField(
        label="Expires on",
        widget=Day(),
        help_text="Where only a month is printed, its last day.",
    )
    vials = _vials("Vials")
    on = forms.DateField(label="Received on", widget=Day())

    def __init__(self, data: Any, initial: dict[str, Any], products: list[tuple[int, str]]) -> None:
        super().__init__(data, initial=initial)
        self.fields["product"].choices = products  # type: ignore[attr-defined]


class WasteForm(forms.Form):
    vials = _vials("Vials thrown away or sent back")
    reason = _why("dropped")


class CountForm(forms.Form):
    vials = _vials("Vials counted", 0)
    reason = _why("monthly count")


class ExpiryForm(forms.Form):
    expires_on = forms.DateField(label="Expires on", widget=Day())
    version = forms.IntegerField(widget=forms.HiddenInput)


class PutBackForm(forms.Form):
    lot = forms.TypedChoiceField(label="Lot", coerce=int, widget=forms.RadioSelect)
    vials = _vials("Vials put back")
    reason = _why("not opened")


@dataclass(frozen=True)
class Shelf:
    """One product with its lots, each with how it stands."""

    product: StockProduct
    words: str
    usable: int
    lots: list[tuple[Lot, Standing]]

    @property
    def is_low(self) -> bool:
        return self.product.is_kept and self.usable <= self.product.low_vials


@require_safe
def shelves(request: StaffRequest) -> HttpResponse:
    """Every product and lot on hand; `?all` also the lots that are used up."""
    today = store.today(request.clinic)
    known, lots = store.known_for(request.clinic, today), stock.lots_of(request.clinic)
    whole = "all" in request.GET
    rows = [
        Shelf(
            product,
            stock.product_words(product, known),
            usable_vials(own := stock.of_product(lots, product), today),
            [(lot, standing(lot, today, known.stock_rules)) for lot in own if lot.left or whole],
        )
        for product in rows_for(request.user, StockProduct)
    ]
    context = {
        "shelves": rows,
        "used_up": 0 if whole else sum(lot.left == 0 for lot in lots),
        "warnings": stock.warnings(request.clinic, today),
        "rules": known.stock_rules,
        "may_recall": may(request.user, "recall_lot"),
    }
    return render(request, "clinic/stock/stock.html", context)


def _form_page(request: StaffRequest, form: forms.Form, **context: Any) -> HttpResponse:
    status = 422 if form.errors else 409 if context.get("both") is not None else 200
    return render(request, "clinic/stock/form.html", {"form": form, **context}, status=status)


@require_http_methods(["GET", "POST"])
def add_product(request: StaffRequest) -> HttpResponse:
    """Begin to keep vials of something."""
    known = store.known_for(request.clinic, store.today(request.clinic))
    form = ProductForm(request.POST or None, known)
    if form.is_bound and form.is_valid():
        product = attempt(form, actions.add_product, request.user, **form.cleaned_data)
        if product:
            messages.success(request, f"{stock.product_words(product, known)} is kept from now on.")
            return redirect(f"/stock/receive/?product={product.pk}")
    return _form_page(
        request, form, title="Keep a product", button="Keep product", rules=known.stock_rules
    )


@require_http_methods(["GET", "POST"])
def change_product(request: StaffRequest, product_id: int) -> HttpResponse:
    """When to be told that it runs out, and whether it is kept at all."""
    product = get_for(request.user, StockProduct, product_id)
    known = store.known_for(request.clinic, store.today(request.clinic))
    initial = {name: getattr(product, name) for name in ("low_vials", "is_kept", "version")}
    form, both = KeepForm(request.POST or None, initial=initial), None
    if form.is_bound and form.is_valid():
        data = form.cleaned_data
        try:
            if attempt(
                form,
                actions.change_product,
                request.user,
                product.pk,
                data["low_vials"],
                data["is_kept"],
                data["version"],
            ):
                messages.success(request, "Saved.")
                return redirect("stock")
        except EditConflict as conflict:
            theirs = cast(StockProduct, conflict.theirs)
            values = {name: getattr(theirs, name) for name in ("low_vials", "is_kept")}
            both = made_from(form, theirs, **values)
    title = stock.product_words(product, known)
    return _form_page(request, form, title=title, button="Save", rules=known.stock_rules, both=both)


@require_http_methods(["GET", "POST"])
def receive(request: StaffRequest) -> HttpResponse:
    """Vials came."""
    today = store.today(request.clinic)
    known = store.known_for(request.clinic, today)
    products = [
        (row.pk, stock.product_words(row, known)) for row in rows_for(request.user, StockProduct)
    ]
    if not products:
        return redirect("add_stock_product")
    initial = {"on": today, "product": request.GET.get("product", "")}
    form = ReceiveForm(request.POST or None, initial, products)
    if form.is_bound and form.is_valid():
        data = form.cleaned_data
        lot = attempt(
            form,
            actions.receive,
            request.user,
            data["product"],
            data["number"],
            data["expires_on"],
            data["vials"],
            data["on"],
            today,
            key_of(request),
        )
        if lot:
            messages.success(request, f"{data['vials']} of lot {lot.number} received.")
            return redirect("stock")
    return _form_page(request, form, title="Receive vials", button="Receive vials")


@require_http_methods(["GET", "POST"])
def lot(request: StaffRequest, lot_id: int) -> HttpResponse:
    """One lot: what came and went, and the forms to waste, count, and mend its date."""
    row = get_for(request.user, StockLot, lot_id)
    today, do = store.today(request.clinic), request.POST.get("do", "")
    known = store.known_for(request.clinic, today)
    held = stock.lots_of(request.clinic, [row])[0]
    asked = {
        "waste": WasteForm(request.POST if do == "waste" else None, prefix="waste"),
        "count": CountForm(request.POST if do == "count" else None, prefix="count"),
        "expiry": ExpiryForm(
            request.POST if do == "expiry" else None,
            prefix="expiry",
            initial={"expires_on": row.expires_on, "version": row.version},
        ),
    }
    form, both = asked.get(do), None
    if form is not None and form.is_valid():
        data, by = form.cleaned_data, request.user
        done: object
        if do == "waste":
            done = attempt(form, actions.waste, by, row.pk, data["vials"], data["reason"], today)
        elif do == "count":
            done = attempt(form, actions.count, by, row.pk, data["vials"], data["reason"], today)
        else:
            try:
                date, seen = data["expires_on"], data["version"]
                done = attempt(form, actions.correct_expiry, by, row.pk, date, seen)
            except EditConflict as conflict:
                theirs, done = cast(StockLot, conflict.theirs), None
                both = made_from(form, theirs, expires_on=theirs.expires_on)
        if done is not None:
            messages.success(request, f"Lot {row.number} is up to date.")
            return redirect("stock_lot", row.pk)
    context = {
        "lot": held,
        "standing": standing(held, today, known.stock_rules),
        "product": row.product,
        "words": stock.product_words(row.product, known),
        "movements": row.movements.select_related("by", "session__course__patient").order_by(
            "-number"
        ),
        "form": form,
        "both": both,
        **{f"{name}_form": one for name, one in asked.items()},
        "may_recall": may(request.user, "recall_lot"),
        "is_clinical": may(request.user, "put_back_stock"),
    }
    status = 422 if form is not None and form.errors else 200 if both is None else 409
    return render(request, "clinic/stock/lot.html", context, status=status)


@require_http_methods(["GET", "POST"])
def put_back(request: StaffRequest, session_id: int) -> HttpResponse:
    """Vials that a signed session took and did not open go back into stock."""
    row = get_for(request.user, Session, session_id)
    lots = StockLot.objects.filter(movements__session=row).distinct()
    if not lots:
        messages.error(request, "This session took nothing out of stock.")
        return redirect("session", row.pk)
    form = PutBackForm(request.POST or None)
    form.fields["lot"].choices = [  # type: ignore[attr-defined]
        (lot.pk, lot.number) for lot in lots
    ]
    if form.is_bound and form.is_valid():
        data = form.cleaned_data
        today = store.today(request.clinic)
        args = (row.pk, data["lot"], data["vials"], data["reason"], today)
        if attempt(form, actions.put_back, request.user, *args):
            messages.success(request, "Put back into stock.")
            return redirect("session", row.pk)
    title = f"Put vials of session {row.number} back"
    return _form_page(request, form, title=title, button="Put back", session=row)


urlpatterns = [
    page("stock/", shelves, "stock"),
    page("stock/products/add/", add_product, "add_stock_product"),
    page("stock/products/<int:product_id>/", change_product, "stock_product"),
    page("stock/receive/", receive, "receive_stock"),
    page("stock/lots/<int:lot_id>/", lot, "stock_lot"),
    page("sessions/<int:session_id>/put-back/", put_back, "put_back_stock"),
]

"""Payment by card: from the patient's statement to the gateway's page and back, the gateway's
message that money came, and what the desk has to look at.

Coming back proves nothing: only the gateway's signed message enters a payment.
"""

import logging

from django import forms
from django.conf import settings
from django.contrib import messages
from django.core.signing import BadSignature
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone, translation
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from enthesis.clinic import cards, errors, ledger, store
from enthesis.clinic.actions import answer as links
from enthesis.clinic.actions import card as actions
from enthesis.clinic.models import AnswerLink, CardProblem, Invoice, Patient
from enthesis.clinic.pages import attempt
from enthesis.clinic.pages.answer import speak, statement_page
from enthesis.clinic.pages.second_fact import is_known
from enthesis.clinic.permissions import StaffRequest, get_for, page, public_page
from enthesis.exchange.cards import ForgedError, Gateway, UnreadableError

log = logging.getLogger("enthesis.cards")
MOST_BYTES = 256 * 1024
"""Far above any message that a gateway sends of one payment."""
CAME_FROM = f"{settings.COOKIE_PREFIX}statement"
PAGE_SECONDS = 24 * 60 * 60


@require_http_methods(["GET", "HEAD", "POST"])
def pay_by_card(request: HttpRequest, token: str, number: int) -> HttpResponse:
    """To the gateway's page for one invoice, or back to the statement with the reason."""
    link = links.find_link(token or "", timezone.now())
    card = cards.gateway()
    if link is None or link.questionnaire != links.STATEMENT or card is None:
        return errors.gone(request)
    if request.method != "POST" or not is_known(request, link.course.patient):
        return redirect("answer", token)
    with translation.override(speak(request, link)):
        return _to_page(request, token, link, number, card)


def _to_page(
    request: HttpRequest, token: str, link: AnswerLink, number: int, card: Gateway
) -> HttpResponse:
    clinic = link.course.patient.clinic
    today, language = store.today(clinic), translation.get_language()
    rows = link.course.invoices.filter(number=number).prefetch_related("lines", "entries")
    bills = [ledger.bill_of(row, today) for row in rows]
    # Paid meanwhile, or no invoice of this course: the statement says how it stands.
    for invoice, amount in cards.to_pay(bills, clinic, today):
        typed = request.POST.get("attempt", "")[:6]
        tried = int(typed) if typed.isascii() and typed.isdigit() else 0
        host = settings.PUBLIC_ADDRESS or request.build_absolute_uri("/")[:-1]
        back = tuple(
            host + reverse(name, args=[language]) for name in ("card_paid", "card_not_paid")
        )
        try:
            url = cards.page_for(card, invoice, amount, today, tried, (back[0], back[1]), language)
        except cards.NotNow as no:
            context = {"card_failed": True, "attempt": tried if no.again else tried + 1}
            return statement_page(request, token, link, language, context, status=503)
        response: HttpResponse = redirect(url)
        # The gateway is not told the personal link; this browser remembers it.
        response.set_signed_cookie(
            CAME_FROM, token, max_age=PAGE_SECONDS, httponly=True, samesite="Lax",
            secure=settings.HTTPS,
        )  # fmt: skip
        return response
    return redirect("answer", token)


@require_http_methods(["GET", "HEAD", "POST"])
def card_paid(request: HttpRequest, language: str) -> HttpResponse:
    """The patient comes back from the gateway's page, having paid."""
    return _back(request, language, "card_paid")


@require_http_methods(["GET", "HEAD", "POST"])
def card_not_paid(request: HttpRequest, language: str) -> HttpResponse:
    """The patient comes back without having paid."""
    return _back(request, language, "card_not_paid")


def _back(request: HttpRequest, language: str, name: str) -> HttpResponse:
    if language not in Patient.Language.values:
        return errors.gone(request)
    if request.method == "POST":  # the other language
        return redirect(name, language)
    try:
        token = request.get_signed_cookie(CAME_FROM, default="", max_age=PAGE_SECONDS) or ""
    except BadSignature:
        token = ""
    others = [
        (code, own, reverse(name, args=[code]))
        for code, own in Patient.Language.choices
        if code != language
    ]
    link = links.find_link(token or "", timezone.now())
    context = {
        "paid": name == "card_paid",
        "others": others,
        "token": token if link else "",
        "clinic_name": link.course.patient.clinic.name if link else "",
    }
    with translation.override(language):
        return render(request, "clinic/pay/card_back.html", context)


@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
def card_message(request: HttpRequest) -> HttpResponse:
    """The gateway's word that money came. Anything but 200 makes it say it again later."""
    card = cards.gateway()
    if card is None or request.method != "POST":
        return HttpResponse("There is nothing here.\n", status=404, content_type="text/plain")
    if not 0 < _length(request) <= MOST_BYTES:
        return _said(413, "The message is empty or too long.")
    try:
        paid = cards.paid(card, request.headers, request.body)
    except ForgedError as error:
        return _said(400, f"The message is not signed by the gateway: {error}")
    except UnreadableError as error:
        return _said(422, f"The message cannot be read: {error}")
    if paid is None:
        return _said(200, "")
    asked = cards.read_reference(paid.reference)
    if asked is None:
        return _said(422, f"Payment {paid.payment} was asked for by another installation.")
    try:
        actions.keep_payment(paid, asked)
    except Invoice.DoesNotExist:
        return _said(422, f"Payment {paid.payment} is for an invoice that is not here.")
    return _said(200, "")


def _length(request: HttpRequest) -> int:
    given = request.META.get("CONTENT_LENGTH") or ""
    return int(given) if given.isascii() and given.isdigit() and len(given) < 16 else 0


def _said(status: int, why: str) -> HttpResponse:
    if why:
        log.warning("A message of the card gateway was not taken: %s", why)
    return HttpResponse(f"{why or 'Taken.'}\n", status=status, content_type="text/plain")


class SettleForm(forms.Form):
    note = forms.CharField(label="What was done", max_length=300)


@require_http_methods(["GET", "HEAD", "POST"])
def card_problem(request: StaffRequest, problem_id: int) -> HttpResponse:
    """A payment that could not be entered, and what the desk did about it."""
    problem = get_for(request.user, CardProblem, problem_id)
    form = SettleForm(request.POST if request.method == "POST" else None)
    if form.is_bound and form.is_valid():
        note = form.cleaned_data["note"]
        if attempt(form, actions.settle_problem, request.user, problem.pk, note):
            messages.success(request, "Settled.")
            return redirect("money")
    context = {"problem": problem, "form": form}
    status = 422 if form.errors else 200
    return render(request, "clinic/pay/card_problem.html", context, status=status)


urlpatterns = [
    public_page("a/<str:token>/card/<int:number>/", pay_by_card, "pay_by_card"),
    public_page("card/paid/<str:language>/", card_paid, "card_paid"),
    public_page("card/not-paid/<str:language>/", card_not_paid, "card_not_paid"),
    public_page("card/message/", card_message, "card_message"),
    page("money/card/<int:problem_id>/", card_problem, "card_problem"),
]

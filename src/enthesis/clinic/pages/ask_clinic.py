"""A question to the clinic by anybody: no sign-in, no cookie, no script, nothing of a record.

The proof in the form takes the place of the usual token against forged forms (see proof.py).
"""

from typing import Any

from django import forms
from django.conf import settings
from django.core.validators import MaxLengthValidator, RegexValidator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import translation
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from enthesis.clinic import enquiries, errors, proof, store
from enthesis.clinic.actions import enquiry as actions
from enthesis.clinic.models import Clinic
from enthesis.clinic.pages import attempt, clinic_at
from enthesis.clinic.pages.choose import shell_of, shown_in
from enthesis.clinic.permissions import public_page
from enthesis.journey.lines import ENGLISH

ONE_LINE = r"[\x00-\x1f\x7f-\x9f\u2028\u2029]"


class EnquiryForm(forms.Form):
    """What is asked. `homepage` is seen by no human and filled by many machines."""

    name = forms.CharField(max_length=100, widget=forms.TextInput({"autocomplete": "name"}))
    email = forms.EmailField(widget=forms.EmailInput({"autocomplete": "email"}))
    question = forms.CharField(widget=forms.Textarea({"rows": 6}))
    may_publish = forms.BooleanField(required=False)
    homepage = forms.CharField(
        required=False, widget=forms.TextInput({"tabindex": "-1", "autocomplete": "off"})
    )

    def __init__(self, say: dict[str, str], most: int, data: Any = None) -> None:
        super().__init__(data, label_suffix="")
        self.say = say
        for id, field in self.fields.items():
            field.label = say.get(id, say["trap"])
            field.help_text = say.get(f"{id}_help", "")
        for id in ("name", "email"):
            # In quotes an address may hold what ends a line; no mail could be made to such a one.
            on_one_line = RegexValidator(ONE_LINE, say[f"wrong_{id}"], inverse_match=True)
            self.fields[id].validators.append(on_one_line)
        # Not the field's own: a browser would cut what is pasted, and say nothing.
        self.fields["question"].validators.append(MaxLengthValidator(most))

    def clean(self) -> dict[str, Any]:
        """Refuses who filled in what must stay empty, and empties it."""
        data = super().clean() or {}
        if data.pop("homepage", ""):
            self.data = self.data.copy()  # type: ignore[attr-defined]
            self.data["homepage"] = ""  # type: ignore[index]
            raise forms.ValidationError(self.say["wrong_trap"])
        return data


@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
def ask_clinic(request: HttpRequest, clinic_id: int, language: str = ENGLISH) -> HttpResponse:
    """The form, and the questions that were published; `?sent` when one was sent."""
    clinic = _asked(clinic_id)
    rules = store.known_for(clinic, store.today(clinic)).enquiry_rules
    say = enquiries.say(clinic, language)
    sent = request.POST if request.method == "POST" else None
    form = EnquiryForm(say, rules.question_characters, sent)
    if form.is_valid():
        asked = actions.Asked(**form.cleaned_data, language=language)
        given = request.POST.get("proof", ""), _address(request)
        if attempt(form, actions.ask_question, clinic, asked, *given):
            return redirect(f"{request.path}?sent")
    context = shell_of("ask_clinic", clinic, [clinic.pk], language) | {
        "say": say,
        "form": form,
        "proof": proof.new_proof(clinic),
        "sent": "sent" in request.GET,
        "published": [
            (fact, enquiries.day_words(clinic, fact.at, language))
            for fact in enquiries.shown(clinic, language)
        ],
    }
    status = 422 if form.errors else 200
    return shown_in(request, "clinic/enquiries/ask.html", context, language, status)


def _asked(clinic_id: int) -> Clinic:
    clinic = clinic_at(clinic_id)
    if clinic is None or not clinic.takes_questions:
        raise Http404(f"questions to clinic {clinic_id}")
    return clinic


def _address(request: HttpRequest) -> str:
    """Where the request came from: behind the server that ends TLS, what that one says last."""
    own: str = request.META.get("REMOTE_ADDR", "")
    if not settings.HTTPS:
        return own
    return request.headers.get("X-Forwarded-For", own).rpartition(",")[2].strip()


@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
def asked(request: HttpRequest, token: str) -> HttpResponse:
    """The asker takes back that a question may be published. Looking changes nothing; the address
    is the right to post, and all it can do is this."""
    row = enquiries.of_token(token)
    if row is None:
        return errors.gone(request)
    if request.method == "POST":
        actions.withdraw_agreement(row.pk)
        return redirect(request.path)
    agrees = enquiries.followed(row).standing.asker_agrees
    say = enquiries.say(row.clinic, row.language)
    state = "back" if agrees else "gone"
    context = {
        "clinic_name": row.clinic.name,
        "title": say[f"{state}_title"],
        "words": say[f"{state}_text"],
        "button": say["back_button"] if agrees else "",
    }
    with translation.override(row.language):
        return render(request, "clinic/enquiries/take_back.html", context)


urlpatterns = [
    public_page("ask/<int:clinic_id>/", ask_clinic, "ask_clinic"),
    public_page("ask/<int:clinic_id>/<another_language:language>/", ask_clinic, "ask_clinic_in"),
    public_page("asked/<str:token>/", asked, "asked"),
]

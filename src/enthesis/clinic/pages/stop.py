"""No more messages: the address at the end of every message. One tap, and one to take it back.

Looking changes nothing, because mail programs look by themselves. The address itself is the right
to post (so that the button of a mail program works, RFC 8058), and all it can do is this.
"""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import translation
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from enthesis.clinic import errors, languages, store
from enthesis.clinic.actions import outbox
from enthesis.clinic.models import ContactChoice
from enthesis.clinic.permissions import public_page

MESSAGES = ContactChoice.Way.MESSAGES


@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
def stop(request: HttpRequest, token: str) -> HttpResponse:
    """Stop messages, or take it back."""
    patient = outbox.patient_of_stop(token)
    if patient is None:
        return errors.gone(request)
    wanted = outbox.wants(patient, MESSAGES)
    if request.method == "POST" and wanted is not ("undo" in request.POST):
        wanted = outbox.choose_contact(patient, MESSAGES, "undo" in request.POST).wanted
    clinic, language = patient.clinic, languages.likely(request, patient.language)
    text = store.known_for(clinic, store.today(clinic)).message_texts[language]
    context = {
        "clinic_name": clinic.name,
        "phone": clinic.phone,
        "text": text,
        "wanted": wanted,
        "title": text.stop_title if wanted else text.stopped_title,
        "words": (text.stop_text if wanted else text.stopped_text).format(
            clinic=clinic.name, phone=clinic.phone
        ),
    }
    with translation.override(language):
        return render(request, "clinic/answer/stop.html", context)


urlpatterns = [public_page("stop/<str:token>/", stop, "stop")]

"""The images of a session: a form of its own, so that nothing typed elsewhere is lost by it."""

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.http import content_disposition_header
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from enthesis.clinic import store
from enthesis.clinic.actions import Refused
from enthesis.clinic.actions import images as actions
from enthesis.clinic.models import KeptFile, Session, SessionImage, User
from enthesis.clinic.pages import attempt
from enthesis.clinic.pages.session_signed import heading, image_rows
from enthesis.clinic.permissions import StaffRequest, get_for, page
from enthesis.clinic.uploads import Kind
from enthesis.knowledge.kinds import Knowledge

# Whatever a file should turn out to be, nothing in it runs and nothing frames it.
SHUT_IN = "default-src 'none'; sandbox; frame-ancestors 'none'"


class ImageForm(forms.Form):
    """One file, the place that it shows, and for a signed session why it comes late."""

    file = forms.FileField(
        label="File",
        allow_empty_file=True,  # said in our own words, by uploads.checked
        max_length=None,
        error_messages={"required": "Choose a file."},
        widget=forms.FileInput({"accept": ",".join(Kind)}),
    )
    place = forms.ChoiceField(label="What it shows", required=False)
    because = forms.CharField(
        label="Why it is added now",
        max_length=500,
        help_text="Stands in the record as an amendment, with your name and the time.",
    )

    def __init__(self, session: Session, known: Knowledge, *data: Any) -> None:
        super().__init__(*data)
        places = [
            (f"{row.site}:{row.side}", f"{known.sites[row.site].name}, {row.side}")
            for row in session.sites.all()
        ]
        self.fields["place"].choices = [("", "The whole session"), *places]  # type: ignore[attr-defined]
        if session.signed_at is None:
            del self.fields["because"]


@require_http_methods(["GET", "POST"])
def session_images(request: StaffRequest, session_id: int) -> HttpResponse:
    """What is attached, and one more file."""
    row = get_for(request.user, Session, session_id)
    today = store.today(request.clinic)
    known = store.known_for(request.clinic, today)
    data = (request.POST, request.FILES) if request.method == "POST" else ()
    form = ImageForm(row, known, *data)
    if form.is_bound and form.is_valid():
        told = form.cleaned_data
        site, _, side = told["place"].partition(":")
        given = told["file"]
        because = told.get("because", "")
        image = attempt(
            form,
            actions.attach_image,
            *(request.user, row.pk, given.name, given.read(), today, (site, side), because),
        )
        if image:
            messages.success(request, f"{image.name} was attached.")
            return redirect("session_images", row.pk)
    context = {
        **heading(request, row, known),
        "form": form,
        "images": image_rows(row, known),
        "removed": row.images.exclude(removed_at=None).select_related("removed_by"),
        "rules": known.upload_rules,
        "most_mb": known.upload_rules.bytes_most // 1_000_000,
    }
    status = 422 if form.errors else 200
    return render(request, "clinic/treat/images.html", context, status=status)


@require_POST
def remove_image(request: StaffRequest, image_id: int) -> HttpResponse:
    """Take one off a draft, with a reason."""
    image = get_for(request.user, SessionImage, image_id)
    take_off(request, actions.remove_image, image)
    return redirect("session_images", image.session_id)


def take_off(
    request: StaffRequest, remove: Callable[[User, int, str], KeptFile], row: KeptFile
) -> None:
    """Remove a file for the reason that was typed, and say so, or say why not."""
    because = request.POST.get("because", "").strip()[:300]
    try:
        remove(request.user, row.pk, because)
    except Refused as refused:
        messages.error(request, refused.message)
    else:
        messages.success(request, f"{row.name} was removed.")


@require_safe
def image(request: StaffRequest, image_id: int) -> HttpResponse:
    """One file to look at outside the browser: never shown as a page of ours."""
    return download(actions.read_image, request.user, image_id)


def download(
    read: Callable[[User, int], tuple[KeptFile, bytes]], user: User, id: int
) -> HttpResponse:
    """What was kept, as a file; or in words why there is none."""
    try:
        row, data = read(user, id)
    except Refused as refused:
        words = "text/plain; charset=utf-8"
        return HttpResponse(refused.message, status=409, content_type=words)
    return HttpResponse(
        data,
        content_type=row.content_type,
        headers={
            "Content-Disposition": content_disposition_header(True, row.name) or "attachment",
            "Content-Security-Policy": SHUT_IN,
            "Cross-Origin-Resource-Policy": "same-origin",
            "X-Content-Type-Options": "nosniff",
        },
    )


urlpatterns = [
    page("sessions/<int:session_id>/images/", session_images, "session_images"),
    page("images/<int:image_id>/", image, "image"),
    page("images/<int:image_id>/remove/", remove_image, "remove_image"),
]

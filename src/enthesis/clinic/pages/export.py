"""Everything taken out as one file, or a de-identified cut: for administrators."""

from pathlib import Path
from tempfile import TemporaryDirectory

from django import forms
from django.conf import settings
from django.http import FileResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from enthesis.clinic import store, tables
from enthesis.clinic.actions.export import export_clinic
from enthesis.clinic.package import EXPORT
from enthesis.clinic.pages import attempt
from enthesis.clinic.permissions import StaffRequest, page

AS = [("csv", "CSV, for spreadsheets"), ("parquet", "Parquet, for statistics programs")]


class ExportForm(forms.Form):
    what = forms.ChoiceField(
        label="What",
        choices=[
            ("all", "Everything, with names"),
            ("research", "A cut for research, without names"),
        ],
        widget=forms.RadioSelect,
    )
    form = forms.ChoiceField(
        label="As",
        choices=AS,
        initial="csv",
        widget=forms.RadioSelect,
    )


@require_http_methods(["GET", "POST"])
def take_out(request: StaffRequest) -> HttpResponseBase:
    """What each of both holds, in words; and the file itself."""
    form = ExportForm(request.POST if request.method == "POST" else None)
    if form.is_bound and form.is_valid():
        answer = made(request, form, form.cleaned_data["what"], form.cleaned_data["form"])
        if answer:
            return answer
    known = store.known_for(request.clinic, store.today(request.clinic))
    context = {
        "form": form,
        "tables": sorted(map(tables.table_of, tables.exported()), key=lambda table: table.name),
        "withheld": len(tables.WITHHELD),
        "rules": known.research,
        "k": known.publishing.smallest_count,
        "k_source": known.publishing.source,
    }
    status = 422 if form.errors else 200
    return render(request, "clinic/settings/export.html", context, status=status)


def made(
    request: StaffRequest, form: forms.Form, what: str, written: str
) -> HttpResponseBase | None:
    """The ZIP as it is sent; None where it was refused, and the form says why."""
    action = export_clinic
    if what == "research":
        # It reads with Arrow, which takes a second to import: not while the server starts.
        from enthesis.clinic.actions.research import export_research

        action = export_research  # type: ignore[assignment]
    name = f"clinic-{timezone.localdate()}.zip" if what == "all" else "research.zip"
    # Never in the machine's own temporary folder: it names patients.
    with TemporaryDirectory(dir=Path(settings.DATA), prefix=EXPORT) as folder:
        target = Path(folder) / name
        if attempt(form, action, request.user, request.clinic, target, written) is None:
            return None
        # Open, it is sent to its end though its name is gone from the disk.
        return FileResponse(target.open("rb"), as_attachment=True, filename=name)


urlpatterns = [page("settings/take-out/", take_out, "settings_take_out")]

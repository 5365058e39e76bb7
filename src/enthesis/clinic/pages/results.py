"""What a clinic has published of its results: open to everybody, no sign-in, no cookie, no script.

The page reads one row and asks nobody: it shows what was published, as it was on that day.
"""

import csv
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from enthesis.clinic import errors, outcomes, store
from enthesis.clinic.actions.publish import published
from enthesis.clinic.models import PublishedResults
from enthesis.clinic.pages import clinic_at
from enthesis.clinic.permissions import public_page
from enthesis.exchange.cells import cell
from enthesis.knowledge.load import knowledge


@require_safe
def results(request: HttpRequest, clinic_id: int) -> HttpResponse:
    """The published report, failures included."""
    row = _published(clinic_id)
    if row is None:
        return errors.nothing_published(request)
    context = {
        "row": row,
        "published_on": store.day_of(row.clinic, row.at),
        "content": row.content,
        "sections": labelled(row.content),
        "clinic_id": clinic_id,
        "public_name": outcomes.name_of(row.clinic),
        "limit": row.content["suppressed_below"],
        "limit_source": knowledge(row.day).publishing.source,
    }
    return render(request, "clinic/results/results.html", context)


@require_safe
def results_csv(request: HttpRequest, clinic_id: int, section: str) -> HttpResponse:
    """The numbers of one section as they were published."""
    row = _published(clinic_id)
    if row is None:
        return errors.nothing_published(request)
    told = next((s for s in row.content["sections"] if s["id"] == section and s["head"]), None)
    if told is None:
        raise Http404(f"numbers of {section}")
    response = HttpResponse(content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="results-{section}.csv"'
    _write(response, row, told)
    return response


def labelled(content: dict[str, Any]) -> list[dict[str, Any]]:
    """The sections with tables whose cells know their heading: on phones each row is a card."""
    return [
        one
        | {"labelled": [(row[0], list(zip(one["head"][1:], row[1:], strict=True)))
                        for row in one["rows"]]}
        for one in content["sections"]
    ]  # fmt: skip


def _write(response: HttpResponse, row: PublishedResults, told: dict[str, Any]) -> None:
    writer = csv.writer(response, lineterminator="\n")
    writer.writerow([f"# {told['finding']}. {told['source']} cut {row.cut[:12]}"])
    # What a row is about may be the name of a protocol of the clinic's own.
    writer.writerows([told["head"], *([cell(about), *rest] for about, *rest in told["rows"])])


def _published(clinic_id: int) -> PublishedResults | None:
    clinic = clinic_at(clinic_id)
    return published(clinic) if clinic else None


urlpatterns = [
    public_page("results/<int:clinic_id>/", results, "results"),
    public_page("results/<int:clinic_id>/<slug:section>.csv", results_csv, "results_csv"),
]

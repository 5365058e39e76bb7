"""Outcomes: the clinic's own report of today, its quarters on paper, and what it publishes."""

from functools import wraps
from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from enthesis.clinic import outcomes, store
from enthesis.clinic.actions import Refused
from enthesis.clinic.actions import publish as actions
from enthesis.clinic.pages.results import labelled
from enthesis.clinic.permissions import StaffRequest, View, may, page
from enthesis.exchange.cells import cell

if TYPE_CHECKING:
    from enthesis.outcomes.report import Report, Section

QUARTERS = 5
OPEN = ("flow", "relief")
"""The sections that are not folded: everything else rests on them."""
AGAIN_SECONDS = "2"
CANNOT_WAIT = 503


def says_why_not(view: View) -> View:
    """Where the registry cannot be brought up to date or read, or not yet, a page that says so."""

    @wraps(view)
    def shown(request: StaffRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        try:
            return view(request, *args, **kwargs)
        except outcomes_missing() as broken:
            context = {"problem": broken}
            return render(request, "clinic/outcomes/broken.html", context, status=CANNOT_WAIT)
        except outcomes.OthersFirst:
            return _at_work(request, None)

    return shown


@require_safe
@says_why_not
def show(request: StaffRequest) -> HttpResponse:
    """The report of today, of all courses or of one condition (`?condition=`); `?delta=` asks how
    bad the silent must be."""
    fresh = up_to_date_or_page(request, or_last=True)
    if isinstance(fresh, HttpResponse):
        return fresh
    from enthesis.outcomes.errors import FitError
    from enthesis.outcomes.report import CANNOT, READ_FIRST

    clinic, condition = request.clinic, request.GET.get("condition", "")
    counts = outcomes.conditions_of(clinic)
    if condition and condition not in counts:
        raise Http404(f"outcomes of {condition}")
    today = store.today(clinic)
    last_at = outcomes.last_at() if isinstance(fresh, outcomes.AtWork) else None
    shown_day = last_at.date() if last_at else today
    context: dict[str, Any] = {
        "cannot": CANNOT,
        "read_first": READ_FIRST,
        "published": actions.published(clinic),
        "may_publish": may(request.user, "publish_outcomes"),
        "quarters": list(outcomes.quarters(clinic, today, QUARTERS)),
        "condition": condition,
        "conditions": _conditions(request, counts, condition),
        "courses": counts[condition] if condition else sum(counts.values()),
        "fresh": fresh,
        "last_at": last_at,
        "today": today,
        "shown_day": shown_day,
    }
    try:
        report = None
        if counts:
            report = outcomes.report_today(clinic, condition, day=shown_day, or_last=True)
    except FitError as nothing:
        context["problems"], report = nothing.problems, None
    if report:
        context |= {"report": report, "origin": report.origin.words()}
        context["sections"] = [_section(one, request.GET) for one in report.sections]
    return render(request, "clinic/outcomes/outcomes.html", context)


@require_safe
@says_why_not
def section_csv(request: StaffRequest, section: str) -> HttpResponse:
    """The numbers of one section."""
    from enthesis.outcomes.page import as_csv

    fresh = up_to_date_or_page(request)
    if isinstance(fresh, HttpResponse):
        return fresh
    report = _report_or_404(request)
    found = next((one for one in report.sections if one.id == section and one.table), None)
    if found is None:
        raise Http404(f"numbers of {section}")
    name = "-".join(filter(None, (request.GET.get("condition", ""), section)))
    return download(as_csv(report, found, cell), "text/csv; charset=utf-8", f"{name}.csv")


@require_safe
def quarter(request: StaffRequest, year: int, number: int) -> HttpResponse:
    """All courses as they stood at the end of a quarter, on paper."""
    from enthesis.outcomes.errors import FitError

    clinic = request.clinic
    every = outcomes.quarters(clinic, store.today(clinic), -1)
    wanted = next((one for one in every if (one.year, one.number) == (year, number)), None)
    if wanted is None:
        raise Http404(f"quarter {year}-Q{number}")
    try:
        printed = outcomes.quarter_pdf(clinic, wanted)
    except FitError as nothing:
        messages.error(request, f"{wanted}: {' '.join(nothing.problems)}")
        return redirect("outcomes")
    return download(printed, "application/pdf", f"outcomes-{wanted}.pdf")


@require_http_methods(["GET", "HEAD", "POST"])
@says_why_not
def publish(request: StaffRequest) -> HttpResponse:
    """What everybody would see, to be looked at first; then it is published as it was seen."""
    from enthesis.outcomes.errors import FitError

    fresh = up_to_date_or_page(request)
    if isinstance(fresh, HttpResponse):
        return fresh
    try:
        report = outcomes.report_today(request.clinic, for_the_public=True)
    except (FitError, outcomes_missing()) as nothing:
        messages.error(request, f"Nothing can be published yet. {nothing}")
        return redirect("outcomes")
    seen = f"{report.origin.cut} {report.day}"
    if request.method == "POST":
        if request.POST.get("seen") == seen:
            actions.publish_results(request.user, report)
            messages.success(request, "The results were published.")
            return redirect("outcomes")
        messages.error(
            request, "The records have moved on since you looked. Look again, then publish."
        )
    content = actions.content_of(report)
    context = {
        "content": content,
        "sections": labelled(content),
        "seen": seen,
        "clinic_id": request.clinic.pk,
        "limit": report.suppressed_below,
    }
    return render(request, "clinic/outcomes/publish.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def withdraw(request: StaffRequest) -> HttpResponse:
    """Show the public nothing any more, once it was asked what that means."""
    shown = actions.published(request.clinic)
    if request.method != "POST" and shown is not None:
        return render(request, "clinic/outcomes/withdraw.html", {"published": shown})
    if request.method != "POST":
        messages.error(request, "Nothing is published.")
        return redirect("outcomes")
    try:
        actions.withdraw_results(request.user)
        messages.success(request, "The results were withdrawn: the public page is gone.")
    except Refused as refused:
        messages.error(request, refused.message)
    return redirect("outcomes")


def outcomes_missing() -> type[Exception]:
    """What says that there is no registry, or an empty one."""
    from enthesis.outcomes.registry import RegistryError

    return RegistryError


def up_to_date_or_page(
    request: StaffRequest, *, or_last: bool = False
) -> outcomes.UpToDate | outcomes.AtWork | HttpResponse:
    """The registry up to date; or the page to answer with: how far that is.

    `or_last`: while it is worked at, how far that is, where an older state can be shown meanwhile.
    """
    fresh = outcomes.bring_up_to_date(or_last)
    if isinstance(fresh, outcomes.UpToDate) or (or_last and outcomes.last_at()):
        return fresh
    return _at_work(request, fresh)


def _at_work(request: StaffRequest, work: outcomes.AtWork | None) -> HttpResponse:
    response = render(request, "clinic/outcomes/at_work.html", {"work": work})
    # A header and not a script: the page looks again by itself in every browser.
    response["Refresh"] = AGAIN_SECONDS
    return response


def _report_or_404(request: StaffRequest) -> "Report":
    from enthesis.outcomes.errors import FitError

    condition = request.GET.get("condition", "")
    counts = outcomes.conditions_of(request.clinic)
    if not counts or (condition and condition not in counts):
        raise Http404(f"outcomes of {condition or 'nobody'}")
    try:
        return outcomes.report_today(request.clinic, condition)
    except FitError as nothing:
        raise Http404(str(nothing)) from nothing


def _conditions(
    request: StaffRequest, counts: dict[str, int], chosen: str
) -> list[tuple[str, str, bool]]:
    """(words, address, is the one shown), all courses first."""
    known = store.known_for(request.clinic, store.today(request.clinic)).conditions
    here = reverse("outcomes")
    links = [(f"All ({sum(counts.values())})", here, not chosen)]
    for id, courses in counts.items():
        name = known[id].name if id in known else id
        links.append((f"{name} ({courses})", f"{here}?condition={id}", id == chosen))
    return links


def _section(one: "Section", asked: Any) -> dict[str, Any]:
    """What the page shows of one section; of the silent with the numbers for one delta."""
    from enthesis.outcomes.page import table_html
    from enthesis.outcomes.sections.silent import CONCLUSION, marked

    shown: dict[str, Any] = {"told": one, "figure": one.figure}
    shown |= {"table": table_html(one.table) if one.table else ""}
    if one.id == "silent" and one.table:
        told = slider(one.table.head, one.table.rows, asked.get("delta", ""))
        shown |= {"slider": told, "conclusion": CONCLUSION}
        if one.figure:
            shown["figure"] = marked(one.figure, told["at"])
    shown["is_open"] = one.id in OPEN or (one.id == "silent" and "delta" in asked)
    return shown


def slider(head: tuple[str, ...], rows: tuple[tuple[str, ...], ...], asked: str) -> dict[str, Any]:
    """The row of the table of the silent whose delta is nearest to the one asked for."""
    points = [float(row[0].split()[0]) for row in rows]
    try:
        wanted = float(asked)
    except ValueError:
        wanted = points[0]
    at = min(range(len(points)), key=lambda i: abs(points[i] - wanted))
    return {
        "value": f"{points[at]:g}",
        "most": f"{points[-1]:g}",
        "step": f"{points[1] - points[0]:g}",
        "words": rows[at][0],
        "at": at,
        "numbers": list(zip(head[1:], rows[at][1:], strict=True)),
    }


def download(content: str | bytes, kind: str, name: str) -> HttpResponse:
    response = HttpResponse(content, content_type=kind)
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


urlpatterns = [
    page("outcomes/", show, "outcomes"),
    page("outcomes/<slug:section>.csv", section_csv, "outcomes_csv"),
    page("outcomes/quarter/<int:year>-Q<int:number>.pdf", quarter, "outcomes_quarter"),
    page("outcomes/publish/", publish, "publish_outcomes"),
    page("outcomes/withdraw/", withdraw, "withdraw_outcomes"),
]

"""Who may open which page: one row per URL (`page`), walked by tests and shown in the docs.

The row decides by role; `get_for` decides by clinic: another clinic's record does not exist (404).
"""

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, cast

from django.contrib.auth import logout
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.db.models import Model, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import URLPattern, path

from enthesis.clinic import models, sending
from enthesis.clinic.models import Role

M = TypeVar("M", bound=Model)
Roles = frozenset[Role]
View = Callable[..., HttpResponseBase]

CLINICAL: Roles = frozenset({Role.CLINICIAN})
"""Answers, evaluations, plans, sessions, verdicts."""
DESK: Roles = frozenset({Role.FRONT_DESK, Role.CLINICIAN})
"""Those who meet patients: identity, appointments."""
ADMIN: Roles = frozenset({Role.ADMINISTRATOR})
"""Settings and users."""
ANSWERABLE: Roles = CLINICAL | ADMIN
"""Those who answer for what the clinic does: its outcomes."""
STAFF: Roles = frozenset(Role)
"""Everybody who signs in."""


FACTOR_FIRST = "factor_first"
"""Of a session: signed in by the password alone, to set up a second factor and nothing else."""
FACTOR_PAGES = frozenset(
    {"second_factor", "change_own_password", "add_app", "begin_passkey", "add_passkey"}
)
"""What such a session opens, and one whose password was given by somebody else."""


class StaffRequest(HttpRequest):
    """A request that passed `page`: its user is signed in and works at `clinic`."""

    user: models.User
    clinic: models.Clinic


def page(route: str, view: View, name: str, roles: Roles) -> URLPattern:
    """A URL for signed-in staff of the given roles: anonymous → sign-in, other roles → 403."""

    @wraps(view)
    def checked(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        user = request.user
        if not user.is_authenticated:
            return ask_to_sign_in(request)
        if request.session.get(FACTOR_FIRST) and user.factors_now().exists():
            # Set up elsewhere meanwhile: this session knows only the password.
            logout(request)
            return ask_to_sign_in(request)
        if is_on_threshold(request) and name not in FACTOR_PAGES:
            return redirect("second_factor")
        if user.clinic is None or user.role not in roles:
            raise PermissionDenied
        request.clinic = user.clinic  # type: ignore[attr-defined]
        asked = cast(StaffRequest, request)
        return sending.refused(request, name) or sending.once(
            asked, name, lambda: view(request, *args, **kwargs)
        )

    checked.roles = roles  # type: ignore[attr-defined]
    return path(route, checked, name=name)


def is_on_threshold(request: HttpRequest) -> bool:
    """Signed in, but first to choose a password of one's own, or to set up a second factor."""
    user = request.user
    given = user.is_authenticated and user.must_change_password
    return given or bool(request.session.get(FACTOR_FIRST))


def public_page(route: str, view: View, name: str) -> URLPattern:
    """A URL that is open to anyone, like the sign-in page and a patient's personal link."""

    @wraps(view)
    def opened(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        return sending.refused(request, name) or view(request, *args, **kwargs)

    opened.roles = None  # type: ignore[attr-defined]
    return path(route, opened, name=name)


def ask_to_sign_in(request: HttpRequest) -> HttpResponse:
    """To the sign-in page and back. A form posted too late cannot be repeated: back to Today."""
    if request.headers.get("HX-Request"):
        # A part of a page must not be replaced by a sign-in form: make htmx load the whole page.
        return HttpResponse(status=204, headers={"HX-Refresh": "true"})
    back = request.get_full_path() if request.method == "GET" else "/"
    return redirect_to_login(back)


# From each kind of record to its clinic.
TO_CLINIC: dict[type[Model], str] = {
    models.User: "clinic",
    models.SecondFactor: "user__clinic",
    models.Room: "clinic",
    models.Patient: "clinic",
    models.Invoice: "clinic",
    models.TariffPrice: "clinic",
    models.AuditEvent: "clinic",
    models.AccessEvent: "clinic",
    models.ApiToken: "clinic",
    models.PublishedResults: "clinic",
    models.PacketRelease: "clinic",
    models.Enquiry: "clinic",
    models.OwnProtocol: "clinic",
    models.StockProduct: "clinic",
    models.StockLot: "product__clinic",
    models.LotRecall: "clinic",
    models.Weight: "patient__clinic",
    models.Course: "patient__clinic",
    models.SessionSite: "session__course__patient__clinic",
    models.CautionSetAside: "session__course__patient__clinic",
    models.Amendment: "session__course__patient__clinic",
    models.SessionImage: "session__course__patient__clinic",
    models.InvoiceLine: "invoice__clinic",
    models.LedgerEntry: "clinic",
    models.DayClose: "clinic",
    models.CardProblem: "clinic",
    models.CalendarFeed: "user__clinic",
    models.ContactChoice: "patient__clinic",
    models.StockMovement: "lot__product__clinic",
    models.AdverseEventEntry: "event__course__patient__clinic",
    models.EstimateLink: "estimate__course__patient__clinic",
    models.EstimateReceived: "estimate__course__patient__clinic",
    models.EnquiryFact: "enquiry__clinic",
    models.Attempt: "message__course__patient__clinic",
}
_OF_A_COURSE: tuple[type[Model], ...] = (
    models.Evaluation,
    models.CourseFile,
    models.Plan,
    models.Session,
    models.Appointment,
    models.AnswerLink,
    models.Assessment,
    models.TypedScore,
    models.Decision,
    models.CallAttempt,
    models.Message,
    models.ConsentLink,
    models.Consent,
    models.AidGiven,
    models.AdverseEvent,
    models.Arrangement,
    models.Estimate,
    models.Superbill,
)
TO_CLINIC |= dict.fromkeys(_OF_A_COURSE, "course__patient__clinic")


def rows_for(user: models.User, kind: type[M]) -> QuerySet[M]:
    """All rows of a kind that belong to the user's clinic."""
    return kind._default_manager.filter(**{TO_CLINIC[kind]: user.clinic_id})


def get_for(user: models.User, kind: type[M], id: int, *, lock: bool = False) -> M:
    """One row of the user's clinic, or Http404. `lock` holds it until the transaction ends."""
    rows = rows_for(user, kind)
    if lock:
        rows = rows.select_for_update(of=("self",))
    row = rows.filter(pk=id).first()
    if row is None:
        raise Http404(f"{kind.__name__} {id}")
    return row

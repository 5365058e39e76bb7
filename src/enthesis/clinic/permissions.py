"""Who may open which page and see what on it: by the row of its name in `access.toml`.

The row decides by role; `get_for` decides by clinic: another clinic's record does not exist (404).
"""

from collections.abc import Callable, Iterator
from functools import wraps
from typing import Any, TypeVar, cast

from django.contrib.auth import logout
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.db.models import Model, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import URLPattern, URLResolver, get_resolver, path
from django.utils import timezone

from enthesis.clinic import models, sending
from enthesis.clinic.access_table import FILE, AccessTableError, Row, table
from enthesis.clinic.models import Role

M = TypeVar("M", bound=Model)
View = Callable[..., HttpResponseBase]

OPEN = "open_in_emergency"
LANDINGS = ("today", "research", "trails")
"""The first of them that a role may open is where it begins, and where / leads."""
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
    emergency: models.Emergency
    """Only where nothing else than an emergency opens the page."""


def roles_of(name: str) -> frozenset[Role]:
    """Who may open the page, or may what the rule of that name says; of what is open to anyone,
    every role."""
    roles = table().row(name).roles
    return frozenset(Role) if roles is None else roles


def may(user: AbstractBaseUser | AnonymousUser, name: str) -> bool:
    """Whether a user's role lets them open a page, or do what a rule says."""
    return isinstance(user, models.User) and user.role in roles_of(name)


def may_grant(user: models.User) -> tuple[Role, ...]:
    """The roles that a user may give to others."""
    return tuple(role for role in Role if role in table().grants.get(Role(user.role), ()))


def page(route: str, view: View, name: str) -> URLPattern:
    """A URL for signed-in staff of the roles in its row: anonymous → sign-in, others → 403."""
    row = _row_of_page(name, is_public=False)

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
        if user.clinic is None:
            raise PermissionDenied
        request.clinic = user.clinic  # type: ignore[attr-defined]
        if not (may(user, name) or _is_emergency(request, row, kwargs)):
            if name == LANDINGS[0]:
                return redirect(landing(user))
            raise PermissionDenied
        asked = cast(StaffRequest, request)
        return sending.refused(request, name) or sending.once(
            asked, name, lambda: view(request, *args, **kwargs)
        )

    return path(route, checked, name=name)


def landing(user: models.User) -> str:
    """The page that a user begins with."""
    return next(name for name in LANDINGS if may(user, name))


def _is_emergency(request: HttpRequest, row: Row, named: dict[str, Any]) -> bool:
    """Whether the user has opened this patient's record in an emergency, and only reads. What is
    read is then written down with the emergency."""
    user = request.user
    if not (row.emergency and request.method in ("GET", "HEAD") and may(user, OPEN)):
        return False
    opened = models.Emergency.objects.filter(
        user=user.pk, patient=named["patient_id"], until__gt=timezone.now()
    ).last()
    request.emergency = opened  # type: ignore[attr-defined]
    return opened is not None


def _row_of_page(name: str, *, is_public: bool) -> Row:
    """The page's row, which must say as the code does whether anyone may open it."""
    row = table().pages.get(name)
    if row is None or (row.roles is None) is not is_public:
        kind = "public" if is_public else "staff"
        raise AccessTableError(f"{FILE.name} has no row for the {kind} page {name!r}.")
    return row


def is_on_threshold(request: HttpRequest) -> bool:
    """Signed in, but first to choose a password of one's own, or to set up a second factor."""
    user = request.user
    given = user.is_authenticated and user.must_change_password
    return given or bool(request.session.get(FACTOR_FIRST))


def public_page(route: str, view: View, name: str) -> URLPattern:
    """A URL that is open to anyone, like the sign-in page and a patient's personal link."""

    _row_of_page(name, is_public=True)

    @wraps(view)
    def opened(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        return sending.refused(request, name) or view(request, *args, **kwargs)

    return path(route, opened, name=name)


def every_url(within: URLResolver | None = None) -> Iterator[URLPattern]:
    """Every address of the site."""
    for pattern in (within or get_resolver()).url_patterns:
        if isinstance(pattern, URLResolver):
            yield from every_url(pattern)
        else:
            yield pattern


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
    models.Emergency: "patient__clinic",
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

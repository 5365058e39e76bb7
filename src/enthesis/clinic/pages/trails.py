"""What an auditor works with: both trails, whether they are whole, and who may what.

Nothing clinical is among it: of a patient the number, of a write its name and never its detail.
"""

from itertools import groupby
from typing import Any

from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from enthesis.clinic import trail
from enthesis.clinic.access_table import table
from enthesis.clinic.models import AccessEvent, AuditEvent, Role, User
from enthesis.clinic.permissions import StaffRequest, page, rows_for
from enthesis.clinic.who_can_see import openings, rights, tokens_of

SHOWN = 200
TRAILS: dict[str, type[AuditEvent] | type[AccessEvent]] = {"wrote": AuditEvent, "read": AccessEvent}
GRANTS = ("add_user", "change_user")


@require_safe
def trails(request: StaffRequest) -> HttpResponse:
    """One trail of the clinic, newest first (`?trail=read` or wrote): of one patient (`?number=`),
    one person (`?user=`), and on from a row (`?before=`)."""
    asked = {key: request.GET.get(key, "").strip()[:18] for key in ("number", "user", "before")}
    which = request.GET.get("trail", "read")
    kind: type[AuditEvent] | type[AccessEvent] = TRAILS.get(which, AccessEvent)
    what = "action" if kind is AuditEvent else "what"
    wanted: dict[str, Any] = {}
    for key, field in (("number", "patient__number"), ("user", "user_id"), ("before", "id__lt")):
        if asked[key]:
            # What is no number finds nothing; of more than 18 digits no database has any.
            wanted[field] = int(asked[key]) if asked[key].isdecimal() else -1
    columns = ["id", "at", "actor", what, "patient_id", "patient__number"]
    columns += ["emergency__reason"] if kind is AccessEvent else ["record", "record_id"]
    mine: QuerySet[Any] = rows_for(request.user, kind)
    found = list(mine.filter(**wanted).order_by("-id").values(*columns)[: SHOWN + 1])
    context = {
        **asked,
        "which": "wrote" if kind is AuditEvent else "read",
        "rows": [row | {"what": row[what].replace("_", " ")} for row in found[:SHOWN]],
        "next": found[SHOWN - 1]["id"] if len(found) > SHOWN else None,
        "people": rows_for(request.user, User).order_by("display_name", "pk"),
    }
    return render(request, "clinic/audit/trails.html", context)


@require_safe
def verify_trails(request: StaffRequest) -> HttpResponse:
    """Read every row of both trails anew: as long as that takes. Of all clinics here: they are one
    chain."""
    try:
        found = trail.problems(trail.read_anchors(trail.anchors_file()))
    except (trail.AnchorError, OSError, UnicodeDecodeError) as error:
        found = [f"{error}."]
    context = {"problems": found, "heads": trail.heads(), "at": timezone.now()}
    return render(request, "clinic/audit/verified.html", context)


@require_safe
def access_review(request: StaffRequest) -> HttpResponse:
    """Who signs in here, since when with which role and by whom, and what each role may."""
    given = rows_for(request.user, AuditEvent).filter(action__in=GRANTS, record="user")
    newest = given.order_by("record_id", "-id").values("record_id", "at", "actor")
    last = {id: next(rows) for id, rows in groupby(newest, lambda row: row["record_id"])}
    people = rows_for(request.user, User).order_by("-is_active", "role", "display_name", "pk")
    context = {
        "people": [(one, last.get(one.pk), len(one.factors_now())) for one in people],
        "roles": [(role.label, rights(role)) for role in Role],
        "pages": len(table().pages),
        "tokens": [(one, one.made_by) for one in tokens_of(request.clinic)],
        "openings": openings(request.clinic),
    }
    return render(request, "clinic/audit/review.html", context)


urlpatterns = [
    page("audit/", trails, "trails"),
    page("audit/verify/", verify_trails, "verify_trails"),
    page("audit/users/", access_review, "access_review"),
]

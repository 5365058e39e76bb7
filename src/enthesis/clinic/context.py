"""What every staff template is given."""

from typing import Any

from django.http import HttpRequest
from django.urls import reverse

from enthesis.clinic.models import User
from enthesis.clinic.permissions import is_on_threshold, may

# Word and name of the page; shown to those who may open it.
NAVIGATION = [
    ("Today", "today"),
    ("Patients", "patients"),
    ("Calendar", "calendar"),
    ("Stock", "stock"),
    ("Outcomes", "outcomes"),
    ("Research", "research"),
    ("Evidence", "evidence"),
    ("Money", "money"),
    ("Settings", "settings"),
    ("Audit", "trails"),
]
# Which word is underlined on pages that are not themselves in the navigation.
BELONGS_TO = {
    # One's own sign-in belongs to no word.
    "": ("second_factor", "own_password", "add_app", "recovery_codes"),
    "trails": ("trails", "emergencies", "access_review"),
    "research": ("research",),
    "outcomes": ("outcomes", "adverse_events", "packet"),
    "evidence": ("evidence",),
    "money": (
        *("money", "invoice", "make_invoice", "pay", "credit", "refund", "use_deposit"),
        *("course_money", "deposit", "sell_series", "instalments", "deposit_back"),
        *("unused_back", "take_back", "statement_link", "close_day", "days"),
        *("estimate", "superbill", "card_problem"),
    ),
    "settings": ("setting", "user", "room", "prices", "token", "import_sheet", "take_out"),
    # Before Today: a recall is no call.
    "stock": ("stock", "recall"),
    "calendar": ("calendar",),
    "today": ("today", "call", "enquir"),
}


def staff(request: HttpRequest) -> dict[str, Any]:
    """nav (word, address, is current), clinic, user and the way out; nothing without sign-in."""
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated or user.clinic is None:
        return {}
    match = request.resolver_match
    current = _current(match.url_name or "") if match else ""
    nav = [
        (word, reverse(name), name == current)
        for word, name in NAVIGATION
        if may(user, name) and not is_on_threshold(request)
    ]
    return {
        "nav": nav,
        "clinic": user.clinic,
        # Nobody must take the demonstration for a real clinic, on any page or picture of one.
        "clinic_name": f"{user.clinic}{' (invented)' if user.clinic.invented else ''}",
        "user": user,
        "may": _May(user),
        "signed_in_name": str(user),
        "sign_out_url": reverse("sign_out"),
    }


class _May:
    """For templates: `may.edit_patient`, by the name of a page or a rule."""

    def __init__(self, user: User) -> None:
        self.user = user

    def __getitem__(self, name: str) -> bool:
        return may(self.user, name)


def _current(url_name: str) -> str:
    for name, words in BELONGS_TO.items():
        if any(word in url_name for word in words):
            return name
    return "patients"

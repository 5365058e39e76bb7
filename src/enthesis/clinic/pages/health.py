"""How the installation is doing: in words for administrators, in one word for a monitor."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from enthesis.clinic import health as found
from enthesis.clinic.health import Level
from enthesis.clinic.permissions import StaffRequest, page, public_page

# Level → the words, tone and sign of its tag.
TAGS = {
    Level.UNSAFE: ("Unsafe", "alarm", "alarm"),
    Level.CARE: ("Mend soon", "care", "care"),
    Level.NOTE: ("Only you know", "later", "question"),
}


@require_safe
def health(request: HttpRequest) -> HttpResponse:
    """Whether pages can be answered, for a monitor: nothing about how or why."""
    well = found.is_well()
    return HttpResponse(
        "ok\n" if well else "not ok\n", status=200 if well else 503, content_type="text/plain"
    )


@require_safe
def settings_health(request: StaffRequest) -> HttpResponse:
    """Every finding of `enthesis check`, but for reading the whole database."""
    told = found.findings(timezone.now(), request.clinic)
    context = {
        "to_mend": [(one, *TAGS[one.level]) for one in told if one.level in TAGS],
        "good": [one for one in told if one.level is Level.GOOD],
        "unsafe": sum(one.level is Level.UNSAFE for one in told),
    }
    return render(request, "clinic/settings/health.html", context)


urlpatterns = [
    # Without a stroke at its end, as monitors ask.
    public_page("health", health, "health"),
    page("settings/health/", settings_health, "settings_health"),
]

"""The walk of an emergency: the desk opens a record, others take note, the auditor looks."""

from playwright.sync_api import Page

from docs.picture_walks import OpenPage, Visits, sign_in


def emergency(open_page: OpenPage) -> Visits:
    """Rosa Kim reads what was injected for an ambulance; Dr Osei takes note; an auditor looks."""
    from enthesis.clinic.models import Session

    patient = Session.objects.filter(signed_at__isnull=False).latest("signed_at").course.patient_id
    desk = open_page()
    sign_in(desk, "frontdesk")
    desk.goto(f"/patients/{patient}/")
    desk.get_by_role("link", name="Emergency: open the clinical record").click()
    reason = desk.get_by_label("Why must you read this record now?")
    reason.fill("Fainted at the desk; the ambulance asks what was injected and how much.")
    yield "emergency-reason", desk
    desk.get_by_role("button", name="Open the record").click()
    desk.get_by_role("heading", name="Opened in an emergency").wait_for()
    yield "emergency-record", desk
    clinician = open_page()
    sign_in(clinician)
    clinician.goto("/")
    clinician.get_by_role("button", name="I have taken note").wait_for()
    yield "emergency-today", clinician
    clinician.goto(f"/patients/{patient}/who-can-see/")
    yield "who-can-see", clinician
    auditor = _begin(open_page(), "auditor")
    auditor.get_by_role("heading", name="Audit trails").wait_for()
    yield "audit-trails", auditor


def _begin(page: Page, name: str) -> Page:
    """Signed in by hand: these roles do not begin at Today."""
    from enthesis.commands.demo import PASSWORD

    page.set_viewport_size({"width": 1280, "height": 900})
    page.goto("/sign-in/")
    page.get_by_label("User name").fill(name)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    return page

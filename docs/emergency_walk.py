"""The walk of an emergency: the desk opens a record, others take note, the auditor looks."""

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
    yield "emergency-reason-phone", desk
    desk.get_by_role("button", name="Open the record").click()
    desk.get_by_role("heading", name="Opened in an emergency").wait_for()
    yield "emergency-record", desk
    yield "emergency-record-phone", desk
    clinician = open_page()
    sign_in(clinician)
    clinician.goto("/")
    clinician.get_by_role("button", name="I have taken note").wait_for()
    yield "emergency-today", clinician
    clinician.goto(f"/patients/{patient}/who-can-see/")
    yield "who-can-see", clinician
    auditor = open_page()
    sign_in(auditor, "auditor")
    auditor.goto("/")
    auditor.get_by_role("heading", name="Audit trails").wait_for()
    yield "audit-trails", auditor
    yield "audit-trails-phone", auditor
    auditor.goto("/audit/users/")
    yield "access-review", auditor
    researcher = open_page()
    sign_in(researcher, "researcher")
    researcher.goto("/")
    yield "research", researcher

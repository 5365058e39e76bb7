"""The walk of docs/take_pictures.py through what comes in from elsewhere, goes out to the patient,
and is erased."""

from pathlib import Path

from docs.picture_walks import OpenPage, Visits, sign_in

SHEET = Path(__file__).parents[1] / "tests/sheets/redcap-knee-raw.csv"


def in_and_out(open_page: OpenPage) -> Visits:
    """A REDCap export with a mistake, then mended; a patient's whole record; a request to be
    erased, looked at and not done."""
    from enthesis.clinic.models import Course

    boss, page = sign_in(open_page(), "admin"), sign_in(open_page())
    raw = SHEET.read_bytes()
    boss.goto("/settings/import/")
    boss.get_by_label("Map", exact=True).select_option("redcap-knee-raw")
    yield "import-choose", boss
    for name, content in (
        ("import-problems", raw.replace(b",7,2,,,", b",17,2,,,")),
        ("import-preview", raw),
    ):
        boss.goto("/settings/import/")
        boss.get_by_label("Map", exact=True).select_option("redcap-knee-raw")
        boss.get_by_label("File", exact=True).set_input_files(
            {"name": "knees.csv", "mimeType": "text/csv", "buffer": content}
        )
        boss.get_by_role("button", name="Look at it").click()
        boss.get_by_role("heading", name="knees.csv").wait_for()
        yield name, boss
        yield f"{name}-phone", boss
    patient = Course.objects.filter(condition="low_back", closed_on=None).latest("id").patient_id
    page.goto(f"/patients/{patient}/record/")
    yield "whole-record", page
    yield "whole-record-phone", page
    boss.goto(f"/patients/{patient}/erase/")
    yield "erase", boss
    yield "erase-phone", boss
    boss.goto(f"/patients/{patient}/who-looked")
    yield "who-looked", boss
    boss.set_default_timeout(60_000)
    boss.goto("/outcomes/packets/")
    boss.get_by_role("heading", name="A packet for other clinics").wait_for()
    yield "packets", boss
    yield "packets-phone", boss

"""The rows of the evaluation: added without a script, nothing typed lost, one truth with the
questions; and the files and the letter that go with them."""

import html
from collections.abc import Callable
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from enthesis.clinic.actions import Refused
from enthesis.clinic.actions.course_files import attach_course_file, remove_course_file
from enthesis.clinic.models import AuditEvent, Course, CourseFile, User
from enthesis.clinic.store import today
from tests.clinic.evaluated import evaluate, typed
from tests.clinic.files import PAGE, png

pytestmark = [pytest.mark.django_db, pytest.mark.alike]
WARFARIN = {"name": "Warfarin", "class": "anticoagulant", "dose": "5", "unit": "mg", "times": "1"}


@pytest.fixture
def course(make_course: Callable[..., Course], client: Client, clinician: User) -> Course:
    client.force_login(clinician)
    return make_course()


def rows(table: str, *filled: dict[str, str]) -> dict[str, Any]:
    data: dict[str, Any] = {f"r-{table}-TOTAL_FORMS": len(filled), f"r-{table}-INITIAL_FORMS": 0}
    for i, row in enumerate(filled):
        data |= {f"r-{table}-{i}-{column}": value for column, value in row.items()}
    return data


def send(client: Client, course: Course, *parts: dict[str, Any], **changed: Any) -> Any:
    last = course.evaluations.last()
    data = typed(**changed) | ({"q-last": last.pk} if last else {})
    for part in parts:
        data |= part
    return client.post(f"/courses/{course.pk}/evaluate/", data)


def words(response: Any) -> str:
    return html.unescape(response.content.decode())


def test_a_row_is_added_without_saving_and_everything_typed_stays(
    client: Client, course: Course
) -> None:
    half = {"name": "Naproxen", "dose": "much"}
    response = send(client, course, rows("medicines", half), {"add": "medicines"}, pain_months="7")
    shown = words(response)
    assert response.status_code == 200 and not course.evaluations.exists()
    assert 'value="Naproxen"' in shown and 'value="much"' in shown and 'value="7"' in shown
    assert "r-medicines-1-name" in shown and "r-medicines-2-name" not in shown


def test_rows_are_appended_with_the_evaluation_and_the_next_one_starts_from_them(
    client: Client, course: Course
) -> None:
    lists = rows("medicines", WARFARIN, {}, {"name": "x", "class": "other", "leave_out": "on"})
    tried = rows("treatments", {"kind": "injections", "what": "steroid", "relief": "half"})
    assert send(client, course, lists, tried, blood_thinner="yes").status_code == 302
    first = course.evaluations.get()
    assert first.rows["medicines"] == [WARFARIN]
    assert first.rows["treatments"] == [{"kind": "injections", "what": "steroid", "relief": "half"}]
    assert 'value="Warfarin"' in words(client.get(f"/courses/{course.pk}/evaluate/"))
    assert send(client, course, rows("medicines", {"name": "", "class": ""})).status_code == 302
    assert "medicines" not in course.evaluations.last().rows  # type: ignore[union-attr]
    first.refresh_from_db()
    assert first.rows["medicines"] == [WARFARIN]


def test_a_first_evaluation_offers_the_blood_thinner_of_the_record_to_confirm(
    client: Client, course: Course
) -> None:
    course.patient.anticoagulant = "apixaban"
    course.patient.save()
    assert 'value="apixaban"' in words(client.get(f"/courses/{course.pk}/evaluate/"))
    assert send(client, course).status_code == 302
    assert course.evaluations.get().rows == {}


def test_a_medicine_that_a_question_denies_is_shown_and_holds_the_answer_back(
    client: Client, course: Course
) -> None:
    send(client, course, rows("medicines", WARFARIN))
    row = course.evaluations.get()
    assert row.result["answer"] is None and "blood_thinner" in row.result["missing"]
    shown = words(client.get(f"/courses/{course.pk}/evaluate/"))
    assert "A medicine is listed that a question denies" in shown
    denied = words(client.get(f"/courses/{course.pk}/referral/")).split("answered no or none")[1]
    assert "A blood thinner?" not in denied and "Steroid tablets?" in denied


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"name": "Warfarin"}, "Choose this, or empty the row: class."),
        ({"name": "Warfarin", "class": "magic"}, "Select a valid choice"),
        ({"name": "Warfarin", "class": "other", "dose": "-1"}, "greater than or equal to 0"),
    ],
)
def test_a_row_that_is_wrong_says_so_and_nothing_is_saved(
    client: Client, course: Course, row: dict[str, str], said: str
) -> None:
    response = send(client, course, rows("medicines", row))
    assert response.status_code == 422 and not course.evaluations.exists()
    assert said in words(response) and "A row needs mending" in words(response)
    assert 'value="Warfarin"' in words(response)


def test_opioids_are_added_up_and_an_unknown_one_is_said_to_be(
    client: Client, course: Course
) -> None:
    one = {"name": "oxycodone", "class": "opioid", "dose": "10", "unit": "mg", "times": "2"}
    other = {"name": "buprenorphine", "class": "opioid"}
    send(client, course, rows("medicines", one, other), opioids="yes")
    shown = words(client.get(f"/courses/{course.pk}/evaluate/"))
    assert "oxycodone: 30 MME a day" in shown and "Not for converting drugs" in shown
    assert "buprenorphine: MME not known (no factor for this drug)" in shown
    assert "Together not known: at least 30 MME a day" in shown


def test_two_at_once_see_what_the_other_saved_in_rows(client: Client, course: Course) -> None:
    evaluate(client, course)
    stale = course.evaluations.last()
    send(client, course, rows("medicines", WARFARIN), blood_thinner="yes")
    late = typed() | rows("medicines", {"name": "ibuprofen", "class": "nsaid"})
    response = client.post(f"/courses/{course.pk}/evaluate/", late | {"q-last": stale.pk})  # type: ignore[union-attr]
    assert response.status_code == 409 and 'value="ibuprofen"' in words(response)
    assert "Warfarin (Blood thinner), 5 mg oral, 1 times a day" in words(response)


def test_a_report_is_kept_with_whatever_button_and_only_ever_downloaded(
    client: Client, course: Course
) -> None:
    image = rows("imaging", {"kind": "mri", "on": "2026-11-03", "finding": "No fracture."})
    file = {"file": SimpleUploadedFile("mri.png", png()), "attach": "1"}
    response = send(client, course, image, file, imaging="some")
    kept = CourseFile.objects.get()
    assert response.status_code == 200 and not course.evaluations.exists()
    assert f'<option value="{kept.pk}" selected>mri.png' in words(response)
    send(client, course, rows("imaging", {"kind": "mri", "report": str(kept.pk)}), imaging="some")
    assert course.evaluations.get().rows["imaging"] == [{"kind": "mri", "report": str(kept.pk)}]
    read = client.get(f"/files/{kept.pk}/")
    assert read.content == png() and read["Content-Disposition"].startswith("attachment")
    assert "sandbox" in read["Content-Security-Policy"]
    client.post(f"/files/{kept.pk}/remove/", {"because": "another patient's"})
    assert client.get(f"/files/{kept.pk}/").status_code == 409
    assert "another patient's" in words(client.get(f"/courses/{course.pk}/files/"))
    actions = {"attach_course_file", "read_course_file", "remove_course_file"}
    assert actions <= set(AuditEvent.objects.values_list("action", flat=True))


def test_what_is_no_image_is_refused_beside_everything_that_was_typed(
    client: Client, course: Course
) -> None:
    file = {"file": SimpleUploadedFile("mri.png", PAGE)}
    response = send(client, course, rows("imaging", {"kind": "mri"}), file, pain_months="7")
    assert response.status_code == 422 and not CourseFile.objects.exists()
    assert "Save what it shows as PNG" in words(response) and 'value="7"' in words(response)
    assert not course.evaluations.exists()


def test_a_file_is_attached_once_and_removed_once_with_a_reason(
    course: Course, clinician: User
) -> None:
    day = today(course.patient.clinic)
    row = attach_course_file(clinician, course.pk, "a.png", png(), day)
    with pytest.raises(Refused, match="attached to the course already"):
        attach_course_file(clinician, course.pk, "b.png", png(), day)
    with pytest.raises(Refused, match="Write why"):
        remove_course_file(clinician, row.pk, "")
    remove_course_file(clinician, row.pk, "wrong one")
    with pytest.raises(Refused, match="removed this file already"):
        remove_course_file(clinician, row.pk, "again")


def test_the_letter_says_what_is_known_and_leaves_lines_for_the_rest(
    client: Client, course: Course
) -> None:
    assert client.get(f"/courses/{course.pk}/referral/").status_code == 302
    to = {"way": "to", "who": "Dr Okafor", "what_for": "Clear the bladder trouble."}
    found: dict[str, Any] = {"tender-iliolumbar-left": "8 of 10", "lumbar_flexion": "40"}
    found |= {"tender-iliolumbar-right": "0 of 10", "lumbar_side_bend-left": "20"}
    send(client, course, rows("referrals", to), bladder="yes", pregnant=None, **found)
    letter = words(client.get(f"/courses/{course.pk}/referral/"))
    assert "Low back and sacroiliac pain, left" in letter, "of which side"
    assert "Dr Okafor" in letter and "Clear the bladder trouble." in letter
    assert "New bladder trouble: possible cauda equina syndrome." in letter
    assert "Tender on pressing: Iliolumbar ligament, left (8 of 10)." in letter
    assert "Lumbar flexion: 40°. Textbook norm 75°." in letter
    assert "Lumbar side-bend: left 20°. Textbook norm 35°." in letter
    assert "Pressed and not tender: Iliolumbar ligament, right." in letter
    assert "Tender: " not in letter, "said once"
    unknown = letter.split("Not known")[1]
    assert "Pregnant, or possibly?" in unknown and "List of medicines (none listed)" in unknown
    assert "Night" not in unknown and "fill-in" in unknown

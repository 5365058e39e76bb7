"""One response of another program over the FHIR API: judged, kept once, and the same alert."""

import json
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any
from urllib.parse import quote

import pytest

from enthesis.clinic import models
from tests.clinic.fhir import bearing, get, post, program, token_for

pytestmark = pytest.mark.usefixtures("on_a_fixed_day")
SITE = "https://enthesis.example/fhir"
MOOD = ("phq_interest", "phq_down", "gad_nervous", "gad_worry")
FHIR = {"content_type": "application/fhir+json"}


@pytest.fixture
def course(make_course: Callable[..., models.Course]) -> models.Course:
    return make_course()


def item(link: str, *values: tuple[str, Any]) -> dict[str, Any]:
    return {"linkId": link, "answer": [{f"value{kind}": value} for kind, value in values]}


def tick(link: str, *codes: str) -> dict[str, Any]:
    system = f"{SITE}/CodeSystem/answer"
    return item(link, *(("Coding", {"system": system, "code": code}) for code in codes))


def pages(*items: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{"linkId": f"page:{n}", "item": page} for n, page in enumerate(items, 1) if page]


def response(course: models.Course, danger: str = "none", **more: Any) -> dict[str, Any]:
    """Answers after a session, as LHC-Forms writes them: one tick of several is one coding."""
    return {
        "resourceType": "QuestionnaireResponse",
        "identifier": {"system": "urn:example:app", "value": "set 7"},
        "extension": [
            {"url": f"{SITE}/StructureDefinition/course",
             "valueReference": {"reference": f"Condition/course-{course.pk}"}},
            {"url": f"{SITE}/StructureDefinition/Assessment",
             "extension": [{"url": "occasion", "valueCode": "after_session"}]},
        ],
        "questionnaire": f"{SITE}/Questionnaire/six_signs",
        "status": "completed",
        "subject": {"reference": f"Patient/patient-{course.patient_id}"},
        "authored": "2026-11-22T20:00:00-05:00",
        "item": pages(
            [tick("danger", danger)],
            [item("pain", ("Integer", 4))],
            [item("peg_enjoyment", ("Integer", 3)), item("peg_activity", ("Integer", 5))],
            [], [], [], [],
            [tick("phq_interest", "0"), tick("phq_down", "1")],
            [],
            [item("painkiller_days", ("Integer", 2)), item("spasm_days", ("Integer", 0))],
            [tick("joint_noise", "0")],
            [],
            [tick("relief", "30")],
        ),
    } | more  # fmt: skip


def send(client: Any, body: Any, status: int, **headers: str) -> Any:
    answer = client.post("/fhir/QuestionnaireResponse", json.dumps(body), **FHIR, headers=headers)
    told = json.loads(answer.content)
    assert told["resourceType"] == "OperationOutcome" and answer.status_code == status, told
    return answer, told["issue"]


def test_answers_of_another_program_are_kept_once_as_the_patients_and_audited(
    course: models.Course,
) -> None:
    client = program(course.patient.clinic)
    answer, [told] = send(client, response(course), 201)
    row = models.Assessment.objects.get()
    assert answer["Location"].endswith(f"/fhir/QuestionnaireResponse/assessment-{row.pk}")
    assert told["severity"] == "information"
    assert (row.source, row.occasion, row.on) == ("program", "after_session", date(2026, 11, 22))
    assert row.completed_at == datetime(2026, 11, 23, 15, tzinfo=UTC) and row.entered_by is None
    assert row.answers["danger"] == ["none"] and row.answers["pain"] == 4
    event = models.AuditEvent.objects.get(action="take_answers")
    assert (event.actor, event.patient, event.record_id) == ("A Program", course.patient, row.pk)
    found = get(client, answer["Location"].partition("/fhir/")[2])
    assert found["questionnaire"] == response(course)["questionnaire"]
    # What comes out goes in: nothing is wrong with it.
    told = post_validate(client, found)
    assert {one["severity"] for one in told} <= {"information", "warning"}


def post_validate(client: Any, body: Any) -> Any:
    answer = client.post("/fhir/QuestionnaireResponse/$validate", json.dumps(body), **FHIR)
    assert answer.status_code == 200
    return json.loads(answer.content)["issue"]


def test_a_retry_adds_nothing_and_other_answers_under_one_name_are_refused(
    course: models.Course,
) -> None:
    client = program(course.patient.clinic)
    first = send(client, response(course), 201)[0]["Location"]
    assert send(client, response(course), 200)[0]["Location"] == first
    asked = f"identifier={quote('urn:example:app|set 7')}"
    other = response(course)
    other["item"][1] = pages([], [item("pain", ("Integer", 9))])[0]
    assert send(client, other, 200, If_None_Exist=asked)[0]["Location"] == first
    assert "already as" in send(client, other, 409)[1][0]["diagnostics"]
    send(client, other, 422, If_None_Exist="identifier=urn:example:app|8")
    # Without an identifier it is known again by all of it; without an occasion too, although
    # another one would be likely by now.
    bare = response(course, extension=response(course)["extension"][:1])
    del bare["identifier"]
    bare["item"] = [one for one in bare["item"] if one["linkId"] != "page:13"]
    bare["item"] = [pages([tick("danger", "bladder")])[0]]
    second = send(client, bare, 201)[0]["Location"]
    models.Course.objects.update(series_ended_on=date(2026, 11, 23))
    assert send(client, bare, 200)[0]["Location"] == second != first
    assert models.Assessment.objects.count() == 2
    assert models.AuditEvent.objects.filter(action="take_answers").count() == 2


def test_a_danger_sign_raises_the_alert_and_ends_the_questions(course: models.Course) -> None:
    models.Clinic.objects.update(
        alert_email="oncall@harbour.example", sender_email="desk@harbour.example"
    )
    client = program(course.patient.clinic)
    send(client, response(course), 201)
    assert not models.Message.objects.exists()
    body = response(course, "bladder", identifier={"value": "2"})
    body["item"] = body["item"][:1]
    _, told = send(client, body, 201)
    row = models.Assessment.objects.latest("id")
    assert models.Message.objects.get(is_alert=True).key == f"alert/{row.pk}"
    assert told[0]["severity"] == "information"
    assert row.answers["danger"] == ["bladder"] and row.answers["pain"] is None


def test_everything_that_is_wrong_is_told_at_once_with_its_place_and_nothing_is_written(
    course: models.Course,
) -> None:
    client = program(course.patient.clinic)
    body = response(course, status="in-progress")
    body["item"][1]["item"][0] = item("pain", ("Integer", 11))
    body["item"][2]["item"].pop()
    body["item"].append({"linkId": "weather"})
    body["status"] = "amended"
    places = {one["expression"][0]: one["severity"] for one in send(client, body, 422)[1]}
    root = "QuestionnaireResponse"
    assert f"{root}.status" in places and f"{root}.item[7]" in places, places
    assert f"{root}.item[1].item[0].answer[0].value" in places
    assert any(place.startswith(f"{root}.item[2]") for place in places)
    assert {one["expression"][0] for one in post_validate(client, body)} == set(places)
    assert not models.Assessment.objects.exists()
    assert not models.AuditEvent.objects.filter(action="take_answers").exists()


def test_an_answer_to_what_is_not_asked_here_is_left_out_with_a_warning(
    course: models.Course,
) -> None:
    body = response(course)
    body["item"].insert(6, {"linkId": "page:12", "item": [tick("change", "1")]})
    body["item"].sort(key=lambda one: int(one["linkId"][5:]))
    told = send(program(course.patient.clinic), body, 201)[1]
    [warning] = [one for one in told if one["severity"] == "warning"]
    assert "change" in warning["diagnostics"] and warning["expression"][0].endswith("item[0]")
    assert "change" not in models.Assessment.objects.get().answers


def test_what_belongs_to_no_course_of_the_clinic_is_refused_and_says_why(
    course: models.Course, other_clinic: models.Clinic, make_course: Callable[..., models.Course]
) -> None:
    client = program(course.patient.clinic)
    theirs = models.Course.objects.create(
        patient=models.Patient.objects.create(clinic=other_clinic, number=7, family="A", given="B"),
        condition="low_back", side="left", opened_on=date(2026, 9, 1),
    )  # fmt: skip
    second = make_course(course.patient)
    cases = [
        (response(theirs), "no such course of this patient"),
        (response(course, subject={"reference": f"Patient/patient-{theirs.patient_id}"}),
         "no such course"),
        (response(course, subject={}), "give a reference such as"),
        (response(course, extension=[]), "not one course that is open"),
        (response(course, extension=[{"url": f"{SITE}/StructureDefinition/course",
                                      "valueReference": {"reference": "Condition/course-99999"}}]),
         "no such course"),
        (response(course, extension=3), "list"),
        (response(course, authored="2026-08-31"), "start of the course"),
        (response(course, authored="2026-11-25"), "start of the course"),
        (response(course, authored="2026"), "at least the day"),
        (response(course, questionnaire=f"{SITE}/Questionnaire/evaluation"), "not answered here"),
        (response(course, questionnaire=f"{SITE}/Questionnaire/six_signs|0"), "not in force"),
        (response(course, questionnaire=["x"]), "not answered here"),
        (response(course, item=[]), "Must be a list that is not empty"),
        (response(course, item=[{"linkId": "page:1", "item": [
            {"linkId": "danger", "answer": [{"valueString": "x"}]}]}]), "takes valueCoding"),
    ]  # fmt: skip
    for body, words in cases:
        told = json.dumps(send(client, body, 422)[1], ensure_ascii=False)
        assert words in told, (words, told)
    assert send(client, {"resourceType": "Patient"}, 422)
    assert not models.Assessment.objects.exists()
    # With one course that is open, nobody need name it.
    second.closed_on = date(2026, 11, 1)
    second.save()
    extension = response(course)["extension"][1:]
    send(client, response(course, extension=extension), 201)
    assert models.Assessment.objects.get().course == course
    # Whoever may only read may not.
    send(bearing(token_for(other_clinic, "user/*.rs")[1]), response(theirs), 403)


def test_a_text_that_no_answer_may_hold_is_refused_with_its_place(course: models.Course) -> None:
    body = response(course)
    body["extension"][1]["extension"][0]["valueCode"] = "baseline"
    named = [item("activity_1_name", ("String", "x" * 201)), item("activity_1", ("Integer", 3))]
    body["item"].insert(3, {"linkId": "page:4", "item": named})
    body["item"] = body["item"][:4]
    body["item"][0]["item"] = [tick("danger", "fever")]
    client = program(course.patient.clinic)
    [wrong] = [one for one in post_validate(client, body) if one["severity"] == "error"]
    assert "fewer words" in wrong["diagnostics"]
    assert wrong["expression"] == ["QuestionnaireResponse.item[3].item[0]"]
    body["item"][3]["item"][0] = item("activity_1_name", ("String", "a\0b"))
    assert "NUL" in json.dumps(send(client, body, 400)[1])


def test_validate_judges_questionnaires_and_parameters_too(course: models.Course) -> None:
    client = program(course.patient.clinic)
    wrapped = {"resourceType": "Parameters",
               "parameter": [{"name": "resource", "resource": response(course)}]}  # fmt: skip
    assert [one["severity"] for one in post_validate(client, wrapped)] == ["information"]
    path = "/fhir/Questionnaire/$validate"
    wrong = {"resourceType": "Questionnaire", "status": "active", "item": [{"type": "group"}]}
    answer = client.post(path, json.dumps(wrong), **FHIR)
    assert answer.status_code == 200 and "linkId" in answer.content.decode()
    own = get(client, "Questionnaire")["entry"][0]["resource"]
    told = json.loads(client.post(path, json.dumps(own), **FHIR).content)["issue"]
    assert not [one for one in told if one["severity"] == "error"]
    post(client, "Questionnaire/$validate", response(course), 422)
    post(client, "Questionnaire/$validate", {"resourceType": "Parameters"}, 400)
    get(client, "Questionnaire/$validate", 405)
    assert not models.Assessment.objects.exists()

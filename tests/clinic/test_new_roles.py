"""The researcher and the auditor: where they begin, what they see, and what they never do."""

from collections.abc import Callable
from datetime import date
from functools import partial
from typing import Any

import pytest
from django.db import connection, transaction
from django.http import HttpResponse
from django.test import Client

from enthesis.clinic import audit, models
from enthesis.clinic.access_table import ACTIONS, table
from enthesis.clinic.actions import Refused
from enthesis.clinic.actions import settings as actions
from enthesis.clinic.actions.emergency import open_record
from enthesis.clinic.models import Role, User
from enthesis.clinic.who_can_see import PLAINLY, patient_pages
from tests.clinic.at_once import at_once
from tests.clinic.test_trail import settle
from tests.clinic_fixtures import PASSWORD, make_user

For = Callable[[User], Client]
CANARY = "Zzyzxcanary"


@pytest.fixture
def course(make_course: Callable[..., models.Course]) -> models.Course:
    course = make_course()
    models.Patient.objects.filter(pk=course.patient_id).update(
        family=CANARY, given=CANARY, allergies=CANARY
    )
    models.Course.objects.filter(pk=course.pk).update(complaint=CANARY)
    course.refresh_from_db()
    return course


@pytest.fixture
def researcher(clinic: models.Clinic) -> User:
    return make_user(clinic, "noor_research", Role.RESEARCHER)


@pytest.fixture
def auditor(clinic: models.Clinic) -> User:
    return make_user(clinic, "tom_audit", Role.AUDITOR)


def text(response: Any) -> str:
    return str(response.content.decode())


@pytest.mark.parametrize(
    ("role", "words"),
    [(Role.RESEARCHER, ["Research", "Evidence"]), (Role.AUDITOR, ["Evidence", "Audit"])],
)
def test_an_administrator_adds_one_who_signs_in_and_begins_at_their_own_page(
    role: Role, words: list[str], admin: User, client_for: For
) -> None:
    new = {"display_name": "New One", "username": "new.one", "role": role, "password": PASSWORD}
    assert client_for(admin).post("/settings/users/add/", new).status_code == 302
    user = User.objects.get(username="new.one")
    user.must_change_password = False
    user.save()
    client = Client()
    signed = client.post(
        "/sign-in/", {"username": "new.one", "password": PASSWORD, "next": "/"}, follow=True
    )
    assert signed.status_code == 200
    assert [word for word, *_ in signed.context["nav"]] == words
    assert [current for word, _, current in signed.context["nav"] if word != "Evidence"] == [True]


def test_a_researcher_sees_packets_and_what_was_published_and_no_patient(
    course: models.Course, researcher: User, admin: User, client_for: For
) -> None:
    packet = models.PacketRelease.objects.create(
        clinic=researcher.clinic, day=date(2026, 11, 9), cut="c", sha256="0" * 64, threshold=5,
        content="{}", cells=b"", by=admin,
    )  # fmt: skip
    client = client_for(researcher)
    page = client.get("/outcomes/research/")
    assert page.status_code == 200 and CANARY not in text(page)
    assert f"/outcomes/packets/{packet.pk}.json" in text(page)
    assert client.get(f"/outcomes/packets/{packet.pk}.json").content == b"{}"
    assert patient_pages(Role.RESEARCHER) == []


def test_a_researcher_takes_one_cut_in_a_year_and_an_administrator_any(
    researcher: User, client_for: For, monkeypatch: pytest.MonkeyPatch, time_machine: Any
) -> None:
    def taken(request: Any, form: Any, what: str, written: str) -> HttpResponse:
        assert (what, written) == ("research", "csv")
        with transaction.atomic():
            audit.record(request.user, "export_research", request.clinic)
        return HttpResponse(b"PK")

    monkeypatch.setattr("enthesis.clinic.pages.research.made", taken)
    time_machine.move_to("2026-11-23 15:00Z", tick=False)
    client = client_for(researcher)
    first = client.post("/outcomes/research/", {"form": "csv"})
    assert first.content == b"PK"
    again = client.post("/outcomes/research/", {"form": "csv"})
    assert again.status_code == 422 and "23 Nov 2027" in text(again)
    colleague = make_user(researcher.clinic, "second", Role.RESEARCHER)  # type: ignore[arg-type]
    assert client_for(colleague).post("/outcomes/research/", {"form": "csv"}).status_code == 422
    time_machine.move_to("2027-11-23 15:00Z", tick=False)
    later = client_for(researcher).post("/outcomes/research/", {"form": "csv"})
    assert later.content == b"PK"


def test_a_cut_that_was_refused_uses_no_year_up(researcher: User, client_for: For) -> None:
    client = client_for(researcher)
    for _ in range(2):
        refused = client.post("/outcomes/research/", {"form": "csv"})
        assert refused.status_code == 422 and "Nothing was written" in text(refused)


def test_an_auditor_reads_both_trails_by_the_patients_number_alone(
    course: models.Course, clinician: User, desk: User, auditor: User, client_for: For
) -> None:
    client_for(clinician).get(f"/courses/{course.pk}/")
    open_record(desk, course.patient_id, "Fell from the couch")
    client = client_for(auditor)
    settle()
    number = course.patient.number
    for address in (
        "/audit/?trail=read", f"/audit/?trail=read&number={number}&user={clinician.pk}",
        "/audit/?trail=wrote", "/audit/users/", "/audit/verify/", "/audit/emergencies/",
        f"/patients/{course.patient_id}/who-looked", f"/patients/{course.patient_id}/who-can-see/",
        "/audit/?number=x&user=%00&before=-1",
        f"/audit/?number={'9' * 20}", f"/audit/?user={'9' * 20}", f"/audit/?before={'9' * 20}",
    ):  # fmt: skip
        page = client.get(address)
        assert page.status_code == 200 and CANARY not in text(page), address
        assert client.post(address).status_code == 405
    read = text(client.get("/audit/?trail=read"))
    assert f"No. {number}" in read and str(clinician) in read
    assert "Fell from the couch" in text(client.get("/audit/emergencies/"))
    settle()
    assert "Both trails are whole" in text(client.get("/audit/verify/"))


def test_the_verification_tells_an_auditor_of_a_changed_row(
    auditor: User, clinician: User, client_for: For
) -> None:
    from enthesis.clinic import chain
    from enthesis.clinic.actions.sign_in import sign_in

    sign_in(clinician, "127.0.0.1")
    settle()
    chain.unguard(connection)
    models.AuditEvent.objects.update(actor="Somebody else")
    assert "content was changed" in text(client_for(auditor).get("/audit/verify/"))


def test_an_auditor_goes_back_row_by_row(auditor: User, clinician: User, client_for: For) -> None:
    from enthesis.clinic.actions.sign_in import sign_in

    for _ in range(203):
        sign_in(clinician, "127.0.0.1")
    client = client_for(auditor)
    first = client.get("/audit/?trail=wrote").context
    assert len(first["rows"]) == 200
    rest = client.get(f"/audit/?trail=wrote&before={first['next']}").context
    assert len(rest["rows"]) >= 3 and rest["next"] is None


def test_a_trail_of_another_clinic_is_not_shown(
    auditor: User, stranger: User, client_for: For
) -> None:
    from enthesis.clinic.actions.sign_in import sign_in

    sign_in(stranger, "127.0.0.1")
    page = text(client_for(auditor).get("/audit/?trail=wrote"))
    assert str(stranger) not in page
    assert str(stranger) not in text(client_for(auditor).get("/audit/users/"))


@pytest.mark.parametrize("role", [role for role in Role if role != Role.ADMINISTRATOR])
def test_nobody_else_gives_roles(role: Role, clinic: models.Clinic) -> None:
    user = make_user(clinic, "giver", role)
    with pytest.raises(Refused, match="cannot give that role"):
        actions.add_user(user, "a.friend", "A Friend", Role.FRONT_DESK, PASSWORD)


def test_nobody_gives_a_role_to_themselves_and_another_administrator_can(
    clinic: models.Clinic, admin: User
) -> None:
    other = make_user(clinic, "second_admin", Role.ADMINISTRATOR)
    with pytest.raises(Refused, match="Another administrator"):
        actions.change_user(admin, admin.pk, Role.CLINICIAN, True, 1)
    assert actions.change_user(other, admin.pk, Role.CLINICIAN, True, 1).role == Role.CLINICIAN


def test_a_calendar_on_a_telephone_dies_with_the_role(desk: User, client_for: For) -> None:
    from enthesis.clinic.actions.calendar_feed import make_feed

    _, token = make_feed(desk, "initials", True)
    address = f"/feed/{token}/appointments.ics"
    assert Client().get(address).status_code == 200
    desk.role = Role.RESEARCHER
    desk.save()
    assert Client().get(address).status_code == 404


@pytest.mark.django_db(transaction=True)
def test_of_two_administrators_who_demote_each_other_at_once_one_stays(
    clinic: models.Clinic, admin: User
) -> None:
    other = make_user(clinic, "second_admin", Role.ADMINISTRATOR)
    pairs = ((admin, other), (other, admin))
    told = at_once([partial(actions.change_user, by, of.pk, "clinician", True, 1)
                    for by, of in pairs])  # fmt: skip
    assert sorted(type(one).__name__ for one in told) == ["Refused", "User"], told
    assert User.objects.filter(role=Role.ADMINISTRATOR, is_active=True).count() == 1


def test_every_right_on_something_of_patients_is_told_in_a_sentence() -> None:
    kinds = table().of_patients
    assert set(PLAINLY) == {(of, may) for of in kinds for may in ACTIONS}


def test_the_report_names_who_can_see_a_patient_by_every_way(
    course: models.Course, clinician: User, desk: User, admin: User, auditor: User,
    researcher: User, client_for: For,
) -> None:  # fmt: skip
    from enthesis.clinic.actions.answer import make_statement_link
    from enthesis.clinic.actions.api_tokens import make_token
    from enthesis.clinic.actions.calendar_feed import make_feed
    from enthesis.clinic.actions.sign_in import sign_out_everywhere

    address = f"/patients/{course.patient_id}/who-can-see/"
    before = client_for(clinician).get(address).context
    assert not any(len(before[way]) for way in ("tokens", "openings", "links", "feeds"))
    people = {seer.role: seer.people for seer in before["seers"]}
    assert people == {
        Role.CLINICIAN: [clinician], Role.FRONT_DESK: [desk], Role.ADMINISTRATOR: [admin],
        Role.AUDITOR: [auditor],
    }  # fmt: skip
    may = {seer.role: seer.may for seer in before["seers"]}
    assert may[Role.CLINICIAN]["record"] == "see" and "record" not in may[Role.FRONT_DESK]
    assert may[Role.AUDITOR] == {"who looked": "see"}
    page = client_for(auditor).get(address).content.decode()
    assert "<li>See who looked at the record, and who can.</li>" in page
    assert "<li>Make, move and cancel appointments.</li>" in page and ": change</li>" not in page
    make_statement_link(desk, course.pk)
    make_token(admin, "A program", "user/*.rs", 30)
    make_feed(desk, "initials", True)
    open_record(desk, course.patient_id, "Fell from the couch")
    after = client_for(auditor).get(address).context
    assert [len(after[way]) for way in ("tokens", "openings", "links", "feeds")] == [1, 1, 1, 1]
    for one in (desk, admin):
        sign_out_everywhere(one)
    ended = client_for(auditor).get(address).context
    assert [len(ended[way]) for way in ("tokens", "feeds")] == [0, 0]
    desk.is_active = admin.is_active = False
    desk.save()
    admin.save()
    gone = client_for(auditor).get(address).context
    assert [len(gone[way]) for way in ("tokens", "openings", "feeds")] == [0, 0, 0]
    assert {seer.role: seer.people for seer in gone["seers"]}[Role.FRONT_DESK] == []

"""Reminders to patients: queued once, sent once, in their language, and never lost."""

import io
import logging
from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta
from datetime import time as time_of_day
from email.message import Message as Mail
from http.client import BadStatusLine
from typing import Any

import pytest
from django.db.models import Value
from django.db.models.functions import Concat
from django.test import Client
from django.utils import timezone

from enthesis.clinic import calls, models, sender, store
from enthesis.clinic.actions import answer, outbox
from enthesis.clinic.day import day
from enthesis.commands import send as command
from tests.clinic_fixtures import session_days_ago, writing_clinic
from tests.kills import kill_many
from tests.stand_in import MailServer, mail_server, sms_gateway

MakeCourse = Callable[..., models.Course]
ADDRESS = "https://a-clinic-with-a-long-name.example"  # longer than a usual line of a mail


@pytest.fixture
def server(settings: Any) -> Iterator[MailServer]:
    with mail_server() as running:
        settings.SMTP, settings.PUBLIC_ADDRESS = running.url, ADDRESS
        yield running


@pytest.fixture
def clinic(db: None) -> models.Clinic:
    return writing_clinic()


@pytest.fixture
def asked(make_course: MakeCourse, make_patient: Callable[..., models.Patient]) -> MakeCourse:
    """`asked(**fields of the patient)`: a course whose patient is to be asked about safety."""

    def make(**fields: Any) -> models.Course:
        patient = make_patient(**{"email": "marta@example.org", **fields})
        return session_days_ago(make_course(patient), 2)

    return make


def body(mail: Mail) -> str:
    return mail.get_payload(decode=True).decode()  # type: ignore[union-attr]


def link_in(mail: Mail, kind: str) -> str:
    """The path of the address of a kind ("a" or "stop") in a mail."""
    line = next(w for w in body(mail).split() if w.startswith(f"{ADDRESS}/{kind}/"))
    return line.removeprefix(ADDRESS)


def test_a_reminder_goes_out_once_and_its_link_opens_the_one_question(
    server: MailServer, asked: MakeCourse
) -> None:
    course = asked()
    assert [sender.run_pass(), sender.run_pass()] == [1, 0]
    (mail,) = server.mails
    message = models.Message.objects.get()
    assert (message.state, mail["Message-ID"]) == ("sent", message.message_id)
    assert (mail["To"], mail["From"]) == ("marta@example.org", "care@harbour.example")
    page = Client().get(link_in(mail, "a"))
    assert "for your safety" in page.content.decode()
    Client().post(link_in(mail, "a"), {"danger": ["none"]})
    given = course.assessments.get()
    assert given.completed_at and given.questionnaire == "safety"


def test_a_mail_says_nothing_about_health_and_stands_in_the_patients_language(
    server: MailServer, asked: MakeCourse
) -> None:
    asked()
    asked(email="luz@example.org", language="es")
    sender.run_pass()
    english, spanish = sorted(server.mails, key=lambda m: m["To"], reverse=True)
    assert "asks how you are" in body(english) and "le pregunta cómo está" in body(spanish)
    assert (english["Content-Language"], spanish["Content-Language"]) == ("en", "es")
    for mail in (english, spanish):
        text = (body(mail) + str(mail["Subject"])).lower()
        for word in ("back", "pain", "dolor", "injection", "session", "lindqvist", "marta"):
            assert word not in text.replace("marta@", "")
        assert link_in(mail, "a").split("/")[2] not in str(mail["Subject"])


@pytest.mark.parametrize("at", ["name", "sender_email"])
def test_no_line_end_forges_a_head(at: str, server: MailServer, asked: MakeCourse) -> None:
    asked()
    # Past every form and column, as from a database that somebody else wrote to.
    forged = Value("Harbour@harbour.example\r\nBcc: eve@example.org")
    models.Clinic.objects.update(**{at: Concat(forged, Value(""))})
    sender.run_pass()
    assert not [mail for mail in server.mails if mail["Bcc"] or "eve@example.org" in mail["From"]]


def test_a_link_by_staff_takes_the_place_of_the_safety_link_and_asks_the_warning_signs(
    server: MailServer, asked: MakeCourse, clinician: models.User
) -> None:
    course = asked()
    sender.run_pass()
    _, token = answer.make_link(clinician, course.pk, "after_session", timezone.localdate())
    assert Client().get(link_in(server.mails[0], "a")).status_code == 404
    first = Client().get(f"/a/{token}/").context["form"].questions
    assert [question.id for question in first] == ["danger"]


def test_neither_the_secret_nor_the_address_is_kept(server: MailServer, asked: MakeCourse) -> None:
    course = asked()
    sender.run_pass()
    token = link_in(server.mails[0], "a").split("/")[2]
    kept = [str(list(m.objects.values())) for m in (models.Message, models.AnswerLink)]
    kept.append(str(list(models.AuditEvent.objects.values())))
    assert not any(token in text or course.patient.email in text for text in kept)


@pytest.mark.parametrize("quoted", [
    "<marta@example.org>: Recipient address rejected", "no user MARTA here", "marta@example.org",
    "<Marta@Example.org>, <marta+old@example.org> unknown", '"marta l"@example.org unknown',
    "/a/marta/ is listed", "marta=40example.org",
    "(555) 0142 is no mobile", "5550142", "+1 555-0142", "+1.555.0142",
])  # fmt: skip
def test_what_a_server_quotes_back_is_kept_without_address_number_and_link(
    server: MailServer, asked: MakeCourse, quoted: str
) -> None:
    asked(phone="(555) 0142")
    server.answers["RCPT"] = f"550 5.1.1 {quoted} [ref 1234]"
    sender.run_pass()
    message = models.Message.objects.get()
    kept = " ".join([message.why, message.attempts.get().detail])
    assert kept.count("550 5.1.1 ") == 2 and kept.count("[ref 1234]") == 2
    assert not any(part in kept.lower() for part in ("marta", "@", "0142"))


def test_every_step_is_audited_as_done_by_enthesis(server: MailServer, asked: MakeCourse) -> None:
    asked()
    sender.run_pass()
    events = models.AuditEvent.objects.values_list("actor", "action")
    steps = ["queue", "claim", "link_for", "hand", "finish"]
    assert list(events) == [("Enthesis", step) for step in steps]


def test_what_was_answered_meanwhile_is_not_sent(server: MailServer, asked: MakeCourse) -> None:
    course = asked()
    sender.queue_wanted(course.patient.clinic, timezone.now())
    models.Assessment.objects.create(
        course=course, on=timezone.localdate(), occasion="after_session",
        questionnaire="six_signs", answers={}, completed_at=timezone.now(),
    )  # fmt: skip
    assert sender.run_pass() == 0 and not server.mails
    assert models.Message.objects.get().state == "dropped"


@pytest.mark.parametrize("change", [
    {"revoked_at": timezone.now()}, {"expires_at": timezone.now() - timedelta(hours=1)},
])  # fmt: skip
def test_a_withdrawn_or_expired_link_is_not_sent_again(
    server: MailServer, asked: MakeCourse, change: dict[str, Any]
) -> None:
    course = asked()
    sender.queue_wanted(course.patient.clinic, timezone.now())
    outbox.link_for(models.Message.objects.get(), timezone.now())
    models.AnswerLink.objects.update(**change)
    assert sender.run_pass() == 0 and not server.mails


def test_nothing_is_sent_at_night_by_the_clinics_clock(
    server: MailServer, asked: MakeCourse, clinic: models.Clinic
) -> None:
    asked()
    models.Clinic.objects.update(quiet_from=time_of_day(0), quiet_to=time_of_day(23, 59, 59))
    assert sender.run_pass() == 0
    assert models.Message.objects.get().state == "waiting"
    for zone, quiet in (("America/New_York", False), ("Asia/Tokyo", True)):
        clinic.time_zone, clinic.quiet_from, clinic.quiet_to = zone, None, None
        noon_in_new_york = timezone.now().replace(month=1, hour=17, minute=0)
        assert sender.is_quiet(clinic, noon_in_new_york) is quiet


def test_nothing_more_is_sent_when_night_falls_during_a_pass(
    server: MailServer, asked: MakeCourse, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked()
    asked(email="ok@example.org")
    monkeypatch.setattr(sender, "is_quiet", lambda *_: bool(server.mails))
    assert sender.run_pass() == 1


def test_those_behind_a_hundred_that_are_not_wanted_any_more_are_sent_all_the_same(
    server: MailServer, asked: MakeCourse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "AT_ONCE", 2)
    for number in range(5):
        asked(email=f"p{number}@example.org")
    sender.queue_wanted(models.Clinic.objects.get(), timezone.now())
    for message in models.Message.objects.order_by("pk")[:4]:
        outbox.choose_contact(message.course.patient, "messages", False)
    assert sender.run_pass() == 1


@pytest.mark.parametrize(("zone", "at", "day"), [
    ("Pacific/Auckland", "2026-11-26T20:00+00:00", "2026-11-27"),
    ("America/Los_Angeles", "2026-11-26T03:00+00:00", "2026-11-25"),
])  # fmt: skip
def test_the_words_and_the_waits_are_those_of_the_clinics_own_day(
    asked: MakeCourse, monkeypatch: pytest.MonkeyPatch, zone: str, at: str, day: str
) -> None:
    clinic, now, days = asked().patient.clinic, datetime.fromisoformat(at), set()
    sender.queue_wanted(clinic, timezone.now())
    models.Clinic.objects.update(time_zone=zone)
    attempt = models.Attempt.objects.create(message=models.Message.objects.get(), way="email")
    known_for = store.known_for

    def known(clinic: models.Clinic, day: date) -> Any:
        days.add(day.isoformat())
        return known_for(clinic, day)

    monkeypatch.setattr(store, "known_for", known)
    sender.text_of(attempt.message, now)
    outbox.finish(attempt, "later", "451 busy", now)
    assert days == {day}


@pytest.mark.parametrize(("at", "quiet"), [
    # The last night of winter: 9 o'clock comes an hour sooner. New York, quiet from 20 to 9.
    ("2026-03-07T13:59+00:00", True), ("2026-03-07T14:00+00:00", False),
    ("2026-03-08T00:59+00:00", False), ("2026-03-08T01:00+00:00", True),
    ("2026-03-08T06:59+00:00", True), ("2026-03-08T07:00+00:00", True),
    ("2026-03-08T12:59+00:00", True), ("2026-03-08T13:00+00:00", False),
    ("2026-03-08T23:59+00:00", False), ("2026-03-09T00:00+00:00", True),
    # The last night of summer is an hour longer.
    ("2026-10-31T23:59+00:00", False), ("2026-11-01T00:00+00:00", True),
    ("2026-11-01T05:30+00:00", True), ("2026-11-01T06:30+00:00", True),
    ("2026-11-01T13:59+00:00", True), ("2026-11-01T14:00+00:00", False),
])  # fmt: skip
def test_the_night_is_the_clinics_when_the_clocks_change(at: str, quiet: bool) -> None:
    clinic = models.Clinic(
        time_zone="America/New_York", quiet_from=time_of_day(20), quiet_to=time_of_day(9)
    )
    assert sender.is_quiet(clinic, datetime.fromisoformat(at)) is quiet


@pytest.mark.parametrize("verb", ["RCPT", "DATA", ".", "MAIL"])
def test_a_refusal_for_now_is_tried_again_later_with_the_same_message_id(
    server: MailServer, asked: MakeCourse, verb: str
) -> None:
    asked()
    server.answers[verb] = "451 try again later"
    assert sender.run_pass() == 0
    message = models.Message.objects.get()
    assert message.state == "waiting" and message.not_before > timezone.now()
    server.answers.clear()
    assert sender.run_pass() == 0, "it waits"
    models.Message.objects.update(not_before=timezone.now())
    assert sender.run_pass() == 1
    assert {mail["Message-ID"] for mail in server.mails} == {message.message_id}
    assert [a.outcome for a in message.attempts.all()] == ["later", "taken"]


def test_after_the_last_try_somebody_is_to_call(server: MailServer, asked: MakeCourse) -> None:
    course = asked()
    server.answers["RCPT"] = "451 try again later"
    for _ in range(6):
        sender.run_pass()
        models.Message.objects.update(not_before=timezone.now())
    message = models.Message.objects.get()
    assert message.state == "failed" and "6 tries" in message.why
    (line,) = calls.call_list(course.patient.clinic, timezone.now()).now
    assert line.course == course and "Given up" in line.reason


def test_a_refused_address_is_not_tried_again_but_called(
    server: MailServer, asked: MakeCourse
) -> None:
    course = asked()
    server.answers["RCPT"] = "550 no such mailbox"
    sender.run_pass()
    assert models.Message.objects.get().state == "failed"
    (line,) = calls.call_list(course.patient.clinic, timezone.now()).now
    assert "no such mailbox" in line.reason


def test_when_the_server_refuses_us_messages_wait_and_today_says_so(
    server: MailServer, asked: MakeCourse
) -> None:
    clinic = asked().patient.clinic
    server.answers["MAIL"] = "530 5.7.0 Authentication required"
    sender.run_pass()
    assert models.Message.objects.get().state == "waiting"
    line = calls.messages_line(clinic)
    assert "The mail server refuses us: 530" in line and "ENTHESIS_SMTP" in line
    server.answers.clear()
    models.Message.objects.update(not_before=timezone.now())
    assert sender.run_pass() == 1 and not calls.messages_line(clinic)


def test_what_broke_off_is_sent_once_more_and_then_called_about(
    server: MailServer, asked: MakeCourse
) -> None:
    """The server takes the mail, but the line breaks before it says so, twice."""
    course = asked()
    server.answers["."] = "hang up"
    for _ in range(4):
        sender.run_pass()
        models.Message.objects.update(not_before=timezone.now())
    assert len({mail["Message-ID"] for mail in server.mails}) == 1 and len(server.mails) == 2
    assert models.Message.objects.get().state == "unclear"
    (line,) = calls.call_list(course.patient.clinic, timezone.now()).now
    assert "may not have arrived" in line.reason.lower()


def test_who_lost_the_lease_does_not_send(server: MailServer, asked: MakeCourse) -> None:
    course = asked()
    clinics, now = [course.patient.clinic], timezone.now()
    sender.queue_wanted(course.patient.clinic, now)
    slow = outbox.claim(clinics, now, timedelta(seconds=1))
    assert slow and outbox.claim(clinics, now) is None, "one holds it"
    quick = outbox.claim(clinics, now + timedelta(seconds=2))
    assert quick and not sender.send(slow) and not server.mails
    assert sender.send(quick) and len(server.mails) == 1


@pytest.fixture
def logged() -> Iterator[io.StringIO]:
    """What the sender writes into the log."""
    out, log = io.StringIO(), logging.getLogger("enthesis")
    handler = logging.StreamHandler(out)
    log.addHandler(handler)
    yield out
    log.removeHandler(handler)


def faulty(of: Callable[..., Any], is_poison: Callable[..., bool]) -> Callable[..., Any]:
    """The same function, but with a fault that names the patient for some of what it is given."""
    words = "marta@example.org"

    def fail(*given: Any) -> Any:
        if is_poison(*given):
            raise BadStatusLine(words)
        return of(*given)

    return fail


@pytest.mark.parametrize(("where", "name", "outcomes"), [
    (sender, "mail_of", ["later"]), (outbox, "_unsendable", []), (outbox, "finish", [""]),
])  # fmt: skip
def test_a_fault_in_one_message_does_not_keep_the_others_waiting(
    server: MailServer, asked: MakeCourse, monkeypatch: pytest.MonkeyPatch, logged: io.StringIO,
    where: Any, name: str, outcomes: list[str],
) -> None:  # fmt: skip
    asked(email="ok@example.org")
    asked()
    asked(email="ok@example.org")

    def is_poison(of: Any, *_: Any) -> bool:
        message: models.Message = getattr(of, "message", of)
        return message.course.patient.email == "marta@example.org"

    monkeypatch.setattr(where, name, faulty(getattr(where, name), is_poison))
    assert sender.run_pass() == 2
    poison = models.Message.objects.get(course__patient__email="marta@example.org")
    assert [a.outcome for a in poison.attempts.all()] == outcomes
    assert "BadStatusLine" in logged.getvalue() and "marta" not in logged.getvalue()
    assert "marta" not in str(list(models.Attempt.objects.values()))


@pytest.mark.parametrize("name", ["queue_wanted", "is_quiet"])
def test_a_fault_in_one_clinic_does_not_keep_the_others_waiting(
    server: MailServer, asked: MakeCourse, monkeypatch: pytest.MonkeyPatch, logged: io.StringIO,
    name: str,
) -> None:  # fmt: skip
    asked()
    other = writing_clinic(name="Poison")
    monkeypatch.setattr(sender, name, faulty(getattr(sender, name), lambda c, _: c == other))
    assert sender.run_pass() == 1
    assert "BadStatusLine" in logged.getvalue() and "marta" not in logged.getvalue()


def test_an_invented_clinic_and_one_that_did_not_ask_for_it_never_write(
    server: MailServer, asked: MakeCourse
) -> None:
    asked()
    for change in ({"invented": True}, {"invented": False, "reminders_on": False}):
        models.Clinic.objects.update(**change)
        sender.run_pass()
    assert not models.Message.objects.exists() and not server.mails


def test_without_a_mail_server_messages_wait_and_today_says_so(
    asked: MakeCourse, desk: models.User, client_for: Callable[..., Client], capsys: Any,
    monkeypatch: pytest.MonkeyPatch, settings: Any,
) -> None:  # fmt: skip
    asked()
    settings.PUBLIC_ADDRESS = ADDRESS
    monkeypatch.setattr("enthesis.clinic.server.prepare", lambda: None)
    assert command.run(command_args(forever=False)) == 1
    assert "reminders cannot be sent" in capsys.readouterr().err
    text = client_for(desk).get("/").content.decode()
    assert "1 message waits and cannot be sent: No mail server is set up" in text


@pytest.mark.alike
@pytest.mark.parametrize(("address", "invented", "said"), [
    ("", False, "ENTHESIS_ADDRESS does not say"),
    ("http://localhost:8000", False, "which only this machine can open"),
    ("http://127.0.0.1:8000", False, "which only this machine can open"),
    ("http://[::1]:8000", False, "which only this machine can open"),
    (ADDRESS, False, "No mail server is set up"),
    (ADDRESS, True, "An invented clinic writes to nobody"),
])  # fmt: skip
def test_today_settings_and_the_command_say_what_reminders_lack_before_any_message_waits(
    clinic: models.Clinic, admin: models.User, client_for: Callable[..., Client], capsys: Any,
    monkeypatch: pytest.MonkeyPatch, settings: Any, address: str, invented: bool, said: str,
) -> None:  # fmt: skip
    settings.PUBLIC_ADDRESS = address
    models.Clinic.objects.update(invented=invented)
    monkeypatch.setattr("enthesis.clinic.server.prepare", lambda: None)
    assert command.run(command_args(forever=False)) == 1
    assert said in capsys.readouterr().err
    client = client_for(admin)
    for page in ("/", "/settings/"):
        text = client.get(page).content.decode()
        assert "switched on, but none can be sent: " in text and said in text
    models.Clinic.objects.update(reminders_on=False)
    for page in ("/", "/settings/"):
        assert said not in client.get(page).content.decode()
    assert command.run(command_args(forever=False)) == 0
    assert "No clinic has reminders switched on" in capsys.readouterr().out


@pytest.mark.parametrize(("address", "host", "warned"), [
    ("", "localhost", True), ("http://localhost:8000", "testserver", True),
    (ADDRESS, "localhost", False), ("", "testserver", False),
])  # fmt: skip
def test_a_link_that_only_this_machine_can_open_is_handed_out_with_a_warning(
    make_course: MakeCourse, desk: models.User, client_for: Callable[..., Client], settings: Any,
    address: str, host: str, warned: bool,
) -> None:  # fmt: skip
    settings.PUBLIC_ADDRESS = address
    path = f"/courses/{make_course().pk}/ask/"
    page = client_for(desk).post(path, {"occasion": "baseline"}, headers={"host": host})
    text = page.content.decode()
    assert ("A patient’s phone cannot open this link" in text) is warned
    assert f'value="{address or "http://" + host}/a/' in text


def command_args(**given: Any) -> Any:
    return type("Args", (), given)()


def test_a_text_message_goes_by_the_gateway_with_its_key(
    asked: MakeCourse, settings: Any, server: MailServer
) -> None:
    with sms_gateway() as (address, taken):
        settings.SMS, settings.SMS_AUTHORIZATION = address, "Bearer abc"
        asked(email="")
        assert sender.run_pass() == 1
    ((headers, sent),) = taken
    message = models.Message.objects.get()
    assert headers["Authorization"] == "Bearer abc" and sent["to"] == "(555) 0142"
    assert headers["Idempotency-Key"] == sent["id"] == message.message_id
    assert f"{ADDRESS}/a/" in sent["text"] and f"{ADDRESS}/stop/" in sent["text"]
    for word in ("back", "pain", "injection", "session", "lindqvist", "marta"):
        assert word not in sent["text"].lower()


@pytest.mark.parametrize(("status", "state", "outcome", "today"), [
    (422, "failed", "refused", ""), (503, "waiting", "later", ""), (502, "waiting", "unclear", ""),
    (401, "waiting", "later", "refuses us: 401"), (404, "waiting", "later", "refuses us: 404"),
])  # fmt: skip
def test_what_the_gateway_refuses_counts_for_good_only_if_the_number_is_wrong(
    asked: MakeCourse, settings: Any, server: MailServer, status: int, state: str, outcome: str,
    today: str,
) -> None:  # fmt: skip
    with sms_gateway(status) as (address, _):
        settings.SMS = address
        clinic = asked(email="").patient.clinic
        sender.run_pass()
    message = models.Message.objects.get()
    assert (message.state, message.attempts.get().outcome) == (state, outcome)
    line = calls.messages_line(clinic)
    assert today in line if today else not line


def test_stopping_takes_one_tap_and_can_be_taken_back(
    server: MailServer, asked: MakeCourse
) -> None:
    course = asked()
    sender.run_pass()
    address = link_in(server.mails[0], "stop")
    assert server.mails[0]["List-Unsubscribe"].strip() == f"<{ADDRESS}{address}>"
    client = Client(enforce_csrf_checks=True)
    assert "Stop messages" in client.get(address).content.decode()
    assert not course.patient.contact_choices.exists(), "looking changes nothing"
    for _ in range(2):  # a second tap adds nothing
        assert "Undo" in client.post(address).content.decode()
    (line,) = calls.call_list(course.patient.clinic, timezone.now()).now
    assert line.reason == "Wants no messages"
    assert "Stop messages" in client.post(address, {"undo": "1"}).content.decode()
    assert [c.wanted for c in course.patient.contact_choices.all()] == [False, True]
    assert models.AuditEvent.objects.filter(action="choose_contact", actor="patient").count() == 2


def test_the_address_that_stops_messages_is_readable_however_long_it_is(
    server: MailServer, asked: MakeCourse
) -> None:
    asked(pk=1234567890)
    sender.run_pass()
    (mail,) = server.mails
    assert mail["List-Unsubscribe"] == f"<{ADDRESS}{link_in(mail, 'stop')}>"
    assert max(map(len, mail.get_payload().splitlines())) <= 78


def test_who_stopped_messages_gets_no_more(server: MailServer, asked: MakeCourse) -> None:
    course = asked()
    sender.queue_wanted(course.patient.clinic, timezone.now())
    outbox.choose_contact(course.patient, "messages", False)
    assert sender.run_pass() == 0 and not server.mails


@pytest.mark.parametrize("token", ["", "12-abc", "abc", "12", "-", "é-é"])
def test_a_wrong_stop_address_stops_nobody(asked: MakeCourse, token: str) -> None:
    asked()
    assert Client().post(f"/stop/{token}/").status_code == 404
    assert not models.ContactChoice.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_killed_at_any_moment_it_loses_nothing_and_sends_nothing_thrice(
    server: MailServer, asked: MakeCourse, settings: Any
) -> None:
    """Twelve kills; benchmarks/proofs/outbox_kills.py does two hundred."""
    for number in range(25):
        asked(email="" if number % 2 else f"patient{number}@example.org", phone=f"+1555{number:07}")
    with sms_gateway() as (settings.SMS, posted):
        toll = kill_many(12, seed=5, server=server, posted=posted)
    assert toll.reminders == 25 and toll.killed == 12
    assert toll.killed_after_handing >= 3
    assert set(toll.arrived) <= {0, 1, 2}
    assert toll.lost == 0 and toll.second_message_ids == 0


def warned(course: models.Course, user: models.User) -> models.Assessment:
    """A warning answer by personal link."""
    _, token = answer.make_link(user, course.pk, "after_session", timezone.localdate())
    page = Client().post(f"/a/{token}/", {"danger": ["fever"]}, follow=True)
    assert "Call now" in page.content.decode()
    return course.assessments.get()


@pytest.mark.parametrize("reminders_on", [False, True])
def test_a_warning_answer_is_written_to_the_clinic_at_once_at_night_too_and_names_nobody(
    server: MailServer, asked: MakeCourse, clinician: models.User, reminders_on: bool
) -> None:
    night = {"quiet_from": time_of_day(0), "quiet_to": time_of_day(23, 59)}
    models.Clinic.objects.update(
        alert_email="oncall@harbour.example", reminders_on=reminders_on, **night
    )
    course = asked()
    warned(course, clinician)
    waiting = models.Message.objects.get()
    assert waiting.is_alert and waiting.state == "waiting"
    assert [sender.send_at_once(), sender.run_pass()] == [1, 0]
    (mail,) = server.mails
    assert (mail["To"], mail["From"]) == ("oncall@harbour.example", "care@harbour.example")
    assert mail["Content-Language"] == "en"
    assert mail["Subject"] == f"Warning answer, course {course.pk}"
    assert f"{ADDRESS}/courses/{course.pk}/" in body(mail)
    for word in ("fever", "lindqvist", "marta", "back", "1968"):
        assert word not in (body(mail) + mail["Subject"]).lower()
    (worry,) = day(clinician.clinic, timezone.localdate(), clinical=True).worries
    assert worry.alert == "sent" and "Fever" in worry.words


def test_an_alert_is_tried_again_and_today_says_what_became_of_it(
    server: MailServer, asked: MakeCourse, clinician: models.User
) -> None:
    models.Clinic.objects.update(alert_email="oncall@harbour.example", reminders_on=False)
    course = asked()
    warned(course, clinician)
    server.answers["RCPT"] = "451 4.3.0 later"
    assert sender.send_at_once() == 0
    message = models.Message.objects.get()
    assert message.state == "waiting" and message.not_before > timezone.now()
    server.answers["RCPT"] = "550 5.1.1 nobody of that name"
    models.Message.objects.update(not_before=timezone.now())
    assert sender.send_at_once() == 0
    (worry,) = day(clinician.clinic, timezone.localdate(), clinical=True).worries
    assert worry.alert == "could not be delivered"


def test_without_an_alert_address_today_alone_shows_it_and_a_harmless_answer_alerts_nobody(
    server: MailServer, asked: MakeCourse, clinician: models.User
) -> None:
    models.Clinic.objects.update(reminders_on=False)
    warned(asked(), clinician)
    assert not models.Message.objects.exists()
    assert len(day(clinician.clinic, timezone.localdate(), clinical=True).worries) == 1
    models.Clinic.objects.update(alert_email="oncall@harbour.example")
    course = asked(email="luz@example.org")
    answer.record_answers(
        clinician, course.pk, "after_session", timezone.localdate(), {"danger": ["none"]}, "safety"
    )
    assert not models.Message.objects.exists()
    answer.record_answers(
        clinician, course.pk, "after_session", timezone.localdate(), {"danger": ["rash"]}, "safety"
    )
    assert models.Message.objects.get().is_alert, "by telephone too"


def test_alerts_do_not_wait_for_the_next_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, done = [0.0], []

    def sleep(seconds: float) -> None:
        clock[0] += seconds
        if clock[0] > 700:
            raise KeyboardInterrupt

    monkeypatch.setattr(sender.time, "sleep", sleep)
    monkeypatch.setattr(sender.time, "monotonic", lambda: clock[0])
    monkeypatch.setattr(sender, "run_pass", lambda: done.append("pass"))
    monkeypatch.setattr(sender, "send_at_once", lambda: done.append("alerts"))
    monkeypatch.setattr(sender.connections, "close_all", lambda: None)
    with pytest.raises(KeyboardInterrupt):
        sender.forever()
    assert done.count("pass") == 3 and done[:2] == ["pass", "alerts"]
    assert 55 <= done.count("alerts") <= 70, "about every ten seconds"


@pytest.mark.parametrize(
    "cleaning",
    ["enquiry.forget_askers", "sending.forget", "export.clean", "SessionStore.clear_expired"],
)
def test_cleaning_that_fails_keeps_no_message_back(
    server: MailServer, asked: MakeCourse, cleaning: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*given: Any) -> None:
        raise OSError("Input/output error")

    monkeypatch.setattr(f"enthesis.clinic.sender.{cleaning}", full)
    asked()
    assert sender.run_pass() == 1

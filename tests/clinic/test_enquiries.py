"""Questions to the clinic by anybody: asked, answered, published while both agree, forgotten."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connections
from django.test import Client, RequestFactory
from django.utils import timezone
from django.utils.html import escape

from enthesis.clinic import models, sender
from enthesis.clinic.actions import Refused
from enthesis.clinic.actions import enquiry as actions
from enthesis.clinic.enquiries import answer_letter
from enthesis.clinic.pages.ask_clinic import _address
from enthesis.clinic.proof import sender_mark
from enthesis.journey.enquiry import lines
from enthesis.knowledge.load import knowledge
from tests.clinic_fixtures import TODAY, writing_clinic
from tests.stand_in import MailServer, mail_server

pytestmark = pytest.mark.django_db
RULES, SAY = knowledge(TODAY).enquiry_rules, lines(knowledge(TODAY), "en")
LUZ = {
    "name": "Luz Canary",
    "email": "luz.canary@example.org",
    "question": "¿Cuánto dura una visita? Vivo en <Bilbao>.",
    "may_publish": "on",
}
ANSWER = "About half an hour.\n.\nBring a friend."
OTHER_CLINIC = 99


@pytest.fixture(autouse=True)
def noon(time_machine: Any) -> Any:
    """Every test begins on 23 Nov 2026, and the clock stands."""
    time_machine.move_to(datetime(2026, 11, 23, 17, tzinfo=UTC), tick=False)
    return time_machine


@pytest.fixture
def clinic(db: None) -> models.Clinic:
    return writing_clinic(takes_questions=True)


@pytest.fixture
def ask(client: Client, noon: Any) -> Callable[..., Any]:
    """`ask(**fields)`: open the page, wait, send; the response."""

    def send(path: str = "", wait: int = RULES.human_seconds + 1, **fields: str) -> Any:
        path = path or f"/ask/{models.Clinic.objects.get().pk}/"
        proof = client.get(path).context["proof"]
        noon.shift(wait)
        return client.post(path, {"proof": proof, **LUZ, **fields})

    return send


@pytest.fixture
def server(settings: Any) -> Iterator[MailServer]:
    with mail_server() as running:
        settings.SMTP, settings.PUBLIC_ADDRESS = running.url, "https://clinic.example"
        yield running


def test_a_question_goes_from_the_page_to_the_answer_to_the_public_and_back(
    ask: Callable[..., Any],
    client: Client,
    client_for: Callable[[models.User], Client],
    clinician: models.User,
    server: MailServer,
) -> None:
    public = f"/ask/{clinician.clinic_id}/es/"
    sent = ask(public)
    assert sent.status_code == 302 and "Su pregunta se ha enviado" in page(client, sent["Location"])
    staff, row = client_for(clinician), models.Enquiry.objects.get()
    assert "1 waits for an answer" in page(staff, "/")
    assert "&lt;Bilbao&gt;" in page(staff, "/enquiries/")
    own = f"/enquiries/{row.pk}/"
    assert staff.post(own, {"answer": ANSWER}).status_code == 302
    assert staff.post(own, {"answer": "Another."}).status_code == 422, "answered once"
    assert sender.run_pass() == 1
    (mail,) = server.mails
    text = mail.get_payload(decode=True).decode()  # type: ignore[union-attr]
    assert (mail["To"], mail["Content-Language"]) == ("luz.canary@example.org", "es")
    assert mail["Subject"] == "Una respuesta de Harbour Clinic"
    assert "Hola, Luz Canary:" in text and ANSWER in text.replace("\r\n", "\n")
    assert "Nadie lee las respuestas" in text

    wording = {"question": "¿Cuánto dura una visita?", "answer": "Media hora."}
    named = staff.post(f"{own}publish/", {**wording, "answer": "Luz  canary: media hora."})
    assert named.status_code == 422 and "Media hora" not in page(client, public)
    staff.post(f"{own}publish/", wording)
    assert "Media hora." in page(client, public)
    assert "Media hora." not in page(client, f"/ask/{clinician.clinic_id}/"), "in its language"
    staff.post(f"{own}publish/", {"take_back": "1"})
    assert "Media hora." not in page(client, public)
    staff.post(f"{own}publish/", wording)
    back = "/asked/" + text.partition("https://clinic.example/asked/")[2].split()[0]
    assert "Retirarlo" in page(client, back) and "Media hora." in page(client, public)
    assert client.post(back).status_code == client.post(back).status_code == 302
    assert "Retirarlo" not in page(client, back) and "Media hora." not in page(client, public)
    assert "Took it back" in page(staff, own)
    with pytest.raises(Refused, match="Both must agree"):
        actions.publish_enquiry(clinician, row.pk, *wording.values())
    events = models.AuditEvent.objects.filter(record="enquiry").exclude(action="read_enquiry")
    assert list(events.values_list("actor", "action", "clinic")) == [
        (who, what, clinician.clinic_id)
        for who, what in (
            ("asker", "ask_question"),
            (str(clinician), "answer_enquiry"),
            (str(clinician), "publish_enquiry"),
            (str(clinician), "take_back_enquiry"),
            (str(clinician), "publish_enquiry"),
            ("asker", "withdraw_agreement"),
        )
    ]
    assert models.AuditEvent.objects.filter(action="read_enquiry").count() == 2


def page(client: Client, path: str) -> str:
    """What a page says; a public one says nothing of who asked, and leaves no cookie."""
    response = client.get(path)
    text = response.content.decode()
    assert response.status_code == 200
    if "_auth_user_id" not in client.session:
        assert "canary" not in text.lower() and not response.cookies
    return text


@pytest.mark.alike
@pytest.mark.parametrize(
    ("changed", "wait", "line"),
    [
        ({"proof": ""}, 10, "wrong-proof"),
        ({"proof": "1.abc:1vNJXy:forged"}, 10, "wrong-proof"),
        ({"proof": OTHER_CLINIC}, 10, "wrong-proof"),
        ({}, 60 * RULES.proof_minutes + 1, "wrong-proof"),
        ({}, RULES.human_seconds - 1, "wrong-fast"),
        ({"homepage": "https://spam.example"}, 10, "wrong-trap"),
    ],
)
def test_a_machine_is_refused_and_a_human_only_presses_again(
    ask: Callable[..., Any],
    client: Client,
    clinic: models.Clinic,
    noon: Any,
    changed: dict[str, Any],
    wait: int,
    line: str,
) -> None:
    if changed.get("proof") == OTHER_CLINIC:
        other = writing_clinic(name="Hill", takes_questions=True)
        changed = {"proof": client.get(f"/ask/{other.pk}/").context["proof"]}
    path = f"/ask/{clinic.pk}/"
    refused = ask(path, wait, **changed)
    text = refused.content.decode()
    assert refused.status_code == 422 and SAY[line] in text
    assert LUZ["email"] in text and "&lt;Bilbao&gt;" in text and "spam" not in text
    assert not models.Enquiry.objects.exists()
    noon.shift(10)
    shown = {name: refused.context["form"][name].value() for name in LUZ}
    again = client.post(path, {**shown, "homepage": "", "proof": refused.context["proof"]})
    assert again.status_code == 302 and models.Enquiry.objects.count() == 1


@pytest.mark.parametrize(
    ("field", "typed", "said"),
    [
        ("name", "Luz\r\nBcc: all@example.org", SAY["wrong-name"]),
        ("name", "Luz\u2028Bcc: all@example.org", SAY["wrong-name"]),
        ("name", "L" * 101, "at most 100 characters"),
        ("email", "luz@example.org\r\nBcc: all@example.org", "valid email"),
        ("email", "luz@example.org, all@example.org", "valid email"),
        ("email", '"luz\x0bBcc"@example.org', SAY["wrong-email"]),
        ("email", "", "This field is required."),
        ("question", " \n ", "This field is required."),
        ("question", "é" * (RULES.question_characters + 1), "at most 1500 characters"),
        ("question", "null \0 byte", "Null characters are not allowed."),
    ],
)
@pytest.mark.alike
def test_what_cannot_be_taken_is_said_at_the_field_and_stays_typed(
    ask: Callable[..., Any], clinic: models.Clinic, field: str, typed: str, said: str
) -> None:
    refused = ask(**{field: typed})
    assert refused.status_code == 422 and said in str(refused.context["form"].errors[field])
    assert refused.context["form"][field].value() == typed
    assert not models.Enquiry.objects.exists()


@pytest.mark.parametrize("typed", [
    "<script>alert(1)</script>", "'; DROP TABLE clinic_enquiry; --", "{{ 7*7 }} {clinic} %s",
    "\u202etxet \ufeff z\u0300\u0301", "👩‍👩‍👧 ½ 表ポ", "a" * RULES.question_characters,
])  # fmt: skip
def test_whatever_else_is_typed_is_kept_as_it_is_and_harms_nobody(
    ask: Callable[..., Any], client_for: Callable[..., Client], desk: models.User, typed: str
) -> None:
    assert ask(name=typed[:100], question=typed).status_code == 302
    row = models.Enquiry.objects.get()
    assert (row.name, row.question) == (typed[:100].strip(), typed)
    staff = client_for(desk)
    staff.post(f"/enquiries/{row.pk}/", {"answer": typed})
    text = page(staff, f"/enquiries/{row.pk}/")
    assert text.count(f"<p>{escape(typed)}</p>") == 2, "question and answer"
    assert f"\n{typed}\n" in answer_letter(row, "https://clinic.example", by_us=False)[1]


def test_too_many_from_one_address_or_for_one_clinic_wait_and_the_address_is_not_kept(
    ask: Callable[..., Any], clinic: models.Clinic, noon: Any
) -> None:
    for _ in range(RULES.hourly_most):
        assert ask().status_code == 302
    assert "from your network" in ask().content.decode()
    marks = set(models.Enquiry.objects.values_list("asked_from", flat=True))
    assert len(marks) == 1 and "127.0.0.1" not in str(list(models.Enquiry.objects.values()))
    noon.shift(timedelta(hours=1))
    assert ask().status_code == 302, "another hour"
    sender.run_pass()
    assert models.Enquiry.objects.exclude(asked_from="").count() == 1
    models.Enquiry.objects.bulk_create(
        models.Enquiry(clinic=clinic, language="en", question="?", proof=str(number))
        for number in range(RULES.daily_most)
    )
    assert "more questions today" in ask().content.decode()
    noon.shift(timedelta(days=1, hours=1))
    assert ask().status_code == 302


@pytest.mark.alike
def test_the_mark_of_an_address_is_another_one_elsewhere_and_later(clinic: models.Clinic) -> None:
    now, other = timezone.now(), models.Clinic(pk=clinic.pk + 1)
    marks = {
        sender_mark(of, address, at)
        for of, address, at in (
            (clinic, "192.0.2.1", now),
            (clinic, "192.0.2.2", now),
            (other, "192.0.2.1", now),
            (clinic, "192.0.2.1", now + timedelta(hours=1)),
            (clinic, "2001:db8::1", now),
        )
    }
    assert sender_mark(clinic, "::ffff:192.0.2.1", now) in marks, "the first, otherwise written"
    assert len(marks) == 5 and sender_mark(clinic, "2001:db8::2", now) in marks, "one home"
    assert sender_mark(clinic, "no address", now) == sender_mark(clinic, "", now)


@pytest.mark.alike
def test_behind_the_server_that_ends_tls_its_own_word_for_the_address_counts(
    client: Client, clinic: models.Clinic, settings: Any
) -> None:
    told = RequestFactory().get("/", headers={"X-Forwarded-For": "192.0.2.9, 192.0.2.1"})
    assert _address(told) == "127.0.0.1"
    settings.HTTPS = True
    assert _address(told) == "192.0.2.1"


def test_name_and_address_are_erased_in_time_and_a_late_answer_goes_nowhere(
    ask: Callable[..., Any],
    client_for: Callable[..., Client],
    desk: models.User,
    server: MailServer,
    noon: Any,
) -> None:
    ask()
    row = models.Enquiry.objects.get()
    actions.answer_enquiry(desk, row.pk, ANSWER, by_mail=True)
    noon.shift(timedelta(days=RULES.keep_days, seconds=-1))
    assert actions.forget_askers(timezone.now()) == 0
    noon.shift(2)
    assert actions.forget_askers(timezone.now()) == 1
    assert sender.run_pass() == 0 and not server.mails
    row.refresh_from_db()
    assert (row.name, row.email) == ("", "") and row.erased_at
    assert models.Message.objects.get().state == "failed"
    kept = " ".join(str(list(m.objects.values())) for m in (models.Enquiry, models.AuditEvent))
    assert "anary" not in kept and "were erased" in page(client_for(desk), f"/enquiries/{row.pk}/")
    with pytest.raises(Refused, match="already"):
        actions.answer_enquiry(desk, row.pk, ANSWER, by_mail=True)


@pytest.mark.alike
def test_an_answer_that_cannot_be_delivered_is_said_so_and_can_be_copied(
    ask: Callable[..., Any],
    client_for: Callable[..., Client],
    desk: models.User,
    server: MailServer,
) -> None:
    ask()
    row, staff = models.Enquiry.objects.get(), client_for(desk)
    own = f"/enquiries/{row.pk}/"
    staff.post(own, {"answer": ANSWER})
    server.answers["MAIL"] = "530 5.7.0 Authentication required"
    assert sender.send_at_once() == 0
    waits = page(staff, own)
    assert "E-mail: waiting. The mail server refuses us" in waits and "mailto:" not in waits
    server.answers = {"RCPT": "550 5.1.1 no luz.canary here"}
    models.Message.objects.update(not_before=timezone.now())
    assert sender.send_at_once() == 0
    assert "Could not be delivered" in page(staff, "/enquiries/") and "mailto:" in page(staff, own)
    assert "canary" not in str(list(models.Message.objects.values()))


@pytest.mark.alike
def test_without_a_mail_server_staff_copy_the_letter_and_may_set_a_question_aside(
    ask: Callable[..., Any], client_for: Callable[..., Client], desk: models.User
) -> None:
    ask()
    row, staff = models.Enquiry.objects.get(), client_for(desk)
    own = f"/enquiries/{row.pk}/"
    assert "Answers are not sent by Enthesis" in page(staff, own)
    staff.post(own, {"set_aside": "1"})
    assert "Nobody waits" in page(staff, "/") and "Set aside" in page(staff, "/enquiries/")
    assert staff.post(own, {"answer": " "}).status_code == 422
    staff.post(own, {"answer": ANSWER})
    text = page(staff, own)
    assert "mailto:luz.canary@example.org?subject=An%20answer" in text and "/asked/" in text
    assert "Nobody reads answers" not in text and not models.Message.objects.exists()
    assert staff.get(f"{own}publish/").status_code == 403, "the front desk publishes nothing"


@pytest.mark.alike
def test_the_page_is_there_only_where_the_clinic_switched_it_on(
    client: Client, clinic: models.Clinic
) -> None:
    assert f"/ask/{clinic.pk}/" in page(client, f"/choose/{clinic.pk}/low_back/")
    models.Clinic.objects.update(phone="(555) 0100 ext. 7")
    assert 'href="tel:5550100"' in page(client, f"/ask/{clinic.pk}/")
    assert "Haga una pregunta" in page(client, f"/choose/{clinic.pk}/low_back/es/")
    models.Clinic.objects.update(takes_questions=False)
    assert "/ask/" not in page(client, f"/choose/{clinic.pk}/low_back/")
    for path in (f"/ask/{clinic.pk}/", f"/ask/{clinic.pk}/es/", f"/ask/{2**70}/", "/asked/1-x/"):
        assert client.get(path).status_code == client.post(path).status_code == 404, path


@pytest.mark.django_db(transaction=True)
def test_of_twenty_that_send_one_page_at_once_one_question_is_kept(
    client: Client, clinic: models.Clinic, noon: Any
) -> None:
    path = f"/ask/{clinic.pk}/"
    proof = client.get(path).context["proof"]
    noon.shift(10)

    def send(number: int) -> int:
        try:
            asked = {**LUZ, "proof": proof, "question": f"How long? {number % 2}"}
            return Client().post(path, asked).status_code
        finally:
            connections.close_all()

    with ThreadPoolExecutor(20) as all_at_once:
        answers = list(all_at_once.map(send, range(20)))
    assert models.Enquiry.objects.count() == 1
    assert sorted(answers) == [302] * 10 + [422] * 10, "the same again is no fault"

"""The Big List of Naughty Strings on paper and in mail: the words themselves, or a refusal that
names what cannot be printed. Some words in a usual run, all with ENTHESIS_EVERY=1."""

import shutil
import subprocess
from collections.abc import Callable
from email.header import decode_header, make_header
from pathlib import Path
from typing import Any
from unicodedata import category

import pytest
from django.core.exceptions import ValidationError
from django.test import Client

from enthesis.clinic import models, sender
from enthesis.clinic.actions import enquiry as actions
from enthesis.clinic.enquiries import answer_letter
from enthesis.outcomes import paper
from tests.clinic.everywhere import EVERY, share
from tests.clinic.test_fhir_hostile import naughty
from tests.clinic_fixtures import session_days_ago, writing_clinic
from tests.stand_in import mail_server

ADDRESS = "https://clinic.example"
HEADS = ["Content-Type", "Content-Transfer-Encoding", "MIME-Version", "From", "To", "Subject"]
HEADS += ["Message-ID", "Date", "Content-Language", "Auto-Submitted"]
ACTS = (b"/JavaScript", b"/Launch", b"/URI", b"/EmbeddedFile", b"/SubmitForm")


@pytest.fixture
def clinic(db: None) -> models.Clinic:
    return writing_clinic(takes_questions=True)


def words() -> list[str]:
    return share([one for one in naughty()[:-6] if one.strip()], 1 if EVERY == 1 else 20)


def plain(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


def letters_of(text: str) -> str:
    """Without what a reader of a PDF leaves out where a line ends."""
    return "".join(c for c in text if c != "-" and category(c)[0] not in "CZ")


def piled(text: str) -> bool:
    """Marks above marks, which it reads in another order."""
    return "M" in {category(c)[0] for c in text}


@pytest.mark.alike
@pytest.mark.skipif(not shutil.which("pdftotext"), reason="poppler-utils is not installed")
def test_naughty_words_are_printed_as_words_or_refused_with_the_letters_that_lack(
    make_course: Callable[..., models.Course],
    clinician: models.User,
    client_for: Callable[[models.User], Client],
    tmp_path: Path,
) -> None:
    course = session_days_ago(make_course(), 2)
    client, session = client_for(clinician), course.sessions.get()
    address, printed = f"/patients/{course.patient_id}/record.pdf", []
    for word in words():
        row = models.Amendment.objects.create(session=session, text=word, by=clinician)
        letters = [c for c in word if not c.isspace() and ord(c) not in paper._letters()]
        if not letters:
            printed.append(word)
            continue
        answer = client.get(address)
        assert answer.status_code == 422, word
        assert f"U+{ord(min(letters)):04X}" in answer.content.decode(), word
        row.delete()
    answer = client.get(address)
    assert answer.status_code == 200 and printed
    assert not [act for act in ACTS if act in answer.content]
    (tmp_path / "a.pdf").write_bytes(answer.content)
    # What stands within the margins.
    told = ["pdftotext", *"-x 0 -y 56 -W 595 -H 736".split(), str(tmp_path / "a.pdf"), "-"]
    read = subprocess.run(told, check=True, capture_output=True, text=True)
    there = letters_of(read.stdout)
    assert not [word for word in printed if letters_of(word) not in there and not piled(word)]


@pytest.mark.alike
def test_naughty_words_are_mailed_as_words_and_under_the_same_heads(
    clinic: models.Clinic, desk: models.User, settings: Any
) -> None:
    with mail_server() as server:
        settings.SMTP, settings.PUBLIC_ADDRESS = server.url, ADDRESS
        for number, word in enumerate(words(), 1):
            for place, most in (("name", 120), ("phone", 40)):
                try:
                    models.Clinic.objects.update(**{place: word[:most]})
                except ValidationError:
                    pass  # No form takes it either.
            row = models.Enquiry.objects.create(
                clinic=clinic, language="en", name=word[:100], email="luz@example.org",
                question=word, proof=str(number),
            )  # fmt: skip
            actions.answer_enquiry(desk, row.pk, word, by_mail=True)
            assert sender.send_at_once() == 1, ascii(word)
            row = models.Enquiry.objects.get(pk=row.pk)
            subject, body = answer_letter(row, ADDRESS, by_us=True)
            mail = server.mails.pop()
            assert mail.keys() == HEADS and mail["To"] == "luz@example.org", word
            sent = str(make_header(decode_header(mail["Subject"])))
            assert sent.split() == subject.split(), word
            written = mail.get_payload(decode=True).decode()  # type: ignore[union-attr]
            assert plain(written).rstrip("\n") == plain(body).rstrip("\n"), word

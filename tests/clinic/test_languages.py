"""A patient is asked in their language, changes it with one tap, and scores the same."""

import ast
import gettext
import inspect
import re
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from django.db import OperationalError
from django.test import Client, RequestFactory
from django.utils.translation.template import templatize

from enthesis.clinic import (
    documents,
    errors,
    models,
    questions,
    record_courses,
    record_parts,
    store,
    whole_record,
)
from enthesis.clinic.actions import answer as actions
from enthesis.clinic.pages import ask, calendar, second_fact, statement
from enthesis.journey import follow
from enthesis.knowledge.kinds import Knowledge
from enthesis.knowledge.load import knowledge
from enthesis.knowledge.translate import in_language
from tests.clinic.test_answer_pages import ANSWERS, answer_all, answer_screen, asked, link_to
from tests.clinic.treated import agree_plan

TODAY = date(2026, 11, 23)
CLINIC = Path(models.__file__).parent
WORDS = CLINIC / "locale/es/LC_MESSAGES"
ENGLISH = re.compile(r"\b(the|your|please|you|question|call|today|tick|answer)\b", re.IGNORECASE)
STYLE = re.compile(r"<(style|script|svg)\b.*?</\1>|<[^>]+>", re.DOTALL)
pytestmark = [pytest.mark.usefixtures("on_a_fixed_day"), pytest.mark.alike]


@pytest.fixture
def course(make_course: Callable[..., models.Course]) -> models.Course:
    course = make_course()
    agree_plan(course)
    models.Patient.objects.update(language="es")
    course.refresh_from_db()
    return course


def text_of(response: Any) -> str:
    """What is read on the page, without the other language's name and the clinic's."""
    text = STYLE.sub(" ", response.content.decode())
    return text.replace("Harbour Clinic", "").replace("English", "")


def test_every_screen_stands_in_the_patients_language(
    course: models.Course, clinician: models.User
) -> None:
    client, address = Client(), link_to(course, clinician)
    response, screens = client.get(address), 0
    while screens < 20:
        assert '<html lang="es">' in response.content.decode()
        assert not ENGLISH.search(text_of(response)), text_of(response)
        if "Recibimos sus respuestas" in text_of(response):
            break
        response, screens = answer_screen(client, address), screens + 1
    assert 10 < screens < 20


def test_a_slip_is_told_in_the_patients_language(
    course: models.Course, clinician: models.User
) -> None:
    client, address = Client(), link_to(course, clinician)
    wrong = client.post(address, {"screen": "danger", "danger": ["none", "fever"]})
    assert "marque «Ninguna de estas» u otras líneas" in text_of(wrong)
    answer_screen(client, address)
    wrong = client.post(address, {"screen": "pain", "pain": "11"})
    assert wrong.status_code == 422
    assert "Por favor, dé un número entero de 0 a 10." in text_of(wrong)
    assert not ENGLISH.search(text_of(wrong))


def test_a_warning_sign_is_answered_in_the_patients_language(
    course: models.Course, clinician: models.User
) -> None:
    page = answer_screen(Client(), link_to(course, clinician), {"danger": ["bladder"]})
    assert "Llame ahora al número de emergencias" in text_of(page)
    assert "Llamar al 911 (Estados Unidos y Canadá)" in text_of(page)
    assert not ENGLISH.search(text_of(page))


def test_one_tap_changes_the_language_on_the_same_screen_and_the_link_keeps_it(
    course: models.Course, clinician: models.User
) -> None:
    client, address = Client(), link_to(course, clinician)
    answer_screen(client, address)
    page = client.get(address).content.decode()
    (other,) = re.findall(r'<form method="post" action="([^"]+)">.*lang="en">English<', page)
    assert other == f"{address}en/?q=pain"
    client.get(other)
    assert client.get(address).content.decode().count("dolor")  # looking alone keeps nothing
    english = client.post(other, {"speak": "en"}, follow=True)
    assert '<html lang="en">' in english.content.decode() and asked(english) == ["pain"]
    assert '<html lang="en">' in Client().get(address).content.decode()
    assert course.patient.language == "es"


@pytest.mark.parametrize(("on_record", "phone", "spoken"), [
    ("en", "es-MX,es;q=0.9,en;q=0.5", "es"), ("en", "fr-CA,fr;q=0.9,es;q=0.8", "es"),
    ("en", "en-US,en;q=0.9,es;q=0.5", "en"), ("en", "fr", "en"), ("en", "", "en"),
    ("es", "en-US,en", "es"),
])  # fmt: skip
def test_where_no_language_was_chosen_the_phones_own_is_spoken(
    course: models.Course, clinician: models.User, on_record: str, phone: str, spoken: str
) -> None:
    models.Patient.objects.update(language=on_record)
    address, client = link_to(course, clinician), Client(headers={"accept-language": phone})
    response = client.get(address)
    assert f'<html lang="{spoken}">' in response.content.decode()
    assert "Accept-Language" in response["Vary"]
    client.post(f"{address}en/", {"speak": "en"})
    assert '<html lang="en">' in client.get(address).content.decode()


@pytest.mark.parametrize(("language", "urgent", "quoted"), [
    ("en", "Call the emergency number now: 911 (United States and Canada), 112 (Europe).",
     "this: “ponerme las medias”?"),
    ("es", "Llame ahora al número de emergencias: 911 (Estados Unidos y Canadá), 112 (Europa).",
     "esto: «ponerme las medias»?"),
])  # fmt: skip
def test_breathlessness_goes_to_the_emergency_number_and_the_patients_words_stand_quoted(
    course: models.Course, clinician: models.User, language: str, urgent: str, quoted: str
) -> None:
    client, address = Client(), f"{link_to(course, clinician)}{language}/"
    assert urgent in " ".join(text_of(client.get(address)).split()).replace(" )", ")").replace(
        "( ", "("
    )
    # Only scales show the values of their answers.
    assert not re.findall(r"\b(hot_red|headache_upright)\b", text_of(client.get(address)))
    known = knowledge(TODAY)
    asked_of = questions_in(course, language, known)
    assert quoted in asked_of["activity_1"]


def questions_in(course: models.Course, language: str, known: Knowledge) -> dict[str, str]:
    """The words of every question at the start, with one activity named."""
    named = {"activity_1_name": "ponerme las medias"}
    record, known = store.course_record(course), in_language(known, language)
    return {q.id: q.text for q in actions.questions_of(record, "baseline", named, known)}


def test_the_answers_and_scores_are_the_same_in_every_language(
    make_course: Callable[..., models.Course], clinician: models.User
) -> None:
    known, found = knowledge(TODAY), []
    for language in models.Patient.Language.values:
        course = make_course()
        address = f"{link_to(course, clinician)}{language}/"
        answer_all_in(Client(), address)
        record = store.assessment_record(course.assessments.last())
        found.append(
            (
                record.answers,
                {m.id: follow.score(m, record.answers) for m in known.measures.values()},
            )
        )
    assert found[0] == found[1]
    scores = found[0][1]
    assert (scores["pain"], scores["rmdq"], scores["worry"]) == (4, 2, 2)


def answer_all_in(client: Client, address: str) -> None:
    """As `answer_all`, whose sign of the end is English."""
    for _ in range(30):
        ids = asked(client.get(address))
        sent = {id: ANSWERS.get(id, "4") for id in ids}
        response = client.post(address, sent | {"screen": ids[0]}, follow=True)
        if "form" not in response.context:
            return
    raise AssertionError("The questions do not end.")


def test_an_english_patient_sees_no_spanish_but_the_way_to_it(
    make_course: Callable[..., models.Course], clinician: models.User
) -> None:
    course = make_course()
    agree_plan(course)
    address = link_to(course, clinician)
    page = Client().get(address).content.decode()
    assert '<html lang="en">' in page and 'lang="es">Español</button>' in page
    assert "This link works until 7 Dec 2026." in page
    assert "Este enlace sirve hasta el 7 de diciembre de 2026." in text_of(
        Client().get(f"{address}es/")
    )
    assert answer_all(Client(), address) > 5


@pytest.mark.parametrize("rest", ["", "es/", "fr/", "es/x/"])
def test_a_dead_link_is_explained_in_both_languages(rest: str, db: None) -> None:
    response = Client().get(f"/a/no-such-link/{rest}")
    page = response.content.decode()
    assert response.status_code == 404
    assert "does not work any more" in page and "Este enlace ya no funciona" in page
    assert '<div lang="es">' in page


@pytest.mark.parametrize(
    ("address", "browser", "title"),
    [
        ("/a/no-such-link/", "es-MX,es;q=0.9,en;q=0.5", "Este enlace ya no funciona"),
        ("/a/no-such-link/es/", "en-US", "Este enlace ya no funciona"),
        ("/consent/no-such-link/", "fr, es;q=0.2", "Este enlace ya no funciona"),
        ("/choose/999/", "es", "Esta página no existe"),
        ("/choose/999/es/", "", "Esta página no existe"),
        ("/results/999/", "es", "Aquí no hay resultados publicados"),
        ("/mistyped/", "es", "Esta página no existe"),
        ("/mistyped/", "fr", "There is no such page"),
    ],
)
def test_a_wrong_address_is_explained_first_in_the_telephones_language(
    address: str, browser: str, title: str, db: None
) -> None:
    response = Client().get(address, headers={"accept-language": browser})
    page = response.content.decode()
    assert response.status_code == 404 and f"<h1>{title}</h1>" in page
    assert (
        f'<html lang="{"en" if title.startswith("There") else "es"}">' in page
        and "Today" not in page
    )


def test_a_form_too_old_and_a_busy_server_are_explained_in_the_patients_language(
    course: models.Course, clinician: models.User
) -> None:
    client = Client(enforce_csrf_checks=True)
    old = client.post(f"{link_to(course, clinician)}es/", {"pain": "4"})
    assert old.status_code == 403 and "<h1>Esta página estuvo abierta" in old.content.decode()
    request = RequestFactory().get("/a/x/", headers={"accept-language": "es"})
    busy = errors.busy(request, OperationalError("locked"))
    assert busy.status_code == 503 and "<h1>Esta página no puede" in busy.content.decode()


def test_an_unknown_language_of_a_live_link_is_no_page(
    course: models.Course, clinician: models.User
) -> None:
    assert Client().get(f"{link_to(course, clinician)}fr/").status_code == 404


def test_a_clinics_own_emergency_words_have_a_spanish_sister(
    course: models.Course, clinician: models.User
) -> None:
    models.Clinic.objects.update(emergency_text="Bad news?", emergency_text_es="")
    address = link_to(course, clinician)
    assert "número de emergencias" in text_of(Client().get(address))
    models.Clinic.objects.update(emergency_text_es="¿Se siente muy mal?")
    page = text_of(Client().get(address))
    assert "¿Se siente muy mal?" in page and "Bad news" not in page


@pytest.mark.parametrize("own", ["", "Very ill? Dial 911."])
@pytest.mark.parametrize(("language", "when"), [
    ("en", "Fever, a hot red place or new weakness? Call (555) 0100 now."),
    ("es", "¿Fiebre, una zona caliente y roja o debilidad nueva? Llame ahora al (555) 0100."),
])  # fmt: skip
def test_a_question_ends_in_a_call_only_with_the_reason_for_it(
    course: models.Course, clinician: models.User, own: str, language: str, when: str
) -> None:
    models.Clinic.objects.update(emergency_text=own, emergency_text_es=own)
    page = " ".join(text_of(Client().get(f"{link_to(course, clinician)}{language}/")).split())
    assert when in page
    assert own in page.replace(" .", ".")


def test_the_letter_to_send_is_in_the_patients_language(
    course: models.Course, client_for: Callable[[models.User], Client], clinician: models.User
) -> None:
    page = client_for(clinician).post(f"/courses/{course.pk}/ask/", {"occasion": "baseline"})
    assert "le hace unas preguntas antes de su próxima visita" in page.content.decode()


def test_only_backs_are_asked_about_backs(
    make_course: Callable[..., models.Course], clinician: models.User
) -> None:
    known = knowledge(TODAY)
    back, knee = make_course(), make_course(condition="knee_oa")
    for course, occasion, wanted in [
        (back, "baseline", True),
        (back, "after_session", False),
        (back, "recheck", True),
        (knee, "baseline", False),
    ]:
        record = store.course_record(course)
        ids = {q.id for q in actions.questions_of(record, occasion, {}, known)}
        assert ("rmdq" in ids) is wanted
        assert ("gad_worry" in ids) is (occasion != "after_session")


# --- the words around the questions


def catalogue() -> dict[str, str]:
    """English to Spanish as the .po file has it."""
    text = (WORDS / "django.po").read_text(encoding="utf-8")
    assert "fuzzy" not in text
    pairs = re.findall(r'^msgid "(.+)"\nmsgstr "(.*)"$', text, re.MULTILINE)
    assert len(pairs) == len(dict(pairs)) == text.count("\nmsgid ") - 1
    return dict(pairs)


SAID = ("gettext", "gettext_noop")
WORDED = (
    *(questions, actions, ask, calendar, documents, errors, second_fact, statement),
    *(record_courses, record_parts, whole_record),
)


def wanted() -> set[str]:
    """Everything that a page, a form or the core says to a patient."""
    found: set[str] = set()
    for path in CLINIC.glob("templates/clinic/**/*.html"):
        source = path.read_text(encoding="utf-8")
        if "i18n" in source:
            marked = re.findall(r"gettext\(u?('(?:[^'\\]|\\.)*'|\"[^\"]*\")\)", templatize(source))
            marked += re.findall(r"_\(u?('(?:[^'\\]|\\.)*'|\"[^\"]*\")\)", templatize(source))
            found |= {str(ast.literal_eval(text)) for text in marked}
    for module in WORDED:
        for node in ast.walk(ast.parse(inspect.getsource(module))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") in SAID:
                found |= {a.value for a in node.args if isinstance(a, ast.Constant)}
    core = ast.walk(ast.parse(inspect.getsource(follow)))
    strings = (n.value for n in core if isinstance(n, ast.Constant) and isinstance(n.value, str))
    return found | {text for text in strings if text.startswith("Please ")}


def test_every_word_around_the_questions_is_translated_and_none_is_left_over() -> None:
    translated = catalogue()
    assert wanted() == translated.keys()
    for english, spanish in translated.items():
        assert spanish.strip()
        names = re.compile(r"%\(\w+\)s|\{\w+\}")
        assert set(names.findall(english)) == set(names.findall(spanish)), english


def test_the_compiled_words_are_those_of_the_readable_file() -> None:
    with (WORDS / "django.mo").open("rb") as file:
        compiled = gettext.GNUTranslations(file)
    for english, spanish in catalogue().items():
        assert compiled.gettext(english) == spanish

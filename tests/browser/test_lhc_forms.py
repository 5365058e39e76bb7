"""Our questionnaires in LHC-Forms, the forms of the US National Library of Medicine, in Chromium.

It knows nothing of us: it reads our Questionnaire, draws it, takes our answers, judges them by its
own rules, and gives a QuestionnaireResponse back, which our validator reads in turn.
"""

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Route

from enthesis.exchange.fhir.answers_valid import response_findings
from enthesis.exchange.fhir.finding import errors
from enthesis.exchange.fhir.questionnaire import asked_by, questionnaires
from enthesis.exchange.fhir.response import answers_from
from enthesis.knowledge.load import knowledge
from tests.unit.exchange.fhir.answering import answered

PACKAGE = Path(__file__).parents[1] / "node/node_modules/lforms/dist/lforms"
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(
        not PACKAGE.is_dir(), reason="LHC-Forms comes through npm: run make setup-test where it is"
    ),
]
SCRIPTS = (
    "webcomponent/assets/lib/zone.min.js",
    "webcomponent/runtime.js",
    "webcomponent/polyfills.js",
    "webcomponent/main.js",
    "fhir/R4/lformsFHIR.min.js",
)
# Its scripts hold tables in UTF-8 which it cannot read when they are taken for anything else.
PAGE = f"""<!doctype html><html lang="en"><head><meta charset="utf-8"><title>LHC-Forms</title>
<link rel="stylesheet" href="/webcomponent/styles.css"></head><body><div id="form"></div>
{"".join(f'<script src="/{script}"></script>' for script in SCRIPTS)}</body></html>"""
DRAW = """async ([questionnaire, response]) => {
  const form = LForms.Util.convertFHIRQuestionnaireToLForms(questionnaire, 'R4');
  const filled = LForms.Util.mergeFHIRDataIntoLForms('QuestionnaireResponse', response, form, 'R4');
  await LForms.Util.addFormToPage(filled, 'form');
}"""
ORIGIN = "http://lhc-forms.test"


@pytest.fixture(scope="module")
def page(browser: Browser) -> Iterator[Page]:
    """A page with LHC-Forms, once: loading it takes longer than all the forms."""
    page = browser.new_page()
    problems: list[str] = []

    def serve(route: Route) -> None:
        path = route.request.url.removeprefix(ORIGIN)
        file = PACKAGE / path.lstrip("/")
        if path == "/":
            route.fulfill(body=PAGE, content_type="text/html; charset=utf-8")
        elif file.is_file():
            route.fulfill(path=file)
        else:
            problems.append(route.request.url)
            route.abort()

    page.route("**/*", serve)
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.goto(f"{ORIGIN}/")
    yield page
    page.close()
    assert problems == []


def texts(items: list[dict[str, Any]], given: set[str]) -> Iterator[str]:
    """The text of every question that is answered, of groups too; not of help and legends."""
    for item in items:
        if item["linkId"] in given and item.get("text") and item["type"] != "display":
            yield " ".join(item["text"].split())
        yield from texts(item.get("item", []), given)


def links(items: list[dict[str, Any]]) -> Iterator[str]:
    for item in items:
        yield item["linkId"]
        yield from links(item.get("item", []))
        for answer in item.get("answer", []):
            yield from links(answer.get("item", []))


def plain(value: Any) -> Any:
    """As JSON has it, for a browser: no Decimals."""
    if isinstance(value, dict):
        return {name: plain(part) for name, part in value.items()}
    if isinstance(value, list):
        return [plain(part) for part in value]
    return float(value) if isinstance(value, Decimal) else value


KNOWN = knowledge(date(2026, 11, 1))
FORMS = list(questionnaires(KNOWN))


@pytest.mark.parametrize("form", FORMS, ids=[form["id"] for form in FORMS])
def test_lhc_forms_shows_every_question_and_finds_our_answers_valid(
    form: dict[str, Any], page: Page
) -> None:
    response = answered(form, Random(1), skip=0)  # noqa: S311
    assert errors(response_findings(response, [form])) == ()
    page.evaluate(DRAW, [plain(form), plain(response)])
    given = set(links(response["item"]))
    asked = list(texts(form["item"], given))
    page.get_by_text(asked[-1][:40]).last.wait_for()
    shown = " ".join(page.inner_text("#form").split())
    assert [text for text in asked if text not in shown] == []
    assert page.evaluate("LForms.Util.checkValidity()") is None
    back = page.evaluate("LForms.Util.getFormFHIRData('QuestionnaireResponse', 'R4')")
    assert back["questionnaire"] == f"{form['url']}|{form['version']}"
    assert errors(response_findings(back, [form])) == ()
    assert given - set(links(back["item"])) == set()
    # Without a word of ours in it, each answer reads as it was given, one tick of several too.
    asked_here = asked_by(KNOWN, form["url"].rpartition("/")[2])
    answers = answers_from(back, asked_here)
    assert answers == answers_from(response, asked_here)
    several = [answers[q.id] for q in asked_here if q.kind == "choices" and q.id in answers]
    assert several and all(isinstance(answer, tuple) for answer in several)


def test_lhc_forms_misses_what_is_required_so_that_its_silence_means_something(page: Page) -> None:
    page.evaluate(DRAW, [plain(FORMS[0]), {"resourceType": "QuestionnaireResponse", "item": []}])
    assert page.evaluate("LForms.Util.checkValidity()")

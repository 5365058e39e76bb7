"""The walks of docs/take_pictures.py: each goes its way and says where a picture is taken."""

import contextlib
import io
import tempfile
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import time_machine
from playwright.sync_api import Page

OpenPage = Callable[..., Page]
Visits = Iterator[tuple[str, Page]]
Walk = Callable[[OpenPage], Visits]
NAME = "Marta Lindqvist"
ADDRESS = "https://clinic.example"
"""Where the clinic says that its patients reach it; nobody does, so the walks leave it out."""


def sign_in(page: Page, name: str = "clinician") -> Page:
    """The page of somebody of the invented clinic, as wide as a desk."""
    from tests.browser import conftest

    from enthesis.clinic.models import User
    from enthesis.commands.demo import PASSWORD

    page.set_viewport_size({"width": 1280, "height": 900})
    conftest.sign_in(page, User.objects.get(username=name), PASSWORD)
    return page


def everyday(open_page: OpenPage) -> Visits:
    """What a clinician looks at on an ordinary day; nothing is written."""
    page = sign_in(open_page())
    yield "today", page
    for word in ("Go on", "Finish", "Recheck", "Stop"):
        page.goto("/")
        row = page.locator("li", has=page.locator(".when", has_text=":")).filter(has_text=word)
        row.first.get_by_role("link").click()
        page.locator(".verdict").wait_for()
        yield "forecast" if word == "Go on" else f"course-{word.lower()}", page
    yield "course-phone-dark-stop", page
    page.goto("/evidence/low_back/")
    yield "evidence", page
    page.goto("/calendar/?view=week")
    yield "calendar-week", page
    page.goto("/stock/")
    yield "stock", page
    page.goto("/stock/recall/?lot=L2610")
    yield "recall", page


def two_starts(open_page: OpenPage) -> Visits:
    """A course that was asked twice before any needle, one whose second start is due, and the
    report; nothing is written."""
    from enthesis.clinic import store
    from enthesis.clinic.models import Course
    from enthesis.journey import before

    rows = list(Course.objects.filter(closed_on=None).select_related("patient__clinic"))
    known = store.known_for(rows[0].patient.clinic, today := store.today(rows[0].patient.clinic))
    told = list(zip(rows, store.course_records(rows), strict=True))
    twice = next(row for row, of in told if of.sessions and before.two_starts(of, known))
    days = ((row, before.second_start_on(of, known), of.plan) for row, of in told)
    waits = next(row for row, on, plan in days if on and on <= today and plan)
    page = sign_in(open_page())
    page.goto(f"/courses/{twice.pk}/")
    yield "two-starts-course", page
    page.goto(f"/courses/{waits.pk}/plan/")
    yield "two-starts-plan", page
    yield "two-starts-plan-phone", page
    page.goto("/outcomes/", timeout=120_000)
    page.locator("#before").evaluate("one => one.closest('details').open = true", timeout=120_000)
    yield "two-starts-outcomes", page
    yield "two-starts-outcomes-phone", page


def take_out(open_page: OpenPage) -> Visits:
    """Everything out as files, and the appointments into a calendar of one's own."""
    boss, page = sign_in(open_page(), "admin"), sign_in(open_page())
    boss.goto("/settings/take-out/")
    yield "take-out", boss
    yield "take-out-phone", boss
    page.goto("/calendar/feed/")
    page.get_by_role("button", name="Make address").click()
    page.get_by_label("Secret address").evaluate(
        "one => one.value = 'https://clinic.example/feed/.../appointments.ics'"
    )
    yield "calendar-feed", page


def adverse_event(open_page: OpenPage) -> Visits:
    """From the patient's warning answer of this morning."""
    page = sign_in(open_page())
    page.get_by_role("link", name="Record adverse event").click()
    page.get_by_label("Vasovagal reaction").check()
    page.get_by_label("1 Mild").check()
    page.get_by_role("textbox", name="What happened").fill(
        "Short of breath for some minutes at home, pale and anxious; gone by nine."
    )
    page.get_by_label("What was done").fill("Seen at once: oxygen 98 %, both lungs clear.")
    page.get_by_label("Recovered", exact=True).check()
    yield "adverse-event", page
    page.get_by_role("button", name="Record adverse event").click()
    page.goto("/adverse-events/")
    yield "adverse-events", page
    page.goto("/outcomes/")
    page.locator("#adverse").evaluate("one => one.closest('details').open = true")
    yield "adverse-counted", page


def money(open_page: OpenPage) -> Visits:
    """A price for next month, the estimate of a course, the line it nears, and a superbill."""
    from tests.browser.conftest import tell_birth_date

    from enthesis.clinic.estimates import has_ended
    from enthesis.clinic.models import Clinic, Course

    boss, page, phone = sign_in(open_page(), "admin"), sign_in(open_page()), open_page()
    Clinic.objects.update(
        address="12 Quay Street\nPortland, ME 04101", tax_id="12-3456789", npi="1234567893"
    )
    boss.goto("/settings/prices/")
    for item, amount, included in (
        ("Ultrasound guidance", "60", ""),
        ("Place injected beyond those included", "15", "12"),
        ("Discount: agreed for hardship", "10", ""),
    ):
        boss.get_by_label("What", exact=True).select_option(item)
        boss.get_by_label("Price, or percent for a discount or tax").fill(amount)
        boss.get_by_label("Places in the price of the session").fill(included)
        boss.get_by_role("button", name="Save price").click()
    yield "prices", boss
    billed = Course.objects.filter(
        condition="low_back", invoices__number__gt=0, patient__language="en"
    )
    course = max(
        (c for c in billed.distinct() if not has_ended(c)), key=lambda c: c.invoices.count()
    )
    page.goto(f"/courses/{course.pk}/estimate/")
    page.get_by_label("M54.50 Low back pain, unspecified").check()
    page.get_by_role("button", name="Make estimate").click()
    yield "estimate", page
    page.get_by_role("button", name="Make link").click()
    phone.goto(page.get_by_label("Personal link").input_value().removeprefix(ADDRESS))
    tell_birth_date(phone, course.patient.born_on or date.min)
    yield "estimate-phone", phone
    phone.get_by_label("Your full name").fill(f"{course.patient.given} {course.patient.family}")
    phone.get_by_role("button", name="I received it").click()
    plan = course.plans.exclude(agreed_on=None).get()
    plan.content |= {"sessions_planned": max(1, course.invoices.count() - 1)}
    plan.save()
    page.goto(f"/courses/{course.pk}/estimate/")
    page.get_by_role("button", name="Make estimate").click()
    yield "estimate-warning", page
    page.goto(f"/courses/{course.pk}/superbill/")
    page.get_by_role("button", name="Make superbill").click()
    yield "superbill", page


def first_course(open_page: OpenPage) -> Visits:
    """A new patient, from the front desk to the signed session, the invoice and the next answer."""
    from tests.browser.test_whole_course import answer_on_the_phone, ask

    front, page, phone = sign_in(open_page(), "frontdesk"), sign_in(open_page()), open_page()
    yield from _arrive(front)
    course = _open_course(page, front.url, "Low back and sacroiliac pain", "Left")
    yield from _evaluate_and_plan(page, "Low back, left", "evaluation", "plan")
    page.get_by_role("button", name="Save plan").click()
    page.get_by_label("The patient’s name").fill(NAME)
    page.get_by_role("button", name="Record agreement").click()
    link = ask(page, course).removeprefix(ADDRESS)
    phone.goto(link)
    phone.get_by_label("None of these").check()
    phone.get_by_role("button", name="Save and go on").click()
    phone.get_by_role("heading", name="describes your pain").wait_for()
    phone.locator(".row").nth(7).click()
    yield "phone-pain", phone
    answer_on_the_phone(phone, link, pain=7)
    yield from _consent(page, phone, course)
    page.goto(f"{course}series/")
    page.get_by_label("Time", exact=True).fill("11:30")  # somebody else comes then today
    page.get_by_label("Room").select_option("Room 1")
    page.get_by_role("button", name="Show the times").click()
    page.get_by_role("heading", name="The 6 sessions").wait_for()
    yield "series", page
    page.goto(course)
    yield from _treat(page)
    session = page.url
    page.goto(f"{course}after/")
    page.get_by_role("button", name="Make a personal link").click()
    phone.goto(page.get_by_label("Personal link").input_value().removeprefix(ADDRESS))
    yield "aftercare-phone", phone
    page.goto(session)
    page.get_by_role("link", name="Make invoice").click()
    page.get_by_role("button", name="Make invoice").click()
    page.get_by_label("Card terminal").check()
    page.get_by_role("button", name="Record payment").click()
    page.get_by_text("Paid in full").wait_for()
    yield "invoice", page
    with time_machine.travel(datetime.now(UTC) + timedelta(days=12)):
        sign_in(page)
        answer_on_the_phone(phone, ask(page, course).removeprefix(ADDRESS), pain=0)
        page.goto(course)
        page.get_by_text("before the next needle").first.wait_for()
        yield "course-go-on", page


def _arrive(front: Page) -> Visits:
    front.get_by_role("link", name="Add patient").click()
    for label, typed in (
        ("Family name", "Lindqvist"),
        ("Given name", "Marta"),
        ("Birth date", "1974-03-14"),
        ("Phone", "(555) 0142"),
    ):
        front.get_by_label(label).fill(typed)
    front.get_by_label("Asked: none known").check()
    front.get_by_role("button", name="Add patient").click()
    front.get_by_role("link", name="Record weight").first.click()
    front.get_by_label("Weight").fill("68")
    front.get_by_role("button", name="Record weight").click()
    front.get_by_role("heading", level=1).wait_for()
    yield "patient", front


def _open_course(page: Page, patient: str, condition: str, side: str) -> str:
    """The address of the new course; ends on its evaluation."""
    page.goto(patient)
    page.get_by_role("link", name="Add complaint").click()
    page.get_by_label(condition).check()
    page.get_by_label(side, exact=True).check()
    page.get_by_label("Complaint").fill("Aches since a lift at work")
    page.get_by_role("button", name="Open course").click()
    page.get_by_role("button", name="Save evaluation").wait_for()
    return page.url.removesuffix("evaluate/")


def _evaluate_and_plan(page: Page, hurts: str, evaluated: str, planned: str) -> Visits:
    from tests.browser.test_whole_course import answer_the_evaluation

    page.get_by_label("For how many months has it hurt?").fill("30")
    answer_the_evaluation(page)
    page.get_by_label(hurts, exact=True).check()
    page.get_by_role("button", name="Save evaluation").click()
    page.get_by_role("link", name="Make plan").wait_for()
    yield evaluated, page
    page.get_by_role("link", name="Make plan").click()
    page.get_by_role("button", name="Save plan").wait_for()
    yield planned, page


def _consent(page: Page, phone: Page, course: str) -> Visits:
    from tests.browser.conftest import tell_birth_date

    page.goto(f"{course}consent/")
    page.get_by_role("button", name="Make link").click()
    address = page.get_by_label("Personal link").input_value().removeprefix(ADDRESS)
    yield "consent-link", page
    phone.goto(address)
    yield "second-fact-phone", phone
    tell_birth_date(phone, date(1974, 3, 14))
    yield "consent-phone", phone
    for box in phone.locator("input[type=checkbox]").all():
        box.check()
    phone.get_by_label("in place of a signature").fill(NAME)
    phone.get_by_role("button", name="Sign").click()
    phone.get_by_role("heading", name="You have signed").wait_for()
    yield "consent-signed", phone


def _treat(page: Page) -> Visits:
    page.get_by_role("button", name="Start session 1").click()
    page.locator("#id_needle").wait_for()
    yield "record-start", page
    page.locator("#id_needle").fill("27 G, 40 mm")
    page.locator("#id_guidance").select_option("palpation")
    for box in page.locator(".confirm input").all():
        box.check()
    yield "record-checks", page
    page.get_by_role("button", name="Time-out for two").click()
    page.get_by_role("heading", name="Read aloud and agreed").wait_for()
    yield "record-time-out", page
    page.get_by_role("button", name="Rosa Kim").click()
    page.get_by_role("button", name="Hold it again").wait_for()
    page.get_by_role("button", name="Tick all").click()
    page.locator("#doses", has_text="9 of 9 places").wait_for()
    page.get_by_label("Pain before").select_option("7")
    page.get_by_label("Pain right after").select_option("5")
    page.get_by_label("None seen").check()
    page.locator("#saved", has_text="Saved").wait_for()
    yield "record-given", page
    page.get_by_role("button", name="Sign session").click()
    page.get_by_role("heading", name="Amendments").wait_for()
    yield "record-signed", page
    yield "record-note", page


def shoulder(open_page: OpenPage) -> Visits:
    """A plan on another map, for somebody who is known already."""
    page = sign_in(open_page())
    page.goto("/patients/")
    # Not the first, whose shoulder is in `history`.
    page.locator("main .records a, main table a").nth(1).click()
    patient = page.url
    _open_course(page, patient, "Shoulder pain from the rotator cuff", "Right")
    where = "Shoulder or upper arm, right"
    yield from _evaluate_and_plan(page, where, "evaluation-shoulder", "plan-shoulder")


def examination(open_page: OpenPage) -> Visits:
    """A knee, measured and pressed, and the plan that starts from what was tender."""
    from tests.browser.test_whole_course import answer_the_evaluation

    page = sign_in(open_page())
    page.goto("/patients/")
    page.locator("main .records a, main table a").first.click()
    _open_course(page, page.url, "Knee osteoarthritis", "Left")
    page.get_by_label("For how many months has it hurt?").fill("30")
    answer_the_evaluation(page)
    for label, degrees in (("Knee flexion, left", "112"), ("Knee flexion, right", "138")):
        page.get_by_label(label).fill(degrees)
    page.get_by_label("Valgus stress at 30°: medial collateral ligament, left").select_option(
        "grade_1"
    )
    for place, score in (
        ("Pes anserine insertion", "7 of 10"),
        ("Medial collateral ligament, tibial end", "5 of 10"),
        ("Lateral coronary ligament", "0 of 10"),
    ):
        page.get_by_label(f"{place}, left").select_option(score)
    page.get_by_role("button", name="Save evaluation").click()
    page.get_by_role("link", name="Make plan").wait_for()
    yield "examination", page
    yield "examination-phone", page
    page.get_by_role("link", name="Make plan").click()
    page.get_by_role("link", name="Start from the tender places").wait_for()
    page.locator("#examined summary").click()
    yield "plan-tender", page


def history(open_page: OpenPage) -> Visits:
    """An evaluation with rows, a medicine that a question denies, and the letter."""
    from tests.browser.test_whole_course import answer_the_evaluation

    page = sign_in(open_page())
    page.goto("/patients/")
    page.locator("main .records a, main table a").first.click()
    course = _open_course(page, page.url, "Shoulder pain from the rotator cuff", "Right")
    page.get_by_label("For how many months has it hurt?").fill("30")
    answer_the_evaluation(page)
    page.get_by_label("Getting worse").check()
    taken = (
        ("Oxycodone", "opioid", "10", "mg", "3"),
        ("Warfarin", "anticoagulant", "5", "mg", "1"),
        ("Ibuprofen", "nsaid", "400", "mg", "3"),
    )
    for at, (name, kind, dose, unit, times) in enumerate(taken):
        if at:
            page.get_by_role("button", name="Add medicine").click()
        page.locator(f"#id_r-medicines-{at}-name").fill(name)
        page.locator(f"#id_r-medicines-{at}-class").select_option(kind)
        page.locator(f"#id_r-medicines-{at}-dose").fill(dose)
        page.locator(f"#id_r-medicines-{at}-unit").select_option(unit)
        page.locator(f"#id_r-medicines-{at}-times").fill(times)
    page.locator("#id_r-treatments-0-kind").select_option("injections")
    page.locator("#id_r-treatments-0-what").fill("Cortisone, twice")
    page.locator("#id_r-treatments-0-when").fill("Spring 2026")
    page.locator("#id_r-treatments-0-relief").select_option("half")
    page.locator("#id_r-treatments-0-ended").fill("Wore off after six weeks")
    page.locator("#id_r-imaging-0-kind").select_option("ultrasound")
    page.locator("#id_r-imaging-0-on").fill("2026-10-02")
    page.locator("#id_r-imaging-0-finding").fill("Partial tear of supraspinatus, 6 mm.")
    page.locator("#id_r-referrals-0-way").select_option("to")
    page.locator("#id_r-referrals-0-who").fill("Dr Ngozi Okafor")
    page.locator("#id_r-referrals-0-what_for").fill("May the injections go on under warfarin?")
    for label, degrees in (("Shoulder flexion, left", "165"), ("Shoulder flexion, right", "95")):
        page.get_by_label(label).fill(degrees)
    page.locator("#id_q-tender-supraspinatus-right").select_option("8 of 10")
    page.locator("#id_q-pregnant_2").check()
    page.get_by_role("button", name="Save evaluation").click()
    page.get_by_text("The evaluation was saved.").wait_for()
    yield "evaluation-treatments", page
    yield "evaluation-medicines", page
    yield "evaluation-medicines-phone", page
    yield "evaluation-imaging", page
    page.goto(f"{course}referral/")
    yield "referral-letter", page


def own_protocol(open_page: OpenPage) -> Visits:
    """A shipped protocol, copied and changed."""
    page = sign_in(open_page())
    page.goto("/protocols/copy/low_back_ligaments/")
    page.get_by_label("Name", exact=True).fill("Low back ligaments, 15 %")
    page.get_by_label("Dextrose", exact=True).fill("15")
    page.get_by_role("button", name="Save as the clinic’s own").click()
    page.get_by_role("link", name="Change").click()
    page.get_by_role("heading", level=1, name="Change").wait_for()
    page.locator("summary", has_text="Source").first.click()
    yield "protocol", page


def outcomes(open_page: OpenPage) -> Visits:
    """The clinic's outcomes, and what it publishes of them."""
    page = sign_in(open_page(), "admin")
    page.goto("/outcomes/")
    page.get_by_role("link", name="Look at what would be published").wait_for()
    yield "outcomes-clinic", page
    page.get_by_role("link", name="Look at what would be published").click()
    page.get_by_role("button", name="Publish these results").click()
    page.get_by_role("link", name="/results/").click()
    page.get_by_role("heading", level=1, name="What happened").wait_for()
    yield "results-public-phone", page


def report(open_page: OpenPage) -> Visits:
    """The report of a registry folder, without a server."""
    from enthesis.cli import main

    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder) / "report"
        arguments = ["outcomes", str(Path(folder) / "registry"), "--report", str(made)]
        arguments += ["--invented", "600", "--condition", "low_back", "--day", "2026-11-26"]
        with contextlib.redirect_stdout(io.StringIO()):
            assert main([*arguments, "--title", "Outcomes of invented courses"]) == 0  # noqa: S101
        page = open_page()
        page.goto((made / "index.html").as_uri())
        yield "outcomes", page
        yield "outcomes-phone", page


def before_the_visit(open_page: OpenPage) -> Visits:
    """What anybody can do on a phone after reading the aid; nothing is written."""
    phone = open_page()
    phone.goto("/choose/1/low_back/right-for-me/")
    yield "right-for-me-phone", phone
    for row in phone.locator("fieldset").all():
        row.get_by_label("No", exact=True).check()
    phone.get_by_role("button").click()
    _tap(phone, "Do you take a blood thinner", "Yes")
    _tap(phone, "high blood sugar", "I do not know")
    phone.get_by_role("button", name="See where to ask").click()
    yield "right-for-me-doctor-phone", phone
    phone.goto("/choose/1/low_back/right-for-me/es/")
    _tap(phone, "entre las piernas", "Sí")
    phone.get_by_role("button").click()
    yield "right-for-me-now-phone-es", phone
    phone.goto("/choose/1/low_back/values/")
    for id, number in (("relief", "9"), ("cost", "6"), ("kind", "8")):
        phone.locator(f"#value-{id}").select_option(number)
    yield "values-phone", phone
    phone.get_by_role("button").click()
    phone.get_by_role("heading", name="Less pain soon: 9 of 10").wait_for()
    yield "values-beside-phone", phone
    for words in ("what if I wait", "When do we stop", "cost me in all"):
        phone.get_by_label(words).check()
    phone.get_by_role("button").click()
    phone.get_by_role("heading", level=1, name="for my visit").wait_for()
    yield "visit-sheet-phone", phone
    phone.goto("/choose/1/low_back/know/")
    _tap(phone, "how many of 100", "36 of 100")
    _tap(phone, "How often", "Nobody has counted it")
    yield "know-phone", phone
    phone.get_by_role("button").click()
    phone.get_by_text("Right.").wait_for()
    yield "know-told-phone", phone


def _tap(page: Page, question: str, answer: str) -> None:
    row = page.locator("fieldset").filter(has_text=question)
    row.get_by_label(answer, exact=True).check()


def decision_aid(open_page: OpenPage) -> Visits:
    """What anybody reads on a phone, and what staff write down of it."""
    from enthesis.clinic.models import AidGiven, Course

    phone = open_page()
    phone.goto("/choose/1/")
    yield "choose-index-phone", phone
    phone.get_by_role("link", name="Tennis elbow").click()
    yield "choose-phone", phone
    yield "choose-options-phone", phone
    phone.goto("/choose/1/lateral_epicondylosis/summary/")
    phone.emulate_media(media="print")
    yield "choose-sheet", phone
    page = sign_in(open_page())
    course = Course.objects.filter(condition="low_back", closed_on=None).latest("id")
    page.goto(f"/courses/{course.pk}/choose/")
    page.get_by_role("button", name="Record as given").click()
    page.get_by_text("Written down").wait_for()
    yield "choose-given", page
    # As if the number had been another when the summary was given.
    row = AidGiven.objects.latest("id")
    row.versions |= {"numbers": "another", "hundred": "another"}
    row.save()
    page.goto("/told-before/")
    yield "told-before", page


def enquiries(open_page: OpenPage) -> Visits:
    """A question from the public page on a phone, its answer, and what everybody reads of it."""
    admin, phone = sign_in(open_page(), "admin"), open_page()
    admin.goto("/settings/")
    admin.get_by_label("Take questions on a public page").check()
    admin.get_by_role("button", name="Save settings").click()
    admin.get_by_text("The settings were saved.").wait_for()
    for name, asked in (
        ("Jonas Berg", "Do I need somebody to drive me home?"),
        ("Luz Ortega", "I am Luz from Bilbao. How many visits do people need, and what if I stop?"),
    ):
        phone.goto("/ask/1/")
        _ask(phone, name, asked)
        yield "ask-clinic-phone", phone
        phone.wait_for_timeout(4_000)
        phone.get_by_role("button", name="Send question").click()
        phone.get_by_role("heading", name="Your question is sent").wait_for()
    page = sign_in(open_page())
    page.goto("/enquiries/")
    yield "enquiries", page
    page.get_by_role("link", name="I am Luz from Bilbao").click()
    page.get_by_role("textbox", name="Answer").fill(
        "A usual series is six visits, three weeks apart. You may stop at any time and pay for no "
        "more. Nobody can say before how many you would need."
    )
    page.get_by_role("button", name="Keep answer").click()
    page.get_by_text("Not sent by Enthesis").wait_for()
    yield "enquiry-answered", page
    page.get_by_role("link", name="Edit and publish").click()
    page.get_by_label("Question as published").fill(
        "How many visits do people need, and what if I stop?"
    )
    yield "enquiry-publish", page
    page.get_by_role("button", name="Publish").click()
    page.get_by_role("button", name="Take back").wait_for()
    phone.goto("/ask/1/")
    yield "ask-clinic-published", phone


def programs(open_page: OpenPage) -> Visits:
    """A token for a program, shown once, and one that is revoked."""
    admin, phone = sign_in(open_page(), "admin"), sign_in(open_page(), "admin")
    for name, scopes in (("Research registry", "system/*.rs"), ("Old pain app", "user/Patient.rs")):
        admin.goto("/settings/programs/")
        admin.get_by_label("Name of the program").fill(name)
        admin.get_by_label("What it may do").fill(scopes)
        admin.get_by_role("button", name="Make token").click()
        admin.get_by_label("Address of the API").wait_for()
    yield "programs-made", admin
    admin.get_by_role("button", name="Revoke Old pain app").click()
    admin.get_by_text("Old pain app has no access any more.").wait_for()
    phone.goto("/settings/programs/")
    yield "programs-phone", phone


def _ask(phone: Page, name: str, asked: str) -> None:
    phone.get_by_label("Your name", exact=True).fill(name)
    phone.get_by_label("Your e-mail address").fill("somebody@example.org")
    phone.get_by_label("Your question").fill(asked)
    phone.get_by_label("may be published without my name").check()

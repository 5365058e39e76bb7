"""The clinic's outcomes in the browser: walled, up to date, the report's own numbers; published."""

import csv
import io
import itertools
import json
import os
import re
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
import time_machine
from django.db import connections, transaction
from django.test import Client

from enthesis.clinic import audit, forecasts, models, outcomes, store
from enthesis.clinic.actions import Refused
from enthesis.clinic.actions import publish as actions
from enthesis.clinic.actions import registry as registry_action
from enthesis.clinic.actions.answer import record_answers
from enthesis.clinic.outcomes import Quarter
from enthesis.clinic.pages.outcomes import slider
from enthesis.knowledge.kinds import Knowledge, OwnForecast
from enthesis.knowledge.load import knowledge
from enthesis.outcomes import cohort, registry, report
from enthesis.outcomes.alone import alone
from enthesis.outcomes.engine import Registry, open_registry
from enthesis.outcomes.registry import MANIFEST, read_table
from tests.clinic.invented import load

# Ibis calls DuckDB by a name that DuckDB is giving up.
pytestmark = pytest.mark.filterwarnings("ignore:fetch_(arrow|record)_:DeprecationWarning")
SignedIn = Callable[[models.User], Client]
TODAY = date(2026, 11, 27)
NOON = datetime(2026, 11, 27, 17, tzinfo=UTC)


@pytest.fixture(autouse=True)
def at_noon() -> Iterator[None]:
    with time_machine.travel(NOON, tick=True):
        yield


@pytest.fixture
def invented(db: None) -> models.Clinic:
    return load(TODAY)


@pytest.fixture
def few(db: None) -> models.Clinic:
    """As few as can be invented: enough where no small cell is hidden."""
    return load(TODAY, 12)


def user(role: models.Role) -> models.User:
    found = models.User.objects.filter(role=role, clinic__invented=True).first()
    assert found is not None
    return found


@pytest.fixture
def as_clinician(invented: models.Clinic, client_for: SignedIn) -> Client:
    return client_for(user(models.Role.CLINICIAN))


@pytest.fixture
def as_admin(invented: models.Clinic, client_for: SignedIn) -> Client:
    return client_for(user(models.Role.ADMINISTRATOR))


def publish(client: Client) -> None:
    seen = client.get("/outcomes/publish/").context["seen"]
    for _ in range(2):  # a double click is one
        assert client.post("/outcomes/publish/", {"seen": seen}).status_code == 302


# --- the clinic's own page


@pytest.mark.alike
def test_the_page_says_what_the_registry_says_of_this_clinic_alone(
    as_clinician: Client, stranger: models.User, client_for: SignedIn, make_course
) -> None:
    page = as_clinician.get("/outcomes/")
    opened = open_registry(str(outcomes.folder()))
    number = registry_action.clinic_number(user(models.Role.CLINICIAN).clinic_id)
    mine = opened.only({"clinic": number})
    (flow,), (last,) = cohort.flow(mine).to_pylist(), cohort.at_last(mine).to_pylist()
    opened.close()
    text = page.content.decode()
    assert f"Of {flow['opened']} courses opened, {flow['began']} began" in text
    assert f"{last['reached_50']} of {last['measurable']}" in text
    assert "What this cannot tell you" in text and f"cut {page.context['report'].origin.cut[:12]}"
    assert 'aria-current="page">Outcomes' in text
    # Next door has courses in the same registry, and sees none of these.
    make_course(models.Patient.objects.create(
        clinic=stranger.clinic, number=1, family="Next", given="Door"))  # fmt: skip
    theirs = client_for(stranger).get("/outcomes/")
    assert theirs.context["courses"] == 0, "nothing audited yet: the registry has not moved on"
    assert "No outcomes yet" in theirs.content.decode()
    assert "What this cannot tell you" in theirs.content.decode()
    assert client_for(stranger).get("/outcomes/flow.csv").status_code == 404
    assert client_for(stranger).get("/outcomes/?condition=low_back").status_code == 404


@pytest.mark.alike
def test_sections_are_folded_under_their_answers_but_the_first_and_the_one_asked_about(
    as_clinician: Client,
) -> None:
    def unfolded(address: str) -> list[str]:
        page = as_clinician.get(address).content.decode()
        return re.findall(r'class="fold" open><summary><h2 id="(\S+)">', page)

    assert unfolded("/outcomes/") == ["flow", "relief"]
    assert unfolded("/outcomes/?delta=2") == ["flow", "relief", "silent"]


@pytest.mark.alike
def test_one_condition_stands_beside_what_happens_anyway_and_the_others_do_not(
    as_clinician: Client,
) -> None:
    whole = as_clinician.get("/outcomes/")
    page = as_clinician.get("/outcomes/?condition=low_back")
    assert page.context["courses"] < whole.context["courses"]
    assert "Benchmark:" in page.content.decode() and "Benchmark:" not in whole.content.decode()
    link = "/outcomes/relief.csv?condition=low_back"
    assert link in page.content.decode()
    rows = list(csv.reader(io.StringIO(as_clinician.get(link).content.decode())))
    told = next(s for s in page.context["report"].sections if s.id == "relief")
    assert tuple(rows[1]) == told.table.head and [tuple(r) for r in rows[2:]] == list(
        told.table.rows
    )
    assert as_clinician.get("/outcomes/?condition=nonsense").status_code == 404


def test_the_page_follows_the_records_and_writes_nothing_while_they_stand_still(
    few: models.Clinic, client_for: SignedIn
) -> None:
    as_clinician = client_for(user(models.Role.CLINICIAN))
    first = as_clinician.get("/outcomes/")
    assert first.context["fresh"].written == models.Course.objects.count()
    again = as_clinician.get("/outcomes/")
    assert again.context["fresh"].written == 0
    assert again.context["report"].origin == first.context["report"].origin
    course = models.Course.objects.filter(sessions__signed_at__isnull=False).first()
    assert course is not None
    with time_machine.travel(NOON + timedelta(minutes=14), tick=True):
        answers = {"pain": "9"}
        record_answers(user(models.Role.CLINICIAN), course.pk, "after_session", TODAY, answers)
        moved = as_clinician.get("/outcomes/")
    assert moved.context["fresh"].written >= 1
    assert moved.context["report"].origin.cut != first.context["report"].origin.cut
    assert "looked at again, in" in moved.content.decode()


@pytest.mark.alike
def test_a_withdrawn_course_is_taken_out_of_the_forecasts_with_the_next_view(
    few: models.Clinic, client_for: SignedIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    def easily_enough(clinic: models.Clinic, day: date) -> Knowledge:
        known = known_for(clinic, day)
        return replace(known, forecast_rules=replace(known.forecast_rules, enough_courses=2))

    known_for = store.known_for
    monkeypatch.setattr(store, "known_for", easily_enough)
    as_clinician = client_for(user(models.Role.CLINICIAN))
    as_clinician.get("/outcomes/")
    before = own_models(few)
    assert before
    start = knowledge(TODAY).forecast_starts[before[0].start]
    treated = models.Course.objects.filter(condition=start.condition, sessions__number=1)
    for course in treated:
        registry_action.withdraw(user(models.Role.CLINICIAN), course.pk, "They asked for it.")
    as_clinician.get("/outcomes/")
    after = own_models(few)
    assert before[0].start not in {one.start for one in after}
    assert all(one.cut != before[0].cut for one in after)


def own_models(clinic: models.Clinic) -> list[OwnForecast]:
    known = store.known_for(clinic, TODAY)
    return [used.own for used in forecasts.in_use(known, clinic.pk) if used.own]


@pytest.mark.alike
def test_a_long_refresh_shows_how_far_it_is_and_a_failed_one_says_so(
    clinician: models.User, make_course, client_for: SignedIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_course()
    as_clinician = client_for(clinician)
    monkeypatch.setattr(outcomes, "QUICK", 0)
    # Somebody else's process is at it, and has told how far it is.
    with alone(Path(outcomes.settings.DATA) / registry_action.LOCK):
        outcomes._write_progress({"done": 12, "total": 40})
        page = as_clinician.get("/outcomes/")
        assert page["Refresh"] and "12 of 40 courses so far" in page.content.decode()
    # Once there was a report, it is shown meanwhile, with its day and what is going on.
    registry_action.refresh(outcomes.folder())
    monkeypatch.setattr(registry_action, "waiting", lambda folder: 40)
    with alone(Path(outcomes.settings.DATA) / registry_action.LOCK):
        page = as_clinician.get("/outcomes/")
        assert "Refresh" not in page and "12 of 40 courses looked at" in page.content.decode()
        assert "as the records were on" in page.content.decode()
    outcomes._write_progress({"failed": True})
    page = as_clinician.get("/outcomes/")
    assert page.status_code == 503 and "could not be brought up to date" in page.content.decode()


@pytest.mark.django_db(transaction=True)
def test_a_long_refresh_goes_on_in_the_background_until_it_is_done(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    load(TODAY, 10)
    monkeypatch.setattr(outcomes, "QUICK", 0)
    monkeypatch.setattr(outcomes, "PATIENCE_SECONDS", 60)
    done = outcomes.bring_up_to_date()
    assert isinstance(done, outcomes.UpToDate) and done.written == models.Course.objects.count()
    assert outcomes.bring_up_to_date() == outcomes.UpToDate(0, 0.0)
    monkeypatch.setattr(registry_action, "waiting", lambda folder: 3)
    monkeypatch.setattr(registry_action, "refresh", lambda folder, **how: 1 / 0)
    assert isinstance(outcomes.bring_up_to_date(), outcomes.AtWork)
    with pytest.raises(registry.RegistryError, match="stands in the log") as told:
        outcomes.bring_up_to_date()
    assert "division" not in str(told.value), "it may be about another clinic's courses"
    assert "ZeroDivisionError" in caplog.text and "division by" not in caplog.text


@pytest.mark.alike
def test_what_is_wrong_with_the_registry_of_all_clinics_is_not_said_to_one(
    clinician: models.User,
    make_course,
    client_for: SignedIn,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def broken(folder: Path, **how: object) -> None:
        raise registry.RegistryError("courses.condition holds elbow next door.")

    make_course()
    monkeypatch.setattr(registry_action, "refresh", broken)
    page = client_for(clinician).get("/outcomes/")
    text = page.content.decode()
    assert page.status_code == 503 and "could not be brought up to date" in text
    assert "elbow" not in text and "elbow next door" in caplog.text


@pytest.mark.django_db(transaction=True)
def test_of_two_refreshes_at_once_the_second_goes_on_from_the_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    load(TODAY, 10)
    both, order = threading.Barrier(2), list[str]()
    really = registry_action._write_state

    def slowly(file: Path, state: registry_action._State) -> None:
        order.append("in")
        time.sleep(0.3)  # long enough for the other to come in, if nothing held it back
        really(file, state)
        order.append("out")

    def go() -> registry_action.Refreshed:
        try:
            both.wait(timeout=10)
            return registry_action.refresh(outcomes.folder())
        finally:
            connections.close_all()

    monkeypatch.setattr(registry_action, "_write_state", slowly)
    with ThreadPoolExecutor(2) as pool:
        done = [task.result() for task in (pool.submit(go), pool.submit(go))]
    assert order == ["in", "out", "in", "out"]
    assert sorted(one.cut.number for one in done) == [1, 2]
    assert [one.whole for one in sorted(done, key=lambda one: one.cut.number)] == [True, False]
    assert outcomes.bring_up_to_date() == outcomes.UpToDate(0, 0.0)


@pytest.mark.alike
def test_a_report_that_a_whole_refresh_overtakes_is_asked_again_and_at_last_given_up(
    few: models.Clinic, client_for: SignedIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = client_for(user(models.Role.CLINICIAN))
    cut = client.get("/outcomes/").context["report"].origin.cut
    outcomes._report.cache_clear()
    really, overtaken = report.report_of, iter([True, True])

    def late(opened: Registry, *args: object, **how: object) -> report.Report:
        if next(overtaken, False):
            registry_action.refresh(outcomes.folder(), whole=True)
        return really(opened, *args, **how)  # type: ignore[arg-type]

    monkeypatch.setattr(report, "report_of", late)
    page = client.get("/outcomes/")
    assert page.status_code == 200
    told = page.context["report"].origin.cut
    assert told == registry.read_cut(outcomes.folder()).sha256 != cut
    outcomes._report.cache_clear()
    overtaken = itertools.repeat(True)  # type: ignore[assignment]
    page = client.get("/outcomes/")
    assert page.status_code == 503 and "look again in a minute" in page.content.decode()
    # What is wrong of itself is not asked for ever.
    monkeypatch.setattr(report, "report_of", lambda *args, **how: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        outcomes.report_today(few)


HEAD = ("The silent are worse by", "Change", "Below no change")
ROWS = (("0 points", "−3", "yes"), ("0.5 points", "−2", "yes"), ("1 points", "−1", "no"))


@pytest.mark.alike
@pytest.mark.parametrize(
    ("asked", "value", "change"),
    [("", "0", "−3"), ("0.5", "0.5", "−2"), ("0.8", "1", "−1"), ("99", "1", "−1"),
     ("x", "0", "−3"), ("nan", "0", "−3"), ("-1e9", "0", "−3")],
)  # fmt: skip
def test_the_slider_shows_the_row_of_the_table_nearest_to_what_is_asked(
    asked: str, value: str, change: str
) -> None:
    told = slider(HEAD, ROWS, asked)
    assert (told["value"], told["most"], told["step"]) == (value, "1", "0.5")
    assert told["numbers"][0] == ("Change", change)


# --- quarters


@pytest.mark.alike
def test_a_quarter_is_as_it_would_have_been_told_on_its_last_day(
    few: models.Clinic, tmp_path: Path
) -> None:
    """What was added since, for later days, changes nothing of it."""
    with time_machine.travel(NOON + timedelta(minutes=1), tick=False):
        registry_action.refresh(tmp_path / "then", tmp_path)
    later, clinician = TODAY + timedelta(days=20), user(models.Role.CLINICIAN)
    with time_machine.travel(NOON + timedelta(days=20), tick=False):
        for course in models.Course.objects.filter(sessions__signed_at__isnull=False).distinct():
            record_answers(clinician, course.pk, "after_session", later, {"pain": "1"})
            course.plans.create(
                content=course.plans.last().content, agreed_on=later, agreed_name="Later"
            )
        registry_action.cut_as_at(tmp_path / "as_at", few, TODAY)
        registry_action.cut_as_at(tmp_path / "now", few, later)
    for name in ("courses", "visits", "sessions", "events", "adverse", "money", "decisions"):
        then, as_at = (read_table(tmp_path / f, name) for f in ("then", "as_at"))
        assert then.equals(as_at), name
    assert read_table(tmp_path / "now", "visits").num_rows > then.num_rows


@pytest.mark.alike
def test_the_quarter_is_a_tagged_pdf_that_says_what_as_at_means(
    few: models.Clinic, client_for: SignedIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    as_clinician = client_for(user(models.Role.CLINICIAN))
    page = as_clinician.get("/outcomes/quarter/2026-Q3.pdf")
    assert page["Content-Type"] == "application/pdf"
    assert page.content.startswith(b"%PDF")
    assert b"/StructTreeRoot" in unpacked(page.content), "the PDF is not tagged"
    # Printed once for what is recorded: the same again at once, another after the next write.
    with monkeypatch.context() as stopped:
        stopped.setattr(outcomes, "quarter_report", lambda *_: 1 / 0)
        again = as_clinician.get("/outcomes/quarter/2026-Q3.pdf")
        assert again.content == page.content
        course = models.Course.objects.filter(sessions__signed_at__isnull=False).first()
        assert course is not None
        answers = {"pain": "9"}
        record_answers(user(models.Role.CLINICIAN), course.pk, "after_session", TODAY, answers)
        with pytest.raises(ZeroDivisionError):
            as_clinician.get("/outcomes/quarter/2026-Q3.pdf")
    told = outcomes.quarter_report(few, Quarter(2026, 3))
    given = models.Session.objects.filter(on__range=("2026-07-01", "2026-09-30"))
    assert f"{given.count()} sessions were given" in told.sections[0].finding
    assert "what is dated later" in told.sections[0].notes[0] and told.day == date(2026, 9, 30)
    assert as_clinician.get("/outcomes/quarter/2027-Q1.pdf").status_code == 404
    assert as_clinician.get("/outcomes/quarter/2019-Q4.pdf").status_code == 404


def unpacked(pdf: bytes) -> bytes:
    """All compressed parts of a PDF, laid together."""
    parts = re.findall(rb"stream\r?\n(.*?)\r?\nendstream", pdf, re.DOTALL)
    return b"".join(zlib.decompressobj().decompress(p) for p in parts if p[:1] == b"x")


# --- published


def test_nothing_is_public_until_the_administrator_publishes_and_again_after_withdrawing(
    as_admin: Client, as_clinician: Client, invented: models.Clinic, client: Client
) -> None:
    address = f"/results/{invented.pk}/"
    assert client.get(address).status_code == 404
    publish(as_admin)
    page = client.get(address)
    assert page.status_code == 200 and not page.cookies
    text = page.content.decode()
    assert "What this cannot tell you" in text and "<script" not in text
    assert "27 Nov 2026" in text and "(invented)" in text
    assert client.get(f"{address}relief.csv").content.decode().startswith('"# ')
    (event,) = models.AuditEvent.objects.filter(action="publish_results")
    assert event.user == user(models.Role.ADMINISTRATOR) and event.detail["cut"]
    assert as_clinician.post("/outcomes/withdraw/").status_code == 403
    assert client.get(address).content == page.content
    asked = as_admin.get("/outcomes/withdraw/").content.decode()
    assert "Withdraw the published results?" in asked and "Keep them" in asked
    assert client.get(address).content == page.content, "asking withdraws nothing"
    assert as_admin.post("/outcomes/withdraw/").status_code == 302
    gone = client.get(address)
    assert gone.status_code == 404 and "No results are published here" in gone.content.decode()
    assert "Today" not in gone.content.decode() and "patient" not in gone.content.decode()
    assert client.get("/results/999/").content == gone.content, "no word whether there is a clinic"
    assert client.get(f"{address}relief.csv").status_code == 404
    assert models.AuditEvent.objects.filter(action="withdraw_results").count() == 1
    assert models.PublishedResults.objects.count() == 1, "the fact is kept"
    with pytest.raises(Refused, match="Nothing is published"):
        actions.withdraw_results(user(models.Role.ADMINISTRATOR))


@pytest.mark.alike
def test_what_was_published_stays_and_what_was_not_seen_is_not_published(
    as_admin: Client, invented: models.Clinic, client: Client
) -> None:
    publish(as_admin)
    address = f"/results/{invented.pk}/"
    before = client.get(address).content
    seen = as_admin.get("/outcomes/publish/").context["seen"]
    course = models.Course.objects.filter(sessions__signed_at__isnull=False).first()
    assert course is not None
    with time_machine.travel(NOON + timedelta(days=30), tick=True):
        day = TODAY + timedelta(days=30)
        answers = {"pain": "9"}
        record_answers(user(models.Role.CLINICIAN), course.pk, "after_session", day, answers)
        as_admin.force_login(user(models.Role.ADMINISTRATOR))
        refused = as_admin.post("/outcomes/publish/", {"seen": seen})
        assert "moved on since you looked" in refused.content.decode()
        assert client.get(address).content == before
        publish(as_admin)
    assert client.get(address).content != before


@pytest.mark.alike
def test_no_small_count_and_no_clinician_is_public(
    as_admin: Client,
    invented: models.Clinic,
    client: Client,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    limit = knowledge(TODAY).publishing.smallest_count
    own = as_admin.get("/outcomes/").context["report"]
    # The disk keeps the real day, on which no report was made: it would be made now, and wait.
    os.utime(outcomes.folder() / MANIFEST, (NOON.timestamp(), NOON.timestamp()))
    # A colleague's report is being made, perhaps by another process: nobody waits for it.
    with outcomes.making(or_wait=True):
        with transaction.atomic():
            audit.record(None, "write", models.Course.objects.all()[0])
        told = as_admin.get("/outcomes/").context
        assert told["report"] is own and isinstance(told["fresh"], outcomes.AtWork)
        # Where there is no last one to show, there is an end to waiting.
        monkeypatch.setattr(outcomes, "WAIT_SECONDS", 0.1)
        outcomes._last.clear()
        page = as_admin.get("/outcomes/")
        assert page["Refresh"] and "Other reports are being made first" in page.content.decode()
    assert isinstance(as_admin.get("/outcomes/").context["fresh"], outcomes.UpToDate)
    assert small_counts(own, limit), "the clinic itself sees its small counts"
    shown = outcomes.report_today(invented, for_the_public=True)
    assert not small_counts(shown, limit)
    publish(as_admin)
    content = client.get(f"/results/{invented.pk}/").context["content"]
    assert content["suppressed_below"] == limit
    assert "by-clinician" not in [section["id"] for section in content["sections"]]
    assert "hidden" in client.get(f"/results/{invented.pk}/").content.decode()
    with pytest.raises(Refused, match="small cells"):
        actions.publish_results(user(models.Role.ADMINISTRATOR), own)


@pytest.mark.alike
def test_the_clinic_sees_its_clinicians_by_name_and_the_public_no_trace_of_them(
    as_clinician: Client, invented: models.Clinic
) -> None:
    names = [str(one) for one in models.User.objects.filter(courses__isnull=False).distinct()]
    own = as_clinician.get("/outcomes/").context["report"]
    (told,) = [s for s in own.sections if s.id == "by-clinician"]
    assert told.table and sorted(row[0] for row in told.table.rows) == sorted(names)
    public = json.dumps(outcomes.report_today(invented, for_the_public=True).as_json())
    assert len(names) > 1 and not any(name in public for name in names)
    # Two of one name stay two.
    models.User.objects.filter(courses__isnull=False).update(display_name="Dr Same Name")
    assert (
        len(set(outcomes._clinicians(invented).values()))
        == models.User.objects.filter(clinic=invented).count()
    )


def small_counts(told: object, limit: int) -> list[str]:
    """Whole cells of the flow and of the warning signs that are a count of 1 to limit − 1."""
    tables = [s.table for s in told.sections if s.id in ("flow", "harms") and s.table]  # type: ignore[attr-defined]
    cells = [cell for table in tables for row in table.rows for cell in row[1:]]
    return [cell for cell in cells if cell.isdigit() and 0 < int(cell) < limit]


def test_too_few_courses_are_not_published(
    admin: models.User, make_course, client_for: SignedIn
) -> None:
    client = client_for(admin)
    page = client.get("/outcomes/publish/", follow=True)
    assert "Nothing can be published yet" in page.content.decode()
    assert not models.PublishedResults.objects.exists()

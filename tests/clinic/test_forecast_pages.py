"""The forecast on the course page: from what, how far to be believed, and never deciding."""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import time_machine
from django.test import Client

from enthesis.charts.pen import in_words
from enthesis.clinic import forecasts, models, store
from enthesis.clinic.actions.forecast import refit
from enthesis.clinic.actions.judge import record_decision
from enthesis.clinic.actions.registry import clinic_number
from enthesis.invented.registry_files import write_registry
from enthesis.journey.forecast_model import starting_model
from enthesis.knowledge.kinds import OwnForecast
from enthesis.knowledge.load import knowledge
from enthesis.outcomes.registry import seal
from enthesis.records import NextStep
from enthesis.shape import plain
from tests.clinic.treated import say, treated

pytestmark = pytest.mark.alike

MakeCourse = Callable[..., models.Course]
ClientFor = Callable[[models.User], Client]
KNOWN = knowledge(date(2026, 11, 26))
HEADING = "Where others like this went"


@pytest.fixture(autouse=True)
def on_a_fixed_day() -> object:
    with time_machine.travel("2026-10-25 15:00Z", tick=False):
        yield


@pytest.fixture(autouse=True)
def own_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(forecasts, "own_file", lambda: tmp_path / "forecast.json")
    return tmp_path / "forecast.json"


def page_of(client: Client, course: models.Course) -> str:
    return client.get(f"/courses/{course.pk}/").content.decode()


def _check_of(page: str) -> str:
    """The sentence that says how the forecast was checked."""
    return page.split("Checked on")[1].split(". Of 100")[0]


def own(courses: int) -> OwnForecast:
    """A clinic's own model: the starting one's numbers, from so many courses."""
    start = KNOWN.forecast_starts["low_back_trials"]
    model = starting_model(start, KNOWN)
    return OwnForecast(
        start.id,
        model.visits,
        tuple(v.mean for v in start.visits),
        tuple(tuple(Decimal(str(x)) for x in row) for row in model.covariance),
        courses,
        (courses,) * 9,
        "c0ffee",
        replace(KNOWN.forecast_checks[start.id], people="people of our own", source="Clinic's own"),
    )


def kept(clinic_id: int, *own: OwnForecast) -> str:
    """What a refit leaves of one clinic."""
    return json.dumps(plain({str(clinic_id): own}))


def test_it_stands_with_its_price_its_origin_and_its_check(
    make_course: MakeCourse, clinician: models.User, client_for: ClientFor
) -> None:
    page = page_of(client_for(clinician), treated(make_course(), [7, 6, 5, 4], clinician))
    assert HEADING in page and "chart trend wide" in page and 'class="fan wider"' in page
    for text in ("After session 4", "After session 6", "At 12 months", "$840", "of 100"):
        assert text in page
    assert "Starts from published trials: 110 people" in page and "when 100 of them" in page
    assert "Checked on 100 others" in page and "/forecast/" in page
    card = page.split(f">{HEADING}<")[1].split("</section>")[0]
    told = re.search(r"of 100 forecasts told about (\d+)\u00a0% for 50\u00a0% relief, (\d+)", card)
    level = next(x for x in KNOWN.forecast_checks["low_back_trials"].levels if x.level == 50)
    assert told and (int(told[1]), int(told[2])) in {
        (round(100 * f), round(100 * came)) for f, came, _ in level.bins
    }
    assert "39 of 100 named, 32 came" in card and "held 86 of 100 answers" in card
    assert "Brier" not in card.split("the whole check")[0], "scores are for those who unfold them"
    assert "The signed rule decides; this informs" in page
    assert "Do not lean on the chances of 90\u00a0% relief" in page
    assert "In words for the patient" in page and "Think of 100 people" in page


def test_it_begins_with_time_and_the_mean_and_says_what_no_price_buys(
    make_course: MakeCourse, clinician: models.User, client_for: ClientFor
) -> None:
    page = page_of(client_for(clinician), treated(make_course(), [7, 6, 8], clinician))
    card = page.split(f">{HEADING}<")[1]
    assert card.index("regression towards the mean") < card.index("After session 3")
    assert "expected next is not what $280 buys" in card
    assert "△ planned" in page


@pytest.mark.parametrize(
    ("pains", "answers", "step"),
    [
        ([7, 7, 7, 7, 7], {}, "Stop"),
        ([7, 3, 1, 0, 0], {}, "Finish"),
        ([7, 6, 0], {}, "Go on"),  # nothing is left to gain
        ([7, 6, 5], {"danger": ["fever"]}, "Refer"),
    ],
)
def test_it_names_no_further_session_where_none_is_suggested(
    pains: list[int | None],
    answers: dict[str, object],
    step: str,
    make_course: MakeCourse,
    clinician: models.User,
    client_for: ClientFor,
) -> None:
    course = treated(make_course(), pains, clinician)
    if answers:
        say(course, date(2026, 10, 20), 5, **answers)
    page = page_of(client_for(clinician), course)
    assert f"next-{step.lower().replace(' ', '_')}" in page
    assert "After session" not in page and "Price from now" not in page
    assert (HEADING in page) == (step != "Refer") and ("At 12 months" in page) == (step != "Refer")
    assert ("△ planned" in page) == (step == "Go on")


@pytest.mark.parametrize(
    ("condition", "pains", "why"),
    [
        ("knee_oa", [7, 6], "a starting model that was never checked on real people"),
        ("low_back", [None, 6], "no start"),
    ],
)
def test_there_is_none(
    condition: str,
    pains: list[int | None],
    why: str,
    make_course: MakeCourse,
    clinician: models.User,
    client_for: ClientFor,
) -> None:
    page = page_of(client_for(clinician), treated(make_course(condition=condition), pains))
    assert HEADING not in page and 'class="fan' not in page, why


def test_there_is_none_once_the_series_has_ended_nor_for_the_front_desk(
    make_course: MakeCourse, clinician: models.User, desk: models.User, client_for: ClientFor
) -> None:
    course = treated(make_course(), [7, 6, 5], clinician)
    assert HEADING not in page_of(client_for(desk), course)
    record_decision(clinician, course.pk, "stop", "The patient moves away", None)
    assert HEADING not in page_of(client_for(clinician), course)


def test_the_clinic_s_own_model_is_used_when_it_rests_on_enough_courses(
    make_course: MakeCourse, clinician: models.User, client_for: ClientFor, own_file: Path
) -> None:
    course, client = treated(make_course(), [7, 6], clinician), client_for(clinician)
    own_file.write_text(kept(clinician.clinic_id, own(140)), encoding="utf-8")
    page = page_of(client, course)
    assert "Starts from 140 of the clinic" in page and "others" not in _check_of(page)
    assert "of the same courses, each part forecast from the other parts" in _check_of(page)
    assert 'data-label="Own courses that answered">140<' in page
    ours = client.get("/forecast/").content.decode()
    assert "of the same courses, each part forecast from the other parts" in ours
    for unusable in (
        kept(clinician.clinic_id, own(99)),
        kept(clinician.clinic_id + 1, own(140)),
        json.dumps(plain((own(140),))),
        "not JSON",
    ):
        own_file.unlink()
        own_file.write_text(unusable, encoding="utf-8")
        forecasts._read.cache_clear()
        assert "Starts from published trials" in page_of(client, course)


def test_the_page_of_forecasts_says_how_far_each_model_can_be_believed(
    clinician: models.User, client_for: ClientFor
) -> None:
    page = client_for(clinician).get("/forecast/").content.decode()
    assert "Low back and sacroiliac pain: pain" in page and "0.227" in page
    assert page.count('class="chart responder wide"') == 3
    assert "Nothing is forecast from this" in page


def test_what_the_page_says_is_what_the_core_says(
    make_course: MakeCourse, clinician: models.User, client_for: ClientFor
) -> None:
    course = treated(make_course(), [7, 6, 5], clinician)
    record = store.course_record(course)
    found = forecasts.forecast_of(
        record, KNOWN, date(2026, 10, 25), clinician.clinic_id, NextStep.GO_ON
    )
    assert found is not None
    page = page_of(client_for(clinician), course)
    for point in found[0].points:
        assert f'expected">{in_words(round(point.expected, 1))}<' in page
        assert f'of 100">{round(100 * point.chances[30])}<' in page


@pytest.mark.filterwarnings("ignore:fetch_(arrow|record)_:DeprecationWarning")
def test_a_refit_keeps_for_each_clinic_the_model_of_its_own_courses_where_they_are_enough(
    clinician: models.User,
    stranger: models.User,
    tmp_path: Path,
    settings: object,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.undo()
    settings.DATA = tmp_path / "data"  # type: ignore[attr-defined]
    here, next_door = clinician.clinic_id, stranger.clinic_id
    folder = tmp_path / "registry"
    write_registry(folder, courses=900, seed=1)
    file = folder / "courses.parquet"
    courses = pq.read_table(file)
    # Every clinic of the invented registry is one here, except its last fifty courses.
    number = np.full(courses.num_rows, clinic_number(here), np.int32)
    number[-50:] = clinic_number(next_door)
    at = courses.column_names.index("clinic")
    pq.write_table(courses.set_column(at, courses.schema.field(at), pa.array(number)), file)
    cut = seal(folder, "invented")
    found = refit(folder)
    assert set(found) == {str(here)}
    assert {one.start for one in found[str(here)]} == {"low_back_trials", "knee_oa_trials"}
    assert all(one.cut == cut.sha256 and one.courses >= 100 for one in found[str(here)])
    began = [(c, b) for c, b in zip(courses["condition"][:-50].to_pylist(),
                                    courses["began"][:-50].to_pylist(), strict=True)]  # fmt: skip
    assert all(one.courses <= began.count((KNOWN.forecast_starts[one.start].condition, True))
               for one in found[str(here)])  # fmt: skip
    used = {one.start.id: one for one in forecasts.in_use(KNOWN, here)}
    assert used["knee_oa_trials"].own in found[str(here)]
    assert used["knee_oa_trials"].check is not None
    assert all(one.own is None for one in forecasts.in_use(KNOWN, next_door))
    few = tmp_path / "few"
    write_registry(few, courses=150, seed=1)
    seal(few, "invented")
    assert refit(few) == {}
    assert all(one.own is None for one in forecasts.in_use(KNOWN, here))

"""The registry out of the records: only what changed, de-identified, and withdrawals kept."""

import json
import random
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest
import time_machine
from pytest_django import DjangoDbBlocker

from enthesis.cli import main
from enthesis.clinic import models
from enthesis.clinic.actions import registry as action
from enthesis.clinic.actions.answer import record_answers
from enthesis.outcomes import registry
from enthesis.outcomes.registry import read_table, verify
from tests.clinic.invented import load, loaded_once

# After the day on which the newest rules begin: else that day makes every row anew.
TODAY = date(2026, 11, 27)
NOON = datetime(2026, 11, 27, 12, tzinfo=ZoneInfo("UTC"))


@pytest.fixture(scope="module")
def loaded(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[models.Clinic]:
    def of_yesterday() -> models.Clinic:
        with time_machine.travel(NOON - timedelta(days=1), tick=False):
            return load(TODAY, 10)

    with loaded_once(django_db_blocker, of_yesterday) as clinic:
        yield clinic


@pytest.fixture
def clinic(loaded: models.Clinic, db: None) -> models.Clinic:
    return loaded


@pytest.fixture
def clinician(clinic: models.Clinic) -> models.User:
    return models.User.objects.filter(role=models.Role.CLINICIAN).first()  # type: ignore[return-value]


@pytest.fixture(autouse=True)
def layered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "SMALL", 0)
    monkeypatch.setattr(registry, "DELTA_SHARE", 0.9)


def refresh(folder: Path, on: datetime = NOON, *, whole: bool = False) -> action.Refreshed:
    with time_machine.travel(on, tick=False):
        return action.refresh(folder, folder / "private", whole=whole)


def same(folder: Path, other: Path) -> bool:
    names = ("courses", "visits", "sessions", "events", "adverse", "money", "decisions")
    return all(read_table(folder, n).equals(read_table(other, n)) for n in names)


def test_the_first_cut_has_every_course_and_what_was_paid(
    clinic: models.Clinic, tmp_path: Path
) -> None:
    done = refresh(tmp_path)
    assert done.whole and done.written == done.cut.courses == models.Course.objects.count()
    assert verify(tmp_path) == done.cut
    courses = read_table(tmp_path, "courses").to_pylist()
    paid = sum((p.amount for p in models.LedgerEntry.objects.all()), Decimal(0))
    assert sum(c["paid_cents"] for c in courses) == int(100 * paid)
    charged = sum((line.amount for line in models.InvoiceLine.objects.all()), Decimal(0))
    sessions = read_table(tmp_path, "sessions").to_pylist()
    assert sum(s["price_cents"] or 0 for s in sessions) == int(100 * charged)
    assert len(sessions) == models.Session.objects.exclude(signed_at=None).count()
    assert {c["sex"] for c in courses} <= {"female", "male"}
    for column, model in (
        ("course", models.Course),
        ("clinic", models.Clinic),
        ("clinician", models.User),
    ):
        there = {c[column] for c in courses} - {None}
        assert there and not there & set(model.objects.values_list("pk", flat=True)), column


def test_only_changed_courses_are_looked_at_again(
    clinic: models.Clinic, clinician: models.User, tmp_path: Path
) -> None:
    first = refresh(tmp_path)
    nothing = refresh(tmp_path, NOON + timedelta(minutes=1))
    assert (nothing.written, nothing.whole) == (0, False)
    assert nothing.cut.parts == first.cut.parts
    course = models.Course.objects.filter(sessions__signed_at__isnull=False).first()
    assert course is not None
    with time_machine.travel(NOON + timedelta(minutes=2), tick=False):
        record_answers(clinician, course.pk, "after_session", TODAY, {"pain": "10"})
    done = refresh(tmp_path, NOON + timedelta(minutes=3))
    assert done.written == 1 and done.cut.courses == first.cut.courses
    mine = action.pseudonym(course.pk)
    visits = [v for v in read_table(tmp_path, "visits").to_pylist() if v["course"] == mine]
    assert visits[-1]["pain"] == 10
    refresh(tmp_path / "whole", NOON + timedelta(minutes=3))
    assert same(tmp_path, tmp_path / "whole")


def test_no_course_is_read_to_see_that_nothing_moved(
    clinic: models.Clinic,
    clinician: models.User,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def waiting(on: datetime) -> int:
        with time_machine.travel(on, tick=False):
            return action.waiting(tmp_path, tmp_path / "private")

    refresh(tmp_path)
    read = []
    really = action.pq.read_table
    monkeypatch.setattr(action.pq, "read_table", lambda file: read.append(file) or really(file))
    kept = action._read_state(tmp_path / "private" / action.STATE).courses["on"]
    read.clear()
    first = kept[~np.isnat(kept)].min().astype(date)
    day_before = datetime.combine(first - timedelta(days=1), NOON.time(), NOON.tzinfo)
    assert waiting(NOON) == waiting(day_before) == 0 and not read
    assert waiting(day_before + timedelta(days=1)) >= np.count_nonzero(kept == first) > 0
    course = models.Course.objects.filter(sessions__signed_at__isnull=False).first()
    assert course is not None and read
    with time_machine.travel(NOON, tick=False):
        record_answers(clinician, course.pk, "after_session", TODAY, {"pain": "10"})
    assert waiting(NOON) >= 1


def test_what_changes_by_itself_is_looked_at_on_its_day(
    clinic: models.Clinic, tmp_path: Path
) -> None:
    refresh(tmp_path)
    for days in (9, 60, 400):
        later = NOON + timedelta(days=days)
        done = refresh(tmp_path, later)
        assert done.written and not done.whole
        refresh(tmp_path / str(days), later)
        assert same(tmp_path, tmp_path / str(days))


def test_a_withdrawn_course_is_taken_out_and_comes_back_only_when_asked(
    clinic: models.Clinic, clinician: models.User, tmp_path: Path
) -> None:
    first = refresh(tmp_path)
    course = models.Course.objects.first()
    assert course is not None
    action.withdraw(clinician, course.pk, "The patient asked for it.")
    done = refresh(tmp_path, NOON + timedelta(minutes=1))
    assert (done.withdrawn, done.cut.courses) == (1, first.cut.courses - 1)
    assert action.pseudonym(course.pk) not in read_table(tmp_path, "courses")["course"].to_pylist()
    assert refresh(tmp_path, whole=True).cut.courses == first.cut.courses - 1
    action.rejoin(clinician, course.pk)
    assert refresh(tmp_path, NOON + timedelta(minutes=2)).cut.courses == first.cut.courses


def test_days_with_every_kind_of_change_leave_what_a_whole_refresh_writes(
    clinic: models.Clinic, clinician: models.User, tmp_path: Path
) -> None:
    treated = list(models.Course.objects.filter(sessions__signed_at__isnull=False).distinct()[:3])
    patient = treated[0].patient
    added = [
        models.Course.objects.create(
            patient=patient, condition=treated[0].condition, side="left", opened_on=TODAY
        )
        for _ in range(3)
    ]
    first = refresh(tmp_path)
    day = timedelta(days=1)
    with time_machine.travel(NOON + day, tick=False):
        action.withdraw(clinician, treated[1].pk, "The patient asked for it.")
        action.withdraw(clinician, added[0].pk, "A course by mistake.")
        record_answers(clinician, treated[2].pk, "after_session", TODAY + day, {"pain": "9"})
    added[1].delete()
    done = refresh(tmp_path, NOON + day)
    assert (done.withdrawn, done.cut.courses) == (3, first.cut.courses - 3)
    # Long after the audit row of the withdrawal, which is not asked again, an answer comes.
    with time_machine.travel(NOON + 30 * day, tick=False):
        record_answers(clinician, treated[1].pk, "after_session", TODAY + 30 * day, {"pain": "3"})
    added[0].delete()
    new = models.Course.objects.create(
        patient=patient, condition=treated[0].condition, side="right", opened_on=TODAY + 30 * day
    )
    with time_machine.travel(NOON + 30 * day, tick=False):
        action.rejoin(clinician, new.pk)
    done = refresh(tmp_path, NOON + 30 * day)
    assert (done.withdrawn, done.whole) == (0, False)
    assert done.cut.courses == first.cut.courses - 2
    refresh(tmp_path / "whole", NOON + 30 * day)
    assert same(tmp_path, tmp_path / "whole")
    with time_machine.travel(NOON + 30 * day, tick=False):
        assert action.waiting(tmp_path, tmp_path / "private") == 0
    kept = action._read_state(tmp_path / "private" / action.STATE)
    assert kept.withdrawn == {treated[1].pk}
    assert kept.courses["pk"].tolist() == sorted(
        models.Course.objects.exclude(pk=treated[1].pk).values_list("pk", flat=True)
    )


def test_what_is_kept_of_courses_is_what_a_dictionary_would_keep(tmp_path: Path) -> None:
    chance = random.Random(7)  # noqa: S311
    kept: dict[int, tuple[int, date | None]] = {}
    state = action._NOTHING
    for _ in range(60):
        keys = sorted(chance.sample(range(1, 80), chance.randrange(12)))
        days = [chance.choice([None, TODAY + timedelta(chance.randrange(9))]) for _ in keys]
        seen = [(key, chance.getrandbits(62), on) for key, on in zip(keys, days, strict=True)]
        gone = {key for key in kept if chance.random() < 0.1}
        kept = {k: v for k, v in kept.items() if k not in gone} | {
            k: (course, on) for k, course, on in seen
        }
        stay = ~np.isin(state.courses["pk"], list(gone))
        courses = action._replaced(state.courses[stay], np.array(seen, action._COURSE))
        file = tmp_path / "state"
        action._write_state(file, action._State(NOON, 3, "us", frozenset(gone), courses))
        state = action._read_state(file)
        assert (state.looked_at, state.last_event, state.made_by) == (NOON, 3, "us")
        assert state.withdrawn == gone
        assert state.courses.tolist() == [(k, *kept[k]) for k in sorted(kept)]
        for today in (TODAY, TODAY + timedelta(4)):
            come = action._come(state, {1: (None, today)})  # type: ignore[dict-item]
            assert come.tolist() == [k for k in sorted(kept) if (kept[k][1] or date.max) <= today]


def test_a_changed_rule_or_key_makes_every_row_anew(
    clinic: models.Clinic, tmp_path: Path, settings: object
) -> None:
    refresh(tmp_path)
    models.Clinic.objects.update(finish_relief_percent=80)
    assert refresh(tmp_path).whole
    settings.SECRET_KEY = "another"  # type: ignore[attr-defined]  # noqa: S105
    done = refresh(tmp_path)
    assert done.whole and verify(tmp_path).courses == done.written
    assert not refresh(tmp_path, NOON + timedelta(minutes=1)).whole
    (tmp_path / "private" / action.STATE).write_bytes(b"damaged")
    assert refresh(tmp_path, NOON + timedelta(minutes=2)).whole


# Ibis 12 calls DuckDB 2.0 by an older name.
@pytest.mark.filterwarnings("ignore:fetch_(arrow|record)_:DeprecationWarning")
def test_the_command_refreshes_and_verifies(
    clinic: models.Clinic,
    tmp_path: Path,
    settings: object,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    settings.DATA = tmp_path  # type: ignore[attr-defined]
    monkeypatch.setenv("ENTHESIS_DATA", str(tmp_path))
    assert main(["registry", "refresh", "--folder", str(tmp_path / "r")]) == 0
    told = capsys.readouterr().out
    assert f"Cut 1 of {models.Course.objects.count()} courses" in told
    assert "no condition has enough courses yet" in told
    assert json.loads((tmp_path / "forecast.json").read_text(encoding="utf-8")) == {}
    assert main(["registry", "verify", "--folder", str(tmp_path / "r")]) == 0
    assert "as it was written" in capsys.readouterr().out
    path = next((tmp_path / "r").glob("visits-*"))
    path.write_bytes(path.read_bytes()[:-1])
    assert main(["registry", "verify", "--folder", str(tmp_path / "r")]) == 1
    assert f"{path.name} was changed" in capsys.readouterr().err
    assert main(["registry", "publish", "--folder", str(tmp_path / "r")]) == 1
    assert "ENTHESIS_REGISTRY" in capsys.readouterr().err

"""Scores of licensed questionnaires, typed in: kept with their scale, shown, never judged by."""

from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest
from django.core.management import call_command
from django.core.management.base import SystemCheckError
from django.test import Client
from django.test.utils import override_settings

from enthesis.clinic import models, store
from enthesis.journey.judge import judge
from enthesis.shape import plain
from tests.clinic.test_answer_pages import answer_all, answer_screen, link_to
from tests.clinic.treated import agree_plan, say, treated
from tests.unit.knowledge.test_translations import OWN

TODAY = date(2026, 11, 23)
ODI = {
    "instrument": "ODI 2.1a",
    "on": "2026-11-20",
    "score": "42",
    "lowest": "0",
    "highest": "100",
    "better": "lower",
}
MakeCourse = Callable[..., models.Course]
ClientFor = Callable[[models.User], Client]
pytestmark = pytest.mark.usefixtures("on_a_fixed_day")


def test_a_typed_score_stands_beside_the_signs_and_changes_no_verdict(
    make_course: MakeCourse, clinician: models.User, client_for: ClientFor
) -> None:
    course, client = treated(make_course(), [7, 6, 5], clinician), client_for(clinician)
    known = store.known_for(clinician.clinic, TODAY)
    before = plain(judge(store.course_record(course), known, TODAY))
    for changed in ({"on": "2026-09-02"}, {"score": "28.5"}):
        response = client.post(f"/courses/{course.pk}/scores/add/", ODI | changed)
        assert response.status_code == 302
    page = client.get(f"/courses/{course.pk}/").content.decode()
    assert "42 on 2 Sep 2026, then 28.5 on 20 Nov 2026" in page
    assert "0 to 100, lower is better. Typed in by the clinic." in page
    course = models.Course.objects.get(pk=course.pk)
    assert plain(judge(store.course_record(course), known, TODAY)) == before
    assert models.AuditEvent.objects.filter(action="add_typed_score", actor=str(clinician)).exists()
    again = client.get(f"/courses/{course.pk}/scores/add/").context["form"]
    assert again.initial["instrument"] == "ODI 2.1a" and again.initial["highest"] == "100"


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"score": "101"}, "must lie on its scale, from 0 to 100"),
        ({"highest": "0"}, "must be above the lowest"),
        ({"on": "2026-11-24"}, "between the start of the course and today"),
        ({"on": "2026-08-01"}, "between the start of the course and today"),
        ({"better": "up"}, "Select a valid choice"),
        ({"instrument": " "}, "This field is required"),
        ({"instrument": "odi  2.1A", "highest": "50"}, "Use the same scale, or another name"),
        ({"instrument": "odi 2.1a", "better": "higher"}, "Use the same scale, or another name"),
    ],
)
def test_a_score_that_cannot_be_is_refused_and_what_was_typed_stays(
    changed: dict[str, str],
    said: str,
    make_course: MakeCourse,
    clinician: models.User,
    client_for: ClientFor,
) -> None:
    course, client = make_course(), client_for(clinician)
    client.post(f"/courses/{course.pk}/scores/add/", ODI)
    response = client.post(f"/courses/{course.pk}/scores/add/", ODI | changed)
    page = response.content.decode()
    assert response.status_code == 422 and said in page
    assert f'value="{(ODI | changed)["score"]}"' in page
    assert course.typed_scores.count() == 1


def test_another_clinic_types_no_score(
    make_course: MakeCourse, stranger: models.User, client_for: ClientFor
) -> None:
    address = f"/courses/{make_course().pk}/scores/add/"
    assert client_for(stranger).post(address, ODI).status_code == 404
    assert not models.TypedScore.objects.exists()


def test_measures_beside_the_signs_are_listed_with_what_counts(
    make_course: MakeCourse, clinician: models.User, client_for: ClientFor
) -> None:
    course = make_course()
    agree_plan(course)
    answer_all(Client(), link_to(course, clinician))
    page = client_for(clinician).get(f"/courses/{course.pk}/").content.decode()
    assert "Back disability (Roland-Morris)" in page and "2 on 23 Nov 2026" in page
    assert "A change of 5 or 30 % counts." in page
    assert "Mood and worry (PHQ-4)" in page
    # How well the choice was made: what is settled, and known (one right, one wrong, one unknown).
    assert "0 to 5, higher is better. Not validated." in page
    assert "Known before choosing</strong><p>1 on 23 Nov 2026" in page
    assert "another way" not in page
    say(course, TODAY, None, occasion="recheck", decision_regret=4)
    page = client_for(clinician).get(f"/courses/{course.pk}/").content.decode()
    assert "Wishes to have chosen another way</strong><p>4 on 23 Nov 2026" in page
    measures = store.known_for(clinician.clinic, TODAY).measures
    for id in ("decision_settled", "decision_known", "decision_regret"):
        assert measures[id].role == "supports" and not measures[id].validated


def test_a_licence_is_one_clinics_and_a_file_of_nobody_is_asked_nowhere(
    tmp_path: Path, clinic: models.Clinic
) -> None:
    other = models.Clinic.objects.create(name="Other Clinic", time_zone="UTC")
    loose, asked = tmp_path / "questionnaires", "grip_jar"

    def asks(one: models.Clinic) -> bool:
        known = store.known_for(one, date(2026, 11, 23))
        return asked in known.questions("six_signs")

    (loose / str(other.pk)).mkdir(parents=True)
    (loose / str(other.pk) / "grip.toml").write_text(OWN, encoding="utf-8")
    with override_settings(DATA=tmp_path):
        assert asks(other) and not asks(clinic)
        assert store.own_problems() == []
    second = tmp_path / "second"
    (second / "questionnaires").mkdir(parents=True)
    (second / "questionnaires/grip.toml").write_text(OWN, encoding="utf-8")
    with override_settings(DATA=second):
        assert not asks(other) and not asks(clinic)
        (problem,) = store.own_problems()
        assert "grip.toml: whose is it?" in problem and f"{other.pk} is Other Clinic" in problem
        other.delete()
        assert asks(clinic) and store.own_problems() == []


def test_the_clinics_own_questionnaire_is_asked_kept_and_shown(
    tmp_path: Path,
    make_course: MakeCourse,
    clinician: models.User,
    admin: models.User,
    client_for: ClientFor,
) -> None:
    (tmp_path / "questionnaires").mkdir()
    own = OWN.replace('"recheck"', '"baseline"')
    (tmp_path / "questionnaires/grip.toml").write_text(own, encoding="utf-8")
    (tmp_path / "questionnaires/odd.toml").write_text("id = ", encoding="utf-8")
    with override_settings(DATA=tmp_path):
        course = make_course()
        agree_plan(course)
        client, address = Client(), link_to(course, clinician)
        answers = {"grip_jar": "1", "grip_key": "1"}
        for _ in range(30):
            response = answer_screen(client, address, answers)
            if "were received" in response.content.decode():
                break
        kept = course.assessments.get()
        assert kept.completed_at and kept.answers["grip_jar"] == 1
        page = client_for(clinician).get(f"/courses/{course.pk}/").content.decode()
        assert "Grip" in page and "0 to 4, lower is better" in page
        settings = client_for(admin).get("/settings/").content.decode()
        assert "Held by the clinic" in settings
        assert "A file is left out. odd.toml: is not TOML" in settings
        with pytest.raises(SystemCheckError, match=r"odd\.toml"):
            call_command("check")

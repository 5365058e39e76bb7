"""The later response on the map: each place by the change of its tenderness, with the list."""

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.test import Client

from enthesis.clinic.models import Course, User
from tests.clinic.treated import FIRST_ON, agree_plan, give_session

pytestmark = pytest.mark.alike


def test_the_course_page_shows_each_places_tenderness_on_its_map_and_in_the_list(
    client_for: Callable[[User], Client], clinician: User, make_course: Callable[..., Course]
) -> None:
    course = make_course()
    agree_plan(course)
    sites = ("iliolumbar:left", "sacrotuberous:left", "supraspinous_l4_l5:midline")
    for number, scores in enumerate(((7, 4, 5), (3, 6, 5)), 1):
        session = give_session(course, number, FIRST_ON + timedelta(14 * number), clinician)
        session.site_scores = dict(zip(sites, scores, strict=True))
        session.save()
    page = client_for(clinician).get(f"/courses/{course.pk}/").content.decode()
    wide = page.split('class="maps wide"')[1].split('class="maps narrow"')[0]
    assert sorted(re.findall(r'class="point (\w+)"', wide)) == ["less", "more", "same"]
    rows = re.findall(r'<tr id="place-(\d)"><th scope="row">\d\. (.*?)</th>(.*?)</tr>', page)
    told = {name: re.findall(r">([^<]+)</td>", cells)[-2:] for _, name, cells in rows}
    assert told["Iliolumbar ligament, left"] == ["7", "3"]
    for number, name, _ in rows:
        assert f'href="#place-{number}" aria-label="{number}, {name.partition(",")[0]}' in wide

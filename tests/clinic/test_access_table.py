"""The table of who may open what: what stops the start."""

import tomllib

import pytest
from django.http import HttpRequest, HttpResponse

from enthesis.clinic import access_table
from enthesis.clinic.access_table import AccessTableError, read_table
from enthesis.clinic.apps import every_access_row_has_a_page
from enthesis.clinic.models import Role
from enthesis.clinic.permissions import every_url, may, page, public_page, roles_of

pytestmark = pytest.mark.alike
ROW = '{ who = "few", may = "see", of = "x" }'


def written(row: str = ROW, rules: str = "") -> str:
    return f'[groups]\nfew = ["front_desk"]\n[grants]\n[pages]\nfirst = {row}\n[rules]\n{rules}'


def view(request: HttpRequest) -> HttpResponse:
    raise NotImplementedError


def test_every_page_has_a_row_and_every_row_a_page() -> None:
    assert sorted(str(p.name) for p in every_url()) == sorted(access_table.table().pages)
    assert every_access_row_has_a_page() == []


def test_a_row_without_a_page_stops_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(access_table, "table", lambda: read_table(tomllib.loads(written())))
    (error,) = every_access_row_has_a_page()
    assert "'first'" in error.msg and error.is_serious()


@pytest.mark.parametrize(
    ("kind", "name"), [(page, "new"), (page, "sign_in"), (public_page, "today")]
)
def test_a_page_without_a_row_of_its_kind_stops_the_start(kind: object, name: str) -> None:
    with pytest.raises(AccessTableError, match=name):
        kind("new/", view, name)  # type: ignore[operator]


@pytest.mark.parametrize(
    "text",
    [
        written('{ who = "nobody_known", may = "see", of = "x" }'),
        written('{ who = "few", may = "look", of = "x" }'),
        written('{ who = "few", may = "see" }'),
        written('{ who = "few", may = "see", of = "x", emergncy = true }'),
        written(rules=f"first = {ROW}"),
        written().replace('"front_desk"', '"boss"'),
    ],
)
def test_a_row_that_is_not_right_stops_the_start(text: str) -> None:
    with pytest.raises(AccessTableError):
        read_table(tomllib.loads(text))


def test_a_name_without_a_row_is_a_fault_and_not_a_no(clinician: object) -> None:
    with pytest.raises(AccessTableError):
        roles_of("no_such_rule")
    assert may(clinician, "evaluate") and not may(clinician, "settings")  # type: ignore[arg-type]
    assert roles_of("evidence") == frozenset(Role)

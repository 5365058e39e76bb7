"""No word of another clinic's comes out anywhere, and none that a role may not read: every page,
list, search, export and paper, and the FHIR API with all that it includes, as each role."""

import csv
import io
import json
import re
import zipfile
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest
from django.apps import apps
from django.db import models as fields
from django.db.models import Value
from django.db.models.functions import Cast, Concat
from django.test import Client

from enthesis.clinic import models
from enthesis.clinic.api import export
from enthesis.clinic.api.table import TYPES
from enthesis.clinic.models import NO_NUL, Role
from enthesis.clinic.permissions import TO_CLINIC, roles_of
from tests.clinic.everywhere import *  # noqa: F403
from tests.clinic.everywhere import EVERY, NOW, PAGES, Site, address, every_url, share
from tests.clinic.fhir import begin, fetched, program
from tests.clinic.forms import SLOW, all_addresses
from tests.unit.exchange.test_cells import begins_a_formula

pytestmark = pytest.mark.filterwarnings("ignore:fetch_(arrow|record)_:DeprecationWarning")
FORMULA = "=1+1"
THEIRS, NUMBER, NOTE, NAME = "Zanzibird", 73184621, "Notebird", "Namebird"
# What only those who treat may read: words about the patient's body, typed by clinicians.
NOTES = (
    (models.Session, ("note", "written")),
    (models.SessionSite, ("needle",)),
    (models.SessionImage, ("name",)),
    (models.CourseFile, ("name",)),
    (models.Amendment, ("text",)),
    (models.AdverseEvent, ("what_happened", "what_was_done")),
    (models.AdverseEventEntry, ("text",)),
    (models.Decision, ("reason",)),
    (models.CautionSetAside, ("caution", "reason")),
    (models.TypedScore, ("instrument",)),
)
NAMES = ("family", "given", "phone", "email")
# Not pages to read but files to take everything out, which the table gives to administrators.
TAKE_OUT = frozenset({"settings_take_out"})


@pytest.fixture
def birds(site: Site) -> None:
    """Next door every free word is a canary; here the notes are one and the names another."""
    for kind in apps.get_app_config("clinic").get_models():
        if kind not in TO_CLINIC or issubclass(kind, models.Chained):
            continue
        free = [one for one in kind._meta.concrete_fields if _is_free(one)]
        rows = kind._default_manager.filter(**{TO_CLINIC[kind]: site.other})
        rows = kind._default_manager.filter(pk__in=list(rows.values_list("pk", flat=True)))
        rows.update(**{one.name: _word(one) for one in free})
    theirs = models.Patient.objects.filter(clinic=site.other)
    for n, patient in enumerate(theirs):
        theirs.filter(pk=patient.pk).update(number=NUMBER + n, email=f"{THEIRS}@example.org")
    for kind, names in NOTES:
        mine = kind.objects.filter(**{TO_CLINIC[kind]: site.clinic})
        kind.objects.filter(pk__in=list(mine.values_list("pk", flat=True))).update(
            **dict.fromkeys(names, NOTE)
        )
    number = Concat(
        Value(NAME), Cast("pk", words := fields.TextField()), Value("."), output_field=words
    )
    models.Patient.objects.filter(clinic=site.clinic).update(
        family=number, given=NAME, phone=NAME, email=f"{NAME}@example.org"
    )


def _is_free(one: Any) -> bool:
    is_text = isinstance(one, fields.CharField | fields.TextField)
    # Why a file was taken off stands only where one was.
    is_open = NO_NUL[0] in one.validators and one.name != "removed_because"
    return is_text and not one.unique and is_open


def _word(one: Any) -> str:
    return THEIRS[: one.max_length] if one.max_length else THEIRS


def whole(response: Any) -> str:
    """All that a response says, in its files too."""
    data = b"".join(response.streaming_content) if response.streaming else response.content
    if data[:2] == b"PK":
        with zipfile.ZipFile(io.BytesIO(data)) as file:
            data = b"".join(name.encode() + file.read(name) for name in file.namelist())
    return data.decode(errors="replace") + str(response.headers)


def hidden_from(role: str) -> list[str]:
    """The canaries that a role must not see, by what the table says that it may open."""
    words = [THEIRS, str(NUMBER)[:-1]]
    words += [NOTE] if role not in roles_of("session") else []
    return words + ([NAME] if role not in roles_of("patient") else [])


def asked(site: Site) -> Iterator[tuple[str | None, str]]:
    """(page, address) of all that can be looked at, searches for the canaries among them, and what
    is next door."""
    for page, path, _ in all_addresses(site):
        if page.name not in SLOW or EVERY == 1:
            yield page.name, path
    for page in every_url():
        if page.pattern.converters and page.name not in SLOW:
            yield page.name, address(page, site.ids | site.others | {"token": "no-such-token"})
    for word in (THEIRS, str(NUMBER), "a", "1"):
        yield "patients", f"/patients/?find={word}"
        yield "recall_lot", f"/stock/recall/?lot={word}"
    yield "today", "/?all=1"
    for view in ("clinician", "room", "week"):
        yield "calendar", f"/calendar/?view={view}&day=2027-01-04"
    yield "days", "/money/days/?first=2026-01-01&last=2026-12-31"


@pytest.mark.parametrize("role", list(Role))
def test_no_role_meets_a_word_that_it_must_not(role: Role, site: Site, birds: None) -> None:
    client, words, seen = site.client(role), hidden_from(role), set[str]()
    paths = list(asked(site))
    for name, path in share(paths, 1 if EVERY == 1 else 20):
        before = models.AccessEvent.objects.count()
        response = client.get(path)
        text = whole(response)
        # What was looked for is said again; nothing else may be.
        found = [word for word in words if word in text and word not in path]
        assert not found, (role, name, path, found)
        if name and PAGES[name].roles:
            shown = set(map(int, re.findall(rf"{NAME}(\d+)\.", text)))
            rows = models.AccessEvent.objects.order_by("pk")[before:]
            assert rows or NAME not in text, (role, name, path, "no reading is kept")
            unsaid = shown - {one.patient_id for one in rows if one.user == site.users[role]}
            assert not unsaid, (role, name, path, "shows patients whose reading is not kept")
        seen |= {word for word in (NAME, NOTE) if word in text}
    if EVERY == 1:
        assert len(paths) > 400
        assert seen == {NAME, NOTE} - set(words), "the canaries are where they can be seen"


def test_what_is_taken_out_is_the_clinics_own(site: Site, birds: None) -> None:
    response = site.client(Role.ADMINISTRATOR).post(
        "/settings/take-out/", {"what": "all", "form": "csv"}
    )
    text = whole(response)
    assert response.status_code == 200 and NAME in text
    assert THEIRS not in text and str(NUMBER)[:-1] not in text


def test_no_table_that_is_given_out_holds_a_formula_that_somebody_typed(site: Site) -> None:
    models.Clinic.objects.filter(pk=site.clinic.pk).update(name=FORMULA)
    for kind in apps.get_app_config("clinic").get_models():
        if kind in TO_CLINIC and not issubclass(kind, models.Chained):
            free = {
                one.name: FORMULA[: one.max_length]
                for one in kind._meta.concrete_fields
                if _is_free(one)
            }
            mine = kind._default_manager.filter(**{TO_CLINIC[kind]: site.clinic})
            kind._default_manager.filter(pk__in=list(mine.values_list("pk", flat=True))).update(
                **free
            )
    files = {"take-out": site.client(Role.ADMINISTRATOR).post(
        "/settings/take-out/", {"what": "all", "form": "csv"})}  # fmt: skip
    for page, path, _ in all_addresses(site):
        if path.endswith((".csv", ".zip")) and (page.name not in SLOW or EVERY == 1):
            asked_for = f"{path}?lot={quote(FORMULA)}&first=2026-01-01&last=2026-12-31"
            files[path] = site.best(page).get(asked_for)
    guarded = set[str]()
    for path, response in files.items():
        for name, text in tables_in(response):
            for row in csv.reader(io.StringIO(text)):
                is_number = re.compile(r"-?[\d.]+ ?%?").fullmatch
                assert not [one for one in row if begins_a_formula(one) and not is_number(one)], (
                    path, name, row,
                )  # fmt: skip
                guarded |= {path} if f"'{FORMULA}" in row else set()
    assert {"take-out", "/stock/recall.csv", "/money/ledger.csv"} <= guarded


def test_the_published_numbers_name_no_protocol_as_a_formula(client: Client, site: Site) -> None:
    section = {"id": "by-protocol", "head": ["Protocol", "Courses"], "rows": [[FORMULA, "-5"]]}
    told = {"sections": [section | {"finding": "All alike", "source": "Registry"}]}
    models.PublishedResults.objects.create(
        clinic=site.clinic, day=NOW.date(), cut="c" * 64, content=told,
        by=site.users[Role.ADMINISTRATOR],
    )  # fmt: skip
    answer = client.get(f"/results/{site.clinic.pk}/by-protocol.csv")
    assert list(csv.reader(io.StringIO(answer.text)))[2] == [f"'{FORMULA}", "-5"]


def tables_in(response: Any) -> list[tuple[str, str]]:
    """The name and text of each CSV that a response is, or holds."""
    if response.status_code != 200:
        return []
    data = b"".join(response.streaming_content) if response.streaming else response.content
    if data[:2] != b"PK":
        return [("", data.decode("utf-8-sig"))]
    with zipfile.ZipFile(io.BytesIO(data)) as file:
        tables = [name for name in file.namelist() if name.endswith(".csv")]
        return [(name, file.read(name).decode("utf-8-sig")) for name in tables]


def test_the_api_gives_no_word_of_another_clinics_however_it_is_asked(
    site: Site, birds: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export, "start", lambda folder, token: export.make(folder, token))
    client: Client = program(site.clinic)
    paths = [
        f"{kind.name}{query}"
        for kind in TYPES.values()
        for query in ("", "?_include=*&_count=100", "?_revinclude=*&_count=100", "/1", "/2")
    ]
    paths += [f"Patient?name={THEIRS}", f"Patient?identifier={NUMBER}", f"Patient?phone={THEIRS}"]
    patients = models.Patient.objects.filter(clinic=site.other)
    paths += [f"Patient/{one.pk}{then}" for one in patients for then in ("", "/$everything")]
    paths += ["Patient?_revinclude=Encounter:patient&_include=Encounter:practitioner"]
    said = ""
    for path in share(paths, 1 if EVERY == 1 else 8):
        response = client.get(f"/fhir/{path}")
        text = re.sub(r'"url":\s*"[^"]*"|"diagnostics":\s*"[^"]*"', "", whole(response))
        assert THEIRS not in text and str(NUMBER)[:-1] not in text, path
        said += text if EVERY == 1 else ""
    if EVERY == 1:
        status = begin(client)
        said += str(fetched(client, json.loads(client.get(f"/fhir/{status}").content)))
        assert NAME in said and THEIRS not in said and str(NUMBER)[:-1] not in said

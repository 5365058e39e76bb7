"""Over every address and every form: looking changes nothing, a forged form changes nothing, and
fields that a form does not have change nothing."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from hashlib import sha256
from http.cookies import SimpleCookie
from typing import Any

import pytest
import time_machine
from django.apps import apps
from django.db import connection
from django.db import models as fields
from django.test import Client
from django.urls import resolve

from enthesis.clinic import models
from enthesis.clinic.actions import answer
from enthesis.clinic.permissions import TO_CLINIC
from tests.clinic.everywhere import *  # noqa: F403
from tests.clinic.everywhere import EVERY, NOW, PAGES, Site, address, every_url, share, undone
from tests.clinic.forms import SLOW, TEXTS, Form, all_addresses, every_form
from tests.clinic.refusing import refusing

pytestmark = pytest.mark.filterwarnings("ignore:fetch_(arrow|record)_:DeprecationWarning")
Rows = dict[str, list[dict[str, Any]]]
# What looking itself leaves: who read whose record, and when a session was last seen.
LEFT_BY_LOOKING = frozenset({"clinic_accessevent", "django_session"})
# The trail says that a file was given away, beside who read it, or that the words of somebody who
# is no patient were looked at; nothing of a record changes.
GIVEN_AWAY = frozenset({"record_pdf", "record_zip", "image", "course_file", "enquiry"})
# Pages that take a form without the usual token, and what stands in its place.
NO_TOKEN = {
    "ask_clinic": "anybody asks; a signed proof that the page was opened is in the form",
    "ask_clinic_in": "the same in another language",
    "asked": "the secret in the address is the right, and all it does is take agreement back",
    "stop": "a mail program sends it alone (RFC 8058); the secret in the address is the right",
    "right_for_me": "keeps nothing, knows nobody, and sets no cookie",
    "right_for_me_in": "the same in another language",
    **{
        f"choose_{word}{language}": "keeps nothing, knows nobody, and sets no cookie"
        for word in ("values", "know", "sheet")
        for language in ("", "_in")
    },
    "card_message": "the gateway signs it",
    "fhir": "a program signs in with a token of its own; a browser's cookie is not looked at",
    "fhir_root": "the same",
    "fhir_base": "the same",
}
# Names of columns that a page knows by another meaning: sent beside its form they do something.
MEANT = {
    ("estimate", "link"): "the page's other button: a link to the last estimate, in no other's name"
}


def tables() -> Rows:
    """Every row of every table."""
    found = {}
    with connection.cursor() as cursor:
        for table in sorted(connection.introspection.table_names(cursor)):
            if table not in LEFT_BY_LOOKING:
                cursor.execute(f'SELECT * FROM "{table}" ORDER BY 1')  # noqa: S608
                names = [column[0] for column in cursor.description]
                found[table] = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
    return found


@contextmanager
def changes() -> Iterator[list[str]]:
    """Each statement meanwhile that is meant to change a row."""
    found: list[str] = []

    def note(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        words = sql.split(None, 3)
        if words[0] in ("INSERT", "UPDATE", "DELETE"):
            if not any(f'"{table}"' in sql[:60] for table in LEFT_BY_LOOKING):
                found.append(sql[:200])
        return execute(sql, params, many, context)

    with connection.execute_wrapper(note):
        yield found


def _hash() -> str:
    kept = {table: rows for table, rows in tables().items() if table != "clinic_auditevent"}
    return sha256(repr(kept).encode()).hexdigest()


def test_looking_at_any_page_changes_no_row(site: Site) -> None:
    before, looked, faults = _hash(), 0, list[str]()
    for page, path, _ids in share(list(all_addresses(site)), 1 if EVERY == 1 else 12):
        if page.name in SLOW and EVERY > 1:
            continue
        roles = PAGES[str(page.name)].roles
        who = [site.client(role) for role in sorted(roles)] if roles else [Client()]
        for client in who if EVERY == 1 else who[:1]:
            with changes() as found:
                response = client.get(path)
                assert response.status_code < 500, path
                client.head(path)
            if page.name in GIVEN_AWAY:
                found = [one for one in found if "clinic_auditevent" not in one]
            if found:
                faults.append(f"{page.name} {path}: {found}")
            looked += 2
    assert not faults, faults
    assert _hash() == before
    assert looked > 500 or EVERY > 1


@pytest.mark.alike
def test_every_form_without_its_token_is_refused(site: Site) -> None:
    without = {p.name for p in every_url() if getattr(p.callback, "csrf_exempt", False)}
    assert without == set(NO_TOKEN), "say what stands in the place of the token, or take it"
    tried = 0
    for page in every_url():
        if page.name in NO_TOKEN:
            continue
        client = site.best(page, enforce_csrf_checks=True)
        for token in site.links.values() if "token" in page.pattern.converters else [""]:
            response = client.post(address(page, site.ids | {"token": token}), {"x": "1"})
            assert response.status_code == 403, page.name
            assert b"Cookies must be allowed" in response.content, page.name
            tried += 1
    assert tried > 150


def forged(site: Site) -> dict[str, str]:
    """A value for each name of a column that exists anywhere: of the other clinic's, and of more
    than anybody may."""
    found: dict[str, str] = {"is_superuser": "on", "groups": "1", "user_permissions": "1"}
    for kind in apps.get_app_config("clinic").get_models():
        for one in kind._meta.concrete_fields:
            found[one.name] = found[one.attname] = _value(site, one)
    return found


def _value(site: Site, one: Any) -> str:
    if one.remote_field:
        kind = one.related_model
        if kind is models.Clinic:
            return str(site.other.pk)
        theirs = kind._default_manager.filter(**{TO_CLINIC[kind]: site.other}).first()
        return str(theirs.pk) if theirs else "1"
    if one.choices:
        return str(one.choices[-1][0])
    for kinds, value in (
        (fields.BooleanField, "on"),
        (fields.DateTimeField, "1999-12-31T10:00"),
        (fields.DateField, "1999-12-31"),
        ((fields.IntegerField, fields.DecimalField, fields.AutoField), "7"),
        (fields.JSONField, '{"forged": 1}'),
    ):
        if isinstance(one, kinds):
            return str(value)
    return "forged-7f31"


def sent(client: Client, form: Form, data: dict[str, Any]) -> tuple[int, Rows]:
    """What the answer was, and how every table then stood."""
    with undone():
        response = client.post(form.path, data)
        return response.status_code, tables()


# What is no record: the key of a form that was sent, and the session of a browser.
NO_RECORD = frozenset({"clinic_sentform", "clinic_auditevent", "django_session"})


def test_whatever_a_form_changes_is_in_the_trail_or_is_not_changed(site: Site) -> None:
    """Also by `update`, in bulk and by signals: what counts is what the tables hold after it."""
    faults, done = list[str](), 0
    forms = [one for one in every_form(site, 1 if EVERY == 1 else 16) if one[0].method == "post"]
    as_it_was = tables()
    with time_machine.travel(NOW + timedelta(minutes=1), tick=False):
        for form, client in forms:
            if form.page == "settings_take_out":
                continue  # Reads, and sends a file.
            signed_in = client.cookies.output(header="", sep=";")
            status, rows = sent(client, form, form.filled())
            client.cookies = SimpleCookie(signed_in)  # Who signed out is in again, too.
            changed = {table for table, _ in unlike(as_it_was, rows)}
            records, is_told = changed - NO_RECORD, "clinic_auditevent" in changed
            if records and not is_told:
                faults.append(f"{form.page} → {form.path}: {records}, and nothing in the trail")
            if is_told:
                with refusing("clinic_auditevent"):
                    status, rows = sent(client, form, form.filled())
                if left := {table for table, _ in unlike(as_it_was, rows)} - {"django_session"}:
                    faults.append(f"{form.page} → {form.path}: without the trail {left}")
                elif status != 503:
                    faults.append(f"{form.page} → {form.path}: without the trail {status}")
                done += 1
    assert not faults, "\n".join(faults)
    assert done > 60 or EVERY > 1


def unlike(one: Rows, other: Rows) -> set[tuple[str, str]]:
    """(table, column) of what differs; the table alone where it has more rows."""
    found = set()
    for table, rows in one.items():
        if len(rows) != len(other[table]):
            found.add((table, ""))
        for mine, theirs in zip(rows, other[table], strict=False):
            found |= {(table, name) for name in mine if mine[name] != theirs[name]}
    return found


@pytest.mark.alike  # A row undone leaves a gap in PostgreSQL's numbers, so that no two runs agree.
def test_fields_that_a_form_does_not_have_change_nothing(site: Site) -> None:
    more, faults, done = forged(site), list[str](), 0
    forms = [one for one in every_form(site, 1 if EVERY == 1 else 16) if one[0].method == "post"]
    known: dict[str, set[str]] = {}
    for form, _ in forms:
        names = known.setdefault(str(resolve(form.path.partition("?")[0]).url_name), set())
        names |= set(form.fields) | {name for name, _ in form.buttons}
    with time_machine.travel(NOW + timedelta(minutes=1), tick=False):
        for form, client in forms:
            goes_to = str(resolve(form.path.partition("?")[0]).url_name)
            if goes_to == "settings_take_out":
                continue  # Reads, and sends a file.
            added = {
                name: value
                for name, value in more.items()
                if name not in known[goes_to] and (goes_to, name) not in MEANT
            }
            plain, again = (sent(client, form, form.filled()) for _ in range(2))
            status, rows = sent(client, form, form.filled() | added)
            # With each form is kept a fingerprint of all that was sent.
            new_each_time = unlike(plain[1], again[1]) | {("clinic_sentform", "content")}
            if status != plain[0] or unlike(plain[1], rows) - new_each_time:
                wrong = unlike(plain[1], rows) - new_each_time
                faults.append(f"{form.page} → {goes_to}: {plain[0]}/{status} {wrong}")
            done += 1
    assert not faults, faults
    assert done > 70 or EVERY > 1


# Fields whose value is the number of a record, by the end of their name.
NAMES_A = {
    "clinician": "user_id", "injected_by": "user_id", "room": "room_id", "session": "session_id",
    "product": "product_id", "report": "file_id", "withdraw": "link_id",
}  # fmt: skip


def test_no_choice_of_a_form_takes_a_record_of_the_clinic_next_door(site: Site) -> None:
    faults, tried = list[str](), set[str]()
    forms = every_form(site, 1 if EVERY == 1 else 8)
    by = models.User.objects.get(pk=site.others["user_id"])
    link, _ = answer.make_link(by, site.others["course_id"], "recheck", NOW.date())
    theirs, as_it_was = site.others | {"link_id": link.pk}, tables()
    with time_machine.travel(NOW + timedelta(minutes=1), tick=False):
        for form, client in forms:
            for name, one in form.fields.items():
                last = name.rpartition("-")[2]
                if form.method != "post" or last not in NAMES_A or one.kind in TEXTS:
                    continue
                data = form.filled() | {name: str(theirs[NAMES_A[last]])}
                status, rows = sent(client, form, data)
                changed = {table for table, _ in unlike(as_it_was, rows)} - {"django_session"}
                # 200: a button that only adds a line to the form.
                if changed or status not in (200, 404, 409, 422):
                    faults.append(f"{form.page} → {form.path} {name}: {status} {changed}")
                tried.add(last)
    assert not faults, "\n".join(faults)
    assert EVERY > 1 or tried == NAMES_A.keys()

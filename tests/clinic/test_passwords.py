"""Which passwords are taken, and how they are kept."""

import html
import importlib.util
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from django.conf import settings
from django.contrib.auth import hashers
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.test import Client

import enthesis.clinic
from enthesis.clinic.models import Clinic, User
from tests.clinic_fixtures import PASSWORD

pytestmark = pytest.mark.alike
SHELL = Path(enthesis.clinic.__file__).parent
ELEVEN, ALL_LETTERS = "xkq vbn tzr", "a harbour, seven herons and "


@pytest.mark.parametrize(
    ("password", "says"),
    [
        (ELEVEN, "too short"),
        ("qwerty123456", "too common"),
        ("Liverpool2026!", "made longer"),
        ("!!!password12345", "made longer"),
        ("dragondragon", "made longer"),
        ("dragon7dragon7", "made longer"),
        ("123456789012", "made longer"),
        ("aaaaaaaaaaaa", "made longer"),
        ("ababababababab", "made longer"),
        ("HarbourClinic26", "names that anybody knows"),
        ("enthesis-harbour", "names that anybody knows"),
        ("amara osei 1980", "names that anybody knows"),
        ("dr_amara_osei1", "too similar"),
    ],
)
def test_a_guessable_password_is_refused_with_the_reason(password: str, says: str) -> None:
    clinic = Clinic(name="Harbour Clinic")
    user = User(clinic=clinic, username="dr_amara_osei", display_name="Dr Amara Osei")
    with pytest.raises(ValidationError, match=says):
        validate_password(password, user)


@pytest.mark.parametrize(
    "password",
    [
        "xkq vbn tzrw",
        PASSWORD,
        "four yellow kayaks ashore",
        "Ωμέγα, άλφα και βήτα",
        "🐋🐋 seven grey herons",
        (ALL_LETTERS * 5)[:128],
    ],
)
def test_a_password_of_12_to_128_letters_of_any_writing_is_taken_whole_and_signs_in(
    clinician: User, client_for: Callable[[User], Client], password: str
) -> None:
    sent = {"old": PASSWORD, "password": password, "again": password}
    if password == PASSWORD:
        validate_password(password, clinician)
        return
    changed = client_for(clinician).post("/sign-in/own/password/", sent)
    assert changed.status_code == 302, html.unescape(changed.content.decode())
    for typed, status in ((password[:-1], 422), (password, 302)):
        told = {"username": clinician.username, "password": typed}
        assert Client().post("/sign-in/", told).status_code == status


def test_one_of_129_letters_is_refused_and_not_cut_off(
    clinician: User, client_for: Callable[[User], Client]
) -> None:
    long = (ALL_LETTERS * 5)[:129]
    sent = {"old": PASSWORD, "password": long, "again": long}
    assert client_for(clinician).post("/sign-in/own/password/", sent).status_code == 422


def test_passwords_are_kept_by_argon2id_with_at_least_what_owasp_asks() -> None:
    assert settings.PASSWORD_HASHERS == [f"{hashers.__name__}.Argon2PasswordHasher"]
    # As it ships: for the tests it is made cheaper.
    spec = importlib.util.find_spec(hashers.__name__)
    assert spec and spec.loader
    fresh = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(fresh)
    hasher = fresh.Argon2PasswordHasher()
    kept = hasher.encode(PASSWORD, hasher.salt())
    assert kept.startswith("argon2$argon2id$")
    told = hasher.decode(kept)
    # OWASP Password Storage Cheat Sheet: 19 MiB, 2 rounds, 1 lane.
    assert told["memory_cost"] >= 19 * 1024 and told["time_cost"] >= 2
    assert told["parallelism"] >= 1


def test_nothing_keeps_a_password_manager_or_pasting_away(
    clinician: User, admin: User, client_for: Callable[[User], Client]
) -> None:
    pages = [
        Client().get("/sign-in/"),
        client_for(clinician).get("/sign-in/own/password/"),
        client_for(admin).get("/settings/users/add/"),
        client_for(admin).get(f"/settings/users/{clinician.pk}/password/"),
    ]
    fields = [
        field
        for page in pages
        for field in re.findall(r'<input type="password"[^>]*>', page.content.decode())
    ]
    assert len(fields) == 6
    for field in fields:
        assert re.search(r'autocomplete="(current|new)-password"', field), field
        assert 'maxlength="128"' in field and "onpaste" not in field and "readonly" not in field
    for script in SHELL.rglob("*.js"):
        assert not re.search(r"""["']paste["']|onpaste""", script.read_text()), script

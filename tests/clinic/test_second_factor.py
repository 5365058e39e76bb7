"""The second step of signing in, passkeys apart: tests/browser/test_passkeys.py has those."""

import base64
import html
import io
import re
import time
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.hashers import Argon2PasswordHasher
from django.contrib.sessions.models import Session
from django.test import Client
from django.urls import reverse
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from enthesis import cli
from enthesis.clinic import passkeys
from enthesis.clinic.actions import Refused, second_factor
from enthesis.clinic.actions import sign_in as passwords
from enthesis.clinic.actions.settings import Newcomer, begin_clinic
from enthesis.clinic.models import AuditEvent, Clinic, Role, SecondFactor, User
from enthesis.clinic.pages import passkey
from enthesis.clinic.pages.own_sign_in import NOT_FRESH
from enthesis.clinic.permissions import FACTOR_PAGES, roles_of
from tests.clinic.at_once import at_once
from tests.clinic.test_access import STAFF_PAGES, address, ids  # noqa: F401
from tests.clinic_fixtures import PASSWORD, make_user

NOON = "2026-11-23 12:00:00Z"
OWN, SECOND = "/sign-in/own/", "/sign-in/second/"
SEED = bytes(range(20))
NEW = "seven grey herons waiting"


@pytest.fixture(autouse=True)
def asked_for(own_data: None, settings: Any) -> None:
    """As a clinic has it."""
    settings.SECOND_FACTOR = True


@pytest.fixture(autouse=True)
def at_noon(time_machine: Any) -> Any:
    """A moment that moves on only when a test says so."""
    time_machine.move_to(NOON, tick=False)
    return time_machine


def words(response: Any) -> str:
    return html.unescape(response.content.decode())


def code_now(seed: bytes = SEED) -> str:
    return second_factor.totp(seed).generate(int(time.time())).decode()


def enrol(user: User, at_noon: Any) -> None:
    """An app, set up a minute before noon."""
    at_noon.move_to("2026-11-23 11:59:00Z", tick=False)
    second_factor.add_app(user, SEED, code_now(), "Phone")
    at_noon.move_to(NOON, tick=False)


def password(client: Client, user: User, typed: str = PASSWORD, next: str = "/") -> Any:
    return client.post("/sign-in/", {"username": user.username, "password": typed, "next": next})


def signed_in(user: User, at_noon: Any) -> Client:
    """Wholly, a minute after noon."""
    at_noon.move_to("2026-11-23 12:01:00Z", tick=False)
    client = Client()
    password(client, user)
    assert client.post(SECOND, {"code": code_now()}).status_code == 302
    return client


def test_the_password_leads_to_the_code_and_the_code_to_where_the_user_was_going(
    clinician: User, at_noon: Any
) -> None:
    enrol(clinician, at_noon)
    client = Client()
    first = password(client, clinician, next="/patients/")
    assert first["Location"] == SECOND
    key = client.cookies["sessionid"].value
    assert not AuditEvent.objects.filter(action="sign_in").exists()
    assert "One more step" in words(client.get(SECOND))
    second = client.post(SECOND, {"code": code_now()})
    assert (second.status_code, second["Location"]) == (302, "/patients/")
    assert client.get("/patients/").status_code == 200
    assert client.cookies["sessionid"].value != key
    assert not Session.objects.filter(session_key=key).exists()
    assert AuditEvent.objects.get(action="sign_in").user == clinician


def test_no_page_is_reached_between_the_password_and_the_code(
    ids: dict[str, Any],  # noqa: F811
    clinician: User,
    at_noon: Any,
) -> None:
    enrol(clinician, at_noon)
    client = Client()
    password(client, clinician)
    for one in STAFF_PAGES:
        for method in ("get", "post"):
            response = getattr(client, method)(address(one, ids))
            assert response.status_code == 302, (one.name, method)
            assert response["Location"].startswith("/sign-in/?next="), (one.name, method)


def test_who_was_signed_in_at_this_screen_is_out_when_another_types_a_password(
    clinician: User, desk: User, client_for: Callable[[User], Client], at_noon: Any
) -> None:
    enrol(clinician, at_noon)
    client = client_for(desk)
    password(client, clinician)
    assert client.get("/").status_code == 302


def test_a_password_alone_opens_nothing_but_setting_up_a_second_step(
    ids: dict[str, Any],  # noqa: F811
    clinician: User,
) -> None:
    client = Client()
    assert password(client, clinician)["Location"] == OWN
    for one in STAFF_PAGES:
        if one.name in FACTOR_PAGES:
            continue
        for method in ("get", "post"):
            response = getattr(client, method)(address(one, ids))
            assert (response.status_code, response["Location"]) == (302, OWN), (one.name, method)
    assert "One thing before you begin" in words(client.get(OWN))
    assert not AuditEvent.objects.filter(action="sign_in").exists()


@pytest.mark.parametrize("role", Role)
def test_no_role_is_let_in_by_the_password_alone(role: Role, clinic: Clinic, at_noon: Any) -> None:
    user, pages = make_user(clinic, role.value, role), [
        address(one, {})
        for one in STAFF_PAGES
        if not one.pattern.converters and one.name not in FACTOR_PAGES
        and role in roles_of(str(one.name))
    ]  # fmt: skip
    for leads_to, back in ((OWN, OWN), (SECOND, "/sign-in/?next=")):
        client = Client()
        assert password(client, user)["Location"] == leads_to
        for page in pages:
            assert client.get(page)["Location"].startswith(back), (role, page)
        if leads_to == OWN:
            enrol(user, at_noon)
    assert pages


def shown_seed(client: Client) -> bytes:
    """The key as the page shows it, for those without a camera."""
    page = words(client.get(f"{OWN}app/"))
    assert '<svg width="' in page and "style=" not in page
    shown = re.search(r"<code>([A-Z2-7 ]+)</code>", page)
    assert shown is not None
    return base64.b32decode(shown[1].replace(" ", ""))


def test_setting_up_an_app_opens_everything_and_uses_its_code_up(
    clinician: User, at_noon: Any
) -> None:
    client = Client()
    password(client, clinician)
    key = client.cookies["sessionid"].value
    seed = shown_seed(client)
    code = code_now(seed)
    wrong = client.post(f"{OWN}app/", {"name": "Phone", "code": str((int(code) + 1) % 10**6)})
    assert wrong.status_code == 422 and shown_seed(client) == seed
    added = client.post(f"{OWN}app/", {"name": "Phone", "code": code})
    assert added["Location"] == OWN and client.get("/").status_code == 200
    assert client.cookies["sessionid"].value != key
    assert [e.action for e in AuditEvent.objects.all()] == ["add_app", "sign_in"]
    other = Client()
    password(other, clinician)
    assert second_factor.WRONG in words(other.post(SECOND, {"code": code}))
    at_noon.move_to("2026-11-23 12:00:30Z", tick=False)
    assert other.post(SECOND, {"code": code_now(seed)}).status_code == 302
    assert shown_seed(client) != seed


def test_the_seed_is_kept_sealed_and_another_key_opens_nothing(
    clinician: User, at_noon: Any, settings: Any
) -> None:
    enrol(clinician, at_noon)
    kept = bytes(SecondFactor.objects.get().secret)
    assert SEED not in kept and second_factor.unseal(kept, clinician) == SEED
    settings.SECRET_KEY = "another key " * 5
    assert second_factor.unseal(kept, clinician) is None
    assert not second_factor.check_code(clinician, code_now(), "")


def test_an_early_and_a_late_code_count_and_no_other(clinician: User, at_noon: Any) -> None:
    enrol(clinician, at_noon)
    for second, good in [(-60, False), (60, False), (-30, True), (30, True), (0, False)]:
        code = second_factor.totp(SEED).generate(int(time.time()) + second).decode()
        assert second_factor.check_code(clinician, code, "") is good, second


def test_a_used_code_is_no_longer_good_nor_one_before_it(clinician: User, at_noon: Any) -> None:
    enrol(clinician, at_noon)
    signed_in(clinician, at_noon)
    client = Client()
    password(client, clinician)
    assert second_factor.WRONG in words(client.post(SECOND, {"code": code_now()}))


def tried(number: int, work: Callable[[], Any]) -> list[Any]:
    """What so many are told who do the same in the same moment."""
    told = at_once([work] * number)
    return [one.message if isinstance(one, Refused) else one for one in told]


@pytest.fixture
def committed(transactional_db: None) -> User:
    """A clinician whom other connections see."""
    clinic = Clinic.objects.create(name="Harbour Clinic", phone="(555) 0100")
    return make_user(clinic, "dr_amara_osei", Role.CLINICIAN)


def test_of_four_who_send_the_same_code_at_once_one_gets_in(committed: User, at_noon: Any) -> None:
    enrol(committed, at_noon)
    code = code_now()
    answers = tried(4, lambda: second_factor.check_code(committed, code, ""))
    assert sorted(answers) == [False] * 3 + [True]
    (recovery, *_) = second_factor.make_recovery_codes(committed)
    answers = tried(2, lambda: second_factor.check_code(committed, recovery, ""))
    assert sorted(answers) == [False, True]


def test_many_wrong_codes_at_once_are_counted_like_one_by_one(
    committed: User, at_noon: Any
) -> None:
    enrol(committed, at_noon)
    answers = tried(8, lambda: second_factor.check_code(committed, "000000", ""))
    assert answers.count(False) == 5 and answers.count(second_factor.TOO_OFTEN) == 3


def test_of_two_who_remove_the_last_two_at_once_one_is_refused(
    committed: User, at_noon: Any
) -> None:
    enrol(committed, at_noon)
    other = second_factor.add_app(committed, SEED[::-1], code_now(SEED[::-1]), "Tablet")
    left = [row.pk for row in committed.factors_now() if row != other] + [other.pk]
    answers = tried(2, lambda: second_factor.remove_factor(committed, left.pop()).name)
    assert committed.factors_now().count() == 1
    assert sum("the only one" in answer for answer in answers) == 1


def test_after_five_wrong_codes_the_right_one_waits_and_so_does_a_recovery_code(
    clinician: User, desk: User, at_noon: Any
) -> None:
    enrol(clinician, at_noon)
    (recovery, *_) = second_factor.make_recovery_codes(clinician)
    client = Client()
    password(client, clinician)
    for _ in range(5):
        assert second_factor.WRONG in words(client.post(SECOND, {"code": "000000"}))
    for code in (code_now(), recovery):
        assert second_factor.TOO_OFTEN in words(client.post(SECOND, {"code": code}))
    enrol(desk, at_noon)
    signed_in(desk, at_noon)
    at_noon.move_to("2026-11-23 12:16:00Z", tick=False)
    client = Client()
    password(client, clinician)
    assert client.post(SECOND, {"code": code_now()}).status_code == 302


def test_recovery_codes_are_shown_once_good_once_and_die_with_the_next_ones(
    clinician: User, at_noon: Any
) -> None:
    enrol(clinician, at_noon)
    client = signed_in(clinician, at_noon)
    page = words(client.post(f"{OWN}codes/"))
    codes = re.findall(r"<code>([a-z2-7-]{29})</code>", page)
    assert len(set(codes)) == 10
    assert codes[0] not in words(client.get(OWN)) and "10 of your codes are left" in words(
        client.get(OWN)
    )
    kept = b"".join(bytes(row.secret) for row in SecondFactor.objects.filter(kind="recovery"))
    assert codes[0].replace("-", "").encode() not in kept
    # As typed from paper: spaces, capitals, a zero for an o and a one for an l.
    typed = codes[0].upper().replace("-", " ").replace("O", "0").replace("L", "1")
    for expected in (302, 422):
        other = Client()
        password(other, clinician)
        assert other.post(SECOND, {"code": typed}).status_code == expected
    client.post(f"{OWN}codes/")
    assert not second_factor.check_code(clinician, codes[1], "")


def test_one_users_codes_are_no_others(clinician: User, desk: User, at_noon: Any) -> None:
    enrol(clinician, at_noon)
    (recovery, *_) = second_factor.make_recovery_codes(clinician)
    second_factor.add_app(desk, SEED[::-1], code_now(SEED[::-1]), "Phone")
    assert not second_factor.check_code(desk, code_now(), "")
    assert not second_factor.check_code(desk, recovery, "")


@pytest.mark.parametrize("change", ["time", "password", "inactive", "reset"])
def test_the_second_step_ends_with_five_minutes_and_with_any_change_of_the_user(
    clinician: User, admin: User, at_noon: Any, change: str
) -> None:
    enrol(clinician, at_noon)
    client = Client()
    password(client, clinician)
    if change == "time":
        at_noon.move_to("2026-11-23 12:05:01Z", tick=False)
    elif change == "password":
        passwords.give_password(admin, clinician.pk, NEW)
    elif change == "inactive":
        User.objects.filter(pk=clinician.pk).update(is_active=False)
    else:
        second_factor.reset_factors(admin, clinician.pk)
    client.post(SECOND, {"code": code_now()})
    assert client.get("/").status_code == 302
    assert not AuditEvent.objects.filter(action="sign_in").exists()


def test_whoever_knew_only_the_password_is_out_once_a_factor_was_set_up_elsewhere(
    clinician: User, at_noon: Any
) -> None:
    thief, owner = Client(), Client()
    password(thief, clinician)
    seed = shown_seed(thief)
    password(owner, clinician)
    own = shown_seed(owner)
    owner.post(f"{OWN}app/", {"name": "Phone", "code": code_now(own)})
    late = thief.post(f"{OWN}app/", {"name": "Mine", "code": code_now(seed)})
    assert late["Location"].startswith("/sign-in/?next=")
    assert clinician.factors_now().count() == 1
    # And in the same moment, past the page:
    with pytest.raises(Refused, match="elsewhere meanwhile"):
        second_factor.add_app(clinician, seed, code_now(seed), "Mine", first=True)


def test_one_removes_ones_own_but_not_the_last_and_nobody_elses(
    clinician: User, desk: User, at_noon: Any
) -> None:
    enrol(clinician, at_noon)
    enrol(desk, at_noon)
    client = signed_in(clinician, at_noon)
    (only,) = clinician.factors_now()
    assert "Remove" not in words(client.get(OWN))
    page = words(client.post(f"{OWN}{only.pk}/remove/", follow=True))
    assert "This is the only one" in page
    (theirs,) = desk.factors_now()
    assert client.post(f"{OWN}{theirs.pk}/remove/").status_code == 404
    second_factor.add_app(clinician, SEED[::-1], code_now(SEED[::-1]), "Tablet")
    assert "“Phone” was removed" in words(client.post(f"{OWN}{only.pk}/remove/", follow=True))
    assert [row.name for row in clinician.factors_now()] == ["Tablet"]
    assert AuditEvent.objects.get(action="remove_app").record_id == only.pk


def test_a_screen_left_open_adds_no_key_and_takes_none_away(clinician: User, at_noon: Any) -> None:
    enrol(clinician, at_noon)
    client = signed_in(clinician, at_noon)
    (only,) = clinician.factors_now()
    for minute in (14, 17):
        at_noon.move_to(f"2026-11-23 12:{minute:02}Z", tick=False)
        assert client.get("/").status_code == 200
    for at in ("app/", "codes/", f"{only.pk}/remove/"):
        assert NOT_FRESH in words(client.post(OWN + at, follow=True)), at
    for at in ("passkey/begin/", "passkey/"):
        assert client.post(OWN + at, "{}", "application/json").json() == {"error": NOT_FRESH}
    assert SecondFactor.objects.count() == 1


def test_ones_own_password_is_changed_with_the_old_one_and_other_sessions_end(
    clinician: User, client_for: Callable[[User], Client]
) -> None:
    mine, other = client_for(clinician), client_for(clinician)
    key = mine.cookies["sessionid"].value
    sent = {"old": PASSWORD, "password": NEW, "again": NEW}
    for changed, said in [
        ({"old": "wrong"}, "not your password"),
        ({"again": "seven grey herons"}, "differ"),
        ({"password": "qwerty123456", "again": "qwerty123456"}, "too common"),
        ({"password": PASSWORD, "again": PASSWORD}, "another one than before"),
    ]:
        response = mine.post(f"{OWN}password/", sent | changed)
        assert response.status_code == 422 and said in words(response)
        assert NEW not in words(response)
    assert mine.post(f"{OWN}password/", sent)["Location"] == OWN
    assert mine.cookies["sessionid"].value != key
    assert mine.get("/").status_code == 200 and other.get("/").status_code == 302
    assert AuditEvent.objects.get(action="change_own_password").user == clinician


def test_the_old_password_is_not_guessed_at_an_open_screen(
    clinician: User, client_for: Callable[[User], Client]
) -> None:
    client = client_for(clinician)
    sent = {"password": NEW, "again": NEW}
    for _ in range(5):
        client.post(f"{OWN}password/", sent | {"old": "wrong"})
    assert "Too many tries" in words(client.post(f"{OWN}password/", sent | {"old": PASSWORD}))


def test_signing_out_everywhere_ends_every_session_that_there_was(
    clinician: User, desk: User, client_for: Callable[[User], Client], at_noon: Any
) -> None:
    here, there, other = client_for(clinician), client_for(clinician), client_for(desk)
    for client in (here, there, other):
        assert client.get("/").status_code == 200
    at_noon.move_to("2026-11-23 12:01Z", tick=False)
    assert here.post(f"{OWN}out/")["Location"] == "/sign-in/"
    assert here.get("/").status_code == there.get("/").status_code == 302
    assert other.get("/").status_code == 200
    enrol(clinician, at_noon)
    at_noon.move_to("2026-11-23 12:01:30Z", tick=False)
    client = Client()
    password(client, clinician)
    client.post(SECOND, {"code": code_now()})
    assert client.get("/").status_code == 200


def test_a_busy_session_ends_after_twelve_hours(
    clinician: User, at_noon: Any, settings: Any
) -> None:
    settings.SESSION_IDLE_SECONDS = 4 * 60 * 60
    enrol(clinician, at_noon)
    client = signed_in(clinician, at_noon)
    for hour in (15, 18, 21):
        at_noon.move_to(f"2026-11-23 {hour}:00Z", tick=False)
        assert client.get("/").status_code == 200
    at_noon.move_to("2026-11-24 00:01:01Z", tick=False)
    assert client.get("/").status_code == 302


def test_a_given_password_is_good_for_choosing_ones_own(
    clinician: User, admin: User, client_for: Callable[[User], Client], at_noon: Any
) -> None:
    enrol(clinician, at_noon)
    before = client_for(clinician)
    office = client_for(admin)
    given = "four yellow kayaks ashore"
    at = f"/settings/users/{clinician.pk}/"
    office.post(f"{at}password/", {"password": given})
    assert before.get("/").status_code == 302
    assert AuditEvent.objects.get(action="give_password").user == admin
    at_noon.move_to("2026-11-23 12:00:30Z", tick=False)
    client = Client()
    assert password(client, clinician).status_code == 422
    assert password(client, clinician, given)["Location"] == SECOND, "nor is it skipped"
    assert client.get(OWN)["Location"].startswith("/sign-in/?next=")
    client.post(SECOND, {"code": code_now()})
    assert client.get("/patients/")["Location"] == OWN
    assert client.get(OWN)["Location"] == f"{OWN}password/"
    assert "Choose your own password" in words(client.get(f"{OWN}password/"))
    sent = {"old": given, "password": given, "again": given}
    assert "another one than before" in words(client.post(f"{OWN}password/", sent))
    sent |= {"password": NEW, "again": NEW}
    assert client.post(f"{OWN}password/", sent)["Location"] == "/"
    assert client.get("/").status_code == 200


def test_an_administrator_resets_who_lost_their_phone_and_nobody_else_does(
    clinician: User, admin: User, stranger: User, client_for: Callable[[User], Client], at_noon: Any
) -> None:
    enrol(clinician, at_noon)
    (recovery, *_) = second_factor.make_recovery_codes(clinician)
    lost = signed_in(clinician, at_noon)
    at_noon.move_to("2026-11-23 12:02Z", tick=False)
    office = client_for(admin)
    assert "Reset the second step" in words(office.get(f"/settings/users/{clinician.pk}/"))
    office.post(f"/settings/users/{clinician.pk}/factors/")
    assert AuditEvent.objects.get(action="reset_factors").record_id == clinician.pk
    assert lost.get("/").status_code == 302
    assert not second_factor.check_code(clinician, recovery, "")
    at_noon.move_to("2026-11-23 12:03Z", tick=False)
    client = Client()
    assert password(client, clinician)["Location"] == OWN
    for user in (admin, clinician):
        with pytest.raises(Refused, match="Another administrator"):
            second_factor.reset_factors(user, user.pk)
    with pytest.raises(Refused, match="Change your own"):
        passwords.give_password(admin, admin.pk, NEW)
    with pytest.raises(Refused, match="Another administrator"):
        second_factor.reset_factors(clinician, admin.pk)


def test_the_only_administrator_who_is_locked_out_is_let_in_by_the_command_line(
    admin: User, desk: User, at_noon: Any, monkeypatch: Any, capsys: Any
) -> None:
    def let_in(username: str, typed: str) -> tuple[int, str]:
        monkeypatch.setattr("sys.stdin", io.StringIO(f"{typed}\n"))
        status = cli.main(["let-in", username, "--password-stdin"])
        return status, "".join(capsys.readouterr())

    monkeypatch.setattr("enthesis.clinic.server.prepare", lambda: None)
    enrol(admin, at_noon)
    before = signed_in(admin, at_noon)
    at_noon.move_to("2026-11-23 12:02Z", tick=False)
    assert let_in("nobody", NEW) == (1, "Nobody who may sign in is called nobody.\n")
    User.objects.filter(pk=desk.pk).update(is_active=False)
    assert let_in(desk.username, NEW)[0] == 1
    status, said = let_in(admin.username, "short")
    assert status == 1 and "too short" in said
    assert before.get("/").status_code == 200
    assert let_in(admin.username, NEW)[0] == 0
    assert before.get("/").status_code == 302
    at_noon.move_to("2026-11-23 12:03Z", tick=False)
    client = Client()
    assert password(client, admin, NEW)["Location"] == OWN
    assert client.get(OWN)["Location"] == f"{OWN}password/"
    event = AuditEvent.objects.get(action="let_in_again")
    assert (event.actor, event.record_id, event.clinic) == ("command line", admin.pk, admin.clinic)


def test_the_first_administrator_is_led_to_a_second_step_and_the_invented_clinic_never_asks(
    db: None, desk: User
) -> None:
    first = Newcomer("ines", "Ines Varga", "administrator", PASSWORD)
    begin_clinic("Valley", "1", "UTC", "USD", Decimal(1), first, actor="command line")
    assert password(Client(), User.objects.get(username="ines"))["Location"] == OWN
    Clinic.objects.update(invented=True)
    client = Client()
    assert password(client, desk)["Location"] == "/"
    assert client.get("/").status_code == 200
    assert AuditEvent.objects.get(action="sign_in").user == desk


@pytest.mark.alike
def test_a_known_and_an_unknown_name_each_cost_one_hash(
    clinician: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    hashed: list[str] = []
    for name in ("encode", "verify"):
        kept = getattr(Argon2PasswordHasher, name)

        def counted(self: Any, *given: Any, kept: Any = kept, name: str = name) -> Any:
            hashed.append(name)
            return kept(self, *given)

        monkeypatch.setattr(Argon2PasswordHasher, name, counted)
    password(Client(), clinician, "wrong")
    assert len(hashed) == 1
    password(Client(), User(username="nobody"), "wrong")
    assert len(hashed) == 2


any_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=6,
)
FIELDS = ("clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle")
near = st.fixed_dictionaries(
    {"id": st.text("AZaz09_-", max_size=8) | any_json, "rawId": st.just("AAAA") | any_json,
     "type": st.just("public-key") | any_json,
     "response": st.dictionaries(st.sampled_from(FIELDS), st.text("AZaz09_-", max_size=40))}
)  # fmt: skip


@pytest.mark.alike
@examples(max_examples=60, suppress_health_check=list(HealthCheck))
@given(sent=any_json | near)
def test_no_answer_of_a_browser_is_taken_for_a_passkey_or_breaks_the_page(
    clinician: User, sent: Any
) -> None:
    site = passkeys.Site("localhost", "http://localhost")
    adding = passkeys.begin_adding(clinician, site)[1]
    for finish, state in (
        (passkeys.added, adding),
        (passkeys.added, None),
        (passkeys.signed_in, passkeys.begin_signing_in(site)[1]),
    ):
        with pytest.raises(passkeys.PasskeyError):
            finish(site, state, sent)


@pytest.mark.alike
@pytest.mark.parametrize("body", [b"", b"\xff", b"[" * 100_000, b"{", b"1e400", b'{"a":NaN}'])
def test_what_is_no_answer_of_a_browser_is_refused(db: None, body: bytes) -> None:
    response = Client().post(reverse("passkey_sign_in"), body, "application/json")
    assert response.json() == {"error": passkey.NOT_KNOWN}


@pytest.mark.alike
def test_a_passkey_nested_without_end_is_refused(clinician: User) -> None:
    site = passkeys.Site("localhost", "http://localhost")
    deep = base64.urlsafe_b64encode(b"\x81" * 100_000).decode().rstrip("=")
    told = b'{"type":"webauthn.create","challenge":"AAAA","origin":"http://localhost"}'
    told_text = base64.urlsafe_b64encode(told).decode().rstrip("=")
    response = {"clientDataJSON": told_text, "attestationObject": deep}
    answer = {"id": "AAAA", "rawId": "AAAA", "type": "public-key", "response": response}
    with pytest.raises(passkeys.PasskeyError, match="recursion"):
        passkeys.added(site, passkeys.begin_adding(clinician, site)[1], answer)

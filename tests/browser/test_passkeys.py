"""Passkeys in a real browser, with an authenticator that Chromium plays."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from enthesis.clinic.models import AuditEvent, SecondFactor, User
from tests.browser.conftest import PHONE, assert_accessible
from tests.clinic_fixtures import PASSWORD

pytestmark = pytest.mark.browser


@pytest.fixture(autouse=True)
def asked_for(own_data: None, settings: Any) -> None:
    """As a clinic has it."""
    settings.SECOND_FACTOR = True


def with_authenticator(page: Page) -> Any:
    """One in the device itself, which has seen its owner's finger."""
    chromium = page.context.new_cdp_session(page)
    chromium.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2",
        "transport": "internal",
        "hasResidentKey": True,
        "hasUserVerification": True,
        "isUserVerified": True,
        "automaticPresenceSimulation": True,
    }
    made = chromium.send("WebAuthn.addVirtualAuthenticator", {"options": options})
    return chromium, made["authenticatorId"]


def password(page: Page, user: User) -> None:
    page.goto("/sign-in/")
    page.get_by_label("User name").fill(user.username)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()


def test_a_passkey_is_set_up_signs_in_alone_and_as_the_second_step(
    open_page: Callable[..., Page], clinician: User, desk: User
) -> None:
    page = open_page(PHONE)
    chromium, authenticator = with_authenticator(page)
    password(page, clinician)
    expect(page.get_by_text("One thing before you begin")).to_be_visible()
    assert_accessible(page)
    page.get_by_label("What do you call it?").fill("Dr Osei’s phone")
    page.get_by_role("button", name="Add passkey").click()
    expect(page.get_by_text("“Dr Osei’s phone” was added")).to_be_visible()
    row = SecondFactor.objects.get(kind="passkey")
    assert row.user == clinician and row.used_at is None
    page.get_by_role("button", name="Make recovery codes").click()
    expect(page.get_by_role("heading", name="Recovery codes")).to_be_visible()
    assert_accessible(page)
    page.get_by_role("link", name="I have kept them").click()
    assert_accessible(page)
    # A second one in the same device is refused by the device.
    page.get_by_role("button", name="Add passkey").click()
    expect(page.get_by_text("This device has a passkey of yours already.")).to_be_visible()
    page.get_by_role("button", name="Sign out everywhere").click()
    # Alone, from the sign-in page, and on to where the user was going.
    page.goto("/sign-in/?next=/patients/")
    expect(page.get_by_role("button", name="Use a passkey instead")).to_be_visible()
    assert_accessible(page)
    page.get_by_role("button", name="Use a passkey instead").click()
    expect(page.get_by_role("heading", level=1, name="Patients")).to_be_visible()
    row.refresh_from_db()
    assert row.used_at is not None and row.counter > 0
    # As the second step.
    page.goto("/sign-in/")
    password(page, clinician)
    expect(page.get_by_role("heading", name="One more step")).to_be_visible()
    assert_accessible(page)
    expect(page.get_by_label("Recovery code")).to_be_visible()
    page.get_by_role("button", name="Use your passkey").click()
    expect(page.get_by_role("heading", level=1, name="Today")).to_be_visible()
    assert AuditEvent.objects.filter(action="sign_in", user=clinician).count() == 3
    # Not for somebody else, after whose password it is offered.
    SecondFactor.objects.create(user=desk, kind="passkey", name="Hers", secret=b"x")
    page.goto("/sign-in/")
    password(page, desk)
    page.get_by_role("button", name="Use your passkey").click()
    expect(page.get_by_text("That passkey is somebody else’s.")).to_be_visible()
    # Not without the owner's finger, though the key itself is there.
    page.goto("/sign-in/")
    chromium.send(
        "WebAuthn.setUserVerified", {"authenticatorId": authenticator, "isUserVerified": False}
    )
    page.get_by_role("button", name="Use a passkey instead").click()
    expect(page.get_by_text("Nothing was signed")).to_be_visible()
    # A copy, which has signed less often than the one that we know.
    chromium.send(
        "WebAuthn.setUserVerified", {"authenticatorId": authenticator, "isUserVerified": True}
    )
    SecondFactor.objects.filter(pk=row.pk).update(counter=1000)
    page.get_by_role("button", name="Use a passkey instead").click()
    expect(page.get_by_text("seems to be a copy")).to_be_visible()
    # Removed.
    SecondFactor.objects.filter(pk=row.pk).update(counter=0, removed_at="2026-11-23T12:00Z")
    page.get_by_role("button", name="Use a passkey instead").click()
    expect(page.get_by_text("not known here, or was removed")).to_be_visible()
    page.goto("/")
    expect(page.get_by_role("heading", level=1, name="Sign in")).to_be_visible()


def test_an_answer_is_good_once_and_for_its_own_challenge_and_site(
    desktop: Page, clinician: User
) -> None:
    page = desktop
    with_authenticator(page)
    password(page, clinician)
    page.get_by_role("button", name="Add passkey").click()
    expect(page.get_by_text("“My computer” was added")).to_be_visible()
    page.get_by_role("button", name="Sign out everywhere").click()
    sent: list[str] = []
    page.on("request", lambda one: sent.append(one.post_data or ""))
    page.get_by_role("button", name="Use a passkey instead").click()
    expect(page.get_by_role("heading", level=1, name="Today")).to_be_visible()
    (answer,) = [one for one in sent if "authenticatorData" in one]
    page.goto("/sign-in/own/")
    page.get_by_role("button", name="Sign out everywhere").click()
    expect(page.get_by_role("heading", level=1, name="Sign in")).to_be_visible()
    again = """([body, begin]) => { const form = document.querySelector("form[data-passkey]");
        const send = (address, body) => fetch(address, { method: "POST", body, headers:
          { "X-CSRFToken": form.elements.csrfmiddlewaretoken.value } });
        return (begin ? send(form.dataset.begin, "{}") : Promise.resolve())
          .then(() => send(form.dataset.finish, body)).then((told) => told.json()); }"""
    # Without a challenge, and with another one.
    for begin in (False, True):
        assert "not known" in page.evaluate(again, [answer, begin])["error"]
    page.goto("/")
    expect(page.get_by_role("heading", level=1, name="Sign in")).to_be_visible()


def test_without_scripts_the_app_is_the_way(open_page: Callable[..., Page], desk: User) -> None:
    page = open_page(PHONE, scripts=False)
    password(page, desk)
    expect(page.get_by_text("This browser has no passkeys")).to_be_visible()
    expect(page.get_by_role("button", name="Add passkey")).to_be_hidden()
    page.get_by_role("link", name="Add app").click()
    expect(page.get_by_role("img", name="Picture for the app’s camera")).to_be_visible()


def test_the_pages_of_ones_own_sign_in_are_accessible(
    open_page: Callable[..., Page], admin: User, clinician: User
) -> None:
    page = open_page(PHONE)
    password(page, admin)
    page.get_by_role("link", name="Add app").click()
    page.get_by_role("button", name="Add app").click()
    expect(page.get_by_role("heading", name="There is a problem")).to_be_visible()
    assert_accessible(page)
    page.goto("/sign-in/own/password/")
    assert_accessible(page)
    SecondFactor.objects.filter(user=admin).delete()
    admin.clinic.invented = True
    admin.clinic.save()
    page.context.clear_cookies()
    password(page, admin)
    for address in (
        f"/settings/users/{clinician.pk}/",
        f"/settings/users/{clinician.pk}/password/",
    ):
        page.goto(address)
        assert_accessible(page)

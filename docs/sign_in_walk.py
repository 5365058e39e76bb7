"""The walk of signing in: a real clinic's rules in the invented clinic, and a device that plays the
authenticator."""

import base64
import time

from playwright.sync_api import Page

from docs.picture_walks import OpenPage, Visits


def signing_in(open_page: OpenPage) -> Visits:
    """Somebody new sets up an app and a passkey, signs in with a code, and helps a colleague."""
    from enthesis.clinic.models import Clinic, User
    from enthesis.commands.demo import PASSWORD

    page = open_page()
    page.set_viewport_size({"width": 1280, "height": 900})
    Clinic.objects.update(invented=False)
    try:
        yield from _walk(page, PASSWORD)
    finally:
        # The other walks sign in with the password alone.
        Clinic.objects.update(invented=True)
        for user in User.objects.all():
            user.factors.all().delete()


def _walk(page: Page, password: str) -> Visits:
    from enthesis.clinic.actions import second_factor
    from enthesis.clinic.models import User

    def type_password() -> None:
        page.goto("/sign-in/")
        page.get_by_label("User name").fill("admin")
        page.get_by_label("Password").fill(password)
        page.get_by_role("button", name="Sign in").click()

    page.goto("/sign-in/")
    page.get_by_role("button", name="Use a passkey instead").wait_for()
    yield "sign-in", page
    type_password()
    page.get_by_text("One thing before you begin").wait_for()
    yield "sign-in-first", page
    page.get_by_role("link", name="Add app").click()
    yield "sign-in-app", page
    seed = base64.b32decode(page.locator(".secret-text code").inner_text().replace(" ", ""))

    def code() -> str:
        return second_factor.totp(seed).generate(int(time.time())).decode()

    page.get_by_label("Code that the app shows now").fill(code())
    page.get_by_role("button", name="Add app").click()
    page.get_by_role("button", name="Make recovery codes").click()
    page.get_by_role("heading", name="Recovery codes").wait_for()
    yield "sign-in-codes", page
    page.get_by_role("link", name="I have kept them").click()
    devtools = page.context.new_cdp_session(page)
    devtools.send("WebAuthn.enable")
    device = {
        "protocol": "ctap2",
        "transport": "internal",
        "hasResidentKey": True,
        "hasUserVerification": True,
        "isUserVerified": True,
        "automaticPresenceSimulation": True,
    }
    devtools.send("WebAuthn.addVirtualAuthenticator", {"options": device})
    page.get_by_role("button", name="Add passkey").click()
    page.get_by_text("“My computer” was added").wait_for()
    page.goto("/sign-in/own/")
    yield "sign-in-own", page
    yield "sign-in-own-phone", page
    type_password()
    page.get_by_role("heading", name="One more step").wait_for()
    yield "sign-in-second-phone", page
    page.get_by_role("button", name="Use your passkey").click()
    page.get_by_role("heading", level=1, name="Today").wait_for()
    colleague = User.objects.get(username="frontdesk")
    second_factor.add_passkey(colleague, b"shown", b"shown", 0, "Phone")
    page.goto(f"/settings/users/{colleague.pk}/")
    yield "sign-in-lost", page

"""The forms of a page as a browser finds them, filled in as somebody would."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any

from django.test import Client
from django.urls import resolve

from tests.clinic.everywhere import Site, address, every_url, share

TEXTS = frozenset({"text", "textarea", "email", "tel", "search", "url", "password"})
TRAP = "homepage"
"""Nobody sees it: who fills it in is refused whatever else was written (pages/ask_clinic.py)."""
# What is typed where a form begins empty, by the kind of field and by its name.
TYPED = {
    "text": "words", "textarea": "words", "search": "words", "email": "a@example.org",
    "tel": "555 0100", "number": "1", "date": "2026-11-23", "time": "10:00",
    "datetime-local": "2026-11-23T10:00", "password": "a quiet harbour at noon",
}  # fmt: skip


@dataclass
class Field:
    """One name of a form: the kind of its (first) element, and the value that it would send."""

    kind: str
    value: str | None = None
    choices: list[str] = field(default_factory=list)
    required: bool = False
    least: str = ""
    most: int = 0


@dataclass
class Form:
    """`page` is the name of the page that it stands on, `path` where it is sent."""

    page: str
    path: str
    method: str
    fields: dict[str, Field] = field(default_factory=dict)
    buttons: list[tuple[str, str]] = field(default_factory=list)

    @property
    def texts(self) -> list[str]:
        """The fields that take any words, and are no trap for robots."""
        texts = (name for name, one in self.fields.items() if one.kind in TEXTS)
        return [name for name in texts if name != TRAP]

    def filled(self) -> dict[str, Any]:
        """What a browser would send when what is empty was filled in."""
        typed = {name: _typed(self.page, name, one) for name, one in self.fields.items()}
        typed |= dict(self.buttons[:1])
        return {name: value for name, value in typed.items() if value is not None}


# What no words, and no first of several choices, would be taken for: by name, and by page and name.
FITTING = {
    "born_on": "1980-01-01", "phone": "555 0100", "allergies_asked": "yes", "kg": "68",
    "homepage": "", "amount": "10", "cash": "0", "card": "0", "transfer": "0", "sessions": "2",
    "vials": "3", "count-vials": "3", "waste-vials": "1", "vial_ml": "10", "percent": "50",
    "number": "1001", "expires_on": "2027-06-30", "next_try_on": "2026-11-30", "highest": "10",
    "other_codes": "M54.16", "npi": "", "mg_per_kg": "1", "cap_mg": "100", "first_on": "2026-12-01",
    "result": "will_answer", "lowest": "0", "danger": "none", "sure": "on",
    "closed": "2026-12-25", "agree": "on",
    **dict.fromkeys(
        ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"),
        "08:00-12:00",
    ),
    "add_course side": "right", "book_appointment on": "2026-12-08",
    "ceilings substance": "procaine",
}  # fmt: skip
# What is left as it is where it begins empty: places of a plan that are not used.
LEFT = ("site-", "part-", "mixture-")
TICKED = ("sign_consent", "sign_consent_in")


def _typed(page: str, name: str, one: Field) -> str | list[str] | None:
    if one.kind == "hidden" and len(one.choices) > 1:
        return one.choices
    fitting = FITTING.get(f"{page} {name}", FITTING.get(name))
    if fitting is not None and one.kind != "hidden":
        if not one.value or one.value in ("no", "0.00", "left"):
            return fitting
    if one.kind == "checkbox" and page in TICKED:
        return one.choices[0]
    if one.value or one.kind in ("hidden", "checkbox", "file") or name.startswith(LEFT):
        return one.value
    if one.choices:
        return one.choices[0]
    return one.least or TYPED.get(one.kind, "")


class _Reader(HTMLParser):
    def __init__(self, page: str, path: str) -> None:
        super().__init__()
        self.page, self.path = page, path
        self.forms: list[Form] = []
        self._at: tuple[str, list[str]] | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = {name: value or "" for name, value in attrs}
        if tag == "form":
            method = told.get("method", "get").lower()
            self.forms.append(Form(self.page, told.get("action") or self.path, method))
        elif self.forms and "disabled" not in told:
            self._field(tag, told)

    def _field(self, tag: str, told: dict[str, str]) -> None:
        form, name, kind = self.forms[-1], told.get("name", ""), told.get("type", "text")
        if tag == "button" or kind == "submit":
            if name:
                form.buttons.append((name, told.get("value", "")))
        elif tag == "option" and self._at:
            one = form.fields[self._at[0]]
            if told.get("value"):
                one.choices.append(told["value"])
            if "selected" in told:
                one.value = told.get("value", "")
        elif tag in ("input", "select", "textarea") and name:
            kind = kind if tag == "input" else tag
            one = form.fields.setdefault(name, Field(kind))
            one.required |= "required" in told
            one.least, one.most = told.get("min", ""), int(told.get("maxlength", "0"))
            if kind in ("radio", "checkbox"):
                one.choices.append(told.get("value", "on"))
                if "checked" in told:
                    one.value = told.get("value", "on")
            elif tag == "input":
                one.value = told.get("value")
                if kind == "hidden":
                    one.choices.append(told.get("value", ""))
            self._at = (name, []) if tag in ("select", "textarea") else None

    def handle_data(self, data: str) -> None:
        if self._at and self.forms[-1].fields[self._at[0]].kind == "textarea":
            self._at[1].append(data)

    def handle_endtag(self, tag: str) -> None:
        if tag in ("select", "textarea") and self._at:
            name, words = self._at
            if tag == "textarea":
                self.forms[-1].fields[name].value = "".join(words).removeprefix("\n")
            self._at = None


def forms_of(content: bytes, page: str, path: str) -> list[Form]:
    """Every form of a page."""
    reader = _Reader(page, path)
    reader.feed(content.decode())
    return reader.forms


# These bring the registry up to date first, which takes seconds; their forms have no words to type.
SLOW = frozenset(
    {"outcomes", "outcomes_csv", "outcomes_quarter", "publish_outcomes", "packets", "forecasts"}
)


def all_addresses(site: Site) -> Iterator[tuple[Any, str, dict[str, Any]]]:
    """(page, address, ids) of every page, once for each record or link that it may show."""
    planned = {"course_id": site.ids["planned_id"], "session_id": site.ids["draft_id"]}
    for page in every_url():
        asked, seen = set(page.pattern.converters), set[str]()
        secrets = [{"token": one} for one in site.links.values()] if "token" in asked else [{}]
        for given in ({}, planned, *secrets):
            ids = site.ids | given
            path = address(page, ids)
            if path not in seen:
                seen.add(path)
                yield page, path, ids


def every_form(site: Site, every: int = 1) -> list[tuple[Form, Client]]:
    """Each form of the site once for what it asks, and who sends it; of every so many pages."""
    found: dict[tuple[str, ...], tuple[Form, Client]] = {}
    for page, path, _ids in share(list(all_addresses(site)), every):
        if page.name in SLOW:
            continue
        client = site.best(page)
        response = client.get(path)
        if response.status_code != 200 or "html" not in response["Content-Type"]:
            continue
        for form in forms_of(response.content, str(page.name), path):
            goes_to = str(resolve(form.path.partition("?")[0]).url_name)
            # Everybody's page has the one, and the other is sent by a script.
            if (goes_to, page.name) == ("second_factor", "second_factor") or (
                goes_to == "sign_out" and page.name != "today"
            ):
                continue
            key = (str(page.name), goes_to, *sorted(form.fields))
            found.setdefault(key, (form, client))
    return list(found.values())

"""Forms of a page as a browser would send them: what stands in them, and what is changed."""

from collections.abc import Mapping
from html.parser import HTMLParser

Fields = list[tuple[str, str]]


class Forms(HTMLParser):
    """Every form of a page: where it goes, and the fields that would be sent untouched."""

    def __init__(self, page: bytes) -> None:
        super().__init__()
        self.found: list[tuple[str, Fields]] = []
        self.choices: dict[str, list[str]] = {}
        self.select, self.text = "", ""
        self.feed(page.decode())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        name, value = given.get("name", ""), given.get("value", "")
        if tag == "form":
            self.found.append((given.get("action", ""), []))
        elif not self.found:
            return
        elif tag == "select":
            self.select = name
        elif tag == "textarea":
            self.text = name
            self.found[-1][1].append((name, ""))
        elif tag == "option" and self.select:
            self.choices.setdefault(self.select, []).append(value)
            if "selected" in given:
                self.found[-1][1].append((self.select, value))
        elif tag == "input" and name:
            ticked = given.get("type") not in ("radio", "checkbox", "submit", "file")
            if given.get("type") in ("radio", "checkbox"):
                self.choices.setdefault(name, []).append(value or "on")
            if ticked or "checked" in given:
                self.found[-1][1].append((name, value or ("" if ticked else "on")))

    def handle_endtag(self, tag: str) -> None:
        if tag == "select":
            self.select = ""
        if tag == "textarea":
            self.text = ""

    def handle_data(self, data: str) -> None:
        if self.text:
            self.found[-1][1][-1] = (self.text, data)


def form_with(page: bytes, field: str, changes: Mapping[str, str]) -> tuple[str, Fields]:
    """The form that has this field, with the changes in it; LookupError if there is none."""
    for action, fields in Forms(page).found:
        if any(name == field for name, _ in fields):
            kept = [(name, value) for name, value in fields if name not in changes]
            return action, [*kept, *changes.items()]
    raise LookupError(f"no form with {field}")

"""Every text field of every form × the Big List of Naughty Strings: kept as typed or refused, never
a fault of ours, and never more than words on the page that comes back.

One run sends today's share of the words in today's share of the forms, one word to a field;
ENTHESIS_EVERY=1 sends all in all, several words side by side.
"""

import html
import json
import re
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test import Client

from tests.clinic.everywhere import *  # noqa: F403
from tests.clinic.everywhere import EVERY, NOW, Site, share, undone
from tests.clinic.forms import Field, Form, every_form
from tests.clinic.test_fhir_hostile import naughty

pytestmark = pytest.mark.filterwarnings("ignore:fetch_(arrow|record)_:DeprecationWarning")
# Elements of our own pages; whatever else comes out came from what was typed.
OURS = frozenset(
    "a article aside body br button caption circle code col colgroup datalist dd defs desc"
    " details dialog div dl dt ellipse em fieldset figcaption figure footer form g h1 h2 h3 h4"
    " head header hr html i img input kbd label legend li line link main meta meter nav ol"
    " optgroup option output p path pattern polygon polyline pre progress rect section select"
    " small span strong style sub summary sup svg table tbody td template text textarea tfoot"
    " th thead time title tr tspan ul use wbr".split()
)
QUOTED = re.compile(r'="[^"]*"')
TAG = re.compile(r"<\s*/?([a-zA-Z][^\s>/]*)")
HANDLER = re.compile(r"<[a-zA-Z][^<>]*\s(?:on[a-z]+|style|srcdoc)\s*=", re.I)
SCRIPT = re.compile(r"<script(?![^>]*\ssrc=\"/static/)", re.I)
LEADS = re.compile(r"(?:href|src|action)=\"\s*(?:javascript|vbscript|data:text)", re.I)


def assert_only_words(page: str, at: Any) -> None:
    """No element, no handler, no script and no address that our own templates do not have."""
    tags = {tag.lower() for tag in TAG.findall(page)} - OURS - {"script"}
    assert not tags, (at, tags)
    assert not SCRIPT.search(page), at
    assert not LEADS.search(page), at
    assert not HANDLER.search(QUOTED.sub('=""', page)), at


@contextmanager
def written() -> Iterator[list[str]]:
    """Every text that the database is given to keep meanwhile."""
    kept: list[str] = []

    def note(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if sql.startswith(("INSERT", "UPDATE")):
            kept.extend(_text(one) for one in params or ())
        return execute(sql, params, many, context)

    with connection.execute_wrapper(note):
        yield kept


def _text(one: Any) -> str:
    if type(one).__name__.startswith("Json"):  # for PostgreSQL
        return json.dumps(one.obj)
    return one if isinstance(one, str) else ""


def is_in(text: str, kept: list[str]) -> bool:
    """As typed, but for blanks around it and the kind of line ends; also within JSON."""
    plain = text.strip().replace("\r\n", "\n").replace("\r", "\n")
    coded = json.dumps(plain)[1:-1]
    return any(
        plain in one.replace("\r\n", "\n").replace("\r", "\n") or coded in one for one in kept
    )


class Tally(Counter[str]):
    """What became of it, by field and in all."""

    def send(self, client: Client, form: Form, typed: dict[str, str], follow: bool) -> None:
        """Send the form; what is refused is sent again without, so that the rest is kept."""
        texts = dict(typed)
        for _ in range(2):
            data = form.filled() | texts
            with undone(), written() as kept:
                response = getattr(client, form.method)(form.path, data)
                at = (form.page, form.path, texts)
                self["requests"] += 1
                assert response.status_code < 500, at
                wrong = self._look(response, form, texts, at)
                if response.status_code == 302 and not wrong:
                    for name, text in texts.items():
                        self[f"kept {form.page} {name}"] += bool(text.strip()) and is_in(text, kept)
                    if follow and not response.url.startswith("http"):
                        self._look(client.get(response.url), form, {}, at)
                        self["requests"] += 1
                    return
            texts = {name: text for name, text in texts.items() if name not in wrong}
            if not wrong or not texts:
                return

    def _look(self, response: Any, form: Form, texts: dict[str, str], at: Any) -> set[str]:
        if response.streaming or "html" not in response.get("Content-Type", ""):
            return set()
        page = response.content.decode()
        assert_only_words(page, at)
        if response.status_code == 422:
            for name, text in texts.items():
                if form.fields[name].kind != "password":
                    assert html.escape(text) in page, (at, name)
                    self["shown again"] += 1
        return set(re.findall(r'id="id_([\w-]+?)_error"', page)) & set(texts)


def together(words: list[str], one: Field) -> list[str]:
    """Words side by side, as many as the field takes: else it would take hours to send all."""
    most, packs = one.most or 1000, list[str]()
    for word in sorted(words, key=len, reverse=True):
        room = most if len(word) <= most else 1000
        there = (n for n, pack in enumerate(packs) if len(pack) + 1 + len(word) <= room)
        if (n := next(there, None)) is None:
            packs.append(word)
        else:
            packs[n] += f" {word}"
    return packs


def test_naughty_words_in_any_field_are_kept_or_refused_and_shown_as_words(
    site: Site, capsys: Any
) -> None:
    words = [one for one in naughty()[:-6] if one]
    forms = [one for one in every_form(site, 1 if EVERY == 1 else 12) if one[0].texts]
    tally, faults = Tally(), list[str]()
    with time_machine.travel(NOW + timedelta(minutes=1), tick=False):
        for form, client in forms:
            rows = [
                together(words, form.fields[name]) if EVERY == 1 else share(words)
                for name in form.texts
            ]
            for n in range(max(map(len, rows))):
                # Each field another one, so that it is known which was kept.
                typed = {
                    name: row[(n + place) % len(row)]
                    for place, (name, row) in enumerate(zip(form.texts, rows, strict=True))
                }
                try:
                    tally.send(client, form, typed, follow=n % 10 == 0)
                except Exception as fault:  # All of them are told, not the first alone.
                    faults.append(f"{form.page} {fault!r}"[:600])
    with capsys.disabled():
        if EVERY == 1:
            kept = {name for name in tally if name.startswith("kept") and tally[name]}
            never = {name for name in tally if name.startswith("kept")} - kept
            print(  # noqa: T201
                f"\n{connection.vendor}: {len(words)} words, {len(forms)} forms, "
                  f"{sum(len(form.texts) for form, _ in forms)} fields, {tally['requests']} "
                  f"requests, {len(kept)} fields kept words, {tally['shown again']} shown again; "
                  f"kept none: {sorted(never)}")  # fmt: skip
    assert not faults, f"{Counter(one.split()[0] for one in faults)}\n" + "\n".join(faults[:40])
    assert tally["requests"] >= len(forms)

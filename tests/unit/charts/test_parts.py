"""The parts that pages are made of: every status has a shape, every colour its contrast, and
nothing needs more than a strict content-security policy allows."""

import hashlib
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from django import forms
from django.template import Context, Engine

import enthesis
from enthesis.records import NextStep

CLINIC = Path(enthesis.__file__).parent / "clinic"
STATIC, TEMPLATES = CLINIC / "static/clinic", CLINIC / "templates"
ENGINE = Engine(
    dirs=[str(TEMPLATES)],
    libraries={"i18n": "django.templatetags.i18n"},
    builtins=["enthesis.clinic.templatetags.words"],
)
TONES = ("accent", "good", "care", "alarm", "later", "halt")
SHELLS = [TEMPLATES / "clinic/page.html", TEMPLATES / "clinic/patient_page.html"]
PARTS = sorted((TEMPLATES / "clinic/parts").glob("*.html"))


def render(part: str, **context: Any) -> str:
    return ENGINE.get_template(f"clinic/parts/{part}.html").render(Context(context))


def shape_in(html: str) -> str:
    found = re.search(r"<svg.*?</svg>", html, re.DOTALL)
    assert found, f"no shape in {html}"
    return found.group()


def test_every_tone_of_a_tag_has_a_shape_of_its_own() -> None:
    shapes = {tone: shape_in(render("tag", tone=tone, text="Word")) for tone in TONES}
    assert len(set(shapes.values())) == len(TONES)


def test_every_next_step_has_a_word_and_a_shape_of_its_own() -> None:
    tags = [render("next_step_tag", step=step) for step in NextStep]
    words = [re.sub(r"<svg.*?</svg>|<[^>]+>", "", tag, flags=re.DOTALL).strip() for tag in tags]
    assert words == ["Go on", "Finish", "Stop", "Recheck", "Refer"]
    assert len({shape_in(tag) for tag in tags}) == len(NextStep)


@pytest.mark.parametrize("step", NextStep)
def test_the_colours_of_a_next_step_are_in_the_style_sheet(step: NextStep) -> None:
    assert f".next-{step} {{" in (STATIC / "enthesis.css").read_text()


@pytest.mark.parametrize("path", SHELLS + PARTS, ids=lambda path: path.stem)
def test_no_template_asks_for_more_than_the_policy_allows(path: Path) -> None:
    text = path.read_text()
    assert not re.search(r"\sstyle=|<style|\son[a-z]+=|javascript:", text)
    assert not re.search(r"<script(?![^>]*\ssrc=)", text)
    assert not re.search(r"(src|href)=\"https?://", text)


def test_the_phone_pages_carry_no_script_and_no_menu() -> None:
    text = SHELLS[1].read_text()
    assert "<script" not in text
    assert "<nav" not in text


@pytest.mark.parametrize(
    ("name", "kilobytes"),
    [
        ("enthesis.css", 20),
        ("charts.css", 5),
        ("paper.css", 1),
        ("maps.css", 4),
        ("evidence.css", 2),
        ("session.css", 3),
        ("enthesis.js", 3),
        ("keep.js", 3),
        ("copy.js", 1),
        ("pain-map.js", 1),
    ],
)
def test_files_stay_small(name: str, kilobytes: int) -> None:
    assert len((STATIC / name).read_bytes()) <= kilobytes * 1024


def test_vendored_files_are_the_ones_that_were_recorded() -> None:
    rows = (STATIC / "vendor/VENDORED.md").read_text()
    files = list((STATIC / "vendor").glob("*.js"))
    assert files
    for file in files:
        assert file.name in rows
        assert hashlib.sha256(file.read_bytes()).hexdigest() in rows


def tokens(dark: bool) -> dict[str, str]:
    light_part, dark_part = (STATIC / "enthesis.css").read_text().split("prefers-color-scheme", 1)
    found = dict(re.findall(r"--([a-z0-9-]+): (#[0-9A-F]{6})", light_part))
    if dark:
        found |= re.findall(r"--([a-z0-9-]+): (#[0-9A-F]{6})", dark_part.split("}")[0])
    return found


def luminance(colour: str) -> float:
    channels = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    red, green, blue = (
        c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


TEXT_PAIRS = [
    *((ink, ground) for ink in ("ink", "ink-2") for ground in ("paper", "sheet", "sunk")),
    *((tone, "sheet") for tone in TONES),
    *((tone, f"{tone}-soft") for tone in TONES),
    *(("on-tone", tone) for tone in ("good", "later", "halt", "alarm")),
    *(("ink", f"{tone}-soft") for tone in ("care", "alarm", "good")),
    ("accent", "paper"),
    ("accent", "alarm-soft"),
    ("on-accent", "accent"),
    ("anyway-ink", "anyway"),
    ("anyway-ink", "sheet"),
]


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("pair", TEXT_PAIRS, ids="-on-".join)
def test_every_text_stands_out_from_its_ground(pair: tuple[str, str], dark: bool) -> None:
    colours = tokens(dark)
    assert contrast(colours[pair[0]], colours[pair[1]]) >= (6.1 if dark else 5.3)


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_edges_of_controls_and_the_focus_ring_can_be_seen(dark: bool) -> None:
    colours = tokens(dark)
    for name in ("edge", "focus"):
        assert contrast(colours[name], colours["sheet"]) >= 3
        assert contrast(colours[name], colours["paper"]) >= 3


class Visit(forms.Form):
    volume = forms.DecimalField(label="Volume", help_text="Between 0.1 and 2 mL.", max_value=2)
    side = forms.ChoiceField(label="Side", choices=[("l", "Left")], widget=forms.RadioSelect)
    agreed = forms.BooleanField(label="Agreed")
    note = forms.CharField(label="Note", required=False, widget=forms.Textarea)


class Page(HTMLParser):
    """Ids, links to them and what points at them."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.wanted: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {key: value or "" for key, value in attrs}
        self.ids += [given["id"]] if "id" in given else []
        self.wanted += given.get("aria-describedby", "").split()
        self.wanted += [given["for"]] if "for" in given else []
        if given.get("href", "").startswith("#"):
            self.wanted.append(given["href"][1:])


def test_the_summary_links_to_every_wrong_field_and_helps_are_tied_to_theirs() -> None:
    form = Visit({"volume": "10", "note": "kept"})
    html = render("errors", form=form) + "".join(render("field", field=field) for field in form)
    page = Page(html)
    assert set(page.wanted) <= set(page.ids)
    assert len(page.ids) == len(set(page.ids))
    assert html.count("Ensure this value is less than or equal to 2.") == 2, (
        "same words, both places"
    )
    assert 'value="10"' in html
    assert ">\nkept</textarea>" in html


def test_a_stepper_is_a_plain_number_input_until_the_script_wakes_its_buttons() -> None:
    html = render("field", field=Visit()["volume"], step="0.5", unit="mL")
    assert re.findall(r"<button type=\"button\"[^>]*\shidden>", html).__len__() == 2
    assert 'type="number"' in html


def test_a_scale_of_eleven_rows_has_words_at_its_ends_and_no_answer_chosen() -> None:
    class Pain(forms.Form):
        pain = forms.ChoiceField(
            label="How strong?",
            choices=[(n, {0: "No pain", 10: "Worst"}.get(n, "")) for n in range(11)],
            widget=forms.RadioSelect,
        )

    html = render("rows", field=Pain()["pain"], numbers=True)
    assert html.count('class="row"') == 11
    assert "checked" not in html
    assert "<h1>How strong?</h1>" in html


def test_the_banner_is_never_blank_about_allergies() -> None:
    html = render("patient_banner", patient={"family": "Lindqvist", "given": "Marta"})
    assert "LINDQVIST, Marta" in html
    assert "Allergies not recorded" in html
    assert "not recorded" in html.split("Weight")[1]


def test_the_course_line_says_its_states_in_words() -> None:
    steps = [{"label": "Planned", "state": s} for s in ("done", "now", "to_come")]
    html = render("course_line", steps=steps)
    for words in ("(done)", "(now)", "(to come)", 'aria-current="step"'):
        assert words in html

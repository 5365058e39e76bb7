"""Settings: bring in a sheet. It is looked at first, every problem named; then all of it comes in.

Nothing is written while it is looked at, and the file is never kept: between the two steps it
travels in the page, packed, and is read and checked again.
"""

import base64
import binascii
import json
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from enthesis.clinic import store
from enthesis.clinic.actions import Refused
from enthesis.clinic.actions.imports import ImportResult, import_sheet
from enthesis.clinic.pages.course import SIDE_WORDS
from enthesis.clinic.permissions import StaffRequest, page
from enthesis.exchange.sheet_files import read_files
from enthesis.exchange.sheet_map import SheetMap, read_map
from enthesis.exchange.sheet_rows import Most, SheetError, TooLargeError
from enthesis.exchange.spreadsheet import Sheet, SheetPatient, read_sheet
from enthesis.knowledge.kinds import Knowledge
from enthesis.knowledge.load_maps import shipped_maps
from enthesis.records import Occasion, as_written

OWN = "own"
MOST = Most(unpacked_bytes=10_000_000, rows=5_000, cells=500_000)
"""What the page takes: it is read, and written, while the browser waits."""
HELD_MOST = 2_000_000
"""Characters of a packed file; Django takes 2.5 million bytes of a form."""
UNHELD_MOST = 25_000_000
SHOWN_PATIENTS, SHOWN_PROBLEMS = 10, 100
BY_COMMAND = "Import it with the command: enthesis import FILE --map MAP.toml."
OCCASIONS = {
    Occasion.BASELINE: "start",
    Occasion.AFTER_SESSION: "after a session",
    Occasion.RECHECK: "recheck",
}


@dataclass(frozen=True)
class Given:
    """What was sent: a file with its name, and the text of its map."""

    name: str
    map_text: str
    content: bytes


@dataclass(frozen=True)
class Looked:
    """What was found in it."""

    sheet_map: SheetMap
    sheet: Sheet


@dataclass(frozen=True)
class WouldBe:
    """A patient as they would stand in the record."""

    rows: str
    key: str
    name: str
    sex: str
    born_on: date | None
    course: str
    opened_on: date
    complaint: str
    answers: tuple[str, ...]


@cache
def _shipped() -> list[tuple[str, str]]:
    return [(name, read_map(text).title) for name, text in shipped_maps().items()]


def _choose(request: StaffRequest, form: "SheetForm") -> HttpResponse:
    """The form, with the text of every map that ships, to copy and change."""
    texts = shipped_maps()
    context = {"form": form, "maps": [(title, texts[name]) for name, title in _shipped()]}
    status = 422 if form.errors else 200
    return render(request, "clinic/imports/choose.html", context, status=status)


class SheetForm(forms.Form):
    """A file and its map: one that ships, or the clinic's own as text."""

    file = forms.FileField(
        label="File",
        max_length=None,
        allow_empty_file=True,  # said in our own words, by exchange/sheet_rows
        help_text="CSV or XLSX; files that belong together as one ZIP.",
        error_messages={"required": "Choose a file."},
        widget=forms.FileInput({"accept": ".csv,.xlsx,.zip,.txt"}),
    )
    map = forms.ChoiceField(label="Map", help_text="Says which column means what.")
    own_map = forms.CharField(
        label="A map of your own",
        required=False,
        max_length=50_000,
        strip=False,
        help_text="Its text; then choose “a map of your own” above.",
        widget=forms.Textarea({"rows": 8, "spellcheck": "false"}),
    )

    def __init__(self, *data: Any) -> None:
        super().__init__(*data)
        self.fields["map"].choices = [  # type: ignore[attr-defined]
            (OWN, "A map of your own, pasted below"),
            *_shipped(),
        ]

    def clean(self) -> dict[str, Any]:
        """With the map's text, wherever it is from."""
        told = super().clean() or {}
        if told.get("map") == OWN and not told.get("own_map", "").strip():
            self.add_error("own_map", "Paste the text of your map, or choose one that ships.")
        return told

    def given(self) -> Given:
        """What was sent."""
        told = self.cleaned_data
        name = told["map"]
        text = told["own_map"] if name == OWN else shipped_maps()[name]
        return Given(told["file"].name, text, told["file"].read())


@require_http_methods(["GET", "POST"])
def import_page(request: StaffRequest) -> HttpResponse:
    """Choose a file and a map; look at what they would become; import."""
    if "held" in request.POST:
        return _import(request)
    form = SheetForm(request.POST, request.FILES) if request.method == "POST" else SheetForm()
    if form.is_bound and form.is_valid():
        given = form.given()
        try:
            held = _hold(given)
            looked = _look(request, given)
        except (SheetError, Refused) as error:
            form.add_error(None, str(error))
        else:
            return _preview(request, given.name, looked, held)
    return _choose(request, form)


def _import(request: StaffRequest) -> HttpResponse:
    """Read and check again what was looked at, and write all of it or nothing."""
    try:
        given = _let_go(request.POST["held"])
        looked = _look(request, given)
    except (SheetError, Refused) as error:
        form = SheetForm({})
        form.errors.clear()
        form.add_error(None, f"{error} Choose the file again.")
        return _choose(request, form)
    result = _run(request, looked, dry_run=False)
    if not result.written:
        return _preview(request, given.name, looked, request.POST["held"])
    people = "patient was" if result.added == 1 else "patients were"
    there = f" {result.already} were there already." if result.already else ""
    messages.success(request, f"{result.added} {people} imported from {given.name}.{there}")
    return redirect("patients")


def _look(request: StaffRequest, given: Given) -> Looked:
    """Judge every row. Raises SheetError, Refused."""
    clinic = request.clinic
    today = store.today(clinic)
    known = store.known_for(clinic, today)
    most = known.upload_rules.bytes_most
    if len(given.content) > most:
        raise Refused(f"The file is larger than {most // 1_000_000}\u00a0MB. {BY_COMMAND}")
    sheet_map = read_map(given.map_text)
    try:
        rows = read_files({given.name: given.content}, sheet_map, most=MOST)
    except TooLargeError as error:
        raise Refused(f"{error.what} {BY_COMMAND}") from None
    return Looked(sheet_map, read_sheet(rows, sheet_map, known, today))


def _run(request: StaffRequest, looked: Looked, *, dry_run: bool) -> ImportResult:
    return import_sheet(
        request.clinic,
        looked.sheet_map.source,
        looked.sheet,
        actor=str(request.user),
        user=request.user,
        dry_run=dry_run,
    )


def _preview(request: StaffRequest, name: str, looked: Looked, held: str) -> HttpResponse:
    sheet = looked.sheet
    result = _run(request, looked, dry_run=True)
    known = store.known_for(request.clinic, store.today(request.clinic))
    context = {
        "name": name,
        "map": looked.sheet_map,
        "sheet": sheet,
        "left_out": [(why, count) for why, count in sheet.left_out.items() if count],
        "result": result,
        "rejected": len({one.row for one in result.rejections}),
        "problems": result.rejections[:SHOWN_PROBLEMS],
        "more_problems": max(0, len(result.rejections) - SHOWN_PROBLEMS),
        "differences": result.differences[:SHOWN_PROBLEMS],
        "patients": [_would_be(one, known) for one in sheet.patients[:SHOWN_PATIENTS]],
        "held": held,
        "may_import": not result.rejections and result.added,
    }
    return render(request, "clinic/imports/preview.html", context)


def _would_be(patient: SheetPatient, known: Knowledge) -> WouldBe:
    course = patient.course
    side = SIDE_WORDS[course.side]
    return WouldBe(
        rows=", ".join(str(row) for row in patient.rows),
        key=patient.key,
        name=f"{patient.family}, {patient.given}",
        sex=patient.sex,
        born_on=patient.born_on,
        course=f"{known.conditions[course.condition].name}, {side}",
        opened_on=course.opened_on,
        complaint=patient.complaint,
        answers=tuple(_answers(patient)),
    )


def _answers(patient: SheetPatient) -> Iterator[str]:
    for one in patient.course.assessments:
        told = ", ".join(
            f"{question.replace('_', ' ')} {' and '.join(as_written(answer))}"
            for question, answer in one.answers.items()
        )
        yield f"{one.on.day} {one.on:%b %Y}, {OCCASIONS[one.occasion]}: {told}"


def _hold(given: Given) -> str:
    """The file and its map as text that a page can carry."""
    about = json.dumps({"name": given.name, "map": given.map_text}).encode()
    packed = base64.b64encode(zlib.compress(about + b"\n" + given.content)).decode("ascii")
    if len(packed) > HELD_MOST:
        raise Refused(f"The file is too large for this page. {BY_COMMAND}")
    return packed


def _let_go(held: str) -> Given:
    """What `_hold` made; Refused for anything else, and for what unpacks without end."""
    try:
        unpacker = zlib.decompressobj()
        data = unpacker.decompress(base64.b64decode(held, validate=True), UNHELD_MOST)
        if not unpacker.eof:
            raise ValueError("too long, or cut off")
        about, _, content = data.partition(b"\n")
        told = json.loads(about)
        return Given(str(told["name"]), str(told["map"]), content)
    except (binascii.Error, zlib.error, ValueError, KeyError, TypeError, RecursionError):
        raise Refused("What was looked at did not come back whole.") from None


urlpatterns = [page("settings/import/", import_page, "import_sheet")]

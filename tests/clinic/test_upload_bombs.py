"""Files made to unfold, sent to every page that takes one: refused at once, and nothing kept."""

import base64
import gzip
import io
import json
import os
import time
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from enthesis.clinic import models
from enthesis.knowledge.load_maps import shipped_maps
from tests.clinic.fhir import program
from tests.clinic.files import chunk, jpeg, png
from tests.clinic.test_images import draft  # noqa: F401 (a fixture)
from tests.unit.exchange.test_sheet_files import MAIN, workbook

SECONDS, MEGABYTES = 1.0, 100
MB = 1_000_000
REFUSED = (400, 413, 415, 422)
EVERY = "ENTHESIS_EVERY" in os.environ
"""Every file to every page; else each to the page that would read it."""
LAUGH = b'<!DOCTYPE x [<!ENTITY a0 "ha">%s]><worksheet>&a9;</worksheet>' % b"".join(
    b'<!ENTITY a%d "%s">' % (n, b"&a%d;" % (n - 1) * 10) for n in range(1, 10)
)


def packed(**parts: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as box:
        for name, content in parts.items():
            box.writestr(name, content)
    return file.getvalue()


def claims(content: bytes, size: int) -> bytes:
    """A ZIP that says that its one file is of another size."""
    at = content.index(b"PK\x01\x02") + 24
    return content[:at] + size.to_bytes(4, "little") + content[at + 4 :]


def many() -> bytes:
    """Four hundred thousand files of no bytes, only named."""
    content = packed(a=b"")
    start = content.index(b"PK\x01\x02")
    return content[:start] + content[start : start + 47] * 400_000 + content[-22:]


def rows(text: str) -> bytes:
    return f'<worksheet xmlns="{MAIN}"><sheetData>{text}</sheetData></worksheet>'.encode()


ZEROS = bytes(26 * MB)
SHEETS: dict[str, Callable[[], bytes]] = {
    "a ZIP bomb": lambda: packed(**{"a.csv": ZEROS}),
    "a ZIP that claims four GB": lambda: claims(packed(**{"a.csv": bytes(MB)}), 2**32 - 2),
    "a ZIP that claims little": lambda: claims(packed(**{"a.csv": ZEROS}), 100),
    "a ZIP of many files": many,
    "a ZIP in a ZIP": lambda: packed(**{"a.zip": packed(**{"b.zip": packed(**{"c": ZEROS})})}),
    "a ZIP that leads out": lambda: packed(**{"../../../etc/cron.d/x": b"a,b\n", "/b": b"x"}),
    "gzip": lambda: gzip.compress(ZEROS),
    "a workbook that unfolds": lambda: workbook(rows("<row/>" * 2 * MB)),
    "a workbook of ten MB of nothing": lambda: workbook(rows(" " * 9 * MB)),
    "a workbook with entities": lambda: workbook(LAUGH),
    "a workbook with one cell far off": lambda: workbook(
        rows('<row><c r="A1"><v>1</v></c></row><row r="1048576"><c><v>1</v></c></row>')
    ),
    "a workbook with far cells": lambda: workbook(
        rows('<row><c r="A1"><v>1</v></c></row>' + '<row><c r="XFD2"><v>1</v></c></row>' * 20_000)
    ),
    "twenty MB of one line": lambda: b"a," * 10 * MB,
    "twenty MB of short lines": lambda: b"a\n" * 10 * MB,
}
PICTURES: dict[str, Callable[[], bytes]] = {
    "a hundred megapixels": lambda: png(width=10_000, height=10_000),
    "a hundred megapixels, packed": lambda: png(
        chunk(b"IDAT", zlib.compress(ZEROS) * 4), width=10_000, height=10_000
    ),
    "a JPEG of four gigapixels": lambda: jpeg(width=65_535, height=65_535),
    "a web page": lambda: b"<!DOCTYPE html><script>alert(1)</script>",
    "a program": lambda: b"\x7fELF" + bytes(1000),
}


def cost(send: Callable[[], Any]) -> tuple[float, float, Any]:
    """Seconds of work, and megabytes more than before at the highest."""
    Path("/proc/self/clear_refs").write_text("5")  # the highest is what is held now
    before, began = _held("VmHWM"), time.process_time()
    response = send()
    return time.process_time() - began, (_held("VmHWM") - before) / 1000, response


def _held(name: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    (line,) = [one for one in lines if one.startswith(name)]
    return int(line.split()[1])


@pytest.fixture
def places(
    draft: models.Session,  # noqa: F811
    clinic: models.Clinic,
    clinician: models.User,
    admin: models.User,
    client_for: Callable[[models.User], Client],
) -> dict[str, Callable[[bytes], Any]]:
    """Every page that takes a file or a body, with a name that leads elsewhere."""
    doctor, office, asking = client_for(clinician), client_for(admin), program(clinic)

    about = json.dumps({"name": "x", "map": shipped_maps()["redcap-knee-raw"]}).encode() + b"\n"

    def file(client: Client, path: str, **typed: str) -> Callable[[bytes], Any]:
        def send(data: bytes) -> Any:
            told = SimpleUploadedFile("x.png", data, "image/png")
            told.name = "../../../tmp/x.png"
            return client.post(path, {"file": told, **typed})

        return send

    return {
        "an image": file(doctor, f"/sessions/{draft.pk}/images/"),
        "a report": file(doctor, f"/courses/{draft.course_id}/evaluate/", attach="1"),
        "a sheet": file(office, "/settings/import/", map="redcap-knee-raw"),
        "a sheet that was looked at": lambda data: office.post(
            "/settings/import/", {"held": base64.b64encode(zlib.compress(about + data)).decode()}
        ),
        "a transaction": lambda data: asking.post("/fhir/", data, "application/fhir+json"),
        "answers": lambda data: asking.post(
            "/fhir/QuestionnaireResponse", data, "application/fhir+json",
            headers={"Content-Encoding": "gzip"},
        ),
    }  # fmt: skip


@pytest.mark.alike
@pytest.mark.usefixtures("on_a_fixed_day")
def test_no_bomb_is_taken_at_any_page_and_each_is_refused_in_a_moment(
    places: dict[str, Callable[[bytes], Any]], tmp_path: Path
) -> None:
    for send in places.values():
        send(b"x")  # what is loaded once is no bomb's doing
    kept = (models.CourseFile, models.SessionImage, models.Patient)
    before = [kind._default_manager.count() for kind in kept], sorted(tmp_path.rglob("*"))
    for bomb, make in (SHEETS | PICTURES).items():
        data = make()
        for where, send in places.items():
            if not EVERY and where != ("an image" if bomb in PICTURES else "a sheet"):
                continue
            seconds, megabytes, response = cost(lambda send=send, data=data: send(data))  # type: ignore[misc]
            if EVERY:
                print(f"{bomb}, sent as {where}: {seconds:.2f} s, {megabytes:.0f} MB")  # noqa: T201
            assert response.status_code in REFUSED, (bomb, where, response.status_code)
            assert seconds < SECONDS and megabytes < MEGABYTES, (bomb, where, seconds, megabytes)
    assert ([kind._default_manager.count() for kind in kept], sorted(tmp_path.rglob("*"))) == before

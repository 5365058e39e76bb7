"""What a file really is: known by its bytes, never by its name, and refused with what to do."""

import time
from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageOps

from enthesis.clinic.uploads import Kind, WrongFile, checked, shown_name
from enthesis.knowledge.load import knowledge
from tests.clinic.files import PAGE, chunk, exif, jpeg, pdf, png, segment
from tests.conftest import TODAY

pytestmark = pytest.mark.alike
RULES = knowledge(TODAY).upload_rules
WHOLE = {"png": png(), "jpeg": jpeg(), "pdf": pdf()}
REFUSED = {
    "empty": (b"", "is empty"),
    "a web page named .png": (b"<!DOCTYPE html>" + PAGE, "web page or an SVG"),
    "a web page behind white space": (b"\n\n  <html>", "web page or an SVG"),
    "an SVG": (b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>", "or an SVG"),
    "an SVG with its head": (b"<?xml version='1.0'?><svg/>", "or an SVG"),
    "words": (b"just words", "no PNG, JPEG or PDF"),
    "HEIC": (b"\0\0\0\x18ftypheic" + bytes(50), "Save it as JPEG"),
    "DICOM": (bytes(128) + b"DICM" + bytes(50), "Export the frame"),
    "GIF": (b"GIF89a" + bytes(50), "Save it as PNG"),
    "a program": (b"MZ\x90\0" + bytes(50), "no PNG, JPEG or PDF"),
    "an archive": (b"PK\3\4" + bytes(50), "archive"),
    "too large": (png() + bytes(RULES.bytes_most), "larger than 20\u00a0MB"),
    "a PNG's name only": (b"\x89PNG\r\n\x1a\n", "cut off"),
    "a PNG without picture": (png().replace(png()[33:-12], b""), "damaged"),
    "a PNG with a wrong sum": (png()[:-14] + b"\0\0" + png()[-12:], "damaged"),
    "a PNG whose end is spoilt": (png()[:-6] + b"\0" + png()[-5:], "damaged"),
    "a PNG of no width": (png(width=0), "damaged"),
    "a PNG that claims 10 GB": (png(width=50_000, height=50_000), "50000 × 50000 pixels"),
    "a PNG that moves": (png(chunk(b"acTL", bytes(8))), "moves"),
    "a page in a PNG's comment": (png(chunk(b"tEXt", b"a\0" + PAGE)), "hidden in this PNG"),
    "a page in a PNG's picture claim": (png(chunk(b"PLTE", PAGE)), "hidden in this PNG"),
    "a page behind a PNG": (png(after=PAGE), "hidden in this PNG"),
    "a JPEG's name only": (b"\xff\xd8\xff", "cut off"),
    "a JPEG that claims 4 GB": (jpeg(width=65_535, height=65_535), "more than 60 million"),
    "a JPEG of no height": (jpeg(height=0), "damaged"),
    "a page in a JPEG's comment": (jpeg(segment(0xFE, PAGE)), "hidden in this JPEG"),
    "a page behind a JPEG": (jpeg(after=PAGE), "hidden in this JPEG"),
    "a JPEG without a frame": (jpeg().replace(b"\xff\xc0", b"\xff\xdb"), "damaged"),
    "two frames in a JPEG": (jpeg(segment(0xC0, b"\x08\0\x08\0\x08\1\1\x11\0")), "damaged"),
    "a PDF's name only": (b"%PDF-1.7\n", "cut off"),
    "a PDF that does not begin at its first byte": (b"GIF\n" + pdf(), "no PNG, JPEG or PDF"),
    "a PDF whose table is elsewhere": (pdf().replace(b"xref\n0 1", b"    \n0 1"), "damaged"),
    "a page behind a PDF": (pdf(after=PAGE), "behind the end"),
    "a page at a PDF's head": (pdf(PAGE), "hidden in this PDF"),
    "a PDF with a program": (pdf(b"<</S/JavaScript/JS(app.alert(1))>>"), "runs a program"),
    "a PDF that carries a file": (pdf(b"<</Type/EmbeddedFile>>"), "carries another file"),
}  # fmt: skip


@pytest.mark.parametrize("kind", list(Kind), ids=lambda k: k.name)
def test_a_whole_file_is_known_by_its_bytes(kind: Kind) -> None:
    data = WHOLE[kind.name.lower()]
    assert checked(data, RULES).kind is kind
    assert checked(data, RULES).data == data


@pytest.mark.parametrize("name", REFUSED)
def test_it_refuses(name: str) -> None:
    data, words = REFUSED[name]
    with pytest.raises(WrongFile, match=words) as refused:
        checked(data, RULES)
    assert any(do in str(refused.value) for do in ("hoose", "Save", "Export"))


@pytest.mark.parametrize("name", list(WHOLE))
def test_a_file_cut_off_anywhere_is_refused(name: str) -> None:
    data = WHOLE[name].rstrip(b"\n")
    for end in range(len(data)):
        with pytest.raises(WrongFile):
            checked(data[:end], RULES)


@given(st.sampled_from(sorted(WHOLE)), st.integers(0, 400), st.binary(max_size=6))
def test_whatever_is_spoilt_is_kept_whole_or_refused_and_never_fails(
    name: str, at: int, put: bytes
) -> None:
    whole = WHOLE[name]
    spoilt = whole[: at % len(whole)] + put + whole[at % len(whole) + len(put) :]
    try:
        found = checked(spoilt, RULES)
    except WrongFile:
        return
    assert checked(found.data, RULES) == found


@given(st.binary(max_size=200))
def test_exif_of_any_bytes_never_stops_a_picture(tiff: bytes) -> None:
    assert checked(jpeg(segment(0xE1, b"Exif\0\0II*\0" + tiff)), RULES).kind is Kind.JPEG


@pytest.mark.parametrize("order", ["<", ">"])
def test_place_and_comments_are_left_out_and_the_picture_stays_upright(order: str) -> None:
    for data in (
        jpeg(segment(0xE1, b"Exif\0\0" + exif(6, order)), segment(0xFE, b"Lindqvist")),
        png(chunk(b"eXIf", exif(6, order)), chunk(b"tEXt", b"Author\0Lindqvist")),
    ):
        kept = checked(data, RULES).data
        assert b"GPS" in data and b"GPS" not in kept
        assert b"Lindqvist" in data and b"Lindqvist" not in kept
        assert Image.open(BytesIO(kept)).getexif() == {0x0112: 6}


def test_a_film_behind_a_picture_is_left_out() -> None:
    for data, whole in ((jpeg(after=b"ftypmp42 film"), jpeg()), (png(after=b"film"), png())):
        assert checked(data, RULES).data == whole


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
def test_a_real_picture_keeps_every_point(kind: str, mode: str) -> None:
    """Written by another program, larger than a block, progressive where that is possible."""
    if (kind, mode) == ("PNG", "CMYK"):
        mode = "RGBA"
    picture = ImageOps.colorize(Image.linear_gradient("L"), "navy", "yellow").convert(mode)
    written = BytesIO()
    picture.save(written, kind, comment="place", progressive=True)
    found = checked(written.getvalue(), RULES)
    assert found.kind.name == kind
    kept = Image.open(BytesIO(found.data))
    assert kept.tobytes() == Image.open(written).tobytes()


def test_a_large_file_made_to_be_slow_is_done_with_in_a_moment() -> None:
    full = b"\xff" * (RULES.bytes_most - 1000)
    began = time.perf_counter()
    for data in (jpeg()[:-2] + full, b"\xff\xd8" + full, png() + full, pdf() + b"%%EOF" * 10**6):
        try:
            checked(data, RULES)
        except WrongFile:
            pass
    assert time.perf_counter() - began < 5


@pytest.mark.parametrize(
    ("given", "kind", "shown"),
    [
        ("knee.png", Kind.PNG, "knee.png"),
        ("knee.JPEG", Kind.JPEG, "knee.JPEG"),
        ("knee.html", Kind.PNG, "knee.html.png"),
        ("knee.png", Kind.JPEG, "knee.png.jpg"),
        ("../../etc/passwd", Kind.PDF, "passwd.pdf"),
        ("C:\\scans\\knee.pdf", Kind.PDF, "knee.pdf"),
        ("", Kind.PNG, "image.png"),
        (".png", Kind.PNG, "image.png"),
        ("a\u202egnp.exe\r\nX: y", Kind.PNG, "agnp.exeX: y.png"),
        ("x" * 300, Kind.PNG, "x" * 110 + ".png"),
    ],
)
def test_a_name_ends_as_the_file_is(given: str, kind: Kind, shown: str) -> None:
    assert shown_name(given, kind) == shown

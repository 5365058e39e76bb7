"""What a file that somebody attaches really is, found out from its bytes alone.

Only the frame of a file is read, never its picture. A picture is kept without the parts that say
where, when and with what it was taken, and without what stands behind its end; so no second file
can hide in one. A PDF has no such frame: it is kept as it is, or refused.
"""

import re
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import NoReturn

from enthesis.knowledge.uploads import UploadRules

NAME_MOST = 120


class Kind(StrEnum):
    """The kinds that are kept, each by its media type."""

    PNG = "image/png"
    JPEG = "image/jpeg"
    PDF = "application/pdf"

    @property
    def endings(self) -> tuple[str, ...]:
        """How names of such files end, the usual one first."""
        return ("jpg", "jpeg") if self is Kind.JPEG else (self.name.lower(),)


class WrongFile(Exception):  # noqa: N818 (an answer, not a fault)
    """The file is not kept; its words say what is wrong and what to do."""


@dataclass(frozen=True, slots=True)
class Checked:
    """What the file is, and its bytes as they are kept."""

    kind: Kind
    data: bytes


PNG_START = b"\x89PNG\r\n\x1a\n"
JPEG_START = b"\xff\xd8\xff"
PDF_START = re.compile(rb"%PDF-[12]\.\d")
# What a browser could take for a page, in a place where a picture or a PDF has no use for it.
MARKUP = re.compile(rb"<(?:!doctype|html|head|body|script|svg|iframe|img)[\s>/]", re.IGNORECASE)
# Names in a PDF for what runs by itself or carries another file.
ACTIVE = re.compile(rb"/(?:JavaScript|Launch|EmbeddedFiles?|RichMedia)\b")
# What people try instead: (where, first bytes, name, what to do).
STRANGERS = (
    (4, b"ftyphei", "a HEIC picture, as iPhones take them", "Save it as JPEG"),
    (4, b"ftypmif", "a HEIC picture, as iPhones take them", "Save it as JPEG"),
    (128, b"DICM", "a DICOM file", "Export the frame as PNG or JPEG on the ultrasound machine"),
    (0, b"GIF8", "a GIF", "Save it as PNG"),
    (0, b"RIFF", "a WebP picture or a film", "Save one still picture as PNG or JPEG"),
    (0, b"II*\0", "a TIFF picture", "Save it as PNG"),
    (0, b"MM\0*", "a TIFF picture", "Save it as PNG"),
    (0, b"BM", "a BMP picture", "Save it as PNG"),
    (0, b"PK", "an archive or an office document", "Save the page or picture in it as PDF or PNG"),
)
AGAIN = "Export or take it again and choose the new file."


def checked(data: bytes, rules: UploadRules) -> Checked:
    """The kind of a file and what is kept of it. Raises WrongFile."""
    if not data:
        raise WrongFile(f"The file is empty. {AGAIN}")
    if len(data) > rules.bytes_most:
        most = rules.bytes_most // 1_000_000
        raise WrongFile(
            f"The file is larger than {most}\u00a0MB. Export it smaller, or as JPEG, and choose "
            "the new file."
        )
    if data.startswith(PNG_START):
        return Checked(Kind.PNG, _png(data, rules))
    if data.startswith(JPEG_START):
        return Checked(Kind.JPEG, _jpeg(data, rules))
    if PDF_START.match(data):
        return Checked(Kind.PDF, _pdf(data))
    _refuse_stranger(data)


def shown_name(given: str, kind: Kind) -> str:
    """A name for the list and for the file when it is fetched: as given, with the kind's ending."""
    plain = "".join(c for c in re.split(r"[\\/]", given)[-1] if c.isprintable()).strip(". ")
    stem, _, ending = plain.rpartition(".")
    if ending.lower() not in kind.endings:
        stem, ending = plain, kind.endings[0]
    return f"{stem[: NAME_MOST - 10].strip('. ') or 'image'}.{ending}"


def _refuse_stranger(data: bytes) -> NoReturn:
    if MARKUP.search(data[:4096]) or data.lstrip()[:5].lower() == b"<?xml":
        raise WrongFile(
            "This is a web page or an SVG, whatever its name says. Save what it shows as PNG."
        )
    for where, start, name, what_to_do in STRANGERS:
        if data.startswith(start, where):
            raise WrongFile(f"This is {name}. {what_to_do} and choose that file.")
    raise WrongFile("This is no PNG, JPEG or PDF. Save it as one of them and choose that file.")


def _refuse_broken(kind: Kind) -> NoReturn:
    raise WrongFile(f"The {kind.name} is damaged or was cut off. {AGAIN}")


def _refuse_pixels(width: int, height: int, kind: Kind, rules: UploadRules) -> None:
    if not width or not height:
        _refuse_broken(kind)
    if width * height > rules.pixels_most:
        raise WrongFile(
            f"The {kind.name} says that it is {width} × {height} pixels, more than "
            f"{rules.pixels_most // 1_000_000} million. Save it smaller and choose the new file."
        )


def _refuse_markup(kind: Kind, *parts: bytes) -> None:
    if any(MARKUP.search(part) for part in parts):
        raise WrongFile(
            f"There is a web page hidden in this {kind.name}. Save what it shows as PNG and choose "
            "that file."
        )


# --- PNG: a list of named chunks, each with its length and checksum

# The picture and what is needed to show it in its colours and size. Text, time, place and unknown
# chunks are left out.
PNG_KEPT = (
    *(b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS", b"cHRM", b"gAMA", b"iCCP", b"sRGB"),
    *(b"sBIT", b"cICP", b"bKGD", b"pHYs"),
)


def _png(data: bytes, rules: UploadRules) -> bytes:
    kept, has_picture = [PNG_START], False
    for at, (name, chunk) in enumerate(_chunks(data)):
        if (at == 0) != (name == b"IHDR"):
            _refuse_broken(Kind.PNG)
        if name == b"IHDR":
            if len(chunk) != 25:
                _refuse_broken(Kind.PNG)
            width, height = struct.unpack(">II", chunk[8:16])
            _refuse_pixels(width, height, Kind.PNG, rules)
        if name == b"acTL":
            raise WrongFile("This PNG moves. Save one still picture of it and choose that file.")
        if name == b"IDAT":
            has_picture = has_picture or len(chunk) > 12
        else:
            _refuse_markup(Kind.PNG, chunk)
        if name in PNG_KEPT:
            kept.append(chunk)
        elif name == b"eXIf" and (turned := _turned(chunk[8:-4])):
            kept.append(_chunk(name, turned))
    if not has_picture:
        _refuse_broken(Kind.PNG)
    return b"".join(kept)


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """(name, whole chunk) up to the end, behind which nothing but zeros may stand unlooked at."""
    at, name = len(PNG_START), b""
    while name != b"IEND":
        length = int.from_bytes(data[at : at + 4])
        chunk = data[at : at + 12 + length]
        name = chunk[4:8]
        if len(chunk) < 12 + length or chunk != _chunk(name, chunk[8:-4]):
            _refuse_broken(Kind.PNG)
        yield name, chunk
        at += len(chunk)
    _refuse_markup(Kind.PNG, data[at:])


def _chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


# --- JPEG: a list of marked segments, the picture running behind each start of a scan

MARKER = re.compile(rb"\xff+([^\xff\x00])")
# Where the picture's own bytes end: a marker that is neither a stuffed zero nor a restart.
AFTER_SCAN = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")
SCAN, END = 0xDA, 0xD9
FRAMES = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}
# Tables, restarts and frames; of the rest only these, which say how colours are meant.
JPEG_KEPT = FRAMES | {0xC4, 0xCC, 0xDB, 0xDC, 0xDD, SCAN}
JPEG_KEPT_STARTS = {0xE0: b"JFIF\0", 0xE2: b"ICC_PROFILE\0", 0xEE: b"Adobe"}
EXIF = b"Exif\0\0"


def _jpeg(data: bytes, rules: UploadRules) -> bytes:
    kept, frames, has_picture = [data[:2]], 0, False
    for marker, segment in _segments(data):
        body = segment[4:]
        if marker in FRAMES:
            frames += 1
            if frames > 1 or len(body) < 6:
                _refuse_broken(Kind.JPEG)
            height, width = struct.unpack(">HH", body[1:5])
            _refuse_pixels(width, height, Kind.JPEG, rules)
        if marker == SCAN:
            has_picture = bool(frames)
        else:
            _refuse_markup(Kind.JPEG, segment)
        start = JPEG_KEPT_STARTS.get(marker)
        if marker in JPEG_KEPT or (start and body.startswith(start)):
            kept.append(segment)
        elif marker == 0xE1 and body.startswith(EXIF) and (turned := _turned(body[len(EXIF) :])):
            kept.append(b"\xff\xe1" + struct.pack(">H", 2 + len(EXIF + turned)) + EXIF + turned)
    if not has_picture:
        _refuse_broken(Kind.JPEG)
    return b"".join([*kept, bytes([0xFF, END])])


def _segments(data: bytes) -> Iterator[tuple[int, bytes]]:
    """(marker, whole segment with the scan that follows it) up to the end of the picture."""
    at = 2
    while found := MARKER.match(data, at):
        marker, start = found[1][0], found.end()
        if marker == END:
            _refuse_markup(Kind.JPEG, data[start:])
            return
        length = int.from_bytes(data[start : start + 2])
        at = start + length
        if marker < 0xC0 or 0xD0 <= marker <= 0xD8 or length < 2 or at > len(data):
            break
        if marker == SCAN:
            after = AFTER_SCAN.search(data, at)
            if after is None:
                break
            at = after.start()
        yield marker, data[start - 2 : at]
    _refuse_broken(Kind.JPEG)


def _turned(tiff: bytes) -> bytes:
    """Exif that says nothing but how the camera was held; empty where it was upright or unknown."""
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(tiff[:4])
    if order is None or len(tiff) < 8:
        return b""
    (at,) = struct.unpack(f"{order}I", tiff[4:8])
    count = int.from_bytes(tiff[at : at + 2], "little" if order == "<" else "big")
    for start in range(at + 2, min(at + 2 + 12 * count, len(tiff) - 11), 12):
        tag, kind, many, value = struct.unpack(f"{order}HHIH", tiff[start : start + 10])
        if (tag, kind, many) == (0x0112, 3, 1) and 2 <= value <= 8:
            return b"MM\0*" + struct.pack(">IHHHIHHI", 8, 1, tag, kind, many, value, 0, 0)
    return b""


# --- PDF


def _pdf(data: bytes) -> bytes:
    """As it is: whole from its first byte to its last, and with nothing in plain sight that runs.

    What a PDF holds packed is not looked into.
    """
    _, ending, after = data.rpartition(b"%%EOF")
    points = re.findall(rb"startxref\s+(\d{1,12})\s", data[-2048:])
    if not ending or not points or b"/Root" not in data:
        _refuse_broken(Kind.PDF)
    if not re.match(rb"\s*(?:xref|\d+\s+\d+\s+obj)\b", data[int(points[-1]) :][:40]):
        _refuse_broken(Kind.PDF)
    if after.strip(b"\0 \t\r\n"):
        raise WrongFile(
            "Something else stands behind the end of this PDF. Print it to a PDF again and choose "
            "that file."
        )
    # Where a browser that guesses would look; in the midst packed bytes spell anything by chance.
    _refuse_markup(Kind.PDF, data[:4096], data[-4096:])
    if ACTIVE.search(data):
        raise WrongFile(
            "This PDF runs a program or carries another file. Print it to a PDF again and choose "
            "that file."
        )
    return data

"""Small pictures and PDFs, whole and spoilt, as bytes."""

import struct
import zlib

PNG_START = b"\x89PNG\r\n\x1a\n"
PAGE = b"<html><script>alert(1)</script></html>"


def chunk(name: bytes, body: bytes = b"") -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def png(*extra: bytes, width: int = 1, height: int = 1, after: bytes = b"") -> bytes:
    """One grey point, or what says that it is larger; `extra` chunks stand before the picture."""
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    picture = chunk(b"IDAT", zlib.compress(b"\0\x80"))
    return PNG_START + head + b"".join(extra) + picture + chunk(b"IEND") + after


def segment(marker: int, body: bytes) -> bytes:
    return bytes([0xFF, marker]) + struct.pack(">H", len(body) + 2) + body


def jpeg(*extra: bytes, width: int = 8, height: int = 8, after: bytes = b"") -> bytes:
    """One grey block, baseline; `extra` segments stand before the picture."""
    counts = bytes([1, *[0] * 15])
    return b"".join(
        [
            b"\xff\xd8",
            segment(0xE0, b"JFIF\0\1\1\0\0\1\0\1\0\0"),
            *extra,
            segment(0xDB, b"\0" + bytes([1] * 64)),
            segment(0xC0, struct.pack(">BHHB", 8, height, width, 1) + b"\1\x11\0"),
            segment(0xC4, b"\x00" + counts + b"\0"),
            segment(0xC4, b"\x10" + counts + b"\0"),
            segment(0xDA, b"\1\1\0\0\x3f\0"),
            # A stuffed zero and a restart are no ends of the picture.
            b"\x2f\xff\x00\xff\xd0\x2f",
            b"\xff\xd9",
            after,
        ]
    )


def exif(turned: int, order: str = "<") -> bytes:
    """How the camera was held, and a place that must not be kept."""
    start = b"II*\0" if order == "<" else b"MM\0*"
    entries = struct.pack(f"{order}HHHIHH", 1, 0x0112, 3, 1, turned, 0)
    return start + struct.pack(f"{order}I", 8) + entries + bytes(4) + b"GPS 47.05 N 8.30 E"


def pdf(inside: bytes = b"", after: bytes = b"") -> bytes:
    head = b"%PDF-1.7\n" + inside + b"\n1 0 obj <</Type/Catalog>> endobj\n"
    tail = b"xref\n0 1\n0000000000 65535 f\ntrailer <</Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n"
    return head + tail % len(head) + after

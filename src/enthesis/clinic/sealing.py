"""Sealed files: AES-256-GCM in pieces, so that a file of any size takes little memory.

    magic · key's fingerprint (8 bytes) · prefix (7 random bytes) · pieces

Each piece holds up to `PIECE` bytes and is sealed under the prefix, its number and whether it is
the last, with the head as associated data: a piece that was changed, swapped, left out or cut off
the end is refused (the STREAM construction of Hoang, Reyhanitabar, Rogaway and Vizár 2015).
"""

import hashlib
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from enthesis.clinic.secret import keep_secret

MAGIC = b"ENTHESIS-SEALED-1\n"
PIECE = 1 << 20
KEY_BYTES = 32
NO_KEY = f"holds no key: {2 * KEY_BYTES} hexadecimal digits."
_TAG = 16


class SealError(ValueError):
    """A sealed file or its key that cannot be used: what is wrong and what to do."""


def keep_backup_key(file: Path, key: bytes | None = None) -> bytes:
    """The key in the file, which is made (readable by its owner only) if it is missing: with the
    given key, or a new one."""
    keep_secret(file, lambda: (key or secrets.token_bytes(KEY_BYTES)).hex())
    return read_key(file)


def read_key(file: Path) -> bytes:
    """The key in a file; SealError where it is none."""
    try:
        key = bytes.fromhex(file.read_text(encoding="ascii").strip())
    except (OSError, ValueError) as error:
        wrong = "is not there, or cannot be read." if isinstance(error, OSError) else NO_KEY
        wrong = (
            f"{wrong} Name the key that was kept with --key FILE." if not file.exists() else wrong
        )
        raise SealError(f"{file} {wrong}") from error
    if len(key) != KEY_BYTES:
        raise SealError(f"{file} {NO_KEY}")
    return key


def _fingerprint(key: bytes) -> bytes:
    return hashlib.sha256(b"enthesis backup key " + key).digest()[:8]


def _nonce(prefix: bytes, number: int, last: bool) -> bytes:
    return prefix + number.to_bytes(4, "big") + bytes([last])


class Sealed:
    """A file object to write to; `close` seals the last piece."""

    def __init__(self, out: BinaryIO, key: bytes) -> None:
        self._out, self._cipher = out, AESGCM(key)
        self._prefix = secrets.token_bytes(7)
        self._head = MAGIC + _fingerprint(key) + self._prefix
        self._held, self._number = bytearray(), 0
        out.write(self._head)

    def write(self, data: bytes) -> int:
        """Take the data; whole pieces are sealed and written."""
        self._held += data
        # The last piece is known only at the end: one full piece is always held back.
        while len(self._held) > PIECE:
            self._piece(bytes(self._held[:PIECE]), last=False)
            del self._held[:PIECE]
        return len(data)

    def flush(self) -> None:
        """Nothing: what is held is sealed with its piece."""

    def close(self) -> None:
        """Seal what is left; the file below stays open."""
        self._piece(bytes(self._held), last=True)

    def _piece(self, data: bytes, *, last: bool) -> None:
        nonce = _nonce(self._prefix, self._number, last)
        self._out.write(self._cipher.encrypt(nonce, data, self._head))
        self._number += 1


def opened(source: BinaryIO, key: bytes) -> Iterator[bytes]:
    """The pieces of a sealed file. Raises SealError at the first that is not as it was sealed."""
    head = source.read(len(MAGIC) + 8 + 7)
    if not head.startswith(MAGIC) or len(head) < len(MAGIC) + 15:
        raise SealError("This is no sealed file of Enthesis, or only its beginning.")
    if head[len(MAGIC) : len(MAGIC) + 8] != _fingerprint(key):
        raise SealError("This file was sealed with another key. Give the key it was made with.")
    cipher, prefix, number = AESGCM(key), head[-7:], 0
    piece = source.read(PIECE + _TAG)
    while True:
        following = source.read(PIECE + _TAG)
        try:
            yield cipher.decrypt(_nonce(prefix, number, not following), piece, head)
        except InvalidTag:
            raise SealError(
                f"The file was changed or cut off after it was made (piece {number + 1}). "
                "Take another copy of it, or an older backup."
            ) from None
        if not following:
            return
        piece, number = following, number + 1

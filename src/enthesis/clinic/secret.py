"""The signing key of an installation, made once and kept beside its database."""

import os
import secrets
from collections.abc import Callable
from pathlib import Path


def is_given() -> bool:
    """Whether the signing key is the one of ENTHESIS_SECRET_KEY, whatever a file holds."""
    return bool(os.environ.get("ENTHESIS_SECRET_KEY"))


def keep_key(data: Path) -> None:
    """Make the data directory and its key file (readable by its owner only), if missing; no
    file where the key is given."""
    data.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not is_given():
        keep_secret(data / "secret_key", lambda: secrets.token_urlsafe(50))


def keep_secret(file: Path, make: Callable[[], str]) -> None:
    """Write what `make` gives into a file (readable by its owner only), if it is missing.

    Two who start may race: the one that creates the file wins, the other leaves it be.
    """
    if file.exists():
        return
    # Written whole under another name first, so that nobody ever reads half a key.
    draft = file.with_name(f"{file.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as out:
        out.write(make() + "\n")
        out.flush()
        os.fsync(out.fileno())
    try:
        os.link(draft, file)
    except FileExistsError:
        pass
    finally:
        draft.unlink()


def data_directory() -> Path:
    """ENTHESIS_DATA, or data/ under the working directory (as settings.DATA, but before Django)."""
    return Path(os.environ.get("ENTHESIS_DATA", "data")).resolve()

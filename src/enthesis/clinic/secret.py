"""The signing key of an installation, made once and kept beside its database."""

import os
import secrets
from pathlib import Path


def keep_key(data: Path) -> None:
    """Make the data directory and its key file (readable by its owner only), if missing.

    Two starting workers may race: the one that creates the file wins, the other leaves it be.
    """
    data.mkdir(mode=0o700, parents=True, exist_ok=True)
    key = data / "secret_key"
    if key.exists():
        return
    # Written whole under another name first, so that nobody ever reads half a key.
    draft = data / f"secret_key.{os.getpid()}"
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(secrets.token_urlsafe(50) + "\n")
    try:
        os.link(draft, key)
    except FileExistsError:
        pass
    finally:
        draft.unlink()


def data_directory() -> Path:
    """ENTHESIS_DATA, or data/ under the working directory (as settings.DATA, but before Django)."""
    return Path(os.environ.get("ENTHESIS_DATA", "data")).resolve()

"""What is acknowledged is on the disk."""

import os
from pathlib import Path


def sync_names(folder: Path) -> None:
    """The names in a folder, as a renaming has left them, are on the disk when this returns."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

"""Opens the maps of spreadsheets that ship with the software: their texts, by name.

`exchange/sheet_map.py` reads them: a clinic's own map is a file like these.
"""

from collections.abc import Mapping
from functools import cache

from enthesis.knowledge.load import FOLDER


@cache
def shipped_maps() -> Mapping[str, str]:
    """The text of each map by the name of its file; the files are read once in a process."""
    paths = sorted((FOLDER / "maps").glob("*.toml"))
    return {path.stem: path.read_text(encoding="utf-8") for path in paths}

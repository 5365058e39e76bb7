"""Opens the papers, once. `evidence.trials` checks that what the syntheses name is there."""

import tomllib
from collections.abc import Mapping
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

from enthesis.knowledge.load import FOLDER, KnowledgeError
from enthesis.knowledge.paper import Paper, Synthesis
from enthesis.shape import ShapeError, read

SYNTHESES = "synthesis.toml"


@cache
def papers() -> Mapping[str, Paper]:
    """The papers that ship with the software, by id; the files are read once in a process."""
    return read_papers(FOLDER / "papers")


def read_papers(folder: Path) -> dict[str, Paper]:
    """Every paper of a folder by id. Raises KnowledgeError: which file, where, what to mend."""
    found: dict[str, Paper] = {}
    paths = sorted(path for path in folder.glob("*.toml") if path.name != SYNTHESES)
    if not paths:
        raise KnowledgeError(str(folder), "no paper is here; give a folder with *.toml files")
    for path in paths:
        paper = _read(path)
        if paper.id != path.stem:
            raise KnowledgeError(path.name, f"id: {paper.id!r} must be the name of the file")
        found[paper.id] = paper
    return found


def read_syntheses(folder: Path) -> dict[str, Synthesis] | None:
    """The syntheses that a folder of papers brings along; None when it brings none."""
    path = folder / SYNTHESES
    if not path.exists():
        return None
    tables = _toml(path).get("synthesis", [])
    try:
        found = [read(Synthesis, one, f"synthesis[{i}]") for i, one in enumerate(tables)]
    except ShapeError as error:
        raise KnowledgeError(path.name, str(error)) from error
    return {synthesis.id: synthesis for synthesis in found}


def _read(path: Path) -> Paper:
    try:
        return read(Paper, _toml(path))
    except ShapeError as error:
        raise KnowledgeError(path.name, str(error)) from error


def _toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"), parse_float=Decimal)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise KnowledgeError(path.name, f"is not TOML: {error}") from error

"""Who may import what: the table of the house, read from the syntax tree of every file.

A room's code may import the rooms in its row and the outside libraries named there. Pure rooms
also never read the clock, open no files (but READS_FILES), and draw random numbers only from a
seeded generator.
"""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import enthesis

SOURCE = Path(enthesis.__file__).parent
CORE = {"records", "units", "shape"}
KNOWLEDGE = CORE | {"knowledge"}
NUMBERS = {"numpy", "scipy"}
TABLES = {"ibis", "duckdb", "pyarrow", "pandas", "formulaic", "pyspark"}
PAPER = {"weasyprint", "fontTools"}
# Room → (our rooms it may import, outside libraries beyond the standard one). Its own room is free.
MAY_IMPORT: dict[str, tuple[set[str], set[str]]] = {
    "records": ({"units"}, set()),
    "units": (set(), set()),
    "shape": (set(), set()),
    "knowledge": (CORE, set()),
    "journey": (KNOWLEDGE, NUMBERS),
    "trial": (KNOWLEDGE, NUMBERS),
    "charts": (KNOWLEDGE, NUMBERS),
    "outcomes": (KNOWLEDGE | {"journey", "charts"}, NUMBERS | TABLES | PAPER),
    "evidence": (KNOWLEDGE | {"charts"}, NUMBERS),
    "exchange": (KNOWLEDGE | {"journey"}, {"openpyxl"}),
    "invented": (KNOWLEDGE | {"journey"}, NUMBERS | {"pyarrow"}),
}
# The shell and the command line may import everything; what they may not hold is rules.
FREE_ROOMS = {"clinic", "commands", "cli", "__init__", "__main__"}
# The simulator reads its own two tables (its true parameters, its names), which are no knowledge;
# a report on paper its own fonts.
READS_FILES = {
    "knowledge/load.py",
    "knowledge/load_maps.py",
    "knowledge/load_own.py",
    "knowledge/load_papers.py",
    "invented/truth.py",
    "invented/people.py",
    "outcomes/alone.py",
    "outcomes/paper.py",
    "outcomes/registry.py",
    "invented/registry_truth.py",
    "invented/registry_files.py",
}
CLOCK = {"today", "now", "utcnow", "time", "time_ns", "monotonic", "localtime", "gmtime"}
CLOCK_OF = {"date", "datetime", "time", "timezone", "dt"}
OPENING = {"open", "read_text", "read_bytes", "write_text", "write_bytes"}
SLOW = TABLES | {"weasyprint", "openpyxl", "fontTools", "scipy.stats", "scipy.optimize"}
"""Two seconds of importing for what few pages need: done where it is used, not with the pages."""
NETWORK = {"socket", "http", "urllib", "ssl", "ftplib", "smtplib", "requests", "httpx"}


def room_of(path: Path) -> str:
    """The first part below the package: "journey", or "records" for records.py."""
    return path.relative_to(SOURCE).parts[0].removesuffix(".py")


def modules() -> list[Path]:
    """Every file of a room that has walls."""
    return sorted(p for p in SOURCE.rglob("*.py") if room_of(p) not in FREE_ROOMS)


def imported(tree: ast.AST, package: str) -> Iterator[tuple[int, str]]:
    """(line, full module name) of every import, wherever it stands."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            if node.level:
                parents = package.split(".")[: len(package.split(".")) + 1 - node.level]
                yield node.lineno, ".".join([*parents, node.module or ""])
            elif node.module == "enthesis":
                yield from ((node.lineno, f"enthesis.{alias.name}") for alias in node.names)
            else:
                yield node.lineno, node.module or ""


def wrong_imports(source: str, room: str) -> list[str]:
    """What a file of a room imports and may not."""
    ours, outside = MAY_IMPORT[room]
    problems = []
    for line, name in imported(ast.parse(source), f"enthesis.{room}"):
        top, *rest = name.split(".")
        if top == "enthesis":
            target = rest[0] if rest else ""
            if target and target != room and target not in ours:
                problems.append(f"line {line}: {room} imports enthesis.{target}")
        elif top in NETWORK or (top not in sys.stdlib_module_names and top not in outside):
            problems.append(f"line {line}: {room} imports {top}")
    return problems


def file_of(module: str) -> Path | None:
    """Where a module of ours is written; None for others."""
    place = SOURCE.parent / module.replace(".", "/")
    return next((p for p in (place / "__init__.py", place.with_suffix(".py")) if p.exists()), None)


def loaded_with(module: str, seen: set[str]) -> Iterator[tuple[str, str]]:
    """(ours, outside) of each outside module that importing `module` of ours loads."""
    path = file_of(module)
    if path is None or module in seen:
        return
    seen.add(module)
    lines = [
        node
        for node in ast.parse(path.read_text()).body
        if isinstance(node, ast.Import | ast.ImportFrom)
    ]
    for line in lines:
        for _, name in imported(line, module):
            names = [name]
            if isinstance(line, ast.ImportFrom):
                names += [f"{name}.{alias.name}" for alias in line.names]
            for each in names:
                if each.startswith("enthesis"):
                    yield from loaded_with(each, seen)
                else:
                    yield module, each


def test_the_pages_load_without_what_few_of_them_need() -> None:
    seen: set[str] = set()
    found = set(loaded_with("enthesis.clinic.urls", seen))
    assert len(seen) > 300
    slow = [pair for pair in found if {pair[1], pair[1].split(".")[0]} & SLOW]
    assert not slow, f"Import these where they are used: {slow}"


def impurities(source: str, *, may_read_files: bool = False) -> list[str]:
    """Where a pure file reads the clock, opens a file, or draws unseeded random numbers."""
    problems = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Attribute):
            problems += _attribute_problems(node)
        if isinstance(node, ast.Call):
            problems += _call_problems(node, may_read_files)
        if isinstance(node, ast.ImportFrom) and node.module in ("time", "random", "secrets"):
            names = [alias.name for alias in node.names if alias.name != "Random"]
            problems += [f"line {node.lineno}: from {node.module} import {n}" for n in names]
    return problems


def _attribute_problems(node: ast.Attribute) -> list[str]:
    owner = _last_name(node.value)
    if node.attr in CLOCK and owner in CLOCK_OF:
        return [f"line {node.lineno}: the clock, {owner}.{node.attr}"]
    if owner in ("random", "secrets") and node.attr not in ("Random", "Generator", "default_rng"):
        return [f"line {node.lineno}: unseeded random, {owner}.{node.attr}"]
    return []


def _call_problems(node: ast.Call, may_read_files: bool) -> list[str]:
    name = _last_name(node.func)
    if name in OPENING and not may_read_files:
        return [f"line {node.lineno}: opens a file, {name}()"]
    if name in ("default_rng", "Random") and not (node.args or node.keywords):
        return [f"line {node.lineno}: {name}() without a seed"]
    return []


def _last_name(node: ast.expr) -> str:
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def test_every_file_keeps_to_its_room() -> None:
    found = modules()
    assert len(found) > 150
    for path in found:
        room, name = room_of(path), str(path.relative_to(SOURCE))
        assert room in MAY_IMPORT, f"{room} is a new room: give it a row in MAY_IMPORT."
        source = path.read_text()
        problems = wrong_imports(source, room)
        problems += impurities(source, may_read_files=name in READS_FILES)
        assert not problems, f"{name}:\n" + "\n".join(problems)


@pytest.mark.parametrize(
    ("room", "source"),
    [
        ("journey", "import django"),
        ("journey", "from django.utils import timezone"),
        ("journey", "from enthesis.clinic import models"),
        ("journey", "from enthesis import clinic"),
        ("journey", "import enthesis.charts.trend"),
        ("journey", "def f():\n    import urllib.request"),
        ("evidence", "from enthesis.outcomes import cohort"),
        ("records", "from enthesis.knowledge import kinds"),
        ("units", "import numpy"),
        ("knowledge", "from ..clinic import models"),
    ],
)
def test_it_finds_an_import_across_a_wall(room: str, source: str) -> None:
    assert wrong_imports(source, room)


@pytest.mark.parametrize(
    "source",
    [
        "date.today()",
        "datetime.datetime.now()",
        "dt.date.today()",
        "time.time()",
        "stamp = datetime.now",
        "from time import time",
        "open('x')",
        "Path('x').read_text()",
        "import random\nrandom.random()",
        "numpy.random.normal()",
        "from random import choice",
        "numpy.random.default_rng()",
        "random.Random()",
    ],
)
def test_it_finds_a_clock_a_file_and_unseeded_chance(source: str) -> None:
    assert impurities(source)


@pytest.mark.parametrize(
    ("room", "source"),
    [
        ("journey", "from datetime import date\nfrom enthesis.records import Course\nimport numpy"),
        ("invented", "import numpy as np\nrng = np.random.default_rng(seed)"),
        ("exchange", "import openpyxl\nfrom enthesis.shape import read"),
    ],
)
def test_it_leaves_proper_code_alone(room: str, source: str) -> None:
    assert wrong_imports(source, room) == impurities(source) == []

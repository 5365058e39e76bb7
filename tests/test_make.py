"""The three commands that a newcomer types are there and say what they do."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize("target", ["run", "setup", "test", "check"])
def test_the_makefile_has_the_target(target: str) -> None:
    dry = subprocess.run(
        ["make", "-n", target], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert dry.returncode == 0, dry.stderr


def test_the_lock_names_no_index_and_hashes_every_package() -> None:
    for name in ("run", "dev"):
        text = (ROOT / f"requirements/{name}.txt").read_text(encoding="utf-8")
        lines = [line for line in text.split("\n") if line and not line.lstrip().startswith("#")]
        pinned = [n for n, line in enumerate(lines) if not line.startswith(" ")]
        assert len(pinned) > 10
        for n in pinned:
            assert re.match(r"[\w.\[\],-]+==[\w.]+\s", lines[n]), lines[n]
            assert re.fullmatch(r" +--hash=sha256:[0-9a-f]{64}( \\)?", lines[n + 1]), lines[n]
        assert "://" not in text
        assert "index-url" not in text


def test_ci_runs_the_same_tests_as_a_developer() -> None:
    assert "make test" in (ROOT / ".ci/run").read_text(encoding="utf-8")

"""What is shipped: the wheel is whole and made twice the same, what it is made of is listed, and no
secret is in the tree."""

import hashlib
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from docs import make_sbom

ROOT = Path(__file__).parents[2]
# Put together or written as patterns, so that this file does not match itself.
SECRETS = {
    "a private key": r"-----BEGIN [A-Z ]*PRIVATE KEY-----",
    "a key of a cloud": r"AKIA[0-9A-Z]{16}",
    "a token of a forge": r"gh[pousr]_[A-Za-z0-9]{36}|glpat-[A-Za-z0-9_-]{20}",
    "a live key of a card gateway": r"[rs]k_live_[A-Za-z0-9]{16,}",
    "a token of a chat": r"xox[abprs]-[A-Za-z0-9-]{20,}",
    "an API key": r"AIza[0-9A-Za-z_-]{35}",
    "a signing key given": r"(SECRET_KEY|BACKUP_KEY) *= *[\"'][^\"'{}]{40,}[\"']",
}
KEPT_OUT = ("secret_key", "backup_key", ".env", ".pem", ".key", ".sqlite3", ".enthesis")


def tracked() -> list[str]:
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return [name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]


def secrets_in(text: str) -> list[str]:
    return [what for what, pattern in SECRETS.items() if re.search(pattern, text)]


def test_no_secret_is_in_the_tree() -> None:
    found = []
    for name in tracked():
        if name.endswith((".png", ".ttf", ".mo", ".pdf", ".parquet")):
            continue
        text = (ROOT / name).read_text(encoding="utf-8", errors="replace")
        found += [f"{name}: {what}" for what in secrets_in(text)]
        if name.endswith(KEPT_OUT) and name != "deploy/enthesis.env":
            found.append(f"{name}: by its name a secret")
    assert found == []


@pytest.mark.parametrize(
    "text",
    [
        "-----BEGIN " + "EC PRIVATE KEY-----",
        "AKIA" + "ABCDEFGHIJKLMNOP",
        "sk_" + "live_" + "4eC39HqLyjWDarjtT1zdp7dc",
        "SECRET_KEY = " + '"' + "0123456789" * 4 + '"',
    ],
)
def test_a_secret_would_be_found(text: str) -> None:
    assert len(secrets_in(text)) == 1


def test_what_enthesis_is_made_of_is_fresh() -> None:
    stale = "run .venv/bin/python -m docs.make_sbom"
    kept = make_sbom.REFERENCE
    assert (kept / "sbom.json").read_text(encoding="utf-8") == make_sbom.sbom(), stale
    assert (kept / "licences.md").read_text(encoding="utf-8") == make_sbom.licences(), stale


def test_every_vendored_file_is_listed_and_has_the_hash_of_the_table() -> None:
    folder = make_sbom.VENDORED.parent
    listed = {row[0]: row[5] for row in make_sbom.vendored()}
    there = {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in folder.glob("*.js")}
    assert listed == there


def wheel(into: Path) -> Path:
    environment = {**os.environ, "SOURCE_DATE_EPOCH": "1795737600"}
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(into)],
        cwd=ROOT, env=environment, capture_output=True, check=True,
    )  # fmt: skip
    (made,) = into.glob("*.whl")
    return made


def test_the_wheel_holds_every_file_of_the_package_and_is_made_twice_the_same(
    tmp_path: Path,
) -> None:
    first, second = wheel(tmp_path / "a"), wheel(tmp_path / "b")
    assert first.read_bytes() == second.read_bytes()
    with zipfile.ZipFile(first) as packed:
        held = set(packed.namelist())
    wanted = {name.removeprefix("src/") for name in tracked() if name.startswith("src/enthesis/")}
    assert wanted - held == set()
    strange = {name for name in held - wanted if ".dist-info/" not in name}
    assert not {name for name in strange if name.endswith(KEPT_OUT)}
    for kind in (".html", ".css", ".js", ".toml", ".ttf", ".mo", ".csv"):
        assert any(name.endswith(kind) for name in held), kind

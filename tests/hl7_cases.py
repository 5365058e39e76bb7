"""HL7's cases for validators of questionnaires: which can be run here, and what is expected.

The folder is `validator/` of HL7's public test cases, or the part of it that lies beside the
project. What is expected is what HL7's own validator (Java) answers; for many cases a second,
independent validator answers too, and where the two disagree the case proves nothing.
"""

import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from enthesis.exchange.fhir.answers_valid import response_findings
from enthesis.exchange.fhir.finding import Finding, errors
from enthesis.exchange.fhir.questionnaire_valid import questionnaire_findings
from tests.fhir_xml import read_xml

BESIDE = Path(__file__).parents[2] / "shared/real/fhir/validator-cases"
FOLDER = Path(os.environ.get("ENTHESIS_HL7_CASES", BESIDE))


@dataclass(frozen=True)
class Case:
    """`why_not` is empty for a case that can be run."""

    name: str
    version: str
    why_not: str
    resource: Any = None
    supporting: tuple[dict[str, Any], ...] = ()

    def issues(self) -> tuple[Finding, ...]:
        """What our validator says."""
        if self.resource["resourceType"] == "Questionnaire":
            return questionnaire_findings(self.resource)
        return response_findings(self.resource, self.supporting)

    def is_refused(self) -> bool:
        return bool(errors(self.issues()))


def read_file(path: Path) -> dict[str, Any]:
    """A resource from JSON or XML. ValueError where it is neither."""
    text = path.read_text(encoding="utf-8-sig")
    if path.suffix == ".xml":
        return read_xml(text)
    resource = json.loads(text, parse_float=Decimal)
    if not isinstance(resource, dict):
        raise ValueError("no resource")
    return resource


def cases(folder: Path = FOLDER) -> Iterator[Case]:
    """Every case of HL7's manifest that is about questionnaires, runnable or not."""
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    for row in manifest["test-cases"]:
        if row.get("module") == "questionnaire" and "profile" not in row:
            yield _case(folder, row)


def _case(folder: Path, row: dict[str, Any]) -> Case:
    name, version = row["name"], str(row.get("version", "5.0"))
    if not version.startswith("4.0"):
        return Case(name, version, f"it is FHIR {version}, not R4")
    if row.get("packages"):
        return Case(name, version, "it needs a package of profiles")
    files = [folder / file for file in (row["file"], *row.get("supporting", ()))]
    missing = sorted(file.name for file in files if not file.is_file())
    if missing:
        return Case(name, version, f"not at hand: {', '.join(missing)}")
    try:
        resource, *supporting = (read_file(file) for file in files)
    except ValueError as error:
        return Case(name, version, f"cannot be read: {error}")
    if resource.get("resourceType") not in ("Questionnaire", "QuestionnaireResponse"):
        return Case(name, version, f"it is a {resource.get('resourceType')}")
    return Case(name, version, "", resource, tuple(supporting))


def expectations(folder: Path) -> dict[str, tuple[str, str, tuple[str, ...]]]:
    """Name → HL7's answer, the second validator's, and where HL7's finds its errors.

    An answer is "bad", "good", or "" where there is none.
    """
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    rows = [row for row in manifest["test-cases"] if row.get("module") == "questionnaire"]
    answers = {}
    for row in rows:
        first, second = (_answer(folder, row.get(who)) for who in ("java", "brianpos"))
        answers[row["name"]] = (first[0], second[0], first[1])
    return answers


def _answer(folder: Path, outcome: object) -> tuple[str, tuple[str, ...]]:
    path = folder / "outcomes" / str(outcome)
    if not isinstance(outcome, str) or not path.is_file():
        return "", ()
    issues = json.loads(path.read_text(encoding="utf-8-sig")).get("issue", [])
    grave = [i for i in issues if i["severity"] in ("error", "fatal")]
    return ("bad" if grave else "good"), tuple(
        _item_of((i.get("expression") or [""])[0]) for i in grave
    )


def _item_of(expression: str) -> str:
    """The item or answer that an expression is in, without what stands deeper."""
    found = re.match(r"\w+(?:\.(?:item|answer)\[[0-9]+\])*", expression)
    return found[0] if found else expression


def is_same_place(issues: tuple[Finding, ...], places: tuple[str, ...]) -> bool:
    """Whether one of our errors lies in the item where HL7's validator has one.

    The item is enough: that an answer is missing is said of the item by one, of its parent by
    another.
    """
    item = re.compile(r"\.answer\[[0-9]+\]$")
    ours = {item.sub("", _item_of(issue.expression)) for issue in errors(issues)}
    theirs = {item.sub("", place) for place in places}
    return bool(ours & theirs)

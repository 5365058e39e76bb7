"""Our resources before Medplum's judge, in one Node for all of them."""

import json
import subprocess
from collections.abc import Iterable
from pathlib import Path
from shutil import which
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from enthesis.exchange.fhir.out import resources
from enthesis.exchange.fhir.plan_definition import plan_definitions
from enthesis.exchange.fhir.questionnaire import questionnaires
from enthesis.exchange.fhir.table import ROWS
from tests.unit.exchange.fhir.dossiers import SPECIAL, dossiers, known
from tests.unit.exchange.fhir.strategies import records
from tests.unit.exchange.fhir.test_care import PLACE, keyed

NODE = Path(__file__).parents[3] / "node"
pytestmark = pytest.mark.skipif(
    which("node") is None or not (NODE / "node_modules/@medplum/core").is_dir(),
    reason="Medplum's judge needs Node and npm: run make setup-test where they are",
)


def judged(found: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Medplum's answer to each resource, in order."""
    lines = "\n".join(json.dumps(one, allow_nan=False) for one in found)
    run = subprocess.run(
        ["node", "judge.mjs"], cwd=NODE, input=lines, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr[-2000:]
    return [json.loads(line) for line in run.stdout.splitlines()]


def errors(answer: dict[str, Any]) -> list[str]:
    """Warnings are left out: Medplum warns of references that it would write otherwise."""
    return [
        f"{answer['resource']} {issue['expression']}: {issue['text']}"
        for issue in answer["issues"]
        if issue["severity"] in ("error", "fatal")
    ]


def some(strategy: st.SearchStrategy[Any], number: int) -> list[Any]:
    """The same examples every time."""
    found: list[Any] = []

    @settings(
        max_examples=number,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(strategy)
    def collect(one: Any) -> None:
        found.append(one)

    collect()
    return found


def test_medplum_accepts_every_resource_of_all_types_and_refuses_a_wrong_one() -> None:
    written = [*questionnaires(known()), *plan_definitions(known())]
    for dossier in some(dossiers(), 5):
        written += resources(dossier, known())
    # Few dossiers have records of every kind: some of each kind beside them.
    for row in ROWS:
        for record in some(records(row.kind, SPECIAL).map(keyed), 3):
            written += row.write(record, PLACE)
    assert {row.type for row in ROWS} <= {one["resourceType"] for one in written}
    # One that is wrong, so that silence over the others means something.
    wrong = {"resourceType": "QuestionnaireResponse", "id": "x", "item": [{"text": "no link"}]}
    *answers, refused = judged([*written, wrong])
    assert len(answers) == len(written)
    assert [error for answer in answers for error in errors(answer)] == []
    assert len(errors(refused)) == 2

"""`enthesis rejudge` without a file: every decision of the clinic, from what was kept beside it."""

from typing import Any

import pytest

from enthesis.cli import main
from enthesis.clinic import models
from tests.clinic.invented import load


def test_every_decision_comes_out_as_it_was_and_a_changed_one_is_named(
    db: None, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("enthesis.clinic.server.prepare", lambda: None)
    load()
    count = models.Decision.objects.count()
    assert main(["rejudge"]) == 0
    assert capsys.readouterr().out.startswith(f"{count} decisions, 0 differ; ")
    row = models.Decision.objects.first()
    assert row is not None
    inputs: dict[str, Any] = dict(row.inputs)
    models.Decision.objects.filter(pk=row.pk).update(inputs={**inputs, "condition": "knee_oa"})
    assert main(["rejudge"]) == 1
    told = capsys.readouterr().out
    assert f"decision {row.pk}" in told and "its inputs were changed" in told
    assert f"{count} decisions, 1 differ" in told

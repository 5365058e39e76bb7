"""A folder of bulk data is whole or not there, and what is not as it was written is named."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from enthesis.clinic.bulk import MANIFEST, BulkError, check, read, write

AT = datetime(2026, 11, 22, 9, tzinfo=UTC)
pytestmark = pytest.mark.alike


def patient(number: int, *more: str) -> list[dict[str, Any]]:
    key = f"patient-{number}"
    mine = {"subject": {"reference": f"Patient/{key}"}}
    course = {"resourceType": "Condition", "id": f"course-{number}", **mine}
    about = {"extension": [{"valueReference": {"reference": f"Condition/course-{number}"}}]}
    seen = {"performer": [{"reference": "Practitioner/user-1"}]}
    return [
        {"resourceType": "Practitioner", "id": "user-1"},
        {"resourceType": "Practitioner", "id": "user-2"},
        {"resourceType": "Patient", "id": key},
        course,
        *({"resourceType": "Observation", "id": id, "value": 0.1, **mine, **seen} for id in more),
        {"resourceType": "Provenance", "id": f"p-{number}", **about},
    ]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    patients = [patient(1, "a", "b"), patient(2), patient(3, "c")]
    write(tmp_path / "out", patients, {"clinic": {"name": "Harbour"}}, AT)
    return tmp_path / "out"


def names(resources: list[dict[str, Any]]) -> list[str]:
    return [f"{one['resourceType']}/{one['id']}" for one in resources]


def test_each_patient_comes_back_with_what_is_theirs_and_who_is_named(folder: Path) -> None:
    manifest = check(folder)
    assert manifest.counts["Practitioner"] == 2 and manifest.resources == 2 + 3 + 3 + 3 + 3
    first, second, third = (names(one) for one in read(folder, manifest))
    own = ["Patient/patient-1", "Condition/course-1", "Observation/a", "Observation/b"]
    assert first == ["Practitioner/user-1", *own, "Provenance/p-1"]
    assert second == ["Patient/patient-2", "Condition/course-2", "Provenance/p-2"]
    assert "Observation/c" in third and "Observation/a" not in third


def test_numbers_come_back_exact(folder: Path) -> None:
    [first, *_] = read(folder, check(folder))
    assert [str(one["value"]) for one in first if "value" in one] == ["0.1", "0.1"]


def test_a_changed_missing_or_foreign_file_is_named(folder: Path) -> None:
    lines = folder / "Observation.ndjson"
    kept = lines.read_bytes()
    for data, said in (
        (kept.replace(b"0.1", b"0.2", 1), "Observation.ndjson was changed after the export"),
        (kept[:-9], "was changed"),
        (None, "Observation.ndjson is in manifest.json and not in the folder"),
    ):
        lines.unlink()
        if data is not None:
            lines.write_bytes(data)
        with pytest.raises(BulkError, match=said):
            check(folder)
        lines.write_bytes(kept)
    (folder / "Device.ndjson").write_bytes(b"{}\n")
    with pytest.raises(BulkError, match=r"Device\.ndjson is not in manifest\.json"):
        check(folder)


def test_another_version_or_a_manifest_that_leads_elsewhere_is_refused(folder: Path) -> None:
    path = folder / MANIFEST
    kept = path.read_text()
    for old, new, said in (
        ('"4.0.1"', '"5.0.0"', "of FHIR 5.0.0"),
        ("enthesis-bulk-1", "bulk", "was not written by"),
        ('"Observation.ndjson"', '"../Observation.ndjson"', "no file with its count"),
        ('"type": "Observation"', '"type": "Patient"', "no file with its count"),
        (kept, "[]", "no manifest"),
        (kept, "{", "not JSON"),
        (kept, '{"a": 1, "a": 2}', "twice"),
    ):
        path.write_text(kept.replace(old, new))
        with pytest.raises(BulkError, match=said):
            check(folder)
    path.unlink()
    with pytest.raises(BulkError, match="not written to its end"):
        check(folder)


def test_a_resource_of_an_unknown_patient_is_refused_with_its_line(tmp_path: Path) -> None:
    strange = {"resourceType": "Observation", "id": "x", "subject": {"reference": "Patient/no"}}
    write(tmp_path / "out", [patient(1, "a"), [strange], patient(2, "b")], {}, AT)
    with pytest.raises(BulkError, match=r"Observation\.ndjson, line 2: .* is of Patient/no"):
        list(read(tmp_path / "out", check(tmp_path / "out")))
    nobodys = {"resourceType": "Observation", "id": "x"}
    write(tmp_path / "other", [patient(1), [nobodys]], {}, AT)
    with pytest.raises(BulkError, match=r"line 1: .* is of nobody"):
        list(read(tmp_path / "other", check(tmp_path / "other")))


def test_a_broken_line_is_named_though_its_file_is_as_written(folder: Path) -> None:
    import hashlib

    path, manifest = folder / "Observation.ndjson", folder / MANIFEST
    before = hashlib.sha256(path.read_bytes()).hexdigest()
    for line, said in (
        (b'{"resourceType": "Observation", "v": NaN}', "NaN is no number"),
        (b"[" * 100_000, "nested too deeply"),
        (b"\xff", "not UTF-8"),
        (b'{"resourceType": "Observation", "v": "\\ud800"}', "surrogate"),
        (b'{"resourceType": "Observation", "v": "\\u0000"}', "NUL"),
        (b'{"resourceType": "Observation", "v": 1e999999999}', "sensible size"),
        (b'{"resourceType": "Patient"}', "is no Observation"),
        (b'{"resourceType": "Observation", "v": ' + b"9" * 5000 + b"}", "sensible size"),
    ):
        text = manifest.read_text()
        path.write_bytes(b"\n".join([line] * 3) + b"\n")
        now = hashlib.sha256(path.read_bytes()).hexdigest()
        manifest.write_text(text.replace(before, now))
        before = now
        with pytest.raises(BulkError, match=said):
            list(read(folder, check(folder)))


def test_a_failure_half_way_leaves_no_folder_and_a_full_one_is_not_written_over(
    tmp_path: Path,
) -> None:
    def failing() -> Iterator[list[dict[str, Any]]]:
        yield patient(1)
        raise RuntimeError("gone")

    with pytest.raises(RuntimeError):
        write(tmp_path / "out", failing(), {}, AT)
    assert list(tmp_path.iterdir()) == []
    write(tmp_path / "out", [patient(1)], {}, AT)
    with pytest.raises(BulkError, match="holds something already"):
        write(tmp_path / "out", [patient(1)], {}, AT)
    assert json.loads((tmp_path / "out" / MANIFEST).read_text())["transactionTime"]

"""The registry on disk: what is written is read, damage is found, nothing half-done is seen."""

import json
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pytest

from enthesis.invented.registry_files import write_registry
from enthesis.outcomes import registry
from enthesis.outcomes.registry import (
    RegistryError,
    as_tables,
    read_cut,
    read_table,
    refresh,
    seal,
    verify,
)
from enthesis.outcomes.rows import CourseRows
from enthesis.outcomes.schema import TABLES


def course_of(rows: CourseRows) -> int:
    return rows["courses"][0][0]  # type: ignore[return-value]


def same(folder: Path, rows: Sequence[CourseRows]) -> bool:
    wanted = as_tables(rows)
    return all(read_table(folder, name).equals(wanted[name]) for name in TABLES)


@pytest.fixture
def layered(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small registries keep a base and a delta too, as large ones do."""
    monkeypatch.setattr(registry, "SMALL", 0)
    monkeypatch.setattr(registry, "DELTA_SHARE", 0.9)
    monkeypatch.setattr(registry, "PART_COURSES", 16)


def test_step_by_step_it_holds_what_it_would_hold_if_written_at_once(
    folder: Path, rows: Sequence[CourseRows]
) -> None:
    cut = verify(folder)
    assert (cut.number, len(cut.parts), cut.courses) == (3, 2, len(rows))
    assert cut.delta is not None
    assert same(folder, rows)
    some = read_table(folder, "visits", ["pain", "window"])
    assert some.column_names == ["pain", "window"]
    assert some.num_rows == sum(len(r["visits"]) for r in rows)


def test_the_same_rows_have_the_same_hash(tmp_path: Path, rows: Sequence[CourseRows]) -> None:
    one, other = (
        refresh(tmp_path / name, as_tables(some), knowledge="k")
        for name, some in (("one", rows), ("other", rows[::-1]))
    )
    assert one == other and len(one.sha256) == 64
    again = refresh(tmp_path / "one", as_tables(rows), knowledge="k", whole=True)
    assert again.sha256 != one.sha256 and again.number == 2  # another cut


@pytest.mark.usefixtures("layered")
def test_only_what_changed_is_written(tmp_path: Path, rows: Sequence[CourseRows]) -> None:
    before = refresh(tmp_path, as_tables(rows), knowledge="k")
    after = refresh(tmp_path, as_tables(rows[5:7]), knowledge="k")
    assert after.parts == before.parts
    assert after.delta is not None and after.delta.files["courses"].rows == 2
    assert after.courses == before.courses == len(rows)
    assert same(tmp_path, rows)


@pytest.mark.usefixtures("layered")
def test_new_and_changed_courses_are_counted_once(
    tmp_path: Path, rows: Sequence[CourseRows]
) -> None:
    refresh(tmp_path, as_tables(rows[:40]), knowledge="k")
    for some, held in ((rows[30:50], 50), (rows[45:52], 52), (rows[:3], 52), (rows[52:60], 60)):
        assert refresh(tmp_path, as_tables(some), knowledge="k").courses == held
        assert read_table(tmp_path, "courses").num_rows == held
    assert read_cut(tmp_path).delta is not None


@pytest.mark.usefixtures("layered")
def test_a_delta_that_has_grown_becomes_the_base(
    tmp_path: Path, rows: Sequence[CourseRows], monkeypatch: pytest.MonkeyPatch
) -> None:
    refresh(tmp_path, as_tables(rows[:40]), knowledge="k")
    refresh(tmp_path, as_tables(rows[38:45]), knowledge="k")
    monkeypatch.setattr(registry, "DELTA_SHARE", 0.1)
    cut = refresh(tmp_path, as_tables(rows[45:50]), knowledge="k")
    assert cut.delta is None and len(cut.parts) == 4
    assert same(tmp_path, rows[:50])


@pytest.mark.parametrize("table", TABLES)
def test_it_finds_a_flipped_byte(table: str, tmp_path: Path, rows: Sequence[CourseRows]) -> None:
    cut = refresh(tmp_path, as_tables(rows[:9]), knowledge="k")
    path = tmp_path / cut.parts[0].files[table].name
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    with pytest.raises(RegistryError, match=rf"{path.name} was changed.*anew"):
        verify(tmp_path)
    path.unlink()
    with pytest.raises(RegistryError, match=f"{path.name} is missing"):
        verify(tmp_path)
    with pytest.raises(RegistryError, match=f"{path.name} cannot be read"):
        read_table(tmp_path, table)


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [("knowledge", "other", "was changed"), ("schema", 99, "schema 99"), ("parts", 3, "parts")],
)
def test_it_refuses_a_manifest_that_was_changed(
    key: str, value: object, words: str, tmp_path: Path, rows: Sequence[CourseRows]
) -> None:
    refresh(tmp_path, as_tables(rows[:3]), knowledge="k")
    path = tmp_path / "manifest.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), key: value}))
    with pytest.raises(RegistryError, match=words):
        read_cut(tmp_path)
    with pytest.raises(RegistryError, match=words):
        refresh(tmp_path, as_tables(rows[:3]), knowledge="k")
    refresh(tmp_path, as_tables(rows[:3]), knowledge="k", whole=True)
    assert verify(tmp_path).courses == 3


@pytest.mark.usefixtures("layered")
@pytest.mark.parametrize("at", ["_replace_manifest", "_sha256"])
@pytest.mark.parametrize("whole", [False, True])
def test_whoever_is_killed_half_way_leaves_the_cut_before(
    at: str, whole: bool, tmp_path: Path, rows: Sequence[CourseRows]
) -> None:
    before = refresh(tmp_path, as_tables(rows[:40]), knowledge="k")
    with pytest.MonkeyPatch.context() as patch:

        def killed(*_: object) -> None:
            raise KeyboardInterrupt

        patch.setattr(registry, at, killed)
        with pytest.raises(KeyboardInterrupt):
            refresh(tmp_path, as_tables(rows[38:45]), knowledge="k", whole=whole)
    assert verify(tmp_path) == before
    assert same(tmp_path, rows[:40])
    left = {path.name for path in tmp_path.glob("*.parquet")} - before.files.keys()
    assert left
    cut = refresh(tmp_path, as_tables(rows[38:45]), knowledge="k")
    assert same(tmp_path, rows[:45])
    assert not left & {path.name for path in tmp_path.glob("*.parquet")} - cut.files.keys()


@pytest.mark.usefixtures("layered")
def test_a_withdrawn_course_is_in_no_file_any_more(
    tmp_path: Path, rows: Sequence[CourseRows]
) -> None:
    refresh(tmp_path, as_tables(rows[:40]), knowledge="k")
    refresh(tmp_path, as_tables(rows[38:45]), knowledge="k")
    gone = [rows[3], rows[39], rows[44]]  # in the base, in both, in the delta
    ids = [course_of(r) for r in gone]
    cut = refresh(tmp_path, as_tables(gone[:1]), knowledge="k", withdrawn=ids)
    left = [r for r in rows[:45] if course_of(r) not in ids]
    assert verify(tmp_path).courses == len(left) == 42
    assert same(tmp_path, left)
    paths = sorted(path.name for path in tmp_path.glob("*.parquet"))
    assert paths == sorted(cut.files)
    for name in paths:
        assert not set(ids) & set(pa.parquet.read_table(tmp_path / name)["course"].to_pylist())


@pytest.mark.usefixtures("layered")
def test_all_of_them_can_withdraw(tmp_path: Path, rows: Sequence[CourseRows]) -> None:
    refresh(tmp_path, as_tables(rows[:20]), knowledge="k")
    ids = [course_of(r) for r in rows[:20]]
    cut = refresh(tmp_path, as_tables([]), knowledge="k", withdrawn=ids)
    assert (cut.courses, cut.files) == (0, {})
    assert not list(tmp_path.glob("*.parquet"))
    refresh(tmp_path, as_tables(rows[:2]), knowledge="k")
    assert same(tmp_path, rows[:2])


def changed(rows: CourseRows, table: str, **values: object) -> CourseRows:
    names = TABLES[table].names
    row = tuple(values.get(n, v) for n, v in zip(names, rows[table][0], strict=True))
    return {**rows, table: [row, *rows[table][1:]]}  # type: ignore[list-item]


def test_it_refuses_rows_that_the_schema_does_not_allow(rows: Sequence[CourseRows]) -> None:
    one = next(r for r in rows if len(r["sessions"]) > 1)
    second = one["sessions"][1][1]
    for wrong, words in (
        (changed(one, "courses", condition=None), "courses: .*condition.* null"),
        (changed(one, "courses", ended="cured"), r"courses\.ended holds cured"),
        (changed(one, "sessions", number=second), "sessions: course and number stand in two rows"),
        (changed(one, "visits", course=-1), "visits has rows of a course that is not in courses"),
    ):
        with pytest.raises(RegistryError, match=words):
            as_tables([wrong])
    with pytest.raises(RegistryError, match="courses: course stand in two rows"):
        as_tables([one, one])


def test_tables_from_elsewhere_become_a_registry(tmp_path: Path) -> None:
    write_registry(tmp_path, courses=300, seed=1)
    cut = seal(tmp_path, "invented")
    assert verify(tmp_path) == cut and cut.courses == 300
    with pytest.raises(RegistryError, match="already"):
        seal(tmp_path, "invented")


def test_it_refuses_tables_from_elsewhere_that_do_not_fit(tmp_path: Path) -> None:
    write_registry(tmp_path, courses=30, seed=1)
    path = tmp_path / "visits.parquet"
    table = pa.parquet.read_table(path)
    days = table["day"].cast(pa.float64())
    for wrong, words in (
        (table.drop_columns(["pain"]), "no column pain"),
        (table.set_column(table.column_names.index("day"), "day", days), "day is double"),
        (table.take(pa.array(range(table.num_rows)[::-1])), "not sorted"),
    ):
        pa.parquet.write_table(wrong, path)
        with pytest.raises(RegistryError, match=words):
            seal(tmp_path, "invented")
    path.unlink()
    with pytest.raises(RegistryError, match="cannot be read"):
        seal(tmp_path, "invented")

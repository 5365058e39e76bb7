"""Sums per missing-visit pattern: exact, additive, the same from every engine."""

from itertools import pairwise

import ibis
import numpy as np
import pyarrow as pa
import pytest

from enthesis.outcomes.errors import FitError
from enthesis.outcomes.sums import merge
from enthesis.outcomes.sums_from_columns import (
    Coded,
    course_design,
    sums_from_columns,
    sums_from_pieces,
)
from enthesis.outcomes.sums_from_engine import sums_from_engine
from tests.unit.outcomes.dense import made


def in_memory(columns: dict[str, object]) -> object:
    """A table of DuckDB; through Arrow, because the way through pandas warns."""
    return ibis.memtable(pa.table(columns))


COURSE = np.array([1, 1, 1, 4, 4, 9])
WINDOW = np.array([0, 1, 2, 0, 2, 1])
PAIN = np.array([7, 5, 3, 8, 6, 4], dtype=np.int8)


def test_a_small_case_worked_out_by_hand() -> None:
    design = course_design([1, 4, 9], {"age": [30, 40, 50]})
    sums = sums_from_columns(COURSE, WINDOW, PAIN, design, visits=[0, 1, 2])
    assert sums.patterns.tolist() == [0b010, 0b101, 0b111]
    assert sums.courses.tolist() == [1, 1, 1]
    assert sums.zz[1].tolist() == [[1, 40], [40, 1600]]
    assert sums.zy[1].tolist() == [[8, 0, 6], [320, 0, 240]]
    assert sums.yy[1].tolist() == [[64, 0, 48], [0, 0, 0], [48, 0, 36]]
    assert (sums.n_subjects, sums.n_observations) == (3, 6)
    assert sums.together.tolist() == [[2, 1, 2], [1, 2, 1], [2, 1, 2]]


@pytest.mark.parametrize("m", [2, 7, 8, 9, 17])
@pytest.mark.parametrize("dtype", [np.int8, np.int64, np.float64])
def test_the_sums_are_those_of_a_loop_over_the_courses(m: int, dtype: type) -> None:
    raw = made(m, 60, m)
    seen = np.isfinite(raw.scores)
    course, window = np.nonzero(seen)
    design = course_design(np.arange(60), {"a": raw.covariates[:, 0], "b": raw.covariates[:, 1]})
    score = raw.scores[seen].astype(dtype)
    sums = sums_from_columns(course, window, score, design, visits=range(m))
    for pattern, count, zz, zy, yy in zip(
        sums.patterns, sums.courses, sums.zz, sums.zy, sums.yy, strict=True
    ):
        mine = (seen @ (1 << np.arange(m))) == pattern
        z = np.column_stack([np.ones(60), raw.covariates])[mine]
        y = np.nan_to_num(raw.scores[mine])
        assert count == mine.sum()
        assert np.array_equal(zz, z.T @ z)
        assert np.array_equal(zy, z.T @ y)
        assert np.array_equal(yy, y.T @ y)


@pytest.mark.parametrize("covariates", [1, 7, 8, 16])
@pytest.mark.parametrize("largest", [3, 1000])
@pytest.mark.parametrize("known", [90, 900])
def test_courses_without_visits_change_nothing(covariates: int, largest: int, known: int) -> None:
    rng = np.random.default_rng(covariates)
    names = [f"x{a}" for a in range(covariates)]
    table = rng.integers(-largest, largest + 1, (known, covariates))
    ids = np.unique(rng.integers(0, 1 << 62, known))
    there = np.sort(rng.choice(known, 60, replace=False))
    course, score = np.repeat(ids[there], 2), rng.integers(0, 11, 120)
    columns = dict(zip(names, table.T, strict=True))
    sums = sums_from_columns(
        course, np.tile([0, 1], 60), score, course_design(ids, columns), visits=[0, 1]
    )
    z, y = np.column_stack([np.ones(60), table[there]]), score.reshape(60, 2)
    assert np.array_equal(sums.zz, [z.T @ z])
    assert np.array_equal(sums.zy, [z.T @ y])
    with pytest.raises(FitError, match=f"Course {course[-1]} has visits but no covariates"):
        part = course_design(ids[: there[-1]], {k: v[: there[-1]] for k, v in columns.items()})
        sums_from_columns(course, np.tile([0, 1], 60), score, part, visits=[0, 1])


def test_the_clinics_together_are_the_pooled_scan_to_the_bit() -> None:
    raw = made(3, 500, 5)
    whole = raw.sums()
    clinics = [raw.sums(slice(a, b)) for a, b in [(0, 7), (7, 200), (200, 500)]]
    assert merge(clinics).same_as(whole)
    assert (clinics[2] + clinics[0] + clinics[1]).same_as(whole)


def test_a_withdrawn_consent_is_a_subtraction() -> None:
    raw = made(4, 200, 4)
    assert (raw.sums() - raw.sums(slice(150, 200))).same_as(raw.sums(slice(0, 150)))
    with pytest.raises(FitError, match="never in"):
        raw.sums(slice(0, 20)) - raw.sums()


def test_pieces_may_cut_a_course_anywhere() -> None:
    raw = made(5, 80, 4)
    course, window = np.nonzero(np.isfinite(raw.scores))
    score = raw.scores[course, window].astype(np.int8)
    whole = sums_from_columns(course, window, score, visits=range(4))
    for cuts in ([1, 2, 3], [50], [10, 11, 100, 101, 150], []):
        bounds = [0, *cuts, len(course)]
        rows = [(course[a:b], window[a:b], score[a:b]) for a, b in pairwise(bounds)]
        pieces = [lambda part=part: part for part in rows]
        assert sums_from_pieces(pieces, visits=range(4)).same_as(whole)


def test_duckdb_gives_the_same_sums_to_the_bit() -> None:
    raw = made(6, 300, 5)
    course, window = np.nonzero(np.isfinite(raw.scores))
    pain = raw.scores[course, window].astype(np.int8)
    arm, age = (raw.covariates[:, a].astype(np.int64) for a in (0, 1))
    rows = in_memory({"course": course, "window": window.astype(np.int8), "pain": pain})
    courses = in_memory({"course": np.arange(300), "arm": arm, "age": age})
    design = course_design(np.arange(300), {"arm": arm, "age": age})
    mine = sums_from_columns(course, window, pain, design, visits=range(5))
    assert sums_from_engine(rows, courses, ("arm", "age"), visits=range(5)).same_as(mine)
    plain = sums_from_columns(course, window, pain, visits=[1, 3])
    assert sums_from_engine(rows, visits=[1, 3]).same_as(plain)


def test_an_engine_refuses_two_scores_and_unknown_courses() -> None:
    rows = in_memory({"course": [1, 1, 2], "window": [0, 0, 1], "pain": [5, 6, 7]})
    with pytest.raises(FitError, match="two scores"):
        sums_from_engine(rows, visits=[0, 1])
    courses = in_memory({"course": [1], "age": [40]})
    once = in_memory({"course": [1, 2], "window": [0, 1], "pain": [5, 7]})
    with pytest.raises(FitError, match="1 courses with visits lack a covariate: age"):
        sums_from_engine(once, courses, ["age"], visits=[0, 1])


def test_missing_scores_and_other_windows_are_left_out() -> None:
    score = PAIN.astype(float)
    score[3] = np.nan
    nan = sums_from_columns(COURSE, WINDOW, score, visits=[0, 1, 2])
    marked = sums_from_columns(
        COURSE,
        WINDOW,
        np.where(np.isnan(score), 99, score).astype(np.int8),
        visits=[0, 1, 2],
        missing=99,
    )
    assert nan.same_as(marked)
    assert nan.n_observations == 5
    assert sums_from_columns(COURSE, WINDOW, PAIN, visits=[0, 2]).n_observations == 4
    assert sums_from_columns(COURSE, WINDOW, PAIN, visits=[2, 0]).zy[0].tolist() == [[9, 15]]


def test_a_word_becomes_a_column_for_each_level_but_the_reference() -> None:
    design = course_design([1, 2, 3], {"arm": ["b", "a", "c"]}, {"arm": "b"})
    assert design.names == ("arm=a", "arm=c")
    assert design.values.tolist() == [[0, 0], [1, 0], [0, 1]]
    assert course_design([1, 2], {"arm": ["b", "a"]}).names == ("arm=b",)
    coded = Coded(np.array([1, 0, 2], dtype=np.int8), ("a", "b", "c"))
    assert course_design([1, 2, 3], {"arm": coded}, {"arm": "b"}).values.tolist() == [
        [0, 0],
        [1, 0],
        [0, 1],
    ]


def test_a_covariate_that_is_missing_or_a_reference_that_is_no_level_is_refused() -> None:
    with pytest.raises(FitError, match="age is missing for course 2"):
        course_design([1, 2], {"age": [40.0, np.nan]})
    with pytest.raises(FitError, match="arm has no level c; it has a, b"):
        course_design([1, 2], {"arm": ["a", "b"]}, {"arm": "c"})
    with pytest.raises(FitError, match="age has 1 values for 2 courses"):
        course_design([1, 2], {"age": [40]})


@pytest.mark.parametrize(
    ("course", "window", "says"),
    [
        ([2, 1], [0, 0], "1 comes after 2"),
        ([1, 2, 1], [0, 0, 1], "1 comes after 2"),
        ([1, 1], [1, 1], "two scores at visit 1"),
        ([1, 3], [0, 0], "Course 3 has visits but no covariates"),
    ],
)
def test_it_refuses_rows_that_cannot_be_summed(
    course: list[int], window: list[int], says: str
) -> None:
    design = course_design([1, 2])
    with pytest.raises(FitError, match=says):
        sums_from_columns(course, window, np.full(len(course), 5), design, visits=[0, 1])


def test_sums_of_other_visits_or_covariates_are_not_added() -> None:
    raw = made(7, 30, 3)
    with pytest.raises(FitError, match="The visits differ"):
        raw.sums() + made(7, 30, 4).sums()
    bare = sums_from_columns(COURSE, WINDOW, PAIN, visits=range(3))
    with pytest.raises(FitError, match="The covariates differ"):
        raw.sums() + bare

"""`enthesis pool FILE.csv`: what it answers, and what it refuses and how."""

import math

import pytest

from enthesis.evidence.effects import Measure, compare_counts, counts
from enthesis.evidence.pool import Interval, pool
from enthesis.evidence.pool_csv import PoolFileError, PoolOptions, pool_file
from enthesis.evidence.ragged import review
from enthesis.evidence.tau2 import Model

EVENTS = """study,year,events_1,n_1,events_2,n_2,dose
Adams,2001,4,123,11,139,low
Brown,2002,6,306,29,303,low
Clark,2003,3,231,11,220,high
Davis,2004,9,200,12,210,high
"""
MEANS = "study,mean_1,sd_1,n_1,mean_2,sd_2,n_2\n"
SE = "study,estimate,se\n"
CI = "study,estimate,ci_low,ci_high\n"


def problems(text: str, **options: object) -> list[str]:
    with pytest.raises(PoolFileError) as caught:
        pool_file(text, PoolOptions(**options))  # type: ignore[arg-type]
    return list(caught.value.problems)


def test_events_are_pooled_as_log_risk_ratios() -> None:
    answer = pool_file(EVENTS, PoolOptions())
    effects = compare_counts(
        Measure.RR,
        counts([4, 6, 3, 9], [123, 306, 231, 200], [11, 29, 11, 12], [139, 303, 220, 210]),
    )
    assert answer.overall == pool(review(effects.estimates, effects.variances)).one()
    assert answer.measure == "RR"
    assert answer.studies[0].study == "Adams 2001"


@pytest.mark.parametrize("measure", Measure)
def test_every_measure_can_be_asked_for(measure: Measure) -> None:
    means = MEANS + "A,4,2,20,5,2,20\nB,3,2,30,5,3,30\nC,6,2,25,5,2,25\n"
    answer = pool_file(EVENTS if measure.from_events else means, PoolOptions(measure=measure))
    assert answer.measure == measure
    assert math.isfinite(answer.overall.estimate)


@pytest.mark.parametrize("model", Model)
@pytest.mark.parametrize("interval", Interval)
def test_every_model_and_interval_can_be_asked_for(model: Model, interval: Interval) -> None:
    if model is Model.COMMON and interval is not Interval.WALD:
        (problem,) = problems(EVENTS, model=model, interval=interval)
        assert "belong to random-effects models" in problem
    else:
        answer = pool_file(EVENTS, PoolOptions(model=model, interval=interval))
        assert answer.overall.ci_low < answer.overall.ci_high


def test_estimates_come_with_a_standard_error_or_an_interval() -> None:
    half = 1.959963984540054 * 0.2
    with_se = pool_file(SE + "A,0.5,0.2\nB,0.1,0.2\nC,0.4,0.2\n", PoolOptions())
    with_ci = pool_file(
        CI
        + "".join(
            f"{n},{y},{y - half},{y + half}\n" for n, y in zip("ABC", (0.5, 0.1, 0.4), strict=True)
        ),
        PoolOptions(),
    )
    assert with_ci.overall.estimate == pytest.approx(with_se.overall.estimate, rel=1e-12)
    assert with_ci.overall.se == pytest.approx(with_se.overall.se, rel=1e-12)


def test_groups_are_pooled_by_themselves_and_compared() -> None:
    answer = pool_file(EVENTS, PoolOptions(group="dose"))
    low_only = "".join(EVENTS.splitlines(keepends=True)[:3])
    assert list(answer.groups) == ["low", "high"]
    assert answer.groups["low"] == pool_file(low_only, PoolOptions()).overall
    assert answer.between is not None
    assert answer.between.df == 1


def test_a_spreadsheets_mark_blank_lines_and_spaces_do_no_harm() -> None:
    messy = "\ufeff" + EVENTS.replace(",", " , ").replace("\n", "\r\n") + "\r\n,,,,,,\r\n"
    assert pool_file(messy, PoolOptions()).overall == pool_file(EVENTS, PoolOptions()).overall


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("A,4,-2,20,5,2,20", "row 2 (A), column sd_1, value '-2': a standard deviation cannot"),
        ("A,4,2,,5,2,20", "row 2 (A), column n_1, value '': missing"),
        ("A,4,2,20,5,2,inf", "row 2 (A), column n_2, value 'inf': not a finite number"),
        ('A,"4,5",2,20,5,2,20', "value '4,5': not a number (decimals take a point)"),
        ("A,4,2,1,5,2,20", "column n_1, value '1': one person has no standard deviation"),
        ("A,4,0,20,5,0,20", "both standard deviations are 0"),
        (",4,2,20,5,2,20", "row 2, column study, value '': the study has no name"),
        ("A,4,2,20,5,2", "row 2: 6 cells where the header has 7"),
    ],
)
def test_a_bad_row_of_means_is_named_with_its_reason(row: str, said: str) -> None:
    (problem,) = problems(MEANS + row + "\n")
    assert said in problem


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("A,,21,20,5,20,x", "column events_1, value '21': more events than people (n_1 is 20)"),
        ("A,,-1,20,5,20,x", "column events_1, value '-1': a number of events cannot be negative"),
        ("A,,1,0,5,20,x", "column n_1, value '0': an arm needs at least 1 person"),
        ("A,,1,20,5,20,", "column dose, value '': the group is missing"),
    ],
)
def test_a_bad_row_of_events_is_named_with_its_reason(row: str, said: str) -> None:
    header = EVENTS.splitlines()[0]
    (problem,) = problems(f"{header}\n{row}\n", group="dose")
    assert said in problem


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("A,0.5,-inf,2", "column ci_low, value '-inf': not a finite number"),
        ("A,0.5,0.5,0.5", "column ci_low, value '0.5': not below ci_high (0.5)"),
        ("A,5,1,2", "column estimate, value '5': outside its own interval"),
        ("A,2,1.1,3.64", "looks like a ratio with its limits; give their natural logarithms"),
    ],
)
def test_a_bad_interval_is_named_with_its_reason(row: str, said: str) -> None:
    (problem,) = problems(CI + row + "\n", measure=Measure.OR)
    assert said in problem


@pytest.mark.parametrize("error", ["0", "-1"])
def test_a_standard_error_must_be_positive(error: str) -> None:
    (problem,) = problems(SE + f"A,0.5,{error}\n")
    assert "column se" in problem
    assert "must be greater than 0" in problem


@pytest.mark.parametrize("row", ["A,1,1e-200", "A,1,1e200", "A,1e308,1", "A,-1e-200,1"])
def test_a_number_beyond_what_can_be_squared_is_refused(row: str) -> None:
    assert "too near to 0, or too large" in problems(SE + row + "\n")[0]


def test_an_estimate_outside_the_middle_of_its_interval_is_pointed_out() -> None:
    answer = pool_file(CI + "A,1,0.9,5\nB,1,0,2\nC,2,0.9,3\n", PoolOptions())
    (note,) = answer.notes
    assert note.startswith("row 2 (A): the estimate is not in the middle of its interval")


def test_all_bad_rows_are_named_at_once() -> None:
    assert len(problems(MEANS + "A,4,-2,20,5,2,20\nB,4,2,,5,x,20\nC,4,2,20,5,2,20\n")) == 3


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "the file is empty"),
        ("study,estimate,se\n", "a header but no studies"),
        ("study;estimate;se\nA;1;1\n", "semicolons"),
        ("name,estimate,se\nA,1,1\n", "column study is missing"),
        ("study,estimate,se,se\nA,1,1,1\n", "column se appears more than once"),
        ("study\testimate\tse\nA\t1\t1\n", "tabs"),
        ("study,estimate\nA,1\n", "the columns do not fit: se missing to complete estimate se"),
        ("study,deaths\nA,1\n", "the columns do not fit; besides study, give events_1 n_1"),
        (
            "study,mean_1,sd1,n_1,mean_2,sd_2,n_2\nA,1,1,9,1,1,9\n",
            "sd_1 missing to complete mean_1 sd_1 n_1 mean_2 sd_2 n_2; not understood: sd1",
        ),
        ('study,estimate,se\n"A,1,1\n', "not readable as CSV"),
    ],
)
def test_a_file_of_another_kind_is_refused(text: str, said: str) -> None:
    assert said in problems(text)[0]


def test_a_measure_that_the_columns_cannot_give_is_refused() -> None:
    assert "needs means" in problems(EVENTS, measure=Measure.MD)[0]
    assert "needs events" in problems(MEANS + "A,4,2,20,5,2,20\n", measure=Measure.OR)[0]
    assert "to group by" in problems(EVENTS, group="sex")[0]


def test_a_study_without_events_is_left_out_of_ratios_and_the_answer_says_so() -> None:
    more = EVENTS + "Evans,2005,0,40,0,41,high\n"
    answer = pool_file(more, PoolOptions())
    assert answer.overall == pool_file(EVENTS, PoolOptions()).overall
    assert any("row 6 (Evans)" in note and "left out" in note for note in answer.notes)
    assert pool_file(more, PoolOptions(measure=Measure.RD)).overall.k == 5


def test_nothing_but_studies_without_events_is_refused() -> None:
    header = EVENTS.splitlines()[0]
    assert problems(f"{header}\nEvans,,0,40,0,41,high\n")[-1] == "no study is left to pool"


def test_one_study_is_shown_as_itself() -> None:
    answer = pool_file(SE + "A,0.5,0.2\n", PoolOptions())
    assert answer.overall.estimate == 0.5
    assert answer.overall.ci_high == pytest.approx(0.5 + 1.959964 * 0.2)
    assert answer.as_json()["tau2"] is None
    assert any("one study" in note for note in answer.notes)


def test_two_studies_are_answered_with_a_warning() -> None:
    answer = pool_file(SE + "A,0.5,0.2\nB,0.1,0.2\n", PoolOptions())
    assert answer.overall.k == 2
    assert any("two studies" in note for note in answer.notes)


def test_identical_effects_have_no_hartung_knapp_interval() -> None:
    same = SE + "A,0.5,0.2\nB,0.5,0.1\nC,0.5,0.3\n"
    (problem,) = problems(same)
    assert "same estimate" in problem
    assert "wald or hk-adhoc" in problem
    for interval in (Interval.WALD, Interval.HK_ADHOC):
        answer = pool_file(same, PoolOptions(interval=interval)).overall
        assert answer.ci_low < answer.estimate < answer.ci_high


def test_a_study_with_two_rows_is_pointed_out() -> None:
    answer = pool_file(SE + "A,0.5,0.2\nA,0.1,0.2\nB,0.3,0.1\n", PoolOptions())
    assert any("A has 2 rows" in note for note in answer.notes)

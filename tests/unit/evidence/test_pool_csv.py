"""`enthesis pool FILE.csv`: what it answers, and what it refuses and how."""

import math

import pytest

from enthesis.evidence.effects import Measure, compare_counts, counts
from enthesis.evidence.pool import Interval, pool
from enthesis.evidence.pool_csv import PoolOptions, Sparse, pool_file
from enthesis.evidence.ragged import review
from enthesis.evidence.sparse import mantel_haenszel
from enthesis.evidence.study_file import PoolFileError
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
    assert "which was asked for" in problems(EVENTS, group="sex")[0]


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


# --- other ways to say what an arm did


def test_standard_errors_of_arms_are_their_standard_deviations() -> None:
    with_sd = pool_file(MEANS + "A,4,2,16,5,3,36\nB,3,2,25,5,4,16\n", PoolOptions())
    head = "study,mean_1,se_1,n_1,mean_2,se_2,n_2\n"
    with_se = pool_file(head + "A,4,0.5,16,5,0.5,36\nB,3,0.4,25,5,1,16\n", PoolOptions())
    assert with_se.overall == with_sd.overall


def test_quartiles_become_means_and_the_answer_says_so() -> None:
    head = "study,median_1,q1_1,q3_1,n_1,median_2,q1_2,q3_2,n_2\n"
    answer = pool_file(head + "A,4,3,5,40,5,4,6,40\nB,3,2,4,30,5,4,6,30\n", PoolOptions())
    # A symmetrical distribution has its median for mean.
    assert [s.estimate for s in answer.studies] == pytest.approx([-1, -2])
    assert "medians and quartiles" in answer.notes[0]
    (problem,) = problems(head + "A,4,4.5,5,40,5,4,6,40\n")
    assert "column median_1" in problem and "not between q1_1 and q3_1" in problem


def test_an_exact_p_value_gives_the_standard_error() -> None:
    answer = pool_file("study,estimate,p\nA,1.959963984540054,0.05\nB,1,0.5\n", PoolOptions())
    assert math.sqrt(answer.studies[0].variance) == pytest.approx(1, rel=1e-9)
    (problem,) = problems("study,estimate,p\nA,1,<0.05\n")
    assert "column p" in problem
    (problem,) = problems("study,estimate,p\nA,0,0.5\n")
    assert "an estimate of 0" in problem


def test_arms_described_twice_are_refused() -> None:
    head = "study,mean_1,sd_1,se_1,n_1,mean_2,sd_2,se_2,n_2\n"
    (problem,) = problems(head + "A,4,2,1,20,5,2,1,20\n")
    assert "twice" in problem


# --- few events


@pytest.mark.parametrize("measure", [Measure.OR, Measure.RR, Measure.RD, None])
def test_mantel_haenszel_pools_the_tables(measure: Measure | None) -> None:
    options = PoolOptions(measure=measure, model=Sparse.MH, interval=Interval.WALD)
    tables = counts([4, 6, 3, 9], [123, 306, 231, 200], [11, 29, 11, 12], [139, 303, 220, 210])
    found = mantel_haenszel(tables, measure or Measure.RR)
    answer = pool_file(EVENTS, options)
    assert (answer.overall.estimate, answer.overall.se) == (found.estimate, found.se)
    assert answer.as_json()["model"] == "MH"
    assert answer.as_json()["tau2"] is answer.as_json()["prediction_low"] is None


def test_peto_gives_odds_ratios_and_only_these() -> None:
    answer = pool_file(EVENTS, PoolOptions(model=Sparse.PETO, interval=Interval.WALD))
    assert answer.measure == "OR"
    (problem,) = problems(EVENTS, model=Sparse.PETO, interval=Interval.WALD, measure=Measure.RR)
    assert "odds ratios, not RR" in problem


def test_tables_without_an_event_in_one_arm_are_refused() -> None:
    text = EVENTS.splitlines()[0] + "\nA,2001,0,20,2,20,low\nB,2002,0,30,1,30,low\n"
    (problem,) = problems(text, model=Sparse.MH, interval=Interval.WALD)
    assert "no events" in problem and "risk difference" in problem


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"interval": Interval.HK}, "choose wald"),
        ({"interval": Interval.WALD, "with_sensitivity": True}, "need another model"),
        ({"interval": Interval.WALD, "moderators": ("dose",)}, "need another model"),
    ],
)
def test_what_tables_cannot_say_is_refused(options: dict[str, object], said: str) -> None:
    assert said in problems(EVENTS, model=Sparse.MH, **options)[0]
    assert (
        "the file has none"
        in problems(MEANS + "A,4,2,20,5,2,20\n", model=Sparse.MH, interval=Interval.WALD)[0]
    )


# --- moderators and other sets of studies


def test_a_category_is_compared_with_the_first_one() -> None:
    found = pool_file(EVENTS, PoolOptions(moderators=("dose",))).moderation
    assert found is not None
    assert [slope.name for slope in found.slopes] == ["intercept", "dose high, against low"]


def test_a_number_has_one_slope_and_arm_swap_turns_its_sign() -> None:
    swapped = "study,events_2,n_2,events_1,n_1,year\n" + "".join(
        ",".join([*(row := line.split(","))[:1], *row[2:6], row[1]]) + "\n"
        for line in EVENTS.splitlines()[1:]
    )
    one = pool_file(EVENTS, PoolOptions(moderators=("year",))).moderation
    other = pool_file(swapped, PoolOptions(moderators=("year",))).moderation
    assert one is not None and other is not None
    assert [s.estimate for s in other.slopes] == pytest.approx([-s.estimate for s in one.slopes])


@pytest.mark.parametrize(
    ("column", "said"),
    [("year2", "column year2"), ("dose,year,events_1", "too few"), ("same", "the same in every")],
)
def test_moderators_that_say_nothing_are_refused(column: str, said: str) -> None:
    lines = EVENTS.splitlines()
    text = "\n".join([lines[0] + ",same", *(line + ",x" for line in lines[1:])])
    assert said in problems(text, moderators=tuple(column.split(",")))[0]


def test_the_answer_without_one_study_is_that_of_the_others() -> None:
    found = pool_file(EVENTS, PoolOptions(with_sensitivity=True)).sensitivity
    assert found is not None
    without_brown = "".join(
        line for line in EVENTS.splitlines(keepends=True) if "Brown" not in line
    )
    assert found.without[1].study == "Brown 2002"
    assert found.without[1].pooled == pool_file(without_brown, PoolOptions()).overall
    assert found.by_year[-1].pooled == pool_file(EVENTS, PoolOptions()).overall
    assert sum(one.weight for one in found.without) == pytest.approx(100)
    assert 0 <= found.tau2_low <= found.tau2_high


@pytest.mark.parametrize("rows", [1, 2])
def test_too_few_studies_are_said_to_be_too_few(rows: int) -> None:
    text = "".join(EVENTS.splitlines(keepends=True)[: rows + 1])
    found = pool_file(text, PoolOptions(with_sensitivity=True)).sensitivity
    assert found is not None
    assert found.without == () and found.small_studies.filled is None
    assert "too few" in found.notes[0]
    assert math.isnan(found.tau2_low) is (rows == 1)


def test_without_whole_years_nothing_is_cumulative() -> None:
    text = EVENTS.replace("2003", "")
    found = pool_file(text, PoolOptions(with_sensitivity=True)).sensitivity
    assert found is not None and found.by_year == () and "nothing cumulative" in found.notes[0]

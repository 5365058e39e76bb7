"""The alarms of the knowledge: stored limits are those of their numbers, and hold in simulation."""

from datetime import date

import pytest
from benchmarks.proofs.harm_alarms import simulated

from enthesis.knowledge.load import knowledge
from enthesis.outcomes.harms import design_cusum, mean_run

ALARMS = knowledge(date(2027, 1, 1)).harm_alarms
each = pytest.mark.parametrize("name", ALARMS)


@each
def test_the_stored_step_and_limit_are_those_of_the_agreed_numbers(name: str) -> None:
    alarm = ALARMS[name]
    chart = design_cusum(alarm.per_session, float(alarm.ratio), alarm.sessions_to_false_alarm)
    assert (chart.up, chart.limit) == (alarm.step, alarm.limit)


@each
def test_a_false_alarm_comes_as_seldom_as_computed(name: str) -> None:
    alarm = ALARMS[name]
    seen, error = simulated(alarm, alarm.per_session, runs=4000, seed=1)
    exact = mean_run(alarm.step, alarm.limit, alarm.per_session)
    assert exact >= alarm.sessions_to_false_alarm
    assert abs(seen - exact) < 4 * error

"""Go on, finish, stop, recheck or refer: the signed rule applied to one course, with reasons.

Every rule is tested each time and says how it came out; `_leading` is the order in which they win.
The words are in knowledge/rules/judge.toml, the numbers in the stop rule agreed with the plan (the
clinic's defaults where there is no plan). Nothing here depends on the order of the answers.
"""

from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal

from enthesis.journey.course import (
    ENDS,
    Phase,
    first_upon,
    next_recheck_on,
    sessions_since,
    standing_decision,
)
from enthesis.journey.facts import Facts, about_last, facts_of
from enthesis.journey.facts import stop_rule as stop_rule
from enthesis.journey.follow import Reading, baseline, dangers, measure_readings, to_gain
from enthesis.journey.reasons import Outcome, headline_of, reason_of
from enthesis.knowledge.kinds import Benchmark, DangerRule, JudgeRule, Knowledge
from enthesis.records import Assessment, Course, Decision, Mark, NextStep, Verdict

Told = Mapping[str, Outcome]
ENDING = ("F1", "S1", "S2")
"""The rules of the agreed stop rule that end a series, in the order in which they win."""


def judge(course: Course, known: Knowledge, today: date) -> Verdict:
    """The suggested next step with the reasons for and against, by the rules in force.

    A proposal: a clinician decides. Raises ValueError where the stop rule names a measure that is
    not known, or one that is not validated and so may not decide.
    """
    facts = facts_of(course, known, today)
    rules, told = {rule.id: rule for rule in known.judge_rules}, outcomes(facts)
    leading = _leading(facts, told)
    step = _step(rules[leading], facts)
    return Verdict(
        next_step=step,
        headline=headline_of(rules[leading], told[leading], facts),
        reasons=tuple(reason_of(rules[id], told[id], facts) for id in told),
        ask_first=_asks_first(leading, told[leading]),
        baseline=_rounded(facts.baseline),
        latest=_rounded(facts.latest),
        relief_percent=facts.relief,
        recheck_on=facts.recheck_on if step in ENDS else None,
        judged_on=today,
        rules_of=known.as_of,
    )


def outcomes(facts: Facts) -> dict[str, Outcome]:
    """How every rule in force came out, by its id, in the order in which reasons are listed."""
    in_force = {rule.id for rule in facts.known.judge_rules}
    told: dict[str, Outcome] = {}
    for id, test in RULES.items():
        if id in in_force:
            told[id] = test(facts, told)
    return told


# --- the rules, one function each


def _warning(facts: Facts, told: Told) -> Outcome:
    """R1: a warning sign that nobody has decided upon, in any answers."""
    if found := sorted((on, rule.text) for on, rule in open_warnings(facts.course, facts.known)):
        signs = "; ".join(dict.fromkeys(text for _, text in found))
        return Outcome(Mark.MET, "met", {"on": found[-1][0], "signs": signs})
    questions = {rule.question for rule in facts.known.danger_rules}
    asked = [
        (assessment.on, assessment.answers[question])
        for assessment in facts.course.assessments
        for question in questions & {*assessment.answers}
    ]
    if not asked:
        return Outcome(Mark.CANNOT_KNOW, "not_asked")
    last = max(day for day, _ in asked)
    if all(answer is None for day, answer in asked if day == last):
        return Outcome(Mark.CANNOT_KNOW, "not_answered", {"on": last})
    return Outcome(Mark.NOT_MET, "not_met", {"on": last})


def open_warnings(course: Course, known: Knowledge) -> tuple[tuple[date, DangerRule], ...]:
    """The warning signs that nobody has decided upon, each with the day of its answers. While
    there is one, nothing is injected."""
    return tuple(
        (assessment.on, rule)
        for assessment in course.assessments
        if not _decided_upon(assessment, course)
        for rule in dangers(assessment.answers, known)
    )


def _decided_upon(assessment: Assessment, course: Course) -> bool:
    """Whether a decision was made knowing these answers. On the same day only one that was shown
    the warning: an answer given after the day's decision must not be lost."""
    return not assessment.came_late and any(
        d.on > assessment.on or (d.on == assessment.on and d.suggested is NextStep.REFER)
        for d in course.decisions
    )


def _decided(facts: Facts, told: Told) -> Outcome:
    """D1: the last decision, as long as nothing is new."""
    decision = facts.decision
    if decision is None:
        return Outcome(Mark.NOT_MET, "none")
    used: dict[str, object] = {"on": decision.on, "decided": decision.decided, "by": decision.by}
    news = _news(facts, decision)
    if news:
        return Outcome(Mark.NOT_MET, "not_met", {**used, "news": ", ".join(news)})
    suggested = first_upon(facts.course, decision).suggested
    if suggested is not decision.decided:
        return Outcome(Mark.MET, "against", {**used, "suggested": suggested})
    return Outcome(Mark.MET, "met", used)


def decided_against(course: Course, verdict: Verdict) -> tuple[Decision, Decision] | None:
    """The decision that a verdict follows against the rules, and the first upon the same facts,
    which knows what they suggested; None where it follows none, or one that agreed with them."""
    decision = standing_decision(course)
    holds = any(r.rule == "D1" and r.mark is Mark.MET for r in verdict.reasons)
    if decision is None or not holds or decision.decided is not verdict.next_step:
        return None
    first = first_upon(course, decision)
    return None if first.suggested is decision.decided else (decision, first)


def _news(facts: Facts, decision: Decision) -> list[str]:
    course = facts.course
    news = []
    if any(a.on > decision.on or a.came_late for a in course.assessments):
        news.append("answers")
    if sessions_since(course, decision.on):
        news.append("a session")
    elif standing_decision(course) is None:
        news.append("an agreed plan")
    if _due(facts):
        news.append("a recheck is due")
    return news


def _worse(facts: Facts, told: Told) -> Outcome:
    """R2: worse than at the start beyond error, on the last two answers."""
    measure = facts.measure
    if facts.baseline is None:
        return Outcome(Mark.CANNOT_KNOW, "no_baseline")
    if measure.error is None:
        return Outcome(Mark.CANNOT_KNOW, "no_error")
    values = [r.value for r in facts.after[-2:] if r.value is not None]
    used = {"baseline": facts.baseline, "latest": facts.latest, "error": measure.error}
    if len(values) < 2:
        return Outcome(Mark.CANNOT_KNOW, "no_answer", used)
    if all(-facts.gained(facts.baseline, v) >= measure.error for v in values):
        return Outcome(Mark.MET, "met", {**used, "before": values[0]})
    return Outcome(Mark.NOT_MET, "not_met", used)


def _target(facts: Facts, told: Told) -> Outcome:
    """F1: relief at the agreed level, or the best possible score, on enough answers running."""
    rule = facts.rule
    used: dict[str, object] = {
        "baseline": facts.baseline,
        "latest": facts.latest,
        "relief": facts.relief,
        "target": rule.finish_relief_percent,
        "needed": rule.finish_readings,
    }
    if facts.latest is None:
        return Outcome(Mark.CANNOT_KNOW, "no_answer", used)
    running = min(_running(facts), rule.finish_readings)
    if running:
        used["times"] = running
    if running == rule.finish_readings:
        best = to_gain(facts.measure, facts.latest) == 0
        return Outcome(Mark.MET, "gone" if best else "met", used)
    if facts.relief is None:
        key = "no_baseline" if facts.baseline is None else "no_room"
        return Outcome(Mark.CANNOT_KNOW, key, used)
    return Outcome(Mark.NOT_MET, "reached_once" if running else "not_met", used)


def _running(facts: Facts) -> int:
    """How many of the last answers running are at the target."""
    count = 0
    for reading in reversed(facts.after):
        if reading.value is None or not at_target(facts, reading.value):
            break
        count += 1
    return count


def first_at_target(facts: Facts) -> Reading | None:
    """The answer with which the target rule (F1) was first met; None while it never was."""
    count = 0
    for reading in facts.after:
        reached = reading.value is not None and at_target(facts, reading.value)
        count = count + 1 if reached else 0
        if count == facts.rule.finish_readings:
            return reading
    return None


def at_target(facts: Facts, value: Decimal) -> bool:
    """Whether one score is at the agreed target, or the best there is."""
    relief = facts.relief_at(value)
    enough = relief is not None and relief >= facts.rule.finish_relief_percent
    return enough or to_gain(facts.measure, value) == 0


def _no_response(facts: Facts, told: Told) -> Outcome:
    """S1: after the agreed sessions little relief, within error, and no other measure better."""
    rule, measure = facts.rule, facts.measure
    used: dict[str, object] = {
        "given": facts.given,
        "needed": rule.stop_after_sessions,
        "baseline": facts.baseline,
        "latest": facts.latest,
        "relief": facts.relief,
        "stop_below": rule.stop_below_percent,
        "error": measure.error,
    }
    if facts.given < rule.stop_after_sessions and facts.course.series_ended_on is None:
        return Outcome(Mark.NOT_MET, "too_early", used)
    unknown = _unknown_response(facts)
    if unknown or facts.baseline is None or facts.latest is None or facts.relief is None:
        return Outcome(Mark.CANNOT_KNOW, unknown or "no_answer", used)
    change = facts.gained(facts.baseline, facts.latest)
    if facts.relief >= rule.stop_below_percent or (measure.error and change >= measure.error):
        return Outcome(Mark.NOT_MET, "response", used)
    return _confirmed(facts, used)


def _too_slow(facts: Facts, told: Told) -> Outcome:
    """S2: at an agreed later step not far enough on the way to the target."""
    rule = facts.rule
    reached = [step for step in rule.later_steps if step.after_sessions <= facts.given]
    used: dict[str, object] = {
        "given": facts.given,
        "baseline": facts.baseline,
        "latest": facts.latest,
        "relief": facts.relief,
    }
    if not rule.later_steps:
        return Outcome(Mark.NOT_MET, "none_agreed", used)
    if not reached:
        return Outcome(
            Mark.NOT_MET, "too_early", used | {"needed": rule.later_steps[0].after_sessions}
        )
    used["below"] = reached[-1].below_percent
    unknown = _unknown_relief(facts)
    if unknown or facts.relief is None:
        return Outcome(Mark.CANNOT_KNOW, unknown or "no_answer", used)
    met = facts.relief < reached[-1].below_percent
    return Outcome(Mark.MET if met else Mark.NOT_MET, "met" if met else "not_met", used)


def _unknown_response(facts: Facts) -> str:
    """Why it cannot be known whether there was a response; empty if it can."""
    return _unknown_relief(facts) or ("no_error" if facts.measure.error is None else "")


def _unknown_relief(facts: Facts) -> str:
    if not facts.answered:
        return "no_answer"
    if facts.baseline is None:
        return "no_baseline"
    return "no_room" if facts.relief is None else ""


def _confirmed(facts: Facts, used: dict[str, object]) -> Outcome:
    """What the confirming measures say: stopping needs that none has got better beyond error."""
    key = "met"
    for other in facts.known.measures.values():
        if other.role != "confirms" or other.error is None or other.id == facts.measure.id:
            continue
        readings = measure_readings(facts.course, other)
        start, last = baseline(readings), _answered_last(facts.course, readings)
        if start is None:
            continue
        used = {**used, "other": other.name.lower(), "other_baseline": start, "other_latest": last}
        if last is None:
            return Outcome(Mark.CANNOT_KNOW, "not_confirmed", used)
        if to_gain(other, start) - to_gain(other, last) >= other.error:
            return Outcome(Mark.NOT_MET, "confirmed", used)
        key = "met_confirmed"
    return Outcome(Mark.MET, key, used)


def _answered_last(course: Course, readings: tuple[Reading, ...]) -> Decimal | None:
    later = [r for r in readings if not r.is_baseline and about_last(course, r)]
    return later[-1].value if later else None


def _series_over(facts: Facts, told: Told) -> Outcome:
    """RC1: the series is over and neither finish nor stop answers what follows."""
    most = None if facts.course.plan is None else facts.course.plan.sessions_max
    used: dict[str, object] = {"given": facts.given, "most": most, "recheck": facts.recheck_on}
    if not facts.over:
        return Outcome(Mark.NOT_MET, "open" if most is None else "not_met", used)
    if not facts.answered:
        return Outcome(Mark.MET, "unanswered", used)
    if any(told[id].mark is Mark.MET for id in ENDING if id in told):
        return Outcome(Mark.NOT_MET, "other", used)
    if facts.recheck_on is None:
        return Outcome(Mark.MET, "none_left", used)
    once = "F1" in told and told["F1"].key == "reached_once"
    return Outcome(Mark.MET, "reached_once" if once else "met", used)


def _recheck_due(facts: Facts, told: Told) -> Outcome:
    """RC2: an agreed recheck has come and nobody has answered."""
    if facts.phase is not Phase.FOLLOWING:
        return Outcome(Mark.NOT_MET, "not_watched")
    if facts.recheck_on is None:
        return Outcome(Mark.NOT_MET, "none_left")
    used = {"recheck_on": facts.recheck_on}
    due = _due(facts)
    return Outcome(Mark.MET if due else Mark.NOT_MET, "met" if due else "not_met", used)


def _due(facts: Facts) -> bool:
    on = next_recheck_on(facts.course, facts.known)
    return on is not None and on <= facts.today


def _came_back(facts: Facts, told: Told) -> Outcome:
    """RC3: the agreed share of the gain is lost again since the decision, beyond error."""
    decision, measure = facts.decision, facts.measure
    if facts.phase is not Phase.FOLLOWING or decision is None:
        return Outcome(Mark.NOT_MET, "not_watched")
    if facts.baseline is None:
        return Outcome(Mark.CANNOT_KNOW, "no_baseline")
    before = [r.value for r in facts.after if r.on <= decision.on and r.value is not None]
    then = before[-1] if before else facts.baseline
    gain = facts.gained(facts.baseline, then)
    used: dict[str, object] = {"baseline": facts.baseline, "then": then, "on": decision.on}
    if gain <= 0:
        return Outcome(Mark.NOT_MET, "no_gain", used)
    if facts.latest is None or not facts.fresh:
        return Outcome(Mark.CANNOT_KNOW, "no_answer", used)
    loss = facts.gained(facts.latest, then)
    used |= {"latest": facts.latest, "lost": (loss * 100 / gain).quantize(Decimal("0.01"))}
    enough = loss * 100 >= gain * facts.known.stop_rule.recurrence_percent
    beyond = measure.error is None or loss >= measure.error
    met = enough and beyond
    return Outcome(Mark.MET if met else Mark.NOT_MET, "met" if met else "not_met", used)


def _otherwise(facts: Facts, told: Told) -> Outcome:
    """G1: nothing else leads."""
    plan = facts.course.plan
    used: dict[str, object] = {
        "next": facts.given + 1,
        "most": None if plan is None else plan.sessions_max,
    }
    if _leading(facts, told) != "G1":
        return Outcome(Mark.NOT_MET, "not_met", used)
    key = _how_to_go_on(facts, told)
    if key in ("met", "first") and "D1" in told and told["D1"].key == "against":
        return Outcome(Mark.MET, "decided", {**used, **told["D1"].inputs})
    return Outcome(Mark.MET, key, used)


def _how_to_go_on(facts: Facts, told: Told) -> str:
    if not facts.given and facts.phase is not Phase.TREATING:
        unasked = facts.baseline is None and not facts.course.sessions
        return "no_start" if unasked else "not_started"
    if not facts.answered:
        return "unanswered"
    if "F1" in told and told["F1"].key == "reached_once":
        return "reached_once"
    small = facts.relief is not None and facts.relief < facts.rule.stop_below_percent
    return "first" if facts.given == 1 and small else "met"


def _what_it_cannot_show(facts: Facts, told: Told) -> Outcome:
    """B1, always the last reason: what happened to people without this treatment."""
    condition = facts.known.conditions.get(facts.course.condition)
    found = facts.known.benchmarks.get(condition.benchmark) if condition is not None else None
    if found is None or not found.points:
        return Outcome(Mark.CANNOT_KNOW, "nothing_known", {"benchmark_source": "UNSOURCED"})
    return Outcome(Mark.CANNOT_KNOW, *_benchmark(found, facts.relief))


def _benchmark(found: Benchmark, relief: Decimal | None) -> tuple[str, dict[str, object]]:
    first, last = found.points[0], found.points[-1]
    used: dict[str, object] = {
        "population": found.population,
        "weeks": last.weeks,
        "first": first.middle,
        "middle": last.middle,
        "n": last.n,
        "benchmark_source": found.source,
    }
    levels = sorted((Decimal(level), of_100) for level, of_100 in found.improved_percent.items())
    if not levels:
        return "changed" if found.is_change else "averaged", used
    # The highest level that this patient has reached too, else the lowest.
    reached = [pair for pair in levels if relief is not None and pair[0] <= relief] or levels[:1]
    return "counted", {**used, "level": reached[-1][0], "of_100": reached[-1][1]}


RULES: Mapping[str, Callable[[Facts, Told], Outcome]] = {
    "R1": _warning,
    "D1": _decided,
    "R2": _worse,
    "F1": _target,
    "S1": _no_response,
    "S2": _too_slow,
    "RC1": _series_over,
    "RC2": _recheck_due,
    "RC3": _came_back,
    "G1": _otherwise,
    "B1": _what_it_cannot_show,
}
"""Each rule by its id in knowledge/rules/judge.toml, in the order in which reasons are listed."""


def _leading(facts: Facts, told: Told) -> str:
    """The rule that decides: refer, finish, stop, recheck, go on.

    A decision holds until something is new, but not against a warning sign. While a course is only
    watched, a due recheck and a return of the pain go before what was known at the decision.
    """
    met = {id for id, outcome in told.items() if outcome.mark is Mark.MET}
    if "R1" in met:
        return "R1"
    if "D1" in met and facts.decision is not None:
        return "G1" if facts.decision.decided is NextStep.GO_ON else "D1"
    decided_upon = set() if facts.fresh else {"R2", *ENDING}
    watch = ("RC2", "RC3")
    # A course from elsewhere, which nobody has decided upon, is told first how it went.
    undecided = facts.decision is None
    order = ("R2", *((*ENDING, *watch) if undecided else (*watch, *ENDING)), "RC1")
    return next((id for id in order if id in met - decided_upon), "G1")


def _step(rule: JudgeRule, facts: Facts) -> NextStep:
    if rule.leads_to is None and facts.decision is not None:
        return facts.decision.decided
    return rule.leads_to or NextStep.GO_ON


def _asks_first(leading: str, outcome: Outcome) -> bool:
    """Whether an answer is missing or must be confirmed before anything is done."""
    return leading == "RC2" or outcome.key in ("unanswered", "reached_once", "no_start")


def _rounded(value: Decimal | None) -> Decimal | None:
    return None if value is None else value.quantize(Decimal("0.01"))

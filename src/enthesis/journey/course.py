"""The steps of a course in order, and which may follow which. Read this file first.

A phase is an answer, computed from the facts and never stored. `MOVES` is the whole law of the
order; the diagram in docs/explanation/course.md is drawn from it.
"""

from calendar import monthrange
from collections.abc import Mapping
from dataclasses import replace
from datetime import date, timedelta
from enum import StrEnum

from enthesis.knowledge.kinds import Knowledge
from enthesis.records import Course, Decision, NextStep, Session


class Phase(StrEnum):
    """Where a course stands."""

    ENQUIRY = "enquiry"
    EVALUATED = "evaluated"
    PLANNED = "planned"
    TREATING = "treating"
    FOLLOWING = "following"
    REFERRED = "referred"
    CLOSED = "closed"


class Move(StrEnum):
    """What can be done to a course. PLAN is an agreed plan, new or in place of another; the five
    decisions have the values of `NextStep`."""

    EVALUATE = "evaluate"
    PLAN = "plan"
    TREAT = "treat"
    GO_ON = "go_on"
    FINISH = "finish"
    STOP = "stop"
    RECHECK = "recheck"
    REFER = "refer"
    CLOSE = "close"


# Before the first session *go on* and *evaluate* lead back to what is there: see `phase`.
MOVES: Mapping[tuple[Phase, Move], Phase] = {
    (Phase.ENQUIRY, Move.EVALUATE): Phase.EVALUATED,
    (Phase.ENQUIRY, Move.REFER): Phase.REFERRED,
    (Phase.ENQUIRY, Move.CLOSE): Phase.CLOSED,
    (Phase.EVALUATED, Move.EVALUATE): Phase.EVALUATED,
    (Phase.EVALUATED, Move.PLAN): Phase.PLANNED,
    (Phase.EVALUATED, Move.REFER): Phase.REFERRED,
    (Phase.EVALUATED, Move.CLOSE): Phase.CLOSED,
    (Phase.PLANNED, Move.EVALUATE): Phase.PLANNED,
    (Phase.PLANNED, Move.PLAN): Phase.PLANNED,
    (Phase.PLANNED, Move.TREAT): Phase.TREATING,
    (Phase.PLANNED, Move.GO_ON): Phase.PLANNED,
    (Phase.PLANNED, Move.REFER): Phase.REFERRED,
    (Phase.PLANNED, Move.CLOSE): Phase.CLOSED,
    (Phase.TREATING, Move.EVALUATE): Phase.TREATING,
    (Phase.TREATING, Move.PLAN): Phase.TREATING,
    (Phase.TREATING, Move.TREAT): Phase.TREATING,
    (Phase.TREATING, Move.GO_ON): Phase.TREATING,
    (Phase.TREATING, Move.FINISH): Phase.FOLLOWING,
    (Phase.TREATING, Move.STOP): Phase.FOLLOWING,
    (Phase.TREATING, Move.RECHECK): Phase.FOLLOWING,
    (Phase.TREATING, Move.REFER): Phase.REFERRED,
    (Phase.TREATING, Move.CLOSE): Phase.CLOSED,
    (Phase.FOLLOWING, Move.EVALUATE): Phase.FOLLOWING,
    (Phase.FOLLOWING, Move.PLAN): Phase.PLANNED,
    (Phase.FOLLOWING, Move.GO_ON): Phase.TREATING,
    (Phase.FOLLOWING, Move.FINISH): Phase.FOLLOWING,
    (Phase.FOLLOWING, Move.STOP): Phase.FOLLOWING,
    (Phase.FOLLOWING, Move.RECHECK): Phase.FOLLOWING,
    (Phase.FOLLOWING, Move.REFER): Phase.REFERRED,
    (Phase.FOLLOWING, Move.CLOSE): Phase.CLOSED,
    (Phase.REFERRED, Move.EVALUATE): Phase.REFERRED,
    (Phase.REFERRED, Move.PLAN): Phase.PLANNED,
    (Phase.REFERRED, Move.GO_ON): Phase.TREATING,
    (Phase.REFERRED, Move.FINISH): Phase.FOLLOWING,
    (Phase.REFERRED, Move.STOP): Phase.FOLLOWING,
    (Phase.REFERRED, Move.RECHECK): Phase.FOLLOWING,
    (Phase.REFERRED, Move.REFER): Phase.REFERRED,
    (Phase.REFERRED, Move.CLOSE): Phase.CLOSED,
}

ENDS = frozenset({NextStep.FINISH, NextStep.STOP, NextStep.RECHECK})
"""Decisions that end a series and begin the watch."""


class MoveError(ValueError):
    """A move that the phase does not allow: says which are allowed."""


def phase(course: Course) -> Phase:
    """Where the course stands, by its facts: the last decision holds until it is overtaken."""
    if course.closed_on is not None:
        return Phase.CLOSED
    decision = standing_decision(course)
    if decision is not None and decision.decided is NextStep.REFER:
        return Phase.REFERRED
    if decision is not None and decision.decided in ENDS:
        return Phase.FOLLOWING
    if _ended_elsewhere(course):
        # A decision to go on takes up again what had ended elsewhere.
        return Phase.TREATING if decision is not None else Phase.FOLLOWING
    # A plan agreed after an ending decision begins a new series; one agreed on the way does not.
    if course.sessions and not _taken_up_by_plan(course):
        return Phase.TREATING
    if course.plan is not None and course.plan.agreed_on is not None:
        return Phase.PLANNED
    return Phase.ENQUIRY if course.evaluation is None else Phase.EVALUATED


def standing_decision(course: Course) -> Decision | None:
    """The last decision, unless a later session or a later agreed plan has overtaken it."""
    decision = last_decision(course)
    if decision is None or sessions_since(course, decision.on) or _agreed_after(course, decision):
        return None
    return decision


def last_decision(course: Course) -> Decision | None:
    """The decision of the latest day; of one day, the one recorded last."""
    found = None
    for decision in course.decisions:
        if found is None or decision.on >= found.on:
            found = decision
    return found


def first_upon(course: Course, decision: Decision) -> Decision:
    """The first decision upon the same answers and sessions: after an override the suggestion
    follows the decision, so that deciding again would hide what the rules had suggested."""
    for earlier in sorted(course.decisions, key=lambda one: one.on):
        answered = any(earlier.on < a.on <= decision.on or a.came_late for a in course.assessments)
        given = any(s.on <= decision.on for s in sessions_since(course, earlier.on))
        if earlier.on <= decision.on and not (answered or given or _agreed_after(course, earlier)):
            return earlier
    return decision


def sessions_since(course: Course, day: date) -> tuple[Session, ...]:
    """The sessions given after a day."""
    return tuple(s for s in course.sessions if s.on > day)


def series_sessions(course: Course) -> tuple[Session, ...]:
    """The sessions of the present series: after the decision that ended the one before.

    The decision that stands ended the present series, not the one before.
    """
    standing, began = standing_decision(course), date.min
    for decision in course.decisions:
        if decision.decided in ENDS and decision is not standing:
            last = max((s.on for s in course.sessions if s.on <= decision.on), default=date.min)
            again = _taken_up_after(course, decision)
            began = max(began, last) if again else began
    return sessions_since(course, began)


def _taken_up_after(course: Course, ended: Decision) -> bool:
    """Whether a series went on after a decision had ended it."""
    later = course.decisions[course.decisions.index(ended) + 1 :]
    if any(d.decided is NextStep.GO_ON for d in later) or sessions_since(course, ended.on):
        return True
    return _agreed_after(course, ended)


def _agreed_after(course: Course, decision: Decision) -> bool:
    agreed = course.plan.agreed_on if course.plan is not None else None
    return agreed is not None and agreed > decision.on


def _ended_elsewhere(course: Course) -> bool:
    """Whether treatment ended elsewhere and nothing was planned or given here since."""
    ended = course.series_ended_on
    if ended is None or sessions_since(course, ended):
        return False
    return course.plan is None or course.plan.agreed_on is None or course.plan.agreed_on <= ended


def _taken_up_by_plan(course: Course) -> bool:
    """Whether the plan was agreed after a decision to end, with no session since."""
    decision = last_decision(course)
    return (
        decision is not None
        and decision.decided is not NextStep.GO_ON
        and _agreed_after(course, decision)
        and not sessions_since(course, decision.on)
    )


def can(course: Course, move: Move | str) -> bool:
    """Whether the course's phase allows a move (ValueError for a word that is no move)."""
    return (phase(course), Move(move)) in MOVES


def check(course: Course, move: Move | str) -> None:
    """Raise MoveError unless the course's phase allows the move."""
    now, move = phase(course), Move(move)
    if (now, move) not in MOVES:
        allowed = [_words(m) for p, m in MOVES if p is now]
        raise MoveError(
            f"“{_words(move)}” cannot follow while the course is {now.value}; "
            + (f"possible are: {', '.join(allowed)}." if allowed else "nothing more can.")
        )


def next_recheck_on(course: Course, known: Knowledge) -> date | None:
    """When the watched course is to be looked at next; None while it is not watched, or no
    agreed month is left. May lie in the past: then it is due."""
    return recheck_left(course, known) if phase(course) is Phase.FOLLOWING else None


def recheck_left(course: Course, known: Knowledge) -> date | None:
    """The first agreed recheck that no answer has reached yet, counted from the end of treatment.

    Counted from treatment and not from the decision, so that deciding late, or again, never
    pushes it away. An answer counts from `answer_overdue_days` before the day, and later ones too.
    """
    ended = treatment_ended_on(course)
    if ended is None:
        return None
    rule = known.stop_rule if course.plan is None else course.plan.stop_rule
    early = timedelta(days=known.stop_rule.answer_overdue_days)
    answered = max((a.on for a in course.assessments), default=date.min)
    dates = (months_after(ended, months) for months in sorted(rule.recheck_months))
    return next((on for on in dates if on - early > answered), None)


def treatment_ended_on(course: Course) -> date | None:
    """The last session or the end known from elsewhere; without either, the ending decision."""
    days = [s.on for s in course.sessions]
    if course.series_ended_on is not None:
        days.append(course.series_ended_on)
    days = days or [d.on for d in course.decisions if d.decided in ENDS]
    return max(days, default=None)


def as_at(course: Course, day: date) -> Course:
    """The course with only what is dated by a past day.

    A record holds one plan and one evaluation; which of several stood on that day is for whoever
    loads them to choose. Here a later one is left out.
    """
    evaluation, plan = course.evaluation, course.plan
    return replace(
        course,
        evaluation=evaluation if evaluation and evaluation.on <= day else None,
        plan=plan if plan and (plan.agreed_on is None or plan.agreed_on <= day) else None,
        sessions=tuple(s for s in course.sessions if s.on <= day),
        assessments=tuple(a for a in course.assessments if a.on <= day),
        decisions=tuple(d for d in course.decisions if d.on <= day),
        series_ended_on=_by(course.series_ended_on, day),
        closed_on=_by(course.closed_on, day),
    )


def _by(on: date | None, day: date) -> date | None:
    return on if on is not None and on <= day else None


def months_after(day: date, months: int) -> date:
    """The same day some months later; the last of the month where there is no such day."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


def diagram() -> str:
    """The table of moves as the text of a Mermaid state diagram."""
    joined: dict[tuple[Phase, Phase], list[str]] = {}
    for (start, move), end in MOVES.items():
        joined.setdefault((start, end), []).append(_words(move))
    arrows = [f"    {a.value} --> {b.value}: {', '.join(m)}" for (a, b), m in joined.items()]
    return "\n".join(["stateDiagram-v2", "    [*] --> enquiry", *arrows, "    closed --> [*]"])


def _words(move: Move) -> str:
    return move.value.replace("_", " ")

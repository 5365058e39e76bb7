"""One invented course, told from the first visit to today by a clinic that follows its own rules.

The clinician asks `journey` at every visit, as the software does, and sometimes decides otherwise.
Whatever lies after today has not happened; the next visit stands booked.
"""

from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta

from numpy.random import Generator

from enthesis.invented.answers import Habit, answer, draw_habit
from enthesis.invented.bills import Bill, draw_bill
from enthesis.invented.body import Body, Latent
from enthesis.invented.evaluations import TREATABLE, draw_evaluation
from enthesis.invented.people import Person
from enthesis.invented.truth import Truth
from enthesis.journey.course import months_after
from enthesis.journey.follow import lasting_answers
from enthesis.journey.judge import judge
from enthesis.journey.plan import propose
from enthesis.journey.treat import next_session
from enthesis.knowledge.kinds import Knowledge
from enthesis.records import (
    Assessment,
    Candidacy,
    Course,
    Decision,
    EvaluationResult,
    NextStep,
    Occasion,
    Plan,
    Side,
    Verdict,
)

QUESTIONNAIRE = "six_signs"
SILENT_DAYS = 120
"""After so many days without a sign of a patient who left, the clinic closes the course."""
REFERRED_DAYS = 60
"""Who was referred first and has not come back by then is no longer waited for."""
LOST_DAYS = 45
"""After so many days without an answer to a recheck, the clinic closes the course."""
SLOTS = tuple(time(8 + (30 + 45 * i) // 60, (30 + 45 * i) % 60) for i in range(10))
"""08:30 to 15:15, every 45 minutes."""
MEETS_RECHECK = -1
RECHECK_SLACK = 10
"""Days around its due date within which a recheck may fall on today."""


@dataclass(frozen=True, slots=True)
class Visit:
    """An appointment in the clinic's local time; `kind` and `state` are those of the table."""

    at: datetime
    kind: str
    state: str


@dataclass(frozen=True, slots=True)
class Judged:
    """A decision with the verdict it rests on and the course as it was then."""

    decision: Decision
    verdict: Verdict
    course: Course


@dataclass(frozen=True, slots=True)
class Story:
    """One person's course with all that a clinic keeps of it, and the `latent` truth beside it.

    `session_weeks` are weeks from the first visit, as `Body` wants them.
    """

    person: Person
    course: Course
    complaint: str
    clinician: str
    evaluated: EvaluationResult | None
    visits: tuple[Visit, ...]
    bills: tuple[Bill, ...]
    judged: tuple[Judged, ...]
    latent: Latent
    session_weeks: tuple[float, ...]


@dataclass(slots=True)
class Teller:
    """The telling of one course.

    `meets` forces the visit of that number (0 the evaluation, 1 the first session, …; MEETS_RECHECK
    the recheck) onto `meets_on`, for the people whom today's page shows; nobody else comes today.
    `silent` people do not answer between visits; `danger_after` is a session after which a danger
    sign is answered today.
    """

    rng: Generator
    truth: Truth
    known: Knowledge
    person: Person
    body: Body
    clinician: str
    protocol: str
    opened_on: date
    today: date
    meets: int | None = None
    meets_on: date | None = None
    silent: bool = False
    danger_after: int = 0
    course: Course = field(init=False)
    habit: Habit = field(init=False)
    plan: Plan = field(init=False)
    evaluated: EvaluationResult | None = None
    visits: list[Visit] = field(default_factory=list)
    bills: list[Bill] = field(default_factory=list)
    judged: list[Judged] = field(default_factory=list)

    def tell(self) -> Story:
        """Tell the course until today or its end."""
        condition = self.known.conditions[self.person.condition]
        self.habit = draw_habit(self.rng, self.truth, condition.id, self.person.language)
        side = Side(str(self.rng.choice([s.value for s in condition.sides])))
        self.course = Course(
            id=f"invented-{self.person.family}",
            condition=condition.id,
            side=side,
            born_on=self.person.born_on,
            opened_on=self.opened_on,
        )
        self._first_visit()
        return Story(
            person=self.person,
            course=self.course,
            complaint=_complaint(condition.name, side),
            clinician=self.clinician,
            evaluated=self.evaluated,
            visits=tuple(self.visits),
            bills=tuple(self.bills),
            judged=tuple(self.judged),
            latent=self.body.latent,
            session_weeks=self._session_weeks(),
        )

    # --- before the first needle

    def _first_visit(self) -> None:
        asked_on = self.opened_on
        on = self._day(0, self.opened_on)
        if asked_on < self.today:
            self._ask(asked_on, Occasion.BASELINE)
        if self._book(on, "evaluation"):
            return
        found = draw_evaluation(
            self.rng,
            self.known.conditions[self.course.condition],
            self.person.born_on,
            on,
            self.known,
            self.truth,
            suitable=bool(self.rng.random() >= self.truth("people.share_unsuitable")),
            allergies=self.person.allergies,
        )
        self.course = replace(self.course, evaluation=found.evaluation)
        self.evaluated = found.result
        if self.evaluated.answer in TREATABLE:
            self._agree(on)
        elif self.evaluated.answer is Candidacy.NOT_SUITABLE:
            self._close(on)
        else:
            self._close(on + timedelta(days=REFERRED_DAYS))

    def _agree(self, on: date) -> None:
        plan = propose(self.protocol, self.course.side, self.known, None, None)
        if self.rng.random() < self.truth("people.share_decline"):
            self.course = replace(self.course, plan=plan)
            self._close(on + timedelta(days=14))
            return
        self.plan = replace(plan, agreed_on=on)
        self.course = replace(self.course, plan=self.plan)
        wait = timedelta(days=int(self.rng.integers(4, 15)))
        again = self.rng.random() < self.truth("process.share_second_baseline")
        if again and self._waits():
            wait += timedelta(days=self.known.second_start.after_days)
        first_on = self._day(1, on + wait)
        if again and on < first_on - timedelta(days=1) < self.today:
            self._ask(first_on - timedelta(days=1), Occasion.BASELINE)
        if not self._book(first_on, "session"):
            self._treat(first_on)
            self._series(first_on)

    def _waits(self) -> bool:
        """Whether the first session is put off for a second start far enough from the first."""
        # A generator of its own, so that the others' draws stay what they were.
        share = self.truth("process.share_second_start_apart")
        return self.meets is None and bool(self.rng.spawn(1)[0].random() < share)

    # --- the series

    def _series(self, treated_on: date) -> None:
        while True:
            number = len(self.course.sessions)
            if self._comes_danger(treated_on):
                return
            wait = self.plan.interval_days + int(self.rng.integers(-3, 5))
            on = self._day(number + 1, treated_on + timedelta(days=wait))
            missing = self._ask_after(treated_on, before=on)
            if self._leaves(treated_on):
                self._book(on, "session", state="missed")
                self._close(on + timedelta(days=SILENT_DAYS))
                return
            if self._book(on, "session"):
                return
            if missing and self.rng.random() < self.truth("process.share_answer_at_visit"):
                self._ask(on, Occasion.AFTER_SESSION, source="staff")
            has_more = number < self.plan.sessions_max
            decided = self._decide(on, may_override=has_more)
            if decided is not NextStep.GO_ON or not has_more:
                self._watch(treated_on)
                return
            self._treat(on)
            treated_on = on

    def _treat(self, on: date) -> None:
        session = replace(
            next_session(self.course, on, self.known),
            weight_kg=self.person.weight_kg,
        )
        self.course = replace(self.course, sessions=(*self.course.sessions, session))
        self.bills.append(
            draw_bill(self.rng, self.truth, self.plan, session, self.known, self.today)
        )

    def _ask_after(self, treated_on: date, before: date) -> bool:
        """Ask once between two sessions; True where no answer comes. Some come days late."""
        rule = self.known.stop_rule
        wait = max(rule.ask_after_days, self.plan.interval_days - rule.ask_before_days)
        due_on = treated_on + timedelta(days=wait)
        late_on = due_on + timedelta(days=int(self.rng.geometric(0.5)) - 1)
        on = min(late_on, before - timedelta(days=1))
        chance = self.truth("process.share_missing") + self.truth(
            "process.missing_when_improved"
        ) * max(0.0, self._relief(on))
        missing = bool(self.rng.random() < chance) or self.silent
        if not missing and on <= self.today:
            self._ask(on, Occasion.AFTER_SESSION)
        return missing

    def _leaves(self, treated_on: date) -> bool:
        unimproved = 1 - max(0.0, self._relief(treated_on + timedelta(days=21)))
        chance = self.truth("process.leave_chance")
        chance += self.truth("process.leave_when_not_improved") * max(0.0, unimproved)
        return self.meets is None and bool(self.rng.random() < chance)

    def _comes_danger(self, treated_on: date) -> bool:
        """A danger sign within three days: seen at once, referred, and the series ends there."""
        forced = len(self.course.sessions) == self.danger_after
        if self.rng.random() >= self.truth("process.danger_chance") and not forced:
            return False
        days = int(self.rng.integers(1, 4))
        on = self.today if forced else treated_on + timedelta(days=days)
        if on > self.today:
            return False
        self._ask(on, Occasion.AFTER_SESSION, danger=True)
        seen_on = on + timedelta(days=1)
        if seen_on <= self.today:
            self._decide(seen_on)
            self._close(seen_on + timedelta(days=SILENT_DAYS))
        return True

    def _decide(self, on: date, may_override: bool = False) -> NextStep:
        """Ask the judge and decide; otherwise than suggested now and then, with a reason."""
        verdict = judge(self.course, self.known, on)
        decided, reason = verdict.next_step, ""
        overrides = self.rng.random() < self.truth("process.override_chance")
        if may_override and overrides and self.meets is None:
            decided, reason = _override(verdict, len(self.course.sessions))
        decision = Decision(on, verdict.next_step, decided, self.clinician, reason)
        self.judged.append(Judged(decision, verdict, self.course))
        self.course = replace(self.course, decisions=(*self.course.decisions, decision))
        return decided

    # --- after the series

    def _watch(self, treated_on: date) -> None:
        """Rechecks at the agreed months; the course closes after the last."""
        months = self.plan.stop_rule.recheck_months
        for month in months:
            due_on = months_after(treated_on, month)
            if self.meets == MEETS_RECHECK and abs((self.today - due_on).days) <= RECHECK_SLACK:
                self._ask(self.today - timedelta(days=1), Occasion.RECHECK)
                self._book(self.today, "recheck")
                return
            on = due_on + timedelta(days=int(self.rng.integers(0, 8)))
            if on > self.today:
                return
            if self.rng.random() >= self.truth("process.recheck_answer_chance"):
                self._close(on + timedelta(days=LOST_DAYS))
                return
            self._ask(on, Occasion.RECHECK)
            seen_on = on + timedelta(days=1)
            if seen_on > self.today:
                return
            self._decide(seen_on)
        self._close(on + timedelta(days=30))

    def _close(self, on: date) -> None:
        if on < self.today:
            self.course = replace(self.course, closed_on=on)

    # --- days and answers

    def _day(self, number: int, planned: date) -> date:
        """A working day for the visit: the forced one, or one that is never today."""
        if self.meets == number and self.meets_on:
            return self.meets_on
        if planned.weekday() >= 5:
            planned += timedelta(days=7 - planned.weekday())
        if planned == self.today:
            planned += timedelta(days=1 if planned.weekday() < 4 else 7 - planned.weekday())
        return planned

    def _book(self, on: date, kind: str, state: str = "done") -> bool:
        """Put the visit in the book; True when it is still to come, and the story ends here."""
        at = datetime.combine(on, SLOTS[int(self.rng.integers(len(SLOTS)))])
        to_come = on >= self.today
        self.visits.append(Visit(at, kind, "booked" if to_come else state))
        return to_come

    def _ask(
        self, on: date, occasion: Occasion, source: str = "patient", danger: bool = False
    ) -> None:
        weeks = self._session_weeks()
        region = self.known.conditions[self.person.condition].region
        earlier = lasting_answers(self.course, self.known)
        questions = {
            id: question
            for id, question in self.known.questions(QUESTIONNAIRE).items()
            if not question.regions or region in question.regions
            if not question.occasions or occasion in question.occasions
            if not (question.once and id in earlier)
        }
        answers = answer(
            self.rng,
            self.truth,
            self.habit,
            questions,
            pain=self.body.pain(self._week(on), weeks),
            relief=None if occasion is Occasion.BASELINE else self._relief(on),
            danger=danger,
        )
        assessment = Assessment(on, occasion, QUESTIONNAIRE, answers, source)
        self.course = replace(self.course, assessments=(*self.course.assessments, assessment))

    def _relief(self, on: date) -> float:
        """The true share of the first day's pain that is gone, without the week's wave."""
        before = self.body.level(0, ())
        return 1 - self.body.level(self._week(on), self._session_weeks()) / before

    def _week(self, on: date) -> float:
        return (on - self.opened_on).days / 7

    def _session_weeks(self) -> tuple[float, ...]:
        return tuple(self._week(session.on) for session in self.course.sessions)


def _override(verdict: Verdict, sessions: int) -> tuple[NextStep, str]:
    """What a clinician decides against the rule, with the reason that must be given."""
    if verdict.next_step in (NextStep.STOP, NextStep.FINISH):
        return NextStep.GO_ON, "Wishes one more session before deciding; agreed after talking."
    relief = verdict.relief_percent
    if verdict.next_step is NextStep.GO_ON and relief is not None and sessions >= 2:
        if relief >= 50:
            return NextStep.FINISH, "Content with this level; would rather not have more needles."
        return NextStep.STOP, "Does not wish more injections; exercises and review instead."
    return verdict.next_step, ""


def _complaint(condition: str, side: Side) -> str:
    return condition if side is Side.MIDLINE else f"{condition}, {side.value}"

"""The registry's tables, declared once: columns, units, meanings. Read this file first.

`rows.py` makes these rows of records, `registry.py` keeps them as Parquet, `engine.py` opens them,
`cohort.py` counts them; the data dictionary in docs/reference is made from here. Every value is an
integer, a word or a yes/no, so that sums do not depend on the engine, the order or the clinic:
what is not whole is kept in hundredths. Unknown is null, never a number that means unknown. There
are no dates: days count from day 0, the first session.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import pyarrow as pa

SCHEMA_VERSION = 4

Kind = Literal["bool", "int8", "int16", "int32", "int64", "str"]
Value = int | str | bool | None
Row = tuple[Value, ...]
"""One row: its values in the order of the table's columns."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column. `unit` is empty for words; `needed` means never null; `words` are the only ones
    allowed, empty for any."""

    name: str
    kind: Kind
    meaning: str
    unit: str = ""
    needed: bool = False
    words: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Table:
    """One table; its rows are sorted by `order`, which begins with the course."""

    name: str
    meaning: str
    order: tuple[str, ...]
    columns: tuple[Column, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the columns, in order."""
        return tuple(column.name for column in self.columns)


STEPS = ("go_on", "finish", "stop", "recheck", "refer")
ENDED = ("finish", "stop", "recheck", "refer", "lost", "ongoing")
ZEROS = ("session", "baseline", "opening")
OCCASIONS = ("baseline", "after_session", "recheck")
RECHECKS = ("waiting", "due", "lost", "done")
GUIDANCES = ("palpation", "ultrasound", "fluoroscopy", "ct", "several")
CANDIDACIES = ("suitable", "suitable_with_care", "refer_first", "not_suitable")

_COURSE = Column("course", "int64", "pseudonym of the course", needed=True)
_DAY = Column("day", "int32", "day, from day 0 of the course", "days", needed=True)

COURSES = Table(
    "courses",
    "One row for each course, as it stood at the cut.",
    ("course",),
    (
        _COURSE,
        Column("clinic", "int32", "number of the clinic", needed=True),
        Column("clinician", "int32", "number of the clinician within the clinic"),
        Column("condition", "str", "what the course is about", needed=True),
        Column("protocol", "str", "protocol of the plan"),
        Column("solution", "str", "what was planned to be injected, by dextrose strength"),
        Column("age", "int16", "age when the course was opened", "years"),
        Column("sex", "str", "sex as recorded; null: not recorded"),
        Column("opened_quarter", "str", "quarter in which it was opened (2026Q3)", needed=True),
        Column("zero", "str", "what day 0 is: the first session; without one the last answer "
               "before treatment; without either the opening", needed=True, words=ZEROS),
        # How far it came: the flow
        Column("evaluated", "bool", "there is an evaluation", needed=True),
        Column("candidacy", "str", "answer of the evaluation", words=CANDIDACIES),
        Column("planned_here", "bool", "there is a plan, agreed or not", needed=True),
        Column("agreed", "bool", "a plan was agreed", needed=True),
        Column("began", "bool", "treatment began, here or elsewhere", needed=True),
        # What was agreed and given
        Column("measure", "str", "the measure that the stop rule judges", needed=True),
        Column("finish_relief", "int32", "relief agreed as the target", "hundredths of a percent",
               needed=True),
        Column("planned", "int16", "sessions planned", "sessions"),
        Column("most", "int16", "sessions at most", "sessions"),
        Column("interval", "int16", "planned interval between sessions", "days"),
        Column("sessions", "int16", "sessions given", "sessions", needed=True),
        Column("last_session_day", "int32", "day of the last session", "days"),
        # Start, last answer, target
        Column("baseline", "int8", "pain 0–10 before session 1: the answer in window 0", "points"),
        Column("start", "int32", "the judge's start: mean score of the measure before session 1",
               "hundredths of a point"),
        Column("expected", "int8", "relief that the patient expected before session 1; null: not "
               "asked, or not known to the patient", "percent"),
        Column("preferred", "str", "what the patient would have chosen before session 1"),
        Column("last_day", "int32", "day of the last answered score since treatment began", "days"),
        Column("last_sessions", "int16", "sessions given before it", "sessions"),
        Column("last_score", "int32", "that score of the measure", "hundredths of a point"),
        Column("last_relief", "int32", "relief at it: the share gained of what there was to gain",
               "hundredths of a percent"),
        Column("window_closed", "int8", "the last window (see visits) that was over by the cut, so "
               "that an answer in it is either there or missing; null before that"),
        Column("target_sessions", "int16", "sessions given when the agreed target was first "
               "reached (on as many answers running as agreed); null: not reached", "sessions"),
        Column("target_day", "int32", "day of that answer", "days"),
        # How it ended
        Column("ended", "str", "how the series ended; lost: silent too long or closed without a "
               "decision to end; null: never began", words=ENDED),
        Column("ended_day", "int32", "day on which it ended; null: ongoing or never began", "days"),
        Column("recheck", "str", "state of the agreed rechecks; null: not watched",
               words=RECHECKS),
        Column("closed", "bool", "the watch is ended for good", needed=True),
        # Silence
        Column("silent", "bool", "an answer is overdue and the clinic's patience has run out, or "
               "the course was closed while one was awaited", needed=True),
        Column("awaited", "str", "which answer is awaited", words=OCCASIONS),
        Column("awaited_day", "int32", "day on which it was due", "days"),
        Column("calls", "int16", "times the staff tried to reach a silent patient", needed=True),
        # Safety, rules, money
        Column("warnings", "int16", "warning signs answered", "signs", needed=True),
        Column("decisions", "int16", "decisions made", "decisions", needed=True),
        Column("overrides", "int16", "of them otherwise than suggested", "decisions", needed=True),
        Column("currency", "str", "currency of the amounts; null: nothing charged"),
        Column("charged_cents", "int64", "charged", "cents", needed=True),
        Column("paid_cents", "int64", "paid", "cents", needed=True),
    ),
)  # fmt: skip

VISITS = Table(
    "visits",
    "One row for each day on which a course was asked, after treatment began or before. At most "
    "one row of a course stands for each window, and at most one for each session window.",
    ("course", "day"),
    (
        _COURSE,
        _DAY,
        Column("occasion", "str", "why it was asked", needed=True, words=OCCASIONS),
        Column("window", "int8", "scheduled window by time: 0 is the start, 1 and higher are those "
               "of windows.toml; null: none, or another answer stands for it"),
        Column("session_window", "int8", "the answer stands for the time after this many sessions "
               "(0: the start); null: another does, or it came too late after the last session"),
        Column("after_session", "int16", "sessions given before the answer", "sessions",
               needed=True),
        Column("counts_as_start", "bool", "asked before all treatment", needed=True),
        Column("score", "int32", "score of the course's measure; null: asked, not answered",
               "hundredths of a point"),
        Column("gained", "int32", "how much better than the start; negative is worse",
               "hundredths of a point"),
        Column("relief", "int32", "share gained of what there was to gain; null at the start, and "
               "without anything to gain", "hundredths of a percent"),
        Column("at_target", "bool", "at the agreed target on this answer alone; null: not known"),
        Column("pain", "int8", "pain 0–10; null: not answered, or not whole", "points"),
        Column("activity", "int16", "activity (PSFS) 0–10, higher is better",
               "hundredths of a point"),
        Column("painkiller_days", "int8", "days with painkillers, of 7 (not validated)", "days"),
        Column("spasm_days", "int8", "days with spasm, of 7 (not validated)", "days"),
        Column("joint_noise", "int8", "joint noise 0–4 (not validated)", "points"),
        Column("mood", "int8", "PHQ-2 0–6", "points"),
        Column("change", "int8", "change as the patient sees it 1–7, higher is better", "points"),
        Column("peg", "int16", "pain and its interference (PEG) 0–10", "hundredths of a point"),
        Column("headache_score", "int16", "headache diary 0–140", "hundredths of a point"),
        Column("bpi_interference", "int16", "interference of pain (BPI) 0–10",
               "hundredths of a point"),
        Column("rmdq", "int8", "back disability (Roland-Morris) 0–24", "points"),
        Column("worry", "int8", "mood and worry (PHQ-4) 0–12", "points"),
    ),
)  # fmt: skip

SESSIONS = Table(
    "sessions",
    "One row for each signed session.",
    ("course", "number"),
    (
        _COURSE,
        Column("number", "int16", "number of the session, from 1", needed=True),
        _DAY,
        Column("sites", "int16", "structures injected (each side counts)", "sites", needed=True),
        Column("volume_ul", "int32", "volume injected", "microlitres", needed=True),
        Column("dextrose_mg", "int32", "dextrose injected", "mg", needed=True),
        Column("price_cents", "int64", "charged for it; null: no invoice", "cents"),
        Column("guidance", "str", "what led the needle; null: not recorded of every place",
               words=GUIDANCES),
        Column("complications", "int16", "complications noted at the session; 0: it was said that "
               "there were none; null: nothing was said", "complications"),
    ),
)  # fmt: skip

EVENTS = Table(
    "events",
    "One row for each warning sign that a patient answered, judged by nobody; what the clinic "
    "recorded stands in adverse.",
    ("course", "day"),
    (
        _COURSE,
        _DAY,
        Column("number", "int16", "sessions given before; 0: before treatment", needed=True),
        Column("since_session", "int32", "days since that session; null: before treatment", "days"),
        Column("kind", "str", "rule of danger.toml that found it", needed=True),
        Column("grade", "int8", "2: the patient is told to call the emergency number; 1: to call "
               "the clinic at once", needed=True),
    ),
)  # fmt: skip

ADVERSE = Table(
    "adverse",
    "One row for each adverse event that the clinic recorded, as it is known by the cut.",
    ("course", "day"),
    (
        _COURSE,
        Column("day", "int32", "day on which it began, from day 0 of the course", "days",
               needed=True),
        Column("number", "int16", "session that it was recorded of; where none was named, the last "
               "by that day; 0: before treatment", needed=True),
        Column("since_session", "int32", "days since that session; null: before treatment", "days"),
        Column("kind", "str", "kind of adverse_events.toml", needed=True),
        Column("grade", "int8", "the worst that it was, from 1 (mild) to 5 (death)", needed=True),
        Column("serious", "bool", "from the grade on that counts as serious, or hospital, or "
               "lasting harm", needed=True),
        Column("relatedness", "str", "whether the session brought it about, as somebody judged who "
               "did not inject; null: nobody has"),
        Column("outcome", "str", "how it went on, of adverse_events.toml", needed=True),
        Column("from_warning", "bool", "recorded from a patient's warning answer, which stands in "
               "events too", needed=True),
    ),
)  # fmt: skip

MONEY = Table(
    "money",
    "One row for each charge and each payment; below zero what was credited or given back.",
    ("course", "day"),
    (
        _COURSE,
        _DAY,
        Column("kind", "str", "charge or payment", needed=True, words=("charge", "payment")),
        Column("cents", "int64", "amount, in the smallest unit of the course's currency", "cents",
               needed=True),
    ),
)  # fmt: skip

DECISIONS = Table(
    "decisions",
    "One row for each decision, beside what was suggested, with what followed.",
    ("course", "day"),
    (
        _COURSE,
        _DAY,
        Column("sessions", "int16", "sessions given by then", "sessions", needed=True),
        Column("suggested", "str", "what the rules suggested", needed=True, words=STEPS),
        Column("decided", "str", "what the clinician decided", needed=True, words=STEPS),
        Column("relief", "int32", "relief at the last answer by then", "hundredths of a percent"),
        Column("followed_day", "int32", "day of the first answer after it", "days"),
        Column("followed_relief", "int32", "relief at that answer", "hundredths of a percent"),
        Column(
            "last_relief",
            "int32",
            "relief at the last answer of the course, if after it",
            "hundredths of a percent",
        ),
    ),
)

TABLES: Mapping[str, Table] = {
    table.name: table for table in (COURSES, VISITS, SESSIONS, EVENTS, ADVERSE, MONEY, DECISIONS)
}


def arrow_schema(name: str) -> "pa.Schema":
    """The columns of one table as Arrow has them."""
    import pyarrow as pa  # half a second: not while a web server starts

    kinds = {
        "bool": pa.bool_(),
        "int8": pa.int8(),
        "int16": pa.int16(),
        "int32": pa.int32(),
        "int64": pa.int64(),
        "str": pa.string(),
    }
    return pa.schema(
        [pa.field(c.name, kinds[c.kind], nullable=not c.needed) for c in TABLES[name].columns]
    )

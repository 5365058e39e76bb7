"""The map of a spreadsheet: which column means what. Read from a TOML file beside the sheet.

Texts may name columns in braces ("No. {id}"); `values` translates a column's cells first.
"""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from enthesis import shape
from enthesis.exchange.sheet_rows import SheetError
from enthesis.records import Occasion, Side

BRACES = re.compile(r"\{([^{}]+)\}")


@dataclass(frozen=True, slots=True)
class SheetFile:
    """How the file is written. `nulls` are the spellings of "not known" besides an empty cell;
    `date_formats` are of single columns, where the file writes dates in several ways."""

    encoding: str = "utf-8"
    delimiter: str = ""
    decimal: str = "."
    date_format: str = "%Y-%m-%d"
    date_formats: Mapping[str, str] = field(default_factory=dict)
    sheet: str = ""
    header_row: int = 1
    nulls: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Join:
    """Another file that tells more of each row: the one row of `file` whose column `to` holds what
    the column `on` holds here. Its columns are called `file.column` from then on.

    `only` keeps those of its rows whose cells are in the lists. Where the file has a row for each
    fact, `name_column` and `value_column` make them one row with a column for each name.
    """

    file: str
    on: str
    to: str
    only: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    name_column: str = ""
    value_column: str = ""


@dataclass(frozen=True, slots=True)
class Checkboxes:
    """Columns that are ticked or not, made one column `column`: what the ticked ones stand for,
    with ; between. None ticked is not known, because nobody may have been asked."""

    column: str
    of: Mapping[str, str]
    ticked: tuple[str, ...] = ("1", "Checked")
    not_ticked: tuple[str, ...] = ("0", "Unchecked")


@dataclass(frozen=True, slots=True)
class LeaveOut:
    """Rows that are no part of the import, counted in the report with the reason."""

    column: str
    is_in: tuple[str, ...]
    why: str


@dataclass(frozen=True, slots=True)
class PatientColumns:
    """Texts with columns in braces. `key` must tell patients apart within the source."""

    key: str
    family: str
    given: str
    sex: str = "unknown"
    born_on: str = ""


@dataclass(frozen=True, slots=True)
class CourseColumns:
    """What the course is about. `side` is a text that must come out as left, right, both…;
    `opened_on` a column, without which it opens with the first answers."""

    condition: str
    side: str = Side.MIDLINE.value
    complaint: str = ""
    opened_on: str = ""


@dataclass(frozen=True, slots=True)
class Visit:
    """One time at which the patient was asked.

    Long sheets: `named` is the value of the map's `visit_column`. Wide sheets: `answers` maps
    each question to this visit's column. The date is the cell of `date_column`, or `day` (may be
    negative) or the number in `week_column` counted from the map's `day_zero`.
    """

    occasion: Occasion
    named: str = ""
    answers: Mapping[str, str] = field(default_factory=dict)
    day: int | None = None
    week_column: str = ""
    date_column: str = ""


@dataclass(frozen=True, slots=True)
class SheetMap:
    """A whole map. `note` says what the sheet does not hold; it goes into every complaint.

    `visit_column` is set for long sheets (a row per visit), empty for wide ones (a row per
    patient). `series_ended_day` is when treatment had ended, where single sessions are unknown;
    `closed_day` is when the watch had ended too, so that nobody is asked or called any more.
    Of several files `main` has the rows and `join` brings in the others. `times` are the factors
    of columns that are on another scale than the question.
    """

    source: str
    title: str
    patient: PatientColumns
    course: CourseColumns
    questionnaire: str
    visits: tuple[Visit, ...] = ()
    answers: Mapping[str, str] = field(default_factory=dict)
    visit_column: str = ""
    day_zero: date | None = None
    series_ended_day: int | None = None
    series_ended_column: str = ""
    closed_day: int | None = None
    note: str = ""
    file: SheetFile = field(default_factory=SheetFile)
    leave_out: tuple[LeaveOut, ...] = ()
    values: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    main: str = ""
    join: tuple[Join, ...] = ()
    checkboxes: tuple[Checkboxes, ...] = ()
    times: Mapping[str, Decimal] = field(default_factory=dict)

    def fact_columns(self) -> tuple[str, ...]:
        """The columns that tell of the patient and the course, whatever the visit."""
        p, c = self.patient, self.course
        texts = (p.key, p.family, p.given, p.sex, p.born_on, c.side, c.complaint, c.opened_on)
        named = [name for text in texts for name in BRACES.findall(text)]
        named += [self.series_ended_column] if self.series_ended_column else []
        return tuple(dict.fromkeys(named))

    def columns(self) -> set[str]:
        """Every column that the map names."""
        named = {self.visit_column, *self.fact_columns(), *self.values, *self.answers.values()}
        named |= set(self.times) | set(self.file.date_formats)
        named |= {rule.column for rule in self.leave_out}
        for visit in self.visits:
            named |= {visit.week_column, visit.date_column, *visit.answers.values()}
        return named - {""}

    def questions(self) -> set[str]:
        """Every question that some column answers."""
        return set(self.answers).union(*(visit.answers for visit in self.visits))


def read_map(text: str) -> SheetMap:
    """Read a map; raises SheetError saying where it is wrong."""
    try:
        sheet_map = shape.read(SheetMap, tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise SheetError(f"The map is not valid TOML: {error}.") from None
    except shape.ShapeError as error:
        raise SheetError(f"In the map, {error}.") from None
    _check(sheet_map)
    return sheet_map


def _check(sheet_map: SheetMap) -> None:
    if not sheet_map.source:
        raise SheetError("The map needs a source, a short name of its own.")
    if not sheet_map.visits and not sheet_map.course.opened_on:
        raise SheetError("The map needs [[visits]], or opened_on under [course] without any.")
    if sheet_map.join and not sheet_map.main:
        raise SheetError("The map joins files: say with main = … which one has the rows.")
    if sheet_map.file.header_row < 1:
        raise SheetError("In the map, header_row counts from 1.")
    for number, one in enumerate(sheet_map.join):
        if bool(one.name_column) != bool(one.value_column):
            raise SheetError(f"In the map, join[{number}]: name_column goes with value_column.")
    for number, visit in enumerate(sheet_map.visits):
        at = f"In the map, visits[{number}]"
        if sheet_map.visit_column and not visit.named:
            raise SheetError(f"{at}: say with named = … which cells of the visit column it is.")
        if not sheet_map.visit_column and not visit.answers:
            raise SheetError(f"{at}: a wide sheet needs answers = {{question = column}} here.")
        dated = [visit.day is not None, bool(visit.week_column), bool(visit.date_column)]
        if sum(dated) != 1:
            raise SheetError(f"{at}: give exactly one of day, week_column and date_column.")
        if not visit.date_column and sheet_map.day_zero is None:
            raise SheetError(f"{at}: days and weeks need day_zero, the date they count from.")
    for name in ("series_ended_day", "closed_day"):
        if getattr(sheet_map, name) is not None and sheet_map.day_zero is None:
            raise SheetError(f"In the map, {name} needs day_zero, the date it counts from.")

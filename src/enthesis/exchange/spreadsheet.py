"""Rows of a spreadsheet and its map → patients with courses, or the reasons why not.

Pure: `read_sheet` judges every row and never stops at the first problem. What the sheet does not
hold is left unknown: a birth date is not made of an age, a session not of a planned number.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal

from enthesis.exchange.sheet_map import BRACES, SheetMap, Visit
from enthesis.exchange.sheet_rows import Cell, Row, Rows, SheetError
from enthesis.knowledge.kinds import Knowledge, Measure, Question
from enthesis.records import Answer, Assessment, Course, Side

NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?")
SEXES = ("female", "male", "other", "unknown")
EARLIEST_YEAR = 1900
# What to do about a rejection.
CELL = "Correct the cell."
ROW = "Correct the row."
FILL = "Fill it in, or leave such rows out with [[leave_out]] in the map."
AGREE = "Make the rows agree."
NUMBER_OR_NULL = "Correct the cell; a word for “not known” goes under nulls in the map."
DATE = "Correct the cell, or write date_format under [file] in the map."
SCALE = "Correct the cell; if the sheet has another scale, write it under [times] in the map."
VALUES = "Correct the cell, or add it to [values] in the map."
VISITS = "Correct the cell, or add it to [[visits]] or [[leave_out]] in the map."

_Cells = Mapping[str, Cell | None]


@dataclass(frozen=True, slots=True)
class Rejection:
    """One reason why a row cannot be imported, and what to do about it."""

    row: int
    column: str
    value: str
    reason: str
    mend: str = ""


@dataclass(frozen=True, slots=True)
class SheetPatient:
    """One patient of the sheet with the one course that it tells of; `rows` are row numbers."""

    key: str
    family: str
    given: str
    sex: str
    born_on: date | None
    complaint: str
    course: Course
    rows: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Sheet:
    """What a sheet holds. `left_out` counts rows by the map's reason; `unanswered` visits."""

    patients: tuple[SheetPatient, ...]
    rejections: tuple[Rejection, ...]
    left_out: Mapping[str, int]
    unanswered: int
    rows: int


class _CellError(ValueError):
    def __init__(self, column: str, value: object, reason: str, mend: str = CELL) -> None:
        super().__init__(reason)
        self.column, self.value, self.reason, self.mend = column, str(value), reason, mend


@dataclass(frozen=True, slots=True)
class _Facts:
    """What all rows of one patient tell together: a gap in one row is filled by another."""

    family: str
    given: str
    sex: str
    side: Side
    born_on: date | None
    complaint: str
    opened_on: date | None
    series_ended_on: date | None


@dataclass(slots=True)
class _Gathered:
    """A patient while rows come in: the cells that facts are made of, and all visits by date."""

    cells: dict[str, Cell | None] = field(default_factory=dict)
    rows: list[int] = field(default_factory=list)
    visits: dict[date, Assessment] = field(default_factory=dict)


def read_sheet(sheet: Rows, sheet_map: SheetMap, known: Knowledge, today: date) -> Sheet:
    """Map every row; raises SheetError when the map does not fit the sheet or the knowledge."""
    _check_fit(sheet, sheet_map, known)
    reader = _Reader(sheet_map, known, today)
    for row in sheet.rows:
        reader.take(row)
    return Sheet(
        patients=tuple(reader.patient(key) for key in reader.gathered),
        rejections=tuple(reader.rejections),
        left_out=reader.left_out,
        unanswered=reader.unanswered,
        rows=len(sheet.rows),
    )


def _check_fit(sheet: Rows, sheet_map: SheetMap, known: Knowledge) -> None:
    twice = sorted(sheet_map.columns() & sheet.twice)
    if twice:
        raise SheetError(
            f"Columns named twice in the first row: {', '.join(twice)}. Rename all but one, so "
            "that the map can say which it means."
        )
    absent = sorted(sheet_map.columns() - set(sheet.header))
    if absent:
        raise SheetError(
            f"The map names columns that the sheet does not have: {', '.join(absent)}. "
            f"The sheet has: {', '.join(sheet.header)}."
        )
    if sheet_map.course.condition not in known.conditions:
        conditions = ", ".join(sorted(known.conditions))
        raise SheetError(f"The map's condition is not known; known are {conditions}.")
    if sheet_map.questionnaire not in known.questionnaires:
        names = ", ".join(sorted(known.questionnaires))
        raise SheetError(f"The map's questionnaire is not known; known are {names}.")
    for question in sheet_map.questions():
        _meaning(question, sheet_map, known)


def _meaning(question: str, sheet_map: SheetMap, known: Knowledge) -> Question | Measure:
    """What a question id stands for: a measure of its own (fractions allowed), or a question."""
    for measure in known.measures.values():
        if measure.items == (question,):
            return measure
    questions = known.questions(sheet_map.questionnaire)
    if question not in questions:
        raise SheetError(f"The map answers {question!r}, which no questionnaire or measure has.")
    return questions[question]


class _Reader:
    def __init__(self, sheet_map: SheetMap, known: Knowledge, today: date) -> None:
        self.map, self.known, self.today = sheet_map, known, today
        self.fact_columns = sheet_map.fact_columns()
        self.meanings = {q: _meaning(q, sheet_map, known) for q in sheet_map.questions()}
        self.gathered: dict[str, _Gathered] = {}
        self.rejections: list[Rejection] = []
        self.refused: dict[str, int] = {}
        self.left_out = {rule.why: 0 for rule in sheet_map.leave_out}
        self.unanswered = 0

    def take(self, row: Row) -> None:
        for rule in self.map.leave_out:
            if str(row.cells[rule.column]) in rule.is_in:
                self.left_out[rule.why] += 1
                return
        problems = self._take_row(row)
        self.rejections += [
            Rejection(row.number, p.column, p.value, p.reason, p.mend) for p in problems
        ]

    def _take_row(self, row: Row) -> list[_CellError]:
        """Add the whole row, or nothing of it and the reasons."""
        try:
            if row.problem:
                raise _CellError("", "", row.problem, ROW)
            cells = {column: self._cell(row, column) for column in self.fact_columns}
            key = self._key(cells)
            gathered = self.gathered.get(key, _Gathered())
            merged = _merge(gathered, cells)
            facts = self._facts_after(key, merged)
            visits = self._visits_of(row)
        except _CellError as problem:
            return [problem]
        assessments, problems = self._assessments(row, visits, gathered, facts)
        if problems:
            self.refused.setdefault(key, row.number)
        else:
            self.gathered[key] = gathered
            gathered.cells = merged
            gathered.rows.append(row.number)
            gathered.visits |= {a.on: a for a in assessments}
            self.unanswered += len(visits) - len(assessments)
        return problems

    def _facts_after(self, key: str, cells: _Cells) -> _Facts:
        """The facts; a gap that only the patient's refused first row could fill is told as that."""
        try:
            return self._facts(cells)
        except _CellError:
            if key in self.gathered or key not in self.refused:
                raise
            first = self.refused[key]
            reason = f"row {first}, the first of this patient, cannot be imported"
            raise _CellError("", "", reason, "Mend that row.") from None

    def _assessments(
        self, row: Row, visits: tuple[Visit, ...], gathered: _Gathered, facts: _Facts
    ) -> tuple[list[Assessment], list[_CellError]]:
        """The visits of a row that were answered, and what is wrong with the others."""
        assessments: list[Assessment] = []
        problems = []
        taken = set(gathered.visits)
        for visit in visits:
            try:
                assessment = self._assessment(row, visit, facts)
                if assessment and assessment.on in taken:
                    reason = "this patient already has answers on that day"
                    column = visit.date_column or visit.week_column or self.map.visit_column
                    raise _CellError(column, assessment.on, reason, ROW)
            except _CellError as problem:
                problems.append(problem)
                continue
            if assessment:
                taken.add(assessment.on)
                assessments.append(assessment)
        return assessments, problems

    def _key(self, cells: _Cells) -> str:
        template = self.map.patient.key
        if any(cells[column] is None for column in BRACES.findall(template)):
            raise _CellError(_first_column(template), "", "the patient's key is empty", FILL)
        return _fill(template, cells)

    def _facts(self, cells: _Cells) -> _Facts:
        columns, course = self.map.patient, self.map.course
        complaint = (_fill(course.complaint, cells), self.map.note)
        return _Facts(
            family=_name(columns.family, cells),
            given=_name(columns.given, cells),
            sex=_one_of(columns.sex, cells, SEXES, "unknown"),
            side=Side(_one_of(course.side, cells, self._sides(), None)),
            born_on=self._day_of(self.map.patient.born_on, cells),
            complaint=" ".join(text for text in complaint if text),
            opened_on=self._day_of(self.map.course.opened_on, cells),
            series_ended_on=self._series_ended_on(cells),
        )

    def _sides(self) -> tuple[str, ...]:
        return tuple(side.value for side in self.known.conditions[self.map.course.condition].sides)

    def _visits_of(self, row: Row) -> tuple[Visit, ...]:
        if not self.map.visit_column:
            return self.map.visits
        cell = self._cell(row, self.map.visit_column)
        for visit in self.map.visits:
            if visit.named == cell:
                return (visit,)
        named = ", ".join(visit.named for visit in self.map.visits)
        reason = f"not one of the map's visits: {named}"
        raise _CellError(self.map.visit_column, cell or "", reason, VISITS)

    def _assessment(self, row: Row, visit: Visit, facts: _Facts) -> Assessment | None:
        """The answers of one visit; None where every cell is empty."""
        columns = visit.answers or self.map.answers
        answers = {question: self._answer(row, c, question) for question, c in columns.items()}
        given = {question: answer for question, answer in answers.items() if answer is not None}
        if not given:
            return None
        on = self._on(row, visit)
        if facts.born_on and facts.born_on > on:
            raise _CellError(visit.date_column, on, f"before the birth date {facts.born_on}")
        return Assessment(on, visit.occasion, self.map.questionnaire, given, source="import")

    def _on(self, row: Row, visit: Visit) -> date:
        if visit.date_column:
            return self._date(visit.date_column, self._cell(row, visit.date_column))
        days = Decimal(visit.day or 0)
        if visit.week_column:
            cell = self._cell(row, visit.week_column)
            days = 7 * self._number(visit.week_column, cell or "")
        if self.map.day_zero is None:
            raise _CellError(visit.week_column, days, "the map has no day_zero")
        return self._plausible(visit.week_column, self.map.day_zero + timedelta(days=round(days)))

    def _answer(self, row: Row, column: str, question: str) -> Answer:
        cell = self._cell(row, column)
        if cell is None:
            return None
        meaning = self.meanings[question]
        if isinstance(meaning, Measure) or meaning.kind in ("scale", "number"):
            factor = self.map.times.get(column, Decimal(1))
            return self._within(column, self._number(column, cell) * factor, meaning)
        return _worded(column, cell, meaning)

    def _within(self, column: str, number: Decimal, meaning: Question | Measure) -> Decimal:
        low, high = meaning.minimum, meaning.maximum
        if (low is not None and number < low) or (high is not None and number > high):
            raise _CellError(column, number, f"outside {low} to {high} ({meaning.id})", SCALE)
        return number

    def _number(self, column: str, cell: Cell) -> Decimal:
        text = str(cell).replace(self.map.file.decimal, ".")
        if not NUMBER.fullmatch(text):
            raise _CellError(column, cell, "not a number", NUMBER_OR_NULL)
        return Decimal(text)

    def _cell(self, row: Row, column: str) -> Cell | None:
        """The cell after the map's value list; None where it is empty or one of the nulls."""
        cell = row.cells[column]
        if not isinstance(cell, str):
            return cell
        if not cell or cell in self.map.file.nulls:
            return None
        if "\x00" in cell:
            raise _CellError(column, repr(cell), "holds an invisible NUL character")
        translated = self.map.values.get(column)
        if translated is None:
            return cell
        if cell not in translated:
            known = ", ".join(translated)
            reason = f"not one of the values in the map: {known}"
            raise _CellError(column, cell, reason, VALUES)
        return translated[cell]

    def _day_of(self, template: str, cells: _Cells) -> date | None:
        column = _first_column(template)
        return self._date(column, cells[column]) if column and cells[column] else None

    def _series_ended_on(self, cells: _Cells) -> date | None:
        column = self.map.series_ended_column
        if column:
            return self._date(column, cells[column]) if cells[column] else None
        return self._after_day_zero(self.map.series_ended_day)

    def _after_day_zero(self, days: int | None) -> date | None:
        if days is None or self.map.day_zero is None:
            return None
        return self.map.day_zero + timedelta(days=days)

    def _date(self, column: str, cell: Cell | None) -> date:
        if isinstance(cell, date):
            return self._plausible(column, cell)
        form = self.map.file.date_formats.get(column, self.map.file.date_format)
        try:
            on = datetime.strptime(cell or "", form).date()  # noqa: DTZ007
        except ValueError:
            reason = f"not a date written like {form}"
            raise _CellError(column, cell or "", reason, DATE) from None
        return self._plausible(column, on)

    def _plausible(self, column: str, on: date) -> date:
        if not EARLIEST_YEAR <= on.year or on > self.today:
            raise _CellError(column, on, f"not between {EARLIEST_YEAR} and today, {self.today}")
        return on

    def patient(self, key: str) -> SheetPatient:
        gathered = self.gathered[key]
        facts = self._facts(gathered.cells)
        assessments = tuple(gathered.visits[on] for on in sorted(gathered.visits))
        days = [facts.opened_on] if facts.opened_on else []
        days += [assessment.on for assessment in assessments[:1]]
        course = Course(
            id=f"{self.map.source}:{key}",
            condition=self.map.course.condition,
            side=facts.side,
            born_on=facts.born_on,
            opened_on=min(days) if days else self.map.day_zero or self.today,
            assessments=assessments,
            series_ended_on=facts.series_ended_on,
            closed_on=self._after_day_zero(self.map.closed_day),
        )
        return SheetPatient(
            key,
            facts.family,
            facts.given,
            facts.sex,
            facts.born_on,
            facts.complaint,
            course,
            tuple(gathered.rows),
        )


def _first_column(template: str) -> str:
    return next(iter(BRACES.findall(template)), "")


def _merge(gathered: _Gathered, cells: _Cells) -> dict[str, Cell | None]:
    """A later row fills the gaps of earlier ones; where both tell, they must agree."""
    merged = dict(gathered.cells)
    for column, cell in cells.items():
        before = merged.get(column)
        if cell is not None and before is not None and cell != before:
            reason = f"another row of this patient (row {gathered.rows[0]}) says {before}"
            raise _CellError(column, cell, reason, AGREE)
        merged[column] = before if cell is None else cell
    return merged


def _fill(template: str, cells: _Cells) -> str:
    """A text of the map with its columns filled in; a gap reads "not known"."""

    def cell(match: re.Match[str]) -> str:
        found = cells[match[1]]
        return "not known" if found is None else str(found)

    return BRACES.sub(cell, template)


def _name(template: str, cells: _Cells) -> str:
    for column in BRACES.findall(template):
        if cells[column] is None:
            raise _CellError(column, "", "the name is empty", FILL)
    return _fill(template, cells)


def _one_of(template: str, cells: _Cells, allowed: tuple[str, ...], unknown: str | None) -> str:
    """A fact from a short list; `unknown` is what a gap means, None where a gap is an error."""
    column = _first_column(template)
    if unknown is not None and column and cells[column] is None:
        return unknown
    text = _fill(template, cells)
    if text not in allowed:
        raise _CellError(column, text, f"not one of {', '.join(allowed)}", VALUES)
    return text


def _worded(column: str, cell: Cell, question: Question) -> Answer:
    """A cell that answers a question in words: a choice, several (with ;), yes or no, a text."""
    cell = str(cell)
    allowed = [value for value, _ in question.options]
    if question.kind == "yes_no":
        if cell not in ("yes", "no"):
            raise _CellError(column, cell, "not yes or no", VALUES)
        return cell == "yes"
    if question.kind == "choices":
        parts = tuple(part.strip() for part in cell.split(";"))
        wrong = [part for part in parts if part not in allowed]
        if wrong:
            raise _CellError(column, wrong[0], f"not one of {', '.join(allowed)}", VALUES)
        return parts
    if question.kind == "choice" and cell not in allowed:
        raise _CellError(column, cell, f"not one of {', '.join(allowed)}", VALUES)
    return cell

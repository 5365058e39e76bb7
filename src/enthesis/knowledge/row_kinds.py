"""What an evaluation asks in rows: tables to be filled, and what a row says on a question."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class RowColumn:
    """One cell of each row. `kind`: line, text, number, choice (one of `options`), date, or file
    (a report kept with the course). A `required` one is needed as soon as anything else is there.
    `said` is how a row in one line says it; one that begins with a space follows without a comma.
    """

    id: str
    text: str
    kind: str
    said: str = "{}"
    options: tuple[tuple[str, str], ...] = ()
    required: bool = False


@dataclass(frozen=True, slots=True)
class RowTable:
    """Rows that follow the questions of `group`; `one` names a single row."""

    id: str
    starts_on: date
    group: str
    title: str
    one: str
    help: str
    columns: tuple[RowColumn, ...]
    source: str


@dataclass(frozen=True, slots=True)
class RowAnswer:
    """A row of `table` whose `column` is one of `values` answers `question` with `answer`.

    Without `values` any row does; without `answer` its own value does. An answer of the question
    that is one of `against` contradicts the row: the row counts, and it is shown to be resolved.
    """

    id: str
    starts_on: date
    table: str
    column: str
    question: str
    against: tuple[str, ...]
    source: str
    values: tuple[str, ...] = ()
    answer: str = ""


@dataclass(frozen=True, slots=True)
class OpioidFactor:
    """Morphine milligram equivalents of one `unit` ("mg" by mouth, "mcg_h" through the skin) of
    the drug named `id`. For adding up what is taken, never for changing one drug into another."""

    id: str
    starts_on: date
    unit: str
    factor: Decimal
    source: str

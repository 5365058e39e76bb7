"""The rows of the evaluation: medicines, earlier treatments, images, referrals.

A row is added by a submit that saves nothing and keeps what was typed, so that it needs no script.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, cast

from django import forms
from django.forms.formsets import BaseFormSet, formset_factory

from enthesis.clinic.actions import course_files
from enthesis.clinic.models import Clinic, Course, CourseFile, Evaluation
from enthesis.clinic.pages import attempt
from enthesis.clinic.pages.doses import ShortDecimal, short
from enthesis.clinic.pages.patients import Day
from enthesis.clinic.permissions import StaffRequest
from enthesis.clinic.uploads import Kind
from enthesis.journey.medicines import known_mme, mme, opioids
from enthesis.journey.referral import row_words
from enthesis.knowledge.after_kinds import PainPillChoice
from enthesis.knowledge.kinds import Knowledge
from enthesis.knowledge.row_kinds import RowColumn, RowTable
from enthesis.records import Row
from enthesis.shape import read

MOST_ROWS = 40
OUT = "leave_out"


class ReportForm(forms.Form):
    """A report to attach, with a submit of its own, so that a refused save does not lose it."""

    file = forms.FileField(
        label="A report to attach",
        required=False,
        allow_empty_file=True,
        max_length=None,
        help_text="PNG, JPEG or PDF. It is kept with the course and offered in the rows above.",
        widget=forms.FileInput({"accept": ",".join(Kind), "form": "evaluation"}),
    )


class RowForm(forms.Form):
    """One row; `table` and the course's `files` are given by the list."""

    def __init__(self, *args: Any, table: RowTable, files: Sequence[CourseFile], **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.table = table
        for column in table.columns:
            self.fields[column.id] = _field(column, files)
        self.fields[OUT] = forms.BooleanField(label="Leave this row out", required=False)

    def clean(self) -> dict[str, Any]:
        """What is needed is asked for only where the row says something, and stays in."""
        told = self.cleaned_data
        if told.get(OUT):
            self.errors.clear()  # what is wrong in a row that is left out is nobody's trouble
        elif self.has_row():
            for column in self.table.columns:
                if column.required and not told.get(column.id) and column.id not in self.errors:
                    verb = "Choose" if column.kind == "choice" else "Write"
                    words = column.text.lower()
                    self.add_error(column.id, f"{verb} this, or empty the row: {words}.")
        return told

    def has_row(self) -> bool:
        """Whether anything is told."""
        told = self.cleaned_data
        return not told.get(OUT) and any(
            told.get(c.id) not in (None, "") for c in self.table.columns
        )

    def row(self) -> Row:
        """The cells that are filled, as they are kept."""
        cells = {c.id: self.cleaned_data[c.id] for c in self.table.columns}
        return {id: _cell(value) for id, value in cells.items() if value not in (None, "")}


def _field(column: RowColumn, files: Sequence[CourseFile]) -> forms.Field:
    options: list[tuple[str, str]] = [("", "Not told"), *column.options]
    if column.kind == "file":
        options = [("", "None attached"), *((str(f.pk), f.name) for f in files)]
    shapes: dict[str, forms.Field] = {
        "line": forms.CharField(max_length=120),
        "text": forms.CharField(max_length=500, widget=forms.Textarea({"rows": 2})),
        "number": ShortDecimal(min_value=0, max_digits=9, decimal_places=3),
        "date": forms.DateField(widget=Day()),
        "choice": forms.ChoiceField(choices=options),
        "file": forms.ChoiceField(choices=options),
    }
    field = shapes[column.kind]
    field.label, field.required = column.text, False
    return field


def _cell(value: Any) -> str:
    if hasattr(value, "isoformat"):
        return str(value.isoformat())
    return value if isinstance(value, str) else short(value)


class Rows(BaseFormSet):  # type: ignore[type-arg]
    """The rows of one table, with one empty row when nothing is there yet."""

    table: RowTable
    known: Knowledge
    saved: Sequence[Row] = ()

    def initial_form_count(self) -> int:
        """None that must be filled: a row that is emptied is gone."""
        return 0 if self.is_bound else super().initial_form_count()

    def rows(self) -> tuple[Row, ...]:
        """The filled rows of a valid list."""
        return tuple(form.row() for form in self.forms if form.has_changed() and form.has_row())

    def mmes(self) -> list[str]:
        """What the opioids last saved amount to in a day, each and together, in words."""
        if self.table.id != "medicines" or not opioids(self.saved):
            return []
        factors = self.known.opioid_factors
        lines = []
        for row in opioids(self.saved):
            found = mme(row, factors)
            if found.a_day is None or found.factor is None:
                lines.append(f"{row.get('name')}: MME not known ({found.why}).")
            else:
                factor = short(found.factor.factor)
                lines.append(
                    f"{row.get('name')}: {short(found.a_day)} MME a day (factor {factor})."
                )
        total, whole = known_mme(self.saved, factors)
        lines.append(
            f"Together {short(total)} MME a day."
            if whole
            else f"Together not known: at least {short(total)} MME a day."
        )
        return lines

    def factor_source(self) -> str:
        """Where the factors are from."""
        return " ; ".join({factor.source: 1 for factor in self.known.opioid_factors.values()})

    def takes_nsaid(self) -> bool:
        """Whether one was listed when the evaluation was saved."""
        return any(row.get("class") == "nsaid" for row in self.saved)


def tables_of(
    course: Course,
    last: Evaluation | None,
    known: Knowledge,
    data: Any = None,
    attached: CourseFile | None = None,
) -> list[Rows]:
    """The lists of the page as they were saved, or as they were typed with the row asked for."""
    saved = saved_rows(last) if last else _from_record(course)
    files = list(course.files.filter(removed_at=None))
    if data and (add := data.get("add")):
        data = data.copy()
        name = f"r-{add}-TOTAL_FORMS"
        data[name] = str(min(_whole(data.get(name)) + 1, MOST_ROWS))
    if attached:
        data = _with_report(data.copy(), str(attached.pk))
    lists = []
    for table in known.row_tables:
        filled = saved.get(table.id, ())
        of_kind = formset_factory(
            RowForm,
            formset=Rows,
            extra=0 if filled else 1,
            max_num=MOST_ROWS,
            absolute_max=MOST_ROWS,
        )
        # Posted by something that knows no rows, such as an older page: then they stay as saved.
        bound = data if data and f"r-{table.id}-TOTAL_FORMS" in data else None
        made = cast(
            Rows,
            of_kind(
                bound,
                prefix=f"r-{table.id}",
                initial=filled,
                form_kwargs={"table": table, "files": files},
            ),
        )
        made.table, made.known, made.saved = table, known, filled if last else ()
        lists.append(made)
    return lists


def _with_report(data: Any, id: str) -> Any:
    """The last image without a report gets the one that was just attached."""
    for i in reversed(range(_whole(data.get("r-imaging-TOTAL_FORMS")))):
        if data.get(f"r-imaging-{i}-kind") and not data.get(f"r-imaging-{i}-report"):
            data[f"r-imaging-{i}-report"] = id
            break
    return data


def _whole(text: str | None) -> int:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 5 else 0


def saved_rows(row: Evaluation) -> Mapping[str, tuple[Row, ...]]:
    """The rows of an evaluation; its imaging from before there were rows, as one."""
    rows = dict(read(Mapping[str, tuple[Row, ...]], row.rows))  # type: ignore[type-abstract]
    kind = row.answers.get("imaging")
    if "imaging" not in rows and kind in ("xray", "ultrasound", "ct", "mri"):
        old = {"on": row.answers.get("imaging_on"), "finding": row.answers.get("imaging_finding")}
        rows["imaging"] = ({"kind": kind, **{id: cell for id, cell in old.items() if cell}},)
    return rows


def _from_record(course: Course) -> Mapping[str, tuple[Row, ...]]:
    """What the patient's record knows already, for a first evaluation to confirm."""
    taken = course.patient.anticoagulant
    return {"medicines": ({"name": taken[:120], "class": "anticoagulant"},)} if taken else {}


def rows_by_table(tables: Sequence[Rows]) -> dict[str, tuple[Row, ...]]:
    """What is to be kept of valid lists; those that were not sent stay as they were."""
    found = {t.table.id: t.rows() if t.is_bound else tuple(t.saved) for t in tables}
    return {id: rows for id, rows in found.items() if rows}


def changed_meanwhile(tables: Sequence[Rows], theirs: Evaluation) -> list[tuple[str, str, str]]:
    """(title, as somebody saved it, as it was typed) of the lists where the two differ."""
    saved = saved_rows(theirs)
    both = [(t.table, saved.get(t.table.id, ()), t.rows() if t.is_bound else ()) for t in tables]
    return [
        (table.title, _words(table, now), _words(table, typed))
        for table, now, typed in both
        if tuple(now) != tuple(typed)
    ]


def _words(table: RowTable, rows: Sequence[Row]) -> str:
    return "; ".join(row_words(table, row) for row in rows) or "no rows"


def pain_pills_of(clinic: Clinic, known: Knowledge) -> PainPillChoice:
    """What this clinic tells patients about NSAIDs: its setting, or the default."""
    choices = known.pain_pill_choices
    return choices.get(clinic.pain_pill_choice) or next(iter(choices.values()))


def attach_report(
    request: StaffRequest, course: Course, today: date
) -> tuple[ReportForm, CourseFile | None]:
    """Keep the file that was sent with the page, whichever button was pressed."""
    form = ReportForm(request.POST or None, request.FILES or None)
    given = request.FILES.get("file")
    if given is None or not form.is_valid():
        return form, None
    name, data = given.name or "", given.read()
    made = attempt(
        form, course_files.attach_course_file, request.user, course.pk, name, data, today
    )
    return form, made

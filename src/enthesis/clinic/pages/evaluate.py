"""The evaluation: one page of questions, and the answer with everything that led to it."""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from itertools import groupby
from typing import Any, cast

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.html import format_html
from django.views.decorators.http import require_http_methods

from enthesis.charts.pain_map import pain_map_svg
from enthesis.clinic import store
from enthesis.clinic.actions import EditConflict
from enthesis.clinic.actions import evaluate as actions
from enthesis.clinic.models import Course, Evaluation, Patient
from enthesis.clinic.pages import attempt, evaluate_exam, patient_banner, recorded_allergies
from enthesis.clinic.pages.doses import ShortDecimal, short
from enthesis.clinic.pages.evaluate_rows import (
    attach_report,
    changed_meanwhile,
    pain_pills_of,
    rows_by_table,
    tables_of,
)
from enthesis.clinic.pages.patients import Day, course_words
from enthesis.clinic.permissions import StaffRequest, get_for, page
from enthesis.journey import allergies
from enthesis.journey.evaluate import questions_for
from enthesis.journey.rows import CONTRADICTED
from enthesis.knowledge.kinds import Knowledge, Question
from enthesis.records import Answer, Candidacy, EvaluationResult, Finding
from enthesis.shape import read

YES_NO = [("yes", "Yes"), ("no", "No")]
UNKNOWN = ("unknown", "Not known")
NOTHING = {"none", "nothing"}
"""The options that say that none of the others is so."""
# Word, tone and icon of each answer: a shape and a word before a colour.
ANSWERS = {
    Candidacy.SUITABLE: ("Suitable", "good", "check"),
    Candidacy.SUITABLE_WITH_CARE: ("Suitable with care", "care", "care"),
    Candidacy.REFER_FIRST: ("Refer first", "alarm", "refer"),
    Candidacy.NOT_SUITABLE: ("Not suitable", "halt", "stop"),
    None: ("No answer yet", "care", "question"),
}


def question_field(question: Question, compact: forms.Field | None = None) -> forms.Field:
    """The field of one question; nothing is required, because unanswered is an answer: unknown."""
    kinds = {"scale": _whole, "number": _number, "date": _date, "text": _text}
    pick = {"yes_no": _choice, "choice": _choice, "choices": _choices}
    field = compact or (kinds | pick)[question.kind](question)
    field.label, field.required, field.help_text = question.text, False, _help(question)
    return field


def _help(question: Question) -> str:
    ends = (question.low_label, question.high_label)
    words = f"{question.minimum}: {ends[0]}. {question.maximum}: {ends[1]}." if all(ends) else ""
    return " ".join(part for part in (question.help, words) if part)


def _whole(question: Question) -> forms.Field:
    return forms.IntegerField(
        min_value=int(question.minimum or 0), max_value=int(question.maximum or 0)
    )


def _number(question: Question) -> forms.Field:
    return ShortDecimal(
        min_value=question.minimum, max_value=question.maximum, max_digits=9, decimal_places=2
    )


def _date(question: Question) -> forms.Field:
    return forms.DateField(widget=Day())


def _text(question: Question) -> forms.Field:
    return forms.CharField(max_length=500, widget=forms.Textarea({"rows": 2}))


def _choice(question: Question) -> forms.Field:
    options = YES_NO if question.kind == "yes_no" else list(question.options)
    if UNKNOWN[0] not in dict(options):
        options = [*options, UNKNOWN]
    return forms.ChoiceField(choices=options, widget=forms.RadioSelect)


def _choices(question: Question) -> forms.Field:
    return forms.MultipleChoiceField(choices=question.options, widget=forms.CheckboxSelectMultiple)


def answer_of(question: Question, value: Any) -> Answer:
    """A cleaned value as an answer; "Not known" is None: asked, and unknown."""
    if value == UNKNOWN[0]:
        return None
    if question.kind == "yes_no":
        return bool(value == "yes")
    if question.kind == "choices":
        return tuple(value)
    if question.kind == "scale":
        return Decimal(value)
    return value.isoformat() if question.kind == "date" else value  # type: ignore[no-any-return]


def shown_answer(question: Question, answer: Answer) -> Any:
    """An answer as its field shows it: the inverse of `answer_of`."""
    if answer is None:
        return UNKNOWN[0]
    if isinstance(answer, bool):
        return "yes" if answer else "no"
    if isinstance(answer, tuple):
        return list(answer)
    return short(answer) if isinstance(answer, Decimal) else answer


def would_lead_to(finding: Finding) -> Candidacy | None:
    """Where a finding leads, or led before a clinician set it aside."""
    before = finding.inputs.get("would_lead_to")
    return Candidacy(str(before)) if before else finding.leads_to


class EvaluationForm(forms.Form):
    """All questions, and a reason for each hard stop that the clinician sets aside."""

    last = forms.IntegerField(widget=forms.HiddenInput, required=False)

    def __init__(
        self, questions: tuple[Question, ...], row: Evaluation | None, data: Any = None
    ) -> None:
        super().__init__(data, initial={"last": row.pk if row else None}, prefix="q")
        self.row = row
        self.questions = {question.id: question for question in questions}
        self.result = read(EvaluationResult, row.result) if row else None
        answers = evaluate_exam.answers_of(row)
        for question in questions:
            compact = evaluate_exam.examined_field(question)
            self.fields[question.id] = question_field(question, compact)
            if question.id in answers:
                self.initial[question.id] = shown_answer(question, answers[question.id])
        for finding in self.hard_stops():
            self._offer_to_clear(finding, row.cleared if row else {})

    def carry(self, patient: Patient, known: Knowledge) -> None:
        """Begin with the allergies on the patient's record, and say what it holds."""
        self.fields[allergies.KINDS].help_text = format_html(
            "On the record: {}.", recorded_allergies(patient)
        )
        names = (allergies.KINDS, allergies.SUBSTANCES)
        answers = evaluate_exam.answers_of(self.row)
        told = {name: answers.get(name) for name in names}
        for name, answer in allergies.carried(told, patient.allergies, known).items():
            self.initial[name] = shown_answer(self.questions[name], answer) if answer else None

    def hard_stops(self) -> Iterator[Finding]:
        """The findings of the latest evaluation that stand in the way, cleared or not."""
        for finding in self.result.findings if self.result else ():
            if would_lead_to(finding) in actions.HARD_STOPS:
                yield finding

    def _offer_to_clear(self, finding: Finding, cleared: Mapping[str, str]) -> None:
        field = forms.CharField(
            label="Set this finding aside because",
            max_length=300,
            required=False,
            widget=forms.Textarea({"rows": 2, "form": "evaluation"}),
        )
        self.fields[f"clear-{finding.rule}"] = field
        self.initial[f"clear-{finding.rule}"] = cleared.get(finding.rule, "")

    def clean(self) -> dict[str, Any]:
        """None of several things is not one of them."""
        told = self.cleaned_data
        for id, question in self.questions.items():
            ticked = told.get(id)
            if question.kind == "choices" and ticked and ticked[1:] and NOTHING & set(ticked):
                label = next(words for value, words in question.options if value in NOTHING)
                self.add_error(id, f"Tick either “{label}” or the others, not both.")
        return told

    def answers(self) -> dict[str, Answer]:
        """What was answered; a question left alone is not in it."""
        return {
            id: answer_of(question, self.cleaned_data[id])
            for id, question in self.questions.items()
            if self.cleaned_data[id] not in (None, "", [])
        }

    def cleared(self) -> dict[str, str]:
        """Rule to the reason for setting it aside."""
        return {
            name.removeprefix("clear-"): value
            for name, value in self.cleaned_data.items()
            if name.startswith("clear-") and value
        }

    def groups(self) -> list[tuple[str, list[tuple[forms.BoundField, Question, str, str]]]]:
        """The questions as they stand on the page: neighbours of one group under its name, each
        with its field and the earlier answer that it depends on, in words and for only-if.js."""
        grouped = groupby(
            (q for q in self.questions.values() if not evaluate_exam.is_examined(q)),
            key=lambda question: question.group,
        )
        return [
            (name, [(self[q.id], q, self._only_if(q), self._shown_for(q)) for q in group])
            for name, group in grouped
        ]

    def group_names(self) -> set[str]:
        """The groups that have a question here."""
        return {question.group for question in self.questions.values()}

    def pain_map(self) -> str:
        """The whole body with the places marked that are ticked, or were when it was saved."""
        drawn = [question for question in self.questions.values() if question.picture]
        if not drawn:
            return ""
        field = self[drawn[0].id]
        ticked = field.value() or []
        marked = {code: words for code, words in drawn[0].options if code in ticked}
        return pain_map_svg(marked, "hurts", field.html_name)

    def _shown_for(self, question: Question) -> str:
        """The ticks that bring a question up; "" for one that is missed and so never hidden."""
        missing = self.result.missing if self.result else ()
        if question.id in missing or len(question.only_if) != 1:
            return ""
        ((earlier, values),) = question.only_if.items()
        return " ".join(f"{self[earlier].html_name}={value}" for value in values)

    def _only_if(self, question: Question) -> str:
        parts = []
        for earlier, values in question.only_if.items():
            choices = dict(getattr(self.fields[earlier], "choices", []))
            said = " or ".join(str(choices.get(v, "any answer")) for v in values)
            parts.append(f"Only if “{self.questions[earlier].text}” is {said}.")
        return " ".join(parts)


@require_http_methods(["GET", "POST"])
def evaluate(request: StaffRequest, course_id: int) -> HttpResponse:
    """Ask, save, and show the answer of the latest evaluation."""
    course = get_for(request.user, Course, course_id)
    known = store.known_for(request.clinic, store.today(request.clinic))
    questions = questions_for(known.conditions[course.condition], known)
    last = course.evaluations.last()
    form = EvaluationForm(questions, last, request.POST or None)
    form.carry(course.patient, known)
    if "preview" in request.GET:  # the map and the bars as typed; nothing is saved or refused
        exam = evaluate_exam.Exam(form, course, last, known)
        return render(request, "clinic/evaluate/exam.html", {"exam": exam, "course": course})
    report, attached = attach_report(request, course, store.today(request.clinic))
    tables = tables_of(course, last, known, request.POST or None, attached)
    shown = {"tables": tables, "report": report}
    goes_on = report.errors or {"add", "attach"} & {*request.POST}
    valid = all([form.is_valid(), *(t.is_valid() for t in tables if t.is_bound)])
    if goes_on or not (form.is_bound and valid):
        wrong = report.errors or (form.is_bound and not valid and not goes_on)
        if wrong and not report.errors and form.is_valid():
            form.add_error(None, "A row needs mending: it is marked below.")
        return _page(request, course, form, last, known, 422 if wrong else 200, **shown)
    try:
        saved = attempt(
            form,
            actions.save_evaluation,
            request.user,
            course.pk,
            form.answers(),
            form.cleared(),
            store.today(request.clinic),
            form.cleaned_data["last"],
            rows_by_table(tables),
        )
    except EditConflict as conflict:
        theirs = conflict.theirs
        assert isinstance(theirs, Evaluation)  # noqa: S101 (narrows the type only)
        return _conflict(request, course, form, theirs, known, **shown)
    if saved is None:
        return _page(request, course, form, last, known, 422, **shown)
    messages.success(request, "The evaluation was saved.")
    return redirect("evaluate", course.pk)


def _conflict(
    request: StaffRequest,
    course: Course,
    form: EvaluationForm,
    theirs: Evaluation,
    known: Knowledge,
    **shown: Any,
) -> HttpResponse:
    """Somebody evaluated meanwhile: what was typed stays, and where the two differ is shown."""
    questions = tuple(form.questions.values())
    saved = EvaluationForm(questions, theirs)
    both = [
        (field.label, _said(saved, name), _said(form, name))
        for name, field in form.fields.items()
        if name in saved.fields and name != "last" and _said(saved, name) != _said(form, name)
    ]
    both += changed_meanwhile(shown["tables"], theirs)
    data = form.data.copy()  # type: ignore[attr-defined]
    data["q-last"] = theirs.pk
    again = EvaluationForm(questions, theirs, data)
    return _page(request, course, again, theirs, known, 409, both=both, conflict=True, **shown)


def _said(form: EvaluationForm, name: str) -> str:
    value = form[name].value()
    if value in (None, "", []):
        return "not answered"
    choices = dict(getattr(form.fields[name], "choices", []))
    values = value if isinstance(value, list) else [value]
    return ", ".join(str(choices.get(one, one)) for one in values)


def _page(
    request: StaffRequest,
    course: Course,
    form: EvaluationForm,
    last: Evaluation | None,
    known: Knowledge,
    status: int,
    **context: Any,
) -> HttpResponse:
    condition = known.conditions[course.condition]
    questionnaire = known.questionnaires["evaluation"]
    return render(
        request,
        "clinic/evaluate/evaluate.html",
        {
            "course": course,
            "condition": condition,
            "exam": evaluate_exam.Exam(form, course, last, known),
            "title": course_words(course, {condition.id: condition.name}),
            "patient": patient_banner(course.patient, store.today(request.clinic)),
            "form": form,
            "last": last,
            "answer": _answer(form, last) if last else None,
            "questionnaire": questionnaire,
            "pain_pills": pain_pills_of(request.clinic, known),
            "goes_on": form.result is not None and form.result.answer in actions.GOES_ON,
        }
        | context,
        status=status,
    )


def _answer(form: EvaluationForm, row: Evaluation) -> dict[str, Any]:
    result = form.result
    assert result is not None  # noqa: S101 (made from the same row)
    word, tone, icon = ANSWERS[result.answer]
    told = {"word": word, "tone": tone, "icon": icon, "rules_of": result.rules_of}
    findings = [_finding(form, finding) for finding in result.findings]
    return {**told, "missing": list(_missing(form, result, row)), "findings": findings}


def _missing(
    form: EvaluationForm, result: EvaluationResult, row: Evaluation
) -> Iterator[tuple[str, str]]:
    """(words, where to mend it): a question of this page, or the patient's birth date."""
    for id in result.missing:
        if id in form.fields:
            yield str(form[id].label), f"#ask-{id}"
        else:
            yield "The birth date", reverse("edit_patient", args=[row.course.patient_id])


def _finding(form: EvaluationForm, finding: Finding) -> dict[str, Any]:
    """A finding with its own icon, and the field by which a clinician sets it aside."""
    led = would_lead_to(finding)
    word, tone, icon = ANSWERS[led] if led else ("", "halt", "dot")
    name = f"clear-{finding.rule}"
    inputs = [
        (key.replace("_", " "), _input(value))
        for key, value in finding.inputs.items()
        if key not in ("set_aside", "would_lead_to")
    ]
    return {
        "finding": finding,
        "inputs": inputs,
        "word": word,
        "tone": tone,
        "icon": icon,
        "clear": form[name] if name in form.fields else None,
        "cleared": finding.inputs.get("set_aside", ""),
        "disputed": [form[id] for id in _disputed(finding) if id in form.fields],
    }


def _disputed(finding: Finding) -> list[str]:
    """The questions that a row contradicts."""
    return list(cast("list[str]", finding.inputs.get(CONTRADICTED, ())))


def _input(value: object) -> str:
    if value is None:
        return "not known"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


urlpatterns = [page("courses/<int:course_id>/evaluate/", evaluate, "evaluate")]

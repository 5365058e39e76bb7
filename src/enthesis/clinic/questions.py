"""Questions of a questionnaire as form fields. The core alone says whether an answer is one."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from django import forms
from django.utils.formats import localize
from django.utils.translation import gettext

from enthesis.journey.follow import AnswerError, check_answer
from enthesis.knowledge.kinds import Question
from enthesis.records import Answer

Raw = str | list[str]


class QuestionForm(forms.Form):
    """Some questions on one screen. `may_skip`: what is left empty is not asked for (staff typing
    in what a patient said); what is given is checked all the same."""

    def __init__(
        self,
        questions: Sequence[Question],
        data: Any = None,
        answers: Mapping[str, Answer] | None = None,
        may_skip: bool = False,
    ) -> None:
        known = {name: typed(value) for name, value in (answers or {}).items()}
        super().__init__(data, initial=known)
        self.questions, self.may_skip = questions, may_skip
        for question in questions:
            self.fields[question.id] = _field(question)

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        for question in self.questions:
            given = data.get(question.id)
            if given in (None, "", []) and self.may_skip:
                continue
            try:
                check_answer(question, [] if given is None else given)
            except AnswerError as error:
                self.add_error(question.id, words_of(error))
        return data

    @property
    def raw(self) -> dict[str, Raw]:
        """What was typed, by question, for the action."""
        return {q.id: self.cleaned_data.get(q.id) or "" for q in self.questions}

    @property
    def rows(self) -> list[tuple[Question, forms.BoundField]]:
        """Each question with its field, for the page."""
        return [(question, self[question.id]) for question in self.questions]


def words_of(error: AnswerError) -> str:
    """What is wrong, in the language of the page, with numbers as they are written in it."""
    values = {name: localize(value) for name, value in error.values.items()}
    return gettext(error.template).format(**values)


def typed(answer: Answer) -> Any:
    """An answer as it would be typed again: the value of its form field."""
    if isinstance(answer, bool):
        return "yes" if answer else "no"
    if isinstance(answer, Decimal):
        return f"{answer.normalize():f}"
    return list(answer) if isinstance(answer, tuple) else answer


def choices_of(question: Question) -> list[tuple[str, str]]:
    """What can be chosen, with its words; a scale has words only at its ends."""
    if question.kind == "scale" and question.minimum is not None and question.maximum is not None:
        ends = {question.minimum: question.low_label, question.maximum: question.high_label}
        steps = range(int(question.minimum), int(question.maximum) + 1)
        return [(str(step), ends.get(Decimal(step), "")) for step in steps]
    if question.kind == "yes_no":
        return [("yes", gettext("Yes")), ("no", gettext("No"))]
    return list(question.options)


def _field(question: Question) -> forms.Field:
    return forms.Field(
        label=question.text,
        help_text=question.help,
        required=False,
        widget=_widget(question),
    )


def _widget(question: Question) -> forms.Widget:
    if question.kind == "choices":
        return forms.CheckboxSelectMultiple(choices=choices_of(question))
    if question.kind in ("scale", "choice", "yes_no"):
        return forms.RadioSelect(choices=choices_of(question))
    if question.kind == "date":
        return forms.DateInput(attrs={"type": "date"})
    if question.kind == "number":
        return forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"})
    return forms.TextInput(attrs={"autocomplete": "off", "maxlength": 200})

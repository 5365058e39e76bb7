"""Scores beside the six signs, and typing one in that is shown and never judged by."""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from itertools import groupby
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from enthesis import records
from enthesis.clinic import store
from enthesis.clinic.actions import typed_scores as actions
from enthesis.clinic.models import Course, TypedScore
from enthesis.clinic.pages import attempt, patient_banner
from enthesis.clinic.permissions import StaffRequest, get_for, page
from enthesis.clinic.timeline import day
from enthesis.journey import follow
from enthesis.knowledge.kinds import Knowledge, Measure


class ScoreForm(forms.Form):
    instrument = forms.CharField(
        label="Questionnaire",
        max_length=60,
        help_text="With its version, such as: ODI 2.1a, WOMAC total.",
    )
    on = forms.DateField(label="Given on", widget=forms.DateInput({"type": "date"}, "%Y-%m-%d"))
    score = forms.DecimalField(label="Score", max_digits=7, decimal_places=2)
    lowest = forms.DecimalField(label="Lowest possible", max_digits=7, decimal_places=2)
    highest = forms.DecimalField(label="Highest possible", max_digits=7, decimal_places=2)
    better = forms.ChoiceField(
        label="Which way is better", choices=TypedScore.Better.choices, widget=forms.RadioSelect
    )


@dataclass(frozen=True)
class Line:
    """One score over the course, in words."""

    name: str
    scale: str
    values: str
    counts: str


@require_http_methods(["GET", "HEAD", "POST"])
def add_typed_score(request: StaffRequest, course_id: int) -> HttpResponse:
    """Type in one score; the scale of the last one is filled in."""
    course = get_for(request.user, Course, course_id)
    last = course.typed_scores.order_by("-at").first()
    initial: dict[str, Any] = {"on": store.today(request.clinic)}
    if last:
        initial |= {name: getattr(last, name) for name in ("instrument", "better")}
        initial |= {name: number(getattr(last, name)) for name in ("lowest", "highest")}
    form = ScoreForm(request.POST if request.method == "POST" else None, initial=initial)
    if request.method == "POST" and form.is_valid():
        new = actions.NewScore(**form.cleaned_data)
        if attempt(form, actions.add_typed_score, request.user, course.pk, new):
            messages.success(request, "The score was recorded.")
            return redirect("course", course.pk)
    context = {
        "form": form,
        "course": course,
        "patient": patient_banner(course.patient, store.today(request.clinic)),
    }
    status = 422 if form.errors else 200
    return render(request, "clinic/course/add_typed_score.html", context, status=status)


def supporting_lines(row: Course, record: records.Course, known: Knowledge) -> list[Line]:
    """The measures that are none of the six signs, then the scores typed in."""
    measured = (_measured(m, record) for m in known.measures.values() if not m.sign)
    return [line for line in measured if line] + list(_typed(row))


def _measured(measure: Measure, record: records.Course) -> Line | None:
    found = follow.measure_readings(record, measure)
    given = [f"{number(round(r.value, 1))} on {day(r.on)}" for r in found if r.value is not None]
    if not given:
        return None
    better = "lower" if measure.higher_is == "worse" else "higher"
    scale = f"{number(measure.minimum)} to {number(measure.maximum)}, {better} is better"
    return Line(measure.name, scale, _first_and_last(given), _counts(measure))


def _counts(measure: Measure) -> str:
    if not measure.validated:
        return "Not validated."
    if measure.worthwhile is None:
        return "No change that counts is established."
    percent = f" or {number(measure.worthwhile_percent)} %" if measure.worthwhile_percent else ""
    return f"A change of {number(measure.worthwhile)}{percent} counts."


def _typed(row: Course) -> Iterator[Line]:
    for name, group in groupby(row.typed_scores.all(), key=lambda score: score.instrument):
        scores = list(group)
        one = scores[0]
        scale = f"{number(one.lowest)} to {number(one.highest)}, {one.get_better_display().lower()}"
        words = [f"{number(score.score)} on {day(score.on)}" for score in scores]
        yield Line(name, scale, _first_and_last(words), "Typed in by the clinic.")


def _first_and_last(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{words[0]}, then {words[-1]}"


def number(value: Decimal) -> str:
    """A number as people write it: two decimals at most, none that is needless."""
    return f"{value.quantize(Decimal('0.01')).normalize():f}"


urlpatterns = [
    page("courses/<int:course_id>/scores/add/", add_typed_score, "add_typed_score"),
]

"""The forms of one draft: the day, the checks, the vials, and a row for every place."""

import secrets
from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from django import forms

from enthesis.clinic.actions.before_needle import check_answers
from enthesis.clinic.actions.session_draft import How
from enthesis.clinic.models import Guidance, Session, SessionSite, User
from enthesis.clinic.pages.doses import ShortDecimal, SiteForm
from enthesis.clinic.pages.patients import Day, in_kg, weight_unit
from enthesis.clinic.permissions import roles_of
from enthesis.journey.before_needle import checks_for
from enthesis.journey.places import TENDER_MOST
from enthesis.knowledge.kinds import Knowledge
from enthesis.knowledge.kinds_session import DayCheck
from enthesis.records import CheckAnswer

SCORES = [(str(n), str(n)) for n in range(TENDER_MOST + 1)]
NONE_SEEN = "none"
HOW = ("guidance", "needle", "depth_mm", "injected_by", "usual_pain")


def score_field(label: str, empty: str, initial: int | None) -> forms.TypedChoiceField:
    """0 to 10; not asked is None."""
    return forms.TypedChoiceField(
        label=label,
        choices=[("", empty), *SCORES],
        coerce=int,
        empty_value=None,
        required=False,
        initial=initial,
    )


def who_field(label: str, empty: str, offered: Sequence[tuple[int, str]]) -> forms.TypedChoiceField:
    """A clinician of the clinic by id; None is the usual one."""
    return forms.TypedChoiceField(
        label=label,
        choices=[("", empty), *offered],
        coerce=int,
        empty_value=None,
        required=False,
    )


def clinicians(session: Session) -> list[tuple[int, str]]:
    """Who may have injected: the clinicians of the clinic."""
    rows = User.objects.filter(
        clinic=session.course.patient.clinic_id, role__in=roles_of("treat"), is_active=True
    )
    return [(row.pk, str(row)) for row in rows.order_by("display_name", "username")]


class SessionForm(forms.Form):
    """The day, the weight, the lot of every vial, the note."""

    version = forms.IntegerField(widget=forms.HiddenInput)
    editor = forms.CharField(widget=forms.HiddenInput, max_length=40, required=False)
    on = forms.DateField(label="Given on", widget=Day())
    weight_kg = ShortDecimal(label="Weight", max_digits=5, decimal_places=1, required=False)
    weight_unit = weight_unit()
    note = forms.CharField(
        label="Note", max_length=4000, required=False, widget=forms.Textarea({"rows": 4})
    )

    def __init__(
        self, session: Session, vials: dict[str, str], known: Knowledge, data: Any
    ) -> None:
        super().__init__(
            data,
            initial={
                "version": session.version,
                "editor": secrets.token_hex(8),
                "on": session.on,
                "weight_kg": session.weight_kg or _last_kg(session),
                "note": session.note,
            },
        )
        self._add_how(session)
        self._add_response(session, known)
        self.vials = vials
        self.limits = known.mixing
        for substance, words in vials.items():
            self.fields[f"lot_{substance}"] = forms.CharField(
                label=f"Lot of {words[0].lower()}{words[1:]}",
                max_length=40,
                required=False,
                widget=forms.TextInput({"list": f"lots-{substance}", "autocomplete": "off"}),
            )
            self.initial[f"lot_{substance}"] = session.lots.get(substance, "")

    def _add_how(self, session: Session) -> None:
        self.fields["guidance"] = forms.ChoiceField(
            label="Guidance",
            choices=[("", "Not recorded"), *Guidance.choices],
            required=False,
            initial=session.guidance,
        )
        self.fields["needle"] = forms.CharField(
            label="Needle", max_length=60, required=False, initial=session.needle
        )
        self.fields["injected_by"] = who_field("Injected by", "Whoever signs", clinicians(session))
        self.initial["injected_by"] = session.injected_by_id

    def _add_response(self, session: Session, known: Knowledge) -> None:
        for name, label in (("pain_before", "Pain before"), ("pain_after", "Pain right after")):
            field = score_field(f"{label}, 0 to {TENDER_MOST}", "Not asked", getattr(session, name))
            self.fields[name] = field
        named = [(one.id, one.name) for one in known.complications.values()]
        self.fields["complications"] = forms.MultipleChoiceField(
            label="Complications",
            choices=[(NONE_SEEN, "None seen"), *named],
            widget=forms.CheckboxSelectMultiple,
            required=False,
            initial=session.complications,
        )

    def clean_complications(self) -> tuple[str, ...]:
        """None seen, or what was seen; neither is unknown."""
        seen: list[str] = self.cleaned_data["complications"]
        if NONE_SEEN in seen and len(seen) > 1:
            raise forms.ValidationError("None was seen, or these were: take one of them out.")
        return tuple(seen)

    def everywhere(self) -> How:
        """How it was given, unless a place says otherwise (valid)."""
        data = self.cleaned_data
        return How(data["guidance"], data["needle"].strip(), data["injected_by"])

    def clean(self) -> dict[str, Any]:
        """A weight that can be one: a slip of the finger must not raise the ceiling."""
        data = super().clean() or {}
        typed: Decimal | None = data.get("weight_kg")
        if typed is not None:
            least, most = self.limits.weight_kg_min, self.limits.weight_kg_max
            data["weight_kg"] = weight = in_kg(typed, data.get("weight_unit", ""))
            if not least <= weight <= most:
                told = "" if weight == typed else f" {typed} lb are {weight} kg."
                self.add_error("weight_kg", f"Must be between {least} and {most} kg.{told}")
        return data

    def lots(self) -> dict[str, str]:
        """Substance to lot, where one was written."""
        written = {name: self.cleaned_data[f"lot_{name}"] for name in self.vials}
        return {name: lot for name, lot in written.items() if lot}


def _last_kg(session: Session) -> Decimal | None:
    """A draft begun before the patient was weighed takes the weight that was measured since."""
    last = session.course.patient.weights.last()
    return last.kg if last else None


class ChecksForm(forms.Form):
    """The checks of the day, asked in groups: one tick says that all of a group were asked and are
    as they should be, but for those that are marked; what is not ticked or marked is unknown."""

    def __init__(self, session: Session, known: Knowledge, data: Any, today: date) -> None:
        super().__init__(data, prefix="check")
        answers = check_answers(session)
        # What was asked on an earlier day is asked again.
        answers = {id: a for id, a in answers.items() if a.asked_on >= session.on}
        self.groups: dict[str, list[DayCheck]] = {}
        for check in checks_for(session.course.patient.sex, known):
            self.groups.setdefault(check.group, []).append(check)
        for number, (name, checks) in enumerate(self.groups.items(), start=1):
            asked = [answers[check.id].asked_on for check in checks if check.id in answers]
            done = len(asked) == len(checks)
            words = "All asked, and as they should be"
            self._add(f"all_{number}", forms.BooleanField(label=f"{words}: {name}"), done)
            self._add(
                f"on_{number}", forms.DateField(widget=forms.HiddenInput), min(asked, default=today)
            )
            for check in checks:
                answer = answers.get(check.id)
                bad = answer is not None and not answer.as_it_should_be
                self._add(f"no_{check.id}", forms.BooleanField(label="Not so"), bad)
                why = forms.CharField(label="Set aside, because", max_length=300)
                self._add(f"why_{check.id}", why, answer.set_aside if answer else "")
        self.today = today

    def _add(self, name: str, field: forms.Field, initial: object) -> None:
        field.required, field.initial = False, initial
        self.fields[name] = field

    def answers(self) -> dict[str, CheckAnswer]:
        """What is ticked and marked (valid); unknown is left out."""
        found = {}
        for number, checks in enumerate(self.groups.values(), start=1):
            asked_on = min(self.cleaned_data[f"on_{number}"] or self.today, self.today)
            for check in checks:
                if self.cleaned_data[f"no_{check.id}"]:
                    why = self.cleaned_data[f"why_{check.id}"].strip()
                    found[check.id] = CheckAnswer(False, asked_on, why)
                elif self.cleaned_data[f"all_{number}"]:
                    found[check.id] = CheckAnswer(True, asked_on)
        return found

    def rows(self, facts: Mapping[str, str]) -> list[dict[str, Any]]:
        """The groups as the page shows them, each question with what the record holds on it."""
        return [
            {
                "name": name,
                "all": self[f"all_{number}"],
                "on": self[f"on_{number}"],
                "count": len(checks),
                "marked": any(self[f"no_{check.id}"].value() for check in checks),
                "checks": [
                    {
                        "check": check,
                        "fact": facts.get(check.fact, ""),
                        "no": self[f"no_{check.id}"],
                        "why": self[f"why_{check.id}"],
                    }
                    for check in checks
                ],
            }
            for number, (name, checks) in enumerate(self.groups.items(), start=1)
        ]


class RecordedSiteForm(SiteForm):
    """A row with what was felt and how it was given; empty: not asked, or as everywhere."""

    def __init__(
        self,
        score: int | None,
        row: SessionSite | None,
        offered: Sequence[tuple[int, str]],
        *args: Any,
    ) -> None:
        super().__init__(*args)
        self.fields["tender"] = score_field(
            f"Tenderness at {self.name}, 0 to {TENDER_MOST}", "Tender?", score
        )
        self.fields["usual_pain"] = forms.ChoiceField(
            label="Woke the usual pain",
            choices=[("", "Not asked"), ("yes", "Yes"), ("no", "No")],
        )
        self.fields["guidance"] = forms.ChoiceField(
            label="Guidance", choices=[("", "As everywhere"), *Guidance.choices]
        )
        self.fields["needle"] = forms.CharField(label="Needle", max_length=60)
        self.fields["depth_mm"] = forms.IntegerField(
            label="Depth", min_value=1, max_value=self.depth_mm_max
        )
        self.fields["injected_by"] = who_field("Injected by", "As everywhere", offered)
        for name in HOW:
            self.fields[name].required = False
            self.fields[name].initial = getattr(row, name, None)
        self.fields["injected_by"].initial = row.injected_by_id if row else None

    @property
    def key(self) -> str:
        """ "site:side", as in the row's hidden field."""
        return f"{self.place.site}:{self.place.side}"

    @property
    def how_fields(self) -> list[forms.BoundField]:
        """What is rarely different from one place to the next."""
        return [self[name] for name in HOW]

    @property
    def how_words(self) -> str:
        """What is different here, in one line; empty where nothing is."""
        told = [str(self["guidance"].value() or ""), str(self["needle"].value() or "")]
        if depth := self["depth_mm"].value():
            told.append(f"{depth}\u00a0mm deep")
        if usual := self["usual_pain"].value():
            told.append("usual pain" if usual == "yes" else "not the usual pain")
        return ", ".join(filter(None, told))

    def how(self) -> How:
        """The row's own words (valid)."""
        data = self.cleaned_data
        return How(
            data["guidance"],
            data["needle"].strip(),
            data["injected_by"],
            data["depth_mm"],
            data["usual_pain"],
        )


class AddSiteForm(forms.Form):
    """A place that was not planned."""

    place = forms.ChoiceField(label="Add a place", required=False)

    def __init__(self, places: Sequence[tuple[str, str]], data: Any) -> None:
        super().__init__(data, prefix="add")
        self.fields["place"].choices = [("", "Choose a place"), *places]  # type: ignore[attr-defined]

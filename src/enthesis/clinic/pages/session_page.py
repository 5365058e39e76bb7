"""All the forms of one draft together, made from what is saved or typed."""

from datetime import date
from typing import Any

from django import forms
from django.utils import timezone

from enthesis.clinic.actions import treat as actions
from enthesis.clinic.actions.session_draft import Draft
from enthesis.clinic.models import Session
from enthesis.clinic.pages.doses import MixtureForm, Place
from enthesis.clinic.pages.session_forms import (
    AddSiteForm,
    ChecksForm,
    RecordedSiteForm,
    SessionForm,
    clinicians,
)
from enthesis.clinic.pages.vials import offer_lots, typed_expiries
from enthesis.knowledge.kinds import Knowledge
from enthesis.records import Mixture, Side
from enthesis.shape import read


class SessionPage:
    """The forms of one draft, made from what is saved or typed."""

    def __init__(
        self, session: Session, known: Knowledge, data: Any = None, today: date | None = None
    ) -> None:
        self.session, self.known = session, known
        # The version that this page was made from, so that a save by somebody else is noticed.
        self.version = data.get("version", "") if data else session.version
        self.course = session.course
        self.condition = known.conditions[self.course.condition]
        self.saved_mixtures = read(tuple[Mixture, ...], session.mixtures)
        self.mixtures = [MixtureForm(mixture, known, data) for mixture in self.saved_mixtures]
        keys = [mixture.key for mixture in self.saved_mixtures]
        rows = {(row.site, row.side): row for row in session.sites.all()}
        offered = clinicians(session)
        self.sites = [
            RecordedSiteForm(
                session.site_scores.get(f"{place.site}:{place.side}"),
                rows.get((place.site, place.side.value)),
                offered,
                *(number, place, keys, known, data),
            )
            for number, place in enumerate(self._places(data), start=1)
        ]
        self.readable = all([form.is_valid() for form in self.mixtures]) if data else False
        self.form = SessionForm(session, actions.vials(self.now_mixed(), known), known, data)
        offer_lots(self.form, session, self.now_mixed(), known)
        self.checks = ChecksForm(session, known, data, today or timezone.localdate())
        self.add = AddSiteForm(self._not_listed(), data)

    def _places(self, data: Any) -> list[Place]:
        """The rows as saved; while typing those that stood on the page, and those added since."""
        saved = {
            (row.site, Side(row.side)): Place(
                row.site, Side(row.side), row.mixture, row.volume_ml, row.given
            )
            for row in self.session.sites.all()
        }
        if not data:
            return list(saved.values())
        last = self.saved_mixtures[-1].key
        typed = filter(None, map(self._named, dict.fromkeys(data.getlist("row"))))
        return [saved.get(at) or Place(*at, last, None, ticked=True) for at in typed]

    def _named(self, key: str) -> tuple[str, Side] | None:
        """A known place of this region by its key "site:side"."""
        return next((at for at in self._possible() if f"{at[0]}:{at[1]}" == key), None)

    def _possible(self) -> list[tuple[str, Side]]:
        return [
            (site.id, side)
            for site in self.known.sites.values()
            if site.region == self.condition.region and site.role == "target"
            for side in ((Side.LEFT, Side.RIGHT) if site.paired else (Side.MIDLINE,))
        ]

    def _not_listed(self) -> list[tuple[str, str]]:
        listed = {(form.place.site, form.place.side) for form in self.sites}
        return [
            (f"{site}:{side}", f"{self.known.sites[site].name}, {side.value}")
            for site, side in self._possible()
            if (site, side) not in listed
        ]

    def now_mixed(self) -> tuple[Mixture, ...]:
        """The mixtures as typed if they can be read, else as saved."""
        if self.readable:
            return tuple(form.mixture() for form in self.mixtures)
        return self.saved_mixtures

    @property
    def forms(self) -> list[forms.BaseForm]:
        """All of them, in the order of the page."""
        return [self.checks, self.form, *self.sites, *self.mixtures]

    def is_valid(self) -> bool:
        """Whether every form can be read; whether it may be signed is for the action."""
        return all([form.is_valid() for form in self.forms])

    def draft(self) -> Draft:
        """The session as typed (valid). A row without a volume was never given and is left out."""
        data = self.form.cleaned_data
        return Draft(
            on=data["on"],
            mixtures=self.now_mixed(),
            sites=tuple(
                (form.dose(), form.is_ticked)
                for form in self.sites
                if form.cleaned_data["volume_ml"] is not None
            ),
            weight_kg=data["weight_kg"],
            lots=self.form.lots(),
            expiries=typed_expiries(self.form),
            note=data["note"],
            site_scores={
                form.key: form.cleaned_data["tender"]
                for form in self.sites
                if form.cleaned_data["tender"] is not None
            },
            how={form.key: form.how() for form in self.sites},
            everywhere=self.form.everywhere(),
            checks=self.checks.answers(),
            complications=data["complications"],
            pain_before=data["pain_before"],
            pain_after=data["pain_after"],
        )

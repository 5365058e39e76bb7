"""From the tables to resources: each patient's, and those of the clinic as a whole."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from enthesis.clinic import models, store
from enthesis.clinic.api.narrow import KEY
from enthesis.clinic.api.table import TYPES
from enthesis.clinic.dossiers import card_of, dossiers
from enthesis.exchange.dossier import Dossier, Practitioner
from enthesis.exchange.fhir.clinic import organization_of
from enthesis.exchange.fhir.out import resources
from enthesis.exchange.fhir.person import patient_of, practitioner_of
from enthesis.exchange.fhir.plan_definition import plan_definitions
from enthesis.exchange.fhir.questionnaire import questionnaires

Resource = dict[str, Any]
Key = tuple[str, int, str]
CHUNK = 20


@dataclass(frozen=True, slots=True)
class Record:
    """Everything of one patient that is served, by reference ("Patient/patient-12")."""

    number: int
    patient: int
    resources: dict[str, Resource]

    def of(self, kind: str) -> list[Resource]:
        """Those of a type, in an order that stays when others are added."""
        found = [one for one in self.resources.values() if one["resourceType"] == kind]
        return sorted(found, key=lambda one: key_of(one["id"]))


def key_of(id: str) -> Key:
    """What ids are ordered by: a later row comes later."""
    found = KEY.fullmatch(id)
    if not found:
        return id, 0, ""
    return found[1], int(found[2]), id[found.end(2) :]


class Source:
    """The records of one clinic, as of now, during one request."""

    def __init__(self, clinic: models.Clinic, *, files: bool = False) -> None:
        self.clinic = clinic
        self.files = files
        self.known = store.known_for(clinic, store.today(clinic))

    def records(self, patients: Sequence[int], only_people: bool = False) -> Iterator[Record]:
        """The patients' records, by number; a few in memory at a time. `only_people`: the Patient
        alone, which takes a third of the time."""
        for start in range(0, len(patients), CHUNK):
            chunk = patients[start : start + CHUNK]
            for dossier in dossiers(self.clinic, chunk, files=self.files):
                yield self._record(dossier, only_people)

    def _record(self, dossier: Dossier, only_people: bool) -> Record:
        made = [patient_of(dossier.person)] if only_people else resources(dossier, self.known)
        found = {
            f"{one['resourceType']}/{one['id']}": one
            for one in made
            if one["resourceType"] in TYPES and not TYPES[one["resourceType"]].shared
        }
        return Record(dossier.person.number, key_of(dossier.person.key)[1], found)

    @cached_property
    def shared(self) -> dict[str, Resource]:
        """What is of the clinic as a whole, by reference."""
        staff = models.User.objects.filter(clinic=self.clinic).order_by("pk")
        found = [
            organization_of(card_of(self.clinic)),
            *(
                practitioner_of(Practitioner(f"user-{one.pk}", str(one), one.role, one.is_active))
                for one in staff
            ),
            *questionnaires(self.known),
            *plan_definitions(self.known),
        ]
        return {f"{one['resourceType']}/{one['id']}": one for one in found}

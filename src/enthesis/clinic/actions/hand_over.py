"""The patients of a clinic leave as a folder of FHIR: that each did is in the audit trail."""

from collections.abc import Callable, Collection, Generator, Iterable, Iterator
from contextlib import closing
from pathlib import Path

from django.db import transaction
from django.utils import timezone

from enthesis.clinic import bulk, store
from enthesis.clinic.actions.receive_rules import rules_of
from enthesis.clinic.dossiers import card_of, dossiers
from enthesis.clinic.models import AuditEvent, Clinic
from enthesis.clinic.snapshot import snapshot
from enthesis.exchange.fhir.clinic import organization_of
from enthesis.exchange.fhir.out import resources
from enthesis.exchange.fhir.plan_definition import plan_definitions
from enthesis.exchange.fhir.questionnaire import questionnaire_of
from enthesis.knowledge.kinds import Knowledge
from enthesis.shape import plain

BATCH = 500


def hand_over(
    clinic: Clinic,
    folder: Path,
    patients: Collection[int] | None = None,
    *,
    actor: str,
    progress: Callable[[int], None] = lambda done: None,
) -> bulk.Manifest:
    """Write a clinic's patients, or those with the given ids, into a new folder, as of one moment.

    The folder is there only once it is whole and each patient's leaving is audited. Raises
    BulkError for a folder that holds something, DossierError for a record that cannot leave.
    """
    known = store.known_for(clinic, store.today(clinic))
    left: list[int] = []

    def each() -> Generator[Iterable[bulk.Resource], None, None]:
        # It ends with the last patient: the audit that follows is written.
        with snapshot():
            for dossier in dossiers(clinic, patients, files=True):
                yield resources(dossier, known)
                left.append(int(dossier.person.key.rpartition("-")[2]))
                progress(len(left))

    rules = rules_of(clinic)
    shared = [organization_of(card_of(clinic)), *_definitions(known)]
    about = {"clinic": plain(rules)}
    with closing(each()) as patient_by_patient:
        return bulk.write(
            folder,
            patient_by_patient,
            about,
            timezone.now(),
            shared,
            lambda: _audit(clinic, left, actor),
        )


def _definitions(known: Knowledge) -> Iterator[bulk.Resource]:
    """What the answers and plans of patients refer to."""
    for one in known.questionnaires.values():
        yield questionnaire_of(one, known)
    yield from plan_definitions(known)


@transaction.atomic
def _audit(clinic: Clinic, left: list[int], actor: str) -> None:
    for start in range(0, len(left), BATCH):
        AuditEvent.objects.bulk_create(
            AuditEvent(
                clinic=clinic,
                actor=actor,
                action="hand_over",
                patient_id=pk,
                record="patient",
                record_id=pk,
            )
            for pk in left[start : start + BATCH]
        )

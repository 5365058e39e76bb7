"""The rules of the clinic that dossiers come from: taken over by a clinic without patients."""

import hashlib
import uuid
from collections.abc import Callable, Iterator, Mapping
from zoneinfo import available_timezones

from django.db import transaction

from enthesis.clinic import audit, models, store
from enthesis.exchange.clinic_rules import ClinicRules, OwnProtocolVersion
from enthesis.exchange.dossier import Practitioner
from enthesis.exchange.dossier_check import Problem
from enthesis.knowledge.load import originals
from enthesis.knowledge.series import Protocol
from enthesis.shape import ShapeError, read
from enthesis.units import Percent

TAKEN_OVER = ("time_zone", "finish_relief_percent", "stop_choice")
Welcome = Callable[[tuple[Practitioner, ...]], Mapping[str, models.User]]


def rules_of(clinic: models.Clinic) -> ClinicRules:
    """What a clinic's verdicts depend on beside its records."""
    rows = list(clinic.own_protocols.select_related("by"))
    finish = clinic.finish_relief_percent
    people = {row.by_id: row.by for row in rows}
    return ClinicRules(
        clinic.name,
        clinic.time_zone,
        clinic.currency,
        None if finish is None else Percent(finish),
        clinic.stop_choice,
        tuple({k: v for k, v in one.items() if k != "by"} for one in clinic.own_ceilings),
        tuple(
            OwnProtocolVersion(
                row.key,
                row.number,
                row.copied_from,
                row.copied_version,
                row.content,
                f"user-{row.by_id}",
                row.at,
                row.retired,
            )
            for row in rows
        ),
        _questionnaires(clinic),
        tuple(
            Practitioner(f"user-{pk}", str(user), user.role, user.is_active)
            for pk, user in sorted(people.items())
        ),
    )


def _questionnaires(clinic: models.Clinic) -> dict[str, str]:
    """Name and SHA-256 of each file of a questionnaire of the clinic's own."""
    paths = (path for folder in store.own_folders(clinic) for path in originals(folder))
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}


@transaction.atomic
def take_over(
    clinic: models.Clinic, theirs: ClinicRules, welcome: Welcome, actor: str
) -> tuple[list[Problem], list[str]]:
    """What keeps the records out, and what is otherwise here than there.

    A clinic that has no patient yet takes the rules over; any other keeps its own. Protocols are
    added to both. Must run in the transaction of the records.
    """
    problems, told = list(_unfit(clinic, theirs)), list[str]()
    if problems:
        return problems, told
    is_new = not models.Patient.objects.filter(clinic=clinic).exists()
    changed = {
        name: [_said(clinic, name), _said(theirs, name)]
        for name in TAKEN_OVER
        if getattr(clinic, name) != getattr(theirs, name)
    }
    ceilings = [dict(one) for one in theirs.own_ceilings if dict(one) not in _without_by(clinic)]
    if is_new and (changed or ceilings):
        for name in changed:
            setattr(clinic, name, getattr(theirs, name))
        clinic.own_ceilings = [*clinic.own_ceilings, *ceilings]
        clinic.version += 1
        clinic.save()
        detail = {**changed, "ceilings": len(ceilings)}
        audit.record(None, "receive_settings", clinic, detail=detail, by=actor)
    elif not is_new:
        told += [
            f"{name.replace('_', ' ')}: here {here or 'as usual'}, there {there or 'as usual'}"
            for name, (here, there) in changed.items()
        ]
        told += [f"the clinic's own ceiling of {one.get('name')} is not here" for one in ceilings]
    _add_protocols(clinic, theirs, welcome, actor)
    here = _questionnaires(clinic)
    told += [
        f"the questionnaire {name} of the clinic's own is not here"
        for name in theirs.questionnaires
        if name not in here
    ]
    return problems, told


def _said(of: object, name: str) -> str:
    value = getattr(of, name)
    return "" if value is None else str(value)


def _without_by(clinic: models.Clinic) -> list[dict[str, object]]:
    return [{k: v for k, v in one.items() if k != "by"} for one in clinic.own_ceilings]


def _unfit(clinic: models.Clinic, theirs: ClinicRules) -> Iterator[Problem]:
    if theirs.currency != clinic.currency:
        yield Problem(
            "the clinic",
            "settings",
            "currency",
            f"there it is {theirs.currency}, here {clinic.currency}, and one clinic keeps its "
            f"books in one. Begin a clinic with --currency {theirs.currency}.",
        )
    if theirs.time_zone not in available_timezones():
        yield Problem("the clinic", "settings", "time_zone", f"{theirs.time_zone!r} is none.")
    known = store.known_for(clinic, store.today(clinic))
    if theirs.stop_choice and theirs.stop_choice not in known.stop_choices:
        yield Problem(
            "the clinic", "settings", "stop_choice", f"{theirs.stop_choice!r} is not known here."
        )
    finish = theirs.finish_relief_percent
    if finish is not None and not 0 < finish <= 100:
        yield Problem("the clinic", "settings", "finish_relief_percent", "it is no share.")
    here = _questionnaires(clinic)
    for name, sha256 in theirs.questionnaires.items():
        if here.get(name, sha256) != sha256:
            yield Problem(
                "the clinic",
                "questionnaires",
                name,
                "the file here is another one, so its answers would be scored otherwise. Copy the "
                "one from there, or give one of the two another id and name.",
            )
    for one in theirs.protocols:
        yield from _protocol(clinic, one)


def _protocol(clinic: models.Clinic, one: OwnProtocolVersion) -> Iterator[Problem]:
    where = f"protocol {one.key}, version {one.number}"
    try:
        read(Protocol, one.content)
    except ShapeError as error:
        yield Problem("the clinic", where, error.path or "content", error.problem)
    same = clinic.own_protocols.filter(key=one.key, number=one.number).first()
    if same and same.content != dict(one.content):
        yield Problem(
            "the clinic",
            where,
            "content",
            "this clinic has another protocol of that key. Receive into a clinic of its own.",
        )


def _add_protocols(
    clinic: models.Clinic, theirs: ClinicRules, welcome: Welcome, actor: str
) -> None:
    here = set(clinic.own_protocols.values_list("key", "number"))
    new = [one for one in theirs.protocols if (one.key, one.number) not in here]
    if not new:
        return
    people = welcome(theirs.practitioners)
    for one in new:
        row = models.OwnProtocol(
            clinic=clinic,
            key=one.key,
            number=one.number,
            copied_from=one.copied_from,
            copied_version=one.copied_version,
            content=dict(one.content),
            retired=one.retired,
            by=people[one.by],
            at=one.at,
        )
        row.full_clean()
        row.save()
        audit.record(None, "receive", row, detail={"key": one.key}, by=actor)
    # What is known is kept by this stamp: every process reads the protocols anew.
    clinic.protocols_stamp = uuid.uuid4().hex
    clinic.save(update_fields=["protocols_stamp"])

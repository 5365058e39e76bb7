"""The clinic's own protocols: each change is a new version, and nothing is ever overwritten."""

import uuid
from dataclasses import replace
from datetime import date

from django.db import transaction
from django.http import Http404

from enthesis.clinic import audit, store
from enthesis.clinic.actions import EditConflict, Refused, hold_clinic, save
from enthesis.clinic.models import Clinic, OwnProtocol, User
from enthesis.clinic.permissions import rows_for
from enthesis.journey.plan import protocol_problems
from enthesis.knowledge.own_protocols import marked
from enthesis.knowledge.series import Protocol
from enthesis.shape import plain, read


@transaction.atomic
def copy_protocol(user: User, copied_id: str, edited: Protocol, today: date) -> OwnProtocol:
    """A protocol of the clinic's own, copied from one in use and changed.

    Refused where the rules of a protocol do not hold, or its name is taken.
    """
    clinic = hold_clinic(user)
    copied = store.known_for(clinic, today).protocols.get(copied_id)
    if copied is None:
        raise Refused("The protocol that you copied is no longer in use. Copy another one.")
    own = rows_for(user, OwnProtocol)
    # The copy of a copy is measured against what was published, as its first one was.
    first = own.filter(key=copied_id).first()
    root = (first.copied_from, first.copied_version) if first else (copied.id, copied.version)
    key = f"own_{clinic.pk}_{own.filter(number=1).count() + 1}"
    row = OwnProtocol(clinic=clinic, key=key, number=1, copied_from=root[0], copied_version=root[1])
    return _save(user, clinic, row, edited, today, "copy_protocol")


@transaction.atomic
def change_protocol(
    user: User, key: str, edited: Protocol, expected: int, today: date
) -> OwnProtocol:
    """The next version of an own protocol; one that was retired is in use again by it.

    EditConflict if its last version is no longer the `expected` one.
    """
    clinic = hold_clinic(user)
    last = _last(user, key, expected)
    return _save(user, clinic, _next(last, user), edited, today, "change_protocol")


@transaction.atomic
def retire_protocol(user: User, key: str, expected: int, today: date) -> OwnProtocol:
    """Offer it for no more plans; courses keep the version that they were agreed under."""
    clinic = hold_clinic(user)
    last = _last(user, key, expected)
    if last.retired:
        raise Refused("This protocol was retired already.")
    row = _next(last, user)
    row.retired = True
    # A version like any other, so that what was in use on a day can be told afterwards.
    content = {"version": str(row.number), "starts_on": today.isoformat()}
    row.content = last.content | content
    save(row)
    _tell(clinic)
    audit.record(user, "retire_protocol", row, detail={"name": row.content["name"]})
    return row


def _last(user: User, key: str, expected: int) -> OwnProtocol:
    last = rows_for(user, OwnProtocol).filter(key=key).last()
    if last is None:
        raise Http404(f"own protocol {key}")
    if last.number != expected:
        raise EditConflict(last)
    return last


def _next(last: OwnProtocol, user: User) -> OwnProtocol:
    return OwnProtocol(
        clinic=last.clinic,
        key=last.key,
        number=last.number + 1,
        copied_from=last.copied_from,
        copied_version=last.copied_version,
        by=user,
    )


def _save(
    user: User, clinic: Clinic, row: OwnProtocol, edited: Protocol, today: date, action: str
) -> OwnProtocol:
    known = store.known_for(clinic, today)
    root = known.protocol_versions[row.copied_from, row.copied_version]
    own = replace(
        edited, id=row.key, version=str(row.number), starts_on=today, condition=root.condition
    )
    if any(p.name == own.name and p.id != own.id for p in known.protocols.values()):
        raise Refused("Another protocol has this name: give it one of its own.", "name")
    if found := protocol_problems(own, known):
        raise Refused(" ".join(found))
    row.content, row.by = plain(marked(root, own, known)), user
    read(Protocol, row.content)  # what is kept can be read again
    save(row)
    _tell(clinic)
    audit.record(user, action, row, detail={"name": own.name, "version": own.version})
    return row


def _tell(clinic: Clinic) -> None:
    """What is known is kept by this stamp: every process reads the protocols anew."""
    clinic.protocols_stamp = uuid.uuid4().hex
    clinic.save(update_fields=["protocols_stamp"])

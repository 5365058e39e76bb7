"""Every write leaves an audit row, in the same transaction."""

import ast
import inspect
import re
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from types import FunctionType, ModuleType

import pytest
from django.db import transaction

import enthesis
from enthesis.clinic import actions, audit
from enthesis.clinic.models import AuditEvent, Patient, User

MODULES = [import_module(f"{actions.__name__}.{m.name}") for m in iter_modules(actions.__path__)]
WRITING = re.compile(r"\bsave\(|\.(create|bulk_create|update|bulk_update|delete)\(")
AUDITING = re.compile(r"audit\.record\(|AuditEvent\b")


def functions(module: ModuleType) -> dict[str, FunctionType]:
    """The functions written in a module."""
    found = inspect.getmembers(module, inspect.isfunction)
    return {name: f for name, f in found if f.__module__ == module.__name__}


def text_with_steps(name: str, sources: dict[str, str]) -> str:
    """The source of a function and of everything that it calls in its own module."""
    reached, waiting = {name}, [name]
    while waiting:
        words = {
            n.id for n in ast.walk(ast.parse(sources[waiting.pop()])) if isinstance(n, ast.Name)
        }
        fresh = (words & set(sources)) - reached
        reached |= fresh
        waiting += fresh
    return "\n".join(sources[n] for n in sorted(reached))


def unaudited(sources: dict[str, str]) -> list[str]:
    """Public functions that write, but not in a transaction or without an audit row."""
    problems = []
    for name in (n for n in sources if not n.startswith("_")):
        text = text_with_steps(name, sources)
        if WRITING.search(text) and not AUDITING.search(text):
            problems.append(f"{name} writes without an audit row")
        if WRITING.search(text) and "@transaction.atomic" not in text:
            problems.append(f"{name} writes outside a transaction")
    return problems


@pytest.mark.alike
@pytest.mark.parametrize("module", MODULES, ids=lambda m: m.__name__.rpartition(".")[2])
def test_every_action_that_writes_is_audited_in_its_transaction(module: ModuleType) -> None:
    sources = {name: inspect.getsource(f) for name, f in functions(module).items()}
    assert not unaudited(sources)


def test_it_finds_an_action_that_forgets() -> None:
    source = "@transaction.atomic\ndef add_thing(user):\n    return _keep(Thing())\n"
    step = "def _keep(row):\n    return save(row)\n"
    assert unaudited({"add_thing": source, "_keep": step}) == [
        "add_thing writes without an audit row"
    ]
    assert unaudited(
        {"_keep": step + "    audit.record(user, 'keep', row)", "add": "def add():\n _keep()"}
    ) == ["add writes outside a transaction"]


def changes(source: str) -> list[str]:
    """What changes or deletes rows by itself, and not by `actions.save`."""
    return sorted(
        ast.unparse(call.func)
        for call in ast.walk(ast.parse(source))
        if isinstance(call, ast.Call)
        and isinstance(call.func, ast.Attribute)
        and (
            call.func.attr in ("save", "delete", "bulk_update", "update_or_create")
            or (call.func.attr == "update" and call.keywords and not call.args)
        )
    )


@pytest.mark.alike
def test_rows_are_changed_past_save_in_these_places_only_and_none_is_of_the_books() -> None:
    """`save` refuses to change what is in the books; this list is read before it grows."""
    room = Path(enthesis.__file__).parent
    found = {
        path.stem: names
        for path in room.rglob("*.py")
        if "migrations" not in path.parts and (names := changes(path.read_text()))
    }
    assert found == {
        "__init__": ["row.save"],
        "api_tokens": ["ApiToken.objects.filter(pk=token.pk).update"],
        "calendar_feed": ["CalendarFeed.objects.filter(user=user, revoked_at=None).update"],
        "enquiry": ["marked.update", "row.save"],
        # Only what no time keeps any more; of the books only papers that carry a name, and openly.
        "erase": [
            "models.Plan.objects.filter(course__patient=patient).update",
            "models.Session.objects.filter(course__patient=patient).update",
            "one.update",
            "patient.courses.filter(closed_on=None).update",
            "patient.courses.update",
            "rows.delete",
        ],
        "judge": ["unread.update"],
        "open_sessions": [
            "Session.objects.filter(session_key=one.key).delete",
            "User.objects.filter(pk=row.pk).update",
        ],
        "outbox": [
            "Message.objects.filter(pk=message.pk).update",
            *["attempt.save"] * 2,
            *["message.save"] * 3,
        ],
        "protocols": ["clinic.save"],
        "receive": ["user.save"],
        "receive_rules": ["clinic.save", "clinic.save", "row.save"],
        "second_factor": [
            "SecondFactor.objects.filter(pk=row.pk, counter__lt=step).update",
            "SecondFactor.objects.filter(user=row, removed_at=None).update",
            "User.objects.filter(pk=row.pk).update",
            "_recovery(user).filter(secret=_hashed(user, code)).update",
            "_recovery(user).update",
            "fresh.update",
        ],
        # When somebody last clicked: a session of the browser, no record.
        "middleware": ["session.save"],
        # The keys of forms that were sent: none is a record.
        "sending": [
            "SentForm.objects.filter(at__lt=timezone.now() - KEPT).delete",
            "mine.filter(pk=sent.pk).delete",
            "mine.filter(pk=sent.pk).update",
        ],
        "sign_in": ["User.objects.filter(pk=user.pk).update"],
        "treat": ["session.delete", "session.sites.all().delete"],
    }
    forgets = "LedgerEntry.objects.update(amount=5)\nrow.entries.all().delete()\n{}.update(a)"
    assert changes(forgets) == ["LedgerEntry.objects.update", "row.entries.all().delete"]


def test_an_event_names_who_what_and_whose(clinician: User, make_course) -> None:
    course = make_course()
    event = audit.record(clinician, "change_thing", course, detail={"why": "test"})
    assert (event.user, event.actor, event.clinic) == (clinician, str(clinician), clinician.clinic)
    assert (event.record, event.record_id, event.patient) == ("course", course.pk, course.patient)


def test_what_a_patient_does_is_kept_under_the_patients_clinic(make_patient) -> None:
    patient = make_patient()
    event = audit.record(None, "answer", patient)
    assert (event.user, event.actor, event.clinic) == (None, "patient", patient.clinic)


@pytest.mark.django_db(transaction=True)
def test_it_refuses_to_record_outside_a_transaction() -> None:
    with pytest.raises(RuntimeError, match="outside a transaction"):
        audit.record(None, "answer", Patient())


@pytest.mark.django_db(transaction=True)
def test_a_write_that_fails_leaves_neither_record_nor_event(make_patient, clinician: User) -> None:
    patient = make_patient()

    def fail() -> None:
        with transaction.atomic():
            patient.phone = "1"
            patient.save()
            audit.record(clinician, "change_patient", patient)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert not AuditEvent.objects.exists()
    assert Patient.objects.get().phone != "1"

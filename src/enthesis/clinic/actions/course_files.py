"""Reports and letters kept with a course: never interpreted, read only as downloads."""

from datetime import date

from django.db import transaction

from enthesis.clinic import audit, store
from enthesis.clinic.actions import Refused, save
from enthesis.clinic.actions.kept_files import bytes_of, kept, mark_removed
from enthesis.clinic.models import Course, CourseFile, User
from enthesis.clinic.permissions import get_for
from enthesis.clinic.uploads import Checked, shown_name
from enthesis.knowledge.uploads import UploadRules


def attach_course_file(
    user: User, course_id: int, name: str, data: bytes, today: date
) -> CourseFile:
    """Keep a file and attach it; refused as an image of a session is."""
    course = get_for(user, Course, course_id)
    rules = store.known_for(course.patient.clinic, today).upload_rules
    _refuse_more(course, rules)
    found, sha256 = kept(data, rules)
    return _attach(user, course_id, name, found, sha256, rules)


@transaction.atomic
def _attach(
    user: User, course_id: int, name: str, found: Checked, sha256: str, rules: UploadRules
) -> CourseFile:
    course = get_for(user, Course, course_id, lock=True)
    _refuse_more(course, rules)
    row = save(
        CourseFile(
            course=course,
            name=shown_name(name, found.kind),
            content_type=found.kind.value,
            size_bytes=len(found.data),
            sha256=sha256,
            by=user,
        )
    )
    audit.record(user, "attach_course_file", row, detail={"sha256": sha256})
    return row


def _refuse_more(course: Course, rules: UploadRules) -> None:
    if course.files.filter(removed_at=None).count() >= rules.files_most:
        raise Refused(f"A course holds at most {rules.files_most} files, and so many are there.")


@transaction.atomic
def remove_course_file(user: User, file_id: int, because: str) -> CourseFile:
    """Take a file off, with a reason. The row and the bytes stay."""
    row = get_for(user, CourseFile, file_id, lock=True)
    mark_removed(row, user, because)
    save(row)
    audit.record(user, "remove_course_file", row, detail={"because": because})
    return row


def read_course_file(user: User, file_id: int) -> tuple[CourseFile, bytes]:
    """A file to look at; that it was looked at is kept too."""
    row = get_for(user, CourseFile, file_id)
    data = bytes_of(row)
    _note_reading(user, row)
    return row, data


@transaction.atomic
def _note_reading(user: User, row: CourseFile) -> None:
    audit.record(user, "read_course_file", row)

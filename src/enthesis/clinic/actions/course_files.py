"""Reports and letters kept with a course: never interpreted, read only as downloads."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from django.db import transaction

from enthesis.clinic import audit, store
from enthesis.clinic.actions import Refused, save
from enthesis.clinic.actions.kept_files import kept, mark_removed, read_kept
from enthesis.clinic.models import Course, CourseFile, User
from enthesis.clinic.permissions import get_for
from enthesis.knowledge.uploads import UploadRules


def attach_course_file(
    user: User, course_id: int, name: str, data: bytes, today: date
) -> CourseFile:
    """Keep a file and attach it; refused as an image of a session is."""
    course = get_for(user, Course, course_id)
    rules = store.known_for(course.patient.clinic, today).upload_rules
    _refuse_more(course, rules)
    return _attach(user, course_id, kept(name, data, rules), rules)


@transaction.atomic
def _attach(user: User, course_id: int, file: Mapping[str, Any], rules: UploadRules) -> CourseFile:
    course = get_for(user, Course, course_id, lock=True)
    _refuse_more(course, rules)
    row = save(CourseFile(course=course, by=user, **file))
    audit.record(user, "attach_course_file", row, detail={"sha256": row.sha256})
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
    """A file to look at (kept_files.read_kept)."""
    return read_kept(user, CourseFile, file_id, "read_course_file")

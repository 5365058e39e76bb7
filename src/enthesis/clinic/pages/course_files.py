"""The files kept with a course: what is attached, taken off with a reason, read as a download."""

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from enthesis.clinic import store
from enthesis.clinic.actions import course_files as actions
from enthesis.clinic.models import Course, CourseFile
from enthesis.clinic.pages import patient_banner
from enthesis.clinic.pages.images import download, take_off
from enthesis.clinic.permissions import StaffRequest, get_for, page


@require_safe
def course_files(request: StaffRequest, course_id: int) -> HttpResponse:
    """What is attached, and what was taken off."""
    course = get_for(request.user, Course, course_id)
    files = course.files.select_related("by", "removed_by")
    context = {
        "course": course,
        "patient": patient_banner(course.patient, store.today(request.clinic)),
        "files": files.filter(removed_at=None),
        "removed": files.exclude(removed_at=None),
    }
    return render(request, "clinic/evaluate/files.html", context)


@require_safe
def course_file(request: StaffRequest, file_id: int) -> HttpResponse:
    """One file to look at outside the browser: never shown as a page of ours."""
    return download(actions.read_course_file, request.user, file_id)


@require_POST
def remove_course_file(request: StaffRequest, file_id: int) -> HttpResponse:
    """Take one off, with a reason."""
    row = get_for(request.user, CourseFile, file_id)
    take_off(request, actions.remove_course_file, row)
    return redirect("course_files", row.course_id)


urlpatterns = [
    page("courses/<int:course_id>/files/", course_files, "course_files"),
    page("files/<int:file_id>/", course_file, "course_file"),
    page("files/<int:file_id>/remove/", remove_course_file, "remove_course_file"),
]

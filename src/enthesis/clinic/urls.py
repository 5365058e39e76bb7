"""Every address, by stage. Each row of a stage's `urlpatterns` also says who may open it."""

from importlib import import_module
from importlib.util import find_spec

from django.urls import include, path

STAGES = [
    "sign_in",
    "today",
    "patients",
    "evaluate",
    "plan",
    "treat",
    "course",
    "ask",
    "answer",
    "pay",
    "settings",
]
urlpatterns = [
    path("", include(import_module(f"enthesis.clinic.pages.{stage}")))
    for stage in STAGES
    if find_spec(f"enthesis.clinic.pages.{stage}")
]

handler400 = "enthesis.clinic.errors.wrong_request"
handler403 = "enthesis.clinic.errors.forbidden"
handler404 = "enthesis.clinic.errors.not_found"
handler500 = "enthesis.clinic.errors.failed"

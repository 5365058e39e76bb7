"""The one Django app."""

from django.apps import AppConfig


class ClinicConfig(AppConfig):
    name = "enthesis.clinic"
    label = "clinic"
    default_auto_field = "django.db.models.BigAutoField"

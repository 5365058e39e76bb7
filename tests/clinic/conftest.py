"""A small clinic for tests with the database: two clinics, three roles, patients on demand."""

from tests.clinic_fixtures import *  # noqa: F403

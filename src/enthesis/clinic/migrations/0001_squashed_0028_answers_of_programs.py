"""A new database takes the first 28 steps at once: every table as they leave it.

What they leave is asked of the steps themselves, so that nothing is written twice and the two ways
cannot differ. A database that took some of the steps takes the rest of them one by one.
"""

from importlib import import_module
from pathlib import Path

from django.db import migrations
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState

from enthesis.clinic.chain import guard, unguard

LAST = "0028_answers_of_programs"
NAMES = sorted(
    file.stem
    for file in Path(__file__).parent.glob("0*.py")
    if file.stem <= LAST and "_squashed_" not in file.stem
)
STEPS = [import_module(f"{__package__}.{name}").Migration(name, "clinic") for name in NAMES]


class CreateTables(Operation):
    """All tables of a state. CreateModel for each would build every other model anew each time."""

    def __init__(self, left):
        self.left = left

    def state_forwards(self, app_label, state):
        state.__dict__.pop("apps", None)  # built when it is asked for, once
        for model in self.left:
            state.add_model(model.clone())

    def database_forwards(self, app_label, schema_editor, from_state, to_state):
        for model in self.left:
            schema_editor.create_model(to_state.apps.get_model(app_label, model.name))

    def database_backwards(self, app_label, schema_editor, from_state, to_state):
        for model in reversed(self.left):
            schema_editor.delete_model(from_state.apps.get_model(app_label, model.name))

    def describe(self):
        return "Create all tables"


def what_they_leave():
    state = ProjectState()
    for step in STEPS:
        state = step.mutate_state(state, preserve=False)
    return list(state.models.values())


def watch(apps, schema_editor):
    guard(schema_editor.connection)


def leave(apps, schema_editor):
    unguard(schema_editor.connection)


class Migration(migrations.Migration):
    initial = True
    replaces = [("clinic", name) for name in NAMES]
    dependencies = STEPS[0].dependencies
    operations = [CreateTables(what_they_leave()), migrations.RunPython(watch, leave)]

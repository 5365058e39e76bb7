"""SQLite's REPLACE changed a row of the trails past the triggers (verify-audit found it)."""

from django.db import migrations

from enthesis.clinic.chain import guard, unguard


def watch(apps, schema_editor):
    unguard(schema_editor.connection)
    guard(schema_editor.connection)


class Migration(migrations.Migration):

    dependencies = [
        ('clinic', '0030_sent_forms'),
    ]

    operations = [migrations.RunPython(watch, migrations.RunPython.noop)]

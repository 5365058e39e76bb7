import uuid

import django.core.validators
import django.db.models.deletion
from django.db import migrations, models


def name_each(apps, schema_editor):
    """A name of its own for every appointment that stands already."""
    rows = apps.get_model("clinic", "Appointment").objects
    for row in rows.only("pk").iterator():
        rows.filter(pk=row.pk).update(uid=uuid.uuid4())


class Migration(migrations.Migration):

    dependencies = [
        ("clinic", "0010_stock"),
    ]

    operations = [
        migrations.AddField(
            model_name="clinic",
            name="opening_hours",
            field=models.JSONField(blank=True, default=list),
        ),
        migrations.AddField(
            model_name="clinic",
            name="closed_days",
            field=models.JSONField(blank=True, default=list),
        ),
        migrations.CreateModel(
            name="Room",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=60, validators=[django.core.validators.ProhibitNullCharactersValidator()])),
                ("is_active", models.BooleanField(default=True)),
                ("clinic", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="rooms", to="clinic.clinic")),
            ],
            options={"ordering": ["name", "id"]},
        ),
        migrations.AddConstraint(
            model_name="room",
            constraint=models.UniqueConstraint(
                fields=("clinic", "name"),
                name="room_name_once",
                violation_error_message="There is a room of this name already.",
            ),
        ),
        migrations.AddField(
            model_name="appointment",
            name="room",
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name="appointments", to="clinic.room"),
        ),
        migrations.AddField(
            model_name="appointment",
            name="uid",
            field=models.UUIDField(default=uuid.uuid4, editable=False, null=True),
        ),
        migrations.RunPython(name_each, migrations.RunPython.noop),
        migrations.AlterField(
            model_name="appointment",
            name="uid",
            field=models.UUIDField(default=uuid.uuid4, editable=False, unique=True),
        ),
        migrations.AddConstraint(
            model_name="appointment",
            constraint=models.UniqueConstraint(
                condition=models.Q(("state", "booked")),
                fields=("room", "starts_at"),
                name="room_booked_once",
            ),
        ),
    ]

"""The audit trails: reads too, each row bound to the one before, and never changed again."""

import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models

import enthesis.clinic.chain
from enthesis.clinic.chain import bind, content_of, guard, unguard

BATCH = 1000
BOUND = [
    ("content_sha256", enthesis.clinic.chain.ContentHash(editable=False, max_length=64)),
    ("place", models.BigIntegerField(editable=False, null=True, unique=True)),
    ("digest", models.CharField(default="", editable=False, max_length=64)),
]


def bind_what_is_there(apps, schema_editor):
    events = apps.get_model("clinic", "AuditEvent")
    place, digest, batch = 0, "", []
    for row in events.objects.order_by("id").iterator(BATCH):
        row.content_sha256 = content_of(row)
        place, digest = place + 1, bind(digest, row.content_sha256)
        row.place, row.digest = place, digest
        batch.append(row)
        if len(batch) == BATCH:
            events.objects.bulk_update(batch, ["content_sha256", "place", "digest"])
            batch = []
    events.objects.bulk_update(batch, ["content_sha256", "place", "digest"])


def watch(apps, schema_editor):
    guard(schema_editor.connection)


def leave(apps, schema_editor):
    unguard(schema_editor.connection)


class Migration(migrations.Migration):
    dependencies = [("clinic", "0022_card")]

    operations = [
        migrations.AddField("auditevent", "content_sha256", models.CharField(default="", editable=False, max_length=64)),
        migrations.AddField("auditevent", "place", BOUND[1][1]),
        migrations.AddField("auditevent", "digest", BOUND[2][1]),
        migrations.CreateModel(
            name="AccessEvent",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                *BOUND,
                ("at", models.DateTimeField(default=django.utils.timezone.now)),
                ("actor", models.CharField(max_length=120)),
                ("what", models.CharField(max_length=60)),
                ("address", models.CharField(blank=True, default="", max_length=45)),
                ("clinic", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to="clinic.clinic")),
                ("patient", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="accesses", to="clinic.patient")),
                ("user", models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, to=settings.AUTH_USER_MODEL)),
            ],
            options={"ordering": ["id"], "abstract": False},
        ),
        migrations.RunPython(bind_what_is_there, migrations.RunPython.noop, elidable=False),
        migrations.AlterField("auditevent", "content_sha256", BOUND[0][1]),
        migrations.RunPython(watch, leave),
    ]

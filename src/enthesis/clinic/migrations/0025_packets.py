"""The ledger of the packets that were made for other clinics."""

import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [("clinic", "0024_calendar_feed")]

    operations = [
        migrations.CreateModel(
            name="PacketRelease",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("day", models.DateField()),
                ("cut", models.CharField(max_length=64)),
                ("sha256", models.CharField(max_length=64)),
                ("threshold", models.PositiveSmallIntegerField()),
                ("content", models.TextField()),
                ("cells", models.BinaryField()),
                ("at", models.DateTimeField(default=django.utils.timezone.now)),
                ("by", models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL)),
                ("clinic", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="packets", to="clinic.clinic")),
            ],
            options={"ordering": ["id"]},
        ),
    ]

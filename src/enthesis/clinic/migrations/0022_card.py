"""Card payments online: a method of their own, and what could not be entered."""

import django.core.validators
import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models

METHODS = [("cash", "Cash"), ("card", "Card terminal"), ("transfer", "Bank transfer"), ("online", "Card online")]


class Migration(migrations.Migration):

    dependencies = [("clinic", "0021_ledger")]

    operations = [
        migrations.AlterField(
            model_name="ledgerentry",
            name="method",
            field=models.CharField(blank=True, choices=METHODS, default="", max_length=10),
        ),
        migrations.CreateModel(
            name="CardProblem",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("payment", models.CharField(max_length=255, unique=True)),
                ("said", models.CharField(max_length=60)),
                ("why", models.CharField(max_length=300)),
                ("at", models.DateTimeField(default=django.utils.timezone.now)),
                ("settled_at", models.DateTimeField(blank=True, null=True)),
                ("note", models.CharField(blank=True, default="", max_length=300, validators=[django.core.validators.ProhibitNullCharactersValidator()])),
                ("clinic", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="card_problems", to="clinic.clinic")),
                ("invoice", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to="clinic.invoice")),
                ("settled_by", models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, to=settings.AUTH_USER_MODEL)),
            ],
            options={"ordering": ["id"]},
        ),
    ]

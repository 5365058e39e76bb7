"""Payments become entries of the ledger: the rows stay, and get their course and receipt number."""

from itertools import count

import django.core.validators
import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models

METHODS = [("cash", "Cash"), ("card", "Card terminal"), ("transfer", "Bank transfer")]
KINDS = [
    ("payment", "Payment"),
    ("deposit", "Deposit"),
    ("series", "Prepaid series"),
    ("deposit_used", "Paid from the deposit"),
    ("session_used", "Paid from the prepaid series"),
    ("credit_note", "Credit note"),
    ("refund", "Refund"),
    ("deposit_back", "Deposit given back"),
    ("unused_back", "Unused sessions given back"),
    ("taken_back", "Payment taken back"),
]


def to_entries(apps, schema_editor):
    """Each payment is numbered in the order in which it was recorded, within its clinic."""
    entries = apps.get_model("clinic", "LedgerEntry")
    numbers = {}
    for row in entries.objects.select_related("invoice").order_by("id").iterator(1000):
        row.clinic_id, row.course_id = row.invoice.clinic_id, row.invoice.course_id
        row.currency = row.invoice.currency
        row.number = next(numbers.setdefault(row.clinic_id, count(1)))
        row.save(update_fields=["clinic", "course", "currency", "number"])
    # PostgreSQL alters no table that still has a foreign key to look at.
    schema_editor.connection.check_constraints()


class Migration(migrations.Migration):

    dependencies = [("clinic", "0020_estimate")]

    operations = [
        migrations.RemoveConstraint(model_name="payment", name="payment_amount_positive"),
        migrations.RenameModel(old_name="Payment", new_name="LedgerEntry"),
        migrations.RenameField(model_name="ledgerentry", old_name="paid_on", new_name="on"),
        migrations.AlterModelOptions(name="ledgerentry", options={"ordering": ["id"]}),
        *(
            migrations.AddField(model_name="ledgerentry", name=name, field=field)
            for name, field in {
                "clinic": models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, to="clinic.clinic"),
                "course": models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name="entries", to="clinic.course"),
                "kind": models.CharField(choices=KINDS, default="payment", max_length=20),
                "paper": models.CharField(default="receipt", max_length=20),
                "number": models.PositiveIntegerField(default=0),
                "currency": models.CharField(default="USD", max_length=3),
                "about": models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name="later", to="clinic.ledgerentry"),
                "sessions": models.PositiveSmallIntegerField(default=0),
                "reason": models.CharField(blank=True, default="", max_length=300, validators=[django.core.validators.ProhibitNullCharactersValidator()]),
                "at": models.DateTimeField(default=django.utils.timezone.now),
            }.items()
        ),
        migrations.AlterField(
            model_name="ledgerentry",
            name="invoice",
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name="entries", to="clinic.invoice"),
        ),
        migrations.AlterField(
            model_name="ledgerentry",
            name="method",
            field=models.CharField(blank=True, choices=METHODS, default="", max_length=10),
        ),
        migrations.RunPython(to_entries, elidable=False),
        *(
            migrations.AlterField(model_name="ledgerentry", name=name, field=field)
            for name, field in {
                "clinic": models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to="clinic.clinic"),
                "course": models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="entries", to="clinic.course"),
                "kind": models.CharField(choices=KINDS, max_length=20),
                "paper": models.CharField(max_length=20),
                "number": models.PositiveIntegerField(),
                "currency": models.CharField(max_length=3),
            }.items()
        ),
        migrations.AddIndex(
            model_name="ledgerentry",
            index=models.Index(fields=["clinic", "on"], name="ledger_day"),
        ),
        migrations.AddConstraint(
            model_name="ledgerentry",
            constraint=models.CheckConstraint(condition=models.Q(("amount__gt", 0)), name="ledger_amount_positive"),
        ),
        migrations.AddConstraint(
            model_name="ledgerentry",
            constraint=models.UniqueConstraint(fields=("clinic", "paper", "number"), name="ledger_number_once"),
        ),
        migrations.CreateModel(
            name="Arrangement",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("agreed_on", models.DateField()),
                ("currency", models.CharField(max_length=3)),
                ("parts", models.JSONField()),
                ("request_key", models.CharField(max_length=40, unique=True)),
                ("at", models.DateTimeField(default=django.utils.timezone.now)),
                ("by", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to=settings.AUTH_USER_MODEL)),
                ("course", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="arrangements", to="clinic.course")),
            ],
            options={"ordering": ["id"]},
        ),
        migrations.AddField(
            model_name="invoice",
            name="arranged",
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name="invoices", to="clinic.arrangement"),
        ),
        migrations.AddField(
            model_name="invoice",
            name="parts",
            field=models.JSONField(blank=True, default=list),
        ),
        migrations.CreateModel(
            name="DayClose",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("on", models.DateField()),
                ("currency", models.CharField(max_length=3)),
                ("expected", models.JSONField()),
                ("counted", models.JSONField()),
                ("note", models.CharField(blank=True, default="", max_length=300, validators=[django.core.validators.ProhibitNullCharactersValidator()])),
                ("at", models.DateTimeField(default=django.utils.timezone.now)),
                ("by", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to=settings.AUTH_USER_MODEL)),
                ("clinic", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="closes", to="clinic.clinic")),
            ],
            options={
                "ordering": ["on"],
                "constraints": [models.UniqueConstraint(fields=("clinic", "on"), name="day_closed_once", violation_error_message="This day is closed already.")],
            },
        ),
    ]

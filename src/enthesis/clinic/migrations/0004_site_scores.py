from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('clinic', '0003_patient_language'),
    ]

    operations = [
        migrations.AddField(
            model_name='session',
            name='site_scores',
            field=models.JSONField(blank=True, default=dict),
        ),
    ]

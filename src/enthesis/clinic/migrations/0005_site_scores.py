from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('clinic', '0004_typed_scores'),
    ]

    operations = [
        migrations.AddField(
            model_name='session',
            name='site_scores',
            field=models.JSONField(blank=True, default=dict),
        ),
    ]

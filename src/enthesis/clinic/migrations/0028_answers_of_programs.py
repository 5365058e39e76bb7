"""By which the answers of another program are known again."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('clinic', '0027_second_factor'),
    ]

    operations = [
        migrations.AddField(
            model_name='assessment',
            name='request_key',
            field=models.CharField(editable=False, max_length=40, null=True, unique=True),
        ),
    ]

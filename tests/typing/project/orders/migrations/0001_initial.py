"""The first table, and a row nobody is to hear of."""

from __future__ import annotations

from django.apps.registry import Apps
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

from dekaf.contrib.django import suppress
from orders.topics import orders


def announce_nothing(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    with suppress() as suppressed:
        orders().fire("0", None)
    assert suppressed.count == 1


class Migration(migrations.Migration):
    initial = True
    dependencies = []
    operations = [
        migrations.CreateModel(
            name="Order",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("customer", models.CharField(max_length=100)),
                ("status", models.CharField(default="placed", max_length=10)),
            ],
        ),
        migrations.RunPython(announce_nothing, migrations.RunPython.noop),
    ]

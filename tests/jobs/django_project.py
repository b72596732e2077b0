"""A Django project with Django-Q2, whose queue is in its database."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import django
from django.conf import settings

settings.configure(
    SECRET_KEY="for tests",
    INSTALLED_APPS=["django.contrib.contenttypes", "django_q", "dekaf.contrib.django"],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": str(Path(os.environ["FOLDER"]) / "q.db")}},
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    USE_TZ=True,
    Q_CLUSTER={"name": "tests", "workers": 2, "orm": "default", "poll": 0.1, "timeout": 20, "retry": 60},
    DEKAF={"bootstrap_servers": os.environ["SERVERS"], "linger_ms": 60_000, "close_timeout_ms": 5_000},
)
django.setup()

if __name__ == "__main__":
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)

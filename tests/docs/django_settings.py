"""The least a Django project needs; pages bring their own DEKAF and addresses."""

from __future__ import annotations

SECRET_KEY = "only for tests"
INSTALLED_APPS = ["dekaf.contrib.django"]
USE_TZ = True
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}
DEKAF = {"bootstrap_servers": "127.0.0.1:1"}
